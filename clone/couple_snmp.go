package clone

import (
	"fmt"
	"time"

	"ringer/capture/snmp"
	"ringer/profiles"
)

// hear takes a reading of a variable that moves.
func (l *snmpLearner) hear(n *snmpNode, v snmp.Value, at time.Time) {
	if n.trend == nil {
		return
	}
	if number, _, ok := snmpNumber(v.Type, v.Content()); ok {
		l.s.beside.heard(n, at, number)
	}
}

func (l *snmpLearner) moving() (all []*moving) {
	for n := range l.tree.all {
		h := l.s.beside.cells[n]
		if h == nil || n.written || n.track.Runs() == 0 {
			continue
		}
		oid := n.oid.String()
		m := &moving{cell: oid, point: fmt.Sprintf("snmp-%d-%s", l.s.Port.Number, oid), typ: "u32", typed: true, width: 4, takes: []any{n}, every: h.every()}
		bits := 32
		if last := n.track.Last().Value; len(last) > 0 && snmp.Type(last[0]) == snmp.TypeCounter64 {
			m.typ, m.width, bits = "u64", 8, 64
		}
		m.place = func(_ *profiles.Device, section profiles.Section, ref profiles.PointRef) {
			s := section.(*profiles.SNMP)
			if s.Points == nil {
				s.Points = map[string]string{}
			}
			s.Points[oid] = ref.String()
		}
		var raw []uint64
		for _, r := range h.readings() {
			m.at, raw = append(m.at, r.at), append(raw, r.v)
		}
		all = append(all, m.read(raw, bits))
	}
	return all
}
