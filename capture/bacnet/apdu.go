package bacnet

import (
	"bytes"
	"strconv"

	"ringer/capture/wire"
)

// An APDUType is the high half of an APDU's first byte (clause 20.1).
type APDUType uint8

const (
	ConfirmedRequestType   APDUType = 0
	UnconfirmedRequestType APDUType = 1
	SimpleAckType          APDUType = 2
	ComplexAckType         APDUType = 3
	SegmentAckType         APDUType = 4
	ErrorType              APDUType = 5
	RejectType             APDUType = 6
	AbortType              APDUType = 7
)

// Bits of an APDU's first byte.
const (
	bitSegmented = 0x08
	bitMore      = 0x04
	bitAccepts   = 0x02
	bitNegative  = 0x02
	bitServer    = 0x01
)

// A ConfirmedRequest wants an answer (clause 20.1.2). MaxSegments and MaxAPDU are codes: see Limits.
type ConfirmedRequest struct {
	Header
	Segmented   bool
	More        bool
	Accepts     bool  `wire:"-"` // segmented answers
	MaxSegments uint8 `wire:"-"`
	MaxAPDU     uint8 `wire:"-"`
	InvokeID    uint8 `wire:"echo"`
	Sequence    uint8 // of segments
	Window      uint8
	Service     ConfirmedService
	Parameters  Parameters
}

// An UnconfirmedRequest wants none, at least none that names it (clause 20.1.3).
type UnconfirmedRequest struct {
	Header
	Service    UnconfirmedService
	Parameters Parameters
}

// A SimpleAck says that a request was carried out (clause 20.1.4).
type SimpleAck struct {
	Header
	InvokeID uint8 `wire:"echo"`
	Service  ConfirmedService
}

// A ComplexAck carries the result of a request, or a segment of it (clause 20.1.5).
type ComplexAck struct {
	Header
	Segmented  bool
	More       bool
	InvokeID   uint8 `wire:"echo"`
	Sequence   uint8
	Window     uint8
	Service    ConfirmedService
	Parameters Parameters
}

// A SegmentAck acknowledges segments up to a sequence number (clause 20.1.6).
type SegmentAck struct {
	Header
	Negative bool
	Server   bool  // it is said by who answers
	InvokeID uint8 `wire:"echo"`
	Sequence uint8
	Window   uint8
}

// An Error says why a request failed (clause 20.1.7).
type Error struct {
	Header
	InvokeID   uint8 `wire:"echo"`
	Service    ConfirmedService
	Parameters Parameters // ErrorPair as a rule
}

// A Reject says that a request is no good (clause 20.1.8).
type Reject struct {
	Header
	InvokeID uint8 `wire:"echo"`
	Reason   RejectReason
}

// An Abort ends a transaction (clause 20.1.9).
type Abort struct {
	Header
	Server   bool
	InvokeID uint8 `wire:"echo"`
	Reason   AbortReason
}

// Parameters are what a service is told or tells.
type Parameters interface {
	appendTo(b []byte) []byte
}

// Opaque parameters are those of services that are not in the standard, of segments, and what does not
// encode again to the bytes that were read.
type Opaque []byte

func (o *Opaque) appendTo(b []byte) []byte { return append(b, *o...) }

// apdu reads the application layer's part of a datagram; nil: it cannot be read.
func (c *Conn) apdu(r *wire.Reader, h Header) Message {
	first := r.Uint8()
	segmented, more := first&bitSegmented != 0, first&bitMore != 0
	switch APDUType(first >> 4) {
	case ConfirmedRequestType:
		m := &c.request
		if !c.reuse {
			m = &ConfirmedRequest{}
		}
		sizes := r.Uint8()
		*m = ConfirmedRequest{Header: h, Segmented: segmented, More: more, Accepts: first&bitAccepts != 0,
			MaxSegments: sizes >> 4 & 7, MaxAPDU: sizes & 15, InvokeID: r.Uint8()}
		if segmented {
			m.Sequence, m.Window = r.Uint8(), r.Uint8()
		}
		m.Service = ConfirmedService(r.Uint8())
		b := r.Rest()
		switch {
		case segmented:
			m.Parameters = opaque(b)
		case c.reuse && m.Service == ReadProperty && c.read.read(b):
			m.Parameters = &c.read
		default:
			m.Parameters = parameters(b, m.Service.forms().request)
		}
		return m
	case UnconfirmedRequestType:
		m := &UnconfirmedRequest{Header: h, Service: UnconfirmedService(r.Uint8())}
		m.Parameters = parameters(r.Rest(), m.Service.form())
		return m
	case SimpleAckType:
		return &SimpleAck{Header: h, InvokeID: r.Uint8(), Service: ConfirmedService(r.Uint8())}
	case ComplexAckType:
		m := &ComplexAck{Header: h, Segmented: segmented, More: more, InvokeID: r.Uint8()}
		if segmented {
			m.Sequence, m.Window = r.Uint8(), r.Uint8()
		}
		m.Service = ConfirmedService(r.Uint8())
		if b := r.Rest(); segmented {
			m.Parameters = opaque(b)
		} else {
			m.Parameters = parameters(b, m.Service.forms().ack)
		}
		return m
	case SegmentAckType:
		return &SegmentAck{Header: h, Negative: first&bitNegative != 0, Server: first&bitServer != 0,
			InvokeID: r.Uint8(), Sequence: r.Uint8(), Window: r.Uint8()}
	case ErrorType:
		m := &Error{Header: h, InvokeID: r.Uint8(), Service: ConfirmedService(r.Uint8())}
		m.Parameters = parameters(r.Rest(), m.Service.forms().err)
		return m
	case RejectType:
		return &Reject{Header: h, InvokeID: r.Uint8(), Reason: RejectReason(r.Uint8())}
	case AbortType:
		return &Abort{Header: h, Server: first&bitServer != 0, InvokeID: r.Uint8(), Reason: AbortReason(r.Uint8())}
	}
	return nil
}

