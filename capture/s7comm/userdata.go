package s7comm

import (
	"fmt"

	"ringer/capture/wire"
)

// Groups of userdata functions.
const (
	GroupModeTransition = 0
	GroupProgrammer     = 1
	GroupCyclic         = 2
	GroupBlock          = 3
	GroupCPU            = 4
	GroupSecurity       = 5
	GroupPBC            = 6 // programmable block communication: BSEND, BRECV
	GroupTime           = 7
	GroupNC             = 15
)

// Subfunctions.
const (
	CyclicTransfer     = 1
	CyclicUnsubscribe  = 4
	CyclicMemory       = 5 // by DBREAD items
	CyclicModify       = 7
	BlockList          = 1
	BlockListOfType    = 2
	BlockInfo          = 3
	CPUReadSZL         = 1
	CPUMessageService  = 2
	CPUAlarmQuery      = 19
	SecurityPassword   = 1
	TimeRead           = 1
	TimeSet            = 2
	TimeReadFollower   = 3
	TimeSetFollower    = 4
	ModeTransitionStop = 0
)

// Methods in the head of userdata parameters: how long they are.
const (
	methodRequest  = 0x11 // four bytes follow the length
	methodResponse = 0x12 // eight
)

// Kinds of userdata, high half of the byte that has the group in the low half.
const (
	kindPush    = 0
	kindRequest = 4
	kindReply   = 8
)

// A Function names what userdata is about.
type Function struct {
	Group       uint8
	Subfunction uint8
}

// An Envelope is the head of the data part of userdata.
type Envelope struct {
	ReturnCode    uint8
	TransportSize uint8
	Length        uint16 `wire:"sum"`
}

// Continuation is what the parameters of replies, and of requests for the next part, have more.
type Continuation struct {
	DataUnitReference uint8 `wire:"minted"` // names the parts of one answer
	More              uint8 // "last data unit": 1 if another part follows
	Error             uint16
}

// Userdata is a request. SZL is set instead of Data for what looks like the question for an SZL.
type Userdata struct {
	Header
	Function
	Sequence uint8         `wire:"minted"` // the server's, in requests for the next part
	Next     *Continuation // a long head, as questions for the next part of an answer have it
	Envelope
	SZL  *SZLRequest
	Data []byte
}

// An SZLRequest names a list of the system status (Systemzustandsliste), or a part of it.
type SZLRequest struct {
	ID    uint16
	Index uint16
}

// UserdataReply answers one. Clock is set instead of Data for the time of day.
type UserdataReply struct {
	Header
	Function
	Sequence uint8 `wire:"minted"` // the job in the controller
	Continuation
	Envelope
	Clock *Clock `wire:"clock"`
	Data  []byte
}

// UserdataPush is said unasked: cyclic data, alarms, mode transitions.
type UserdataPush struct {
	Header
	Function
	Sequence uint8         `wire:"minted"`
	Parts    *Continuation // absent in short heads
	Envelope
	Data []byte
}

// A Clock is the time of day as the controller writes it: a reserved byte, the year's hundreds as some
// firmware has them, then year, month, day, hour, minute, second, milliseconds and day of the week in BCD.
type Clock struct {
	Reserved uint8
	BCD      [9]byte
}

func appendUserdata(b []byte, h *Header, kind uint8, f Function, sequence uint8, c *Continuation, e Envelope, data []byte) ([]byte, error) {
	start := len(b)
	b = append(h.begin(b, rosctrUserdata), 0, 1, 0x12)
	if c == nil {
		b = append(b, 4, methodRequest, kind<<4|f.Group&0x0F, f.Subfunction, sequence)
	} else {
		b = append(b, 8, methodResponse, kind<<4|f.Group&0x0F, f.Subfunction, sequence, c.DataUnitReference, c.More, byte(c.Error>>8), byte(c.Error))
	}
	at := len(b)
	b = append(b, e.ReturnCode, e.TransportSize, byte(e.Length>>8), byte(e.Length))
	return h.end(append(b, data...), start, at)
}

func (m *Userdata) Append(b []byte) ([]byte, error) {
	if m.SZL != nil {
		q := [4]byte{byte(m.SZL.ID >> 8), byte(m.SZL.ID), byte(m.SZL.Index >> 8), byte(m.SZL.Index)}
		return appendUserdata(b, &m.Header, kindRequest, m.Function, m.Sequence, m.Next, m.Envelope, q[:])
	}
	return appendUserdata(b, &m.Header, kindRequest, m.Function, m.Sequence, m.Next, m.Envelope, m.Data)
}

func (m *UserdataReply) Append(b []byte) ([]byte, error) {
	if m.Clock != nil {
		var c [10]byte
		c[0] = m.Clock.Reserved
		copy(c[1:], m.Clock.BCD[:])
		return appendUserdata(b, &m.Header, kindReply, m.Function, m.Sequence, &m.Continuation, m.Envelope, c[:])
	}
	return appendUserdata(b, &m.Header, kindReply, m.Function, m.Sequence, &m.Continuation, m.Envelope, m.Data)
}

func (m *UserdataPush) Append(b []byte) ([]byte, error) {
	return appendUserdata(b, &m.Header, kindPush, m.Function, m.Sequence, m.Parts, m.Envelope, m.Data)
}

