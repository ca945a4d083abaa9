package profiles

import (
	"cmp"
	"reflect"
	"slices"
)

// Fields merges two values of one type field by field; older is changed. See Merger.
func (m *Merging) Fields(older, newer any) {
	m.value(reflect.ValueOf(older).Elem(), reflect.ValueOf(newer).Elem())
}

func (m *Merging) value(older, newer reflect.Value) {
	if isEmpty(newer) {
		return
	}
	if isEmpty(older) {
		older.Set(newer)
		return
	}
	switch older.Kind() {
	case reflect.Pointer:
		if whole(older.Type().Elem()) {
			m.scalar(older, newer)
			return
		}
		m.value(older.Elem(), newer.Elem())
	case reflect.Struct:
		if whole(older.Type()) {
			m.scalar(older, newer)
			return
		}
		for _, f := range fieldsOf(older.Type()) {
			m.at(f.key).value(older.FieldByIndex(f.index), newer.FieldByIndex(f.index))
		}
	case reflect.Map:
		for _, k := range sortedKeys(newer) {
			v := reflect.New(older.Type().Elem()).Elem()
			if x := older.MapIndex(k); x.IsValid() {
				v.Set(x)
			}
			m.at(keyText(k)).value(v, newer.MapIndex(k))
			older.SetMapIndex(k, v)
		}
	case reflect.Slice:
		m.list(older, newer)
	default:
		m.scalar(older, newer)
	}
}

// whole says whether values of a type are one thing, of which no part can come from elsewhere: a text, a
// time, and dynamics.
func whole(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	return t == reflect.TypeFor[Dynamics]() || t == timeType || t == reflect.TypeFor[Latency]() || len(fieldsOf(t)) == 0 ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]())
}

// scalar keeps the newer one of two values.
func (m *Merging) scalar(older, newer reflect.Value) {
	if reflect.DeepEqual(older.Interface(), newer.Interface()) {
		return
	}
	*m.conflicts = append(*m.conflicts, Conflict{m.path, shown(older), shown(newer)})
	older.Set(newer)
}

// list unites two lists: items that are the same thing are merged, others come behind.
func (m *Merging) list(older, newer reflect.Value) {
	key := listKey(older.Type().Elem())
	if reflect.PointerTo(older.Type()).Implements(reflect.TypeFor[nodeDecoder]()) {
		m.scalar(older, newer)
		return
	}
	if key == nil && older.Type().Elem().Kind() != reflect.String && older.Type().Elem().Kind() != reflect.Struct {
		m.scalar(older, newer) // bytes and numbers in order: one thing
		return
	}
	all := older
	for i := range newer.Len() {
		item := newer.Index(i)
		at := slices.IndexFunc(indices(older.Len()), func(j int) bool {
			x := older.Index(j)
			if key != nil {
				return x.FieldByIndex(key.index).Interface() == item.FieldByIndex(key.index).Interface()
			}
			return reflect.DeepEqual(x.Interface(), item.Interface())
		})
		if at < 0 {
			all = reflect.Append(all, item)
		} else if key != nil {
			m.at(keyText(item.FieldByIndex(key.index))).value(older.Index(at), item)
		}
	}
	older.Set(all)
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// listKey is the field that tells the items of a list apart.
func listKey(t reflect.Type) *field {
	if t.Kind() != reflect.Struct || whole(t) {
		return nil
	}
	fs := fieldsOf(t)
	for _, name := range []string{"id", "name", "path", "at"} {
		if f := fieldNamed(fs, name); f != nil && t.FieldByIndex(f.index).Type.Comparable() {
			return f
		}
	}
	return nil
}

// shown is a value as a person reads it, on one line.
func shown(v reflect.Value) string {
	n, err := encode(v)
	if err != nil {
		return err.Error()
	}
	return cmp.Or(flat(n), "nothing")
}
