package emulate

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"ringer/capture/modbus"
	"ringer/profiles"
)

// A modbusTable holds up to 65536 bits or registers in pages. Most cells just hold a value; the few that
// move, or show a point, are special.
type modbusTable struct {
	pages [256]*modbusPage
	width int // bytes of a sample: 1 for bits, 2 for registers
}

type modbusPage struct {
	state   [256]modbusState
	code    [256]uint8 // exception: of illegal cells, or of writes to read-only ones
	value   [256]uint16
	special *[256]*modbusSpecial
}

type modbusState uint8

const (
	modbusHeld     modbusState = 1 << iota // it can be read
	modbusMoves                            // it is special
	modbusReadOnly                         // writes get code
	modbusNotThere                         // reads and writes get code
	modbusWritten                          // what it holds was written by a visitor
)

// A modbusSpecial is a cell that plays a recording, shows a word of a point, or both.
type modbusSpecial struct {
	cell  *Cell
	point *modbusPoint
	word  int
}

func (t *modbusTable) at(address int) *modbusPage {
	p := &t.pages[address>>8]
	if *p == nil {
		*p = &modbusPage{}
	}
	return *p
}

func (t *modbusTable) special(address int) *modbusSpecial {
	p := t.at(address)
	if p.special == nil {
		p.special = new([256]*modbusSpecial)
	}
	s := &p.special[address&0xFF]
	if *s == nil {
		*s = &modbusSpecial{}
	}
	p.state[address&0xFF] |= modbusHeld | modbusMoves
	return *s
}

// fillTables lays out what a unit holds: fills below, values above them, points on top.
func (u *modbusUnit) fillTables(st *State, dev *profiles.Device) error {
	for i := range u.tables {
		u.tables[i].width = 2
	}
	u.tables[profiles.ModbusCoils].width, u.tables[profiles.ModbusDiscretes].width = 1, 1
	for i := range u.spec.Registers {
		c := &u.spec.Registers[i]
		if table, span := c.Range(); span != nil && c.Fill != nil {
			u.tables[table].each(*span, func(p *modbusPage, i, _ int) { p.state[i], p.value[i] = modbusHeld, *c.Fill })
		}
	}
	for i := range u.spec.Illegal {
		x := &u.spec.Illegal[i]
		code := x.Code
		if code == 0 {
			code = uint8(modbus.IllegalDataAddress)
		}
		if table, span := x.Range(); span != nil {
			u.tables[table].each(*span, func(p *modbusPage, i, _ int) { p.state[i], p.code[i] = modbusNotThere, code })
		}
	}
	for i := range u.spec.Registers {
		c := &u.spec.Registers[i]
		table, span := c.Range()
		if span == nil || c.Values == nil && c.Block == "" {
			continue
		}
		values, err := c.ReadBlock(dev)
		if err != nil {
			return fmt.Errorf("registers[%d]: block: %w", i, err)
		}
		if len(values) < span.Len() {
			return fmt.Errorf("registers[%d]: %d values for %s %s", i, len(values), profiles.ModbusTables[table], span)
		}
		u.tables[table].each(*span, func(p *modbusPage, i, n int) { p.state[i], p.value[i] = modbusHeld, values[n] })
	}
	return u.placePoints(st)
}

// placePoints lays points over the values, and says what cannot be written.
func (u *modbusUnit) placePoints(st *State) error {
	for i := range u.spec.Registers {
		c := &u.spec.Registers[i]
		table, span := c.Range()
		if span == nil {
			continue
		}
		t := &u.tables[table]
		if c.Point != "" {
			p, err := newModbusPoint(st, c, span.Len())
			if err != nil {
				return fmt.Errorf("registers[%d]: %w", i, err)
			}
			for w := range span.Len() {
				s := t.special(int(span.First) + w)
				s.point, s.word = p, w
			}
		}
		if c.ReadOnly != 0 {
			t.each(*span, func(p *modbusPage, i, _ int) { p.state[i] |= modbusReadOnly; p.code[i] = c.ReadOnly })
		}
	}
	return nil
}

func (t *modbusTable) each(s profiles.ModbusSpan, do func(p *modbusPage, i, n int)) {
	for n := range s.Len() {
		a := int(s.First) + n
		do(t.at(a), a&0xFF, n)
	}
}

