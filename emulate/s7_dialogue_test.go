package emulate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/emulate"
)

// TestS7Dialogues plays the dialogues in testdata/s7. A line that begins with ">>>" is what the client
// does: "tpkt" sends bytes as they are; "job PARAMETERS / DATA" a job; "answer REFERENCE PARAMETERS / DATA" the
// answer to one of the CPU's; "userdata GROUP/FUNCTION HEAD DATA"
// a question, HEAD being return code and transport size; "next GROUP/FUNCTION" asks for the next part of
// an answer; "dial" makes a new connection; "wait 2s" lets time pass. Lines that begin with "<<<" are what
// the CPU says.
func TestS7Dialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/s7/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			profile, err := os.ReadFile(strings.TrimSuffix(file, ".txt") + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			checkDialogue(t, file, func(text string) string { return s7Dialogue(t, s7Handmade(t, string(profile)), text) })
		})
	}
}

func s7Dialogue(t *testing.T, d s7Decoy, text string) string {
	var out strings.Builder
	l := d.dial()
	for line := range strings.Lines(text) {
		ask, ok := strings.CutPrefix(line, ">>> ")
		if !ok {
			if !strings.HasPrefix(line, "<<<") {
				out.WriteString(line)
			}
			continue
		}
		out.WriteString(line)
		if ask = strings.TrimSpace(ask); ask == "dial" {
			l = d.dial()
			continue
		}
		if s, wait := strings.CutPrefix(ask, "wait "); wait {
			for_, err := time.ParseDuration(s)
			if err != nil {
				t.Fatal(err)
			}
			d.now = d.now.Add(for_)
			if !l.tick.IsZero() && !l.tick.After(d.now) {
				var a emulate.Answer
				a, l.tick = l.session.Tick(d.now)
				s7Print(&out, a)
			}
			continue
		}
		b := s7Request(t, ask)
		_, req, err := l.conn.Next(wire.Client, b, false)
		if err != nil || req == nil {
			t.Fatalf("%s: %v", ask, err)
		}
		tick := l.tick
		a := l.session.Answer(req)
		if l.tick = a.Tick; l.tick.IsZero() {
			l.tick = tick
		}
		s7Print(&out, a)
	}
	return out.String()
}

// s7Request makes the bytes of what a dialogue's client sends.
func s7Request(t testing.TB, ask string) []byte {
	t.Helper()
	verb, rest, _ := strings.Cut(ask, " ")
	var m wire.Message
	switch verb {
	case "tpkt":
		return unhex(t, rest)
	case "job":
		parameter, data, _ := strings.Cut(rest, "/")
		m = &s7comm.Job{Header: s7comm.Header{Reference: 0x0100}, Parameter: unhex(t, parameter), Data: unhex(t, data)}
	case "answer":
		reference, rest, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(reference)
		if err != nil {
			t.Fatalf("%s: %v", ask, err)
		}
		parameter, data, _ := strings.Cut(rest, "/")
		m = &s7comm.AckData{Header: s7comm.Header{Reference: uint16(n)}, Parameter: unhex(t, parameter), Data: unhex(t, data)}
	case "userdata", "next":
		what, rest, _ := strings.Cut(rest, " ")
		q := &s7comm.Userdata{Header: s7comm.Header{Reference: 0x0200}}
		if _, err := fmt.Sscanf(what, "%d/%d", &q.Group, &q.Subfunction); err != nil {
			t.Fatalf("%s: %v", ask, err)
		}
		q.ReturnCode = s7comm.CodeNotExisting
		if verb == "next" {
			q.Next = &s7comm.Continuation{}
		} else {
			b := unhex(t, rest)
			q.Envelope = s7comm.Envelope{ReturnCode: b[0], TransportSize: b[1], Length: uint16(len(b) - 2)}
			q.Data = b[2:]
		}
		m = q
	default:
		t.Fatalf("%q is not something that a client does", ask)
	}
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func s7Print(out *strings.Builder, a emulate.Answer) {
	for _, m := range a.Messages {
		fmt.Fprintf(out, "<<< %s\n", wire.AppendJSON(nil, m))
		if c, ok := m.(*s7comm.UserdataReply); ok && len(c.Carriage.TPDUs) > 1 {
			fmt.Fprintf(out, "<<< in %d TPDUs\n", len(c.Carriage.TPDUs))
		}
	}
	end := ""
	if a.Close {
		end = ", hangs up"
	}
	fmt.Fprintf(out, "<<< (%s%s)\n", a.From, end)
}

// FuzzS7Session: whatever is asked, in whatever order, the answer can be sent.
func FuzzS7Session(f *testing.F) {
	texts, _ := filepath.Glob("testdata/s7/*.txt")
	for _, name := range texts {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var all []byte
		for line := range strings.Lines(string(text)) {
			ask, ok := strings.CutPrefix(strings.TrimSpace(line), ">>> ")
			if !ok || ask == "dial" || strings.HasPrefix(ask, "wait") {
				continue
			}
			b := s7Request(f, ask)
			f.Add(b)
			all = append(all, b...)
		}
		f.Add(all)
	}
	profile, err := os.ReadFile("testdata/s7/written.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := s7Handmade(t, string(profile))
		l := d.dial()
		for len(b) > 0 {
			n, req, err := l.conn.Next(wire.Client, b, true)
			if err != nil || n == 0 {
				return
			}
			b = b[n:]
			if req == nil {
				continue
			}
			a := l.session.Answer(req)
			d.now = d.now.Add(time.Second)
			pushed, _ := l.session.Tick(d.now)
			for _, m := range append(append([]wire.Message(nil), a.Messages...), pushed.Messages...) {
				raw, err := m.Append(nil)
				if err != nil {
					t.Fatalf("%T: %v", m, err)
				}
				if k, _, err := (s7comm.Protocol{}).New().Next(wire.Server, raw, true); err != nil || k != len(raw) {
					t.Fatalf("%x: %d, %v", raw, k, err)
				}
			}
		}
	})
}
