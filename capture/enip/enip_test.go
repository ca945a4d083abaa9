package enip

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"ringer/capture/wire"
)

const (
	// headers: session 0x3f18a609, context 1733060038bc270c
	rr   = "09a6183f 00000000 1733060038bc270c 00000000 00000000 0a00 0200 0000 0000 b200 "
	rrOK = "09a6183f 00000000 1733060038bc270c 00000000 00000000 0004 0200 0000 0000 b200 "
	unit = "09a6183f 00000000 0000000000000000 00000000 00000000 0000 0200 a100 0400 ac6fa509 b100 "
)

var rrHeader = Header{Session: 0x3f18a609, Context: Context{0x17, 0x33, 6, 0, 0x38, 0xbc, 0x27, 0x0c}}

// messages are whole messages in hex, their length field left out: requests, then what answers them.
var messages = []struct {
	name, command, hex string
	from               wire.Side
	want               wire.Message
}{
	{"list identity", "6300", "00000000 00000000 c1debed100000000 00000000", wire.Client,
		&List{Header{Context: Context{0xc1, 0xde, 0xbe, 0xd1}}, ListIdentity}},
	{"list identity reply", "6300", "00000000 00000000 c1debed100000000 00000000 0100 0c00 3000 0100 0002 af12 0a0101a4 0000000000000000" +
		"0100 0c00 9500 0b01 3000 78563412 0e 313736392d4c3335452045746872 03", wire.Server, nil},
	{"list services reply", "0400", "00000000 00000000 0000000000000000 00000000 0100 0001 1400 0100 2001 436f6d6d756e69636174696f6e730000", wire.Server,
		&ListServicesReply{Offers: []Offer{{0x100, 1, 0x120, [16]byte([]byte("Communications\x00\x00"))}}}},
	{"list interfaces reply", "6400", "00000000 00000000 0000000000000000 00000000 0000", wire.Server, &ListReply{Command: ListInterfaces}},
	{"register session", "6500", "00000000 00000000 0000000000000000 00000000 0100 0000", wire.Client, &RegisterSession{Version: 1}},
	{"register session reply", "6500", "00010211 00000000 0000000000000000 00000000 0100 0000", wire.Server, &RegisterSessionReply{Session: 0x11020100, Version: 1}},
	{"unregister session", "6600", "00010211 00000000 0000000000000000 00000000", wire.Client, &UnregisterSession{Header{Session: 0x11020100}}},
	{"no operation", "0000", "00010211 00000000 0000000000000000 00000000 0102", wire.Client, &Raw{Header{Session: 0x11020100}, NOP, []byte{1, 2}}},
	{"get attribute single", "6f00", rr + "0800 0e03 2001 2401 3007", wire.Client,
		&Unconnected{Header: rrHeader, Timeout: 10, Request: Request{Service: GetAttributeSingle, Path: AttributePath(1, 1, 7)}}},
	{"get attribute single reply", "6f00", rrOK + "0800 8e00 0000 03414243", wire.Server,
		&UnconnectedReply{Header: rrHeader, Timeout: 1024, Response: Response{Service: GetAttributeSingle, Data: []byte("\x03ABC")}}},
	{"refusal with additional status", "6f00", rrOK + "0600 cc00 ff01 0521", wire.Server,
		&UnconnectedReply{Header: rrHeader, Timeout: 1024, Response: Response{Service: ReadTag, Status: 0xff, Extended: []uint16{0x2105}}}},
	{"unconnected send", "6f00", rr + "1800 5202 2006 2401 069a 0600 0102 2001 2401 0100 0100 9104 41424344", wire.Client, nil},
	{"unconnected send", "6f00", rr + "1400 5202 2006 2401 069a 0600 0102 2001 2401 0100 0100", wire.Client,
		&Unconnected{Header: rrHeader, Timeout: 10, Request: Request{Service: 0x52, Path: ObjectPath(6, 1), Send: &UnconnectedSend{
			Priority: 6, Timeout: 0x9a, Request: Request{Service: GetAttributesAll, Path: ObjectPath(1, 1)}, Route: Path{1, 0}}}}},
	{"forward open", "6f00", rr + "2e00 5402 2006 2401 079b 06000080 0500fe80 0600 4d00 e0312b3d 02 3d0600 d0121300 1243 d0121300 1243 a3 02 2002 2401", wire.Client,
		&Unconnected{Header: rrHeader, Timeout: 10, Request: Request{Service: 0x54, Path: ObjectPath(6, 1), Open: &ForwardOpen{
			Priority: 7, Timeout: 0x9b, OT: 0x80000006, TO: 0x80fe0005, Serial: 6, Vendor: 0x4d, OriginatorSerial: 0x3d2b31e0, Multiplier: 2,
			Reserved: [3]byte{0x3d, 6}, OTInterval: 1250000, OTParameters: 0x4312, TOInterval: 1250000, TOParameters: 0x4312, Transport: 0xa3, Path: ObjectPath(2, 1)}}}},
	{"forward open reply", "6f00", rrOK + "1e00 d400 0000 6ef3240a 0500fe80 0600 4d00 e0312b3d d0121300 d0121300 0000", wire.Server,
		&UnconnectedReply{Header: rrHeader, Timeout: 1024, Response: Response{Service: 0x54, Open: &ForwardOpenReply{
			OT: 0x0a24f36e, TO: 0x80fe0005, Serial: 6, Vendor: 0x4d, OriginatorSerial: 0x3d2b31e0, OTInterval: 1250000, TOInterval: 1250000}}}},
	{"large forward open", "6f00", rr + "3200 5b02 2006 2401 079b 06000080 0500fe80 0600 4d00 e0312b3d 02 000000 d0121300 a00f0042 d0121300 a00f0042 a3 02 2002 2401", wire.Client, nil},
	{"large forward open refused", "6f00", rrOK + "1000 db00 0101 0301 0600 4d00 e0312b3d 0000", wire.Server, nil},
	{"forward close", "6f00", rr + "1600 4e02 2006 2401 079b 0600 4d00 e0312b3d 0200 2002 2401", wire.Client,
		&Unconnected{Header: rrHeader, Timeout: 10, Request: Request{Service: 0x4e, Path: ObjectPath(6, 1), Close: &ForwardClose{
			Priority: 7, Timeout: 0x9b, Serial: 6, Vendor: 0x4d, OriginatorSerial: 0x3d2b31e0, Path: ObjectPath(2, 1)}}}},
	{"forward close reply", "6f00", rrOK + "0e00 ce00 0000 0600 4d00 e0312b3d 0000", wire.Server,
		&UnconnectedReply{Header: rrHeader, Timeout: 1024, Response: Response{Service: 0x4e, Close: &ForwardCloseReply{
			Serial: 6, Vendor: 0x4d, OriginatorSerial: 0x3d2b31e0}}}},
	{"read tag", "7000", unit + "1000 d5e2 4c04 9105 4c4556454c00 0100", wire.Client,
		&Connected{Header: Header{Session: 0x3f18a609}, OT: 0x09a56fac, Sequence: 0xe2d5, Request: Request{Service: ReadTag, Path: Path(nil).AppendSymbol("LEVEL"), Data: []byte{1, 0}}}},
	{"read tag reply", "7000", unit + "0c00 d5e2 cc00 0000 c400 07000000", wire.Server,
		&ConnectedReply{Session: 0x3f18a609, TO: 0x09a56fac, Sequence: 0xe2d5, Response: Response{Service: ReadTag, Data: []byte{0xc4, 0, 7, 0, 0, 0}}}},
	{"packet of two", "7000", unit + "2600 e46a 0a02 2002 2401 0200 0600 1200 4c02 2072 2400 00ce0400 0100 4c02 2072 2400 2c3d0400 0100", wire.Client,
		&Connected{Header: Header{Session: 0x3f18a609}, OT: 0x09a56fac, Sequence: 0x6ae4, Request: Request{Service: MultipleServicePacket, Path: ObjectPath(2, 1), Packet: []Request{
			{Service: ReadTag, Path: ObjectPath(0x72, 0), Data: []byte{0, 0xce, 4, 0, 1, 0}},
			{Service: ReadTag, Path: ObjectPath(0x72, 0), Data: []byte{0x2c, 0x3d, 4, 0, 1, 0}}}}}},
	{"packet of two, reply", "7000", unit + "1c00 e46a 8a00 0000 0200 0600 0e00 cc00 0000 01000000 cc00 0500 05000000", wire.Server,
		&ConnectedReply{Session: 0x3f18a609, TO: 0x09a56fac, Sequence: 0x6ae4, Response: Response{Service: MultipleServicePacket, Packet: []Response{
			{Service: ReadTag, Data: []byte{1, 0, 0, 0}}, {Service: ReadTag, Status: 5, Data: []byte{5, 0, 0, 0}}}}}},
	{"PCCC", "7000", unit + "1800 d5e3 4b02 2067 2401 07 4d00 e0312b3d 0f 00 62c5 a2 0289010000", wire.Client,
		&Connected{Header: Header{Session: 0x3f18a609}, OT: 0x09a56fac, Sequence: 0xe3d5, Request: Request{Service: ExecutePCCC, Path: ObjectPath(0x67, 1), PCCC: &PCCC{
			Requestor: []byte{7, 0x4d, 0, 0xe0, 0x31, 0x2b, 0x3d}, Command: 0x0f, Transaction: 0xc562, Function: 0xa2, Data: []byte{2, 0x89, 1, 0, 0}}}}},
	{"PCCC reply", "7000", unit + "1300 d5e3 cb00 0000 07 4d00 e0312b3d 4f 00 62c5 0100", wire.Server,
		&ConnectedReply{Session: 0x3f18a609, TO: 0x09a56fac, Sequence: 0xe3d5, Response: Response{Service: ExecutePCCC, PCCC: &PCCCReply{
			Requestor: []byte{7, 0x4d, 0, 0xe0, 0x31, 0x2b, 0x3d}, Command: 0x4f, Transaction: 0xc562, Data: []byte{1, 0}}}}},
	{"a session that is not there", "6f00", "09a6183f 64000000 1733060038bc270c 00000000", wire.Server, &Raw{Header{0x3f18a609, StatusInvalidSession, rrHeader.Context, 0}, SendRRData, nil}},
	{"a request that lies about its path", "6f00", rr + "0400 0eff 2001", wire.Client, &Raw{rrHeader, SendRRData, mustHex("00000000 0a00 0200 0000 0000 b200 0400 0eff 2001")}},
	{"a packet with a gap", "7000", unit + "1a00 e46a 0a02 2002 2401 0100 0600 4c02 2072 2400 00ce0400 0100", wire.Client, nil},
}

