package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// A Target is who is asked again: a live device or decoy behind sockets (Sockets), or the sessions of a
// profile in this process (Inside).
type Target interface {
	// Dial opens the counterpart of the recorded connection that x is the first exchange of. What the
	// target says on it is handed to hear, in order, until the connection ends; hear does not block.
	Dial(ctx context.Context, x *capture.Exchange, hear func(Said)) (Link, error)
	// At says that the recording has come to a time.
	At(t time.Time)
	// Immediate says that all the target has to say to a request is said when Send returns.
	Immediate() bool
}

// A Link is one connection to the target.
type Link interface {
	// Send asks, and gives the request as the link's own Conn reads it: what Match takes as open.
	Send(m wire.Message) (open wire.Message, err error)
	// Match is wire.Conn's, for the replies that were heard on this link.
	Match(open []wire.Message, reply wire.Message) (i int, last bool)
	// Follow hands out the Conn that follows the link. False: it is no Follower.
	Follow(do func(wire.Follower)) bool
	Close() error
}

// Said is one message from the target with the bytes it came in, or the end of a connection.
type Said struct {
	Message wire.Message
	Raw     []byte
	At      time.Time
	Err     error // the connection has ended: io.EOF, or why
	Renamed bool  // it has the recorded texts in the place of the target's own
}

// ErrNoCounterpart means that the target has nothing in the place of a recorded server.
var ErrNoCounterpart = errors.New("the target has no such service")

// Sockets is a target on the network. What was recorded over TLS is asked over TLS.
type Sockets struct {
	// Addr is where the counterpart of a recorded service listens.
	Addr func(server netip.AddrPort, transport, protocol string) (netip.AddrPort, bool)
	// Dialer connects; DialContext of a net.Dialer.
	Dialer interface {
		DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	}
}

func (*Sockets) At(time.Time)    {}
func (*Sockets) Immediate() bool { return false }

// messageMax bounds what is buffered of one message.
const messageMax = 8 << 20

// Dial connects to the recorded server's counterpart.
func (t *Sockets) Dial(ctx context.Context, x *capture.Exchange, hear func(Said)) (Link, error) {
	addr, ok := t.Addr(x.Server, x.Transport, x.Protocol.Name())
	if !ok {
		return nil, ErrNoCounterpart
	}
	c, err := t.Dialer.DialContext(ctx, x.Transport, addr.String())
	if err != nil {
		return nil, err
	}
	if x.TLS != nil {
		if c, err = secure(ctx, c, x.TLS); err != nil {
			return nil, err
		}
	}
	l := &socketLink{ear: ear{conn: x.Protocol.New(), hear: hear}, c: c}
	if x.Transport == "udp" {
		go l.hearDatagrams()
	} else {
		go l.hearStream()
	}
	return l, nil
}

// An ear decodes what comes back on a link. Its Conn is told what was asked, because some replies mean
// nothing without.
type ear struct {
	mu   sync.Mutex // of conn: requests go out while replies come in
	conn wire.Conn
	hear func(Said)
	buf  []byte
}

// asked tells the Conn about a request m, whose bytes are b.
func (e *ear) asked(m wire.Message, b []byte) wire.Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(b) > 0 {
		n, read, err := e.conn.Next(wire.Client, b, false)
		if n <= 0 || err != nil {
			break
		}
		if read != nil {
			m = read
		}
		b = b[n:]
	}
	return m
}

func (e *ear) Match(open []wire.Message, reply wire.Message) (int, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.conn.Match(open, reply)
}

func (e *ear) Follow(do func(wire.Follower)) bool {
	f, ok := e.conn.(wire.Follower)
	if ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		do(f)
	}
	return ok
}

// took decodes what has come so far.
func (e *ear) took(b []byte, eof bool) error {
	e.buf = append(e.buf, b...)
	for len(e.buf) > 0 {
		e.mu.Lock()
		n, m, err := e.conn.Next(wire.Server, e.buf, eof)
		e.mu.Unlock()
		if err != nil {
			return fmt.Errorf("not a message: %w", err)
		}
		if n == 0 {
			if eof {
				return fmt.Errorf("%d bytes before the end: %w", len(e.buf), wire.ErrShort)
			}
			break
		}
		if m != nil {
			e.hear(Said{Message: m, Raw: append([]byte(nil), e.buf[:n]...), At: time.Now()})
		}
		e.buf = e.buf[n:]
	}
	if len(e.buf) > messageMax {
		return fmt.Errorf("a message of more than %d bytes", messageMax)
	}
	return nil
}

type socketLink struct {
	ear
	c net.Conn
}

func (l *socketLink) Send(m wire.Message) (wire.Message, error) {
	b, err := m.Append(nil)
	if err != nil {
		return m, err
	}
	m = l.asked(m, b)
	_, err = l.c.Write(b)
	return m, err
}

func (l *socketLink) Close() error { return l.c.Close() }

func (l *socketLink) hearStream() {
	b := make([]byte, 1<<16)
	for {
		n, err := l.c.Read(b)
		if derr := l.took(b[:n], err != nil); derr != nil {
			l.c.Close()
			l.hear(Said{Err: derr, At: time.Now()})
			return
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				err = fmt.Errorf("connection lost: %w", err)
			}
			l.hear(Said{Err: err, At: time.Now()})
			return
		}
	}
}

func (l *socketLink) hearDatagrams() {
	b := make([]byte, 1<<16)
	for {
		n, err := l.c.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // a port that is closed says so by ICMP
			l.hear(Said{Err: err, At: time.Now()})
			return
		}
		l.buf = l.buf[:0]
		if err := l.took(b[:n], true); err != nil {
			l.buf = l.buf[:0]
			l.hear(Said{Message: Undecoded(append([]byte(nil), b[:n]...)), Raw: append([]byte(nil), b[:n]...), At: time.Now()})
		}
	}
}

// Undecoded is what the target said that is not its protocol.
type Undecoded []byte

// Append gives the bytes back.
func (u Undecoded) Append(b []byte) ([]byte, error) { return append(b, u...), nil }
