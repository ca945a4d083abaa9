package bacnet

import "ringer/capture/wire"

// Match finds the newest open request that a datagram of the device answers: invoke identifiers are used
// again, also while the device is silent.
func (c *Conn) Match(open []wire.Message, reply wire.Message) (int, bool) {
	for i := len(open) - 1; i >= 0; i-- {
		if ok, last := answers(open[i], reply); ok {
			return i, last
		}
	}
	return -1, true
}

// answers says whether a datagram answers a request, and whether that is all.
func answers(req, reply wire.Message) (ok, last bool) {
	switch q := req.(type) {
	case *ConfirmedRequest:
		return answersRequest(q, reply)
	case *SegmentAck: // the rest of a segmented answer
		if q.Server {
			return false, true
		}
		switch r := reply.(type) {
		case *ComplexAck:
			return r.Segmented && r.InvokeID == q.InvokeID, !r.More || r.Sequence == q.Sequence+q.Window
		case *Abort:
			return r.Server && r.InvokeID == q.InvokeID, true
		}
	case *UnconfirmedRequest:
		return answersUnconfirmed(q, reply), false // there may be several devices
	case *NetworkMessage:
		r, ok := reply.(*NetworkMessage)
		if !ok {
			return false, true
		}
		switch q.Type {
		case WhoIsRouterToNetwork:
			return r.Type == IAmRouterToNetwork || r.Type == RejectMessageToNetwork, false
		case InitializeRoutingTable:
			return r.Type == InitializeRoutingTableAck, true
		case WhatIsNetworkNumber:
			return r.Type == NetworkNumberIs, true
		}
	case *LinkMessage:
		r, ok := reply.(*LinkMessage)
		if !ok {
			return false, true
		}
		switch f := r.Link.Function; q.Link.Function {
		case ReadBroadcastTable:
			return f == ReadBroadcastTableAck || f == LinkResult, true
		case ReadForeignTable:
			return f == ReadForeignTableAck || f == LinkResult, true
		case WriteBroadcastTable, RegisterForeignDevice, DeleteForeignEntry:
			return f == LinkResult, true
		}
	}
	return false, true
}

func answersRequest(q *ConfirmedRequest, reply wire.Message) (ok, last bool) {
	switch r := reply.(type) {
	case *SimpleAck:
		return r.InvokeID == q.InvokeID && r.Service == q.Service, true
	case *ComplexAck:
		if r.Segmented && r.Sequence > 0 { // asked for by a SegmentAck, if that was recorded
			return r.InvokeID == q.InvokeID && r.Service == q.Service, !r.More
		}
		return r.InvokeID == q.InvokeID && r.Service == q.Service, true
	case *SegmentAck:
		return q.Segmented && r.Server && r.InvokeID == q.InvokeID, true
	case *Error:
		return r.InvokeID == q.InvokeID && r.Service == q.Service, true
	case *Reject:
		return r.InvokeID == q.InvokeID, true
	case *Abort:
		return r.Server && r.InvokeID == q.InvokeID, true
	case *NetworkMessage:
		return r.Type == RejectMessageToNetwork && q.Network.Routed() && len(r.Networks) == 1 && r.Networks[0] == q.Network.Destination.Network, true
	case *LinkMessage:
		return false, true
	}
	return false, true
}

func answersUnconfirmed(q *UnconfirmedRequest, reply wire.Message) bool {
	r, ok := reply.(*UnconfirmedRequest)
	if !ok {
		return false
	}
	switch p := q.Parameters.(type) {
	case *WhoIsRequest:
		i, ok := r.Parameters.(*IAmRequest)
		return ok && p.Wants(i.Device.Instance())
	case *WhoHasRequest:
		i, ok := r.Parameters.(*IHaveRequest)
		return ok && (p.Object != nil && *p.Object == i.Object || p.Name != nil && p.Name.String() == i.Name.String())
	}
	return false
}
