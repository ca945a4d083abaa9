package clone

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/profiles"
)

// enipTagSeen is what is known of a tag from the elements that were read and written.
type enipTagSeen struct {
	name  string
	kind  enip.Type
	head  []byte // the type, with the handle of a structure
	bytes int    // of an element
	size  []int  // as far as indices were seen
	order int
}

// An enipTransfer is a tag that is read in parts.
type enipTransfer struct {
	name  string
	count int
	head  []byte
	data  []byte
	asked []enipPart
}

// An enipPart is one of them: how it was asked, and what was answered.
type enipPart struct {
	ask    string
	answer []byte
	part   []byte // the same, as a part of what cells hold
}

const (
	enipTransfersMax = 64
	// enipWholeMost is how long an answer may be that every device sends in one part.
	enipWholeMost = 400
)

// tagOf names the tag and the part of it that a path is for: by its name, or by its number among the symbols.
func (l *enipLearner) tagOf(p enip.Path) (string, bool) {
	class, rest, ok := p.Next()
	if !ok || class.Kind != enip.SegmentClass || class.Value != enip.ClassSymbol {
		return enip.TagName(p)
	}
	instance, rest, ok := rest.Next()
	name := l.symbols.instances[instance.Value]
	if !ok || instance.Kind != enip.SegmentInstance || name == "" {
		return "", false
	}
	return enip.TagName(append(enip.Path(nil).AppendSymbol(name), rest...))
}

// canonical spells the name of the tag as it was first seen.
func (l *enipLearner) canonical(name string) (base, rest string) {
	base, rest = enip.CutTag(name)
	key := strings.ToLower(base)
	if s := l.symbols.byName[key]; s != nil {
		base = s.Name
	} else if t := l.tags[key]; t != nil {
		base = t.name
	}
	return base, rest
}

// tag learns elements of tags from what is read and written; false: it is nothing of the kind.
func (l *enipLearner) tag(x *capture.Exchange, way string, q *enip.Request, r *enip.Response) bool {
	switch q.Service {
	case enip.ReadTag, enip.ReadTagFragmented, enip.WriteTag, enip.WriteTagFragmented, enip.ReadModifyWriteTag:
	default:
		return false
	}
	name, ok := l.tagOf(q.Path)
	if !ok || len(r.Extended) > 0 {
		return false
	}
	done := r.Status == enip.Success
	switch {
	case q.Service == enip.ReadTag && len(q.Data) == 2 && (done || r.Status == enip.PartialTransfer):
		return l.readPart(x, way, name, q, r, 0)
	case q.Service == enip.ReadTagFragmented && len(q.Data) == 6 && (done || r.Status == enip.PartialTransfer):
		return l.readPart(x, way, name, q, r, int(binary.LittleEndian.Uint32(q.Data[2:])))
	case !done || len(r.Data) > 0:
	case q.Service == enip.WriteTag:
		return l.written(x, name, q.Data, 2)
	case q.Service == enip.WriteTagFragmented:
		return l.written(x, name, q.Data, 6)
	case q.Service == enip.ReadModifyWriteTag:
		return l.modified(x, name, q.Data)
	}
	return false
}

// readPart learns a read, whole or in parts: when the last part was read, its elements are known.
func (l *enipLearner) readPart(x *capture.Exchange, way, name string, q *enip.Request, r *enip.Response, offset int) bool {
	count := int(binary.LittleEndian.Uint16(q.Data))
	_, head, values, ok := enip.Typed(r.Data)
	if !ok || count == 0 || len(values) == 0 {
		return false
	}
	ask := enipWay(way, profiles.ENIPAsk(uint8(q.Service), q.Path, q.Data))
	if r.Status == enip.Success && offset == 0 && len(values) <= enipWholeMost {
		if l.elementsRead(x, name, count, head, values) {
			l.answered(ask, nil, x)
			return true
		}
		return false
	}
	part := profiles.ENIPAnswer{Part: true, Status: r.Status, Data: binary.LittleEndian.AppendUint32(nil, uint32(len(values)))}
	answer := profiles.ENIPAnswer{Status: r.Status, Data: r.Data}
	key := fmt.Sprintf("%d %s %s %d", x.Conn, way, name, count)
	t := l.transfers[key]
	if offset == 0 {
		l.giveUp(key, x)
		t = &enipTransfer{name: name, count: count, head: slices.Clone(head)}
		if len(l.transfers) >= enipTransfersMax {
			return false
		}
		l.transfers[key] = t
	}
	if t == nil || offset != len(t.data) || !bytes.Equal(head, t.head) || len(t.data)+len(values) > profiles.ENIPTypeBytes {
		l.giveUp(key, x)
		return false
	}
	t.data = append(t.data, values...)
	t.asked = append(t.asked, enipPart{ask, answer.Append(nil), part.Append(nil)})
	if r.Status == enip.PartialTransfer {
		return true
	}
	delete(l.transfers, key)
	learned := l.elementsRead(x, name, count, t.head, t.data)
	for _, p := range t.asked {
		if learned {
			l.answered(p.ask, p.part, x)
		} else {
			l.answered(p.ask, p.answer, x)
		}
	}
	return true
}

// giveUp keeps the parts of a transfer that nobody ended as they were answered.
func (l *enipLearner) giveUp(key string, x *capture.Exchange) {
	t := l.transfers[key]
	if t == nil {
		return
	}
	delete(l.transfers, key)
	for _, p := range t.asked {
		l.answered(p.ask, p.answer, x)
	}
}

// elementsRead samples elements that were read; false: they are not ones that a decoy could have.
func (l *enipLearner) elementsRead(x *capture.Exchange, name string, count int, head, values []byte) bool {
	names, each := l.divided(name, count, head, values)
	if names == nil {
		return false
	}
	for i, element := range names {
		v := append(slices.Clip(head), values[i*each:(i+1)*each]...)
		l.sample("tag "+element, v, false, x)
		l.seen(element, head, each)
	}
	return true
}

