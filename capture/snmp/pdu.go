package snmp

import (
	"bytes"
	"fmt"

	"ringer/capture/wire"
)

// A Version is the number a message begins with.
type Version int32

const (
	V1  Version = 0
	V2c Version = 1
	V3  Version = 3
)

func (v Version) String() string {
	switch v {
	case V1:
		return "v1"
	case V2c:
		return "v2c"
	case V3:
		return "v3"
	}
	return fmt.Sprintf("version %d", int32(v))
}

// A PDUType is the tag of a PDU (RFC 3416, section 3; RFC 1157, section 4.1).
type PDUType byte

const (
	GetRequest     PDUType = 0xa0
	GetNextRequest PDUType = 0xa1
	Response       PDUType = 0xa2
	SetRequest     PDUType = 0xa3
	TrapV1         PDUType = 0xa4
	GetBulkRequest PDUType = 0xa5
	InformRequest  PDUType = 0xa6
	TrapV2         PDUType = 0xa7
	Report         PDUType = 0xa8
)

// String is the name of the class of requests.
func (t PDUType) String() string {
	switch t {
	case GetRequest:
		return "get"
	case GetNextRequest:
		return "getnext"
	case Response:
		return "response"
	case SetRequest:
		return "set"
	case TrapV1, TrapV2:
		return "trap"
	case GetBulkRequest:
		return "getbulk"
	case InformRequest:
		return "inform"
	case Report:
		return "report"
	}
	return fmt.Sprintf("pdu 0x%02x", byte(t))
}

// confirmed says whether a response is due (RFC 3416, section 2.8).
func (t PDUType) confirmed() bool {
	switch t {
	case GetRequest, GetNextRequest, GetBulkRequest, SetRequest, InformRequest:
		return true
	}
	return false
}

func (t PDUType) effect() wire.Effect {
	switch t {
	case GetRequest, GetNextRequest, GetBulkRequest:
		return wire.Read
	case SetRequest:
		return wire.Write
	}
	return wire.Control
}

// An ErrorStatus says why a request failed (RFC 3416, section 3).
type ErrorStatus int64

const (
	NoError ErrorStatus = iota
	TooBig
	NoSuchName // v1
	BadValue   // v1
	ReadOnly   // v1
	GenErr
	NoAccess
	WrongType
	WrongLength
	WrongEncoding
	WrongValue
	NoCreation
	InconsistentValue
	ResourceUnavailable
	CommitFailed
	UndoFailed
	AuthorizationError
	NotWritable
	InconsistentName
)

var errorNames = [...]string{"noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType",
	"wrongLength", "wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed",
	"undoFailed", "authorizationError", "notWritable", "inconsistentName"}

func (e ErrorStatus) String() string {
	if e >= 0 && int(e) < len(errorNames) {
		return errorNames[e]
	}
	return fmt.Sprintf("error %d", int64(e))
}

// A VarBind is a variable and its value.
type VarBind struct {
	OID   OID `wire:"id"`
	Value Value
}

// A PDU is what all operations but the first version's trap look like (RFC 3416, section 3).
type PDU struct {
	Type           PDUType
	RequestID      int64 `wire:"echo"`
	ErrorStatus    ErrorStatus
	ErrorIndex     int64 // counts variables from 1; 0: none of them
	NonRepeaters   int64 // GetBulkRequest has these two in the place of the error
	MaxRepetitions int64
	VarBinds       []VarBind
}

// read reads the PDU that comes next, whatever its tag.
func (p *PDU) read(r *reader) bool {
	p.Type = PDUType(r.peek())
	outer := r.enter(byte(p.Type))
	p.RequestID = r.integer()
	p.ErrorStatus, p.ErrorIndex, p.NonRepeaters, p.MaxRepetitions = 0, 0, 0, 0
	if p.Type == GetBulkRequest {
		p.NonRepeaters, p.MaxRepetitions = r.integer(), r.integer()
	} else {
		p.ErrorStatus, p.ErrorIndex = ErrorStatus(r.integer()), r.integer()
	}
	p.VarBinds = r.varBinds(p.VarBinds[:0])
	r.leave(outer)
	return !r.bad
}

func (r *reader) varBinds(into []VarBind) []VarBind {
	list := r.enter(tagSequence)
	for r.pos < r.end {
		one := r.enter(tagSequence)
		o := r.oid()
		tag, content := r.any()
		r.leave(one)
		if r.bad {
			break
		}
		into = append(into, VarBind{o, NewValue(Type(tag), content)})
	}
	r.leave(list)
	return into
}

func (p *PDU) write(w *writer) {
	mark := w.begin(byte(p.Type))
	w.integer(p.RequestID)
	if p.Type == GetBulkRequest {
		w.integer(p.NonRepeaters)
		w.integer(p.MaxRepetitions)
	} else {
		w.integer(int64(p.ErrorStatus))
		w.integer(p.ErrorIndex)
	}
	w.varBinds(p.VarBinds)
	w.end(mark)
}

func (w *writer) varBinds(list []VarBind) {
	mark := w.begin(tagSequence)
	for i := range list {
		v := &list[i]
		one := w.begin(tagSequence)
		w.primitive(byte(TypeOID), v.OID)
		w.primitive(byte(v.Value.Type), v.Value.Content())
		w.end(one)
	}
	w.end(mark)
}

// A CommunityMessage is a message of SNMPv1 or SNMPv2c (RFC 1157, section 4; RFC 1901, section 3).
type CommunityMessage struct {
	Version   Version
	Community Community
	PDU       PDU

	shape []byte
	long  int
}

// LongLengths says with how many octets (after the first) every SEQUENCE and PDU of the message has its
// length encoded: 0 for the shortest form. ok is false where the encoding follows no such rule.
func (m *CommunityMessage) LongLengths() (octets int, ok bool) {
	if m.shape == nil {
		return 0, true
	}
	// The first word of the shape is the outermost length.
	made := *m
	made.shape, made.long = nil, int(m.shape[0])
	want, _ := m.Append(nil)
	got, _ := made.Append(nil)
	return made.long, bytes.Equal(got, want)
}

// UseLongLengths gives every SEQUENCE and PDU of a message that was not read, but made, a length of at
// least so many octets after the first.
func (m *CommunityMessage) UseLongLengths(octets int) { m.long = octets }

// A Community is the password, more or less, of the first two versions.
type Community []byte

func (c Community) String() string { return string(c) }

func (m *CommunityMessage) read(r *reader) {
	r.enter(tagSequence)
	m.Version, m.Community = Version(r.integer()), r.octets()
	m.PDU.read(r)
}

// Append appends the message to b.
func (m *CommunityMessage) Append(b []byte) ([]byte, error) {
	w := writer{b: b, shape: m.shape, long: m.long}
	mark := w.begin(tagSequence)
	w.integer(int64(m.Version))
	w.octets(m.Community)
	m.PDU.write(&w)
	w.end(mark)
	return w.b, nil
}

// Class is the class of the request.
func (m *CommunityMessage) Class() (string, wire.Effect) {
	return m.PDU.Type.String(), m.PDU.Type.effect()
}

// Raw is a message that begins as SNMP does and goes on in a way that no version knows.
type Raw struct {
	Bytes []byte
}

// Append appends the message to b.
func (m *Raw) Append(b []byte) ([]byte, error) { return append(b, m.Bytes...), nil }
