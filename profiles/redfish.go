package profiles

import (
	"path"
	"strings"
	"time"
)

// Redfish is a Redfish service (DSP0266) on a web server: what lies under /redfish is answered from a tree
// of resources in the DMTF's mockup layout, with log-in, sessions, changes and actions. Pages beside it are
// the web server's.
//
//	http:
//	  port: 443
//	  tls: {}
//	  redfish:
//	    root: redfish/
//	    sessions: {timeout: 30m}
//	    points:
//	      /redfish/v1/Systems/1#/PowerState: power
//	      /redfish/v1/Chassis/1/Thermal#/Temperatures/0/ReadingCelsius: inlet
//	    actions:
//	      ComputerSystem.Reset: {delay: 4s}
//
// Who may log in is the profile's accounts. Their roles are Administrator, Operator and ReadOnly, and those
// of IPMI: administrator, operator, user, callback. An account without a role is an administrator.
type Redfish struct {
	// Root is a folder of the profile in the mockup layout: /redfish/v1/Systems is
	// redfish/v1/Systems/index.json in it, or Systems/index.json (the short form). headers.json beside it
	// has the headers of its answer, time.json how long it takes.
	Root string `yaml:"root"`
	// Open are paths that are read without credentials, beside those that DSP0266 opens to everybody. A path
	// that ends in a slash opens all below it.
	Open []string `yaml:"open,omitempty,flow"`
	// Anonymous: nobody has to log in, and everybody may do everything.
	Anonymous bool `yaml:"anonymous,omitempty"`
	// Realm is what answers to those without credentials ask Basic credentials for. None: they do not ask,
	// and Basic is taken all the same. "none": sessions are the only way in.
	Realm string `yaml:"realm,omitempty"`
	// Sessions says how long a log-in lasts.
	Sessions RedfishSessions `yaml:"sessions,omitempty"`
	// Points puts live values into resources: path of the resource, a number sign, JSON pointer (RFC 6901).
	Points map[string]string `yaml:"points,omitempty"`
	// SEL is the collection of entries of the log that shows the device's log of events, the one of its IPMI
	// service: /redfish/v1/Systems/1/LogServices/SEL/Entries.
	SEL string `yaml:"sel,omitempty"`
	// Writable are properties that can be changed, in the same form, beside those that the schemas of the
	// DMTF make writable.
	Writable []string `yaml:"writable,omitempty"`
	// Actions says what actions do, by their names without the number sign.
	Actions map[string]RedfishAction `yaml:"actions,omitempty"`
	// Patched is the status of an answer to a change: 200 with the resource (if it is not said), or 204.
	Patched int `yaml:"patched,omitempty"`
}

// RedfishSessions are log-ins with a token.
type RedfishSessions struct {
	// Timeout ends a session that is not used; if it is not said, SessionTimeout of the SessionService does.
	Timeout time.Duration `yaml:"timeout,omitempty"`
	// Most is how many may be open at once; 64 unless it says.
	Most int `yaml:"most,omitempty"`
	// Token is one that shows what tokens look like: those that are made have the same length and the same
	// kinds of characters.
	Token string `yaml:"token,omitempty"`
}

// RedfishAction is what happens when an action is asked for.
type RedfishAction struct {
	// Delay is how long it takes to have its effect.
	Delay time.Duration `yaml:"delay,omitempty"`
	// Task: the answer is 202 and a task that can be watched.
	Task bool `yaml:"task,omitempty"`
	// Status of the answer; 204 unless it says.
	Status int `yaml:"status,omitempty"`
}

const redfishMost = 4096

// Validate checks what the Go types do not say.
func (r *Redfish) Validate(v *Validation) {
	if r.Root == "" {
		v.At("root").Errorf("want the folder of the resources")
	} else {
		v.At("root").Folder(r.Root)
	}
	for i, p := range r.Open {
		absolute(v.At("open", i), p)
	}
	if strings.ContainsAny(r.Realm, "\"\\\r\n") {
		v.At("realm").Errorf("%q cannot be a realm", r.Realm)
	}
	if r.Sessions.Timeout < 0 {
		v.At("sessions", "timeout").Errorf("want a time that is not negative")
	}
	if n := r.Sessions.Most; n < 0 || n > redfishMost {
		v.At("sessions", "most").Errorf("want 1 to %d", redfishMost)
	}
	if strings.ContainsFunc(r.Sessions.Token, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		v.At("sessions", "token").Errorf("want printable characters without spaces")
	}
	for place, point := range r.Points {
		at := v.At("points", place)
		redfishPlace(at, place)
		at.Point(point)
	}
	if r.SEL != "" {
		absolute(v.At("sel"), r.SEL)
	}
	for i, place := range r.Writable {
		redfishPlace(v.At("writable", i), place)
	}
	for name, a := range r.Actions {
		at := v.At("actions", name)
		if name == "" || strings.ContainsAny(name, "#/ ") {
			at.Errorf("want the name of an action as ComputerSystem.Reset, not %q", name)
		}
		if a.Delay < 0 {
			at.At("delay").Errorf("want a time that is not negative")
		}
		if a.Status != 0 && (a.Status < 200 || a.Status > 299) {
			at.At("status").Errorf("want a status from 200 to 299")
		}
	}
	if r.Patched != 0 && r.Patched != 200 && r.Patched != 204 {
		v.At("patched").Errorf("want 200 or 204")
	}
}

// redfishPlace checks the name of a place in a resource.
func redfishPlace(v *Validation, place string) {
	p, pointer, ok := strings.Cut(place, "#")
	if !ok || !strings.HasPrefix(p, "/redfish/") || path.Clean(p) != p || len(pointer) < 2 || pointer[0] != '/' {
		v.Errorf("want the path of a resource, #, and a JSON pointer, as /redfish/v1/Systems/1#/PowerState, not %q", place)
	}
}
