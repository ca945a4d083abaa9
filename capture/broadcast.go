package capture

import (
	"net/netip"
	"time"

	"ringer/capture/wire"
)

// A call is a message to everybody. Its answers come from the devices' own addresses, some to everybody
// too, so they are in other flows.
type call struct {
	protocol    string
	from        netip.AddrPort
	m           wire.Message
	raw         []byte
	first, last meta
	answers     map[netip.AddrPort]*pending // by the device
}

// callsMax and callTime bound the calls that are waited for.
const (
	callsMax = 64
	callTime = int64(10e9)
)

func isEverybody(a netip.Addr) bool {
	return a.IsMulticast() || a.Is4() && a.As4()[3] == 255
}

// announced says whether the flow begins with what devices say to those who did not ask them alone: then
// the device is who speaks first. toAll: so it is on the way to a broadcast address, too; who only calls there
// is no device. Which addresses are for all of a network depends on its mask; the last of 256 is in nearly all.
func (f *flow) announced(t *trial) (speaks, toAll bool) {
	if _, ok := t.protocol.(wire.Announcer); !ok || !f.key.udp {
		return false, false
	}
	if isEverybody(f.addrs[0].Addr()) || isEverybody(f.addrs[1].Addr()) {
		return isEverybody(f.addrs[t.server].Addr()), true
	}
	return len(t.events) > 0 && t.events[0].side == wire.Client && announces(t.protocol, t.events[0].message), false
}

func announces(p wire.Protocol, m wire.Message) bool {
	a, ok := p.(wire.Announcer)
	return ok && m != nil && a.Announces(m)
}

// aloud takes what is said to everybody, unless a device announces something: a call that others may answer.
func (f *flow) aloud(side wire.Side, m wire.Message, raw []byte, first, last meta) (taken bool) {
	speaker := f.addrs[f.talk.server]
	switch {
	case side == wire.Client:
		return true // nobody speaks from such an address
	case announces(f.talk.protocol, m):
		if f.a.wantedServer(speaker) && f.entry == nil {
			f.entry = f.a.survey.service(f)
		}
		return !f.a.wantedServer(speaker)
	}
	calls := &f.a.calls
	if len(*calls) == callsMax {
		*calls = append((*calls)[:0], (*calls)[1:]...)
	}
	*calls = append(*calls, call{f.talk.protocol.Name(), speaker, m, append([]byte(nil), raw...), first, last, nil})
	return true
}

// answersCall takes a message of the device that answers a call that is newer than what this flow has open
// for it. All that a device answers to one call is one exchange, in whichever flows it is said.
func (f *flow) answersCall(newest int, m wire.Message, raw []byte, first, last meta) (taken bool) {
	server, peer := f.addrs[f.talk.server], f.addrs[1-f.talk.server]
	for i := len(f.a.calls) - 1; i >= 0; i-- {
		c := &f.a.calls[i]
		if last.at-c.last.at > callTime || c.last.number < newest || c.protocol != f.talk.protocol.Name() ||
			c.from == server || c.from != peer && !f.toAll {
			continue
		}
		if n, _ := f.talk.conn.Match([]wire.Message{c.m}, m); n < 0 {
			continue
		}
		p := c.answers[server]
		switch {
		case p != nil && (p.flow == nil || p.Request != c.m):
			return false // it went out long ago
		case p == nil:
			p = f.newPending(c.first, c.last)
			p.Request, p.Client, p.Latency = c.m, c.from, time.Duration(max(0, first.at-c.last.at))
			if f.a.opt.KeepRaw {
				p.Raw[0] = c.raw
			}
			if c.answers == nil {
				c.answers = map[netip.AddrPort]*pending{}
			}
			c.answers[server] = p
			f.a.window.grow(p, len(c.raw))
			f.a.window.add(p)
			defer func() { f.count(&p.Exchange) }()
		}
		p.Replies = append(p.Replies, m)
		p.Packets[1] = max(p.Packets[1], last.number)
		f.a.window.grow(p, len(raw))
		if f.a.opt.KeepRaw {
			p.Raw[1] = append(p.Raw[1], raw...)
		}
		return true
	}
	return false
}
