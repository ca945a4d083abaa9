package emulate

import (
	"errors"
	"testing"
	"time"

	"ringer/profiles"
)

func TestPointTypes(t *testing.T) {
	free := &profiles.WriteRule{}
	for _, c := range []struct {
		point profiles.Point
		set   Value
		want  string // the value after it, as text
		err   error
	}{
		{profiles.Point{Type: "u8", Write: free}, IntValue(255), "255", nil},
		{profiles.Point{Type: "u8", Write: free}, IntValue(256), "0", ErrRange},
		{profiles.Point{Type: "u8", Write: free}, IntValue(-1), "0", ErrRange},
		{profiles.Point{Type: "i8", Value: -3, Write: free}, IntValue(-128), "-128", nil},
		{profiles.Point{Type: "i8", Value: -3}, IntValue(-128), "-3", ErrReadOnly},
		{profiles.Point{Type: "u64", Write: free}, UintValue(1<<64 - 1), "18446744073709551615", nil},
		{profiles.Point{Type: "i64", Write: free}, IntValue(-1 << 63), "-9223372036854775808", nil},
		{profiles.Point{Type: "bool", Value: true, Write: free}, UintValue(0), "0", nil},
		{profiles.Point{Type: "bool", Value: true, Write: free}, UintValue(2), "1", ErrRange},
		{profiles.Point{Type: "f32", Write: free}, FloatValue(float64(float32(2.6))), "2.6", nil},
		{profiles.Point{Type: "f32", Write: free}, FloatValue(1e300), "0", ErrRange},
		{profiles.Point{Type: "f64", Write: free}, TextValue("1.5"), "1.5", nil},
		{profiles.Point{Type: "f64", Write: free}, TextValue("much"), "0", ErrRange},
		{profiles.Point{Type: "f32", Value: 2.5, Write: &profiles.WriteRule{Min: num(0), Max: num(4)}}, FloatValue(4.5), "2.5", ErrRange},
		{profiles.Point{Type: "f32", Value: 2.5, Write: &profiles.WriteRule{Min: num(0), Max: num(4)}}, FloatValue(4), "4", nil},
		{profiles.Point{Type: "text", Value: "hello", Write: free}, TextValue("7"), "7", nil},
		{profiles.Point{Type: "enum", Value: "run", Values: map[string]string{"8": "run", "4": "stop"}, Write: free}, UintValue(4), "stop", nil},
		{profiles.Point{Type: "enum", Value: "run", Values: map[string]string{"8": "run", "4": "stop"}, Write: free}, TextValue("stop"), "stop", nil},
		{profiles.Point{Type: "enum", Value: 8, Values: map[string]string{"8": "run", "4": "stop"}, Write: free}, UintValue(5), "run", ErrRange},
		{profiles.Point{Type: "time", Write: free}, TextValue("2026-03-02T08:00:00Z"), "2026-03-02T08:00:00Z", nil},
	} {
		st, _ := newTestState(t, map[string]*profiles.Point{"p": &c.point})
		p, err := st.Point("p")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Set(c.set); !errors.Is(err, c.err) {
			t.Errorf("%s takes %v: %v, want %v", c.point.Type, c.set, err, c.err)
		}
		if got := p.Text(); got != c.want {
			t.Errorf("%s after %v is %s, want %s", c.point.Type, c.set, got, c.want)
		}
		if wrote := p.Writes() == 1; wrote != (c.err == nil) {
			t.Errorf("%s after %v: %d writes", c.point.Type, c.set, p.Writes())
		}
	}
}

