package bacnet

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"ringer/capture/wire"
)

// linkType begins every datagram of BACnet/IP (Annex J.2.1.1).
const linkType = 0x81

// A Function says what the virtual link layer does with a datagram (Annex J.2).
type Function uint8

const (
	LinkResult            Function = 0x00
	WriteBroadcastTable   Function = 0x01
	ReadBroadcastTable    Function = 0x02
	ReadBroadcastTableAck Function = 0x03
	ForwardedNPDU         Function = 0x04
	RegisterForeignDevice Function = 0x05
	ReadForeignTable      Function = 0x06
	ReadForeignTableAck   Function = 0x07
	DeleteForeignEntry    Function = 0x08
	DistributeBroadcast   Function = 0x09
	OriginalUnicast       Function = 0x0a
	OriginalBroadcast     Function = 0x0b
	SecureBVLL            Function = 0x0c

	functionMax = SecureBVLL
)

var functionNames = [...]string{"result", "write broadcast table", "read broadcast table", "read broadcast table ack", "forwarded",
	"register foreign device", "read foreign devices", "read foreign devices ack", "delete foreign device", "distribute broadcast",
	"unicast", "broadcast", "secure"}

func (f Function) String() string {
	if int(f) < len(functionNames) {
		return functionNames[f]
	}
	return fmt.Sprintf("function 0x%02x", uint8(f))
}

// carries says whether a network layer follows.
func (f Function) carries() bool {
	switch f {
	case ForwardedNPDU, DistributeBroadcast, OriginalUnicast, OriginalBroadcast:
		return true
	}
	return false
}

// carriesNetwork says whether the network layer's version is where it must be.
func carriesNetwork(b []byte) bool {
	at := 4
	if Function(b[1]) == ForwardedNPDU {
		at = 10
	}
	return len(b) > at && b[at] == networkVersion
}

// A Link is the header of the virtual link layer.
type Link struct {
	Function Function
	Length   uint16         `wire:"sum"`
	Origin   netip.AddrPort // whose datagram is forwarded

	wrong int // how much more than there is the length says
}

func (l *Link) read(r *wire.Reader) {
	r.Uint8()
	l.Function = Function(r.Uint8())
	l.Length = r.Uint16()
	if l.Function == ForwardedNPDU {
		l.Origin = readAddress(r)
	}
}

// begin appends the header; end puts the length into it.
func (l *Link) begin(b []byte) []byte {
	b = append(b, linkType, byte(l.Function), 0, 0)
	if l.Function == ForwardedNPDU {
		b = appendAddress(b, l.Origin)
	}
	return b
}

func (l *Link) end(b []byte, at int) ([]byte, error) {
	n := len(b) - at + l.wrong
	if n > 0xffff {
		return b[:at], fmt.Errorf("bacnet: a datagram of %d bytes", n)
	}
	binary.BigEndian.PutUint16(b[at+2:], uint16(n))
	return b, nil
}

// readAddress reads a B/IP address: four bytes and a port (Annex J.1.2).
func readAddress(r *wire.Reader) netip.AddrPort {
	a := r.Bytes(4)
	port := r.Uint16()
	if r.Err() != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a)), port)
}

func appendAddress(b []byte, a netip.AddrPort) []byte {
	var x [4]byte
	if ip := a.Addr().Unmap(); ip.Is4() {
		x = ip.As4()
	}
	return binary.BigEndian.AppendUint16(append(b, x[:]...), a.Port())
}

// LinkAddress is a B/IP address as a station's.
func LinkAddress(a netip.AddrPort) []byte { return appendAddress(nil, a) }

// A LinkMessage is said between link layers alone.
type LinkMessage struct {
	Header
	Result  ResultCode      // of LinkResult
	TTL     uint16          // of RegisterForeignDevice: seconds
	Peers   []BroadcastPeer // of the broadcast distribution table
	Foreign []ForeignDevice // of the foreign device table
	Address netip.AddrPort  // of DeleteForeignEntry
	Secure  []byte          // what SecureBVLL wraps
}

// A ResultCode is 0, or says what was refused (Annex J.2.1).
type ResultCode uint16

const (
	ResultOK                 ResultCode = 0x0000
	WriteBroadcastTableNAK   ResultCode = 0x0010
	ReadBroadcastTableNAK    ResultCode = 0x0020
	RegisterForeignDeviceNAK ResultCode = 0x0030
	ReadForeignTableNAK      ResultCode = 0x0040
	DeleteForeignEntryNAK    ResultCode = 0x0050
	DistributeBroadcastNAK   ResultCode = 0x0060
)

// A BroadcastPeer is an entry of the broadcast distribution table (Annex J.2.2).
type BroadcastPeer struct {
	Address netip.AddrPort
	Mask    [4]byte
}

// A ForeignDevice is an entry of the foreign device table (Annex J.2.8).
type ForeignDevice struct {
	Address   netip.AddrPort
	TTL       uint16
	Remaining uint16 `wire:"clock"`
}

func (m *LinkMessage) read(r *wire.Reader) {
	switch m.Link.Function {
	case LinkResult:
		m.Result = ResultCode(r.Uint16())
	case RegisterForeignDevice:
		m.TTL = r.Uint16()
	case WriteBroadcastTable, ReadBroadcastTableAck:
		for r.Len() > 0 && r.Err() == nil {
			p := BroadcastPeer{Address: readAddress(r)}
			copy(p.Mask[:], r.Bytes(4))
			m.Peers = append(m.Peers, p)
		}
	case ReadForeignTableAck:
		for r.Len() > 0 && r.Err() == nil {
			m.Foreign = append(m.Foreign, ForeignDevice{readAddress(r), r.Uint16(), r.Uint16()})
		}
	case DeleteForeignEntry:
		m.Address = readAddress(r)
	case SecureBVLL:
		m.Secure = r.Rest()
	}
	if r.Len() > 0 {
		r.Fail(errNotBACnet)
	}
}

// Append appends the datagram to b.
func (m *LinkMessage) Append(b []byte) ([]byte, error) {
	at := len(b)
	b = m.Link.begin(b)
	switch m.Link.Function {
	case LinkResult:
		b = binary.BigEndian.AppendUint16(b, uint16(m.Result))
	case RegisterForeignDevice:
		b = binary.BigEndian.AppendUint16(b, m.TTL)
	case WriteBroadcastTable, ReadBroadcastTableAck:
		for _, p := range m.Peers {
			b = append(appendAddress(b, p.Address), p.Mask[:]...)
		}
	case ReadForeignTableAck:
		for _, f := range m.Foreign {
			b = binary.BigEndian.AppendUint16(appendAddress(b, f.Address), f.TTL)
			b = binary.BigEndian.AppendUint16(b, f.Remaining)
		}
	case DeleteForeignEntry:
		b = appendAddress(b, m.Address)
	case SecureBVLL:
		b = append(b, m.Secure...)
	}
	return m.Link.end(b, at)
}

// Class is the class of the request.
func (m *LinkMessage) Class() (string, wire.Effect) {
	switch f := m.Link.Function; f {
	case ReadBroadcastTable, ReadForeignTable, LinkResult, ReadBroadcastTableAck, ReadForeignTableAck:
		return f.String(), wire.Read
	case RegisterForeignDevice, DeleteForeignEntry, WriteBroadcastTable:
		return f.String(), wire.Write
	default:
		return f.String(), wire.Control
	}
}
