package bacnet

import (
	"encoding/binary"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Parameters are structures whose fields say how they are encoded, as the standard's ASN.1 does (clauses
// 20.2 and 21):
//
//	bacnet:"2"       a primitive with context tag 2
//	bacnet:"3,open"  elements between opening and closing tag 3: of a structure, a list or a Value
//	bacnet:"enum"    an application-tagged enumerated value; of other types Go's type says the tag
//	bacnet:"rest"    a list, or any elements, up to the end
//
// A pointer is optional. Bytes are octet strings.
type fieldPlan struct {
	index   int
	context int // -1: application-tagged, or none of its own
	open    bool
	enum    bool
	pointer bool
}

var fieldPlans sync.Map // reflect.Type -> []fieldPlan

func planOf(t reflect.Type) []fieldPlan {
	if p, ok := fieldPlans.Load(t); ok {
		return p.([]fieldPlan)
	}
	var plan []fieldPlan
	for i := range t.NumField() {
		f := t.Field(i)
		first, option, _ := strings.Cut(f.Tag.Get("bacnet"), ",")
		p := fieldPlan{index: i, context: -1, open: option == "open", enum: first == "enum", pointer: f.Type.Kind() == reflect.Pointer}
		if n, err := strconv.Atoi(first); err == nil {
			p.context = n
		}
		plan = append(plan, p)
	}
	q, _ := fieldPlans.LoadOrStore(t, plan)
	return q.([]fieldPlan)
}

var (
	valueType = reflect.TypeFor[Value]()
	textType  = reflect.TypeFor[Text]()
	bitsType  = reflect.TypeFor[BitString]()
	dateType  = reflect.TypeFor[Date]()
	timeType  = reflect.TypeFor[Time]()
	objType   = reflect.TypeFor[ObjectID]()
)

// Text is a character string: its character set, and its characters (clause 20.2.9).
type Text []byte

func (t Text) String() string {
	if s, ok := TextOf(t); ok {
		return s
	}
	return string(appendHex(nil, t))
}

// NewText is a text in UTF-8.
func NewText(s string) Text { return append(Text{charsetUTF8}, s...) }

// A BitString is the number of bits that are not used in the last byte, and the bytes (clause 20.2.10).
type BitString []byte

func (s BitString) String() string {
	v := Value(appendContent(nil, uint8(TagBits), false, s)).String()
	return strings.TrimPrefix(v, "bits ")
}

// encode appends a structure.
func encode(b []byte, v reflect.Value) []byte {
	for _, p := range planOf(v.Type()) {
		f := v.Field(p.index)
		if p.pointer {
			if f.IsNil() {
				continue
			}
			f = f.Elem()
		}
		if !p.open {
			b = encodeField(b, f, &p)
			continue
		}
		b = AppendOpen(b, uint8(p.context))
		b = encodeField(b, f, &fieldPlan{context: -1})
		b = AppendClose(b, uint8(p.context))
	}
	return b
}

func encodeField(b []byte, f reflect.Value, p *fieldPlan) []byte {
	context, number := p.context >= 0, uint8(p.context)
	tag := func(n TagNumber) uint8 {
		if context {
			return number
		}
		return uint8(n)
	}
	switch f.Type() {
	case valueType:
		return append(b, f.Bytes()...)
	case textType:
		return appendContent(b, tag(TagText), context, f.Bytes())
	case bitsType:
		return appendContent(b, tag(TagBits), context, f.Bytes())
	case dateType:
		d := f.Interface().(Date)
		return appendContent(b, tag(TagDate), context, d[:])
	case timeType:
		t := f.Interface().(Time)
		return appendContent(b, tag(TagTime), context, t[:])
	case objType:
		return binary.BigEndian.AppendUint32(appendTag(b, tag(TagObject), context, 4), uint32(f.Uint()))
	}
	switch f.Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n := TagUnsigned
		if p.enum {
			n = TagEnumerated
		}
		return appendUint(b, tag(n), context, f.Uint())
	case reflect.Int32, reflect.Int64:
		return appendInt(b, tag(TagSigned), context, f.Int())
	case reflect.Bool:
		if context {
			return append(appendTag(b, number, true, 1), bit(f.Bool(), 1))
		}
		return AppendBoolean(b, f.Bool())
	case reflect.Float32:
		return binary.BigEndian.AppendUint32(appendTag(b, tag(TagReal), context, 4), math.Float32bits(float32(f.Float())))
	case reflect.Struct:
		return encode(b, f)
	case reflect.Slice:
		if f.Type().Elem().Kind() == reflect.Uint8 {
			return appendContent(b, tag(TagOctets), context, f.Bytes())
		}
		for i := range f.Len() {
			b = encodeField(b, f.Index(i), &fieldPlan{context: -1})
		}
	}
	return b
}

