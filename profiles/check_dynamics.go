package profiles

import "reflect"

// Kind is the name of the kind of motion that is set: "walk". It is empty if there is none, or more than one.
func (d *Dynamics) Kind() (kind string) {
	v := reflect.ValueOf(d).Elem()
	for _, f := range fieldsOf(v.Type()) {
		if !v.FieldByIndex(f.index).IsNil() {
			if kind != "" {
				return ""
			}
			kind = f.key
		}
	}
	return kind
}

func (d *Dynamics) Validate(v *Validation) {
	if d.Kind() == "" {
		v.Errorf("want exactly one of const, counter, clock, noise, walk, sine, dwell, series, linear")
	}
}

func (c *Counter) Validate(v *Validation) {
	if c.Rate < 0 {
		v.At("rate").Errorf("a counter does not go down")
	}
	if c.Jitter < 0 {
		v.At("jitter").Errorf("want a number from 0 up")
	}
	if c.Wrap > 0 && c.Start >= c.Wrap {
		v.At("start").Errorf("the counter begins anew at %d: it cannot start at %d", c.Wrap, c.Start)
	}
}

func (c *Clock) Validate(v *Validation) {
	v.At("since").OneOf(c.Since, "boot")
	v.At("of").OneOf(c.Of, "wall")
	if c.Since != "" && c.Of != "" {
		v.Errorf("want since: boot or of: wall, not both")
	}
	if c.Unit < 0 {
		v.At("unit").Errorf("want a duration above 0")
	}
	if c.Uptime < 0 {
		v.At("uptime").Errorf("want a duration from 0 up")
	}
}

func (n *Noise) Validate(v *Validation) { v.spread(n.SD, n.Min, n.Max, n.Step) }

func (w *Walk) Validate(v *Validation) {
	v.spread(w.SD, w.Min, w.Max, w.Step)
	if w.Tau < 0 {
		v.At("tau").Errorf("want a duration from 0 up")
	}
}

func (v *Validation) spread(sd float64, least, most *float64, step float64) {
	if sd < 0 {
		v.At("sd").Errorf("want a number from 0 up")
	}
	if step < 0 {
		v.At("step").Errorf("want a number from 0 up")
	}
	if least != nil && most != nil && *most < *least {
		v.At("max").Errorf("max is below min")
	}
}

func (s *Sine) Validate(v *Validation) {
	v.spread(s.SD, s.Min, s.Max, s.Step)
	if s.Period <= 0 {
		v.At("period").Errorf("want a duration above 0")
	}
}

func (d *Dwell) Validate(v *Validation) {
	if len(d.States) == 0 {
		v.At("states").Errorf("want at least one state")
	}
	for i, s := range d.States {
		if s.For <= 0 {
			v.At("states", i, "for").Errorf("want a duration above 0")
		}
	}
	if d.SD < 0 {
		v.At("sd").Errorf("want a number from 0 up")
	}
}

func (s *Series) Validate(v *Validation) {
	if s.Every <= 0 {
		v.At("every").Errorf("want a duration above 0")
	}
	if len(s.Values) == 0 {
		v.At("values").Errorf("want at least one value")
	}
}

func (l *Linear) Validate(v *Validation) { v.spread(l.SD, nil, nil, l.Step) }
