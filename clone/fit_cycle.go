package clone

import (
	"math"
	"slices"
	"time"

	"ringer/profiles"
)

// stays gathers how long a number keeps each of a few values, and which one follows.
type stays struct {
	states []stayed
	now    int // the state it is in
	since  time.Duration
	moves  [statesMax][statesMax]uint16
	many   bool // more values than states are kept for
}

// A stayed is a value, and the whole stays there: begun and ended while it was watched.
type stayed struct {
	value         uint64
	n             int
	sum, square   float64 // seconds
	visits, reads int
}

const statesMax = 8

func newStays(v uint64) *stays {
	return &stays{states: []stayed{{value: v, visits: 1, reads: 1}}}
}

func (s *stays) add(v uint64, dt time.Duration) {
	was := &s.states[s.now]
	if was.value == v {
		s.since += dt
		was.reads++
		return
	}
	// The change came somewhere between the two readings.
	s.since += dt / 2
	if was.visits > 1 || s.now != 0 {
		x := s.since.Seconds()
		was.n++
		was.sum += x
		was.square += x * x
	}
	next := slices.IndexFunc(s.states, func(x stayed) bool { return x.value == v })
	if next < 0 {
		if len(s.states) == statesMax {
			s.many = true
			return
		}
		next = len(s.states)
		s.states = append(s.states, stayed{value: v})
	}
	if s.moves[s.now][next] < math.MaxUint16 {
		s.moves[s.now][next]++
	}
	s.states[next].visits++
	s.states[next].reads++
	s.now, s.since = next, dt-dt/2
}

// calm is how often a value is read at least before it changes, on average, where a device has states.
const calm = 3

func (s *stays) visits() (n int) {
	for _, x := range s.states {
		n += x.visits
	}
	return n
}

// settled says that a few values came one after the other and did not come again: someone changes a
// setting, and nothing tells what comes next.
func (t *Trend) settled() bool {
	if t.stays == nil {
		return false
	}
	visits := t.stays.visits()
	return visits < 2*len(t.stays.states) && t.n >= calm*visits
}

// asDwell finds a few values that are kept for a while and come back.
func (t *Trend) asDwell() *profiles.Dynamics {
	if t.stays == nil || t.n < 8 {
		return nil
	}
	states := t.stays.states
	visits := t.stays.visits()
	if visits < 2*len(states) || t.n < calm*visits && (len(states) > 2 || t.n < 2*visits) {
		return nil
	}
	order, strict := t.stays.order()
	if !strict && len(states) > 2 && t.stays.neighbourly() {
		return nil // a slow walk in coarse steps
	}
	d := &profiles.Dwell{}
	var spread, weight float64
	view := t.view()
	for _, i := range order {
		s := states[i]
		if s.n == 0 {
			s.n, s.sum = 1, t.span().Seconds()/float64(visits)
			s.square = s.sum * s.sum
		}
		mean := s.sum / float64(s.n)
		if s.n > 1 {
			spread += math.Sqrt(max(0, s.square/float64(s.n)-mean*mean)) / mean * float64(s.n)
			weight += float64(s.n)
		}
		d.States = append(d.States, profiles.DwellState{Value: t.readAs(s.value)[view], For: seconds(mean)})
	}
	if weight > 0 {
		d.SD = math.Round(spread/weight*100) / 100
	}
	return &profiles.Dynamics{Dwell: d}
}

func seconds(s float64) time.Duration {
	return max(time.Millisecond, time.Duration(s*1e9).Round(time.Millisecond))
}

// order is the order in which the states follow each other; strict, if each has one usual follower and
// that leads through all of them.
func (s *stays) order() (order []int, strict bool) {
	n := len(s.states)
	seen := make([]bool, n)
	strict = true
	for i := 0; !seen[i]; {
		seen[i] = true
		order = append(order, i)
		best, all := 0, 0
		for j := range n {
			all += int(s.moves[i][j])
			if s.moves[i][j] > s.moves[i][best] {
				best = j
			}
		}
		strict = strict && 10*int(s.moves[i][best]) >= 7*all
		i = best
	}
	for i := range n {
		if !seen[i] {
			strict = false
			order = append(order, i)
		}
	}
	return order, strict
}

// neighbourly says whether most changes lead to the next higher or lower value.
func (s *stays) neighbourly() bool {
	rank := make([]int, len(s.states))
	for i, a := range s.states {
		for _, b := range s.states {
			if b.value < a.value {
				rank[i]++
			}
		}
	}
	near, all := 0, 0
	for i := range s.states {
		for j := range s.states {
			n := int(s.moves[i][j])
			all += n
			if d := rank[i] - rank[j]; d == 1 || d == -1 {
				near += n
			}
		}
	}
	return 10*near >= 9*all
}
