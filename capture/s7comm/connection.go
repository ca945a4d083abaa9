package s7comm

import (
	"fmt"
	"math/bits"

	"ringer/capture/wire"
)

// Parameter codes of connection TPDUs, X.224 section 13.3.4.
const (
	ParamTPDUSize    = 0xC0
	ParamCallingTSAP = 0xC1
	ParamCalledTSAP  = 0xC2
)

// A Parameter is one of a connection TPDU, in the order sent.
type Parameter struct {
	Code  uint8 `wire:"id"`
	Value []byte
}

// A Connection is what connect requests and confirms consist of (X.224 sections 13.3 and 13.4).
type Connection struct {
	TPKTReserved uint8
	Credit       uint8
	ClassOption  uint8 // class in the high half, options in the low
	Parameters   []Parameter
	Rest         []byte // of the header, behind the parameters: a broken one
	Data         []byte // user data
}

// ConnectRequest asks for a connection.
type ConnectRequest struct {
	DestinationReference uint16
	SourceReference      uint16 `wire:"minted"`
	Connection
}

// ConnectConfirm grants it. The destination reference is the caller's source reference.
type ConnectConfirm struct {
	DestinationReference uint16 `wire:"echo"`
	SourceReference      uint16 `wire:"minted"`
	Connection
}

// Disconnect refuses or ends a connection (X.224 section 13.5).
type Disconnect struct {
	TPKTReserved         uint8
	DestinationReference uint16 `wire:"echo"`
	SourceReference      uint16 `wire:"minted"`
	Reason               uint8
	Rest                 []byte // additional parameters
	Data                 []byte
}

// DisconnectConfirm answers a disconnect request (X.224 section 13.6). Class 0 has no use for it, but some
// stacks send it before they close.
type DisconnectConfirm struct {
	TPKTReserved         uint8
	DestinationReference uint16
	SourceReference      uint16 `wire:"minted"`
	Rest                 []byte // additional parameters
	Data                 []byte
}

// TPDUError reports a TPDU that was not understood (X.224 section 13.12).
type TPDUError struct {
	TPKTReserved         uint8
	DestinationReference uint16 `wire:"echo"`
	Cause                uint8
	Rest                 []byte // the rejected TPDU
	Data                 []byte
}

// OtherTPDU is any that class 0 does not use.
type OtherTPDU struct {
	TPKTReserved uint8
	Code         uint8
	Head         []byte
	Data         []byte
}

// Class: a transport connection changes nothing in the device.
func (*ConnectRequest) Class() (string, wire.Effect) { return "connect", wire.Read }

// Class: ending the connection changes nothing in the device either.
func (*Disconnect) Class() (string, wire.Effect) { return "disconnect", wire.Read }

// Param finds a parameter by its code.
func (c *Connection) Param(code uint8) ([]byte, bool) {
	for _, p := range c.Parameters {
		if p.Code == code {
			return p.Value, true
		}
	}
	return nil, false
}

// CalledTSAP is the TSAP asked for: for a controller, connection type and rack and slot.
func (c *Connection) CalledTSAP() []byte {
	v, _ := c.Param(ParamCalledTSAP)
	return v
}

// TPDUSize is the size the parameter asks for, or 0 if there is none that means anything.
func (c *Connection) TPDUSize() int {
	v, ok := c.Param(ParamTPDUSize)
	if !ok || len(v) != 1 || v[0] < 7 || v[0] > 13 {
		return 0
	}
	return 1 << v[0]
}

// message decodes a TPDU that carries no S7 PDU.
func (t *tpdu) message() (wire.Message, error) {
	r := wire.NewReader(t.head)
	switch t.code {
	case tpduConnect:
		m := &ConnectRequest{DestinationReference: r.Uint16(), SourceReference: r.Uint16()}
		m.Connection.read(t, &r)
		return m, nil
	case tpduConfirm:
		m := &ConnectConfirm{DestinationReference: r.Uint16(), SourceReference: r.Uint16()}
		m.Connection.read(t, &r)
		return m, nil
	case tpduDisconnect:
		if t.low == 0 {
			m := &Disconnect{TPKTReserved: t.reserved, DestinationReference: r.Uint16(), SourceReference: r.Uint16(), Reason: r.Uint8()}
			m.Rest, m.Data = clone(r.Rest()), clone(t.data)
			return m, nil
		}
	case tpduDisconnOK:
		if t.low == 0 && r.Len() >= 4 {
			m := &DisconnectConfirm{TPKTReserved: t.reserved, DestinationReference: r.Uint16(), SourceReference: r.Uint16()}
			m.Rest, m.Data = clone(r.Rest()), clone(t.data)
			return m, nil
		}
	case tpduError:
		if t.low == 0 && r.Len() >= 3 {
			m := &TPDUError{TPKTReserved: t.reserved, DestinationReference: r.Uint16(), Cause: r.Uint8()}
			m.Rest, m.Data = clone(r.Rest()), clone(t.data)
			return m, nil
		}
	}
	return &OtherTPDU{TPKTReserved: t.reserved, Code: t.code | t.low, Head: clone(t.head), Data: clone(t.data)}, nil
}

