package clone

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A Visit is one conversation with one device. Scanners ask through its lines; what is said on them goes to
// the Tap, and what reads the Tap learns from it as from any recording.
//
// Nothing but reads leaves a line, whatever a scanner does (line.go).
type Visit struct {
	Addr netip.Addr
	Name string // as the user called the device: for server names and Host headers
	Care Care

	Tap    *capture.Tap
	Memory *Memory                             // of a scan that is resumed; nil: none
	Keys   func(p wire.Protocol) wire.Protocol // gives protocols the keys they read with; nil: none
	Dialer interface {
		DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	}

	pace      *pace
	turns     chan struct{} // one for each connection that may be open
	mu        sync.Mutex
	tallies   map[string]*Tally
	remarks   []Remark
	followers []follower // of what moves, when the scans are over
}

// NewVisit begins a visit: the budget's time runs. Memory and Keys are set before the first question.
func NewVisit(addr netip.Addr, name string, care Care, tap *capture.Tap) *Visit {
	return &Visit{
		Addr: addr, Name: name, Care: care, Tap: tap, Dialer: &net.Dialer{},
		pace: newPace(care, time.Now, sleep), turns: make(chan struct{}, max(1, care.Connections)), tallies: map[string]*Tally{},
	}
}

// Within ends a context when the time that the visit may take is over, even while an answer is waited for. Its
// cause is a Stopped error then.
func (v *Visit) Within(ctx context.Context) (context.Context, context.CancelFunc) {
	if v.Care.Time <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, v.pace.began.Add(v.Care.Time), v.pace.timeUp())
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// A Scanner asks a device in one protocol, and never decides what the answers mean.
type Scanner interface {
	// Protocol is what it asks in, and its usual ports.
	Protocol() wire.Protocol
	// Plan says what would be asked of a device, as far as that is known beforehand.
	Plan(care Care) []Step
	// Probe asks the least that shows whether the protocol is spoken on a port. ErrNotSpoken: it is not.
	Probe(ctx context.Context, v *Visit, port profiles.Port) error
	// Scan asks. A Stopped error ends all scans of the visit; others only this one.
	Scan(ctx context.Context, v *Visit, port profiles.Port) error
}

// A Step is a kind of question of a scan's plan, with how many of them there will be.
type Step struct {
	Kind        string
	Least, Most int // Most 0: as many as the device has
}

// A Tally counts what was asked in one protocol.
type Tally struct {
	Protocol string            `json:"protocol"`
	Asked    int64             `json:"asked"`              // questions sent
	Answered int64             `json:"answered"`           // of them
	Silent   int64             `json:"silent"`             // no answer in time
	Failed   int64             `json:"failed"`             // connections refused, reset or closed early
	Known    int64             `json:"known,omitempty"`    // from the interrupted scan, not asked again
	Expected int64             `json:"expected,omitempty"` // questions, as far as is known yet
	Bytes    int64             `json:"bytes"`              // both ways
	Began    time.Time         `json:"-"`
	Latency  time.Duration     `json:"latency"` // mean, of the answers
	slow     map[int]*slowness // by what is alike
	lifeless int               // silences in a row
}

// A Kind of remark.
type Kind string

// What a scan has to say, beside what is learned.
const (
	Found      Kind = "found"
	Fact       Kind = "fact"
	NotThere   Kind = "not supported"
	Suspicious Kind = "suspicious"
)

// A Remark is for the summary at the end.
type Remark struct {
	Protocol string `json:"protocol,omitempty"`
	Kind     Kind   `json:"kind"`
	Text     string `json:"text"`
}

// Remark adds to the summary; what was said before is not said again.
func (v *Visit) Remark(protocol string, kind Kind, format string, args ...any) {
	r := Remark{protocol, kind, fmt.Sprintf(format, args...)}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Contains(v.remarks, r) && len(v.remarks) < remarksMax {
		v.remarks = append(v.remarks, r)
	}
}

const remarksMax = 1000

// Remarks are what was remarked so far.
func (v *Visit) Remarks() []Remark {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.remarks)
}

// Tallies are the counts so far, by protocol.
func (v *Visit) Tallies() []Tally {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []Tally
	for _, t := range v.tallies {
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b Tally) int { return cmp.Compare(a.Protocol, b.Protocol) })
	return all
}

// Expect says that so many more questions are to come, for the progress display.
func (v *Visit) Expect(protocol string, n int) {
	v.count(protocol, func(t *Tally) { t.Expected += int64(n) })
}

func (v *Visit) count(protocol string, change func(*Tally)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.tallies[protocol]
	if t == nil {
		t = &Tally{Protocol: protocol, Began: time.Now()}
		v.tallies[protocol] = t
	}
	change(t)
}

// Stop ends the visit: every question from now on fails with a Stopped error.
func (v *Visit) Stop(why string) error { return v.pace.stop(why) }

// answered notes how long an answer took, among those to questions alike. A device that slows down is asked
// less often, and in the end left alone.
func (v *Visit) answered(protocol string, like int, d time.Duration) {
	var slow bool
	var rows int
	v.count(protocol, func(t *Tally) {
		t.Answered++
		t.lifeless = 0
		t.Latency += (d - t.Latency) / time.Duration(t.Answered)
		if t.slow == nil {
			t.slow = map[int]*slowness{}
		}
		if t.slow[like] == nil {
			t.slow[like] = &slowness{}
		}
		slow = t.slow[like].add(d, v.Care.Slower)
		rows = t.slow[like].slow
	})
	switch {
	case !slow:
		v.pace.well()
	case rows%8 == 1:
		v.Remark(protocol, Suspicious, "slows down: its answers take more than %g times what its first ones took", v.Care.Slower)
		v.pace.trouble()
	case rows > slowAnswers:
		v.Stop(fmt.Sprintf("%s: the device slows down: more than %g times its first answers, and asking less often does not help", protocol, v.Care.Slower))
	}
}

// silent notes that an answer did not come, which may have been expected. It says whether the device should be
// asked for a sign of life.
func (v *Visit) silent(protocol string, expected bool) (doubtful bool) {
	if !expected {
		v.pace.trouble()
	}
	v.count(protocol, func(t *Tally) {
		t.Silent++
		t.lifeless++
		doubtful = t.lifeless%max(1, v.Care.Silences) == 0
	})
	return doubtful
}

func (v *Visit) failed(protocol string) {
	v.pace.trouble()
	v.count(protocol, func(t *Tally) { t.Failed++ })
}
