package emulate

import (
	"encoding/binary"
	"math"

	"ringer/capture/enip"
)

// enipEncode appends a value as an elementary type, little-endian.
func enipEncode(dst []byte, t enip.Type, v Value) []byte {
	le := binary.LittleEndian
	switch t {
	case enip.BOOL:
		if v.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case enip.REAL:
		return le.AppendUint32(dst, math.Float32bits(float32(v.Float())))
	case enip.LREAL:
		return le.AppendUint64(dst, math.Float64bits(v.Float()))
	}
	n := t.Size()
	bits := 8 * n
	u := v.Uint()
	switch f := v.Float(); {
	case t.Signed() && bits < 64:
		most := int64(1)<<(bits-1) - 1
		u = uint64(max(-most-1, min(most, v.Int())))
	case t.Signed():
		u = uint64(v.Int())
	case f < 0:
		u = 0
	case bits < 64:
		u = min(u, 1<<bits-1)
	}
	for range n {
		dst = append(dst, byte(u))
		u >>= 8
	}
	return dst
}

// enipDecode reads what enipEncode writes.
func enipDecode(t enip.Type, b []byte) Value {
	var u uint64
	for i := min(len(b), 8) - 1; i >= 0; i-- {
		u = u<<8 | uint64(b[i])
	}
	switch {
	case t == enip.BOOL:
		return BoolValue(u != 0)
	case t == enip.REAL:
		return FloatValue(float64(math.Float32frombits(uint32(u))))
	case t == enip.LREAL:
		return FloatValue(math.Float64frombits(u))
	case t.Signed():
		shift := 64 - 8*min(len(b), 8)
		return IntValue(int64(u<<shift) >> shift)
	}
	return UintValue(u)
}
