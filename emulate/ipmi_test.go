package emulate_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// A bmc is the shipped server's controller, and the time at which it is asked.
type bmc struct {
	t       testing.TB
	now     time.Time
	state   *emulate.State
	service emulate.Service
}

// openBMC opens it, as it ships or changed.
func openBMC(t testing.TB, change ...func(*profiles.Device, *profiles.IPMI)) *bmc {
	t.Helper()
	dev, err := profiles.Load("../profiles/bmc-2u-server")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(dev, dev.Services[0].Section.(*profiles.IPMI))
	}
	b := &bmc{t: t, now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	if b.state, err = emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return b.now }}); err != nil {
		t.Fatal(err)
	}
	if b.service, err = emulate.Open(b.state, dev, &dev.Services[0], ipmi.Protocol{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// An ipmiVisitor asks a controller from a port of its own.
type ipmiVisitor struct {
	t       testing.TB
	session emulate.Session
	server  wire.Conn
	client  wire.Conn
	ipmi.Handshake
	secret *ipmi.Secret
	seq    uint32
	rq     uint8
	iv     [16]byte
}

func (b *bmc) visitor(port uint16, user, password string) *ipmiVisitor {
	return &ipmiVisitor{
		t: b.t, server: b.service.Protocol().New(), client: ipmi.NewConn(&ipmi.Keys{Users: []ipmi.User{{Name: user, Password: password}}}),
		session: b.service.Open(emulate.Peer{
			Remote: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.9"), port), Local: netip.MustParseAddrPort("192.0.2.1:623"),
		}),
	}
}

var ipmiHeader = ipmi.RMCP{Version: 6, RMCPSequence: ipmi.NoAck, Class: ipmi.ClassIPMI}

// say sends a message and gives the answer; nil is silence.
func (v *ipmiVisitor) say(m wire.Message) wire.Message {
	v.t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		v.t.Fatal(err)
	}
	v.client.Next(wire.Client, b, true)
	return v.send(b)
}

func (v *ipmiVisitor) send(b []byte) wire.Message {
	v.t.Helper()
	_, q, err := v.server.Next(wire.Client, b, true)
	if err != nil {
		return nil
	}
	return v.hear(v.session.Answer(q))
}

func (v *ipmiVisitor) hear(a emulate.Answer) wire.Message {
	v.t.Helper()
	if len(a.Messages) == 0 {
		return nil
	}
	b, err := a.Messages[0].Append(nil)
	if err != nil {
		v.t.Fatal(err)
	}
	_, r, err := v.client.Next(wire.Server, b, true)
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

// login does the handshake, and says how it ended.
func (v *ipmiVisitor) login(suite uint8, user, password string, role uint8) ipmi.Status {
	v.t.Helper()
	plus := ipmi.Session{Format: ipmi.FormatRMCPPlus}
	a, _ := ipmi.Suite(suite)
	v.Handshake = ipmi.Handshake{Algorithms: a, Console: 0xa0a2a3a4, Role: role, User: ipmi.Name(user), ConsoleRandom: [16]byte{1, 2, 3}}
	opened, ok := v.say(&ipmi.OpenSession{RMCP: ipmiHeader, Session: plus, Console: v.Console, Algorithms: a}).(*ipmi.OpenSessionReply)
	if !ok || opened.Status != ipmi.StatusOK {
		return opened.Status
	}
	v.BMC = opened.BMC
	met := v.say(&ipmi.RAKP1{RMCP: ipmiHeader, Session: plus, BMC: v.BMC, Random: v.ConsoleRandom, Role: role, User: v.User}).(*ipmi.RAKP2)
	if met.Status != ipmi.StatusOK {
		return met.Status
	}
	v.BMCRandom, v.GUID = met.Random, met.GUID
	v.secret, v.seq = v.Secret(password, ""), 0
	end := v.say(&ipmi.RAKP3{RMCP: ipmiHeader, Session: plus, BMC: v.BMC, Code: v.RAKP3Code(password)}).(*ipmi.RAKP4)
	if end.Status == ipmi.StatusOK && !bytes.Equal(end.Check, v.RAKP4Check(v.secret)) {
		v.t.Error("the check value of RAKP 4 is not right")
	}
	return end.Status
}

// command makes a command of the session.
func (v *ipmiVisitor) command(n ipmi.NetFn, cmd uint8, data ...byte) *ipmi.Command {
	v.seq++
	v.rq = (v.rq + 1) & 0x3f
	q := &ipmi.Command{
		RMCP: ipmiHeader, Link: ipmi.Link{To: ipmi.BMCAddress, From: ipmi.RemoteAddress, Seq: v.rq}, Target: ipmi.Target{NetFn: n, Cmd: cmd}, Body: ipmi.Data(data),
		Session: ipmi.Session{Format: ipmi.FormatRMCPPlus, ID: v.BMC, Sequence: v.seq},
	}
	q.Authenticated, q.Encrypted = v.Integrity != ipmi.IntegrityNone, v.Confidentiality != ipmi.CryptNone
	v.iv[0]++
	q.SealWith(v.secret, bytes.Clone(v.iv[:]))
	return q
}

// ask gives the completion code and the data of an answer: "00 0102".
func (v *ipmiVisitor) ask(n ipmi.NetFn, cmd uint8, data ...byte) string {
	v.t.Helper()
	return answerText(v.say(v.command(n, cmd, data...)))
}

func answerText(m wire.Message) string {
	r, ok := m.(*ipmi.Reply)
	if !ok {
		return fmt.Sprintf("%T", m)
	}
	return fmt.Sprintf("%02x %x", uint8(r.Code), r.Data(nil))
}

func (v *ipmiVisitor) want(want string, n ipmi.NetFn, cmd uint8, data ...byte) {
	v.t.Helper()
	if got := v.ask(n, cmd, data...); got != want {
		v.t.Errorf("%v %02x %x: got %s, want %s", n, cmd, data, got, want)
	}
}

func TestIPMIHandshake(t *testing.T) {
	b := openBMC(t)
	for i, x := range []struct {
		suite          uint8
		user, password string
		role           uint8
		want           ipmi.Status
	}{
		{3, "ADMIN", "ADMIN", 4, ipmi.StatusOK}, {8, "ADMIN", "ADMIN", 4, ipmi.StatusOK}, {17, "ADMIN", "ADMIN", 0x14, ipmi.StatusOK},
		{17, "ADMIN", "admin", 4, ipmi.InvalidIntegrityCheck}, {3, "monitor", "monitor", 2, ipmi.InvalidIntegrityCheck},
		{3, "root", "ADMIN", 4, ipmi.UnauthorizedName}, {3, "", "", 4, ipmi.UnauthorizedName}, {3, "operator", "rack12ops", 4, ipmi.UnauthorizedRole},
		{0, "ADMIN", "", 4, ipmi.NoMatchingCipherSuite}, {2, "ADMIN", "ADMIN", 4, ipmi.NoMatchingCipherSuite},
	} {
		v := b.visitor(uint16(5000+i), x.user, x.password)
		if got := v.login(x.suite, x.user, x.password, x.role); got != x.want {
			t.Errorf("suite %d, %s with %s: %v, want %v", x.suite, x.user, x.password, got, x.want)
		}
		if x.want == ipmi.StatusOK {
			v.want("00 21004000", ipmi.Chassis, 0x01)
			v.want("00 ", ipmi.App, 0x3c, byte(v.BMC), byte(v.BMC>>8), byte(v.BMC>>16), byte(v.BMC>>24))
			if r := v.say(v.command(ipmi.App, 0x01)); r != nil {
				t.Errorf("the closed session says %v", answerText(r))
			}
		}
	}
}

func TestIPMIPower(t *testing.T) {
	b := openBMC(t)
	v := b.visitor(5000, "ADMIN", "ADMIN")
	v.login(3, "ADMIN", "ADMIN", 4)
	v.want("d4 ", ipmi.Chassis, 0x02, 0) // a session begins with the user's privilege
	v.want("00 04", ipmi.App, 0x3b, 4)
	v.want("00 ", ipmi.Chassis, 0x08, 5, 0x80, 4, 0, 0, 0)
	v.want("00 01058004000000", ipmi.Chassis, 0x09, 5, 0, 0)
	v.want("00 ", ipmi.Chassis, 0x02, 0)
	v.want("00 21004000", ipmi.Chassis, 0x01)
	b.now = b.now.Add(3 * time.Second)
	v.want("00 20004000", ipmi.Chassis, 0x01)
	v.want("d5 ", ipmi.Chassis, 0x02, 3) // nothing to reset
	v.want("00 ", ipmi.Chassis, 0x02, 1)
	b.now = b.now.Add(3 * time.Second)
	v.want("00 21104000", ipmi.Chassis, 0x01)
	v.want("00 01050000000000", ipmi.Chassis, 0x09, 5, 0, 0) // once is once
	v.want("00 0101", ipmi.Chassis, 0x07)
	v.want("00 ", ipmi.Chassis, 0x04, 2)
	v.want("00 21105000", ipmi.Chassis, 0x01)
	b.now = b.now.Add(3 * time.Second)
	v.want("00 21104000", ipmi.Chassis, 0x01)
}

func TestIPMIWatchdog(t *testing.T) {
	b := openBMC(t)
	v := b.visitor(5000, "ADMIN", "ADMIN")
	v.login(17, "ADMIN", "ADMIN", 4)
	v.ask(ipmi.App, 0x3b, 4)
	v.want("80 ", ipmi.App, 0x22)
	v.want("00 ", ipmi.App, 0x24, 4, 2, 0, 0, 100, 0)
	v.want("00 0402000064006400", ipmi.App, 0x25)
	v.want("00 ", ipmi.App, 0x22)
	b.now = b.now.Add(4 * time.Second)
	v.want("00 4402000064003c00", ipmi.App, 0x25)
	b.now = b.now.Add(7 * time.Second)
	v.want("00 0402001064006400", ipmi.App, 0x25)
	b.now = b.now.Add(3 * time.Second)
	v.want("00 20004000", ipmi.Chassis, 0x01) // it was powered down
}

func TestIPMIRecords(t *testing.T) {
	b := openBMC(t)
	v := b.visitor(5000, "ADMIN", "ADMIN")
	v.login(3, "ADMIN", "ADMIN", 4)
	v.ask(ipmi.App, 0x3b, 4)
	v.want("c5 ", ipmi.Storage, 0x43, 0, 0, 8, 0, 2, 7) // parts of records want a reservation
	v.want("00 0100", ipmi.Storage, 0x42)
	v.want("00 090002e637f5692000", ipmi.Storage, 0x43, 1, 0, 8, 0, 2, 7)
	v.want("c5 ", ipmi.Storage, 0x47, 9, 0, 'C', 'L', 'R', 0xaa)
	v.want("cc ", ipmi.Storage, 0x47, 1, 0, 'C', 'L', 'S', 0xaa)
	v.want("00 01", ipmi.Storage, 0x47, 1, 0, 'C', 'L', 'R', 0xaa)
	v.want("cb ", ipmi.Storage, 0x43, 0, 0, 0, 0, 0, 0xff)
	v.want("00 51000000205c46f56940741d6a0a", ipmi.Storage, 0x40) // none, 8192 bytes, erased now

	v.want("00 000200", ipmi.Storage, 0x10, 0)
	v.want("00 040001050f", ipmi.Storage, 0x11, 0, 1, 0, 4)
	v.want("c9 ", ipmi.Storage, 0x11, 0, 0, 2, 8)
	v.want("cb ", ipmi.Storage, 0x11, 9, 0, 0, 8)
}

// TestIPMIShipped: the records of the shipped server are as the specifications want them.
func TestIPMIShipped(t *testing.T) {
	dev, err := profiles.Load("../profiles/bmc-2u-server")
	if err != nil {
		t.Fatal(err)
	}
	sec := dev.Services[0].Section.(*profiles.IPMI)
	read := func(name string) []byte {
		b, err := dev.ReadFile(name, 1<<16)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ids, sensors := map[uint16]bool{}, map[uint8]bool{}
	for b := read(sec.SDR); len(b) > 0; {
		n := 5 + int(b[4])
		if id := uint16(b[0]) | uint16(b[1])<<8; ids[id] {
			t.Errorf("record %d is there twice", id)
		} else {
			ids[id] = true
		}
		at := map[byte]int{1: 47, 2: 31, 0x11: 15, 0x12: 15}[b[3]] // of the name
		if at == 0 || b[at]>>6 != 3 || at+1+int(b[at]&0x1f) != n {
			t.Errorf("record %x: type %d, and a name that does not end with it", b[:n], b[3])
		}
		if b[3] <= 2 {
			sensors[b[7]] = true
		}
		b = b[n:]
	}
	for number := range sec.Sensors {
		if !sensors[number] {
			t.Errorf("sensor %d has no record", number)
		}
	}
	if len(ids) < 25 {
		t.Errorf("%d records", len(ids))
	}
	sum := func(b []byte) (s byte) {
		for _, c := range b {
			s += c
		}
		return s
	}
	for id, name := range sec.FRU {
		b := read(name)
		if sum(b[:8]) != 0 {
			t.Errorf("FRU %d: the header's checksum is wrong", id)
		}
		for _, at := range b[2:5] {
			if area := b[int(at)*8:]; at > 0 && sum(area[:int(area[1])*8]) != 0 {
				t.Errorf("FRU %d: the checksum of the area at %d is wrong", id, at)
			}
		}
	}
	if p, ok := ipmi.ReadProduct(read(sec.FRU[0])); !ok || p.Manufacturer != dev.Identity.Vendor || p.Serial != dev.Identity.Serial || p.Part != dev.Identity.Order {
		t.Errorf("the product area says %+v", p)
	}
	if n := len(read(sec.SEL)); n%16 != 0 || n == 0 {
		t.Errorf("%d bytes of events", n)
	}
}

// TestIPMISequence: a command that comes again is answered again and not carried out again; a packet that
// comes again is not answered at all; packets may overtake each other.
func TestIPMISequence(t *testing.T) {
	b := openBMC(t)
	v := b.visitor(5000, "ADMIN", "ADMIN")
	v.login(3, "ADMIN", "ADMIN", 4)
	v.ask(ipmi.App, 0x3b, 4)
	add := append([]byte{0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 1, 1, 1}, 0x57, 0x29, 0x28)
	q := v.command(ipmi.Storage, 0x44, add...)
	packet, err := q.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := answerText(v.send(packet)); got != "00 0a00" {
		t.Error(got)
	}
	if r := v.send(packet); r != nil {
		t.Errorf("the packet sent twice is answered with %s", answerText(r))
	}
	again := v.command(ipmi.Storage, 0x44, add...)
	again.Seq, v.rq = q.Seq, q.Seq
	if got := answerText(v.say(again)); got != "00 0a00" {
		t.Errorf("asked again: %s, want the answer again", got)
	}
	late, first := v.command(ipmi.App, 0x04), v.command(ipmi.App, 0x04)
	if a, b := answerText(v.say(first)), answerText(v.say(late)); a != "00 5500" || b != "00 5500" {
		t.Errorf("overtaken: %s and %s", a, b)
	}
	v.seq += 40
	if r := v.say(v.command(ipmi.App, 0x04)); r != nil {
		t.Errorf("a sequence number far ahead is answered with %s", answerText(r))
	}
}

// heap is how much memory is in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestIPMIFlood: whoever opens sessions without end keeps nobody out, and takes little memory.
func TestIPMIFlood(t *testing.T) {
	b := openBMC(t)
	v := b.visitor(5000, "ADMIN", "ADMIN")
	v.login(3, "ADMIN", "ADMIN", 4)
	before := heap()
	flood := b.visitor(6000, "", "")
	a, _ := ipmi.Suite(17)
	for i := range 20000 {
		flood.client = ipmi.NewConn(nil)
		r := flood.say(&ipmi.OpenSession{RMCP: ipmiHeader, Session: ipmi.Session{Format: ipmi.FormatRMCPPlus}, Console: uint32(i), Algorithms: a})
		if i%5000 == 0 {
			v.want("00 5500", ipmi.App, 0x04)
		}
		if _, ok := r.(*ipmi.OpenSessionReply); !ok {
			t.Fatalf("%d: %T", i, r)
		}
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("the flood took %d bytes", grown)
	}
	v.want("00 5500", ipmi.App, 0x04)
	if got := b.visitor(5001, "ADMIN", "ADMIN").login(17, "ADMIN", "ADMIN", 4); got != ipmi.StatusOK {
		t.Errorf("another visitor: %v", got)
	}
}

func TestIPMIConsole(t *testing.T) {
	b := openBMC(t)
	v := b.visitor(5000, "ADMIN", "ADMIN")
	v.login(3, "ADMIN", "ADMIN", 4)
	v.ask(ipmi.App, 0x3b, 4)
	v.want("00 00000000cc00cc006f02ffff", ipmi.App, 0x48, 1, 1, 0xc0, 0, 0, 0)
	v.want("80 ", ipmi.App, 0x48, 1, 1, 0xc0, 0, 0, 0)
	var heard string
	text := func(m wire.Message) *ipmi.SOL {
		s, ok := m.(*ipmi.SOL)
		if !ok {
			t.Fatalf("%T instead of the console", m)
		}
		heard += string(s.Text)
		return s
	}
	a, _ := v.session.Tick(b.now)
	first := text(v.hear(a))
	typed := func(seq, ack uint8, keys string) *ipmi.SOL {
		v.seq++
		m := &ipmi.SOL{RMCP: ipmiHeader, Session: ipmi.Session{Format: ipmi.FormatRMCPPlus, ID: v.BMC, Sequence: v.seq, Authenticated: true, Encrypted: true}, Sequence: seq, AckOf: ack, Text: []byte(keys)}
		v.iv[0]++
		m.SealWith(v.secret, bytes.Clone(v.iv[:]))
		return text(v.say(m))
	}
	r := typed(1, first.Sequence, "root\r")
	if r.AckOf != 1 || r.Accepted != 5 {
		t.Errorf("acknowledged %d characters of packet %d", r.Accepted, r.AckOf)
	}
	typed(2, r.Sequence, "toor\r")
	want := "\r\nNorhaven Linux 12 node-r12-u07 ttyS1\r\n\r\nnode-r12-u07 login: root\r\nPassword: \r\n\r\nLogin incorrect\r\nnode-r12-u07 login: "
	if heard != want {
		t.Errorf("got %q, want %q", heard, want)
	}
	v.want("00 010100", ipmi.App, 0x4a, 1)
	v.want("00 ", ipmi.App, 0x49, 1, 1, 0, 0, 0, 0)
	v.want("00 010000", ipmi.App, 0x4a, 1)
}

func FuzzIPMI(f *testing.F) {
	v := openBMC(f).visitor(5000, "ADMIN", "ADMIN")
	v.login(17, "ADMIN", "ADMIN", 4)
	for _, m := range []wire.Message{
		v.command(ipmi.App, 1), v.command(ipmi.Storage, 0x23, 0, 0, 0, 0, 0, 0xff), &ipmi.Ping{RMCP: ipmi.RMCP{Version: 6, RMCPSequence: 1, Class: ipmi.ClassASF}},
		&ipmi.Command{RMCP: ipmiHeader, Target: ipmi.Target{NetFn: ipmi.App, Cmd: 0x38}, Body: &ipmi.GetAuthCapabilities{Channel: 0x8e, Privilege: 4}},
		&ipmi.OpenSession{RMCP: ipmiHeader, Session: ipmi.Session{Format: ipmi.FormatRMCPPlus}},
	} {
		b, err := m.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(ipmi.Storage), uint8(0x23), []byte{0, 0, 0, 0, 0, 0xff})
	}
	f.Fuzz(func(t *testing.T, packet []byte, n, cmd uint8, data []byte) {
		v := openBMC(t).visitor(5000, "ADMIN", "ADMIN")
		v.login(17, "ADMIN", "ADMIN", 4)
		v.ask(ipmi.App, 0x3b, 4)
		v.send(packet)
		if len(data) > 200 {
			return
		}
		for range 2 {
			v.ask(ipmi.NetFn(n&0x3e), cmd, data...)
		}
	})
}
