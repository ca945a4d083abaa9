package clone

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"ringer/profiles"
)

// A modbusHere is a register, for comparing it with cells of other services.
type modbusHere struct {
	t       *modbusTable
	address int
}

func (u *modbusUnit) compareIn(b *beside) {
	for i := range u.tables {
		u.tables[i].beside = b
	}
}

// moving lists the registers that moved, by themselves and as halves of wider numbers.
func (l *modbusLearner) moving() (all []*moving) {
	if l.prelude != nil {
		l.begin()
	}
	units := 0
	for _, u := range l.units {
		if u != nil {
			units++
		}
	}
	for _, u := range l.units {
		if u == nil {
			continue
		}
		for _, table := range [...]int{profiles.ModbusHoldings, profiles.ModbusInputs} {
			for _, m := range u.moving(table) {
				if units > 1 {
					m.cell = fmt.Sprintf("unit %d %s", u.id, m.cell)
				}
				m.point = fmt.Sprintf("%s-%d-u%d-%s", l.s.Protocol, l.s.Port.Number, u.id, m.point)
				all = append(all, m)
			}
		}
	}
	return all
}

func (u *modbusUnit) moving(table int) (all []*moving) {
	t := &u.tables[table]
	for n, p := range t.pages {
		if p == nil || p.held == nil {
			continue
		}
		for _, i := range slices.Sorted(maps.Keys(p.held.moved)) {
			a := n<<8 | int(i)
			if m := t.number(a, 1, "u16", ""); m != nil {
				all = append(all, u.register(m, table, a, 1, ""))
			}
			for _, first := range [...]int{a - 1, a} {
				if first < 0 || first == a && first+1 < 1<<16 && t.moving(first+1) != nil {
					continue // the next one that moved sees it
				}
				for _, order := range modbusOrders {
					for _, typ := range [...]string{"f32", "u32"} {
						if m := t.number(first, 2, typ, order); m != nil {
							all = append(all, u.register(m, table, first, 2, order))
						}
					}
				}
			}
		}
	}
	return all
}

// number is one or two registers as a number; nil: they are none.
func (t *modbusTable) number(first, n int, typ, order string) *moving {
	words := make([]heardBytes, n)
	for i := range n {
		a := first + i
		if t.state(a)&modbusRead == 0 || t.state(a)&modbusWritten != 0 {
			return nil
		}
		w := &words[i]
		*w = heardBytes{cell: modbusHere{t, a}, width: 2, before: uint64(t.value(a))}
		if m := t.moving(a); m != nil {
			if m.written {
				return nil
			}
			if w.heard = t.beside.cells[w.cell]; w.heard == nil {
				return nil
			}
			if r, ok := firstRun(&m.track); ok {
				w.before = uint64(r[0])<<8 | uint64(r[1])
			}
		}
	}
	if order == "CDAB" {
		slices.Reverse(words)
	}
	return numberOf(words, typ)
}

// firstRun is what a cell held first.
func firstRun(t *profiles.Track) ([]byte, bool) {
	c := t.Cursor()
	r, ok := c.Next()
	return r.Value, ok
}

func (u *modbusUnit) register(m *moving, table, first, n int, order string) *moving {
	span := profiles.ModbusSpan{First: uint16(first), Last: uint16(first + n - 1)}
	m.cell = profiles.ModbusTables[table] + " " + span.String()
	m.point = fmt.Sprintf("%s%d", profiles.ModbusTables[table], first)
	m.can = table == profiles.ModbusHoldings && u.tables[table].state(first)&modbusProtected == 0
	m.place = func(dev *profiles.Device, section profiles.Section, ref profiles.PointRef) {
		s := section.(*profiles.Modbus)
		unit := s.Units.Map[u.id]
		if unit == nil {
			unit = &s.ModbusUnit
		}
		unit.Registers = slices.DeleteFunc(unit.Registers, func(c profiles.ModbusCells) bool {
			in, other := c.Range()
			over := c.Point != "" && in == table && other.First <= span.Last && span.First <= other.Last
			if over {
				delete(dev.Points, c.Point)
			}
			return over
		})
		line := profiles.ModbusCells{Point: ref.Name, As: m.typ, Order: order, Offset: ref.Bias}
		if ref.Gain != 1 {
			line.Scale = ref.Gain
		}
		line.SetRange(table, span)
		unit.Registers = append(unit.Registers, line)
	}
	return m
}

// heardBytes are some bytes of a number, the high ones first.
type heardBytes struct {
	cell   any
	heard  *heard // nil: they did not move
	width  int
	before uint64 // what they held before they moved
}

// numberOf puts bytes together that were read at once. nil: what comes out is no such number.
func numberOf(parts []heardBytes, typ string) *moving {
	var main *heard
	for i := range parts {
		if h := parts[i].heard; h != nil {
			if h.settle(); main == nil || len(h.kept) > len(main.kept) {
				main = h
			}
		}
	}
	if main == nil || len(main.kept) < coupleLeast {
		return nil
	}
	m := &moving{every: main.every(), floats: typ == "f32", typ: typ}
	bits := 0
	for _, p := range parts {
		m.takes = append(m.takes, p.cell)
		m.width += p.width
		bits += 8 * p.width
	}
	var raw []uint64
	high := false
	for _, r := range main.kept {
		v, whole := uint64(0), true
		for i, p := range parts {
			x := p.before
			if p.heard != nil {
				if x, whole = p.heard.at(r.at, p.before); !whole {
					break
				}
			}
			high = high || i == 0 && x != 0
			v = v<<(8*p.width) | x
		}
		if whole {
			m.at, raw = append(m.at, r.at), append(raw, v)
		}
	}
	if n := len(parts); n > 1 && (!high && parts[0].heard == nil || !m.floats && parts[n-1].heard == nil) {
		return nil // a narrower number is enough
	}
	return m.read(raw, bits)
}

// read takes the values from their bits: with a sign, if they move less so.
func (m *moving) read(raw []uint64, bits int) *moving {
	if m.typ == "f32" {
		for _, x := range raw {
			v := float64(math.Float32frombits(uint32(x)))
			if a := math.Abs(v); a != 0 && !(a > 1e-4 && a < 1e8) {
				return nil // measurements are neither tiny nor huge
			}
			m.v = append(m.v, v)
		}
	} else {
		var reach [2][2]float64
		var views [2][]float64
		for i, x := range raw {
			for k, v := range [...]float64{float64(x), float64(signed(x, bits))} {
				if i == 0 {
					reach[k] = [2]float64{v, v}
				}
				reach[k] = [2]float64{min(reach[k][0], v), max(reach[k][1], v)}
				views[k] = append(views[k], v)
			}
		}
		m.v = views[0]
		if reach[1][1]-reach[1][0] < reach[0][1]-reach[0][0] {
			m.v, m.typ = views[1], "i"+m.typ[1:]
		}
	}
	if len(m.v) > 0 {
		m.last = m.v[len(m.v)-1]
	}
	return m
}
