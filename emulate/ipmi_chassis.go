package emulate

import (
	"time"

	"ringer/capture/ipmi"
	"ringer/profiles"
)

// ipmiChassis is what the controller says of the host that it looks after.
type ipmiChassis struct {
	cause byte
	event byte                       // "last power event" of the chassis status
	said  ipmi.GetChassisStatusReply // the last
}

// ipmiNoButtons are the capabilities of a front panel that has none (table 28-3).
var ipmiNoButtons = []byte{0}

// The delays of a host: how long after a command its power changes. A soft shutdown takes the operating
// system's time.
const (
	ipmiPowerDelay = 2 * time.Second
	ipmiCycleDelay = 5 * time.Second
	ipmiSoftDelay  = 8 * time.Second
)

// loadHost finds the host. That of a controller whose power is no point is as it was recorded.
func (s *ipmiService) loadHost() (err error) {
	if s.host, err = hostOf(s.st, s.dev); err != nil {
		return err
	}
	if c := s.cells[profiles.IPMICell(ipmi.Target{NetFn: ipmi.Chassis, Cmd: 0x01}, nil)]; c != nil && s.sec.Power == nil {
		if v, _ := c.Peek(s.st); len(v) > 1 && v[1]&1 == 0 {
			s.host.was = false
			s.host.power.value = BoolValue(false)
		}
	}
	s.host.starts = append(s.host.starts, s.booted)
	return nil
}

// command carries out the commands of the chassis (section 28).
func (c *ipmiChassis) command(s *ipmiService, q *ipmi.Command) (code ipmi.Code, body ipmi.Body, note string, ok bool) {
	if q.NetFn != ipmi.Chassis {
		return 0, nil, "", false
	}
	switch b := q.Body.(type) {
	case *ipmi.ChassisControl:
		return c.control(s, b.Control&0xf)
	case *ipmi.ChassisIdentify:
		seconds := 15 * time.Second
		if len(b.Rest) > 0 {
			seconds = time.Duration(b.Rest[0]) * time.Second
		}
		if len(b.Rest) > 1 && b.Rest[1]&1 != 0 { // until it is switched off
			s.host.identify(true, 0)
		} else {
			s.host.identify(seconds > 0, seconds)
		}
		return ipmi.CodeOK, nil, "identify", true
	case *ipmi.SetPowerRestorePolicy:
		return s.restorePolicy(b)
	}
	switch q.Cmd {
	case 0x01:
		return c.status(s, q)
	case 0x07:
		if c.cause != 0 {
			return ipmi.CodeOK, &ipmi.GetSystemRestartCauseReply{Cause: c.cause, Channel: 1}, "", true
		}
	}
	return 0, nil, "", false
}

// restorePolicy sets what becomes of the host when its supply comes back: 0, it stays off; 1, as it was; 2, it
// goes on; 3 only asks which there are (section 28.8).
func (s *ipmiService) restorePolicy(b *ipmi.SetPowerRestorePolicy) (ipmi.Code, ipmi.Body, string, bool) {
	r := &ipmi.SetPowerRestorePolicyReply{Supported: 7}
	if d := s.holds(ipmi.Target{NetFn: ipmi.Chassis, Cmd: 0x06}, []byte{3}); len(d) == 1 {
		r.Supported = d[0]
	}
	switch {
	case b.Policy == 3:
		return ipmi.CodeOK, r, "", true
	case b.Policy > 3 || r.Supported&(1<<b.Policy) == 0:
		return ipmi.InvalidField, nil, "set power restore policy", true
	}
	s.policy = int(b.Policy)
	return ipmi.CodeOK, r, "set power restore policy", true
}

// status is the recorded answer with the power as it is now (section 28.2).
func (c *ipmiChassis) status(s *ipmiService, q *ipmi.Command) (ipmi.Code, ipmi.Body, string, bool) {
	r := &c.said
	*r = ipmi.GetChassisStatusReply{Power: 1, State: 0x40, Rest: ipmiNoButtons}
	if code, d, _, ok := s.answered(q.Target, nil); ok {
		if code != ipmi.CodeOK || len(d) < 3 {
			return code, ipmi.Data(d), "", true
		}
		r.Power, r.LastEvent, r.State, r.Rest = d[0], d[1], d[2], d[3:]
	}
	r.Power &^= 1
	if s.host.on() {
		r.Power |= 1
	}
	if c.event != 0 {
		r.LastEvent = r.LastEvent&^0x10 | c.event
	}
	if r.State&0x40 != 0 {
		r.State &^= 0x30
		switch on, ends := s.host.lit(); {
		case ends:
			r.State |= 0x10
		case on:
			r.State |= 0x20
		}
	}
	if p := s.policy; p >= 0 {
		r.Power = r.Power&^0x60 | byte(p)<<5
	}
	return ipmi.CodeOK, r, "", true
}

// control switches the power, now or in a while (section 28.3).
func (c *ipmiChassis) control(s *ipmiService, what byte) (ipmi.Code, ipmi.Body, string, bool) {
	names := [...]string{"power down", "power up", "power cycle", "hard reset", "diagnostic interrupt", "soft shutdown"}
	if int(what) >= len(names) {
		return ipmi.InvalidField, nil, "", true
	}
	on, now := s.host.on(), s.now()
	if !on && what >= 2 { // nothing runs that could be cycled, reset or asked
		return ipmi.NotSupportedInThisState, nil, names[what] + " of a host that is off", true
	}
	var err error
	switch what {
	case 0:
		c.event, err = 0, s.host.switchTo(false, now.Add(ipmiPowerDelay))
	case 1:
		c.event, c.cause, err = 0x10, 1, s.host.switchTo(true, now.Add(ipmiPowerDelay))
	case 2:
		c.event, c.cause = 0x10, 1
		if err = s.host.switchTo(false, now); err == nil {
			err = s.host.switchTo(true, now.Add(ipmiCycleDelay))
		}
	case 3:
		c.cause = 1
		s.host.reset()
	case 5:
		c.event, err = 0, s.host.switchTo(false, now.Add(ipmiSoftDelay))
	}
	if err != nil { // the profile does not let the point be written
		return ipmi.NotSupportedInThisState, nil, names[what], true
	}
	return ipmi.CodeOK, nil, names[what], true
}
