package emulate

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

// A udpPort answers the datagrams of a door, in one goroutine. Answers that are to take their time are
// sent by another, so that no peer waits for another's.
type udpPort struct {
	decoy   *Decoy
	door    *door
	pc      *net.UDPConn
	local   netip.AddrPort
	limits  profiles.Limits
	rate    rateLimit
	peers   map[netip.AddrPort]*udpPeer
	ring    udpPeer    // of all peers, the one heard last first
	ticking []*udpPeer // those that will say something unasked
	later   *outbox    // nil: all is sent at once
	wild    *wildcard  // nil: bound to one address
	sender  *net.UDPConn
	casts   *castPort      // nil: the port is not for broadcasts
	cast    bool           // the datagram in hand was broadcast
	wide    netip.AddrPort // where broadcasts go; invalid: to who asked
	told    rateLimit      // of broadcasts

	in    []byte
	out   []byte
	turns [1]turn
	at    time.Time // when the datagram in hand came, by the machine's clock
	stamp time.Time // the same by the decoy's clock
	armed time.Time // the read deadline
}

// A udpPeer is one session. Peers are kept in the order in which they were heard, so that the longest
// silent makes room for a new one, however many addresses a flood pretends to come from.
type udpPeer struct {
	addr       netip.AddrPort
	local      netip.AddrPort
	d          *dialogue
	heard      time.Time
	free       time.Time // when the device is done with the last request
	prev, next *udpPeer
}

// An attentive session is one that may have something to say to a peer that says nothing for long.
type attentive interface{ Attends(now time.Time) bool }

const maxDatagram = 65535

func newUDPPort(o *door) *udpPort {
	u := &udpPort{
		decoy: o.decoy, door: o, pc: o.packets, sender: o.packets, wide: o.wide, local: o.address(), limits: o.services[0].limits,
		peers: map[netip.AddrPort]*udpPeer{}, in: make([]byte, maxDatagram),
	}
	u.rate.perSecond = u.limits.Rate
	u.ring.prev, u.ring.next = &u.ring, &u.ring
	for _, s := range o.services {
		if s.pace != nil {
			u.later = newOutbox(u.decoy.naps, u.transmit)
			break
		}
	}
	if u.local.Addr().IsUnspecified() {
		w, err := newWildcard(u.pc, u.local.Addr())
		if err != nil {
			u.decoy.log.Warn("answers may leave from another address than was asked", "address", u.local, "error", err)
		} else {
			u.wild = w
		}
	}
	return u
}

// serve answers until the decoy closes.
func (u *udpPort) serve() {
	defer u.close()
	for {
		u.arm()
		if u.decoy.isClosing() {
			return
		}
		n, from, local, err := u.receive()
		u.tell()
		switch {
		case err == nil && u.cast && u.casts == nil && !u.decoy.opt.Broadcast:
			// It was for everybody, and nobody asked for that.
		case err == nil:
			u.datagram(u.in[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), local)
		case errors.Is(err, os.ErrDeadlineExceeded):
			u.due()
		case errors.Is(err, net.ErrClosed):
			return
		default: // an ICMP error that an earlier answer met
			if !u.decoy.sleep(time.Millisecond) {
				return
			}
		}
	}
}

// receive reads a datagram; local is where it was sent to.
func (u *udpPort) receive() (n int, from, local netip.AddrPort, err error) {
	if u.wild == nil {
		n, from, err = u.pc.ReadFromUDPAddrPort(u.in)
		return n, from, u.local, err
	}
	for {
		n, from, to, err := u.wild.read(u.in)
		if u.casts != nil {
			if err == nil && !u.casts.takes(to) {
				continue // from another network
			}
			return n, from, u.local, err
		}
		if !to.local.IsValid() {
			to.local = u.local.Addr()
		}
		if u.cast = to.cast; u.cast && u.decoy.opt.Broadcast {
			u.wide = netip.AddrPortFrom(broadcastOf(to.local), u.local.Port())
		}
		return n, from, netip.AddrPortFrom(to.local, u.local.Port()), err
	}
}

// An arrival is how a datagram came.
type arrival struct {
	local netip.Addr // of this machine's addresses, the one it came to
	iface int
	cast  bool // it was broadcast
}

// transmit sends a datagram from the address that was asked.
func (u *udpPort) transmit(b []byte, from netip.Addr, to netip.AddrPort) error {
	if u.wild != nil && u.casts == nil {
		return u.wild.write(b, from, to)
	}
	_, err := u.sender.WriteToUDPAddrPort(b, to)
	return err
}

// tell takes the time.
func (u *udpPort) tell() {
	u.at = time.Now()
	u.stamp = u.at
	if u.decoy.opt.Now != nil {
		u.stamp = u.decoy.opt.Now()
	}
}

func (u *udpPort) close() {
	for u.ring.prev != &u.ring {
		u.drop(u.ring.prev)
	}
	if u.rate.buckets != nil {
		for i := range u.rate.buckets {
			if b := &u.rate.buckets[i]; b.refused > 0 {
				u.noteRefused(b)
			}
		}
	}
	if u.later != nil {
		u.later.close()
	}
	u.pc.Close()
}

