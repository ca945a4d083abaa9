package bacnet

import (
	"encoding/binary"
)

// A TagNumber says what an application-tagged value is (clause 20.2.1.4).
type TagNumber uint8

const (
	TagNull TagNumber = iota
	TagBoolean
	TagUnsigned
	TagSigned
	TagReal
	TagDouble
	TagOctets
	TagText
	TagBits
	TagEnumerated
	TagDate
	TagTime
	TagObject
)

// A Tag begins every element of a value (clause 20.2.1).
type Tag struct {
	Number  uint8
	Context bool
	Open    bool // an opening tag: elements follow, up to its closing tag
	Close   bool
	Len     int    // of the content behind it
	Value   uint32 // of an application-tagged boolean, which has no content
}

// lengthTypes of the low three bits of a tag.
const (
	lengthExtended = 5
	lengthOpen     = 6
	lengthClose    = 7
)

// ReadTag reads the tag at the front of b; n is how many bytes it takes, 0 if there is none.
func ReadTag(b []byte) (t Tag, n int) {
	if len(b) == 0 {
		return t, 0
	}
	t.Number, t.Context = b[0]>>4, b[0]&8 != 0
	low := b[0] & 7
	n = 1
	if t.Number == 15 {
		if len(b) < 2 {
			return t, 0
		}
		t.Number, n = b[1], 2
	}
	switch {
	case t.Context && low == lengthOpen:
		t.Open = true
		return t, n
	case t.Context && low == lengthClose:
		t.Close = true
		return t, n
	case low > lengthExtended:
		return t, 0
	case !t.Context && TagNumber(t.Number) == TagBoolean:
		t.Value = uint32(low)
		return t, n
	}
	size := uint64(low)
	if low == lengthExtended {
		if len(b) < n+1 {
			return t, 0
		}
		size = uint64(b[n])
		n++
		switch size {
		case 254:
			if len(b) < n+2 {
				return t, 0
			}
			size = uint64(binary.BigEndian.Uint16(b[n:]))
			n += 2
		case 255:
			if len(b) < n+4 {
				return t, 0
			}
			size = uint64(binary.BigEndian.Uint32(b[n:]))
			n += 4
		}
	}
	if size > uint64(len(b)-n) {
		return t, 0
	}
	t.Len = int(size)
	return t, n
}

// element says how many bytes the first element of b takes, all that is in it included; 0: it is broken.
func element(b []byte) int {
	at, depth := 0, 0
	for {
		t, n := ReadTag(b[at:])
		switch {
		case n == 0:
			return 0
		case t.Open:
			depth++
		case t.Close:
			if depth--; depth < 0 {
				return 0
			}
		}
		at += n + t.Len
		if depth == 0 {
			return at
		}
	}
}

func appendTag(b []byte, number uint8, context bool, size int) []byte {
	low := byte(lengthExtended)
	if size < lengthExtended {
		low = byte(size)
	}
	b = appendTagByte(b, number, context, low)
	switch {
	case low != lengthExtended:
	case size < 254:
		b = append(b, byte(size))
	case size <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 254), uint16(size))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 255), uint32(size))
	}
	return b
}

func appendTagByte(b []byte, number uint8, context bool, low byte) []byte {
	low |= bit(context, 8)
	if number < 15 {
		return append(b, number<<4|low)
	}
	return append(b, 0xf0|low, number)
}

// AppendOpen and AppendClose enclose elements.
func AppendOpen(b []byte, number uint8) []byte  { return appendTagByte(b, number, true, lengthOpen) }
func AppendClose(b []byte, number uint8) []byte { return appendTagByte(b, number, true, lengthClose) }

// appendContent appends a primitive element.
func appendContent(b []byte, number uint8, context bool, content []byte) []byte {
	return append(appendTag(b, number, context, len(content)), content...)
}

// AppendUnsigned appends an application-tagged unsigned number.
func AppendUnsigned(b []byte, v uint64) []byte { return appendUint(b, uint8(TagUnsigned), false, v) }

// AppendEnumerated appends an application-tagged enumerated value.
func AppendEnumerated(b []byte, v uint64) []byte {
	return appendUint(b, uint8(TagEnumerated), false, v)
}

// AppendObject appends an application-tagged object identifier.
func AppendObject(b []byte, o ObjectID) []byte {
	return binary.BigEndian.AppendUint32(appendTag(b, uint8(TagObject), false, 4), uint32(o))
}

// AppendText appends an application-tagged character string in UTF-8.
func AppendText(b []byte, s string) []byte {
	return append(append(appendTag(b, uint8(TagText), false, len(s)+1), 0), s...)
}

// AppendReal appends an application-tagged real number.
func AppendReal(b []byte, bits uint32) []byte {
	return binary.BigEndian.AppendUint32(appendTag(b, uint8(TagReal), false, 4), bits)
}

// AppendBoolean appends an application-tagged boolean.
func AppendBoolean(b []byte, v bool) []byte {
	return appendTagByte(b, uint8(TagBoolean), false, bit(v, 1))
}

// AppendBits appends an application-tagged bit string, the first bit first.
func AppendBits(b []byte, bits []bool) []byte {
	content := packBits(bits)
	return appendContent(b, uint8(TagBits), false, content)
}

func packBits(bits []bool) []byte {
	content := make([]byte, 1+(len(bits)+7)/8)
	content[0] = byte((8 - len(bits)%8) % 8)
	for i, on := range bits {
		if on {
			content[1+i/8] |= 0x80 >> (i % 8)
		}
	}
	return content
}

// AppendNull appends an application-tagged null.
func AppendNull(b []byte) []byte { return append(b, 0) }

// AppendDate and AppendTime append application-tagged dates and times.
func AppendDate(b []byte, d Date) []byte { return appendContent(b, uint8(TagDate), false, d[:]) }
func AppendTime(b []byte, t Time) []byte { return appendContent(b, uint8(TagTime), false, t[:]) }

func appendUint(b []byte, number uint8, context bool, v uint64) []byte {
	n := 1
	for x := v >> 8; x > 0; x >>= 8 {
		n++
	}
	b = appendTag(b, number, context, n)
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func appendInt(b []byte, number uint8, context bool, v int64) []byte {
	n := 1
	for x := v; x < -128 || x > 127; x >>= 8 {
		n++
	}
	b = appendTag(b, number, context, n)
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// AppendSigned appends an application-tagged signed number.
func AppendSigned(b []byte, v int64) []byte { return appendInt(b, uint8(TagSigned), false, v) }

func readUint(b []byte) (v uint64, ok bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v, true
}

func readInt(b []byte) (v int64, ok bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	v = int64(int8(b[0]))
	for _, x := range b[1:] {
		v = v<<8 | int64(x)
	}
	return v, true
}

// Signed reads the content of a signed number.
func Signed(c []byte) int64 {
	v, _ := readInt(c)
	return v
}

// NewBitString is a bit string, the first bit first.
func NewBitString(bits []bool) BitString { return packBits(bits) }
