package emulate

import (
	"encoding/binary"

	"ringer/capture/enip"
)

// tag reads or writes elements of a tag (1756-PM020, "Services Supported by Logix Controllers").
func (x *enipSession) tag(q *enip.Request, r *enip.Response) Origin {
	at, status, extended := x.d.find(q.Path)
	if at.tag == nil {
		return x.refuse(r, x.d.noTag.Status, x.d.noTag.Extended...)
	}
	if status != enip.Success { // of paths, too, with a word behind it: 0
		return x.refuse(r, status, extended)
	}
	switch q.Service {
	case enip.ReadTag, enip.ReadTagFragmented:
		return x.readTag(at, q, r)
	case enip.WriteTag, enip.WriteTagFragmented:
		return x.writeTag(at, q, r)
	}
	return x.modifyTag(at, q, r)
}

// enipAnswerHead is what an answer has in front of its data.
const enipAnswerHead = 4

func (x *enipSession) readTag(at enipPlace, q *enip.Request, r *enip.Response) Origin {
	le := binary.LittleEndian
	want, offset := 2, 0
	if q.Service == enip.ReadTagFragmented {
		want = 6
	}
	if len(q.Data) < want {
		return x.refuse(r, enip.NotEnoughData)
	}
	count := int(le.Uint16(q.Data))
	size := count * at.typ.size
	if want == 6 {
		if le.Uint32(q.Data[2:]) > uint32(size) {
			return x.refuse(r, enip.GeneralError, enip.BeyondEnd)
		}
		offset = int(le.Uint32(q.Data[2:]))
	}
	if count == 0 || count > at.left {
		return x.refuse(r, enip.GeneralError, enip.BeyondEnd)
	}
	start := len(x.buf)
	x.buf = at.typ.head(x.buf)
	if at.bit >= 0 {
		b, from := at.tag.read(x.st, x.buf, at.span(0, 1))
		x.buf = b
		r.Data = b[start:len(b):len(b)]
		return from
	}
	n := size - offset
	if x.part > 0 {
		n = min(n, x.part)
		r.Status = x.partStatus
	} else if room := x.room - enipAnswerHead - (len(x.buf) - start); n > room {
		n = room
		if each := at.typ.size; each <= room && at.typ.code != enip.STRUCT {
			n -= n % each
		}
		if n <= 0 {
			x.buf = x.buf[:start]
			return x.refuse(r, enip.ReplyTooLarge)
		}
		r.Status = enip.PartialTransfer
	}
	var from Origin
	x.buf, from = at.tag.read(x.st, x.buf, at.span(offset, n))
	r.Data = x.buf[start:len(x.buf):len(x.buf)]
	return from
}

func (x *enipSession) writeTag(at enipPlace, q *enip.Request, r *enip.Response) Origin {
	le := binary.LittleEndian
	kind, head, data, ok := enip.Typed(q.Data)
	want := 2
	if q.Service == enip.WriteTagFragmented {
		want = 6
	}
	if !ok || len(data) < want {
		return x.refuse(r, enip.NotEnoughData)
	}
	if kind != at.typ.code || kind == enip.STRUCT && le.Uint16(head[2:]) != at.typ.handle {
		return x.refuse(r, enip.GeneralError, enip.TypeMismatch)
	}
	count, offset := int(le.Uint16(data)), 0
	size := count * at.typ.size
	if want == 6 {
		if le.Uint32(data[2:]) > uint32(size) {
			return x.refuse(r, enip.GeneralError, enip.OffsetBeyondEnd)
		}
		offset = int(le.Uint32(data[2:]))
	}
	data = data[want:]
	if count == 0 || count > at.left {
		return x.refuse(r, enip.GeneralError, enip.BeyondEnd)
	}
	if want == 2 && len(data) < size {
		return x.refuse(r, enip.NotEnoughData)
	}
	data = data[:min(len(data), size-offset)] // controllers take no notice of more: pycomm3 sends its write twice
	var status uint8
	var from Origin
	if at.bit >= 0 {
		b := at.tag.held(x.st, x.buf, at.offset, 1)
		held := b[len(b)-1] &^ (1 << at.bit)
		if data[0] != 0 {
			held |= 1 << at.bit
		}
		status, from = at.tag.write(x.st, at.span(0, 1), []byte{held}, 1<<at.bit)
	} else {
		status, from = at.tag.write(x.st, at.span(offset, len(data)), data, 0)
	}
	if status != enip.Success {
		return x.refuse(r, status)
	}
	return from
}

// modifyTag sets and clears bits: the size of the masks, what is set, what is kept.
func (x *enipSession) modifyTag(at enipPlace, q *enip.Request, r *enip.Response) Origin {
	if len(q.Data) < 2 {
		return x.refuse(r, enip.NotEnoughData)
	}
	n := int(binary.LittleEndian.Uint16(q.Data))
	masks := q.Data[2:]
	switch {
	case at.typ.code == enip.STRUCT || at.typ.code.Real() || at.bit >= 0:
		return x.refuse(r, enip.GeneralError, enip.TypeMismatch)
	case n != 1 && n != 2 && n != 4 && n != 8 && n != 12 || n > at.left*at.typ.size:
		return x.refuse(r, enip.InvalidParameterValue)
	case len(masks) < 2*n:
		return x.refuse(r, enip.NotEnoughData)
	}
	start := len(x.buf)
	b := at.tag.held(x.st, x.buf, at.offset, n)
	v := b[start:]
	for i := range v {
		v[i] = (v[i] | masks[i]) & masks[n+i]
	}
	status, from := at.tag.write(x.st, at.span(0, n), v, 0)
	x.buf = b[:start]
	if status != enip.Success {
		return x.refuse(r, status)
	}
	return from
}
