package emulate

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringer/profiles"
)

// A PointState is one named value of a running device.
type PointState struct {
	Name   string
	Spec   *profiles.Point
	st     *State
	kind   pointType
	value  Value
	motion *Motion // nil: stays
	writes int
	// driven by the program: it stands still while that is stopped
	driven   bool
	watchers []func(at time.Time) // told of every value written, and when that was
	// later is the value that it takes when due has come; zero: none
	later Value
	due   time.Time
	// of is the point that this is a view of, by scale; nil: it is a point of its own
	of    *PointState
	scale profiles.PointRef
}

// ErrReadOnly and ErrRange say why a point did not take a value.
var (
	ErrReadOnly = errors.New("the point cannot be written")
	ErrRange    = errors.New("the value is out of the point's range")
)

// Get is the value now.
func (p *PointState) Get() Value {
	p.comeDue()
	switch {
	case p.of != nil:
		return p.scaledFrom(p.of.Get())
	case p.motion == nil:
		return p.value
	case p.driven:
		return p.kind.clamp(p.motion.At(p.measured(p.st.programNow())))
	}
	return p.kind.clamp(p.motion.At(p.measured(p.st.now())))
}

// measured is when the device measured last.
func (p *PointState) measured(now time.Time) time.Time {
	if p.Spec.Every <= 0 {
		return now
	}
	return now.Add(-now.Sub(p.st.booted) % p.Spec.Every)
}

// drive makes the program drive a point and those it follows. Clocks go on whatever the program does.
func (p *PointState) drive() {
	if p.of != nil {
		p = p.of
	}
	for ; p != nil && p.motion != nil && p.motion.d.Clock == nil; p = p.motion.of {
		p.driven = true
	}
}

// Set writes a value; every protocol that maps the point sees it at once. Names of an enum are known.
func (p *PointState) Set(v Value) error {
	v, err := p.writable(v)
	if err != nil {
		return err
	}
	if p.of != nil {
		return p.of.Set(p.scaledBack(v))
	}
	p.become(v, p.st.now())
	return nil
}

// writable makes a value one that the point holds after it was written, or says why it cannot be.
func (p *PointState) writable(v Value) (Value, error) {
	w := p.Spec.Write
	if w == nil {
		return v, ErrReadOnly
	}
	v, ok := p.take(v)
	if !ok {
		return v, ErrRange
	}
	if !v.IsText() {
		if f := v.Float(); w.Min != nil && f < *w.Min || w.Max != nil && f > *w.Max {
			return v, ErrRange
		}
	}
	return v, nil
}

// become gives the point a value that it takes.
func (p *PointState) become(v Value, at time.Time) {
	p.value, p.motion = v, nil
	p.writes++
	for _, told := range p.watchers {
		told(at)
	}
}

// watch has somebody told of the values that are written to the point.
func (p *PointState) watch(told func(at time.Time)) {
	if p.of != nil {
		p = p.of
	}
	p.watchers = append(p.watchers, told)
}

// SetAt is Set, at a time to come: what the device does takes its time. A value that is set meanwhile is
// replaced then, too; SetAt replaces what was still to come.
func (p *PointState) SetAt(v Value, at time.Time) error {
	v, err := p.writable(v)
	if err != nil {
		return err
	}
	if p.of != nil {
		return p.of.SetAt(p.scaledBack(v), at)
	}
	if p.due.IsZero() {
		p.st.due = append(p.st.due, p)
	}
	p.later, p.due = v, at
	p.comeDue()
	return nil
}

// keep drops what was still to come.
func (p *PointState) keep() {
	if p.of != nil {
		p = p.of
	}
	p.due = time.Time{}
	p.st.forget(p)
}

// comeDue takes the value whose time has come.
func (p *PointState) comeDue() {
	if p.due.IsZero() || p.st.now().Before(p.due) {
		return
	}
	at := p.due
	p.keep()
	p.become(p.later, at)
}

// Writes counts the values written so far: cells that map to the point end their recordings with the first.
func (p *PointState) Writes() int {
	if p.of != nil {
		return p.of.Writes()
	}
	p.comeDue()
	return p.writes
}

// Text is the value as a person reads it: for an enum, the name.
func (p *PointState) Text() string {
	v := p.Get()
	s := v.String()
	if name, ok := p.Spec.Values[s]; ok && p.kind.name == "enum" {
		return name
	}
	if p.kind.name == "time" && !v.IsText() {
		return time.Unix(v.Int(), 0).UTC().Format(time.RFC3339)
	}
	return s
}

