package emulate

import (
	"ringer/capture/ipmi"
	"ringer/profiles"
)

// set carries out the commands that change what another command asks for: what is set is read from then on.
func (s *ipmiService) set(q *ipmi.Command) (code ipmi.Code, ok bool) {
	get := func(n ipmi.NetFn, cmd uint8, ask []byte, answer []byte) (ipmi.Code, bool) {
		cell := profiles.IPMICell(ipmi.Target{NetFn: n, Cmd: cmd}, ask)
		if s.cells[cell] == nil && s.written[cell] == nil && !s.knows(ipmi.Target{NetFn: n, Cmd: cmd}) {
			return 0, false
		}
		s.write(ipmi.Target{NetFn: n, Cmd: cmd}, ask, ipmi.CodeOK, answer)
		return ipmi.CodeOK, true
	}
	// before is what the other command would answer now.
	before := func(n ipmi.NetFn, cmd uint8, ask []byte, size int) []byte {
		if code, d, _, ok := s.answered(ipmi.Target{NetFn: n, Cmd: cmd}, ask); ok && code == ipmi.CodeOK && len(d) >= size {
			return append([]byte(nil), d...)
		}
		return nil
	}
	if code, ok := s.setUser(q); ok {
		return code, true
	}
	switch b := q.Body.(type) {
	case *ipmi.SetLANConfig:
		ask := []byte{b.Channel, b.Parameter, 0, 0}
		if b.Parameter == 0 { // set in progress
			return ipmi.CodeOK, true
		}
		revision := byte(0x11)
		if d := before(ipmi.Transport, 0x02, ask, 1); d != nil {
			revision = d[0]
		}
		value := append([]byte{revision}, b.Value...)
		for _, same := range [][2]byte{{s.channel, ipmiCurrent}, {ipmiCurrent, s.channel}} { // its names
			if b.Channel&0xf == same[0] && s.holds(ipmi.Target{NetFn: ipmi.Transport, Cmd: 0x02}, []byte{same[1], b.Parameter, 0, 0}) != nil {
				get(ipmi.Transport, 0x02, []byte{same[1], b.Parameter, 0, 0}, value)
			}
		}
		return get(ipmi.Transport, 0x02, ask, value)
	case *ipmi.SetSOLConfig:
		ask := []byte{b.Channel, b.Parameter, 0, 0}
		revision := byte(0x11)
		if d := before(ipmi.Transport, 0x22, ask, 1); d != nil {
			revision = d[0]
		}
		return get(ipmi.Transport, 0x22, ask, append([]byte{revision}, b.Value...))
	case *ipmi.SetBootOptions:
		code, shared := s.setBootFlags(b)
		if shared && code != ipmi.CodeOK {
			return code, true
		}
		n := b.Parameter & 0x7f
		return get(ipmi.Chassis, 0x09, []byte{n, 0, 0}, append([]byte{1, b.Parameter}, b.Value...))
	case *ipmi.SetSystemInfo:
		return get(ipmi.App, 0x59, []byte{0, b.Parameter, 0, 0}, append([]byte{0x11}, b.Value...))
	case *ipmi.SetChannelAccess:
		for _, which := range []byte{0x40, 0x80} {
			if b.Access&0xc0 == which || b.Privilege&0xc0 == which {
				ask := []byte{b.Channel, which}
				if d := before(ipmi.App, 0x41, ask, 2); d != nil {
					if b.Access&0xc0 == which {
						d[0] = b.Access & 0x3f
					}
					if b.Privilege&0xc0 == which {
						d[1] = b.Privilege & 0xf
					}
					s.write(ipmi.Target{NetFn: ipmi.App, Cmd: 0x41}, ask, ipmi.CodeOK, d)
				}
			}
		}
		return ipmi.CodeOK, true
	case *ipmi.SetSensorThresholds:
		d := before(ipmi.Sensor, 0x27, []byte{b.Sensor}, 7)
		if d == nil {
			return 0, false
		}
		for i := range b.Thresholds {
			if b.Mask&(1<<i) != 0 {
				d[1+i] = b.Thresholds[i]
			}
		}
		return get(ipmi.Sensor, 0x27, []byte{b.Sensor}, d)
	}
	return 0, false
}
