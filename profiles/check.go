package profiles

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// What the types of the profile itself know about their values.

// PointTypes are the types a point can have.
var PointTypes = []string{"bool", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "text", "enum", "time"}

// check looks at what concerns the profile as a whole.
func (d *Device) check(v *Validation) {
	if d.ID == "" || strings.ContainsAny(d.ID, "/\\\x00\n") {
		v.At("id").Errorf("%q cannot be the name of a device", d.ID)
	}
	if d.Evidence != "" {
		v.At("evidence").File(d.Evidence)
	}
	names := map[string]int{}
	for i, a := range d.Accounts {
		if before, twice := names[a.Name]; twice {
			v.At("accounts", i, "name").Errorf("account %q is there twice: it is accounts[%d], too", a.Name, before)
		}
		names[a.Name] = i
	}
	ports := map[string]int{}
	for i, s := range d.Services {
		if s.Section == nil {
			v.At("services", i).Errorf("the service is empty")
			continue
		}
		at := v.At("services", i, s.Protocol)
		s.Common().check(at)
		key := s.Protocol + "/" + s.Common().Port.String()
		if before, twice := ports[key]; twice {
			at.At("port").Errorf("%s is on port %s twice: it is services[%d], too", s.Protocol, s.Common().Port, before)
		}
		ports[key] = i
	}
	for name, p := range d.Points {
		if p != nil && p.Dynamics != nil && p.Dynamics.Linear != nil {
			of := v.At("points", name, "dynamics", "linear", "of")
			of.Point(p.Dynamics.Linear.Of)
			if d.leadsTo(p.Dynamics.Linear.Of, name) {
				of.Errorf("point %s follows itself", name)
			}
		}
	}
}

// leadsTo says whether a point is another, or follows it over any number of points.
func (d *Device) leadsTo(name, other string) bool {
	for range len(d.Points) {
		if name == other {
			return true
		}
		p := d.Points[name]
		if p == nil || p.Dynamics == nil || p.Dynamics.Linear == nil {
			return false
		}
		name = p.Dynamics.Linear.Of
	}
	return false
}

func (id *Identity) Validate(v *Validation) {
	b, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "", ".", "").Replace(id.MAC))
	if id.MAC != "" && (err != nil || len(b) != 6 && len(b) != 8) {
		v.At("mac").Errorf("%q is not a hardware address: want one like 00:00:5e:00:53:01", id.MAC)
	}
}

func (c *Common) check(v *Validation) {
	if c.Port.Number == 0 {
		v.At("port").Errorf("the port is missing")
	}
	if c.TLS != nil && c.Port.UDP {
		v.At("tls").Errorf("TLS is served over TCP")
	}
	for i, f := range c.Samples {
		v.At("samples", i).File(f)
	}
	for i, f := range c.Recordings {
		v.At("recordings", i).File(f)
	}
}

func (c *Capture) Validate(v *Validation) {
	if b, err := hex.DecodeString(c.SHA256); c.SHA256 != "" && (err != nil || len(b) != 32) {
		v.At("sha256").Errorf("want 64 hexadecimal digits")
	}
	if !c.To.IsZero() && c.To.Before(c.From) {
		v.At("to").Errorf("the capture ends before it begins")
	}
}

func (n *Network) Validate(v *Validation) {
	v.At("ttl").within(n.TTL, 0, 255)
	v.At("window").within(n.Window, 0, 65535<<14)
	v.At("mss").within(n.MSS, 0, 65535)
}

func (v *Validation) within(x, least, most int) {
	if x < least || x > most {
		v.Errorf("%d is out of range: want %d to %d", x, least, most)
	}
}

func (a *Account) Validate(v *Validation) {
	if a.Name == "" {
		v.Errorf("the account has no name")
	}
	v.At("policy").OneOf(a.Policy, "deny", "accept", "bait")
	if a.Policy == "bait" && a.Bait == "" {
		v.At("policy").Errorf("the policy bait wants the secret in bait")
	}
	if a.Verify != "" && !IsVerifier(a.Verify) {
		v.At("verify").Errorf("want sha256:<salt>:<digest> in hexadecimal")
	}
	if a.USM != nil {
		a.USM.check(a.Bait, v.At("usm"), v.At("bait"))
	}
}

