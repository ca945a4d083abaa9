package s7comm

import (
	"fmt"

	"ringer/capture/wire"
)

// An Area is a part of the controller's memory.
type Area uint8

const (
	AreaSystemInfo  Area = 0x03 // S7-200
	AreaSystemFlags Area = 0x05
	AreaAnalogIn    Area = 0x06
	AreaAnalogOut   Area = 0x07
	AreaPeripheral  Area = 0x80
	AreaInputs      Area = 0x81
	AreaOutputs     Area = 0x82
	AreaFlags       Area = 0x83 // bit memory, "Merker"
	AreaDB          Area = 0x84
	AreaInstanceDB  Area = 0x85
	AreaLocal       Area = 0x86
	AreaCallerLocal Area = 0x87
	AreaCounters    Area = 0x1C
	AreaTimers      Area = 0x1D
	AreaCounters200 Area = 0x1E
	AreaTimers200   Area = 0x1F
)

var areaNames = map[Area]string{
	AreaSystemInfo: "SI", AreaSystemFlags: "SM", AreaAnalogIn: "AI", AreaAnalogOut: "AQ", AreaPeripheral: "PE",
	AreaInputs: "I", AreaOutputs: "Q", AreaFlags: "M", AreaDB: "DB", AreaInstanceDB: "DI", AreaLocal: "L",
	AreaCallerLocal: "V", AreaCounters: "C", AreaTimers: "T", AreaCounters200: "HC", AreaTimers200: "T200",
}

func (a Area) String() string {
	if s, ok := areaNames[a]; ok {
		return s
	}
	return fmt.Sprintf("0x%02x", uint8(a))
}

// ParseArea is the inverse of String.
func ParseArea(s string) (Area, bool) {
	for a, name := range areaNames {
		if name == s {
			return a, true
		}
	}
	var n uint8
	if _, err := fmt.Sscanf(s, "0x%02x", &n); err == nil && len(s) == 4 {
		return Area(n), true
	}
	return 0, false
}

// Counted says that the area consists of numbered elements of two bytes (timers, counters), which an
// address counts, rather than of bytes.
func (a Area) Counted() bool {
	return a == AreaCounters || a == AreaTimers || a == AreaCounters200 || a == AreaTimers200
}

// Syntax ids of items.
const (
	SyntaxAny    = 0x10 // S7ANY: area, DB, address
	SyntaxNCK    = 0x82 // 0x82 to 0x84: SINUMERIK
	SyntaxDBRead = 0xB0
	Syntax1200   = 0xB2 // symbolic, S7-1200 and 1500
)

// Transport sizes of S7ANY items.
const (
	SizeBit     = 0x01
	SizeByte    = 0x02
	SizeChar    = 0x03
	SizeWord    = 0x04
	SizeInt     = 0x05
	SizeDWord   = 0x06
	SizeDInt    = 0x07
	SizeReal    = 0x08
	SizeDate    = 0x09
	SizeTOD     = 0x0A
	SizeTime    = 0x0B
	SizeS5Time  = 0x0C
	SizeDT      = 0x0F
	SizeCounter = 0x1C
	SizeTimer   = 0x1D
	SizeIEC     = 0x1E
	SizeIECTime = 0x1F
)

// Transport sizes of values. The length of bits, words and integers counts bits, that of the others bytes.
const (
	DataNull    = 0x00
	DataBit     = 0x03
	DataWord    = 0x04
	DataInteger = 0x05
	DataDInt    = 0x06
	DataReal    = 0x07
	DataOctets  = 0x09
)

// Return codes of items.
const (
	CodeHardwareFault   = 0x01
	CodeAccessDenied    = 0x03
	CodeOutOfRange      = 0x05
	CodeTypeUnsupported = 0x06
	CodeTypeMismatch    = 0x07
	CodeNotExisting     = 0x0A
	CodeSuccess         = 0xFF
)

// A Value is what one item holds, or why it could not be had. In jobs ReturnCode is 0.
type Value struct {
	ReturnCode    uint8
	TransportSize uint8
	Length        uint16 // as on the wire: of bits or of bytes
	Data          []byte
	Fill          uint8 `wire:"-"` // behind an odd number of bytes; some devices leave anything there
}

