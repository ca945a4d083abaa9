package enip

import (
	"encoding/binary"
	"errors"
	"strconv"

	"ringer/capture/wire"
)

// A Command says what a message of the encapsulation protocol is (EIP, section 2-3.2).
type Command uint16

const (
	NOP                      Command = 0x0000
	ListTargets              Command = 0x0001 // of the time before the specification; Rockwell's devices answer it
	ListServices             Command = 0x0004
	ListIdentity             Command = 0x0063
	ListInterfaces           Command = 0x0064
	CommandRegisterSession   Command = 0x0065
	CommandUnregisterSession Command = 0x0066
	SendRRData               Command = 0x006F
	SendUnitData             Command = 0x0070
	IndicateStatus           Command = 0x0072
	Cancel                   Command = 0x0073
)

func (c Command) known() bool { return c.name() != "" }

func (c Command) name() string {
	switch c {
	case NOP:
		return "nop"
	case ListTargets:
		return "list targets"
	case ListServices:
		return "list services"
	case ListIdentity:
		return "list identity"
	case ListInterfaces:
		return "list interfaces"
	case CommandRegisterSession:
		return "register session"
	case CommandUnregisterSession:
		return "unregister session"
	case SendRRData:
		return "send RR data"
	case SendUnitData:
		return "send unit data"
	case IndicateStatus:
		return "indicate status"
	case Cancel:
		return "cancel"
	}
	return ""
}

func (c Command) String() string {
	if s := c.name(); s != "" {
		return s
	}
	return "command 0x" + strconv.FormatUint(uint64(c), 16)
}

// Status codes of the encapsulation (EIP, section 2-3.5).
const (
	StatusSuccess             = 0x0000
	StatusInvalidCommand      = 0x0001
	StatusInsufficientMemory  = 0x0002
	StatusIncorrectData       = 0x0003
	StatusInvalidSession      = 0x0064
	StatusInvalidLength       = 0x0065
	StatusUnsupportedProtocol = 0x0069
)

// headerSize is the size of the encapsulation header (EIP, section 2-3.1).
const headerSize = 24

var errTooLong = errors.New("enip: message longer than its length field can say")

// Context is what a sender writes into its request to know the reply by.
type Context [8]byte

// A Header is the encapsulation header without command and length, which follow from the rest.
type Header struct {
	Session uint32 `wire:"echo"`
	Status  uint32
	Context Context `wire:"echo"`
	Options uint32
}

func (h *Header) begin(b []byte, c Command) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(c))
	b = append(b, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, h.Session)
	b = binary.LittleEndian.AppendUint32(b, h.Status)
	b = append(b, h.Context[:]...)
	return binary.LittleEndian.AppendUint32(b, h.Options)
}

// end writes the length of the message that begins at start.
func end(b []byte, start int) ([]byte, error) {
	n := len(b) - start - headerSize
	if n > 0xFFFF {
		return b[:start], errTooLong
	}
	binary.LittleEndian.PutUint16(b[start+2:], uint16(n))
	return b, nil
}

func header(b []byte) (c Command, h Header) {
	c = Command(binary.LittleEndian.Uint16(b))
	h.Session = binary.LittleEndian.Uint32(b[4:])
	h.Status = binary.LittleEndian.Uint32(b[8:])
	copy(h.Context[:], b[12:])
	h.Options = binary.LittleEndian.Uint32(b[20:])
	return c, h
}

// A List asks what a device is, has or does: ListTargets, ListServices, ListIdentity or ListInterfaces
// (EIP, sections 2-4.2 to 2-4.4).
type List struct {
	Header
	Command Command
}

func (m *List) Append(b []byte) ([]byte, error) { return end(m.begin(b, m.Command), len(b)) }
func (m *List) code() (Command, uint32)         { return m.Command, m.Status }

func (m *List) Class() (string, wire.Effect) { return m.Command.String(), wire.Read }

func (m *List) AppendKey(b []byte) []byte { return append(b, m.Command.String()...) }

