package emulate_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringer/capture/enip"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// An enipDecoy is a device of EtherNet/IP in this process, with the session of one client.
type enipDecoy struct {
	services map[string]emulate.Service // by port
	now      time.Time
	handle   uint32 // of the session granted last
	ot       uint32 // of the connection opened last
	serial   uint16
}

func newENIPDecoy(t testing.TB, dev *profiles.Device) *enipDecoy {
	t.Helper()
	d := &enipDecoy{services: map[string]emulate.Service{}, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	st, err := emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return d.now }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range dev.Services {
		s, err := emulate.Open(st, dev, &dev.Services[i], enip.Protocol{})
		if err != nil {
			t.Fatal(err)
		}
		d.services[dev.Services[i].Common().Port.String()] = s
	}
	return d
}

func (d *enipDecoy) dial(port string) *link {
	number, _, _ := strings.Cut(port, "/")
	n, _ := strconv.Atoi(number)
	return newLink(d.services[port], emulate.Peer{
		Remote: netip.MustParseAddrPort("192.0.2.9:2222"), Local: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.7"), uint16(n)),
	})
}

func enipProfile(t testing.TB, name string) *profiles.Device {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := profiles.Parse(text, name, os.DirFS(filepath.Dir(name)))
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// TestENIPDialogues plays the dialogues in testdata/enip against the profile of their name (slc-files.txt
// against slc.yaml), else tags.yaml. A line that begins with ">>>" is
// what the client does: "list COMMAND"; "register"; "rr REQUEST" asks without a connection, REQUEST being CIP
// in hexadecimal; "open CLASS PATH" opens a connection, "large" one of the large kind, "close" closes it;
// "unit REQUEST" asks on it; "io HEX" sends I/O data on it, "tick" lets the device send its own; "raw HEX" is
// sent as it is; "dial PORT" makes a new connection; "wait 2s" lets time pass. Lines that begin with "<<<" are
// what the device says.
func TestENIPDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/enip/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			device, _, _ := strings.Cut(strings.TrimSuffix(file, ".txt"), "-")
			profile := device + ".yaml"
			if _, err := os.Stat(profile); err != nil {
				profile = "testdata/enip/tags.yaml"
			}
			checkDialogue(t, file, func(text string) string {
				return enipDialogue(t, newENIPDecoy(t, enipProfile(t, profile)), text)
			})
		})
	}
}

func enipDialogue(t *testing.T, d *enipDecoy, text string) string {
	var out strings.Builder
	l := d.dial("44818")
	for line := range strings.Lines(text) {
		ask, ok := strings.CutPrefix(line, ">>> ")
		if !ok {
			if !strings.HasPrefix(line, "<<<") {
				out.WriteString(line)
			}
			continue
		}
		out.WriteString(line)
		verb, rest, _ := strings.Cut(strings.TrimSpace(ask), " ")
		switch verb {
		case "dial":
			l = d.dial(rest)
			continue
		case "wait":
			for_, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			d.now = d.now.Add(for_)
			continue
		case "tick":
			a, next := l.session.Tick(d.now)
			d.print(&out, a)
			if !next.IsZero() {
				fmt.Fprintf(&out, "<<< next in %v\n", next.Sub(d.now))
			}
			continue
		}
		b := d.request(t, verb, rest)
		_, req, err := l.conn.Next(wire.Client, b, verb == "io")
		if err != nil {
			var unknown *enip.CommandError
			if !errors.As(err, &unknown) {
				fmt.Fprintf(&out, "<<< (%v)\n", err)
			}
			a, n := l.session.(emulate.Malformed).Malformed(b)
			d.print(&out, a)
			fmt.Fprintf(&out, "<<< %d of %d bytes dropped\n", n, len(b))
			continue
		}
		d.print(&out, l.session.Answer(req))
	}
	return out.String()
}

// request makes the bytes of what a dialogue's client sends.
func (d *enipDecoy) request(t testing.TB, verb, rest string) []byte {
	t.Helper()
	h := enip.Header{Session: d.handle, Context: enip.Context{1, 2, 3, 4, 5, 6, 7, 8}}
	cip := func() enip.Request {
		q, ok := enip.ReadRequest(unhex(t, rest))
		if !ok {
			t.Fatalf("%s is no request", rest)
		}
		return q
	}
	var m wire.Message
	switch verb {
	case "raw":
		return unhex(t, rest)
	case "list":
		n, err := strconv.ParseUint(rest, 0, 16)
		if err != nil {
			t.Fatal(err)
		}
		m = &enip.List{Header: h, Command: enip.Command(n)}
	case "register":
		m = &enip.RegisterSession{Header: enip.Header{Context: h.Context}, Version: 1}
	case "unregister":
		m = &enip.UnregisterSession{Header: h}
	case "rr":
		m = &enip.Unconnected{Header: h, Timeout: 5, Request: cip()}
	case "unit":
		d.serial++
		m = &enip.Connected{Header: h, OT: d.ot, Sequence: d.serial, Request: cip()}
	case "open", "large":
		class, path, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(class, 0, 8)
		if err != nil {
			t.Fatal(err)
		}
		o := &enip.ForwardOpen{
			TO: 0x00800001, Serial: 77, Vendor: 1, OriginatorSerial: 0x1234, OTInterval: 100000, OTParameters: 0x43F8, TOInterval: 100000,
			TOParameters: 0x43F8, Transport: uint8(n), Path: enip.Path(unhex(t, path)),
		}
		service := enip.ForwardOpenService
		switch {
		case verb == "large":
			service, o.OTParameters, o.TOParameters = enip.LargeForwardOpenService, 0x42000FA0, 0x42000FA0
		case n&15 < 2:
			o.OTParameters, o.TOParameters = 0x480A, 0x480A // ten bytes, fixed
		}
		m = &enip.Unconnected{Header: h, Request: enip.Request{Service: service, Path: enip.ObjectPath(6, 1), Open: o}}
	case "close":
		m = &enip.Unconnected{Header: h, Request: enip.Request{Service: enip.ForwardCloseService, Path: enip.ObjectPath(6, 1), Close: &enip.ForwardClose{
			Serial: 77, Vendor: 1, OriginatorSerial: 0x1234, Path: enip.ObjectPath(2, 1)}}}
	case "io":
		d.serial++
		m = &enip.IO{Connection: d.ot, Sequence: uint32(d.serial), Data: unhex(t, rest)}
	default:
		t.Fatalf("%q is not something that a client does", verb)
	}
	return written(t, []wire.Message{m})
}

