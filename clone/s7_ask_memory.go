package clone

import (
	"bytes"
	"context"
	"fmt"

	"ringer/capture/s7comm"
)

// An s7Span is some elements of an area.
type s7Span struct {
	s7Area
	from, n int
}

// An s7Round is one job of a reading of memory, with what it gave the last time.
type s7Round struct {
	spans  []s7Span
	values [][]byte // nil: refused
}

const (
	s7ValueHead  = 4  // of a value
	s7ValuesHead = 14 // of an answer with values
)

// contents reads all of the memory that was found.
func (a *s7Asking) contents() error {
	var spans []s7Span
	for _, e := range a.found {
		spans = append(spans, s7Span{e.s7Area, 0, e.low})
	}
	a.rounds = a.pack(spans)
	a.expect(len(a.rounds))
	splits := 0
	for i := range a.rounds {
		r := &a.rounds[i]
		values, err := a.readSpans(r.spans)
		if err != nil {
			return err
		}
		r.values = values
		for k := range values {
			if values[k] == nil {
				if err := a.readParts(r.spans[k], &splits); err != nil {
					return err
				}
			}
		}
	}
	if splits > 0 {
		a.remark(Suspicious, "memory has parts that are refused between others that are not")
	}
	return nil
}

// pack makes as few jobs of spans as go: a span that fits into one answer is not cut.
func (a *s7Asking) pack(spans []s7Span) (jobs []s7Round) {
	room, items := 0, 0
	add := func(s s7Span) {
		need := s7ValueHead + (s.n*s.unit()+1)&^1
		if len(jobs) == 0 || need > room || items == 0 {
			jobs = append(jobs, s7Round{})
			room, items = a.pdu-s7ValuesHead, a.items
		}
		room -= need
		items--
		last := &jobs[len(jobs)-1]
		last.spans = append(last.spans, s)
	}
	for _, s := range spans {
		most := max(1, (a.pdu-s7ValuesHead-s7ValueHead)&^1/s.unit())
		for s.n > most {
			add(s7Span{s.s7Area, s.from, most})
			s.from += most
			s.n -= most
		}
		add(s)
	}
	return jobs
}

// readSpans reads spans in one job; nil for one that is refused.
func (a *s7Asking) readSpans(spans []s7Span) ([][]byte, error) {
	items := make([]s7comm.Item, len(spans))
	for i, s := range spans {
		items[i] = s.item(s.from, s.n)
	}
	got := make([][]byte, len(spans))
	values, whole, _, err := a.read(items...)
	if err != nil {
		return nil, err
	}
	if whole == s7Values {
		for i := range values {
			if values[i].ReturnCode == s7comm.CodeSuccess {
				got[i] = values[i].Data
			}
		}
	}
	return got, nil
}

// s7SplitsMax bounds the questions for parts of what is refused as a whole.
const s7SplitsMax = 64

// readParts reads the halves of a span that was refused, and so on.
func (a *s7Asking) readParts(s s7Span, splits *int) error {
	if s.n < 2 {
		return nil
	}
	for _, half := range [...]s7Span{{s.s7Area, s.from, s.n / 2}, {s.s7Area, s.from + s.n/2, s.n - s.n/2}} {
		if *splits == s7SplitsMax {
			return nil
		}
		*splits++
		a.expect(1)
		values, err := a.readSpans([]s7Span{half})
		if err != nil {
			return err
		}
		if values[0] == nil {
			if err := a.readParts(half, splits); err != nil {
				return err
			}
		}
	}
	return nil
}

// s7MovedMax bounds the numbers that are followed.
const s7MovedMax = 1024

