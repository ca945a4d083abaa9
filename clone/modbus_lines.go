package clone

import (
	"encoding/binary"
	"fmt"
	"slices"

	"ringer/capture/modbus"
	"ringer/profiles"
)

// Few values stand in the line itself, more in a file. Between two ranges that answered lie addresses that
// nobody asked for; if no more than one request could have covered them all they hold 0, since devices
// have their tables in pieces, not in crumbs.
const (
	modbusInline = 16
	modbusGap    = modbus.MaxReadRegisters
	modbusBitGap = modbus.MaxReadBits
)

func modbusGapOf(table int) int {
	if table <= profiles.ModbusDiscretes {
		return modbusBitGap
	}
	return modbusGap
}

// forbid marks a cell that answers nothing, protect one that takes no writes, with the code of the refusal.
func (t *modbusTable) forbid(address int, code modbus.ExceptionCode) {
	t.mark(address, modbusIllegal)
	t.setCode(address, code)
}

func (t *modbusTable) protect(address int, code modbus.ExceptionCode) {
	t.mark(address, modbusProtected)
	t.setCode(address, code)
}

func (t *modbusTable) setCode(address int, code modbus.ExceptionCode) {
	if t.codes == nil {
		t.codes = map[int]modbus.ExceptionCode{}
	}
	if code != modbus.IllegalDataAddress || t.codes[address] != 0 {
		t.codes[address] = code
	}
}

func (t *modbusTable) code(address int) modbus.ExceptionCode {
	if c := t.codes[address]; c != 0 {
		return c
	}
	return modbus.IllegalDataAddress
}

// filled says whether a cell that was never asked lies in a gap that is filled.
func (t *modbusTable) filled(address int) bool {
	for _, g := range t.gaps {
		if int(g.First) <= address && address <= int(g.Last) {
			return true
		}
	}
	return false
}

// spans yields the ranges of neighbouring cells for which is gives the same key other than 0.
func (t *modbusTable) spans(is func(address int) int) (spans []profiles.ModbusSpan, keys []int) {
	last := 0
	for p, page := range t.pages {
		if page == nil {
			last = 0
			continue
		}
		for i := range 256 {
			a := p<<8 | i
			k := is(a)
			if k != 0 {
				if k == last {
					spans[len(spans)-1].Last = uint16(a)
				} else {
					spans = append(spans, profiles.ModbusSpan{First: uint16(a), Last: uint16(a)})
					keys = append(keys, k)
				}
			}
			last = k
		}
	}
	return spans, keys
}

// tableLines describes one table.
func (u *modbusUnit) tableLines(l *modbusLearner, out *Output, table int, sec *profiles.ModbusUnit, outside map[modbus.ExceptionCode]int) error {
	t := &u.tables[table]
	known, _ := t.spans(func(a int) int { return int(t.state(a) & modbusKnown) })
	known = joinSpans(known)
	illegal, codes := t.spans(func(a int) int {
		if s := t.state(a); s&modbusIllegal != 0 && s&modbusKnown == 0 {
			return int(t.code(a))
		}
		return 0
	})
	for i, s := range illegal {
		line := profiles.ModbusIllegal{}
		line.SetRange(table, s)
		if code := modbus.ExceptionCode(codes[i]); code != modbus.IllegalDataAddress {
			line.Code = uint8(code)
		}
		sec.Illegal = append(sec.Illegal, line)
		outside[modbus.ExceptionCode(codes[i])] += s.Len()
	}
	for i, s := range known {
		if i > 0 {
			gap := profiles.ModbusSpan{First: known[i-1].Last + 1, Last: s.First - 1}
			if gap.Len() <= modbusGapOf(table) && !slices.ContainsFunc(illegal, func(x profiles.ModbusSpan) bool {
				return x.First <= gap.Last && gap.First <= x.Last
			}) {
				t.gaps = append(t.gaps, gap)
				line := profiles.ModbusCells{Fill: new(uint16)}
				line.SetRange(table, gap)
				sec.Registers = append(sec.Registers, line)
			}
		}
		line, err := u.valuesLine(l, out, table, s)
		if err != nil {
			return err
		}
		sec.Registers = append(sec.Registers, line)
	}
	protected, codes := t.spans(func(a int) int {
		if s := t.state(a); s&modbusProtected != 0 && s&modbusWritten == 0 && s&modbusKnown != 0 {
			return int(t.code(a))
		}
		return 0
	})
	for i, s := range protected {
		line := profiles.ModbusCells{ReadOnly: uint8(codes[i])}
		line.SetRange(table, s)
		sec.Registers = append(sec.Registers, line)
	}
	return nil
}

// joinSpans joins neighbours: cells that were read and cells that were written are one range.
func joinSpans(spans []profiles.ModbusSpan) []profiles.ModbusSpan {
	var joined []profiles.ModbusSpan
	for _, s := range spans {
		if n := len(joined); n > 0 && int(joined[n-1].Last)+1 == int(s.First) {
			joined[n-1].Last = s.Last
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// valuesLine gives the values that a range of cells held last.
func (u *modbusUnit) valuesLine(l *modbusLearner, out *Output, table int, s profiles.ModbusSpan) (line profiles.ModbusCells, err error) {
	line.SetRange(table, s)
	t := &u.tables[table]
	if s.Len() <= modbusInline {
		for a := int(s.First); a <= int(s.Last); a++ {
			line.Values = append(line.Values, t.value(a))
		}
		return line, nil
	}
	var b []byte
	if table <= profiles.ModbusDiscretes {
		b = make([]byte, (s.Len()+7)/8)
		for i := range s.Len() {
			b[i/8] |= byte(t.value(int(s.First)+i)) << (i % 8)
		}
	} else {
		for a := int(s.First); a <= int(s.Last); a++ {
			b = binary.BigEndian.AppendUint16(b, t.value(a))
		}
	}
	line.Block = fmt.Sprintf("blocks/%s-u%d-%s%d.bin", l.s.Name(), u.id, profiles.ModbusTables[table], s.First)
	w, err := out.Create(line.Block)
	if err != nil {
		return line, err
	}
	if _, err := w.Write(b); err != nil {
		w.Close()
		return line, err
	}
	return line, w.Close()
}

// writeSamples writes the tracks of all cells that moved.
func (l *modbusLearner) writeSamples(out *Output, m *profiles.Modbus) (err error) {
	var w *profiles.SampleWriter
	for _, u := range l.units {
		if u == nil {
			continue
		}
		for table := range u.tables {
			for p, page := range u.tables[table].pages {
				if page == nil {
					continue
				}
				for i := range 256 {
					c := page.moved[uint8(i)]
					if c == nil {
						continue
					}
					if w == nil {
						name := "samples/" + l.s.Name() + ".tsv"
						f, err := out.Create(name)
						if err != nil {
							return err
						}
						m.Samples = []string{name}
						w = profiles.NewSampleWriter(f)
						defer func() {
							err = firstError(err, w.Flush(), f.Close())
						}()
					}
					var d *profiles.Dynamics
					if !c.written {
						d = c.trend.Dynamics()
					}
					if err := w.Write(modbusCell(u.id, table, p<<8|i), d, &c.track); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
