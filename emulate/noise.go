package emulate

import (
	"math"
	"math/bits"
	"time"

	"ringer/profiles"
)

// A noise is randomness with an index: the k-th number can be had without those before it, so that a
// value does not depend on how often it was asked for.
type noise uint64

// bits scrambles an index: the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable
// pseudorandom number generators, 2014).
func (n noise) bits(k uint64) uint64 {
	z := uint64(n) + (k+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// uniform is at least 0 and below 1.
func (n noise) uniform(k uint64) float64 { return float64(n.bits(k)>>11) / (1 << 53) }

// normal has mean 0 and spread 1 (Box and Muller, 1958).
func (n noise) normal(k uint64) float64 {
	u, v := n.uniform(2*k), n.uniform(2*k+1)
	return math.Sqrt(-2*math.Log(1-u)) * math.Cos(2*math.Pi*v)
}

// smooth moves between 0 and 1 from second to second, in straight lines.
func (n noise) smooth(t time.Duration) float64 {
	k, part := uint64(t/time.Second), float64(t%time.Second)/float64(time.Second)
	a, b := n.uniform(k), n.uniform(k+1)
	return a + (b-a)*part
}

// A bridge is the path of a walk, an Ornstein-Uhlenbeck process or without Tau a Brownian motion, in steps
// of Every. It is exact at every step, and built from the top: the value in the middle of two known ones
// has a known distribution (a Brownian bridge), so any step is reached in a few dozen halvings.
type bridge struct {
	noise  noise
	mean   float64
	sd     float64
	tau    time.Duration
	every  time.Duration
	from   float64 // where it begins
	levels int     // halvings below one span
	// The step that was asked last and its value.
	last  uint64
	value float64
}

const (
	brownianLevels = 31 // 2^31 seconds: longer than any decoy runs
	spans          = 40 // after so many Tau the beginning is forgotten
)

func newBridge(w *profiles.Walk, n noise) bridge {
	b := bridge{noise: n, mean: w.Mean, sd: w.SD, tau: w.Tau, every: time.Second, levels: brownianLevels}
	if w.Tau > 0 {
		b.every = max(100*time.Millisecond, min(10*time.Second, w.Tau/32))
		b.levels = bits.Len64(uint64(spans * w.Tau / b.every))
	}
	return b
}

// begin sets where the path begins.
func (b *bridge) begin(x float64) { b.from, b.last, b.value = x, 0, x }

func (b *bridge) at(since time.Duration) float64 {
	if k := uint64(since / b.every); k != b.last {
		b.last, b.value = k, b.find(k)
	}
	return b.value
}

// find goes down from the span that step k lies in.
func (b *bridge) find(k uint64) float64 {
	width := uint64(1) << b.levels
	lo := k &^ (width - 1)
	hi := lo + width
	left, right := b.anchor(lo), b.anchor(hi)
	for lo != k {
		width /= 2
		mid := lo + width
		x := b.middle(left, right, width) + b.spread(width)*b.noise.normal(mid)
		if k >= mid {
			lo, left = mid, x
		} else {
			hi, right = mid, x
		}
	}
	return left
}

// anchor is the value at the end of a span.
func (b *bridge) anchor(k uint64) float64 {
	if k == 0 {
		return b.from
	}
	if b.tau == 0 {
		return b.from + b.sd*math.Sqrt(float64(k))*b.noise.normal(k)
	}
	return b.mean + b.sd*b.noise.normal(k)
}

// middle is the mean of the value between two that are twice width apart, spread how far it may be off.
func (b *bridge) middle(left, right float64, width uint64) float64 {
	if b.tau == 0 {
		return (left + right) / 2
	}
	r := b.memory(width)
	return b.mean + r/(1+r*r)*(left+right-2*b.mean)
}

func (b *bridge) spread(width uint64) float64 {
	if b.tau == 0 {
		return b.sd * math.Sqrt(float64(width)/2)
	}
	r := b.memory(width)
	return b.sd * math.Sqrt((1-r*r)/(1+r*r))
}

// memory is how alike values are that lie width steps apart.
func (b *bridge) memory(width uint64) float64 {
	return math.Exp(-float64(width) * float64(b.every) / float64(b.tau))
}

// fold reflects a value at its bounds, as often as it takes.
func fold(x, low, high float64) float64 {
	switch {
	case low <= x && x <= high:
		return x
	case high <= low:
		return low
	case math.IsInf(high, 1):
		return 2*low - x
	case math.IsInf(low, -1):
		return 2*high - x
	}
	span := high - low
	r := math.Mod(x-low, 2*span)
	if r < 0 {
		r += 2 * span
	}
	return low + min(r, 2*span-r)
}

// A step is the resolution of a value: readings are whole steps from Min, or from 0 without a Min.
type step struct {
	by      float64
	inverse float64 // where 1/by is whole: 0.1 then gives 2.3 and not 2.3000000000000003
	from    float64
}

func newStep(by float64, least *float64) step {
	s := step{by: by}
	if by > 0 && least != nil {
		s.from = *least
	}
	if i := math.Round(1 / by); by > 0 && i >= 2 && math.Abs(i*by-1) < 1e-9 {
		s.inverse = i
		s.from = math.Round(s.from*i) / i
	}
	return s
}

func (s step) round(x float64) float64 {
	switch {
	case s.by <= 0:
		return x
	case s.inverse > 0:
		return math.Round(x*s.inverse) / s.inverse
	}
	return s.from + math.Round((x-s.from)/s.by)*s.by
}
