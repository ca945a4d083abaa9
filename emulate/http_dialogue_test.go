package emulate_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// Dialogues are files of what a client sends (>>>) and what the server answers (<<<), a line each. A
// line ends in CR LF, unless a backslash stands behind it. Requests that follow each other without an
// empty line between are sent at once. -update writes the answers.
func TestHTTPDialogues(t *testing.T) {
	for _, name := range []string{"site", "recorded"} {
		t.Run(name, func(t *testing.T) {
			dev, err := profiles.Load(filepath.Join("testdata/http", name))
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
			st, err := emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			service, err := emulate.Open(st, dev, &dev.Services[0], http.Protocol{})
			if err != nil {
				t.Fatal(err)
			}
			checkDialogue(t, filepath.Join("testdata/http", name+".txt"), func(text string) string { return httpDialogue(t, service, text) })
		})
	}
}

func httpDialogue(t *testing.T, service emulate.Service, text string) string {
	var out strings.Builder
	link := newLink(service, emulate.Peer{})
	asked := ""
	answer := func() {
		if asked != "" {
			out.WriteString(httpReplies(t, &link, service, []byte(asked)))
		}
		asked = ""
	}
	for _, line := range strings.SplitAfter(text, "\n") {
		said, request := strings.CutPrefix(strings.TrimSuffix(line, "\n"), ">>>")
		switch {
		case strings.HasPrefix(line, "<<<"):
			continue
		case request:
			said = strings.TrimPrefix(said, " ")
			if whole, open := strings.CutSuffix(said, `\`); open {
				asked += whole
			} else {
				asked += said + "\r\n"
			}
		default:
			answer()
		}
		out.WriteString(line)
	}
	answer()
	return out.String()
}

// httpReplies asks, on a new connection where the last one ended.
func httpReplies(t *testing.T, link **link, service emulate.Service, b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		l := *link
		l.conn.(wire.Reuser).Reuse()
		n, m, err := l.conn.Next(wire.Client, b, false)
		var a emulate.Answer
		switch {
		case err != nil:
			a, n = l.session.(emulate.Malformed).Malformed(b)
		case n == 0:
			t.Fatalf("%q is no whole request", b)
		case m != nil:
			a = l.session.Answer(m)
		}
		b = b[n:]
		if m == nil && err == nil {
			continue
		}
		var raw []byte
		for _, m := range a.Messages {
			if raw, err = m.Append(raw); err != nil {
				t.Fatal(err)
			}
		}
		for _, line := range strings.SplitAfter(string(raw), "\r\n") {
			if whole, ok := strings.CutSuffix(line, "\r\n"); ok {
				out.WriteString(strings.TrimRight("<<< "+whole, " ") + "\n")
			} else if line != "" {
				out.WriteString("<<< " + strings.ReplaceAll(line, "\n", "\n<<< ") + "\\\n")
			}
		}
		switch {
		case a.Close:
			out.WriteString("<<< (" + a.From.String() + ", closed)\n")
			*link = newLink(service, emulate.Peer{})
		case len(raw) == 0:
			out.WriteString("<<< (" + a.From.String() + ", silent)\n")
		default:
			out.WriteString("<<< (" + a.From.String() + ")\n")
		}
	}
	return out.String()
}
