package emulate

import (
	"slices"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
)

// Bounds of what a peer can make a session hold, and how it waits (clause 5.4).
const (
	bacnetTransfersMax = 4
	bacnetUploadMax    = 256 << 10
	bacnetWindow       = 16
	bacnetSegmentWait  = 2 * time.Second
	bacnetRetries      = 3
)

// A bacnetTransfer is an answer on its way in segments.
type bacnetTransfer struct {
	invoke   uint8
	whole    []byte
	segments []*bacnet.ComplexAck
	sent     int // segments before it are acknowledged
	window   int
	due      time.Time // when they are sent again
	tries    int
}

// result sends the result of a request: at once, in segments, or not at all where it is too long.
func (c *bacnetSession) result(d *bacnetDevice, q *bacnet.ConfirmedRequest, p bacnet.Parameters, from Origin) Answer {
	c.ack = bacnet.ComplexAck{Header: bacnet.Reply(&q.Header), InvokeID: q.InvokeID, Service: q.Service, Parameters: p}
	if r, ok := p.(*bacnet.ReadPropertyAck); ok && len(r.Value)+bacnetAckOverhead <= bacnet.APDUSizes[0] {
		return c.say(&c.ack, from) // everybody takes and sends that
	}
	size, most := q.Limits()
	size = min(size, d.sends())
	whole := bacnet.AppendParameters(nil, p)
	if len(whole)+3 <= size {
		return c.say(&c.ack, from)
	}
	if s := d.segmentation(); !q.Accepts || s != bacnet.SegmentedBoth && s != bacnet.SegmentedTransmit {
		return c.abort(q, bacnet.AbortSegmentationNotSupported)
	}
	t := c.transfer(whole, size-5, bacnetWindow)
	if len(t.segments) > most {
		return c.abort(q, bacnet.AbortBufferOverflow)
	}
	c.transfers = slices.DeleteFunc(c.transfers, func(o *bacnetTransfer) bool { return o.invoke == t.invoke })
	if len(c.transfers) >= bacnetTransfersMax {
		return c.abort(q, bacnet.AbortOutOfResources)
	}
	c.transfers = append(c.transfers, t)
	a := c.say(t.segments[0], from)
	a.Tick = t.due
	return a
}

// transfer cuts an answer into segments of a size.
func (c *bacnetSession) transfer(whole []byte, size int, window uint8) *bacnetTransfer {
	t := &bacnetTransfer{invoke: c.ack.InvokeID, whole: whole, window: 1, due: c.s.st.Now().Add(bacnetSegmentWait)}
	for len(whole) > 0 {
		n := min(len(whole), size)
		part := bacnet.Opaque(whole[:n])
		whole = whole[n:]
		t.segments = append(t.segments, &bacnet.ComplexAck{Header: c.ack.Header, Segmented: true, More: len(whole) > 0, InvokeID: c.ack.InvokeID,
			Sequence: uint8(len(t.segments)), Window: window, Service: c.ack.Service, Parameters: &part})
	}
	return t
}

// bacnetSegmented is the first segment of a recorded answer; nil: it has none.
func bacnetSegmented(replies []wire.Message) *bacnet.ComplexAck {
	if len(replies) == 0 {
		return nil
	}
	if a, ok := replies[0].(*bacnet.ComplexAck); ok && a.Segmented && a.Sequence == 0 {
		return a
	}
	return nil
}

// bacnetTakes says whether an answer is no longer than the client takes.
func bacnetTakes(q *bacnet.ConfirmedRequest, a *bacnet.ComplexAck) bool {
	size, _ := q.Limits()
	n := len(bacnet.AppendParameters(nil, a.Parameters)) + 3
	if a.Segmented {
		n += 2
	}
	return n <= size
}

// resend answers as the recording begins to. What acknowledges its segments does not say which answer they
// are of, so that all of it is best made here, cut as it was.
func (c *bacnetSession) resend(q *bacnet.ConfirmedRequest, first *bacnet.ComplexAck, recorded []wire.Message) Answer {
	c.confirmed(q)
	c.ack.Network.Control |= first.Network.Control & bacnet.ExpectingReply
	part := bacnet.AppendParameters(nil, first.Parameters)
	i := slices.IndexFunc(c.transfers, func(t *bacnetTransfer) bool { return t.invoke == q.InvokeID })
	if i < 0 {
		return Answer{Messages: recorded, From: Recorded}
	}
	if t := c.transfers[i]; len(part) > 0 && len(t.whole) > len(part) && string(t.whole[:len(part)]) == string(part) {
		if t = c.transfer(t.whole, len(part), first.Window); len(t.segments) <= 256 {
			c.transfers[i] = t
			a := c.say(t.segments[0], Recorded)
			a.Tick = t.due
			return a
		}
	}
	c.transfers = slices.Delete(c.transfers, i, i+1)
	return Answer{Messages: recorded, From: Recorded}
}

