package bacnet

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"strings"
	"testing"

	"ringer/capture/wire"
	"ringer/testdata/expected"
)

var update = flag.Bool("update", false, "write testdata/messages.txt anew")

const table = "testdata/messages.txt"

// A message of the table: its bytes, and what they say.
type message struct {
	bytes []byte
	text  string
}

func messages(t testing.TB) (all []message) {
	b, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		x, text, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		raw, err := hex.DecodeString(x)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, message{raw, text})
	}
	return all
}

// Every message of the table says what stands beside it, and encodes to the bytes it was read from.
func TestMessages(t *testing.T) {
	var out []byte
	for _, m := range messages(t) {
		n, got, err := Protocol{}.New().Next(wire.Client, m.bytes, true)
		if err != nil || n != len(m.bytes) {
			t.Errorf("%x: took %d, error %v", m.bytes, n, err)
			continue
		}
		text := string(wire.AppendJSON(nil, got))
		if text != m.text && !*update {
			t.Errorf("%x\n got %s\nwant %s", m.bytes, text, m.text)
		}
		if b, err := got.Append(nil); err != nil || !bytes.Equal(b, m.bytes) {
			t.Errorf("%x encodes to %x, error %v", m.bytes, b, err)
		}
		out = append(append(append(hex.AppendEncode(out, m.bytes), '\t'), text...), '\n')
	}
	if *update {
		if err := os.WriteFile(table, out, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, m := range messages(f) {
		f.Add(m.bytes)
	}
	reusing := &Conn{}
	reusing.Reuse()
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range []*Conn{{}, reusing} {
			n, m, err := c.Next(wire.Client, b, true)
			if err != nil {
				continue
			}
			out, err := m.Append(nil)
			if err != nil || !bytes.Equal(out, b[:n]) {
				t.Fatalf("%x encodes to %x, error %v", b[:n], out, err)
			}
			wire.Key(m)
			wire.Class(m)
			wire.AppendJSON(nil, m)
		}
	})
}

func FuzzValue(f *testing.F) {
	for _, s := range values {
		v, err := ParseValue(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(v))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		text := Value(b).String()
		if back, err := ParseValue(text); err != nil || !bytes.Equal(back, b) {
			t.Fatalf("%x prints %q, which is %x, error %v", b, text, back, err)
		}
	})
}

var values = []string{
	"null", "boolean true", "unsigned 0", "unsigned 70000", "signed -129", "real 72.5", "real NaN", "double -0.1", "octets 0a0b", "octets -",
	`text "Boiler \"2\""`, `text ucs2 "JCI"`, `text latin1 "Küche"`, "text 03000000", "bits 0100", "bits -", "enum 3",
	"date 2024-05-01/03", "date *-*-01/*", "time 23:59:*.07", "object analog-input,3", "object 300,4194303",
	`[0]{date 2024-05-01/03 time 12:00:00.00} [1] 0a [2]{[3]{} null}`, "[200]{unsigned 1} [16] -", "", "hex 3e", "13 00",
}

