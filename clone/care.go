package clone

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// Care is how hard a device may be asked. Controllers fall over when they are asked too fast, so the limits
// hold for the device as a whole, whatever protocols it is asked in.
type Care struct {
	Name        string
	Rate        float64       // questions a second; 0: as fast as it answers
	Connections int           // open at once
	Timeout     time.Duration // for an answer
	Again       int           // how often what had no answer is asked again
	Silences    int           // in a row, after which the device is asked for a sign of life
	Slower      float64       // times its own first answers: then it is asked less often, and in the end no more
	Bytes       int64         // both ways
	Time        time.Duration // all in all
}

// Cares lists the presets, the gentlest first.
func Cares() []Care {
	return []Care{
		{Name: "gentle", Rate: 20, Connections: 1, Timeout: 5 * time.Second, Again: 1, Silences: 4, Slower: 4, Bytes: 256 << 20, Time: 2 * time.Hour},
		{Name: "normal", Rate: 200, Connections: 2, Timeout: 3 * time.Second, Again: 2, Silences: 8, Slower: 8, Bytes: 1 << 30, Time: 2 * time.Hour},
		{Name: "lab", Connections: 8, Timeout: 2 * time.Second, Again: 2, Silences: 16, Slower: 32, Bytes: 4 << 30, Time: 4 * time.Hour},
	}
}

// CareNamed finds a preset.
func CareNamed(name string) (Care, error) {
	for _, c := range Cares() {
		if c.Name == name {
			return c, nil
		}
	}
	return Care{}, fmt.Errorf("care %q is not one of gentle, normal, lab", name)
}

// Stopped ends a scan before it has asked everything: the budget is used up, or the device does not take it
// well. What was learned until then counts.
type Stopped struct{ Why string }

func (s *Stopped) Error() string { return s.Why }

// pace spreads questions over time, by the care and by how the device takes them.
type pace struct {
	care  Care
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu      sync.Mutex
	began   time.Time
	next    time.Time // no question before
	slack   float64   // times the usual distance between questions
	good    int       // answers in a row
	bytes   int64
	taken   int // turns
	free    int // turns that need not keep their distance
	stopped *Stopped
}

const (
	slackMax  = 16
	slackStep = 2
	// calmAfter answers in a row, the distance between questions shrinks again.
	calmAfter = 16
	// leastDistance between questions when a device that is asked without a limit shows trouble.
	leastDistance = 5 * time.Millisecond
)

func newPace(care Care, now func() time.Time, sleep func(context.Context, time.Duration) error) *pace {
	return &pace{care: care, now: now, sleep: sleep, began: now(), slack: 1}
}

// turn waits until the next question may be asked.
func (p *pace) turn(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.mu.Lock()
	now := p.now()
	if p.stopped == nil && p.care.Time > 0 && now.Sub(p.began) > p.care.Time {
		p.stopped = p.timeUp()
	}
	if p.stopped != nil {
		p.mu.Unlock()
		return p.stopped
	}
	var distance time.Duration
	if p.care.Rate > 0 {
		distance = time.Duration(float64(time.Second) / p.care.Rate * p.slack)
	} else if p.slack > 1 {
		distance = time.Duration(float64(leastDistance) * p.slack)
	}
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(distance)
	p.taken++
	if p.free > 0 && p.slack <= 1 {
		p.free--
		at = now
	}
	p.mu.Unlock()
	if wait := at.Sub(now); wait > 0 {
		return p.sleep(ctx, wait)
	}
	return nil
}

// atOnce lets the next n turns follow each other at once, as long as no more come in any second than may: the
// device was left alone before, or else they keep their distance, and what is asked behind them waits as if
// they had.
func (p *pace) atOnce(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free = 0; float64(n) <= p.care.Rate && !p.next.After(p.now()) {
		p.free = n
	}
}

// turns counts those that were taken.
func (p *pace) turns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

func (p *pace) timeUp() *Stopped {
	return &Stopped{fmt.Sprintf("the time of %v is used up", p.care.Time)}
}

// moved counts bytes, sent or received.
func (p *pace) moved(n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += int64(n)
	if p.stopped == nil && p.care.Bytes > 0 && p.bytes > p.care.Bytes {
		p.stopped = &Stopped{fmt.Sprintf("the %d bytes that this care allows are used up", p.care.Bytes)}
	}
	if p.stopped != nil {
		return p.stopped
	}
	return nil
}

// room is how many bytes may still come; the one that is too much ends the visit.
func (p *pace) room() int {
	if p.care.Bytes <= 0 {
		return math.MaxInt
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(max(0, p.care.Bytes-p.bytes) + 1)
}

// well: the device answered in good time.
func (p *pace) well() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.good++; p.good >= calmAfter {
		p.good = 0
		p.slack = math.Max(1, p.slack/slackStep)
	}
}

// trouble: an error, a silence, or a slow answer. It says whether the device is asked as slowly as can be.
func (p *pace) trouble() (slowest bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.good = 0
	slowest = p.slack >= slackMax
	p.slack = math.Min(slackMax, p.slack*slackStep)
	return slowest
}

// slackness is how much slower than usual the device is asked.
func (p *pace) slackness() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slack
}

// forgive forgets trouble since then.
func (p *pace) forgive(slack float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slack = math.Min(p.slack, slack)
}

// stop ends the whole visit.
func (p *pace) stop(why string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped == nil {
		p.stopped = &Stopped{why}
	}
	return p.stopped
}

// A slowness compares how long a device takes in one protocol with its own first answers.
type slowness struct {
	first  []time.Duration
	usual  time.Duration
	recent float64 // a moving average, in seconds
	slow   int     // answers in a row
}

const (
	firstAnswers = 16
	// slowAnswers in a row, at the slowest pace, and the scan ends.
	slowAnswers = 32
	// slownessFloor: below, a device is not slow, whatever its first answers took.
	slownessFloor = 100 * time.Millisecond
)

// add takes the latency of an answer and says whether the device is slow now.
func (s *slowness) add(d time.Duration, times float64) bool {
	if s.usual == 0 {
		s.first = append(s.first, d)
		if len(s.first) < firstAnswers {
			return false
		}
		for _, f := range s.first {
			s.usual = max(s.usual, f)
		}
		s.first, s.recent = nil, s.usual.Seconds()
		return false
	}
	s.recent += (d.Seconds() - s.recent) / 8
	if s.recent > times*s.usual.Seconds() && s.recent > slownessFloor.Seconds() {
		s.slow++
		return true
	}
	s.slow = 0
	return false
}
