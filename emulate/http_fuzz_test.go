package emulate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// Whatever a visitor sends, a web server answers with whole responses or hangs up, and nothing outside of
// its pages is ever shown.
func FuzzHTTPSession(f *testing.F) {
	var services []emulate.Service
	for _, name := range []string{"site", "recorded"} {
		dir := filepath.Join("testdata/http", name)
		dev, err := profiles.Load(dir)
		if err != nil {
			f.Fatal(err)
		}
		st, err := emulate.NewState(dev, emulate.Settings{})
		if err != nil {
			f.Fatal(err)
		}
		s, err := emulate.Open(st, dev, &dev.Services[0], http.Protocol{})
		if err != nil {
			f.Fatal(err)
		}
		services = append(services, s)
		text, err := os.ReadFile(dir + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "\n\n") {
			var said strings.Builder
			for _, line := range strings.Split(part, "\n") {
				if asked, ok := strings.CutPrefix(line, ">>>"); ok {
					said.WriteString(strings.TrimPrefix(asked, " ") + "\r\n")
				}
			}
			f.Add([]byte(said.String()))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range services {
			l := newLink(s, emulate.Peer{})
			for rest := bytes.Clone(b); len(rest) > 0; {
				n, m, err := l.conn.Next(wire.Client, rest, true)
				var a emulate.Answer
				switch {
				case err != nil:
					a, n = l.session.(emulate.Malformed).Malformed(rest)
				case n == 0:
					return
				case m != nil:
					a = l.session.Answer(m)
				}
				rest = rest[n:]
				for _, m := range a.Messages {
					out, err := m.Append(nil)
					if err != nil || bytes.Contains(out, []byte("apiVersion")) || bytes.Contains(out, []byte("credentials:")) {
						t.Fatalf("%q: answered %q, %v", b, out, err)
					}
				}
				if a.Close {
					break
				}
			}
		}
	})
}