func (l *Latency) Validate(v *Validation) {
	if l.P50 < 0 || l.P90 < l.P50 || l.P99 < l.P90 {
		v.Errorf("want p50 ≤ p90 ≤ p99, none below zero")
	}
	if l.N < 0 {
		v.At("count").Errorf("want a number from 0 up")
	}
}

func (l *Limits) Validate(v *Validation) {
	v.At("connections").within(l.Connections, 0, math.MaxInt32)
	v.At("per_peer").within(l.PerPeer, 0, math.MaxInt32)
	v.At("message").within(l.Message, 0, math.MaxInt32)
	if l.Idle < 0 {
		v.At("idle").Errorf("want a duration from 0 up")
	}
	if l.Rate < 0 {
		v.At("rate").Errorf("want a number from 0 up")
	}
}

func (f *Volatile) Validate(v *Validation) {
	if f.Path == "" {
		v.Errorf("want the path of a field")
	}
	v.At("kind").OneOf(f.Kind, "clock", "minted", "count")
	if f.Seen < 2 {
		v.At("seen").Errorf("%d: a mask needs two differing observations", f.Seen)
	}
}

func (p *Point) Validate(v *Validation) {
	if !slices.Contains(PointTypes, p.Type) {
		v.At("type").Errorf("%q is not a type: want one of %s%s", p.Type, strings.Join(PointTypes, ", "), suggest(p.Type, PointTypes))
		return
	}
	if p.Dynamics != nil && p.Type == "text" {
		v.At("dynamics").Errorf("a text cannot move")
	}
	if p.Every < 0 {
		v.At("every").Errorf("want a time that is not negative")
	}
	if p.Values != nil && p.Type != "enum" {
		v.At("values").Errorf("only an enum has named values")
	}
	if err := p.fits(p.Value); err != nil {
		v.At("value").Errorf("%s", err)
	}
	if w := p.Write; w != nil && w.Min != nil && w.Max != nil && *w.Max < *w.Min {
		v.At("write").Errorf("max is below min")
	}
}

// limits are the least and the most that a point of a numeric type holds.
func (p *Point) limits() (least, most float64, ok bool) {
	if p.Type == "bool" {
		return 0, 1, true
	}
	bits, err := strconv.Atoi(strings.TrimLeft(p.Type, "ui"))
	if err != nil {
		return 0, 0, false
	}
	if p.Type[0] == 'u' {
		return 0, math.Ldexp(1, bits) - 1, true
	}
	return -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1) - 1, true
}

// fits says whether a value can be the point's.
func (p *Point) fits(value any) error {
	var f float64
	switch x := value.(type) {
	case nil:
		return nil
	case bool:
		if p.Type == "bool" {
			return nil
		}
		return fmt.Errorf("%v does not fit the type %s", x, p.Type)
	case int:
		f = float64(x)
	case int64:
		f = float64(x)
	case uint64:
		f = float64(x)
	case float64:
		f = x
	case string:
		switch p.Type {
		case "text", "time":
			return nil
		case "enum":
			for wire, name := range p.Values {
				if x == name || x == wire {
					return nil
				}
			}
			if p.Values == nil {
				return nil
			}
		}
		return fmt.Errorf("%q does not fit the type %s", x, p.Type)
	default:
		return fmt.Errorf("want a number, a text, true or false")
	}
	if p.Type == "text" {
		return nil
	}
	if _, named := p.Values[fmt.Sprint(value)]; p.Type == "enum" && p.Values != nil && !named {
		return fmt.Errorf("%v is not one of the point's values: %s", value, strings.Join(slices.SortedFunc(maps.Keys(p.Values), natural), ", "))
	}
	least, most, whole := p.limits()
	if whole && (f < least || f > most) {
		return fmt.Errorf("%v is out of range: %s holds %v to %v", value, p.Type, least, most)
	}
	if whole && f != math.Trunc(f) {
		return fmt.Errorf("%v does not fit the type %s: want a whole number", value, p.Type)
	}
	return nil
}
