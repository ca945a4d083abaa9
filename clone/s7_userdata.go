package clone

import (
	"bytes"
	"fmt"
	"time"

	"ringer/capture"
	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// s7Question names the cell of a userdata question.
func s7Question(q *s7comm.Userdata) string {
	if q.SZL != nil {
		return profiles.S7List(q.SZL.ID, q.SZL.Index)
	}
	return profiles.S7Question(q.Group, q.Subfunction, q.ReturnCode, q.TransportSize, q.Data)
}

func (l *s7Learner) userdata(c *s7Conn, x *capture.Exchange, q *s7comm.Userdata, reply wire.Message) bool {
	r, ok := reply.(*s7comm.UserdataReply)
	if !ok || r.Function != q.Function || r.More > 1 {
		return false
	}
	data := r.Data
	if r.Clock != nil {
		data = append([]byte{r.Clock.Reserved}, r.Clock.BCD[:]...)
	}
	if int(r.Length) != len(data) {
		return false
	}
	l.pduSeen = max(l.pduSeen, 26+len(data))
	if q.Continues() {
		return l.nextPart(c, x, r, data)
	}
	name := s7Question(q)
	if q.Group == s7comm.GroupSecurity && q.Subfunction == s7comm.SecurityPassword {
		name = l.password(q, r)
	}
	l.finishPart(c, q.Function)
	l.jobNumbers(r, x)
	a := profiles.S7Answer{Error: r.Error, ReturnCode: r.ReturnCode, TransportSize: r.TransportSize, Data: data}
	if r.More == 1 {
		a.Part = uint16(len(data))
		if c.parts == nil {
			c.parts = map[s7comm.Function]*s7Partial{}
		}
		a.Data = append([]byte(nil), data...)
		c.parts[q.Function] = &s7Partial{name: name, answer: a}
	} else {
		l.sample(name, a.Append(nil), x)
	}
	l.asked(c, x, q, r, name)
	if r.Clock != nil && r.Error == 0 && !x.At.IsZero() {
		if t, ok := r.Clock.Time(time.UTC); ok {
			l.skew, l.clock = t.Sub(x.At.Add(x.Latency)), true
		}
	}
	return true
}

// jobNumbers learns the job number, and what names the parts of a long answer.
func (l *s7Learner) jobNumbers(r *s7comm.UserdataReply, x *capture.Exchange) {
	l.sample(fmt.Sprintf("sequence %d/%d", r.Group, r.Subfunction), []byte{r.Sequence}, x)
	if r.More == 1 {
		l.sample("part", []byte{r.DataUnitReference}, x)
	}
}

// nextPart joins the parts of a long answer.
func (l *s7Learner) nextPart(c *s7Conn, x *capture.Exchange, r *s7comm.UserdataReply, data []byte) bool {
	p := c.parts[r.Function]
	if p == nil || r.Error != 0 || len(p.answer.Data) > s7AnswerMax {
		return false
	}
	l.sample(fmt.Sprintf("sequence %d/%d", r.Group, r.Subfunction), []byte{r.Sequence}, x)
	p.answer.Data = append(p.answer.Data, data...)
	if r.More == 0 {
		l.sample(p.name, p.answer.Append(nil), x)
		delete(c.parts, r.Function)
	}
	return true
}

// finishPart learns a long answer of which the rest was never asked for.
func (l *s7Learner) finishPart(c *s7Conn, f s7comm.Function) {
	if p := c.parts[f]; p != nil {
		p.answer.More = true
		l.sample(p.name, p.answer.Append(nil), nil)
		delete(c.parts, f)
	}
}

// cutPart is finishPart where the connection ended: what is only the beginning of an answer that is known whole
// says nothing more.
func (l *s7Learner) cutPart(c *s7Conn, f s7comm.Function) {
	if p, t := c.parts[f], l.cells[c.parts[f].name]; t != nil {
		if a, err := profiles.ParseS7Answer(t.Last().Value); err == nil && !a.More && a.Part == p.answer.Part && bytes.HasPrefix(a.Data, p.answer.Data) {
			delete(c.parts, f)
		}
	}
	l.finishPart(c, f)
}

// password learns a password's verifier from its being accepted, and names the cell without it.
func (l *s7Learner) password(q *s7comm.Userdata, r *s7comm.UserdataReply) string {
	l.scrub = true
	if r.Error != 0 {
		return profiles.S7PasswordWrong
	}
	secret := profiles.DecodeS7Password(q.Data)
	if l.s.Options.KeepSecrets {
		l.secret = string(secret)
	} else {
		l.secret = profiles.NewVerifier([]byte(secret), l.s.Options.Salt)
	}
	return profiles.S7PasswordRight
}

// asked remembers a question that pushed messages may follow.
func (l *s7Learner) asked(c *s7Conn, x *capture.Exchange, q *s7comm.Userdata, r *s7comm.UserdataReply, name string) {
	switch q.Group {
	case s7comm.GroupCyclic:
		if q.Subfunction == s7comm.CyclicUnsubscribe {
			if len(q.Data) == 2 {
				l.followJob(c, q.Data[1])
			}
		} else if r.Error == 0 {
			l.followJob(c, r.Sequence)
			if c.jobs == nil {
				c.jobs, c.jobPushed = map[uint8]string{}, map[uint8]int{}
			}
			c.jobs[r.Sequence] = name
			c.answered(name, x)
		}
	case s7comm.GroupProgrammer, s7comm.GroupCPU:
		if q.Group == s7comm.GroupCPU && q.Subfunction != s7comm.CPUMessageService {
			return
		}
		l.follow(c, q.Group)
		if c.asked == nil {
			c.asked, c.pushed = map[uint8]string{}, map[uint8]int{}
		}
		c.asked[q.Group], c.pushed[q.Group] = name, 0
		c.answered(name, x)
	}
}

func (c *s7Conn) answered(name string, x *capture.Exchange) {
	if c.since == nil {
		c.since = map[string]time.Time{}
	}
	c.since[name] = x.At.Add(x.Latency)
}

// follow learns how many messages were pushed behind the newest question of a group.
func (l *s7Learner) follow(c *s7Conn, group uint8) {
	name, ok := c.asked[group]
	if !ok {
		return
	}
	if n := c.pushed[group]; n > 0 || l.cells["follow "+name] != nil {
		l.sample("follow "+name, []byte{byte(n >> 8), byte(n)}, nil)
	}
	delete(c.asked, group)
}

// followJob learns how many messages were pushed while a cyclic job went on.
func (l *s7Learner) followJob(c *s7Conn, job uint8) {
	if name, ok := c.jobs[job]; ok {
		n := c.jobPushed[job]
		l.sample("follow "+name, []byte{byte(n >> 8), byte(n)}, nil)
		delete(c.jobs, job)
		delete(c.jobPushed, job)
	}
}

// pushed learns a message that was said unasked: cyclic data by their job, others behind the newest
// question of their group. What follows no question is kept.
func (l *s7Learner) pushed(c *s7Conn, x *capture.Exchange) {
	if x.Lost { // the answer to something that the recording has not
		return
	}
	if len(x.Replies) != 1 {
		l.s.Record.Keep(x)
		return
	}
	m, ok := x.Replies[0].(*s7comm.UserdataPush)
	if !ok || int(m.Length) != len(m.Data) {
		l.s.Record.Keep(x)
		return
	}
	var name string
	if m.Group == s7comm.GroupCyclic {
		if name, ok = c.jobs[m.Sequence]; ok {
			c.jobPushed[m.Sequence]++
		}
	} else {
		group := m.Group
		if group == s7comm.GroupModeTransition { // of whoever subscribed to messages
			group = s7comm.GroupCPU
		}
		if name, ok = c.asked[group]; ok {
			c.pushed[group]++
		}
	}
	if !ok {
		l.s.Record.Keep(x)
		return
	}
	p := profiles.S7Push{Group: m.Group, Subfunction: m.Subfunction, Sequence: m.Sequence, ReturnCode: m.ReturnCode, TransportSize: m.TransportSize, Data: m.Data}
	if n := m.Parts; n != nil {
		p.Long, p.Part, p.More, p.Error = true, n.DataUnitReference, n.More, n.Error
	}
	if last := c.since[name]; !last.IsZero() && x.At.After(last) {
		p.After = uint32(min(x.At.Sub(last), 24*time.Hour) / time.Millisecond)
	}
	c.since[name] = x.At
	l.sample("push "+name, p.Append(nil), x)
}
