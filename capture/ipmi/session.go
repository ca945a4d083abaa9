package ipmi

import (
	"encoding/binary"
	"fmt"

	"ringer/capture/wire"
)

// A Format is the AuthType field: how a session is authenticated, or that it is one of RMCP+ (section 13.6).
type Format uint8

const (
	FormatNone     Format = 0
	FormatMD2      Format = 1
	FormatMD5      Format = 2
	FormatPassword Format = 4
	FormatOEM      Format = 5
	FormatRMCPPlus Format = 6
)

func (f Format) String() string {
	switch f {
	case FormatNone:
		return "none"
	case FormatMD2:
		return "MD2"
	case FormatMD5:
		return "MD5"
	case FormatPassword:
		return "password"
	case FormatOEM:
		return "OEM"
	case FormatRMCPPlus:
		return "RMCP+"
	}
	return fmt.Sprintf("%#02x", uint8(f))
}

// A Session is the header between RMCP and the payload (section 13.6), and what follows the payload in
// RMCP+ (section 13.6, integrity data).
type Session struct {
	Format        Format
	Encrypted     bool   // RMCP+
	Authenticated bool   // RMCP+
	Sequence      uint32 `wire:"count"`
	ID            uint32 `wire:"minted"`
	AuthCode      []byte `wire:"sum"`
	Trailer       []byte `wire:"sum"` // a pad some send behind the payload of IPMI 1.5

	seal seal // of what was read, or is to be sent, with a secret
}

// inSession is what has the header.
type inSession interface{ InSession() *Session }

// InSession gives the header of whatever embeds it.
func (s *Session) InSession() *Session { return s }

// A Payload is the type of what is in an RMCP+ session (table 13-16).
type Payload uint8

const (
	PayloadIPMI              Payload = 0
	PayloadSOL               Payload = 1
	PayloadOEM               Payload = 2
	PayloadOpenSession       Payload = 0x10
	PayloadOpenSessionAnswer Payload = 0x11
	PayloadRAKP1             Payload = 0x12
	PayloadRAKP2             Payload = 0x13
	PayloadRAKP3             Payload = 0x14
	PayloadRAKP4             Payload = 0x15
)

const (
	encryptedBit     = 0x80
	authenticatedBit = 0x40
	payloadMask      = 0x3f
	nextHeader       = 7
	integrityPad     = 0xff
)

// A payloadMessage is what a session carries.
type payloadMessage interface {
	payload() Payload
	appendPayload(b []byte) ([]byte, error)
}

// readSession reads what follows the RMCP header of class IPMI. Nil: it is odd.
func (c *Conn) readSession(from wire.Side, head RMCP, b []byte) wire.Message {
	if Format(b[0]) == FormatRMCPPlus {
		return c.readPlus(from, head, b)
	}
	r := wire.NewReader(b)
	s := Session{Format: Format(r.Uint8())}
	s.Sequence, s.ID = little32(&r), little32(&r)
	if s.Format != FormatNone {
		s.AuthCode = c.keep(r.Bytes(authCodeSize))
	}
	n := int(r.Uint8())
	body := r.Bytes(n)
	s.Trailer = r.Copy(r.Len())
	if r.Err() != nil || len(s.Trailer) > 1 {
		return nil
	}
	m := c.readCommand(head, s, body)
	if m == nil {
		return nil
	}
	c.follow15(m, body)
	c.payload = body
	return m
}

const authCodeSize = 16

