package clone

import (
	"math"
	"slices"
	"time"
)

// What moves in one protocol may be what moves in another. To find that out at the end (couple.go), each
// service keeps some readings of its moving numbers beside what it learns: those made just before and after
// the talk went over from one service to another, as only they were made at nearly the same time. A device
// with one service keeps none.

// turns counts how often the talk with a device went over from one of its services to another.
type turns struct {
	n      uint32 // 1: all was said in one service so far
	of     *Service
	begun  time.Time
	recent []time.Time // when the newest turns began, the last one being n
	cells  int
}

// take notes who is talked with now.
func (t *turns) take(s *Service, at time.Time) {
	if t.of != s {
		t.of = s
		t.n++
		if len(t.recent) == recentMax {
			t.recent = append(t.recent[:0], t.recent[recentMax/2:]...)
		}
		t.recent = append(t.recent, at)
	}
	if t.begun.IsZero() {
		t.begun = at
	}
}

// turn is the one that a time is in: some learners look at the first exchanges later than they came.
func (t *turns) turn(at time.Time) uint32 {
	back := 0
	for back < len(t.recent)-1 && at.Before(t.recent[len(t.recent)-1-back]) {
		back++
	}
	return t.n - uint32(back)
}

const (
	heardMax      = 256 // readings kept of one cell
	heardTurns    = 16  // turns that are kept or left out together, the same ones for all cells
	recentMax     = 1 << 10
	heardCellsMax = 1 << 12 // moving cells of a device that are compared
)

// A beside keeps what the cells of one service held. Its cells are called by anything that can be compared.
type beside struct {
	turns *turns
	cells map[any]*heard
}

// A heard cell is one that moves.
type heard struct {
	kept   []reckoned
	newest reckoned
	open   bool   // newest is not among kept yet
	n      uint32 // readings in all
	first  uint32 // time of the first one
	stride uint32 // which blocks of turns are kept
	name   string // as the device calls it; "": it does not
}

// A reckoned reading is what a cell held at a time, in milliseconds since the device was met.
type reckoned struct {
	turn, at uint32
	v        uint64
}

// heard takes a reading of a cell that moves; nil: nobody will compare it.
func (b *beside) heard(cell any, at time.Time, v uint64) *heard {
	if b == nil || b.turns.n < 2 {
		return nil
	}
	h := b.cells[cell]
	if h == nil {
		if b.turns.cells >= heardCellsMax {
			return nil
		}
		b.turns.cells++
		h = &heard{stride: 1}
		if b.cells == nil {
			b.cells = map[any]*heard{}
		}
		b.cells[cell] = h
	}
	ms := at.Sub(b.turns.begun).Milliseconds()
	if ms < 0 || ms > math.MaxUint32 {
		return h
	}
	h.add(reckoned{b.turns.turn(at), uint32(ms), v})
	return h
}

func (h *heard) add(x reckoned) {
	if h.n == 0 {
		h.first = x.at
	}
	h.n++
	if h.n > 1 && h.newest.turn == x.turn {
		h.newest, h.open = x, true
		return
	}
	h.settle()
	h.keep(x)
	h.newest = x
}

// settle keeps the last reading of a turn that is over.
func (h *heard) settle() {
	if h.open {
		h.keep(h.newest)
		h.open = false
	}
}

// keep keeps a reading, if it is in a block of turns that is kept; when there are too many, every second
// block goes.
func (h *heard) keep(x reckoned) {
	for len(h.kept) >= heardMax && h.stride < 1<<30 {
		h.stride *= 2
		h.kept = slices.DeleteFunc(h.kept, func(r reckoned) bool { return r.turn/heardTurns%h.stride != 0 })
	}
	if x.turn/heardTurns%h.stride == 0 {
		h.kept = append(h.kept, x)
	}
}

// readings ends the gathering.
func (h *heard) readings() []reckoned {
	h.settle()
	return h.kept
}

// every is how long it is from one reading to the next on average, in milliseconds.
func (h *heard) every() float64 {
	if h.n < 2 {
		return 0
	}
	return float64(h.newest.at-h.first) / float64(h.n-1)
}

// at is what the cell held at a time when its service was read: a cell that did not move until later was
// what it was before.
func (h *heard) at(at uint32, before uint64) (uint64, bool) {
	i, ok := slices.BinarySearchFunc(h.kept, at, func(r reckoned, at uint32) int { return int(int64(r.at) - int64(at)) })
	switch {
	case ok:
		return h.kept[i].v, true
	case i == 0:
		return before, true
	}
	return 0, false
}
