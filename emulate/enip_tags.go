package emulate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ringer/capture/enip"
	"ringer/profiles"
)

// enipTag is one tag: its memory, cells over what moved, and points over both.
type enipTag struct {
	name     string
	instance uint32
	symbol   uint16    // as lists give its type, if not 0
	typ      *enipType // nil: it is listed, but is no tag
	size     []int     // of dimensions; none: not an array
	count    int       // of elements
	memory   []byte
	cells    []enipTagCell
	longest  int // of the cells
	maps     []enipMapping
	readonly bool
}

// enipMapping shows a point in some bytes, or in one bit.
type enipMapping struct {
	offset, bit int
	typ         enip.Type
	text        bool // a STRING
	size        int
	point       *PointState
	writes      int
	speaks      bool // for the bytes that are being read
}

// enipMemoryMax bounds all tags of a device together.
const enipMemoryMax = 64 << 20

func (d *enipDevice) openTags(sections []*profiles.ENIP) error {
	if err := d.openTypes(sections); err != nil {
		return err
	}
	total := 0
	for _, s := range sections {
		for i := range s.Tags {
			t, err := d.openTag(&s.Tags[i])
			if err != nil {
				return fmt.Errorf("tag %s: %w", s.Tags[i].Name, err)
			}
			if t == nil {
				continue
			}
			if total += len(t.memory); total > enipMemoryMax {
				return fmt.Errorf("tag %s: all tags together have more than %d bytes", t.name, enipMemoryMax)
			}
		}
	}
	d.openSymbols()
	return nil
}

func (d *enipDevice) openTag(spec *profiles.ENIPTag) (*enipTag, error) {
	key := strings.ToLower(spec.Name)
	if d.tags[key] != nil {
		return nil, nil // another service of the device has it too
	}
	if spec.Type == "" {
		t := &enipTag{name: spec.Name, instance: spec.Instance, symbol: spec.Symbol}
		d.tags[key] = t
		return t, nil
	}
	t := &enipTag{name: spec.Name, instance: spec.Instance, symbol: spec.Symbol, typ: d.typeNamed(spec.Type), size: spec.Size, count: 1, readonly: spec.ReadOnly}
	if t.typ == nil {
		return nil, fmt.Errorf("there is no type %q", spec.Type)
	}
	if t.typ.code == enip.BOOL && len(t.size) == 1 { // arrays of bits lie in words
		t.typ, t.size = d.typeNamed("DWORD"), []int{(t.size[0] + 31) / 32}
	}
	for _, n := range t.size {
		t.count *= max(n, 1)
		if t.count > profiles.ENIPTypeBytes {
			return nil, fmt.Errorf("more than %d elements", profiles.ENIPTypeBytes)
		}
	}
	if t.count*t.typ.size > enipMemoryMax {
		return nil, fmt.Errorf("more than %d bytes", enipMemoryMax)
	}
	t.memory = make([]byte, t.count*t.typ.size)
	if spec.Image != "" {
		b, err := d.dev.ReadFile(spec.Image, int64(len(t.memory)))
		if err != nil {
			return nil, err
		}
		copy(t.memory, b)
	}
	for i, v := range spec.Values {
		value, err := ValueOf(v)
		if err != nil {
			return nil, err
		}
		if i >= t.count || !enipPut(t.memory[i*t.typ.size:(i+1)*t.typ.size], t.typ, value) {
			return nil, fmt.Errorf("value %d cannot be one of type %s", i+1, t.typ.name)
		}
	}
	d.tags[key] = t
	if spec.Point != "" {
		if err := d.mapPoint(t, "", spec.Point); err != nil {
			return nil, err
		}
	}
	for place, point := range spec.Points {
		if err := d.mapPoint(t, place, point); err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
	}
	return t, nil
}

// enipPut writes a value into an element.
func enipPut(dst []byte, t *enipType, v Value) bool {
	switch {
	case t.code != enip.STRUCT:
		copy(dst, enipEncode(nil, t.code, v))
		return true
	case t.name == profiles.ENIPString:
		text := v.String()
		text = text[:min(len(text), enipStringLength)]
		clear(dst)
		binary.LittleEndian.PutUint32(dst, uint32(len(text)))
		copy(dst[4:], text)
		return true
	}
	return false
}

