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

// An Item is one variable of a read or write job. Which fields count depends on Syntax.
type Item struct {
	Syntax        uint8
	TransportSize uint8 // S7ANY, as are the next four
	Count         uint16
	DB            uint16
	Area          Area
	Address       uint32    // 24 bits: the bit address, or the number of a timer or counter
	Ranges        []DBRange // DBREAD
	NCK           *NCK
	Raw           []byte // other syntaxes, or an unusual length: what follows the syntax id
}

// A DBRange is one piece of a DBREAD item.
type DBRange struct {
	Size  uint8
	DB    uint16
	Start uint16
}

// NCK names a variable of a SINUMERIK control.
type NCK struct {
	Area   uint8 // unit and area
	Column uint16
	Line   uint16
	Module uint8
	Lines  uint8
}

// ElementSize is how many bytes an element of the item's transport size has; 0: not known. Bits count as a byte.
func (i *Item) ElementSize() int {
	switch i.TransportSize {
	case SizeBit, SizeByte, SizeChar:
		return 1
	case SizeWord, SizeInt, SizeDate, SizeS5Time, SizeCounter, SizeTimer:
		return 2
	case SizeDWord, SizeDInt, SizeReal, SizeTOD, SizeTime, SizeIEC, SizeIECTime:
		return 4
	case SizeDT:
		return 8
	}
	return 0
}

// Offset and Bit are where the item begins, for areas of bytes.
func (i *Item) Offset() int { return int(i.Address >> 3) }
func (i *Item) Bit() int    { return int(i.Address & 7) }

// anySize is the length of an S7ANY item, its syntax id included.
const anySize = 10

// readItems reads the count and the items of a job's parameters.
func readItems(r *wire.Reader, items []Item) []Item {
	n := int(r.Uint8())
	for i := range n {
		if i > 0 && r.Err() == nil && r.Len() > 0 && r.Offset()%2 == 1 {
			r.Uint8() // fill byte: items begin at even offsets
		}
		if items = append(items, Item{}); !readItem(r, &items[len(items)-1]) {
			r.Fail(wire.ErrShort)
			return items
		}
	}
	return items
}

func readItem(r *wire.Reader, it *Item) bool {
	if r.Uint8() != 0x12 {
		return false
	}
	b := r.Bytes(int(r.Uint8()))
	if len(b) == 0 {
		return false
	}
	it.Syntax, b = b[0], b[1:]
	switch {
	case it.Syntax == SyntaxAny && len(b) == anySize-1:
		it.TransportSize, it.Count = b[0], uint16(b[1])<<8|uint16(b[2])
		it.DB, it.Area = uint16(b[3])<<8|uint16(b[4]), Area(b[5])
		it.Address = uint32(b[6])<<16 | uint32(b[7])<<8 | uint32(b[8])
	case it.Syntax == SyntaxDBRead && len(b) > 0 && len(b) == 1+5*int(b[0]):
		it.Ranges = make([]DBRange, b[0])
		for i := range it.Ranges {
			x := b[1+5*i:]
			it.Ranges[i] = DBRange{x[0], uint16(x[1])<<8 | uint16(x[2]), uint16(x[3])<<8 | uint16(x[4])}
		}
	case it.Syntax >= SyntaxNCK && it.Syntax <= SyntaxNCK+2 && len(b) == 7:
		it.NCK = &NCK{b[0], uint16(b[1])<<8 | uint16(b[2]), uint16(b[3])<<8 | uint16(b[4]), b[5], b[6]}
	default:
		it.Raw = b
	}
	return true
}

