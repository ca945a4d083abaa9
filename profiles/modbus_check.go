package profiles

import "slices"

// Validate checks the section as a whole.
func (m *Modbus) Validate(v *Validation) {
	u := v.At("units")
	u.At("mode").OneOf(m.Units.Mode, "tcp", "serial", "gateway")
	if a := m.Units.Absent; a > 0x7F {
		u.At("absent").Errorf("%d is not an exception code", a)
	}
	for i, id := range m.Units.Also {
		if _, twice := m.Units.Map[id]; twice {
			u.At("also", i).Errorf("unit %d is in map, too", id)
		}
	}
	if mode := m.Units.Mode; (mode == "serial" || mode == "gateway") && len(m.Units.Also) == 0 && !m.Units.Any && len(m.Registers) > 0 {
		v.At("registers").Errorf("nobody can ask for them: in mode %s the device itself has no address unless units.also gives one", mode)
	}
	for id, unit := range m.Units.Map {
		if unit == nil {
			u.At("map", id).Errorf("unit %d is empty", id)
		}
	}
	m.ModbusUnit.Validate(v)
}

// Validate checks what one unit holds.
func (m *ModbusUnit) Validate(v *Validation) {
	var seen [4][4][]ModbusSpan // by table and layer
	for i := range m.Registers {
		c := &m.Registers[i]
		at := v.At("registers", i)
		table, span, ok := c.check(at)
		if !ok {
			continue
		}
		layer := c.layer()
		for _, s := range seen[table][layer] {
			if s.First <= span.Last && span.First <= s.Last {
				at.Errorf("%s %s is there twice: %s", ModbusTables[table], span, s)
			}
		}
		seen[table][layer] = append(seen[table][layer], *span)
	}
	for i := range m.Illegal {
		at := v.At("illegal", i)
		table, span := m.Illegal[i].Range()
		if span == nil || at.oneTable(m.Illegal[i].Coil, m.Illegal[i].Discrete, m.Illegal[i].Holding, m.Illegal[i].Input) != 1 {
			continue
		}
		for _, s := range slices.Concat(seen[table][modbusPoint], seen[table][modbusValues]) {
			if s.First <= span.Last && span.First <= s.Last {
				at.Errorf("%s %s is illegal and holds something: %s", ModbusTables[table], span, s)
			}
		}
	}
	if m.Most != nil && m.Most.Registers > modbusRegistersAtAll {
		v.At("most", "registers").Errorf("%d: an answer holds %d", m.Most.Registers, modbusRegistersAtAll)
	}
	if m.Most != nil && m.Most.Bits > modbusBitsAtAll {
		v.At("most", "bits").Errorf("%d: an answer holds %d", m.Most.Bits, modbusBitsAtAll)
	}
	for f := range m.Functions.Deny {
		if slices.Contains(m.Functions.Serve, f) {
			v.At("functions", "deny").Errorf("function %d is served, too", f)
		}
	}
}

// The byte that counts those of an answer ends what a read can give.
const (
	modbusRegistersAtAll = 255 / 2
	modbusBitsAtAll      = 255 * 8
)

// oneTable counts the tables that a line names, and says so if it is not one.
func (v *Validation) oneTable(spans ...*ModbusSpan) (n int) {
	for _, s := range spans {
		if s != nil {
			n++
		}
	}
	if n != 1 {
		v.Errorf("want one of coil, discrete, input and holding")
	}
	return n
}

// Layers of lines: only lines of one layer must not overlap.
const (
	modbusFill = iota
	modbusValues
	modbusPoint
	modbusAccess
)

func (c *ModbusCells) layer() int {
	switch {
	case c.Point != "":
		return modbusPoint
	case c.Block != "" || c.Values != nil:
		return modbusValues
	case c.Fill != nil:
		return modbusFill
	}
	return modbusAccess
}

func (c *ModbusCells) check(v *Validation) (table int, span *ModbusSpan, ok bool) {
	if v.oneTable(c.Coil, c.Discrete, c.Holding, c.Input) != 1 {
		return 0, nil, false
	}
	table, span = c.Range()
	bits := table == ModbusCoils || table == ModbusDiscretes
	ways := 0
	for _, is := range []bool{c.Point != "", c.Block != "", c.Values != nil, c.Fill != nil} {
		if is {
			ways++
		}
	}
	if ways > 1 || ways == 0 && c.ReadOnly == 0 {
		v.Errorf("want one of point, block, values and fill")
		return table, span, false
	}
	switch {
	case c.Point != "":
		c.checkPoint(v, bits, span)
	case c.As != "" || c.Order != "" || c.Scale != 0 || c.Offset != 0:
		v.Errorf("as, order, scale and offset belong to a point")
	case c.Block != "":
		v.At("block").File(c.Block)
	case c.Values != nil && len(c.Values) != span.Len():
		v.At("values").Errorf("%d values for %d addresses", len(c.Values), span.Len())
	}
	for i, x := range c.Values {
		if bits && x > 1 {
			v.At("values", i).Errorf("a %s is 0 or 1", ModbusTables[table])
		}
	}
	if bits && c.Fill != nil && *c.Fill > 1 {
		v.At("fill").Errorf("a %s is 0 or 1", ModbusTables[table])
	}
	return table, span, true
}

func (c *ModbusCells) checkPoint(v *Validation, bits bool, span *ModbusSpan) {
	v.At("point").Point(c.Point)
	v.At("as").OneOf(c.As, PointTypes...)
	p := v.Device.Points[c.Point]
	if p == nil {
		return
	}
	if bits {
		if span.Len() != 1 {
			v.Errorf("a point takes one coil or discrete input, not %d", span.Len())
		}
		return
	}
	typ := c.Type(p)
	if want := modbusWidth(typ); want != 0 && want != span.Len() {
		v.Errorf("a point of type %s takes %d registers, not %d", typ, want, span.Len())
	}
	if modbusWidth(typ) == 1 {
		v.At("order").OneOf(c.Order, "AB", "BA")
	} else {
		v.At("order").OneOf(c.Order, "ABCD", "CDAB", "BADC", "DCBA")
	}
}

// Type is the type that the registers of a line hold a point as.
func (c *ModbusCells) Type(p *Point) string {
	if c.As != "" {
		return c.As
	}
	return p.Type
}

// modbusWidth is how many registers a value of a type takes; 0: any number.
func modbusWidth(typ string) int {
	switch typ {
	case "u32", "i32", "f32", "time":
		return 2
	case "u64", "i64", "f64":
		return 4
	case "text":
		return 0
	}
	return 1
}
