package clone

import (
	"math"
	"slices"
	"time"

	"ringer/profiles"
)

// stays gathers how long a number keeps each of a few values, and which one follows.
type stays struct {
	states []stayed
	now    int // the state it is in
	since  time.Duration
	moves  [statesMax][statesMax]uint16
	many   bool // more values than states are kept for
}

// A stayed is a value, and the whole stays there: begun and ended while it was watched.
type stayed struct {
	value         uint64
	n             int
	sum, square   float64 // seconds
	visits, reads int
}

const statesMax = 8

func newStays(v uint64) *stays {
	return &stays{states: []stayed{{value: v, visits: 1, reads: 1}}}
}

func (s *stays) add(v uint64, dt time.Duration) {
	was := &s.states[s.now]
	if was.value == v {
		s.since += dt
		was.reads++
		return
	}
	// The change came somewhere between the two readings.
	s.since += dt / 2
	if was.visits > 1 || s.now != 0 {
		x := s.since.Seconds()
		was.n++
		was.sum += x
		was.square += x * x
	}
	next := slices.IndexFunc(s.states, func(x stayed) bool { return x.value == v })
	if next < 0 {
		if len(s.states) == statesMax {
			s.many = true
			return
		}
		next = len(s.states)
		s.states = append(s.states, stayed{value: v})
	}
	if s.moves[s.now][next] < math.MaxUint16 {
		s.moves[s.now][next]++
	}
	s.states[next].visits++
	s.states[next].reads++
	s.now, s.since = next, dt-dt/2
}

// calm is how often a value is read at least before it changes, on average, where a device has states.
const calm = 3

func (s *stays) visits() (n int) {
	for _, x := range s.states {
		n += x.visits
	}
	return n
}

// settled says that a few values came one after the other and did not come again: someone changes a
// setting, and nothing tells what comes next.
func (t *Trend) settled() bool {
	if t.stays == nil {
		return false
	}
	visits := t.stays.visits()
	return visits < 2*len(t.stays.states) && t.n >= calm*visits
}

// asDwell finds a few values that are kept for a while and come back.
func (t *Trend) asDwell() *profiles.Dynamics {
	if t.stays == nil || t.n < 8 {
		return nil
	}
	states := t.stays.states
	visits := t.stays.visits()
	if visits < 2*len(states) || t.n < calm*visits && (len(states) > 2 || t.n < 2*visits) {
		return nil
	}
	order, strict := t.stays.order()
	if !strict && len(states) > 2 && t.stays.neighbourly() {
		return nil // a slow walk in coarse steps
	}
	d := &profiles.Dwell{}
	var spread, weight float64
	view := t.view()
	for _, i := range order {
		s := states[i]
		if s.n == 0 {
			s.n, s.sum = 1, t.span().Seconds()/float64(visits)
			s.square = s.sum * s.sum
		}
		mean := s.sum / float64(s.n)
		if s.n > 1 {
			spread += math.Sqrt(max(0, s.square/float64(s.n)-mean*mean)) / mean * float64(s.n)
			weight += float64(s.n)
		}
		d.States = append(d.States, profiles.DwellState{Value: t.readAs(s.value)[view], For: seconds(mean)})
	}
	if weight > 0 {
		d.SD = math.Round(spread/weight*100) / 100
	}
	return &profiles.Dynamics{Dwell: d}
}

func seconds(s float64) time.Duration {
	return max(time.Millisecond, time.Duration(s*1e9).Round(time.Millisecond))
}

// order is the order in which the states follow each other; strict, if each has one usual follower and
// that leads through all of them.
func (s *stays) order() (order []int, strict bool) {
	n := len(s.states)
	seen := make([]bool, n)
	strict = true
	for i := 0; !seen[i]; {
		seen[i] = true
		order = append(order, i)
		best, all := 0, 0
		for j := range n {
			all += int(s.moves[i][j])
			if s.moves[i][j] > s.moves[i][best] {
				best = j
			}
		}
		strict = strict && 10*int(s.moves[i][best]) >= 7*all
		i = best
	}
	for i := range n {
		if !seen[i] {
			strict = false
			order = append(order, i)
		}
	}
	return order, strict
}

// neighbourly says whether most changes lead to the next higher or lower value.
func (s *stays) neighbourly() bool {
	rank := make([]int, len(s.states))
	for i, a := range s.states {
		for _, b := range s.states {
			if b.value < a.value {
				rank[i]++
			}
		}
	}
	near, all := 0, 0
	for i := range s.states {
		for j := range s.states {
			n := int(s.moves[i][j])
			all += n
			if d := rank[i] - rank[j]; d == 1 || d == -1 {
				near += n
			}
		}
	}
	return 10*near >= 9*all
}

// asPeriod finds what repeats: a sine, or else another shape, as a series of one period.
func (t *Trend) asPeriod() *profiles.Dynamics {
	const leastReadings = 24
	view := t.view()
	if len(t.kept) < leastReadings {
		return nil
	}
	if _, _, alike := t.shape(view); t.stride == 1 && alike < .3 && alike > -.3 {
		return nil // independent readings show no period
	}
	at, x := make([]float64, len(t.kept)), make([]float64, len(t.kept))
	for i, r := range t.kept {
		at[i], x[i] = r.at.Seconds(), t.valueOf(r, view)
	}
	if t.stays == nil || len(t.stays.states) > 2 {
		if d := t.asSine(at, x, view); d != nil {
			return d
		}
	}
	if n := repeats(at, x); n > 0 {
		return t.asSeries(n)
	}
	return nil
}

