package emulate

import (
	"fmt"
	"math"

	"ringer/capture/ipmi"
)

// An ipmiSensor is one that shows a point.
type ipmiSensor struct {
	point   *PointState
	scale   ipmiScale
	limits  [6]byte // lower non-critical, critical, non-recoverable, and upper
	settled byte    // which of them there are
}

// ipmiScale turns a value into the byte that the sensor gives (section 36.3).
type ipmiScale struct {
	m, b, rexp, bexp int
	signed           bool
	linear           bool
}

// The places of a full sensor record (table 43-1) that are looked at.
const (
	sdrType       = 3
	sdrFull       = 1
	sdrNumber     = 7
	sdrMask       = 18 // which thresholds can be read
	sdrUnits      = 20
	sdrLinear     = 23
	sdrM          = 24
	sdrExponents  = 29
	sdrThresholds = 36
	sdrFullSize   = 48
)

func (s *ipmiService) loadSensors() error {
	for number, spec := range s.sec.Sensors {
		p, err := s.st.Point(spec.Point)
		if err != nil {
			return fmt.Errorf("sensors: %d: %w", number, err)
		}
		n := &ipmiSensor{point: p, scale: ipmiScale{m: 1, linear: true}}
		if d := s.record(number); d != nil {
			n.scale, n.settled, n.limits = scaleOf(d), d[sdrMask], sdrLimits(d)
		}
		s.sensors[number] = n
	}
	return nil
}

func scaleOf(d []byte) ipmiScale {
	ten := func(low, high byte) int { return int(int16(uint16(low)|uint16(high&0xc0)<<2)<<6) >> 6 }
	four := func(x byte) int { return int(int8(x<<4)) >> 4 }
	return ipmiScale{
		m: ten(d[sdrM], d[sdrM+1]), b: ten(d[sdrM+2], d[sdrM+3]),
		rexp: four(d[sdrExponents] >> 4), bexp: four(d[sdrExponents]),
		signed: d[sdrUnits]>>6 == 2, linear: d[sdrLinear]&0x7f == 0,
	}
}

// reading is the byte that stands for a value.
func (c ipmiScale) reading(v float64) byte {
	if c.m == 0 || !c.linear {
		return byte(math.Max(0, math.Min(255, math.Round(v))))
	}
	x := math.Round((v/math.Pow10(c.rexp) - float64(c.b)*math.Pow10(c.bexp)) / float64(c.m))
	if c.signed {
		return byte(int8(math.Max(-128, math.Min(127, x))))
	}
	return byte(math.Max(0, math.Min(255, x)))
}

// compare orders two readings.
func (c ipmiScale) less(a, b byte) bool {
	if c.signed {
		return int8(a) < int8(b)
	}
	return a < b
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
		if code, d, _, ok := s.answered(q.Target, data); ok {
			if code != ipmi.CodeOK || len(d) < 2 {
				return code, ipmi.Data(d), true
			}
			r.Flags, r.States = d[1], append([]byte(nil), d[2:]...)
		}
		r.Reading = n.scale.reading(n.point.Get().Float())
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
		if i < 3 && !n.scale.less(limit, reading) || i >= 3 && !n.scale.less(reading, limit) {
			states |= 1 << i
		}
	}
	return states
}