func (c *Connection) read(t *tpdu, r *wire.Reader) {
	c.TPKTReserved, c.Credit, c.ClassOption = t.reserved, t.low, r.Uint8()
	rest := r.Rest()
	for len(rest) >= 2 && len(rest) >= 2+int(rest[1]) {
		n := 2 + int(rest[1])
		c.Parameters = append(c.Parameters, Parameter{rest[0], clone(rest[2:n])})
		rest = rest[n:]
	}
	c.Rest, c.Data = clone(rest), clone(t.data)
}

func (c *Connection) append(b []byte, code uint8, dst, src uint16) ([]byte, error) {
	start := len(b)
	b = append(b, tpktVersion, c.TPKTReserved, 0, 0, 0, code|c.Credit&0x0F, byte(dst>>8), byte(dst), byte(src>>8), byte(src), c.ClassOption)
	for _, p := range c.Parameters {
		if len(p.Value) > 0xFF {
			return nil, fmt.Errorf("s7comm: connection parameter 0x%02x: %d bytes are too many", p.Code, len(p.Value))
		}
		b = append(b, p.Code, byte(len(p.Value)))
		b = append(b, p.Value...)
	}
	b = append(b, c.Rest...)
	head := len(b)
	return closeTPDU(append(b, c.Data...), start, head)
}

// closeTPDU fills in the two lengths of a TPDU whose header ends at head.
func closeTPDU(b []byte, start, head int) ([]byte, error) {
	li, size := head-start-5, len(b)-start
	if li > 254 || size > 0xFFFF {
		return nil, fmt.Errorf("s7comm: COTP header of %d bytes in a TPKT of %d does not fit", li, size)
	}
	b[start+2], b[start+3], b[start+4] = byte(size>>8), byte(size), byte(li)
	return b, nil
}

func (m *ConnectRequest) Append(b []byte) ([]byte, error) {
	return m.Connection.append(b, tpduConnect, m.DestinationReference, m.SourceReference)
}

func (m *ConnectConfirm) Append(b []byte) ([]byte, error) {
	return m.Connection.append(b, tpduConfirm, m.DestinationReference, m.SourceReference)
}

func (m *Disconnect) Append(b []byte) ([]byte, error) {
	start := len(b)
	d, s := m.DestinationReference, m.SourceReference
	b = append(b, tpktVersion, m.TPKTReserved, 0, 0, 0, tpduDisconnect, byte(d>>8), byte(d), byte(s>>8), byte(s), m.Reason)
	b = append(b, m.Rest...)
	head := len(b)
	return closeTPDU(append(b, m.Data...), start, head)
}

func (m *DisconnectConfirm) Append(b []byte) ([]byte, error) {
	start := len(b)
	d, s := m.DestinationReference, m.SourceReference
	b = append(b, tpktVersion, m.TPKTReserved, 0, 0, 0, tpduDisconnOK, byte(d>>8), byte(d), byte(s>>8), byte(s))
	b = append(b, m.Rest...)
	head := len(b)
	return closeTPDU(append(b, m.Data...), start, head)
}

func (m *TPDUError) Append(b []byte) ([]byte, error) {
	start, d := len(b), m.DestinationReference
	b = append(b, tpktVersion, m.TPKTReserved, 0, 0, 0, tpduError, byte(d>>8), byte(d), m.Cause)
	b = append(b, m.Rest...)
	head := len(b)
	return closeTPDU(append(b, m.Data...), start, head)
}

func (m *OtherTPDU) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, tpktVersion, m.TPKTReserved, 0, 0, 0, m.Code)
	b = append(b, m.Head...)
	head := len(b)
	return closeTPDU(append(b, m.Data...), start, head)
}

// grantedSize is the code of the TPDU size agreed to: what is asked for, but none larger than size and none
// that has no meaning. What means nothing and is below the smallest gets that, which goes without saying.
func grantedSize(asked []byte, size int) byte {
	const least, most = 7, 13 // X.224 section 13.3.4 b
	if len(asked) != 1 {
		return least
	}
	limit := most
	if size > 0 {
		limit = bits.Len(uint(size)) - 1
	}
	return byte(max(least, min(int(asked[0]), limit, most)))
}

// Confirm grants a request: parameters as asked, in the order asked or the TPDU size first, no TPDU
// larger than size.
func (m *ConnectRequest) Confirm(reference uint16, size int, sizeFirst bool) *ConnectConfirm {
	c := &ConnectConfirm{DestinationReference: m.SourceReference, SourceReference: reference}
	c.ClassOption = m.ClassOption & 0x0F // class 0, whatever was asked for
	for _, p := range m.Parameters {
		switch p.Code {
		case ParamTPDUSize:
			p.Value = []byte{grantedSize(p.Value, size)}
			if sizeFirst {
				c.Parameters = append([]Parameter{p}, c.Parameters...)
				continue
			}
		case ParamCallingTSAP, ParamCalledTSAP:
		default:
			continue // alternatives and options that class 0 has not
		}
		c.Parameters = append(c.Parameters, p)
	}
	return c
}
