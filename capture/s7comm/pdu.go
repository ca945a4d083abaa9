package s7comm

import (
	"fmt"

	"ringer/capture/wire"
)

const protocolID = 0x32

// Kinds of PDU ("remote operating service control").
const (
	rosctrJob      = 1
	rosctrAck      = 2
	rosctrAckData  = 3
	rosctrUserdata = 7
)

// Functions of jobs and their answers.
const (
	FuncSetup           = 0xF0
	FuncReadVar         = 0x04
	FuncWriteVar        = 0x05
	FuncRequestDownload = 0x1A
	FuncDownloadBlock   = 0x1B
	FuncEndDownload     = 0x1C
	FuncStartUpload     = 0x1D
	FuncUpload          = 0x1E
	FuncEndUpload       = 0x1F
	FuncPLCControl      = 0x28
	FuncPLCStop         = 0x29
)

// A Header is what every PDU begins with, its kind and the lengths aside.
type Header struct {
	Carriage
	Redundancy uint16 // redundancy identification, 0
	Reference  uint16 `wire:"echo"`
}

// A Result is what acknowledgements have in their header.
type Result struct {
	ErrorClass uint8
	ErrorCode  uint8
}

type referenced interface{ reference() (uint16, bool) }

func (h *Header) reference() (uint16, bool) { return h.Reference, true }

// Ref is the PDU reference.
func (h *Header) Ref() uint16 { return h.Reference }

// Redundant says that the header names a redundant connection, as H systems do.
func (h *Header) Redundant() bool { return h.Redundancy != 0 }

// Echo makes a reply carry the reference of its request.
func (h *Header) Echo(reference uint16) { h.Reference = reference }

// begin appends a header without lengths.
func (h *Header) begin(b []byte, rosctr uint8) []byte {
	b = append(b, dataHead[:]...)
	return append(b, protocolID, rosctr, byte(h.Redundancy>>8), byte(h.Redundancy), byte(h.Reference>>8), byte(h.Reference), 0, 0, 0, 0)
}

func (r *Result) append(b []byte) []byte { return append(b, r.ErrorClass, r.ErrorCode) }

// headSize is the size of the header of a job or userdata, resultSize what acknowledgements add.
const (
	headSize   = 10
	resultSize = 2
)

// end fills in the lengths of a PDU that begins at start, its data part at data.
func (h *Header) end(b []byte, start, data int) ([]byte, error) {
	p := start + len(dataHead)
	head := p + headSize
	if b[p+1] == rosctrAck || b[p+1] == rosctrAckData {
		head += resultSize
	}
	np, nd := data-head, len(b)-data
	if np > 0xFFFF || nd > 0xFFFF {
		return nil, fmt.Errorf("s7comm: %d bytes of parameters and %d of data do not fit a PDU", np, nd)
	}
	b[p+6], b[p+7], b[p+8], b[p+9] = byte(np>>8), byte(np), byte(nd>>8), byte(nd)
	return h.carry(b, start)
}

// Unknown is a PDU whose header is not one of ours, or an empty data TPDU.
type Unknown struct {
	Carriage
	Payload []byte
}

func (m *Unknown) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(append(b, dataHead[:]...), m.Payload...)
	return m.carry(b, start)
}

func (m *Unknown) reference() (uint16, bool) {
	if len(m.Payload) < 6 {
		return 0, false
	}
	return uint16(m.Payload[4])<<8 | uint16(m.Payload[5]), true
}

// Job is a request whose function has no struct of its own, or whose parameters are not as they should be.
type Job struct {
	Header
	Parameter []byte // the function first
	Data      []byte
}

// Function is the function asked for; 0 if the job names none.
func (m *Job) Function() uint8 { return first(m.Parameter) }

func first(b []byte) uint8 {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (m *Job) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, rosctrJob), m.Parameter...)
	data := len(b)
	return m.end(append(b, m.Data...), start, data)
}

// Class names the function.
func (m *Job) Class() (string, wire.Effect) {
	switch m.Function() {
	case FuncRequestDownload:
		return "request download", wire.Control
	case FuncPLCControl:
		return "plc control", wire.Control
	case FuncPLCStop:
		return "plc stop", wire.Control
	}
	return fmt.Sprintf("function 0x%02x", m.Function()), wire.Control
}

// Ack answers a job without data.
type Ack struct {
	Header
	Result
	Parameter []byte
	Data      []byte
}

func (m *Ack) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.Result.append(m.begin(b, rosctrAck)), m.Parameter...)
	data := len(b)
	return m.end(append(b, m.Data...), start, data)
}

// AckData answers a job whose function needs no struct of its own, or refuses one.
type AckData struct {
	Header
	Result
	Parameter []byte
	Data      []byte
}

func (m *AckData) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.Result.append(m.begin(b, rosctrAckData)), m.Parameter...)
	data := len(b)
	return m.end(append(b, m.Data...), start, data)
}

// SetupCommunication negotiates how many jobs may be open and how long PDUs may be.
type SetupCommunication struct {
	Header
	Reserved      uint8
	MaxAmQCalling uint16
	MaxAmQCalled  uint16
	PDULength     uint16
}

func (m *SetupCommunication) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = appendSetup(m.begin(b, rosctrJob), m.Reserved, m.MaxAmQCalling, m.MaxAmQCalled, m.PDULength)
	return m.end(b, start, len(b))
}

// Class: it changes nothing but the connection.
func (*SetupCommunication) Class() (string, wire.Effect) { return "setup communication", wire.Read }

func appendSetup(b []byte, reserved uint8, calling, called, length uint16) []byte {
	return append(b, FuncSetup, reserved, byte(calling>>8), byte(calling), byte(called>>8), byte(called), byte(length>>8), byte(length))
}

// SetupCommunicationReply says what was agreed.
type SetupCommunicationReply struct {
	Header
	Result
	Reserved      uint8
	MaxAmQCalling uint16
	MaxAmQCalled  uint16
	PDULength     uint16
}

func (m *SetupCommunicationReply) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = appendSetup(m.Result.append(m.begin(b, rosctrAckData)), m.Reserved, m.MaxAmQCalling, m.MaxAmQCalled, m.PDULength)
	return m.end(b, start, len(b))
}

// Payload is a message's PDU without the TPDUs around it.
func Payload(m wire.Message) ([]byte, error) {
	b, err := m.Append(nil)
	var payload []byte
	for err == nil && len(b) > 0 {
		t, n, e := nextTPDU(b)
		if e != nil || n == 0 || t.code != tpduData {
			return nil, fmt.Errorf("s7comm: %T has no PDU", m)
		}
		payload, b = append(payload, t.data...), b[n:]
	}
	return payload, err
}

// Parts gives the kind of a PDU, its result, parameters and data.
func Parts(m wire.Message) (kind uint8, r Result, parameter, data []byte, err error) {
	p, err := Payload(m)
	if err != nil {
		return 0, r, nil, nil, err
	}
	_, kind, r, parameter, data, ok := split(p)
	if !ok {
		err = fmt.Errorf("s7comm: %T has no parameters", m)
	}
	return kind, r, parameter, data, err
}
