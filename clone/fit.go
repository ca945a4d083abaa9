package clone

import (
	"math"
	"time"
)

// A Trend gathers how the number in one cell moves, in bounded memory, and finds the dynamics that go on
// like it. Only cells that moved need one. The same readings give the same dynamics.
type Trend struct {
	n           int
	bits        int
	first, last uint64
	begin, end  time.Time
	low, high   [2]float64 // of the readings as unsigned [0] and as signed [1] numbers
	sum, square [2]float64 // of how far they are from the first
	hops        [2]float64 // sum of squares of the changes
	grid        uint64     // greatest common divisor of all changes
	way         int64      // from the first reading to the last, wraps undone
	up, down    int        // changes
	upSum       float64
	upMost      uint64
	fellFrom    uint64 // the least value it fell from, and the most it fell to
	fellTo      uint64
	clocks      [len(clockUnits)]clockFit
	stays       *stays
	kept        []reading // every stride-th
	stride      int
}

// A reading is a time after the first one, and the way from the first value.
type reading struct {
	at  time.Duration
	way int64
}

const (
	keptMax    = 128
	leastMoves = 3 // changes below which nothing can be said
	leastBits  = 4 // of a number that counts
)

// clockUnits are the units that devices count time in.
var clockUnits = [...]time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, time.Minute}

// A clockFit counts the readings that are where a clock with one unit would be.
type clockFit struct {
	hits int
	off  float64 // sum of how far they were off
}

// Add takes a reading. Bits is the width of the number, for counters that wrap. Readings come in the order
// of time.
func (t *Trend) Add(at time.Time, v uint64, bits int) {
	if t.n == 0 {
		t.start(at, v, bits)
		return
	}
	t.bits = max(t.bits, bits)
	dt := max(0, at.Sub(t.end))
	change := t.change(t.last, v)
	t.moments(v)
	t.clock(dt, v-t.last)
	t.steps(v, change)
	if t.stays != nil {
		t.stays.add(v, dt)
		if t.stays.many {
			t.stays = nil
		}
	}
	t.way += change
	t.end, t.last = at, v
	t.keep()
	t.n++
}

func (t *Trend) start(at time.Time, v uint64, bits int) {
	t.n, t.bits, t.first, t.last, t.begin, t.end = 1, bits, v, v, at, at
	for i, x := range t.readAs(v) {
		t.low[i], t.high[i] = x, x
	}
	t.fellFrom, t.stride = math.MaxUint64, 1
	t.stays = newStays(v)
	t.kept = append(t.kept, reading{})
}

// change is the shorter way from a to b, which may lead over the end of the number's range.
func (t *Trend) change(a, b uint64) int64 { return signed(b-a, t.bits) }

func signed(v uint64, bits int) int64 {
	if bits <= 0 || bits >= 64 {
		return int64(v)
	}
	return int64(v<<(64-bits)) >> (64 - bits)
}

// readAs is the number as unsigned and as signed.
func (t *Trend) readAs(v uint64) [2]float64 {
	return [2]float64{float64(v), float64(signed(v, t.bits))}
}

func (t *Trend) moments(v uint64) {
	origin, last := t.readAs(t.first), t.readAs(t.last)
	for i, x := range t.readAs(v) {
		t.low[i], t.high[i] = min(t.low[i], x), max(t.high[i], x)
		t.hops[i] += (x - last[i]) * (x - last[i])
		x -= origin[i]
		t.sum[i] += x
		t.square[i] += x * x
	}
}

func (t *Trend) clock(dt time.Duration, change uint64) {
	if t.bits > 0 && t.bits < 64 {
		change &= 1<<t.bits - 1
	}
	for i, unit := range clockUnits {
		want := float64(dt) / float64(unit)
		off := float64(change) - want
		if t.bits > 0 {
			off = math.Remainder(off, math.Ldexp(1, t.bits))
		}
		// A tick for rounding, and what the network may have delayed.
		if math.Abs(off) <= 1.5+float64(100*time.Millisecond)/float64(unit)+want/100 {
			t.clocks[i].hits++
		}
		t.clocks[i].off += off
	}
}

func (t *Trend) steps(v uint64, change int64) {
	switch {
	case change > 0:
		t.up++
		t.upSum += float64(change)
		t.upMost = max(t.upMost, uint64(change))
	case change < 0:
		t.down++
		t.fellFrom, t.fellTo = min(t.fellFrom, t.last), max(t.fellTo, v)
		change = -change
	}
	t.grid = gcd(t.grid, uint64(change))
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// keep stores every stride-th reading; when the store is full every second one goes.
func (t *Trend) keep() {
	if t.n%t.stride != 0 {
		return
	}
	if len(t.kept) == keptMax {
		for i := range keptMax / 2 {
			t.kept[i] = t.kept[2*i]
		}
		t.kept = t.kept[:keptMax/2]
		t.stride *= 2
		if t.n%t.stride != 0 {
			return
		}
	}
	t.kept = append(t.kept, reading{t.end.Sub(t.begin), t.way})
}
