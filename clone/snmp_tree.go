package clone

import (
	"slices"
	"time"

	"ringer/capture/snmp"
	"ringer/profiles"
)

// An snmpTree is what is known of an agent's variables, in the order of a walk. Each node is an OID, and
// what is known of the stretch behind it, up to the next node: how often GETNEXT passed over it, which
// proves that nothing is there. Whether a variable exists is part of its track: an absence is a sample.
type snmpTree struct {
	chunks [][]*snmpNode // each sorted and not empty, in order
	size   int
	spill  *profiles.Spill
}

// snmpChunk is how many nodes a chunk takes before it is split.
const snmpChunk = 256

type snmpNode struct {
	oid   snmp.OID
	track profiles.Track
	aside []byte // a value that no sample gives: it was seen in an answer that is kept whole
	trend *snmpTrend
	at    time.Time // of the last sample

	seenBy     snmpViews // who was shown a value
	hiddenFrom snmpViews // who was told that there is none, while others were shown one
	skipped    uint64    // how often the variable was passed over before anything was known of it
	skippedBy  snmpViews
	passes     uint64 // how often the stretch behind was passed over
	passedBy   snmpViews
	open       bool // the stretch behind is known to reach the end of the tree
	written    bool
}

// snmpViews is a set of communities, by their number; the last one stands for all beyond it.
type snmpViews uint16

const snmpViewMax = 16

func (v snmpViews) has(i int) bool { return v&(1<<i) != 0 }
func (v *snmpViews) add(i int)     { *v |= 1 << i }

// find says where o is, or would be.
func (t *snmpTree) find(o snmp.OID) (chunk, i int, found bool) {
	chunk, found = slices.BinarySearchFunc(t.chunks, o, func(c []*snmpNode, o snmp.OID) int { return c[0].oid.Compare(o) })
	if found {
		return chunk, 0, true
	}
	if chunk == 0 {
		return 0, 0, false
	}
	chunk--
	i, found = slices.BinarySearchFunc(t.chunks[chunk], o, func(n *snmpNode, o snmp.OID) int { return n.oid.Compare(o) })
	return chunk, i, found
}

// get is the node of o, or nil.
func (t *snmpTree) get(o snmp.OID) *snmpNode {
	if c, i, ok := t.find(o); ok {
		return t.chunks[c][i]
	}
	return nil
}

// node is the node of o, made if it is not there; a new one inherits what is known of the stretch it is in.
func (t *snmpTree) node(o snmp.OID) *snmpNode {
	c, i, ok := t.find(o)
	if ok {
		return t.chunks[c][i]
	}
	n := &snmpNode{oid: slices.Clone(o)}
	n.track.SpillTo(t.spill)
	t.size++
	if len(t.chunks) == 0 {
		t.chunks = [][]*snmpNode{{n}}
		return n
	}
	if i > 0 {
		before := t.chunks[c][i-1]
		n.passes, n.passedBy, n.open = before.passes, before.passedBy, before.open
		n.skipped, n.skippedBy = before.passes, before.passedBy
	}
	chunk := slices.Insert(t.chunks[c], i, n)
	t.chunks[c] = chunk
	if len(chunk) > snmpChunk {
		at := len(chunk) / 2
		if c == len(t.chunks)-1 && i == len(chunk)-1 {
			at = len(chunk) - 1 // a walk appends: leave full chunks behind
		}
		rest := slices.Clone(chunk[at:])
		clear(chunk[at:])
		t.chunks[c] = chunk[:at]
		t.chunks = slices.Insert(t.chunks, c+1, rest)
	}
	return n
}

// from yields the nodes behind o, o itself too if it is one.
func (t *snmpTree) from(o snmp.OID) func(yield func(*snmpNode) bool) {
	return func(yield func(*snmpNode) bool) {
		c, i, _ := t.find(o)
		for ; c < len(t.chunks); c, i = c+1, 0 {
			for ; i < len(t.chunks[c]); i++ {
				if !yield(t.chunks[c][i]) {
					return
				}
			}
		}
	}
}

// all yields every node.
func (t *snmpTree) all(yield func(*snmpNode) bool) {
	for _, c := range t.chunks {
		for _, n := range c {
			if !yield(n) {
				return
			}
		}
	}
}

