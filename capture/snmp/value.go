package snmp

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"
)

// A Type is the tag of a value (RFC 2578, section 7.1; RFC 3416, section 3).
type Type byte

const (
	TypeInteger     Type = 0x02
	TypeBitString   Type = 0x03 // of the time before RFC 1902
	TypeOctetString Type = 0x04
	TypeNull        Type = 0x05
	TypeOID         Type = 0x06
	TypeIPAddress   Type = 0x40
	TypeCounter32   Type = 0x41
	TypeGauge32     Type = 0x42 // and Unsigned32
	TypeTimeTicks   Type = 0x43
	TypeOpaque      Type = 0x44
	TypeNsapAddress Type = 0x45
	TypeCounter64   Type = 0x46
	TypeUInteger32  Type = 0x47

	NoSuchObject   Type = 0x80
	NoSuchInstance Type = 0x81
	EndOfMibView   Type = 0x82
)

func (t Type) String() string {
	switch t {
	case TypeInteger:
		return "INTEGER"
	case TypeBitString:
		return "BIT STRING"
	case TypeOctetString:
		return "OCTET STRING"
	case TypeNull:
		return "NULL"
	case TypeOID:
		return "OBJECT IDENTIFIER"
	case TypeIPAddress:
		return "IpAddress"
	case TypeCounter32:
		return "Counter32"
	case TypeGauge32:
		return "Gauge32"
	case TypeTimeTicks:
		return "TimeTicks"
	case TypeOpaque:
		return "Opaque"
	case TypeNsapAddress:
		return "NsapAddress"
	case TypeCounter64:
		return "Counter64"
	case TypeUInteger32:
		return "UInteger32"
	case NoSuchObject:
		return "noSuchObject"
	case NoSuchInstance:
		return "noSuchInstance"
	case EndOfMibView:
		return "endOfMibView"
	}
	return fmt.Sprintf("tag 0x%02x", byte(t))
}

// Exception says that there is no value (RFC 3416, section 4.2.1).
func (t Type) Exception() bool { return t >= NoSuchObject && t <= EndOfMibView }

// Unsigned says that values of this type are never negative.
func (t Type) Unsigned() bool {
	return t >= TypeCounter32 && t <= TypeTimeTicks || t == TypeCounter64 || t == TypeUInteger32
}

// A Value is the content of a variable, as it was encoded. TimeTicks are apart from all else, because
// they follow the time.
type Value struct {
	Type  Type
	Bytes []byte
	Ticks []byte `wire:"clock"` // content of TimeTicks; Bytes is empty then
}

// NewValue is the value with this tag and content.
func NewValue(t Type, content []byte) Value {
	if t == TypeTimeTicks {
		return Value{Type: t, Ticks: content}
	}
	return Value{Type: t, Bytes: content}
}

// Content is the value without its tag and length.
func (v Value) Content() []byte {
	if v.Type == TypeTimeTicks {
		return v.Ticks
	}
	return v.Bytes
}

// Int reads the content as a signed number.
func (v Value) Int() (int64, bool) {
	c := v.Content()
	if v.Type != TypeInteger || len(c) == 0 || len(c) > 8 {
		return 0, false
	}
	n := int64(int8(c[0]))
	for _, x := range c[1:] {
		n = n<<8 | int64(x)
	}
	return n, true
}

// Uint reads the content of counters, gauges and ticks. Agents that forget the leading zero mean an
// unsigned number all the same.
func (v Value) Uint() (uint64, bool) {
	c := v.Content()
	if !v.Type.Unsigned() || len(c) == 0 || len(c) > 9 || len(c) == 9 && c[0] != 0 {
		return 0, false
	}
	var n uint64
	for _, x := range c {
		n = n<<8 | uint64(x)
	}
	return n, true
}

// AppendInt appends the content of an INTEGER, AppendUint that of a counter, gauge or ticks.
func AppendInt(b []byte, v int64) []byte {
	for i := integerOctets(v) - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func AppendUint(b []byte, v uint64) []byte {
	if int64(v) < 0 {
		return binary.BigEndian.AppendUint64(append(b, 0), v)
	}
	return AppendInt(b, int64(v))
}

// String prints a value for people: its type, and what it holds.
func (v Value) String() string { return string(v.AppendText(nil)) }

// AppendText appends what String says.
func (v Value) AppendText(b []byte) []byte {
	c := v.Content()
	b = append(b, v.Type.String()...)
	switch v.Type {
	case TypeInteger:
		if n, ok := v.Int(); ok {
			return strconv.AppendInt(append(b, ": "...), n, 10)
		}
	case TypeTimeTicks:
		if n, ok := v.Uint(); ok {
			b = strconv.AppendUint(append(b, ": "...), n, 10)
			return append(append(append(b, " ("...), (time.Duration(n)*10*time.Millisecond).String()...), ')')
		}
	case TypeCounter32, TypeGauge32, TypeCounter64, TypeUInteger32:
		if n, ok := v.Uint(); ok {
			return strconv.AppendUint(append(b, ": "...), n, 10)
		}
	case TypeOID:
		if OID(c).Valid() {
			return OID(c).AppendText(append(b, ": "...))
		}
	case TypeIPAddress:
		if a, ok := netip.AddrFromSlice(c); ok {
			return a.AppendTo(append(b, ": "...))
		}
	case TypeOctetString:
		if printable(c) {
			return append(append(b, ": "...), c...)
		}
	case TypeOpaque:
		// net-snmp's Opaque Float: a context tag of two octets, a length, an IEEE number.
		if len(c) == 7 && c[0] == 0x9f && c[1] == 0x78 && c[2] == 4 {
			f := math.Float32frombits(binary.BigEndian.Uint32(c[3:]))
			return strconv.AppendFloat(append(b, " Float: "...), float64(f), 'g', -1, 32)
		}
	}
	if len(c) == 0 {
		return b
	}
	return hex.AppendEncode(append(b, ": 0x"...), c)
}

func printable(b []byte) bool {
	for _, r := range string(b) {
		if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
	}
	return true
}
