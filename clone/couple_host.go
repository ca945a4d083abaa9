package clone

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/profiles"
)

// What a management controller tells and sets over IPMI and over Redfish is one: the power of the host, its light,
// where it boots from, and the log of events. Both protocols say what these are, so that no series has to be
// compared. It is done where there is one system, and both say the same of it.

// A hostOfTwo is a host that was seen over both.
type hostOfTwo struct {
	l       *Learning
	dev     *profiles.Device
	ipmi    *ipmiLearner
	web     *httpLearner
	bmc     *profiles.IPMI
	redfish *profiles.Redfish
	at      string // the path of the system
	system  redfishSystem
}

// coupledHost joins what both protocols show of a host.
func (l *Learning) coupledHost(dev *profiles.Device, sections map[*Service]profiles.Section) {
	if l.opt.NoCouple {
		return
	}
	h := hostOfTwo{l: l, dev: dev}
	for _, s := range l.services {
		switch x := s.learner.(type) {
		case *ipmiLearner:
			if sec, ok := sections[&s.Service].(*profiles.IPMI); ok {
				h.ipmi, h.bmc = x, sec
			}
		case *httpLearner:
			if sec, ok := sections[&s.Service].(*profiles.HTTP); ok && sec.Redfish != nil {
				h.web, h.redfish = x, sec.Redfish
			}
		}
	}
	if h.ipmi == nil || h.web == nil {
		return
	}
	var one bool
	if h.at, h.system, one = h.web.redfish.system(); one {
		h.chassis()
		h.boot()
	}
	h.log()
}

// answered is the last good answer to a question about the host.
func (h *hostOfTwo) answered(cmd uint8, data []byte, least int) ([]byte, bool) {
	c := h.ipmi.inside.cells[profiles.IPMICell(ipmi.Target{NetFn: ipmi.Chassis, Cmd: cmd}, data)]
	if c == nil {
		return nil, false
	}
	v := c.track.Last().Value
	if len(v) < 1+least || v[0] != byte(ipmi.CodeOK) {
		return nil, false
	}
	return v[1:], true
}

// chassis joins what the chassis status says (section 28.2): the power and the light.
func (h *hostOfTwo) chassis() {
	status, ok := h.answered(0x01, nil, 3)
	if !ok {
		return
	}
	s := &h.system
	if on := status[0]&1 != 0; on && s.PowerState == "On" || !on && s.PowerState == "Off" {
		name := h.point("power", strings.ToLower(s.PowerState), []string{"off", "on"})
		h.bmc.Power = &profiles.IPMIPower{Point: name}
		h.shows(name, "/PowerState")
		for _, c := range s.Links.Chassis {
			if x, ok := h.web.redfish.systems[c.ID]; ok && x.PowerState == s.PowerState {
				h.showsAt(name, c.ID, "/PowerState")
			}
		}
	}
	const told, lit = 0x40, 0x30
	if status[2]&told != 0 && status[2]&lit == 0 && s.IndicatorLED == "Off" {
		name := h.point("identify", "Off", []string{"Off", "Blinking", "Lit"})
		h.bmc.Identify = &profiles.IPMISensor{Point: name}
		h.shows(name, "/IndicatorLED")
		if s.LocationIndicatorActive != nil && !*s.LocationIndicatorActive {
			h.shows(name, "/LocationIndicatorActive")
		}
	}
}

// boot joins the boot flags (section 28.13, parameter 5), if no order is given in either protocol.
func (h *hostOfTwo) boot() {
	flags, ok := h.answered(0x09, []byte{5, 0, 0}, 4)
	b := &h.system.Boot
	const valid = 0x80
	if !ok || flags[2]&valid != 0 || b.Enabled != "Disabled" || b.Target != "None" || !slices.Contains(b.Targets, "None") {
		return
	}
	targets := append([]string{"None"}, slices.DeleteFunc(slices.Clone(b.Targets), func(t string) bool { return t == "None" })...)
	order := profiles.IPMIBoot{Target: h.point("boot-target", "None", targets), Enabled: h.point("boot-enabled", "Disabled", []string{"Disabled", "Once", "Continuous"})}
	h.shows(order.Target, "/Boot/BootSourceOverrideTarget")
	h.shows(order.Enabled, "/Boot/BootSourceOverrideEnabled")
	if modes := []string{"Legacy", "UEFI"}; slices.Contains(modes, b.Mode) {
		order.Mode = h.point("boot-mode", b.Mode, modes)
		h.shows(order.Mode, "/Boot/BootSourceOverrideMode")
	}
	h.bmc.Boot = &order
}

// log joins the log of events with the one log of Redfish that has as many entries of its kind.
func (h *hostOfTwo) log() {
	sel, ok := h.ipmi.records.sel.file(selSize)
	if !ok || h.bmc.SEL == "" {
		return
	}
	logs := slices.Sorted(maps.Keys(h.web.redfish.logged))
	if len(logs) == 1 && h.web.redfish.logged[logs[0]]*selSize(nil) == len(sel) && h.web.redfish.found[logs[0]] != nil {
		h.redfish.SEL = logs[0]
		h.saw("the log of events", logs[0])
	}
}

// point makes a point whose values have names; it gives the name that it has.
func (h *hostOfTwo) point(name, value string, values []string) string {
	if h.dev.Points[name] != nil {
		name = "host-" + name
	}
	if h.dev.Points == nil {
		h.dev.Points = map[string]*profiles.Point{}
	}
	p := &profiles.Point{Type: "enum", Value: value, Values: map[string]string{}, Write: &profiles.WriteRule{}}
	for i, v := range values {
		p.Values[strconv.Itoa(i)] = v
	}
	h.dev.Points[name] = p
	return name
}

func (h *hostOfTwo) shows(point, pointer string) { h.showsAt(point, h.at, pointer) }

func (h *hostOfTwo) showsAt(point, at, pointer string) {
	if h.redfish.Points == nil {
		h.redfish.Points = map[string]string{}
	}
	h.redfish.Points[at+"#"+pointer] = point
	h.saw("point "+point, at+pointer)
}

func (h *hostOfTwo) saw(what, where string) {
	h.web.s.Saw(what+" of ipmi = http "+where, &capture.Exchange{Packets: h.l.packets})
}

// A redfishSystem is a system or a chassis, as far as IPMI tells of it, too.
type redfishSystem struct {
	Type                    string `json:"@odata.type"`
	PowerState              string
	IndicatorLED            string
	LocationIndicatorActive *bool
	Boot                    struct {
		Target  string   `json:"BootSourceOverrideTarget"`
		Enabled string   `json:"BootSourceOverrideEnabled"`
		Mode    string   `json:"BootSourceOverrideMode"`
		Targets []string `json:"BootSourceOverrideTarget@Redfish.AllowableValues"`
	}
	Links struct {
		Chassis []struct {
			ID string `json:"@odata.id"`
		}
	}
	EntryType string // of an entry of a log
}

// host takes note of a resource that may tell of the host.
func (l *redfishLearner) host(at string, x redfishSystem) {
	switch {
	case x.EntryType == "SEL":
		l.logged[path.Dir(at)]++
	case x.PowerState != "":
		l.systems[at] = x
	}
}

// system is the only system of the service.
func (l *redfishLearner) system() (at string, s redfishSystem, one bool) {
	n := 0
	for target, x := range l.systems {
		if strings.HasPrefix(x.Type, "#ComputerSystem.") {
			at, s = target, x
			n++
		}
	}
	return at, s, n == 1
}
