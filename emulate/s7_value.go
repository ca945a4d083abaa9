package emulate

import (
	"encoding/binary"
	"math"
)

// s7Encode writes a point's value as it lies in memory: big-endian; texts as STRING without their length,
// filled with zeros.
func s7Encode(dst []byte, kind string, width int, v Value) []byte {
	switch kind {
	case "f32":
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(v.Float())))
	case "f64":
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v.Float()))
	case "bool":
		if v.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64":
		return EncodeUint(dst, v.Uint(), width)
	}
	s := v.String()
	for i := range width {
		c := byte(0)
		if i < len(s) {
			c = s[i]
		}
		dst = append(dst, c)
	}
	return dst
}

// s7Decode reads what s7Encode writes.
func s7Decode(kind string, b []byte) Value {
	n := DecodeUint(b[:min(len(b), 8)])
	switch kind {
	case "f32":
		return FloatValue(float64(math.Float32frombits(uint32(n))))
	case "f64":
		return FloatValue(math.Float64frombits(n))
	case "bool":
		return BoolValue(n != 0)
	case "u8", "u16", "u32", "u64":
		return UintValue(n)
	case "i8", "i16", "i32", "i64":
		shift := 64 - 8*len(b)
		return IntValue(int64(n<<shift) >> shift)
	}
	end := len(b)
	for end > 0 && b[end-1] == 0 {
		end--
	}
	return TextValue(string(b[:end]))
}
