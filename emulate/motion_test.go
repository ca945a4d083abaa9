package emulate

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ringer/profiles"
)

// A stopwatch is a clock that tests turn by hand.
type stopwatch struct{ t time.Time }

func (w *stopwatch) now() time.Time { return w.t }

var someday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func newTestState(t *testing.T, points map[string]*profiles.Point) (*State, *stopwatch) {
	t.Helper()
	w := &stopwatch{someday}
	st, err := NewState(&profiles.Device{ID: "x", Seed: 7, Points: points}, Settings{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	return st, w
}

func num(f float64) *float64 { return &f }

// Every kind of dynamics, for tests of what they all promise.
func allDynamics() map[string]*profiles.Dynamics {
	return map[string]*profiles.Dynamics{
		"const":    {Const: &profiles.Const{}},
		"counter":  {Counter: &profiles.Counter{Start: 90, Rate: 3.5, Jitter: 2, Wrap: 1000}},
		"uptime":   {Clock: &profiles.Clock{Unit: 10 * time.Millisecond, Since: "boot", Uptime: time.Hour}},
		"wall":     {Clock: &profiles.Clock{Of: "wall", Skew: -4 * time.Second}},
		"noise":    {Noise: &profiles.Noise{Mean: 500, SD: 5, Min: num(480), Max: num(520), Step: 2}},
		"walk":     {Walk: &profiles.Walk{Mean: 2.4, Tau: 3 * time.Minute, SD: .06, Min: num(0), Max: num(4), Step: .01}},
		"brownian": {Walk: &profiles.Walk{Mean: 50, SD: 1, Min: num(0), Max: num(100)}},
		"sine":     {Sine: &profiles.Sine{Mean: 18, Amp: 6, Period: 24 * time.Hour, Phase: 7 * time.Hour, SD: .4}},
		"dwell": {Dwell: &profiles.Dwell{SD: .5, States: []profiles.DwellState{
			{Value: 1, For: 14 * time.Minute}, {Value: 0, For: 9 * time.Minute}}}},
		"series": {Series: &profiles.Series{Every: 2 * time.Second, Values: []float64{1, 5, 2, 9}}},
		"linear": {Linear: &profiles.Linear{Of: "src", Gain: 95, Bias: 900, SD: 40, Step: 100}},
	}
}

func motionOf(t *testing.T, st *State, d *profiles.Dynamics) *Motion {
	t.Helper()
	m, err := st.NewMotion("m", d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var src = map[string]*profiles.Point{"src": {Type: "f64", Dynamics: &profiles.Dynamics{Walk: &profiles.Walk{Mean: 47, Tau: 5 * time.Minute, SD: 2}}}}

func TestMotionDoesNotDependOnReading(t *testing.T) {
	for name, d := range allDynamics() {
		st, w := newTestState(t, src)
		often, seldom := motionOf(t, st, d), motionOf(t, st, d)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 5000 {
			w.t = w.t.Add(time.Duration(r.Int64N(int64(3 * time.Second))))
			a := often.At(w.t)
			if i%97 == 0 {
				if b := seldom.At(w.t); a != b {
					t.Fatalf("%s: read often %v, read seldom %v", name, a, b)
				}
			}
		}
		w.t = w.t.Add(365 * 24 * time.Hour)
		if a, b := often.At(w.t), seldom.At(w.t); a != b {
			t.Errorf("%s: after a year %v and %v", name, a, b)
		}
	}
}

func TestMotionIsTheSameInEveryRun(t *testing.T) {
	for name, d := range allDynamics() {
		st1, w := newTestState(t, src)
		st2, _ := newTestState(t, src)
		a, b := motionOf(t, st1, d), motionOf(t, st2, d)
		st2.now = w.now
		for range 100 {
			w.t = w.t.Add(777 * time.Millisecond)
			if x, y := a.At(w.t), b.At(w.t); x != y {
				t.Fatalf("%s: %v in one run, %v in the other", name, x, y)
			}
		}
	}
}

func TestMotionAllocatesNothing(t *testing.T) {
	for name, d := range allDynamics() {
		st, w := newTestState(t, src)
		m := motionOf(t, st, d)
		if n := testing.AllocsPerRun(100, func() {
			w.t = w.t.Add(time.Second)
			m.At(w.t)
		}); n != 0 {
			t.Errorf("%s: %v allocations a reading", name, n)
		}
	}
}

// gather reads a motion every step, n times.
func gather(m *Motion, from time.Time, every time.Duration, n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = m.At(from.Add(time.Duration(i) * every)).Float()
	}
	return xs
}

func meanAndSpread(xs []float64) (mean, sd float64) {
	for _, x := range xs {
		mean += x
	}
	mean /= float64(len(xs))
	for _, x := range xs {
		sd += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sd / float64(len(xs)))
}

// alike is the correlation of readings that lie k apart.
func alike(xs []float64, k int) float64 {
	mean, sd := meanAndSpread(xs)
	var c float64
	for i := k; i < len(xs); i++ {
		c += (xs[i] - mean) * (xs[i-k] - mean)
	}
	return c / float64(len(xs)-k) / (sd * sd)
}

func near(t *testing.T, what string, got, want, off float64) {
	t.Helper()
	if math.Abs(got-want) > off || math.IsNaN(got) {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, off)
	}
}

func TestNoise(t *testing.T) {
	st, w := newTestState(t, nil)
	xs := gather(motionOf(t, st, &profiles.Dynamics{Noise: &profiles.Noise{Mean: 500, SD: 20}}), w.t, time.Second, 20000)
	mean, sd := meanAndSpread(xs)
	near(t, "mean", mean, 500, 1)
	near(t, "spread", sd, 20, .6)
	near(t, "correlation", alike(xs, 1), 0, .03)

	xs = gather(motionOf(t, st, allDynamics()["noise"]), w.t, time.Second, 20000)
	for _, x := range xs {
		if x < 480 || x > 520 || math.Mod(x, 2) != 0 {
			t.Fatalf("%v is out of bounds or no step", x)
		}
	}
}

func TestWalkIsAnOrnsteinUhlenbeckProcess(t *testing.T) {
	st, w := newTestState(t, nil)
	tau := 20 * time.Second
	xs := gather(motionOf(t, st, &profiles.Dynamics{Walk: &profiles.Walk{Mean: 10, Tau: tau, SD: 2}}), w.t, tau/32, 200000)
	mean, sd := meanAndSpread(xs)
	near(t, "mean", mean, 10, .2)
	near(t, "spread", sd, 2, .1)
	for _, k := range []int{1, 8, 32, 64} {
		near(t, "correlation", alike(xs, k), math.Exp(-float64(k)/32), .06)
	}
}

func TestWalkWithoutTauIsBrownian(t *testing.T) {
	st, w := newTestState(t, nil)
	free := gather(motionOf(t, st, &profiles.Dynamics{Walk: &profiles.Walk{Mean: 0, SD: 3}}), w.t, time.Second, 50000)
	steps := make([]float64, len(free)-1)
	for i := range steps {
		steps[i] = free[i+1] - free[i]
	}
	mean, sd := meanAndSpread(steps)
	near(t, "mean step", mean, 0, .1)
	near(t, "spread of steps", sd, 3, .1)
	near(t, "correlation of steps", alike(steps, 1), 0, .03)

	bound := gather(motionOf(t, st, allDynamics()["brownian"]), w.t, time.Second, 50000)
	low, high := 50., 50.
	for i, x := range bound {
		low, high = min(low, x), max(high, x)
		if i > 0 && math.Abs(x-bound[i-1]) > 8 {
			t.Fatalf("jump from %v to %v", bound[i-1], x)
		}
	}
	if low < 0 || low > 5 || high > 100 || high < 95 {
		t.Errorf("walked between %v and %v, want all of 0 to 100", low, high)
	}
}

func TestWalkGoesOnFromTheLastSample(t *testing.T) {
	st, w := newTestState(t, nil)
	m := motionOf(t, st, &profiles.Dynamics{Walk: &profiles.Walk{Mean: 300, Tau: time.Hour, SD: 50, Step: 1}})
	m.Start(w.t, 431)
	if v := m.At(w.t); v.Uint() != 431 {
		t.Errorf("goes on with %v, want 431", v)
	}
	if v := m.At(w.t.Add(20 * time.Second)).Float(); math.Abs(v-431) > 40 {
		t.Errorf("20 s later it is %v, far from 431", v)
	}
}

func TestCounter(t *testing.T) {
	st, w := newTestState(t, nil)
	m := motionOf(t, st, allDynamics()["counter"])
	if v := m.At(w.t); v.Uint() != 90 {
		t.Errorf("starts with %v, want 90", v)
	}
	m.Start(w.t, 990)
	last := m.At(w.t).Uint()
	if last != 990 {
		t.Errorf("goes on with %v, want 990", last)
	}
	var sum uint64
	for range 4000 {
		w.t = w.t.Add(250 * time.Millisecond)
		v := m.At(w.t).Uint()
		step := (v + 1000 - last) % 1000
		if v >= 1000 || step > 3 {
			t.Fatalf("from %v to %v", last, v)
		}
		sum, last = sum+step, v
	}
	near(t, "growth in 1000 s", float64(sum), 3500, 3)
}

func TestClocks(t *testing.T) {
	st, w := newTestState(t, nil)
	up := motionOf(t, st, allDynamics()["uptime"])
	w.t = w.t.Add(1500 * time.Millisecond)
	if v := up.At(w.t); v.Uint() != 360150 {
		t.Errorf("an hour and 1.5 s is %v, want 360150 hundredths", v)
	}
	up.Start(w.t, 4294967295)
	if v := up.At(w.t.Add(30 * time.Millisecond)); uint32(v.Uint()) != 2 {
		t.Errorf("three ticks after 2^32-1 is %v", uint32(v.Uint()))
	}
	wall := motionOf(t, st, allDynamics()["wall"])
	if v := wall.At(w.t); v.Int() != someday.Unix()-3 {
		t.Errorf("wall clock is %v, want %v", v, someday.Unix()-3)
	}
	for unit, want := range map[time.Duration]int64{time.Millisecond: someday.UnixMilli(), 300 * time.Millisecond: someday.UnixMilli() / 300, time.Minute: someday.Unix() / 60} {
		m := motionOf(t, st, &profiles.Dynamics{Clock: &profiles.Clock{Of: "wall", Unit: unit}})
		if v := m.At(someday); v.Int() != want {
			t.Errorf("wall clock in %v is %v, want %v", unit, v, want)
		}
	}
}

func TestSine(t *testing.T) {
	st, _ := newTestState(t, nil)
	m := motionOf(t, st, &profiles.Dynamics{Sine: &profiles.Sine{Mean: 18, Amp: 6, Period: 24 * time.Hour, Phase: 7 * time.Hour}})
	midnight := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for hour, want := range map[int]float64{7: 18, 13: 24, 19: 18, 1: 12} {
		near(t, "reading", m.At(midnight.Add(time.Duration(hour)*time.Hour)).Float(), want, 1e-6)
	}
	fast := motionOf(t, st, &profiles.Dynamics{Sine: &profiles.Sine{Mean: 100, Amp: 50, Period: time.Minute, Step: 1}})
	fast.Start(midnight, 140)
	if v := fast.At(midnight); v.Uint() != 140 {
		t.Errorf("goes on with %v, want 140", v)
	}
}

func TestDwell(t *testing.T) {
	st, w := newTestState(t, nil)
	m := motionOf(t, st, allDynamics()["dwell"])
	m.Start(w.t, 0)
	xs := gather(m, w.t, 5*time.Second, 400000)
	if xs[0] != 0 {
		t.Errorf("goes on with %v, want 0", xs[0])
	}
	on, _ := meanAndSpread(xs)
	near(t, "part of the time on", on, 14./23, .01)
	var stays []float64
	begun := 0
	for i := 1; i < len(xs); i++ {
		if xs[i] != xs[i-1] {
			if xs[i] == 0 {
				stays = append(stays, float64(i-begun)*5/60)
			}
			begun = i
		}
	}
	mean, sd := meanAndSpread(stays)
	near(t, "mean stay", mean, 14, .3)
	if sd < .5 || sd > 4 {
		t.Errorf("spread of the stays is %v minutes", sd)
	}
}

func TestSeries(t *testing.T) {
	st, w := newTestState(t, nil)
	m := motionOf(t, st, allDynamics()["series"])
	m.Start(w.t, 9)
	for i, want := range []float64{9, 1, 5, 2, 9, 1} {
		if v := m.At(w.t.Add(time.Duration(i)*2*time.Second + time.Second)); v.Float() != want {
			t.Errorf("value %d is %v, want %v", i, v, want)
		}
	}
}

func TestLinear(t *testing.T) {
	st, w := newTestState(t, map[string]*profiles.Point{
		"temp": {Type: "i16", Dynamics: &profiles.Dynamics{Walk: &profiles.Walk{Mean: 47, Tau: 5 * time.Minute, SD: 4, Step: 1}}},
		"fan":  {Type: "u16", Dynamics: &profiles.Dynamics{Linear: &profiles.Linear{Of: "temp", Gain: 10, Bias: 9}}},
	})
	temp, fan := st.points["temp"], st.points["fan"]
	for range 100 {
		w.t = w.t.Add(10 * time.Second)
		if a, b := temp.Get().Int()*10+9, fan.Get().Int(); a != b {
			t.Fatalf("the fan runs at %d, want %d", b, a)
		}
	}
}

func TestPointsInACircle(t *testing.T) {
	follow := func(of string) *profiles.Point {
		return &profiles.Point{Type: "f32", Dynamics: &profiles.Dynamics{Linear: &profiles.Linear{Of: of, Gain: 1}}}
	}
	for _, c := range []struct {
		points map[string]*profiles.Point
		want   string
	}{
		{map[string]*profiles.Point{"a": follow("b"), "b": follow("c"), "c": follow("a"), "d": follow("a")},
			"x: points follow each other in a circle: a -> b -> c -> a"},
		{map[string]*profiles.Point{"a": follow("a")}, "x: points follow each other in a circle: a -> a"},
		{map[string]*profiles.Point{"a": follow("b"), "b": follow("q")}, `x: point b: linear: there is no point "q"`},
		{map[string]*profiles.Point{"a": {Type: "f32", Dynamics: &profiles.Dynamics{}}}, "x: point a: want exactly one kind of dynamics"},
	} {
		_, err := NewState(&profiles.Device{ID: "x", Points: c.points}, Settings{})
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func BenchmarkMotion(b *testing.B) {
	for name, d := range allDynamics() {
		if d.Linear != nil {
			continue
		}
		b.Run(name, func(b *testing.B) {
			w := &stopwatch{someday}
			st, err := NewState(&profiles.Device{}, Settings{Now: w.now})
			if err != nil {
				b.Fatal(err)
			}
			m, err := st.NewMotion("m", d)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				w.t = w.t.Add(100 * time.Millisecond)
				m.At(w.t)
			}
		})
	}
}
