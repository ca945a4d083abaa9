package ipmi

import (
	"encoding/binary"
	"reflect"
)

// The data of most commands is fields one after the other, the least byte first. Their structures say so by
// their types: unsigned numbers, arrays of bytes, and a slice of bytes at the end for what may follow.

// readFields fills a structure; false: the data are too short for it, or too long.
func readFields(b []byte, into any) bool {
	v := reflect.ValueOf(into).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.Slice:
			f.SetZero()
			if len(b) > 0 {
				f.SetBytes(append([]byte(nil), b...))
			}
			return true
		case reflect.Array:
			if len(b) < f.Len() {
				return false
			}
			b = b[copy(f.Bytes(), b):]
		default:
			n := int(f.Type().Size())
			if len(b) < n {
				return false
			}
			var x [8]byte
			copy(x[:], b[:n])
			f.SetUint(binary.LittleEndian.Uint64(x[:]))
			b = b[n:]
		}
	}
	return len(b) == 0
}

// appendBody appends data as they are sent.
func appendBody(b []byte, body Body) []byte {
	switch d := body.(type) {
	case nil:
		return b
	case Data:
		return append(b, d...)
	}
	return appendFields(b, body)
}

func appendFields(b []byte, from any) []byte {
	v := reflect.ValueOf(from).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.Slice:
			b = append(b, f.Bytes()...)
		case reflect.Array:
			b = append(b, f.Bytes()...)
		default:
			x := f.Uint()
			for range int(f.Type().Size()) {
				b = append(b, byte(x))
				x >>= 8
			}
		}
	}
	return b
}
