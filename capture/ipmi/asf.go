package ipmi

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// asfEnterprise is the number of the Alarm Standards Forum, in every message of it.
const asfEnterprise = 4542

const (
	asfPing = 0x80
	asfPong = 0x40
)

// A Ping asks who is there (section 13.2.3; DSP0136, section 3.2.4.3).
type Ping struct {
	RMCP
	Tag      uint8 `wire:"echo"`
	Reserved uint8
}

// A Pong says what is there (section 13.2.4).
type Pong struct {
	RMCP
	Tag          uint8 `wire:"echo"`
	Reserved     uint8
	Enterprise   uint32 // of whoever defines OEM; 4542: nobody
	OEM          uint32
	Entities     uint8 // 0x81: IPMI is supported, ASF version 1
	Interactions uint8
	Unused       []byte // six bytes
}

// Class: asking who is there changes nothing.
func (*Ping) Class() (string, wire.Effect) { return "ping", wire.Read }

const pongUnused = 6

func (c *Conn) readASF(head RMCP, b []byte) wire.Message {
	r := wire.NewReader(b)
	if r.Uint32() != asfEnterprise {
		return nil
	}
	kind, tag, reserved, n := r.Uint8(), r.Uint8(), r.Uint8(), r.Uint8()
	if r.Err() != nil || int(n) != r.Len() {
		return nil
	}
	switch {
	case kind == asfPing && n == 0:
		m := &c.ping
		if !c.reuse {
			m = new(Ping)
		}
		*m = Ping{head, tag, reserved}
		return m
	case kind == asfPong && n == 10+pongUnused:
		m := &Pong{RMCP: head, Tag: tag, Reserved: reserved}
		m.Enterprise, m.OEM, m.Entities, m.Interactions, m.Unused = r.Uint32(), r.Uint32(), r.Uint8(), r.Uint8(), r.Copy(pongUnused)
		return m
	}
	return nil
}

func (m *Ping) Append(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint32(m.append(b), asfEnterprise)
	return append(b, asfPing, m.Tag, m.Reserved, 0), nil
}

func (m *Pong) Append(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint32(m.append(b), asfEnterprise)
	b = append(b, asfPong, m.Tag, m.Reserved, byte(10+len(m.Unused)))
	b = binary.BigEndian.AppendUint32(b, m.Enterprise)
	b = binary.BigEndian.AppendUint32(b, m.OEM)
	return append(append(b, m.Entities, m.Interactions), m.Unused...), nil
}
