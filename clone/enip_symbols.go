package clone

import (
	"encoding/binary"
	"strings"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/profiles"
)

// enipSymbols is what lists of symbols and definitions of structures told (1756-PM020, "Symbol Object" and
// "Template Object").
type enipSymbols struct {
	byName    map[string]*enip.Symbol // in lower case, with the program
	instances map[uint32]string       // of the controller's, by their number
	order     []string
	templates map[uint32]*enipTemplate
}

// An enipTemplate is the definition of a structure, as far as it was read.
type enipTemplate struct {
	handle  uint16
	count   int // of members
	bytes   int
	text    []byte
	members map[string]*enip.TemplateMember // by name in lower case, once it is read
	list    []enip.TemplateMember
	name    string
	whole   bool
	checked int8 // whether it is sound: 1 yes, -1 no, or not known yet
}

// Bounds on what definitions may take.
const (
	enipTemplatesMax  = 1 << 12
	enipTemplateBytes = 1 << 18
	enipMembersMax    = 1 << 14
)

// described learns from questions for symbols and templates what tags there are. The answers stay what they
// were: whoever asks in the same way gets the same.
func (l *enipLearner) described(x *capture.Exchange, q *enip.Request, r *enip.Response) {
	if r.Status != enip.Success && r.Status != enip.PartialTransfer {
		return
	}
	path, program := q.Path, ""
	if s, rest, ok := path.Next(); ok && s.Kind == enip.SegmentSymbol {
		path, program = rest, string(s.Bytes)+"."
	}
	t, ok := path.Target()
	switch {
	case !ok || !t.HasInstance || t.HasAttribute:
	case t.Class == enip.ClassSymbol && q.Service == enip.GetInstanceAttributeList:
		numbers, ok := enip.AttributeNumbers(q.Data)
		if !ok {
			return
		}
		list, _ := enip.ParseSymbols(numbers, r.Data)
		for i := range list {
			l.symbol(x, program, &list[i])
		}
	case t.Class == enip.ClassTemplate && q.Service == enip.ReadTag && len(q.Data) == 6 && program == "":
		l.template(t.Instance).read(int(binary.LittleEndian.Uint32(q.Data)), r.Data)
	}
}

// symbol notes what a list says of one symbol.
func (l *enipLearner) symbol(x *capture.Exchange, program string, s *enip.Symbol) {
	if s.Name == "" || s.Type == 0 || !enipNamed(s.Name) || !enipNamed(program) || len(program)+len(s.Name) > 255 {
		return
	}
	s.Name = program + s.Name
	key := strings.ToLower(s.Name)
	if known := l.symbols.byName[key]; known != nil {
		known.Size, known.Access = max(known.Size, s.Size), max(known.Access, s.Access)
		if s.Sizes != ([3]uint32{}) {
			known.Sizes = s.Sizes
		}
		return
	}
	if len(l.symbols.order) >= enipCellsMax {
		return
	}
	l.symbols.byName[key] = s
	l.symbols.order = append(l.symbols.order, key)
	if program == "" {
		l.symbols.instances[s.Instance] = s.Name
	}
	l.s.Saw(l.s.fact("tags/"+s.Name), x)
}

// enipNamed says whether a name can be one of a symbol: nothing that paths and indices are made of.
func enipNamed(name string) bool {
	for _, c := range []byte(name) {
		if c < 0x20 || c > 0x7E || c == '[' || c == ']' || c == ',' || c == ' ' {
			return false
		}
	}
	return true
}

// template is that of a number, made if need be.
func (l *enipLearner) template(number uint32) *enipTemplate {
	t := l.symbols.templates[number]
	if t == nil {
		t = &enipTemplate{}
		if len(l.symbols.templates) < enipTemplatesMax {
			l.symbols.templates[number] = t
		}
	}
	return t
}

// defined notes attributes of templates.
func (l *enipLearner) defined(t enip.Target, attribute uint32, v []byte) {
	if t.Class != enip.ClassTemplate || t.Instance == 0 || attribute > 0xFFFF || len(v) != enip.TemplateAttributeSize(uint16(attribute)) {
		return
	}
	p, le := l.template(t.Instance), binary.LittleEndian
	switch attribute {
	case enip.TemplateHandle:
		p.handle = le.Uint16(v)
	case enip.TemplateMembers:
		p.count = min(int(le.Uint16(v)), enipMembersMax)
	case enip.TemplateBytes:
		p.bytes = int(min(le.Uint32(v), profiles.ENIPTypeBytes+1))
	}
	p.parse()
}

// read takes a part of the definition; parts come one behind the other.
func (p *enipTemplate) read(offset int, b []byte) {
	if p.whole || offset > len(p.text) || offset+len(b) > enipTemplateBytes || offset+len(b) <= len(p.text) {
		return
	}
	p.text = append(p.text[:offset], b...)
	p.parse()
}

// parse reads the definition once all of it is there.
func (p *enipTemplate) parse() {
	if p.whole || p.count == 0 {
		return
	}
	name, list, ok := enip.ParseTemplate(p.text, p.count)
	if !ok || name == "" || !enipNamed(name) {
		return
	}
	p.name, p.list, p.whole = name, list, true
	p.members = map[string]*enip.TemplateMember{}
	for i := range list {
		if !enipNamed(list[i].Name) || list[i].Name == "" || int(list[i].Offset) > profiles.ENIPTypeBytes {
			p.whole, p.count = false, 0 // it is none that a profile could have
			return
		}
		p.members[strings.ToLower(list[i].Name)] = &list[i]
	}
}

// has says whether the name of an element, with what of the tag is meant, is one that a decoy finds: without
// the definition of a structure its members are not.
func (l *enipLearner) has(base, rest string) bool {
	s := l.symbols.byName[strings.ToLower(base)]
	if s == nil {
		return !strings.Contains(rest, ".")
	}
	word, sizes := s.Type, s.Sizes[:enip.DimensionsOf(s.Type)]
	for rest != "" {
		if rest[0] == '[' {
			end := strings.IndexByte(rest, ']')
			index := enipIndex(rest[:max(end, 0)])
			if end < 0 || len(index) != len(sizes) {
				return false
			}
			for i, n := range index {
				if n >= sizes[i] {
					return false
				}
			}
			rest, sizes = rest[end+1:], nil
			continue
		}
		rest = strings.TrimPrefix(rest, ".")
		name, after := rest, ""
		if i := strings.IndexAny(rest, ".["); i >= 0 {
			name, after = rest[:i], rest[i:]
		}
		p := l.symbols.templates[uint32(enip.TemplateOf(word))]
		if p == nil || !p.whole {
			return false
		}
		m := p.members[strings.ToLower(name)]
		if m == nil {
			return false
		}
		word, sizes, rest = m.Type, nil, after
		if enip.DimensionsOf(m.Type) > 0 {
			sizes = []uint32{uint32(m.Info)}
		}
	}
	if word&enip.SymbolStruct != 0 {
		return true
	}
	_, ok := enip.ElementaryOf(word)
	return ok
}
