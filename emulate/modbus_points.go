package emulate

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"ringer/profiles"
)

// A modbusPoint shows one point in one or more registers, or in one bit.
type modbusPoint struct {
	state   *PointState
	typ     string
	order   string
	scale   float64
	bias    float64
	own     int     // how often the point was written through here
	turn    uint64  // of the request that image is for
	image   []byte  // the registers as they are read
	dirty   bool    // image has words that are to be written
	cells   []*Cell // that play what its words were seen to hold
	asked   uint64  // the request that playing is for
	playing bool    // some of them still play
}

// recorded says whether any word still plays its recording when a request comes: those of which only one
// value was seen keep it so long.
func (p *modbusPoint) recorded(turn uint64) bool {
	if p.asked != turn {
		p.asked = turn
		p.playing = slices.ContainsFunc(p.cells, func(c *Cell) bool { return !c.Live() })
	}
	return p.playing && p.state.Writes() == p.own
}

func newModbusPoint(st *State, c *profiles.ModbusCells, registers int) (*modbusPoint, error) {
	p, err := st.Point(c.Point)
	if err != nil {
		return nil, err
	}
	return &modbusPoint{state: p, typ: c.Type(p.Spec), order: c.Order, scale: cmp.Or(c.Scale, 1), bias: c.Offset, image: make([]byte, 2*registers)}, nil
}

func (p *modbusPoint) scaled() bool { return p.scale != 1 || p.bias != 0 }

// get is one word of the value. The value is the same for all words of one request.
func (p *modbusPoint) get(turn uint64, word int) uint16 {
	p.fresh(turn)
	return binary.BigEndian.Uint16(p.image[2*word:])
}

func (p *modbusPoint) fresh(turn uint64) {
	if p.turn != turn {
		p.turn = turn
		p.encode()
	}
}

// put changes one word; store writes the point when all words are there.
func (p *modbusPoint) put(turn uint64, word int, v uint16) {
	p.fresh(turn)
	binary.BigEndian.PutUint16(p.image[2*word:], v)
	p.dirty = true
}

func (p *modbusPoint) encode() {
	v := p.state.Get()
	if p.typ == "text" {
		clear(p.image)
		copy(p.image, v.String())
		p.arrange()
		return
	}
	var bits uint64
	switch p.typ {
	case "f32":
		bits = uint64(math.Float32bits(float32(p.out(v))))
	case "f64":
		bits = math.Float64bits(p.out(v))
	case "bool":
		if v.Bool() {
			bits = 1
		}
	default:
		if p.scaled() {
			v = FloatValue(p.out(v))
		}
		bits = modbusClamp(p.typ, v)
	}
	for i := range p.image {
		p.image[len(p.image)-1-i] = byte(bits)
		bits >>= 8
	}
	p.arrange()
}

func (p *modbusPoint) out(v Value) float64 { return v.Float()*p.scale + p.bias }

// modbusClamp is an integer in two's complement, held within its type.
func modbusClamp(typ string, v Value) uint64 {
	var bits uint
	switch typ {
	case "u8", "i8":
		bits = 8
	case "u16", "i16", "enum":
		bits = 16
	case "u32", "i32", "time":
		bits = 32
	}
	if bits == 0 {
		if typ == "i64" {
			return uint64(v.Int())
		}
		return v.Uint()
	}
	if typ[0] == 'i' {
		most := int64(1)<<(bits-1) - 1
		return uint64(max(-most-1, min(most, v.Int())))
	}
	if v.Float() < 0 {
		return 0
	}
	return min(v.Uint(), 1<<bits-1)
}

// arrange brings the bytes of the highest-first image into the order on the wire, and back.
func (p *modbusPoint) arrange() {
	b := p.image
	if p.order == "BA" || p.order == "BADC" || p.order == "DCBA" {
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
	if p.order == "CDAB" || p.order == "DCBA" {
		for i, j := 0, len(b)-2; i < j; i, j = i+2, j-2 {
			b[i], b[i+1], b[j], b[j+1] = b[j], b[j+1], b[i], b[i+1]
		}
	}
}

// store writes the point as the image says now.
func (p *modbusPoint) store() error {
	p.dirty = false
	p.arrange()
	v := p.decode()
	p.turn = 0
	err := p.state.Set(v)
	if err == nil {
		p.own++
	}
	return err
}

func (p *modbusPoint) decode() Value {
	if p.typ == "text" {
		n := len(p.image)
		for n > 0 && p.image[n-1] == 0 {
			n--
		}
		return TextValue(string(p.image[:n]))
	}
	var bits uint64
	for _, b := range p.image {
		bits = bits<<8 | uint64(b)
	}
	var v Value
	switch p.typ {
	case "f32":
		v = FloatValue(float64(math.Float32frombits(uint32(bits))))
	case "f64":
		v = FloatValue(math.Float64frombits(bits))
	case "bool":
		v = BoolValue(bits != 0)
	case "i8", "i16":
		v = IntValue(int64(int16(bits)))
	case "i32":
		v = IntValue(int64(int32(bits)))
	case "i64":
		v = IntValue(int64(bits))
	default:
		v = UintValue(bits)
	}
	if p.scaled() {
		v = FloatValue((v.Float() - p.bias) / p.scale)
	}
	return v
}