func (d *enipDecoy) print(out *strings.Builder, a emulate.Answer) {
	for _, m := range a.Messages {
		switch r := m.(type) {
		case *enip.RegisterSessionReply:
			d.handle = r.Session
		case *enip.UnconnectedReply:
			if r.Response.Open != nil {
				d.ot = r.Response.Open.OT
			}
		}
		fmt.Fprintf(out, "<<< %s\n", wire.AppendJSON(nil, m))
	}
	end := ""
	if a.Close {
		end = ", hangs up"
	}
	fmt.Fprintf(out, "<<< (%s%s)\n", a.From, end)
}

// FuzzENIPSession: whatever is asked, in whatever order, the answer can be sent and read.
func FuzzENIPSession(f *testing.F) {
	texts, _ := filepath.Glob("testdata/enip/*.txt")
	for _, name := range texts {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		d := &enipDecoy{handle: 0x00010001, ot: 0x00010001}
		for line := range strings.Lines(string(text)) {
			verb, rest, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, ">>> ")), " ")
			if strings.HasPrefix(line, ">>> ") && (verb == "rr" || verb == "unit") {
				f.Add(unhex(f, rest), verb == "unit")
			}
			if strings.HasPrefix(line, ">>> ") && (verb == "open" || verb == "large" || verb == "close" || verb == "list") {
				f.Add(d.request(f, verb, rest), false)
			}
		}
	}
	dev := enipProfile(f, "testdata/enip/tags.yaml")
	f.Fuzz(func(t *testing.T, b []byte, connected bool) {
		d := newENIPDecoy(t, dev)
		l := d.dial("44818")
		var out strings.Builder
		d.print(&out, l.answer(t, d.request(t, "register", "")))
		d.print(&out, l.answer(t, d.request(t, "open", "0xa3 20022401")))
		ask := func(raw []byte) {
			n, req, err := l.conn.Next(wire.Client, raw, true)
			if err != nil || n == 0 || req == nil {
				return
			}
			a := l.session.Answer(req)
			for _, m := range a.Messages {
				raw, err := m.Append(nil)
				if err != nil {
					t.Fatalf("%T: %v", m, err)
				}
				if k, _, err := (enip.Protocol{}).New().Next(wire.Server, raw, true); err != nil || k != len(raw) {
					t.Fatalf("%x: %d, %v", raw, k, err)
				}
			}
			l.session.Tick(d.now.Add(time.Second))
		}
		if q, ok := enip.ReadRequest(b); ok {
			var m wire.Message = &enip.Unconnected{Header: enip.Header{Session: d.handle}, Request: q}
			if connected {
				m = &enip.Connected{Header: enip.Header{Session: d.handle}, OT: d.ot, Request: q}
			}
			if raw, err := m.Append(nil); err == nil {
				ask(raw)
			}
		}
		if len(b) >= 24 {
			binary.LittleEndian.PutUint32(b[4:], d.handle)
		}
		ask(b)
	})
}

// BenchmarkENIP answers the commonest requests: decoding, answering and encoding.
func BenchmarkENIP(b *testing.B) {
	for _, x := range []struct{ name, verb, rest string }{
		{"list-identity", "list", "0x63"},
		{"identity-attribute", "rr", "0e03 20012401 3007"},
		{"identity-all", "rr", "0102 20012401"},
		{"read-tag", "unit", "4c04 9105434f554e5400 0100"},
		{"read-tag-unconnected", "rr", "4c04 9105434f554e5400 0100"},
		{"read-tag-of-point", "unit", "4c04 91054c4556454c00 0100"},
		{"read-10-elements", "unit", "4c04 9106434f554e5453 0a00"},
		{"write-tag", "unit", "4d04 9105434f554e5400 c400 0100 07000000"},
		{"packet-of-4", "unit", "0a02 20022401 0400 0a00 1600 2200 2e00" + strings.Repeat("4c04 9105434f554e5400 0100", 4)},
	} {
		b.Run(x.name, func(b *testing.B) {
			d := newENIPDecoy(b, enipProfile(b, "testdata/enip/tags.yaml"))
			l := d.dial("44818")
			var log strings.Builder
			d.print(&log, l.answer(b, d.request(b, "register", "")))
			d.print(&log, l.answer(b, d.request(b, "open", "0xa3 20022401")))
			raw := d.request(b, x.verb, x.rest)
			conn := enip.Protocol{}.New()
			conn.(wire.Reuser).Reuse()
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				_, req, err := conn.Next(wire.Client, raw, false)
				if err != nil {
					b.Fatal(err)
				}
				a := l.session.Answer(req)
				out = out[:0]
				for _, m := range a.Messages {
					if out, err = m.Append(out); err != nil {
						b.Fatal(err)
					}
				}
			}
			if len(out) < 24 {
				b.Fatalf("no answer: %x", out)
			}
		})
	}
}
