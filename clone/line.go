package clone

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A line is a connection to the device, or a socket of datagrams, for scanners and for client libraries:
// a net.Conn on which each question waits for its turn, is counted, and goes out only if it is a read. What
// the Memory knows is answered without asking.
type line struct {
	v    *Visit
	p    wire.Protocol
	port profiles.Port
	ctx  context.Context
	tls  *tls.Config // nil: plain
	// session: connections begin with a handshake, without which the device does not know what is asked.
	session bool

	conn     wire.Conn // reads what is asked
	out      []byte    // of a request that is not complete
	inner    net.Conn  // to the device; nil: not needed yet
	tapped   *tapped   // its lower end
	hangUp   func()    // gives back what connecting took
	recalled [][]byte  // answers of the Memory that were not read yet
	silence  bool      // and the Memory knows that no more came
	remember bool      // something was recalled on this line, and the device is not connected
	told     bool      // what was asked last was recalled
	opening  bool      // the handshake of a session goes to the device, known or not
	again    bool      // the next question is asked again
	like     int       // which questions take the device as long as this one
	deadline time.Time // of reading
	asked    time.Time // when the last question went out; zero: it was answered
}

// errNotLive means that a session was recalled until here, and the device knows nothing of it.
var errNotLive = errors.New("the session is only remembered")

