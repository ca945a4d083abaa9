package s7comm

import "iter"

// An SZL is a system status list as it is sent, its parts joined: a head of four words, then records of
// one length. ("System Software for S7-300/400", chapter "System Status Lists".)
type SZL struct {
	ID           uint16 // bits 0-7 the list, 8-11 which part of it, 12-15 the class of module
	Index        uint16
	RecordLength uint16
	Count        uint16
	Data         []byte // the records
}

const szlHead = 8

// ParseSZL reads a list. ok is false where it is too short to be one. Data refers to b.
func ParseSZL(b []byte) (s SZL, ok bool) {
	if len(b) < szlHead {
		return s, false
	}
	w := func(i int) uint16 { return uint16(b[i])<<8 | uint16(b[i+1]) }
	return SZL{w(0), w(2), w(4), w(6), b[szlHead:]}, true
}

// Append writes a list.
func (s *SZL) Append(b []byte) []byte {
	for _, w := range [...]uint16{s.ID, s.Index, s.RecordLength, s.Count} {
		b = append(b, byte(w>>8), byte(w))
	}
	return append(b, s.Data...)
}

// Records yields the whole records that are there.
func (s *SZL) Records() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		n := int(s.RecordLength)
		for d, i := s.Data, 0; n > 0 && len(d) >= n && i < int(s.Count); d, i = d[n:], i+1 {
			if !yield(d[:n:n]) {
				return
			}
		}
	}
}