// parameters reads b in the form that a service has them; nil: it has none that is known.
func parameters(b []byte, form func() Parameters) Parameters {
	if form != nil {
		if p := form(); readParameters(b, p) && bytes.Equal(p.appendTo(nil), b) {
			return p
		}
	}
	return opaque(b)
}

func opaque(b []byte) Parameters { return (*Opaque)(&b) }

func appendParameters(b []byte, p Parameters) []byte {
	if p == nil {
		return b
	}
	return p.appendTo(b)
}

// AppendParameters appends what a service is told or tells, without what is before it.
func AppendParameters(b []byte, p Parameters) []byte { return appendParameters(b, p) }

// ParseAck reads the parameters of an answer, as they are after its segments were joined.
func ParseAck(s ConfirmedService, b []byte) Parameters { return parameters(b, s.forms().ack) }

// ParseRequest reads the parameters of a request whose segments were joined.
func ParseRequest(s ConfirmedService, b []byte) Parameters { return parameters(b, s.forms().request) }

func bit(on bool, b byte) byte {
	if on {
		return b
	}
	return 0
}

// begin appends what is before the APDU.
func (h *Header) begin(b []byte) []byte { return h.Network.append(h.Link.begin(b)) }

// Append appends the datagram to b.
func (m *ConfirmedRequest) Append(b []byte) ([]byte, error) {
	at := len(b)
	b = append(m.begin(b), byte(ConfirmedRequestType)<<4|bit(m.Segmented, bitSegmented)|bit(m.More, bitMore)|bit(m.Accepts, bitAccepts),
		m.MaxSegments<<4|m.MaxAPDU&15, m.InvokeID)
	if m.Segmented {
		b = append(b, m.Sequence, m.Window)
	}
	return m.Link.end(appendParameters(append(b, byte(m.Service)), m.Parameters), at)
}

// Append appends the datagram to b.
func (m *UnconfirmedRequest) Append(b []byte) ([]byte, error) {
	at := len(b)
	b = append(m.begin(b), byte(UnconfirmedRequestType)<<4, byte(m.Service))
	return m.Link.end(appendParameters(b, m.Parameters), at)
}

// Append appends the datagram to b.
func (m *SimpleAck) Append(b []byte) ([]byte, error) {
	at := len(b)
	return m.Link.end(append(m.begin(b), byte(SimpleAckType)<<4, m.InvokeID, byte(m.Service)), at)
}

// Append appends the datagram to b.
func (m *ComplexAck) Append(b []byte) ([]byte, error) {
	at := len(b)
	b = append(m.begin(b), byte(ComplexAckType)<<4|bit(m.Segmented, bitSegmented)|bit(m.More, bitMore), m.InvokeID)
	if m.Segmented {
		b = append(b, m.Sequence, m.Window)
	}
	return m.Link.end(appendParameters(append(b, byte(m.Service)), m.Parameters), at)
}

// Append appends the datagram to b.
func (m *SegmentAck) Append(b []byte) ([]byte, error) {
	at := len(b)
	return m.Link.end(append(m.begin(b), byte(SegmentAckType)<<4|bit(m.Negative, bitNegative)|bit(m.Server, bitServer),
		m.InvokeID, m.Sequence, m.Window), at)
}

// Append appends the datagram to b.
func (m *Error) Append(b []byte) ([]byte, error) {
	at := len(b)
	b = append(m.begin(b), byte(ErrorType)<<4, m.InvokeID, byte(m.Service))
	return m.Link.end(appendParameters(b, m.Parameters), at)
}

// Append appends the datagram to b.
func (m *Reject) Append(b []byte) ([]byte, error) {
	at := len(b)
	return m.Link.end(append(m.begin(b), byte(RejectType)<<4, m.InvokeID, byte(m.Reason)), at)
}

