package clone

import (
	"errors"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
)

// bacnetWindowMost bounds how many segments a device sends at once, bacnetSegmentsMost those of an answer,
// bacnetStalls how often in a row nothing new comes.
const (
	bacnetWindowMost   = 16
	bacnetSegmentsMost = 2048
	bacnetStalls       = 3
	// bacnetSegmentsFew are taken once a device has given answers without an end.
	bacnetSegmentsFew = 32
	bacnetEndlessMax  = 2
)

// join asks for the segments behind the first (clause 5.4.4). nil without an error: they did not all come.
func (t *bacnetTour) join(first *bacnet.ComplexAck) (bacnet.Parameters, error) {
	a := t.bacnetAsking
	if first.Sequence != 0 {
		return nil, nil
	}
	whole := bacnet.AppendParameters(nil, first.Parameters)
	ack := &bacnet.SegmentAck{InvokeID: first.InvokeID, Window: max(1, min(first.Window, bacnetWindowMost))}
	ack.Link.Function = bacnet.OriginalUnicast
	if t.station != nil {
		ack.Network.To(*t.station)
	}
	most := bacnetSegmentsMost
	if a.endless >= bacnetEndlessMax {
		most = bacnetSegmentsFew
	}
	for stalls, segments := 0, 1; first.More; {
		a.expect(1)
		b, err := ack.Append(nil)
		if err != nil {
			return nil, err
		}
		replies, err := a.talk.untilAnswered(a.ctx, a.v.Care.Again, func() ([]wire.Message, error) { return a.talk.ask1(b) })
		switch {
		case errors.Is(err, ErrGone) || err != nil && !goOn(err):
			return nil, err
		case err != nil:
			return nil, nil
		}
		before := len(whole)
		for _, m := range replies {
			s, ok := m.(*bacnet.ComplexAck)
			if !ok {
				return nil, nil // it gives up
			}
			if s.Sequence != ack.Sequence+1 || s.Service != first.Service {
				continue // once more, or one before it is missing
			}
			whole = bacnet.AppendParameters(whole, s.Parameters)
			ack.Sequence, first.More = s.Sequence, s.More
			segments++
		}
		if ack.Negative = len(whole) == before; ack.Negative {
			stalls++
		} else {
			stalls = 0
		}
		if len(whole) > bacnetJoinMax || segments > most || stalls >= bacnetStalls {
			a.endless++
			a.remark(Suspicious, "%s: %v: the segments of an answer have no end", t.name, first.Service)
			stop := &bacnet.Abort{Header: ack.Header, InvokeID: first.InvokeID, Reason: bacnet.AbortBufferOverflow}
			return nil, a.tell(stop)
		}
	}
	ack.Negative = false
	return bacnet.ParseAck(first.Service, whole), a.tell(ack)
}

// tell says what has no answer.
func (a *bacnetAsking) tell(m wire.Message) error {
	b, err := m.Append(nil)
	if err != nil || a.talk.line == nil {
		return err
	}
	a.expect(1)
	if _, err := a.talk.line.Write(b); err != nil && !goOn(a.talk.broken(err)) {
		return err
	}
	return nil
}
