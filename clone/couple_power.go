package clone

import (
	"strings"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/profiles"
)

// coupledPower makes the power of the host, which a management controller tells and switches over IPMI and over
// Redfish, one point. Both protocols say what it is, so that no series has to be compared; it is done where there is
// one system, and both say the same of it.
func (l *Learning) coupledPower(dev *profiles.Device, sections map[*Service]profiles.Section) {
	if l.opt.NoCouple {
		return
	}
	var controller *ipmiLearner
	var web *httpLearner
	for _, s := range l.services {
		switch x := s.learner.(type) {
		case *ipmiLearner:
			if sections[&s.Service] != nil {
				controller = x
			}
		case *httpLearner:
			if sec, ok := sections[&s.Service].(*profiles.HTTP); ok && sec.Redfish != nil {
				web = x
			}
		}
	}
	if controller == nil || web == nil {
		return
	}
	status := controller.inside.cells[profiles.IPMICell(ipmi.Target{NetFn: ipmi.Chassis, Cmd: 0x01}, nil)]
	at, system, ok := web.redfish.system()
	if status == nil || !ok {
		return
	}
	v := status.track.Last().Value
	if len(v) < 2 || v[0] != byte(ipmi.CodeOK) || v[1]&1 != 0 != (system.PowerState == "On") || system.PowerState != "On" && system.PowerState != "Off" {
		return
	}
	name := "power"
	if dev.Points[name] != nil {
		name = "host-power"
	}
	if dev.Points == nil {
		dev.Points = map[string]*profiles.Point{}
	}
	dev.Points[name] = &profiles.Point{Type: "enum", Value: strings.ToLower(system.PowerState), Values: map[string]string{"0": "off", "1": "on"}, Write: &profiles.WriteRule{}}
	sections[controller.s].(*profiles.IPMI).Power = &profiles.IPMIPower{Point: name}
	r := sections[web.s].(*profiles.HTTP).Redfish
	if r.Points == nil {
		r.Points = map[string]string{}
	}
	r.Points[at+"#/PowerState"] = name
	for _, c := range system.Links.Chassis {
		if p, ok := web.redfish.powered[c.ID]; ok && p.PowerState == system.PowerState {
			r.Points[c.ID+"#/PowerState"] = name
		}
	}
	web.s.Saw("point "+name+": ipmi chassis status = http "+at+" PowerState", &capture.Exchange{Packets: l.packets})
}

// system is the only system of the service.
func (l *redfishLearner) system() (at string, p redfishPowered, ok bool) {
	n := 0
	for target, x := range l.powered {
		if strings.HasPrefix(x.Type, "#ComputerSystem.") {
			at, p = target, x
			n++
		}
	}
	return at, p, n == 1
}
