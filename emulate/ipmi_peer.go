package emulate

import (
	"bytes"
	"encoding/binary"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An ipmiPeer is who talks to the controller from one address. Its sessions are the controller's.
type ipmiPeer struct {
	Quiet
	s    *ipmiService
	peer Peer
	ask  []byte
	body []byte

	// What was said last: messages are valid until the next.
	answered ipmi.Reply
	pong     ipmi.Pong
	said     [1]wire.Message
}

// one is an answer of one message.
func (p *ipmiPeer) one(m wire.Message, from Origin) Answer {
	p.said[0] = m
	return Answer{Messages: p.said[:], From: from}
}

// refusal is the status code that a handshake is refused with; 0 is silence.
func (s *ipmiService) refusal(r *profiles.IPMIRefuse, why refuse) ipmi.Status {
	if r == nil {
		r = &profiles.IPMIRefuse{}
	}
	code, usual := r.Suite, ipmi.NoMatchingCipherSuite
	switch why {
	case refuseUser:
		code, usual = r.UnknownUser, ipmi.UnauthorizedName
	case refusePassword:
		code, usual = r.WrongPassword, ipmi.InvalidIntegrityCheck
	}
	if code != nil {
		return ipmi.Status(*code)
	}
	return usual
}

// Answer answers one datagram.
func (p *ipmiPeer) Answer(req wire.Message) Answer {
	m, ok := req.(ipmi.Message)
	if !ok {
		return Answer{}
	}
	a := p.answer(m)
	if h := m.Head(); h.RMCPSequence != ipmi.NoAck && h.Class == ipmi.ClassIPMI {
		ack := &ipmi.Ack{RMCP: *h}
		ack.Class |= ipmi.AckBit
		a.Messages = append([]wire.Message{ack}, a.Messages...)
	}
	return a
}

func (p *ipmiPeer) answer(req ipmi.Message) Answer {
	var m wire.Message
	var note string
	switch q := req.(type) {
	case *ipmi.Ping:
		return p.ponged(q)
	case *ipmi.OpenSession:
		m = p.openSession(q)
	case *ipmi.RAKP1:
		m, note = p.rakp1(q)
	case *ipmi.RAKP3:
		m, note = p.rakp3(q)
	case *ipmi.Command:
		return p.command(q)
	case *ipmi.SOL:
		return p.typed(q)
	case *ipmi.Sealed, *ipmi.Raw:
		if replies, found := p.s.script.Ask(req); found {
			return Answer{Messages: replies, From: Recorded}
		}
	}
	if m == nil {
		return Answer{Note: note}
	}
	a := p.one(m, Modelled)
	a.Note = note
	return a
}

// ponged says what is there (section 13.2.4): IPMI, unless the controller was seen to say otherwise.
func (p *ipmiPeer) ponged(q *ipmi.Ping) Answer {
	m := &p.pong
	*m = ipmi.Pong{RMCP: q.RMCP, Tag: q.Tag, Enterprise: asfEnterprise, Entities: 0x81, Unused: pongUnused}
	m.RMCPSequence = ipmi.NoAck
	c := p.s.cells[profiles.IPMIPing]
	if c == nil {
		return p.one(m, Modelled)
	}
	v, from := c.Read(p.s.st)
	if len(v) == 0 {
		return Answer{From: from}
	}
	if len(v) == pongData {
		m.Enterprise, m.OEM = binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:])
		m.Entities, m.Interactions, m.Unused = v[8], v[9], v[10:]
	}
	return p.one(m, from)
}

const (
	asfEnterprise = 4542
	pongData      = 16
)

var pongUnused = make([]byte, 6)

// command answers a command, in a session or outside of any.
func (p *ipmiPeer) command(q *ipmi.Command) Answer {
	s := p.s
	p.ask = p.ask[:0]
	if q.Body != nil {
		p.ask = q.Data(p.ask)
	}
	if q.ID == 0 {
		code, body, from, note := s.outside(p, q, p.ask)
		return p.reply(nil, q, code, body, from, note)
	}
	n := s.sessions[q.ID]
	if n == nil || !n.sealed(&q.Session) {
		return Answer{Note: "no such session, or not its key"}
	}
	if !n.open {
		if q.NetFn == ipmi.App && q.Cmd == 0x3a {
			return p.activate(n, q)
		}
		return Answer{}
	}
	if !n.takes(q.Session.Sequence) {
		return Answer{Note: "a sequence number that was used, or is too far ahead"}
	}
	now := s.now()
	n.heard = now
	if n.mute {
		return Answer{Note: "nothing is answered in sessions of this cipher suite"}
	}
	ask := append(append(p.body[:0], byte(q.NetFn), q.Cmd), p.ask...)
	p.body = ask
	l := &n.last
	if l.ask != nil && l.seq == q.Seq && now.Sub(l.at) < ipmiAgain && bytes.Equal(l.ask, ask) {
		s.silent = l.silent
		return p.reply(n, q, l.code, ipmi.Data(l.said), Modelled, "the same command again")
	}
	s.st.comeDue()
	s.watch.run(s)
	code, body, from, note := s.inside(p, n, q, p.ask)
	l.seq, l.ask, l.at, l.code, l.silent = q.Seq, append(l.ask[:0], ask...), now, code, s.silent
	a := p.reply(n, q, code, body, from, note)
	l.said = p.answered.Data(l.said[:0])
	if n.console != nil {
		a.Tick = now.Add(ipmiConsoleWait)
	}
	if _, closed := q.Body.(*ipmi.CloseSession); closed && code == ipmi.CodeOK && s.closing != 0 {
		s.end(s.closing)
		s.closing = 0
	}
	return a
}

