package emulate

import (
	"maps"
	"slices"
	"strings"
	"time"

	"ringer/profiles"
)

// reset changes the power of a system or a chassis after the delay. false: it cannot be done now.
func (r *redfishDevice) reset(x *redfishResource, kind string, delay time.Duration) bool {
	on := strings.EqualFold(jsonShown(r.get(x, "/PowerState")), "On")
	switch kind {
	case "On", "ForceOn":
		r.power(x, "On", delay)
	case "ForceOff", "GracefulShutdown", "Off":
		r.power(x, "Off", delay)
	case "PushPowerButton":
		if on {
			r.power(x, "Off", delay)
		} else {
			r.power(x, "On", delay)
		}
	case "Nmi", "Suspend", "Pause", "Resume":
	default: // ForceRestart, GracefulRestart, PowerCycle, and no type at all
		if !on && strings.HasPrefix(kind, "Graceful") {
			return false
		}
		if delay > 0 {
			r.power(x, "Off", 0)
		}
		r.power(x, "On", delay)
		if on && delay == 0 && r.shares(x) {
			r.host.reset()
		} else if !r.shares(x) {
			r.later(delay, func() { r.booted(x) })
		}
	}
	if !on && (kind == "On" || kind == "ForceOn") && !r.shares(x) {
		r.later(delay, func() { r.booted(x) })
	}
	return true
}

// shares says whether the power of a resource is that of the host which the device's IPMI service knows, too.
func (r *redfishDevice) shares(x *redfishResource) bool {
	name := x.points["/PowerState"]
	if name == "" || r.host == nil {
		return false
	}
	p, err := r.st.Point(name)
	return err == nil && p == r.host.power
}

// learnHost follows the host, and tells of the points that are changed over whatever protocol.
func (r *redfishDevice) learnHost(dev *profiles.Device) (err error) {
	if r.host, err = hostOf(r.st, dev); err != nil {
		return err
	}
	for _, at := range slices.Sorted(maps.Keys(r.tree)) {
		x := r.tree[at]
		for _, name := range x.points {
			if p, err := r.st.Point(name); err == nil {
				p.watch(func(time.Time) { r.tell("ResourceChanged", x.path) })
			}
		}
		if x.json && redfishTypeOf(x) == "ComputerSystem" && r.shares(x) {
			r.host.starts = append(r.host.starts, func() { r.booted(x) })
		}
	}
	return nil
}

// power makes a resource, and those that share its power, show a state after a time.
func (r *redfishDevice) power(x *redfishResource, state string, delay time.Duration) {
	all := []*redfishResource{x}
	for _, name := range []string{"Chassis", "ComputerSystems"} {
		for _, item := range jsonItems(jsonGet(x.data, "/Links/"+name)) {
			if other := r.at(jsonString(item, "/@odata.id")); other != nil && other.json && jsonGet(other.data, "/PowerState") != nil {
				all = append(all, other)
			}
		}
	}
	for _, y := range all {
		if name := y.points["/PowerState"]; name != "" {
			if p, err := r.st.Point(name); err == nil {
				if v, ok := redfishPointValue(p, jsonQuote(state)); ok {
					p.SetAt(v, r.st.Now().Add(delay))
				}
			}
			continue
		}
		if jsonGet(y.data, "/PowerState") == nil {
			continue
		}
		r.later(delay, func() {
			r.set(y, jsonSet(y.data, "/PowerState", jsonQuote(state)))
			r.tell("ResourceChanged", y.path)
		})
	}
}

// booted is what the start of the host changes: an order to boot from somewhere once is used up.
func (r *redfishDevice) booted(x *redfishResource) {
	r.stamp(x)
	if jsonString(x.data, "/Boot/BootSourceOverrideEnabled") == "Once" {
		data := jsonSet(x.data, "/Boot/BootSourceOverrideEnabled", []byte(`"Disabled"`))
		if jsonGet(data, "/Boot/BootSourceOverrideTarget") != nil {
			data = jsonSet(data, "/Boot/BootSourceOverrideTarget", []byte(`"None"`))
		}
		r.set(x, data)
	}
}
