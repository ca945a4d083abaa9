package emulate

import "ringer/capture/ipmi"

// ipmiPowerLimit is the limit of the host's power, as far as it was set (DCMI v1.5, section 6.6). Nothing keeps
// to it.
type ipmiPowerLimit struct {
	ipmi.GetPowerLimitReply
	set    bool
	active bool
}

// noPowerLimit says that no limit is active.
const noPowerLimit ipmi.Code = 0x80

// powerLimit carries out the commands about it, where the controller was seen to have one.
func (s *ipmiService) powerLimit(q *ipmi.Command) (ipmi.Code, ipmi.Body, bool) {
	if q.NetFn != ipmi.Group || !s.told[ipmi.Group][0x03] {
		return 0, nil, false
	}
	l := &s.limit
	switch b := q.Body.(type) {
	case *ipmi.SetPowerLimit:
		l.set = true
		l.GetPowerLimitReply = ipmi.GetPowerLimitReply{Group: b.Group, Action: b.Action, Watts: b.Watts, Correction: b.Correction, Period: b.Period}
		return ipmi.CodeOK, ipmi.Data{b.Group}, true
	case *ipmi.ActivatePowerLimit:
		if b.Active > 1 {
			return ipmi.InvalidField, nil, true
		}
		l.set, l.Group, l.active = true, b.Group, b.Active == 1
		return ipmi.CodeOK, ipmi.Data{b.Group}, true
	case *ipmi.GetPowerLimit:
		if l.set && l.active {
			return ipmi.CodeOK, &l.GetPowerLimitReply, true
		}
		if l.set {
			return noPowerLimit, &l.GetPowerLimitReply, true
		}
	}
	return 0, nil, false
}
