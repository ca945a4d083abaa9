package modbus

import "ringer/capture/wire"

// Simple is a request that is a function code and nothing else: read exception status (7), get comm
// event counter (11), get comm event log (12), report server id (17).
type Simple struct {
	Header
	Function Function
}

func (m *Simple) Code() Function               { return m.Function }
func (m *Simple) Class() (string, wire.Effect) { return m.Function.String(), wire.Read }
func (m *Simple) Append(b []byte) ([]byte, error) {
	return m.end(m.begin(b, m.Function), len(b))
}

// ExceptionStatus answers function 7: eight bits that each device defines (specification, section 6.7).
type ExceptionStatus struct {
	Header
	Status uint8
}

func (m *ExceptionStatus) Code() Function { return ReadExceptionStatus }
func (m *ExceptionStatus) Append(b []byte) ([]byte, error) {
	return m.end(append(m.begin(b, ReadExceptionStatus), m.Status), len(b))
}

// Diagnostic is function 8, request and response (specification, section 6.8).
type Diagnostic struct {
	Header
	SubFunction uint16
	Data        []byte
}

// Sub-functions of function 8 (specification, section 6.8.1).
const (
	ReturnQueryData              = 0
	RestartCommunicationsOption  = 1
	ReturnDiagnosticRegister     = 2
	ChangeASCIIInputDelimiter    = 3
	ForceListenOnlyMode          = 4
	ClearCountersAndDiagnostic   = 10
	ReturnBusMessageCount        = 11
	ReturnBusCommErrorCount      = 12
	ReturnBusExceptionErrorCount = 13
	ReturnServerMessageCount     = 14
	ReturnServerNoResponseCount  = 15
	ReturnServerNAKCount         = 16
	ReturnServerBusyCount        = 17
	ReturnBusOverrunCount        = 18
	ClearOverrunCounterAndFlag   = 20
)

func (m *Diagnostic) Code() Function { return Diagnostics }
func (m *Diagnostic) Class() (string, wire.Effect) {
	switch {
	case m.SubFunction == ReturnQueryData, m.SubFunction == ReturnDiagnosticRegister,
		m.SubFunction >= ReturnBusMessageCount && m.SubFunction <= ReturnBusOverrunCount:
		return Diagnostics.String(), wire.Read
	}
	return Diagnostics.String(), wire.Control
}
func (m *Diagnostic) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, Diagnostics), byte(m.SubFunction>>8), byte(m.SubFunction))
	return m.end(append(b, m.Data...), start)
}

// CommEventCounter answers function 11 (specification, section 6.9). Status is 0xFFFF while an earlier
// command is still being processed.
type CommEventCounter struct {
	Header
	Status     uint16
	EventCount uint16 `wire:"count"`
}

func (m *CommEventCounter) Code() Function { return GetCommEventCounter }
func (m *CommEventCounter) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, GetCommEventCounter), byte(m.Status>>8), byte(m.Status), byte(m.EventCount>>8), byte(m.EventCount))
	return m.end(b, start)
}

// CommEventLog answers function 12 (specification, section 6.10). Events are newest first.
type CommEventLog struct {
	Header
	Status       uint16
	EventCount   uint16 `wire:"count"`
	MessageCount uint16 `wire:"count"`
	Events       []byte
}

func (m *CommEventLog) Code() Function { return GetCommEventLog }
func (m *CommEventLog) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, GetCommEventLog), byte(6+len(m.Events)), byte(m.Status>>8), byte(m.Status),
		byte(m.EventCount>>8), byte(m.EventCount), byte(m.MessageCount>>8), byte(m.MessageCount))
	return m.end(append(b, m.Events...), start)
}

// ServerID answers function 17: an id, a run indicator (0x00 off, 0xFF on) and more, in lengths that
// each device defines (specification, section 6.13).
type ServerID struct {
	Header
	Data []byte
}

func (m *ServerID) Code() Function { return ReportServerID }
func (m *ServerID) Append(b []byte) ([]byte, error) {
	start := len(b)
	return m.end(appendCounted(m.begin(b, ReportServerID), m.Data), start)
}

// Exception is a refusal (specification, section 7).
type Exception struct {
	Header
	Function Function // that was refused
	Reason   ExceptionCode
}

func (m *Exception) Code() Function { return m.Function }
func (m *Exception) Append(b []byte) ([]byte, error) {
	start := len(b)
	return m.end(append(m.begin(b, m.Function|exceptionBit), byte(m.Reason)), start)
}

// Raw is any other message, either way: user-defined functions, and public ones whose body is not what
// the specification says. Function is the code as sent.
type Raw struct {
	Header
	Function Function
	Data     []byte
}

func (m *Raw) Code() Function { return m.Function &^ exceptionBit }

// Class groups all functions that the specification does not define: a sweep of them would else make a
// hundred kinds of requests.
func (m *Raw) Class() (string, wire.Effect) {
	if !m.Function.Public() {
		return "user-defined function", wire.Control
	}
	return m.Function.String(), wire.Control
}

func (m *Raw) Append(b []byte) ([]byte, error) {
	start := len(b)
	return m.end(append(m.begin(b, m.Function), m.Data...), start)
}
