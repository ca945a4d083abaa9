package clone

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// How a CPU refuses what it has not is learned as a rule: a scan that looks for the ends of memory is refused
// often, and a decoy is asked for other places than those.

// usualSize says whether a value came in the transport size that items of its kind get from this CPU: as most
// do, or as the first one.
func (l *s7Learner) usualSize(i *s7comm.Item, v *s7comm.Value) bool {
	name := profiles.S7SizeName(i.Area.String(), i.TransportSize)
	usual, known := l.sizes[name]
	if !known {
		usual = i.ValueSize()
		if i.TransportSize != s7comm.SizeBit && s7comm.Bytes(v.TransportSize, v.Data).Length == v.Length {
			usual = v.TransportSize
		}
		l.sizes[name] = usual
	}
	return v.TransportSize == usual
}

// finishRefusals finds the rules, and drops the cells that say no more than those.
func (l *s7Learner) finishRefusals(section *profiles.S7) {
	for name, as := range l.sizes {
		size, _ := hex.DecodeString(name[len(name)-2:])
		if usual := (&s7comm.Item{TransportSize: size[0]}).ValueSize(); as != usual {
			setSize(section, name, fmt.Sprintf("%02X", as))
		}
	}
	refused := map[string]map[string][]string{} // by rule, by value, the cells
	for _, name := range l.order {
		rule, value := l.refusal(name)
		if rule == "" {
			continue
		}
		if refused[rule] == nil {
			refused[rule] = map[string][]string{}
		}
		refused[rule][value] = append(refused[rule][value], name)
	}
	for _, rule := range slices.Sorted(maps.Keys(refused)) {
		most := ""
		for _, value := range slices.Sorted(maps.Keys(refused[rule])) {
			if len(refused[rule][value]) > len(refused[rule][most]) {
				most = value
			}
		}
		said := strings.ToUpper(hex.EncodeToString([]byte(most)))
		switch rule {
		case "db":
			if section.Refuse.DB = said; said == "0A000000" {
				section.Refuse.DB = ""
			}
		case "area":
			section.Refuse.Area = said
		case "outside":
			if section.Refuse.Outside = said; said == "05000000" {
				section.Refuse.Outside = ""
			}
		default:
			if _, known := l.sizes[rule]; known {
				continue
			}
			setSize(section, rule, said)
		}
		for _, name := range refused[rule][most] {
			delete(l.cells, name)
		}
	}
	if section.Refuse.Area == cmp.Or(section.Refuse.Outside, "05000000") {
		section.Refuse.Area = ""
	}
	l.finishListRefusals(section)
}

func setSize(section *profiles.S7, name, value string) {
	if section.Sizes == nil {
		section.Sizes = map[string]string{}
	}
	section.Sizes[name] = value
}

// refusal says which rule the refusal of an item is a case of, if the cell is one that was always refused alike.
func (l *s7Learner) refusal(name string) (rule, value string) {
	digits, ok := strings.CutPrefix(name, "item read ")
	t := l.cells[name]
	if !ok || t == nil || t.Moved() {
		return "", ""
	}
	spec, err := hex.DecodeString(digits)
	v := t.Last().Value
	if err != nil || len(spec) != 10 || spec[0] != s7comm.SyntaxAny || len(v) != 4 || v[0] == s7comm.CodeSuccess {
		return "", ""
	}
	i := s7comm.Item{Syntax: spec[0], TransportSize: spec[1], Count: uint16(spec[2])<<8 | uint16(spec[3]), DB: uint16(spec[4])<<8 | uint16(spec[5]),
		Area: s7comm.Area(spec[6]), Address: uint32(spec[7])<<16 | uint32(spec[8])<<8 | uint32(spec[9])}
	offset, size, ok := i.Span()
	m := l.memory[areaOf(i.Area, i.DB)]
	switch {
	case !ok:
		return "", ""
	case m == nil && i.Area == s7comm.AreaDB:
		return "db", string(v)
	case m == nil:
		return "area", string(v)
	case offset+size > m.end:
		return "outside", string(v)
	case i.TransportSize != s7comm.SizeByte && !i.Area.Counted():
		return profiles.S7SizeName(i.Area.String(), i.TransportSize), string(v)
	}
	return "", ""
}

// finishListRefusals does the same for system status lists: the rule is what those get that list 0x0000 has not.
func (l *s7Learner) finishListRefusals(section *profiles.S7) {
	records := func(id, index uint16) []uint16 {
		t := l.cells[profiles.S7List(id, index)]
		if t == nil {
			return nil
		}
		a, err := profiles.ParseS7Answer(t.Last().Value)
		if err != nil || a.Error != 0 {
			return nil
		}
		return s7ListIDs(a.Data)
	}
	listed := records(0, 0)
	if len(listed) == 0 {
		return
	}
	type refused struct {
		name, said string
		id, index  uint16
	}
	var all []refused
	strange, odd := map[string]int{}, map[uint16]string{}
	for _, name := range l.order {
		list, ok := strings.CutPrefix(name, "szl ")
		t := l.cells[name]
		if !ok || t == nil || t.Moved() {
			continue
		}
		a, err := profiles.ParseS7Answer(t.Last().Value)
		id, index, err2 := profiles.ParseSZL(list)
		said := profiles.FormatSZLError(a)
		if err != nil || err2 != nil || said == "" {
			continue
		}
		all = append(all, refused{name, said, id, index})
		if index == profiles.S7NoIndex {
			odd[id] = said
		}
		if !slices.Contains(listed, id) {
			strange[said]++
		}
	}
	for _, said := range slices.Sorted(maps.Keys(strange)) {
		if strange[said] > strange[section.Refuse.SZL] {
			section.Refuse.SZL = said
		}
	}
	for _, r := range all {
		part := r.id >> 8 & 0xF
		switch {
		case !slices.Contains(listed, r.id) && odd[r.id] == "":
			if r.said != section.Refuse.SZL {
				continue
			}
		case r.said != odd[r.id], r.index == 0, r.index == profiles.S7NoIndex, part == szlHeader, slices.Contains(records(r.id&^0x0F00, 0), r.index),
			l.cells[profiles.S7List(r.id&^0x0F00|0x0100, r.index)] != nil:
			continue // a decoy would make it from another list
		}
		delete(l.cells, r.name)
	}
}
