package clone

import (
	"fmt"
	"maps"
	"slices"

	"ringer/capture/ipmi"
	"ringer/profiles"
)

// moving lists the sensors that moved and the power reading of DCMI. A sensor's record says what its bytes
// mean; without one, or where they are on no straight line, they cannot be compared.
func (l *ipmiLearner) moving() (all []*moving) {
	for _, name := range l.inside.order {
		c := l.inside.cells[name]
		h := l.s.beside.cells[c]
		t, data, ok, _ := profiles.ParseIPMICell(name)
		if h == nil || !ok {
			continue
		}
		m := &moving{cell: name, typ: "f64", typed: true, floats: true, width: 1, takes: []any{c}, every: h.every()}
		value := func(v uint64) (float64, bool) { return float64(v), true }
		switch {
		case t == ipmi.Target{NetFn: ipmi.Sensor, Cmd: 0x2d} && len(data) == 1:
			record := l.records.sensor(data[0])
			factors, ok := ipmi.ReadFactors(record)
			if !ok {
				continue
			}
			value = func(v uint64) (float64, bool) { return factors.Value(byte(v)) }
			_, _, m.said, _ = ipmi.ReadSensor(record)
			m.point = fmt.Sprintf("sensor-%d", data[0])
			m.place = func(_ *profiles.Device, section profiles.Section, ref profiles.PointRef) {
				s := section.(*profiles.IPMI)
				if s.Sensors == nil {
					s.Sensors = map[uint8]profiles.IPMISensor{}
				}
				s.Sensors[data[0]] = profiles.IPMISensor{Point: ref.String()}
			}
		case t.NetFn == ipmi.Group && t.Cmd == 0x02:
			m.point, m.typ, m.floats, m.width = "watts", "u16", false, 2
			m.place = func(_ *profiles.Device, section profiles.Section, ref profiles.PointRef) {
				section.(*profiles.IPMI).Watts = &profiles.IPMISensor{Point: ref.String()}
			}
		default:
			continue
		}
		for _, r := range h.readings() {
			v, ok := value(r.v)
			if !ok {
				break
			}
			m.at, m.v, m.last = append(m.at, r.at), append(m.v, v), v
		}
		if len(m.v) > 0 {
			all = append(all, m)
		}
	}
	return all
}

// sensor is the record of a sensor on the controller's first logical unit; nil: it was not read whole.
func (r *ipmiRecords) sensor(number byte) []byte {
	for _, id := range slices.Sorted(maps.Keys(r.sdr.records)) {
		m := r.sdr.records[id]
		if d := m.data; sdrSize(d) > 0 && m.whole(sdrSize(d)) && len(d) > 7 && d[5] == ipmi.BMCAddress && d[6]&3 == 0 && d[7] == number && (d[3] == sdrFull || d[3] == sdrCompact) {
			return d
		}
	}
	return nil
}
