package clone

import (
	"math"
	"slices"
	"time"

	"ringer/profiles"
)

// A moving number is one reading of what some cells of a service hold: two registers may be one number, and
// it is not known beforehand which.
type moving struct {
	s      *Service
	cell   string // for people: "holding 10"
	said   string // what the device calls it; "": nothing
	point  string // what its point is called if nothing better is known
	typ    string // of a point that holds it
	typed  bool   // the protocol says what it is; else it is a way to see bytes
	floats bool
	can    bool  // it can be written
	width  int   // bytes
	takes  []any // the cells of the service that it is made of
	every  float64
	at     []uint32 // milliseconds, rising
	v      []float64
	last   float64 // the newest value
	// place maps the cells to the point in the section of their service; mark tells the learner of it before
	// it writes what is no part of the section.
	place func(*profiles.Device, profiles.Section, profiles.PointRef)
	mark  func(profiles.PointRef)

	step   float64 // the least difference of two values
	spread float64
	plain  bool // a clock, or a counter that counts evenly
	counts bool // it only goes up, or only down
}

// What it takes to say that two numbers are one.
const (
	coupleLeast   = 20 // samples
	coupleAgree   = .9 // part of them that agree within the resolution
	coupleLike    = .999
	coupleChanges = 8 // changes in the coarser one
	coupleValues  = 4 // different values
	// Without a usual scale it takes more.
	coupleStrongLeast  = 40
	coupleStrongAgree  = .95
	coupleStrongLike   = .9999
	coupleStrongValues = 12
	coupleGainMost     = 10000 // a number in the high bytes of another has more
)

// coupleScales are the scales that devices show one number at.
var coupleScales = [...]float64{1, 10, 100, 1000, .1, .01, .001}

// An agreement says how y follows from x: y = gain*x + bias.
type agreement struct {
	gain, bias float64
	r          float64 // correlation of the samples that agree
	n, of      int     // how many agree, of how many
}

func (a agreement) usual() bool { return a.bias == 0 && slices.Contains(coupleScales[:], a.gain) }

// prepare looks at a number by itself. false: it says too little to be compared.
func (m *moving) prepare() bool {
	if len(m.v) < coupleLeast {
		return false
	}
	sorted := slices.Clone(m.v)
	slices.Sort(sorted)
	m.spread = sorted[len(sorted)-1] - sorted[0]
	tiny := math.Max(math.Abs(sorted[0]), math.Abs(sorted[len(sorted)-1])) * 1e-9
	m.step = math.Inf(1)
	values := 1
	for i := 1; i < len(sorted); i++ {
		if d := sorted[i] - sorted[i-1]; d > tiny {
			values++
			m.step = min(m.step, d)
		}
	}
	if values < coupleValues || math.IsNaN(m.spread) || math.IsInf(m.spread, 0) {
		return false
	}
	ups, downs := 0, 0
	for i := 1; i < len(m.v); i++ {
		if d := m.v[i] - m.v[i-1]; d > 0 {
			ups++
		} else if d < 0 {
			downs++
		}
	}
	few := len(m.v) / 50
	m.counts = ups <= few || downs <= few
	m.plain = m.counts && m.even() || m.clocklike()
	return true
}

// even says whether what counts does so at one rate: in windows of time, it gains about the same, but for
// the size of its steps.
func (m *moving) even() bool {
	const windows = 6
	per := len(m.v) / windows
	low, high, most := math.Inf(1), math.Inf(-1), 0.
	for i := 1; i < len(m.v); i++ {
		most = max(most, math.Abs(m.v[i]-m.v[i-1]))
	}
	var slack float64
	for w := range windows {
		a, b := w*per, min((w+1)*per, len(m.v)-1)
		span := float64(m.at[b]-m.at[a]) / 1000
		if span <= 0 {
			return true
		}
		rate := (m.v[b] - m.v[a]) / span
		low, high = min(low, rate), max(high, rate)
		slack = max(slack, 2*most/span)
	}
	return high-low <= .2*math.Abs(high+low)/2+slack
}

// clocklike says whether it moves as clocks do, and as counters that begin anew.
func (m *moving) clocklike() bool {
	t := m.trend(m.scale())
	if t.end.Equal(t.begin) {
		return true
	}
	if t.asClock() != nil {
		return true
	}
	d := t.asCounter()
	return d != nil && d.Counter.Wrap > 0
}

// dynamics is how the number goes on.
func (m *moving) dynamics() *profiles.Dynamics {
	by := m.scale()
	d := m.trend(by).Dynamics()
	if d == nil || d.Clock != nil || !inUnits(d, by) {
		return nil
	}
	return d
}

// scale is by what the number is multiplied to be whole, as far as it can be told apart.
func (m *moving) scale() float64 {
	if !m.floats {
		return 1
	}
	for k := 1.; k <= 1e6; k *= 10 {
		if s := m.step * k; s > .999 && math.Abs(s-math.Round(s)) < .01 {
			return k
		}
	}
	most := 0.
	for _, v := range m.v {
		most = max(most, math.Abs(v))
	}
	return math.Pow(10, max(0, 5-math.Floor(math.Log10(most))))
}

func (m *moving) trend(by float64) *Trend {
	t := &Trend{}
	for i, v := range m.v {
		t.Add(time.UnixMilli(int64(m.at[i])), uint64(int64(math.Round(v*by))), 64)
	}
	return t
}

