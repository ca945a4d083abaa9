package bacnet

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A Value is what a property holds, as tagged elements (clause 20.2). Its text form names every element:
//
//	real 72.5
//	object device,111 object analog-input,1
//	text "Boiler 2"
//	[0]{date 2024-05-01/3 time 12:00:00.00} [1] 0a
//
// Elements with context tags have no type of their own: [1] and their bytes in hexadecimal; with { and } the
// elements in them.
type Value []byte

// A Date is year-1900, month, day, and day of the week from Monday; 255 is any (clause 20.2.12).
type Date [4]byte

// A Time is hour, minute, second and hundredths; 255 is any (clause 20.2.13).
type Time [4]byte

func (v Value) String() string { return string(v.AppendText(nil)) }

// AppendText appends the text form to b.
func (v Value) AppendText(b []byte) []byte {
	begin, depth, first := len(b), 0, true
	for rest := []byte(v); len(rest) > 0; {
		t, n := ReadTag(rest)
		if n == 0 || t.Close && depth == 0 {
			return hex.AppendEncode(append(b[:begin], "hex "...), v)
		}
		if !first && !t.Close {
			b = append(b, ' ')
		}
		first = t.Open
		switch {
		case t.Open:
			b = append(strconv.AppendUint(append(b, '['), uint64(t.Number), 10), "]{"...)
			depth++
		case t.Close:
			b = append(b, '}')
			depth--
		case t.Context:
			b = append(strconv.AppendUint(append(b, '['), uint64(t.Number), 10), "] "...)
			b = appendHex(b, rest[n:n+t.Len])
		default:
			b = appendApplication(b, t, rest[n:n+t.Len])
		}
		rest = rest[n+t.Len:]
	}
	// Encodings that are not the shortest, closing tags that fit no opening one, and texts in rare
	// character sets cannot be said in words.
	if back, err := parseElements(string(b[begin:])); err != nil || !bytes.Equal(back, v) {
		return hex.AppendEncode(append(b[:begin], "hex "...), v)
	}
	return b
}

func appendHex(b, x []byte) []byte {
	if len(x) == 0 {
		return append(b, '-')
	}
	return hex.AppendEncode(b, x)
}

var tagNames = [...]string{"null", "boolean", "unsigned", "signed", "real", "double", "octets", "text", "bits", "enum", "date", "time", "object"}

func appendApplication(b []byte, t Tag, c []byte) []byte {
	b = append(append(b, nameOf(tagNames[:], uint64(t.Number))...), ' ')
	switch TagNumber(t.Number) {
	case TagNull:
		if len(c) == 0 {
			return b[:len(b)-1]
		}
	case TagBoolean:
		return strconv.AppendBool(b, t.Value != 0)
	case TagUnsigned, TagEnumerated:
		if n, ok := readUint(c); ok {
			return strconv.AppendUint(b, n, 10)
		}
	case TagSigned:
		if n, ok := readInt(c); ok {
			return strconv.AppendInt(b, n, 10)
		}
	case TagReal:
		if len(c) == 4 {
			return strconv.AppendFloat(b, float64(math.Float32frombits(binary.BigEndian.Uint32(c))), 'g', -1, 32)
		}
	case TagDouble:
		if len(c) == 8 {
			return strconv.AppendFloat(b, math.Float64frombits(binary.BigEndian.Uint64(c)), 'g', -1, 64)
		}
	case TagText:
		return appendTextContent(b, c)
	case TagBits:
		if bits, ok := Bits(c); ok {
			if len(bits) == 0 {
				return append(b, '-')
			}
			for _, on := range bits {
				b = append(b, '0'+bit(on, 1))
			}
			return b
		}
	case TagDate:
		if len(c) == 4 {
			return Date(c).append(b)
		}
	case TagTime:
		if len(c) == 4 {
			return Time(c).append(b)
		}
	case TagObject:
		if len(c) == 4 {
			return append(b, ObjectID(binary.BigEndian.Uint32(c)).String()...)
		}
	}
	return appendHex(b, c)
}

// Character sets of texts (clause 20.2.9).
const (
	charsetUTF8   = 0
	charsetUCS2   = 4
	charsetLatin1 = 5
)

func appendTextContent(b, c []byte) []byte {
	if len(c) > 0 {
		switch s := c[1:]; c[0] {
		case charsetUTF8:
			if utf8.Valid(s) {
				return strconv.AppendQuote(b, string(s))
			}
		case charsetUCS2:
			if text, ok := fromUCS2(s); ok {
				return strconv.AppendQuote(append(b, "ucs2 "...), text)
			}
		case charsetLatin1:
			r := make([]rune, len(s))
			for i, x := range s {
				r[i] = rune(x)
			}
			return strconv.AppendQuote(append(b, "latin1 "...), string(r))
		}
	}
	return appendHex(b, c)
}

func fromUCS2(s []byte) (string, bool) {
	if len(s)%2 != 0 {
		return "", false
	}
	u := make([]uint16, len(s)/2)
	for i := range u {
		if u[i] = binary.BigEndian.Uint16(s[2*i:]); utf16.IsSurrogate(rune(u[i])) {
			return "", false
		}
	}
	return string(utf16.Decode(u)), true
}

