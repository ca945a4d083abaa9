package clone

import (
	"encoding/binary"
	"strings"

	"ringer/capture/enip"
)

// enipAskTag is a tag to be read.
type enipAskTag struct {
	name    string
	path    enip.Path
	symbol  enip.Symbol // zero: it was named, and in no list
	count   int         // elements
	each    int         // bytes of an elementary one; 0: not known
	values  []byte      // when it was read last
	refused bool
	moves   bool
}

// enipListings are what lists of symbols are asked for: all that is of use, else what old devices know.
var enipListings = [][]uint16{
	{enip.SymbolName, enip.SymbolType, enip.SymbolSize, enip.SymbolDimensions, enip.SymbolAccess},
	{enip.SymbolName, enip.SymbolType, enip.SymbolDimensions},
	{enip.SymbolName, enip.SymbolType},
}

// Bounds on lists and definitions.
const (
	enipPagesMost      = 4096
	enipTemplatesMost  = 2000
	enipDefinitionMost = 1 << 16
)

func enipNumbers(numbers []uint16) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(numbers)))
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint16(b, n)
	}
	return b
}

// symbols lists the tags, on the first way that knows any, and those of every program.
func (a *enipAsking) symbols() error {
	a.known = map[uint16]bool{}
	for _, m := range a.found {
		a.way = m.way
		for _, listing := range enipListings {
			a.expect(1)
			there, programs, err := a.symbolsOf("", listing)
			if err != nil {
				return err
			}
			if !there {
				continue
			}
			for _, p := range programs {
				a.expect(1)
				if _, _, err := a.symbolsOf(p, listing); err != nil {
					return err
				}
			}
			a.tagWay = m.way
			a.remark(Fact, "%d tags, %d programs", len(a.tags), len(programs))
			return a.named(m.way)
		}
	}
	a.remark(NotThere, "lists of tags")
	if len(a.found) == 0 {
		return nil
	}
	way, err := a.readable()
	if err != nil {
		return err
	}
	return a.named(way)
}

// readable is the first way on which one of the tags that the user named can be read; some devices read tags
// only of what is sent on.
func (a *enipAsking) readable() (enip.Path, error) {
	for _, text := range a.Tags {
		p, _, err := parseENIPTag(text)
		if err != nil {
			return nil, err
		}
		for _, m := range a.found {
			a.way = m.way
			a.expect(1)
			r, err := a.ask(enip.Request{Service: enip.ReadTag, Path: p, Data: []byte{1, 0}})
			if err != nil {
				return nil, err
			}
			if r != nil && (r.Status == enip.Success || r.Status == enip.PartialTransfer) {
				return m.way, nil
			}
		}
	}
	return a.found[0].way, nil
}

// named adds the tags that the user named.
func (a *enipAsking) named(way enip.Path) error {
	a.tagWay = way
	for _, text := range a.Tags {
		p, count, err := parseENIPTag(text)
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(text, "*")
		a.tags = append(a.tags, enipAskTag{name: name, path: p, count: count})
	}
	return nil
}

// symbolsOf lists symbols page by page; there: the device has such lists.
func (a *enipAsking) symbolsOf(program string, listing []uint16) (there bool, programs []string, err error) {
	var path enip.Path
	if program != "" {
		path = path.AppendSymbol(program)
	}
	next := uint32(0)
	for page := 0; ; page++ {
		r, err := a.ask(enip.Request{Service: enip.GetInstanceAttributeList, Data: enipNumbers(listing),
			Path: path.AppendLogical(enip.SegmentClass, enip.ClassSymbol).AppendLogical(enip.SegmentInstance, next)})
		if err != nil {
			return there, programs, err
		}
		if r == nil || r.Status != enip.Success && r.Status != enip.PartialTransfer {
			return there, programs, nil
		}
		there = true
		list, _ := enip.ParseSymbols(listing, r.Data)
		if r.Status == enip.Success && len(list) == 0 {
			return there, programs, nil
		}
		last := next
		for _, s := range list {
			if s.Instance >= next {
				next = s.Instance + 1
				programs = a.symbol(program, s, programs)
			}
		}
		switch {
		case r.Status == enip.Success:
			return there, programs, nil
		case next <= last:
			a.remark(Suspicious, "the list of tags does not go on after %d", last)
			return there, programs, nil
		case page >= enipPagesMost || len(a.tags) >= a.TagsMost:
			a.remark(Suspicious, "the list of tags has no end: %d are read", len(a.tags))
			return there, programs, nil
		}
		a.expect(1)
	}
}

