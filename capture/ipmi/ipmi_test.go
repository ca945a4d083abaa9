package ipmi

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"ringer/capture/wire"
	"ringer/testdata/expected"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	head  = RMCP{Version: 6, RMCPSequence: 0xff, Class: ClassIPMI}
	plus  = Session{Format: FormatRMCPPlus}
	there = Link{To: 0x20, From: 0x81, Seq: 1}
	back  = Link{To: 0x81, From: 0x20, Seq: 1}
)

// messages are checked both ways.
var messages = []struct {
	name string
	from wire.Side
	hex  string
	want wire.Message
}{
	{"ping", wire.Client, "0600ff06 000011be 80 05 00 00", &Ping{RMCP{6, 0, 255, ClassASF}, 5, 0}},
	{"pong", wire.Server, "0600ff06 000011be 40 05 00 10 000011be 00000000 81 00 000000000000",
		&Pong{RMCP{6, 0, 255, ClassASF}, 5, 0, 4542, 0, 0x81, 0, make([]byte, 6)}},
	{"acknowledgement", wire.Server, "06001187", &Ack{RMCP{6, 0, 0x11, ClassIPMI | AckBit}}},
	{"authentication capabilities", wire.Client, "0600ff07 00 00000000 00000000 09 20 18 c8 81 04 38 0e 04 31",
		&Command{head, Session{}, there, Target{App, 0, 0x38}, &GetAuthCapabilities{0x0e, 4}}},
	{"authentication capabilities, answered", wire.Server, "0600ff07 00 00000000 00000000 10 81 1c 63 20 04 38 00 01 97 06 03 000000 00 03",
		&Reply{head, Session{}, back, Target{App | 1, 0, 0x38}, CodeOK, &GetAuthCapabilitiesReply{Channel: 1, Types: 0x97, Status: 6, Extended: 3}}},
	{"a refusal", wire.Server, "0600ff07 00 00000000 00000000 08 81 1c 63 20 04 01 c1 1a",
		&Reply{head, Session{}, back, Target{App | 1, 0, 1}, InvalidCommand, Data(nil)}},
	{"DCMI power reading", wire.Client, "0600ff07 00 00000000 00000000 0b 20 b0 30 81 04 02 dc 01 00 00 9c",
		&Command{head, Session{}, there, Target{Group, 0, 2}, &GetPowerReading{0xdc, 1, 0, 0}}},
	{"a wrong checksum", wire.Client, "0600ff07 00 00000000 00000000 07 20 18 c8 81 04 01 00",
		&Raw{head, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x20, 0x18, 0xc8, 0x81, 4, 1, 0}}},
	{"open session", wire.Client, "0600ff07 06 10 00000000 00000000 2000 00 00 0000 a4a3a2a0 00000008 01000000 01000008 01000000 02000008 01000000",
		&OpenSession{RMCP: head, Session: plus, Console: 0xa0a2a3a4, Algorithms: Algorithms{AuthHMACSHA1, IntegrityHMACSHA1, CryptAES},
			shape: [3][8]byte{{0, 0, 0, 8, 1}, {1, 0, 0, 8, 1}, {2, 0, 0, 8, 1}}}},
	{"a suite refused", wire.Server, "0600ff07 06 11 00000000 00000000 0800 00 11 00 00 a4a3a2a0",
		&OpenSessionReply{RMCP: head, Session: plus, Status: NoMatchingCipherSuite, Console: 0xa0a2a3a4, Short: true, bare: true}},
	{"a suite refused by OpenIPMI", wire.Server, "0600ff07 06 11 00000000 00000000 0200 0a 10",
		&OpenSessionReply{RMCP: head, Session: plus, Tag: 10, Status: InvalidCryptAlgorithm, Short: true, bare: true, curt: true}},
	{"RAKP 1", wire.Client, "0600ff07 06 12 00000000 00000000 2000 00 000000 02000000 000102030405060708090a0b0c0d0e0f 14 0000 04 726f6f74",
		&RAKP1{RMCP: head, Session: plus, BMC: 2, Random: [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, Role: 0x14, User: Name("root")}},
	{"RAKP 2 to nobody", wire.Server, "0600ff07 06 13 00000000 00000000 0800 00 0d 0000 a4a3a2a0",
		&RAKP2{RMCP: head, Session: plus, Status: UnauthorizedName, Console: 0xa0a2a3a4, Short: true}},
	{"RAKP 3", wire.Client, "0600ff07 06 14 00000000 00000000 0a00 00 00 0000 02000000 abcd",
		&RAKP3{RMCP: head, Session: plus, BMC: 2, Code: []byte{0xab, 0xcd}}},
	{"RAKP 4", wire.Server, "0600ff07 06 15 00000000 00000000 0a00 00 00 0000 a4a3a2a0 abcd",
		&RAKP4{RMCP: head, Session: plus, Console: 0xa0a2a3a4, Check: []byte{0xab, 0xcd}}},
	{"encrypted", wire.Client, "0600ff07 06 c0 02000000 01000000 0400 01020304 ffff0207 aabb",
		&Sealed{RMCP: head, Session: Session{Format: FormatRMCPPlus, Encrypted: true, Authenticated: true, ID: 2, Sequence: 1, AuthCode: []byte{0xaa, 0xbb}}, Data: []byte{1, 2, 3, 4}}},
	{"serial over LAN", wire.Server, "0600ff07 06 01 02000000 01000000 0600 01 00 00 00 6869",
		&SOL{RMCP: head, Session: Session{Format: FormatRMCPPlus, ID: 2, Sequence: 1}, Sequence: 1, Text: []byte("hi")}},
}

