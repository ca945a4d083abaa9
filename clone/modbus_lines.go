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

// bridge fills the gaps: what was never asked between two known cells, with nothing illegal between.
func (t *modbusTable) bridge(most int) {
	known, clear := -1, true
	for p, page := range t.pages {
		if page == nil {
			continue
		}
		for i, s := range page.state {
			switch a := p<<8 | i; {
			case s&modbusKnown != 0:
				if n := a - known - 1; known >= 0 && clear && n > 0 && n <= most {
					for c := known + 1; c < a; c++ {
						t.mark(c, modbusFilled)
					}
				}
				known, clear = a, true
			case s&modbusIllegal != 0:
				clear = false
			}
		}
	}
}

// modbusRefusedMost is how many ranges of refused addresses a table's section has. Where a scan asked for single
// addresses far apart, what lies between those that were refused counts as refused.
const modbusRefusedMost = 32

// join makes one range of refused addresses of all that have nothing known between them.
func (t *modbusTable) join() {
	var ends []int // the last of a range and the first of the next
	last, ranges := -1, 0
	for p, page := range t.pages {
		if page == nil {
			continue
		}
		for i, s := range page.state {
			switch a := p<<8 | i; {
			case s&(modbusKnown|modbusFilled) != 0:
				last = -1
			case s&modbusIllegal != 0:
				if last != a-1 {
					ranges++
					if last >= 0 && t.code(last) == t.code(a) {
						ends = append(ends, last, a)
					}
				}
				last = a
			}
		}
	}
	if ranges <= modbusRefusedMost {
		return
	}
	for ; len(ends) > 0; ends = ends[2:] {
		code := t.code(ends[0])
		for a := ends[0] + 1; a < ends[1]; a++ {
			t.forbid(a, code)
		}
	}
}

// cells are those that something is known of, for the profile.
func (t *modbusTable) cells(yield func(int, profiles.ModbusCell) bool) {
	for p, page := range t.pages {
		if page == nil {
			continue
		}
		for i, s := range page.state {
			a := p<<8 | i
			var c profiles.ModbusCell
			switch {
			case s&modbusKnown != 0:
				c.Held, c.Value = true, t.value(a)
				if s&modbusProtected != 0 && s&modbusWritten == 0 {
					c.ReadOnly = uint8(t.code(a))
				}
			case s&modbusIllegal != 0:
				c.Illegal = uint8(t.code(a))
			case s&modbusFilled != 0:
				c.Filled = true
			default:
				continue
			}
			if !yield(a, c) {
				return
			}
		}
	}
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
		t.join()
		if err := sec.Describe(i, t.cells, stem, out.file); err != nil {
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

// samples writes the tracks of all cells that moved.
func (l *modbusLearner) samples(out *Output) ([]string, error) {
	f := out.samples(l.s.Name())
	for _, u := range l.units {
		if u == nil {
			continue
		}
		for table := range u.tables {
			for p, page := range u.tables[table].pages {
				if page == nil || page.held == nil {
					continue
				}
				for i := range 256 {
					c := page.held.moved[uint8(i)]
					if c == nil {
						continue
					}
					var d *profiles.Dynamics
					if !c.written {
						d = c.trend.Dynamics()
					}
					f.add(l.cellName(u, table, p<<8|i), d, &c.track)
				}
			}
		}
	}
	return f.close()
}
