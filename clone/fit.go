package clone

import (
	"math"
	"slices"
	"time"

	"ringer/profiles"
)

// A Trend gathers how the number in one cell moves, in bounded memory, and finds the dynamics that go on
// like it. Only cells that moved need one. The same readings give the same dynamics.
type Trend struct {
	n           int
	bits        int
	first, last uint64
	begin, end  time.Time
	low, high   [2]float64 // of the readings as unsigned [0] and as signed [1] numbers
	sum, square [2]float64 // of how far they are from the first
	hops        [2]float64 // sum of squares of the changes
	grid        uint64     // greatest common divisor of all changes
	way         int64      // from the first reading to the last, wraps undone
	up, down    int        // changes
	upSum       float64
	upMost      uint64
	fellFrom    uint64 // the least value it fell from, and the most it fell to
	fellTo      uint64
	clocks      [len(clockUnits)]clockFit
	stays       *stays
	kept        []reading // every stride-th
	stride      int
}

// A reading is a time after the first one, and the way from the first value.
type reading struct {
	at  time.Duration
	way int64
}

const (
	keptMax    = 128
	leastMoves = 3 // changes below which nothing can be said
	leastBits  = 4 // of a number that counts
)

// clockUnits are the units that devices count time in.
var clockUnits = [...]time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, time.Minute}

// A clockFit counts the readings that are where a clock with one unit would be.
type clockFit struct {
	hits int
	off  float64 // sum of how far they were off
}

// Add takes a reading. Bits is the width of the number, for counters that wrap. Readings come in the order
// of time.
func (t *Trend) Add(at time.Time, v uint64, bits int) {
	if t.n == 0 {
		t.start(at, v, bits)
		return
	}
	t.bits = max(t.bits, bits)
	dt := max(0, at.Sub(t.end))
	change := t.change(t.last, v)
	t.moments(v)
	t.clock(dt, v-t.last)
	t.steps(v, change)
	if t.stays != nil {
		t.stays.add(v, dt)
		if t.stays.many {
			t.stays = nil
		}
	}
	t.way += change
	t.end, t.last = at, v
	t.keep()
	t.n++
}

func (t *Trend) start(at time.Time, v uint64, bits int) {
	t.n, t.bits, t.first, t.last, t.begin, t.end = 1, bits, v, v, at, at
	for i, x := range t.readAs(v) {
		t.low[i], t.high[i] = x, x
	}
	t.fellFrom, t.stride = math.MaxUint64, 1
	t.stays = newStays(v)
	t.kept = append(t.kept, reading{})
}

// change is the shorter way from a to b, which may lead over the end of the number's range.
func (t *Trend) change(a, b uint64) int64 { return signed(b-a, t.bits) }

func signed(v uint64, bits int) int64 {
	if bits <= 0 || bits >= 64 {
		return int64(v)
	}
	return int64(v<<(64-bits)) >> (64 - bits)
}

// readAs is the number as unsigned and as signed.
func (t *Trend) readAs(v uint64) [2]float64 {
	return [2]float64{float64(v), float64(signed(v, t.bits))}
}

func (t *Trend) moments(v uint64) {
	origin, last := t.readAs(t.first), t.readAs(t.last)
	for i, x := range t.readAs(v) {
		t.low[i], t.high[i] = min(t.low[i], x), max(t.high[i], x)
		t.hops[i] += (x - last[i]) * (x - last[i])
		x -= origin[i]
		t.sum[i] += x
		t.square[i] += x * x
	}
}

func (t *Trend) clock(dt time.Duration, change uint64) {
	if t.bits > 0 && t.bits < 64 {
		change &= 1<<t.bits - 1
	}
	for i, unit := range clockUnits {
		want := float64(dt) / float64(unit)
		off := float64(change) - want
		if t.bits > 0 {
			off = math.Remainder(off, math.Ldexp(1, t.bits))
		}
		// A tick for rounding, and what the network may have delayed.
		if math.Abs(off) <= 1.5+float64(100*time.Millisecond)/float64(unit)+want/100 {
			t.clocks[i].hits++
		}
		t.clocks[i].off += off
	}
}

