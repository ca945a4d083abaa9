package clone

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// A Proxy stands between clients and a device: every byte is passed on unchanged, and the Tap sees it go by.
// It opens its own connections, so what the Tap sees is between the proxy and the device.
type Proxy struct {
	Listen string // address and port
	UDP    bool
	Target netip.AddrPort
	// Certificate answers clients that begin with TLS; towards the device TLS begins anew. Nil: TLS is
	// passed on like anything else, and cannot be read.
	Certificate *tls.Certificate
	Tap         *capture.Tap
	Warn        func(error)

	passed [2]atomic.Int64 // bytes
	opened atomic.Int64
}

const (
	proxyConnections = 256
	proxyPeers       = 1024
	proxyPeerIdle    = time.Minute
	proxyDial        = 10 * time.Second
)

// Passed says how many connections or peers there were, and how many bytes went to the device and back.
func (p *Proxy) Passed() (connections, there, back int64) {
	return p.opened.Load(), p.passed[0].Load(), p.passed[1].Load()
}

// Bind opens the socket. Serve is run by the function that it returns, until ctx is done.
func (p *Proxy) Bind() (serve func(context.Context) error, at net.Addr, err error) {
	if p.UDP {
		c, err := net.ListenPacket("udp", p.Listen)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context) error { return p.serveDatagrams(ctx, c.(*net.UDPConn)) }, c.LocalAddr(), nil
	}
	l, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) error { return p.serveStreams(ctx, l) }, l.Addr(), nil
}

func (p *Proxy) serveStreams(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	room := make(chan struct{}, proxyConnections)
	var all sync.WaitGroup
	defer all.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			p.Warn(err)
			if err := sleep(ctx, 100*time.Millisecond); err != nil {
				return nil
			}
			continue
		}
		select {
		case room <- struct{}{}:
		default:
			p.Warn(fmt.Errorf("%s: more than %d connections at once; one is turned away", p.Listen, proxyConnections))
			c.Close()
			continue
		}
		all.Go(func() {
			defer func() { <-room }()
			if err := p.pass(ctx, c.(*net.TCPConn)); err != nil && ctx.Err() == nil {
				p.Warn(fmt.Errorf("%v to %v: %w", c.RemoteAddr(), p.Target, err))
			}
		})
	}
}

// pass carries one connection.
func (p *Proxy) pass(ctx context.Context, client *net.TCPConn) error {
	defer client.Close()
	dialing, cancel := context.WithTimeout(ctx, proxyDial)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(dialing, "tcp", p.Target.String())
	if err != nil {
		return err
	}
	device := &passing{TCPConn: c.(*net.TCPConn), line: p.Tap.Open("tcp", addrPort(c.LocalAddr()), p.Target)}
	defer device.Close()
	stop := context.AfterFunc(ctx, func() { client.Close(); c.Close() })
	defer stop()
	p.opened.Add(1)
	if p.Certificate == nil {
		p.carry(client, device)
		return nil
	}
	// Who speaks first is heard first: if that is the device, it is not TLS.
	first := make([]byte, 1)
	said := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(client, first)
		said <- err
	}()
	greeting := make([]byte, 32<<10)
	var greeted int
	for {
		device.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := device.Read(greeting)
		if n > 0 {
			greeted += n
			p.passed[1].Add(int64(n))
			if _, err := client.Write(greeting[:n]); err != nil {
				return nil
			}
		} else if err != nil && !isTimeout(err) {
			return nil
		}
		select {
		case err := <-said:
			device.SetReadDeadline(time.Time{})
			if err != nil {
				return nil
			}
			from := &ahead{TCPConn: client, first: bytes.NewReader(first)}
			if greeted > 0 || first[0] != tlsHandshake {
				p.carry(from, device)
				return nil
			}
			return p.secure(ctx, from, device)
		default:
		}
	}
}

// tlsHandshake is the first byte of a connection in TLS (RFC 8446, section 5.1).
const tlsHandshake = 22

// secure ends the client's TLS here and begins it anew towards the device.
func (p *Proxy) secure(ctx context.Context, client net.Conn, device *passing) error {
	var upstream *tls.Conn
	inside := tls.Server(client, &tls.Config{
		MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			upstream = tls.Client(device, &tls.Config{
				InsecureSkipVerify: true, // the device's certificate is what is to be learned
				ServerName:         hello.ServerName, NextProtos: hello.SupportedProtos,
				MinVersion: tls.VersionTLS10, KeyLogWriter: keyLog{p.Tap},
			})
			if err := upstream.HandshakeContext(ctx); err != nil {
				return nil, fmt.Errorf("the device's TLS: %w", err)
			}
			agreed := upstream.ConnectionState().NegotiatedProtocol
			config := &tls.Config{Certificates: []tls.Certificate{*p.Certificate}, MinVersion: tls.VersionTLS10}
			if agreed != "" {
				config.NextProtos = []string{agreed}
			}
			return config, nil
		},
	})
	if err := inside.HandshakeContext(ctx); err != nil {
		return err
	}
	p.carry(inside, upstream)
	return nil
}

