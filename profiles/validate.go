package profiles

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Validator is a type that knows more about its values than their Go types say: ranges, points that
// must be declared, files that must be there. Every value in a profile whose type is one (a section, or
// anything in it) is asked when the profile is loaded; Common and what it holds is checked already.
type Validator interface{ Validate(v *Validation) }

// A Validation is a place in a profile, and takes what is wrong there.
type Validation struct {
	Device *Device
	file   string
	node   *yaml.Node // nil where the profile was not read from a file
	path   string
	errs   *Errors
	book   *typeBook
}

// At is a place below: keys are texts, items of lists are numbers.
func (v *Validation) At(steps ...any) *Validation {
	w := *v
	for _, s := range steps {
		switch s := s.(type) {
		case int:
			w.path = fmt.Sprintf("%s[%d]", w.path, s)
			w.node = below(w.node, func(n *yaml.Node) *yaml.Node {
				if n.Kind == yaml.SequenceNode && s < len(n.Content) {
					return n.Content[s]
				}
				return nil
			})
		default:
			key := fmt.Sprint(s)
			w.path = join(w.path, key)
			w.node = below(w.node, func(n *yaml.Node) *yaml.Node { return valueOf(n, key) })
		}
	}
	return &w
}

// below steps down, or stays where the step leads nowhere: the line is the nearest there is.
func below(n *yaml.Node, step func(*yaml.Node) *yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return cmp.Or(step(n), n)
}

// Errorf says what is wrong here.
func (v *Validation) Errorf(format string, args ...any) {
	e := &FieldError{File: v.file, Path: v.path, Text: fmt.Sprintf(format, args...)}
	if v.node != nil {
		e.Line = v.node.Line
	}
	if len(*v.errs) < errorsMax {
		*v.errs = append(*v.errs, e)
	}
}

// Point says that the text here must be the name of a declared point.
func (v *Validation) Point(name string) {
	if _, ok := v.Device.Points[name]; ok {
		return
	}
	if ref, err := ParsePointRef(name); err != nil {
		v.Errorf("%s", err)
		return
	} else if _, ok := v.Device.Points[ref.Name]; ok {
		return
	}
	var names []string
	for n := range v.Device.Points {
		names = append(names, n)
	}
	slices.Sort(names)
	v.Errorf("there is no point %q%s", name, suggest(name, names))
}

// File says that the text here must name a bulk file of the profile. A profile without bulk, which is
// still being made, is not asked.
func (v *Validation) File(name string) {
	info, ok := v.stat(name)
	if ok && info.IsDir() {
		v.Errorf("%s is a folder: want a file", name)
	}
}

// Folder says that the text here must name a folder of the profile.
func (v *Validation) Folder(name string) {
	info, ok := v.stat(name)
	if ok && !info.IsDir() {
		v.Errorf("%s is a file: want a folder", name)
	}
}

func (v *Validation) stat(name string) (fs.FileInfo, bool) {
	clean := path.Clean(name)
	if !fs.ValidPath(clean) {
		v.Errorf("%q leads outside of the profile", name)
		return nil, false
	}
	if v.Device.Files == nil {
		return nil, false
	}
	info, err := fs.Stat(v.Device.Files, clean)
	if err != nil {
		v.Errorf("file %q cannot be read: %s", name, reason(err))
		return nil, false
	}
	return info, true
}

// reason is an error without the name of the file, which the reader knows.
func reason(err error) string {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// OneOf says that the text here must be one of a few words, or empty.
func (v *Validation) OneOf(word string, words ...string) {
	if word != "" && !slices.Contains(words, word) {
		v.Errorf("%q is not one of %s%s", word, strings.Join(words, ", "), suggest(word, words))
	}
}

func suggest(word string, words []string) string {
	if near := nearest(word, words); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ""
}

// Validate checks a profile, and gives everything that is wrong as Errors.
func (d *Device) Validate() error { return d.validate("", nil) }

func (d *Device) validate(file string, root *yaml.Node) error {
	var errs Errors
	v := &Validation{Device: d, file: file, node: root, errs: &errs, book: newTypeBook()}
	d.check(v)
	v.visit(reflect.ValueOf(d).Elem())
	if len(errs) == 0 {
		return nil
	}
	slices.SortStableFunc(errs, func(a, b *FieldError) int { return cmp.Compare(a.Line, b.Line) })
	return errs
}

// visit asks every Validator in a value, from the outside in.
func (v *Validation) visit(x reflect.Value) {
	if x.Kind() == reflect.Pointer || x.Kind() == reflect.Interface {
		if !x.IsNil() {
			v.visit(x.Elem())
		}
		return
	}
	if x.CanAddr() && x.Addr().CanInterface() {
		if c, ok := x.Addr().Interface().(Validator); ok {
			c.Validate(v)
		}
	}
	switch x.Kind() {
	case reflect.Struct:
		if s, ok := x.Interface().(Service); ok {
			if s.Section != nil {
				v.At(s.Protocol).visit(reflect.ValueOf(s.Section))
			}
			return
		}
		for _, f := range v.book.fieldsOf(x.Type()) {
			if e := x.FieldByIndex(f.index); v.book.hasValidator(e.Type()) && !isEmpty(e) {
				v.At(f.key).visit(e)
			}
		}
	case reflect.Map:
		for _, k := range sortedKeys(x) {
			e := reflect.New(x.Type().Elem()).Elem()
			e.Set(x.MapIndex(k))
			v.At(keyText(k)).visit(e)
		}
	case reflect.Slice:
		for i := range x.Len() {
			v.At(i).visit(x.Index(i))
		}
	}
}

func sortedKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return natural(keyText(a), keyText(b)) })
	return keys
}

// keyText is a map's key as the profile writes it.
func keyText(k reflect.Value) string {
	if n, err := encode(k); err == nil {
		return n.Value
	}
	return fmt.Sprint(k)
}
