package clone

import (
	"math"
	"slices"
	"time"

	"ringer/profiles"
)

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