var unexported = cmp.Options{
	cmp.AllowUnexported(OpenSession{}, OpenSessionReply{}), cmpopts.IgnoreUnexported(Session{}),
}

func TestMessages(t *testing.T) {
	for _, m := range messages {
		b := unhex(t, m.hex)
		n, got, err := Protocol{}.New().Next(m.from, b, true)
		if err != nil || n != len(b) {
			t.Errorf("%s: took %d of %d bytes: %v", m.name, n, len(b), err)
			continue
		}
		if d := cmp.Diff(m.want, got, unexported); d != "" {
			t.Errorf("%s: %s", m.name, d)
		}
		if out, err := m.want.Append(nil); err != nil || !bytes.Equal(out, b) {
			t.Errorf("%s encodes to %x (%v), want %x", m.name, out, err, b)
		}
	}
}

func TestForms(t *testing.T) {
	for _, all := range []map[uint8]command{commands[App], commands[Chassis], commands[Sensor], commands[Storage], commands[Transport], dcmi} {
		for cmd, c := range all {
			for _, form := range []func() Body{c.asks, c.says} {
				if form == nil {
					continue
				}
				b := appendBody(nil, form())
				for i := range b {
					b[i] = byte(i + 1)
				}
				m := form()
				if !readFields(b, m) || !bytes.Equal(appendBody(nil, m), b) {
					t.Errorf("command %02x, %s: %x becomes %x", cmd, c.name, b, appendBody(nil, m))
				}
				if len(b) > 0 && readFields(b[:len(b)-1], form()) && reflect.TypeOf(m).Elem().NumField() == 1 {
					t.Errorf("command %02x, %s: reads too few bytes", cmd, c.name)
				}
			}
		}
	}
}

// The test vectors of RFC 1319, appendix A.5.
func TestMD2(t *testing.T) {
	for text, want := range map[string]string{
		"": "8350e5a3e24c153df2275c9f80692773", "a": "32ec01ec4a6dac72c0ab96fb34c0b5d1", "abc": "da853b0d3f88d99b30283a69e6ded6bb",
		"message digest":             "ab4f496bfb2a530b219ff33031fe06b0",
		"abcdefghijklmnopqrstuvwxyz": "4e8ddff3650292ab5a4108c3aa47940b",
	} {
		h := newMD2()
		io.WriteString(h, text)
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("MD2 of %q is %s, want %s", text, got, want)
		}
	}
}

func TestSuites(t *testing.T) {
	for n := range uint8(20) {
		a, ok := Suite(n)
		if back, known := a.Number(); !ok || !known || back != n {
			t.Errorf("suite %d is %v, which is suite %d", n, a, back)
		}
	}
}

type datagram struct {
	from    wire.Side
	payload []byte
}

