package enip

import (
	"bytes"
	"encoding/binary"

	"ringer/capture/wire"
)

// Unconnected is a CIP request in SendRRData (EIP, section 2-4.7).
type Unconnected struct {
	Header
	Interface uint32
	Timeout   uint16 `wire:"-"`
	Request   Request
	Extra     []Item // socket addresses of the connection that is asked for
}

// UnconnectedReply is the CIP response to it.
type UnconnectedReply struct {
	Header
	Interface uint32
	Timeout   uint16
	Response  Response
	Extra     []Item
}

// Connected is a CIP request on a connection of class 3, in SendUnitData (EIP, section 2-4.8).
type Connected struct {
	Header
	Interface uint32
	Timeout   uint16 `wire:"-"`
	OT        uint32 `wire:"echo"` // the id of the connection
	Sequence  uint16 `wire:"echo"`
	Request   Request
}

// ConnectedReply is the CIP response to it. Its context is its sender's own business: most leave it empty.
type ConnectedReply struct {
	Session   uint32 `wire:"echo"`
	Status    uint32
	Context   Context
	Options   uint32
	Interface uint32
	Timeout   uint16
	TO        uint32 `wire:"minted"` // the client chose it when the connection was opened
	Sequence  uint16 `wire:"echo"`
	Response  Response
}

func beginItems(b []byte, iface uint32, timeout uint16, count int) []byte {
	b = binary.LittleEndian.AppendUint32(b, iface)
	b = binary.LittleEndian.AppendUint16(b, timeout)
	return binary.LittleEndian.AppendUint16(b, uint16(count))
}

func endItem(b []byte, at int) []byte {
	binary.LittleEndian.PutUint16(b[at-2:], uint16(len(b)-at))
	return b
}

func (m *Unconnected) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = beginItems(m.begin(b, SendRRData), m.Interface, m.Timeout, 2+len(m.Extra))
	b = append(b, 0, 0, 0, 0, itemUnconnectedData, 0, 0, 0)
	at := len(b)
	b = endItem(m.Request.Append(b), at)
	return end(appendItems(b, m.Extra), start)
}

func (m *UnconnectedReply) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = beginItems(m.begin(b, SendRRData), m.Interface, m.Timeout, 2+len(m.Extra))
	b = append(b, 0, 0, 0, 0, itemUnconnectedData, 0, 0, 0)
	at := len(b)
	b = endItem(m.Response.Append(b), at)
	return end(appendItems(b, m.Extra), start)
}

func appendConnected(b []byte, connection uint32, sequence uint16) []byte {
	b = append(b, itemConnectedAddress, 0, 4, 0)
	b = binary.LittleEndian.AppendUint32(b, connection)
	b = append(b, itemConnectedData, 0, 0, 0)
	return binary.LittleEndian.AppendUint16(b, sequence)
}

func (m *Connected) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = appendConnected(beginItems(m.begin(b, SendUnitData), m.Interface, m.Timeout, 2), m.OT, m.Sequence)
	at := len(b) - 2
	return end(endItem(m.Request.Append(b), at), start)
}

func (m *ConnectedReply) Append(b []byte) ([]byte, error) {
	start := len(b)
	h := Header{m.Session, m.Status, m.Context, m.Options}
	b = appendConnected(beginItems(h.begin(b, SendUnitData), m.Interface, m.Timeout, 2), m.TO, m.Sequence)
	at := len(b) - 2
	return end(endItem(m.Response.Append(b), at), start)
}

func (m *Unconnected) Class() (string, wire.Effect) { return m.Request.Name(), m.Request.Effect() }
func (m *Connected) Class() (string, wire.Effect)   { return m.Request.Name(), m.Request.Effect() }

func (m *Unconnected) AppendKey(b []byte) []byte { return m.Request.AppendKey(append(b, 'u')) }
func (m *Connected) AppendKey(b []byte) []byte   { return m.Request.AppendKey(append(b, 'c')) }

// decode reads a whole message. It never fails: what is not as the specification has it, or would not be
// written again byte for byte, is Raw.
func (c *Conn) decode(from wire.Side, b []byte) wire.Message {
	command, h := header(b)
	data := b[headerSize:]
	if m := c.structured(from, command, h, data); m != nil {
		again, err := m.Append(c.scratch.again[:0])
		if c.reuse {
			c.scratch.again = again
		}
		if err == nil && bytes.Equal(again, b) {
			return m
		}
	}
	if len(data) == 0 {
		data = nil
	}
	return &Raw{h, command, data}
}

