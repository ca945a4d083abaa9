package profiles

import (
	"encoding"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A decoder fills Go values from YAML nodes. Unlike package yaml it goes on after an error, and says of
// each where it is and which key was probably meant.
type decoder struct {
	file   string
	errs   Errors
	budget int // how many nodes may still be visited through aliases: &a [*b, *b] must not explode
}

// nodeDecoder is a type that reads its own node and reports what is wrong itself.
type nodeDecoder interface {
	decodeNode(d *decoder, n *yaml.Node, path string)
}

const (
	aliasBudget = 1 << 20
	errorsMax   = 100
)

func newDecoder(file string) *decoder { return &decoder{file: file, budget: aliasBudget} }

func (d *decoder) errorf(n *yaml.Node, path, format string, args ...any) {
	if len(d.errs) < errorsMax {
		d.errs = append(d.errs, &FieldError{d.file, n.Line, path, fmt.Sprintf(format, args...)})
	}
}

// parse reads one YAML document.
func (d *decoder) parse(b []byte) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		e := &FieldError{File: d.file, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
		if rest, ok := strings.CutPrefix(e.Text, "line "); ok {
			line, text, _ := strings.Cut(rest, ": ")
			if n, err := strconv.Atoi(line); err == nil {
				e.Line, e.Text = n, text
			}
		}
		d.errs = append(d.errs, e)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		d.errs = append(d.errs, &FieldError{File: d.file, Text: "the file is empty"})
		return nil
	}
	return doc.Content[0]
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	timeType     = reflect.TypeFor[time.Time]()
)