func little32(r *wire.Reader) uint32 {
	b := r.Bytes(4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func little16(r *wire.Reader) uint16 {
	b := r.Bytes(2)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint16(b)
}

// readPlus reads an RMCP+ packet.
func (c *Conn) readPlus(from wire.Side, head RMCP, b []byte) wire.Message {
	r := wire.NewReader(b)
	s := Session{Format: Format(r.Uint8())}
	kind := r.Uint8()
	s.Encrypted, s.Authenticated = kind&encryptedBit != 0, kind&authenticatedBit != 0
	payload := Payload(kind & payloadMask)
	var oem []byte
	if payload == PayloadOEM {
		oem = r.Copy(6) // enterprise and payload id
	}
	s.ID, s.Sequence = little32(&r), little32(&r)
	n := int(little16(&r))
	body := r.Bytes(n)
	if r.Err() != nil {
		return nil
	}
	trailer := r.Rest()
	if !s.Authenticated && len(trailer) > 0 || s.Authenticated && len(trailer) < 2 {
		return nil
	}
	signed := len(b) - len(trailer)
	if s.Authenticated {
		pad := 0
		for pad < len(trailer) && trailer[pad] == integrityPad {
			pad++
		}
		if pad+2 > len(trailer) || int(trailer[pad]) != pad || trailer[pad+1] != nextHeader || pad != integrityPadding(signed) {
			return nil
		}
		s.AuthCode = c.keep(trailer[pad+2:])
		signed += pad + 2
	}
	if s.ID != 0 {
		secret := c.sessions.secret(from, s.ID)
		if secret == nil && c.lookup != nil {
			secret = c.lookup(c.sessions.controllers(from, s.ID))
		}
		if secret != nil {
			var plain []byte
			if plain, s.seal = secret.open(&s, b[:signed], body, c.plain[:0]); s.Proven() {
				body = plain
			}
			if c.reuse && s.Encrypted && s.Proven() {
				c.plain = plain
			}
		}
	}
	if s.Encrypted && s.seal.secret == nil {
		return &Sealed{RMCP: head, Session: s, Payload: payload, OEM: oem, Data: append([]byte(nil), body...)}
	}
	var m wire.Message
	switch payload {
	case PayloadIPMI:
		m = c.readCommand(head, s, body)
	case PayloadSOL:
		m = readSOL(head, s, body)
	default:
		m = readRAKP(head, s, payload, body)
	}
	if m == nil {
		if s.Encrypted {
			s.seal = seal{}
		}
		m = &Sealed{RMCP: head, Session: s, Payload: payload, OEM: oem, Data: append([]byte(nil), sealedBody(b, n)...)}
	}
	c.sessions.follow(c.keys, from, m)
	c.payload = body
	return m
}

// sealedBody is the payload as it was sent.
func sealedBody(b []byte, n int) []byte {
	at := 12
	if Payload(b[1]&payloadMask) == PayloadOEM {
		at += 6
	}
	return b[at : at+n]
}

// integrityPadding is how many bytes it takes to make what is signed a multiple of four.
func integrityPadding(n int) int { return (4 - (n+2)%4) % 4 }

// appendSession appends the header, the payload and what follows it.
func appendSession(b []byte, head *RMCP, s *Session, p payloadMessage) ([]byte, error) {
	b = head.append(b)
	start := len(b)
	if s.Format != FormatRMCPPlus {
		return s.append15(b, p)
	}
	kind := byte(p.payload())
	if s.Encrypted {
		kind |= encryptedBit
	}
	if s.Authenticated {
		kind |= authenticatedBit
	}
	b = append(b, byte(s.Format), kind)
	sealed, isSealed := p.(*Sealed)
	if isSealed && p.payload() == PayloadOEM {
		b = append(b, sealed.OEM...)
	}
	b = binary.LittleEndian.AppendUint32(b, s.ID)
	b = binary.LittleEndian.AppendUint32(b, s.Sequence)
	b = append(b, 0, 0)
	at := len(b)
	b, err := p.appendPayload(b)
	if err != nil {
		return nil, err
	}
	if s.Encrypted && !isSealed {
		if s.seal.secret == nil {
			return nil, fmt.Errorf("ipmi: session %08x is encrypted, and its key is not known", s.ID)
		}
		if b, err = s.seal.encrypt(b, at); err != nil {
			return nil, err
		}
	}
	if len(b)-at > 0xffff {
		return nil, fmt.Errorf("ipmi: a payload of %d bytes, at most 65535", len(b)-at)
	}
	binary.LittleEndian.PutUint16(b[at-2:], uint16(len(b)-at))
	if !s.Authenticated {
		return b, nil
	}
	pad := integrityPadding(len(b) - start)
	for range pad {
		b = append(b, integrityPad)
	}
	b = append(b, byte(pad), nextHeader)
	if s.seal.secret != nil {
		return s.seal.sign(b, start), nil
	}
	return append(b, s.AuthCode...), nil
}

// append15 appends the header of IPMI 1.5 and the message.
func (s *Session) append15(b []byte, p payloadMessage) ([]byte, error) {
	b = append(b, byte(s.Format))
	b = binary.LittleEndian.AppendUint32(b, s.Sequence)
	b = binary.LittleEndian.AppendUint32(b, s.ID)
	code := len(b)
	if s.Format != FormatNone {
		if len(s.AuthCode) != authCodeSize && s.seal.secret == nil {
			return nil, fmt.Errorf("ipmi: an authentication code of %d bytes, want %d", len(s.AuthCode), authCodeSize)
		}
		b = append(b, make([]byte, authCodeSize)...)
		copy(b[code:], s.AuthCode)
	}
	b = append(b, 0)
	at := len(b)
	b, err := p.appendPayload(b)
	if err != nil {
		return nil, err
	}
	if len(b)-at > 0xff {
		return nil, fmt.Errorf("ipmi: a message of %d bytes, at most 255", len(b)-at)
	}
	b[at-1] = byte(len(b) - at)
	if s.Format != FormatNone && s.seal.secret != nil {
		s.seal.sign15(b[code:code+authCodeSize], s, b[at:])
	}
	return append(b, s.Trailer...), nil
}

// Sealed is the payload of an RMCP+ session that is encrypted with a key that is not known, or of a type
// that is not known.
type Sealed struct {
	RMCP
	Session
	Payload Payload
	OEM     []byte // enterprise and id of a payload of PayloadOEM
	Data    []byte
}

func (m *Sealed) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (m *Sealed) payload() Payload                       { return m.Payload }
func (m *Sealed) appendPayload(b []byte) ([]byte, error) { return append(b, m.Data...), nil }
