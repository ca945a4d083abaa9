package s7comm

import (
	"fmt"

	"ringer/capture/wire"
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
