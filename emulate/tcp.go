package emulate

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"ringer/capture/wire"
)

// accept lets connections in until the door is closed.
func (o *door) accept() {
	d := o.decoy
	var pause time.Duration
	for {
		nc, err := o.tcp.AcceptTCP()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of file descriptors, most likely: that passes.
			if pause == 0 {
				d.log.Error("a connection cannot be accepted", "address", o.address(), "error", err)
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			if !d.sleep(pause) {
				return
			}
			continue
		}
		pause = 0
		remote := addrPort(nc.RemoteAddr())
		if what := o.crowd.enter(remote.Addr(), o.services[0].limits); what != "" {
			nc.SetLinger(0)
			nc.Close()
			if e := d.opt.Events; e != nil {
				v := o.services[0]
				e.note(&source{
					id: d.sessions.Add(1), device: v.device, protocol: v.proto, transport: "tcp", remote: remote, local: o.address(),
				}, Limited, d.now(), what)
			}
			continue
		}
		c := &tcpConn{decoy: d, door: o, nc: nc, peer: Peer{Remote: remote, Local: addrPort(nc.LocalAddr())}}
		d.mu.Lock()
		d.open[c] = struct{}{}
		d.mu.Unlock()
		d.wg.Go(c.serve)
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// A tcpConn is one connection. All of it belongs to one goroutine, which waits in Read: a deadline there
// stands for everything else that may happen.
type tcpConn struct {
	decoy  *Decoy
	door   *door
	nc     *net.TCPConn
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
	c.greet()
	c.flush()
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
		n, err := c.nc.Read(room)
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
	c.nc.SetReadDeadline(next)
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

// step answers all whole messages that were read.
func (c *tcpConn) step(eof bool) {
	for c.end == "" && c.r < c.w {
		n, m, err := c.next(c.in[c.r:c.w], eof)
		if err != nil {
			c.malformed(err)
			continue
		}
		if n <= 0 {
			break
		}
		c.r += n
		if m == nil {
			continue
		}
		c.answer(m)
	}
	switch {
	case c.start == c.w:
	case eof && c.end == "":
		c.bad(BadInput, "the connection ended in the middle of a message")
	case c.end != "":
		c.turns = append(c.turns, turn{kind: BadInput, req: span{c.start, c.w}, text: "not looked at: " + c.end})
		c.start, c.r = c.w, c.w
	}
	c.flush()
	if c.start == c.w {
		c.start, c.r, c.w = 0, 0, 0
		if len(c.in) > flushBytes {
			c.decoy.buffers.give(len(c.in) - firstBuffer)
			c.in = make([]byte, firstBuffer)
		}
	}
}

// answer asks the session, and has its answer written: with those that follow, or when its time comes.
func (c *tcpConn) answer(m wire.Message) {
	req := span{c.start, c.r}
	c.start = c.r
	c.active = c.at
	a, out, err := c.d.answer(m, c.out)
	silent := len(out) == len(c.out)
	c.take(Asked, req, out, &a, err)
	if c.d.pace == nil {
		if len(c.out) >= flushBytes {
			c.flush()
		}
		return
	}
	took := a.Wait
	if !silent {
		took = c.d.delay(m, &a)
	}
	if c.free.Before(c.at) {
		c.free = c.at
	}
	c.free = c.free.Add(took)
	if !silent {
		c.decoy.sleepUntil(c.free)
		c.late = true
		c.flush()
	}
}

// take files an answer that was encoded into out.
func (c *tcpConn) take(kind EventKind, req span, out []byte, a *Answer, err error) {
	t := turn{kind: kind, from: a.From, last: a.Close, req: req, ans: span{len(c.out), len(out)}}
	c.out = out
	if err != nil {
		c.decoy.log.Error("an answer cannot be sent: please report this", "device", c.d.device, "peer", c.peer.Remote, "error", err)
		t.text = err.Error()
		c.finish("failure")
	}
	if a.Close || a.Reset {
		c.hangup, c.reset = true, a.Reset
		c.finish("closed by the device")
	}
	if kind == Asked || kind == BadInput || t.ans.len() > 0 || t.text != "" {
		c.turns = append(c.turns, t)
	}
}

// malformed is for bytes that are not of the protocol: some devices answer them, others hang up.
func (c *tcpConn) malformed(err error) {
	a, n, out, failure := c.d.bad(c.in[c.r:c.w], c.out)
	if n <= 0 {
		n, a.Close = c.w-c.r, true
	}
	c.r += n
	req := span{c.start, c.r}
	c.start = c.r
	c.take(BadInput, req, out, &a, failure)
	if k := len(c.turns); k > 0 && c.turns[k-1].text == "" {
		c.turns[k-1].text = err.Error()
	}
	c.hangup = c.hangup && len(out) > 0 // nothing was said that could get lost
}

// next decodes, or finds out which of several services is meant.
func (c *tcpConn) next(b []byte, eof bool) (int, wire.Message, error) {
	if c.rivals == nil {
		return c.d.conn.Next(wire.Client, b, eof)
	}
	return c.contest(b, eof)
}

// flush writes the answers in hand and logs the turns they belong to.
func (c *tcpConn) flush() {
	if len(c.out) > 0 {
		now := c.at
		if c.late {
			now = time.Now()
		}
		if c.until.Sub(now) < writeTimeout && !c.decoy.isClosing() {
			c.until = now.Add(2 * writeTimeout)
			c.nc.SetWriteDeadline(c.until)
		}
		c.late = true
		if _, err := c.nc.Write(c.out); err != nil {
			why := "the answer could not be delivered"
			if errors.Is(err, os.ErrDeadlineExceeded) {
				why = "the peer does not read its answers"
			}
			for i := range c.turns {
				if c.turns[i].text == "" {
					c.turns[i].text = why
				}
			}
			c.finish(why)
		}
	}
	if len(c.turns) > 0 && c.d.src != nil {
		c.decoy.opt.Events.add(c.d.src, c.turns, c.in, c.out, c.stamp, time.Since(c.at))
	}
	c.out, c.turns = c.out[:0], c.turns[:0]
	if cap(c.out) > 4*flushBytes {
		c.out = nil
	}
}

// linger waits for the peer to close its side: closing with bytes unread would reset the connection, and
// the last answer might be lost.
func (c *tcpConn) linger() {
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