// decode reads a structure off the front of b. ok is false where the bytes are of another form; what is not
// the shortest encoding is found out by encoding again.
func decode(b []byte, v reflect.Value) (rest []byte, ok bool) {
	for _, p := range planOf(v.Type()) {
		f := v.Field(p.index)
		if p.pointer {
			if !present(b, f.Type().Elem(), &p) {
				continue
			}
			f.Set(reflect.New(f.Type().Elem()))
			f = f.Elem()
		}
		if !p.open {
			if b, ok = decodeField(b, f, &p); !ok {
				return nil, false
			}
			continue
		}
		n := element(b)
		t, head := ReadTag(b)
		if n == 0 || !t.Open || int(t.Number) != p.context {
			return nil, false
		}
		_, tail := ReadTag(b[n-1:])
		end := n - 1
		if t.Number >= 15 { // its closing tag has two bytes
			_, tail = ReadTag(b[n-2:])
			end = n - 2
		}
		if tail == 0 || end < head {
			return nil, false
		}
		inner, ok := decodeField(b[head:end:end], f, &fieldPlan{context: -1})
		if !ok || len(inner) > 0 {
			return nil, false
		}
		b = b[n:]
	}
	return b, true
}

// present says whether an optional field comes next.
func present(b []byte, t reflect.Type, p *fieldPlan) bool {
	tag, n := ReadTag(b)
	if n == 0 || tag.Close {
		return false
	}
	if p.context >= 0 {
		return tag.Context && int(tag.Number) == p.context && tag.Open == p.open
	}
	return !tag.Context && TagNumber(tag.Number) == applicationTag(t, p.enum)
}

func applicationTag(t reflect.Type, enum bool) TagNumber {
	switch t {
	case textType:
		return TagText
	case bitsType:
		return TagBits
	case dateType:
		return TagDate
	case timeType:
		return TagTime
	case objType:
		return TagObject
	}
	switch t.Kind() {
	case reflect.Bool:
		return TagBoolean
	case reflect.Int32, reflect.Int64:
		return TagSigned
	case reflect.Float32:
		return TagReal
	case reflect.Slice:
		return TagOctets
	}
	if enum {
		return TagEnumerated
	}
	return TagUnsigned
}

func decodeField(b []byte, f reflect.Value, p *fieldPlan) (rest []byte, ok bool) {
	t := f.Type()
	switch {
	case t == valueType:
		f.SetBytes(b)
		return nil, true
	case t.Kind() == reflect.Struct:
		return decode(b, f)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		f.Set(reflect.MakeSlice(t, 0, 1))
		for len(b) > 0 {
			e := reflect.New(t.Elem()).Elem()
			rest, ok := decodeField(b, e, &fieldPlan{context: -1})
			if !ok || len(rest) >= len(b) {
				return nil, false
			}
			f.Set(reflect.Append(f, e))
			b = rest
		}
		return nil, true
	}
	tag, n := ReadTag(b)
	if n == 0 || tag.Open || tag.Close {
		return nil, false
	}
	if p.context >= 0 && (!tag.Context || int(tag.Number) != p.context) ||
		p.context < 0 && (tag.Context || TagNumber(tag.Number) != applicationTag(t, p.enum)) {
		return nil, false
	}
	return b[n+tag.Len:], decodeContent(b[n:n+tag.Len:n+tag.Len], f, tag)
}

func decodeContent(c []byte, f reflect.Value, tag Tag) bool {
	switch f.Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, ok := readUint(c)
		if !ok || f.OverflowUint(n) || f.Type() == objType && len(c) != 4 {
			return false
		}
		f.SetUint(n)
	case reflect.Int32, reflect.Int64:
		n, ok := readInt(c)
		if !ok || f.OverflowInt(n) {
			return false
		}
		f.SetInt(n)
	case reflect.Bool:
		if tag.Context {
			if len(c) != 1 {
				return false
			}
			f.SetBool(c[0] != 0)
			break
		}
		f.SetBool(tag.Value != 0)
	case reflect.Float32:
		if len(c) != 4 {
			return false
		}
		f.SetFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(c))))
	case reflect.Array: // a date or a time
		if len(c) != f.Len() {
			return false
		}
		reflect.Copy(f, reflect.ValueOf(c))
	case reflect.Slice:
		f.SetBytes(c)
	default:
		return false
	}
	return true
}

// readParameters reads b into p, and says whether p then says all that b does.
func readParameters(b []byte, p Parameters) bool {
	if q, ok := p.(*ReadPropertyRequest); ok {
		return q.read(b)
	}
	rest, ok := decode(b, reflect.ValueOf(p).Elem())
	return ok && len(rest) == 0
}