func appendItems(b []byte, items []Item) ([]byte, error) {
	if len(items) > 0xFF {
		return nil, fmt.Errorf("s7comm: %d items are too many", len(items))
	}
	start := len(b) - 1 // of the parameters: the function is there already
	b = append(b, byte(len(items)))
	for k := range items {
		if k > 0 && (len(b)-start)%2 == 1 {
			b = append(b, 0)
		}
		var err error
		if b, err = items[k].append(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (i *Item) append(b []byte) ([]byte, error) {
	at := len(b)
	b = append(b, 0x12, 0, i.Syntax)
	switch {
	case i.Raw != nil:
		b = append(b, i.Raw...)
	case i.Syntax == SyntaxAny:
		b = append(b, i.TransportSize, byte(i.Count>>8), byte(i.Count), byte(i.DB>>8), byte(i.DB), byte(i.Area),
			byte(i.Address>>16), byte(i.Address>>8), byte(i.Address))
	case i.Syntax == SyntaxDBRead:
		b = append(b, byte(len(i.Ranges)))
		for _, x := range i.Ranges {
			b = append(b, x.Size, byte(x.DB>>8), byte(x.DB), byte(x.Start>>8), byte(x.Start))
		}
	case i.NCK != nil:
		n := i.NCK
		b = append(b, n.Area, byte(n.Column>>8), byte(n.Column), byte(n.Line>>8), byte(n.Line), n.Module, n.Lines)
	}
	n := len(b) - at - 2
	if n > 0xFF {
		return nil, fmt.Errorf("s7comm: item of %d bytes is too long", n)
	}
	b[at+1] = byte(n)
	return b, nil
}

// A Value is what one item holds, or why it could not be had. In jobs ReturnCode is 0.
type Value struct {
	ReturnCode    uint8
	TransportSize uint8
	Length        uint16 // as on the wire: of bits or of bytes
	Data          []byte
}

// Bytes is a successful value in whole bytes, its length counted in the unit its transport size wants.
func Bytes(size uint8, data []byte) Value {
	n := len(data)
	if size == DataWord || size == DataInteger {
		n *= 8
	}
	return Value{CodeSuccess, size, uint16(n), data}
}

// bytesOf is how many bytes a length counted in the unit of a transport size is.
func bytesOf(size uint8, length uint16) int {
	switch size {
	case DataBit, DataWord, DataInteger:
		return (int(length) + 7) / 8
	}
	return int(length)
}

// readValues reads n values. Each but the last takes an even number of bytes.
func readValues(r *wire.Reader, n int, values []Value) []Value {
	for i := range n {
		if r.Err() != nil {
			return values
		}
		v := Value{ReturnCode: r.Uint8(), TransportSize: r.Uint8(), Length: r.Uint16()}
		v.Data = filled(r.Bytes(bytesOf(v.TransportSize, v.Length)))
		if len(v.Data)%2 == 1 && i < n-1 {
			r.Uint8()
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
			b = append(b, 0)
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

// ValueSize is the transport size in which a CPU gives the value of an S7ANY item.
func (i *Item) ValueSize() uint8 {
	switch i.TransportSize {
	case SizeBit:
		return DataBit
	case SizeInt, SizeDInt:
		return DataInteger
	case SizeReal:
		return DataReal
	case SizeChar, SizeCounter, SizeTimer, SizeIEC, SizeIECTime:
		return DataOctets
	}
	return DataWord
}

// Span is where in its area an S7ANY item lies, in bytes: timers and counters have two each. ok is false
// for items that no CPU gives a value: no length, or an unknown transport size, or several bits.
func (i *Item) Span() (offset, size int, ok bool) {
	n := i.ElementSize()
	if i.Syntax != SyntaxAny || i.Raw != nil || n == 0 || i.Count == 0 || i.TransportSize == SizeBit && i.Count != 1 {
		return 0, 0, false
	}
	if i.Area.Counted() {
		return int(i.Address) * 2, int(i.Count) * 2, true
	}
	return i.Offset(), int(i.Count) * n, true
}

// AppendSpec appends what an item asks for, as its own bytes: from the syntax id on.
func (i *Item) AppendSpec(b []byte) []byte {
	at := len(b)
	spec, err := i.append(b)
	if err != nil || len(spec) < at+2 {
		return b
	}
	return append(spec[:at], spec[at+2:]...)
}
