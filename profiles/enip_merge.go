package profiles

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Merge unites what is known of tags: an array, or a data file, is as long as either profile knows, and a structure whose
// members are known is better than one that is only known by its length.
func (s *ENIP) Merge(newer Section, m *Merging) error {
	n := newer.(*ENIP)
	for i := range n.Tags {
		y := &n.Tags[i]
		k := slices.IndexFunc(s.Tags, func(t ENIPTag) bool { return strings.EqualFold(t.Name, y.Name) })
		if k < 0 {
			continue
		}
		x := &s.Tags[k]
		y.Name = x.Name
		if known, other := s.Types[x.Type], n.Types[y.Type]; known != nil && other != nil && x.Type != y.Type &&
			known.Handle == other.Handle && (len(known.Members) == 0) != (len(other.Members) == 0) {
			if len(other.Members) == 0 {
				y.Type = x.Type
			} else {
				x.Type = y.Type
			}
		}
		if len(x.Size) == len(y.Size) {
			for d := range x.Size {
				x.Size[d] = max(x.Size[d], y.Size[d])
			}
			y.Size = x.Size
		} else if len(x.Size) > len(y.Size) {
			y.Size = x.Size
		}
	}
	for i := range n.DataFiles {
		y := &n.DataFiles[i]
		if k := slices.IndexFunc(s.DataFiles, func(f ENIPDataFile) bool { return f.Name == y.Name }); k >= 0 {
			y.Elements = max(y.Elements, s.DataFiles[k].Elements)
			s.DataFiles[k].Elements = y.Elements
		}
	}
	for name, y := range n.Types {
		x := s.Types[name]
		if x == nil || y == nil {
			continue
		}
		switch {
		case len(y.Members) == 0 && len(x.Members) > 0:
			n.Types[name] = x
		case len(x.Members) > 0 && !reflect.DeepEqual(x.Members, y.Members):
			m.Conflict("types."+name, fmt.Sprintf("%d members", len(x.Members)), fmt.Sprintf("%d other members", len(y.Members)))
			s.Types[name] = y
		default:
			s.Types[name] = y
		}
	}
	m.Fields(s, n)
	return nil
}