// pass notes that GETNEXT went from one OID to another (nil: to the end), in one of the views. Version 1
// passes over Counter64, which it does not have.
func (t *snmpTree) pass(from, to snmp.OID, view int, version snmp.Version) {
	t.node(from)
	if to != nil {
		t.node(to)
	}
	for n := range t.from(from) {
		if to != nil && n.oid.Compare(to) >= 0 {
			return
		}
		n.passes++
		n.passedBy.add(view)
		n.open = n.open || to == nil
		if !n.oid.Equal(from) && (version != snmp.V1 || !n.holds(snmp.TypeCounter64)) {
			n.missing(view, nil)
		}
	}
}

// holds says whether the last sample was of a type.
func (n *snmpNode) holds(t snmp.Type) bool {
	last := n.track.Last().Value
	return len(last) > 0 && snmp.Type(last[0]) == t
}

// missing notes that one of the views was told that there is nothing. kind is the tag of the exception,
// if there was one.
func (n *snmpNode) missing(view int, kind []byte) {
	if n.seenBy != 0 && !n.seenBy.has(view) {
		n.hiddenFrom.add(view)
		return
	}
	switch {
	case n.track.Runs() > 0:
		if last := n.track.Last().Value; kind == nil && snmpAbsent(last) {
			kind = last
		}
	case kind == nil:
		n.skipped++
		n.skippedBy.add(view)
		return
	default:
		n.begin(kind)
	}
	n.track.Add(kind, false)
}

// begin gives a new track the absences from before anything was known of the variable.
func (n *snmpNode) begin(kind []byte) {
	for range n.skipped {
		n.track.Add(kind, false)
	}
}

// snmpAbsent says whether a sample is an absence: nothing, or the tag of an exception.
func snmpAbsent(sample []byte) bool { return len(sample) == 0 || snmp.Type(sample[0]).Exception() }

// read notes that one of the views was shown a value.
func (n *snmpNode) read(view int, v snmp.Value, at time.Time) {
	n.appear(view)
	sample := append([]byte{byte(v.Type)}, v.Content()...)
	if number, bits, ok := snmpNumber(v.Type, v.Content()); ok {
		if last := n.track.Last().Value; n.trend == nil && n.track.Runs() == 1 && len(last) > 0 && string(last) != string(sample) {
			if first, _, ok := snmpNumber(snmp.Type(last[0]), last[1:]); ok {
				n.trend = &snmpTrend{}
				n.trend.add(n.at, first, bits)
			}
		}
		if n.trend != nil {
			n.trend.add(at, number, bits)
		}
	}
	n.at = at
	n.track.Add(sample, false)
}

// write notes that the variable was set.
func (n *snmpNode) write(view int, v snmp.Value) {
	n.appear(view)
	n.written = true
	n.track.Add(append([]byte{byte(v.Type)}, v.Content()...), true)
}

// appear notes that a view sees the variable.
func (n *snmpNode) appear(view int) {
	if n.track.Runs() == 0 && n.seenBy == 0 {
		if n.skippedBy.has(view) {
			n.begin(nil)
		}
		n.hiddenFrom |= n.skippedBy
	}
	n.seenBy.add(view)
	n.hiddenFrom &^= 1 << view
}

// value is what the variable held when it was first seen to hold something; nil: never.
func (n *snmpNode) value() []byte {
	var exception []byte
	for c := n.track.Cursor(); ; {
		r, ok := c.Next()
		if !ok {
			break
		}
		if !snmpAbsent(r.Value) {
			return r.Value
		}
		if len(r.Value) > 0 {
			exception = r.Value
		}
	}
	if n.aside != nil {
		return n.aside
	}
	return exception
}

// snmpNumber is the number in a value, as an unsigned one of so many bits.
func snmpNumber(t snmp.Type, content []byte) (number uint64, bits int, ok bool) {
	v := snmp.NewValue(t, content)
	if i, ok := v.Int(); ok {
		return uint64(uint32(i)), 32, true
	}
	number, ok = v.Uint()
	if t == snmp.TypeCounter64 {
		return number, 64, ok
	}
	return number, 32, ok
}
