package profiles

import (
	"fmt"
	"strconv"
	"strings"
)

// A PointRef names a point where a cell maps to it. The cell may show another number than the point holds:
// "level*100" is 100 times the level, "temperature*1.8+32" so much and 32 more.
type PointRef struct {
	Name string
	Gain float64 // what the cell shows is the point's value times it, 1 if nothing is said,
	Bias float64 // plus this
}

// Plain says that the cell shows the point as it is.
func (r PointRef) Plain() bool { return r.Gain == 1 && r.Bias == 0 }

// String writes the reference as ParsePointRef reads it.
func (r PointRef) String() string {
	if r.Plain() {
		return r.Name
	}
	s := r.Name + "*" + strconv.FormatFloat(r.Gain, 'g', -1, 64)
	switch {
	case r.Bias > 0:
		s += "+"
		fallthrough
	case r.Bias < 0:
		s += strconv.FormatFloat(r.Bias, 'f', -1, 64)
	}
	return s
}

// ParsePointRef reads a reference. A name without a factor may hold any character but "*".
func ParsePointRef(s string) (r PointRef, err error) {
	name, factor, scaled := strings.Cut(s, "*")
	r = PointRef{Name: name, Gain: 1}
	if !scaled {
		return r, nil
	}
	end := len(factor)
	for i := 1; i < len(factor); i++ {
		if c := factor[i]; (c == '+' || c == '-') && factor[i-1] != 'e' {
			end = i
			break
		}
	}
	if r.Gain, err = strconv.ParseFloat(factor[:end], 64); err == nil && end < len(factor) {
		r.Bias, err = strconv.ParseFloat(factor[end:], 64)
	}
	if err != nil || r.Gain-r.Gain != 0 || r.Gain == 0 || r.Bias-r.Bias != 0 {
		return r, fmt.Errorf("%q: want a point, or one with a factor and what is added, as level*100 or temperature*1.8+32", s)
	}
	return r, nil
}
