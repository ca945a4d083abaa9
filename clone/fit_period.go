package clone

import (
	"math"
	"slices"
	"time"

	"ringer/profiles"
)

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
