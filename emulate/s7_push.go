package emulate

import (
	"time"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// s7Pushing is something that a session says unasked from time to time: cyclic data until it is
// unsubscribed, or as many messages as followed the question in the recording.
type s7Pushing struct {
	name   string
	job    uint8
	cyclic bool
	left   int       // messages to come; cyclic data go on
	due    time.Time // zero: no more
	every  time.Duration
	sample *Cell         // recorded messages, or nil
	items  []s7comm.Item // what is read where none were recorded
	head   s7comm.Function
}

// s7PushesMax bounds the subscriptions of one connection.
const s7PushesMax = 32

// follow begins what was recorded to be pushed after a question, and says when it is due.
func (x *s7Session) follow(q *s7comm.Userdata, name string, job uint8) time.Time {
	if q.Function == (s7comm.Function{Group: s7comm.GroupCyclic, Subfunction: s7comm.CyclicUnsubscribe}) && len(q.Data) == 2 {
		x.unsubscribe(q.Data[1])
		return time.Time{}
	}
	if q.Group == s7comm.GroupCyclic {
		x.unsubscribe(job)
	}
	c := x.s.cells["push "+name]
	if c == nil {
		return time.Time{}
	}
	p := &s7Pushing{name: name, job: job, sample: c, head: q.Function}
	if n := x.s.cells["follow "+name]; n != nil {
		v, _ := n.Read(x.st)
		p.left = int(DecodeUint(v))
	}
	if q.Group == s7comm.GroupCyclic {
		p.cyclic = true
		_, p.every, _ = s7comm.ParseCyclic(q.Data)
	}
	return x.begin(p)
}

// begin enrols what is pushed.
func (x *s7Session) begin(p *s7Pushing) time.Time {
	if len(x.pushes) >= s7PushesMax || !p.cyclic && p.left == 0 {
		return time.Time{}
	}
	x.schedule(p, x.st.Now())
	x.pushes = append(x.pushes, p)
	return p.due
}

// schedule says when the next message comes: as recorded while the recording had any behind this asking,
// and at even intervals when it has ended. What is only pushed when it changes stays as it is then, and
// comes no more.
func (x *s7Session) schedule(p *s7Pushing, now time.Time) {
	every := p.every
	if p.sample != nil {
		if p.sample.Live() && p.head.Subfunction == s7comm.CyclicModify || !p.sample.Live() && p.left <= 0 {
			p.due = time.Time{}
			return
		}
		v, from := p.sample.Peek(x.st)
		if m, err := profiles.ParseS7Push(v); err == nil && (from == Recorded || every == 0) {
			every = time.Duration(m.After) * time.Millisecond
		}
	}
	p.due = now.Add(max(every, time.Millisecond))
}

// subscribe answers a subscription that was never recorded from memory.
func (x *s7Session) subscribe(q *s7comm.Userdata, name string) Answer {
	items, every, ok := s7comm.ParseCyclic(q.Data)
	if !ok || len(items) == 0 || len(x.pushes) >= s7PushesMax || s7ReplySize(items)+14 > x.pdu {
		return x.reply(q, profiles.S7Answer{Error: s7NotImplemented, ReturnCode: s7comm.CodeNotExisting}, Refused)
	}
	a := x.reply(q, s7Listed(x.readCyclic(items)), Point)
	job := x.dataReply.Sequence
	x.unsubscribe(job)
	a.Tick = x.begin(&s7Pushing{name: name, job: job, cyclic: true, every: every, items: items, head: q.Function})
	return a
}

func (x *s7Session) readCyclic(items []s7comm.Item) []byte {
	x.buf = x.buf[:0]
	values := make([]s7comm.Value, len(items))
	for i := range items {
		values[i], _ = x.readItem(&items[i])
	}
	return s7comm.AppendCyclic(nil, values)
}

// unsubscribe ends the cyclic data of a job.
func (x *s7Session) unsubscribe(job uint8) bool {
	for i, p := range x.pushes {
		if p.cyclic && p.job == job {
			x.pushes = append(x.pushes[:i], x.pushes[i+1:]...)
			return true
		}
	}
	return false
}

// Tick says what is due, and when the next is.
func (x *s7Session) Tick(now time.Time) (Answer, time.Time) {
	a := Answer{Class: "push"}
	var next time.Time
	kept := x.pushes[:0]
	for _, p := range x.pushes {
		if !p.due.IsZero() && !p.due.After(now) {
			if m := x.push(p); m != nil {
				a.Messages, a.From = append(a.Messages, m), Modelled
			}
			if p.left--; !p.cyclic && p.left <= 0 {
				continue
			}
			x.schedule(p, now)
		}
		if next.IsZero() || !p.due.IsZero() && p.due.Before(next) {
			next = p.due
		}
		kept = append(kept, p)
	}
	clear(x.pushes[len(kept):])
	x.pushes = kept
	return a, next
}

// push makes the message that is due.
func (x *s7Session) push(p *s7Pushing) wire.Message {
	if p.sample == nil {
		data := x.readCyclic(p.items)
		return &s7comm.UserdataPush{
			Function: p.head, Sequence: p.job, Parts: &s7comm.Continuation{},
			Envelope: s7comm.Envelope{ReturnCode: s7comm.CodeSuccess, TransportSize: s7comm.DataOctets, Length: uint16(len(data))}, Data: data,
		}
	}
	v, _ := p.sample.Read(x.st)
	r, err := profiles.ParseS7Push(v)
	if err != nil {
		return nil
	}
	m := &s7comm.UserdataPush{
		Function: s7comm.Function{Group: r.Group, Subfunction: r.Subfunction}, Sequence: r.Sequence,
		Envelope: s7comm.Envelope{ReturnCode: r.ReturnCode, TransportSize: r.TransportSize, Length: uint16(len(r.Data))}, Data: r.Data,
	}
	if p.cyclic {
		m.Sequence = p.job
	}
	if r.Long {
		m.Parts = &s7comm.Continuation{DataUnitReference: r.Part, More: r.More, Error: r.Error}
	}
	m.Carriage = x.carriage(partHead + len(r.Data))
	return m
}
