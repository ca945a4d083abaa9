package emulate

import (
	"fmt"
	"slices"

	"ringer/capture/ipmi"
)

// An ipmiSensor is one that shows a point.
type ipmiSensor struct {
	point   *PointState
	factors ipmi.Factors
	writes  int     // of the point, while the recording plays
	limits  [6]byte // lower non-critical, critical, non-recoverable, and upper
	settled byte    // which of them there are
}

// The places of a full sensor record (table 43-1) that are looked at.
const (
	sdrType       = 3
	sdrFull       = 1
	sdrCompact    = 2
	sdrNumber     = 7
	sdrMask       = 18 // which thresholds can be read
	sdrSettable   = 19 // and set
	sdrM          = 24
	sdrThresholds = 36
	sdrFullSize   = 48
)

func (s *ipmiService) loadSensors() error {
	for number, spec := range s.sec.Sensors {
		p, err := s.st.Point(spec.Point)
		if err != nil {
			return fmt.Errorf("sensors: %d: %w", number, err)
		}
		n := &ipmiSensor{point: p, writes: p.Writes(), factors: ipmi.PlainFactors}
		if d := s.record(number); d != nil {
			n.factors, _ = ipmi.ReadFactors(d)
			n.settled, n.limits = d[sdrMask], sdrLimits(d)
		}
		s.sensors[number] = n
	}
	return nil
}

// sensor answers for sensors that show points.
func (s *ipmiService) sensor(q *ipmi.Command, data []byte) (ipmi.Code, ipmi.Body, bool) {
	if q.NetFn != ipmi.Sensor {
		return 0, nil, false
	}
	switch b := q.Body.(type) {
	case *ipmi.GetSensorReading:
		n := s.sensors[b.Sensor]
		if n == nil {
			return 0, nil, false
		}
		r := &ipmi.GetSensorReadingReply{Flags: 0xc0, States: []byte{0xc0}}
		if code, d, from, ok := s.answered(q.Target, data); ok {
			if code != ipmi.CodeOK || len(d) < 2 || from == Recorded && n.point.Writes() == n.writes {
				return code, ipmi.Data(d), true
			}
			r.Flags, r.States = d[1], append([]byte(nil), d[2:]...)
		}
		r.Reading = n.factors.Reading(n.point.Get().Float())
		if len(r.States) > 0 {
			r.States[0] = r.States[0]&0xc0 | n.crossed(r.Reading)
		}
		return ipmi.CodeOK, r, true
	case *ipmi.SetSensorThresholds:
		return s.setThresholds(b)
	}
	return 0, nil, false
}

// setThresholds changes those that the sensor's record lets be set (section 35.8). Where they were recorded, the
// record of the answer is changed, too.
func (s *ipmiService) setThresholds(b *ipmi.SetSensorThresholds) (ipmi.Code, ipmi.Body, bool) {
	if !s.store.hasSDR {
		return 0, nil, false
	}
	d := s.record(b.Sensor)
	switch {
	case d == nil && s.store.hasSensor(b.Sensor):
		return ipmi.IllegalForSensor, nil, true
	case d == nil:
		return ipmi.NotPresent, nil, true
	case b.Mask&^d[sdrSettable] != 0:
		return ipmi.IllegalForSensor, nil, true
	}
	set := func(limits []byte) {
		for i := range limits {
			if b.Mask&(1<<i) != 0 {
				limits[i] = b.Thresholds[i]
			}
		}
	}
	if n := s.sensors[b.Sensor]; n != nil {
		set(n.limits[:])
	}
	get, ask := ipmi.Target{NetFn: ipmi.Sensor, Cmd: 0x27}, []byte{b.Sensor}
	answer := slices.Clone(s.holds(get, ask))
	if len(answer) != 7 {
		if s.sensors[b.Sensor] != nil {
			return ipmi.CodeOK, nil, true
		}
		r, _ := s.described(&ipmi.Command{Body: &ipmi.GetSensorThresholds{Sensor: b.Sensor}})
		answer = (&ipmi.Reply{Body: r}).Data(nil)
	}
	set(answer[1:])
	s.write(get, ask, ipmi.CodeOK, answer)
	return ipmi.CodeOK, nil, true
}

// crossed says which thresholds a reading is beyond (section 35.14).
func (n *ipmiSensor) crossed(reading byte) (states byte) {
	for i, limit := range n.limits {
		if n.settled&(1<<i) == 0 {
			continue
		}
		if i < 3 && !n.factors.Less(limit, reading) || i >= 3 && !n.factors.Less(reading, limit) {
			states |= 1 << i
		}
	}
	return states
}
