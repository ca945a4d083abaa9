package emulate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"ringer/profiles"
)

// addressesFor gives every device an address of its own.
func addressesFor(devices []*profiles.Device, opt Options) ([]netip.Addr, error) {
	used := map[netip.Addr]string{}
	out := make([]netip.Addr, len(devices))
	mapped := map[string]bool{}
	for i, dev := range devices {
		a, ok := opt.Map[dev.ID]
		if !ok {
			continue
		}
		if other, taken := used[a]; taken {
			return nil, fmt.Errorf("%s and %s are both mapped to %s: give each device an address of its own", other, dev.ID, a)
		}
		used[a], out[i], mapped[dev.ID] = dev.ID, a.Unmap(), true
	}
	for id := range opt.Map {
		if !mapped[id] {
			return nil, fmt.Errorf("no device is called %q; there are %s", id, deviceIDs(devices))
		}
	}
	p, err := poolOf(opt.Bind)
	if err != nil {
		return nil, err
	}
	for i, dev := range devices {
		if mapped[dev.ID] {
			continue
		}
		a, ok := p.take(used)
		if !ok {
			return nil, fmt.Errorf("%s has no address for %s: bind to a larger prefix, or map the device to an address", opt.Bind, dev.ID)
		}
		used[a], out[i] = dev.ID, a
	}
	return out, nil
}

func deviceIDs(devices []*profiles.Device) string {
	var ids []string
	for _, d := range devices {
		ids = append(ids, d.ID)
	}
	return strings.Join(ids, ", ")
}

// pool hands out the addresses of a prefix in order.
type pool struct {
	prefix netip.Prefix
	next   netip.Addr
}

// poolOf reads "192.0.2.7", "192.0.2.0/24" (from .1 up), "192.0.2.7/24" (from .7 up), or nothing:
// loopback from 127.0.0.2 up, as 127.0.0.1 is everybody's.
func poolOf(bind string) (pool, error) {
	if bind == "" {
		bind = "127.0.0.2/8"
	}
	if !strings.Contains(bind, "/") {
		a, err := netip.ParseAddr(bind)
		if err != nil {
			return pool{}, fmt.Errorf("bind to %q: want an address or a prefix such as 127.0.0.0/8: %w", bind, err)
		}
		a = a.Unmap()
		return pool{netip.PrefixFrom(a, a.BitLen()), a}, nil
	}
	p, err := netip.ParsePrefix(bind)
	if err != nil {
		return pool{}, fmt.Errorf("bind to %q: want an address or a prefix such as 127.0.0.0/8: %w", bind, err)
	}
	next := p.Addr()
	if next == p.Masked().Addr() && p.Bits() < next.BitLen()-1 {
		next = next.Next() // the prefix itself is no host
		if p.Masked() == netip.MustParsePrefix("127.0.0.0/8") {
			next = next.Next()
		}
	}
	return pool{p.Masked(), next}, nil
}

func (p *pool) take(used map[netip.Addr]string) (netip.Addr, bool) {
	for ; p.next.IsValid() && p.prefix.Contains(p.next); p.next = p.next.Next() {
		if _, taken := used[p.next]; taken || p.isBroadcast(p.next) {
			continue
		}
		return p.next, true
	}
	return netip.Addr{}, false
}

func (p *pool) isBroadcast(a netip.Addr) bool {
	return a.Is4() && p.prefix.Bits() < 31 && !p.prefix.Contains(a.Next())
}

// bind binds every port of every device, all with the same offset.
func (d *Decoy) bind() error {
	d.makeDoors()
	offsets := []int{d.opt.PortOffset}
	if d.opt.PortOffset < 0 {
		offsets = []int{0, 10000, 12000, 14000, 16000, 18000, 20000, 8000, 6000, 4000, 2000, 1000}
	}
	var first error
	for _, n := range offsets {
		if d.highest()+n > 65535 {
			continue
		}
		err := d.bindAll(n)
		if err == nil {
			d.offset, d.why = n, first
			if first != nil {
				d.log.Warn("a port cannot be bound: all ports are moved", "offset", n, "reason", first)
			}
			return nil
		}
		if first == nil {
			first = err
		}
		if d.opt.PortOffset >= 0 || !errors.Is(err, os.ErrPermission) && !errors.Is(err, syscall.EADDRINUSE) {
			return advise(err)
		}
	}
	if first == nil {
		return fmt.Errorf("port offset %d: port %d would be above 65535", d.opt.PortOffset, d.highest())
	}
	return fmt.Errorf("no port offset helps: %w", first)
}

