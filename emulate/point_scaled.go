package emulate

import (
	"fmt"

	"ringer/profiles"
)

// scaled is a view of a point: what one cell shows of it is its value times a factor. Reads and writes go
// through to the point.
func (p *PointState) scaled(name string, by profiles.PointRef) (*PointState, error) {
	if p.kind.name == "text" || p.kind.name == "enum" || p.kind.name == "time" {
		return nil, fmt.Errorf("the point %s is no number: %s has no meaning", p.Name, name)
	}
	spec := *p.Spec
	spec.Type, spec.Value, spec.Values, spec.Dynamics = "f64", nil, nil, nil
	if w := p.Spec.Write; w != nil {
		low, high := w.Min, w.Max
		if by.Gain < 0 {
			low, high = high, low
		}
		spec.Write = &profiles.WriteRule{Min: shownBy(by, low), Max: shownBy(by, high)}
	}
	kind, err := pointTypeOf(spec.Type)
	return &PointState{Name: name, Spec: &spec, st: p.st, kind: kind, of: p, scale: by}, err
}

func (p *PointState) scaledFrom(v Value) Value {
	return FloatValue(v.Float()*p.scale.Gain + p.scale.Bias)
}

func (p *PointState) scaledBack(v Value) Value {
	return FloatValue((v.Float() - p.scale.Bias) / p.scale.Gain)
}

// shownBy is a bound of the point as the view shows it.
func shownBy(by profiles.PointRef, bound *float64) *float64 {
	if bound == nil {
		return nil
	}
	x := *bound*by.Gain + by.Bias
	return &x
}
