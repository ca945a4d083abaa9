package ipmi

import (
	"fmt"

	"ringer/capture/wire"
)

// A Code is the completion code of a reply (table 5-2).
type Code uint8

const (
	CodeOK                  Code = 0x00
	NodeBusy                Code = 0xc0
	InvalidCommand          Code = 0xc1
	InvalidForLUN           Code = 0xc2
	Timeout                 Code = 0xc3
	OutOfSpace              Code = 0xc4
	ReservationCanceled     Code = 0xc5
	DataTruncated           Code = 0xc6
	DataLengthInvalid       Code = 0xc7
	DataTooLong             Code = 0xc8
	ParameterOutOfRange     Code = 0xc9
	CannotReturnSo          Code = 0xca // that many bytes
	NotPresent              Code = 0xcb // sensor, data or record
	InvalidField            Code = 0xcc
	IllegalForSensor        Code = 0xcd
	NoResponse              Code = 0xce
	DuplicateRequest        Code = 0xcf
	SDRUpdating             Code = 0xd0
	FirmwareUpdating        Code = 0xd1
	Initializing            Code = 0xd2
	DestinationUnavailable  Code = 0xd3
	InsufficientPrivilege   Code = 0xd4
	NotSupportedInThisState Code = 0xd5
	SubFunctionDisabled     Code = 0xd6
	Unspecified             Code = 0xff
)

var codeNames = map[Code]string{
	CodeOK: "OK", NodeBusy: "node busy", InvalidCommand: "invalid command", InvalidForLUN: "command invalid for LUN", Timeout: "time-out",
	OutOfSpace: "out of space", ReservationCanceled: "reservation canceled", DataTruncated: "request data truncated",
	DataLengthInvalid: "request data length invalid", DataTooLong: "request data too long", ParameterOutOfRange: "parameter out of range",
	CannotReturnSo: "cannot return so many bytes", NotPresent: "not present", InvalidField: "invalid data field",
	IllegalForSensor: "illegal for this sensor or record", NoResponse: "no response", DuplicateRequest: "duplicated request",
	SDRUpdating: "SDR repository in update", FirmwareUpdating: "in firmware update", Initializing: "initializing",
	DestinationUnavailable: "destination unavailable", InsufficientPrivilege: "insufficient privilege",
	NotSupportedInThisState: "not supported in present state", SubFunctionDisabled: "sub-function disabled", Unspecified: "unspecified error",
}

func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("0x%02x", uint8(c))
}

func (s Status) String() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("0x%02x", uint8(s))
}

var statusNames = map[Status]string{
	StatusOK: "OK", NoResources: "insufficient resources", InvalidSessionID: "invalid session id", InvalidPayload: "invalid payload type",
	InvalidAuthAlgorithm: "invalid authentication algorithm", InvalidIntegrityAlgorithm: "invalid integrity algorithm",
	NoMatchingAuthPayload: "no matching authentication payload", NoMatchingIntegrity: "no matching integrity payload",
	InactiveSessionID: "inactive session id", InvalidRole: "invalid role", UnauthorizedRole: "unauthorized role",
	NoResourcesForRole: "insufficient resources for the role", InvalidNameLength: "invalid name length", UnauthorizedName: "unauthorized name",
	UnauthorizedGUID: "unauthorized GUID", InvalidIntegrityCheck: "invalid integrity check value",
	InvalidCryptAlgorithm: "invalid confidentiality algorithm", NoMatchingCipherSuite: "no cipher suite match", IllegalParameter: "illegal parameter",
}

// known finds a command; data is what it or its reply bears.
func (t Target) known(data []byte) (command, bool) {
	n := t.NetFn &^ 1
	if n == Group {
		if len(data) == 0 {
			return command{}, false
		}
		c, ok := groups[data[0]][t.Cmd]
		return c, ok
	}
	c, ok := commands[n][t.Cmd]
	return c, ok
}

// readAsk reads the data of a command; what is not as long as its form says stays Data.
func (c *Conn) readAsk(t Target, data []byte) Body {
	known, _ := t.known(data)
	if known.asks == nil {
		return Data(append([]byte(nil), data...))
	}
	m := c.ask
	if m == nil || c.form != t || t.NetFn == Group {
		m = known.asks()
	}
	if c.reuse {
		c.form, c.ask = t, m
	}
	if readFields(data, m) {
		return m
	}
	return Data(append([]byte(nil), data...))
}

// readSaid reads the data of a reply.
func readSaid(t Target, data []byte) Body {
	known, _ := t.known(data)
	if known.says != nil {
		if m := known.says(); readFields(data, m) {
			return m
		}
	}
	return Data(append([]byte(nil), data...))
}

// Class is the command's name, and what it does to the controller: what is not known may do anything.
func (m *Command) Class() (string, wire.Effect) {
	c, ok := m.known()
	if !ok {
		return m.Target.String(), wire.Control
	}
	if q, ok := m.Body.(*GetIPStatistics); ok && q.Clear != 0 {
		return "clear IP/UDP/RMCP statistics", wire.Control
	}
	if q, ok := m.Body.(*SetPowerRestorePolicy); ok && q.Policy&7 == noChange {
		return "get power restore policies", wire.Read
	}
	return c.name, c.effect
}

// Known says whether the command is one of the specifications'.
func (m *Command) Known() bool {
	_, ok := m.known()
	return ok
}

func (m *Command) known() (command, bool) {
	var data []byte
	if m.Body != nil && m.NetFn == Group {
		data = appendBody(nil, m.Body)
	}
	return m.Target.known(data)
}

// noChange as a power restore policy only asks which there are (section 28.8).
const noChange = 3

// Name is the command's name.
func (t Target) Name(data []byte) string {
	if c, ok := t.known(data); ok {
		return c.name
	}
	return t.String()
}
