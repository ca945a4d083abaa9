package snmp

// SNMP uses a part of the Basic Encoding Rules (X.690; RFC 3417, section 8): definite lengths, and
// everything but the SEQUENCEs and PDUs primitive.

const tagSequence = 0x30

// A reader walks tag-length-value elements of b between pos and end. The first failure sticks in bad;
// odd says that something was not encoded in the shortest way.
type reader struct {
	b        []byte
	pos, end int
	bad, odd bool
	record   bool
	shape    []byte
}

// shapeOf notes how the elements of b were encoded, for a message that is not encoded the shortest way.
func shapeOf(b []byte, read func(*reader)) []byte {
	r := reader{b: b, end: len(b), record: true}
	read(&r)
	return r.shape
}

func (r *reader) fail() { r.bad = true; r.pos = r.end }

// done says that everything was read and nothing is left.
func (r *reader) done() bool { return !r.bad && r.pos == len(r.b) }

// peek is the tag of the next element, or 0.
func (r *reader) peek() byte {
	if r.pos < r.end {
		return r.b[r.pos]
	}
	return 0
}

// header reads a tag and a length and says where the content ends.
func (r *reader) header() (tag byte, end int) {
	if r.end-r.pos < 2 {
		r.fail()
		return 0, r.end
	}
	tag = r.b[r.pos]
	size, octets := int(r.b[r.pos+1]), 0
	r.pos += 2
	if size >= 0x80 {
		octets = size & 0x7f
		if octets == 0 || octets > 4 || octets > r.end-r.pos {
			r.fail()
			return tag, r.end
		}
		size = 0
		for _, x := range r.b[r.pos : r.pos+octets] {
			size = size<<8 | int(x)
		}
		r.pos += octets
		if octets != lengthOctets(size) {
			r.odd = true
		}
	}
	if size > r.end-r.pos || tag&0x1f == 0x1f {
		r.fail()
		return tag, r.end
	}
	if r.record {
		r.shape = append(r.shape, byte(octets))
	}
	return tag, r.pos + size
}

// lengthOctets is how many octets follow the first octet of the shortest form of a length.
func lengthOctets(n int) int {
	switch {
	case n < 0x80:
		return 0
	case n < 1<<8:
		return 1
	case n < 1<<16:
		return 2
	case n < 1<<24:
		return 3
	}
	return 4
}

// enter goes into the constructed element with this tag; leave comes out again with what enter returned.
func (r *reader) enter(tag byte) (outer int) {
	outer = r.end
	t, end := r.header()
	if t != tag {
		r.fail()
		return outer
	}
	r.end = end
	return outer
}

func (r *reader) leave(outer int) {
	if r.pos != r.end {
		r.bad = true
	}
	if r.end = outer; r.bad {
		r.pos = r.end
	}
}

// any reads an element, whatever it is.
func (r *reader) any() (tag byte, content []byte) {
	tag, end := r.header()
	content = r.b[r.pos:end:end]
	r.pos = end
	return tag, content
}

func (r *reader) primitive(want byte) []byte {
	tag, content := r.any()
	if tag != want {
		r.fail()
		return nil
	}
	return content
}

func (r *reader) octets() []byte { return r.primitive(byte(TypeOctetString)) }

// oid reads an object identifier that ends at the end of a sub-identifier.
func (r *reader) oid() OID {
	o := OID(r.primitive(byte(TypeOID)))
	if !o.Valid() {
		r.fail()
	}
	return o
}

func (r *reader) integer() int64 { return r.integerOf(byte(TypeInteger)) }

// integerOf reads a signed integer of at most 64 bits.
func (r *reader) integerOf(tag byte) int64 {
	c := r.primitive(tag)
	if len(c) == 0 || len(c) > 8 {
		r.fail()
		return 0
	}
	if r.record {
		r.shape = append(r.shape, byte(len(c)))
	}
	v := int64(int8(c[0]))
	for _, x := range c[1:] {
		v = v<<8 | int64(x)
	}
	if len(c) != integerOctets(v) {
		r.odd = true
	}
	return v
}

// integerOctets is how many octets the shortest encoding of v takes.
func integerOctets(v int64) int {
	n := 1
	for v > 0x7f || v < -0x80 {
		v >>= 8
		n++
	}
	return n
}

// A writer appends elements to b: in the shortest way, or as shape says, or with long octets in the
// lengths of all that is constructed.
type writer struct {
	b     []byte
	shape []byte
	long  int
}

// next takes one word of the shape; -1 when there is none.
func (w *writer) next() int {
	if len(w.shape) == 0 {
		return -1
	}
	x := w.shape[0]
	w.shape = w.shape[1:]
	return int(x)
}

// begin opens an element; end closes it with what begin returned.
func (w *writer) begin(tag byte) (mark int) {
	mark = len(w.b) + 1
	octets := w.next()
	if octets < 0 {
		octets = w.long
	}
	if octets <= 0 {
		w.b = append(w.b, tag, 0)
		return mark
	}
	w.b = append(w.b, tag, 0x80|byte(octets))
	for range octets {
		w.b = append(w.b, 0)
	}
	return mark
}

func (w *writer) end(mark int) {
	octets := int(w.b[mark] & 0x7f)
	body := mark + 1 + octets
	n := len(w.b) - body
	need := lengthOctets(n)
	if octets == 0 && need == 0 {
		w.b[mark] = byte(n)
		return
	}
	if octets < need {
		for range need - octets {
			w.b = append(w.b, 0)
		}
		copy(w.b[mark+1+need:], w.b[body:body+n])
		octets = need
	}
	w.b[mark] = 0x80 | byte(octets)
	for i := mark + octets; i > mark; i-- {
		w.b[i] = byte(n)
		n >>= 8
	}
}

func (w *writer) primitive(tag byte, content []byte) {
	n := len(content)
	octets := w.next()
	if octets <= 0 && n < 0x80 {
		w.b = append(append(w.b, tag, byte(n)), content...)
		return
	}
	octets = max(octets, lengthOctets(n))
	w.b = append(w.b, tag, 0x80|byte(octets))
	for i := octets - 1; i >= 0; i-- {
		w.b = append(w.b, byte(n>>(8*i)))
	}
	w.b = append(w.b, content...)
}

func (w *writer) octets(content []byte) { w.primitive(byte(TypeOctetString), content) }
func (w *writer) integer(v int64)       { w.integerOf(byte(TypeInteger), v) }

func (w *writer) integerOf(tag byte, v int64) {
	n := integerOctets(v)
	if len(w.shape) == 0 {
		w.b = append(w.b, tag, byte(n))
	} else {
		octets := w.next()
		n = max(n, w.next())
		if w.b = append(w.b, tag); octets > 0 {
			w.b = append(w.b, 0x80|byte(octets))
			for range octets - 1 {
				w.b = append(w.b, 0)
			}
		}
		w.b = append(w.b, byte(n))
	}
	for i := n - 1; i >= 0; i-- {
		w.b = append(w.b, byte(v>>(8*min(i, 7))))
	}
}
