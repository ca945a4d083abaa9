package profiles

import (
	"math"
	"time"
)

// A Sketch is a distribution of durations with a relative error of 1 %: logarithmic buckets between a
// microsecond and an hour. The zero Sketch is empty; sketches can be merged in any order.
type Sketch struct {
	buckets map[int16]int
	n       int
}

const bucketWidth = 1.02

// Add takes a duration.
func (s *Sketch) Add(d time.Duration) {
	if s.buckets == nil {
		s.buckets = map[int16]int{}
	}
	us := min(max(float64(d)/1e3, 1), 3.6e9)
	s.buckets[int16(math.Log(us)/math.Log(bucketWidth))]++
	s.n++
}

// Merge takes all that t took.
func (s *Sketch) Merge(t *Sketch) {
	for b, n := range t.buckets {
		if s.buckets == nil {
			s.buckets = map[int16]int{}
		}
		s.buckets[b] += n
	}
	s.n += t.n
}

// Len is how many durations there are.
func (s *Sketch) Len() int { return s.n }

// Quantile is the duration that the part q of all does not exceed, in the three figures that the buckets
// can tell; 0 if there are none.
func (s *Sketch) Quantile(q float64) time.Duration {
	if s.n == 0 {
		return 0
	}
	want, sum := int(math.Ceil(q*float64(s.n))), 0
	at := int16(-1)
	for sum < want {
		at++
		sum += s.buckets[at]
	}
	ns := math.Pow(bucketWidth, float64(at)+.5) * 1e3
	unit := math.Pow(10, math.Floor(math.Log10(ns))-2)
	return time.Duration(math.Round(ns/unit) * unit)
}

// Latency is what a profile says of the distribution.
func (s *Sketch) Latency() Latency {
	return Latency{P50: s.Quantile(.5), P90: s.Quantile(.9), P99: s.Quantile(.99), N: s.n}
}
