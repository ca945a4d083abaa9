package emulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

func TestServeTCP(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyTCP), toyDevice("b", anyTCP))
	serve(t, d)
	for i, name := range []string{"a", "b"} {
		if got, want := d.Table()[i].Address.Addr(), netip.MustParseAddr(fmt.Sprintf("127.0.0.%d", i+2)); got != want {
			t.Errorf("%s is at %s, want %s", name, got, want)
		}
		c := dial(t, d, i)
		say(t, c, "one\n")
		hear(t, c, name+" one\n")
		say(t, c, "tw") // a message in two segments, the next one in the second
		time.Sleep(20 * time.Millisecond)
		say(t, c, "o.\nthree\nfour\nfi")
		hear(t, c, name+" two.\n"+name+" three\n"+name+" four\n")
		say(t, c, "ve\n")
		hear(t, c, name+" five\n")
		say(t, c, "local\n")
		hear(t, c, d.Table()[i].Address.Addr().String()+"\n")
		say(t, c, "silence\nsix\n")
		hear(t, c, name+" six\n")
	}
}

func TestHalfClose(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyTCP))
	serve(t, d)
	c := dial(t, d, 0)
	say(t, c, "one\ntwo.\nhalf")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	hear(t, c, "a one\na two.\n")
	hearEnd(t, c)
}

func TestHangUp(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyTCP))
	serve(t, d)
	c := dial(t, d, 0)
	say(t, c, "bye\n"+strings.Repeat("too late\n", 1000)) // unread bytes must not take the answer away
	hear(t, c, "bye\n")
	hearEnd(t, c)
	c = dial(t, d, 0)
	say(t, c, "reset\n")
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("after a reset: %v, want an error", err)
	}
}

func TestFailuresOfSessions(t *testing.T) {
	var said bytes.Buffer
	m := &memory{}
	log := slog.New(slog.NewTextHandler(&said, nil))
	events := NewEventLog(m, EventLogOptions{Log: log})
	d := toyDecoy(t, Options{Log: log, Events: events}, toyDevice("a", anyTCP, anyUDP))
	stop := serve(t, d)
	c := dial(t, d, 0)
	say(t, c, "one\npanic\nthree\n")
	if b, err := io.ReadAll(c); strings.Contains(string(b), "three") {
		t.Errorf("heard %q, %v", b, err)
	}
	c = dial(t, d, 0)
	say(t, c, "unencodable\n")
	hearEnd(t, c)
	c = dial(t, d, 0)
	say(t, c, "still there\n")
	hear(t, c, "a still there\n")

	u := dial(t, d, 1)
	say(t, u, "panic\n")
	say(t, u, "again\n")
	hear(t, u, "a again\n")
	stop()
	if err := events.Close(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(said.String(), "a toy broke"); n != 2 {
		t.Errorf("%d panics were said, want 2:\n%s", n, said.String())
	}
	failures := 0
	for _, e := range m.events(t) {
		if e.Kind == Failed {
			failures++
			if e.Raw == "" {
				t.Errorf("%+v: without the bytes that led to it", e)
			}
		}
	}
	if failures != 2 {
		t.Errorf("%d failures in the log, want 2", failures)
	}
}

func TestSharedPort(t *testing.T) {
	opt := Options{Log: slog.New(slog.DiscardHandler), PortOffset: freeOffset(t)}
	d, err := Prepare([]*profiles.Device{toyDevice("a", anyTCP, anyTCP)}, func(string) wire.Protocol { return toy{} }, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.doors) != 1 || len(d.doors[0].services) != 2 {
		t.Fatalf("%d doors", len(d.doors))
	}
	var open atomic.Int64
	for i, mark := range []string{"x", "y"} {
		s := d.devices[0].services[i]
		s.proto = toy{mark}
		s.service = toyService{toy{mark}, "t" + mark, &open}
	}
	stop := serve(t, d)
	for range 2 {
		for _, mark := range []string{"x", "y"} {
			c := dial(t, d, 0)
			say(t, c, mark+"1\n")
			hear(t, c, mark+"t"+mark+" "+mark+"1\n")
			c.Close()
			c = dial(t, d, 0)
			say(t, c, "both\n") // the first answers what both understand
			hear(t, c, "xtx both\n")
			say(t, c, mark+"2\n")
			hear(t, c, mark+"t"+mark+" "+mark+"2\n")
		}
	}
	stop()
	allClosed(t, &open) // losers included
}

// freeOffset is an offset at which port 4000 is free.
func freeOffset(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port - int(anyTCP.Number)
}

func TestMalformed(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyTCP))
	d.devices[0].services[0].proto = toy{"x"}
	d.devices[0].services[0].service = politeToy{toyService{toy: toy{"x"}, name: "a"}}
	serve(t, d)
	c := dial(t, d, 0)
	say(t, c, "?bad\nx1\n")
	hear(t, c, "xwhat?\nxa x1\n")
	say(t, c, "?no end of line")
	hear(t, c, "xwhat?\n")
	hearEnd(t, c)
}

