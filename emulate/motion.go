package emulate

import (
	"errors"
	"fmt"
	"math"
	"time"

	"ringer/profiles"
)

// A Motion computes how a value moves: profiles.Dynamics at work. The value depends on the seed, the
// start and the time alone, never on how often or when it was asked before.
type Motion struct {
	at    func(m *Motion, since time.Duration, now time.Time) Value
	d     *profiles.Dynamics
	noise noise
	start time.Time
	base  uint64 // the last sample, as the cell holds it
	based bool   // base is known
	wrap  uint64 // counters and clocks begin anew at it; 0: at 2^64
	step  step
	low   float64 // bounds; infinite if there are none
	high  float64
	path  bridge        // walk
	dwell []dwellState  // dwell, with the ends of the nominal stays
	cycle time.Duration // dwell: all stays
	phase time.Duration // dwell: where it began
	first int           // series: where it began
	rise  float64       // sine: where it began, as a part of the period
	of    *PointState   // linear
}

type dwellState struct {
	profiles.DwellState
	end time.Duration
}

// noiseEvery is how long an independent reading lasts.
const noiseEvery = 100 * time.Millisecond

// NewMotion prepares dynamics. name seeds its noise. The value runs from the start of the decoy until
// Start says otherwise.
func (st *State) NewMotion(name string, d *profiles.Dynamics) (*Motion, error) {
	m, err := st.newMotion(name, d)
	if err != nil || d.Linear == nil {
		return m, err
	}
	m.of, err = st.Point(d.Linear.Of)
	return m, err
}

// newMotion leaves the point that a linear one follows to link.
func (st *State) newMotion(name string, d *profiles.Dynamics) (*Motion, error) {
	if d == nil || d.Kind() == "" {
		return nil, errors.New("want exactly one kind of dynamics")
	}
	m := &Motion{d: d, noise: noise(st.Rand(name).Uint64()), start: st.booted, low: math.Inf(-1), high: math.Inf(1)}
	switch {
	case d.Const != nil:
		m.at = (*Motion).constant
	case d.Counter != nil:
		m.at, m.wrap = (*Motion).counter, d.Counter.Wrap
	case d.Clock != nil:
		m.at = (*Motion).clock
	case d.Noise != nil:
		m.at = (*Motion).independent
		m.bound(d.Noise.Min, d.Noise.Max, d.Noise.Step)
	case d.Walk != nil:
		m.at = (*Motion).walk
		m.bound(d.Walk.Min, d.Walk.Max, d.Walk.Step)
		m.path = newBridge(d.Walk, m.noise)
		m.path.begin(d.Walk.Mean)
	case d.Sine != nil:
		m.at = (*Motion).sine
		m.bound(d.Sine.Min, d.Sine.Max, d.Sine.Step)
	case d.Dwell != nil:
		if err := m.prepareDwell(); err != nil {
			return nil, err
		}
	case d.Series != nil:
		if d.Series.Every <= 0 || len(d.Series.Values) == 0 {
			return nil, errors.New("a series wants values and the time between them")
		}
		m.at = (*Motion).series
	case d.Linear != nil:
		m.at = (*Motion).linear
		m.bound(nil, nil, d.Linear.Step)
	}
	return m, nil
}

func (m *Motion) prepareDwell() error {
	m.at = (*Motion).stay
	for _, s := range m.d.Dwell.States {
		if s.For <= 0 {
			return fmt.Errorf("dwell: a stay of %v", s.For)
		}
		m.cycle += s.For
		m.dwell = append(m.dwell, dwellState{s, m.cycle})
	}
	if len(m.dwell) == 0 {
		return errors.New("dwell: no states")
	}
	return nil
}

func (m *Motion) bound(least, most *float64, by float64) {
	if least != nil {
		m.low = *least
	}
	if most != nil {
		m.high = *most
	}
	m.step = newStep(by, least)
}

// Start makes the value go on from base at the time now. Base is what the cell held last, as it holds
// it: unsigned.
func (m *Motion) Start(now time.Time, base uint64) {
	m.base = base
	m.begin(now, func(near float64) float64 { return m.reading(base, near) })
}

// startAt makes the value go on from v.
func (m *Motion) startAt(now time.Time, v Value) {
	m.base = v.Uint()
	m.begin(now, func(float64) float64 { return v.Float() })
}

// begin starts at a number, which may depend on the numbers that the dynamics give.
func (m *Motion) begin(now time.Time, number func(near float64) float64) {
	m.start, m.based = now, true
	switch {
	case m.d.Walk != nil:
		m.path.begin(number(m.d.Walk.Mean))
	case m.d.Sine != nil && m.d.Sine.Amp != 0:
		s := m.d.Sine
		m.rise = math.Asin(max(-1, min(1, (number(s.Mean)-s.Mean)/s.Amp))) / (2 * math.Pi)
	case m.d.Dwell != nil:
		m.phase = 0
		for i, s := range m.dwell {
			if s.Value == number(s.Value) {
				if i > 0 {
					m.phase = max(s.end-s.For, m.end(uint64(i)-1))
				}
				break
			}
		}
	case m.d.Series != nil:
		v := m.d.Series.Values
		if last := v[len(v)-1]; last == number(last) {
			m.first = len(v) - 1
		}
	}
}

