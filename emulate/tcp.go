package emulate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// A tcpConn is one connection. All of it belongs to one goroutine, which waits in Read: a deadline there
// stands for everything else that may happen.
type tcpConn struct {
	decoy  *Decoy
	door   *door
	nc     *net.TCPConn
	line   net.Conn // nc, or TLS on it
	peer   Peer
	id     uint64
	d      *dialogue
	rivals []*dialogue // several services on one port, until it is clear which is meant
	bouts  int

	// in[:w] was read, in[:r] decoded. in[start:r] are parts of the message that in[r:w] goes on with.
	in          []byte
	start, r, w int
	out         []byte // answers that are not written yet
	turns       []turn // what they answer

	at     time.Time // when the bytes in hand came, by the machine's clock
	stamp  time.Time // the same by the decoy's clock
	late   bool      // at is not quite now any more
	free   time.Time // when the device is done with the last request
	active time.Time // when a whole message came last
	armed  time.Time // the read deadline
	until  time.Time // the write deadline
	end    string    // why the connection ends; empty: it does not
	hangup bool      // the device ends it
	reset  bool      // by RST
}

const (
	flushBytes   = 64 << 10         // answers are written at the latest when they are so many bytes
	writeTimeout = 30 * time.Second // a peer that takes nothing for so long (or up to twice that) is cut off
	lingerTime   = time.Second      // how long a hung-up peer has to close its side, so that it sees the last answer
	lingerBytes  = 256 << 10
	boutsMax     = 3 // messages after which the service on a shared port is settled
)

func (c *tcpConn) serve() {
	defer c.leave()
	defer func() {
		if p := recover(); p != nil {
			c.fail(p)
		}
	}()
	c.begin()
	if c.end == "" {
		c.greet()
		c.flush()
		c.converse()
	}
	if c.hangup && !c.reset && !c.decoy.isClosing() {
		c.linger()
	}
}

// leave is what happens however a connection ends.
func (c *tcpConn) leave() {
	defer func() {
		if p := recover(); p != nil {
			c.fail(p)
		}
	}()
	d := c.decoy
	if c.reset {
		c.nc.SetLinger(0)
	}
	// Its place is free before the peer can know that the connection has ended.
	c.door.crowd.leave(c.peer.Remote.Addr())
	d.buffers.give(max(len(c.in)-firstBuffer, 0))
	if c.line != nil && !c.reset {
		c.line.Close()
	}
	c.nc.Close()
	d.mu.Lock()
	delete(d.open, c)
	d.mu.Unlock()
	if src := c.source(); src != nil {
		d.opt.Events.note(src, Disconnected, d.now(), c.end)
	}
	if c.rivals == nil && c.d != nil {
		c.rivals = []*dialogue{c.d}
	}
	for _, g := range c.rivals {
		g.close()
	}
}

// fail ends a connection over a fault of ringer's own, and keeps the bytes that led to it.
func (c *tcpConn) fail(what any) {
	c.end = "failure"
	c.decoy.failed(c.door.services[0], c.peer.Remote, what)
	if src := c.source(); src != nil {
		t := turn{kind: Failed, req: span{c.start, c.w}, text: fmt.Sprint(what)}
		c.decoy.opt.Events.add(src, append(c.turns, t), c.in, c.out, c.stamp, time.Since(c.at))
	}
	c.turns = nil
}

func (c *tcpConn) source() *source {
	if c.d == nil {
		return nil
	}
	return c.d.src
}

// begin opens the session, or all that it may turn out to be.
func (c *tcpConn) begin() {
	d := c.decoy
	c.id = d.sessions.Add(1)
	c.at = time.Now()
	c.stamp, c.active = c.now(), c.at
	for _, v := range c.door.services {
		g := v.open(d, c.id, c.peer)
		if c.d == nil {
			c.d = g
		}
		c.rivals = append(c.rivals, g)
	}
	c.in = make([]byte, min(firstBuffer, c.d.limits.Message))
	if len(c.rivals) == 1 {
		c.rivals = nil
	}
	if src := c.d.src; src != nil {
		first := *src
		if c.rivals != nil {
			first.protocol = nil
		}
		d.opt.Events.note(&first, Connected, c.stamp, "")
	}
	c.line = c.nc
	for _, v := range c.door.services {
		if v.tls != nil {
			c.secure(v.tls)
			return
		}
	}
}

