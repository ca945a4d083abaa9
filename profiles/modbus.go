package profiles

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Modbus is the section of a Modbus service, modbus (TCP) or modbus-rtu (RTU frames over TCP).
//
//	modbus:
//	  port: 502
//	  units: {mode: tcp}
//	  identify: {vendor: Siemens, product: 6ES7 214-1AG40-0XB0, revision: V4.5.2}
//	  registers:
//	    - {holding: 0-1, point: level, order: ABCD}
//	    - {holding: 40-139, block: blocks/hr40.bin}
//	  illegal: [{holding: 200-65535}]
//
// Registers and the rest describe the device itself; units behind it, and the units of a gateway, are
// described one by one in units.map.
type Modbus struct {
	Common     `yaml:",inline"`
	Units      ModbusUnits `yaml:"units,omitempty"`
	ModbusUnit `yaml:",inline"`
}

// ModbusUnits says which unit identifiers are answered.
type ModbusUnits struct {
	// Mode is tcp (the default: 0 and 255 address the device itself), serial (the device itself has the
	// addresses in also; 0 is a broadcast, which is carried out and not answered) or gateway (units that
	// are not in map get an exception). See the messaging guide, sections 4.4.2 and 3.1.3.
	Mode string `yaml:"mode,omitempty"`
	// Also lists further unit identifiers that address the device itself.
	Also []uint8 `yaml:"also,omitempty,flow"`
	// Any makes every unit identifier that is not in map address the device itself, as in devices that
	// do not look at it.
	Any bool `yaml:"any,omitempty"`
	// Absent is the exception code for units that are not there: 10 or 11. None: silence, and 11 from
	// a gateway.
	Absent uint8 `yaml:"absent,omitempty"`
	// Turnaround is how long the device takes after a broadcast (Serial Line, section 2.4.1).
	Turnaround time.Duration `yaml:"turnaround,omitempty"`
	// Map describes units one by one.
	Map map[uint8]*ModbusUnit `yaml:"map,omitempty"`
}

// ModbusUnit is what one unit holds and does.
type ModbusUnit struct {
	// Identify is the device identification, function 43/14.
	Identify *ModbusIdentify `yaml:"identify,omitempty"`
	// ServerID is the answer to function 17 behind its byte count, in hexadecimal: an id, the run
	// indicator (ff on, 00 off), and what the device adds.
	ServerID ModbusHex `yaml:"server_id,omitempty"`
	// Status is the answer to function 7.
	Status *uint8 `yaml:"status,omitempty"`
	// Registers lists what the unit holds.
	Registers []ModbusCells `yaml:"registers,omitempty"`
	// Illegal lists addresses that are known to be refused, with exception 2 unless it says another.
	// Illegal ones are cut out of fills.
	Illegal []ModbusIllegal `yaml:"illegal,omitempty"`
	// Outside is the exception code for addresses that nothing is said of, if it is not 2.
	Outside uint8 `yaml:"outside,omitempty"`
	// Functions says what is known of whole functions.
	Functions ModbusFunctions `yaml:"functions,omitempty"`
	// AnswersAs is the unit identifier in the unit's answers, if it is not the one that was asked.
	AnswersAs *uint8 `yaml:"answers_as,omitempty"`
	// Refuse is an exception code that every request gets: a unit that a gateway knows and does not reach.
	Refuse uint8 `yaml:"refuse,omitempty"`
	// Silent units never answer.
	Silent bool `yaml:"silent,omitempty"`
}

// ModbusIdentify is the device identification: texts of any length, and the rest by object id.
type ModbusIdentify struct {
	Vendor      string           `yaml:"vendor"`   // object 0
	Product     string           `yaml:"product"`  // 1
	Revision    string           `yaml:"revision"` // 2
	URL         string           `yaml:"url,omitempty"`
	Name        string           `yaml:"name,omitempty"`
	Model       string           `yaml:"model,omitempty"`
	Application string           `yaml:"application,omitempty"`
	Objects     map[uint8]string `yaml:"objects,omitempty"` // further objects, from 7 up
	// Conformity is the level the device gives: 1–3, 128 more if single objects can be asked for.
	// None: what its objects need, single ones too.
	Conformity uint8 `yaml:"conformity,omitempty"`
}

