package emulate

import (
	"fmt"

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
	sdrNumber     = 7
	sdrMask       = 18 // which thresholds can be read
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
		if n := s.sensors[b.Sensor]; n != nil {
			for i := range n.limits {
				if b.Mask&(1<<i) != 0 {
					n.limits[i] = b.Thresholds[i]
				}
			}
		}
	}
	return 0, nil, false
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