// arm sets the read deadline to when the next peer has been silent for too long, or has something to
// say; with nobody there, to none. It moves it only when it must come sooner or has passed.
func (u *udpPort) arm() {
	var next time.Time
	if old := u.ring.prev; old != &u.ring {
		next = old.heard.Add(u.limits.Idle)
	}
	for _, p := range u.ticking {
		if t := u.at.Add(p.d.tick.Sub(u.stamp)); next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if next.IsZero() && u.armed.IsZero() || u.armed.After(u.at) && !next.Before(u.armed) {
		return
	}
	u.armed = next
	u.pc.SetReadDeadline(next)
}

// due says what sessions say unasked, and forgets the peers that have been silent for too long.
func (u *udpPort) due() {
	for _, p := range slices.Clone(u.ticking) {
		if !p.d.tick.After(u.stamp) {
			u.push(p)
		}
	}
	for old := u.ring.prev; old != &u.ring && u.at.Sub(old.heard) >= u.limits.Idle; old = u.ring.prev {
		if a, ok := old.d.session.(attentive); ok && a.Attends(u.stamp) {
			u.touch(old)
			continue
		}
		u.drop(old)
	}
}

// datagram answers one datagram.
func (u *udpPort) datagram(b []byte, from, local netip.AddrPort) {
	defer u.guard(from, b)
	var bucket *bucket
	if u.limits.Rate > 0 && !from.Addr().IsLoopback() {
		bucket = u.rate.bucket(from.Addr(), u.at)
		if bucket.tokens < 1 {
			if bucket.refuse(from, u.at) {
				u.noteRefused(bucket)
			}
			return
		}
	}
	p := u.peers[from]
	if p != nil && p.local != local {
		u.drop(p)
		p = nil
	}
	if p == nil {
		if u.decoy.own[from] {
			return // a forged datagram that would make two of our own services talk to each other
		}
		p = u.meet(from, local, b)
	}
	u.touch(p)
	datagrams, bytes := u.respond(p, b)
	if bucket != nil {
		bucket.charge(datagrams, bytes)
	}
}

// guard keeps the port alive when a session fails: its peer is forgotten.
func (u *udpPort) guard(from netip.AddrPort, b []byte) {
	what := recover()
	if what == nil {
		return
	}
	u.decoy.failed(u.door.services[0], from, what)
	p := u.peers[from]
	if p == nil {
		return
	}
	if src := p.d.src; src != nil {
		u.turns[0] = turn{kind: Failed, req: span{0, len(b)}, text: fmt.Sprint(what)}
		u.decoy.opt.Events.add(src, u.turns[:], b, nil, u.stamp, 0)
	}
	u.drop(p)
}

// noteRefused logs that an address asks too much: once a second, with how often it did.
func (u *udpPort) noteRefused(b *bucket) {
	n := b.refused
	b.refused, b.noted = 0, u.at
	e := u.decoy.opt.Events
	if e == nil {
		return
	}
	v := u.door.services[0]
	e.note(&source{
		id: u.decoy.sessions.Add(1), device: v.device, protocol: v.proto, transport: "udp", remote: b.from, local: u.local,
	}, Limited, u.stamp, fmt.Sprintf("more than %g datagrams a second: %d not answered", u.limits.Rate, n))
}

// meet opens a session for a new peer: of several services on the port, with the first that can read
// what it says.
func (u *udpPort) meet(from, local netip.AddrPort, b []byte) *udpPeer {
	if len(u.peers) >= u.limits.Connections {
		u.drop(u.ring.prev)
	}
	v := u.door.services[0]
	if len(u.door.services) > 1 {
		if i := slices.IndexFunc(u.door.services, func(s *served) bool { return reads(s, b) }); i > 0 {
			v = u.door.services[i]
		}
	}
	id := u.decoy.sessions.Add(1)
	p := &udpPeer{addr: from, local: local, d: v.open(u.decoy, id, Peer{Remote: from, Local: local})}
	p.prev, p.next = p, p
	u.peers[from] = p
	a, out, err := p.d.greet(u.stamp, u.out[:0])
	u.send(p, turn{kind: Pushed, from: a.From}, nil, out, 0, err)
	u.push(p)
	return p
}

func reads(v *served, b []byte) bool {
	n, _, err := v.proto.New().Next(wire.Client, b, true)
	return err == nil && n > 0
}

// touch makes a peer the one heard last.
func (u *udpPort) touch(p *udpPeer) {
	p.heard = u.at
	p.prev.next, p.next.prev = p.next, p.prev
	p.prev, p.next = &u.ring, u.ring.next
	p.prev.next, p.next.prev = p, p
}

// drop forgets a peer.
func (u *udpPort) drop(p *udpPeer) {
	defer func() {
		if what := recover(); what != nil {
			u.decoy.failed(p.d.served, p.addr, what)
		}
	}()
	p.prev.next, p.next.prev = p.next, p.prev
	delete(u.peers, p.addr)
	if i := slices.Index(u.ticking, p); i >= 0 {
		u.ticking = slices.Delete(u.ticking, i, i+1)
	}
	p.d.close()
}
