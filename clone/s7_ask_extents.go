package clone

import (
	"fmt"
	"slices"

	"ringer/capture/s7comm"
)

// s7ItemsMax is how many items CPUs take in one job.
const s7ItemsMax = 20

// An s7Extent is an area whose end is looked for. Elements are bytes, or the timers and counters.
type s7Extent struct {
	s7Area
	low, high int   // it has at least low elements, and at most high
	hints     []int // where to look first
	listed    bool  // the CPU says that it is there
	code      uint8 // of the first refusal
	silent    bool  // a question for it had no answer
}

// unit is how many bytes an element has.
func (a s7Area) unit() int {
	if a.area.Counted() {
		return 2
	}
	return 1
}

// item asks for n elements.
func (a s7Area) item(from, n int) s7comm.Item {
	i := s7comm.Item{Syntax: s7comm.SyntaxAny, TransportSize: s7comm.SizeByte, Count: uint16(n), DB: a.db, Area: a.area, Address: uint32(from) << 3}
	switch a.area {
	case s7comm.AreaTimers:
		i.TransportSize, i.Address = s7comm.SizeTimer, uint32(from)
	case s7comm.AreaCounters:
		i.TransportSize, i.Address = s7comm.SizeCounter, uint32(from)
	}
	return i
}

// whole is what a CPU's answer to a job as a whole comes to, where it has no values.
type s7Whole int

const (
	s7Values  s7Whole = iota // there are values, one for each item
	s7Silent                 // no answer
	s7Refused                // an error instead of values
)

// read asks for some items in one job.
func (a *s7Asking) read(items ...s7comm.Item) ([]s7comm.Value, s7Whole, string, error) {
	m, err := a.ask(&s7comm.ReadVar{Header: a.header(), Items: items})
	if err != nil || m == nil {
		return nil, s7Silent, "no answer", err
	}
	switch r := m.(type) {
	case *s7comm.ReadVarReply:
		if len(r.Values) == len(items) {
			return r.Values, s7Values, "", nil
		}
		return nil, s7Refused, fmt.Sprintf("%d values for %d items", len(r.Values), len(items)), nil
	case *s7comm.AckData:
		return nil, s7Refused, fmt.Sprintf("error %02X%02X", r.ErrorClass, r.ErrorCode), nil
	case *s7comm.Ack:
		return nil, s7Refused, fmt.Sprintf("error %02X%02X", r.ErrorClass, r.ErrorCode), nil
	}
	return nil, s7Refused, "an answer to something else", nil
}

// s7Probe asks whether an element is there.
type s7Probe struct {
	e  *s7Extent
	at int
}

// codes asks for the elements of some probes; the code of one that had no answer of its own is 0.
func (a *s7Asking) codes(probes []s7Probe) ([]uint8, error) {
	items := make([]s7comm.Item, len(probes))
	for i, p := range probes {
		items[i] = p.e.item(p.at, 1)
	}
	codes := make([]uint8, len(probes))
	values, whole, why, err := a.read(items...)
	if err != nil {
		return nil, err
	}
	switch {
	case whole == s7Values:
		a.many = a.many || len(items) > 1
		a.fails = 0
		for i := range values {
			codes[i] = values[i].ReturnCode
		}
	case len(items) > 1:
		if !a.many {
			a.items = 1 // until it is known better
		}
		a.expect(len(items))
		for i := range probes {
			one, err := a.codes(probes[i : i+1])
			if err != nil || a.noMemory {
				return codes, err
			}
			codes[i] = one[0]
		}
	default:
		probes[0].e.silent = whole == s7Silent
		if a.fails++; a.fails == s7FailsMax {
			a.noMemory = true
			a.remark(NotThere, "reading variables: %s", why)
		}
	}
	return codes, nil
}

// s7FailsMax jobs in a row without a value for any item, and memory is not asked for any more: so CPUs say that
// they do not let it be read.
const s7FailsMax = 5

// Ends of areas: beyond, no address reaches.
const (
	s7BytesMax   = 1 << 16
	s7CountedMax = 1 << 15
	// s7SinglyMax data blocks that are not listed are looked for where each takes a question of its own.
	s7SinglyMax = 64
)

