package profiles

import (
	"encoding"
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
	book   *typeBook
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

func newDecoder(file string) *decoder {
	return &decoder{file: file, book: newTypeBook(), budget: aliasBudget}
}

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
		if d.budget < 0 {
			return
		}
		if d.budget -= weight(n.Alias, d.budget+1); d.budget < 0 {
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
	fs := d.book.fieldsOf(v.Type())
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
