package profiles

import (
	"reflect"
	"slices"
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
	// Nameless lists exception codes that are sent without the function that is refused, as 0x80 and the code.
	Nameless []uint8 `yaml:"nameless,omitempty,flow"`
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
	// Most is how many cells one read may ask for, where it is not what the specification allows: 125 registers,
	// 2000 bits.
	Most *ModbusMost `yaml:"most,omitempty"`
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
