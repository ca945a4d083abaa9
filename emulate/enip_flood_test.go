package emulate

import (
	"encoding/binary"
	"net/netip"
	"os"
	"testing"
	"time"

	"ringer/capture/enip"
	"ringer/capture/wire"
	"ringer/profiles"
)

func enipTags(t *testing.T) *profiles.Device {
	t.Helper()
	text, err := os.ReadFile("testdata/enip/tags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := profiles.Parse(text, "tags.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// A forged address gets no more answers to ListIdentity than its rate allows, which each are longer than the
// question; any number of forged addresses fill nothing.
func TestENIPFlood(t *testing.T) {
	dev := enipTags(t)
	dev.Services = dev.Services[1:2] // 44818/udp
	m := &memory{}
	events := NewEventLog(m, EventLogOptions{})
	d, u := unserved(t, dev, enip.Protocol{}, Options{Events: events})
	ask, err := (&enip.List{Header: enip.Header{Context: enip.Context{1}}, Command: enip.ListIdentity}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := u.at
	const seconds = 5
	for i := range 1000 * seconds {
		u.at = begin.Add(time.Duration(i) * time.Millisecond)
		u.stamp = u.at
		u.datagram(ask, netip.MustParseAddrPort("192.0.2.1:40000"), u.local)
	}
	events.Flush()
	answered := 0
	for _, e := range m.events(t) {
		answered += len(e.Answers)
	}
	if most := defaultRate * (rateBurst + seconds); answered < defaultRate || answered > most {
		t.Errorf("%d of %d answered in %d s, want at most %d", answered, 1000*seconds, seconds, most)
	}
	u.decoy.opt.Events = nil
	for i := range 50_000 {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 40000)
		u.datagram(ask, from, u.local)
	}
	if len(u.peers) > u.limits.Connections {
		t.Errorf("%d peers, want at most %d", len(u.peers), u.limits.Connections)
	}
	u.close()
	d.Close()
}

// enipVisitor is one TCP connection to a device.
type enipVisitor struct {
	conn    wire.Conn
	session Session
}

func (v *enipVisitor) ask(t *testing.T, m wire.Message) wire.Message {
	t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, q, err := v.conn.Next(wire.Client, b, true)
	if err != nil {
		t.Fatal(err)
	}
	a := v.session.Answer(q)
	if len(a.Messages) == 0 {
		return nil
	}
	if b, err = a.Messages[0].Append(nil); err != nil {
		t.Fatal(err)
	}
	_, r, err := v.conn.Next(wire.Server, b, true)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestENIPBounds: a connection has so many sessions and no more; a device so many connections of CIP; what is left
// behind makes room when it times out or its TCP connection ends; a session is good on its own connection alone.
func TestENIPBounds(t *testing.T) {
	dev := enipTags(t)
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	st, err := NewState(dev, Settings{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	service, err := Open(st, dev, &dev.Services[0], enip.Protocol{})
	if err != nil {
		t.Fatal(err)
	}
	visit := func() *enipVisitor { return &enipVisitor{enip.Protocol{}.New(), service.Open(Peer{})} }
	v := visit()
	var handle uint32
	seen := map[uint32]bool{}
	for i := range enipSessionsMax + 2 {
		r := v.ask(t, &enip.RegisterSession{Version: 1}).(*enip.RegisterSessionReply)
		switch {
		case i < enipSessionsMax && (r.Status != enip.StatusSuccess || r.Session == 0 || seen[r.Session]):
			t.Fatalf("session %d: %+v", i, r)
		case i >= enipSessionsMax && r.Status != enip.StatusInsufficientMemory:
			t.Fatalf("session %d was granted: %+v", i, r)
		case i < enipSessionsMax:
			handle, seen[r.Session] = r.Session, true
		}
	}
	if r, ok := visit().ask(t, &enip.Unconnected{Header: enip.Header{Session: handle}, Request: enip.Request{
		Service: enip.GetAttributesAll, Path: enip.ObjectPath(enip.ClassIdentity, 1)}}).(*enip.Raw); !ok || r.Status != enip.StatusInvalidSession {
		t.Errorf("the session of another connection: %+v", r)
	}
	open := func(v *enipVisitor, handle uint32, serial uint16, multiplier uint8) *enip.Response {
		t.Helper()
		r := v.ask(t, &enip.Unconnected{Header: enip.Header{Session: handle, Context: enip.Context{byte(serial), byte(serial >> 8), 1}}, Request: enip.Request{
			Service: enip.ForwardOpenService, Path: enip.ObjectPath(enip.ClassConnectionManager, 1), Open: &enip.ForwardOpen{
				TO: uint32(serial), Serial: serial, Vendor: 1, OriginatorSerial: 9, Multiplier: multiplier, OTInterval: 1_000_000, OTParameters: 0x43F8,
				TOInterval: 1_000_000, TOParameters: 0x43F8, Transport: 0xA3, Path: enip.ObjectPath(enip.ClassMessageRouter, 1),
			}}})
		return &r.(*enip.UnconnectedReply).Response
	}
	const most = 32
	for i := range uint16(most) {
		if r := open(v, handle, i, 0); r.Status != enip.Success {
			t.Fatalf("connection %d: %+v", i, r)
		}
	}
	full := func(v *enipVisitor, handle uint32, serial uint16) {
		t.Helper()
		if r := open(v, handle, serial, 0); r.Status != enip.ConnectionFailure || len(r.Extended) != 1 || r.Extended[0] != enip.OutOfConnections {
			t.Errorf("one more than there can be: %+v", r)
		}
	}
	full(v, handle, 100)
	now = now.Add(4*time.Second + time.Millisecond) // four intervals: what was not used is gone
	for i := range uint16(most) {
		if r := open(v, handle, 200+i, 7); r.Status != enip.Success {
			t.Fatalf("after they have timed out, connection %d: %+v", i, r)
		}
	}
	full(v, handle, 300)
	v.session.(interface{ Close() }).Close()
	w := visit()
	other := w.ask(t, &enip.RegisterSession{Version: 1}).(*enip.RegisterSessionReply).Session
	if r := open(w, other, 400, 7); r.Status != enip.Success {
		t.Errorf("after the TCP connection has ended: %+v", r)
	}
}

// TestENIPProducesWithinBounds: however short the interval that is asked for, a connection produces once a
// millisecond at most, and no longer than it is heard of.
func TestENIPProducesWithinBounds(t *testing.T) {
	dev := enipTags(t)
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	st, err := NewState(dev, Settings{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var services []Service
	for i := range dev.Services {
		s, err := Open(st, dev, &dev.Services[i], enip.Protocol{})
		if err != nil {
			t.Fatal(err)
		}
		services = append(services, s)
	}
	peer := Peer{Remote: netip.MustParseAddrPort("192.0.2.9:2222"), Local: netip.MustParseAddrPort("192.0.2.7:2222")}
	v := &enipVisitor{enip.Protocol{}.New(), services[0].Open(peer)}
	handle := v.ask(t, &enip.RegisterSession{Version: 1}).(*enip.RegisterSessionReply).Session
	path := enip.ObjectPath(enip.ClassAssembly, 1).AppendLogical(enip.SegmentConnectionPoint, 150).AppendLogical(enip.SegmentConnectionPoint, 100)
	r := v.ask(t, &enip.Unconnected{Header: enip.Header{Session: handle}, Request: enip.Request{
		Service: enip.ForwardOpenService, Path: enip.ObjectPath(enip.ClassConnectionManager, 1), Open: &enip.ForwardOpen{
			TO: 5, Serial: 1, Vendor: 1, OriginatorSerial: 9, OTInterval: 20_000, OTParameters: 0x480A, TOInterval: 1, TOParameters: 0x480A, Transport: 1, Path: path,
		}}}).(*enip.UnconnectedReply).Response.Open
	if r == nil {
		t.Fatal("the connection was refused")
	}
	io := services[2].Open(peer)
	io.Answer(&enip.IO{Connection: r.OT, Sequence: 1, Data: []byte{1, 0, 1, 0, 0, 0, 1, 2, 3, 4}})
	sent := 0
	for range 100_000 { // a tick every 10 µs: a second, of which it lives 80 ms
		a, _ := io.Tick(now)
		for _, m := range a.Messages {
			if d := m.(*enip.IO); d.Connection != 5 || len(d.Data) != 10 || binary.LittleEndian.Uint16(d.Data) != uint16(sent+1) {
				t.Fatalf("%+v", d)
			}
			sent++
		}
		now = now.Add(10 * time.Microsecond)
	}
	if sent < 78 || sent > 82 {
		t.Errorf("%d datagrams, want one for each of 80 ms", sent)
	}
}
