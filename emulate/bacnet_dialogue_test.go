package emulate_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// Dialogues are files of datagrams (>>>, in hexadecimal) and what comes back (<<<, with its origin behind,
// and what it says). "+ 10s" lets time pass; "tick" asks for what is said unasked. -update writes the answers.
func TestBACnetDialogue(t *testing.T) {
	dev, err := profiles.Load("testdata/bacnet/router")
	if err != nil {
		t.Fatal(err)
	}
	checkDialogue(t, "testdata/bacnet/router.txt", func(text string) string { return bacnetDialogue(t, dev, text) })
}

func bacnetDialogue(t *testing.T, dev *profiles.Device, text string) string {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	session := bacnetSession(t, dev, func() time.Time { return now })
	conn := bacnet.Protocol{}.New()
	conn.(wire.Reuser).Reuse()
	var out strings.Builder
	for _, line := range strings.SplitAfter(text, "\n") {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "<<<"):
			continue
		case len(words) == 2 && words[0] == ">>>":
			b, err := hex.DecodeString(words[1])
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			_, m, err := conn.Next(wire.Client, b, true)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			out.WriteString(line)
			out.WriteString(bacnetAnswer(t, session.Answer(m)))
			continue
		case len(words) == 2 && words[0] == "+":
			d, err := time.ParseDuration(words[1])
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(d)
		case len(words) == 1 && words[0] == "tick":
			a, _ := session.Tick(now)
			out.WriteString(line)
			out.WriteString(bacnetAnswer(t, a))
			continue
		}
		out.WriteString(line)
	}
	return out.String()
}

func bacnetSession(t testing.TB, dev *profiles.Device, now func() time.Time) emulate.Session {
	t.Helper()
	st, err := emulate.NewState(dev, emulate.Settings{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	service, err := emulate.Open(st, dev, &dev.Services[0], bacnet.Protocol{})
	if err != nil {
		t.Fatal(err)
	}
	return service.Open(emulate.Peer{Remote: netip.MustParseAddrPort("10.9.9.9:47808")})
}

// bacnetAnswer writes an answer, each datagram of which must be one that can be read.
func bacnetAnswer(t testing.TB, a emulate.Answer) string {
	t.Helper()
	if len(a.Messages) == 0 {
		return fmt.Sprintf("<<< silence (%v)\n", a.From)
	}
	var out strings.Builder
	for _, m := range a.Messages {
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, again, err := bacnet.Protocol{}.New().Next(wire.Server, b, true)
		if err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		if _, raw := again.(*bacnet.Raw); raw {
			t.Errorf("%x cannot be read", b)
		}
		fmt.Fprintf(&out, "<<< %x (%v)\n<<< %s\n", b, a.From, wire.AppendJSONCut(nil, again, 64))
	}
	return out.String()
}

// Whatever is asked, a session answers with datagrams that can be read, and goes on.
func FuzzBACnetAnswer(f *testing.F) {
	dev, err := profiles.Load("testdata/bacnet/router")
	if err != nil {
		f.Fatal(err)
	}
	dialogue, err := os.ReadFile("testdata/bacnet/router.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(dialogue)) {
		if h, ok := strings.CutPrefix(strings.TrimSpace(line), ">>> "); ok {
			b, _ := hex.DecodeString(h)
			f.Add(b)
		}
	}
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	session := bacnetSession(f, dev, func() time.Time { return now })
	conn := bacnet.Protocol{}.New()
	conn.(wire.Reuser).Reuse()
	f.Fuzz(func(t *testing.T, b []byte) {
		_, m, err := conn.Next(wire.Client, bytes.Clone(b), true)
		if err != nil {
			return
		}
		bacnetAnswer(t, session.Answer(m))
		now = now.Add(time.Second)
		a, _ := session.Tick(now)
		bacnetAnswer(t, a)
	})
}

// BenchmarkBACnetReadProperty is one request from bytes to bytes, of a device with 10,000 objects.
func BenchmarkBACnetReadProperty(b *testing.B) {
	session := bacnetSession(b, bigBACnet(b, 10000), time.Now)
	conn := bacnet.Protocol{}.New()
	conn.(wire.Reuser).Reuse()
	var reqs [][]byte
	for i := range 1000 {
		q := bacnet.ConfirmedRequest{Header: bacnet.Header{Link: bacnet.Link{Function: bacnet.OriginalUnicast}}, MaxAPDU: 5, InvokeID: uint8(i),
			Service: bacnet.ReadProperty, Parameters: &bacnet.ReadPropertyRequest{Object: bacnet.Object(bacnet.ObjectAnalogInput, uint32(i*7%10000)), Property: bacnet.PropPresentValue}}
		raw, _ := q.Append(nil)
		reqs = append(reqs, raw)
	}
	buf := make([]byte, 0, 1500)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, m, err := conn.Next(wire.Client, reqs[i%len(reqs)], true)
		if err != nil {
			b.Fatal(err)
		}
		a := session.Answer(m)
		if len(a.Messages) != 1 {
			b.Fatal("no answer")
		}
		if buf, err = a.Messages[0].Append(buf[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func bigBACnet(t testing.TB, n int) *profiles.Device {
	t.Helper()
	var values []byte
	for i := range n {
		values = fmt.Appendf(values, "analog-input,%d present-value\treal %d.5\n", i, i)
	}
	dev, err := profiles.Parse([]byte("apiVersion: ringer/v1\nkind: Device\nid: big\nservices:\n- bacnet: {port: 47808/udp, device: 7, values: v.tsv}\n"),
		"device.yaml", fstest.MapFS{"v.tsv": &fstest.MapFile{Data: values}})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}
