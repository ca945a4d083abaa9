package emulate_test

import (
	"bytes"
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// s7Talk makes exchanges of requests and replies in hexadecimal, one a second.
func s7Talk(t testing.TB, lines ...[2]string) (xs []capture.Exchange) {
	t.Helper()
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for i, l := range lines {
		x := capture.Exchange{At: at.Add(time.Duration(i) * time.Second), Latency: time.Millisecond, Protocol: s7comm.Protocol{}, Transport: "tcp", Conn: 1,
			Client: netip.MustParseAddrPort("10.0.0.9:4000"), Server: netip.MustParseAddrPort("10.0.0.1:102")}
		whole := func(s string) wire.Message {
			b := unhex(t, s)
			if b[0] == 0x32 {
				b = append([]byte{3, 0, byte((len(b) + 7) >> 8), byte(len(b) + 7), 2, 0xf0, 0x80}, b...)
			}
			return read(t, s7comm.Protocol{}, b)[0]
		}
		x.Request = whole(l[0])
		if l[1] != "" {
			x.Replies = []wire.Message{whole(l[1])}
		}
		xs = append(xs, x)
	}
	return xs
}

func s7Ask(t testing.TB, l *link, s string) string {
	t.Helper()
	b := unhex(t, s)
	if b[0] == 0x32 {
		b = append([]byte{3, 0, byte((len(b) + 7) >> 8), byte(len(b) + 7), 2, 0xf0, 0x80}, b...)
	}
	got := l.ask(t, b)
	if len(got) > 7 && got[5] == 0xf0 {
		got = got[7:]
	}
	return strings.ToLower(hexOf(got))
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, c := range b {
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
	return out.String()
}

func TestS7PasswordIsNotInTheProfile(t *testing.T) {
	secret := []byte("secret  ")
	sent := make([]byte, 8)
	for i, c := range secret {
		if sent[i] = c ^ 0x55; i >= 2 {
			sent[i] ^= sent[i-2]
		}
	}
	if got := profiles.DecodeS7Password(sent); string(got) != "secret" {
		t.Fatalf("decoded %q", got)
	}
	ask := func(reference string, password []byte) string {
		return "32070000" + reference + "0008000c" + "0001120411450100" + "ff090008" + hexOf(password)
	}
	right, wrong := ask("0001", sent), ask("0002", []byte("notright"))
	dev := learned(t, s7Talk(t,
		[2]string{wrong, "32070000 0002 000c 0004 000112081285010100 00d602 0a000000"},
		[2]string{right, "32070000 0001 000c 0004 000112081285010100 000000 0a000000"},
	))
	s := dev.Services[0].Section.(*profiles.S7)
	if !profiles.IsVerifier(s.Password) || !profiles.Verify(s.Password, []byte("secret")) {
		t.Errorf("the password is kept as %q", s.Password)
	}
	if len(dev.Redactions) != 1 {
		t.Errorf("redactions are %v", dev.Redactions)
	}
	err := fs.WalkDir(dev.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(dev.Files, name)
		if bytes.Contains(b, []byte("secret")) || bytes.Contains(b, []byte(hexOf(sent))) || bytes.Contains(b, sent) {
			t.Errorf("%s holds the password:\n%s", name, b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l := newS7Decoy(t, dev).dial()
	for range 3 {
		if got := s7Ask(t, l, wrong); !strings.Contains(got, "d602") {
			t.Errorf("a wrong password gets %s", got)
		}
		if got := s7Ask(t, l, right); strings.Contains(got, "d602") || !strings.HasSuffix(got, "00000a000000") {
			t.Errorf("the password gets %s", got)
		}
	}
}

func TestS7LearnedRefusals(t *testing.T) {
	connect := func(tsap, reference string) string {
		return "0300001611e00000" + reference + "00c0010ac1020100c202" + tsap
	}
	read := func(reference, item string) string { return "32010000" + reference + "000e00000401" + item }
	dev := learned(t, s7Talk(t,
		[2]string{connect("0103", "0001"), "0300000b 0680 0001 0000 02"},
		[2]string{connect("0102", "0002"), "0300001611d00002000400c0010ac1020100c2020102"},
		[2]string{read("0003", "120a10020002000184000000"), "32030000 0003 0002 0006 0000 0401 ff040010 1234"},
		[2]string{read("0004", "120a10020002000984000000"), "32030000 0004 0002 0004 0000 0401 0a000000"},
		[2]string{read("0005", "120a10020002000184000010"), "32030000 0005 0002 0004 0000 0401 05000000"},
		[2]string{"320100000006000300005511aa", "320200000006000000008104"},
		[2]string{"320700000007000800080001120411440100ff09000409910000", "320700000007000c000400011208128401010000d4010a000000"},
		[2]string{read("0008", "120a10020001000284000000"), ""},
	))
	s := dev.Services[0].Section.(*profiles.S7)
	if got := strings.Join(s.TSAP.Accept, " "); got != "rack0slot2" || s.TSAP.Reference != 4 {
		t.Errorf("accepts %s, reference %d", got, s.TSAP.Reference)
	}
	if s.SZL["0991/0000"] != "D401" {
		t.Errorf("lists are %v", s.SZL)
	}
	d := newS7Decoy(t, dev)
	l := d.dial()
	for _, x := range [][2]string{
		{connect("0103", "0009"), "0300000b06800009000002"},
		{connect("0202", "0009"), "0300001611d00009000400c0010ac1020100c2020202"},
		{read("0013", "120a10020002000184000000"), "3203000000130002000600000401ff0400101234"},
		{read("0014", "120a10020002000984000000"), "32030000001400020004000004010a000000"},
		{read("0015", "120a10020002000184000010"), "3203000000150002000400000401" + "05000000"},
		{"320100000016000300005511aa", "320200000016000000008104"},
		{"320700000017000800080001120411440100ff09000409910000", "320700000017000c000400011208128401010000d4010a000000"},
		{"320700000019000800080001120411440100ff09000409920000", "320700000019000c000400011208128401010000d4010a000000"},
		{read("0018", "120a10020001000284000000"), ""}, // silent, as recorded
	} {
		if got := s7Ask(t, l, x[0]); got != x[1] {
			t.Errorf("%s\ngets %s\nwant %s", x[0], got, x[1])
		}
	}
}

// TestS7WritesAreSharedByConnections: what one writes the other reads, and so does whoever has the point.
func TestS7WritesAreSharedByConnections(t *testing.T) {
	d := s7Handmade(t, `apiVersion: ringer/v1
kind: Device
id: cpu
points:
  level: {type: i32, value: -2, write: {}}
  name:  {type: text, value: pump, write: {}}
services:
  - s7:
      port: 102
      areas:
        DB1: {size: 40, map: [{at: 2, point: level}, {at: 10, point: name, as: "text:8"}]}
`)
	a, b := d.dial(), d.dial()
	if got := s7Ask(t, a, "320100000001000e00000401120a10070001000184000010"); got != "3203000000010002000800000401ff050020fffffffe" {
		t.Errorf("reads %s", got)
	}
	if got := s7Ask(t, a, "320100000002000e00080501120a10070001000184000010"+"0005002000000007"); got != "3203000000020002000100000501ff" {
		t.Errorf("writing gets %s", got)
	}
	p, err := d.state.Point("level")
	if err != nil || p.Get().Int() != 7 {
		t.Errorf("the point is %v, %v", p.Get(), err)
	}
	if got := s7Ask(t, b, "320100000003000e00000401120a10070001000184000010"); got != "3203000000030002000800000401ff05002000000007" {
		t.Errorf("the other connection reads %s", got)
	}
	if got := s7Ask(t, b, "320100000004000e00060501120a1002000200018400005000040010"+"6c69"); got != "3203000000040002000100000501ff" {
		t.Errorf("writing a part of a text gets %s", got)
	}
	if q, _ := d.state.Point("name"); q.Get().String() != "limp" {
		t.Errorf("the text is %q", q.Get())
	}
}
