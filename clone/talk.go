package clone

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

// What a question may come to, other than an answer. After the first four a scanner goes on with its next
// question; any other error ends the scan.
var (
	ErrSilent  = errors.New("no answer")
	ErrHungUp  = errors.New("the device hangs up instead of answering")
	ErrGarbled = errors.New("the answer is not of the protocol")
	ErrTooLong = errors.New("the answer does not end")
	// ErrGone: the device has stopped answering.
	ErrGone = errors.New("the device does not answer any more")
	// ErrNotSpoken is what a Probe finds where another protocol, or none, is spoken.
	ErrNotSpoken = errors.New("not spoken here")
)

// goOn says whether a scan goes on after what a question came to.
func goOn(err error) bool {
	return errors.Is(err, ErrSilent) || errors.Is(err, ErrHungUp) || errors.Is(err, ErrGarbled) || errors.Is(err, ErrTooLong)
}

// A talk asks one question after the other, on one connection, or on the next when the device hangs up.
type talk struct {
	v    *Visit
	p    wire.Protocol
	port profiles.Port
	talkOptions

	line *line
	conn wire.Conn
	buf  []byte
	in   []byte
	sent []byte // the last question
	good []byte // the last one that had an answer
	hung int    // times in a row that the device hung up
	// bound: what is asked goes on with the last answer, and means nothing on another connection. Where there is
	// none to ask it on, it is not asked: whoever asks begins anew.
	bound bool
	// seeking: silence is what most of these questions are answered with. It is not asked again, and no trouble.
	seeking bool
	lossy   bool // a question was answered when it was asked again: the device, or the way to it, drops some
}

type talkOptions struct {
	tls *tls.Config
	// open is the handshake at the beginning of each connection; it asks with ask1.
	open func(ctx context.Context, t *talk) error
	max  int // bytes of an answer; 0: 1 MiB
	// unasked takes messages that answer no question; nil: nobody wants them.
	unasked func(wire.Message)
}

const (
	answerMax = 1 << 20
	// patience is how many time-outs the whole of an answer may take.
	patience = 10
	hangUps  = 6
)

func (v *Visit) talk(p wire.Protocol, port profiles.Port, opt talkOptions) *talk {
	if v.Keys != nil {
		p = v.Keys(p)
	}
	if opt.max == 0 {
		opt.max = answerMax
	}
	return &talk{v: v, p: p, port: port, talkOptions: opt, in: make([]byte, 32<<10)}
}

// ask asks a question and gives what the device says to it.
func (t *talk) ask(ctx context.Context, req wire.Message) ([]wire.Message, error) {
	b, err := req.Append(nil)
	if err != nil {
		return nil, err
	}
	return t.askBy(ctx, func() ([]wire.Message, error) { return t.ask1(b) })
}

// askBy asks a question by a function, which asks it once on the line that there is, and leaves in sent what
// it said: client libraries ask so.
func (t *talk) askBy(ctx context.Context, once func() ([]wire.Message, error)) ([]wire.Message, error) {
	more := max(1, t.v.Care.Again)
	if t.seeking {
		more = 0
	}
	replies, err := t.untilAnswered(ctx, more, once)
	switch {
	case err == nil:
		t.good, t.hung = t.sent, 0
	case errors.Is(err, ErrSilent):
		if t.v.silent(t.p.Name(), t.seeking) {
			return nil, cmp.Or(t.alive(ctx), err)
		}
	case errors.Is(err, ErrHungUp), errors.Is(err, ErrGarbled), errors.Is(err, ErrTooLong):
		if t.hung++; t.hung%hangUps == 0 {
			return nil, cmp.Or(t.alive(ctx), err)
		}
	}
	return replies, err
}

// once asks a question once, whatever the care says.
func (t *talk) once(ctx context.Context, q wire.Message) ([]wire.Message, error) {
	b, err := q.Append(nil)
	if err != nil {
		return nil, err
	}
	return t.untilAnswered(ctx, 0, func() ([]wire.Message, error) { return t.ask1(b) })
}

// spoken is what a question of a probe over UDP says: whether the protocol is spoken, or an error that ends the probe.
// Silence says neither.
func spoken(err error) (bool, error) {
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrSilent):
		return false, nil
	case goOn(err), errors.Is(err, ErrGone):
		return false, ErrNotSpoken // nobody listens, or something else answers
	}
	return false, err
}

// alive asks again what the device answered last: if it answers, silence is its answer to other questions.
func (t *talk) alive(ctx context.Context) error {
	if t.good == nil {
		return ErrGone
	}
	t.close()
	if _, err := t.untilAnswered(ctx, max(1, t.v.Care.Again), func() ([]wire.Message, error) { return t.ask1(t.good) }); err != nil {
		if goOn(err) {
			t.v.Remark(t.p.Name(), Suspicious, "stopped answering: not even what it had answered before")
			return ErrGone
		}
		return err
	}
	return nil
}