// AppendKey leaves out the sequence, and what names an answer's parts.
func (m *Userdata) AppendKey(b []byte) []byte {
	b = append(b, "Userdata "...)
	b = append(b, m.Group, m.Subfunction, m.ReturnCode, m.TransportSize)
	if m.Next != nil {
		b = append(b, 'n', m.Next.More, byte(m.Next.Error>>8), byte(m.Next.Error))
	}
	if m.SZL != nil {
		return append(b, byte(m.SZL.ID>>8), byte(m.SZL.ID), byte(m.SZL.Index>>8), byte(m.SZL.Index))
	}
	return append(b, m.Data...)
}

// Class names the function.
func (m *Userdata) Class() (string, wire.Effect) {
	switch m.Function {
	case Function{GroupCPU, CPUReadSZL}:
		return "read szl", wire.Read
	case Function{GroupBlock, BlockList}:
		return "list blocks", wire.Read
	case Function{GroupBlock, BlockListOfType}:
		return "list blocks of type", wire.Read
	case Function{GroupBlock, BlockInfo}:
		return "get block info", wire.Read
	case Function{GroupTime, TimeRead}, Function{GroupTime, TimeReadFollower}:
		return "read clock", wire.Read
	case Function{GroupTime, TimeSet}, Function{GroupTime, TimeSetFollower}:
		return "set clock", wire.Write
	case Function{GroupCPU, CPUMessageService}:
		return "message service", wire.Control
	case Function{GroupCPU, CPUAlarmQuery}:
		return "query alarms", wire.Read
	case Function{GroupCyclic, CyclicTransfer}, Function{GroupCyclic, CyclicMemory}, Function{GroupCyclic, CyclicModify}:
		return "subscribe cyclic data", wire.Control
	case Function{GroupCyclic, CyclicUnsubscribe}:
		return "unsubscribe cyclic data", wire.Control
	}
	switch m.Group {
	case GroupProgrammer:
		return "programmer command", wire.Control
	case GroupSecurity:
		return "security", wire.Control
	}
	return fmt.Sprintf("userdata %d/%d", m.Group, m.Subfunction), wire.Control
}

// Continues says that the next part of an answer is asked for. Programming devices write their questions
// with the same long head.
func (m *Userdata) Continues() bool { return m.Next != nil && m.SZL == nil && len(m.Data) == 0 }

// head is the parameters of userdata taken apart.
type head struct {
	kind     uint8
	f        Function
	sequence uint8
	long     bool
	c        Continuation
}

func readHead(p []byte) (u head, ok bool) {
	if len(p) < 8 || p[0] != 0 || p[1] != 1 || p[2] != 0x12 || int(p[3]) != len(p)-4 {
		return u, false
	}
	u.kind, u.f, u.sequence = p[5]>>4, Function{p[5] & 0x0F, p[6]}, p[7]
	switch {
	case p[3] == 4 && p[4] == methodRequest:
	case p[3] == 8 && p[4] == methodResponse:
		u.long, u.c = true, Continuation{p[8], p[9], uint16(p[10])<<8 | uint16(p[11])}
	default:
		return u, false
	}
	return u, true
}

// readUserdata decodes userdata; nil for what has an unusual head, or lies about its length.
func readUserdata(h Header, parameter, data []byte) wire.Message {
	u, ok := readHead(parameter)
	e, data, whole := readEnvelope(data)
	if !ok || !whole {
		return nil
	}
	switch {
	case u.kind == kindRequest:
		m := &Userdata{Header: h, Function: u.f, Sequence: u.sequence, Envelope: e, Data: data}
		if u.long {
			m.Next = &u.c
		}
		if u.f == (Function{GroupCPU, CPUReadSZL}) && !u.long && len(data) == 4 {
			m.Data, m.SZL = nil, &SZLRequest{uint16(data[0])<<8 | uint16(data[1]), uint16(data[2])<<8 | uint16(data[3])}
		}
		return m
	case u.kind == kindReply && u.long:
		m := &UserdataReply{Header: h, Function: u.f, Sequence: u.sequence, Continuation: u.c, Envelope: e, Data: data}
		if u.f.Group == GroupTime && len(data) == 10 {
			m.Data, m.Clock = nil, &Clock{data[0], [9]byte(data[1:])}
		}
		return m
	case u.kind == kindPush:
		m := &UserdataPush{Header: h, Function: u.f, Sequence: u.sequence, Envelope: e, Data: data}
		if u.long {
			m.Parts = &u.c
		}
		return m
	}
	return nil
}

func readEnvelope(data []byte) (e Envelope, rest []byte, whole bool) {
	if len(data) < 4 {
		return e, nil, false
	}
	return Envelope{data[0], data[1], uint16(data[2])<<8 | uint16(data[3])}, filled(data[4:]), true
}

// hotUserdata decodes the question for an SZL without allocating.
func (c *Conn) hotUserdata(h Header, parameter, data []byte) wire.Message {
	u, ok := readHead(parameter)
	e, data, whole := readEnvelope(data)
	if !ok || !whole || u.long || u.kind != kindRequest || u.f != (Function{GroupCPU, CPUReadSZL}) || len(data) != 4 {
		return nil
	}
	s := &c.scratch
	s.szl = SZLRequest{uint16(data[0])<<8 | uint16(data[1]), uint16(data[2])<<8 | uint16(data[3])}
	s.userdata = Userdata{Header: h, Function: u.f, Sequence: u.sequence, Envelope: e, SZL: &s.szl}
	return &s.userdata
}
