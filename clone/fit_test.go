package clone

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/emulate"
	"ringer/profiles"
)

var fitBegin = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// trendOf reads f every so often, with up to jitter delay, n times.
func trendOf(bits, n int, every, jitter time.Duration, f func(t time.Duration) float64) *Trend {
	r := rand.New(rand.NewPCG(5, 6))
	tr := &Trend{}
	for i := range n {
		at := time.Duration(i) * every
		if jitter > 0 {
			at += time.Duration(r.Int64N(int64(jitter)))
		}
		v := uint64(int64(math.Floor(f(at))))
		if bits < 64 {
			v &= 1<<bits - 1
		}
		tr.Add(fitBegin.Add(at), v, bits)
	}
	return tr
}

func within(what string, got, want, part float64) string {
	if math.Abs(got-want) > part*math.Abs(want) || math.IsNaN(got) {
		return fmt.Sprintf("%s is %v, want %v ± %v %%; ", what, got, want, part*100)
	}
	return ""
}

func TestTrend(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ou := 0.
	walk := 500.
	counter := 0.
	for _, c := range []struct {
		name  string
		trend *Trend
		kind  string
		check func(d *profiles.Dynamics) string
	}{
		{"nothing moves", trendOf(16, 100, time.Second, 0, func(time.Duration) float64 { return 7 }), "", nil},
		{"a setting was changed twice", trendOf(16, 100, time.Second, 0, func(t time.Duration) float64 { return math.Floor(t.Seconds() / 40) }), "", nil},
		{"a setting was changed five times", trendOf(16, 100, time.Second, 0, func(t time.Duration) float64 { return math.Floor(math.Sqrt(t.Seconds())/2) * 17 }), "", nil},
		{"counter", trendOf(32, 300, time.Second, 50*time.Millisecond, func(t time.Duration) float64 { return 90211 + 3374*t.Seconds() }),
			"counter", func(d *profiles.Dynamics) string { return within("rate", d.Counter.Rate, 3374, .005) }},
		{"counter that wraps at its width", trendOf(16, 300, time.Second, 0, func(t time.Duration) float64 { return 60000 + 777*t.Seconds() }),
			"counter", func(d *profiles.Dynamics) string { return within("rate", d.Counter.Rate, 777, .005) }},
		{"counter in bursts", trendOf(32, 600, time.Second, 0, func(time.Duration) float64 { counter += 1000 * r.ExpFloat64(); return counter }),
			"counter", func(d *profiles.Dynamics) string { return within("rate", d.Counter.Rate, 1000, .15) }},
		{"counter that was reset", trendOf(32, 400, time.Second, 0, func(t time.Duration) float64 { return 1e6 + 50*t.Seconds() - math.Floor(t.Seconds()/300)*1e6 }),
			"counter", func(d *profiles.Dynamics) string { return within("rate", d.Counter.Rate, 50, .02) }},
		{"heartbeat of 0 to 99", trendOf(16, 900, 500*time.Millisecond, 0, func(t time.Duration) float64 { return math.Mod(3*t.Seconds(), 100) }),
			"counter", func(d *profiles.Dynamics) string {
				return within("rate", d.Counter.Rate, 3, .01) + within("wrap", float64(d.Counter.Wrap), 100, 0)
			}},
		{"seconds of the minute", trendOf(16, 500, 700*time.Millisecond, 0, func(t time.Duration) float64 { return math.Mod(t.Seconds(), 60) }),
			"counter", func(d *profiles.Dynamics) string {
				return within("rate", d.Counter.Rate, 1, .01) + within("wrap", float64(d.Counter.Wrap), 60, 0)
			}},
		{"sysUpTime", trendOf(32, 60, 5*time.Second, 20*time.Millisecond, func(t time.Duration) float64 { return 123456 + t.Seconds()*100 }),
			"clock", func(d *profiles.Dynamics) string { return within("unit", float64(d.Clock.Unit), 1e7, 0) }},
		{"uptime in seconds", trendOf(32, 60, 700*time.Millisecond, 20*time.Millisecond, func(t time.Duration) float64 { return 123456 + t.Seconds() }),
			"clock", func(d *profiles.Dynamics) string { return within("unit", float64(d.Clock.Unit), 1e9, 0) }},
		{"milliseconds in 16 bits", trendOf(16, 500, time.Second, 20*time.Millisecond, func(t time.Duration) float64 { return t.Seconds() * 1000 }),
			"clock", func(d *profiles.Dynamics) string { return within("unit", float64(d.Clock.Unit), 1e6, 0) }},
		{"a clock 3 % fast is a counter", trendOf(32, 500, time.Second, 0, func(t time.Duration) float64 { return t.Seconds() * 103 }),
			"counter", func(d *profiles.Dynamics) string { return within("rate", d.Counter.Rate, 103, .001) }},
		{"wall clock, 4 s behind", trendOf(32, 60, time.Second, 0, func(t time.Duration) float64 { return float64(fitBegin.Unix()) - 4 + t.Seconds() }),
			"clock", func(d *profiles.Dynamics) string {
				return within("skew", float64(d.Clock.Skew), -4e9, 0) + map[bool]string{false: "not of the wall"}[d.Clock.Of == "wall"]
			}},
		{"noise", trendOf(16, 2000, time.Second, 0, func(time.Duration) float64 { return 5000 + 100*r.NormFloat64() }),
			"noise", func(d *profiles.Dynamics) string {
				return within("mean", d.Noise.Mean, 5000, .01) + within("sd", d.Noise.SD, 100, .05)
			}},
		{"noise around zero, signed", trendOf(16, 2000, time.Second, 0, func(time.Duration) float64 { return 20 * r.NormFloat64() }),
			"noise", func(d *profiles.Dynamics) string {
				if math.Abs(d.Noise.Mean) > 2 {
					return "mean is far from zero"
				}
				return within("sd", d.Noise.SD, 20, .05)
			}},
		{"noise in steps of 4", trendOf(16, 2000, time.Second, 0, func(time.Duration) float64 { return 4*math.Round(10*r.NormFloat64()) + 4001 }),
			"noise", func(d *profiles.Dynamics) string { return within("step", d.Noise.Step, 4, 0) }},
		{"a walk with a memory", trendOf(16, 4000, time.Second, 0, func(time.Duration) float64 {
			ou = .9*ou + 100*math.Sqrt(1-.81)*r.NormFloat64()
			return 3000 + ou
		}), "walk", func(d *profiles.Dynamics) string {
			return within("mean", d.Walk.Mean, 3000, .02) + within("sd", d.Walk.SD, 100, .1) + within("tau", d.Walk.Tau.Seconds(), -1/math.Log(.9), .2)
		}},
		{"a walk without a home", trendOf(16, 4000, time.Second, 0, func(time.Duration) float64 {
			walk = math.Abs(walk + 5*r.NormFloat64())
			return walk
		}), "walk", func(d *profiles.Dynamics) string {
			if d.Walk.Tau != 0 {
				return "it has a home"
			}
			return within("gain", d.Walk.SD, 5, .1)
		}},
		{"a slow walk in coarse steps", trendOf(16, 4000, time.Second, 0, func(time.Duration) float64 {
			ou = .995*ou + math.Sqrt(1-.995*.995)*r.NormFloat64()
			return 3 + max(-3, min(3, ou))
		}), "walk", nil},
		{"sine", trendOf(16, 600, time.Second, 100*time.Millisecond, func(t time.Duration) float64 {
			return 500 + 200*math.Sin(2*math.Pi*(t.Seconds()-13)/97) + 5*r.NormFloat64()
		}), "sine", func(d *profiles.Dynamics) string {
			off := math.Remainder((fitBegin.Add(13*time.Second).Sub(time.Unix(0, 0)) - d.Sine.Phase).Seconds(), d.Sine.Period.Seconds())
			if math.Abs(off) > 3000 { // a period 0.01 s off moves the phase since 1970 by days: only the fit at the recording counts
				return fmt.Sprintf("phase is off by %v", off)
			}
			return within("period", d.Sine.Period.Seconds(), 97, .01) + within("amp", d.Sine.Amp, 200, .03) + within("mean", d.Sine.Mean, 500, .01)
		}},
		{"a period of another shape", trendOf(16, 300, time.Second, 0, func(t time.Duration) float64 {
			w := 2 * math.Pi * t.Seconds() / 30
			return 1000 + 200*math.Sin(w) + 200*math.Sin(3*w+1)
		}), "series", func(d *profiles.Dynamics) string { return within("values", float64(len(d.Series.Values)), 15, 1.01) }},
		{"pump on and off", trendOf(1, 2000, time.Second, 0, func(t time.Duration) float64 {
			if math.Mod(t.Seconds(), 50) < 35 {
				return 1
			}
			return 0
		}), "dwell", func(d *profiles.Dynamics) string {
			s := d.Dwell.States
			return within("states", float64(len(s)), 2, 0) + within("on", s[0].Value, 1, 0) + within("on for", s[0].For.Seconds(), 35, .03) + within("off for", s[1].For.Seconds(), 15, .07)
		}},
		{"three phases of a machine", trendOf(8, 2000, time.Second, 0, func(t time.Duration) float64 {
			switch x := math.Mod(t.Seconds(), 60); {
			case x < 10:
				return 4
			case x < 30:
				return 9
			}
			return 7
		}), "dwell", func(d *profiles.Dynamics) string {
			s := d.Dwell.States
			return within("states", float64(len(s)), 3, 0) + within("second", s[1].Value, 9, 0) + within("third", s[2].Value, 7, 0) + within("third for", s[2].For.Seconds(), 30, .05)
		}},
		{"a bit that changes with every reading", trendOf(1, 60, time.Second, 0, func(t time.Duration) float64 { return math.Mod(t.Seconds(), 2) }), "series", nil},
		{"a sensor that fails now and then", trendOf(16, 300, time.Second, 0, func(time.Duration) float64 {
			if r.IntN(4) == 0 {
				return 0
			}
			return 20000 + 100*r.NormFloat64()
		}), "series", nil},
		{"values that swing from reading to reading", trendOf(16, 100, time.Second, 0, func(t time.Duration) float64 {
			return 100 + 300*math.Mod(t.Seconds(), 2) + math.Floor(10*r.Float64())
		}), "series", nil},
	} {
		d := c.trend.Dynamics()
		kind := ""
		if d != nil {
			kind = d.Kind()
		}
		if kind != c.kind {
			t.Errorf("%s: %q, want %q", c.name, kind, c.kind)
			continue
		}
		if c.check != nil {
			if bad := c.check(d); bad != "" {
				t.Errorf("%s: %s", c.name, bad)
			}
		}
		if d != nil {
			dev := &profiles.Device{ID: "x", Points: map[string]*profiles.Point{"p": {Type: "f64", Dynamics: d}}}
			if err := dev.Validate(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if diff := cmp.Diff(d, c.trend.Dynamics()); diff != "" {
			t.Errorf("%s: asked again: %s", c.name, diff)
		}
	}
}

// A decoy that takes over from a recording goes on without a jump: what a counter or a clock gives then is
// what the device would have given.
func TestFittedCountersAndClocksGoOn(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	for range 200 {
		bits := []int{16, 32, 64}[r.IntN(3)]
		units := []float64{1, 100, 1000}
		rate := units[r.IntN(3)]
		if r.IntN(2) == 0 {
			rate = 1 + 300*r.Float64()
		}
		first := float64(r.Uint64() >> (64 - min(bits, 40)))
		device := func(t time.Duration) float64 { return first + math.Floor(rate*t.Seconds()) }
		const n = 200
		tr := trendOf(bits, n, time.Second, 0, device)
		d := tr.Dynamics()
		if d == nil || d.Counter == nil && d.Clock == nil {
			t.Fatalf("rate %v in %d bits: %+v", rate, bits, d)
		}
		now := fitBegin.Add(time.Hour)
		st, err := emulate.NewState(&profiles.Device{}, emulate.Settings{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		m, err := st.NewMotion("x", d)
		if err != nil {
			t.Fatal(err)
		}
		m.Start(now, tr.last)
		for _, later := range []time.Duration{0, time.Second, 90 * time.Second} {
			want := uint64(device((n-1)*time.Second + later))
			got := m.At(now.Add(later)).Uint()
			if off := tr.change(want, got); math.Abs(float64(off)) > 1+rate*later.Seconds()/100 {
				t.Fatalf("rate %v in %d bits, %v later: %d, want %d (%+v)", rate, bits, later, got, want, d)
			}
		}
	}
}

func TestTrendIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tr := trendOf(32, 100000, time.Second, 0, func(time.Duration) float64 { return 1e6 * r.Float64() })
	if len(tr.kept) > keptMax || cap(tr.kept) > 2*keptMax {
		t.Errorf("%d readings are kept", cap(tr.kept))
	}
	if d := tr.Dynamics(); d == nil || d.Noise == nil {
		t.Errorf("%+v", d)
	}
}

// Whatever comes in, out come dynamics that a profile can have.
func FuzzTrend(f *testing.F) {
	f.Add(uint64(1), 50, 16, uint64(1000))
	f.Fuzz(func(t *testing.T, seed uint64, n, bits int, span uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		var tr Trend
		at := fitBegin
		for range n % 1000 {
			at = at.Add(time.Duration(r.Uint64N(span%(1<<40) + 1)))
			tr.Add(at, r.Uint64()>>(r.UintN(64)), bits%65)
		}
		if d := tr.Dynamics(); d != nil {
			dev := &profiles.Device{ID: "x", Points: map[string]*profiles.Point{"p": {Type: "f64", Dynamics: d}}}
			if err := dev.Validate(); err != nil {
				t.Error(err)
			}
			if _, err := dev.YAML(); err != nil {
				t.Error(err)
			}
		}
	})
}

func BenchmarkTrend(b *testing.B) {
	b.Run("add", func(b *testing.B) {
		var tr Trend
		at := fitBegin
		for i := 0; b.Loop(); i++ {
			at = at.Add(time.Second)
			tr.Add(at, uint64(i*3), 16)
		}
	})
	r := rand.New(rand.NewPCG(1, 2))
	x := 0.
	tr := trendOf(16, 1000, time.Second, 0, func(time.Duration) float64 { x = .9*x + r.NormFloat64(); return 3000 + 100*x })
	b.Run("fit", func(b *testing.B) {
		for b.Loop() {
			tr.Dynamics()
		}
	})
}