// sending says whether an answer to a request is on its way.
func (c *bacnetSession) sending(q *bacnet.SegmentAck) bool {
	return !q.Server && slices.ContainsFunc(c.transfers, func(t *bacnetTransfer) bool { return t.invoke == q.InvokeID })
}

// bacnetAckOverhead is the most that an answer to ReadProperty has beside the value.
const bacnetAckOverhead = 24

// acknowledged goes on with an answer in segments.
func (c *bacnetSession) acknowledged(q *bacnet.SegmentAck) Answer {
	i := slices.IndexFunc(c.transfers, func(t *bacnetTransfer) bool { return t.invoke == q.InvokeID })
	if i < 0 || q.Server {
		return Answer{From: Refused}
	}
	t := c.transfers[i]
	// Sequence numbers are the low bits of the segments', which an answer has no more than 256 of.
	if next := int(q.Sequence) + 1; next >= t.sent && next <= len(t.segments) {
		t.sent = next
	}
	t.window, t.tries = max(1, min(int(q.Window), bacnetWindow)), 0
	if t.sent == len(t.segments) {
		c.transfers = slices.Delete(c.transfers, i, i+1)
		return Answer{From: Recorded}
	}
	t.due = c.s.st.Now().Add(bacnetSegmentWait)
	return Answer{Messages: t.next(), From: Recorded, Tick: t.due}
}

// next is the window behind what is acknowledged.
func (t *bacnetTransfer) next() (out []wire.Message) {
	for _, s := range t.segments[t.sent:min(len(t.segments), t.sent+t.window)] {
		out = append(out, s)
	}
	return out
}

// again sends what was not acknowledged in time once more, and gives up after some tries.
func (c *bacnetSession) again(now time.Time) (out []wire.Message, next time.Time) {
	c.transfers = slices.DeleteFunc(c.transfers, func(t *bacnetTransfer) bool {
		if t.due.After(now) {
			next = soonest(next, t.due)
			return false
		}
		if t.tries++; t.tries > bacnetRetries {
			return true
		}
		t.due = now.Add(bacnetSegmentWait)
		next = soonest(next, t.due)
		out = append(out, t.next()...)
		return false
	})
	return out, next
}

func soonest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// sooner is the earlier of two times, of which zero means never.
func sooner(a, b time.Time) time.Time {
	if b.IsZero() {
		return a
	}
	return soonest(a, b)
}

// A bacnetUpload is a request that comes in segments.
type bacnetUpload struct {
	invoke  uint8
	content []byte
	next    uint8 // the segment that is awaited
	window  uint8
	last    uint8 // acknowledged
}

// upload takes a segment of a request.
func (c *bacnetSession) upload(d *bacnetDevice, q *bacnet.ConfirmedRequest) Answer {
	if s := d.segmentation(); s != bacnet.SegmentedBoth && s != bacnet.SegmentedReceive {
		return c.abort(q, bacnet.AbortSegmentationNotSupported)
	}
	i := slices.IndexFunc(c.uploads, func(u *bacnetUpload) bool { return u.invoke == q.InvokeID })
	if q.Sequence == 0 && (i < 0 || c.uploads[i].next != 0) {
		if i >= 0 {
			c.uploads = slices.Delete(c.uploads, i, i+1)
		}
		if len(c.uploads) >= bacnetTransfersMax {
			c.uploads = c.uploads[1:]
		}
		c.uploads = append(c.uploads, &bacnetUpload{invoke: q.InvokeID, window: max(1, min(q.Window, bacnetWindow))})
		i = len(c.uploads) - 1
	}
	if i < 0 {
		return c.abort(q, bacnet.AbortInvalidAPDUInThisState)
	}
	u := c.uploads[i]
	ack := &bacnet.SegmentAck{Header: bacnet.Reply(&q.Header), Server: true, InvokeID: q.InvokeID, Window: u.window}
	if q.Sequence != u.next {
		ack.Negative, ack.Sequence = true, u.next-1
		return c.say(ack, Modelled)
	}
	u.content = bacnet.AppendParameters(u.content, q.Parameters)
	if len(u.content) > bacnetUploadMax {
		c.uploads = slices.Delete(c.uploads, i, i+1)
		return c.abort(q, bacnet.AbortBufferOverflow)
	}
	u.next++
	ack.Sequence = q.Sequence
	if q.More {
		if q.Sequence > 0 && q.Sequence-u.last < u.window {
			return Answer{From: Modelled}
		}
		u.last = q.Sequence
		return c.say(ack, Modelled)
	}
	c.uploads = slices.Delete(c.uploads, i, i+1)
	whole := *q
	whole.Segmented, whole.More = false, false
	whole.Parameters = bacnet.ParseRequest(q.Service, u.content)
	a := c.serve(d, &whole)
	a.Messages = append([]wire.Message{ack}, a.Messages...)
	return a
}
