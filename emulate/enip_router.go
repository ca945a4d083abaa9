package emulate

import (
	"encoding/binary"

	"ringer/capture/enip"
	"ringer/profiles"
)

// serve answers a request at the end of a way.
func (x *enipSession) serve(way int, q *enip.Request, r *enip.Response) Origin {
	*r = enip.Response{Service: q.Service, Extended: r.Extended[:0]}
	if q.Packet != nil {
		return x.serveSeveral(way, q, r)
	}
	from := x.one(way, q, r)
	if len(r.Extended) == 0 {
		r.Extended = nil
	}
	return from
}

// serveSeveral answers the requests of a packet, one after the other.
func (x *enipSession) serveSeveral(way int, q *enip.Request, r *enip.Response) Origin {
	from := Refused
	room := x.room - 6 - 2*len(q.Packet)
	x.packet = x.packet[:0]
	for i := range q.Packet {
		x.packet = append(x.packet, enip.Response{})
		p := &x.packet[i]
		x.room = room
		from = max(from, x.serve(way, &q.Packet[i], p))
		if p.Status != enip.Success {
			r.Status = enip.EmbeddedServiceError
		}
		room -= 4 + 2*len(p.Extended) + len(p.Data)
	}
	r.Packet = x.packet
	return from
}

// one answers a request that is no packet: as recorded, else by what the object does.
func (x *enipSession) one(way int, q *enip.Request, r *enip.Response) Origin {
	x.part = 0
	if q.PCCC != nil {
		return x.pccc(way, q, r)
	}
	if len(x.d.uploads) > 0 && (q.Service == enip.InitiateUpload || q.Service == enip.UploadTransfer) {
		if t, ok := q.Path.Target(); ok && t.Class == enip.ClassFile && !t.HasAttribute && x.d.uploads[t.Instance] != nil {
			return x.upload(way, q, x.d.uploads[t.Instance], r)
		}
	}
	if a, from, ok := x.recorded(way, q); ok {
		if !a.Part {
			return x.fill(r, q, a, from)
		}
		x.part, x.partStatus = int(min(binary.LittleEndian.Uint32(a.Data), profiles.ENIPTypeBytes)), a.Status
	}
	switch {
	case q.Open != nil:
		return x.open(way, q, r)
	case q.Close != nil:
		return x.close(q, r)
	}
	if t, ok := q.Path.Target(); ok {
		switch {
		case t.Class == enip.ClassSymbol && len(x.d.symbols) > 0 && t.HasInstance:
			return x.symbol(way, q, t, r)
		case t.Class == enip.ClassTemplate && len(x.d.templates) > 0 && t.HasInstance:
			return x.template(way, q, t, r)
		}
		return x.object(way, q, t, r)
	}
	switch q.Service {
	case enip.ReadTag, enip.ReadTagFragmented, enip.WriteTag, enip.WriteTagFragmented, enip.ReadModifyWriteTag:
		return x.tag(q, r)
	case enip.GetInstanceAttributeList:
		return x.programSymbols(q, r)
	}
	return x.refuse(r, enip.PathSegmentError)
}

func (x *enipSession) refuse(r *enip.Response, status uint8, extended ...uint16) Origin {
	r.Status, r.Data = status, nil
	r.Extended = append(r.Extended[:0], extended...)
	return Refused
}

// recorded takes the next recorded answer to a question; ok is false where the cells below answer.
func (x *enipSession) recorded(way int, q *enip.Request) (a profiles.ENIPAnswer, from Origin, ok bool) {
	if c := x.asked(way, q); c != nil {
		return x.take(c)
	}
	return a, Refused, false
}

// asked is the cell with the recorded answers to a question; nil: there are none.
func (x *enipSession) asked(way int, q *enip.Request) *Cell {
	if len(x.d.asks) == 0 {
		return nil
	}
	switch {
	case q.PCCC != nil:
		x.key = enipPCCCKey(x.key[:0], way, q.PCCC.Command, q.PCCC.Function, q.PCCC.Data)
	case q.Open != nil || q.Close != nil:
		x.key = append(x.key[:0], byte(way), byte(way>>8))
		x.key = q.AppendKey(x.key)
	default:
		x.key = enipAskKey(x.key[:0], way, uint8(q.Service), q.Path, q.Data)
	}
	c := x.d.asks[string(x.key)]
	if c == nil && way != 0 { // it may have been asked on a connection of which nobody knows where it led
		x.key[0], x.key[1] = 0, 0
		if c = x.d.asks[string(x.key)]; c != nil && x.tagElsewhere(q, c) {
			c = nil
		}
	}
	return c
}

// take is the next answer of a cell.
func (x *enipSession) take(c *Cell) (a profiles.ENIPAnswer, from Origin, ok bool) {
	v, from := c.Read(x.st)
	if len(v) == 0 {
		return a, Refused, false
	}
	a, err := profiles.ParseENIPAnswer(v)
	if a.Status != enip.Success && from == Recorded {
		from = Refused
	}
	return a, from, err == nil
}

// tagElsewhere says whether the device itself refused what asks for a tag that it has: it was read on another way.
func (x *enipSession) tagElsewhere(q *enip.Request, c *Cell) bool {
	if s, _, ok := q.Path.Next(); !ok || s.Kind != enip.SegmentSymbol {
		return false
	}
	v, _ := c.Peek(x.st)
	if a, err := profiles.ParseENIPAnswer(v); err != nil || a.Status == enip.Success || a.Status == enip.PartialTransfer {
		return false
	}
	at, status, _ := x.d.find(q.Path)
	return at.tag != nil && status == enip.Success
}

// fill makes a recorded answer one to this request.
func (x *enipSession) fill(r *enip.Response, q *enip.Request, a profiles.ENIPAnswer, from Origin) Origin {
	*r = enip.Response{Service: q.Service, Status: a.Status, Extended: a.Extended, Data: a.Data}
	switch {
	case a.Manager:
		r.Service = enip.UnconnectedSendService
	case q.PCCC != nil && a.Status == enip.Success && len(a.Data) > 0:
		r.PCCC = &enip.PCCCReply{Requestor: q.PCCC.Requestor, Command: q.PCCC.Command | 0x40, Status: a.Data[0], Transaction: q.PCCC.Transaction, Data: a.Data[1:]}
		r.Data = nil
	case q.Open != nil && len(a.Data) == 2:
		r.Failed = &enip.ManagerFailure{Serial: q.Open.Serial, Vendor: q.Open.Vendor, OriginatorSerial: q.Open.OriginatorSerial, Remaining: a.Data[0], Reserved: a.Data[1]}
		r.Data = nil
	case q.Close != nil && len(a.Data) == 2:
		r.Failed = &enip.ManagerFailure{Serial: q.Close.Serial, Vendor: q.Close.Vendor, OriginatorSerial: q.Close.OriginatorSerial, Remaining: a.Data[0], Reserved: a.Data[1]}
		r.Data = nil
	}
	return from
}