// extents finds which areas and data blocks there are, and how far they reach.
func (a *s7Asking) extents() error {
	var all []*s7Extent
	for _, area := range [...]s7comm.Area{s7comm.AreaFlags, s7comm.AreaInputs, s7comm.AreaOutputs, s7comm.AreaTimers, s7comm.AreaCounters} {
		e := &s7Extent{s7Area: s7Area{area: area}, high: s7BytesMax, hints: []int{0}}
		if area.Counted() {
			e.high = s7CountedMax
		}
		all = append(all, e)
	}
	if err := a.findEnds(all); err != nil || a.noMemory {
		return err
	}
	all = append(all, a.dataBlocks()...)
	if err := a.findEnds(all[5:]); err != nil {
		return err
	}
	denied := 0
	for _, e := range all {
		switch {
		case e.low > 0:
			a.found = append(a.found, e)
		case e.code == s7comm.CodeAccessDenied:
			denied++
		case e.silent:
			a.remark(Suspicious, "%s: no answer when it is read", e)
		case e.listed:
			a.remark(NotThere, "%s is listed, but cannot be read: code %02X", e, e.code)
		}
	}
	if denied > 0 {
		a.remark(NotThere, "reading %d areas and data blocks: access denied (access from outside is off, or a protection level)", denied)
	}
	return a.sizes()
}

// dataBlocks are those the CPU lists, with the size that block info gives, and one that it does not list, to see
// how that is refused; or, where it does not list them, those that are to be looked for.
func (a *s7Asking) dataBlocks() (all []*s7Extent) {
	add := func(n int, listed bool, hints ...int) {
		all = append(all, &s7Extent{s7Area: s7Area{s7comm.AreaDB, uint16(n)}, high: s7BytesMax, hints: hints, listed: listed})
	}
	if !a.listing {
		to := a.DBs[1]
		if a.items == 1 && to-a.DBs[0] >= s7SinglyMax {
			to = a.DBs[0] + s7SinglyMax - 1
		}
		for n := a.DBs[0]; n <= to; n++ {
			add(n, false, 0)
		}
		return all
	}
	most := 0
	for _, db := range a.dbs {
		if most = max(most, db.number); db.size > 0 {
			add(db.number, true, db.size-1, db.size)
		} else {
			add(db.number, true, 0)
		}
	}
	if most < 0xFFFF {
		add(most+1, false, 0)
	}
	return all
}

// findEnds narrows the ends of all areas at once: each round, the elements that can be asked for in one job are
// shared among the areas whose end is not known.
func (a *s7Asking) findEnds(all []*s7Extent) error {
	for !a.noMemory {
		var open []*s7Extent
		for _, e := range all {
			if e.low < e.high && !e.silent {
				open = append(open, e)
			}
		}
		if len(open) == 0 {
			return nil
		}
		each := max(1, a.items/len(open))
		var probes []s7Probe
		for _, e := range open {
			for _, at := range e.points(each) {
				probes = append(probes, s7Probe{e, at})
			}
		}
		a.expect((len(probes) + a.items - 1) / a.items)
		for len(probes) > 0 && !a.noMemory {
			some := probes[:min(a.items, len(probes))]
			probes = probes[len(some):]
			codes, err := a.codes(some)
			if err != nil {
				return err
			}
			for i, p := range some {
				p.e.narrow(p.at, codes[i])
			}
		}
	}
	return nil
}

// points are the elements to ask for next: the hints, then such as divide what is not known into equal parts.
func (e *s7Extent) points(n int) (at []int) {
	hints := e.hints
	e.hints = nil
	for _, h := range hints {
		if h >= e.low && h < e.high {
			at = append(at, h)
		}
	}
	if len(at) > 0 {
		return at
	}
	n = min(n, e.high-e.low)
	for i := range n {
		at = append(at, e.low+(e.high-e.low)*(i+1)/(n+1))
	}
	return slices.Compact(at)
}

// narrow takes what the CPU said to one element.
func (e *s7Extent) narrow(at int, code uint8) {
	if code == s7comm.CodeSuccess {
		e.low = max(e.low, at+1)
		return
	}
	if e.code == 0 {
		e.code = code
	}
	e.high = min(e.high, at)
}

// sizes asks for one place in every transport size that clients use, to see in which each is given.
func (a *s7Asking) sizes() error {
	for _, e := range a.found {
		if e.area.Counted() || e.low < 4 {
			continue
		}
		var items []s7comm.Item
		for _, size := range [...]uint8{s7comm.SizeBit, s7comm.SizeChar, s7comm.SizeWord, s7comm.SizeInt, s7comm.SizeDWord, s7comm.SizeDInt, s7comm.SizeReal} {
			i := e.item(0, 1)
			i.TransportSize = size
			items = append(items, i)
		}
		a.expect((len(items) + a.items - 1) / a.items)
		for some := range slices.Chunk(items, a.items) {
			if _, _, _, err := a.read(some...); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}