// loadSamples makes cells of everything that moved.
func (s *modbusService) loadSamples(dev *profiles.Device) error {
	type place struct {
		unit           *modbusUnit
		table, address int
	}
	tracks, order := map[place]*profiles.Track{}, []place{}
	dynamics, names := map[place]*profiles.Dynamics{}, map[place]string{}
	for _, name := range s.spec.Samples {
		f, err := dev.Files.Open(path.Clean(name))
		if err != nil {
			return fmt.Errorf("samples: %w", err)
		}
		err = profiles.ReadSamples(f, func(cell string, d *profiles.Dynamics, t profiles.Track) error {
			unit, table, address, err := parseModbusCell(cell)
			if err != nil {
				return err
			}
			at := place{s.units[unit], table, address}
			if at.unit == nil {
				return fmt.Errorf("nothing is known of unit %d", unit)
			}
			if old := tracks[at]; old != nil {
				old.Append(&t)
			} else {
				tracks[at] = &t
				order = append(order, at)
			}
			dynamics[at], names[at] = d, cell
			return nil
		})
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, at := range order {
		c, err := s.st.NewCell(s.p.Name()+" "+names[at], tracks[at], dynamics[at])
		if err != nil {
			return err
		}
		x := at.unit.tables[at.table].special(at.address)
		if x.cell = c; x.point != nil {
			x.point.cells = append(x.point.cells, c)
		}
	}
	return nil
}

// parseModbusCell reads the name of a cell in a file of samples: 1/holding/40.
func parseModbusCell(name string) (unit uint8, table, address int, err error) {
	f := strings.Split(name, "/")
	if len(f) == 3 {
		n, err1 := strconv.ParseUint(f[0], 10, 8)
		a, err2 := strconv.ParseUint(f[2], 10, 16)
		for t, word := range profiles.ModbusTables {
			if word == f[1] && err1 == nil && err2 == nil {
				return uint8(n), t, int(a), nil
			}
		}
	}
	return 0, 0, 0, fmt.Errorf("%q is not a cell: want one like 1/holding/40", name)
}

// readable gives the exception that reading a range gets, or 0 (the third step of the specification's
// state diagrams; the function and the quantity were looked at before).
func (t *modbusTable) readable(first, n uint16, outside modbus.ExceptionCode) modbus.ExceptionCode {
	for a, end := int(first), min(int(first)+int(n), 1<<16); a < end; {
		p, low, high := t.part(a, end)
		if p == nil {
			return outside
		}
		for i, s := range p.state[low:high] {
			if s&modbusHeld != 0 {
				continue
			}
			if s&modbusNotThere != 0 {
				return modbus.ExceptionCode(p.code[low+i])
			}
			return outside
		}
		a += high - low
	}
	if int(first)+int(n) > 1<<16 {
		return modbus.IllegalDataAddress
	}
	return 0
}

// part is the page of an address, and which of its cells lie before end.
func (t *modbusTable) part(a, end int) (p *modbusPage, low, high int) {
	low = a & 0xFF
	return t.pages[a>>8], low, min(256, low+end-a)
}

// appendRegisters takes the next sample of a range that is readable.
func (t *modbusTable) appendRegisters(s *modbusService, b []byte, first, n uint16) ([]byte, Origin) {
	from := Recorded
	for a, end := int(first), int(first)+int(n); a < end; {
		p, low, high := t.part(a, end)
		values := p.value[low:high]
		for i, x := range p.state[low:high] {
			v := values[i]
			if x&(modbusMoves|modbusWritten) != 0 {
				v = p.live(s, low+i, &from)
			}
			b = append(b, byte(v>>8), byte(v))
		}
		a += high - low
	}
	return b, from
}

func (t *modbusTable) appendBits(s *modbusService, b []byte, first, n uint16) ([]byte, Origin) {
	from := Recorded
	var packed uint16
	bit := 0
	for a, end := int(first), int(first)+int(n); a < end; {
		p, low, high := t.part(a, end)
		values := p.value[low:high]
		for i, x := range p.state[low:high] {
			v := values[i]
			if x&(modbusMoves|modbusWritten) != 0 {
				v = p.live(s, low+i, &from)
			}
			packed |= v & 1 << bit
			if bit++; bit == 8 {
				b = append(b, byte(packed))
				packed, bit = 0, 0
			}
		}
		a += high - low
	}
	if bit > 0 {
		b = append(b, byte(packed))
	}
	return b, from
}

// live is the value of a cell that was written, or is special. from tells where it is from, and a point
// is more than all else.
func (p *modbusPage) live(s *modbusService, i int, from *Origin) uint16 {
	if p.state[i]&modbusMoves == 0 {
		*from = Point
		return p.value[i]
	}
	if x := p.special[i]; x.cell == nil && x.point.recorded(s.turn) {
		return p.value[i]
	}
	v, o := p.special[i].read(s)
	if o != Recorded && *from != Point {
		*from = o
	}
	return v
}

// read takes the next sample of a special cell.
func (x *modbusSpecial) read(s *modbusService) (uint16, Origin) {
	if x.recorded(s) {
		v, from := x.cell.Read(s.st)
		return uint16(DecodeUint(v)), from
	}
	return x.point.get(s.turn, x.word), Point
}

// peek is what it holds, no sample taken.
func (x *modbusSpecial) peek(s *modbusService) uint16 {
	if x.recorded(s) {
		v, _ := x.cell.Peek(s.st)
		return uint16(DecodeUint(v))
	}
	return x.point.get(s.turn, x.word)
}

// recorded says whether the cell speaks, not the point: until its recording has ended, or the point was
// written.
func (x *modbusSpecial) recorded(s *modbusService) bool {
	if x.cell == nil || x.point == nil {
		return x.cell != nil
	}
	if x.point.state.Writes() != x.point.own {
		x.cell.End(s.st)
	}
	return !x.cell.Live()
}

func (t *modbusTable) peek(s *modbusService, address uint16) uint16 {
	p := t.pages[address>>8]
	if p.state[address&0xFF]&modbusMoves != 0 {
		return p.special[address&0xFF].peek(s)
	}
	return p.value[address&0xFF]
}