// asSine fits a sine by least squares at every frequency that the readings can show (the periodogram of
// Lomb and Scargle), and takes the best if it explains nearly everything.
func (t *Trend) asSine(at, x []float64, view int) *profiles.Dynamics {
	const (
		explains     = .85
		leastPeriods = 2
		oversampling = 4
	)
	n := len(x)
	span := at[n-1] - at[0]
	best, bestAt := fitted{}, 0.
	try := func(f float64) {
		if s := fitSine(at, x, 2*math.Pi*f); s.explained > best.explained {
			best, bestAt = s, f
		}
	}
	for k := leastPeriods * oversampling; k <= n*oversampling/4; k++ {
		try(float64(k) / oversampling / span)
	}
	for width := 1. / oversampling / span; width > 1e-4/span; width /= 2 {
		f := bestAt
		try(f - width/2)
		try(f + width/2)
	}
	if best.explained < explains || bestAt*span < leastPeriods-.05 {
		return nil
	}
	period := time.Duration(1e9 / bestAt)
	// The sine rises through the mean where a·cos + b·sin does: at the phase -atan2(a, b).
	rises := t.begin.Add(time.Duration(-math.Atan2(best.cos, best.sin) / (2 * math.Pi) * float64(period)))
	phase := time.Duration(rises.UnixNano()) % period
	if phase < 0 {
		phase += period
	}
	low, high := t.low[view], t.high[view]
	s := &profiles.Sine{Mean: figures(best.mean), Amp: figures(math.Hypot(best.cos, best.sin)), Period: period.Round(time.Millisecond),
		Phase: phase.Round(time.Millisecond), SD: figures(best.left), Min: &low, Max: &high}
	if t.grid > 1 {
		s.Step = float64(t.grid)
	}
	return &profiles.Dynamics{Sine: s}
}

type fitted struct {
	mean, cos, sin float64
	explained      float64 // part of the variance
	left           float64 // spread around the sine
}

// fitSine fits mean + cos·cos(wt) + sin·sin(wt) by least squares.
func fitSine(at, x []float64, w float64) fitted {
	var a [3][4]float64 // normal equations
	var mean, total float64
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for i, v := range x {
		v -= mean
		total += v * v
		s, c := math.Sincos(w * at[i])
		row := [3]float64{1, c, s}
		for j := range 3 {
			for k := range 3 {
				a[j][k] += row[j] * row[k]
			}
			a[j][3] += row[j] * v
		}
	}
	y, ok := solve(a)
	if !ok || total == 0 {
		return fitted{}
	}
	// What the fit explains is the product of the solution and the right-hand side.
	left := total
	for j := range 3 {
		left -= y[j] * a[j][3]
	}
	left = max(0, left)
	return fitted{mean + y[0], y[1], y[2], 1 - left/total, math.Sqrt(left / float64(len(x)))}
}

// solve solves three linear equations (Gauss, with pivots).
func solve(a [3][4]float64) (y [3]float64, ok bool) {
	for i := range 3 {
		p := i
		for j := i + 1; j < 3; j++ {
			if math.Abs(a[j][i]) > math.Abs(a[p][i]) {
				p = j
			}
		}
		if math.Abs(a[p][i]) < 1e-9 {
			return y, false
		}
		a[i], a[p] = a[p], a[i]
		for j := range 3 {
			if j != i {
				f := a[j][i] / a[i][i]
				for k := i; k < 4; k++ {
					a[j][k] -= f * a[i][k]
				}
			}
		}
	}
	for i := range 3 {
		y[i] = a[i][3] / a[i][i]
	}
	return y, true
}

// repeats is after how many readings, taken at even times, their shape comes again; 0: it does not.
func repeats(at, x []float64) int {
	n := len(x)
	even := (at[n-1] - at[0]) / float64(n-1)
	for i := range n - 1 {
		if math.Abs(at[i+1]-at[i]-even) > even/3 {
			return 0
		}
	}
	var mean, total float64
	for _, v := range x {
		mean += v
	}
	mean /= float64(n)
	for _, v := range x {
		total += (v - mean) * (v - mean)
	}
	if total == 0 {
		return 0
	}
	var best float64
	period, fell := 0, false
	for lag := 1; lag <= n/2; lag++ {
		var c float64
		for i := lag; i < n; i++ {
			c += (x[i] - mean) * (x[i-lag] - mean)
		}
		c = c / float64(n-lag) * float64(n) / total
		fell = fell || c < .4
		if fell && c > best+.05 {
			best, period = c, lag
		}
	}
	if best < .9 {
		return 0
	}
	return period
}

func median(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	if n%2 == 1 {
		return x[n/2]
	}
	return (x[n/2-1] + x[n/2]) / 2
}