// datagrams reads the UDP payloads of a recording; server is the port of the controller.
func datagrams(t *testing.T, name string, server layers.UDPPort) []datagram {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Skipf("the recording is not here: %v", err)
	}
	var src gopacket.PacketDataSource
	var link layers.LinkType
	if ng, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.DefaultNgReaderOptions); err == nil {
		src, link = ng, ng.LinkType()
	} else if r, err := pcapgo.NewReader(bytes.NewReader(b)); err == nil {
		src, link = r, r.LinkType()
	} else {
		t.Fatal(err)
	}
	var out []datagram
	for {
		data, _, err := src.ReadPacketData()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if u, ok := gopacket.NewPacket(data, link, gopacket.Default).Layer(layers.LayerTypeUDP).(*layers.UDP); ok {
			out = append(out, datagram{wire.Side(u.SrcPort == server), u.Payload})
		}
	}
}

// TestRecordings decodes every datagram of the real captures as the dissector does, and encodes it again.
func TestRecordings(t *testing.T) {
	for _, name := range []string{"gigabyte-lan15-from-transcript", "gigabyte-r163-rmcpplus-from-hexdump", "ndpi-rmcp"} {
		t.Run(name, func(t *testing.T) {
			all := datagrams(t, filepath.Join("../../../shared/captures/ipmi", name+".pcap"), 623)
			table := expected.Rows(t, "../../../shared/captures", "ipmi/"+name+".pcap", "ipmi")
			if len(all) != len(table) {
				t.Fatalf("%d datagrams, the dissector has %d", len(all), len(table))
			}
			c := Protocol{}.New()
			for i, d := range all {
				n, m, err := c.Next(d.from, d.payload, true)
				if err != nil || n != len(d.payload) {
					t.Fatalf("datagram %d: took %d of %d bytes: %v", i+1, n, len(d.payload), err)
				}
				if out, err := m.Append(nil); err != nil || !bytes.Equal(out, d.payload) {
					t.Errorf("datagram %d: %x becomes %x (%v)", i+1, d.payload, out, err)
				}
				row := table[i]
				switch m := m.(type) {
				case *Command:
					if got, want := hex.EncodeToString(appendBody(nil, m.Body)), row["data"]; got != want {
						t.Errorf("datagram %d: data %s, want %s", i+1, got, want)
					}
				case *Reply:
					if got, want := hex.EncodeToString(appendBody(nil, m.Body)), row["data"]; got != want {
						t.Errorf("datagram %d: data %s, want %s", i+1, got, want)
					}
				case *Raw:
					t.Errorf("datagram %d is not understood: %x", i+1, d.payload)
				}
			}
		})
	}
}

// TestSessions reads sessions that ipmitool had with a simulated controller: with the password, everything
// in them is proven and read; without, or with another, what is encrypted stays sealed. Both encode to the
// bytes that were read.
func TestSessions(t *testing.T) {
	all := datagrams(t, "../../testdata/ipmi-sessions.pcapng", 9623)
	right := &Keys{Users: []User{{"other", "test"}, {"ipmiusr", "wrong"}, {"ipmiusr", "test"}}}
	for _, k := range []struct {
		name           string
		keys           *Keys
		sealed, proven int
	}{
		{"right", right, 0, 75}, {"wrong", &Keys{Users: []User{{"ipmiusr", "wrong"}}}, 17, 0}, {"none", nil, 17, 0},
	} {
		t.Run(k.name, func(t *testing.T) {
			c := NewConn(k.keys)
			sealed, proven := 0, 0
			for i, d := range all {
				_, m, err := c.Next(d.from, d.payload, true)
				if err != nil {
					t.Fatal(err)
				}
				if out, err := m.Append(nil); err != nil || !bytes.Equal(out, d.payload) {
					t.Errorf("datagram %d: %x becomes %x (%v)", i+1, d.payload, out, err)
				}
				if s, ok := m.(*Sealed); ok && s.Encrypted {
					sealed++
				}
				if s, ok := m.(interface{ InSession() *Session }); ok && s.InSession().Proven() {
					proven++
				}
			}
			if sealed != k.sealed || proven != k.proven {
				t.Errorf("%d sealed and %d proven, want %d and %d of %d", sealed, proven, k.sealed, k.proven, len(all))
			}
		})
	}
}