// again reads memory once more, then what had moved by itself, and the clock and the mode with it.
func (a *s7Asking) again() error {
	for sample := 1; sample < a.Samples; sample++ {
		if err := a.pause(); err != nil {
			return err
		}
		if sample == 1 {
			a.expect(len(a.rounds) + 2)
			for i := range a.rounds {
				r := &a.rounds[i]
				values, err := a.readSpans(r.spans)
				if err != nil {
					return err
				}
				for k, s := range r.spans {
					a.moved = append(a.moved, s.moved(r.values[k], values[k])...)
				}
			}
			if len(a.moved) > s7MovedMax {
				a.moved = a.moved[:s7MovedMax]
			}
		} else {
			jobs := a.pack(a.moved)
			a.expect(len(jobs) + 2)
			for _, j := range jobs {
				if _, err := a.readSpans(j.spans); err != nil {
					return err
				}
			}
		}
		if err := a.clock(); err != nil {
			return err
		}
		if err := a.mode(); err != nil {
			return err
		}
		if len(a.moved) == 0 {
			break
		}
	}
	if len(a.moved) > 0 {
		a.remark(Fact, "%d places in memory move", len(a.moved))
	}
	return nil
}

// follow leaves what moved to be read with other protocols, and with it the data blocks where they are few: a
// program keeps its values there.
func (a *s7Asking) follow() {
	var whole, others []s7Span
	for _, e := range a.found {
		if e.area == s7comm.AreaDB {
			whole = append(whole, s7Span{e.s7Area, 0, e.low})
		}
	}
	if len(a.pack(whole)) > togetherRest {
		whole = nil
	}
	for _, s := range a.moved {
		if !s.area.Counted() && (whole == nil || s.area != s7comm.AreaDB) {
			others = append(others, s)
		}
	}
	jobs := a.pack(append(whole, others...))
	jobs = jobs[:min(len(jobs), togetherMost)]
	a.v.follow(follower{protocol: s7Name, port: a.port, moved: len(a.moved), questions: len(jobs), handshake: 2, hangUp: a.close, read: func(context.Context) error {
		for _, j := range jobs {
			if _, err := a.readSpans(j.spans); err != nil {
				return err
			}
		}
		return nil
	}})
}

// mode reads the operating mode once more.
func (a *s7Asking) mode() error {
	delete(a.known, s7comm.SZLRequest{ID: 0x0424})
	_, err := a.list(0x0424, 0)
	return err
}

// pause waits between two samples, unless the last one was only remembered.
func (a *s7Asking) pause() error {
	asked := int64(0)
	for _, t := range a.v.Tallies() {
		if t.Protocol == s7Name {
			asked = t.Asked
		}
	}
	if asked == a.asked {
		return nil
	}
	a.asked = asked
	return sleep(a.ctx, a.Every)
}

// moved are the numbers in a span that have changed, as CPUs align them: at even bytes, two of them or four.
// Timers and counters are elements of their own.
func (s s7Span) moved(was, is []byte) (all []s7Span) {
	if len(was) != len(is) || len(is) == 0 {
		return nil
	}
	if s.area.Counted() {
		for i := 0; i+2 <= len(is); i += 2 {
			if !bytes.Equal(was[i:i+2], is[i:i+2]) {
				all = append(all, s7Span{s.s7Area, s.from + i/2, 1})
			}
		}
		return all
	}
	word := func(i int) bool {
		return i+2 <= len(is) && !bytes.Equal(was[i:i+2], is[i:i+2])
	}
	i := s.from % 2
	if i == 1 && was[0] != is[0] {
		all = append(all, s7Span{s.s7Area, s.from, 1})
	}
	for ; i < len(is); i += 2 {
		switch {
		case word(i) && word(i+2):
			all = append(all, s7Span{s.s7Area, s.from + i, 4})
			i += 2
		case word(i):
			all = append(all, s7Span{s.s7Area, s.from + i, 2})
		case i+1 == len(is) && was[i] != is[i]:
			all = append(all, s7Span{s.s7Area, s.from + i, 1})
		}
	}
	return all
}

// summary says what memory was found.
func (a *s7Asking) summary() {
	if len(a.found) == 0 {
		return
	}
	var areas []string
	size, dbs := 0, 0
	for _, e := range a.found {
		if e.area == s7comm.AreaDB {
			dbs++
			size += e.low
			continue
		}
		areas = append(areas, fmt.Sprintf("%s 0-%d", e, e.low-1))
	}
	if len(areas) > 0 {
		a.remark(Fact, "memory: %s", shortList(areas))
	}
	if dbs > 0 {
		a.remark(Fact, "%d data blocks of %d bytes in all", dbs, size)
	}
}
