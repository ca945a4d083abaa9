package enip

import (
	"encoding/binary"
	"net/netip"

	"ringer/capture/wire"
)

// An Identity is what a device says of itself to ListIdentity (EIP, section 2-4.3.3).
type Identity struct {
	Version    uint16     // of the encapsulation: 1
	Family     uint16     // of the socket address: 2, AF_INET
	Port       uint16     `wire:"-"` // where the device is asked
	Address    netip.Addr `wire:"-"`
	Zero       [8]byte
	Vendor     uint16
	DeviceType uint16
	Product    uint16
	Major      uint8
	Minor      uint8
	Status     uint16
	Serial     uint32
	Name       string
	State      uint8
	Trailing   []byte
}

func (i *Identity) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(b, i.Version)
	b = binary.BigEndian.AppendUint16(b, i.Family)
	b = binary.BigEndian.AppendUint16(b, i.Port)
	var a [4]byte
	if i.Address.Is4() {
		a = i.Address.As4()
	}
	b = append(append(b, a[:]...), i.Zero[:]...)
	b = le.AppendUint16(b, i.Vendor)
	b = le.AppendUint16(b, i.DeviceType)
	b = le.AppendUint16(b, i.Product)
	b = append(b, i.Major, i.Minor)
	b = le.AppendUint16(b, i.Status)
	b = le.AppendUint32(b, i.Serial)
	name := i.Name[:min(len(i.Name), 255)]
	b = append(append(b, byte(len(name))), name...)
	return append(append(b, i.State), i.Trailing...)
}

func (i *Identity) read(b []byte) bool {
	r := reader{wire.NewReader(b)}
	i.Version = r.u16()
	i.Family, i.Port = r.Uint16(), r.Uint16()
	if a := r.Bytes(4); a != nil {
		i.Address = netip.AddrFrom4([4]byte(a))
	}
	copy(i.Zero[:], r.Bytes(8))
	i.Vendor, i.DeviceType, i.Product = r.u16(), r.u16(), r.u16()
	i.Major, i.Minor = r.Uint8(), r.Uint8()
	i.Status, i.Serial = r.u16(), r.u32()
	i.Name = string(r.Bytes(int(r.Uint8())))
	i.State = r.Uint8()
	i.Trailing = nonEmpty(r.Rest())
	return r.Err() == nil
}

// A ListIdentityReply answers ListIdentity.
type ListIdentityReply struct {
	Header
	Identities []Identity
}

func (m *ListIdentityReply) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = binary.LittleEndian.AppendUint16(m.begin(b, ListIdentity), uint16(len(m.Identities)))
	for i := range m.Identities {
		b = append(b, itemIdentity, 0, 0, 0)
		at := len(b)
		b = m.Identities[i].append(b)
		binary.LittleEndian.PutUint16(b[at-2:], uint16(len(b)-at))
	}
	return end(b, start)
}

func (m *ListIdentityReply) code() (Command, uint32) { return ListIdentity, m.Status }

// An Offer is one service in the answer to ListServices (EIP, section 2-4.2.3).
type Offer struct {
	Type    uint16 `wire:"id"` // 0x0100: communications
	Version uint16
	Flags   uint16   // bit 5: CIP over TCP; bit 8: class 0 and 1 over UDP
	Name    [16]byte // padded with zeros
}

// A ListServicesReply answers ListServices.
type ListServicesReply struct {
	Header
	Offers []Offer
}

func (m *ListServicesReply) Append(b []byte) ([]byte, error) {
	start, le := len(b), binary.LittleEndian
	b = le.AppendUint16(m.begin(b, ListServices), uint16(len(m.Offers)))
	for _, o := range m.Offers {
		b = le.AppendUint16(le.AppendUint16(b, o.Type), 20)
		b = le.AppendUint16(le.AppendUint16(b, o.Version), o.Flags)
		b = append(b, o.Name[:]...)
	}
	return end(b, start)
}

func (m *ListServicesReply) code() (Command, uint32) { return ListServices, m.Status }

func listReply(c Command, h Header, b []byte) wire.Message {
	items, ok := readItems(b)
	if !ok {
		return nil
	}
	switch c {
	case ListIdentity:
		m := &ListIdentityReply{Header: h}
		for _, i := range items {
			var id Identity
			if i.Type != itemIdentity || !id.read(i.Data) {
				return nil
			}
			m.Identities = append(m.Identities, id)
		}
		return m
	case ListServices:
		m := &ListServicesReply{Header: h}
		for _, i := range items {
			if len(i.Data) != 20 {
				return nil
			}
			le := binary.LittleEndian
			m.Offers = append(m.Offers, Offer{i.Type, le.Uint16(i.Data), le.Uint16(i.Data[2:]), [16]byte(i.Data[4:])})
		}
		return m
	}
	return &ListReply{h, c, items}
}
