package ipmi

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// Algorithms are what a session of RMCP+ is secured with (tables 13-17 to 13-19).
type Algorithms struct {
	Auth            AuthAlgorithm
	Integrity       IntegrityAlgorithm
	Confidentiality CryptAlgorithm
}

// OpenSession begins an RMCP+ session (section 13.17).
type OpenSession struct {
	RMCP     `wire:"-"`
	Session  `wire:"-"`
	Tag      uint8 `wire:"echo"`
	MaxRole  uint8 // the highest privilege that is asked for; 0: as high as can be
	Reserved uint16
	Console  uint32 `wire:"minted"` // the console's name for the session
	Algorithms
	shape [3][8]byte
}

// OpenSessionReply accepts a session, or says why not (section 13.18).
type OpenSessionReply struct {
	RMCP     `wire:"-"`
	Session  `wire:"-"`
	Tag      uint8 `wire:"echo"`
	Status   Status
	MaxRole  uint8
	Reserved uint8
	Console  uint32 `wire:"echo"`
	BMC      uint32 `wire:"minted"` // the controller's name for the session
	Algorithms
	Short bool // the algorithms are left out, as they may be where a session is refused
	bare  bool // and its own name for the session
	curt  bool // there is nothing but Tag and Status
	shape [3][8]byte
}

// RAKP1 names the user (section 13.20).
type RAKP1 struct {
	RMCP     `wire:"-"`
	Session  `wire:"-"`
	Tag      uint8 `wire:"echo"`
	Reserved [3]byte
	BMC      uint32   `wire:"echo"`
	Random   [16]byte `wire:"minted"` // the console's
	Role     uint8    // privilege; NameOnly: the user is looked up by name alone
	Padding  uint16
	User     Name
}

// NameOnly in a Role: not by name and privilege.
const NameOnly = 0x10

// A Name is a user's.
type Name []byte

func (n Name) String() string { return string(n) }

// RAKP2 shows that the controller knows the user's password (section 13.21).
type RAKP2 struct {
	RMCP     `wire:"-"`
	Session  `wire:"-"`
	Tag      uint8 `wire:"echo"`
	Status   Status
	Reserved uint16
	Console  uint32   `wire:"echo"`
	Random   [16]byte `wire:"minted"` // the controller's
	GUID     [16]byte
	Code     []byte `wire:"sum"` // under the user's password
	Short    bool   // nothing follows Console
}

// RAKP3 shows that the console does, too (section 13.22).
type RAKP3 struct {
	RMCP     `wire:"-"`
	Session  `wire:"-"`
	Tag      uint8 `wire:"echo"`
	Status   Status
	Reserved uint16
	BMC      uint32 `wire:"echo"`
	Code     []byte `wire:"sum"`
}

// RAKP4 opens the session (section 13.23).
type RAKP4 struct {
	RMCP     `wire:"-"`
	Session  `wire:"-"`
	Tag      uint8 `wire:"echo"`
	Status   Status
	Reserved uint16
	Console  uint32 `wire:"echo"`
	Check    []byte `wire:"sum"` // integrity check value, under the session's key
}

// A Status says how the handshake went (table 13-15).
type Status uint8

const (
	StatusOK                  Status = 0x00
	NoResources               Status = 0x01
	InvalidSessionID          Status = 0x02
	InvalidPayload            Status = 0x03
	InvalidAuthAlgorithm      Status = 0x04
	InvalidIntegrityAlgorithm Status = 0x05
	NoMatchingAuthPayload     Status = 0x06
	NoMatchingIntegrity       Status = 0x07
	InactiveSessionID         Status = 0x08
	InvalidRole               Status = 0x09
	UnauthorizedRole          Status = 0x0a
	NoResourcesForRole        Status = 0x0b
	InvalidNameLength         Status = 0x0c
	UnauthorizedName          Status = 0x0d
	UnauthorizedGUID          Status = 0x0e
	InvalidIntegrityCheck     Status = 0x0f
	InvalidCryptAlgorithm     Status = 0x10
	NoMatchingCipherSuite     Status = 0x11
	IllegalParameter          Status = 0x12
)

// Class: the handshake asks who may come in, and changes nothing.
func (*OpenSession) Class() (string, wire.Effect) { return "open session", wire.Read }

// Class is as for OpenSession.
func (*RAKP1) Class() (string, wire.Effect) { return "RAKP 1", wire.Read }

// Class is as for OpenSession.
func (*RAKP3) Class() (string, wire.Effect) { return "RAKP 3", wire.Read }

// readAlgorithms reads three records of eight bytes: type, reserved, length 8, algorithm, reserved.
func readAlgorithms(r *wire.Reader, a *Algorithms, shape *[3][8]byte) {
	for i := range shape {
		copy(shape[i][:], r.Bytes(8))
	}
	a.Auth, a.Integrity, a.Confidentiality = AuthAlgorithm(shape[0][4]&0x3f), IntegrityAlgorithm(shape[1][4]&0x3f), CryptAlgorithm(shape[2][4]&0x3f)
}

func (a *Algorithms) append(b []byte, shape *[3][8]byte) []byte {
	for i, alg := range []byte{byte(a.Auth), byte(a.Integrity), byte(a.Confidentiality)} {
		rec := shape[i]
		if rec == ([8]byte{}) {
			rec = [8]byte{byte(i), 0, 0, 8}
		}
		rec[4] = rec[4]&^0x3f | alg&0x3f
		b = append(b, rec[:]...)
	}
	return b
}