// untilAnswered asks until there is an answer, and again no more often than it is told.
func (t *talk) untilAnswered(ctx context.Context, more int, once func() ([]wire.Message, error)) (replies []wire.Message, err error) {
	var again, live bool
	for try := 0; try <= more; try++ {
		if t.bound && t.line == nil {
			return nil, cmp.Or(err, ErrHungUp)
		}
		if err = t.connected(ctx, live); err == nil {
			t.line.again = again
			replies, err = once()
		}
		switch {
		case err == nil:
			t.lossy = t.lossy || again
			return replies, nil
		case errors.Is(err, errNotLive) && t.bound:
			t.close()
			return nil, ErrHungUp
		case errors.Is(err, errNotLive) && !live:
			t.close()
			live = true
			try--
		case errors.Is(err, ErrSilent) && t.line != nil:
			if t.line.silence { // remembered
				return nil, err
			}
			again = true
		case errors.Is(err, ErrHungUp):
			t.v.failed(t.p.Name())
			t.close()
			again = false
		default:
			t.close()
			return nil, err
		}
	}
	if errors.Is(err, ErrSilent) && !t.port.UDP {
		t.close() // a late answer is not taken for that to the next question
	}
	return nil, err
}

// connected opens a connection if there is none.
func (t *talk) connected(ctx context.Context, live bool) error {
	if t.line != nil {
		return nil
	}
	wait := 250 * time.Millisecond
	for try := 0; ; try++ {
		l, err := t.v.dial(ctx, t.p, t.port, t.tls, t.open != nil, live)
		if err == nil {
			t.line = l
			return t.begin(ctx, live)
		}
		var stopped *Stopped
		if errors.As(err, &stopped) || ctx.Err() != nil {
			return err
		}
		t.v.failed(t.p.Name())
		if try >= t.v.Care.Again {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		wait *= 2
	}
}

// begin makes a fresh line ready for questions.
func (t *talk) begin(ctx context.Context, live bool) error {
	t.conn, t.buf = t.line.p.New(), nil
	if t.open == nil {
		return nil
	}
	t.line.opening = live
	defer func(l *line) { l.opening = false }(t.line)
	if err := t.open(ctx, t); err != nil {
		t.close()
		return err
	}
	return nil
}

// ask1 asks once, on the connection that there is.
func (t *talk) ask1(b []byte) ([]wire.Message, error) {
	t.sent = b
	n, req, err := t.conn.Next(wire.Client, b, t.port.UDP)
	if err != nil || n != len(b) || req == nil {
		return nil, fmt.Errorf("clone: a question that is not of %s: %w", t.p.Name(), cmp.Or(err, wire.ErrShort))
	}
	if _, err := t.line.Write(b); err != nil {
		return nil, t.broken(err)
	}
	open := []wire.Message{req}
	var replies []wire.Message
	end := time.Now().Add(patience * t.v.Care.Timeout)
	for {
		for len(t.buf) > 0 {
			n, m, err := t.conn.Next(wire.Server, t.buf, t.port.UDP)
			if err != nil || n > len(t.buf) {
				return replies, ErrGarbled
			}
			if n == 0 {
				if len(t.buf) > t.max {
					return replies, ErrTooLong
				}
				break
			}
			t.buf = t.buf[n:]
			if m == nil {
				continue
			}
			if i, last := t.conn.Match(open, m); i == 0 {
				if replies = append(replies, m); last {
					return replies, nil
				}
			} else if t.unasked != nil {
				t.unasked(m)
			}
		}
		if time.Now().After(end) {
			return replies, ErrTooLong
		}
		t.line.SetReadDeadline(time.Now().Add(t.v.Care.Timeout))
		n, err := t.line.Read(t.in)
		if t.port.UDP {
			t.buf = t.buf[:0]
		}
		t.buf = append(t.buf, t.in[:n]...)
		if err != nil {
			return t.ended(open, replies, err)
		}
	}
}

// ended is what a question comes to where the device says no more.
func (t *talk) ended(open, replies []wire.Message, err error) ([]wire.Message, error) {
	if errors.Is(err, io.EOF) && len(t.buf) > 0 {
		n, m, derr := t.conn.Next(wire.Server, t.buf, true)
		if derr == nil && n == len(t.buf) && m != nil {
			t.close()
			return append(replies, m), nil
		}
	}
	if len(replies) > 0 && goOn(t.broken(err)) {
		return replies, nil
	}
	return nil, t.broken(err)
}

// broken gives an error of a connection its meaning.
func (t *talk) broken(err error) error {
	var stopped *Stopped
	var network net.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrSilent
	case errors.As(err, &stopped), errors.Is(err, errNotLive), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return ErrHungUp
	}
	return err
}

func (t *talk) close() {
	if t.line != nil {
		t.line.Close()
		t.line = nil
	}
}
