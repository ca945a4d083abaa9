package emulate

import (
	"time"

	"ringer/capture/ipmi"
	"ringer/profiles"
)

// ipmiChassis is the host that the controller looks after: its power, and what was asked of it. Power is a
// point where the profile names one, so that other protocols see it change.
type ipmiChassis struct {
	point    *PointState
	on       bool // without a point
	cause    byte
	event    byte      // "last power event" of the chassis status
	then     bool      // power is to be so
	when     time.Time // at that time; zero: nothing is to come
	identify time.Time // the light is on until then
	forever  bool
	said     ipmi.GetChassisStatusReply // the last
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

func (c *ipmiChassis) load(s *ipmiService) error {
	c.on = true
	if t := (ipmi.Target{NetFn: ipmi.Chassis, Cmd: 0x01}); s.cells[profiles.IPMICell(t, nil)] != nil {
		if v, _ := s.cells[profiles.IPMICell(t, nil)].Peek(s.st); len(v) > 1 {
			c.on = v[1]&1 != 0
		}
	}
	if s.sec.Power == nil {
		return nil
	}
	p, err := s.st.Point(s.sec.Power.Point)
	if err != nil {
		return err
	}
	c.point = p
	return nil
}

// power says whether the host is on now.
func (c *ipmiChassis) power(s *ipmiService) bool {
	if c.point != nil {
		if text := c.point.Text(); text == "on" || text == "On" {
			return true
		}
		return c.point.Get().Bool()
	}
	if !c.when.IsZero() && !s.now().Before(c.when) {
		c.on, c.when = c.then, time.Time{}
	}
	return c.on
}

// switchTo has the power on or off at a time.
func (c *ipmiChassis) switchTo(s *ipmiService, on bool, at time.Time) error {
	c.then, c.when = on, at
	if c.point == nil {
		return nil
	}
	v := BoolValue(on)
	if c.point.kind.name == "enum" || c.point.kind.name == "text" {
		if v = TextValue("off"); on {
			v = TextValue("on")
		}
	}
	return c.point.SetAt(v, at)
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
		c.forever = len(b.Rest) > 1 && b.Rest[1]&1 != 0
		c.identify = s.now().Add(seconds)
		return ipmi.CodeOK, nil, "identify", true
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
	if c.power(s) {
		r.Power |= 1
	}
	if c.event != 0 {
		r.LastEvent = r.LastEvent&^0x10 | c.event
	}
	if r.State&0x40 != 0 {
		r.State &^= 0x30
		switch {
		case c.forever:
			r.State |= 0x20
		case s.now().Before(c.identify):
			r.State |= 0x10
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
	on, now := c.power(s), s.now()
	if !on && what >= 2 { // nothing runs that could be cycled, reset or asked
		return ipmi.NotSupportedInThisState, nil, names[what] + " of a host that is off", true
	}
	var err error
	switch what {
	case 0:
		c.event, err = 0, c.switchTo(s, false, now.Add(ipmiPowerDelay))
	case 1:
		s.booted()
		c.event, c.cause, err = 0x10, 1, c.switchTo(s, true, now.Add(ipmiPowerDelay))
	case 2:
		c.event, c.cause = 0x10, 1
		if err = c.switchTo(s, false, now); err == nil {
			err = c.switchTo(s, true, now.Add(ipmiCycleDelay))
			s.booted()
		}
	case 3:
		c.cause = 1
		s.booted()
	case 5:
		c.event, err = 0, c.switchTo(s, false, now.Add(ipmiSoftDelay))
	}
	if err != nil { // the profile does not let the point be written
		return ipmi.NotSupportedInThisState, nil, names[what], true
	}
	return ipmi.CodeOK, nil, names[what], true
}
