package enip

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// The messages of the Connection Manager (CIP, section 3-5.5).

// An UnconnectedSend hands a request on to a module or network behind the device.
type UnconnectedSend struct {
	Priority uint8 `wire:"-"` // and the length of a tick
	Timeout  uint8 `wire:"-"` // in ticks
	Request  Request
	Reserved uint8
	Route    Path
}

func readUnconnectedSend(b []byte) (*UnconnectedSend, bool) {
	r := reader{wire.NewReader(b)}
	s := &UnconnectedSend{Priority: r.Uint8(), Timeout: r.Uint8()}
	n := int(r.u16())
	inner := r.Bytes(n)
	if n%2 == 1 {
		r.Uint8()
	}
	words := int(r.Uint8())
	s.Reserved = r.Uint8()
	s.Route = Path(r.Bytes(2 * words))
	if r.Err() != nil || r.Len() > 0 || !s.Request.read(inner, nil) || s.Request.Send != nil {
		return nil, false
	}
	return s, true
}

func (s *UnconnectedSend) append(b []byte) []byte {
	b = append(b, s.Priority, s.Timeout, 0, 0)
	at := len(b)
	b = s.Request.Append(b)
	n := len(b) - at
	binary.LittleEndian.PutUint16(b[at-2:], uint16(n))
	if n%2 == 1 {
		b = append(b, 0)
	}
	b = append(b, byte(len(s.Route)/2), s.Reserved)
	return append(b, s.Route...)
}

// A ForwardOpen asks for a connection; the large kind has parameters of 32 bits.
type ForwardOpen struct {
	Priority         uint8  `wire:"-"`
	Timeout          uint8  `wire:"-"`
	OT               uint32 `wire:"-"`    // the target chooses it
	TO               uint32 `wire:"echo"` // the originator chooses it
	Serial           uint16 `wire:"echo"`
	Vendor           uint16 `wire:"echo"` // of the originator
	OriginatorSerial uint32 `wire:"echo"`
	Multiplier       uint8  // of the interval, until a time-out: 4, 8, 16, …
	Reserved         [3]byte
	OTInterval       uint32 // in microseconds
	OTParameters     uint32
	TOInterval       uint32
	TOParameters     uint32
	Transport        uint8 // class in the low four bits, trigger above it
	Path             Path
}

func readForwardOpen(b []byte, large bool) (*ForwardOpen, bool) {
	r := reader{wire.NewReader(b)}
	o := &ForwardOpen{Priority: r.Uint8(), Timeout: r.Uint8(), OT: r.u32(), TO: r.u32(), Serial: r.u16(), Vendor: r.u16(),
		OriginatorSerial: r.u32(), Multiplier: r.Uint8()}
	copy(o.Reserved[:], r.Bytes(3))
	parameters := func() uint32 {
		if large {
			return r.u32()
		}
		return uint32(r.u16())
	}
	o.OTInterval, o.OTParameters = r.u32(), parameters()
	o.TOInterval, o.TOParameters = r.u32(), parameters()
	o.Transport = r.Uint8()
	o.Path = Path(r.Bytes(2 * int(r.Uint8())))
	return o, r.Err() == nil && r.Len() == 0
}

func (o *ForwardOpen) append(b []byte, large bool) []byte {
	le := binary.LittleEndian
	b = append(b, o.Priority, o.Timeout)
	b = le.AppendUint32(le.AppendUint32(b, o.OT), o.TO)
	b = le.AppendUint16(le.AppendUint16(b, o.Serial), o.Vendor)
	b = le.AppendUint32(b, o.OriginatorSerial)
	b = append(append(b, o.Multiplier), o.Reserved[:]...)
	parameters := func(b []byte, v uint32) []byte {
		if large {
			return le.AppendUint32(b, v)
		}
		return le.AppendUint16(b, uint16(v))
	}
	b = parameters(le.AppendUint32(b, o.OTInterval), o.OTParameters)
	b = parameters(le.AppendUint32(b, o.TOInterval), o.TOParameters)
	b = append(b, o.Transport, byte(len(o.Path)/2))
	return append(b, o.Path...)
}

// TransportClass is the class of transport: 0 and 1 for I/O, 3 for messages.
func (o *ForwardOpen) TransportClass() uint8 { return o.Transport & 15 }

// Sizes are the largest packets each way, in bytes.
func (o *ForwardOpen) Sizes(large bool) (ot, to int) {
	mask := uint32(0x1FF)
	if large {
		mask = 0xFFFF
	}
	return int(o.OTParameters & mask), int(o.TOParameters & mask)
}

