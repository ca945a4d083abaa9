package clone

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"ringer/profiles"
)

// numbers makes a number that is read once a second, from values by time.
func numbers(n int, offset uint32, value func(at float64) float64) *moving {
	m := &moving{s: &Service{Protocol: "test"}, typ: "f64", every: 1000}
	for i := range n {
		ms := uint32(i)*1000 + offset
		m.at = append(m.at, ms)
		m.v = append(m.v, value(float64(ms)/1000))
		m.last = m.v[i]
		m.floats = m.floats || m.last != math.Trunc(m.last)
	}
	return m
}

// wandering is a walk that changes between readings, at half seconds, so that everybody reads the same.
func wandering(seed uint64, start, step, trend float64) func(at float64) float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	x := []float64{start}
	for range 4000 {
		x = append(x, x[len(x)-1]+step*math.Round(2*r.NormFloat64())+trend)
	}
	return func(at float64) float64 { return x[int(at+.5)] }
}

func rounded(step float64, f func(float64) float64) func(float64) float64 {
	return func(at float64) float64 { return math.Round(f(at)/step) * step }
}

func times(gain, bias float64, f func(float64) float64) func(float64) float64 {
	return func(at float64) float64 { return gain*f(at) + bias }
}

func TestAgrees(t *testing.T) {
	level := rounded(.01, wandering(1, 2.4, .01, 0))
	raw := wandering(2, 5000, 17, 0)
	same := func(at float64) float64 { return raw(at) }
	bursts := func(at float64) float64 { // a counter that counts what happens
		x := 0.
		for i := range int(at+.5) + 1 {
			if i/20%2 == 0 {
				x += float64(5 + i*7%13)
			}
		}
		return x
	}
	counter := func(rate float64) func(float64) float64 {
		return func(at float64) float64 { return 1000 + math.Floor(rate*at) }
	}
	cyclic := func(gain float64) func(float64) float64 { // counted in a program's cycle of three seconds
		return func(at float64) float64 { return gain * math.Floor(at/3) }
	}
	for _, test := range []struct {
		name       string
		x, y       *moving
		gain, bias float64 // 0: they are not one
	}{
		{"equal", numbers(60, 0, level), numbers(60, 30, level), 1, 0},
		{"hundredfold", numbers(60, 0, level), numbers(60, 30, rounded(1, times(100, 0, level))), 100, 0},
		{"a tenth", numbers(90, 0, same), numbers(90, 40, times(.1, 0, same)), .1, 0},
		{"rounded to tens", numbers(200, 0, same), numbers(200, 40, rounded(10, same)), 1, 0},
		{"another unit", numbers(90, 0, times(.1, 0, same)), numbers(90, 40, times(.18, 32, same)), 1.8, 32},
		{"another unit, seldom", numbers(30, 0, times(.1, 0, same)), numbers(30, 40, times(.18, 32, same)), 0, 0},
		{"19 samples", numbers(19, 0, level), numbers(19, 30, level), 0, 0},
		{"20 samples", numbers(20, 0, same), numbers(20, 30, same), 1, 0},
		{"what happens is counted", numbers(120, 0, bursts), numbers(120, 30, bursts), 1, 0},
		{"what happens, at an odd scale", numbers(120, 0, bursts), numbers(120, 30, times(3, 5, bursts)), 0, 0},
		{"counters of one rate", numbers(90, 0, counter(7)), numbers(90, 10, times(1, 40, counter(7))), 0, 0},
		{"one counter", numbers(90, 0, counter(7)), numbers(90, 10, counter(7)), 0, 0},
		{"counters of two rates", numbers(90, 0, counter(7)), numbers(90, 10, counter(70)), 0, 0},
		{"counters of one cycle", numbers(90, 0, cyclic(1)), numbers(90, 10, cyclic(10)), 0, 0},
		{"clocks", numbers(90, 0, math.Floor), numbers(90, 10, func(at float64) float64 { return math.Floor(at * 100) }), 0, 0},
		{"seconds of a minute", numbers(200, 0, func(at float64) float64 { return math.Mod(math.Floor(at), 60) }),
			numbers(200, 10, func(at float64) float64 { return math.Mod(math.Floor(at), 60) }), 0, 0},
		{"constants", numbers(90, 0, func(float64) float64 { return 7 }), numbers(90, 10, func(float64) float64 { return 7 }), 0, 0},
		{"a switch", numbers(90, 0, func(at float64) float64 { return float64(int(at+.5) / 5 % 2) }),
			numbers(90, 10, func(at float64) float64 { return float64(int(at+.5) / 5 % 2) }), 0, 0},
		{"walks of one trend", numbers(200, 0, wandering(3, 0, 1, 12)), numbers(200, 10, wandering(4, 0, 1, 12)), 0, 0},
		{"walks of two trends", numbers(200, 0, wandering(3, 0, 1, 12)), numbers(200, 10, wandering(4, 50, 1, 30)), 0, 0},
		{"two sensors of one room", numbers(300, 0, rounded(.1, func(at float64) float64 { return 20 + 3*math.Sin(at/40) + .1*math.Sin(at*1.7) })),
			numbers(300, 10, rounded(.1, func(at float64) float64 { return 20 + 3*math.Sin(at/40) + .1*math.Sin(at*2.3) })), 0, 0},
	} {
		ok := test.x.prepare() && test.y.prepare()
		var a, back agreement
		if ok {
			a, ok = agrees(test.x, test.y)
			var too bool
			if back, too = agrees(test.y, test.x); too != ok {
				t.Errorf("%s: %v one way, %v the other", test.name, ok, too)
			}
		}
		switch {
		case test.gain == 0 && ok:
			t.Errorf("%s: y = %g*x + %g (r %.4f over %d of %d)", test.name, a.gain, a.bias, a.r, a.n, a.of)
		case test.gain != 0 && !ok:
			t.Errorf("%s: they are not found to be one", test.name)
		case ok && (math.Abs(a.gain-test.gain) > 1e-3*test.gain || math.Abs(a.bias-test.bias) > .01+1e-3*test.bias || a.n < coupleLeast || a.r < .999):
			t.Errorf("%s: y = %g*x + %g (r %.4f over %d of %d), want %g and %g", test.name, a.gain, a.bias, a.r, a.n, a.of, test.gain, test.bias)
		case ok && math.Abs(back.gain*a.gain-1) > 1e-3:
			t.Errorf("%s: %g one way, %g back", test.name, a.gain, back.gain)
		}
	}
}

