package modbus

import "ringer/capture/wire"

// match finds the open request that a reply belongs to. The transaction identifier, the unit and the
// function tell (guide, section 4.2.6); clients that leave the identifier at 0 are told apart by what
// the reply's body can answer, then by order. Some devices answer with a unit of their own, and some refuse
// without the function (0x80).
func match(open []wire.Message, reply wire.Message) (int, bool) {
	r, ok := reply.(Message)
	if !ok {
		return -1, true
	}
	head, code := r.Head(), r.Code()
	_, refused := reply.(*Exception)
	same, other := -1, -1
	for i, o := range open {
		q, ok := o.(Message)
		if !ok || q.Head().Transaction != head.Transaction || q.Code()&^exceptionBit != code && !(refused && code == 0) {
			continue
		}
		if q.Head().Unit != head.Unit {
			if other < 0 {
				other = i
			}
			continue
		}
		if fits(q, r) {
			return i, true
		}
		if same < 0 {
			same = i
		}
	}
	if same >= 0 {
		return same, true
	}
	return other, true
}

// fits says whether the body of a reply can answer the request.
func fits(req, reply Message) bool {
	switch q := req.(type) {
	case *ReadRequest:
		switch r := reply.(type) {
		case *ReadBitsResponse:
			return r.Answers(q)
		case *ReadRegistersResponse:
			return r.Answers(q.Quantity)
		}
	case *ReadWriteRequest:
		if r, ok := reply.(*ReadRegistersResponse); ok {
			return r.Answers(q.ReadQuantity)
		}
	case *WriteSingle:
		if r, ok := reply.(*WriteSingle); ok {
			return r.Address == q.Address && r.Value == q.Value
		}
	case *WriteMultipleRequest:
		if r, ok := reply.(*WriteMultipleResponse); ok {
			return r.Address == q.Address && r.Quantity == q.Quantity
		}
	case *MaskWrite:
		if r, ok := reply.(*MaskWrite); ok {
			return r.Address == q.Address
		}
	case *Diagnostic:
		if r, ok := reply.(*Diagnostic); ok {
			return r.SubFunction == q.SubFunction
		}
	}
	return true
}
