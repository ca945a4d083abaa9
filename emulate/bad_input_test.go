package emulate

import (
	"bytes"
	"encoding/hex"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/profiles"
)

// whole is a question of each protocol, what must come before it on a connection, and what its answer
// begins with.
var whole = map[string]struct{ before, ask, answer string }{
	"modbus": {"", "000100000006" + "00" + "0300000002", "00010000000700" + "03"},
	"s7": {
		"0300001611e00000000100c1020100c2020101c0010a",
		"0300001902f08032010000040000080000f0000001000101e0", "0300001b02f0803203",
	},
	"snmp": {
		"", "302902010104067075626c6963a01c02040102030402010002010030" + "0e300c06082b060102010105000500",
		"30",
	},
	"http": {"", hex.EncodeToString([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), hex.EncodeToString([]byte("HTTP/1.1 ")[:8])},
}

// Nothing that is sent to the shipped device from one address keeps another from being served, and no
// session fails over it.
func TestBadInput(t *testing.T) {
	dev, err := profiles.Load("../profiles/s7-1200-water")
	if err != nil {
		t.Fatal(err)
	}
	var said lockedBuffer
	m := &memory{}
	log := slog.New(slog.NewTextHandler(&said, nil))
	events := NewEventLog(m, EventLogOptions{Log: log})
	find := func(name string) wire.Protocol {
		for _, p := range capture.Protocols() {
			if p.Name() == name {
				return p
			}
		}
		return nil
	}
	opt := Options{Timing: TimingNone, Log: log, Events: events, Seed: 1, Ports: map[string]uint16{}}
	for name := range whole {
		opt.Ports[name] = 0
	}
	d, err := Prepare([]*profiles.Device{dev}, find, opt)
	if err != nil {
		t.Fatal(err)
	}
	stop := serve(t, d)
	rows := d.Table()
	for i, r := range rows {
		q, ok := whole[r.Protocol]
		if !ok {
			t.Fatalf("no question for %s", r.Protocol)
		}
		before, ask := unhex(t, q.before), unhex(t, q.ask)
		rng := rand.New(rand.NewPCG(7, uint64(i)))
		try := func(b []byte, halfClose bool) {
			c := tryDial(r, "127.0.0.2")
			if c == nil {
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(100 * time.Millisecond))
			c.Write(b)
			if tc, ok := c.(*net.TCPConn); ok && halfClose {
				tc.CloseWrite()
				io.Copy(io.Discard, c)
			}
		}
		all := append(bytes.Clone(before), ask...)
		for n := range all {
			try(all[:n], n%2 == 0)
		}
		for range 150 {
			b := bytes.Clone(all)
			for range 1 + rng.IntN(4) {
				b[rng.IntN(len(b))] = byte(rng.Uint32())
			}
			try(b, true)
		}
		for range 50 {
			b := make([]byte, rng.IntN(2000))
			for k := range b {
				b[k] = byte(rng.Uint32())
			}
			try(append(bytes.Clone(before), b...), true)
		}
		try(make([]byte, 64<<10), false)
		try(bytes.Repeat(all, 500), true)
	}
	for i, r := range rows {
		q := whole[r.Protocol]
		c := dialFrom(t, d, i, "127.0.0.3")
		buf := make([]byte, 4096)
		if q.before != "" {
			c.Write(unhex(t, q.before))
			if _, err := c.Read(buf); err != nil {
				t.Errorf("%s: %v", r.Protocol, err)
			}
		}
		c.Write(unhex(t, q.ask))
		if n, err := c.Read(buf); err != nil || !bytes.HasPrefix(buf[:n], unhex(t, q.answer)) {
			t.Errorf("%s: %x, %v, want %s…", r.Protocol, buf[:n], err, q.answer)
		}
	}
	stop()
	events.Close()
	if s := said.String(); s != "" {
		t.Errorf("said:\n%s", s)
	}
	kinds := map[EventKind]int{}
	for _, e := range m.events(t) {
		kinds[e.Kind]++
		if e.Kind == Failed {
			t.Errorf("%+v", e)
		}
	}
	if kinds[Asked] < 1000 || kinds[BadInput] < 100 {
		t.Errorf("events: %v", kinds)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tryDial(r Listening, from string) net.Conn {
	dialer := net.Dialer{LocalAddr: net.Addr(&net.TCPAddr{IP: net.ParseIP(from)})}
	if r.Network == "udp" {
		dialer.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
	}
	c, err := dialer.Dial(r.Network, r.Address.String())
	if err != nil {
		return nil
	}
	return c
}

// lockedBuffer is a buffer that several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
