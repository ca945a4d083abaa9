package clone

import (
	"encoding/hex"
	"fmt"
	"time"

	"ringer/capture"
	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// s7Area names an area; DB counts for data blocks only.
type s7Area struct {
	area s7comm.Area
	db   uint16
}

func areaOf(area s7comm.Area, db uint16) s7Area {
	if area != s7comm.AreaDB && area != s7comm.AreaInstanceDB {
		db = 0
	}
	return s7Area{area, db}
}

func (a s7Area) String() string { return profiles.S7AreaName(a.area.String(), a.db) }

// s7Memory is what is known of an area, byte by byte, in pages.
type s7Memory struct {
	pages map[int]*[s7Page]profiles.Track
	at    int // the page used last
	page  *[s7Page]profiles.Track
	end   int // behind the last known byte
	spill *profiles.Spill

	trends map[int]*Trend // of bytes that move
}

const s7Page = 64

func (l *s7Learner) area(a s7Area, x *capture.Exchange) *s7Memory {
	m := l.memory[a]
	if m == nil {
		m = &s7Memory{pages: map[int]*[s7Page]profiles.Track{}, at: -1, spill: l.s.spill}
		l.memory[a] = m
		l.s.Saw(l.s.fact("area "+a.String()), x)
	}
	return m
}

func (m *s7Memory) track(offset int) *profiles.Track {
	if n := offset / s7Page; n != m.at {
		p := m.pages[n]
		if p == nil {
			p = &[s7Page]profiles.Track{}
			for i := range p {
				p[i].SpillTo(m.spill)
			}
			m.pages[n] = p
		}
		m.at, m.page = n, p
	}
	m.end = max(m.end, offset+1)
	return &m.page[offset%s7Page]
}

// add adds a reading of some bytes, or a write of them.
func (l *s7Learner) add(m *s7Memory, offset int, values []byte, write bool, at time.Time) {
	for i := range values {
		t := m.track(offset + i)
		t.Add(values[i:i+1], write)
		if t.Runs() > 1 && !write {
			l.s.beside.heard(s7Here{m, offset + i}, at, uint64(values[i]))
			l.byteMoved(m, offset+i, values[i], at)
		}
	}
}

// bit is the byte as it is after one of its bits is seen; the others are carried forward.
func (m *s7Memory) bit(offset, bit int, v byte) byte {
	var b byte
	if t := m.track(offset); t.Runs() > 0 {
		b = t.Last().Value[0]
	}
	return b&^(1<<bit) | v&1<<bit
}

// s7Item is an S7ANY item as a key.
type s7Item struct {
	write   bool
	size    uint8
	count   uint16
	db      uint16
	area    s7comm.Area
	address uint32
}

// s7ItemSeen counts how often an item got its bytes; once it gets anything else, track has what.
type s7ItemSeen struct {
	n     int
	track *profiles.Track
}

// seen files what an item got: nil for its bytes, else what it got instead.
func (l *s7Learner) seen(i *s7comm.Item, write bool, instead []byte, x *capture.Exchange) {
	plain := i.Syntax == s7comm.SyntaxAny && i.Raw == nil
	if !plain {
		if name := s7ItemName(i, write); instead != nil || l.cells[name] != nil {
			l.sample(name, instead, x)
		}
		return
	}
	k := s7Item{write, i.TransportSize, i.Count, i.DB, i.Area, i.Address}
	s := l.items[k]
	if s == nil {
		if len(l.items) >= s7CellsMax {
			return
		}
		s = &s7ItemSeen{}
		l.items[k] = s
	}
	if instead != nil && s.track == nil {
		name := s7ItemName(i, write)
		for range s.n {
			l.sample(name, nil, nil)
		}
		l.sample(name, instead, x)
		s.track = l.cells[name]
		return
	}
	if s.track != nil {
		s.track.Add(instead, false)
		return
	}
	s.n++
}

func s7ItemName(i *s7comm.Item, write bool) string {
	verb := "read"
	if write {
		verb = "write"
	}
	return fmt.Sprintf("item %s %s", verb, hex.EncodeToString(i.AppendSpec(nil)))
}

func (l *s7Learner) readVar(x *capture.Exchange, q *s7comm.ReadVar, reply wire.Message) bool {
	r, ok := reply.(*s7comm.ReadVarReply)
	if !ok || len(r.Values) != len(q.Items) || r.ErrorClass != 0 || r.ErrorCode != 0 {
		return false
	}
	size := 14
	for i := range q.Items {
		l.readItem(&q.Items[i], &r.Values[i], x)
		size += 4 + (len(r.Values[i].Data)+1)&^1
	}
	l.pduSeen = max(l.pduSeen, size-1)
	return true
}

func (l *s7Learner) readItem(i *s7comm.Item, v *s7comm.Value, x *capture.Exchange) {
	if i.Syntax == s7comm.SyntaxDBRead && l.readRanges(i, v, x) {
		return
	}
	offset, size, ok := i.Span()
	if !ok || v.ReturnCode != s7comm.CodeSuccess || len(v.Data) != size || offset+size > s7AreaMax || !l.usualSize(i, v) {
		b := append([]byte{v.ReturnCode, v.TransportSize, byte(v.Length >> 8), byte(v.Length)}, v.Data...)
		l.seen(i, false, b, x)
		return
	}
	l.seen(i, false, nil, x)
	m := l.area(areaOf(i.Area, i.DB), x)
	if i.TransportSize == s7comm.SizeBit {
		b := m.bit(offset, i.Bit(), v.Data[0])
		l.add(m, offset, []byte{b}, false, x.At)
		return
	}
	l.add(m, offset, v.Data, false, x.At)
	l.number(i, areaOf(i.Area, i.DB), offset, v.Data, x.At)
}

// s7AreaMax bounds addresses: 24 bits of bit address reach a little further than memory does.
const s7AreaMax = 1 << 16

// readRanges learns from a DBREAD item: for every range a return code and its bytes.
func (l *s7Learner) readRanges(i *s7comm.Item, v *s7comm.Value, x *capture.Exchange) bool {
	d := v.Data
	for _, r := range i.Ranges {
		n := 1 + int(r.Size)
		if len(d) < n || d[0] != s7comm.CodeSuccess || int(r.Start)+int(r.Size) > s7AreaMax {
			return false
		}
		d = d[n:]
	}
	if len(d) > 0 || v.ReturnCode != s7comm.CodeSuccess || v.TransportSize != s7comm.DataOctets || int(v.Length) != len(v.Data) {
		return false
	}
	l.seen(i, false, nil, x)
	d = v.Data
	for _, r := range i.Ranges {
		l.add(l.area(areaOf(s7comm.AreaDB, r.DB), x), int(r.Start), d[1:1+int(r.Size)], false, x.At)
		d = d[1+int(r.Size):]
	}
	return true
}

// repeatItem adds the last reading of an item's bytes once more.
func (l *s7Learner) repeatItem(i *s7comm.Item) {
	m := l.memory[areaOf(i.Area, i.DB)]
	offset, size, ok := i.Span()
	if m == nil || !ok || offset+size > m.end {
		return
	}
	for k := range size {
		if t := m.track(offset + k); t.Runs() > 0 {
			t.Add(t.Last().Value, false)
		}
	}
}

func (l *s7Learner) writeVar(x *capture.Exchange, q *s7comm.WriteVar, reply wire.Message) bool {
	r, ok := reply.(*s7comm.WriteVarReply)
	if !ok || len(r.ReturnCodes) != len(q.Items) || len(q.Values) != len(q.Items) || r.ErrorClass != 0 || r.ErrorCode != 0 {
		return false
	}
	for k := range q.Items {
		i, v := &q.Items[k], &q.Values[k]
		offset, size, ok := i.Span()
		if code := r.ReturnCodes[k]; code != s7comm.CodeSuccess || !ok || len(v.Data) != size || offset+size > s7AreaMax {
			l.seen(i, true, []byte{code}, x)
			continue
		}
		l.seen(i, true, nil, x)
		m := l.area(areaOf(i.Area, i.DB), x)
		if i.TransportSize == s7comm.SizeBit {
			l.add(m, offset, []byte{m.bit(offset, i.Bit(), v.Data[0])}, true, x.At)
			continue
		}
		l.add(m, offset, v.Data, true, x.At)
	}
	return true
}