// Append appends the datagram to b.
func (m *Abort) Append(b []byte) ([]byte, error) {
	at := len(b)
	return m.Link.end(append(m.begin(b), byte(AbortType)<<4|bit(m.Server, bitServer), m.InvokeID, byte(m.Reason)), at)
}

// AppendKey names the question: who is asked, and what.
func (m *ConfirmedRequest) AppendKey(b []byte) []byte {
	b = m.appendKey(append(b, 'c'))
	b = append(b, byte(m.Service))
	if m.Segmented {
		b = append(b, 's', m.Sequence, m.Window)
	}
	return appendParameters(b, m.Parameters)
}

// AppendKey names the question: who is asked, and what.
func (m *UnconfirmedRequest) AppendKey(b []byte) []byte {
	b = m.appendKey(append(b, 'u'))
	return appendParameters(append(b, byte(m.Service)), m.Parameters)
}

// appendKey appends the way a datagram takes to whom it is for.
func (h *Header) appendKey(b []byte) []byte {
	b = append(b, byte(h.Link.Function))
	if h.Network.Routed() {
		b = h.Network.Destination.append(b)
	}
	return b
}

// Class is the class of the request.
func (m *ConfirmedRequest) Class() (string, wire.Effect) {
	f := m.Service.forms()
	return m.Service.String(), f.effect
}

// Class is the class of the request.
func (m *UnconfirmedRequest) Class() (string, wire.Effect) {
	return m.Service.String(), m.Service.effect()
}

// Class: acknowledgements change nothing.
func (m *SimpleAck) Class() (string, wire.Effect)  { return "simple ack", wire.Read }
func (m *ComplexAck) Class() (string, wire.Effect) { return "complex ack", wire.Read }
func (m *SegmentAck) Class() (string, wire.Effect) { return "segment ack", wire.Read }
func (m *Error) Class() (string, wire.Effect)      { return "error", wire.Read }
func (m *Reject) Class() (string, wire.Effect)     { return "reject", wire.Read }
func (m *Abort) Class() (string, wire.Effect)      { return "abort", wire.Read }

// A RejectReason says what is wrong with a request (clause 18.9).
type RejectReason uint8

const (
	RejectOther RejectReason = iota
	RejectBufferOverflow
	RejectInconsistentParameters
	RejectInvalidParameterDataType
	RejectInvalidTag
	RejectMissingRequiredParameter
	RejectParameterOutOfRange
	RejectTooManyArguments
	RejectUndefinedEnumeration
	RejectUnrecognizedService
)

var rejectNames = [...]string{"other", "buffer-overflow", "inconsistent-parameters", "invalid-parameter-data-type", "invalid-tag",
	"missing-required-parameter", "parameter-out-of-range", "too-many-arguments", "undefined-enumeration", "unrecognized-service"}

func (r RejectReason) String() string { return nameOf(rejectNames[:], uint64(r)) }

// An AbortReason says why a transaction ended (clause 18.10).
type AbortReason uint8

const (
	AbortOther AbortReason = iota
	AbortBufferOverflow
	AbortInvalidAPDUInThisState
	AbortPreempted
	AbortSegmentationNotSupported
	AbortSecurityError
	AbortInsufficientSecurity
	AbortWindowSizeOutOfRange
	AbortApplicationExceededReplyTime
	AbortOutOfResources
	AbortTSMTimeout
	AbortAPDUTooLong
)

var abortNames = [...]string{"other", "buffer-overflow", "invalid-apdu-in-this-state", "preempted-by-higher-priority-task",
	"segmentation-not-supported", "security-error", "insufficient-security", "window-size-out-of-range",
	"application-exceeded-reply-time", "out-of-resources", "tsm-timeout", "apdu-too-long"}

func (r AbortReason) String() string { return nameOf(abortNames[:], uint64(r)) }

// nameOf is the name of an enumerated value; its number where it has none.
func nameOf(names []string, n uint64) string {
	if n < uint64(len(names)) && names[n] != "" {
		return names[n]
	}
	return strconv.FormatUint(n, 10)
}

// APDUSizes and SegmentCounts are what the codes in a request stand for (clauses 20.1.2.4 and 20.1.2.5): how
// much the client takes at once, and in how many segments (0: it does not say).
var (
	APDUSizes     = [...]int{50, 128, 206, 480, 1024, 1476}
	SegmentCounts = [...]int{0, 2, 4, 8, 16, 32, 64, 256}
)

// Limits are what the client takes: bytes of an APDU, and segments.
func (m *ConfirmedRequest) Limits() (size, segments int) {
	size = APDUSizes[min(int(m.MaxAPDU), len(APDUSizes)-1)]
	if segments = SegmentCounts[m.MaxSegments&7]; segments == 0 {
		segments = 256
	}
	return size, segments
}
