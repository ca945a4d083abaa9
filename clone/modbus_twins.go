package clone

import (
	"bytes"

	"ringer/capture"
	"ringer/capture/modbus"
)

// A device on TCP answers to 255 or 0 (messaging guide, section 4.4.2), and many answer to the identifier of a
// serial line that was set in them, too, which is mostly 1. Both are one unit then: whoever writes a register by
// the one reads it by the other. Two units behind a gateway may be of one kind, with the same map, and are still
// two; so this is only asked of the device itself and another identifier.
//
// Whoever scans asks both the same questions in turns (modbus_ask_twins.go). Where all answers are the same at
// the same moments, and there are enough of them, they are one.

// modbusTwins is what two identifiers said to the same questions.
type modbusTwins struct {
	agreed   map[string]bool // questions; false: at no moment yet
	values   map[uint16]bool // of registers, 0 aside
	named    bool            // they say who they are
	refusals int
}

const (
	modbusTwinsLeast  = 12 // different questions
	modbusTwinsValues = 4  // different values, or a name
)

// add takes what both said to a question, one right after the other; nil: nothing.
func (t *modbusTwins) add(question string, mine, theirs modbus.Message) (agree bool) {
	if t.agreed == nil {
		t.agreed, t.values = map[string]bool{}, map[uint16]bool{}
	}
	agree = mine != nil && theirs != nil && bytes.Equal(modbusBare(mine), modbusBare(theirs))
	t.agreed[question] = t.agreed[question] || agree
	if !agree {
		return false
	}
	switch r := mine.(type) {
	case *modbus.Exception:
		t.refusals++
	case *modbus.ReadDeviceIDResponse:
		t.named = t.named || len(r.Objects) > 0
	case *modbus.ReadRegistersResponse:
		for i := 0; i+1 < len(r.Registers) && len(t.values) < modbusTwinsValues; i += 2 {
			if v := uint16(r.Registers[i])<<8 | uint16(r.Registers[i+1]); v != 0 {
				t.values[v] = true
			}
		}
	}
	return true
}

// one says whether they are the same unit.
func (t *modbusTwins) one() bool {
	for _, agreed := range t.agreed {
		if !agreed {
			return false
		}
	}
	return len(t.agreed) >= modbusTwinsLeast && t.refusals > 0 && (t.named || len(t.values) >= modbusTwinsValues)
}

// modbusBare is a message without transaction and unit.
func modbusBare(m modbus.Message) []byte {
	h := m.Head()
	was := *h
	*h = modbus.Header{Trailing: was.Trailing}
	b, _ := m.Append(nil)
	*h = was
	return b
}

const (
	// modbusPreludeMost exchanges are held until it is clear whether the device itself has another identifier.
	modbusPreludeMost = 1 << 12
	// modbusApart questions to the device itself that were not asked in turns: somebody wants to know it for itself.
	modbusApart = 4
	// modbusTwinsOver exchanges behind the last one with the device itself, whoever compared it is done.
	modbusTwinsOver = 8
)

// A modbusTwinSearch watches the prelude for questions that were asked of the device itself and another
// identifier in turns.
type modbusTwinSearch struct {
	itself uint8
	twins  map[uint8]*modbusTwins // by the other identifier
	apart  int
	quiet  int // exchanges since the last one with the device itself
	last   *capture.Exchange
	paired bool // last was
}

// newTwinSearch begins, if there are two to be compared.
func newTwinSearch(prelude []capture.Exchange) *modbusTwinSearch {
	var answered [256]bool
	others := false
	for i := range prelude {
		if id := prelude[i].Request.(modbus.Message).Head().Unit; !modbusNobody(&prelude[i]) {
			answered[id] = true
			others = others || id > 0 && id < modbusReservedFirst
		}
	}
	if !others || !answered[0] && !answered[255] {
		return nil
	}
	s := &modbusTwinSearch{twins: map[uint8]*modbusTwins{}}
	if answered[255] {
		s.itself = 255
	}
	for i := range prelude {
		s.add(&prelude[i])
	}
	return s
}

// add takes the next exchange. over: there is nothing more to come of it.
func (s *modbusTwinSearch) add(x *capture.Exchange) (over bool) {
	before, wasPaired := s.last, s.paired
	s.last, s.paired = x, false
	mine := x.Request.(modbus.Message).Head().Unit == s.itself
	s.quiet++
	if mine {
		s.quiet = 0
	}
	if before != nil {
		theirs := before.Request.(modbus.Message).Head().Unit == s.itself
		if mine != theirs {
			s.paired = s.pair(before, x, theirs)
		}
		if theirs && !wasPaired && !s.paired {
			s.apart++
		}
	}
	return s.apart > modbusApart || s.quiet >= modbusTwinsOver && s.found() != nil
}

// pair compares two exchanges, one of them with the device itself.
func (s *modbusTwinSearch) pair(x, y *capture.Exchange, first bool) bool {
	if !first {
		x, y = y, x
	}
	other := y.Request.(modbus.Message)
	id := other.Head().Unit
	question := modbusBare(other)
	if id == 0 || id >= modbusReservedFirst || !bytes.Equal(question, modbusBare(x.Request.(modbus.Message))) {
		return false
	}
	t := s.twins[id]
	if t == nil {
		t = &modbusTwins{}
		s.twins[id] = t
	}
	t.add(string(question), modbusSaid(x), modbusSaid(y))
	return true
}

func modbusSaid(x *capture.Exchange) modbus.Message {
	if len(x.Replies) == 0 {
		return nil
	}
	m, _ := x.Replies[0].(modbus.Message)
	return m
}

// found is the other identifier of the device itself; nil: none is known.
func (s *modbusTwinSearch) found() *uint8 {
	if s.apart > modbusApart {
		return nil
	}
	for id := range 256 {
		if t := s.twins[uint8(id)]; t != nil && t.one() {
			return new(uint8(id))
		}
	}
	return nil
}
