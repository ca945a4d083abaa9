package emulate

import (
	"ringer/capture/ipmi"
)

// Sensors whose states are those of the host: they say whether it is on, as the events about it do.

// hostSensor answers for them, where the controller writes events about the power.
func (s *ipmiService) hostSensor(q *ipmi.Command) (ipmi.Body, bool) {
	b, ok := q.Body.(*ipmi.GetSensorReading)
	if !ok || !s.log.logs("power") || s.sensors[b.Sensor] != nil {
		return nil, false
	}
	for _, x := range s.log.sensors {
		if x.number != b.Sensor || x.kind != ipmi.SensorACPI && x.kind != ipmi.SensorPower {
			continue
		}
		state := byte(1) // S0/G0, or the power unit is off
		switch on := s.host.on(); {
		case x.kind == ipmi.SensorACPI && !on:
			state = 1 << 5
		case x.kind == ipmi.SensorPower && on:
			state = 0
		}
		return &ipmi.GetSensorReadingReply{Flags: 0xc0, States: []byte{state, 0x80}}, true
	}
	return nil, false
}
