package emulate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringer/profiles"
)

func limited(dev *profiles.Device, l profiles.Limits) *profiles.Device {
	for _, s := range dev.Services {
		s.Common().Limits = &l
	}
	return dev
}

func TestThousandIdleConnections(t *testing.T) {
	m := &memory{}
	events := NewEventLog(m, EventLogOptions{})
	d := toyDecoy(t, Options{Events: events}, toyDevice("a", anyTCP))
	stop := serve(t, d)
	idle := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	for range 1000 {
		// Those beyond the limit are reset, and may notice it while they still connect.
		if c, err := idle.Dial("tcp", d.Table()[0].Address.String()); err == nil {
			defer c.Close()
		}
	}
	c := dialFrom(t, d, 0, "127.0.0.3")
	say(t, c, "one\n")
	hear(t, c, "a one\n")
	stop()
	events.Close()
	n := map[EventKind]int{}
	for _, e := range m.events(t) {
		n[e.Kind]++
		if e.Kind == Limited && (e.SrcIP != netip.MustParseAddr("127.0.0.2") || e.Reason == "") {
			t.Errorf("%+v", e)
		}
	}
	if n[Connected] != defaultPerPeer+1 || n[Limited] != 1000-defaultPerPeer || n[Disconnected] != n[Connected] {
		t.Errorf("events: %v", n)
	}
}

func TestConnectionLimitOfService(t *testing.T) {
	d := toyDecoy(t, Options{}, limited(toyDevice("a", anyTCP), profiles.Limits{Connections: 4, PerPeer: 3}))
	serve(t, d)
	var in []net.Conn
	for i := range 4 {
		c := dialFrom(t, d, 0, fmt.Sprintf("127.0.0.%d", 20+i/2))
		say(t, c, "one\n")
		hear(t, c, "a one\n")
		in = append(in, c)
	}
	answered := func() bool { // who is refused is reset, and may notice it while still connecting
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 30)}}
		c, err := dialer.Dial("tcp", d.Table()[0].Address.String())
		if err != nil {
			return false
		}
		defer c.Close()
		io.WriteString(c, "one\n")
		_, err = io.ReadFull(c, make([]byte, 6))
		return err == nil
	}
	if answered() {
		t.Error("a fifth connection was answered")
	}
	in[0].Close()
	for i := 0; !answered(); i++ { // the place is free soon
		if i == 100 {
			t.Fatal("a connection was closed, and its place is not free")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestIdle(t *testing.T) {
	d := toyDecoy(t, Options{}, limited(toyDevice("a", anyTCP), profiles.Limits{Idle: 600 * time.Millisecond}))
	serve(t, d)
	c := dial(t, d, 0)
	for range 4 {
		time.Sleep(200 * time.Millisecond)
		say(t, c, "one\n")
		hear(t, c, "a one\n")
	}
	begin := time.Now()
	hearEnd(t, c)
	if took := time.Since(begin); took < 400*time.Millisecond {
		t.Errorf("closed after %v", took)
	}
	slow := dial(t, d, 0) // who sends byte by byte and never finishes is idle too
	for range 20 {
		if _, err := slow.Write([]byte("x")); err != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	hearEnd(t, slow)
}

func TestMessageLimit(t *testing.T) {
	m := &memory{}
	events := NewEventLog(m, EventLogOptions{})
	d := toyDecoy(t, Options{Events: events}, limited(toyDevice("a", anyTCP), profiles.Limits{Message: 10000}))
	stop := serve(t, d)
	c := dial(t, d, 0)
	long := strings.Repeat("y", 9990)
	say(t, c, long+"\n")
	hear(t, c, "a "+long+"\n")
	say(t, c, strings.Repeat("y", 10001))
	hearEnd(t, c)
	stop()
	events.Close()
	for _, e := range m.events(t) {
		if e.Kind == Limited {
			if e.RawBytes != 10000 || len(e.Raw) != 2*shown || e.RawSHA256 == "" {
				t.Errorf("%+v", e)
			}
			return
		}
	}
	t.Error("the limit is not in the log")
}

func TestBufferBudget(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyTCP))
	d.buffers.left.Store(100 << 10)
	stop := serve(t, d)
	c := dial(t, d, 0)
	say(t, c, strings.Repeat("z", 200<<10))
	hearEnd(t, c)
	c = dial(t, d, 0)
	say(t, c, strings.Repeat("z", 60<<10)+"\n")
	hear(t, c, "a zzz")
	stop()
	if left := d.buffers.left.Load(); left != 100<<10 {
		t.Errorf("%d of %d bytes came back", left, 100<<10)
	}
}

func TestZerosAndHalfFrames(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyTCP))
	d.devices[0].services[0].proto = toy{"x"}
	d.devices[0].services[0].service = toyService{toy: toy{"x"}, name: "a"}
	serve(t, d)
	for range 20 {
		c := dialFrom(t, d, 0, "127.0.0.2")
		say(t, c, "x half a fra")
		c.Close()
		c = dialFrom(t, d, 0, "127.0.0.2")
		c.Write(make([]byte, 64<<10))
		hearEnd(t, c)
	}
	c := dialFrom(t, d, 0, "127.0.0.3")
	say(t, c, "x1\n")
	hear(t, c, "xa x1\n")
}

func TestSlowReader(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyTCP))
	stop := serve(t, d)
	slow := dial(t, d, 0)
	slow.(*net.TCPConn).SetReadBuffer(4096)
	for range 20 { // 20 MB that nobody takes
		say(t, slow, "big\n")
	}
	for range 3 {
		c := dial(t, d, 0)
		say(t, c, "one\n")
		hear(t, c, "a one\n")
	}
	begin := time.Now()
	stop()
	if took := time.Since(begin); took > farewell+2*time.Second {
		t.Errorf("a peer that does not read kept the decoy for %v", took)
	}
}