func mustHex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// whole puts the command and the lengths in.
func whole(command, s string) []byte {
	b := mustHex(s)
	n := len(b) + 4 - headerSize
	b = append(append(mustHex(command), byte(n), byte(n>>8)), b...)
	for _, at := range []int{38, 42} { // the data item behind a null or a connection address
		if at+2 <= len(b) && (command == "6f00" && at == 38 || command == "7000" && at == 42) && b[at-2] >= 0xb1 && b[at-2] <= 0xb2 {
			b[at], b[at+1] = byte(len(b)-at-2), byte((len(b)-at-2)>>8)
		}
	}
	return b
}

func show(m wire.Message) string { return string(wire.AppendJSON(nil, m)) }

func TestMessages(t *testing.T) {
	c, hot := &Conn{}, &Conn{}
	hot.Reuse()
	for _, x := range messages {
		b := whole(x.command, x.hex)
		n, m, err := c.Next(x.from, b, false)
		if err != nil || n != len(b) {
			t.Fatalf("%s: Next took %d of %d bytes: %v", x.name, n, len(b), err)
		}
		if x.want != nil && !reflect.DeepEqual(m, x.want) {
			t.Errorf("%s: read\n%s\nwant\n%s", x.name, show(m), show(x.want))
		}
		if _, raw := m.(*Raw); raw && x.want == nil {
			t.Errorf("%s: read as raw: %s", x.name, show(m))
		}
		if again, err := m.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: written again as\n%x\nwant\n%x\n%v", x.name, again, b, err)
		}
		if _, h, err := hot.Next(x.from, b, false); err != nil || wire.Key(h) != wire.Key(m) {
			t.Errorf("%s: with reuse %v, %v", x.name, h, err)
		}
		for cut := range b {
			if n, m, err := (&Conn{}).Next(x.from, b[:cut], false); n != 0 || m != nil || err != nil {
				t.Fatalf("%s: %d of %d bytes: n %d, %v, %v", x.name, cut, len(b), n, m, err)
			}
		}
	}
}

