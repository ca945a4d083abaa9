package clone

import (
	"bytes"
	"net/netip"
	"slices"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An ipmiLearner learns a management controller. What it answers to a command is a cell, in and outside of
// sessions; its records are put together from the parts that were read (ipmi_records.go); handshakes teach
// who and what is let in (ipmi_sessions.go). What was encrypted with keys that are not known, and what is
// odd, is kept whole.
type ipmiLearner struct {
	s        *Service
	inside   ipmiCells
	outside  ipmiCells
	parts    ipmiCells // of records, in case they do not make up a whole
	records  ipmiRecords
	sessions ipmiSessions
	users    map[uint8]profiles.IPMIUser
	trends   int
	sealed   bool // something stayed opaque
	secrets  bool // something was left out
	follows  bool // the controller gives its own address
}

// ipmiCells are cells by their names.
type ipmiCells struct {
	cells map[string]*ipmiCell
	order []string
}

// An ipmiCell is what was answered to one command.
type ipmiCell struct {
	track profiles.Track
	trend *Trend
}

// Bounds on what is remembered.
const (
	ipmiCellsMax  = 1 << 16
	ipmiTrendsMax = 1 << 10
)

func newIPMILearner(s *Service) learner {
	return &ipmiLearner{
		s: s, inside: newIPMICells(), outside: newIPMICells(), parts: newIPMICells(),
		records: newIPMIRecords(), sessions: newIPMISessions(), users: map[uint8]profiles.IPMIUser{},
	}
}

func newIPMICells() ipmiCells { return ipmiCells{cells: map[string]*ipmiCell{}} }

func (l *ipmiLearner) Learn(x *capture.Exchange) {
	if x.Request == nil {
		return // text of a console that nobody reads any more
	}
	if _, console := x.Request.(*ipmi.SOL); console || l.learn(x) {
		l.s.Record.Count(x)
		return
	}
	if s, ok := x.Request.(*ipmi.Sealed); ok && s.Encrypted {
		l.sealed = true
	}
	if _, ok := x.Request.(*ipmi.RAKP1); ok {
		return
	}
	if _, ok := x.Request.(*ipmi.RAKP3); ok { // and its code, from which a password could be found
		return
	}
	l.s.Record.Keep(ipmiPlain(x))
}

// ipmiPlain takes the session off the messages of an exchange, with the codes in it from which a password
// could be found. What is sealed stays as it is.
func ipmiPlain(x *capture.Exchange) *capture.Exchange {
	plain := *x
	plain.Replies = slices.Clone(x.Replies)
	if q, ok := x.Request.(*ipmi.Command); ok {
		c := *q
		c.Session = ipmi.Session{}
		plain.Request = &c
	}
	for i, m := range plain.Replies {
		if r, ok := m.(*ipmi.Reply); ok {
			c := *r
			c.Session = ipmi.Session{}
			plain.Replies[i] = &c
		}
	}
	return &plain
}

// learn puts an exchange into cells; false: they cannot express it.
func (l *ipmiLearner) learn(x *capture.Exchange) bool {
	if x.Lost && len(x.Replies) == 0 {
		return true
	}
	replies := slices.DeleteFunc(slices.Clone(x.Replies), func(m wire.Message) bool {
		_, ack := m.(*ipmi.Ack)
		return ack
	})
	if len(replies) > 1 {
		return false
	}
	var reply wire.Message
	if len(replies) > 0 {
		reply = replies[0]
	}
	switch q := x.Request.(type) {
	case *ipmi.Ping:
		return l.ping(x, reply)
	case *ipmi.OpenSession:
		return l.openSession(x, q, reply)
	case *ipmi.RAKP1:
		return l.rakp1(x, q, reply)
	case *ipmi.RAKP3:
		return l.rakp3(x, q, reply)
	case *ipmi.Command:
		return l.command(x, q, reply)
	}
	return false
}

func (l *ipmiLearner) ping(x *capture.Exchange, reply wire.Message) bool {
	var v []byte
	if r, ok := reply.(*ipmi.Pong); ok {
		b, _ := r.Append(nil)
		v = b[ipmiPongHead:]
	} else if reply != nil {
		return false
	}
	l.sample(&l.outside, profiles.IPMIPing, v, x)
	return true
}

// ipmiPongHead is what stands before the data of a pong: RMCP's header and that of ASF.
const ipmiPongHead = 4 + 8

// command learns the answer to a command.
func (l *ipmiLearner) command(x *capture.Exchange, q *ipmi.Command, reply wire.Message) bool {
	r, ok := reply.(*ipmi.Reply)
	if !ok && reply != nil {
		return false
	}
	in := q.Session.ID != 0
	l.sessions.proved(x.Conn, &q.Session)
	if in && !x.Lost {
		l.sessions.heard(x.Conn, &q.Session, r != nil)
	}
	if r == nil {
		if !in {
			l.sample(&l.outside, profiles.IPMICell(q.Target, q.Data(nil)), nil, x)
		}
		return true // in a session, a request that is lost is asked again
	}
	if l.session(x, q, r) {
		return true
	}
	if !in && ipmiBegins(q) {
		return false
	}
	if in {
		l.state(x, q, r)
		if l.record(x, q, r) {
			return true
		}
	}
	data := q.Data(nil)
	if b, ok := q.Body.(*ipmi.SetUserPassword); ok {
		l.secrets = true
		data = []byte{b.User, b.Operation}
	}
	value := append([]byte{byte(r.Code)}, l.scrub(q, r.Data(nil))...)
	if in {
		l.sample(&l.inside, profiles.IPMICell(q.Target, data), value, x)
	} else {
		l.sample(&l.outside, profiles.IPMICell(q.Target, data), value, x)
	}
	return true
}

// ipmiBegins says whether a command opens a session of IPMI 1.5: it mints what no cell can hold.
func ipmiBegins(q *ipmi.Command) bool {
	return q.NetFn == ipmi.App && (q.Cmd == 0x39 || q.Cmd == 0x3a)
}

// state learns what commands say of the controller, beside their answers.
func (l *ipmiLearner) state(x *capture.Exchange, q *ipmi.Command, r *ipmi.Reply) {
	if r.Code != ipmi.CodeOK {
		return
	}
	switch b := r.Body.(type) {
	case *ipmi.GetUserNameReply:
		if ask, ok := q.Body.(*ipmi.GetUserName); ok {
			slot := ask.User & 0x3f
			u := l.users[slot]
			u.Name = string(bytes.TrimRight(b.Name[:], "\x00"))
			l.users[slot] = u
		}
	case *ipmi.GetUserAccessReply:
		if ask, ok := q.Body.(*ipmi.GetUserAccess); ok {
			slot := ask.User & 0x3f
			u := l.users[slot]
			u.Privilege = profiles.IPMIPrivilegeName(b.Access & 0xf)
			u.Disabled = b.Enabled>>6 == 2 || b.Access&0x10 == 0
			l.users[slot] = u
		}
	case *ipmi.GetLANConfigReply:
		ask, ok := q.Body.(*ipmi.GetLANConfig)
		if a, is4 := netip.AddrFromSlice(b.Value); ok && is4 && ask.Parameter == lanAddress && a == x.Server.Addr().Unmap() {
			l.follows = true
		}
	}
}

// The LAN parameters with the address, and with the community of SNMP traps (table 23-4).
const (
	lanAddress   = 3
	lanCommunity = 16
)

// scrub takes secrets out of an answer.
func (l *ipmiLearner) scrub(q *ipmi.Command, data []byte) []byte {
	ask, ok := q.Body.(*ipmi.GetLANConfig)
	if !ok || ask.Parameter != lanCommunity || l.s.Options.KeepSecrets || len(data) < 2 {
		return data
	}
	text := bytes.TrimRight(data[1:], "\x00")
	if len(text) == 0 || string(text) == "public" {
		return data
	}
	l.secrets = true
	return append(data[:1:1], bytes.Repeat([]byte{'x'}, len(text))...)
}

// sample adds an answer to a cell.
func (l *ipmiLearner) sample(to *ipmiCells, name string, value []byte, x *capture.Exchange) {
	c := to.cells[name]
	if c == nil {
		if len(to.cells) >= ipmiCellsMax {
			return
		}
		c = &ipmiCell{}
		c.track.SpillTo(l.s.spill)
		to.cells[name] = c
		to.order = append(to.order, name)
		l.s.Saw(l.s.fact(name), x)
	}
	c.track.Add(value, false)
	l.follow(c, name, value, x)
}

// follow follows the number in a cell that moves by itself.
func (l *ipmiLearner) follow(c *ipmiCell, name string, value []byte, x *capture.Exchange) {
	t, data, ok, err := profiles.ParseIPMICell(name)
	if !ok || err != nil || len(value) == 0 || value[0] != byte(ipmi.CodeOK) {
		return
	}
	at, size := profiles.IPMINumber(t, data)
	if size == 0 || len(value) < at+size {
		return
	}
	if c.trend == nil {
		if l.trends >= ipmiTrendsMax {
			return
		}
		c.trend = &Trend{}
		l.trends++
	}
	v := uint64(0)
	for i := size - 1; i >= 0; i-- {
		v = v<<8 | uint64(value[at+i])
	}
	c.trend.Add(x.At, v, 8*size)
	l.s.beside.heard(c, x.At, v)
}
