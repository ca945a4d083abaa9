package clone

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ringer/capture/enip"
	"ringer/profiles"
)

// finishTags lists the tags: those that a list had, and others that were read or written by name.
func (l *enipLearner) finishTags(out *Output) error {
	types, err := l.finishTypes(out)
	if err != nil {
		return err
	}
	for _, key := range l.symbols.order {
		l.section.Tags = append(l.section.Tags, l.listedTag(key, types))
	}
	slices.SortStableFunc(l.section.Tags, func(a, b profiles.ENIPTag) int {
		return cmp.Or(cmp.Compare(strings.ToLower(enipProgram(a.Name)), strings.ToLower(enipProgram(b.Name))), cmp.Compare(a.Instance, b.Instance))
	})
	var others []*enipTagSeen
	for key, t := range l.tags {
		if l.symbols.byName[key] == nil {
			others = append(others, t)
		}
	}
	slices.SortFunc(others, func(a, b *enipTagSeen) int { return a.order - b.order })
	for _, t := range others {
		tag := profiles.ENIPTag{Name: t.name, Type: l.typeSeen(t, types), Size: t.size}
		if enipFits(t.bytes, t.size) {
			l.section.Tags = append(l.section.Tags, tag)
		}
	}
	return nil
}

// enipProgram is the program of a tag, "" for those of the controller.
func enipProgram(name string) string {
	base, _ := enip.CutTag(name)
	if len(base) > 8 && strings.EqualFold(base[:8], "program:") {
		program, _, tag := strings.Cut(base, ".")
		if tag {
			return program
		}
	}
	return ""
}

func enipFits(each int, size []int) bool {
	n := each
	for _, d := range size {
		n = min(n*max(d, 1), profiles.ENIPTypeBytes+1)
	}
	return n > 0 && n <= profiles.ENIPTypeBytes
}

// listedTag is a tag as the list had it.
func (l *enipLearner) listedTag(key string, types map[uint32]string) profiles.ENIPTag {
	s, seen := l.symbols.byName[key], l.tags[key]
	tag := profiles.ENIPTag{Name: s.Name, Instance: s.Instance, Symbol: s.Type, ReadOnly: s.Access == 2}
	each, plain := 0, s.Type
	if number := s.Template(); number != 0 && s.Type&enip.SymbolSystem == 0 {
		if tag.Type = types[uint32(number)]; tag.Type == "" {
			tag.Type = l.unknownType(uint32(number), s, seen, types)
		}
		each = enipTypeBytes(l.section, tag.Type)
		plain = enip.SymbolStruct | number
	} else if t, ok := enip.ElementaryOf(s.Type); ok {
		tag.Type, each, plain = t.String(), t.Size(), uint16(t)
	}
	if tag.Type == "" {
		return tag
	}
	for i := range enip.DimensionsOf(s.Type) {
		n := int(min(s.Sizes[i], profiles.ENIPTypeBytes+1))
		if s.Sizes[0] == 0 && seen != nil && i < len(seen.size) {
			n = seen.size[i]
		}
		tag.Size = append(tag.Size, max(n, 1))
	}
	if !enipFits(each, tag.Size) {
		tag.Type, tag.Size, tag.ReadOnly = "", nil, false
		return tag
	}
	if tag.Symbol == plain|uint16(len(tag.Size))<<13 {
		tag.Symbol = 0
	}
	return tag
}

func enipTypeBytes(s *profiles.ENIP, name string) int {
	if name == profiles.ENIPString {
		return 88
	}
	if t := s.Types[name]; t != nil {
		return t.Bytes
	}
	return 0
}

// unknownType is a structure whose definition was not read: as long as the list says, or as what was read.
func (l *enipLearner) unknownType(number uint32, s *enip.Symbol, seen *enipTagSeen, types map[uint32]string) string {
	t := &profiles.ENIPType{ID: uint16(number), Bytes: int(s.Size)}
	if p := l.symbols.templates[number]; p != nil {
		t.Handle = p.handle
		t.Bytes = max(t.Bytes, p.bytes)
	}
	if seen != nil && seen.kind == enip.STRUCT {
		t.Handle, t.Bytes = binary.LittleEndian.Uint16(seen.head[2:]), seen.bytes
	}
	if t.Bytes == 0 || t.Bytes > profiles.ENIPTypeBytes {
		return ""
	}
	name := fmt.Sprintf("Template%03X", number)
	l.setType(name, t)
	types[number] = name
	return name
}

func (l *enipLearner) setType(name string, t *profiles.ENIPType) {
	if l.section.Types == nil {
		l.section.Types = map[string]*profiles.ENIPType{}
	}
	l.section.Types[name] = t
}

