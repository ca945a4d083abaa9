package replay

import (
	"math"
	"strconv"
	"time"
)

// A sketch is a distribution of answer times in logarithmic buckets, 2 % wide.
type sketch struct {
	buckets map[int16]int
	n       int
}

const bucketWidth = 1.02

func (s *sketch) add(d time.Duration) {
	if s.buckets == nil {
		s.buckets = map[int16]int{}
	}
	us := min(max(float64(d)/1e3, 1), 3.6e9)
	s.buckets[int16(math.Log(us)/math.Log(bucketWidth))]++
	s.n++
}

func (s *sketch) merge(t *sketch) {
	for b, n := range t.buckets {
		if s.buckets == nil {
			s.buckets = map[int16]int{}
		}
		s.buckets[b] += n
	}
	s.n += t.n
}

func (s *sketch) quantile(q float64) time.Duration {
	if s.n == 0 {
		return 0
	}
	want, sum := int(math.Ceil(q*float64(s.n))), 0
	at := int16(0)
	for sum < want {
		sum += s.buckets[at]
		at++
	}
	us := math.Pow(bucketWidth, float64(at)-.5)
	return time.Duration(us * 1e3).Round(100 * time.Nanosecond)
}

func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func percent(f float64) string { return strconv.FormatFloat(f*100, 'f', 1, 64) + " %" }