// A ForwardOpenReply says that there is a connection now.
type ForwardOpenReply struct {
	OT               uint32 `wire:"minted"`
	TO               uint32 `wire:"echo"`
	Serial           uint16 `wire:"echo"`
	Vendor           uint16 `wire:"echo"`
	OriginatorSerial uint32 `wire:"echo"`
	OTInterval       uint32
	TOInterval       uint32
	Reserved         uint8
	Application      []byte
}

func readForwardOpenReply(b []byte) (*ForwardOpenReply, bool) {
	r := reader{wire.NewReader(b)}
	o := &ForwardOpenReply{OT: r.u32(), TO: r.u32(), Serial: r.u16(), Vendor: r.u16(), OriginatorSerial: r.u32(),
		OTInterval: r.u32(), TOInterval: r.u32()}
	n := 2 * int(r.Uint8())
	o.Reserved = r.Uint8()
	o.Application = nonEmpty(r.Bytes(n))
	return o, r.Err() == nil && r.Len() == 0
}

func (o *ForwardOpenReply) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(le.AppendUint32(b, o.OT), o.TO)
	b = le.AppendUint16(le.AppendUint16(b, o.Serial), o.Vendor)
	b = le.AppendUint32(b, o.OriginatorSerial)
	b = le.AppendUint32(le.AppendUint32(b, o.OTInterval), o.TOInterval)
	b = append(b, byte(len(o.Application)/2), o.Reserved)
	return append(b, o.Application...)
}

// A ForwardClose ends a connection.
type ForwardClose struct {
	Priority         uint8  `wire:"-"`
	Timeout          uint8  `wire:"-"`
	Serial           uint16 `wire:"echo"`
	Vendor           uint16 `wire:"echo"`
	OriginatorSerial uint32 `wire:"echo"`
	Reserved         uint8
	Path             Path
}

func readForwardClose(b []byte) (*ForwardClose, bool) {
	r := reader{wire.NewReader(b)}
	c := &ForwardClose{Priority: r.Uint8(), Timeout: r.Uint8(), Serial: r.u16(), Vendor: r.u16(), OriginatorSerial: r.u32()}
	n := 2 * int(r.Uint8())
	c.Reserved = r.Uint8()
	c.Path = Path(r.Bytes(n))
	return c, r.Err() == nil && r.Len() == 0
}

func (c *ForwardClose) append(b []byte) []byte {
	le := binary.LittleEndian
	b = append(b, c.Priority, c.Timeout)
	b = le.AppendUint32(le.AppendUint16(le.AppendUint16(b, c.Serial), c.Vendor), c.OriginatorSerial)
	b = append(b, byte(len(c.Path)/2), c.Reserved)
	return append(b, c.Path...)
}

// A ForwardCloseReply says that the connection has ended.
type ForwardCloseReply struct {
	Serial           uint16 `wire:"echo"`
	Vendor           uint16 `wire:"echo"`
	OriginatorSerial uint32 `wire:"echo"`
	Reserved         uint8
	Application      []byte
}

func readForwardCloseReply(b []byte) (*ForwardCloseReply, bool) {
	r := reader{wire.NewReader(b)}
	c := &ForwardCloseReply{Serial: r.u16(), Vendor: r.u16(), OriginatorSerial: r.u32()}
	n := 2 * int(r.Uint8())
	c.Reserved = r.Uint8()
	c.Application = nonEmpty(r.Bytes(n))
	return c, r.Err() == nil && r.Len() == 0
}

func (c *ForwardCloseReply) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(le.AppendUint16(le.AppendUint16(b, c.Serial), c.Vendor), c.OriginatorSerial)
	b = append(b, byte(len(c.Application)/2), c.Reserved)
	return append(b, c.Application...)
}

// A ManagerFailure is what a refused open or close says beside its status.
type ManagerFailure struct {
	Serial           uint16 `wire:"echo"`
	Vendor           uint16 `wire:"echo"`
	OriginatorSerial uint32 `wire:"echo"`
	Remaining        uint8  // words of the path that were not used
	Reserved         uint8
}

func readManagerFailure(b []byte) (*ManagerFailure, bool) {
	r := reader{wire.NewReader(b)}
	f := &ManagerFailure{r.u16(), r.u16(), r.u32(), r.Uint8(), r.Uint8()}
	return f, r.Err() == nil && r.Len() == 0
}

func (f *ManagerFailure) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(le.AppendUint16(le.AppendUint16(b, f.Serial), f.Vendor), f.OriginatorSerial)
	return append(b, f.Remaining, f.Reserved)
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
