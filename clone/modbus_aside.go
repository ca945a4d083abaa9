package clone

import (
	"errors"
	"time"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
)

// A modbusQuestion is one request of which some askings do not fit into cells.
type modbusQuestion struct {
	times int // asked, until the last of them
	aside []modbusAside
}

// A modbusAside is a run of askings with the same outcome that cells do not express. The first of them is
// in memory or, when there are many, in the spill.
type modbusAside struct {
	from, to uint32
	unit     *modbusUnit
	print    uint64            // of the replies
	at       int64             // when, in nanoseconds
	x        *capture.Exchange // nil: in the spill
	place    int64
}

// A modbusCase is an exchange that was put aside.
type modbusCase struct {
	unit  *modbusUnit
	x     capture.Exchange
	req   modbus.Message
	reply modbus.Message // nil: silence
}

const (
	// modbusAsideMax bounds the questions that are put aside. Of later ones only what refusals say of the
	// tables is learned.
	modbusAsideMax = 1 << 16
	// modbusHeldMax bounds the exchanges that are put aside in memory.
	modbusHeldMax = 1 << 12
)

func (l *modbusLearner) putAside(h uint64, u *modbusUnit, x *capture.Exchange, req, reply modbus.Message) {
	q := l.aside[h]
	if q == nil {
		if len(l.aside) >= modbusAsideMax {
			(&modbusCase{unit: u, req: req, reply: reply}).bound() // the scan of an address space
			return
		}
		q = &modbusQuestion{}
		l.aside[h] = q
		l.order = append(l.order, q)
	}
	q.times = max(q.times+1, int(l.asked[h]))
	var print uint64
	print, l.buf = printReplies(l.seed, l.buf, x)
	if n := len(q.aside); n > 0 {
		if last := &q.aside[n-1]; int(last.to) == q.times-1 && last.print == print {
			last.to = uint32(q.times)
			return
		}
	}
	q.aside = append(q.aside, l.hold(modbusAside{from: uint32(q.times), to: uint32(q.times), unit: u, print: print, at: x.At.UnixNano()}, x))
}

// hold keeps the exchange. It stays in memory if its bytes alone would not give it again: those of an RTU
// frame with a function of a vendor do not say where it ends.
func (l *modbusLearner) hold(a modbusAside, x *capture.Exchange) modbusAside {
	if l.held == 0 {
		var err error
		if a.place, l.buf, err = putExchange(l.s.spill, l.buf, x); err == nil {
			if c, err := l.recall(&a); err == nil && same(&c.x, x) {
				return a
			}
		}
	} else {
		l.held--
	}
	y := *x
	a.x = &y
	return a
}

var errNotAgain = errors.New("modbus: an exchange put aside is not read as it was")

func same(a, b *capture.Exchange) bool {
	if len(a.Replies) != len(b.Replies) || !equalMessages(a.Request, b.Request) {
		return false
	}
	for i := range a.Replies {
		if !equalMessages(a.Replies[i], b.Replies[i]) {
			return false
		}
	}
	return true
}

func equalMessages(a, b wire.Message) bool {
	c := wire.Diff(a, b)
	return len(c.Differences) == 0 && len(c.Masked) == 0
}

// recall gives the exchange as it was put aside.
func (l *modbusLearner) recall(a *modbusAside) (c modbusCase, err error) {
	c.unit = a.unit
	if a.x != nil {
		c.x = *a.x
	} else {
		if c.x, err = l.in.exchange(a.place); err != nil {
			return c, err
		}
		c.x.At = time.Unix(0, a.at)
		conn := l.s.Record.protocol.New()
		decode := func(from wire.Side, m wire.Message) wire.Message {
			b, _ := m.Append(nil)
			n, d, e := conn.Next(from, b, true)
			if e == nil && (n != len(b) || d == nil) {
				e = errNotAgain
			}
			if e != nil && err == nil {
				err = e
			}
			return d
		}
		c.x.Request = decode(wire.Client, c.x.Request)
		for i, m := range c.x.Replies {
			c.x.Replies[i] = decode(wire.Server, m)
		}
		if err != nil {
			return c, err
		}
	}
	c.req, _ = c.x.Request.(modbus.Message)
	if len(c.x.Replies) > 0 {
		c.reply, _ = c.x.Replies[0].(modbus.Message)
	}
	return c, nil
}

// sameModbusReplies compares replies to one question, transactions aside.
func sameModbusReplies(a, b []wire.Message) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		c := wire.Diff(a[i], b[i])
		if len(c.Differences) > 0 {
			return false
		}
		for _, m := range c.Masked {
			if m.Why != "echo" {
				return false
			}
		}
	}
	return true
}
