package snmp

import (
	"bytes"
	"fmt"
	"strings"

	"ringer/capture/wire"
)

// A V3Message is a message of SNMPv3 (RFC 3412, section 6).
type V3Message struct {
	MsgID         int64 `wire:"echo"`
	MaxSize       int64 // what the sender can receive
	Flags         Flags
	SecurityModel int64
	USM           *USM   // security model 3
	Security      []byte // parameters of other security models
	*ScopedPDU           // unless it is encrypted and there is no key to it
	EncryptedPDU  []byte
	Seal          Seal // what a key found of the digest and the encryption

	shape []byte
	seal  *sealing
}

// SecurityModelUSM is the user-based security model (RFC 3414).
const SecurityModelUSM = 3

// Flags are the msgFlags.
type Flags []byte

// FlagAuth, FlagPriv and FlagReportable are the bits of the one octet of Flags.
const (
	FlagAuth       = 1
	FlagPriv       = 2
	FlagReportable = 4
)

// Has says whether all bits of f are set.
func (f Flags) Has(bits byte) bool { return len(f) > 0 && f[0]&bits == bits }

func (f Flags) String() string {
	var s []string
	for i, name := range []string{"auth", "priv", "reportable"} {
		if f.Has(1 << i) {
			s = append(s, name)
		}
	}
	if len(s) == 0 {
		return "none"
	}
	return strings.Join(s, "|")
}

// USM are the security parameters of the user-based security model (RFC 3414, section 2.4).
type USM struct {
	EngineID    []byte
	EngineBoots int64 `wire:"count"`
	EngineTime  int64 `wire:"clock"`
	UserName    UserName
	AuthParams  []byte `wire:"sum"`    // the digest of the message
	PrivParams  []byte `wire:"minted"` // the salt of the encryption

	digestEnd int // where AuthParams ended in the message that was read
}

// A UserName is the msgUserName.
type UserName []byte

func (u UserName) String() string { return string(u) }

// A ScopedPDU is a PDU and the context it is meant for (RFC 3412, section 6.8).
type ScopedPDU struct {
	ContextEngineID []byte
	ContextName     []byte
	PDU             PDU
}

// read reads what follows the version.
func (m *V3Message) read(r *reader) bool {
	scoped, usm := m.ScopedPDU, m.USM
	m.ScopedPDU, m.USM, m.Security, m.EncryptedPDU, m.Seal, m.seal = nil, nil, nil, nil, Unchecked, nil
	header := r.enter(tagSequence)
	m.MsgID, m.MaxSize, m.Flags, m.SecurityModel = r.integer(), r.integer(), r.octets(), r.integer()
	r.leave(header)
	if len(m.Flags) != 1 {
		r.fail()
	}
	if m.SecurityModel == SecurityModelUSM {
		if usm == nil {
			usm = &USM{}
		}
		m.USM = usm
		usm.read(r)
	} else {
		m.Security = r.octets()
	}
	if r.peek() == byte(TypeOctetString) {
		m.EncryptedPDU = r.octets()
		return !r.bad
	}
	if scoped == nil {
		scoped = &ScopedPDU{}
	}
	m.ScopedPDU = scoped
	return scoped.read(r)
}

func (s *ScopedPDU) read(r *reader) bool {
	outer := r.enter(tagSequence)
	s.ContextEngineID, s.ContextName = r.octets(), r.octets()
	if t := PDUType(r.peek()); t < GetRequest || t > Report || t == TrapV1 {
		r.fail()
	}
	s.PDU.read(r)
	r.leave(outer)
	return !r.bad
}

func (s *ScopedPDU) write(w *writer) {
	scoped := w.begin(tagSequence)
	w.octets(s.ContextEngineID)
	w.octets(s.ContextName)
	s.PDU.write(w)
	w.end(scoped)
}

func (u *USM) read(r *reader) {
	octets := r.enter(byte(TypeOctetString))
	outer := r.enter(tagSequence)
	u.EngineID, u.EngineBoots, u.EngineTime = r.octets(), r.integer(), r.integer()
	u.UserName, u.AuthParams = r.octets(), r.octets()
	u.digestEnd = r.pos
	u.PrivParams = r.octets()
	r.leave(outer)
	r.leave(octets)
}