// symbol notes a symbol of a list: a program, or a tag that can be read.
func (a *enipAsking) symbol(program string, s enip.Symbol, programs []string) []string {
	name := s.Name
	if program != "" {
		name = program + "." + s.Name
	}
	if program == "" && len(s.Name) > 8 && strings.EqualFold(s.Name[:8], "program:") && len(programs) < enipListedMost {
		return append(programs, s.Name)
	}
	path, err := enipTagPath(name)
	if err != nil || s.Type&enip.SymbolSystem != 0 || len(a.tags) >= a.TagsMost {
		return programs
	}
	count := 1
	dimensions := enip.DimensionsOf(s.Type)
	for i := range dimensions {
		count = min(count*int(min(max(s.Sizes[i], 1), 1<<20)), 1<<20)
	}
	if t := s.Template(); t != 0 {
		a.need(t)
	} else if _, ok := enip.ElementaryOf(s.Type); !ok {
		return programs
	}
	a.tags = append(a.tags, enipAskTag{name: name, path: path, symbol: s, count: count})
	return programs
}

// need puts a template on the list of those to ask for.
func (a *enipAsking) need(template uint16) {
	if !a.known[template] && len(a.known) < enipTemplatesMost {
		a.known[template] = true
		a.todo = append(a.todo, template)
	}
}

// templates reads the definitions of structures, and of those within them.
func (a *enipAsking) templates() error {
	a.way = a.tagWay
	for i := 0; i < len(a.todo); i++ {
		a.expect(2)
		if err := a.template(a.todo[i]); err != nil {
			return err
		}
	}
	if len(a.todo) > 0 {
		a.remark(Fact, "%d structures", len(a.todo))
	}
	return nil
}

func (a *enipAsking) template(number uint16) error {
	le := binary.LittleEndian
	path := enip.ObjectPath(enip.ClassTemplate, uint32(number))
	asked := []uint16{enip.TemplateDefinition, enip.TemplateBytes, enip.TemplateMembers, enip.TemplateHandle}
	r, err := a.ask(enip.Request{Service: enip.GetAttributeList, Path: path, Data: enipNumbers(asked)})
	if err != nil || r == nil || r.Status != enip.Success {
		return err
	}
	words, members := 0, 0
	list, _ := enip.SplitAttributeList(asked, r.Data, func(n uint16) int { return enip.TemplateAttributeSize(n) })
	for _, v := range list {
		switch {
		case v.Status != enip.Success:
		case v.Number == enip.TemplateDefinition:
			words = int(min(le.Uint32(v.Value), enipDefinitionMost))
		case v.Number == enip.TemplateMembers:
			members = int(le.Uint16(v.Value))
		}
	}
	// What it says of its length is longer than what can be read; clients ask for so much.
	whole := min(4*words-20, enipDefinitionMost-1)
	var text []byte
	for len(text) < whole {
		data := le.AppendUint32(nil, uint32(len(text)))
		r, err := a.ask(enip.Request{Service: enip.ReadTag, Path: path, Data: le.AppendUint16(data, uint16(whole-len(text)))})
		if err != nil {
			return err
		}
		if r == nil || r.Status != enip.Success && r.Status != enip.PartialTransfer || len(r.Data) == 0 {
			break
		}
		text = append(text, r.Data...)
		if r.Status == enip.Success {
			break
		}
		a.expect(1)
	}
	_, fields, ok := enip.ParseTemplate(text, members)
	if !ok {
		a.remark(Suspicious, "the definition of structure %d cannot be read", number)
		return nil
	}
	for _, m := range fields {
		if t := enip.TemplateOf(m.Type); t != 0 {
			a.need(t)
		}
	}
	return nil
}
