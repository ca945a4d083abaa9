package wire

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Fields of a message say once, in a struct tag, what may differ between two runs:
//
//	wire:"echo"    the reply carries it back from the request (transaction ids)
//	wire:"clock"   it follows the time (uptimes, timestamps)
//	wire:"minted"  the sender chose it freely (session handles, nonces); later messages echo it
//	wire:"count"   it counts messages (sequence numbers)
//	wire:"sum"     it follows from the rest of the message (lengths, checksums)
//
// A tag on a struct, slice or pointer holds for all that is in it. Two further words say how a message
// is compared and looked up:
//
//	wire:"id"      names the element of a list: elements are compared with their namesakes, not by
//	               index (several id fields make one name); wire:"id,fold" ignores letter case
//	wire:"-"       is not part of what is asked or answered (what the client calls itself); it is left
//	               out of Key and not compared by Diff
//	wire:"key"     is never volatile, though what it is in is
const (
	tagEcho, tagClock, tagMinted, tagCount, tagSum = "echo", "clock", "minted", "count", "sum"
	tagID, tagKey, tagNone                         = "id", "key", "-"
)

// plan is what is known of a struct type: its exported fields in order, and which are its name.
type plan struct {
	fields []field
	ids    []int
}

type field struct {
	index    int
	name     string // "" for an embedded struct
	tag      string
	fold, id bool
	prints   bool // its type says itself how it is written
	appends  bool // without allocating
	payload  bool // bytes or a text, which may be long
	text     bool // bytes that are a text as a rule: the field is tagged show:"text"
}

var plans sync.Map // reflect.Type -> *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		tag, opt, _ := strings.Cut(f.Tag.Get("wire"), ",")
		x := field{index: i, name: f.Name, tag: tag, fold: opt == "fold", id: tag == tagID}
		if f.Anonymous {
			x.name = ""
		}
		switch k := f.Type.Kind(); {
		case k == reflect.Pointer || k == reflect.Interface:
		case f.Type.Implements(stringer):
			x.prints, x.appends = true, f.Type.Implements(texter)
		case k == reflect.String || k == reflect.Slice && f.Type.Elem().Kind() == reflect.Uint8:
			x.payload = true
			x.text = k == reflect.Slice && f.Tag.Get("show") == "text"
		}
		if x.id {
			x.tag = ""
			p.ids = append(p.ids, len(p.fields))
		}
		p.fields = append(p.fields, x)
	}
	q, _ := plans.LoadOrStore(t, p)
	return q.(*plan)
}

func typeName(m any) string {
	t := reflect.TypeOf(m)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// walk visits the leaves of v with their paths and the tag that holds for them. A []byte, a string, a
// number and a bool are leaves, and so is whatever prints itself (an OID, an address).
func walk(v reflect.Value, path, tag string, visit func(path, tag string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), path, tag, visit)
		}
	case reflect.Struct:
		p := planOf(v.Type())
		if len(p.fields) == 0 {
			visit(path, tag, v)
			return
		}
		for _, f := range p.fields {
			t := tag
			if f.tag != "" {
				t = f.tag
			}
			if t == tagKey {
				t = ""
			}
			sub := path
			if f.name != "" {
				if sub != "" {
					sub += "."
				}
				sub += f.name
			}
			walk(v.Field(f.index), sub, t, visit)
		}
	case reflect.Slice, reflect.Array:
		if isLeaf(v.Type()) {
			visit(path, tag, v)
			return
		}
		seen := map[string]int{}
		for i := range v.Len() {
			e := v.Index(i)
			name := cmp.Or(elementName(e), strconv.Itoa(i))
			if seen[name]++; seen[name] > 1 {
				first, n := name, seen[name]
				for name = first + "#" + strconv.Itoa(n); seen[name] > 0; name = first + "#" + strconv.Itoa(n) {
					n++ // there is one of that very name
				}
				seen[first], seen[name] = n, 1
			}
			walk(e, path+"["+name+"]", tag, visit)
		}
	default:
		visit(path, tag, v)
	}
}

var (
	stringer = reflect.TypeFor[fmt.Stringer]()
	texter   = reflect.TypeFor[appendTexter]()
)

// appendTexter is a Stringer that can do without allocating.
type appendTexter interface{ AppendText(b []byte) []byte }

// isLeaf: bytes, and named list types that print themselves (an OID).
func isLeaf(t reflect.Type) bool {
	return t.Elem().Kind() == reflect.Uint8 || t.Name() != "" && t.Implements(stringer)
}

func elementName(v reflect.Value) string {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return ""
	}
	p := planOf(v.Type())
	var name string
	for i, k := range p.ids {
		if i > 0 {
			name += "/"
		}
		s := leafString(v.Field(p.fields[k].index))
		if p.fields[k].fold {
			s = strings.ToLower(s)
		}
		name += s
	}
	return name
}

func leafString(v reflect.Value) string {
	if v.Type().Implements(stringer) {
		return v.Interface().(fmt.Stringer).String()
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v)
			return hex.EncodeToString(b)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	}
	return fmt.Sprint(v.Interface())
}

