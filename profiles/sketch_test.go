package profiles

import (
	"testing"
	"time"
)

func TestSketch(t *testing.T) {
	var a, b, whole Sketch
	if a.Quantile(.5) != 0 {
		t.Error("an empty sketch has a median")
	}
	for i := 1; i <= 1000; i++ {
		d := time.Duration(i) * 100 * time.Microsecond
		whole.Add(d)
		if i%2 == 0 {
			a.Add(d)
		} else {
			b.Add(d)
		}
	}
	b.Merge(&a)
	for q, want := range map[float64]time.Duration{.5: 50 * time.Millisecond, .9: 90 * time.Millisecond, .99: 99 * time.Millisecond} {
		got := whole.Quantile(q)
		if off := float64(got-want) / float64(want); off < -.015 || off > .015 {
			t.Errorf("quantile %g is %v, want %v within 1.5 %%", q, got, want)
		}
		if b.Quantile(q) != got {
			t.Errorf("quantile %g of the merged halves is %v, of the whole %v", q, b.Quantile(q), got)
		}
	}
	if l := whole.Latency(); l.N != 1000 || whole.Len() != 1000 || l.P90 != whole.Quantile(.9) {
		t.Errorf("%+v", l)
	}
	whole.Add(0)
	whole.Add(-time.Second)
	whole.Add(100 * time.Hour)
	if whole.Quantile(1) > time.Hour+time.Minute || whole.Quantile(0.001) > time.Microsecond*2 {
		t.Errorf("out of range: %v, %v", whole.Quantile(.001), whole.Quantile(1))
	}
}