// TestAgreesByChance: among numbers that have nothing to do with each other, none agree.
func TestAgreesByChance(t *testing.T) {
	var all []*moving
	r := rand.New(rand.NewPCG(11, 12))
	for i := range 120 {
		seed := uint64(100 + i)
		switch i % 4 {
		case 0:
			all = append(all, numbers(60, 0, wandering(seed, 100, 1, 0)))
		case 1:
			all = append(all, numbers(60, 0, wandering(seed, 1000, 3, 2)))
		case 2:
			all = append(all, numbers(60, 0, func(float64) float64 { return float64(r.IntN(5)) }))
		case 3:
			all = append(all, numbers(60, 0, func(float64) float64 { return 20 + math.Round(r.NormFloat64()) }))
		}
	}
	for i, x := range all {
		x.prepare()
		for k, y := range all[:i] {
			if a, ok := agrees(x, y); ok {
				t.Errorf("%d and %d: y = %g*x + %g (r %.4f over %d)", i, k, a.gain, a.bias, a.r, a.n)
			}
		}
	}
}

// TestHeardBounded: however long a device is watched, some readings of each cell are kept, and of two cells
// those of the same moments.
func TestHeardBounded(t *testing.T) {
	tr := &turns{}
	one, two := &Service{}, &Service{}
	x, y := &beside{turns: tr}, &beside{turns: tr}
	at := epoch
	for i := range 100000 {
		tr.take(one, at)
		x.heard(1, at, uint64(i))
		at = at.Add(second / 2)
		tr.take(two, at)
		if i > 1000 {
			y.heard(2, at, uint64(i))
		}
		at = at.Add(second / 2)
	}
	a, b := x.cells[1].readings(), y.cells[2].readings()
	if len(a) > heardMax+2*heardTurns || len(b) > heardMax+2*heardTurns || len(a) < heardMax/4 || len(b) < heardMax/4 {
		t.Errorf("%d and %d readings are kept", len(a), len(b))
	}
	same := map[uint64]bool{}
	for _, r := range a {
		same[r.v] = true
	}
	n := 0
	for _, r := range b {
		if same[r.v] {
			n++
		}
	}
	if n < len(b)*8/10 {
		t.Errorf("of %d readings %d have a partner", len(b), n)
	}
	alone := &beside{turns: &turns{n: 1}}
	alone.heard(1, at, 1)
	if len(alone.cells) > 0 {
		t.Error("readings are kept of a device with one service")
	}
}

