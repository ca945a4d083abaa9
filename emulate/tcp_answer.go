package emulate

import (
	"errors"
	"os"
	"time"

	"ringer/capture/wire"
)

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
	t := turn{kind: kind, from: a.From, last: a.Close, req: req, ans: span{len(c.out), len(out)}, text: a.Note}
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
			c.line.SetWriteDeadline(c.until)
		}
		c.late = true
		if _, err := c.line.Write(c.out); err != nil {
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