func TestPushed(t *testing.T) {
	m := &memory{}
	events := NewEventLog(m, EventLogOptions{})
	d := toyDecoy(t, Options{Events: events}, toyDevice("a", anyTCP, anyUDP))
	stop := serve(t, d)
	for row := range 2 {
		c := dial(t, d, row)
		say(t, c, "subscribe\n")
		for _, want := range []string{"subscribed\n", "tick\n", "tick\n", "tick\n"} {
			hear(t, c, want)
		}
		say(t, c, "on\n")
		hear(t, c, "a on\n")
	}
	stop()
	events.Close()
	n := 0
	for _, e := range m.events(t) {
		if e.Kind == Pushed {
			n++
			if len(e.Answers) != 1 || e.From != "modelled" {
				t.Errorf("%+v", e)
			}
		}
	}
	if n != 6 {
		t.Errorf("%d pushes in the log, want 6", n)
	}
}

func TestUDP(t *testing.T) {
	d := toyDecoy(t, Options{}, toyDevice("a", anyUDP), toyDevice("b", anyUDP))
	serve(t, d)
	for i, name := range []string{"a", "b"} {
		c := dial(t, d, i)
		say(t, c, "one\n")
		hear(t, c, name+" one\n")
		say(t, c, "two\n") // two messages are two datagrams
		buf := make([]byte, 100)
		for _, want := range []string{"one\n", "two\n"} {
			if n, err := c.Read(buf); string(buf[:n]) != want {
				t.Errorf("heard %q, %v, want %q", buf[:n], err, want)
			}
		}
	}
}

func TestTimingRecorded(t *testing.T) {
	slow := func(p profiles.Port) *profiles.Device {
		dev := toyDevice("a", p)
		dev.Services[0].Common().Latency = map[string]profiles.Latency{
			"line": {P50: 60 * time.Millisecond, P90: 60 * time.Millisecond, P99: 60 * time.Millisecond},
		}
		return dev
	}
	for _, port := range []profiles.Port{anyTCP, anyUDP} {
		t.Run(port.Network(), func(t *testing.T) {
			d := toyDecoy(t, Options{}, slow(port))
			serve(t, d)
			begin := time.Now()
			a, b := dial(t, d, 0), dial(t, d, 0)
			say(t, a, "one\n")
			say(t, a, "two.\n")
			say(t, b, "one\n")
			hear(t, b, "a one\n")
			if took := time.Since(begin); took < 30*time.Millisecond {
				t.Errorf("the first answer took %v, want at least half of the median", took)
			}
			hear(t, a, "a one\n")
			hear(t, a, "a two.\n")
			if took := time.Since(begin); took < 60*time.Millisecond {
				t.Errorf("two answers to one peer took %v: they did not queue", took)
			}
		})
	}
	d := toyDecoy(t, Options{Timing: TimingNone}, slow(anyTCP))
	if d.devices[0].services[0].pace != nil {
		t.Error("timing none has a pace")
	}
	d.Close()
}

