package emulate

import (
	"slices"

	"ringer/capture/ipmi"
)

// What the record of a sensor says of it answers for the sensor, too, where nothing else was seen.

// The places of a sensor record beside those in ipmi_sensors.go (table 43-1).
const (
	sdrKind       = 12 // type of sensor, and of its events
	sdrEvents     = 14 // that are asserted, and deasserted
	sdrHysteresis = 42
)

// record finds the full record of a sensor.
func (s *ipmiService) record(sensor uint8) []byte {
	for _, r := range s.store.sdr {
		if d := r.data; len(d) >= sdrFullSize && d[sdrType] == sdrFull && d[sdrNumber] == sensor {
			return d
		}
	}
	return nil
}

// hasSensor says whether any record is about a sensor.
func (r *ipmiStore) hasSensor(sensor uint8) bool {
	return slices.ContainsFunc(r.sdr, func(e ipmiRecord) bool {
		return len(e.data) > sdrNumber && (e.data[sdrType] == sdrFull || e.data[sdrType] == sdrCompact) && e.data[sdrNumber] == sensor
	})
}

// described answers from the record of a sensor.
func (s *ipmiService) described(q *ipmi.Command) (ipmi.Body, bool) {
	switch b := q.Body.(type) {
	case *ipmi.GetSensorThresholds:
		if d := s.record(b.Sensor); d != nil {
			r := &ipmi.GetSensorThresholdsReply{Mask: d[sdrMask]}
			limits := sdrLimits(d)
			if n := s.sensors[b.Sensor]; n != nil {
				limits = n.limits
			}
			for i, limit := range limits {
				if r.Mask&(1<<i) != 0 {
					r.Thresholds[i] = limit
				}
			}
			return r, true
		}
	case *ipmi.GetSensorHysteresis:
		if d := s.record(b.Sensor); d != nil {
			return &ipmi.GetSensorHysteresisReply{Positive: d[sdrHysteresis], Negative: d[sdrHysteresis+1]}, true
		}
	case *ipmi.GetSensorType:
		if d := s.record(b.Sensor); d != nil {
			return &ipmi.GetSensorTypeReply{Type: d[sdrKind], Events: d[sdrKind+1]}, true
		}
	case *ipmi.GetSensorFactors:
		if d := s.record(b.Sensor); d != nil {
			r := &ipmi.GetSensorFactorsReply{Next: b.Reading}
			copy(r.Factors[:], d[sdrM:])
			return r, true
		}
	case *ipmi.GetSensorEventEnable:
		if d := s.record(b.Sensor); d != nil {
			return &ipmi.GetSensorEventEnableReply{Flags: 0xc0, Events: []byte{d[sdrEvents], d[sdrEvents+1] & 0xf, d[sdrEvents+2], d[sdrEvents+3] & 0xf}}, true
		}
	case *ipmi.GetSensorEventStatus:
		if n := s.sensors[b.Sensor]; n != nil {
			// bit i of a reading is a threshold; its event is the one of going beyond it (table 42-2)
			crossed, events := n.crossed(n.factors.Reading(n.point.Get().Float())), uint16(0)
			for i := range 6 {
				if crossed&(1<<i) == 0 {
					continue
				}
				if i < 3 {
					events |= 1 << (2 * i)
				} else {
					events |= 1 << (2*i + 1)
				}
			}
			return &ipmi.GetSensorEventStatusReply{Flags: 0xc0, Events: []byte{byte(events), byte(events >> 8), 0, 0}}, true
		}
	}
	return nil, false
}

// sdrLimits are the thresholds of a record, the lower ones first.
func sdrLimits(d []byte) [6]byte {
	t := d[sdrThresholds:]
	return [6]byte{t[5], t[4], t[3], t[2], t[1], t[0]}
}

// shown puts what the profile's points say into an answer: the controller's address is where it was asked,
// and its power what a point says.
func (s *ipmiService) shown(p *ipmiPeer, q *ipmi.Command, body ipmi.Body, from Origin) ipmi.Body {
	d, ok := body.(ipmi.Data)
	if !ok {
		return body
	}
	switch b := q.Body.(type) {
	case *ipmi.GetLANConfig:
		if a := p.peer.Local.Addr().Unmap(); s.sec.Follows && b.Parameter == lanAddress && len(d) == 5 && a.Is4() {
			ip := a.As4()
			return ipmi.Data(append(d[:1:1], ip[:]...))
		}
	case *ipmi.GetPowerReading:
		if s.watts != nil && len(d) == dcmiPower && from != Recorded {
			w := uint16(s.watts.Get().Float())
			d = append(ipmi.Data(nil), d...)
			d[1], d[2] = byte(w), byte(w>>8)
			now := uint32(s.now().Unix())
			d[9], d[10], d[11], d[12] = byte(now), byte(now>>8), byte(now>>16), byte(now>>24)
			return d
		}
	}
	return body
}

const (
	lanAuthEnables = 2
	lanAddress     = 3
	dcmiPower      = 18
)

// booted ends what was set for the next boot alone (section 28.12): the boot flags, unless they are to stay.
func (s *ipmiService) booted() {
	t, flags := ipmi.Target{NetFn: ipmi.Chassis, Cmd: 0x09}, []byte{5, 0, 0}
	if _, d, _, ok := s.answered(t, flags); ok && len(d) >= 3 && d[2]&0x80 != 0 && d[2]&0x40 == 0 {
		d = append([]byte(nil), d...)
		d[2] &^= 0x80
		s.write(t, flags, ipmi.CodeOK, d)
	}
}
