package emulate

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An ipmiConsole is the host's serial console, shown in a session (section 15). What it says goes out in
// numbered packets, the next when the last was acknowledged.
type ipmiConsole struct {
	out   []byte // still to be sent
	sent  []byte // on the way
	seq   byte   // of it
	at    time.Time
	tries int
	heard byte   // the last packet of the visitor
	line  []byte // what was typed since the last return
	tail  string // the end of what the console said
}

// The bounds of a console: a packet, what waits, a line; and how long an acknowledgement is waited for.
const (
	ipmiPacket       = 200
	ipmiConsoleMax   = 64 << 10
	ipmiConsoleLine  = 512
	ipmiConsoleTail  = 128
	ipmiConsoleAgain = 500 * time.Millisecond
	ipmiConsoleTries = 7
	ipmiConsoleWait  = 60 * time.Millisecond // from its activation to what it says first
	solPayload       = 1
	solNack          = 0x40
)

// console is the session that shows the console.
func (s *ipmiService) console() *ipmiSession {
	for _, n := range s.sessions {
		if n.open && n.console != nil {
			return n
		}
	}
	return nil
}

// payload carries out the commands that show and hide the console (section 24).
func (s *ipmiService) payload(n *ipmiSession, q *ipmi.Command) (code ipmi.Code, body ipmi.Body, note string, ok bool) {
	if s.sec.Console == nil {
		return 0, nil, "", false
	}
	if q.NetFn != ipmi.App || q.Cmd < 0x48 || q.Cmd > 0x4b {
		return 0, nil, "", false
	}
	other := s.console()
	switch b := q.Body.(type) {
	case *ipmi.ActivatePayload:
		switch {
		case b.Type&0x3f != solPayload || n.format != ipmi.FormatRMCPPlus:
			return ipmi.InvalidField, nil, "", true
		case b.Instance&0xf != 1:
			return ipmi.Code(0x82), nil, "", true
		case other != nil:
			return ipmi.Code(0x80), nil, "", true
		}
		n.console = &ipmiConsole{}
		n.console.say(s.banner)
		return ipmi.CodeOK, &ipmi.ActivatePayloadReply{Inbound: ipmiPacket + 4, Outbound: ipmiPacket + 4, Port: n.peer.Local.Port(), VLAN: 0xffff}, "console", true
	case *ipmi.DeactivatePayload:
		if other == nil || b.Type&0x3f != solPayload {
			return ipmi.Code(0x80), nil, "", true
		}
		other.console = nil
		return ipmi.CodeOK, nil, "console", true
	case *ipmi.GetPayloadStatus:
		if b.Type&0x3f == solPayload {
			r := &ipmi.GetPayloadStatusReply{Capacity: 1}
			if other != nil {
				r.Active = 1
			}
			return ipmi.CodeOK, r, "", true
		}
	case *ipmi.GetPayloadInstance:
		r := &ipmi.GetPayloadInstanceReply{}
		if other != nil {
			r.ID = other.id
		}
		return ipmi.CodeOK, r, "", true
	}
	return 0, nil, "", false
}

// typed takes a packet of a console.
func (p *ipmiPeer) typed(m *ipmi.SOL) Answer {
	n := p.s.sessions[m.Session.ID]
	if n == nil || !n.open || n.console == nil || !n.sealed(&m.Session) || !n.takes(m.Session.Sequence) {
		return Answer{Note: "no such session, or not its key"}
	}
	n.heard = p.s.now()
	c := n.console
	if m.AckOf != 0 && m.AckOf == c.seq {
		if int(m.Accepted) < len(c.sent) && m.Operation&solNack != 0 {
			c.out = append(bytes.Clone(c.sent[m.Accepted:]), c.out...)
		}
		c.sent = nil
	}
	r := &ipmi.SOL{RMCP: ipmiHead()}
	note := ""
	if m.Sequence != 0 {
		if m.Sequence != c.heard {
			note = c.take(p.s.sec.Console, m.Text)
		}
		c.heard = m.Sequence
		r.AckOf, r.Accepted = m.Sequence, byte(min(len(m.Text), 255))
	}
	c.next(r, p.s.now())
	a := Answer{From: Modelled, Class: "console", Note: note}
	if r.Sequence != 0 || r.AckOf != 0 {
		p.s.seal(n, &r.Session)
		a.Messages = []wire.Message{r}
	}
	a.Tick = c.due()
	return a
}

// next puts the next piece into a packet, unless one is on the way.
func (c *ipmiConsole) next(r *ipmi.SOL, now time.Time) {
	if len(c.sent) > 0 || len(c.out) == 0 {
		return
	}
	k := min(len(c.out), ipmiPacket)
	c.sent, c.out = bytes.Clone(c.out[:k]), c.out[k:]
	c.seq = c.seq%15 + 1
	c.at, c.tries = now, 0
	r.Sequence, r.Text = c.seq, c.sent
}

// due is when the console has to look after what is on the way.
func (c *ipmiConsole) due() time.Time {
	if len(c.sent) == 0 {
		return time.Time{}
	}
	return c.at.Add(ipmiConsoleAgain)
}

// Tick sends what the console has to say, and what was not acknowledged once more.
func (p *ipmiPeer) Tick(now time.Time) (a Answer, due time.Time) {
	n := p.s.console()
	if n == nil || n.peer != p.peer {
		return Answer{}, time.Time{}
	}
	c := n.console
	r := &ipmi.SOL{RMCP: ipmiHead()}
	switch {
	case len(c.sent) == 0:
		c.next(r, now)
	case now.Before(c.due()):
		return Answer{}, c.due()
	case c.tries >= ipmiConsoleTries:
		c.sent = nil
		return Answer{}, time.Time{}
	default:
		c.tries++
		c.at = now
		r.Sequence, r.Text = c.seq, c.sent
	}
	if r.Sequence == 0 {
		return Answer{}, time.Time{}
	}
	p.s.seal(n, &r.Session)
	return Answer{Messages: []wire.Message{r}, From: Modelled}, c.due()
}

// say has the console say something.
func (c *ipmiConsole) say(text string) {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	c.show(text)
	c.tail += text
	c.tail = c.tail[max(0, len(c.tail)-ipmiConsoleTail):]
}

func (c *ipmiConsole) show(text string) {
	if len(c.out)+len(text) <= ipmiConsoleMax {
		c.out = append(c.out, text...)
	}
}

// take takes what is typed: at a return, the line gets its answer. note says what was typed.
func (c *ipmiConsole) take(spec *profiles.IPMIConsole, text []byte) (note string) {
	for _, b := range text {
		hidden := false
		for i := range spec.Lines {
			hidden = hidden || spec.Lines[i].Hidden && strings.HasSuffix(c.tail, spec.Lines[i].After)
		}
		switch {
		case b == '\r' || b == '\n':
			note = fmt.Sprintf("typed %q", c.line)
			c.show("\r\n")
			for _, l := range spec.Lines {
				if strings.HasSuffix(c.tail, l.After) && (l.Typed == nil || *l.Typed == string(c.line)) {
					c.say(l.Say)
					break
				}
			}
			c.line = c.line[:0]
		case b == 8 || b == 0x7f:
			if len(c.line) > 0 {
				c.line = c.line[:len(c.line)-1]
				if !hidden {
					c.show("\b \b")
				}
			}
		case len(c.line) < ipmiConsoleLine:
			c.line = append(c.line, b)
			if !hidden {
				c.show(string(b))
			}
		}
	}
	return note
}
