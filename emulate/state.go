package emulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"ringer/profiles"
)

// Values says where values come from at first.
type Values uint8

const (
	FromRecording Values = iota // recorded samples, then dynamics
	Model                       // dynamics from the start
)

// A State is one running device: its named points, its clock and its randomness. The engine holds its
// lock around every call of a session.
type State struct {
	sync.Mutex
	values Values
	now    func() time.Time
	booted time.Time
	seed   uint64
	points map[string]*PointState
	due    []*PointState  // whose values are to change at a time to come
	shared map[string]any // by protocol

	accounts *accountList

	ports   map[uint16]uint16 // of TCP: where the device's own are served
	stopped time.Time         // when the program was stopped; zero: it runs
	lost    time.Duration     // how long it stood still before
}

// Settings are injected, so that every run can be repeated.
type Settings struct {
	Values Values
	Now    func() time.Time // nil: time.Now
	Seed   uint64           // 0: the profile's
}

// NewState builds the points of a device.
func NewState(dev *profiles.Device, set Settings) (*State, error) {
	st := &State{values: set.Values, now: set.Now, seed: set.Seed, points: map[string]*PointState{}}
	if st.now == nil {
		st.now = time.Now
	}
	if st.seed == 0 {
		st.seed = dev.Seed
	}
	st.booted = st.now()
	st.accounts = newAccountList(dev)
	for name, p := range dev.Points {
		if p == nil {
			return nil, fmt.Errorf("%s: point %s: it is empty", dev.ID, name)
		}
		q, err := st.newPoint(name, p)
		if err != nil {
			return nil, fmt.Errorf("%s: point %s: %w", dev.ID, name, err)
		}
		st.points[name] = q
	}
	if err := st.link(); err != nil {
		return nil, fmt.Errorf("%s: %w", dev.ID, err)
	}
	return st, nil
}

// Now is the device's time; Booted when the decoy was started. Values says where values come from.
func (st *State) Now() time.Time    { return st.now() }
func (st *State) Booted() time.Time { return st.booted }
func (st *State) Values() Values    { return st.values }

// servedAt says where a TCP port of the device is served.
func (st *State) servedAt(port uint16) (uint16, bool) {
	at, ok := st.ports[port]
	return at, ok
}

// Run lets the device's program go on, or stops it: what it drives stands still meanwhile.
func (st *State) Run(on bool) {
	switch {
	case on && !st.stopped.IsZero():
		st.lost += st.now().Sub(st.stopped)
		st.stopped = time.Time{}
	case !on && st.stopped.IsZero():
		st.stopped = st.now()
	}
}

// Stopped says whether the program stands still.
func (st *State) Stopped() bool { return !st.stopped.IsZero() }

// programNow is the time that the program has come to.
func (st *State) programNow() time.Time {
	if st.Stopped() {
		return st.stopped.Add(-st.lost)
	}
	return st.now().Add(-st.lost)
}

// Rand is a source of randomness of its own for each name, the same in every run with the same seed.
func (st *State) Rand(name string) *rand.Rand {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(st.seed, h))
}

// Point finds a named point, or a scaled view of one: see profiles.PointRef.
func (st *State) Point(name string) (*PointState, error) {
	if p, ok := st.points[name]; ok {
		return p, nil
	}
	ref, err := profiles.ParsePointRef(name)
	if err != nil {
		return nil, err
	}
	p, ok := st.points[ref.Name]
	if !ok {
		return nil, fmt.Errorf("there is no point %q", ref.Name)
	}
	if ref.Plain() {
		return p, nil
	}
	return p.scaled(name, ref)
}

// comeDue has the points take the values whose time has come: those who watch them are told, though nobody
// reads them.
func (st *State) comeDue() {
	for i := 0; i < len(st.due); i++ {
		if p := st.due[i]; !st.now().Before(p.due) {
			p.comeDue()
			i = -1 // whoever was told may have changed the list
		}
	}
}

// forget takes a point out of the list of those that are to change.
func (st *State) forget(p *PointState) {
	st.due = slices.DeleteFunc(st.due, func(x *PointState) bool { return x == p })
}

// Shared is what several services of a device have in common beside points: the first of them makes it.
func (st *State) Shared(protocol string, made func() (any, error)) (any, error) {
	if x, ok := st.shared[protocol]; ok {
		return x, nil
	}
	x, err := made()
	if err != nil {
		return nil, err
	}
	if st.shared == nil {
		st.shared = map[string]any{}
	}
	st.shared[protocol] = x
	return x, nil
}