// take makes a value one of the point's type, and says whether the point can hold it.
func (p *PointState) take(v Value) (Value, bool) {
	switch p.kind.name {
	case "text":
		return TextValue(v.String()), true
	case "enum":
		s := v.String()
		for wire, name := range p.Spec.Values {
			if s == wire || s == name {
				if n, err := strconv.ParseInt(wire, 10, 64); err == nil {
					return IntValue(n), true
				}
				return TextValue(wire), true
			}
		}
		return v, len(p.Spec.Values) == 0
	case "time":
		if v.IsText() {
			t, err := time.Parse(time.RFC3339, v.text)
			return IntValue(t.Unix()), err == nil
		}
	}
	if v.IsText() {
		f, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64)
		if err != nil {
			return v, false
		}
		if v = FloatValue(f); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			v = IntValue(int64(f))
		}
	}
	f := v.Float()
	if math.IsNaN(f) || f < p.kind.low || f > p.kind.high {
		return v, false
	}
	if p.kind.name == "f32" {
		// The shortest number that is this one in 32 bits: 2.6, not 2.5999999046325684.
		f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, 32), 64)
		return FloatValue(f), true
	}
	return p.kind.clamp(v), true
}

// A pointType is what a point's values can be.
type pointType struct {
	name      string
	low, high float64
	whole     bool
	wrap      uint64 // how many values an unsigned type has; 0: 2^64, or it is no unsigned type
}

func pointTypeOf(name string) (pointType, error) {
	t := pointType{name: name, low: math.Inf(-1), high: math.Inf(1)}
	switch name {
	case "bool":
		t.low, t.high, t.whole, t.wrap = 0, 1, true, 2
	case "u8", "u16", "u32", "u64":
		bits, _ := strconv.Atoi(name[1:])
		t.low, t.high, t.whole = 0, math.Ldexp(1, bits)-1, true
		if bits < 64 {
			t.wrap = 1 << bits
		}
	case "i8", "i16", "i32", "i64":
		bits, _ := strconv.Atoi(name[1:])
		t.low, t.high, t.whole = -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)-1, true
	case "enum", "time":
		t.whole = true
	case "f32":
		t.low, t.high = -math.MaxFloat32, math.MaxFloat32
	case "f64", "text":
	default:
		return t, fmt.Errorf("%q is not a type: want one of %s", name, strings.Join(profiles.PointTypes, ", "))
	}
	return t, nil
}

// clamp brings a computed value into the type.
func (t *pointType) clamp(v Value) Value {
	if v.kind == text || !t.whole && v.kind == float {
		return v
	}
	if !t.whole {
		return FloatValue(v.Float())
	}
	if v.kind == float {
		f := math.RoundToEven(v.Float())
		if f < 0 {
			v = IntValue(int64(max(f, math.MinInt64)))
		} else if f >= math.MaxUint64 {
			v = UintValue(math.MaxUint64)
		} else {
			v = UintValue(uint64(f))
		}
	}
	switch f := v.Float(); {
	case f < t.low:
		v = FloatValue(t.low)
	case f > t.high:
		v = FloatValue(t.high)
	}
	if t.low < 0 {
		return IntValue(v.Int())
	}
	return UintValue(v.Uint())
}

func (st *State) newPoint(name string, spec *profiles.Point) (*PointState, error) {
	p := &PointState{Name: name, Spec: spec, st: st}
	var err error
	if p.kind, err = pointTypeOf(spec.Type); err != nil {
		return nil, err
	}
	if spec.Value != nil {
		v, err := ValueOf(spec.Value)
		if err != nil {
			return nil, err
		}
		ok := false
		if p.value, ok = p.take(v); !ok {
			return nil, fmt.Errorf("the value %v does not fit the type %s", spec.Value, spec.Type)
		}
	} else if p.value, _ = p.take(Value{}); spec.Type == "text" {
		p.value = TextValue("")
	}
	if spec.Dynamics == nil || spec.Dynamics.Const != nil {
		return p, nil
	}
	if p.motion, err = st.newMotion("point "+name, spec.Dynamics); err != nil {
		return nil, err
	}
	p.motion.wrap = narrower(p.motion.wrap, p.kind.wrap)
	if spec.Value != nil {
		p.motion.startAt(st.booted, p.value)
	}
	return p, nil
}

// narrower is the smaller of two widths; 0 is the widest.
func narrower(a, b uint64) uint64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// link connects points that follow others. Points that follow each other in a circle are an error.
func (st *State) link() error {
	for _, name := range slices.Sorted(maps.Keys(st.points)) {
		p := st.points[name]
		if p.motion == nil || p.motion.d.Linear == nil {
			continue
		}
		of, err := st.Point(p.motion.d.Linear.Of)
		if err != nil {
			return fmt.Errorf("point %s: linear: %w", name, err)
		}
		p.motion.of = of
		circle := []string{name}
		for q := of; ; q = st.points[q.motion.d.Linear.Of] {
			circle = append(circle, q.Name)
			if q == p {
				return fmt.Errorf("points follow each other in a circle: %s", strings.Join(circle, " -> "))
			}
			if q.motion == nil || q.motion.d.Linear == nil || st.points[q.motion.d.Linear.Of] == nil || len(circle) > len(st.points) {
				break
			}
		}
	}
	return nil
}
