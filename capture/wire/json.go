package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends a message as one JSON object for people and programs: its type under "type", its
// exported fields under their own names, bytes in hexadecimal, embedded headers merged in. Fields that
// follow from others (lengths, checksums) are left out, and so are zero values. Bytes tagged show:"text"
// are written as the text they are; where they are none, in hexadecimal as NAME_hex.
func AppendJSON(b []byte, m Message) []byte { return AppendJSONCut(b, m, math.MaxInt) }

// AppendJSONCut is AppendJSON, but of a field of more than max bytes (a body, a block) only the beginning
// is shown; its length and SHA-256 follow as NAME_bytes and NAME_sha256.
func AppendJSONCut(b []byte, m Message, max int) []byte {
	v := reflect.ValueOf(m)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	b = append(b, `{"type":`...)
	b = AppendQuoted(b, v.Type().Name())
	if v.Kind() == reflect.Struct {
		b = appendFields(b, v, max)
	}
	return append(b, '}')
}

func appendFields(b []byte, v reflect.Value, max int) []byte {
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
				b = appendFields(b, x, max)
				continue
			}
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(b, '"'), f.name...) // a Go name needs no escapes
		if f.text {
			b = appendText(b, cutText(x.Bytes(), max))
			if x.Len() > max {
				b = appendDigest(b, f.name, x)
			}
			continue
		}
		b = append(b, '"', ':')
		if f.prints {
			b = appendPrinted(b, x, f.appends)
			continue
		}
		b = appendKind(b, x, max)
		if f.payload && x.Len() > max {
			b = appendDigest(b, f.name, x)
		}
	}
	return b
}

// appendPrinted writes a value as its type does.
func appendPrinted(b []byte, v reflect.Value, appends bool) []byte {
	if v.CanAddr() {
		v = v.Addr() // saves a copy
	}
	if !appends {
		return AppendQuoted(b, v.Interface().(fmt.Stringer).String())
	}
	n := len(b)
	b = v.Interface().(appendTexter).AppendText(append(b, '"'))
	for _, c := range b[n+1:] {
		if !isPlain(c) {
			return AppendQuoted(b[:n], string(b[n+1:]))
		}
	}
	return append(b, '"')
}

// appendText goes on behind the name of a field.
func appendText(b, text []byte) []byte {
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		b = append(b, `_hex":"`...)
		return append(hex.AppendEncode(b, text), '"')
	}
	return appendQuoted(append(b, '"', ':'), text)
}

// cutText is the beginning of a text, not cut in the middle of a character.
func cutText(b []byte, max int) []byte {
	if len(b) <= max {
		return b
	}
	n := max
	for n > 0 && max-n < utf8.UTFMax && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// isPlain: a byte that stands for itself in a JSON string.
func isPlain(c byte) bool { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' }

func appendValue(b []byte, v reflect.Value, max int) []byte {
	if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface && v.Type().Implements(stringer) {
		return AppendQuoted(b, v.Interface().(fmt.Stringer).String())
	}
	return appendKind(b, v, max)
}

// appendKind writes a value whose type does not print itself.
func appendKind(b []byte, v reflect.Value, max int) []byte {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return append(b, "null"...)
		}
		return appendValue(b, v.Elem(), max)
	case reflect.Struct:
		return append(appendFields(append(b, '{'), v, max), '}')
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b = append(b, '"')
			if v.Kind() == reflect.Slice {
				b = hex.AppendEncode(b, v.Bytes()[:min(v.Len(), max)])
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
			b = appendValue(b, v.Index(i), max)
		}
		return append(b, ']')
	case reflect.String:
		return AppendQuoted(b, v.String()[:min(v.Len(), max)])
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(b, v.Uint(), 10)
	}
	return AppendQuoted(b, fmt.Sprint(v.Interface()))
}

func appendDigest(b []byte, name string, v reflect.Value) []byte {
	var sum [sha256.Size]byte
	if v.Kind() == reflect.String {
		sum = sha256.Sum256([]byte(v.String()))
	} else {
		sum = sha256.Sum256(v.Bytes())
	}
	b = append(b, ',')
	b = AppendQuoted(b, name+"_bytes")
	b = strconv.AppendInt(append(b, ':'), int64(v.Len()), 10)
	b = append(b, ',')
	b = AppendQuoted(b, name+"_sha256")
	b = append(b, ':', '"')
	return append(hex.AppendEncode(b, sum[:]), '"')
}

// AppendQuoted appends s as a JSON string; bytes that are not UTF-8 become the replacement character.
func AppendQuoted(b []byte, s string) []byte { return appendQuoted(b, s) }

func appendQuoted[T string | []byte](b []byte, s T) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	plain := 0 // s[plain:i] goes out as it is
	for i := 0; i < len(s); {
		c := s[i]
		if isPlain(c) {
			i++
			continue
		}
		b = append(b, s[plain:i]...)
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < utf8.RuneSelf:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		default:
			r, n := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
			b = utf8.AppendRune(b, r)
			i += n - 1
		}
		i++
		plain = i
	}
	return append(append(b, s[plain:]...), '"')
}