func TestMovingPointsStayInTheirType(t *testing.T) {
	st, w := newTestState(t, map[string]*profiles.Point{
		"counter": {Type: "u8", Value: 250, Dynamics: &profiles.Dynamics{Counter: &profiles.Counter{Rate: 1}}},
		"noise":   {Type: "i8", Dynamics: &profiles.Dynamics{Noise: &profiles.Noise{SD: 500}}},
		"on":      {Type: "bool", Dynamics: &profiles.Dynamics{Dwell: &profiles.Dwell{States: []profiles.DwellState{{Value: 1, For: time.Second}, {Value: 0, For: time.Second}}}}},
		"mode": {Type: "enum", Values: map[string]string{"8": "run", "4": "stop"},
			Dynamics: &profiles.Dynamics{Dwell: &profiles.Dwell{States: []profiles.DwellState{{Value: 8, For: time.Second}, {Value: 4, For: time.Second}}}}},
	})
	w.t = w.t.Add(10 * time.Second)
	if got := st.points["counter"].Text(); got != "4" {
		t.Errorf("ten after 250 in a u8 is %s", got)
	}
	seen := map[string]bool{}
	for range 100 {
		w.t = w.t.Add(100 * time.Millisecond)
		if v := st.points["noise"].Get(); v.Int() < -128 || v.Int() > 127 {
			t.Fatalf("an i8 is %v", v)
		}
		seen[st.points["on"].Text()+st.points["mode"].Text()] = true
	}
	if len(seen) != 2 || !seen["1run"] || !seen["0stop"] {
		t.Errorf("seen %v, want on with run and off with stop", seen)
	}
}

func TestPointsBeginWithTheirValue(t *testing.T) {
	for _, c := range []struct {
		point profiles.Point
		want  string
	}{
		{profiles.Point{Type: "f32", Value: 3.75, Dynamics: &profiles.Dynamics{Walk: &profiles.Walk{Mean: 2.4, Tau: time.Hour, SD: .1, Step: .01}}}, "3.75"},
		{profiles.Point{Type: "i16", Value: -7, Dynamics: &profiles.Dynamics{Walk: &profiles.Walk{Mean: 2, SD: .1, Step: 1}}}, "-7"},
		{profiles.Point{Type: "bool", Value: false, Dynamics: &profiles.Dynamics{Dwell: &profiles.Dwell{SD: .9, States: []profiles.DwellState{
			{Value: 1, For: time.Minute}, {Value: 0, For: time.Minute}}}}}, "0"},
		{profiles.Point{Type: "u32", Value: 70, Dynamics: &profiles.Dynamics{Clock: &profiles.Clock{Since: "boot"}}}, "70"},
		{profiles.Point{Type: "u32", Dynamics: &profiles.Dynamics{Clock: &profiles.Clock{Since: "boot", Uptime: time.Minute}}}, "60"},
		{profiles.Point{Type: "f64", Value: 2.5, Dynamics: &profiles.Dynamics{Sine: &profiles.Sine{Mean: 2, Amp: 1, Period: time.Minute, Step: .001}}}, "2.5"},
		{profiles.Point{Type: "u8", Value: 9, Dynamics: &profiles.Dynamics{Series: &profiles.Series{Every: time.Second, Values: []float64{1, 9}}}}, "9"},
	} {
		st, _ := newTestState(t, map[string]*profiles.Point{"p": &c.point})
		if got := st.points["p"].Text(); got != c.want {
			t.Errorf("%s begins with %s, want %s", c.point.Dynamics.Kind(), got, c.want)
		}
	}
}

func TestWritingEndsTheMotion(t *testing.T) {
	st, w := newTestState(t, map[string]*profiles.Point{
		"p": {Type: "u32", Dynamics: &profiles.Dynamics{Counter: &profiles.Counter{Rate: 5}}, Write: &profiles.WriteRule{}}})
	p := st.points["p"]
	if err := p.Set(UintValue(3)); err != nil {
		t.Fatal(err)
	}
	w.t = w.t.Add(time.Minute)
	if v := p.Get().Uint(); v != 3 {
		t.Errorf("a minute after 3 was written it is %d", v)
	}
}

// A device measures its inputs so often: between two measurements every protocol shows the same.
func TestMeasuredEvery(t *testing.T) {
	st, w := newTestState(t, map[string]*profiles.Point{
		"fan": {Type: "f32", Every: 2 * time.Second, Dynamics: &profiles.Dynamics{Noise: &profiles.Noise{Mean: 5000, SD: 80}}},
	})
	p, err := st.Point("fan")
	if err != nil {
		t.Fatal(err)
	}
	changes, last := 0, p.Get()
	for range 100 {
		w.t = w.t.Add(100 * time.Millisecond)
		if v := p.Get(); v != last {
			if since := w.t.Sub(st.Booted()); since%(2*time.Second) != 0 {
				t.Errorf("another value %v after the start", since)
			}
			changes, last = changes+1, v
		}
	}
	if changes != 5 {
		t.Errorf("%d changes in 10 seconds, want 5", changes)
	}
}
