package profiles

import (
	"reflect"
	"strings"
)

// A field is one key of a mapping in YAML and the struct field that holds it.
type field struct {
	key       string
	index     []int // for reflect's FieldByIndex
	omitEmpty bool
	flow      bool
	rate      bool // a number a second, which may be written as a rate: "1/h"
}

// fieldsOf lists the keys that a struct type takes, inlined structs opened, in the order declared.
// A field without a yaml tag takes the lower-cased name, as in package yaml.
func fieldsOf(t reflect.Type) []field {
	var fs []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("yaml")
		key, options, _ := strings.Cut(tag, ",")
		if key == "-" || !f.IsExported() {
			continue
		}
		has := func(o string) bool { return strings.Contains(","+options+",", ","+o+",") }
		if has("inline") && f.Type.Kind() == reflect.Struct {
			for _, in := range fieldsOf(f.Type) {
				in.index = append([]int{i}, in.index...)
				fs = append(fs, in)
			}
			continue
		}
		if key == "" {
			key = strings.ToLower(f.Name)
		}
		fs = append(fs, field{key, []int{i}, has("omitempty"), has("flow"), f.Tag.Get("unit") == "rate"})
	}
	return fs
}

// A typeBook remembers what reflection found out of types, for one run over a profile.
type typeBook struct {
	fields map[reflect.Type][]field
	checks map[reflect.Type]bool
}

func newTypeBook() *typeBook {
	return &typeBook{map[reflect.Type][]field{}, map[reflect.Type]bool{}}
}

func (b *typeBook) fieldsOf(t reflect.Type) []field {
	fs, ok := b.fields[t]
	if !ok {
		fs = fieldsOf(t)
		b.fields[t] = fs
	}
	return fs
}

// hasValidator says whether there can be a Validator in a value of a type.
func (b *typeBook) hasValidator(t reflect.Type) bool {
	has, ok := b.checks[t]
	if ok {
		return has
	}
	b.checks[t] = false // for types that hold themselves
	switch {
	case t.Kind() == reflect.Interface || t == reflect.TypeFor[Service]() || reflect.PointerTo(t).Implements(reflect.TypeFor[Validator]()):
		has = true
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		has = b.hasValidator(t.Elem())
	case t.Kind() == reflect.Struct:
		for _, f := range b.fieldsOf(t) {
			has = has || b.hasValidator(t.FieldByIndex(f.index).Type)
		}
	}
	b.checks[t] = has
	return has
}

func fieldNamed(fs []field, key string) *field {
	for i := range fs {
		if fs[i].key == key {
			return &fs[i]
		}
	}
	return nil
}

// nearest is the candidate that a mistyped word most likely means, or "" if none is near.
func nearest(word string, candidates []string) string {
	best, least := "", 1+max(1, len(word)/3)
	for _, c := range candidates {
		if n := editDistance(strings.ToLower(word), strings.ToLower(c)); n < least {
			best, least = c, n
		}
	}
	return best
}

// editDistance counts the letters to insert, drop, change or swap with their neighbour to get from a to b.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before, above, row [65]int
	for j := range len(b) + 1 {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
