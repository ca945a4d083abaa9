package clone

import (
	"math"
	"time"

	"ringer/profiles"
)

// A latencySketch keeps a distribution of durations with a relative error of 1 %: logarithmic buckets
// between a microsecond and an hour.
type latencySketch struct {
	buckets map[int16]uint32
	n       int
}

const bucketWidth = 1.02

func (s *latencySketch) add(d time.Duration) {
	if s.buckets == nil {
		s.buckets = map[int16]uint32{}
	}
	us := min(max(float64(d)/1e3, 1), 3.6e9)
	s.buckets[int16(math.Log(us)/math.Log(bucketWidth))]++
	s.n++
}

func (s *latencySketch) latency() profiles.Latency {
	return profiles.Latency{P50: s.quantile(.5), P90: s.quantile(.9), P99: s.quantile(.99), N: s.n}
}

func (s *latencySketch) quantile(q float64) time.Duration {
	want, sum := uint32(math.Ceil(q*float64(s.n))), uint32(0)
	var at int16
	for i := int16(0); sum < want; i++ {
		sum += s.buckets[i]
		at = i
	}
	// Three figures are what the buckets can tell.
	ns := math.Pow(bucketWidth, float64(at)+.5) * 1e3
	unit := math.Pow(10, math.Floor(math.Log10(ns))-2)
	return time.Duration(math.Round(ns/unit) * unit)
}