func (t *Trend) steps(v uint64, change int64) {
	switch {
	case change > 0:
		t.up++
		t.upSum += float64(change)
		t.upMost = max(t.upMost, uint64(change))
	case change < 0:
		t.down++
		t.fellFrom, t.fellTo = min(t.fellFrom, t.last), max(t.fellTo, v)
		change = -change
	}
	t.grid = gcd(t.grid, uint64(change))
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// keep stores every stride-th reading; when the store is full every second one goes.
func (t *Trend) keep() {
	if t.n%t.stride != 0 {
		return
	}
	if len(t.kept) == keptMax {
		for i := range keptMax / 2 {
			t.kept[i] = t.kept[2*i]
		}
		t.kept = t.kept[:keptMax/2]
		t.stride *= 2
		if t.n%t.stride != 0 {
			return
		}
	}
	t.kept = append(t.kept, reading{t.end.Sub(t.begin), t.way})
}

// Dynamics is how the number goes on after the last reading; nil: it stays.
func (t *Trend) Dynamics() *profiles.Dynamics {
	if t.up+t.down < leastMoves || t.end.Equal(t.begin) {
		return nil
	}
	if t.bits == 0 || t.bits >= leastBits {
		for _, fit := range []func() *profiles.Dynamics{t.asClock, t.asCounter} {
			if d := fit(); d != nil {
				return d
			}
		}
	}
	if t.settled() {
		return nil
	}
	for _, fit := range []func() *profiles.Dynamics{t.asDwell, t.asPeriod, t.asNoise} {
		if d := fit(); d != nil {
			return d
		}
	}
	return t.asSeries(len(t.kept))
}

func (t *Trend) span() time.Duration { return t.end.Sub(t.begin) }

// asClock finds a rate that is a unit's, all the way.
func (t *Trend) asClock() *profiles.Dynamics {
	for i := len(clockUnits) - 1; i >= 0; i-- {
		unit, c := clockUnits[i], t.clocks[i]
		ticks := float64(t.span()) / float64(unit)
		if ticks < 20 || float64(c.hits) < .98*float64(t.n-1) || math.Abs(c.off) > 1.5+float64(100*time.Millisecond)/float64(unit)+ticks/200 {
			continue
		}
		if t.bits > 0 && t.bits < 64 && float64(t.span())/float64(t.n-1) > math.Ldexp(float64(unit), t.bits-1) {
			continue // it wraps more often than it is read: anything would fit
		}
		clock := &profiles.Clock{Unit: unit, Since: "boot"}
		if skew := time.Unix(0, 0).Add(time.Duration(t.last) * unit).Sub(t.end); t.last < math.MaxInt64/uint64(unit) && skew.Abs() < 24*time.Hour {
			clock = &profiles.Clock{Unit: unit, Of: "wall", Skew: skew.Round(unit)}
		}
		return &profiles.Dynamics{Clock: clock}
	}
	return nil
}

// asCounter finds what grows and does not shrink, apart from beginning anew.
func (t *Trend) asCounter() *profiles.Dynamics {
	const leastUps = 6
	if t.up < leastUps {
		return nil
	}
	if wrap := t.wrapsAt(); wrap > 0 {
		rate := (t.upSum + float64(t.down)*wrap - t.fallen()) / t.span().Seconds()
		return &profiles.Dynamics{Counter: &profiles.Counter{Rate: figures(rate), Wrap: uint64(wrap)}}
	}
	if float64(t.down) > .02*float64(t.n-1) {
		return nil
	}
	rate, off := t.slope()
	if rate <= 0 {
		return nil
	}
	c := &profiles.Counter{Rate: figures(rate)}
	if off > 2 && off > rate/50 {
		c.Jitter = figures(min(off, rate))
	}
	return &profiles.Dynamics{Counter: c}
}

// wrapsAt is where a counter begins anew before its width makes it: it climbs in small steps, and falls only
// from the top to the bottom. 0: it does not.
func (t *Trend) wrapsAt() float64 {
	reach, slack := t.high[0]-t.low[0], 2*float64(t.upMost)
	if t.down < 2 || 4*t.down > t.up || 4*float64(t.upMost) > reach ||
		t.high[0]-float64(t.fellFrom) > slack || float64(t.fellTo)-t.low[0] > slack {
		return 0
	}
	return roundWrap(t.high[0]+1, t.upSum/float64(t.up))
}

// fallen is how far it fell in all.
func (t *Trend) fallen() float64 { return t.upSum - float64(t.way) }

// roundWrap is where a counter probably begins anew that was seen below top: at a round number, if there is
// one within a step.
func roundWrap(top, step float64) float64 {
	for _, round := range []float64{10, 12, 24, 60, 100, 360, 1000, 1440, 3600, 10000, 86400, 100000, 1e6, 1e9} {
		if top <= round && round-top < max(1, step) {
			return round
		}
	}
	if p := math.Exp2(math.Ceil(math.Log2(top))); p-top < max(1, step) {
		return p
	}
	return top
}

// slope is the median of the slopes between kept readings that lie a quarter of the time apart (after Theil
// and Sen: a few resets or bursts do not bend it), and how far the readings typically are off that line.
func (t *Trend) slope() (rate, off float64) {
	slopes := make([]float64, 0, len(t.kept))
	for i, b := range t.kept[max(1, len(t.kept)/4):] {
		a := t.kept[i]
		if dt := (b.at - a.at).Seconds(); dt > 0 {
			slopes = append(slopes, float64(b.way-a.way)/dt)
		}
	}
	if len(slopes) == 0 {
		return 0, 0
	}
	rate = median(slopes)
	if rate == 0 { // it mostly stood still
		rate = float64(t.way) / t.span().Seconds()
	}
	away := make([]float64, len(t.kept))
	for i, r := range t.kept {
		away[i] = float64(r.way) - rate*r.at.Seconds()
	}
	middle := median(append([]float64(nil), away...))
	for i, x := range away {
		away[i] = math.Abs(x - middle)
	}
	return rate, 2 * median(away)
}

// view chooses how to read the number: as signed if that makes it move less.
func (t *Trend) view() int {
	if t.high[1]-t.low[1] < t.high[0]-t.low[0] {
		return 1
	}
	return 0
}

// shape is the mean and spread of the readings in a view, and how alike neighbours are: their correlation
// (after von Neumann, from the changes, which stays exact where they are small).
func (t *Trend) shape(view int) (mean, sd, alike float64) {
	n := float64(t.n)
	m := t.sum[view] / n
	v := t.square[view]/n - m*m
	if v <= 0 {
		return m, 0, 0
	}
	return t.readAs(t.first)[view] + m, math.Sqrt(v), 1 - t.hops[view]/(2*(n-1)*v)
}

// asNoise finds independent readings, and walks: with a memory, or without a home.
func (t *Trend) asNoise() *profiles.Dynamics {
	const leastReadings = 12
	view := t.view()
	mean, sd, alike := t.shape(view)
	if t.n < leastReadings || sd == 0 || alike < -.35 || t.inHeaps(view) {
		return nil
	}
	low, high := t.low[view], t.high[view]
	mean, sd = figures(mean), figures(sd)
	by := 0.
	if t.grid > 1 {
		by = float64(t.grid)
	}
	every := t.span().Seconds() / float64(t.n-1)
	switch {
	case alike < .2:
		return &profiles.Dynamics{Noise: &profiles.Noise{Mean: mean, SD: sd, Min: &low, Max: &high, Step: by}}
	case alike < .98:
		tau := time.Duration(-every / math.Log(alike) * 1e9).Round(time.Millisecond)
		return &profiles.Dynamics{Walk: &profiles.Walk{Mean: mean, Tau: max(tau, time.Millisecond), SD: sd, Min: &low, Max: &high, Step: by}}
	}
	gain := math.Sqrt(t.hops[view] / t.span().Seconds())
	return &profiles.Dynamics{Walk: &profiles.Walk{Mean: mean, SD: figures(gain), Min: &low, Max: &high, Step: by}}
}

// inHeaps says whether the readings lie in heaps with nothing between, as where a sensor fails now and then:
// that is no noise around one mean.
func (t *Trend) inHeaps(view int) bool {
	if t.stays != nil && len(t.stays.states) <= 2 {
		return true
	}
	x := make([]float64, len(t.kept))
	for i, r := range t.kept {
		x[i] = t.valueOf(r, view)
	}
	slices.Sort(x)
	reach := x[len(x)-1] - x[0]
	for i := len(x) / 20; i < len(x)-1-len(x)/20; i++ {
		if x[i+1]-x[i] > .3*reach && reach > 8*float64(max(1, t.grid)) {
			return true
		}
	}
	return false
}

// asSeries repeats the last n kept readings.
func (t *Trend) asSeries(n int) *profiles.Dynamics {
	r := t.kept[len(t.kept)-n:]
	if n < 2 || r[n-1].at <= r[0].at {
		return nil
	}
	view := t.view()
	every := ((r[n-1].at - r[0].at) / time.Duration(n-1)).Round(time.Millisecond)
	s := &profiles.Series{Every: max(every, time.Millisecond), Values: make([]float64, n)}
	for i := range r {
		s.Values[i] = t.valueOf(r[i], view)
	}
	return &profiles.Dynamics{Series: s}
}

// valueOf is a kept reading as a number.
func (t *Trend) valueOf(r reading, view int) float64 {
	v := t.first + uint64(r.way)
	if t.bits > 0 && t.bits < 64 {
		v &= 1<<t.bits - 1
	}
	return t.readAs(v)[view]
}

// figures rounds to five significant figures: more would only pretend.
func figures(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	scale := math.Pow(10, 4-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}
