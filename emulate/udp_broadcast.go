package emulate

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"ringer/capture/wire"
)

// A Broadcaster is a service that can be asked by broadcast.
type Broadcaster interface {
	// ByBroadcast says whether devices answer a request that came by broadcast.
	ByBroadcast(m wire.Message) bool
	// ToBroadcast says whether a message is said to everybody.
	ToBroadcast(m wire.Message) bool
}

func byBroadcast(s Service, m wire.Message) bool {
	b, ok := s.(Broadcaster)
	return ok && b.ByBroadcast(m)
}

// A castPort is a socket for what is sent to a broadcast address. A socket that is bound to one address of the
// machine does not hear that.
type castPort struct {
	pc    *net.UDPConn
	iface int // only what comes over this interface
}

func (c *castPort) takes(to arrival) bool { return to.iface == 0 || to.iface == c.iface }

// everybody is the broadcast address of whatever network a machine is on.
var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// bindBroadcast binds what a door needs to be asked by broadcast, if that is wanted and a service behind it
// can be.
func (o *door) bindBroadcast() error {
	can := slices.ContainsFunc(o.services, func(s *served) bool { _, ok := s.service.(Broadcaster); return ok })
	at := o.address()
	if !o.decoy.opt.Broadcast || !can || !at.Addr().Is4() || at.Addr().IsUnspecified() {
		return nil // what is bound to no address hears broadcasts, too
	}
	n, iface, err := networkOf(at.Addr())
	if err != nil {
		return fmt.Errorf("broadcasts on %s: %w", at, err)
	}
	wide := lastOf(n)
	for _, a := range []netip.Addr{wide, everybody} {
		pc, err := listenBroadcast(netip.AddrPortFrom(a, at.Port()))
		if err != nil {
			return fmt.Errorf("broadcasts on %s: %w", at, err)
		}
		o.casts = append(o.casts, &castPort{pc, iface})
	}
	o.wide = netip.AddrPortFrom(wide, at.Port())
	return nil
}

// networkOf finds the network that an address of this machine is on.
func networkOf(a netip.Addr) (netip.Prefix, int, error) {
	all, err := net.Interfaces()
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	for _, i := range all {
		addresses, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, x := range addresses {
			p, err := netip.ParsePrefix(x.String())
			if err == nil && p.Addr().Unmap().Is4() && p.Masked().Contains(a) {
				return p.Masked(), i.Index, nil
			}
		}
	}
	return netip.Prefix{}, 0, fmt.Errorf("no interface is on the network of %s", a)
}

// lastOf is the broadcast address of a network.
func lastOf(n netip.Prefix) netip.Addr {
	b := n.Addr().As4()
	for i := n.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// broadcastOf is the broadcast address of the network that an address is on.
func broadcastOf(a netip.Addr) netip.Addr {
	if n, _, err := networkOf(a); err == nil {
		return lastOf(n)
	}
	return everybody
}

// isBroadcast says whether an address means everybody, on whatever network.
func isBroadcast(a netip.Addr) bool {
	return a == everybody || a.IsMulticast() || broadcastOf(a) == a
}

// newCastPort answers what is asked of everybody, from the door's own address.
func newCastPort(o *door, c *castPort) *udpPort {
	u := newUDPPort(o)
	u.pc, u.casts, u.cast = c.pc, c, true
	w, err := newWildcard(c.pc, everybody)
	if err != nil {
		u.decoy.log.Warn("broadcasts of other networks may be answered, too", "address", u.local, "error", err)
	} else {
		u.wild = w
	}
	return u
}

// broadcastsMost is how many messages a second a port says to everybody.
const broadcastsMost = 100

// destination is where a message of an answer goes: to who asked, or to everybody. Invalid: everybody was told
// enough.
func (u *udpPort) destination(p *udpPeer, i int) netip.AddrPort {
	if !u.decoy.opt.Broadcast || !u.wide.IsValid() || i >= len(p.d.wide) || !p.d.wide[i] {
		return p.addr
	}
	if u.told.perSecond == 0 {
		u.told.perSecond = broadcastsMost
	}
	b := u.told.bucket(u.wide.Addr(), u.at)
	if b.tokens < 1 {
		return netip.AddrPort{}
	}
	b.tokens--
	return u.wide
}
