package emulate

import (
	"math/rand/v2"
	"slices"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

// Timing says how long answers take.
type Timing uint8

const (
	TimingRecorded Timing = iota // as long as the device took for requests of that class
	TimingNone                   // as short as possible
)

// AnyClass is the class in a profile's latencies that stands for those not listed.
const AnyClass = "any"

// A pace is how long a service takes for its answers.
type pace struct {
	classes map[string]profiles.Latency
	other   profiles.Latency
}

// newPace takes for classes that were never timed what the profile gives for AnyClass, else the class
// that was timed most often. nil: nothing was timed.
func newPace(classes map[string]profiles.Latency) *pace {
	if len(classes) == 0 {
		return nil
	}
	p := &pace{classes: classes}
	other, ok := classes[AnyClass]
	if !ok {
		var names []string
		for c := range classes {
			names = append(names, c)
		}
		slices.Sort(names)
		for _, c := range names {
			if l := classes[c]; other == (profiles.Latency{}) || l.N > other.N {
				other = l
			}
		}
	}
	p.other = other
	return p
}

// timesItself says whether a service without latencies knows how long its answers take: by their Wait.
func timesItself(s Service) bool {
	t, ok := s.(interface{ TimesItself() bool })
	return ok && t.TimesItself()
}

// of draws the time for one answer to req.
func (p *pace) of(req wire.Message, a *Answer, r *rand.Rand) time.Duration {
	class := a.Class
	if class == "" {
		class, _ = wire.Class(req)
	}
	l, ok := p.classes[class]
	if !ok {
		l = p.other
	}
	return quantile(l, r.Float64()) + a.Wait
}

// quantile is the inverse of the distribution that a Latency outlines: linear between its quantiles,
// below the median down to half of it, above p99 as much further as p99 lies above p90.
func quantile(l profiles.Latency, u float64) time.Duration {
	p50 := float64(l.P50)
	p90 := max(float64(l.P90), p50)
	p99 := max(float64(l.P99), p90)
	switch {
	case u < .5:
		return time.Duration(p50/2 + u/.5*p50/2)
	case u < .9:
		return time.Duration(p50 + (u-.5)/.4*(p90-p50))
	case u < .99:
		return time.Duration(p90 + (u-.9)/.09*(p99-p90))
	}
	return time.Duration(p99 + (u-.99)/.01*(p99-p90))
}

// sleepUntil waits for the time an answer is due. Go's timers are late by up to a millisecond, which is
// more than many devices take at all: the last of it is slept in a system call.
func (d *Decoy) sleepUntil(due time.Time) {
	if d.sleep(time.Until(due)-timerSlack) && !d.naps.take(due) {
		d.sleep(time.Until(due))
	}
}

const (
	timerSlack = 1200 * time.Microsecond
	napsMax    = 8 // each of them holds a thread
)

// naps are the threads that may be asleep at the same time.
type naps chan struct{}

// take sleeps until due, if a thread is free for it.
func (n naps) take(due time.Time) bool {
	select {
	case n <- struct{}{}:
	default:
		return false
	}
	if t := time.Until(due); t > 0 {
		nap(t)
	}
	<-n
	return true
}
