package emulate_test

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// A decoy is a device in this process, with a session for every connection.
type decoy struct {
	now      time.Time // the time it has, unless its settings have another
	state    *emulate.State
	services map[string]emulate.Service // by protocol
	links    map[uint64]*link           // by connection
}

// A link is a connection to a decoy.
type link struct {
	session emulate.Session
	conn    wire.Conn
	tick    time.Time // when the session wants to speak
}

// openDecoy opens the services of a device that speak one of the protocols.
func openDecoy(t testing.TB, dev *profiles.Device, set emulate.Settings, protocols ...wire.Protocol) *decoy {
	t.Helper()
	d := &decoy{time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), nil, map[string]emulate.Service{}, map[uint64]*link{}}
	if set.Now == nil {
		set.Now = func() time.Time { return d.now }
	}
	var err error
	if d.state, err = emulate.NewState(dev, set); err != nil {
		t.Fatal(err)
	}
	for i := range dev.Services {
		svc := &dev.Services[i]
		k := slices.IndexFunc(protocols, func(p wire.Protocol) bool { return p.Name() == svc.Protocol })
		if k < 0 {
			continue
		}
		if d.services[svc.Protocol], err = emulate.Open(d.state, dev, svc, protocols[k]); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.services) == 0 {
		t.Fatalf("the profile has none of %v", protocols)
	}
	return d
}

// dial makes a new connection to the service of a protocol.
func (d *decoy) dial(protocol string) *link {
	return newLink(d.services[protocol], emulate.Peer{Remote: netip.MustParseAddrPort("127.0.0.1:4711"), Local: netip.MustParseAddrPort("127.0.0.2:80")})
}

func newLink(s emulate.Service, from emulate.Peer) *link {
	l := &link{session: s.Open(from), conn: s.Protocol().New()}
	l.conn.(wire.Reuser).Reuse()
	return l
}

// link gives a connection that is made when it is first named.
func (d *decoy) link(protocol string, conn uint64) *link {
	if d.links[conn] == nil {
		d.links[conn] = d.dial(protocol)
	}
	return d.links[conn]
}

// answer sends the bytes of one request and gives the answer.
func (l *link) answer(t testing.TB, req []byte) (a emulate.Answer) {
	t.Helper()
	n, m, err := l.conn.Next(wire.Client, req, false)
	if err != nil || n != len(req) {
		t.Fatalf("request %x: took %d of %d bytes: %v", req, n, len(req), err)
	}
	if m != nil {
		a = l.session.Answer(m)
		l.tick = a.Tick
	}
	return a
}

// ask sends the bytes of one request and gives those of the answer.
func (l *link) ask(t testing.TB, req []byte) []byte {
	t.Helper()
	return written(t, l.answer(t, req).Messages)
}

func written(t testing.TB, ms []wire.Message) (b []byte) {
	t.Helper()
	for _, m := range ms {
		var err error
		if b, err = m.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// read decodes what a server said.
func read(t testing.TB, p wire.Protocol, b []byte) (ms []wire.Message) {
	t.Helper()
	c := p.New()
	for len(b) > 0 {
		n, m, err := c.Next(wire.Server, b, true)
		if err != nil || n == 0 {
			t.Fatalf("answer %x: took %d bytes: %v", b, n, err)
		}
		ms, b = append(ms, m), b[n:]
	}
	return ms
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}
