package enip

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// A Request is a message router request (CIP, section 2-4.1): a service of what a path names. What the
// service's data are is in one of the pointers where this package knows it, else in Data.
type Request struct {
	Service Service
	Path    Path
	Data    []byte
	Packet  []Request        // of MultipleServicePacket
	Send    *UnconnectedSend // of the Connection Manager, and so are the next two
	Open    *ForwardOpen
	Close   *ForwardClose
	PCCC    *PCCC
}

// A Response answers a Request (CIP, section 2-4.2).
type Response struct {
	Service  Service // without the bit that marks a response
	Reserved uint8
	Status   uint8
	Extended []uint16 // words of additional status
	Data     []byte
	Packet   []Response
	Open     *ForwardOpenReply
	Close    *ForwardCloseReply
	Failed   *ManagerFailure
	PCCC     *PCCCReply
}

const responseBit = 0x80

// A kind says what the data of a service are.
type kind uint8

const (
	kindUnknown kind = iota // not known what was asked
	kindPlain
	kindPacket
	kindSend
	kindOpen
	kindClose
	kindPCCC
)

var (
	pathRouter  = ObjectPath(ClassMessageRouter, 1)
	pathManager = ObjectPath(ClassConnectionManager, 1)
	pathPCCC    = ObjectPath(ClassPCCC, 1)
)

// kind is what the service's data are by the specification.
func (q *Request) kind() kind {
	switch {
	case q.Service == MultipleServicePacket && string(q.Path) == string(pathRouter):
		return kindPacket
	case q.Service == ExecutePCCC && string(q.Path) == string(pathPCCC):
		return kindPCCC
	case string(q.Path) != string(pathManager):
		return kindPlain
	}
	switch q.Service {
	case UnconnectedSendService:
		return kindSend
	case ForwardOpenService, LargeForwardOpenService:
		return kindOpen
	case ForwardCloseService:
		return kindClose
	}
	return kindPlain
}

// answerKind is the kind of what answers a request.
func (q *Request) answerKind() kind {
	if q.Send != nil {
		return q.Send.Request.answerKind()
	}
	return q.kind()
}

// read decodes a request; what its data refer to is b. ok is false if b is no request at all.
func (q *Request) read(b []byte, space *[]Request) (ok bool) {
	if len(b) < 2 || b[0]&responseBit != 0 || len(b) < 2+2*int(b[1]) {
		return false
	}
	n := 2 + 2*int(b[1])
	*q = Request{Service: Service(b[0]), Path: b[2:n:n], Data: nonEmpty(b[n:])}
	switch q.kind() {
	case kindPacket:
		if list, ok := readPacket(q.Data, space); ok {
			q.Packet, q.Data = list, nil
		}
	case kindSend:
		if s, ok := readUnconnectedSend(q.Data); ok {
			q.Send, q.Data = s, nil
		}
	case kindOpen:
		if o, ok := readForwardOpen(q.Data, q.Service == LargeForwardOpenService); ok {
			q.Open, q.Data = o, nil
		}
	case kindClose:
		if c, ok := readForwardClose(q.Data); ok {
			q.Close, q.Data = c, nil
		}
	case kindPCCC:
		if p, ok := readPCCC(q.Data); ok {
			q.PCCC, q.Data = p, nil
		}
	}
	return true
}

// parts are the messages in the data of a packet: a count, offsets from the count, and one message
// behind the other (CIP, section ).
type parts struct {
	b []byte
	n int
}

func readParts(b []byte) (p parts, ok bool) {
	if len(b) < 2 {
		return p, false
	}
	p = parts{b, int(binary.LittleEndian.Uint16(b))}
	if p.n == 0 || len(b) < 2+2*p.n || p.offset(0) != 2+2*p.n {
		return p, false
	}
	for i := range p.n {
		if end := p.offset(i + 1); end < p.offset(i) || end > len(b) {
			return p, false
		}
	}
	return p, true
}

