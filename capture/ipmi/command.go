package ipmi

import (
	"fmt"

	"ringer/capture/wire"
)

// A NetFn is a group of commands (table 5-1). Requests have even numbers, their answers the next.
type NetFn uint8

const (
	Chassis   NetFn = 0x00
	Bridge    NetFn = 0x02
	Sensor    NetFn = 0x04 // sensors and events
	App       NetFn = 0x06
	Firmware  NetFn = 0x08
	Storage   NetFn = 0x0a
	Transport NetFn = 0x0c
	Group     NetFn = 0x2c // the first byte of the data says whose: DCMI, PICMG, ...
	OEM       NetFn = 0x2e // the first three bytes of the data say whose
)

// A Target is a command of a group.
type Target struct {
	NetFn NetFn `wire:"key"`
	LUN   uint8
	Cmd   uint8
}

// A Link is how a message travels between two controllers (section 13.8).
type Link struct {
	To      uint8 // address of the responder, or of the software that asked
	From    uint8
	FromLUN uint8
	Seq     uint8 `wire:"echo"`
}

// The usual addresses: of the controller, and of remote software (section 5.5).
const (
	BMCAddress    = 0x20
	RemoteAddress = 0x81
)

// A Command is a request.
type Command struct {
	RMCP    `wire:"-"`
	Session `wire:"-"`
	Link    `wire:"-"`
	Target
	Body Body
}

// A Reply answers a command.
type Reply struct {
	RMCP    `wire:"-"`
	Session `wire:"-"`
	Link
	Target
	Code Code
	Body Body
}

// A Body is the data of a command or of its reply: a pointer to one of the structures of this package, whose
// fields say how they are sent (fields.go), or Data. Nil is no data.
type Body any

// Data is the data of what is not typed.
type Data []byte

// readCommand reads a message (section 13.8). Nil: it is odd.
func (c *Conn) readCommand(head RMCP, s Session, b []byte) wire.Message {
	if len(b) < 7 || checksum(b[:3]) != 0 || checksum(b[3:]) != 0 {
		return nil
	}
	link := Link{To: b[0], From: b[3], Seq: b[4] >> 2, FromLUN: b[4] & 3}
	target := Target{NetFn: NetFn(b[1] >> 2), LUN: b[1] & 3, Cmd: b[5]}
	data := b[6 : len(b)-1]
	if target.NetFn&1 == 0 {
		m := &c.command
		if !c.reuse {
			m = new(Command)
		}
		*m = Command{head, s, link, target, c.readAsk(target, data)}
		return m
	}
	if len(data) < 1 {
		return nil
	}
	return &Reply{head, s, link, target, Code(data[0]), readSaid(target, data[1:])}
}

// checksum is the two's complement of the sum: over what ends with its checksum it is zero.
func checksum(b []byte) (sum byte) {
	for _, c := range b {
		sum -= c
	}
	return sum
}

func appendMessage(b []byte, l *Link, t *Target, code *Code, body Body) []byte {
	b = append(b, l.To, byte(t.NetFn)<<2|t.LUN&3)
	b = append(b, checksum(b[len(b)-2:]))
	start := len(b)
	b = append(b, l.From, l.Seq<<2|l.FromLUN&3, t.Cmd)
	if code != nil {
		b = append(b, byte(*code))
	}
	b = appendBody(b, body)
	return append(b, checksum(b[start:]))
}

func (m *Command) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (m *Command) payload() Payload { return PayloadIPMI }
func (m *Command) appendPayload(b []byte) ([]byte, error) {
	return appendMessage(b, &m.Link, &m.Target, nil, m.Body), nil
}

func (m *Reply) Append(b []byte) ([]byte, error) {
	return appendSession(b, &m.RMCP, &m.Session, m)
}
func (m *Reply) payload() Payload { return PayloadIPMI }
func (m *Reply) appendPayload(b []byte) ([]byte, error) {
	return appendMessage(b, &m.Link, &m.Target, &m.Code, m.Body), nil
}

// Answer begins the reply to a command, as a controller addresses it. Session and RMCP are the sender's to
// fill.
func (m *Command) Answer(code Code, body Body) *Reply {
	return &Reply{
		RMCP: RMCP{Version: 6, RMCPSequence: NoAck, Class: ClassIPMI},
		Link: Link{To: m.From, From: m.To, FromLUN: m.LUN, Seq: m.Seq}, Code: code, Body: body,
		Target: Target{NetFn: m.NetFn | 1, LUN: m.FromLUN, Cmd: m.Cmd},
	}
}

// String is "App 0x38".
func (t Target) String() string { return fmt.Sprintf("%v 0x%02x", t.NetFn&^1, t.Cmd) }

func (n NetFn) String() string {
	switch n &^ 1 {
	case Chassis:
		return "Chassis"
	case Bridge:
		return "Bridge"
	case Sensor:
		return "Sensor"
	case App:
		return "App"
	case Firmware:
		return "Firmware"
	case Storage:
		return "Storage"
	case Transport:
		return "Transport"
	case Group:
		return "Group"
	case OEM:
		return "OEM"
	}
	return fmt.Sprintf("NetFn 0x%02x", uint8(n&^1))
}

// Data appends the data of the command, as it is sent.
func (m *Command) Data(b []byte) []byte {
	return appendBody(b, m.Body)
}

// Data appends the data of the reply behind its completion code.
func (m *Reply) Data(b []byte) []byte {
	return appendBody(b, m.Body)
}
