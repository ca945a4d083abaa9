package emulate

import (
	"fmt"
	"time"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// s7Pending is what is left of a long answer.
type s7Pending struct {
	function  s7comm.Function
	reference uint8 // names the parts
	size      int   // of a part
	answer    profiles.S7Answer
	from      Origin
}

// userdata answers a userdata question: from its recorded answers, else by what it asks.
func (x *s7Session) userdata(q *s7comm.Userdata) Answer {
	if q.Continues() {
		return x.nextPart(q)
	}
	if q.SZL != nil {
		a, from := x.list(q.SZL.ID, q.SZL.Index)
		return x.reply(q, a, from)
	}
	name := ""
	if q.Function == (s7comm.Function{Group: s7comm.GroupSecurity, Subfunction: s7comm.SecurityPassword}) {
		var a profiles.S7Answer
		if a, name = x.password(q); x.s.cells[name] == nil {
			return x.reply(q, a, Refused)
		}
	} else {
		name = profiles.S7Question(q.Group, q.Subfunction, q.ReturnCode, q.TransportSize, q.Data)
	}
	c := x.s.cells[name]
	if c == nil {
		c = x.s.cells[s7UsualQuestion(q)]
	}
	if c != nil && (!c.Live() || !x.answersItself(q)) {
		v, from := c.Read(x.st)
		if a, err := profiles.ParseS7Answer(v); err == nil {
			answer := x.reply(q, a, from)
			answer.Tick = x.follow(q, name, x.dataReply.Sequence)
			return answer
		}
	}
	return x.compute(q, name)
}

// s7UsualQuestion names the samples of a question as most clients write it: the head of their data differs.
func s7UsualQuestion(q *s7comm.Userdata) string {
	if len(q.Data) == 0 {
		return profiles.S7Question(q.Group, q.Subfunction, s7comm.CodeNotExisting, s7comm.DataNull, nil)
	}
	return profiles.S7Question(q.Group, q.Subfunction, s7comm.CodeSuccess, s7comm.DataOctets, q.Data)
}

// answersItself says that the device's state decides the answer once the recording of it has ended.
func (x *s7Session) answersItself(q *s7comm.Userdata) bool {
	return q.Group == s7comm.GroupTime && (q.Subfunction == s7comm.TimeRead || q.Subfunction == s7comm.TimeReadFollower)
}

// compute answers what was never asked.
func (x *s7Session) compute(q *s7comm.Userdata, name string) Answer {
	none := profiles.S7Answer{ReturnCode: s7comm.CodeNotExisting}
	switch q.Function {
	case s7comm.Function{Group: s7comm.GroupTime, Subfunction: s7comm.TimeRead},
		s7comm.Function{Group: s7comm.GroupTime, Subfunction: s7comm.TimeReadFollower}:
		return x.readClock(q)
	case s7comm.Function{Group: s7comm.GroupTime, Subfunction: s7comm.TimeSet},
		s7comm.Function{Group: s7comm.GroupTime, Subfunction: s7comm.TimeSetFollower}:
		if x.s.sec.Protection >= 2 && !x.unlocked {
			none.Error = s7Protected
			return x.reply(q, none, Refused)
		}
		return x.setClock(q)
	case s7comm.Function{Group: s7comm.GroupBlock, Subfunction: s7comm.BlockList},
		s7comm.Function{Group: s7comm.GroupBlock, Subfunction: s7comm.BlockListOfType},
		s7comm.Function{Group: s7comm.GroupBlock, Subfunction: s7comm.BlockInfo}:
		return x.reply(q, x.s.blockAnswer(q), Point)
	case s7comm.Function{Group: s7comm.GroupCyclic, Subfunction: s7comm.CyclicTransfer},
		s7comm.Function{Group: s7comm.GroupCyclic, Subfunction: s7comm.CyclicMemory}:
		return x.subscribe(q, name)
	case s7comm.Function{Group: s7comm.GroupCyclic, Subfunction: s7comm.CyclicUnsubscribe}:
		if len(q.Data) == 2 && x.unsubscribe(q.Data[1]) {
			return x.reply(q, none, Point)
		}
	case s7comm.Function{Group: s7comm.GroupSecurity, Subfunction: securityClear}:
		x.unlocked = false
		return x.reply(q, none, Point)
	}
	none.Error = s7NotImplemented
	return x.reply(q, none, Refused)
}

// securityClear ends what a password opened.
const securityClear = 2

// partHead is what a PDU with a part of an answer has beside the data.
const partHead = 26

// reply sends an answer, or the first part of it.
func (x *s7Session) reply(q *s7comm.Userdata, a profiles.S7Answer, from Origin) Answer {
	r := &x.dataReply
	*r = s7comm.UserdataReply{Function: q.Function}
	r.Reference = q.Reference
	r.Sequence = x.sequence(q)
	r.Error = a.Error
	x.pending = nil
	size := x.pdu - partHead
	if q.Group == s7comm.GroupBlock && a.Part == 0 {
		size = (size - 6) &^ 3 // whole entries of four bytes; CPUs leave six bytes more
	}
	if n := int(a.Part); n > 0 && n <= size {
		size = n
	}
	if size < 4 {
		return x.refuse(q.Reference, s7WrongPDUSize)
	}
	if len(a.Data) > size || a.More && a.Part > 0 {
		p := &s7Pending{function: q.Function, size: size, answer: a, from: from, reference: x.s.nextPart()}
		n := min(size, len(a.Data))
		p.answer.Data = a.Data[n:]
		a.Data = a.Data[:n]
		r.More, r.DataUnitReference = 1, p.reference
		x.pending = p
	}
	x.fill(r, &a)
	return x.say(r, from)
}

func (x *s7Session) fill(r *s7comm.UserdataReply, a *profiles.S7Answer) {
	r.Envelope = s7comm.Envelope{ReturnCode: a.ReturnCode, TransportSize: a.TransportSize, Length: uint16(len(a.Data))}
	r.Data = a.Data
	if r.Group == s7comm.GroupTime && len(a.Data) == 10 {
		x.clock = s7comm.Clock{Reserved: a.Data[0], BCD: [9]byte(a.Data[1:])}
		r.Data, r.Clock = nil, &x.clock
	}
	if x.tpdu > 0 {
		r.Carriage = x.carriage(partHead + len(a.Data))
	}
}

// nextPart sends the next part of a long answer.
func (x *s7Session) nextPart(q *s7comm.Userdata) Answer {
	p := x.pending
	if p == nil || p.function != q.Function {
		return x.reply(q, profiles.S7Answer{Error: s7NotImplemented, ReturnCode: s7comm.CodeNotExisting}, Refused)
	}
	r := &x.dataReply
	*r = s7comm.UserdataReply{Function: q.Function}
	r.Reference = q.Reference
	r.Sequence = x.sequence(q)
	r.DataUnitReference = p.reference
	a := p.answer
	if n := min(p.size, len(a.Data)); n < len(a.Data) || a.More {
		r.More = 1
		p.answer.Data = a.Data[n:]
		a.Data = a.Data[:n]
	} else {
		x.pending = nil
	}
	x.fill(r, &a)
	return x.say(r, p.from)
}

// nextPart names the parts of a long answer: as recorded, then counting on.
func (s *s7Service) nextPart() uint8 {
	if c := s.cells["part"]; c != nil {
		if v, from := c.Read(s.st); len(v) == 1 && from == Recorded {
			s.part = v[0]
			return s.part
		}
	}
	if s.part++; s.part == 0 {
		s.part = 1
	}
	return s.part
}

// sequence is the number of the job in the controller that answers: as recorded, else the lowest that is
// free; block functions have none. Cyclic jobs have the number the client names, or a free one.
func (x *s7Session) sequence(q *s7comm.Userdata) uint8 {
	f := q.Function
	if int(f.Group) < len(s7SequenceNames) && int(f.Subfunction) < len(s7SequenceNames[0]) {
		if c := x.s.cells[s7SequenceNames[f.Group][f.Subfunction]]; c != nil {
			if v, _ := c.Read(x.st); len(v) == 1 {
				return v[0]
			}
		}
	}
	switch {
	case q.Continues() || q.Sequence != 0:
		return q.Sequence
	case f.Group == s7comm.GroupBlock:
		return 0
	}
	return x.freeJob()
}

func (x *s7Session) freeJob() uint8 {
	for n := uint8(1); ; n++ {
		free := true
		for _, p := range x.pushes {
			free = free && p.job != n
		}
		if free {
			return n
		}
	}
}

// s7SequenceNames are the names of the cells of job numbers, made once: answering must not build texts.
var s7SequenceNames = func() (names [16][32]string) {
	for g := range names {
		for f := range names[g] {
			names[g][f] = fmt.Sprintf("sequence %d/%d", g, f)
		}
	}
	return names
}()

// password checks a password, and names the recorded answers to it.
func (x *s7Session) password(q *s7comm.Userdata) (profiles.S7Answer, string) {
	a := profiles.S7Answer{ReturnCode: s7comm.CodeNotExisting}
	if x.s.sec.Password == "" {
		a.Error = s7PasswordNone
		if x.s.sec.Protection > 1 || x.s.cells[profiles.S7PasswordWrong] != nil {
			a.Error = s7PasswordWrong
		}
		return a, profiles.S7PasswordWrong
	}
	if !profiles.Verify(x.s.sec.Password, profiles.DecodeS7Password(q.Data)) {
		a.Error = s7PasswordWrong
		return a, profiles.S7PasswordWrong
	}
	x.unlocked = true
	return a, profiles.S7PasswordRight
}

// readClock tells the time of the CPU.
func (x *s7Session) readClock(q *s7comm.Userdata) Answer {
	c := s7comm.ClockAt(x.st.Now().UTC().Add(x.s.skew))
	c.Reserved, c.BCD[0] = x.s.clockHead(q, c)
	data := append(x.buf[:0], c.Reserved)
	x.buf = append(data, c.BCD[:]...)
	return x.reply(q, profiles.S7Answer{ReturnCode: s7comm.CodeSuccess, TransportSize: s7comm.DataOctets, Data: x.buf}, Modelled)
}

// clockHead is what stands before the year: CPUs differ in it.
func (s *s7Service) clockHead(q *s7comm.Userdata, c s7comm.Clock) (reserved, hundreds uint8) {
	for _, f := range []uint8{q.Subfunction, s7comm.TimeRead, s7comm.TimeReadFollower} {
		recorded := s.cells[profiles.S7Question(s7comm.GroupTime, f, s7comm.CodeNotExisting, s7comm.DataNull, nil)]
		if recorded == nil {
			continue
		}
		v, _ := recorded.Peek(s.st)
		if a, err := profiles.ParseS7Answer(v); err == nil && len(a.Data) == 10 {
			return a.Data[0], a.Data[1]
		}
	}
	return c.Reserved, c.BCD[0]
}

// setClock sets it; what was recorded of the time before is over.
func (x *s7Session) setClock(q *s7comm.Userdata) Answer {
	a := profiles.S7Answer{ReturnCode: s7comm.CodeNotExisting}
	if len(q.Data) == 10 {
		c := s7comm.Clock{Reserved: q.Data[0], BCD: [9]byte(q.Data[1:])}
		if t, ok := c.Time(time.UTC); ok {
			x.s.skew = t.Sub(x.st.Now())
			x.s.endClock()
			return x.reply(q, a, Point)
		}
	}
	a.Error = s7NotImplemented
	return x.reply(q, a, Refused)
}

func (s *s7Service) endClock() {
	for _, f := range []uint8{s7comm.TimeRead, s7comm.TimeReadFollower} {
		if c := s.cells[profiles.S7Question(s7comm.GroupTime, f, s7comm.CodeNotExisting, 0, nil)]; c != nil {
			c.End(s.st)
		}
	}
}