// TextOf is a character string as Go has it, where its character set is known.
func TextOf(content []byte) (string, bool) {
	if len(content) == 0 {
		return "", false
	}
	switch s := content[1:]; content[0] {
	case charsetUTF8:
		return string(s), utf8.Valid(s)
	case charsetUCS2:
		return fromUCS2(s)
	case charsetLatin1:
		r := make([]rune, len(s))
		for i, x := range s {
			r[i] = rune(x)
		}
		return string(r), true
	}
	return "", false
}

// Bits reads the content of a bit string.
func Bits(c []byte) (bits []bool, ok bool) {
	if len(c) == 0 || c[0] > 7 || len(c) == 1 && c[0] > 0 {
		return nil, false
	}
	n := 8*(len(c)-1) - int(c[0])
	bits = make([]bool, n)
	for i := range bits {
		bits[i] = c[1+i/8]&(0x80>>(i%8)) != 0
	}
	return bits, true
}

func (d Date) append(b []byte) []byte {
	if d[0] == 255 {
		b = append(b, '*')
	} else {
		b = strconv.AppendInt(b, 1900+int64(d[0]), 10)
	}
	b = appendPart(append(b, '-'), d[1])
	b = appendPart(append(b, '-'), d[2])
	return appendPart(append(b, '/'), d[3])
}

func (t Time) append(b []byte) []byte {
	b = appendPart(b, t[0])
	b = appendPart(append(b, ':'), t[1])
	b = appendPart(append(b, ':'), t[2])
	return appendPart(append(b, '.'), t[3])
}

func (d Date) String() string { return string(d.append(nil)) }
func (t Time) String() string { return string(t.append(nil)) }

func appendPart(b []byte, x byte) []byte {
	if x == 255 {
		return append(b, '*')
	}
	if x < 10 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, uint64(x), 10)
}

// ParseValue reads the text form.
func ParseValue(s string) (Value, error) {
	s = strings.TrimSpace(s)
	if h, ok := strings.CutPrefix(s, "hex"); ok {
		b, err := hex.DecodeString(strings.TrimSpace(h))
		if err != nil {
			return nil, fmt.Errorf("bacnet: value %q: %w", s, err)
		}
		return b, nil
	}
	v, err := parseElements(s)
	if err != nil {
		return nil, fmt.Errorf("bacnet: value %q: %w", s, err)
	}
	return v, nil
}

// parseElements reads elements one after the other, keeping the numbers of those that are open.
func parseElements(s string) (b []byte, err error) {
	var open []uint8
	for {
		s = strings.TrimLeft(s, " ")
		switch {
		case s == "":
			if len(open) > 0 {
				return nil, fmt.Errorf("a } is missing")
			}
			return b, nil
		case s[0] == '}':
			if len(open) == 0 {
				return nil, fmt.Errorf("a } too many")
			}
			b = AppendClose(b, open[len(open)-1])
			open, s = open[:len(open)-1], s[1:]
			continue
		case s[0] == '[':
			number, rest, ok := strings.Cut(s[1:], "]")
			n, err := strconv.ParseUint(number, 10, 8)
			if !ok || err != nil || n == 255 {
				return nil, fmt.Errorf("%q is not the number of a tag", number)
			}
			if strings.HasPrefix(rest, "{") {
				b, s = AppendOpen(b, uint8(n)), rest[1:]
				open = append(open, uint8(n))
				continue
			}
			word, rest := nextWord(rest)
			c, err := parseHex(word)
			if err != nil {
				return nil, err
			}
			b, s = appendContent(b, uint8(n), true, c), rest
			continue
		}
		var name string
		name, s = nextWord(s)
		if b, s, err = parseApplication(b, name, s); err != nil {
			return nil, err
		}
	}
}