func TestValueText(t *testing.T) {
	for _, s := range values {
		v, err := ParseValue(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		if got := v.String(); got != s {
			t.Errorf("%q came back as %q (%x)", s, got, []byte(v))
		}
	}
	for _, s := range []string{"unsigned", "unsigned x", "real 1 2", "text x", "[1]", "[1]{", "}", "object x,1", "date 1", "what 1", "hex 1", "[255] 00", "date 1899-01-01/1"} {
		if v, err := ParseValue(s); err == nil {
			t.Errorf("%q is %x, want an error", s, []byte(v))
		}
	}
}

// Every APDU that an independent dissector found in the captures decodes to more than raw bytes, and encodes
// to the same ones.
func TestRecordings(t *testing.T) {
	expected.Tables(t, "../../../shared/captures", "bacnet", func(t *testing.T, rows []map[string]string) {
		var count, opaque int
		for _, row := range rows {
			for _, column := range []string{"req_apdu", "rsp_apdu"} {
				apdu, err := hex.DecodeString(row[column])
				if err != nil || len(apdu) == 0 {
					continue
				}
				b := append([]byte{linkType, byte(OriginalUnicast), 0, 0, networkVersion, 0}, apdu...)
				b, _ = (&Link{}).end(b, 0)
				_, m, err := Protocol{}.New().Next(wire.Client, b, true)
				if err != nil {
					t.Errorf("%x: %v", b, err)
					continue
				}
				if out, err := m.Append(nil); err != nil || !bytes.Equal(out, b) {
					t.Errorf("%x encodes to %x, error %v", b, out, err)
				}
				count++
				if _, ok := m.(*Raw); ok || isOpaque(m) && !strings.Contains(t.Name(), "error_reject_abort") {
					opaque++
					t.Logf("%x is opaque", b)
				}
			}
		}
		t.Logf("%d APDUs, %d of them opaque", count, opaque)
		if opaque*100 > count {
			t.Error("too many are opaque")
		}
	})
}

// isOpaque: its parameters were not understood, though they are no segment.
func isOpaque(m wire.Message) bool {
	var p Parameters
	switch m := m.(type) {
	case *ConfirmedRequest:
		p = m.Parameters
		if m.Segmented {
			return false
		}
	case *UnconfirmedRequest:
		p = m.Parameters
	case *ComplexAck:
		p = m.Parameters
		if m.Segmented {
			return false
		}
	case *Error:
		p = m.Parameters
	}
	_, ok := p.(*Opaque)
	return ok
}

// Answers find their questions, also when invoke identifiers are used again.
func TestMatch(t *testing.T) {
	read := func(id uint8) *ConfirmedRequest {
		return &ConfirmedRequest{InvokeID: id, Service: ReadProperty, Parameters: &ReadPropertyRequest{}}
	}
	low, high := uint32(1), uint32(5)
	open := []wire.Message{
		read(1), read(2), read(1),
		&UnconfirmedRequest{Service: WhoIs, Parameters: &WhoIsRequest{Low: &low, High: &high}},
		&UnconfirmedRequest{Service: WhoIs, Parameters: &WhoIsRequest{}},
		&SegmentAck{InvokeID: 9, Sequence: 3, Window: 2},
		&LinkMessage{Header: Header{Link: Link{Function: RegisterForeignDevice}}},
	}
	open[4].(*UnconfirmedRequest).Parameters.(*WhoIsRequest).Low = &high
	open[4].(*UnconfirmedRequest).Parameters.(*WhoIsRequest).High = &high
	iAm := func(n uint32) wire.Message {
		return &UnconfirmedRequest{Service: IAm, Parameters: &IAmRequest{Device: Object(8, n)}}
	}
	for _, tt := range []struct {
		name  string
		reply wire.Message
		i     int
		last  bool
	}{
		{"the newest of two", &ComplexAck{InvokeID: 1, Service: ReadProperty}, 2, true},
		{"error", &Error{InvokeID: 2, Service: ReadProperty}, 1, true},
		{"another service", &SimpleAck{InvokeID: 1, Service: WriteProperty}, -1, true},
		{"abort", &Abort{InvokeID: 2, Server: true}, 1, true},
		{"the client's own abort", &Abort{InvokeID: 2}, -1, true},
		{"in the wider range", iAm(3), 3, false},
		{"in both ranges", iAm(5), 4, false},
		{"in none", iAm(6), -1, true},
		{"a segment between", &ComplexAck{InvokeID: 9, Segmented: true, More: true, Sequence: 4}, 5, false},
		{"the last of a window", &ComplexAck{InvokeID: 9, Segmented: true, More: true, Sequence: 5}, 5, true},
		{"result", &LinkMessage{}, 6, true},
		{"unasked", &UnconfirmedRequest{Service: UnconfirmedCOVNotification}, -1, true},
	} {
		if i, last := (&Conn{}).Match(open, tt.reply); i != tt.i || i >= 0 && last != tt.last {
			t.Errorf("%s: matches %d, last %v; want %d, %v", tt.name, i, last, tt.i, tt.last)
		}
	}
}

func BenchmarkDecodeReadProperty(b *testing.B) {
	raw, _ := hex.DecodeString("810a001101040005010c0c023fffff194b")
	c := &Conn{}
	c.Reuse()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Next(wire.Client, raw, true); err != nil {
			b.Fatal(err)
		}
	}
}