func TestIO(t *testing.T) {
	b := mustHex("0200 0280 0800 03064b00 db943f00 b100 0600 a587e80f0300")
	n, m, err := (&Conn{}).Next(wire.Client, b, true)
	want := &IO{0x004b0603, 0x003f94db, mustHex("a587e80f0300")}
	if err != nil || n != len(b) || !reflect.DeepEqual(m, want) {
		t.Fatalf("%d, %v, %v", n, m, err)
	}
	if again, _ := m.Append(nil); !bytes.Equal(again, b) {
		t.Errorf("written again as %x", again)
	}
	if _, _, err := (&Conn{}).Next(wire.Client, b[:len(b)-1], true); err == nil {
		t.Error("a datagram cut short was read")
	}
}

func TestPaths(t *testing.T) {
	for s, want := range map[string]string{
		"2001 2401 3007":                     "class 1 instance 1 attribute 7",
		"21003403 25000001 31000a00":         "class 820 instance 256 attribute 10",
		"206b 2600 00000100":                 "class 107 instance 65536",
		"0100 2002 2401":                     "port 1/00 class 2 instance 1",
		"120d 3139322e3136382e312e3130 3200": "port 2/3139322e3136382e312e313032 ",
		"1f02 1200 0a0b 2c64":                "port 18/0a0b point 100",
		"3404 0100 0c00 5a00 8b01 2004":      "key 01000c005a008b01 class 4",
		"9105 4c4556454c00 2803":             `"LEVEL" member 3`,
		"6541 42434445":                      `"ABCDE"`,
		"60c7 3412":                          "symbol c73412",
		"8001 0102 2004":                     "data 0102 class 4",
		"4305 2004":                          "network 4305 class 4",
		"91ff 41":                            "91ff41",
		"e0":                                 "e0",
	} {
		got := Path(mustHex(s)).String()
		if strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
	route, rest := Path(mustHex("0100 2002 2401")).Route()
	if route.Hops() != "1/0" || rest.String() != "class 2 instance 1" {
		t.Errorf("route %q, rest %q", route.Hops(), rest)
	}
	if h := Path(mustHex("120c 31302e302e302e313131 3131 0102")).Hops(); h != "2/10.0.0.11111,1/2" {
		t.Errorf("hops %q", h)
	}
}

func TestNotOurs(t *testing.T) {
	for _, s := range []string{
		"47455420", "0300001611e0", "000000000006010300000001", strings.Repeat("00", 24),
		"0200 0000 00000000 00000001 0000000000000000 00000000",
	} {
		if n, m, err := (&Conn{}).Next(wire.Client, mustHex(s), false); err == nil {
			t.Errorf("%s: taken for ours: %d, %v", s, n, m)
		}
	}
	var unknown *CommandError
	_, _, err := (&Conn{}).Next(wire.Client, mustHex("9900 0200 00000000 00000000 0000000000000000 00000000 aabb"), false)
	if !errors.As(err, &unknown) || unknown.Size != 26 || unknown.Command != 0x99 {
		t.Errorf("a command that does not exist: %v", err)
	}
}

func TestResynchronise(t *testing.T) {
	m := whole("6f00", rr+"0800 0e03 2001 2401 3007")
	for cut := range m {
		c := &Conn{}
		c.Lost(wire.Client, -1)
		b := append(append([]byte(nil), m[cut:]...), m...)
		var last wire.Message
		for len(b) > 0 {
			n, got, err := c.Next(wire.Client, b, false)
			if err != nil || n == 0 {
				break
			}
			if got != nil {
				last = got
			}
			b = b[n:]
		}
		if _, ok := last.(*Unconnected); !ok || len(b) > 0 {
			t.Errorf("cut at %d: %d bytes left, last %v", cut, len(b), last)
		}
	}
}

func TestMatch(t *testing.T) {
	c := &Conn{}
	read := func(from wire.Side, name string) wire.Message {
		for _, x := range messages {
			if x.name == name {
				_, m, err := c.Next(from, whole(x.command, x.hex), false)
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
		}
		t.Fatalf("no %s", name)
		return nil
	}
	open := []wire.Message{
		read(wire.Client, "list identity"), read(wire.Client, "register session"), read(wire.Client, "get attribute single"),
		read(wire.Client, "read tag"), read(wire.Client, "PCCC"),
	}
	for name, want := range map[string]int{
		"list identity reply": 0, "register session reply": 1, "get attribute single reply": 2, "read tag reply": 3, "PCCC reply": 4,
		"list interfaces reply": -1, "packet of two, reply": -1, "a session that is not there": 2,
	} {
		if i, last := c.Match(open, read(wire.Server, name)); i != want || !last {
			t.Errorf("%s answers %d, want %d", name, i, want)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, x := range messages {
		f.Add(whole(x.command, x.hex), bool(x.from), false)
	}
	f.Add(mustHex("0200 0280 0800 03064b00 db943f00 b100 0600 a587e80f0300"), true, true)
	f.Fuzz(func(t *testing.T, b []byte, from, eof bool) {
		c, hot := &Conn{}, &Conn{}
		hot.Reuse()
		side := wire.Side(from)
		n, m, err := c.Next(side, b, eof)
		if n < 0 || n > len(b) || err != nil && n != 0 || m != nil && n == 0 {
			t.Fatalf("n %d of %d, %v, %v", n, len(b), m, err)
		}
		hn, hm, herr := hot.Next(side, b, eof)
		if hn != n || (hm == nil) != (m == nil) || (herr == nil) != (err == nil) {
			t.Fatalf("with reuse: n %d, %v, %v; without: %d, %v, %v", hn, hm, herr, n, m, err)
		}
		if m == nil {
			return
		}
		if again, err := m.Append(nil); err != nil || !bytes.Equal(again, b[:n]) {
			t.Fatalf("%s\nwritten as %x (%v)\nread from %x", show(m), again, err, b[:n])
		}
		if side == wire.Client && wire.Key(m) != wire.Key(hm) {
			t.Fatalf("keys %q and, with reuse, %q", wire.Key(m), wire.Key(hm))
		}
		wire.Class(m)
		lost := &Conn{}
		lost.Lost(side, 1)
		lost.Next(side, b, eof)
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"list identity", "get attribute single", "read tag"} {
		for _, x := range messages {
			if x.name != name {
				continue
			}
			raw := whole(x.command, x.hex)
			b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
				c := &Conn{}
				c.Reuse()
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := c.Next(wire.Client, raw, false); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