// TestReuse reads with one Conn that reuses its messages what a new one reads for each.
func TestReuse(t *testing.T) {
	hot := &Conn{}
	hot.Reuse()
	for range 2 {
		for _, m := range messages {
			b := unhex(t, m.hex)
			_, got, err := hot.Next(m.from, b, true)
			if d := cmp.Diff(m.want, got, unexported); d != "" || err != nil {
				t.Errorf("%s: %s (%v)", m.name, d, err)
			}
		}
	}
	keys := &Keys{Users: []User{{"ipmiusr", "test"}}}
	hot, cold := NewConn(keys), NewConn(keys)
	hot.Reuse()
	for i, d := range datagrams(t, "../../testdata/ipmi-sessions.pcapng", 9623) {
		_, want, _ := cold.Next(d.from, d.payload, true)
		_, got, err := hot.Next(d.from, d.payload, true)
		if diff := cmp.Diff(want, got, unexported); diff != "" || err != nil {
			t.Errorf("datagram %d: %s (%v)", i+1, diff, err)
		}
		if out, err := got.Append(nil); err != nil || !bytes.Equal(out, d.payload) {
			t.Errorf("datagram %d: %x becomes %x (%v)", i+1, d.payload, out, err)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, m := range messages {
		f.Add(unhex(f, m.hex), bool(m.from))
	}
	f.Fuzz(func(t *testing.T, b []byte, from bool) {
		keys := &Keys{Users: []User{{"", ""}, {"root", "root"}}}
		c, hot := NewConn(keys), NewConn(keys)
		hot.Reuse()
		for range 2 {
			n, m, err := c.Next(wire.Side(from), b, true)
			_, same, failure := hot.Next(wire.Side(from), b, true)
			if !reflect.DeepEqual(m, same) || (err == nil) != (failure == nil) {
				t.Fatalf("%x, reusing: %s (%v, %v)", b, cmp.Diff(m, same, unexported), err, failure)
			}
			if err != nil || m == nil {
				return
			}
			out, err := m.Append(nil)
			if n != len(b) || err != nil || !bytes.Equal(out, b) {
				t.Fatalf("%x decodes to %#v, which encodes to %x (%v)", b, m, out, err)
			}
			wire.Key(m)
			wire.Class(m)
			wire.AppendJSON(nil, m)
		}
	})
}

// FuzzSealed reads what comes in a session whose secret is known: what decodes encodes again, sealed as it was.
func FuzzSealed(f *testing.F) {
	for _, suite := range []uint8{2, 3, 8, 12, 17} {
		f.Add(suite, uint8(PayloadIPMI), unhex(f, "2018c88104380e0431"), []byte{1})
		f.Add(suite, uint8(PayloadSOL), unhex(f, "010000006869"), []byte{2, 3})
		f.Add(suite, uint8(PayloadRAKP3), unhex(f, "0000000002000000abcd"), []byte{})
	}
	f.Fuzz(func(t *testing.T, suite, payload uint8, data, iv []byte) {
		a, ok := Suite(suite)
		if !ok || len(data) > 1000 {
			return
		}
		h := Handshake{Algorithms: a, Console: 1, BMC: 2}
		secret := h.Secret("secret", "")
		s := Session{Format: FormatRMCPPlus, Encrypted: a.Confidentiality == CryptAES, Authenticated: a.Integrity != IntegrityNone, ID: 2, Sequence: 7}
		s.SealWith(secret, iv)
		b, err := appendSession(nil, &RMCP{Version: 6, RMCPSequence: NoAck, Class: ClassIPMI}, &s, sealedInside{Payload(payload & payloadMask), data})
		if err != nil {
			return
		}
		hot := &Conn{lookup: func(uint32) *Secret { return secret }}
		hot.Reuse()
		for _, c := range []*Conn{{lookup: hot.lookup}, hot, hot} {
			n, m, err := c.Next(wire.Client, b, true)
			if err != nil || m == nil {
				t.Fatalf("%x: %v", b, err)
			}
			if out, err := m.Append(nil); n != len(b) || err != nil || !bytes.Equal(out, b) {
				t.Fatalf("%x decodes to %#v, which encodes to %x (%v)", b, m, out, err)
			}
		}
	})
}

// sealedInside is what somebody puts into a session.
type sealedInside struct {
	kind Payload
	data []byte
}

func (p sealedInside) payload() Payload                       { return p.kind }
func (p sealedInside) appendPayload(b []byte) ([]byte, error) { return append(b, p.data...), nil }
