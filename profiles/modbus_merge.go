package profiles

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
)

// Merge lays the tables of two profiles over each other: what one knows the other need not.
func (s *Modbus) Merge(newer Section, m *Merging) error {
	n := newer.(*Modbus)
	j := &modbusMerge{Merging: m, name: m.Name(), older: map[string][]byte{}, newer: map[string][]byte{}}
	s.joinUnits(n)
	n.joinUnits(s)
	units, newerUnits := s.Units.Map, n.Units.Map
	s.Units.Map, n.Units.Map = nil, nil
	m.at("units").Fields(&s.Units, &n.Units)
	slices.Sort(s.Units.Also)
	if err := j.unit(modbusItself(s, n), &s.ModbusUnit, &n.ModbusUnit); err != nil {
		return err
	}
	for id, y := range newerUnits {
		x := units[id]
		switch {
		case x == nil || x.Silent || x.Refuse != 0:
			if units == nil {
				units = map[uint8]*ModbusUnit{}
			}
			units[id] = y
		case !y.Silent && y.Refuse == 0:
			j.Merging = m.at(fmt.Sprintf("unit %d", id))
			if err := j.unit(id, x, y); err != nil {
				return err
			}
		}
	}
	s.Units.Map = units
	m.Fields(&s.Common, &n.Common)
	last, err := m.Settle(&s.Samples, j.older, j.newer)
	if err != nil {
		return err
	}
	for _, u := range j.units {
		if err := u.lines(j.name, last, m); err != nil {
			return err
		}
	}
	return nil
}

// modbusItself is the unit identifier under which cells of the device itself are kept.
func modbusItself(s, n *Modbus) uint8 {
	for _, x := range []*Modbus{s, n} {
		if len(x.Units.Also) > 0 {
			return x.Units.Also[0]
		}
	}
	return 255
}

// joinUnits makes a unit that the other profile takes for the device itself the same here.
func (s *Modbus) joinUnits(other *Modbus) {
	for _, id := range other.Units.Also {
		u := s.Units.Map[id]
		if u == nil || !reflect.DeepEqual(s.ModbusUnit, ModbusUnit{}) {
			continue
		}
		s.ModbusUnit = *u
		delete(s.Units.Map, id)
	}
}

type modbusMerge struct {
	*Merging
	name         string
	older, newer map[string][]byte // what cells hold, in each profile
	units        []modbusMerged
}

// modbusMerged is what one unit holds in the merged profile.
type modbusMerged struct {
	id     uint8
	unit   *ModbusUnit
	tables [4]modbusHeld
}

// modbusHeld is what a table of one unit holds in a profile: cells, fills and refusals by address.
type modbusHeld struct {
	values, fills, illegal map[uint16]uint16
	rest                   []ModbusCells // points and access
}

// unit merges two units; x is changed.
func (j *modbusMerge) unit(id uint8, x, y *ModbusUnit) error {
	older, err := j.held(j.Older, x)
	if err != nil {
		return err
	}
	newer, err := j.held(j.Newer, y)
	if err != nil {
		return err
	}
	x.Registers, x.Illegal, y.Registers, y.Illegal = nil, nil, nil, nil
	for table := range ModbusTables {
		o, n := &older[table], &newer[table]
		j.remember(j.older, id, table, o)
		j.remember(j.newer, id, table, n)
		o.take(n)
	}
	j.units = append(j.units, modbusMerged{id, x, older})
	serve, silent := x.Functions.Serve, x.Functions.Silent
	serve = append(serve, y.Functions.Serve...)
	silent = append(silent, y.Functions.Silent...)
	x.Functions.Serve, x.Functions.Silent, y.Functions.Serve, y.Functions.Silent = nil, nil, nil, nil
	j.Fields(x, y)
	slices.Sort(serve)
	slices.Sort(silent)
	x.Functions.Serve, x.Functions.Silent = slices.Compact(serve), slices.Compact(silent)
	for f := range x.Functions.Deny {
		if slices.Contains(x.Functions.Serve, f) { // it answered once
			delete(x.Functions.Deny, f)
		}
	}
	x.Functions.Silent = slices.DeleteFunc(x.Functions.Silent, func(f uint8) bool { return slices.Contains(x.Functions.Serve, f) })
	return nil
}

