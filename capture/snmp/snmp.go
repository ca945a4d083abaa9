// Package snmp reads and writes the messages of the Simple Network Management Protocol, udp/161, and
// its notifications, udp/162: SNMPv1 (RFC 1157), SNMPv2c (RFC 1901, PDUs RFC 3416) and SNMPv3 (RFC 3412)
// with its user-based security model (RFC 3414, RFC 3826, RFC 7860). Over TCP (RFC 3430) the messages are
// the same.
//
// Messages that are not encoded in the shortest way re-encode to the bytes they were read from; what is
// SNMP by its first fields and odd further on is a Raw message. With the keys of its user (user.go,
// keys.go) a message is verified, decrypted, and encrypted and signed anew when it was changed (seal.go);
// without them it stays as it is. Left out: 3DES, other security models, and the abandoned versions
// between v1 and v2c.
package snmp

import (
	"errors"
	"fmt"

	"ringer/capture/wire"
)

// Protocol is SNMP. With Keys, messages of their users are verified and decrypted.
type Protocol struct {
	Keys *Keys
}

func (Protocol) Name() string     { return "snmp" }
func (Protocol) Ports() []string  { return []string{"udp/161", "udp/162"} }
func (p Protocol) New() wire.Conn { return &Conn{keys: p.Keys} }

// maxMessage bounds what a length may announce: a UDP datagram cannot carry more, and nobody sends more
// over TCP.
const maxMessage = 1 << 16

var errNotSNMP = errors.New("snmp: not an SNMP message")

// A Conn decodes the datagrams of one pair of peers. It remembers nothing between them, but for whoever asks
// recorded requests again.
type Conn struct {
	keys      *Keys
	reuse     bool
	community CommunityMessage
	v3        V3Message
	scoped    ScopedPDU
	seal      sealing
	clocks    clocks
}

// Reuse makes messages valid only until the next one is read.
func (c *Conn) Reuse() { c.reuse = true }

// Lost has nothing to do: every datagram stands alone.
func (c *Conn) Lost(wire.Side, int) {}

// Next reads one message.
func (c *Conn) Next(_ wire.Side, b []byte, eof bool) (int, wire.Message, error) {
	n, err := extent(b)
	if err != nil {
		return 0, nil, err
	}
	if n == 0 || n > len(b) {
		if eof {
			return 0, nil, fmt.Errorf("snmp: %w", wire.ErrShort)
		}
		return 0, nil, nil
	}
	b = b[:n:n]
	if !c.reuse {
		b = append(make([]byte, 0, n), b...)
	}
	m, err := c.decode(b)
	if err != nil {
		return 0, nil, err
	}
	return n, m, nil
}

// extent says how long the message at the front of b is (0: that cannot be told yet). It looks at all
// of the beginning that is there, to reject what is not SNMP early.
func extent(b []byte) (int, error) {
	if len(b) < 2 {
		if len(b) == 1 && b[0] != tagSequence {
			return 0, errNotSNMP
		}
		return 0, nil
	}
	if b[0] != tagSequence {
		return 0, errNotSNMP
	}
	size, head := int(b[1]), 2
	if size >= 0x80 {
		k := size & 0x7f
		if k == 0 || k > 4 {
			return 0, errNotSNMP
		}
		if len(b) < 2+k {
			return 0, nil
		}
		size, head = 0, 2+k
		for _, x := range b[2:head] {
			size = size<<8 | int(x)
		}
	}
	// The shortest message is an empty PDU with an empty community.
	if size > maxMessage || size < 7 {
		return 0, errNotSNMP
	}
	if len(b) > head && b[head] != byte(TypeInteger) {
		return 0, errNotSNMP
	}
	return head + size, nil
}

// decode reads the whole message b.
func (c *Conn) decode(b []byte) (wire.Message, error) {
	r := reader{b: b, end: len(b)}
	r.enter(tagSequence)
	version := r.integer()
	if r.bad {
		return nil, errNotSNMP
	}
	switch Version(version) {
	case V1, V2c:
		community, tag := r.octets(), r.peek()
		if r.bad || tag < byte(GetRequest) || tag > 0xbf {
			return nil, errNotSNMP
		}
		if PDUType(tag) == TrapV1 {
			m := &TrapMessage{}
			if shape, ok := m.decode(b); ok {
				m.shape = shape
				return m, nil
			}
			return &Raw{b}, nil
		}
		m := &c.community
		if !c.reuse {
			m = &CommunityMessage{}
		}
		m.Version, m.Community = Version(version), community
		if PDUType(tag) <= Report && m.PDU.read(&r) && r.done() {
			if m.shape = nil; r.odd {
				m.shape = shapeOf(b, func(r *reader) { m.read(r) })
			}
			return m, nil
		}
		return &Raw{b}, nil
	case V3:
		if r.peek() != tagSequence {
			return nil, errNotSNMP
		}
		m, scoped := &c.v3, &c.scoped
		if !c.reuse {
			m, scoped = &V3Message{}, &ScopedPDU{}
		}
		m.ScopedPDU = scoped
		if m.read(&r) && r.done() {
			if m.shape = nil; r.odd {
				m.shape = shapeOf(b, func(r *reader) { r.enter(tagSequence); r.integer(); m.read(r) })
			}
			if c.keys != nil {
				c.open(m, b)
			}
			return m, nil
		}
		return &Raw{b}, nil
	}
	return nil, errNotSNMP
}

// Match finds the open request by its request id, in SNMPv3 by its message id. Traps answer nothing.
func (c *Conn) Match(open []wire.Message, reply wire.Message) (int, bool) {
	switch reply := reply.(type) {
	case *CommunityMessage:
		if reply.PDU.Type != Response {
			return -1, true
		}
		for i, m := range open {
			if q, ok := m.(*CommunityMessage); ok && q.PDU.RequestID == reply.PDU.RequestID && q.PDU.Type.confirmed() {
				return i, true
			}
		}
	case *V3Message:
		for i, m := range open {
			if q, ok := m.(*V3Message); ok && q.MsgID == reply.MsgID {
				return i, true
			}
		}
	case *Raw:
		// What cannot be read names no request; it can only be the one that is waiting.
		if len(open) == 1 {
			return 0, true
		}
	}
	return -1, true
}
