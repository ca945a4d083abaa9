package emulate

import (
	"cmp"
	"slices"
	"strings"

	"ringer/capture/enip"
)

// enipTagCell plays what was recorded of some bytes, or of one bit. Samples begin with the type. Cells may lie
// over each other: a structure was read whole, and a member of it alone.
type enipTagCell struct {
	offset, size int
	bit          int // of a BOOL in a structure; -1: whole bytes
	cell         *Cell
}

// over says whether the cell has any of some bytes, or of one bit.
func (c *enipTagCell) over(offset, n, bit int) bool {
	return c.offset < offset+n && offset < c.offset+c.size && (bit < 0 || c.bit < 0 || bit == c.bit)
}

// An enipSpan is a part of a tag as a request names it: elements of one size from base on, of which it wants
// n bytes from offset on, or one bit.
type enipSpan struct {
	base, each, bit int
	offset, n       int
}

// span is all elements from a place on, as far as n bytes.
func (p *enipPlace) span(offset, n int) enipSpan {
	return enipSpan{p.offset, p.typ.size, p.bit, p.offset + offset, n}
}

// own says whether a cell is for just one of the elements.
func (s *enipSpan) own(c *enipTagCell) bool {
	return c.size == s.each && c.bit == s.bit && c.offset >= s.base && (c.offset-s.base)%s.each == 0
}

// tagSample puts a cell over an element. Elements of tags that the profile does not list are not served.
func (d *enipDevice) tagSample(name string, cell *Cell) error {
	base, rest := enip.CutTag(name)
	t := d.tags[strings.ToLower(base)]
	if t == nil || t.typ == nil {
		return nil
	}
	at, err := d.within(t, rest)
	if err != nil {
		return nil // a member of a structure whose definition is not known
	}
	c := enipTagCell{at.offset, at.typ.size, at.bit, cell}
	t.cells = append(t.cells, c)
	t.longest = max(t.longest, c.size)
	if v, _ := cell.Peek(d.st); len(v) > 0 {
		t.store(&c, v)
	}
	return nil
}

// sortCells puts the cells of all tags in order, longer ones first.
func (d *enipDevice) sortCells() {
	for _, t := range d.tags {
		slices.SortStableFunc(t.cells, func(a, b enipTagCell) int {
			return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(b.size, a.size), cmp.Compare(a.bit, b.bit))
		})
	}
}

// store puts a sample into memory.
func (t *enipTag) store(c *enipTagCell, sample []byte) {
	_, _, values, ok := enip.Typed(sample)
	switch {
	case !ok || len(values) != c.size:
	case c.bit < 0:
		copy(t.memory[c.offset:], values)
	default:
		t.memory[c.offset] &^= 1 << c.bit
		if values[0] != 0 {
			t.memory[c.offset] |= 1 << c.bit
		}
	}
}

// first is the first cell that may reach over an offset.
func (t *enipTag) first(offset int) int {
	i, _ := slices.BinarySearchFunc(t.cells, offset-t.longest+1, func(c enipTagCell, at int) int { return cmp.Compare(c.offset, at) })
	return i
}

// read brings some bytes of memory up to date and appends them. The cells of the elements asked for take
// their next samples; where an element has none of its own, those that lie over it do.
func (t *enipTag) read(st *State, dst []byte, s enipSpan) ([]byte, Origin) {
	from := Recorded
	for i := range t.maps { // before the last sample is taken: that is the recording's, too
		m := &t.maps[i]
		m.speaks = m.offset < s.offset+s.n && s.offset < m.offset+m.size && t.live(st, m)
	}
	if len(t.cells) > 0 {
		from = t.play(st, s)
	}
	for i := range t.maps {
		if m := &t.maps[i]; m.speaks {
			t.show(m)
			from = Point
		}
	}
	dst = append(dst, t.memory[s.offset:s.offset+s.n]...)
	if s.bit >= 0 {
		dst[len(dst)-1] = dst[len(dst)-1] >> s.bit & 1
	}
	return dst, from
}