func (j *modbusMerge) remember(cells map[string][]byte, id uint8, table int, h *modbusHeld) {
	for a, v := range h.values {
		b := []byte{byte(v >> 8), byte(v)}
		if table <= ModbusDiscretes {
			b = b[1:]
		}
		cells[modbusCellName(id, table, a)] = b
	}
}

// held reads what a unit holds, and drops its files.
func (j *modbusMerge) held(d *Device, u *ModbusUnit) (tables [4]modbusHeld, err error) {
	for t := range tables {
		tables[t] = modbusHeld{map[uint16]uint16{}, map[uint16]uint16{}, map[uint16]uint16{}, nil}
	}
	for i := range u.Registers {
		c := u.Registers[i]
		table, span := c.Range()
		if span == nil {
			continue
		}
		h := &tables[table]
		switch {
		case c.Fill != nil:
			each(*span, func(a uint16, _ int) { h.fills[a] = *c.Fill })
			continue
		case c.Block == "" && c.Values == nil:
			h.rest = append(h.rest, c)
			continue
		}
		values, err := c.ReadBlock(d)
		if err != nil {
			return tables, err
		}
		if c.Block != "" {
			j.Drop(c.Block)
		}
		if len(values) < span.Len() {
			return tables, fmt.Errorf("%d values for %s %s", len(values), ModbusTables[table], span)
		}
		each(*span, func(a uint16, i int) { h.values[a] = values[i] })
	}
	for _, x := range u.Illegal {
		if table, span := x.Range(); span != nil {
			each(*span, func(a uint16, _ int) { tables[table].illegal[a] = uint16(cmp.Or(x.Code, modbusIllegalAddress)) })
		}
	}
	return tables, nil
}

func each(s ModbusSpan, do func(address uint16, i int)) {
	for i := range s.Len() {
		do(s.First+uint16(i), i)
	}
}

// take lays what a newer profile knows over h. What answered once is not illegal, and not filled.
func (h *modbusHeld) take(n *modbusHeld) {
	for _, m := range [][2]map[uint16]uint16{{h.values, n.values}, {h.fills, n.fills}, {h.illegal, n.illegal}} {
		for a, v := range m[1] {
			m[0][a] = v
		}
	}
	for a := range h.values {
		delete(h.illegal, a)
		delete(h.fills, a)
	}
	for a := range h.illegal {
		delete(h.fills, a)
	}
	for _, c := range n.rest {
		h.rest = slices.DeleteFunc(h.rest, func(x ModbusCells) bool {
			_, s := x.Range()
			_, t := c.Range()
			return x.layer() == c.layer() && s.First <= t.Last && t.First <= s.Last
		})
		h.rest = append(h.rest, c)
	}
}

// lines writes what a unit holds as lines of the section. last has what moving cells held last.
func (w *modbusMerged) lines(name string, last map[string][]byte, m *Merging) error {
	for table := range w.tables {
		h := &w.tables[table]
		if len(h.values)+len(h.fills)+len(h.illegal) == 0 {
			continue
		}
		cells := make([]ModbusCell, 1<<16)
		for a, code := range h.illegal {
			cells[a].Illegal = uint8(code)
		}
		for a, v := range h.fills {
			cells[a].Filled, cells[a].Value = true, v
		}
		for a, v := range h.values {
			if b, moves := last[modbusCellName(w.id, table, a)]; moves {
				v = uint16(binaryUint(b))
			}
			cells[a].Held, cells[a].Value = true, v
		}
		write := func(name string, b []byte) error { m.Write(name, b); return nil }
		known := func(yield func(int, ModbusCell) bool) {
			for a, c := range cells {
				if c != (ModbusCell{}) && !yield(a, c) {
					return
				}
			}
		}
		if err := w.unit.Describe(table, known, fmt.Sprintf("%s-u%d", name, w.id), write); err != nil {
			return err
		}
	}
	for _, h := range w.tables {
		w.unit.Registers = append(w.unit.Registers, h.rest...)
	}
	return nil
}

func modbusCellName(unit uint8, table int, address uint16) string {
	return fmt.Sprintf("%d/%s/%d", unit, ModbusTables[table], address)
}

func binaryUint(b []byte) (v uint64) {
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v
}
