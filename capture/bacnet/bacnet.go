// Package bacnet reads and writes the datagrams of BACnet/IP, udp/47808: ANSI/ASHRAE 135-2020 with its
// virtual link layer (BVLL, Annex J), network layer (clause 6), application layer (clauses 20 and 21) and
// the services of clauses 13 to 17.
//
// The parameters of the standard services are structures; values of properties stay as the tagged bytes
// they are, which print themselves. Whatever does not encode again to the bytes it was read from stays
// opaque: parameters as Opaque, a whole datagram as Raw. Left out: BACnet/IPv6 (Annex U), secure connect
// (Annex AB), and links other than IP.
package bacnet

import (
	"bytes"
	"encoding/binary"
	"errors"

	"ringer/capture/wire"
)

// Protocol is BACnet/IP.
type Protocol struct{}

func (Protocol) Name() string    { return "bacnet" }
func (Protocol) Ports() []string { return []string{"udp/47808"} }
func (Protocol) New() wire.Conn  { return &Conn{} }

// Announces says whether a message is one that devices say to those who did not ask them alone.
func (Protocol) Announces(m wire.Message) bool {
	u, ok := m.(*UnconfirmedRequest)
	if !ok {
		if n, ok := m.(*NetworkMessage); ok {
			return n.Type == IAmRouterToNetwork || n.Type == NetworkNumberIs
		}
		return false
	}
	switch u.Service {
	case IAm, IHave, UnconfirmedCOVNotification, UnconfirmedEventNotification:
		return true
	}
	return false
}

// A Message is one datagram.
type Message interface {
	wire.Message
	Head() *Header
}

// A Header is what comes before the application layer's part of a datagram.
type Header struct {
	Link    Link
	Network Network
}

func (h *Header) Head() *Header { return h }

// Broadcast says whether the datagram is for everybody (Annex J.2).
func (h *Header) Broadcast() bool {
	switch h.Link.Function {
	case OriginalBroadcast, ForwardedNPDU, DistributeBroadcast:
		return true
	}
	return false
}

var errNotBACnet = errors.New("bacnet: not a BACnet/IP datagram")

// A Conn decodes the datagrams of a pair of peers. It remembers nothing between them.
type Conn struct {
	reuse   bool
	request ConfirmedRequest
	read    ReadPropertyRequest
	again   []byte
}

// Reuse makes messages valid only until the next one is read.
func (c *Conn) Reuse() { c.reuse = true }

// Lost has nothing to do: every datagram stands alone.
func (c *Conn) Lost(wire.Side, int) {}

// Next reads one datagram.
func (c *Conn) Next(_ wire.Side, b []byte, eof bool) (int, wire.Message, error) {
	if len(b) < 4 {
		if len(b) > 0 && b[0] != linkType || eof {
			return 0, nil, errNotBACnet
		}
		return 0, nil, nil
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if b[0] != linkType || Function(b[1]) > functionMax || n < 4 {
		return 0, nil, errNotBACnet
	}
	if n > len(b) && !eof {
		return 0, nil, nil
	}
	if n != len(b) && eof && Function(b[1]).carries() { // some devices count other bytes than they send
		if m := c.exactly(b, n-len(b)); m != nil {
			return len(b), m, nil
		}
	}
	if n > len(b) {
		return 0, nil, errNotBACnet
	}
	b = b[:n:n]
	if m := c.exactly(b, 0); m != nil {
		return n, m, nil
	}
	if Function(b[1]).carries() && !carriesNetwork(b) {
		return 0, nil, errNotBACnet
	}
	return n, &Raw{Bytes: bytes.Clone(b)}, nil
}

// exactly reads the datagram b, whose length is wrong by so much; nil: it does not encode again to what it was.
func (c *Conn) exactly(b []byte, wrong int) Message {
	if !c.reuse {
		b = bytes.Clone(b)
	}
	m := c.decode(b, wrong)
	if m == nil {
		return nil
	}
	again, err := m.Append(c.again[:0])
	c.again = again[:0]
	if err != nil || !bytes.Equal(again, b) {
		return nil
	}
	return m
}

// decode reads the datagram b; nil: it cannot be read.
func (c *Conn) decode(b []byte, wrong int) Message {
	r := wire.NewReader(b)
	h := Header{Link: Link{wrong: wrong}}
	h.Link.read(&r)
	if !h.Link.Function.carries() {
		m := &LinkMessage{Header: h}
		if m.read(&r); r.Err() != nil {
			return nil
		}
		return m
	}
	h.Network.read(&r)
	if r.Err() != nil {
		return nil
	}
	if h.Network.Control&NetworkMessageBit != 0 {
		m := &NetworkMessage{Header: h}
		if m.read(&r); r.Err() != nil {
			return nil
		}
		return m
	}
	m := c.apdu(&r, h)
	if r.Err() != nil || r.Len() > 0 {
		return nil
	}
	return m
}

// Raw is a datagram that begins as BACnet/IP does and goes on in a way that is not known.
type Raw struct {
	Bytes []byte
}

// Append appends the datagram to b.
func (m *Raw) Append(b []byte) ([]byte, error) { return append(b, m.Bytes...), nil }