// TestJoin: numbers that are one over several services are one group, each cell is of one of them, and the
// views fit together.
func TestJoin(t *testing.T) {
	http, modbus, snmp := &Service{Protocol: "http"}, &Service{Protocol: "modbus"}, &Service{Protocol: "snmp"}
	level := &moving{s: http, cell: "/v level", said: "level", typed: true, floats: true, takes: []any{1}, width: 8, typ: "i64", step: .01}
	wide := &moving{s: modbus, cell: "holding 0-1", floats: true, takes: []any{0, 1}, width: 4, typ: "f32", step: .01}
	low := &moving{s: modbus, cell: "holding 1", takes: []any{1}, width: 2, typ: "u16", step: 1}
	scaled := &moving{s: modbus, cell: "input 0", takes: []any{9}, width: 2, typ: "u16", step: 1}
	oid := &moving{s: snmp, cell: "1.3.6.1", typed: true, takes: []any{3}, width: 4, typ: "u32", step: 1}
	edges := []edge{
		{level, wide, agreement{1, 0, 1, 50, 50}},
		{wide, oid, agreement{100, 0, 1, 50, 50}},
		{low, oid, agreement{1, 0, 1, 50, 50}}, // its register is part of another number
		{scaled, oid, agreement{10, 5, 1, 50, 50}},
	}
	groups := join(edges)
	if len(groups) != 1 || len(groups[0].all) != 4 || len(groups[0].edges) != 3 {
		t.Fatalf("%d groups: %+v", len(groups), groups)
	}
	g := groups[0]
	if g.base() != level {
		t.Errorf("the point is called after %s", g.base().cell)
	}
	g.point = "level"
	g.inUnitsOf(g.base())
	for m, want := range map[*moving]profiles.PointRef{
		level: {Name: "level", Gain: 1}, wide: {Name: "level", Gain: 1}, oid: {Name: "level", Gain: 100}, scaled: {Name: "level", Gain: 10, Bias: -.5},
	} {
		if got := g.views[m]; got != want {
			t.Errorf("%s shows %s, want %s", m.cell, got, want)
		}
		if back, err := profiles.ParsePointRef(want.String()); err != nil || back != want {
			t.Errorf("%s is read as %+v (%v)", want, back, err)
		}
	}
	if typ := g.typ(level); typ != "f32" {
		t.Errorf("the point's type is %s", typ)
	}
}

func TestHTTPSaid(t *testing.T) {
	for page, want := range map[string]string{
		`{"a": 1, "tank": {"name": "x", "level": 2.41}}`: "tank/level",
		`{"all": [{"v": 1}, {"v": 2.41}]}`:               "all/1/v",
		`[[0, 2.41]]`:                                    "0/1",
		`<p><span class=x id="level">2.41 m</span>`:      "level",
		`<p>level: 2.41`:                                 "",
		`{"level": 2.41`:                                 "level",
		`{level: 2.41}`:                                  "",
	} {
		at := 0
		for at = range page {
			if page[at:at+4] == "2.41" {
				break
			}
		}
		if got := httpSaid([]byte(page), at); got != want {
			t.Errorf("%s: %q, want %q", page, got, want)
		}
	}
}

var epoch = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

const second = time.Second
