package replay

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// Inside is a target without sockets: the sessions of profiles in this process. The devices' clock is the
// recording's, so that what moves with the time moves as it did.
type Inside struct {
	now     time.Time
	devices []*insideDevice
	links   []*insideLink
}

type insideDevice struct {
	dev      *profiles.Device
	state    *emulate.State
	services []emulate.Service
}

// NewInside opens every service of the devices. The protocols are those of their services.
func NewInside(devices []*profiles.Device, protocols []wire.Protocol, set emulate.Settings, start time.Time) (*Inside, error) {
	t := &Inside{now: start}
	set.Now = func() time.Time { return t.now }
	byName := map[string]wire.Protocol{}
	for _, p := range protocols {
		byName[p.Name()] = p
	}
	for _, dev := range devices {
		d := &insideDevice{dev: dev}
		var err error
		if d.state, err = emulate.NewState(dev, set); err != nil {
			return nil, err
		}
		for i := range dev.Services {
			svc := &dev.Services[i]
			p, ok := byName[svc.Protocol]
			if !ok {
				return nil, fmt.Errorf("%s: service %d: ringer does not know the protocol %q", dev.ID, i+1, svc.Protocol)
			}
			s, err := emulate.Open(d.state, dev, svc, p)
			if err != nil {
				return nil, err
			}
			d.services = append(d.services, s)
		}
		t.devices = append(t.devices, d)
	}
	return t, nil
}

// Immediate: a session answers at once.
func (*Inside) Immediate() bool { return true }

// At moves the clock and lets the sessions say what they say by themselves.
func (t *Inside) At(now time.Time) {
	for {
		var next *insideLink
		for _, l := range t.links {
			if !l.tick.IsZero() && !l.tick.After(now) && (next == nil || l.tick.Before(next.tick)) {
				next = l
			}
		}
		if next == nil {
			break
		}
		t.advance(next.tick)
		next.ticked()
	}
	t.advance(now)
}

func (t *Inside) advance(now time.Time) {
	if now.After(t.now) {
		t.now = now
	}
}

// find gives the service that stands for a recorded one: of the device that was recorded at that address,
// or of the only device there is; on the same port, whatever it speaks, or else the only one of its protocol.
// Who looks for what a device speaks asks ports for what is not spoken there.
func (t *Inside) find(x *capture.Exchange) (*insideDevice, emulate.Service) {
	var d *insideDevice
	for _, e := range t.devices {
		for _, c := range e.dev.Captures {
			if a, err := netip.ParseAddr(c.Server); err == nil && a.Unmap() == x.Server.Addr().Unmap() {
				d = e
			}
		}
	}
	if d == nil {
		if len(t.devices) != 1 {
			return nil, nil
		}
		d = t.devices[0]
	}
	port := profiles.Port{Number: x.Server.Port(), UDP: x.Transport == "udp"}
	var same, there emulate.Service
	n := 0
	for i, s := range d.services {
		svc := &d.dev.Services[i]
		own := svc.Protocol == x.Protocol.Name() && svc.Common().Port.UDP == port.UDP
		switch {
		case own && svc.Common().Port == port:
			return d, s
		case own:
			same = s
			n++
		case svc.Common().Port == port && there == nil:
			there = s
		}
	}
	switch {
	case there != nil:
		return d, there
	case n == 1:
		return d, same
	}
	return nil, nil
}

// Dial opens a session.
func (t *Inside) Dial(_ context.Context, x *capture.Exchange, hear func(Said)) (Link, error) {
	d, s := t.find(x)
	if s == nil {
		return nil, ErrNoCounterpart
	}
	l := &insideLink{
		ear: ear{conn: x.Protocol.New(), hear: hear}, t: t, state: d.state, udp: x.Transport == "udp",
		server: s.Protocol().New(),
	}
	if r, ok := l.server.(wire.Reuser); ok {
		r.Reuse()
	}
	d.state.Lock()
	defer d.state.Unlock()
	l.session = s.Open(emulate.Peer{Remote: x.Client, Local: x.Server})
	t.links = append(t.links, l)
	l.say(l.session.Greet())
	if !l.closed {
		a, next := l.session.Tick(t.now)
		l.wake(next)
		l.say(a)
	}
	return l, nil
}

type insideLink struct {
	ear
	t       *Inside
	state   *emulate.State
	session emulate.Session
	server  wire.Conn // as the serving engine has one
	in      []byte
	udp     bool
	closed  bool
	tick    time.Time
}

func (l *insideLink) Send(m wire.Message) (wire.Message, error) {
	if l.closed {
		return m, io.EOF
	}
	b, err := m.Append(nil)
	if err != nil {
		return m, err
	}
	m = l.asked(m, b)
	l.answer(b)
	return m, nil
}

// answer is what the serving engine does with what comes.
func (l *insideLink) answer(b []byte) {
	l.in = append(l.in, b...)
	l.state.Lock()
	defer l.state.Unlock()
	for len(l.in) > 0 && !l.closed {
		n, req, err := l.server.Next(wire.Client, l.in, l.udp)
		if err != nil {
			mal, ok := l.session.(emulate.Malformed)
			if !ok {
				l.in = nil
				if !l.udp {
					l.end(io.EOF)
				}
				return
			}
			var a emulate.Answer
			a, n = mal.Malformed(l.in)
			l.say(a)
			if n = min(n, len(l.in)); n <= 0 {
				l.in = nil
				if !l.udp {
					l.end(io.EOF)
				}
				return
			}
			l.in = l.in[n:]
			continue
		}
		if n == 0 {
			if l.udp {
				l.in = nil
			}
			break
		}
		if req != nil {
			a := l.session.Answer(req)
			if !a.Tick.IsZero() && (l.tick.IsZero() || a.Tick.Before(l.tick)) {
				l.tick = a.Tick
			}
			l.say(a)
		}
		l.in = l.in[n:]
	}
}

// say sends an answer the way a socket would: as bytes.
func (l *insideLink) say(a emulate.Answer) {
	var b []byte
	for _, m := range a.Messages {
		var err error
		if b, err = m.Append(b); err != nil {
			l.end(fmt.Errorf("answer: %w", err))
			return
		}
		if l.udp {
			l.took(b, true)
			b = b[:0]
		}
	}
	if err := l.took(b, a.Close); err != nil {
		l.end(err)
		return
	}
	if a.Close {
		l.end(io.EOF)
	}
}

func (l *insideLink) ticked() {
	l.state.Lock()
	defer l.state.Unlock()
	a, next := l.session.Tick(l.t.now)
	l.wake(next)
	l.say(a)
}

// wake notes when the session wants its next tick; one that asks for times gone by waits a millisecond.
func (l *insideLink) wake(next time.Time) {
	if soonest := l.t.now.Add(time.Millisecond); !next.IsZero() && next.Before(soonest) {
		next = soonest
	}
	l.tick = next
}

func (l *insideLink) end(err error) {
	if !l.closed {
		l.closed = true
		l.forget()
		l.hear(Said{Err: err, At: time.Now()})
	}
}

func (l *insideLink) Close() error {
	if !l.closed {
		l.closed = true
		l.state.Lock()
		l.forget()
		l.state.Unlock()
	}
	return nil
}

func (l *insideLink) forget() {
	l.tick = time.Time{}
	if c, ok := l.session.(emulate.Closer); ok {
		c.Close()
	}
	for i, k := range l.t.links {
		if k == l {
			last := len(l.t.links) - 1
			l.t.links[i] = l.t.links[last]
			l.t.links = l.t.links[:last]
			return
		}
	}
}
