package clone

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ringer/capture/enip"
	"ringer/capture/wire"
)

// lists asks what needs no session: who the device is, what services it has, and what interfaces.
func (a *enipAsking) lists() error {
	a.expect(3)
	for _, command := range []enip.Command{enip.ListIdentity, enip.ListServices, enip.ListInterfaces} {
		m := &enip.List{Header: a.header(), Command: command}
		replies, err := a.talk.ask(a.ctx, m)
		switch {
		case err == nil:
		case errors.Is(err, ErrGone), !goOn(err):
			return err
		default:
			a.remark(NotThere, "%s: no answer", command)
			continue
		}
		if command == enip.ListIdentity {
			a.life, _ = m.Append(nil)
		}
		for _, r := range replies {
			a.listed(r)
		}
	}
	return nil
}

func (a *enipAsking) listed(m wire.Message) {
	switch m := m.(type) {
	case *enip.ListIdentityReply:
		for _, i := range m.Identities {
			maker := enip.VendorName(i.Vendor)
			if maker == "" {
				maker = fmt.Sprintf("vendor %d", i.Vendor)
			}
			a.remark(Fact, "%s %q, revision %d.%d, serial number %08x", maker, i.Name, i.Major, i.Minor, i.Serial)
		}
	case *enip.ListServicesReply:
		for _, o := range m.Offers {
			if o.Flags&0x20 == 0 {
				a.remark(Fact, "does not offer CIP over TCP")
			}
		}
	}
}

// modules finds which ways lead to something: the device itself, and what is behind it. A way that leads back
// to the device is asked no further.
func (a *enipAsking) modules() error {
	a.expect(1 + len(a.Ways))
	for i, name := range append([]string{""}, a.Ways...) {
		way, _ := parseENIPWay(name)
		if i == 0 {
			way = nil
		}
		a.way = way
		q := enip.Request{Service: enip.GetAttributesAll, Path: enip.ObjectPath(enip.ClassIdentity, 1)}
		r, err := a.ask(q)
		switch {
		case err != nil:
			return err
		case r == nil:
			if i > 0 {
				a.remark(NotThere, "way %s: no answer", name)
				continue
			}
			a.remark(NotThere, "requests without a connection: no answer")
		case enipFailed(q.Service, r):
			a.remark(NotThere, "way %s: status %02X %04X", name, r.Status, r.Extended)
			continue
		}
		m := enipWayed{way: way, name: name}
		if r != nil && r.Status == enip.Success {
			m.identity = r.Data
		}
		if i > 0 {
			a.remark(Fact, "way %s leads to %s", name, enipModuleName(m.identity))
		}
		a.found = append(a.found, m)
	}
	return nil
}

func enipModuleName(b []byte) string {
	if len(b) < 15 || len(b) < 15+int(b[14]) {
		return "a module that does not say what it is"
	}
	return fmt.Sprintf("%q, serial number %08x", b[15:15+int(b[14])], binary.LittleEndian.Uint32(b[10:]))
}
