package emulate

import (
	"bytes"
	"fmt"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// s7List is one system status list: recorded answers in a cell, or one that stays.
type s7List struct {
	cell     *Cell
	data     []byte
	refused  *profiles.S7Answer
	ethernet bool // shows the address that the client connected to
}

func listKey(id, index uint16) uint32 { return uint32(id)<<16 | uint32(index) }

const s7ListMax = 1 << 20

func (s *s7Service) openLists() error {
	for name, file := range s.sec.SZL {
		id, index, err := profiles.ParseSZL(name)
		if err != nil {
			return err
		}
		if s.lists[listKey(id, index)] != nil {
			continue // it moved: samples say how
		}
		l := &s7List{}
		if a, refused := profiles.SZLError(file); refused {
			l.refused = &a
		} else if l.data, err = s.dev.ReadFile(file, s7ListMax); err != nil {
			return fmt.Errorf("szl %s: %w", name, err)
		}
		s.lists[listKey(id, index)] = l
	}
	if id := &s.dev.Identity; len(s.lists) == 0 && (id.Order != "" || id.Model != "") {
		s.synthesize()
	}
	if s.lists[listKey(0, 0)] == nil && len(s.lists) > 0 {
		s.listAll()
	}
	if l := s.lists[listKey(0, 0)]; l != nil {
		if z, ok := s7comm.ParseSZL(s.held(l)); ok {
			s.listed = map[uint16]bool{}
			for r := range z.Records() {
				if len(r) >= 2 {
					s.listed[uint16(r[0])<<8|uint16(r[1])] = true
				}
			}
		}
	}
	return nil
}

// held is a list as it is, without taking a sample.
func (s *s7Service) held(l *s7List) []byte {
	if l.cell == nil {
		return l.data
	}
	v, _ := l.cell.Peek(s.st)
	a, err := profiles.ParseS7Answer(v)
	if err != nil {
		return nil
	}
	return a.Data
}

// list answers the question for a list: as recorded, else as it is made, else as another list implies.
func (x *s7Session) list(id, index uint16) (profiles.S7Answer, Origin) {
	s := x.s
	l := s.lists[listKey(id, index)]
	if id&0xFF == 0x24 || id&0xFF == 0x74 {
		if a, ok := s.modeList(l, id, index); ok {
			return a, Point
		}
	}
	if l == nil {
		return x.derive(id, index)
	}
	if l.cell != nil {
		v, from := l.cell.Read(x.st)
		if a, err := profiles.ParseS7Answer(v); err == nil {
			return a, from
		}
	}
	if l.ethernet {
		return x.ethernet(l.data), Modelled
	}
	if l.refused != nil {
		return *l.refused, Recorded
	}
	return s7Listed(l.data), Recorded
}

func s7Listed(data []byte) profiles.S7Answer {
	return profiles.S7Answer{ReturnCode: s7comm.CodeSuccess, TransportSize: s7comm.DataOctets, Data: data}
}

// Parts of lists, bits 8 to 11 of an id.
const (
	partAll    = 0x0
	partOne    = 0x1
	partIndex  = 0x2
	partHeader = 0xF
)

// derive makes a part of a list from the whole of it. What the device does not list in 0x0000, it has not,
// and indexes that are not known get what one gets that no list has.
func (x *s7Session) derive(id, index uint16) (profiles.S7Answer, Origin) {
	s := x.s
	odd := s.lists[listKey(id, profiles.S7NoIndex)]
	if s.listed != nil && !s.listed[id] && odd == nil {
		return s.noList, Refused
	}
	part, whole := id>>8&0xF, id&^0x0F00
	l := s.lists[listKey(whole, 0)]
	if l == nil && part == partIndex {
		l = s.lists[listKey(whole|partOne<<8, index)]
	}
	z, known := s7comm.SZL{}, false
	if l != nil {
		z, known = s7comm.ParseSZL(s.held(l))
	}
	if known && (part == partOne || part == partIndex) {
		want := []byte{byte(index >> 8), byte(index)}
		out := s7comm.SZL{ID: id, Index: index, RecordLength: z.RecordLength}
		for r := range z.Records() {
			if bytes.HasPrefix(r, want) {
				out.Count++
				out.Data = append(out.Data, r...)
			}
		}
		if out.Count > 0 {
			return s7Listed(out.Append(nil)), Modelled
		}
	}
	switch {
	case odd != nil:
		return s.withIndex(s.answerOf(odd), index)
	case known && part == partHeader:
		out := s7comm.SZL{ID: id, Index: index, RecordLength: z.RecordLength, Count: z.Count}
		return s7Listed(out.Append(nil)), Modelled
	case known && part == partAll && index != 0: // the whole list, whatever the index
		z.Index = index
		return s7Listed(z.Append(nil)), Modelled
	}
	return s.noList, Refused
}

// withIndex is the answer to an index that no list has, as another one gets it.
func (s *s7Service) withIndex(a profiles.S7Answer, index uint16) (profiles.S7Answer, Origin) {
	if profiles.FormatSZLError(a) != "" {
		return a, Refused
	}
	if z, ok := s7comm.ParseSZL(a.Data); ok && z.Index == profiles.S7NoIndex {
		z.Index = index
		a.Data = z.Append(nil)
	}
	return a, Modelled
}