// A halfCloser can end one direction.
type halfCloser interface{ CloseWrite() error }

// carry passes bytes in both directions until both have ended. A side that breaks off says no more and hears
// no more: the other is not left waiting for it.
func (p *Proxy) carry(client, device net.Conn) {
	var both sync.WaitGroup
	pass := func(to, from net.Conn, passed *atomic.Int64) {
		r := &untilBroken{Reader: from}
		n, _ := io.Copy(to, r)
		passed.Add(n)
		if r.broken {
			client.Close()
			device.Close()
		} else if h, ok := to.(halfCloser); ok {
			h.CloseWrite()
		}
	}
	both.Go(func() { pass(device, client, &p.passed[0]) })
	both.Go(func() { pass(client, device, &p.passed[1]) })
	both.Wait()
}

// untilBroken notes that reading ended otherwise than by an end.
type untilBroken struct {
	io.Reader
	broken bool
}

func (r *untilBroken) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.broken = err != nil && err != io.EOF
	return n, err
}

// ahead gives bytes that were read before.
type ahead struct {
	*net.TCPConn
	first *bytes.Reader
}

func (a *ahead) Read(b []byte) (int, error) {
	if a.first.Len() > 0 {
		return a.first.Read(b)
	}
	return a.TCPConn.Read(b)
}

// passing is the proxy's connection to the device.
type passing struct {
	*net.TCPConn
	line *capture.Line
}

func (c *passing) Write(b []byte) (int, error) {
	if err := c.line.Said(wire.Client, b, ""); err != nil {
		return 0, err
	}
	return c.TCPConn.Write(b)
}

func (c *passing) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if n > 0 {
		if err := c.line.Said(wire.Server, b[:n], ""); err != nil {
			return n, err
		}
	}
	if err == io.EOF {
		c.line.End(wire.Server)
	} else if err != nil && !isTimeout(err) && !errors.Is(err, net.ErrClosed) {
		c.line.Reset(wire.Server)
	}
	return n, err
}

// ReadFrom and WriteTo of TCPConn would pass bytes by the Tap.
func (c *passing) ReadFrom(r io.Reader) (int64, error) { return io.Copy(struct{ io.Writer }{c}, r) }
func (c *passing) WriteTo(w io.Writer) (int64, error)  { return io.Copy(w, struct{ io.Reader }{c}) }

func (c *passing) CloseWrite() error {
	c.line.End(wire.Client)
	return c.TCPConn.CloseWrite()
}

func (c *passing) Close() error {
	c.line.End(wire.Client)
	return c.TCPConn.Close()
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// serveDatagrams passes datagrams; each client has a socket of its own towards the device.
func (p *Proxy) serveDatagrams(ctx context.Context, c *net.UDPConn) error {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	defer c.Close()
	var mu sync.Mutex
	peers := map[netip.AddrPort]*proxyPeer{}
	var all sync.WaitGroup
	defer all.Wait()
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for _, q := range peers {
			q.Close()
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			continue // an ICMP answer to what was sent before
		}
		mu.Lock()
		q := peers[from]
		if q == nil && len(peers) < proxyPeers {
			up, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(p.Target))
			if err != nil {
				mu.Unlock()
				p.Warn(err)
				continue
			}
			q = &proxyPeer{UDPConn: up, line: p.Tap.Open("udp", addrPort(up.LocalAddr()), p.Target)}
			peers[from] = q
			p.opened.Add(1)
			all.Go(func() {
				p.answers(q, c, from)
				mu.Lock()
				delete(peers, from)
				mu.Unlock()
			})
		}
		mu.Unlock()
		if q == nil {
			p.Warn(fmt.Errorf("%s: more than %d peers at once; a datagram is dropped", p.Listen, proxyPeers))
			continue
		}
		if err := q.line.Said(wire.Client, b[:n], ""); err != nil {
			return err
		}
		q.used.Store(time.Now().UnixNano())
		p.passed[0].Add(int64(n))
		q.Write(b[:n])
	}
}

// proxyPeer is a client's socket towards the device.
type proxyPeer struct {
	*net.UDPConn
	line *capture.Line
	used atomic.Int64
}

// answers passes back what the device says to one client, until there was nothing for a while.
func (p *Proxy) answers(q *proxyPeer, c *net.UDPConn, to netip.AddrPort) {
	defer q.Close()
	b := make([]byte, 64<<10)
	for {
		q.SetReadDeadline(time.Now().Add(proxyPeerIdle))
		n, err := q.Read(b)
		switch {
		case err == nil:
			if q.line.Said(wire.Server, b[:n], "") != nil {
				return
			}
			p.passed[1].Add(int64(n))
			c.WriteToUDPAddrPort(b[:n], to)
		case isTimeout(err):
			if time.Since(time.Unix(0, q.used.Load())) > proxyPeerIdle {
				return
			}
		case errors.Is(err, net.ErrClosed):
			return
		}
	}
}