// readRAKP reads the messages of the handshake. Nil: it is odd.
func readRAKP(head RMCP, s Session, p Payload, b []byte) wire.Message {
	r := wire.NewReader(b)
	var m wire.Message
	switch p {
	case PayloadOpenSession:
		q := &OpenSession{RMCP: head, Session: s, Tag: r.Uint8(), MaxRole: r.Uint8(), Reserved: little16(&r), Console: little32(&r)}
		readAlgorithms(&r, &q.Algorithms, &q.shape)
		m = q
	case PayloadOpenSessionAnswer:
		q := &OpenSessionReply{RMCP: head, Session: s, Tag: r.Uint8(), Status: Status(r.Uint8())}
		if q.curt = r.Len() == 0; !q.curt {
			q.MaxRole, q.Reserved, q.Console = r.Uint8(), r.Uint8(), little32(&r)
		}
		if q.bare = r.Len() == 0; !q.bare {
			q.BMC = little32(&r)
		}
		if q.Short = r.Len() == 0; !q.Short {
			readAlgorithms(&r, &q.Algorithms, &q.shape)
		}
		m = q
	case PayloadRAKP1:
		q := &RAKP1{RMCP: head, Session: s, Tag: r.Uint8()}
		copy(q.Reserved[:], r.Bytes(3))
		q.BMC = little32(&r)
		copy(q.Random[:], r.Bytes(16))
		q.Role, q.Padding = r.Uint8(), little16(&r)
		q.User = r.Copy(int(r.Uint8()))
		m = q
	case PayloadRAKP2:
		q := &RAKP2{RMCP: head, Session: s, Tag: r.Uint8(), Status: Status(r.Uint8()), Reserved: little16(&r), Console: little32(&r)}
		if q.Short = r.Len() == 0; !q.Short {
			copy(q.Random[:], r.Bytes(16))
			copy(q.GUID[:], r.Bytes(16))
			q.Code = r.Copy(r.Len())
		}
		m = q
	case PayloadRAKP3:
		q := &RAKP3{RMCP: head, Session: s, Tag: r.Uint8(), Status: Status(r.Uint8()), Reserved: little16(&r), BMC: little32(&r)}
		q.Code = r.Copy(r.Len())
		m = q
	case PayloadRAKP4:
		q := &RAKP4{RMCP: head, Session: s, Tag: r.Uint8(), Status: Status(r.Uint8()), Reserved: little16(&r), Console: little32(&r)}
		q.Check = r.Copy(r.Len())
		m = q
	default:
		return nil
	}
	if r.Err() != nil || r.Len() > 0 {
		return nil
	}
	return m
}

func (m *OpenSession) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (*OpenSession) payload() Payload { return PayloadOpenSession }
func (m *OpenSession) appendPayload(b []byte) ([]byte, error) {
	b = append(b, m.Tag, m.MaxRole)
	b = binary.LittleEndian.AppendUint16(b, m.Reserved)
	b = binary.LittleEndian.AppendUint32(b, m.Console)
	return m.Algorithms.append(b, &m.shape), nil
}

func (m *OpenSessionReply) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (*OpenSessionReply) payload() Payload { return PayloadOpenSessionAnswer }
func (m *OpenSessionReply) appendPayload(b []byte) ([]byte, error) {
	b = append(b, m.Tag, byte(m.Status))
	if m.curt {
		return b, nil
	}
	b = append(b, m.MaxRole, m.Reserved)
	b = binary.LittleEndian.AppendUint32(b, m.Console)
	if m.bare {
		return b, nil
	}
	b = binary.LittleEndian.AppendUint32(b, m.BMC)
	if m.Short {
		return b, nil
	}
	return m.Algorithms.append(b, &m.shape), nil
}

func (m *RAKP1) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (*RAKP1) payload() Payload { return PayloadRAKP1 }
func (m *RAKP1) appendPayload(b []byte) ([]byte, error) {
	b = append(append(b, m.Tag), m.Reserved[:]...)
	b = binary.LittleEndian.AppendUint32(b, m.BMC)
	b = append(append(b, m.Random[:]...), m.Role)
	b = binary.LittleEndian.AppendUint16(b, m.Padding)
	return append(append(b, byte(len(m.User))), m.User...), nil
}

func (m *RAKP2) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (*RAKP2) payload() Payload { return PayloadRAKP2 }
func (m *RAKP2) appendPayload(b []byte) ([]byte, error) {
	b = append(b, m.Tag, byte(m.Status))
	b = binary.LittleEndian.AppendUint16(b, m.Reserved)
	b = binary.LittleEndian.AppendUint32(b, m.Console)
	if m.Short {
		return b, nil
	}
	return append(append(append(b, m.Random[:]...), m.GUID[:]...), m.Code...), nil
}

func (m *RAKP3) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (*RAKP3) payload() Payload { return PayloadRAKP3 }
func (m *RAKP3) appendPayload(b []byte) ([]byte, error) {
	b = append(b, m.Tag, byte(m.Status))
	b = binary.LittleEndian.AppendUint16(b, m.Reserved)
	return append(binary.LittleEndian.AppendUint32(b, m.BMC), m.Code...), nil
}

func (m *RAKP4) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (*RAKP4) payload() Payload { return PayloadRAKP4 }
func (m *RAKP4) appendPayload(b []byte) ([]byte, error) {
	b = append(b, m.Tag, byte(m.Status))
	b = binary.LittleEndian.AppendUint16(b, m.Reserved)
	return append(binary.LittleEndian.AppendUint32(b, m.Console), m.Check...), nil
}
