package emulate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

// toy is a protocol for these tests: lines. Client lines begin with its mark, so that several toys on one
// port can be told apart; lines with "both" belong to every toy.
type toy struct {
	mark string
}

func (t toy) Name() string    { return "toy" + t.mark }
func (t toy) Ports() []string { return nil }
func (t toy) New() wire.Conn  { return &toyConn{toy: t} }

type toyConn struct {
	wire.Plain
	toy
}

func (c *toyConn) Next(_ wire.Side, b []byte, _ bool) (int, wire.Message, error) {
	i := bytes.IndexByte(b, '\n')
	head := b
	if i >= 0 {
		head = b[:i]
	}
	mark := []byte(c.mark)
	if k := min(len(mark), len(head)); !bytes.Equal(head[:k], mark[:k]) && !bytes.HasPrefix(head, []byte("both")[:min(4, len(head))]) {
		return 0, nil, errors.New("toy: not a toy")
	}
	if i < 0 {
		return 0, nil, nil
	}
	return i + 1, &toyLine{Text: string(head)}, nil
}

type toyLine struct{ Text string }

func (l *toyLine) Append(b []byte) ([]byte, error) {
	if l.Text == "unencodable" {
		return b, errors.New("toy: cannot")
	}
	return append(append(b, l.Text...), '\n'), nil
}
func (l *toyLine) Class() (string, wire.Effect) { return "line", wire.Read }

// toyService answers "<mark>x" with "<name>: <mark>x", and does what some special words say.
type toyService struct {
	toy
	name string
	open *atomic.Int64 // sessions, if not nil
}

func (s toyService) Protocol() wire.Protocol { return s.toy }
func (s toyService) Open(p Peer) Session {
	if s.open != nil {
		s.open.Add(1)
	}
	return &toySession{s: s, p: p}
}

type toySession struct {
	s toyService
	p Peer
	n int
}

func (s *toySession) Greet() Answer { return Answer{} }
func (s *toySession) Close() {
	if s.s.open != nil {
		s.s.open.Add(-1)
	}
}
func (s *toySession) Tick(now time.Time) (Answer, time.Time) {
	if s.n == 0 {
		return Answer{}, time.Time{}
	}
	s.n--
	next := now.Add(5 * time.Millisecond)
	if s.n == 0 {
		next = time.Time{}
	}
	return Answer{Messages: []wire.Message{&toyLine{Text: s.s.mark + "tick"}}, From: Modelled}, next
}
func (s *toySession) Answer(req wire.Message) Answer {
	text := req.(*toyLine).Text
	say := func(lines ...string) Answer {
		a := Answer{From: Point}
		for _, l := range lines {
			a.Messages = append(a.Messages, &toyLine{Text: l})
		}
		return a
	}
	switch strings.TrimPrefix(text, s.s.mark) {
	case "silence":
		return Answer{}
	case "panic":
		panic("a toy broke")
	case "unencodable":
		return say(s.s.mark+"never seen", "unencodable")
	case "bye":
		a := say(s.s.mark + "bye")
		a.Close = true
		return a
	case "reset":
		return Answer{Close: true, Reset: true}
	case "two":
		return say(s.s.mark+"one", s.s.mark+"two")
	case "big":
		return say(s.s.mark + strings.Repeat("x", 1<<20))
	case "subscribe":
		s.n = 3
		a := say(s.s.mark + "subscribed")
		a.Tick = time.Now()
		return a
	case "local":
		return say(s.s.mark + s.p.Local.Addr().String())
	}
	return say(s.s.mark + s.s.name + " " + text)
}

// politeToy answers what it cannot read.
type politeToy struct{ toyService }

func (s politeToy) Open(p Peer) Session { return &politeSession{toySession{s: s.toyService, p: p}} }

type politeSession struct{ toySession }

func (s *politeSession) Malformed(b []byte) (Answer, int) {
	i := bytes.IndexByte(b, '\n')
	return Answer{Messages: []wire.Message{&toyLine{Text: s.s.mark + "what?"}}, From: Refused}, i + 1
}

func toyDevice(id string, ports ...profiles.Port) *profiles.Device {
	d := &profiles.Device{ID: id}
	for _, p := range ports {
		d.Services = append(d.Services, profiles.Service{Protocol: "toy", Section: &profiles.Recorded{Common: profiles.Common{Port: p}}})
	}
	return d
}

var (
	anyTCP = profiles.Port{Number: 4000}
	anyUDP = profiles.Port{Number: 4000, UDP: true}
)

// toyDecoy prepares a decoy of toys on free ports.
func toyDecoy(t testing.TB, opt Options, devices ...*profiles.Device) *Decoy {
	t.Helper()
	if opt.Ports == nil {
		opt.Ports = map[string]uint16{"toy": 0}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	d, err := Prepare(devices, func(string) wire.Protocol { return toy{} }, opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range d.devices {
		for _, s := range r.services {
			s.service = toyService{name: s.device}
		}
	}
	return d
}

// serve runs a decoy until the test ends or stop is called, and sees that nothing is left of it.
func serve(t testing.TB, d *Decoy) (stop func()) {
	t.Helper()
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error("Serve:", err)
			}
		case <-time.After(10 * time.Second):
			buf := make([]byte, 1<<20)
			t.Fatalf("Serve does not end:\n%s", buf[:runtime.Stack(buf, true)])
		}
		for i := 0; runtime.NumGoroutine() > before; i++ {
			if i == 200 {
				buf := make([]byte, 1<<20)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	t.Cleanup(stop)
	return stop
}

func dial(t testing.TB, d *Decoy, row int) net.Conn {
	t.Helper()
	return dialFrom(t, d, row, "")
}

func dialFrom(t testing.TB, d *Decoy, row int, from string) net.Conn {
	t.Helper()
	r := d.Table()[row]
	var dialer net.Dialer
	if from != "" {
		if dialer.LocalAddr = net.Addr(&net.TCPAddr{IP: net.ParseIP(from)}); r.Network == "udp" {
			dialer.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
		}
	}
	c, err := dialer.Dial(r.Network, r.Address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func say(t testing.TB, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

func hear(t testing.TB, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("heard %q, %v, want %q", b[:n], err, want)
	}
}

func hearEnd(t testing.TB, c net.Conn) {
	t.Helper()
	if b, err := io.ReadAll(c); len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("heard %q, %v, want the end", b, err)
	}
}

// allClosed waits until no session is open.
func allClosed(t *testing.T, open *atomic.Int64) {
	t.Helper()
	for i := 0; open.Load() != 0; i++ {
		if i == 500 {
			t.Fatalf("%d sessions are still open", open.Load())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// memory is an event log in memory.
type memory struct {
	mu sync.Mutex
	bytes.Buffer
}

func (m *memory) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Buffer.Write(p)
}

// events are the log's events so far.
func (m *memory) events(t testing.TB) (list []Event) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for e, err := range ReadEvents(bytes.NewReader(m.Bytes())) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}