func (d *enipDevice) mapPoint(t *enipTag, place, name string) error {
	p, err := d.st.Point(name)
	if err != nil {
		return err
	}
	at, err := d.within(t, place)
	if err != nil {
		return err
	}
	m := enipMapping{offset: at.offset, bit: at.bit, typ: at.typ.code, size: at.typ.size, point: p, writes: p.Writes()}
	if at.typ.code == enip.STRUCT {
		if at.typ.name != profiles.ENIPString {
			return errors.New("a structure cannot show a point: name a member")
		}
		m.text = true
	}
	p.drive()
	t.maps = append(t.maps, m)
	return nil
}

// An enipPlace is what a path names in a tag.
type enipPlace struct {
	tag    *enipTag
	typ    *enipType
	offset int
	left   int // elements from here to the end of the array; 1 where there is none
	bit    int // of a BOOL in a structure; -1: whole bytes
}

var errNoMember = errors.New("there is no such member or element")

// within follows indices and members, as "[3].level", inside a tag.
func (d *enipDevice) within(t *enipTag, rest string) (enipPlace, error) {
	at := enipPlace{t, t.typ, 0, t.count, -1}
	size := t.size
	for rest != "" {
		if rest[0] == '[' {
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return at, errNoMember
			}
			var index []uint32
			for f := range strings.SplitSeq(rest[1:end], ",") {
				n, err := strconv.ParseUint(f, 10, 32)
				if err != nil {
					return at, errNoMember
				}
				index = append(index, uint32(n))
			}
			if !at.element(size, index) {
				return at, errNoMember
			}
			size, rest = nil, rest[end+1:]
			continue
		}
		rest = strings.TrimPrefix(rest, ".")
		name := rest
		if i := strings.IndexAny(rest, ".["); i >= 0 {
			name = rest[:i]
		}
		rest = rest[len(name):]
		var ok bool
		if size, ok = at.member(name); !ok {
			return at, errNoMember
		}
	}
	return at, nil
}

// element steps to an element of an array. Where no dimension is left, or fewer, it is not there.
func (p *enipPlace) element(size []int, index []uint32) bool {
	if len(index) != len(size) || len(size) == 0 {
		return false
	}
	n, all := 0, 1
	for i, d := range size {
		if index[i] >= uint32(d) {
			return false
		}
		n = n*d + int(index[i])
		all *= d
	}
	p.offset += n * p.typ.size
	p.left = all - n
	return true
}

// member steps to a member of a structure, and gives its dimensions.
func (p *enipPlace) member(name string) ([]int, bool) {
	for i := range p.typ.members {
		m := &p.typ.members[i]
		if !strings.EqualFold(m.name, name) {
			continue
		}
		p.offset += m.offset
		p.typ, p.left, p.bit = m.typ, max(m.count, 1), m.bit
		if m.count > 0 {
			return []int{m.count}, true
		}
		return nil, true
	}
	return nil, false
}

