package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

type oid []uint32

func (o oid) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]uint32(o)), " ", "."), "[]")
}

type header struct {
	Transaction uint16 `wire:"echo"`
	Length      uint16 `wire:"sum"`
	Unit        uint8
}

type binding struct {
	OID   oid `wire:"id"`
	Value []byte
}

type line struct {
	Name  string `wire:"id,fold"`
	Value string
}

type sample struct {
	header
	Handle   uint32 `wire:"minted"`
	Uptime   uint32 `wire:"clock"`
	Agent    string `wire:"-"`
	Bindings []binding
	Lines    []*line
	Sub      any
}

func (*sample) Append(b []byte) ([]byte, error) { return b, nil }

type other struct{ header }

func (*other) Append(b []byte) ([]byte, error) { return b, nil }

func message() *sample {
	return &sample{
		header: header{Transaction: 7, Length: 9, Unit: 1}, Handle: 5, Uptime: 100, Agent: "curl",
		Bindings: []binding{{oid{1, 3}, []byte{1}}, {oid{1, 4}, []byte{2}}},
		Lines:    []*line{{"Server", "a"}, {"Set-Cookie", "x"}, {"set-cookie", "y"}},
	}
}

func TestKeyLeavesVolatileFieldsOut(t *testing.T) {
	a, b := message(), message()
	b.Transaction, b.Length, b.Handle, b.Uptime, b.Agent = 1, 2, 3, 4, "wget"
	if Key(a) != Key(b) {
		t.Errorf("keys differ:\n%s\n%s", Key(a), Key(b))
	}
	b.Bindings[1].Value = []byte{3}
	if Key(a) == Key(b) {
		t.Errorf("another value has the same key %s", Key(a))
	}
}

func TestEchoAndAnswers(t *testing.T) {
	req, rep := &other{header{Transaction: 42, Unit: 9}}, message()
	if Answers(req, rep) {
		t.Error("a reply with another transaction answers the request")
	}
	Echo(rep, req)
	if rep.Transaction != 42 || rep.Unit != 1 || rep.Length != 9 {
		t.Errorf("echo made %+v: want only the transaction changed", rep.header)
	}
	if !Answers(req, rep) {
		t.Error("an echoed reply does not answer its request")
	}
	Unecho(rep, req)
	if rep.Transaction != 0 || rep.Unit != 1 || rep.Length != 9 {
		t.Errorf("unecho made %+v: want only the transaction emptied", rep.header)
	}
}

func TestDiff(t *testing.T) {
	tests := []struct {
		name   string
		change func(*sample)
		want   string // differences, then masks
	}{
		{"nothing", func(*sample) {}, ""},
		{"volatile", func(m *sample) { m.Transaction, m.Uptime, m.Handle, m.Agent = 0, 0, 0, "" }, "; Transaction echo, Handle minted, Uptime clock"},
		{"value", func(m *sample) { m.Bindings[1].Value = []byte{9} }, "Bindings[1.4].Value 02 09"},
		{"element gone", func(m *sample) { m.Bindings = m.Bindings[:1] }, "Bindings[1.4].OID 1.4 (absent), Bindings[1.4].Value 02 (absent)"},
		{"element more", func(m *sample) { m.Lines = append(m.Lines, &line{"X", "1"}) }, "Lines[x].Name (absent) X, Lines[x].Value (absent) 1"},
		{"letter case", func(m *sample) { m.Lines[0].Name = "SERVER" }, "Lines[server].Name Server SERVER"},
		{"second namesake", func(m *sample) { m.Lines[2].Value = "z" }, "Lines[set-cookie#2].Value y z"},
		{"order", func(m *sample) { m.Lines[0], m.Lines[1] = m.Lines[1], m.Lines[0] }, "order Lines[server].Name Lines[set-cookie].Name"},
	}
	for _, tt := range tests {
		got := message()
		tt.change(got)
		c := Diff(message(), got)
		var ds, ms []string
		for _, d := range c.Differences {
			ds = append(ds, d.Path+" "+d.Want+" "+d.Got)
		}
		for _, m := range c.Masked {
			ms = append(ms, m.Path+" "+m.Why)
		}
		s := strings.Join(ds, ", ")
		if len(ms) > 0 {
			s += "; " + strings.Join(ms, ", ")
		}
		if s != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, s, tt.want)
		}
	}
	if c := Diff(message(), &other{}); len(c.Differences) != 1 || c.Differences[0].Path != "type" {
		t.Errorf("another type: %+v", c)
	}
}

func TestAppendJSON(t *testing.T) {
	m := message()
	m.Agent = "a\"b\\\x01\xff\n"
	m.Sub = header{Unit: 3}
	var v map[string]any
	b := AppendJSON(nil, m)
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if v["type"] != "sample" || v["Unit"] != 1.0 || v["Length"] != nil || v["Agent"] != "a\"b\\\x01\ufffd\n" {
		t.Errorf("got %s", b)
	}
	if got := v["Bindings"].([]any)[1].(map[string]any); got["OID"] != "1.4" || got["Value"] != "02" {
		t.Errorf("binding %v", got)
	}
}

func TestReaderSticksToItsFirstError(t *testing.T) {
	r := NewReader([]byte{1, 2, 3, 4, 5, 6, 7})
	if a, b, c := r.Uint8(), r.Uint16(), r.Uint16(); a != 1 || b != 0x0203 || c != 0x0405 || r.Offset() != 5 {
		t.Errorf("got %x %x %x at %d", a, b, c, r.Offset())
	}
	if r.Uint32() != 0 || r.Err() != ErrShort {
		t.Errorf("read beyond the end: %v", r.Err())
	}
	if r.Uint8() != 0 || r.Rest() != nil {
		t.Error("reads went on after an error")
	}
	r = NewReader(nil)
	if r.Bytes(-1) != nil || r.Err() == nil {
		t.Error("a negative length was taken")
	}
}

func BenchmarkKey(b *testing.B) {
	m := message()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendKey(buf[:0], m)
	}
}

func BenchmarkDiff(b *testing.B) {
	m, n := message(), message()
	b.ReportAllocs()
	for b.Loop() {
		Diff(m, n)
	}
}

// TestNamesakes: however elements of a list are called, nothing differs from itself.
func TestNamesakes(t *testing.T) {
	for _, names := range [][]string{{"", "0", ""}, {"1", ""}, {"a", "a#2", "a", "a#2", "a"}, {"a", "a", "a#2", "a#3", "a"}} {
		m := message()
		m.Lines = nil
		for i, name := range names {
			m.Lines = append(m.Lines, &line{name, strconv.Itoa(i)})
		}
		if ds := Diff(m, m).Differences; len(ds) > 0 {
			t.Errorf("%q: %v", names, ds)
		}
	}
}