func (p *parts) offset(i int) int {
	if i == p.n {
		return len(p.b)
	}
	return int(binary.LittleEndian.Uint16(p.b[2+2*i:]))
}

func (p *parts) part(i int) []byte {
	end := p.offset(i + 1)
	return p.b[p.offset(i):end:end]
}

func readPacket(b []byte, space *[]Request) ([]Request, bool) {
	all, ok := readParts(b)
	if !ok {
		return nil, false
	}
	var list []Request
	if space != nil {
		list = (*space)[:0]
	}
	for i := range all.n {
		p := all.part(i)
		if len(p) < 2 || p[0]&responseBit != 0 || len(p) < 2+2*int(p[1]) {
			return nil, false
		}
		k := 2 + 2*int(p[1])
		list = append(list, Request{Service: Service(p[0]), Path: Path(p[2:k:k]), Data: nonEmpty(p[k:])})
	}
	if space != nil {
		*space = list
	}
	return list, true
}

// Append writes the request.
func (q *Request) Append(b []byte) []byte {
	b = append(b, byte(q.Service), byte(len(q.Path)/2))
	b = append(append(b, q.Path...), q.Data...)
	switch {
	case q.Packet != nil:
		start := len(b)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(q.Packet)))
		for range q.Packet {
			b = append(b, 0, 0)
		}
		for i := range q.Packet {
			binary.LittleEndian.PutUint16(b[start+2+2*i:], uint16(len(b)-start))
			b = q.Packet[i].Append(b)
		}
	case q.Send != nil:
		b = q.Send.append(b)
	case q.Open != nil:
		b = q.Open.append(b, q.Service == LargeForwardOpenService)
	case q.Close != nil:
		b = q.Close.append(b)
	case q.PCCC != nil:
		b = q.PCCC.append(b)
	}
	return b
}

// AppendKey appends what the request asks: without times, serial numbers of connections and transactions.
func (q *Request) AppendKey(b []byte) []byte {
	b = append(b, byte(q.Service), byte(len(q.Path)/2))
	b = append(append(b, q.Path...), q.Data...)
	switch {
	case q.Packet != nil:
		for i := range q.Packet {
			b = binary.LittleEndian.AppendUint16(b, uint16(len(q.Packet[i].Path)+len(q.Packet[i].Data)+2))
			b = q.Packet[i].AppendKey(b)
		}
	case q.Send != nil:
		b = append(append(b, byte(len(q.Send.Route)/2)), q.Send.Route...)
		b = q.Send.Request.AppendKey(b)
	case q.Open != nil:
		o := *q.Open
		o.Priority, o.Timeout, o.OT, o.TO, o.Serial, o.Vendor, o.OriginatorSerial = 0, 0, 0, 0, 0, 0, 0
		b = o.append(b, q.Service == LargeForwardOpenService)
	case q.Close != nil:
		b = append(b, q.Close.Path...)
	case q.PCCC != nil:
		b = append(append(b, q.PCCC.Command, q.PCCC.Status, q.PCCC.Function), q.PCCC.Data...)
	}
	return b
}

// read decodes a response to a request of some kind.
func (m *Response) read(b []byte, k kind) (ok bool) {
	if len(b) < 4 || b[0]&responseBit == 0 || len(b) < 4+2*int(b[3]) {
		return false
	}
	*m = Response{Service: Service(b[0] &^ responseBit), Reserved: b[1], Status: b[2]}
	if n := int(b[3]); n > 0 {
		m.Extended = make([]uint16, n)
		for i := range m.Extended {
			m.Extended[i] = binary.LittleEndian.Uint16(b[4+2*i:])
		}
	}
	m.Data = nonEmpty(b[4+2*int(b[3]):])
	if k == kindUnknown {
		k = m.guess()
	}
	switch k {
	case kindPacket:
		m.readPacket()
	case kindOpen, kindClose:
		switch {
		case m.Status != 0:
			if f, ok := readManagerFailure(m.Data); ok {
				m.Failed, m.Data = f, nil
			}
		case k == kindOpen:
			if o, ok := readForwardOpenReply(m.Data); ok {
				m.Open, m.Data = o, nil
			}
		default:
			if c, ok := readForwardCloseReply(m.Data); ok {
				m.Close, m.Data = c, nil
			}
		}
	case kindPCCC:
		if p, ok := readPCCCReply(m.Data); ok && m.Status == 0 {
			m.PCCC, m.Data = p, nil
		}
	}
	return true
}