// Key names what a message asks for, its volatile fields aside. Two requests with equal keys are the
// same question.
func Key(m Message) string { return string(AppendKey(nil, m)) }

// AppendKey appends the key of m to b.
func AppendKey(b []byte, m Message) []byte {
	if k, ok := m.(Keyed); ok {
		return k.AppendKey(b)
	}
	b = append(b, typeName(m)...)
	walk(reflect.ValueOf(m), "", "", func(path, tag string, v reflect.Value) {
		if tag == "" {
			b = append(b, ' ')
			b = append(b, path...)
			b = append(b, '=')
			b = append(b, leafString(v)...)
		}
	})
	return b
}

// echoes visits the echo fields of a message: those tagged so, and the minted ones, by the last part of
// their path, which is how a reply carries back what the request named.
func echoes(m Message, visit func(name string, v reflect.Value)) {
	walk(reflect.ValueOf(m), "", "", func(path, tag string, v reflect.Value) {
		if tag == tagEcho {
			visit(path[strings.LastIndexByte(path, '.')+1:], v)
		}
	})
}

// Echo copies the echo fields of req into reply, which must be a pointer.
func Echo(reply, req Message) {
	from := map[string]reflect.Value{}
	echoes(req, func(name string, v reflect.Value) { from[name] = v })
	if len(from) == 0 {
		return
	}
	echoes(reply, func(name string, v reflect.Value) {
		if w, ok := from[name]; ok && v.CanSet() && v.Type() == w.Type() {
			v.Set(w)
		}
	})
}

// Unecho empties the fields of reply that Echo would copy from req: what is left is the same whenever the
// same is answered to the same question.
func Unecho(reply, req Message) {
	from := map[string]reflect.Type{}
	echoes(req, func(name string, v reflect.Value) { from[name] = v.Type() })
	if len(from) == 0 {
		return
	}
	echoes(reply, func(name string, v reflect.Value) {
		if from[name] == v.Type() && v.CanSet() {
			v.SetZero()
		}
	})
}

// Answers says whether the echo fields that both messages have agree.
func Answers(req, reply Message) bool {
	var from map[string]reflect.Value
	echoes(req, func(name string, v reflect.Value) {
		if from == nil {
			from = map[string]reflect.Value{}
		}
		from[name] = v
	})
	same := true
	if from != nil {
		echoes(reply, func(name string, v reflect.Value) {
			if w, ok := from[name]; ok && v.Type() == w.Type() && !equalLeaf(v, w) {
				same = false
			}
		})
	}
	return same
}

// A Difference is one field on which two messages do not agree.
type Difference struct {
	Path string `json:"path"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// A Comparison is what Diff finds: how many fields there were, which differ, and which differ but may.
type Comparison struct {
	Fields      int
	Differences []Difference
	Masked      []Mask
}

// A Mask is a field that differed and was allowed to, with the word that allows it.
type Mask struct{ Path, Why string }

// Diff compares two messages field by field, volatile fields aside. Missing and surplus elements of
// lists are differences, and so is their order.
func Diff(want, got Message) Comparison {
	var c Comparison
	tw, tg := typeName(want), typeName(got)
	if tw != tg {
		c.Fields = 1
		c.Differences = []Difference{{"type", tw, tg}}
		return c
	}
	type leaf struct {
		tag string
		v   reflect.Value
	}
	w := map[string]leaf{}
	var order []string
	walk(reflect.ValueOf(want), "", "", func(path, tag string, v reflect.Value) {
		w[path] = leaf{tag, v}
		order = append(order, path)
	})
	var gotOrder []string
	seen := map[string]bool{}
	walk(reflect.ValueOf(got), "", "", func(path, tag string, v reflect.Value) {
		gotOrder = append(gotOrder, path)
		seen[path] = true
		if tag == tagNone {
			return
		}
		c.Fields++
		x, ok := w[path]
		switch {
		case !ok:
			c.Differences = append(c.Differences, Difference{path, "(absent)", show(v)})
		case x.v.Type() == v.Type() && equalLeaf(x.v, v):
		case tag != "":
			c.Masked = append(c.Masked, Mask{path, tag})
		default:
			c.Differences = append(c.Differences, Difference{path, show(x.v), show(v)})
		}
	})
	missing := false
	for _, p := range order {
		if !seen[p] && w[p].tag != tagNone {
			missing = true
			c.Fields++
			c.Differences = append(c.Differences, Difference{p, show(w[p].v), "(absent)"})
		}
	}
	if !missing && len(order) == len(gotOrder) {
		for i, p := range order {
			if gotOrder[i] != p {
				c.Differences = append(c.Differences, Difference{"order", p, gotOrder[i]})
				break
			}
		}
	}
	return c
}

func equalLeaf(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice && a.Type().Elem().Kind() == reflect.Uint8 {
		return bytes.Equal(a.Bytes(), b.Bytes())
	}
	if a.Comparable() && b.Comparable() {
		return a.Equal(b)
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

const showMax = 80

func show(v reflect.Value) string {
	s := leafString(v)
	if len(s) > showMax {
		return fmt.Sprintf("%s… (%d bytes)", s[:showMax], len(s))
	}
	return s
}
