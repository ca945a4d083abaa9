package emulate

import (
	"net/netip"
	"slices"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
)

// A bacnetForeign is a foreign device that registered (Annex J.5): what is broadcast is forwarded to it.
type bacnetForeign struct {
	address netip.AddrPort
	ttl     uint16
	until   time.Time
	waiting []wire.Message
}

// bacnetForwardMax bounds what waits for a foreign device. As it is sent four times a second, that also is
// what a forged registration can bring upon somebody.
const bacnetForwardMax = 16

// A broadcast is forwarded to every foreign device, which may be forged: so many datagrams a second in all, and so many
// at once, are what broadcasts can bring about however many there are of either.
const (
	bacnetForwardRate  = defaultRate
	bacnetForwardBurst = rateBurst * bacnetForwardRate
)

// Bounds of the foreign device table, and how long an entry outlives its time to live (Annex J.5.2.3).
const (
	bacnetForeignMax   = 128
	bacnetForeignGrace = 30 * time.Second
)

// link answers between link layers (Annex J.2): who manages no broadcasts says so.
func (c *bacnetSession) link(q *bacnet.LinkMessage) Answer {
	now := c.s.st.Now()
	s := c.s
	s.expire(now)
	yes := s.spec.Broadcasts
	table := &bacnet.LinkMessage{}
	switch q.Link.Function {
	case bacnet.WriteBroadcastTable:
		return c.linkResult(bacnet.WriteBroadcastTableNAK) // no longer allowed, clause J.4.4.2
	case bacnet.ReadBroadcastTable:
		if !yes {
			return c.linkResult(bacnet.ReadBroadcastTableNAK)
		}
		table.Link.Function, table.Peers = bacnet.ReadBroadcastTableAck, s.peers
	case bacnet.RegisterForeignDevice:
		is := func(f *bacnetForeign) bool { return f.address == c.peer.Remote }
		if !yes || len(s.foreign) >= bacnetForeignMax && !slices.ContainsFunc(s.foreign, is) {
			return c.linkResult(bacnet.RegisterForeignDeviceNAK)
		}
		s.foreign = append(slices.DeleteFunc(s.foreign, is),
			&bacnetForeign{address: c.peer.Remote, ttl: q.TTL, until: now.Add(time.Duration(q.TTL)*time.Second + bacnetForeignGrace)})
		a := c.linkResult(bacnet.ResultOK)
		a.Tick = now.Add(bacnetWatchEvery)
		return a
	case bacnet.ReadForeignTable:
		if !yes {
			return c.linkResult(bacnet.ReadForeignTableNAK)
		}
		table.Link.Function = bacnet.ReadForeignTableAck
		for _, f := range s.foreign {
			table.Foreign = append(table.Foreign, bacnet.ForeignDevice{Address: f.address, TTL: f.ttl, Remaining: uint16(min(0xffff, f.until.Sub(now)/time.Second))})
		}
	case bacnet.DeleteForeignEntry:
		n := len(s.foreign)
		s.foreign = slices.DeleteFunc(s.foreign, func(f *bacnetForeign) bool { return yes && f.address == q.Address })
		if len(s.foreign) == n {
			return c.linkResult(bacnet.DeleteForeignEntryNAK)
		}
		return c.linkResult(bacnet.ResultOK)
	default:
		return Answer{From: Refused}
	}
	return c.say(table, Modelled)
}

func (s *bacnetService) expire(now time.Time) {
	s.foreign = slices.DeleteFunc(s.foreign, func(f *bacnetForeign) bool { return now.After(f.until) })
}

// foreigner is the foreign device at an address; nil: it is not registered.
func (s *bacnetService) foreigner(a netip.AddrPort, now time.Time) *bacnetForeign {
	if len(s.foreign) == 0 {
		return nil
	}
	s.expire(now)
	if i := slices.IndexFunc(s.foreign, func(f *bacnetForeign) bool { return f.address == a }); i >= 0 {
		return s.foreign[i]
	}
	return nil
}

// origin is whose broadcast a datagram is.
func (c *bacnetSession) origin(h *bacnet.Header) netip.AddrPort {
	if h.Link.Function == bacnet.ForwardedNPDU {
		return h.Link.Origin
	}
	return c.peer.Remote
}

// forward has a broadcast sent to all foreign devices but one.
func (s *bacnetService) forward(m *bacnet.UnconfirmedRequest, h *bacnet.Header, origin netip.AddrPort, not *bacnetForeign) {
	if !h.Broadcast() || len(s.foreign) == 0 {
		return
	}
	now := s.st.Now()
	if s.spread = min(bacnetForwardBurst, s.spread+bacnetForwardRate*now.Sub(s.spreadAt).Seconds()); s.spreadAt.IsZero() {
		s.spread = bacnetForwardBurst
	}
	s.spreadAt = now
	for _, f := range s.foreign {
		if f != not && len(f.waiting) < bacnetForwardMax && s.spread >= 1 {
			s.spread--
			f.waiting = append(f.waiting, bacnetForwarded(m, origin))
		}
	}
}

// bacnetForwarded is a broadcast as foreign devices are told of it. It shares nothing with the message, which may
// be read over.
func bacnetForwarded(m *bacnet.UnconfirmedRequest, origin netip.AddrPort) wire.Message {
	n := *m
	n.Link = bacnet.Link{Function: bacnet.ForwardedNPDU, Origin: origin}
	if b, err := n.Append(nil); err == nil {
		if _, own, err := (bacnet.Protocol{}).New().Next(wire.Server, b, true); err == nil {
			return own
		}
	}
	return &n
}

// forwarded is what was broadcast since the peer was told last, if it is a foreign device.
func (c *bacnetSession) forwarded(now time.Time) (out []wire.Message, next time.Time) {
	f := c.s.foreigner(c.peer.Remote, now)
	if f == nil {
		return nil, next
	}
	out, f.waiting = f.waiting, nil
	return out, now.Add(bacnetWatchEvery)
}