// RegisterSession begins a session (EIP, section 2-4.5).
type RegisterSession struct {
	Header
	Version uint16
	Flags   uint16
}

func (m *RegisterSession) Append(b []byte) ([]byte, error) {
	return appendRegistration(b, &m.Header, m.Version, m.Flags)
}

func appendRegistration(b []byte, h *Header, version, flags uint16) ([]byte, error) {
	start := len(b)
	b = h.begin(b, CommandRegisterSession)
	b = binary.LittleEndian.AppendUint16(b, version)
	return end(binary.LittleEndian.AppendUint16(b, flags), start)
}

func (m *RegisterSession) Class() (string, wire.Effect) {
	return CommandRegisterSession.String(), wire.Read
}

// RegisterSessionReply grants a session, or says why not.
type RegisterSessionReply struct {
	Session uint32 `wire:"minted"`
	Status  uint32
	Context Context `wire:"echo"`
	Options uint32
	Version uint16
	Flags   uint16
}

func (m *RegisterSessionReply) Append(b []byte) ([]byte, error) {
	return appendRegistration(b, &Header{m.Session, m.Status, m.Context, m.Options}, m.Version, m.Flags)
}

// UnregisterSession ends a session (EIP, section 2-4.6). It has no reply.
type UnregisterSession struct{ Header }

func (m *UnregisterSession) Append(b []byte) ([]byte, error) {
	return end(m.begin(b, CommandUnregisterSession), len(b))
}

func (m *UnregisterSession) Class() (string, wire.Effect) {
	return CommandUnregisterSession.String(), wire.Read
}

// An Item is one item of the common packet format (EIP, section 2-6).
type Item struct {
	Type uint16 `wire:"id"`
	Data []byte
}

// Types of items.
const (
	itemNull             = 0x0000
	itemIdentity         = 0x000C
	itemConnectedAddress = 0x00A1
	itemConnectedData    = 0x00B1
	itemUnconnectedData  = 0x00B2
	itemServices         = 0x0100
	itemSocketOT         = 0x8000
	itemSocketTO         = 0x8001
	itemSequencedAddress = 0x8002
)

func appendItems(b []byte, items []Item) []byte {
	for _, i := range items {
		b = appendItem(b, i.Type, i.Data)
	}
	return b
}

func appendItem(b []byte, kind uint16, data []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// readItems reads a count and its items, to the end.
func readItems(b []byte) ([]Item, bool) {
	r := reader{wire.NewReader(b)}
	n := int(r.u16())
	var items []Item
	for range n {
		kind := r.u16()
		data := r.Bytes(int(r.u16()))
		if r.Err() != nil {
			return nil, false
		}
		items = append(items, Item{kind, data})
	}
	return items, r.Err() == nil && r.Len() == 0
}

// A ListReply answers a List whose items are not known any better: ListInterfaces, ListTargets.
type ListReply struct {
	Header
	Command Command
	Items   []Item
}

func (m *ListReply) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = binary.LittleEndian.AppendUint16(m.begin(b, m.Command), uint16(len(m.Items)))
	return end(appendItems(b, m.Items), start)
}

func (m *ListReply) code() (Command, uint32) { return m.Command, m.Status }

// Raw is a message that is not what the specification gives its command: other data, or a bare header.
type Raw struct {
	Header
	Command Command
	Data    []byte
}

func (m *Raw) Append(b []byte) ([]byte, error) {
	return end(append(m.begin(b, m.Command), m.Data...), len(b))
}

func (m *Raw) code() (Command, uint32) { return m.Command, m.Status }

func (m *Raw) Class() (string, wire.Effect) {
	if m.Command == NOP {
		return m.Command.String(), wire.Read
	}
	return m.Command.String(), wire.Control
}

// reader reads little-endian numbers, as all of CIP is.
type reader struct{ wire.Reader }

func (r *reader) u16() uint16 {
	if v := r.Bytes(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.Bytes(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}