// Bytes is a successful value in whole bytes, its length counted in the unit its transport size wants.
func Bytes(size uint8, data []byte) Value {
	n := len(data)
	if size == DataWord || size == DataInteger {
		n *= 8
	}
	return Value{ReturnCode: CodeSuccess, TransportSize: size, Length: uint16(n), Data: data}
}

// bytesOf is how many bytes a length counted in the unit of a transport size is.
func bytesOf(size uint8, length uint16) int {
	switch size {
	case DataBit, DataWord, DataInteger:
		return (int(length) + 7) / 8
	}
	return int(length)
}

// size is how many bytes a value has. What was refused has none: some devices give a length with it that
// means nothing.
func (v *Value) size() int {
	if v.TransportSize == DataNull && v.ReturnCode != 0 && v.ReturnCode != CodeSuccess {
		return 0
	}
	return bytesOf(v.TransportSize, v.Length)
}

// readValues reads n values. Each but the last takes an even number of bytes.
func readValues(r *wire.Reader, n int, values []Value) []Value {
	for i := range n {
		if r.Err() != nil {
			return values
		}
		v := Value{ReturnCode: r.Uint8(), TransportSize: r.Uint8(), Length: r.Uint16()}
		v.Data = filled(r.Bytes(v.size()))
		if len(v.Data)%2 == 1 && i < n-1 {
			v.Fill = r.Uint8()
		}
		values = append(values, v)
	}
	return values
}

func appendValues(b []byte, values []Value) []byte {
	for i := range values {
		v := &values[i]
		b = append(b, v.ReturnCode, v.TransportSize, byte(v.Length>>8), byte(v.Length))
		b = append(b, v.Data...)
		if len(v.Data)%2 == 1 && i < len(values)-1 {
			b = append(b, v.Fill)
		}
	}
	return b
}

// ReadVar asks for variables.
type ReadVar struct {
	Header
	Items []Item
}

func (*ReadVar) Class() (string, wire.Effect) { return "read variable", wire.Read }

// AppendKey is the parameters as written.
func (m *ReadVar) AppendKey(b []byte) []byte {
	return appendItemsKey(append(b, "ReadVar "...), m.Items)
}

func appendItemsKey(b []byte, items []Item) []byte {
	if k, err := appendItems(append(b, 0), items); err == nil {
		return k
	}
	return b
}

func (m *ReadVar) Append(b []byte) ([]byte, error) {
	start := len(b)
	b, err := appendItems(append(m.begin(b, rosctrJob), FuncReadVar), m.Items)
	if err != nil {
		return nil, err
	}
	return m.end(b, start, len(b))
}

// ReadVarReply has a value for every item, in their order.
type ReadVarReply struct {
	Header
	Result
	Values []Value
}

func (m *ReadVarReply) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.Result.append(m.begin(b, rosctrAckData)), FuncReadVar, byte(len(m.Values)))
	data := len(b)
	return m.end(appendValues(b, m.Values), start, data)
}

// WriteVar sets variables.
type WriteVar struct {
	Header
	Items  []Item
	Values []Value
}

func (*WriteVar) Class() (string, wire.Effect) { return "write variable", wire.Write }

// AppendKey is the parameters and the data as written.
func (m *WriteVar) AppendKey(b []byte) []byte {
	return appendValues(appendItemsKey(append(b, "WriteVar "...), m.Items), m.Values)
}

func (m *WriteVar) Append(b []byte) ([]byte, error) {
	start := len(b)
	b, err := appendItems(append(m.begin(b, rosctrJob), FuncWriteVar), m.Items)
	if err != nil {
		return nil, err
	}
	data := len(b)
	return m.end(appendValues(b, m.Values), start, data)
}

// WriteVarReply has a return code for every item.
type WriteVarReply struct {
	Header
	Result
	ReturnCodes []byte
}

func (m *WriteVarReply) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.Result.append(m.begin(b, rosctrAckData)), FuncWriteVar, byte(len(m.ReturnCodes)))
	data := len(b)
	return m.end(append(b, m.ReturnCodes...), start, data)
}
