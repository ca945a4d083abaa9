package clone

import "ringer/profiles"

// inUnits brings dynamics of a number that was multiplied to be whole back to the number itself. false:
// they only make sense for whole numbers.
func inUnits(d *profiles.Dynamics, by float64) bool {
	divide := func(p ...*float64) {
		for _, x := range p {
			if x != nil {
				*x = tidy(*x / by)
			}
		}
	}
	switch {
	case d.Noise != nil:
		n := d.Noise
		divide(&n.Mean, &n.SD, n.Min, n.Max, &n.Step)
	case d.Walk != nil:
		w := d.Walk
		divide(&w.Mean, &w.SD, w.Min, w.Max, &w.Step)
	case d.Sine != nil:
		s := d.Sine
		divide(&s.Mean, &s.Amp, &s.SD, s.Min, s.Max, &s.Step)
	case d.Series != nil:
		for i := range d.Series.Values {
			divide(&d.Series.Values[i])
		}
	case d.Dwell != nil:
		for i := range d.Dwell.States {
			divide(&d.Dwell.States[i].Value)
		}
	default:
		return by == 1
	}
	return true
}