// divided names the elements that bytes are the values of.
func (l *enipLearner) divided(name string, count int, head, values []byte) (names []string, each int) {
	if count == 0 || len(values) == 0 || len(values)%count != 0 {
		return nil, 0
	}
	each = len(values) / count
	if n := enip.Type(binary.LittleEndian.Uint16(head)).Size(); n > 0 && n != each {
		return nil, 0
	}
	return l.elements(name, count), each
}

// written learns what WriteTag and WriteTagFragmented set, whose data begin with type, count and offset.
func (l *enipLearner) written(x *capture.Exchange, name string, b []byte, want int) bool {
	kind, head, data, ok := enip.Typed(b)
	if !ok || len(data) < want {
		return false
	}
	count, offset := int(binary.LittleEndian.Uint16(data)), 0
	if want == 6 {
		offset = int(binary.LittleEndian.Uint32(data[2:]))
		each := kind.Size()
		if each == 0 || offset%each != 0 || len(data[want:])%each != 0 || offset/each >= count {
			return false
		}
		all := l.elements(name, count)
		n := len(data[want:]) / each
		if offset/each+n > len(all) {
			return false
		}
		for i, element := range all[offset/each : offset/each+n] {
			l.sample("tag "+element, append(slices.Clip(head), data[want+i*each:want+(i+1)*each]...), true, x)
			l.seen(element, head, each)
		}
		return n > 0
	}
	names, each := l.divided(name, count, head, data[want:])
	for i, element := range names {
		l.sample("tag "+element, append(slices.Clip(head), data[want+i*each:want+(i+1)*each]...), true, x)
		l.seen(element, head, each)
	}
	return names != nil
}

// modified learns what ReadModifyWriteTag made of an element that was read before.
func (l *enipLearner) modified(x *capture.Exchange, name string, b []byte) bool {
	names := l.elements(name, 1)
	if len(names) == 0 || len(b) < 2 {
		return false
	}
	n := int(binary.LittleEndian.Uint16(b))
	c := l.cells["tag "+names[0]]
	if c == nil || len(b) != 2+2*n {
		return false
	}
	_, head, values, ok := enip.Typed(c.track.Last().Value)
	if !ok || len(values) != n {
		return false
	}
	v := append(slices.Clip(head), values...)
	for i := range n {
		v[len(head)+i] = (values[i] | b[2+i]) & b[2+n+i]
	}
	l.sample("tag "+names[0], v, true, x)
	return true
}

// elements names the elements of a tag from one on; nil: they are not ones that a decoy could have.
func (l *enipLearner) elements(name string, count int) []string {
	base, rest := l.canonical(name)
	if count == 1 {
		if s := l.symbols.byName[strings.ToLower(base)]; s != nil && rest == "" && enip.DimensionsOf(s.Type) > 0 {
			rest = "[0" + strings.Repeat(",0", enip.DimensionsOf(s.Type)-1) + "]"
		}
		if !l.has(base, rest) {
			return nil
		}
		return []string{base + rest}
	}
	var size []uint32
	if s := l.symbols.byName[strings.ToLower(base)]; s != nil && !strings.Contains(rest, ".") {
		size = s.Sizes[:enip.DimensionsOf(s.Type)]
	}
	index := []uint32{0}
	stem := base + rest
	if strings.HasSuffix(rest, "]") {
		open := strings.LastIndexByte(stem, '[')
		index = enipIndex(stem[open : len(stem)-1])
		stem = stem[:open]
	} else if len(size) > 1 {
		index = make([]uint32, len(size))
	}
	if len(index) == 0 || len(index) > 1 && len(index) != len(size) {
		return nil
	}
	names := make([]string, count)
	for i := range names {
		at := slices.Clone(index)
		at[len(at)-1] += uint32(i)
		for d := len(at) - 1; d > 0 && size[d] > 0; d-- {
			at[d-1] += at[d] / size[d]
			at[d] %= size[d]
		}
		b := append([]byte(stem), '[')
		for d, n := range at {
			if d > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendUint(b, uint64(n), 10)
		}
		names[i] = string(append(b, ']'))
	}
	for _, end := range []string{names[0], names[count-1]} {
		if _, rest := enip.CutTag(end); !l.has(base, rest) {
			return nil
		}
	}
	return names
}

// enipIndex reads indices, with or without the bracket in front.
func enipIndex(s string) (index []uint32) {
	for f := range strings.SplitSeq(strings.TrimPrefix(s, "["), ",") {
		n, err := strconv.ParseUint(f, 10, 31)
		if err != nil {
			return nil
		}
		index = append(index, uint32(n))
	}
	return index
}

// seen notes what an element tells of its tag.
func (l *enipLearner) seen(element string, head []byte, each int) {
	base, rest := enip.CutTag(element)
	if strings.Contains(rest, ".") {
		return // members say nothing of the tag
	}
	t := l.tags[strings.ToLower(base)]
	if t == nil {
		if len(l.tags) >= enipCellsMax {
			return
		}
		t = &enipTagSeen{name: base, kind: enip.Type(binary.LittleEndian.Uint16(head)), head: slices.Clone(head), bytes: each, order: len(l.tags)}
		l.tags[strings.ToLower(base)] = t
	}
	if rest == "" {
		return
	}
	for i, v := range enipIndex(strings.Trim(rest, "[]")) {
		if i == len(t.size) && i < 3 {
			t.size = append(t.size, 1)
		}
		if i < 3 && v < profiles.ENIPTypeBytes {
			t.size[i] = max(t.size[i], int(v)+1)
		}
	}
}