// typeSeen names the type of a tag that was read, and in no list: by its handle.
func (l *enipLearner) typeSeen(t *enipTagSeen, types map[uint32]string) string {
	if t.kind != enip.STRUCT {
		return t.kind.String()
	}
	handle := binary.LittleEndian.Uint16(t.head[2:])
	for _, number := range slices.Sorted(maps.Keys(types)) {
		if name := types[number]; l.section.Types[name] != nil && l.section.Types[name].Handle == handle && l.section.Types[name].Bytes == t.bytes {
			return name
		}
	}
	if handle == enipStringHandle && t.bytes == 88 {
		return profiles.ENIPString
	}
	name := fmt.Sprintf("Handle%04X_%d", handle, t.bytes)
	l.setType(name, &profiles.ENIPType{Handle: handle, Bytes: t.bytes})
	return name
}

// enipStringHandle is the handle and the number of the template of STRING.
const enipStringHandle = 0x0FCE

// finishTypes writes the structures whose definitions were read, and names them by their numbers.
func (l *enipLearner) finishTypes(out *Output) (map[uint32]string, error) {
	l.measureTypes()
	types := map[uint32]string{}
	taken := map[string]bool{profiles.ENIPString: true}
	var whole []uint32
	for _, number := range slices.Sorted(maps.Keys(l.symbols.templates)) {
		p := l.symbols.templates[number]
		switch {
		case !l.sound(number, 0):
		case number == enipStringHandle && p.handle == enipStringHandle && p.bytes == 88 && p.name == profiles.ENIPString:
			types[number] = profiles.ENIPString
		default:
			whole = append(whole, number)
			name := p.name
			if _, elementary := enip.ParseType(name); elementary || taken[name] {
				name = fmt.Sprintf("%s_%d", name, number)
			}
			taken[name] = true
			types[number] = name
		}
	}
	for _, number := range whole {
		p := l.symbols.templates[number]
		t := &profiles.ENIPType{ID: uint16(number), Handle: p.handle, Bytes: p.bytes}
		for i := range p.list {
			t.Members = append(t.Members, enipMemberOf(&p.list[i], types))
		}
		t.Definition = fmt.Sprintf("enip/%s-%03x.bin", l.s.Name(), number)
		if err := out.file(t.Definition, p.text); err != nil {
			return nil, err
		}
		l.setType(types[number], t)
	}
	return types, nil
}

// measureTypes finds how long the structures are of which nobody asked: as tags of theirs were.
func (l *enipLearner) measureTypes() {
	for _, key := range l.symbols.order {
		s, seen := l.symbols.byName[key], l.tags[key]
		p := l.symbols.templates[uint32(s.Template())]
		switch {
		case p == nil || p.bytes > 0:
		case seen != nil && seen.kind == enip.STRUCT:
			p.bytes = seen.bytes
		default:
			p.bytes = int(s.Size)
		}
	}
}

func enipMemberOf(m *enip.TemplateMember, types map[uint32]string) profiles.ENIPMember {
	offset := int(m.Offset)
	member := profiles.ENIPMember{Name: m.Name, Offset: &offset}
	if number := enip.TemplateOf(m.Type); number != 0 {
		member.Type = types[uint32(number)]
	} else {
		t, _ := enip.ElementaryOf(m.Type)
		member.Type = t.String()
		if t == enip.BOOL {
			member.Bit = int(m.Info)
		}
	}
	if enip.DimensionsOf(m.Type) > 0 {
		member.Size = int(m.Info)
	}
	return member
}

// enipNestMax bounds structures in structures.
const enipNestMax = 12

// sound says whether a definition is one that a profile can have: all within its size, of types that are
// known, and none within itself.
func (l *enipLearner) sound(number uint32, depth int) bool {
	p := l.symbols.templates[number]
	if p == nil || !p.whole || depth > enipNestMax || p.bytes > profiles.ENIPTypeBytes || number > 0xFFF {
		return false
	}
	if p.checked != 0 {
		return p.checked > 0
	}
	p.checked = -1 // within itself
	end := 0
	for i := range p.list {
		m := &p.list[i]
		each, n := 0, 1
		if inner := enip.TemplateOf(m.Type); inner != 0 {
			if !l.sound(uint32(inner), depth+1) {
				return false
			}
			each = l.symbols.templates[uint32(inner)].bytes
		} else if t, ok := enip.ElementaryOf(m.Type); ok {
			each = t.Size()
			if t == enip.BOOL && (m.Info > 31 || enip.DimensionsOf(m.Type) > 0) {
				return false
			}
		} else {
			return false
		}
		if enip.DimensionsOf(m.Type) > 0 {
			n = int(m.Info)
		}
		if n == 0 {
			return false
		}
		end = max(end, int(m.Offset)+each*n)
	}
	if p.bytes == 0 {
		p.bytes = (end + 3) / 4 * 4
	}
	if end > p.bytes || p.bytes > profiles.ENIPTypeBytes {
		return false
	}
	p.checked = 1
	return true
}