// agrees compares two numbers.
func agrees(x, y *moving) (a agreement, ok bool) {
	if x.plain || y.plain {
		return a, false
	}
	at, xs, ys := paired(x, y)
	if len(at) < coupleLeast {
		return a, false
	}
	for _, gain := range coupleScales {
		if a, ok = tellsSame(x, y, gain, 0, at, xs, ys, coupleAgree); ok && a.r >= coupleLike {
			return a, true
		}
	}
	if len(at) < coupleStrongLeast || x.counts || y.counts {
		return a, false
	}
	r, gain, bias := fitLine(xs, ys)
	if size := math.Abs(gain); math.Abs(r) < coupleStrongLike || size < 1/coupleGainMost || size > coupleGainMost {
		return a, false
	}
	gain, bias = figures(gain), figures(bias)
	a, ok = tellsSame(x, y, gain, bias, at, xs, ys, coupleStrongAgree)
	return a, ok && math.Abs(a.r) >= coupleStrongLike && differing(xs) >= coupleStrongValues && differing(ys) >= coupleStrongValues
}

// paired gives the values of two numbers at the same times: for each reading of the one with fewer, the
// nearest of the other, if it is no further off than that one is read.
func paired(x, y *moving) (at, xs, ys []float64) {
	few, many := x, y
	if len(few.v) > len(many.v) {
		few, many = y, x
	}
	off := max(20, min(x.every, y.every))
	k, used := 0, -1
	for i, t := range few.at {
		for k+1 < len(many.at) && many.at[k+1] <= t {
			k++
		}
		best := k
		if k+1 < len(many.at) && apart(many.at[k+1], t) < apart(many.at[k], t) {
			best = k + 1
		}
		if apart(many.at[best], t) > off || best == used {
			continue
		}
		used = best
		at = append(at, float64(t)/1000)
		xs, ys = append(xs, few.v[i]), append(ys, many.v[best])
	}
	if few == y {
		xs, ys = ys, xs
	}
	return at, xs, ys
}

func apart(a, b uint32) float64 { return math.Abs(float64(a) - float64(b)) }

// tellsSame says whether y is gain*x+bias as far as both can be told apart, but for some samples between
// which the value changed; and whether what agrees tells anything, once what grows evenly is left out.
func tellsSame(x, y *moving, gain, bias float64, at, xs, ys []float64, part float64) (a agreement, ok bool) {
	xStep := x.step * math.Abs(gain)
	coarse := max(xStep, y.step)
	within := coarse
	if ratio := xStep / y.step; ratio > .5 && ratio < 2 {
		within = coarse / 4 // both tell the same steps apart: they are to be at the same one
	}
	most := max(math.Abs(y.last), y.spread)
	within += 1e-9 * most
	if x.floats || y.floats {
		within += 2e-7 * most // what numbers of 32 bits are off
	}
	miss, missMax := 0, int(float64(len(xs))*(1-part))
	for i := range xs {
		if math.Abs(ys[i]-gain*xs[i]-bias) > within {
			if miss++; miss > missMax {
				return a, false
			}
		}
	}
	t, u, v := make([]float64, 0, len(xs)), make([]float64, 0, len(xs)), make([]float64, 0, len(xs))
	changes := 0
	for i := range xs {
		if math.Abs(ys[i]-gain*xs[i]-bias) > within {
			continue
		}
		if n := len(u); n > 0 && (u[n-1] != xs[i] && v[n-1] != ys[i]) {
			changes++
		}
		t, u, v = append(t, at[i]), append(u, xs[i]), append(v, ys[i])
	}
	a = agreement{gain: gain, bias: bias, n: len(u), of: len(xs)}
	if a.n < coupleLeast || changes < coupleChanges || min(differing(u), differing(v)) < coupleValues {
		return a, false
	}
	a.r, _, _ = fitLine(u, v)
	restX, restY := detrended(t, u), detrended(t, v)
	r, _, _ := fitLine(restX, restY)
	least := .95
	if !a.usual() {
		least = .99
	}
	return a, math.Abs(r) >= least && deviation(restY) >= coarse/2
}

// fitLine is the correlation, and the line of least squares.
func fitLine(x, y []float64) (r, gain, bias float64) {
	mx, my := mean(x), mean(y)
	var xx, yy, xy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xx, yy, xy = xx+dx*dx, yy+dy*dy, xy+dx*dy
	}
	if xx == 0 || yy == 0 {
		return 0, 0, my
	}
	gain = xy / xx
	return xy / math.Sqrt(xx*yy), gain, my - gain*mx
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v
	}
	return m / float64(len(x))
}

// detrended is what is left of x without what grows evenly with time.
func detrended(t, x []float64) []float64 {
	_, gain, bias := fitLine(t, x)
	rest := make([]float64, len(x))
	for i := range x {
		rest[i] = x[i] - gain*t[i] - bias
	}
	return rest
}

func deviation(x []float64) float64 {
	m, s := mean(x), 0.
	for _, v := range x {
		s += (v - m) * (v - m)
	}
	return math.Sqrt(s / float64(len(x)))
}

// differing counts the different values.
func differing(x []float64) int {
	x = slices.Clone(x)
	slices.Sort(x)
	return len(slices.Compact(x))
}
