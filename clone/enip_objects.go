package clone

import (
	"encoding/binary"
	"fmt"
	"slices"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/profiles"
)

func enipSends(id uint32) string { return fmt.Sprintf("io 0x%08X", id) }

// attribute learns attributes from services that get and set them; false: it is none of those, or its answer
// cannot be taken apart.
func (l *enipLearner) attribute(x *capture.Exchange, way string, q *enip.Request, r *enip.Response) bool {
	t, ok := q.Path.Target()
	if !ok {
		return false
	}
	cell := func(number uint32) string {
		return enipWay(way, "attr "+profiles.ENIPAttribute(t.Class, t.Instance, number))
	}
	switch {
	case q.Service == enip.GetAttributeSingle && t.HasAttribute && len(q.Data) == 0:
		l.sample(cell(t.Attribute), r.Data, false, x)
		l.defined(t, t.Attribute, r.Data)
		return true
	case q.Service == enip.SetAttributeSingle && t.HasAttribute && len(r.Data) == 0:
		l.sample(cell(t.Attribute), q.Data, true, x)
		return true
	case q.Service == enip.GetAttributeList && t.HasInstance && !t.HasAttribute:
		numbers, ok := enip.AttributeNumbers(q.Data)
		if !ok {
			return false
		}
		list, ok := enip.SplitAttributeList(numbers, r.Data, func(n uint16) int { return l.sizeOf(t.Class, n, cell(uint32(n))) })
		if !ok || slices.ContainsFunc(list, func(a enip.Attribute) bool { return a.Status != 0 }) {
			return false
		}
		for _, a := range list {
			l.sample(cell(uint32(a.Number)), a.Value, false, x)
			l.defined(t, uint32(a.Number), a.Value)
		}
		return true
	}
	return false
}

// sizeOf is how long an attribute is: by its class, or as it was the last time; -1: not known.
func (l *enipLearner) sizeOf(class uint32, number uint16, name string) int {
	switch class {
	case enip.ClassSymbol:
		if n := enip.SymbolAttributeSize(number); n >= 0 {
			return n
		}
	case enip.ClassTemplate:
		if n := enip.TemplateAttributeSize(number); n >= 0 {
			return n
		}
	}
	if c := l.cells[name]; c != nil {
		return len(c.track.Last().Value)
	}
	return -1
}

// cellsOf names the cells that answered a request the last time.
func (l *enipLearner) cellsOf(way string, q *enip.Request) (names []string) {
	if name, ok := l.tagOf(q.Path); ok && len(q.Data) >= 2 && (q.Service == enip.ReadTag || q.Service == enip.ReadTagFragmented) {
		for _, e := range l.elements(name, int(binary.LittleEndian.Uint16(q.Data))) {
			names = append(names, "tag "+e)
		}
		return names
	}
	t, ok := q.Path.Target()
	switch {
	case !ok:
	case q.Service == enip.GetAttributeSingle && t.HasAttribute:
		names = append(names, enipWay(way, "attr "+profiles.ENIPAttribute(t.Class, t.Instance, t.Attribute)))
	case q.Service == enip.GetAttributeList && t.HasInstance:
		numbers, _ := enip.AttributeNumbers(q.Data)
		for _, n := range numbers {
			names = append(names, enipWay(way, "attr "+profiles.ENIPAttribute(t.Class, t.Instance, uint32(n))))
		}
	}
	return names
}