func (d *decoder) decode(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		if d.budget -= weight(n.Alias); d.budget < 0 {
			d.errorf(n, path, "too many aliases")
			return
		}
		n = n.Alias
	}
	if v.Kind() == reflect.Pointer {
		if isNull(n) {
			v.SetZero()
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.decode(n, v.Elem(), path)
		return
	}
	switch x := v.Addr().Interface().(type) {
	case nodeDecoder:
		x.decodeNode(d, n, path)
		return
	case yaml.Unmarshaler:
		if err := x.UnmarshalYAML(n); err != nil {
			d.errorf(n, path, "%s", trimYAML(err))
		}
		return
	case *time.Time:
		d.time(n, x, path)
		return
	case encoding.TextUnmarshaler:
		if n.Kind != yaml.ScalarNode {
			d.errorf(n, path, "want a single value, not a %s", kind(n))
		} else if err := x.UnmarshalText([]byte(n.Value)); err != nil {
			d.errorf(n, path, "%s", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Interface:
		var x any
		if err := n.Decode(&x); err != nil {
			d.errorf(n, path, "%s", trimYAML(err))
		} else if x != nil {
			v.Set(reflect.ValueOf(x))
		}
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.errorf(n, path, "want a mapping, not a %s", kind(n))
		return
	}
	fs := fieldsOf(v.Type())
	for k, val := range d.pairs(n, path) {
		f := fieldNamed(fs, k.Value)
		if f == nil {
			d.unknown(k, path, fs)
			continue
		}
		at := join(path, k.Value)
		if f.rate && val.Kind == yaml.ScalarNode && strings.Contains(val.Value, "/") {
			r, err := parseRate(val.Value)
			if err != nil {
				d.errorf(val, at, "%s", err)
			}
			v.FieldByIndex(f.index).SetFloat(r)
			continue
		}
		d.decode(val, v.FieldByIndex(f.index), at)
	}
}

func (d *decoder) unknown(k *yaml.Node, path string, fs []field) {
	keys := make([]string, len(fs))
	for i, f := range fs {
		keys[i] = f.key
	}
	where := ""
	if path != "" {
		where = " in " + path[strings.LastIndexByte(path, '.')+1:]
	}
	if near := nearest(k.Value, keys); near != "" {
		d.errorf(k, "", "unknown key %q%s: did you mean %q?", k.Value, where, near)
		return
	}
	slices.Sort(keys)
	d.errorf(k, "", "unknown key %q%s: want one of %s", k.Value, where, strings.Join(keys, ", "))
}

// pairs yields the keys and values of a mapping, and reports keys that are there twice or are no texts.
func (d *decoder) pairs(n *yaml.Node, path string) func(yield func(k, v *yaml.Node) bool) {
	return func(yield func(k, v *yaml.Node) bool) {
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind == yaml.AliasNode {
				k = k.Alias
			}
			if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
				d.errorf(k, path, "a key must be a plain text")
				continue
			}
			if line, twice := seen[k.Value]; twice {
				d.errorf(k, path, "key %q is there twice: it is in line %d, too", k.Value, line)
				continue
			}
			seen[k.Value] = k.Line
			if !yield(k, n.Content[i+1]) {
				return
			}
		}
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.errorf(n, path, "want a mapping, not a %s", kind(n))
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	for k, val := range d.pairs(n, path) {
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		before := len(d.errs)
		d.decode(k, key, path)
		d.decode(val, elem, join(path, k.Value))
		if len(d.errs) == before {
			v.SetMapIndex(key, elem)
		}
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.errorf(n, path, "want a list, not a %s", kind(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.decode(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.errorf(n, path, "want %s, not a %s", wanted(v), kind(n))
		return
	}
	s := n.Value
	bad := func() { d.errorf(n, path, "want %s, not %q", wanted(v), s) }
	switch {
	case v.Type() == durationType:
		x, err := ParseDuration(s)
		if err != nil {
			d.errorf(n, path, "%s", err)
		}
		v.SetInt(int64(x))
	case v.Kind() == reflect.String:
		if n.ShortTag() == "!!binary" {
			b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
			if err != nil {
				bad()
			}
			s = string(b)
		} else if isNull(n) {
			s = ""
		}
		v.SetString(s)
	case v.Kind() == reflect.Bool:
		x, err := strconv.ParseBool(s)
		if err != nil || n.ShortTag() != "!!bool" {
			bad()
		}
		v.SetBool(x)
	case v.CanInt():
		x, err := strconv.ParseInt(s, 0, 64)
		if err != nil {
			bad()
		} else if v.OverflowInt(x) {
			d.errorf(n, path, "%s is out of range: want %s", s, wanted(v))
		} else {
			v.SetInt(x)
		}
	case v.CanUint():
		x, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			bad()
		} else if v.OverflowUint(x) {
			d.errorf(n, path, "%s is out of range: want %s", s, wanted(v))
		} else {
			v.SetUint(x)
		}
	case v.CanFloat():
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || x != x {
			bad()
		} else {
			v.SetFloat(x)
		}
	default:
		d.errorf(n, path, "a %s cannot be read from a profile", v.Type())
	}
}

func (d *decoder) time(n *yaml.Node, v *time.Time, path string) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(form, n.Value); err == nil {
			*v = t.UTC()
			return
		}
	}
	d.errorf(n, path, "%q is not a time: want one like 2026-03-02T08:00:00Z", n.Value)
}

// wanted says what a scalar of this type is, for people.
func wanted(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return "a duration"
	case v.Kind() == reflect.String:
		return "a text"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.CanUint() && v.Type().Bits() < 64:
		return fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<v.Type().Bits()-1)
	case v.CanUint():
		return "a whole number from 0 up"
	case v.CanInt():
		return "a whole number"
	}
	return "a number"
}

func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	}
	return "single value"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// weight counts the nodes below n, aliases as one.
func weight(n *yaml.Node) int {
	w := 1
	for _, c := range n.Content {
		w += weight(c)
	}
	return w
}

func trimYAML(err error) string { return strings.TrimPrefix(err.Error(), "yaml: ") }

// join writes a path for people: a key with dots in it is quoted.
func join(path, key string) string {
	if strings.ContainsAny(key, ". []\"") {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
