package clone

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

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
		return true
	case q.Service == enip.SetAttributeSingle && t.HasAttribute && len(r.Data) == 0:
		l.sample(cell(t.Attribute), q.Data, true, x)
		return true
	case q.Service == enip.GetAttributeList && t.HasInstance && !t.HasAttribute:
		numbers, ok := enip.AttributeNumbers(q.Data)
		if !ok {
			return false
		}
		list, ok := enip.SplitAttributeList(numbers, r.Data, func(n uint16) int { return l.sizeOf(cell(uint32(n))) })
		if !ok || slices.ContainsFunc(list, func(a enip.Attribute) bool { return a.Status != 0 }) {
			return false
		}
		for _, a := range list {
			l.sample(cell(uint32(a.Number)), a.Value, false, x)
		}
		return true
	}
	return false
}

// sizeOf is how long a cell's value was the last time; -1: not known.
func (l *enipLearner) sizeOf(name string) int {
	if c := l.cells[name]; c != nil {
		return len(c.track.Last().Value)
	}
	return -1
}

// enipTagSeen is what is known of a tag from the elements that were read and written.
type enipTagSeen struct {
	name  string
	kind  enip.Type
	head  []byte // the type, with the handle of a structure
	bytes int    // of an element
	size  []int  // as far as indices were seen
	order int
}

// tag learns elements of tags from what is read and written by name; false: it is nothing of the kind.
func (l *enipLearner) tag(x *capture.Exchange, q *enip.Request, r *enip.Response) bool {
	name, ok := enip.TagName(q.Path)
	if !ok {
		return false
	}
	var data []byte
	write := false
	switch {
	case q.Service == enip.ReadTag && len(q.Data) == 2:
		data = r.Data
	case q.Service == enip.ReadTagFragmented && len(q.Data) == 6 && binary.LittleEndian.Uint32(q.Data[2:]) == 0:
		data = r.Data
	case q.Service == enip.WriteTag && len(r.Data) == 0:
		write = true
		_, head, values, ok := enip.Typed(q.Data)
		if !ok || len(values) < 2 {
			return false
		}
		data = append(slices.Clip(head), values[2:]...)
	default:
		return false
	}
	count := 0
	if write {
		_, _, values, _ := enip.Typed(q.Data)
		count = int(binary.LittleEndian.Uint16(values))
	} else {
		count = int(binary.LittleEndian.Uint16(q.Data))
	}
	kind, head, values, ok := enip.Typed(data)
	if !ok || count == 0 || len(values) == 0 || len(values)%count != 0 {
		return false
	}
	each := len(values) / count
	if n := kind.Size(); n > 0 && n != each {
		return false
	}
	names := enipElements(name, count)
	if names == nil {
		return false
	}
	for i, element := range names {
		v := append(slices.Clip(head), values[i*each:(i+1)*each]...)
		l.sample("tag "+element, v, write, x)
		l.seen(element, kind, head, each)
	}
	return true
}

// enipElements names the elements from one on: of the last dimension. nil: that cannot be told.
func enipElements(name string, count int) []string {
	if count == 1 {
		return []string{name}
	}
	base, first := name, 0
	if strings.HasSuffix(name, "]") {
		open := strings.LastIndexByte(name, '[')
		if strings.Contains(name[open:], ",") {
			return nil
		}
		base = name[:open]
		fmt.Sscanf(name[open:], "[%d]", &first)
	}
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("%s[%d]", base, first+i)
	}
	return names
}

// seen notes what an element tells of its tag.
func (l *enipLearner) seen(element string, kind enip.Type, head []byte, each int) {
	base, rest := enip.CutTag(element)
	var index []int
	member := strings.Contains(rest, ".")
	if !member && rest != "" {
		for n := range strings.SplitSeq(strings.Trim(rest, "[]"), ",") {
			var v int
			fmt.Sscan(n, &v)
			index = append(index, v)
		}
	}
	t := l.tags[base]
	if t == nil {
		if len(l.tags) >= enipCellsMax || member {
			return // members say nothing without the definition of the structure
		}
		t = &enipTagSeen{name: base, kind: kind, head: slices.Clone(head), bytes: each, order: len(l.tags)}
		l.tags[base] = t
	}
	if member {
		return
	}
	for i, v := range index {
		if i == len(t.size) && i < 3 {
			t.size = append(t.size, 1)
		}
		if i < 3 && v < profiles.ENIPTypeBytes {
			t.size[i] = max(t.size[i], v+1)
		}
	}
}

// cellsOf names the cells that answered a request the last time.
func (l *enipLearner) cellsOf(way string, q *enip.Request) (names []string) {
	if name, ok := enip.TagName(q.Path); ok && len(q.Data) >= 2 && (q.Service == enip.ReadTag || q.Service == enip.ReadTagFragmented) {
		for _, e := range enipElements(name, int(binary.LittleEndian.Uint16(q.Data))) {
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

// finishTags lists the tags that were read or written by name.
func (l *enipLearner) finishTags() {
	list := make([]*enipTagSeen, 0, len(l.tags))
	for _, t := range l.tags {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *enipTagSeen) int { return a.order - b.order })
	for _, t := range list {
		tag := profiles.ENIPTag{Name: t.name, Type: t.kind.String(), Size: t.size}
		if t.kind == enip.STRUCT {
			handle := binary.LittleEndian.Uint16(t.head[2:])
			tag.Type = fmt.Sprintf("Handle%04X_%d", handle, t.bytes)
			if l.section.Types == nil {
				l.section.Types = map[string]*profiles.ENIPType{}
			}
			l.section.Types[tag.Type] = &profiles.ENIPType{Handle: handle, Bytes: t.bytes}
		}
		n := t.bytes
		for _, d := range t.size {
			n = min(n*d, profiles.ENIPTypeBytes+1)
		}
		if n <= profiles.ENIPTypeBytes {
			l.section.Tags = append(l.section.Tags, tag)
		}
	}
}