func (c *Conn) structured(from wire.Side, command Command, h Header, data []byte) wire.Message {
	reply := from == wire.Server
	switch command {
	case ListTargets, ListServices, ListIdentity, ListInterfaces:
		switch {
		case reply:
			return listReply(command, h, data)
		case len(data) > 0:
			return nil
		case c.reuse:
			c.scratch.list = List{h, command}
			return &c.scratch.list
		}
		return &List{h, command}
	case CommandRegisterSession:
		if len(data) != 4 {
			return nil
		}
		version, flags := binary.LittleEndian.Uint16(data), binary.LittleEndian.Uint16(data[2:])
		if reply {
			return &RegisterSessionReply{h.Session, h.Status, h.Context, h.Options, version, flags}
		}
		return &RegisterSession{h, version, flags}
	case CommandUnregisterSession:
		if len(data) > 0 {
			return nil
		}
		return &UnregisterSession{h}
	case SendRRData:
		if reply {
			return c.unconnectedReply(h, data)
		}
		return c.unconnected(h, data)
	case SendUnitData:
		if reply {
			return c.connectedReply(h, data)
		}
		return c.connected(h, data)
	}
	return nil
}

// carried takes the two items apart that every message with CIP in it has, and those behind them.
func carried(data []byte, address, content uint16) (iface uint32, timeout uint16, a, body []byte, extra []Item, ok bool) {
	r := reader{wire.NewReader(data)}
	iface, timeout = r.u32(), r.u16()
	n := int(r.u16())
	kind := r.u16()
	a = r.Bytes(int(r.u16()))
	kind2 := r.u16()
	body = r.Bytes(int(r.u16()))
	for i := 2; i < n && r.Err() == nil; i++ {
		k := r.u16()
		extra = append(extra, Item{k, r.Bytes(int(r.u16()))})
	}
	ok = r.Err() == nil && r.Len() == 0 && n >= 2 && kind == address && kind2 == content
	return iface, timeout, a, body, extra, ok
}

func (c *Conn) unconnected(h Header, data []byte) wire.Message {
	iface, timeout, _, body, extra, ok := carried(data, itemNull, itemUnconnectedData)
	m, space := &c.scratch.unconnected, &c.scratch.requests
	if !c.reuse {
		m, space = &Unconnected{}, nil
	}
	*m = Unconnected{Header: h, Interface: iface, Timeout: timeout, Extra: extra}
	if !ok || !m.Request.read(body, space) {
		return nil
	}
	c.note(shape{context: binary.LittleEndian.Uint64(h.Context[:]), kind: m.Request.answerKind()})
	return m
}

func (c *Conn) unconnectedReply(h Header, data []byte) wire.Message {
	iface, timeout, _, body, extra, ok := carried(data, itemNull, itemUnconnectedData)
	m := &UnconnectedReply{Header: h, Interface: iface, Timeout: timeout, Extra: extra}
	if !ok || !m.Response.read(body, c.kindOf(false, binary.LittleEndian.Uint64(h.Context[:]), 0)) {
		return nil
	}
	return m
}

func (c *Conn) connected(h Header, data []byte) wire.Message {
	iface, timeout, address, body, extra, ok := carried(data, itemConnectedAddress, itemConnectedData)
	if !ok || len(extra) > 0 || len(address) != 4 || len(body) < 2 {
		return nil
	}
	m, space := &c.scratch.connected, &c.scratch.requests
	if !c.reuse {
		m, space = &Connected{}, nil
	}
	*m = Connected{Header: h, Interface: iface, Timeout: timeout, OT: binary.LittleEndian.Uint32(address), Sequence: binary.LittleEndian.Uint16(body)}
	if !m.Request.read(body[2:], space) {
		return nil
	}
	c.note(shape{connected: true, sequence: m.Sequence, kind: m.Request.answerKind()})
	return m
}

func (c *Conn) connectedReply(h Header, data []byte) wire.Message {
	iface, timeout, address, body, extra, ok := carried(data, itemConnectedAddress, itemConnectedData)
	if !ok || len(extra) > 0 || len(address) != 4 || len(body) < 2 {
		return nil
	}
	m := &ConnectedReply{
		Session: h.Session, Status: h.Status, Context: h.Context, Options: h.Options, Interface: iface, Timeout: timeout,
		TO: binary.LittleEndian.Uint32(address), Sequence: binary.LittleEndian.Uint16(body),
	}
	if !m.Response.read(body[2:], c.kindOf(true, 0, m.Sequence)) {
		return nil
	}
	return m
}
