package snmp

import (
	"bytes"
	"fmt"
	"time"

	"ringer/capture/wire"
)

// A Seal says what a key found a signed message to be.
type Seal uint8

const (
	Unchecked       Seal = iota // no key is known
	Authentic                   // the digest is right; what was encrypted is decrypted
	WrongDigest                 // what is encrypted stays so
	DecryptionError             // the digest is right, but there is no key to the rest, or it has no possible length
	Garbled                     // it decrypts to what is no PDU: another key encrypted it
)

func (s Seal) String() string {
	return [...]string{"unchecked", "authentic", "wrong digest", "decryption error", "garbled"}[s]
}

// sealing is what a message was signed and encrypted with, and what it was before.
type sealing struct {
	key   *Key
	whole []byte // the message as it was read; nil: it was made
	// Of a message that was encrypted: the ciphertext, what it decrypts to, how much of that is the scoped
	// PDU, and what it was encrypted with.
	cipher, plain []byte
	size          int
	boots, time   int64
	salt          []byte
	shape         []byte // of the scoped PDU
}

// SealWith makes Append sign the message, and encrypt it, as its Flags say. The salt is PrivParams; without
// them, it is a digest of the message. A nil key leaves the message as it is.
func (m *V3Message) SealWith(k *Key) {
	if k == nil {
		m.seal = nil
		return
	}
	if m.seal == nil || m.seal.whole != nil { // that of a message that was read may be a copy's, too
		m.seal = &sealing{}
	}
	*m.seal = sealing{key: k}
}

// Key is what the message was, or is to be, signed with; nil if that is not known.
func (m *V3Message) Key() *Key {
	if m.seal == nil {
		return nil
	}
	return m.seal.key
}

// WasEncrypted says whether the message that was read had its PDU encrypted.
func (m *V3Message) WasEncrypted() bool {
	return m.EncryptedPDU != nil || m.seal != nil && m.seal.cipher != nil
}

// open verifies and decrypts the message b, as far as there are keys.
func (c *Conn) open(m *V3Message, b []byte) {
	u := m.USM
	if u == nil || !m.Flags.Has(FlagAuth) {
		return
	}
	for _, k := range c.keys.Find(u.UserName, u.EngineID) {
		if !k.verify(b, u.digestEnd, len(u.AuthParams)) {
			m.Seal = WrongDigest
			continue
		}
		m.Seal = Authentic
		if m.seal = &c.seal; !c.reuse {
			m.seal = &sealing{}
		}
		*m.seal = sealing{key: k, whole: b, plain: m.seal.plain[:0]}
		if m.ScopedPDU == nil {
			m.Seal = c.decrypt(m)
		}
		return
	}
}

func (c *Conn) decrypt(m *V3Message) Seal {
	s, u := m.seal, m.USM
	s.plain = append(s.plain, m.EncryptedPDU...)
	if !m.Flags.Has(FlagPriv) || s.key.crypt(s.plain, u.PrivParams, u.EngineBoots, u.EngineTime, false) != nil {
		return DecryptionError
	}
	r := reader{b: s.plain, end: len(s.plain)}
	scoped := &c.scoped
	if !c.reuse {
		scoped = &ScopedPDU{}
	}
	if !scoped.read(&r) {
		return Garbled
	}
	s.size = r.pos
	if r.odd {
		s.shape = shapeOf(s.plain, func(r *reader) { scoped.read(r) })
	}
	s.cipher, s.boots, s.time, s.salt = m.EncryptedPDU, u.EngineBoots, u.EngineTime, u.PrivParams
	m.ScopedPDU, m.EncryptedPDU = scoped, nil
	return Authentic
}

// clocks are the last that a recorded agent and its counterpart said of themselves.
type clocks struct {
	want, got *USM
	ahead     time.Duration
}

// Said notes whom the agent says to be, and its clock.
func (c *Conn) Said(want, got wire.Message, ahead time.Duration) error {
	w, ok := want.(*V3Message)
	g, also := got.(*V3Message)
	if ok && also && w.USM != nil && g.USM != nil && len(g.USM.EngineID) > 0 {
		c.clocks = clocks{w.USM, g.USM, ahead}
	}
	return nil
}

// Fit gives a request the engine and the clock of the agent (RFC 3414, section 2.3): agents refuse what comes
// from another time.
func (c *Conn) Fit(req wire.Message, ahead time.Duration) error {
	m, ok := req.(*V3Message)
	w, g := c.clocks.want, c.clocks.got
	if !ok || g == nil || m.USM == nil || !bytes.Equal(m.USM.EngineID, w.EngineID) {
		return nil
	}
	if m.Flags.Has(FlagAuth) && m.Key() == nil {
		return nil // it could not be signed anew
	}
	if u := *m.USM; !bytes.Equal(u.EngineID, g.EngineID) {
		if s := m.ScopedPDU; s != nil && bytes.Equal(s.ContextEngineID, u.EngineID) {
			s.ContextEngineID = g.EngineID
		}
		if k := m.Key(); k != nil {
			m.seal.key, m.seal.salt = k.forEngine(g.EngineID), nil
		}
		m.USM.EngineID = g.EngineID
	}
	less := (ahead - c.clocks.ahead).Round(time.Second) / time.Second
	m.USM.EngineBoots += g.EngineBoots - w.EngineBoots
	m.USM.EngineTime += g.EngineTime - w.EngineTime - int64(less)
	return nil
}

// saltOf is the salt to encrypt with, of the right length; fresh: it is still to be made.
func (s *sealing) saltOf(u *USM) (salt []byte, fresh bool, err error) {
	switch {
	case s.key.cipher() == nil:
		return nil, false, fmt.Errorf("snmp: user %q has no key to encrypt with", s.key.user.Name)
	case len(u.PrivParams) == 0:
		return zeros[:saltSize], true, nil
	case len(u.PrivParams) != saltSize:
		return nil, false, fmt.Errorf("snmp: the salt has %d octets: want %d", len(u.PrivParams), saltSize)
	}
	return u.PrivParams, s.cipher != nil && bytes.Equal(u.PrivParams, s.salt), nil
}

// encrypt appends the scoped PDU as an encrypted one. The salt is the last of what w has before it. What is
// as it was read is encrypted as it was then.
func (s *sealing) encrypt(w *writer, m *V3Message, start, digestEnd int, fresh bool) error {
	at := len(w.b) - saltSize
	mark := w.begin(byte(TypeOctetString))
	body := len(w.b)
	outer := w.shape
	w.shape = s.shape
	m.ScopedPDU.write(w)
	w.shape = outer
	plain := w.b[body:]
	if u := m.USM; s.cipher != nil && bytes.Equal(plain, s.plain[:s.size]) && u.EngineBoots == s.boots && u.EngineTime == s.time && bytes.Equal(u.PrivParams, s.salt) {
		w.b = append(w.b[:body], s.cipher...)
		w.end(mark)
		return nil
	}
	w.b = append(w.b, zeros[:s.key.padding(len(plain))]...)
	plain, salt := w.b[body:], w.b[at:at+saltSize]
	if fresh {
		clear(w.b[digestEnd-s.key.user.Auth.digestSize() : digestEnd])
		clear(salt)
		s.key.freshSalt(salt, w.b[start:], m.USM.EngineBoots)
	}
	if err := s.key.crypt(plain, salt, m.USM.EngineBoots, m.USM.EngineTime, true); err != nil {
		return err
	}
	w.end(mark)
	return nil
}