func (t *enipTag) play(st *State, s enipSpan) Origin {
	from, covered, done := Recorded, 0, -1
	begin := t.first(s.offset)
	for i := begin; i < len(t.cells) && t.cells[i].offset < s.offset+s.n; i++ {
		c := &t.cells[i]
		if !s.own(c) || c.offset+c.size <= s.offset || c.offset == done {
			continue
		}
		done = c.offset
		covered += c.size
		if c.offset < s.offset { // its first part was read before
			continue
		}
		v, origin := t.playing(i).cell.Read(st)
		t.store(c, v)
		from = max(from, origin)
	}
	if covered >= s.n || s.bit >= 0 && covered > 0 {
		return from
	}
	for i := begin; i < len(t.cells) && t.cells[i].offset < s.offset+s.n; i++ {
		c := &t.cells[i]
		if !c.over(s.offset, s.n, s.bit) || s.own(c) || t.hasOwn(begin, &s, c) {
			continue
		}
		v, origin := c.cell.Read(st)
		t.store(c, v)
		from = max(from, origin)
	}
	return from
}

// playing is the cell whose recording goes on, of those from i on for the same element: it has several where
// it was asked for by several names.
func (t *enipTag) playing(i int) *enipTagCell {
	c := &t.cells[i]
	for ; c.cell.Live() && i+1 < len(t.cells); i++ {
		if n := &t.cells[i+1]; n.offset != c.offset || n.size != c.size || n.bit != c.bit {
			break
		} else if !n.cell.Live() {
			return n
		}
	}
	return c
}

// hasOwn says whether the element that a cell lies in has a cell of its own.
func (t *enipTag) hasOwn(begin int, s *enipSpan, c *enipTagCell) bool {
	if c.offset < s.base {
		return false
	}
	element := c.offset - (c.offset-s.base)%s.each
	for i := begin; i < len(t.cells) && t.cells[i].offset <= element; i++ {
		if t.cells[i].offset == element && s.own(&t.cells[i]) {
			return true
		}
	}
	return false
}

// held appends what some bytes hold now, without taking samples.
func (t *enipTag) held(st *State, dst []byte, offset, n int) []byte {
	for i := range t.maps {
		if m := &t.maps[i]; m.offset < offset+n && offset < m.offset+m.size && t.live(st, m) {
			t.show(m)
		}
	}
	return append(dst, t.memory[offset:offset+n]...)
}

// write stores bytes; mask, if it is not 0, says which bits of the only byte. Where the recording goes on with
// this write, all of it goes on; else it has ended for these bytes.
func (t *enipTag) write(st *State, s enipSpan, data []byte, mask byte) (uint8, Origin) {
	if t.readonly {
		return enip.PrivilegeViolation, Refused
	}
	from := Modelled
	for i := range t.maps {
		m := &t.maps[i]
		if m.offset >= s.offset+len(data) || s.offset >= m.offset+m.size || mask != 0 && m.bit >= 0 && mask>>m.bit&1 == 0 {
			continue
		}
		if status := t.set(st, m, s.offset, data); status != enip.Success {
			return status, Refused
		}
		from = Point
	}
	recorded := false
	begin := t.first(s.offset)
	for _, own := range [2]bool{true, false} {
		for i := begin; i < len(t.cells) && t.cells[i].offset < s.offset+len(data); i++ {
			c := &t.cells[i]
			if c.offset+c.size <= s.offset || s.own(c) != own || mask != 0 && c.bit >= 0 && mask>>c.bit&1 == 0 {
				continue
			}
			if v := t.merged(st, c, s.offset, data); v != nil && c.cell.Write(st, v) {
				recorded = true
			}
		}
		if recorded {
			from = max(from, Recorded)
			break
		}
	}
	copy(t.memory[s.offset:], data)
	return enip.Success, from
}

// merged is the sample that a cell has when data were written.
func (t *enipTag) merged(st *State, c *enipTagCell, offset int, data []byte) []byte {
	sample, _ := c.cell.Peek(st)
	_, head, values, ok := enip.Typed(sample)
	if !ok || len(values) != c.size {
		return nil
	}
	v := append(append([]byte(nil), head...), t.memory[c.offset:c.offset+c.size]...)
	for k := range c.size {
		if at := c.offset + k - offset; at >= 0 && at < len(data) {
			v[len(head)+k] = data[at]
		}
	}
	if c.bit < 0 {
		return v
	}
	on := v[len(head)] >> c.bit & 1
	if v[len(head)] = on; on == 1 {
		if v[len(head)] = 0xFF; !c.cell.Awaits(v) {
			v[len(head)] = 1
		}
	}
	return v
}