// dial opens a line. Without a Memory, or if it is to be live, it connects at once, else when the device is
// needed.
func (v *Visit) dial(ctx context.Context, p wire.Protocol, port profiles.Port, secure *tls.Config, session, live bool) (*line, error) {
	if v.Keys != nil {
		p = v.Keys(p)
	}
	l := &line{v: v, p: p, port: port, ctx: ctx, tls: secure, session: session, conn: p.New()}
	if v.Memory == nil || live {
		if err := l.connect(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *line) transport() string {
	if l.port.UDP {
		return "udp"
	}
	return "tcp"
}

func (l *line) server() netip.AddrPort { return netip.AddrPortFrom(l.v.Addr, l.port.Number) }

// connect opens the connection to the device.
func (l *line) connect() error {
	v := l.v
	if !l.port.UDP { // nothing is sent to open a socket of datagrams
		if err := v.pace.turn(l.ctx); err != nil {
			return err
		}
	}
	if err := v.turn(l.ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(l.ctx, v.Care.Timeout)
	defer cancel()
	began := time.Now()
	c, err := v.Dialer.DialContext(ctx, l.transport(), l.server().String())
	if err != nil {
		<-v.turns
		return v.pace.failure(l.ctx, err)
	}
	client := addrPort(c.LocalAddr())
	l.tapped = &tapped{Conn: c, v: v, stream: !l.port.UDP, line: v.Tap.Open(l.transport(), client, l.server())}
	l.inner = l.tapped
	stop := context.AfterFunc(l.ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	l.hangUp = func() { stop(); <-v.turns }
	if l.tls != nil {
		config := l.tls.Clone()
		config.KeyLogWriter = keyLog{v.Tap}
		secure := tls.Client(l.tapped, config)
		secure.SetDeadline(began.Add(2 * v.Care.Timeout))
		if err := secure.HandshakeContext(l.ctx); err != nil {
			l.tapped.Close()
			l.hangUp()
			l.inner = nil
			return v.pace.failure(l.ctx, err)
		}
		secure.SetDeadline(time.Time{})
		l.inner = secure
	}
	return l.inner.SetReadDeadline(l.deadline)
}

// turn waits until one more connection may be open. A scan that keeps one while it asks for another would wait
// for itself: that ends, with an error that says so.
func (v *Visit) turn(ctx context.Context) error {
	select {
	case v.turns <- struct{}{}:
		return nil
	default:
	}
	waiting := time.NewTicker(v.Care.Timeout)
	defer waiting.Stop()
	asked, quiet := v.questions(), 0
	for {
		select {
		case v.turns <- struct{}{}:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-waiting.C:
			if now := v.questions(); now != asked {
				asked, quiet = now, 0
			} else if quiet++; quiet > turnPatience*(1+v.Care.Again) {
				return fmt.Errorf("no connection comes free: %d are open, and nothing is asked on them (--connections allows more)", cap(v.turns))
			}
		}
	}
}

// turnPatience is how many time-outs nothing may be asked while somebody waits for a connection.
const turnPatience = 4

// questions counts those asked so far.
func (v *Visit) questions() (n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, t := range v.tallies {
		n += t.Asked + t.Failed + t.Silent
	}
	return n
}

// failure is the reason behind an error: that the visit is over, if it is.
func (p *pace) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped != nil {
		return p.stopped
	}
	return err
}

func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort()
	case *net.UDPAddr:
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// keyLog takes the secrets of TLS connections for the Tap.
type keyLog struct{ tap *capture.Tap }

func (k keyLog) Write(b []byte) (int, error) {
	k.tap.Secrets(b)
	return len(b), nil
}

// Write asks. Whatever is not a question of the protocol, or not a read, is refused.
func (l *line) Write(b []byte) (int, error) {
	l.out = append(l.out, b...)
	for len(l.out) > 0 {
		n, m, err := l.conn.Next(wire.Client, l.out, l.port.UDP)
		if err != nil || n > len(l.out) || n == 0 && l.port.UDP {
			return 0, fmt.Errorf("clone: refusing to send what is not %s: %w", l.p.Name(), cmp.Or(err, wire.ErrShort))
		}
		if n == 0 {
			break // more to come
		}
		if err := l.ask(m, l.out[:n]); err != nil {
			return 0, err
		}
		l.out = l.out[n:]
	}
	l.out = append([]byte(nil), l.out...)
	return len(b), nil
}

func (l *line) ask(m wire.Message, b []byte) error {
	v, name := l.v, l.p.Name()
	if m == nil {
		return fmt.Errorf("clone: refusing to send %d bytes that are no question of %s", len(b), name)
	}
	if class, effect := wire.Class(m); effect != wire.Read {
		return fmt.Errorf("clone: refusing to send %s: a scan only reads, and that is a %v", class, effect)
	}
	if !l.opening {
		if said, known := v.Memory.recall(l.p, l.server(), l.transport(), l.tls != nil, m); known {
			l.recalled, l.silence, l.remember = append(l.recalled, said...), len(said) == 0, l.inner == nil
			l.told = true
			for _, s := range said {
				l.conn.Next(wire.Server, s, true)
			}
			v.count(name, func(t *Tally) { t.Known++ })
			return nil
		}
	}
	l.silence, l.told = false, false
	if l.inner == nil {
		if l.remember && l.session {
			return errNotLive
		}
		if err := l.connect(); err != nil {
			return err
		}
	}
	waits := time.Now()
	if err := v.pace.turn(l.ctx); err != nil {
		return err
	}
	if !l.deadline.IsZero() { // client libraries set it before they ask: it is of the answer
		l.SetReadDeadline(l.deadline.Add(time.Since(waits)))
	}
	if l.again {
		l.tapped.note, l.again = capture.NoteAgain, false
	}
	v.count(name, func(t *Tally) { t.Asked++; t.Bytes += int64(len(b)) })
	l.asked = time.Now()
	_, err := l.inner.Write(b)
	return err
}

// Read gives what the device says.
func (l *line) Read(b []byte) (int, error) {
	if len(l.recalled) > 0 {
		n := copy(b, l.recalled[0])
		if l.recalled[0] = l.recalled[0][n:]; len(l.recalled[0]) == 0 || l.port.UDP {
			l.recalled = l.recalled[1:]
		}
		return n, nil
	}
	if l.silence || l.inner == nil && l.port.UDP {
		return 0, os.ErrDeadlineExceeded
	}
	if l.inner == nil || l.told && !l.port.UDP {
		return 0, io.EOF // an answer that was remembered ends where it ends, if with the connection
	}
	n, err := l.inner.Read(b)
	if n > 0 {
		if !l.asked.IsZero() {
			l.v.answered(l.p.Name(), l.like, time.Since(l.asked))
			l.asked = time.Time{}
		}
		l.v.count(l.p.Name(), func(t *Tally) { t.Bytes += int64(n) })
		var stopped *Stopped
		if !errors.As(err, &stopped) {
			err = nil
		}
		return n, err
	}
	if err != nil {
		err = l.v.pace.failure(l.ctx, err)
	}
	return n, err
}

// Close hangs up.
func (l *line) Close() error {
	if l.inner == nil {
		return nil
	}
	err := l.inner.Close()
	l.tapped.Close()
	l.hangUp()
	l.inner = nil
	return err
}

func (l *line) SetDeadline(t time.Time) error    { return l.SetReadDeadline(t) }
func (l *line) SetWriteDeadline(time.Time) error { return nil }
func (l *line) SetReadDeadline(t time.Time) error {
	l.deadline = t
	if l.inner == nil {
		return nil
	}
	err := l.inner.SetReadDeadline(t)
	if l.ctx.Err() != nil { // after it was said that all is over, nothing is waited for
		return l.inner.SetReadDeadline(time.Unix(1, 0))
	}
	return err
}

func (l *line) RemoteAddr() net.Addr {
	if l.port.UDP {
		return net.UDPAddrFromAddrPort(l.server())
	}
	return net.TCPAddrFromAddrPort(l.server())
}

func (l *line) LocalAddr() net.Addr {
	if l.inner == nil {
		return &net.TCPAddr{}
	}
	return l.inner.LocalAddr()
}

// tapped is the lower end of a line: its bytes go to the Tap, and into the budget.
type tapped struct {
	net.Conn
	v      *Visit
	line   *capture.Line
	stream bool
	once   sync.Once
	note   string // of the next packet
}

func (c *tapped) Write(b []byte) (int, error) {
	if err := c.line.Said(wire.Client, b, c.note); err != nil {
		return 0, err
	}
	c.note = ""
	if err := c.v.pace.moved(len(b)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *tapped) Read(b []byte) (int, error) {
	if c.stream { // a datagram that is cut would not be read
		b = b[:min(len(b), c.v.pace.room())]
	}
	n, err := c.Conn.Read(b)
	if n > 0 {
		if err := c.line.Said(wire.Server, b[:n], ""); err != nil {
			return n, err
		}
		if err := c.v.pace.moved(n); err != nil {
			return n, err
		}
	}
	switch {
	case err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed):
	case errors.Is(err, syscall.ECONNRESET):
		c.line.Reset(wire.Server)
	default:
		c.line.End(wire.Server)
	}
	return n, err
}

func (c *tapped) Close() error {
	var err error
	c.once.Do(func() {
		err = c.Conn.Close()
		c.line.End(wire.Client)
	})
	return err
}
