package emulate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime/debug"
	"time"

	"ringer/capture/wire"
)

// A dialogue is a session together with its decoder: what is the same for a TCP connection and a UDP
// peer. It does no I/O.
type dialogue struct {
	*served
	conn    wire.Conn
	session Session
	src     *source // nil: no event log
	rand    *rand.Rand
	tick    time.Time // when the session wants its Tick; zero: never
	ends    []int     // where the messages of the last answer end
	wide    []bool    // which of them are for everybody
}

// A turn is one thing that was asked or said, as spans of the buffers in which it lies.
type turn struct {
	kind  EventKind
	from  Origin
	last  bool
	req   span
	ans   span
	delay time.Duration // before the answer, on top of what the writing took
	text  string
}

// open begins a session. The id is unique in the decoy.
func (v *served) open(d *Decoy, id uint64, p Peer) *dialogue {
	g := &dialogue{served: v, conn: v.proto.New()}
	if r, ok := g.conn.(wire.Reuser); ok {
		r.Reuse()
	}
	if v.pace != nil {
		g.rand = d.randomness(id)
	}
	if d.opt.Events != nil {
		g.src = &source{
			id: id, device: v.device, protocol: v.proto, transport: v.port.Network(), remote: p.Remote, local: p.Local,
		}
	}
	v.state.Lock()
	defer v.state.Unlock()
	g.session = v.service.Open(p)
	return g
}

// close ends the session.
func (g *dialogue) close() {
	if c, ok := g.session.(Closer); ok {
		g.state.Lock()
		defer g.state.Unlock()
		c.Close()
	}
}

// greet appends what the device says first. The session is asked at once for what it says next unasked.
func (g *dialogue) greet(now time.Time, out []byte) (Answer, []byte, error) {
	g.state.Lock()
	defer g.state.Unlock()
	a := g.session.Greet()
	out, err := g.encode(&a, out)
	g.tick = now
	return a, out, err
}

// answer appends the answer to a request.
func (g *dialogue) answer(req wire.Message, out []byte) (Answer, []byte, error) {
	g.state.Lock()
	defer g.state.Unlock()
	a := g.session.Answer(req)
	out, err := g.encode(&a, out)
	if !a.Tick.IsZero() && (g.tick.IsZero() || a.Tick.Before(g.tick)) {
		g.tick = a.Tick
	}
	return a, out, err
}

// push appends what the session says by itself now.
func (g *dialogue) push(now time.Time, out []byte) (Answer, []byte, error) {
	g.state.Lock()
	defer g.state.Unlock()
	a, next := g.session.Tick(now)
	out, err := g.encode(&a, out)
	g.plan(now, next)
	return a, out, err
}

// shortestTick keeps a session that asks for times gone by from taking all of the processor.
const shortestTick = time.Millisecond

func (g *dialogue) plan(now, next time.Time) {
	if soonest := now.Add(shortestTick); !next.IsZero() && next.Before(soonest) {
		next = soonest
	}
	g.tick = next
}

// bad appends the answer to bytes that are not of the protocol, and says how many of them to drop;
// 0: the device hangs up.
func (g *dialogue) bad(b, out []byte) (Answer, int, []byte, error) {
	m, ok := g.session.(Malformed)
	if !ok {
		g.ends = g.ends[:0]
		return Answer{Close: true}, 0, out, nil
	}
	g.state.Lock()
	defer g.state.Unlock()
	a, n := m.Malformed(b)
	out, err := g.encode(&a, out)
	return a, min(n, len(b)), out, err
}

// encode appends the messages of an answer: all of them or none.
func (g *dialogue) encode(a *Answer, out []byte) ([]byte, error) {
	g.ends, g.wide = g.ends[:0], g.wide[:0]
	caster, _ := g.service.(Broadcaster)
	begin := len(out)
	for _, m := range a.Messages {
		o, err := m.Append(out)
		if err != nil {
			return out[:begin], fmt.Errorf("%s: encoding an answer: %w", g.proto.Name(), err)
		}
		out = o
		g.ends = append(g.ends, len(out))
		g.wide = append(g.wide, caster != nil && caster.ToBroadcast(m))
	}
	a.Messages = nil
	return out, nil
}

// delay draws how long an answer is to take.
func (g *dialogue) delay(req wire.Message, a *Answer) time.Duration {
	if g.pace == nil {
		return 0
	}
	return g.pace.of(req, a, g.rand)
}

// failed reports a fault of ringer's own: the session is lost, the decoy goes on.
func (d *Decoy) failed(g *served, remote netip.AddrPort, what any) {
	d.log.Error("a session failed: please report this", "device", g.device, "protocol", g.proto.Name(), "peer", remote,
		"error", fmt.Sprint(what), "stack", string(debug.Stack()))
}