// sealed says whether a message was sealed as its session wants.
func (n *ipmiSession) sealed(h *ipmi.Session) bool {
	if n.format != ipmi.FormatRMCPPlus {
		return h.Format == n.format && (h.Format == ipmi.FormatNone || h.Proven())
	}
	return h.Format == n.format && h.Authenticated == n.signs && h.Encrypted == n.hides && (!n.signs && !n.hides || h.Proven())
}

func (p *ipmiPeer) reply(n *ipmiSession, q *ipmi.Command, code ipmi.Code, body ipmi.Body, from Origin, note string) Answer {
	r := &p.answered
	*r = *q.Answer(code, body)
	if p.s.silent {
		p.s.silent = false
		return Answer{From: from, Note: note}
	}
	if n != nil {
		p.s.seal(n, &r.Session)
	} else {
		r.Format = q.Format
		if q.Format != ipmi.FormatRMCPPlus {
			r.Format = ipmi.FormatNone
		}
	}
	a := p.one(r, from)
	a.Note = note
	return a
}

// challenge begins a session of IPMI 1.5 (section 22.16).
func (p *ipmiPeer) challenge(q *ipmi.GetSessionChallenge) (ipmi.Code, ipmi.Body, string) {
	s := p.s
	format := ipmi.Format(q.Format & 0xf)
	u := s.userNamed(string(bytes.TrimRight(q.User[:], "\x00")))
	switch {
	case u == nil && q.User == [16]byte{}:
		return ipmi.Code(0x82), nil, "no anonymous user"
	case u == nil:
		return ipmi.Code(0x81), nil, "unknown user"
	case !s.allows15(format):
		return ipmi.InvalidField, nil, ""
	case !s.room():
		return ipmi.OutOfSpace, nil, ""
	}
	n := s.begin(p.peer)
	n.format, n.user = format, u
	s.fresh(n.random[:])
	secret := u.secret
	if !u.known || u.denied {
		var b [10]byte
		s.fresh(b[:])
		secret = string(b[:])
	}
	if format != ipmi.FormatNone {
		n.secret = ipmi.Secret15(format, secret)
		s.secrets.put(n.id, n.secret)
	}
	return ipmi.CodeOK, &ipmi.GetSessionChallengeReply{ID: n.id, Challenge: n.random}, ""
}

func (s *ipmiService) allows15(f ipmi.Format) bool {
	for _, name := range s.sec.Auth {
		if profiles.IPMIFormats[name] == f && f != ipmi.FormatOEM {
			return true
		}
	}
	return false
}

// limit15 is the privilege that a user may have by the kind of authentication: as the LAN parameters say
// (section 23.2, parameter 2), unless they name it for no level at all.
func (s *ipmiService) limit15(n *ipmiSession) uint8 {
	limit := n.user.limit
	if n.format == ipmi.FormatNone && n.user.denied {
		return 0
	}
	enables := s.holds(ipmi.Target{NetFn: ipmi.Transport, Cmd: 0x02}, []byte{s.channel, lanAuthEnables, 0, 0})
	for level := min(len(enables)-1, int(limit)); level > 0; level-- {
		if enables[level]&(1<<n.format) != 0 {
			return uint8(level)
		}
	}
	return limit
}

// activate opens a session of IPMI 1.5: that its message bears the right code proves the password (section
// 22.17).
func (p *ipmiPeer) activate(n *ipmiSession, q *ipmi.Command) Answer {
	s := p.s
	m, ok := q.Body.(*ipmi.ActivateSession)
	switch {
	case !ok:
		return p.reply(nil, q, ipmi.DataLengthInvalid, nil, Refused, "")
	case n.random != m.Challenge:
		s.end(n.id)
		return p.reply(nil, q, ipmi.Code(0x85), nil, Refused, "not the challenge")
	case len(s.active()) >= s.most:
		s.end(n.id)
		return p.reply(nil, q, ipmi.Code(0x81), nil, Refused, "no session is free")
	case m.Privilege&0xf > s.limit15(n):
		s.end(n.id)
		return p.reply(nil, q, ipmi.Code(0x86), nil, Refused, "more privilege than the user has")
	}
	old := n.id
	s.end(old)
	fresh := s.begin(p.peer)
	id := fresh.id
	*fresh = *n
	s.secrets.put(id, n.secret)
	fresh.id, fresh.open, fresh.heard = id, true, s.now()
	fresh.most, fresh.role = min(s.limit15(n), max(m.Privilege&0xf, 1)), min(ipmiUserRole, m.Privilege&0xf)
	s.giveHandle(fresh)
	fresh.sent = m.Sequence - 1
	var b [4]byte
	s.fresh(b[:])
	first := binary.LittleEndian.Uint32(b[:])&0x7fffffff | 1
	fresh.begun, fresh.seen, fresh.window = true, first-1, 0
	r := q.Answer(ipmi.CodeOK, &ipmi.ActivateSessionReply{Format: byte(n.format), ID: id, Sequence: first, Privilege: fresh.most})
	s.seal(fresh, &r.Session)
	r.Session.ID = old // that of the challenge holds until the console knows the other
	return Answer{Messages: []wire.Message{r}, From: Modelled, Note: n.user.login()}
}
