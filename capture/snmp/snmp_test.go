package snmp

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"ringer/capture/wire"
)

var update = flag.Bool("update", false, "rewrite testdata/messages.txt from what the messages are read as")

// An example is a paragraph of testdata/messages.txt: a name, a message in hexadecimal, its class and
// effect, and what it says. Those marked real come from captures.
type example struct {
	name, class, says string
	bytes             []byte
}

func examples(t testing.TB) []example {
	t.Helper()
	b, err := os.ReadFile("testdata/messages.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []example
	for p := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n\n") {
		lines := strings.Split(p, "\n")
		if len(lines) != 4 {
			t.Fatalf("messages.txt: want four lines: %q", p)
		}
		raw, err := hex.DecodeString(lines[1])
		if err != nil {
			t.Fatalf("messages.txt: %s: %v", lines[0], err)
		}
		out = append(out, example{lines[0][2:], lines[2], lines[3], raw})
	}
	return out
}

// TestMessages reads every example and writes it again.
func TestMessages(t *testing.T) {
	var text strings.Builder
	for _, x := range examples(t) {
		n, m, err := new(Conn).Next(wire.Client, x.bytes, false)
		if err != nil || n != len(x.bytes) {
			t.Errorf("%s: took %d of %d bytes: %v", x.name, n, len(x.bytes), err)
			continue
		}
		name, effect := wire.Class(m)
		class, says := fmt.Sprint(name, " ", effect), string(wire.AppendJSON(nil, m))
		if !*update && (class != x.class || says != x.says) {
			t.Errorf("%s: read as\n%s\n%s\nwant\n%s\n%s", x.name, class, says, x.class, x.says)
		}
		fmt.Fprintf(&text, "# %s\n%x\n%s\n%s\n\n", x.name, x.bytes, class, says)
		if got, err := m.Append([]byte("before")); err != nil || string(got) != "before"+string(x.bytes) {
			t.Errorf("%s: read\n%x\nwrote\n%x, %v", x.name, x.bytes, got, err)
		}
	}
	if *update {
		if err := os.WriteFile("testdata/messages.txt", []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReuse reads the examples with one Conn, twice, without copying: nothing of one message may show
// in the next.
func TestReuse(t *testing.T) {
	c := &Conn{}
	c.Reuse()
	xs := examples(t)
	for range 2 {
		for _, x := range xs {
			_, m, err := c.Next(wire.Client, x.bytes, true)
			if err != nil {
				t.Fatal(err)
			}
			says := strings.Replace(string(wire.AppendJSON(nil, m)), `,"VarBinds":[]`, "", 1)
			if says != x.says {
				t.Errorf("%s: read as\n%s\nwant\n%s", x.name, says, x.says)
			}
			if got, _ := m.Append(nil); !bytes.Equal(got, x.bytes) {
				t.Errorf("%s: read\n%x\nwrote\n%x", x.name, x.bytes, got)
			}
		}
	}
}

// TestNotSNMP: other protocols' first bytes are refused, the sooner the better.
func TestNotSNMP(t *testing.T) {
	for _, b := range []string{
		"GET / HTTP/1.1\r\n", "\x00\x01\x00\x00\x00\x06", "\x03\x00\x00\x16", "\x81\x0a\x00\x11",
		"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00", // LDAP bind
		"\x30\x80\x02\x01\x00\x04\x00",                             // indefinite length
		"\x30\x84\x7f\xff\xff\xff",                                 // longer than any message
		"\x30\x0b\x02\x01\x02\x04\x00\xa0\x04\x02\x01\x00\x30",     // version 2
	} {
		if n, m, err := new(Conn).Next(wire.Client, []byte(b), false); err == nil {
			t.Errorf("%q: took %d bytes as %T", b, n, m)
		}
	}
}

// TestMatch: responses find their request by its id, whatever the order.
func TestMatch(t *testing.T) {
	q := func(typ PDUType, id int64) wire.Message {
		return &CommunityMessage{PDU: PDU{Type: typ, RequestID: id}}
	}
	open := []wire.Message{q(TrapV2, 2), q(GetRequest, 1), q(GetBulkRequest, 2), &V3Message{MsgID: 2}}
	c := Protocol{}.New()
	for _, x := range []struct {
		reply wire.Message
		want  int
	}{
		{q(Response, 1), 1}, {q(Response, 2), 2}, {q(Response, 3), -1}, {q(TrapV2, 1), -1},
		{&V3Message{MsgID: 2}, 3}, {&V3Message{MsgID: 1}, -1}, {&TrapMessage{}, -1}, {&Raw{}, -1},
	} {
		if i, last := c.Match(open, x.reply); i != x.want || !last {
			t.Errorf("%s: matched %d, want %d", wire.AppendJSON(nil, x.reply), i, x.want)
		}
	}
	if i, _ := c.Match(open[:1], &Raw{}); i != 0 {
		t.Errorf("what cannot be read answers the one open request: %d", i)
	}
}

// TestEcho: a recorded reply in odd lengths keeps them when it gets a new request id.
func TestEcho(t *testing.T) {
	for _, x := range examples(t) {
		if !strings.HasPrefix(x.name, "lengths in long form") {
			continue
		}
		_, m, _ := new(Conn).Next(wire.Server, x.bytes, true)
		reply := m.(*CommunityMessage)
		if n, ok := reply.LongLengths(); n != 2 || !ok {
			t.Errorf("lengths have %d octets", n)
		}
		made := &CommunityMessage{Version: reply.Version, Community: reply.Community, PDU: reply.PDU}
		made.UseLongLengths(2)
		if got, _ := made.Append(nil); !bytes.Equal(got, x.bytes) {
			t.Errorf("made anew:\n%x\nwant\n%x", got, x.bytes)
		}
		wire.Echo(reply, &CommunityMessage{PDU: PDU{RequestID: 0x11223344}})
		got, _ := reply.Append(nil)
		want := bytes.Replace(x.bytes, []byte("\x02\x02\x64\x2e"), []byte("\x02\x04\x11\x22\x33\x44"), 1)
		want[3], want[16] = want[3]+2, want[16]+2
		if !bytes.Equal(got, want) {
			t.Errorf("wrote\n%x\nwant\n%x", got, want)
		}
		return
	}
	t.Fatal("the example is gone")
}

// TestKey: the same question has the same key, another has another.
func TestKey(t *testing.T) {
	seen := map[string]string{}
	for _, x := range examples(t) {
		_, m, _ := new(Conn).Next(wire.Client, x.bytes, true)
		key := wire.Key(m)
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have one key", x.name, other)
		}
		seen[key] = x.name
		if m, ok := m.(*CommunityMessage); ok {
			m.PDU.RequestID++
			if wire.Key(m) != key {
				t.Errorf("%s: the request id is in the key", x.name)
			}
			m.Community = append(m.Community[:len(m.Community):len(m.Community)], 'x')
			if wire.Key(m) == key {
				t.Errorf("%s: the community is not in the key", x.name)
			}
		}
	}
}

// TestKeyAllocations: requests are looked up by their keys while serving.
func TestKeyAllocations(t *testing.T) {
	x := examples(t)[0]
	_, m, _ := new(Conn).Next(wire.Client, x.bytes, true)
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { buf = wire.AppendKey(buf[:0], m) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzNext: no panic; what is read is written as it was; a part of a message is not a message.
func FuzzNext(f *testing.F) {
	for _, x := range examples(f) {
		f.Add(x.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, m, err := new(Conn).Next(wire.Client, b, false)
		if n < 0 || n > len(b) || err != nil && n != 0 || n > 0 && m == nil {
			t.Fatalf("took %d of %d bytes: %v, %v", n, len(b), m, err)
		}
		if n == 0 {
			return
		}
		got, err := m.Append(nil)
		if err != nil || !bytes.Equal(got, b[:n]) {
			t.Fatalf("read\n%x\nas %s\nwrote\n%x, %v", b[:n], wire.AppendJSON(nil, m), got, err)
		}
		wire.Key(m)
		for i := range n {
			if k, part, err := new(Conn).Next(wire.Client, b[:i], false); k != 0 || part != nil || err != nil {
				t.Fatalf("%d of %d bytes were taken as %T, %v", i, n, part, err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	benchmark(b, func(b *testing.B, c *Conn, _ wire.Message, raw []byte) {
		for b.Loop() {
			if _, _, err := c.Next(wire.Client, raw, true); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	benchmark(b, func(b *testing.B, _ *Conn, m wire.Message, raw []byte) {
		buf := make([]byte, 0, 2*len(raw))
		for b.Loop() {
			if _, err := m.Append(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmark(b *testing.B, run func(*testing.B, *Conn, wire.Message, []byte)) {
	for _, x := range examples(b) {
		c := &Conn{}
		c.Reuse()
		_, m, err := c.Next(wire.Client, x.bytes, true)
		if err != nil {
			b.Fatal(err)
		}
		if name, _ := wire.Class(m); name == "getnext" || name == "response" || name == "getbulk" {
			b.Run(x.name, func(b *testing.B) {
				b.ReportAllocs()
				run(b, c, m, x.bytes)
			})
		}
	}
}