// Append appends the message to b. A message that a key opened, or that is to be sealed with one, is
// encrypted and signed anew, unless it is as it was read.
func (m *V3Message) Append(b []byte) ([]byte, error) {
	start := len(b)
	seal := m.seal
	if u := m.USM; u == nil || !m.Flags.Has(FlagAuth) {
		seal = nil
	}
	w := writer{b: b, shape: m.shape}
	mark := w.begin(tagSequence)
	w.integer(int64(V3))
	header := w.begin(tagSequence)
	w.integer(m.MsgID)
	w.integer(m.MaxSize)
	w.octets(m.Flags)
	w.integer(m.SecurityModel)
	w.end(header)
	digestEnd, fresh := 0, false
	if u := m.USM; u != nil {
		digest, salt := u.AuthParams, u.PrivParams
		if seal != nil {
			n := seal.key.user.Auth.digestSize()
			if n == 0 {
				return b, fmt.Errorf("snmp: user %q has no key to sign with", seal.key.user.Name)
			}
			if len(digest) != n {
				digest = zeros[:n]
			}
			if m.ScopedPDU != nil && m.Flags.Has(FlagPriv) {
				var err error
				if salt, fresh, err = seal.saltOf(u); err != nil {
					return b, err
				}
			}
		}
		octets := w.begin(byte(TypeOctetString))
		params := w.begin(tagSequence)
		w.octets(u.EngineID)
		w.integer(u.EngineBoots)
		w.integer(u.EngineTime)
		w.octets(u.UserName)
		w.octets(digest)
		behind := -len(w.b)
		w.octets(salt)
		behind += len(w.b)
		w.end(params)
		w.end(octets)
		digestEnd = len(w.b) - behind
	} else {
		w.octets(m.Security)
	}
	switch s := m.ScopedPDU; {
	case s == nil:
		w.octets(m.EncryptedPDU)
	case seal != nil && m.Flags.Has(FlagPriv):
		if err := seal.encrypt(&w, m, start, digestEnd, fresh); err != nil {
			return b, err
		}
	default:
		s.write(&w)
	}
	n := len(w.b)
	w.end(mark)
	if seal != nil && !bytes.Equal(w.b[start:], seal.whole) {
		seal.key.sign(w.b[start:], digestEnd+len(w.b)-n-start)
	}
	return w.b, nil
}

// Minimal says whether the message is encoded in the shortest way.
func (m *V3Message) Minimal() bool { return m.shape == nil && (m.seal == nil || m.seal.shape == nil) }

// The counters by which an engine reports why it did not process a message (RFC 3414, section 5).
var (
	UnsupportedSecLevels = OID{0x2b, 6, 1, 6, 3, 15, 1, 1, 1, 0}
	NotInTimeWindows     = OID{0x2b, 6, 1, 6, 3, 15, 1, 1, 2, 0}
	UnknownUserNames     = OID{0x2b, 6, 1, 6, 3, 15, 1, 1, 3, 0}
	UnknownEngineIDs     = OID{0x2b, 6, 1, 6, 3, 15, 1, 1, 4, 0}
	WrongDigests         = OID{0x2b, 6, 1, 6, 3, 15, 1, 1, 5, 0}
	DecryptionErrors     = OID{0x2b, 6, 1, 6, 3, 15, 1, 1, 6, 0}
	UnknownContexts      = OID{0x2b, 6, 1, 6, 3, 12, 1, 5, 0} // RFC 3413, section 4.1.2
)

// Discovery says whether the message only asks for the engine id: it names no engine that could
// understand it (RFC 3414, section 4).
func (m *V3Message) Discovery() bool {
	return m.USM != nil && len(m.USM.EngineID) == 0 && m.ScopedPDU != nil && m.PDU.Type != Report
}

// Class is the class of the request; what an encrypted message asks is not known.
func (m *V3Message) Class() (string, wire.Effect) {
	switch {
	case m.ScopedPDU == nil: // and there is no key to it
		return "encrypted", wire.Control
	case m.Discovery():
		return "discovery", wire.Read
	}
	return m.PDU.Type.String(), m.PDU.Type.effect()
}
