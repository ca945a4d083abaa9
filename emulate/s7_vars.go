package emulate

import (
	"ringer/capture/s7comm"
)

// Reading and writing variables: every item gets a return code of its own.

func (x *s7Session) readVar(q *s7comm.ReadVar) Answer {
	r := &x.readReply
	r.Header = s7comm.Header{Reference: q.Reference}
	r.Values = r.Values[:0]
	x.buf = x.buf[:0]
	if size := s7ReplySize(q.Items); size > x.pdu {
		return x.refuse(q.Reference, s7WrongPDUSize)
	}
	from := Refused
	for i := range q.Items {
		v, origin := x.readItem(&q.Items[i])
		from = max(from, origin)
		r.Values = append(r.Values, v)
	}
	if x.tpdu > 0 {
		size := 14
		for i := range r.Values {
			size += 4 + (len(r.Values[i].Data)+1)&^1
		}
		if n := len(r.Values); n > 0 && len(r.Values[n-1].Data)%2 == 1 {
			size--
		}
		r.Carriage = x.carriage(size)
	}
	return x.say(r, from)
}

// s7ReplySize is how long the answer to a read would be.
func s7ReplySize(items []s7comm.Item) int {
	size := 14
	for i := range items {
		n := 0
		if _, span, ok := items[i].Span(); ok {
			n = span
		}
		for _, r := range items[i].Ranges {
			n += 1 + int(r.Size)
		}
		if i < len(items)-1 {
			n = (n + 1) &^ 1
		}
		size += 4 + n
	}
	return size
}

func (x *s7Session) readItem(i *s7comm.Item) (s7comm.Value, Origin) {
	s := x.s
	if len(s.items) > 0 {
		x.spec = i.AppendSpec(append(x.spec[:0], 'r'))
		if c := s.items[string(x.spec)]; c != nil {
			if b, from := c.Read(x.st); len(b) >= 4 {
				return s7comm.Value{ReturnCode: b[0], TransportSize: b[1], Length: uint16(b[2])<<8 | uint16(b[3]), Data: b[4:]}, from
			}
		}
	}
	if s.sec.Protection >= 3 && !x.unlocked {
		return s7comm.Value{ReturnCode: s7comm.CodeAccessDenied}, Refused
	}
	if i.Syntax == s7comm.SyntaxDBRead {
		return x.readRanges(i)
	}
	offset, size, ok := i.Span()
	if !ok {
		return s7comm.Value{ReturnCode: s7NoSpan(i)}, Refused
	}
	m, no := s.locate(i, offset, size)
	if m == nil {
		return no, Refused
	}
	as := i.ValueSize()
	if len(s.sizes) > 0 {
		if rule, ok := s.sizes[s7SizeOf(i)]; ok {
			if rule.refusal.ReturnCode != 0 {
				return rule.refusal, Refused
			}
			as = rule.size
		}
	}
	start := len(x.buf)
	var from Origin
	x.buf, from = m.read(x.st, x.buf, offset, size)
	data := x.buf[start:len(x.buf):len(x.buf)]
	if i.TransportSize == s7comm.SizeBit {
		data[0] = data[0] >> i.Bit() & 1
	}
	return s7comm.Bytes(as, data), from
}

// s7NoSpan is the return code of an item that has no bytes.
func s7NoSpan(i *s7comm.Item) uint8 {
	switch {
	case i.Syntax != s7comm.SyntaxAny || i.Raw != nil:
		return s7comm.CodeNotExisting
	case i.ElementSize() == 0:
		return s7comm.CodeTypeUnsupported
	}
	return s7comm.CodeOutOfRange
}

// locate finds the memory of an item, or says why there is none.
func (s *s7Service) locate(i *s7comm.Item, offset, size int) (*s7Memory, s7comm.Value) {
	m := s.memory(i.Area, i.DB)
	switch {
	case m == nil && (i.Area == s7comm.AreaDB || i.Area == s7comm.AreaInstanceDB):
		return nil, s.noDB
	case m == nil:
		return nil, s.noArea
	case offset+size > len(m.image):
		return nil, s.outside
	}
	return m, s7comm.Value{}
}

// readRanges answers a DBREAD item: a return code and the bytes of each range.
func (x *s7Session) readRanges(i *s7comm.Item) (s7comm.Value, Origin) {
	start := len(x.buf)
	from := Refused
	for _, r := range i.Ranges {
		m := x.s.dbs[r.DB]
		if m == nil || int(r.Start)+int(r.Size) > len(m.image) {
			x.buf = append(x.buf, x.s.noDB.ReturnCode)
			continue
		}
		var origin Origin
		x.buf, origin = m.read(x.st, append(x.buf, s7comm.CodeSuccess), int(r.Start), int(r.Size))
		from = max(from, origin)
	}
	return s7comm.Bytes(s7comm.DataOctets, x.buf[start:len(x.buf):len(x.buf)]), from
}

func (x *s7Session) writeVar(q *s7comm.WriteVar) Answer {
	r := &x.writeReply
	r.Header = s7comm.Header{Reference: q.Reference}
	r.ReturnCodes = r.ReturnCodes[:0]
	from := Refused
	for i := range q.Items {
		code, origin := x.writeItem(&q.Items[i], &q.Values[i])
		from = max(from, origin)
		r.ReturnCodes = append(r.ReturnCodes, code)
	}
	return x.say(r, from)
}

func (x *s7Session) writeItem(i *s7comm.Item, v *s7comm.Value) (uint8, Origin) {
	s := x.s
	if len(s.items) > 0 {
		x.spec = i.AppendSpec(append(x.spec[:0], 'w'))
		if c := s.items[string(x.spec)]; c != nil {
			if b, from := c.Read(x.st); len(b) > 0 {
				return b[0], from
			}
		}
	}
	if s.sec.Protection >= 2 && !x.unlocked {
		return s7comm.CodeAccessDenied, Refused
	}
	offset, size, ok := i.Span()
	if !ok {
		return s7NoSpan(i), Refused
	}
	m, no := s.locate(i, offset, size)
	switch {
	case m == nil:
		return no.ReturnCode, Refused
	case len(v.Data) != size:
		return s7comm.CodeTypeMismatch, Refused
	}
	data, mask := v.Data, byte(0xFF)
	if i.TransportSize == s7comm.SizeBit {
		bit := i.Bit()
		mask = 1 << bit
		x.buf = append(x.buf[:0], m.held(x.st, offset)&^mask|v.Data[0]<<bit&mask)
		data = x.buf
	}
	code := m.write(x.st, offset, data, mask)
	if code != s7comm.CodeSuccess {
		return code, Refused
	}
	return code, Recorded
}