func TestQuantile(t *testing.T) {
	l := profiles.Latency{P50: 10, P90: 20, P99: 40}
	for u, want := range map[float64]time.Duration{0: 5, .25: 7, .5: 10, .7: 15, .9: 20, .99: 40, .995: 50, .9999: 59} {
		if got := quantile(l, u); got != want {
			t.Errorf("quantile %v = %v, want %v", u, int64(got), int64(want))
		}
	}
	p := newPace(map[string]profiles.Latency{"a": {P50: 1, N: 3}, "b": {P50: 2, N: 9}})
	if p.other.P50 != 2 {
		t.Errorf("a class never timed takes %v, want what was timed most often", p.other)
	}
	p = newPace(map[string]profiles.Latency{AnyClass: {P50: 7}, "b": {P50: 2, N: 9}})
	if p.other.P50 != 7 {
		t.Errorf("a class never timed takes %v, want that of %q", p.other, AnyClass)
	}
}

func TestStopWhileBusy(t *testing.T) {
	m := &memory{}
	events := NewEventLog(m, EventLogOptions{})
	d := toyDecoy(t, Options{Events: events}, toyDevice("a", anyTCP, anyUDP))
	stop := serve(t, d)
	var heard [8]int
	var wg sync.WaitGroup
	for i := range heard {
		c := dial(t, d, i%2)
		wg.Go(func() {
			buf := make([]byte, 100)
			for {
				if _, err := io.WriteString(c, "question\n"); err != nil {
					return
				}
				if i%2 == 1 {
					c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
				}
				if _, err := c.Read(buf); err != nil {
					return
				}
				heard[i]++
			}
		})
	}
	time.Sleep(150 * time.Millisecond)
	stop()
	wg.Wait()
	if err := events.Close(); err != nil {
		t.Error(err)
	}
	want := 0
	for _, n := range heard {
		if n == 0 {
			t.Error("a client heard nothing")
		}
		want += n
	}
	got := 0
	for _, e := range m.events(t) {
		if e.Kind == Asked && len(e.Answers) == 1 {
			got++
		}
	}
	// Every answer that was heard is in the log; one a client may have been answered and not have heard it.
	if got < want || got > want+len(heard) {
		t.Errorf("%d answers in the log, %d were heard", got, want)
	}
}

func TestEventFields(t *testing.T) {
	m := &memory{}
	at := time.Date(2026, 3, 2, 8, 0, 0, 123, time.UTC)
	now := func() time.Time { return at }
	events := NewEventLog(m, EventLogOptions{Now: now})
	d := toyDecoy(t, Options{Events: events, Now: now}, toyDevice("a", anyTCP))
	stop := serve(t, d)
	c := dialFrom(t, d, 0, "127.0.0.9")
	say(t, c, "one\ntwo\nsilence\n")
	hear(t, c, "a one\none\ntwo\n")
	c.Close()
	stop()
	events.Close()
	list := m.events(t)
	if len(list) != 5 {
		t.Fatalf("%d events: %+v", len(list), list)
	}
	local := c.LocalAddr().(*net.TCPAddr).AddrPort()
	for i, e := range list {
		want := Event{
			Time: at, Session: "20260302T080000-1", Device: "a", Protocol: "toy", Transport: "tcp",
			SrcIP: netip.MustParseAddr("127.0.0.9"), SrcPort: local.Port(), LocalIP: netip.MustParseAddr("127.0.0.2"),
			LocalPort: d.Table()[0].Address.Port(), Latency: e.Latency,
		}
		switch i {
		case 0:
			want.Kind = Connected
		case 1, 2, 3:
			want.Kind, want.Class, want.Effect, want.From = Asked, "line", "read", "point"
			if i == 3 {
				want.Silent, want.From = true, "refused"
			}
		case 4:
			want.Kind, want.Reason = Disconnected, e.Reason
		}
		e.Request, e.Answers = nil, nil
		if got, want := fmt.Sprintf("%+v", e), fmt.Sprintf("%+v", want); got != want {
			t.Errorf("event %d:\n got %s\nwant %s", i, got, want)
		}
	}
	if got := string(list[2].Request) + fmt.Sprintf("%s", list[2].Answers); got != `{"type":"toyLine","Text":"two"}[{"type":"toyLine","Text":"one"} {"type":"toyLine","Text":"two"}]` {
		t.Error(got)
	}
	if list[1].Latency <= 0 {
		t.Error("no latency")
	}
	if _, err := json.Marshal(list); err != nil {
		t.Error(err)
	}
}
