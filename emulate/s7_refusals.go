package emulate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// openRefusals finds out how this CPU refuses: as the profile says, else as it was seen to where it was asked for
// what it has not.
func (s *s7Service) openRefusals() error {
	refused := func(code uint8) s7comm.Value { return s7comm.Value{ReturnCode: code} }
	s.noDB, s.outside = refused(s7comm.CodeNotExisting), refused(s7comm.CodeOutOfRange)
	for _, key := range slices.Sorted(maps.Keys(s.items)) {
		v, _ := s.items[key].Peek(s.st)
		if key[0] != 'r' || len(key) != 11 || key[1] != s7comm.SyntaxAny || len(v) < 4 || v[0] == s7comm.CodeSuccess {
			continue
		}
		area, db := s7comm.Area(key[7]), uint16(key[5])<<8|uint16(key[6])
		switch {
		case area == s7comm.AreaDB && s.dbs[db] == nil:
			s.noDB = refused(v[0])
		case s.memory(area, db) != nil && (v[0] == s7comm.CodeOutOfRange || v[0] == s7comm.CodeNotExisting):
			s.outside = refused(v[0])
		}
	}
	said := s.sec.Refuse
	said.Area = cmp.Or(said.Area, said.Outside)
	s.noArea = s.outside
	for _, x := range []struct {
		text string
		to   *s7comm.Value
	}{{said.DB, &s.noDB}, {said.Outside, &s.outside}, {said.Area, &s.noArea}} {
		if x.text == "" {
			continue
		}
		var ok bool
		if *x.to, ok = s7Refusal(x.text); !ok {
			return fmt.Errorf("refuse: %q is no refusal", x.text)
		}
	}
	s.openListRefusals(said.SZL)
	return s.openSizes()
}

func s7Refusal(text string) (v s7comm.Value, ok bool) {
	v.ReturnCode, v.TransportSize, v.Length, ok = profiles.ParseS7Refusal(text)
	return v, ok
}

// openListRefusals finds out how lists are refused, and indexes of lists.
func (s *s7Service) openListRefusals(said string) {
	type refusal struct {
		error      uint16
		code, size uint8
	}
	whole := func(r refusal) profiles.S7Answer {
		return profiles.S7Answer{Error: r.error, ReturnCode: r.code, TransportSize: r.size}
	}
	count, most := map[refusal]int{}, refusal{s7NoInfo, s7comm.CodeNotExisting, 0}
	byID := map[uint16]map[refusal]int{}
	for k, l := range s.lists {
		a := profiles.S7Answer{ReturnCode: s7comm.CodeSuccess}
		switch {
		case l.cell != nil:
			v, _ := l.cell.Peek(s.st)
			a, _ = profiles.ParseS7Answer(v)
		case l.refused != nil:
			a = *l.refused
		default:
			a.Data = l.data
		}
		id, index := uint16(k>>16), uint16(k)
		if profiles.FormatSZLError(a) == "" {
			continue
		}
		r := refusal{a.Error, a.ReturnCode, a.TransportSize}
		count[r]++
		if index != 0 {
			if byID[id] == nil {
				byID[id] = map[refusal]int{}
			}
			byID[id][r]++
		}
	}
	less := func(a, b refusal) bool { return cmp.Or(cmp.Compare(a.error, b.error), cmp.Compare(a.code, b.code)) < 0 }
	mostly := func(count map[refusal]int, most refusal) refusal {
		for r, n := range count {
			if n > count[most] || n == count[most] && less(r, most) {
				most = r
			}
		}
		return most
	}
	s.noList = whole(mostly(count, most))
	if a, ok := profiles.SZLError(said); ok {
		s.noList = a
	}
	for _, id := range [...]uint16{0x001C, 0x0011} {
		if l := s.lists[listKey(id, 1)]; l != nil {
			if z, ok := s7comm.ParseSZL(s.held(l)); ok {
				s.indexed = &z
			}
		}
	}
	s.noIndex = map[uint16]profiles.S7Answer{}
	for id, n := range byID {
		s.noIndex[id] = whole(mostly(n, refusal{}))
	}
}

// An s7Size is a transport size asked for, in an area of bytes or of timers or counters.
type s7Size struct {
	area s7comm.Area // of timers or counters; 0: any other
	size uint8
}

// An s7SizeRule is what items of one size get: their bytes in another, or a refusal.
type s7SizeRule struct {
	size    uint8
	refusal s7comm.Value // unless its code is 0
}

func s7SizeOf(i *s7comm.Item) s7Size {
	if i.Area == s7comm.AreaTimers || i.Area == s7comm.AreaCounters {
		return s7Size{i.Area, i.TransportSize}
	}
	return s7Size{0, i.TransportSize}
}

func (s *s7Service) openSizes() error {
	for key, said := range s.sec.Sizes {
		var k s7Size
		letters, digits, counted := strings.Cut(key, "/")
		if counted {
			k.area, _ = s7comm.ParseArea(letters)
		} else {
			digits = key
		}
		size, err := strconv.ParseUint(digits, 16, 8)
		var rule s7SizeRule
		as, err2 := strconv.ParseUint(said, 16, 32)
		if len(said) == 2 {
			rule.size = uint8(as)
		} else {
			rule.refusal, _ = s7Refusal(said)
		}
		if err != nil || err2 != nil {
			return fmt.Errorf("sizes: %s: %q is not understood", key, said)
		}
		k.size = uint8(size)
		if s.sizes == nil {
			s.sizes = map[s7Size]s7SizeRule{}
		}
		s.sizes[k] = rule
	}
	return nil
}
