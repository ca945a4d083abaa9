package profiles

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

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

// weight counts the nodes below n, aliases as one, and stops at most.
func weight(n *yaml.Node, most int) int {
	w := 1
	for _, c := range n.Content {
		if w >= most {
			break
		}
		w += weight(c, most-w)
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
