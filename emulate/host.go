package emulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ringer/profiles"
)

// A host is the computer behind a management controller, as all services of the device know it: whether it is on,
// where it boots from, the light at its front. Each of them is a point where the profile names one.
type host struct {
	st     *State
	power  *PointState
	target *PointState // of the boot; nil: the profile names no point
	enable *PointState
	mode   *PointState
	light  *PointState
	log    *systemLog
	was    bool     // on
	starts []func() // who is told that it starts
}

// hostOf gives the host of the device; nil: it has no IPMI service.
func hostOf(st *State, dev *profiles.Device) (*host, error) {
	for i := range dev.Services {
		sec, ok := dev.Services[i].Section.(*profiles.IPMI)
		if !ok {
			continue
		}
		x, err := st.Shared("host", func() (any, error) {
			h := &host{st: st}
			return h, h.load(dev, sec)
		})
		if err != nil {
			return nil, err
		}
		return x.(*host), nil
	}
	return nil, nil
}

func (h *host) load(dev *profiles.Device, sec *profiles.IPMI) (err error) {
	if h.log, err = logOf(h.st, dev); err != nil {
		return err
	}
	point := func(what, name string) (p *PointState) {
		if name != "" && err == nil {
			if p, err = h.st.Point(name); err != nil {
				err = fmt.Errorf("%s: %w", what, err)
			}
		}
		return p
	}
	if sec.Power != nil {
		h.power = point("power", sec.Power.Point)
	} else {
		h.power, err = h.st.newPoint("power of the host", &profiles.Point{Type: "bool", Value: true, Write: &profiles.WriteRule{}})
	}
	if sec.Identify != nil {
		h.light = point("identify", sec.Identify.Point)
	} else if err == nil {
		h.light, err = h.st.newPoint("light of the host", &profiles.Point{Type: "bool", Value: false, Write: &profiles.WriteRule{}})
	}
	if b := sec.Boot; b != nil {
		h.target, h.enable, h.mode = point("boot: target", b.Target), point("boot: enabled", b.Enabled), point("boot: mode", b.Mode)
	}
	if err != nil {
		return err
	}
	h.was = h.on()
	h.power.watch(h.switched)
	h.light.watch(func(time.Time) { h.light.keep() }) // whoever sets it meanwhile is not overruled
	return nil
}

// on says whether the host is on now.
func (h *host) on() bool {
	if text := h.power.Text(); strings.EqualFold(text, "on") {
		return true
	}
	return h.power.Get().Bool()
}

// switchTo has the power on or off at a time.
func (h *host) switchTo(on bool, at time.Time) error {
	v, name := BoolValue(on), "off"
	if on {
		name = "on"
	}
	if is, ok := h.power.named(name); ok {
		v = is
	}
	return h.power.SetAt(v, at)
}

// switched is told of each value that is written to the power.
func (h *host) switched(at time.Time) {
	on := h.on()
	if on == h.was {
		return
	}
	h.was = on
	h.log.switched(on, at)
	if on {
		h.start()
	}
}

// reset has the host begin anew.
func (h *host) reset() {
	h.log.reset(h.st.Now())
	h.start()
}

// start is what the start of the host changes: where it was to boot from once is used up.
func (h *host) start() {
	if h.target != nil && h.boot().once {
		h.setBoot(hostBoot{mode: h.boot().mode})
	}
	for _, told := range h.starts {
		told()
	}
}

// A hostBoot is what the host was told of its next boot.
type hostBoot struct {
	from        string // as Redfish has it: None, Pxe, …
	once, stays bool   // neither: it does not matter
	mode        string
}

// boot says where the host boots from.
func (h *host) boot() (b hostBoot) {
	b.from = h.target.Text()
	if b.once = !strings.EqualFold(b.from, "None"); h.enable != nil {
		b.once, b.stays = strings.EqualFold(h.enable.Text(), "Once"), strings.EqualFold(h.enable.Text(), "Continuous")
	}
	if h.mode != nil {
		b.mode = h.mode.Text()
	}
	return b
}

// setBoot says where the host is to boot from; what its points cannot hold is not taken.
func (h *host) setBoot(b hostBoot) {
	if b.from == "" {
		b.from = "None"
	}
	enabled := "Disabled"
	switch {
	case b.once:
		enabled = "Once"
	case b.stays:
		enabled = "Continuous"
	}
	h.choose(h.target, b.from)
	h.choose(h.enable, enabled)
	if b.mode != "" {
		h.choose(h.mode, b.mode)
	}
}

// choose gives a point the first of some values that it has. false: it has none of them.
func (h *host) choose(p *PointState, names ...string) bool {
	if p == nil {
		return false
	}
	for _, name := range names {
		if v, ok := p.named(name); ok {
			return strings.EqualFold(p.Text(), name) || p.Set(v) == nil
		}
	}
	return false
}

// named is the value of a point that has a name, in whatever letter case.
func (p *PointState) named(name string) (Value, bool) {
	for wire, is := range p.Spec.Values {
		if strings.EqualFold(is, name) {
			return TextValue(wire), true
		}
	}
	return TextValue(name), p.kind.name == "text"
}

// hostLights are what a light does that is on.
var hostLights = []string{"Blinking", "Lit", "On"}

// identify has the light on for a time; zero: it stays.
func (h *host) identify(on bool, time time.Duration) {
	h.light.keep()
	off, ok := h.light.named("Off")
	if !ok {
		off = BoolValue(false)
	}
	switch {
	case !on:
		h.light.Set(off)
	case !h.choose(h.light, hostLights...):
		h.light.Set(BoolValue(true))
	}
	if on && time > 0 {
		h.light.SetAt(off, h.st.Now().Add(time))
	}
}

// lit says whether the light is on, and whether it goes off by itself.
func (h *host) lit() (on, ends bool) {
	text := h.light.Text()
	if on = slices.ContainsFunc(hostLights, func(is string) bool { return strings.EqualFold(is, text) }); len(h.light.Spec.Values) == 0 {
		on = on || h.light.kind.name != "text" && h.light.Get().Bool()
	}
	return on, on && !h.light.due.IsZero()
}