// ModbusCells is one range of one table: a point, values, or one value for all. A point lies over
// values, and values over fills: a point can be mapped into a learned block.
type ModbusCells struct {
	Coil     *ModbusSpan `yaml:"coil,omitempty"`
	Discrete *ModbusSpan `yaml:"discrete,omitempty"`
	Input    *ModbusSpan `yaml:"input,omitempty"`
	Holding  *ModbusSpan `yaml:"holding,omitempty"`

	// Point names the point that the range shows. As is its type on the wire, if it is not the point's
	// own: bool u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 text.
	Point string `yaml:"point,omitempty"`
	As    string `yaml:"as,omitempty"`
	// Order says where the bytes of a value go, A being the highest: ABCD (the default), CDAB (words
	// swapped), BADC (bytes swapped), DCBA. Wider values go on in the same way, narrower ones have AB or BA.
	Order string `yaml:"order,omitempty"`
	// Scale: the registers hold the point's value times Scale, plus Offset.
	Scale  float64 `yaml:"scale,omitempty"`
	Offset float64 `yaml:"offset,omitempty"`

	// Block names a file of values: two bytes a register, the high one first; eight bits a byte, the
	// first in bit 0. Values gives few of them here.
	Block  string   `yaml:"block,omitempty"`
	Values []uint16 `yaml:"values,omitempty,flow"`
	// Fill is what every cell of the range holds.
	Fill *uint16 `yaml:"fill,omitempty"`
	// ReadOnly is the exception code that writes to the range get.
	ReadOnly uint8 `yaml:"readonly,omitempty"`
}

// ModbusIllegal is a range that the device refuses.
type ModbusIllegal struct {
	Coil     *ModbusSpan `yaml:"coil,omitempty"`
	Discrete *ModbusSpan `yaml:"discrete,omitempty"`
	Input    *ModbusSpan `yaml:"input,omitempty"`
	Holding  *ModbusSpan `yaml:"holding,omitempty"`
	Code     uint8       `yaml:"code,omitempty"`
}

// ModbusFunctions is what is known of whole functions. Those that are not in it are served as far as the
// unit has what they work on: 1–6, 15, 16, 22 and 23 on its tables, 7 with a status, 17 with a server
// id, 43 with an identification. Others get exception 1.
type ModbusFunctions struct {
	// Serve lists functions that the unit has beside those: 7, 8, 11, 12, 20, 21, 24, and user-defined
	// ones that recordings answer.
	Serve []uint8 `yaml:"serve,omitempty,flow"`
	// Deny gives the exception code that functions always get: [7, 8] (with code 1) or {13: 3}.
	Deny ModbusDenied `yaml:"deny,omitempty"`
	// Silent lists functions that are never answered.
	Silent []uint8 `yaml:"silent,omitempty,flow"`
}

// ModbusDenied gives exception codes by function.
type ModbusDenied map[uint8]uint8

func (m *ModbusDenied) decodeNode(d *decoder, n *yaml.Node, path string) {
	*m = ModbusDenied{}
	if n.Kind == yaml.SequenceNode {
		var list []uint8
		d.decode(n, reflect.ValueOf(&list).Elem(), path)
		for _, f := range list {
			(*m)[f] = 1
		}
		return
	}
	d.decode(n, reflect.ValueOf((*map[uint8]uint8)(m)).Elem(), path)
}

// Tables of a unit, in the order of the functions that read them: 1 to 4.
const (
	ModbusCoils = iota
	ModbusDiscretes
	ModbusHoldings
	ModbusInputs
)

// ModbusTables are the keys of the tables.
var ModbusTables = [...]string{"coil", "discrete", "holding", "input"}

// Range is the table and the addresses of a line, nil if it has none.
func (c *ModbusCells) Range() (table int, span *ModbusSpan) {
	return modbusRange(c.Coil, c.Discrete, c.Holding, c.Input)
}

// Range is the table and the addresses of a line, nil if it has none.
func (c *ModbusIllegal) Range() (table int, span *ModbusSpan) {
	return modbusRange(c.Coil, c.Discrete, c.Holding, c.Input)
}

func modbusRange(spans ...*ModbusSpan) (int, *ModbusSpan) {
	for t, s := range spans {
		if s != nil {
			return t, s
		}
	}
	return 0, nil
}

// SetRange gives a line its table and addresses.
func (c *ModbusCells) SetRange(table int, s ModbusSpan) {
	c.Coil, c.Discrete, c.Holding, c.Input = nil, nil, nil, nil
	*[]**ModbusSpan{&c.Coil, &c.Discrete, &c.Holding, &c.Input}[table] = &s
}

