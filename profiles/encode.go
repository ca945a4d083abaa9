package profiles

import (
	"bytes"
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// nodeEncoder is a type that makes its own node.
type nodeEncoder interface {
	encodeNode() (*yaml.Node, error)
}

// encode makes the YAML node of a value: keys in the order declared, maps sorted, durations short.
func encode(v reflect.Value) (*yaml.Node, error) {
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		return scalar("!!null", "null"), nil
	}
	if v.CanInterface() {
		switch x := v.Interface().(type) {
		case nodeEncoder:
			return x.encodeNode()
		case yaml.Marshaler:
			y, err := x.MarshalYAML()
			if err != nil {
				return nil, err
			}
			if n, ok := y.(*yaml.Node); ok {
				return n, nil
			}
			return encode(reflect.ValueOf(y))
		case time.Duration:
			return scalar("!!str", FormatDuration(x)), nil
		case time.Time:
			return scalar("", x.UTC().Format(time.RFC3339Nano)), nil
		case encoding.TextMarshaler:
			b, err := x.MarshalText()
			return plain(string(b)), err
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return encode(v.Elem())
	case reflect.Struct:
		return encodeStruct(v)
	case reflect.Map:
		return encodeMap(v)
	case reflect.Slice, reflect.Array:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			item, err := encode(v.Index(i))
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, item)
		}
		return n, nil
	case reflect.String:
		return text(v.String()), nil
	case reflect.Bool:
		return scalar("!!bool", strconv.FormatBool(v.Bool())), nil
	}
	switch {
	case v.CanInt():
		return scalar("!!int", strconv.FormatInt(v.Int(), 10)), nil
	case v.CanUint():
		return scalar("!!int", strconv.FormatUint(v.Uint(), 10)), nil
	case v.CanFloat():
		return number(v.Float())
	}
	return nil, fmt.Errorf("a %s cannot be written to a profile", v.Type())
}

func encodeStruct(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range fieldsOf(v.Type()) {
		x := v.FieldByIndex(f.index)
		if f.omitEmpty && isEmpty(x) {
			continue
		}
		val, err := encode(x)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
		if f.rate {
			if r := formatRate(x.Float()); r != "" {
				val = text(r)
			}
		}
		if f.flow {
			val.Style = yaml.FlowStyle
		}
		n.Content = append(n.Content, text(f.key), val)
	}
	return n, nil
}

func encodeMap(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	type pair struct{ k, v *yaml.Node }
	var pairs []pair
	for it := v.MapRange(); it.Next(); {
		k, err := encode(it.Key())
		if err != nil {
			return nil, err
		}
		val, err := encode(it.Value())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Value, err)
		}
		pairs = append(pairs, pair{k, val})
	}
	order := natural
	if !slices.ContainsFunc(pairs, func(p pair) bool {
		return len(p.k.Value) != len(pairs[0].k.Value) || strings.Contains(p.k.Value, ".")
	}) {
		order = strings.Compare // hexadecimal numbers, as of system status lists
	}
	slices.SortFunc(pairs, func(a, b pair) int { return order(a.k.Value, b.k.Value) })
	for _, p := range pairs {
		n.Content = append(n.Content, p.k, p.v)
	}
	return n, nil
}

// natural orders texts by their letters, and the numbers in them by value: 1.3.6.2 before 1.3.6.10.
func natural(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			x, y := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if len(x) != len(y) {
				return len(x) - len(y)
			}
			if c := strings.Compare(x, y); c != 0 {
				return c
			}
			if na != nb {
				return na - nb
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func digits(s string) (n int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		return v.Len() == 0
	}
	return v.IsZero()
}

func scalar(tag, s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: s} }

// text is a string, quoted where YAML, or an older YAML, would read something else.
func text(s string) *yaml.Node {
	if simple(s) {
		return scalar("!!str", s) // the emitter sees to numbers and what is special in YAML
	}
	var n yaml.Node
	if err := n.Encode(s); err != nil {
		return scalar("!!str", s)
	}
	return &n
}

// simple says that a text is on one line, and that older versions of YAML read it as a text, too: they take
// words for truth values, and digits with colons for numbers to the base 60.
func simple(s string) bool {
	switch strings.ToLower(s) {
	case "", "y", "n", "yes", "no", "on", "off":
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ':' {
			return false
		}
	}
	return true
}

// plain is a text that may look like a number: a port.
func plain(s string) *yaml.Node {
	if _, err := strconv.ParseUint(s, 10, 64); err == nil {
		return scalar("", s)
	}
	return text(s)
}

func number(f float64) (*yaml.Node, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v cannot be written to a profile", f)
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return scalar("", strconv.FormatFloat(f, 'f', -1, 64)), nil
	}
	return scalar("", strconv.FormatFloat(f, 'g', -1, 64)), nil
}

// flowWidth is how long a mapping or list may get on one line.
const flowWidth = 110

// layOut puts short mappings and lists on one line. The first blocks levels stay open.
func layOut(n *yaml.Node, blocks int) int {
	width := len(n.Value) + 2
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "\n") {
		width = flowWidth
	}
	for _, c := range n.Content {
		width += layOut(c, blocks-1)
	}
	if n.Kind != yaml.ScalarNode && blocks <= 0 && width <= flowWidth {
		n.Style = yaml.FlowStyle
	}
	return width
}

func marshal(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// flat is the one-line form of a node.
func flat(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		n.Style = yaml.FlowStyle
	}
	b, err := marshal(n)
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(strings.TrimRight(string(b), "\n"), "\n", " ")
}
