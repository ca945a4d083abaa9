// Package ipmi reads and writes what goes to and from a baseboard management controller over a network,
// udp/623: RMCP and the ASF presence ping (DSP0136), sessions of IPMI 1.5, RMCP+ sessions of IPMI 2.0 with
// their RAKP handshake, and the commands in them. "The specification" is the Intelligent Platform Management
// Interface Specification, second generation, v2.0, revision 1.1; DCMI is that of v1.5.
//
// A Conn follows the sessions of a pair of peers. With the passwords of its users (keys.go) it verifies and
// decrypts what is in them, and seals anew what was changed; without them, what is encrypted stays opaque.
// Commands that are not typed keep their data as bytes. Whatever does not encode again to the bytes it was
// read from is Raw. Left out: the RMCP security extensions of ASF 2.0, and other channels than LAN.
package ipmi

import (
	"bytes"
	"errors"

	"ringer/capture/wire"
)

// Protocol is IPMI over LAN. With Keys, sessions of their users are read.
type Protocol struct {
	Keys *Keys
	// Secret gives the secret of a session by the id that messages to the controller bear, to the
	// controller itself; nil: sessions are followed from their beginning.
	Secret func(id uint32) *Secret
}

func (Protocol) Name() string     { return "ipmi" }
func (Protocol) Ports() []string  { return []string{"udp/623"} }
func (p Protocol) New() wire.Conn { return &Conn{keys: p.Keys, lookup: p.Secret} }

// A Message is one datagram.
type Message interface {
	wire.Message
	Head() *RMCP
}

// RMCP is the header of every datagram (section 13.1.3).
type RMCP struct {
	Version      uint8 // 6
	Reserved     uint8
	RMCPSequence uint8 `wire:"count"` // 0xFF: no acknowledgement is wanted
	Class        Class
}

// Head gives the header of whatever embeds it.
func (r *RMCP) Head() *RMCP { return r }

// NoAck is the sequence number of what needs no acknowledgement.
const NoAck = 0xff

// A Class says what follows the RMCP header; AckBit marks an acknowledgement.
type Class uint8

const (
	ClassASF  Class = 6
	ClassIPMI Class = 7
	ClassOEM  Class = 8
	AckBit    Class = 0x80
)

func (r *RMCP) read(w *wire.Reader) {
	r.Version, r.Reserved, r.RMCPSequence, r.Class = w.Uint8(), w.Uint8(), w.Uint8(), Class(w.Uint8())
}

func (r *RMCP) append(b []byte) []byte {
	return append(b, r.Version, r.Reserved, r.RMCPSequence, byte(r.Class))
}

// An Ack acknowledges a datagram: its header, with the AckBit (section 13.1.3).
type Ack struct{ RMCP }

func (m *Ack) Append(b []byte) ([]byte, error) { return m.append(b), nil }

// Raw is RMCP by its header, and odd further on.
type Raw struct {
	RMCP
	Data []byte
}

func (m *Raw) Append(b []byte) ([]byte, error) { return append(m.append(b), m.Data...), nil }

var errNotIPMI = errors.New("ipmi: not an RMCP datagram")

// A Conn decodes the datagrams of a pair of peers, and follows their sessions.
type Conn struct {
	keys     *Keys
	lookup   func(id uint32) *Secret
	sessions sessions
	resume   []*resumed // the newest last
	again    []byte
	payload  []byte // of the session that the message in hand came in, decrypted

	reuse bool
	scratch
}

// scratch is what a Conn decodes into once Reuse was called.
type scratch struct {
	ping    Ping
	command Command
	form    Target // of ask
	ask     Body
	plain   []byte
}

// Reuse makes Next decode pings and the commonest commands without allocating, as wire.Reuser describes.
func (c *Conn) Reuse() { c.reuse = true }

// keep is for bytes that a message refers to.
func (c *Conn) keep(b []byte) []byte {
	if c.reuse && len(b) > 0 {
		return b
	}
	return append([]byte(nil), b...)
}

// NewConn begins to read a pair of peers.
func NewConn(keys *Keys) *Conn { return &Conn{keys: keys} }

// Lost has nothing to do: every datagram stands alone.
func (c *Conn) Lost(wire.Side, int) {}

// Next reads one datagram.
func (c *Conn) Next(from wire.Side, b []byte, eof bool) (int, wire.Message, error) {
	r := wire.NewReader(b)
	var head RMCP
	head.read(&r)
	switch {
	case r.Err() != nil && (len(b) == 0 || b[0] == 6) && !eof:
		return 0, nil, nil
	case r.Err() != nil, head.Version != 6, head.Reserved != 0:
		return 0, nil, errNotIPMI
	}
	m := c.decode(from, head, r.Rest())
	if m == nil {
		return 0, nil, errNotIPMI
	}
	return len(b), m, nil
}

// decode reads what follows the header. Nil: this is nothing of ours.
func (c *Conn) decode(from wire.Side, head RMCP, body []byte) wire.Message {
	var m wire.Message
	switch {
	case head.Class&AckBit != 0 && len(body) == 0:
		return &Ack{head}
	case head.Class == ClassASF:
		if m = c.readASF(head, body); m == nil && len(body) < 8 {
			return nil
		}
	case head.Class == ClassIPMI:
		if len(body) < 10 {
			return nil
		}
		m = c.readSession(from, head, body)
	case head.Class == ClassOEM:
	default:
		return nil
	}
	if m == nil || !c.encodesAgain(m, body) {
		return &Raw{RMCP: head, Data: append([]byte(nil), body...)}
	}
	return m
}

// encodesAgain says whether a message encodes again to what it was read from. Of what came in a session it is
// enough that the payload does: its seal was verified, or is kept as it was.
func (c *Conn) encodesAgain(m wire.Message, body []byte) bool {
	var err error
	if p, ok := m.(payloadMessage); ok {
		switch m.(type) {
		case *Command, *Reply, *SOL, *Sealed: // nothing of them is left aside
			return true
		}
		c.again, err = p.appendPayload(c.again[:0])
		return err == nil && bytes.Equal(c.again, c.payload)
	}
	c.again, err = m.Append(c.again[:0])
	return err == nil && len(c.again) == 4+len(body) && bytes.Equal(c.again[4:], body)
}

// Match pairs commands by sequence number and command, the handshake by its tag, and pings by theirs.
func (c *Conn) Match(open []wire.Message, reply wire.Message) (int, bool) {
	for i, m := range open {
		if answers(m, reply) {
			return i, true
		}
	}
	return -1, true
}

func answers(m, reply wire.Message) bool {
	switch reply := reply.(type) {
	case *Reply:
		q, ok := m.(*Command)
		return ok && q.NetFn|1 == reply.NetFn && q.Cmd == reply.Cmd && q.Seq == reply.Seq
	case *Pong:
		q, ok := m.(*Ping)
		return ok && q.Tag == reply.Tag
	case *OpenSessionReply:
		q, ok := m.(*OpenSession)
		return ok && q.Tag == reply.Tag
	case *RAKP2:
		q, ok := m.(*RAKP1)
		return ok && q.Tag == reply.Tag
	case *RAKP4:
		q, ok := m.(*RAKP3)
		return ok && q.Tag == reply.Tag
	case *Sealed:
		q, ok := m.(*Sealed)
		return ok && q.Payload == reply.Payload
	case *Ack:
		q, ok := m.(Message)
		return ok && q.Head().RMCPSequence == reply.RMCPSequence && q.Head().RMCPSequence != NoAck
	case *Raw:
		_, ok := m.(*Raw)
		return ok
	}
	return false
}