func TestUDPFlood(t *testing.T) {
	var open atomic.Int64
	d := toyDecoy(t, Options{}, limited(toyDevice("a", anyUDP), profiles.Limits{Connections: 100}))
	s := d.devices[0].services[0]
	s.service = toyService{name: "a", open: &open}
	u := newUDPPort(d.doors[0])
	u.tell()
	for i := range 100_000 {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(i >> 16), byte(i >> 8), byte(i)}), 9)
		u.datagram([]byte("silence\n"), from, u.local)
		if len(u.peers) > 100 {
			t.Fatalf("%d peers", len(u.peers))
		}
	}
	for i := range 100_000 { // from elsewhere than loopback the rate is limited, without anything that grows
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, byte(i >> 16), byte(i >> 8), byte(i)}), 9)
		u.datagram([]byte("silence\n"), from, u.local)
	}
	if len(u.peers) > 100 {
		t.Errorf("%d peers", len(u.peers))
	}
	u.close()
	allClosed(t, &open)
}

func TestUDPExpiry(t *testing.T) {
	var looks atomic.Int64 // at the clock
	now := func() time.Time { looks.Add(1); return time.Now() }
	d := toyDecoy(t, Options{Now: now}, limited(toyDevice("a", anyUDP), profiles.Limits{Idle: 50 * time.Millisecond}))
	var open atomic.Int64
	d.devices[0].services[0].service = toyService{name: "a", open: &open}
	serve(t, d)
	c := dial(t, d, 0)
	say(t, c, "one\n")
	hear(t, c, "a one\n")
	allClosed(t, &open) // the peer went away
	before := looks.Load()
	time.Sleep(200 * time.Millisecond)
	if n := looks.Load() - before; n > 5 {
		t.Errorf("with nobody there the port was busy: it looked at the clock %d times", n)
	}
	say(t, c, "again\n")
	hear(t, c, "a again\n")
}

func TestUDPRate(t *testing.T) {
	m := &memory{}
	events := NewEventLog(m, EventLogOptions{})
	d := toyDecoy(t, Options{Events: events}, limited(toyDevice("a", anyUDP), profiles.Limits{Rate: 10}))
	u := newUDPPort(d.doors[0])
	u.tell()
	ask := func(from string, n int) (answered int) {
		before := countAsked(t, events, m)
		for range n {
			u.datagram([]byte("silence\n"), netip.MustParseAddrPort(from), u.local)
		}
		return countAsked(t, events, m) - before
	}
	if n := ask("127.0.0.9:7", 100); n != 100 {
		t.Errorf("from loopback %d of 100 were answered", n)
	}
	bucket := u.rate.bucket(netip.MustParseAddr("192.0.2.1"), u.at)
	for range 20 {
		bucket.charge(1, 1000)
	}
	if n := ask("192.0.2.1:7", 5); n != 0 {
		t.Errorf("%d answers beyond the rate", n)
	}
	if n := ask("198.51.100.7:7", 1); n != 1 {
		t.Error("one address uses up what another has")
	}
	u.at, u.stamp = u.at.Add(time.Second), u.stamp.Add(time.Second)
	if n := ask("192.0.2.1:7", 1); n != 1 {
		t.Error("no answer after the time for ten")
	}
	big := u.rate.bucket(netip.MustParseAddr("203.0.113.7"), u.at)
	before := big.tokens
	big.charge(1, 60000)
	if got := before - big.tokens; got != 40 {
		t.Errorf("60000 bytes count as %v datagrams", got)
	}
	u.close()
	events.Close()
	var noted []string
	for _, e := range m.events(t) {
		if e.Kind == Limited {
			noted = append(noted, e.Reason)
		}
	}
	want := []string{ // at once, then once a second or at the end
		"more than 10 datagrams a second: 1 not answered", "more than 10 datagrams a second: 4 not answered",
	}
	if !slices.Equal(noted, want) {
		t.Errorf("noted %q, want %q", noted, want)
	}
}

func countAsked(t *testing.T, l *EventLog, m *memory) (n int) {
	l.Flush()
	for _, e := range m.events(t) {
		if e.Kind == Asked {
			n++
		}
	}
	return n
}

func TestUDPOwnPortsDoNotTalk(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyUDP), toyDevice("b", anyUDP))
	u := newUDPPort(d.doors[0])
	u.tell()
	u.datagram([]byte("one\n"), d.doors[1].address(), u.local)
	if len(u.peers) != 0 {
		t.Error("a datagram that claims to come from another of our services was answered")
	}
	u.close()
	d.Close()
}

func TestMemoryOfIdleConnections(t *testing.T) {
	d := toyDecoy(t, Options{}, limited(toyDevice("a", anyTCP), profiles.Limits{Connections: 400, PerPeer: 400}))
	serve(t, d)
	heap := func() uint64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		return s.HeapAlloc + s.StackInuse
	}
	before := heap()
	for range 400 {
		c := dial(t, d, 0)
		say(t, c, "one\n")
		hear(t, c, "a one\n")
	}
	if each := (int64(heap()) - int64(before)) / 400; each > 32<<10 {
		t.Errorf("an idle connection holds %d bytes", each)
	}
}

func TestBytesAreNotLostOnLongPipelines(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyTCP))
	serve(t, d)
	c := dial(t, d, 0)
	var ask, want bytes.Buffer
	for i := range 20000 {
		fmt.Fprintf(&ask, "%d\n", i)
		fmt.Fprintf(&want, "a %d\n", i)
	}
	go c.Write(ask.Bytes())
	got := make([]byte, want.Len())
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("answers differ, %v", err)
	}
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := c.Read(got); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes too many, %v", n, err)
	}
}