// find follows a path: a symbol, or an instance of class Symbol, then indices and members.
func (d *enipDevice) find(p enip.Path) (at enipPlace, status uint8, extended uint16) {
	s, rest, ok := p.Next()
	if !ok {
		return at, enip.PathSegmentError, 0
	}
	var t *enipTag
	var lower [256]byte
	switch {
	case s.Kind == enip.SegmentSymbol:
		name := lowered(lower[:0], s.Bytes)
		if t = d.tags[string(name)]; t != nil && t.typ != nil {
			break
		}
		switch next, after, ok := rest.Next(); { // Program:Main, then the tag: its name, or its number
		case !ok:
		case next.Kind == enip.SegmentSymbol && len(name)+len(next.Bytes) < 255:
			t, rest = d.tags[string(lowered(append(name, '.'), next.Bytes))], after
		case next.Kind == enip.SegmentClass && next.Value == enip.ClassSymbol:
			if next, after, ok = after.Next(); ok && next.Kind == enip.SegmentInstance {
				t, rest = d.symbolAt(string(name), next.Value), after
			}
		}
	case s.Kind == enip.SegmentClass && s.Value == enip.ClassSymbol:
		if s, rest, ok = rest.Next(); ok && s.Kind == enip.SegmentInstance {
			t = d.symbolAt("", s.Value)
		}
	}
	if t == nil || t.typ == nil {
		return at, enip.PathSegmentError, 0
	}
	at = enipPlace{t, t.typ, 0, t.count, -1}
	size := t.size
	var index [3]uint32
	for len(rest) > 0 {
		n := 0
		for ; n < len(index); n++ {
			s, next, ok := rest.Next()
			if !ok || s.Kind != enip.SegmentMember {
				break
			}
			index[n], rest = s.Value, next
		}
		if n > 0 {
			if len(size) != n {
				return at, enip.PathDestinationUnknown, 0
			}
			if !at.element(size, index[:n]) {
				return at, enip.GeneralError, enip.BeyondEnd
			}
			size = nil
			continue
		}
		s, next, _ := rest.Next()
		if s.Kind != enip.SegmentSymbol {
			return at, enip.PathSegmentError, 0
		}
		if size, ok = at.member(string(s.Bytes)); !ok {
			return at, enip.PathSegmentError, 0
		}
		rest = next
	}
	return at, enip.Success, 0
}

func lowered(dst, b []byte) []byte {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// live says whether a point decides what its bytes hold: there is no recording of them, or it has ended. A
// write to the point by anyone ends it.
func (t *enipTag) live(st *State, m *enipMapping) bool {
	playing := false
	for i := t.first(m.offset); i < len(t.cells) && t.cells[i].offset < m.offset+m.size; i++ {
		if c := t.cells[i].cell; !c.Live() && t.cells[i].over(m.offset, m.size, m.bit) {
			if m.point.Writes() != m.writes {
				c.End(st)
			} else {
				playing = true
			}
		}
	}
	return !playing
}

// show writes a point's value into memory.
func (t *enipTag) show(m *enipMapping) {
	dst := t.memory[m.offset : m.offset+m.size]
	v := m.point.Get()
	switch {
	case m.text:
		text := m.point.Text()
		text = text[:min(len(text), enipStringLength)]
		clear(dst)
		binary.LittleEndian.PutUint32(dst, uint32(len(text)))
		copy(dst[4:], text)
	case m.bit >= 0:
		dst[0] &^= 1 << m.bit
		if v.Bool() {
			dst[0] |= 1 << m.bit
		}
	default:
		var held [8]byte
		copy(dst, enipEncode(held[:0], m.typ, v))
	}
}

// set sets a point from the bytes written over it. One that cannot be written refuses what would change it.
func (t *enipTag) set(st *State, m *enipMapping, offset int, data []byte) uint8 {
	if t.live(st, m) {
		t.show(m)
	}
	var b [88]byte
	now := b[:copy(b[:], t.memory[m.offset:m.offset+m.size])]
	same := true
	for i := range now {
		if at := m.offset + i - offset; at >= 0 && at < len(data) {
			same = same && now[i] == data[at]
			now[i] = data[at]
		}
	}
	if same {
		return enip.Success
	}
	var v Value
	switch {
	case m.text:
		n := min(int(binary.LittleEndian.Uint32(now)), enipStringLength)
		v = TextValue(string(now[4 : 4+max(n, 0)]))
	case m.bit >= 0:
		v = BoolValue(now[0]>>m.bit&1 == 1)
		if v.Bool() == (t.memory[m.offset]>>m.bit&1 == 1) {
			return enip.Success
		}
	default:
		v = enipDecode(m.typ, now)
	}
	switch err := m.point.Set(v); {
	case errors.Is(err, ErrReadOnly):
		return enip.PrivilegeViolation
	case err != nil:
		return enip.InvalidParameterValue
	}
	return enip.Success
}
