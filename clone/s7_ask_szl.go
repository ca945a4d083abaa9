package clone

import (
	"fmt"
	"slices"
	"strings"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// Bounds on lists: ids in list 0x0000, and indexes of one of them.
const (
	s7ListsMax   = 1024
	s7IndexesMax = 64
	// s7InVain indexes of a list are asked for where all are refused alike.
	s7InVain = 6
)

// Parts of lists, bits 8 to 11 of an id ("System Software for S7-300/400", chapter "System Status Lists").
const (
	szlAll     = 0x0
	szlIndexes = 0x3 // of list 0x0000: which indexes another list has
	szlHeader  = 0xF
)

// s7AlwaysLists are asked for whether or not the CPU lists them: what clients and scanners want to know of
// a CPU, and one that none has, to see how it is refused.
var s7AlwaysLists = [...]s7comm.SZLRequest{
	{ID: 0x0000, Index: profiles.S7NoIndex}, {ID: 0x0011}, {ID: 0x0011, Index: 1}, {ID: 0x001C}, {ID: 0x001C, Index: 1}, {ID: 0x0131}, {ID: 0x0131, Index: 1}, {ID: 0x0132},
	{ID: 0x0132, Index: 4}, {ID: 0x0232}, {ID: 0x0232, Index: 4}, {ID: 0x0424}, {ID: 0x0074}, {ID: 0x0019}, {ID: 0x0037}, {ID: 0x00A0}, {ID: 0x0FFE},
}

// s7Level is the list with the protection level.
var s7Level = s7comm.SZLRequest{ID: 0x0232, Index: 4}

// s7Indexes are those that lists have, beside what the CPU says itself.
var s7Indexes = map[uint16][]uint16{
	0x11: {1, 6, 7, 0x81},
	0x12: {0x0100, 0x0200, 0x0300},
	0x13: {1, 2, 3, 4, 5, 6, 7, 8, 9},
	0x15: {0x0800, 0x0A00, 0x0B00, 0x0C00, 0x0E00},
	0x1C: {1, 2, 3, 4, 5, 7, 8, 9, 0x0A, 0x0B},
	0x22: {1, 10, 20, 30, 35, 40, 50, 80, 82, 85, 86, 100},
	0x25: {1},
	0x31: {1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0A},
	0x32: {1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0A, 0x0B, 0x0C},
	0x36: {1, 2},
	0x37: {1},
	0x74: {1, 2, 3, 4, 5, 6, 7, 8, 0x0B, 0x0C, 0x0D, 0x15},
	0x90: {1},
	0x91: {0, 1, 2},
	0x94: {0, 1},
	0xA0: {1, 10}, // the newest so many
}

// lists reads the system status lists: list 0x0000, then all that it lists, with their indexes.
func (a *s7Asking) lists() error {
	a.expect(1 + len(s7AlwaysLists))
	said, err := a.list(0, 0)
	if err != nil {
		return err
	}
	if said.ok {
		a.listed = s7ListIDs(said.data)
	}
	if len(a.listed) > s7ListsMax {
		a.remark(Suspicious, "lists %d system status lists; the first %d are read", len(a.listed), s7ListsMax)
		a.listed = a.listed[:s7ListsMax]
	}
	whole := map[uint16][]byte{}
	read := 0
	for i, q := range s7AlwaysLists {
		if said, err = a.list(q.ID, q.Index); err != nil {
			return err
		}
		if i == 0 && !said.answered && len(a.listed) == 0 {
			a.remark(NotThere, "system status lists: no answer")
			return nil
		}
		if said.ok {
			read++
			if q.Index == 0 {
				whole[q.ID] = said.data
			}
			a.expect(1)
			if _, err := a.list(q.ID, profiles.S7NoIndex); err != nil {
				return err
			}
		}
		if q == s7Level && said.ok {
			a.protection(said.data)
		}
	}
	if line := namePlate(whole[0x0011], whole[0x001C]); line != "" {
		a.remark(Fact, "%s", line)
	}
	a.expect(len(a.listed))
	for _, id := range a.listed {
		n, err := a.listByIndex(id, whole)
		if err != nil {
			return err
		}
		read += n
	}
	if read == 0 {
		a.remark(NotThere, "system status lists: %s", said.refusal)
		return nil
	}
	a.remark(Fact, "%d system status lists, %d listed", read, len(a.listed))
	return nil
}

// list reads one list, unless that was done.
func (a *s7Asking) list(id, index uint16) (said s7Said, err error) {
	q := s7comm.SZLRequest{ID: id, Index: index}
	if a.known[q] {
		return said, nil
	}
	a.known[q] = true
	return a.userdata(fmt.Sprintf("SZL %04X/%04X", id, index), &s7comm.Userdata{
		Function: s7comm.Function{Group: s7comm.GroupCPU, Subfunction: s7comm.CPUReadSZL},
		Envelope: s7comm.Envelope{ReturnCode: s7comm.CodeSuccess, TransportSize: s7comm.DataOctets, Length: 4}, SZL: &q})
}

// listByIndex reads a list with index 0 and with those that it may have. whole has the lists that were read.
func (a *s7Asking) listByIndex(id uint16, whole map[uint16][]byte) (read int, err error) {
	said, err := a.list(id, 0)
	if err != nil {
		return 0, err
	}
	part := id >> 8 & 0xF
	if said.ok {
		read++
		whole[id] = said.data
	}
	if part == szlHeader || part == szlAll && whole[id] != nil {
		a.expect(1)
		_, err = a.list(id, profiles.S7NoIndex)
		return read, err
	}
	indexes, err := a.indexesOf(id, whole)
	if err != nil {
		return read, err
	}
	a.expect(1 + len(indexes))
	refusal, alike := "", 0
	if said, err = a.list(id, profiles.S7NoIndex); err != nil {
		return read, err
	}
	for i, index := range indexes {
		if said, err = a.list(id, index); err != nil {
			return read, err
		}
		switch {
		case said.ok:
			read++
			alike = -len(indexes)
		case said.answered && (alike == 0 || said.refusal == refusal):
			refusal = said.refusal
			alike++
		}
		if alike >= s7InVain {
			a.expect(i + 1 - len(indexes))
			break
		}
	}
	return read, nil
}

// indexesOf gives the indexes that a list may have: those that the CPU says it has, those that are usual, and
// those of the records of the whole list.
func (a *s7Asking) indexesOf(id uint16, whole map[uint16][]byte) ([]uint16, error) {
	var all []uint16
	if slices.Contains(a.listed, szlIndexes<<8) {
		said, err := a.list(szlIndexes<<8, id)
		if err != nil {
			return nil, err
		}
		if said.ok {
			all = append(all, s7ListIDs(said.data)...)
		}
	}
	all = append(all, s7Indexes[id&0xFF]...)
	if id&0xFF != 0xA0 {
		all = append(all, s7ListIDs(whole[id&^0x0F00])...)
	}
	var indexes []uint16
	for _, index := range all {
		if !slices.Contains(indexes, index) && len(indexes) < s7IndexesMax {
			indexes = append(indexes, index)
		}
	}
	return indexes, nil
}

// s7ListIDs are the first words of the records of a list: in list 0x0000 the ids of the others, in most others
// the index.
func s7ListIDs(b []byte) (ids []uint16) {
	z, ok := s7comm.ParseSZL(b)
	if !ok {
		return nil
	}
	seen := map[uint16]bool{}
	for r := range z.Records() {
		if len(r) < 2 {
			continue
		}
		if id := uint16(r[0])<<8 | uint16(r[1]); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// protection remarks the protection level, as the list with index 4 has it: by the mode switch, by the
// parameters, and what holds.
func (a *s7Asking) protection(b []byte) {
	z, ok := s7comm.ParseSZL(b)
	if !ok {
		return
	}
	for r := range z.Records() {
		if len(r) >= 10 && r[1] == 4 {
			a.remark(Fact, "protection level %d", r[7])
			return
		}
	}
}

// namePlate makes a line of what the identification lists say, for the summary.
func namePlate(order, component []byte) string {
	var parts []string
	text := func(b []byte) {
		s, _, _ := strings.Cut(string(b), "\x00")
		if s = strings.TrimSpace(s); printable(s) && !slices.Contains(parts, s) {
			parts = append(parts, s)
		}
	}
	if z, ok := s7comm.ParseSZL(order); ok {
		for r := range z.Records() {
			if len(r) >= 28 && r[0] == 0 && r[1] == 1 {
				text(r[2:22])
			}
			if len(r) >= 28 && r[1] == 7 && r[24] == 'V' {
				text(fmt.Appendf(nil, "V%d.%d.%d", r[25], r[26], r[27]))
			}
		}
	}
	if z, ok := s7comm.ParseSZL(component); ok {
		for r := range z.Records() {
			if len(r) >= 34 && r[0] == 0 && (r[1] == 7 || r[1] == 5 || r[1] == 1) {
				text(r[2:34])
			}
		}
	}
	return strings.Join(parts, ", ")
}
