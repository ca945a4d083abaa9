package wire

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends a message as one JSON object for people and programs: its type under "type", its
// exported fields under their own names, bytes in hexadecimal, embedded headers merged in. Fields that
// follow from others (lengths, checksums) are left out, and so are zero values.
func AppendJSON(b []byte, m Message) []byte {
	v := reflect.ValueOf(m)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	b = append(b, `{"type":`...)
	b = AppendQuoted(b, v.Type().Name())
	if v.Kind() == reflect.Struct {
		b = appendFields(b, v)
	}
	return append(b, '}')
}

func appendFields(b []byte, v reflect.Value) []byte {
	for _, f := range planOf(v.Type()).fields {
		x := v.Field(f.index)
		if f.tag == tagSum || x.IsZero() {
			continue
		}
		if f.name == "" {
			for x.Kind() == reflect.Pointer {
				x = x.Elem()
			}
			if x.Kind() == reflect.Struct {
				b = appendFields(b, x)
				continue
			}
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = AppendQuoted(b, f.name)
		b = append(b, ':')
		b = appendValue(b, x)
	}
	return b
}

func appendValue(b []byte, v reflect.Value) []byte {
	if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface && v.Type().Implements(stringer) {
		return AppendQuoted(b, v.Interface().(fmt.Stringer).String())
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return append(b, "null"...)
		}
		return appendValue(b, v.Elem())
	case reflect.Struct:
		return append(appendFields(append(b, '{'), v), '}')
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b = append(b, '"')
			if v.Kind() == reflect.Slice {
				b = hex.AppendEncode(b, v.Bytes())
			} else {
				b = append(b, leafString(v)...)
			}
			return append(b, '"')
		}
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, v.Index(i))
		}
		return append(b, ']')
	case reflect.String:
		return AppendQuoted(b, v.String())
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(b, v.Uint(), 10)
	}
	return AppendQuoted(b, fmt.Sprint(v.Interface()))
}

// AppendQuoted appends s as a JSON string; bytes that are not UTF-8 become the replacement character.
func AppendQuoted(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < 0x20 || c == 0x7f:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}