// greet says what the device says first: of services that share a port, the first that says anything.
func (c *tcpConn) greet() {
	rivals := c.rivals
	if rivals == nil {
		rivals = []*dialogue{c.d}
	}
	said := false
	for _, g := range rivals {
		a, out, err := g.greet(c.stamp, c.out)
		if said {
			continue
		}
		if said = len(out) > len(c.out); said {
			c.d = g
		}
		c.take(Pushed, span{}, out, &a, err)
	}
}

// now is the decoy's clock.
func (c *tcpConn) now() time.Time {
	if c.decoy.opt.Now == nil {
		return c.at
	}
	return c.decoy.opt.Now()
}

// converse reads and answers until the connection ends.
func (c *tcpConn) converse() {
	for c.end == "" {
		room := c.room()
		if c.end != "" || !c.arm() {
			return
		}
		n, err := c.line.Read(room)
		c.at, c.late = time.Now(), false
		c.stamp = c.now()
		c.w += n
		if n > 0 {
			c.step(false)
		}
		switch {
		case err == nil || c.end != "":
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, io.EOF):
			c.step(true)
			c.finish("closed by the peer")
		default:
			c.finish("reset by the peer")
		}
	}
}

func (c *tcpConn) finish(why string) {
	if c.end == "" {
		c.end = why
	}
}

// arm sees to what is due, and sets the read deadline to what will be next. The deadline is only moved
// when it has to be: a busy connection never moves it. false: the connection ends.
func (c *tcpConn) arm() bool {
	if c.decoy.isClosing() {
		c.finish("the decoy was stopped")
		return false
	}
	now := c.at
	if t := c.d.tick; !t.IsZero() && c.rivals == nil {
		if wait := t.Sub(c.stamp); wait <= 0 {
			c.push()
			if c.end != "" {
				return false
			}
		}
	}
	if now.Sub(c.active) >= c.d.limits.Idle {
		c.finish("idle")
		return false
	}
	next := c.active.Add(c.d.limits.Idle)
	if t := c.d.tick; !t.IsZero() && c.rivals == nil {
		if due := now.Add(t.Sub(c.stamp)); due.Before(next) {
			next = due
		}
	}
	if !c.armed.IsZero() && c.armed.After(now) && !next.Before(c.armed) {
		return true
	}
	c.armed = next
	c.line.SetReadDeadline(next)
	if c.decoy.isClosing() { // Close may have set its deadline just before
		c.finish("the decoy was stopped")
		return false
	}
	return true
}

// push says what is due unasked.
func (c *tcpConn) push() {
	a, out, err := c.d.push(c.stamp, c.out)
	c.take(Pushed, span{}, out, &a, err)
	c.flush()
}

// room is where to read to.
func (c *tcpConn) room() []byte {
	if c.w < len(c.in) {
		return c.in[c.w:]
	}
	if c.start == 0 && len(c.in) >= c.d.limits.Message {
		if c.r == 0 {
			c.bad(Limited, "message too long")
			return nil
		}
		c.turns = append(c.turns, turn{kind: Asked, req: span{0, c.r}}) // parts of a message without end
		c.flush()
		c.start = c.r
	}
	if c.start > 0 {
		c.w = copy(c.in, c.in[c.start:c.w])
		c.r -= c.start
		c.start = 0
		return c.in[c.w:]
	}
	size := min(2*len(c.in), c.d.limits.Message)
	if !c.decoy.buffers.take(size - len(c.in)) {
		c.bad(Limited, "no memory for long messages is left")
		return nil
	}
	in := make([]byte, size)
	copy(in, c.in[:c.w])
	c.in = in
	return c.in[c.w:]
}

// bad notes what was read and makes the connection end.
func (c *tcpConn) bad(kind EventKind, why string) {
	c.turns = append(c.turns, turn{kind: kind, req: span{c.start, c.w}, text: why})
	c.start, c.r = c.w, c.w
	c.finish(why)
	c.flush()
}

// linger waits for the peer to close its side: closing with bytes unread would reset the connection, and
// the last answer might be lost.
func (c *tcpConn) linger() {
	if t, ok := c.line.(*tls.Conn); ok {
		t.CloseWrite()
	}
	if c.nc.CloseWrite() != nil {
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	for n := 0; n < lingerBytes && !c.decoy.isClosing(); {
		k, err := c.nc.Read(c.in)
		if err != nil {
			return
		}
		n += k
	}
}
