package snmp

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
)

// An OID is an object identifier as it is encoded: base 128, the first two numbers in one (X.690,
// section 8.19). It compares and prints without being unpacked.
type OID []byte

// ParseOID reads the dotted form, with or without a leading dot.
func ParseOID(s string) (OID, error) { return AppendOID(nil, s) }

// AppendOID appends the encoding of the dotted form s to b.
func AppendOID[S string | []byte](b []byte, s S) (OID, error) {
	i := 0
	if len(s) > 0 && s[0] == '.' {
		i++
	}
	var first, v uint64
	numbers, digits := 0, 0
	for ; i <= len(s); i++ {
		if i < len(s) && s[i] >= '0' && s[i] <= '9' {
			v = v*10 + uint64(s[i]-'0')
			if digits++; v > 0xffffffff {
				return nil, fmt.Errorf("object identifier %q: a number does not fit 32 bits", s)
			}
			continue
		}
		if digits == 0 || i < len(s) && s[i] != '.' {
			return nil, fmt.Errorf("object identifier %q: want numbers with dots between", s)
		}
		switch numbers++; numbers {
		case 1:
			if first = v; v > 2 {
				return nil, fmt.Errorf("object identifier %q begins with neither 0, 1 nor 2", s)
			}
		case 2:
			if first < 2 && v > 39 {
				return nil, fmt.Errorf("object identifier %q: its second number is above 39", s)
			}
			b = appendSub(b, first*40+v)
		default:
			b = appendSub(b, v)
		}
		v, digits = 0, 0
	}
	if numbers == 1 {
		// A lone number is walked from; it is written as if a 0 followed.
		b = appendSub(b, first*40)
	}
	return b, nil
}

func appendSub(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	for i := (bits.Len64(v) - 1) / 7; i > 0; i-- {
		b = append(b, 0x80|byte(v>>(7*i)))
	}
	return append(b, byte(v)&0x7f)
}

// Child is o with one more number.
func (o OID) Child(n uint32) OID {
	return appendSub(append(make([]byte, 0, len(o)+5), o...), uint64(n))
}

// Valid says whether o ends at the end of a number, and its numbers fit 32 bits.
func (o OID) Valid() bool {
	run, lead := 0, byte(0)
	for _, x := range o {
		if run == 0 {
			lead = x
		}
		if run == 0 && x == 0x80 {
			continue // padding
		}
		if run++; run > 5 || run == 5 && lead > 0x8f {
			return false
		}
		if x < 0x80 {
			run = 0
		}
	}
	return run == 0 && (len(o) == 0 || o[len(o)-1] < 0x80)
}

// Canonical is o without padding in its numbers; o itself where there is none.
func (o OID) Canonical() OID {
	start, padded := true, false
	for _, x := range o {
		if start && x == 0x80 {
			padded = true
			break
		}
		start = x < 0x80
	}
	if !padded {
		return o
	}
	out := make(OID, 0, len(o))
	start = true
	for _, x := range o {
		if start && x == 0x80 {
			continue
		}
		out = append(out, x)
		start = x < 0x80
	}
	return out
}

// Compare orders canonical OIDs as a walk does: number by number, a prefix first.
func (o OID) Compare(p OID) int {
	n := min(len(o), len(p))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(o[i:]) ^ binary.LittleEndian.Uint64(p[i:]); x != 0 {
			i += bits.TrailingZeros64(x) / 8
			return o.compareAt(p, i)
		}
	}
	for ; i < n; i++ {
		if o[i] != p[i] {
			return o.compareAt(p, i)
		}
	}
	return cmp.Compare(len(o), len(p))
}

// compareAt compares where the first different byte is at i: the number with more bytes is larger.
func (o OID) compareAt(p OID, i int) int {
	j, k := i, i
	for j < len(o)-1 && o[j] >= 0x80 {
		j++
	}
	for k < len(p)-1 && p[k] >= 0x80 {
		k++
	}
	if j != k {
		return cmp.Compare(j, k)
	}
	return cmp.Compare(o[i], p[i])
}

// Equal says whether two canonical OIDs are the same.
func (o OID) Equal(p OID) bool { return bytes.Equal(o, p) }

// HasPrefix says whether o is root or below it. Both are canonical.
func (o OID) HasPrefix(root OID) bool { return bytes.HasPrefix(o, root) }

// String is the dotted form, without a leading dot.
func (o OID) String() string { return string(o.AppendText(make([]byte, 0, 4*len(o)))) }

// AppendText appends the dotted form.
func (o OID) AppendText(b []byte) []byte {
	first := true
	var v uint64
	for _, x := range o {
		v = v<<7 | uint64(x&0x7f)
		if x >= 0x80 {
			continue
		}
		if first {
			first = false
			top := min(v/40, 2)
			b = strconv.AppendUint(b, top, 10)
			v -= top * 40
		}
		b = append(b, '.')
		b = strconv.AppendUint(b, v, 10)
		v = 0
	}
	return b
}
