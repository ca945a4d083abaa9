package emulate

import (
	"net/netip"
	"slices"
	"time"

	"ringer/capture/wire"
)

// respond answers a datagram of a peer, and says how much went out.
func (u *udpPort) respond(p *udpPeer, b []byte) (datagrams, bytes int) {
	_, m, err := p.d.conn.Next(wire.Client, b, true)
	req := span{0, len(b)}
	if u.cast && (err != nil || m == nil || !byBroadcast(p.d.service, m)) {
		return 0, 0 // nobody answers that for everybody
	}
	if err != nil || m == nil {
		a, _, out, failure := p.d.bad(b, u.out[:0])
		t := turn{kind: BadInput, from: a.From, req: req}
		if err != nil {
			t.text = err.Error()
		}
		u.send(p, t, b, out, 0, failure)
		return len(p.d.ends), len(out)
	}
	a, out, err := p.d.answer(m, u.out[:0])
	var took time.Duration
	if p.d.pace != nil {
		took = a.Wait
		if len(p.d.ends) > 0 {
			took = p.d.delay(m, &a)
		}
	}
	u.send(p, turn{kind: Asked, from: a.From, req: req, text: a.Note}, b, out, took, err)
	datagrams = len(p.d.ends)
	if a.Close {
		u.drop(p)
		return datagrams, len(out)
	}
	u.enrol(p)
	return datagrams, len(out)
}

// pushAgain is how long a session waits whose address was told enough.
const pushAgain = 250 * time.Millisecond

// push says what a session says unasked. It counts like answers: who pretends to be somebody else cannot have that
// one told more by asking to be told.
func (u *udpPort) push(p *udpPeer) {
	defer u.guard(p.addr, nil)
	var bucket *bucket
	if u.limits.Rate > 0 && !p.addr.Addr().IsLoopback() {
		if bucket = u.rate.bucket(p.addr.Addr(), u.at); bucket.tokens < 1 {
			p.d.tick = u.stamp.Add(pushAgain)
			u.enrol(p)
			return
		}
	}
	a, out, err := p.d.push(u.stamp, u.out[:0])
	u.send(p, turn{kind: Pushed, from: a.From}, nil, out, 0, err)
	if bucket != nil && len(out) > 0 {
		bucket.charge(len(p.d.ends), len(out))
	}
	u.enrol(p)
}

// enrol keeps the list of sessions that want their Tick.
func (u *udpPort) enrol(p *udpPeer) {
	i := slices.Index(u.ticking, p)
	switch wants := !p.d.tick.IsZero(); {
	case wants && i < 0:
		u.ticking = append(u.ticking, p)
	case !wants && i >= 0:
		u.ticking = slices.Delete(u.ticking, i, i+1)
	}
}

// send sends the messages that the dialogue has just encoded into out, each as a datagram of its own,
// and logs the turn.
func (u *udpPort) send(p *udpPeer, t turn, in, out []byte, took time.Duration, err error) {
	u.out = out[:0]
	if err != nil {
		u.decoy.log.Error("an answer cannot be sent: please report this", "device", p.d.device, "peer", p.addr, "error", err)
		t.text = err.Error()
	}
	if took > 0 {
		if p.free.Before(u.at) {
			p.free = u.at
		}
		p.free = p.free.Add(took)
		t.delay = p.free.Sub(u.at)
	}
	begin := 0
	for i, end := range p.d.ends {
		if i > 0 {
			u.log(p, t, in, out)
			t = turn{kind: Pushed, from: t.from, delay: t.delay}
		}
		t.ans = span{begin, end}
		if e := u.post(p, u.destination(p, i), out[begin:end], t.delay); e != nil {
			t.text = "the answer could not be delivered: " + e.Error()
		}
		begin = end
	}
	if t.kind != Pushed || t.ans.len() > 0 || t.text != "" {
		u.log(p, t, in, out)
	}
}

func (u *udpPort) post(p *udpPeer, to netip.AddrPort, b []byte, delay time.Duration) error {
	if !to.IsValid() {
		return nil
	}
	if delay > 0 && u.later != nil {
		return u.later.add(letter{due: u.at.Add(delay), from: p.local.Addr(), to: to, b: append([]byte(nil), b...)})
	}
	return u.transmit(b, p.local.Addr(), to)
}

func (u *udpPort) log(p *udpPeer, t turn, in, out []byte) {
	if p.d.src == nil {
		return
	}
	u.turns[0] = t
	took := time.Duration(0)
	if t.delay == 0 && t.ans.len() > 0 {
		took = time.Since(u.at)
	}
	u.decoy.opt.Events.add(p.d.src, u.turns[:], in, out, u.stamp, took)
}
