package emulate

import (
	"cmp"
	"encoding/hex"
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
	s.openBlockRefusals()
	return s.openSizes()
}

func s7Refusal(text string) (v s7comm.Value, ok bool) {
	v.ReturnCode, v.TransportSize, v.Length, ok = profiles.ParseS7Refusal(text)
	return v, ok
}

// openListRefusals finds out how lists are refused: as the profile says, else as most were.
func (s *s7Service) openListRefusals(said string) {
	s.noList = profiles.S7Answer{Error: s7NoInfo, ReturnCode: s7comm.CodeNotExisting}
	count := map[string]int{}
	for _, l := range s.lists {
		if said := profiles.FormatSZLError(s.answerOf(l)); said != "" {
			count[said]++
		}
	}
	for _, text := range slices.Sorted(maps.Keys(count)) {
		if said == "" || count[text] > count[said] && s.sec.Refuse.SZL == "" {
			said = text
		}
	}
	if a, ok := profiles.SZLError(said); ok {
		s.noList = a
	}
}

// answerOf is what a list gets, without taking a sample.
func (s *s7Service) answerOf(l *s7List) profiles.S7Answer {
	switch {
	case l.cell != nil:
		v, _ := l.cell.Peek(s.st)
		a, _ := profiles.ParseS7Answer(v)
		return a
	case l.refused != nil:
		return *l.refused
	}
	return s7Listed(l.data)
}

// openBlockRefusals finds out how the CPU was seen to refuse uploads, and the information on blocks.
func (s *s7Service) openBlockRefusals() {
	s.noUpload, s.kept = s7NoBlock, s7Protected
	for _, name := range slices.Sorted(maps.Keys(s.cells)) {
		digits, ok := strings.CutPrefix(name, fmt.Sprintf("job %02x", s7comm.FuncStartUpload))
		parameter, err := hex.DecodeString(digits)
		if !ok || err != nil || len(parameter) != 17 { // a transfer, and a name of nine letters
			continue
		}
		v, _ := s.cells[name].Peek(s.st)
		r, err := profiles.ParseS7Reply(v)
		if err != nil || r.ErrorClass == 0 {
			continue
		}
		said := uint16(r.ErrorClass)<<8 | uint16(r.ErrorCode)
		if s.hasBlock(string(parameter[8:])) {
			s.kept = said
		} else {
			s.noUpload = said
		}
	}
	prefix := fmt.Sprintf("userdata %d/%d ", s7comm.GroupBlock, s7comm.BlockInfo)
	for _, name := range slices.Sorted(maps.Keys(s.cells)) {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		v, _ := s.cells[name].Peek(s.st)
		if a, err := profiles.ParseS7Answer(v); err == nil && profiles.FormatSZLError(a) != "" {
			s.noInfo = &a
			return
		}
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