func advise(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine does not have the address; bind to one it has, or add it to an interface", err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: choose a port offset, or run with CAP_NET_BIND_SERVICE", err)
	}
	return err
}

// makeDoors finds which services share a port.
func (d *Decoy) makeDoors() {
	for _, r := range d.devices {
		moved := map[string]bool{}
		for _, s := range r.services {
			o := &door{decoy: d, at: netip.AddrPortFrom(r.address, s.port.Number), udp: s.port.UDP}
			name, key := s.proto.Name(), s.proto.Name()+"/"+s.port.Network()
			if n, ok := d.opt.Ports[name]; ok && !moved[key] {
				moved[key] = true
				o.fixed, o.at = true, netip.AddrPortFrom(r.address, n)
			}
			same := func(x *door) bool {
				return x.at == o.at && x.udp == o.udp && x.fixed == o.fixed && o.at.Port() != 0
			}
			if i := slices.IndexFunc(d.doors, same); i >= 0 {
				o = d.doors[i]
			} else {
				d.doors = append(d.doors, o)
			}
			o.services = append(o.services, s)
		}
	}
}

// highest is the highest port that an offset is added to.
func (d *Decoy) highest() (port int) {
	for _, o := range d.doors {
		if !o.fixed {
			port = max(port, int(o.at.Port()))
		}
	}
	return port
}

// bindAll binds all doors or none.
func (d *Decoy) bindAll(offset int) error {
	for _, o := range d.doors {
		if err := o.bind(offset); err != nil {
			for _, p := range d.doors {
				p.close()
			}
			clear(d.own)
			return err
		}
		if o.udp {
			d.own[o.address()] = true
		}
	}
	return nil
}

func (o *door) bind(offset int) error {
	at := o.at
	if !o.fixed {
		at = netip.AddrPortFrom(at.Addr(), at.Port()+uint16(offset))
	}
	family := "6"
	if at.Addr().Is4() {
		family = "4"
	}
	// No keep-alives: devices like these seldom send any, and idle connections end by themselves.
	lc := net.ListenConfig{KeepAlive: -1}
	what := fmt.Sprintf("%s: %s", o.services[0].device, o.services[0].proto.Name())
	if o.udp {
		c, err := lc.ListenPacket(context.Background(), "udp"+family, at.String())
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		o.packets = c.(*net.UDPConn)
		return o.bindBroadcast()
	}
	l, err := lc.Listen(context.Background(), "tcp"+family, at.String())
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	o.tcp = l.(*net.TCPListener)
	return nil
}

// address is where the door was bound.
func (o *door) address() netip.AddrPort {
	var a netip.AddrPort
	if o.udp {
		a = o.packets.LocalAddr().(*net.UDPAddr).AddrPort()
	} else {
		a = o.tcp.Addr().(*net.TCPAddr).AddrPort()
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// close unbinds the door. A UDP port that is being served is only told to end: its goroutine closes it
// when the answers that wait have been sent.
func (o *door) close() error {
	var err error
	switch {
	case o.tcp != nil:
		err = o.tcp.Close()
	case o.packets != nil && o.serving:
		err = o.packets.SetReadDeadline(time.Now())
		for _, c := range o.casts {
			c.pc.SetReadDeadline(time.Now())
		}
	case o.packets != nil:
		err = o.packets.Close()
		for _, c := range o.casts {
			c.pc.Close()
		}
		o.casts = nil
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("%s: %w", o.at, err)
	}
	return nil
}
