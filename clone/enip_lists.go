package clone

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/capture/wire"
	"ringer/profiles"
)

// unasked: what was broadcast is answered from the device's own address, which the question never named. It
// tells the identity all the same. I/O data are sent without being asked.
func (l *enipLearner) unasked(x *capture.Exchange) {
	for _, m := range x.Replies {
		switch m := m.(type) {
		case *enip.ListIdentityReply:
			l.identity(x, m)
		case *enip.ListServicesReply:
			l.services(x, m)
		case *enip.IO:
			l.io(x, m)
		}
	}
}

// list learns the answer to a list command.
func (l *enipLearner) list(x *capture.Exchange, reply wire.Message) bool {
	q := x.Request.(*enip.List)
	plain := func(h *enip.Header) bool {
		return h.Status == enip.StatusSuccess && h.Options == 0 && h.Session == q.Session && h.Context == q.Context
	}
	switch r := reply.(type) {
	case *enip.ListIdentityReply:
		return plain(&r.Header) && l.identity(x, r)
	case *enip.ListServicesReply:
		return plain(&r.Header) && l.services(x, r)
	case *enip.ListReply:
		if !plain(&r.Header) || r.Command != q.Command {
			return false
		}
		var b []byte
		for _, i := range r.Items {
			b = binary.LittleEndian.AppendUint16(b, i.Type)
			b = binary.LittleEndian.AppendUint16(b, uint16(len(i.Data)))
			b = append(b, i.Data...)
		}
		l.sample(fmt.Sprintf("list 0x%04X", uint16(r.Command)), b, false, x)
		return true
	}
	return false
}

// identity learns what a device says it is; false if it said something else before.
func (l *enipLearner) identity(x *capture.Exchange, m *enip.ListIdentityReply) bool {
	if len(m.Identities) != 1 {
		return false
	}
	i := &m.Identities[0]
	if i.Family != 2 || i.Zero != [8]byte{} || i.Version == 0 || i.Port != x.Server.Port() && i.Port != 0xAF12 {
		return false
	}
	id := profiles.ENIPIdentity{
		Vendor: i.Vendor, Type: i.DeviceType, Product: i.Product, Revision: fmt.Sprintf("%d.%d", i.Major, i.Minor),
		Status: i.Status, Serial: i.Serial, Name: i.Name, Trailing: hex.EncodeToString(i.Trailing),
	}
	if i.State != 3 {
		id.State = &i.State
	}
	if i.Version != 1 {
		id.Version = i.Version
	}
	address := i.Address.String()
	if i.Address == x.Server.Addr().Unmap() {
		address = ""
	}
	if l.section.Identity == nil {
		l.s.Saw(l.s.fact("identity"), x)
		l.section.Identity, l.section.Address = &id, address
		return true
	}
	return sameIdentity(l.section.Identity, &id) && address == l.section.Address
}

func sameIdentity(a, b *profiles.ENIPIdentity) bool {
	x, y := *a, *b
	same := (x.State == nil) == (y.State == nil) && (x.State == nil || *x.State == *y.State)
	x.State, y.State = nil, nil
	return same && x == y
}

func (l *enipLearner) services(x *capture.Exchange, m *enip.ListServicesReply) bool {
	var offers []profiles.ENIPOffer
	for _, o := range m.Offers {
		name := strings.TrimRight(string(o.Name[:]), "\x00")
		if strings.Contains(name, "\x00") || o.Type == 0 || o.Version == 0 {
			return false
		}
		offer := profiles.ENIPOffer{Name: name, Flags: o.Flags}
		if o.Type != 0x100 {
			offer.Type = o.Type
		}
		if o.Version != 1 {
			offer.Version = o.Version
		}
		offers = append(offers, offer)
	}
	if len(offers) == 0 {
		return false
	}
	if l.section.Offers == nil {
		l.s.Saw(l.s.fact("services"), x)
		l.section.Offers = offers
		return true
	}
	if len(offers) != len(l.section.Offers) {
		return false
	}
	for i := range offers {
		if offers[i] != l.section.Offers[i] {
			return false
		}
	}
	return true
}

// identify tells the device who it is, if nobody has.
func (l *enipLearner) identify(dev *profiles.Device) {
	id := l.section.Identity
	if id == nil {
		id = l.identityObject()
	}
	if id == nil {
		return
	}
	to := &dev.Identity
	if to.Vendor == "" {
		to.Vendor = enip.VendorName(id.Vendor)
	}
	if to.Model == "" {
		to.Model = id.Name
	}
	if to.Firmware == "" {
		to.Firmware = id.Revision
	}
	if to.Serial == "" {
		to.Serial = fmt.Sprintf("%08x", id.Serial)
	}
}

// identityObject reads the device's own Identity object, where that was asked and ListIdentity was not.
func (l *enipLearner) identityObject() *profiles.ENIPIdentity {
	c := l.cells[profiles.ENIPAsk(uint8(enip.GetAttributesAll), enip.ObjectPath(enip.ClassIdentity, 1), nil)]
	if c == nil {
		return nil
	}
	a, err := profiles.ParseENIPAnswer(c.track.Last().Value)
	if err != nil || a.Status != enip.Success || len(a.Data) < 15 || len(a.Data) < 15+int(a.Data[14]) {
		return nil
	}
	le, b := binary.LittleEndian, a.Data
	return &profiles.ENIPIdentity{
		Vendor: le.Uint16(b), Type: le.Uint16(b[2:]), Product: le.Uint16(b[4:]), Revision: fmt.Sprintf("%d.%d", b[6], b[7]),
		Status: le.Uint16(b[8:]), Serial: le.Uint32(b[10:]), Name: string(b[15 : 15+int(b[14])]),
	}
}