// nextWord takes a word, or a quoted text, off the front.
func nextWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " ")
	if q, err := strconv.QuotedPrefix(s); err == nil {
		return q, s[len(q):]
	}
	if i := strings.IndexAny(s, " }"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

func parseHex(word string) ([]byte, error) {
	if word == "-" {
		return nil, nil
	}
	if word == "" {
		return nil, fmt.Errorf("bytes are missing")
	}
	return hex.DecodeString(word)
}

func parseApplication(b []byte, name, s string) (_ []byte, rest string, err error) {
	number := -1
	for i, n := range tagNames {
		if n == name {
			number = i
		}
	}
	if number < 0 {
		n, err := strconv.ParseUint(name, 10, 8)
		if err != nil || int(n) < len(tagNames) || n == 255 {
			return nil, "", fmt.Errorf("%q is not a type: want one of %s", name, strings.Join(tagNames[:], ", "))
		}
		number = int(n)
	}
	tag := TagNumber(number)
	if tag == TagNull {
		return AppendNull(b), s, nil
	}
	word, rest := nextWord(s)
	plain := func(c []byte, err error) ([]byte, string, error) {
		return appendContent(b, uint8(tag), false, c), rest, err
	}
	switch tag {
	case TagBoolean:
		v, err := strconv.ParseBool(word)
		return AppendBoolean(b, v), rest, err
	case TagUnsigned, TagEnumerated:
		v, err := strconv.ParseUint(word, 10, 64)
		return appendUint(b, uint8(tag), false, v), rest, err
	case TagSigned:
		v, err := strconv.ParseInt(word, 10, 64)
		return AppendSigned(b, v), rest, err
	case TagReal:
		f, err := strconv.ParseFloat(word, 32)
		return AppendReal(b, math.Float32bits(float32(f))), rest, err
	case TagDouble:
		f, err := strconv.ParseFloat(word, 64)
		return plain(binary.BigEndian.AppendUint64(nil, math.Float64bits(f)), err)
	case TagText:
		return parseText(b, word, rest)
	case TagBits:
		if word == "-" {
			word = ""
		}
		bits := make([]bool, len(word))
		for i, c := range word {
			if c != '0' && c != '1' {
				return nil, "", fmt.Errorf("%q: want zeros and ones", word)
			}
			bits[i] = c == '1'
		}
		return AppendBits(b, bits), rest, nil
	case TagDate:
		d, err := parseParts(word, "-", "-", "/")
		if d[0] != 255 {
			d[0] -= 1900
		}
		if err == nil && (d[0] < 0 || d[0] > 255) {
			err = fmt.Errorf("the year of %q is out of range", word)
		}
		return plain([]byte{byte(d[0]), byte(d[1]), byte(d[2]), byte(d[3])}, err)
	case TagTime:
		d, err := parseParts(word, ":", ":", ".")
		return plain([]byte{byte(d[0]), byte(d[1]), byte(d[2]), byte(d[3])}, err)
	case TagObject:
		o, err := ParseObject(word)
		return AppendObject(b, o), rest, err
	}
	return plain(parseHex(word))
}

// parseParts reads four numbers with separators between; * is 255.
func parseParts(s string, separators ...string) (parts [4]int, err error) {
	for i := range parts {
		part := s
		if i < len(separators) {
			var ok bool
			if part, s, ok = strings.Cut(s, separators[i]); !ok {
				return parts, fmt.Errorf("%q is not complete", part)
			}
		}
		if parts[i] = 255; part != "*" {
			if parts[i], err = strconv.Atoi(part); err != nil || parts[i] < 0 || i > 0 && parts[i] > 254 {
				return parts, fmt.Errorf("%q is not a number there", part)
			}
		}
	}
	return parts, nil
}

func parseText(b []byte, word, rest string) ([]byte, string, error) {
	charset := byte(charsetUTF8)
	switch word {
	case "ucs2", "latin1":
		charset = charsetUCS2
		if word == "latin1" {
			charset = charsetLatin1
		}
		word, rest = nextWord(rest)
	}
	if !strings.HasPrefix(word, `"`) {
		c, err := parseHex(word)
		return appendContent(b, uint8(TagText), false, c), rest, err
	}
	text, err := strconv.Unquote(word)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", word, err)
	}
	c := []byte{charset}
	for _, r := range text {
		switch {
		case charset == charsetUTF8:
			c = utf8.AppendRune(c, r)
		case charset == charsetUCS2 && r <= 0xffff:
			c = binary.BigEndian.AppendUint16(c, uint16(r))
		case charset == charsetLatin1 && r <= 0xff:
			c = append(c, byte(r))
		default:
			return nil, "", fmt.Errorf("%q is not in the character set", r)
		}
	}
	return appendContent(b, uint8(TagText), false, c), rest, nil
}

// Elements splits a value into its outermost elements; nil if it is broken.
func (v Value) Elements() (list []Value) {
	for len(v) > 0 {
		n := element(v)
		if n == 0 {
			return nil
		}
		list = append(list, v[:n:n])
		v = v[n:]
	}
	return list
}

// First is the tag of the first element and its content.
func (v Value) First() (t Tag, content []byte) {
	t, n := ReadTag(v)
	if n == 0 {
		return Tag{Number: 255, Context: true}, nil
	}
	return t, v[n : n+t.Len]
}

// Unsigned is the number in the first element, if it is an unsigned or enumerated one.
func (v Value) Unsigned() (uint64, bool) {
	t, c := v.First()
	if t.Context || TagNumber(t.Number) != TagUnsigned && TagNumber(t.Number) != TagEnumerated {
		return 0, false
	}
	return readUint(c)
}

// Object is the first element, if it is an object identifier.
func (v Value) Object() (ObjectID, bool) {
	t, c := v.First()
	if t.Context || TagNumber(t.Number) != TagObject || len(c) != 4 {
		return 0, false
	}
	return ObjectID(binary.BigEndian.Uint32(c)), true
}

// Text is the first element, if it is a character string.
func (v Value) Text() (string, bool) {
	t, c := v.First()
	if t.Context || TagNumber(t.Number) != TagText {
		return "", false
	}
	return TextOf(c)
}