// guess is what a response is whose request the recording lacks.
func (m *Response) guess() kind {
	switch m.Service {
	case MultipleServicePacket:
		return kindPacket
	case ForwardOpenService, LargeForwardOpenService:
		return kindOpen
	}
	return kindPlain
}

func (m *Response) readPacket() {
	all, ok := readParts(m.Data)
	if !ok {
		return
	}
	list := make([]Response, all.n)
	for i := range list {
		if !list[i].read(all.part(i), kindPlain) {
			return
		}
	}
	m.Packet, m.Data = list, nil
}

// Append writes the response.
func (m *Response) Append(b []byte) []byte {
	b = append(b, byte(m.Service)|responseBit, m.Reserved, m.Status, byte(len(m.Extended)))
	for _, w := range m.Extended {
		b = binary.LittleEndian.AppendUint16(b, w)
	}
	b = append(b, m.Data...)
	switch {
	case m.Packet != nil:
		start := len(b)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(m.Packet)))
		for range m.Packet {
			b = append(b, 0, 0)
		}
		for i := range m.Packet {
			binary.LittleEndian.PutUint16(b[start+2+2*i:], uint16(len(b)-start))
			b = m.Packet[i].Append(b)
		}
	case m.Open != nil:
		b = m.Open.append(b)
	case m.Close != nil:
		b = m.Close.append(b)
	case m.Failed != nil:
		b = m.Failed.append(b)
	case m.PCCC != nil:
		b = m.PCCC.append(b)
	}
	return b
}

// ReadRequest decodes a message router request. What it holds refers to b.
func ReadRequest(b []byte) (q Request, ok bool) {
	ok = q.read(b, nil)
	return q, ok
}

// ReadResponse decodes what answers q. What it holds refers to b.
func ReadResponse(b []byte, q *Request) (m Response, ok bool) {
	ok = m.read(b, q.answerKind())
	return m, ok
}

// Effect is what the request does to the device.
func (q *Request) Effect() wire.Effect {
	switch {
	case q.Packet != nil:
		e := wire.Read
		for i := range q.Packet {
			e = min(e, q.Packet[i].Effect())
		}
		return e
	case q.Send != nil:
		return q.Send.Request.Effect()
	case q.PCCC != nil:
		return q.PCCC.effect()
	}
	if t, ok := q.Path.Target(); ok && !q.Service.common() && !tagged(t.Class) {
		if t.Class == ClassConnectionManager && (q.Open != nil || q.Close != nil) {
			return wire.Read // a connection changes no value
		}
		if t.Class == ClassMemory && q.Service == ReadTag || q.file() {
			return wire.Read
		}
		return wire.Control // a service that only the class knows
	}
	return q.Service.effect()
}

// Name is what the request is called, by which latencies are grouped.
func (q *Request) Name() string {
	if q.Send != nil {
		return q.Send.Request.Name()
	}
	if q.kind() == kindPlain {
		if t, ok := q.Path.Target(); ok && !q.Service.common() && !tagged(t.Class) && !(t.Class == ClassMemory && q.Service == ReadTag) {
			switch {
			case !q.file():
				return q.Service.plain()
			case q.Service == InitiateUpload:
				return "initiate upload"
			}
			return "upload transfer"
		}
	}
	if q.kind() != kindPlain {
		return q.Service.ofKind(q.kind())
	}
	return q.Service.String()
}

// tagged says whether the services of tags are for a class: those of Symbol and Template.
func tagged(class uint32) bool { return class == ClassSymbol || class == ClassTemplate }