// SetRange gives a line its table and addresses.
func (c *ModbusIllegal) SetRange(table int, s ModbusSpan) {
	c.Coil, c.Discrete, c.Holding, c.Input = nil, nil, nil, nil
	*[]**ModbusSpan{&c.Coil, &c.Discrete, &c.Holding, &c.Input}[table] = &s
}

// ModbusSpan is a range of addresses, from 0 as in the PDU, written 40-139, or 40 for one.
type ModbusSpan struct{ First, Last uint16 }

// Len is how many addresses there are.
func (s ModbusSpan) Len() int { return int(s.Last) - int(s.First) + 1 }

func (s ModbusSpan) String() string {
	if s.First == s.Last {
		return strconv.Itoa(int(s.First))
	}
	return fmt.Sprintf("%d-%d", s.First, s.Last)
}

func (s ModbusSpan) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *ModbusSpan) UnmarshalText(b []byte) error {
	first, last, two := strings.Cut(string(b), "-")
	if !two {
		last = first
	}
	f, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	l, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if err1 != nil || err2 != nil || f > l {
		return fmt.Errorf("addresses %q: want one from 0 to 65535, or a range like 40-139", b)
	}
	*s = ModbusSpan{uint16(f), uint16(l)}
	return nil
}

// ModbusHex is bytes, written in hexadecimal.
type ModbusHex []byte

func (h ModbusHex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%x", []byte(h)), nil }

func (h *ModbusHex) UnmarshalText(b []byte) error {
	*h = nil
	if _, err := fmt.Sscanf(string(b), "%x", (*[]byte)(h)); err != nil && len(b) > 0 {
		return fmt.Errorf("%q: want bytes in hexadecimal", b)
	}
	return nil
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
	for f := range m.Functions.Deny {
		if slices.Contains(m.Functions.Serve, f) {
			v.At("functions", "deny").Errorf("function %d is served, too", f)
		}
	}
}

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

// Serves says whether the unit has a function, by what is known of it: refusals of whole functions aside.
func (m *ModbusUnit) Serves(function uint8) bool {
	if slices.Contains(m.Functions.Serve, function) {
		return true
	}
	switch function {
	case 1, 2, 3, 4:
		return true
	case 5, 15:
		return m.holds(ModbusCoils)
	case 6, 16, 22, 23:
		return m.holds(ModbusHoldings)
	case 7:
		return m.Status != nil
	case 17:
		return m.ServerID != nil
	case 43:
		return m.Identify != nil
	}
	return false
}

func (m *ModbusUnit) holds(table int) bool {
	for i := range m.Registers {
		if t, _ := m.Registers[i].Range(); t == table {
			return true
		}
	}
	return false
}

// A ModbusObject is one object of the device identification.
type ModbusObject struct {
	ID   uint8
	Text string
}

// List gives all objects by ascending id. The first three are there even if they are empty.
func (m *ModbusIdentify) List() []ModbusObject {
	list := []ModbusObject{{0, m.Vendor}, {1, m.Product}, {2, m.Revision}}
	for i, s := range []string{m.URL, m.Name, m.Model, m.Application} {
		if s != "" {
			list = append(list, ModbusObject{uint8(3 + i), s})
		}
	}
	for id, s := range m.Objects {
		list = append(list, ModbusObject{id, s})
	}
	slices.SortFunc(list, func(a, b ModbusObject) int { return int(a.ID) - int(b.ID) })
	return list
}

// SetObject gives an object from 3 up its text.
func (m *ModbusIdentify) SetObject(id uint8, s string) {
	if named := []*string{&m.URL, &m.Name, &m.Model, &m.Application}; id >= 3 && id <= 6 && s != "" {
		*named[id-3] = s
		return
	}
	if m.Objects == nil {
		m.Objects = map[uint8]string{}
	}
	m.Objects[id] = s
}

// Level is the conformity level that the device gives.
func (m *ModbusIdentify) Level() uint8 {
	switch {
	case m.Conformity != 0:
		return m.Conformity
	case slices.ContainsFunc(m.List(), func(o ModbusObject) bool { return o.ID >= 0x80 }):
		return 0x83
	case len(m.List()) > 3:
		return 0x82
	}
	return 0x81
}
