package clone

import (
	"cmp"
	"fmt"

	"ringer/capture/modbus"
	"ringer/profiles"
)

// Between two ranges that answered lie addresses that nobody asked for. If one request could have covered
// them all they hold 0, since devices have their tables in pieces, not in crumbs.
const (
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

// bridge finds the gaps: between two known cells, with nothing illegal between.
func (t *modbusTable) bridge(most int) {
	known, clear := -1, true
	for p, page := range t.pages {
		if page == nil {
			continue
		}
		for i := range 256 {
			switch s, a := page.state[i], p<<8|i; {
			case s&modbusKnown != 0:
				if n := a - known - 1; known >= 0 && clear && n > 0 && n <= most {
					t.gaps = append(t.gaps, profiles.ModbusSpan{First: uint16(known + 1), Last: uint16(a - 1)})
				}
				known, clear = a, true
			case s&modbusIllegal != 0:
				clear = false
			}
		}
	}
}

// cell is what is known of an address, for the profile.
func (t *modbusTable) cell(a int) (c profiles.ModbusCell) {
	s := t.state(a)
	switch {
	case s&modbusKnown != 0:
		c.Held, c.Value = true, t.value(a)
		if s&modbusProtected != 0 && s&modbusWritten == 0 {
			c.ReadOnly = uint8(t.code(a))
		}
	case s&modbusIllegal != 0:
		c.Illegal = uint8(t.code(a))
	default:
		c.Filled = t.filled(a)
	}
	return c
}

// describe adds the lines of all tables to the section.
func (u *modbusUnit) describe(l *modbusLearner, out *Output, sec *profiles.ModbusUnit) error {
	stem := fmt.Sprintf("%s-u%d", l.s.Name(), u.id)
	for i := range u.tables {
		t := &u.tables[i]
		if t.pages == ([256]*modbusPage{}) {
			continue
		}
		t.bridge(modbusGapOf(i))
		if err := sec.Describe(i, t.cell, stem, func(name string, b []byte) error { return writeFile(out, name, b) }); err != nil {
			return err
		}
		u.pairPoints(l, i, out.Device, sec)
	}
	codes := map[uint8]int{modbusIllegalAddress: 0}
	for _, x := range sec.Illegal {
		_, span := x.Range()
		codes[cmp.Or(x.Code, modbusIllegalAddress)] += span.Len()
	}
	for code, n := range codes {
		if most := codes[cmp.Or(sec.Outside, modbusIllegalAddress)]; n > most || n == most && code < cmp.Or(sec.Outside, modbusIllegalAddress) {
			sec.Outside = code
		}
	}
	if sec.Outside == modbusIllegalAddress {
		sec.Outside = 0
	}
	return nil
}

const modbusIllegalAddress = uint8(modbus.IllegalDataAddress)

func writeFile(out *Output, name string, b []byte) error {
	w, err := out.Create(name)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		w.Close()
		return err
	}
	return w.Close()
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
					if err := w.Write(l.cellName(u, table, p<<8|i), d, &c.track); err != nil {
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