// reading is what the cell's bits mean as a number of the size that the dynamics speak of: a cell that
// moves around a negative mean holds two's complement, and which width that has is not known here.
func (m *Motion) reading(base uint64, near float64) float64 {
	best := float64(base)
	for _, bits := range []uint{8, 16, 32} {
		if base>>bits == 0 && base>>(bits-1) == 1 {
			if s := float64(int64(base) - int64(1)<<bits); math.Abs(s-near) < math.Abs(best-near) {
				best = s
			}
		}
	}
	if s := float64(int64(base)); math.Abs(s-near) < math.Abs(best-near) {
		best = s
	}
	return best
}

// At is the value at a time.
func (m *Motion) At(now time.Time) Value { return m.at(m, max(0, now.Sub(m.start)), now) }

func (m *Motion) constant(time.Duration, time.Time) Value { return UintValue(m.base) }

// counter grows by the rate, shaken by a noise that does not add up, and never goes down.
func (m *Motion) counter(since time.Duration, _ time.Time) Value {
	c := m.d.Counter
	n := c.Rate * since.Seconds()
	if j := min(c.Jitter, c.Rate); j > 0 {
		n = max(0, n+j*(m.noise.smooth(since)-m.noise.smooth(0)))
	}
	base := m.base
	if !m.based {
		base = c.Start
	}
	return UintValue(m.wrapped(base, uint64(n)))
}

func (m *Motion) wrapped(base, n uint64) uint64 {
	if m.wrap == 0 {
		return base + n
	}
	return (base%m.wrap + n%m.wrap) % m.wrap
}

func (m *Motion) clock(since time.Duration, now time.Time) Value {
	c := m.d.Clock
	unit := c.Unit
	if unit <= 0 {
		unit = time.Second
	}
	if c.Of == "wall" {
		return UintValue(m.wrapped(0, uint64(now.Add(c.Skew).UnixNano())/uint64(unit)))
	}
	if m.based {
		return UintValue(m.wrapped(m.base, uint64(since/unit)))
	}
	return UintValue(m.wrapped(0, uint64((c.Uptime+since)/unit)))
}

func (m *Motion) independent(since time.Duration, _ time.Time) Value {
	n := m.d.Noise
	return m.bounded(n.Mean + n.SD*m.noise.normal(uint64(since/noiseEvery)))
}

func (m *Motion) walk(since time.Duration, _ time.Time) Value {
	return m.bounded(fold(m.path.at(since), m.low, m.high))
}

// sine follows the time of day. A swing of under an hour goes on from the last sample instead.
func (m *Motion) sine(since time.Duration, now time.Time) Value {
	s := m.d.Sine
	t := time.Duration(now.UnixNano()) - s.Phase
	if m.based && s.Period < time.Hour && s.Amp != 0 {
		t = since + time.Duration(m.rise*float64(s.Period))
	}
	if t %= s.Period; t < 0 {
		t += s.Period
	}
	x := s.Mean + s.Amp*math.Sin(2*math.Pi*float64(t)/float64(s.Period))
	if s.SD > 0 {
		x += s.SD * m.noise.normal(uint64(since/noiseEvery))
	}
	return m.bounded(x)
}

// stay finds the state of a schedule that the seed alone makes: the end of every stay is moved from where
// it would be on average, by no more than would let it pass its neighbours.
func (m *Motion) stay(since time.Duration, _ time.Time) Value {
	t := since + m.phase
	n, rest := uint64(t/m.cycle), t%m.cycle
	i := 0
	for rest >= m.dwell[i].end {
		i++
	}
	here := n*uint64(len(m.dwell)) + uint64(i)
	if t >= m.end(here) {
		i++
	} else if here > 0 && t < m.end(here-1) {
		i += len(m.dwell) - 1
	}
	return FloatValue(m.dwell[i%len(m.dwell)].Value)
}

// end is when the k-th stay ends.
func (m *Motion) end(k uint64) time.Duration {
	n := uint64(len(m.dwell))
	s, next := m.dwell[k%n], m.dwell[(k+1)%n]
	spread := min(m.d.Dwell.SD, 1) * float64(min(s.For, next.For)) / 2
	return time.Duration(k/n)*m.cycle + s.end + time.Duration(spread*(2*m.noise.uniform(k)-1))
}

func (m *Motion) series(since time.Duration, _ time.Time) Value {
	s := m.d.Series
	return FloatValue(s.Values[(uint64(m.first)+uint64(since/s.Every))%uint64(len(s.Values))])
}

func (m *Motion) linear(since time.Duration, _ time.Time) Value {
	l := m.d.Linear
	x := l.Gain*m.of.Get().Float() + l.Bias
	if l.SD > 0 {
		x += l.SD * m.noise.normal(uint64(since/noiseEvery))
	}
	return m.bounded(x)
}

func (m *Motion) bounded(x float64) Value {
	return FloatValue(max(m.low, min(m.high, m.step.round(x))))
}
