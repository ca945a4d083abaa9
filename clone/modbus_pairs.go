package clone

import (
	"fmt"
	"math"
	"time"

	"ringer/profiles"
)

// Devices keep 32-bit numbers in two registers, and nothing on the wire says which, or in which order.
// A register that moves is watched together with its neighbours, if they are read together and never
// written, as what they may be: a counter, whose high word moves only when the low one wraps, or a measurement in floating point,
// whose low word looks like noise. What holds for all readings becomes a point, so that the two halves go on
// together when the recording has ended.

// A modbusPair watches a register and the next one.
type modbusPair struct {
	n      int
	orders [2]modbusOrder // high word first, low word first
}

// A modbusOrder is the pair read in one order of its words.
type modbusOrder struct {
	last             uint32
	carried          int // changes of the high word
	noCounter, noF32 bool
	lowest, highest  uint16 // of the low word
	f32              *Trend // in thousandths
}

var modbusOrders = [2]string{"", "CDAB"}

const (
	pairReadings  = 8       // below which nothing can be said
	pairStep      = 1 << 15 // a counter moves by less from reading to reading
	pairNoise     = 1 << 14 // the low word of a measurement spreads over more
	pairThousands = 1000
)

// watchPairs watches the registers of one answer.
func (t *modbusTable) watchPairs(first, n int, at time.Time) {
	for a := first; a+1 < first+n; a++ {
		x, y := t.moving(a), t.moving(a+1)
		if x == nil && y == nil || x != nil && x.written || y != nil && y.written {
			continue
		}
		if t.pairs == nil {
			t.pairs = map[int]*modbusPair{}
		}
		p := t.pairs[a]
		if p == nil {
			p = &modbusPair{}
			t.pairs[a] = p
		}
		if !p.nothing() {
			p.add(at, t.value(a), t.value(a+1))
		}
	}
}

// moving is a cell that moved, else nil.
func (t *modbusTable) moving(address int) *modbusMoved {
	p := t.pages[address>>8]
	if p == nil || p.held == nil {
		return nil
	}
	return p.held.moved[uint8(address)]
}

// nothing says that the pair is none.
func (p *modbusPair) nothing() bool {
	x, y := &p.orders[0], &p.orders[1]
	return x.noCounter && x.noF32 && y.noCounter && y.noF32
}

func (p *modbusPair) add(at time.Time, x, y uint16) {
	p.orders[0].add(at, p.n == 0, uint32(x)<<16|uint32(y))
	p.orders[1].add(at, p.n == 0, uint32(y)<<16|uint32(x))
	p.n++
}

func (o *modbusOrder) add(at time.Time, first bool, v uint32) {
	if o.noCounter && o.noF32 {
		return
	}
	low, f := uint16(v), float64(math.Float32frombits(v))
	if first {
		o.lowest, o.highest = low, low
	} else {
		o.noCounter = o.noCounter || v < o.last || v-o.last >= pairStep
		if v>>16 != o.last>>16 {
			o.carried++
		}
		before := float64(math.Float32frombits(o.last))
		o.noF32 = o.noF32 || math.Abs(f-before) > math.Max(math.Abs(f), math.Abs(before))/4
	}
	// Measurements are neither tiny nor huge.
	o.noF32 = o.noF32 || math.IsNaN(f) || f != 0 && (math.Abs(f) < 1e-3 || math.Abs(f) > 1e7)
	o.last = v
	o.lowest, o.highest = min(o.lowest, low), max(o.highest, low)
	if o.noF32 {
		o.f32 = nil
	} else {
		if o.f32 == nil {
			o.f32 = &Trend{}
		}
		o.f32.Add(at, uint64(int64(math.Round(f*pairThousands))), 64)
	}
}

// point is what the pair is, as a point; nil if it is nothing that can be told. low is its low word.
func (o *modbusOrder) point(low *modbusMoved) *profiles.Point {
	switch {
	case !o.noCounter && o.carried > 0:
		d := low.trend.Dynamics()
		switch {
		case d == nil || d.Counter == nil && d.Clock == nil:
			return nil
		case d.Counter != nil:
			d.Counter.Wrap = 0
		case d.Clock.Since == "boot":
			d.Clock.Uptime = time.Duration(o.last) * d.Clock.Unit
		}
		return &profiles.Point{Type: "u32", Value: int(o.last), Dynamics: d}
	case !o.noF32 && o.highest-o.lowest > pairNoise:
		d := o.f32.Dynamics()
		if d == nil || !thousandth(d) {
			return nil
		}
		return &profiles.Point{Type: "f32", Value: float64(math.Float32frombits(o.last)), Dynamics: d}
	}
	return nil
}

// thousandth brings dynamics of thousandths to ones. false: they are not a measurement's.
func thousandth(d *profiles.Dynamics) bool { return d.Dwell == nil && inUnits(d, pairThousands) }

// pairPoints adds points for the pairs of one table to the device, and maps them. Each register belongs to
// one pair at most.
func (u *modbusUnit) pairPoints(l *modbusLearner, table int, dev *profiles.Device, sec *profiles.ModbusUnit) {
	t := &u.tables[table]
	for a := 0; a+1 < 1<<16 && len(t.pairs) > 0; a++ {
		p := t.pairs[a]
		x, y := t.moving(a), t.moving(a+1)
		if p == nil || p.n < pairReadings || x == nil || y == nil || x.written || y.written || readings(&x.track) != readings(&y.track) {
			continue
		}
		for i, low := range []*modbusMoved{y, x} {
			point := p.orders[i].point(low)
			if point == nil {
				continue
			}
			if table == profiles.ModbusHoldings {
				point.Write = &profiles.WriteRule{}
			}
			name := fmt.Sprintf("%s-%d-u%d-%s%d", l.s.Protocol, l.s.Port.Number, u.id, profiles.ModbusTables[table], a)
			if dev.Points == nil {
				dev.Points = map[string]*profiles.Point{}
			}
			dev.Points[name] = point
			line := profiles.ModbusCells{Point: name, Order: modbusOrders[i]}
			line.SetRange(table, profiles.ModbusSpan{First: uint16(a), Last: uint16(a + 1)})
			sec.Registers = append(sec.Registers, line)
			a++
			break
		}
	}
}

// readings counts the readings of a track.
func readings(t *profiles.Track) (n uint64) {
	for c := t.Cursor(); ; {
		r, ok := c.Next()
		if !ok {
			return n
		}
		if !r.Write {
			n += r.N
		}
	}
}
