package clone

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/profiles"
	"ringer/testdata/expected"
)

// httpTalk decodes what clients and a server said on one connection after the other, a second apart.
func httpTalk(t *testing.T, start time.Time, pairs ...[2]string) (xs []capture.Exchange) {
	t.Helper()
	for i, p := range pairs {
		c := http.Protocol{}.New()
		x := capture.Exchange{
			At: start.Add(time.Duration(i) * time.Second), Latency: time.Millisecond, Transport: "tcp", Protocol: http.Protocol{},
			Server: netip.MustParseAddrPort("192.0.2.1:80"), Conn: uint64(i), Packets: [2]int{2*i + 1, 2*i + 2},
		}
		for _, side := range []wire.Side{wire.Client, wire.Server} {
			b := []byte(p[0])
			if side == wire.Server {
				b = []byte(p[1])
			}
			for len(b) > 0 {
				n, m, err := c.Next(side, b, true)
				if err != nil || n == 0 {
					t.Fatalf("%q: %d, %v", b, n, err)
				}
				if b = b[n:]; side == wire.Server {
					x.Replies = append(x.Replies, m)
				} else {
					x.Request = m
				}
			}
		}
		xs = append(xs, x)
	}
	return xs
}

func httpLearn(t *testing.T, id string, opt Options, xs []capture.Exchange) *profiles.Device {
	t.Helper()
	files := fstest.MapFS{}
	dev := &profiles.Device{ID: "device", Files: files}
	l := NewLearning(Source{ID: id}, opt)
	for i := range xs {
		l.Add(&xs[i])
	}
	err := l.Finish(&Output{dev, func(name string) (io.WriteCloser, error) { return &memoryFile{name: name, files: files}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

type memoryFile struct {
	bytes.Buffer
	name  string
	files fstest.MapFS
}

func (f *memoryFile) Close() error {
	f.files[f.name] = &fstest.MapFile{Data: f.Bytes()}
	return nil
}

func httpRoutesOf(t *testing.T, dev *profiles.Device) (*profiles.HTTP, *profiles.HTTPRoutes) {
	t.Helper()
	sec := dev.Services[0].Section.(*profiles.HTTP)
	r, err := dev.ReadHTTPRoutes(sec.Routes[0])
	if err != nil {
		t.Fatal(err)
	}
	return sec, r
}

var httpStart = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

const httpOK = "HTTP/1.1 200 OK\r\nDate: Mon, 02 Mar 2026 07:59:56 GMT\r\nContent-Length: 2\r\n\r\nok"

func TestHTTPLearnsRoutes(t *testing.T) {
	dev := httpLearn(t, "c1", Options{Salt: []byte("salt")}, httpTalk(t, httpStart,
		[2]string{"GET / HTTP/1.1\r\nHost: plc\r\n\r\n", "HTTP/1.1 302 Found\r\nserver: S\r\nLocation: http://plc/a\r\n\r\n"},
		[2]string{"GET /a HTTP/1.1\r\n\r\n", httpOK},
		[2]string{"GET /a HTTP/1.1\r\nIf-None-Match: \"x\"\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"},
		[2]string{"GET /a HTTP/1.1\r\nRange: bytes=0-0\r\n\r\n", "HTTP/1.1 206 Partial\r\nContent-Length: 1\r\n\r\no"},
		[2]string{"POST /s HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n4\r\n<p/>\r\n0\r\n\r\n"},
		[2]string{"GET /silent HTTP/1.1\r\n\r\n", ""},
		[2]string{"GET /0.9\r\n", "bare"},
		[2]string{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"},
	))
	sec, r := httpRoutesOf(t, dev)
	if sec.Skew != -5*time.Second || !sec.Hostless {
		t.Errorf("skew %v, hostless %v", sec.Skew, sec.Hostless)
	}
	var asks []string
	for _, route := range r.Routes {
		asks = append(asks, route.Cell())
	}
	want := []string{"GET /", "GET /a", `GET /a none_match="\"x\""`, `GET /a range="bytes=0-0"`, `POST /s body="`, "GET /silent", "GET /0.9"}
	if len(asks) != len(want) {
		t.Fatalf("routes %q", asks)
	}
	for i := range want {
		if !strings.HasPrefix(asks[i], want[i]) {
			t.Errorf("route %d is %q, want %q", i, asks[i], want[i])
		}
	}
	heads := map[string]string{"GET /": "HTTP/1.1 302 Found\nserver: S\nLocation: http://${host}/a\n", "GET /a": "HTTP/1.1 200 OK\nDate: ${date}\nContent-Length: 2\n"}
	for _, route := range r.Routes {
		if h, ok := heads[route.Cell()]; ok && r.Replies[route.Reply[0]].Head != h {
			t.Errorf("%s: head %q", route.Ask, r.Replies[route.Reply[0]].Head)
		}
		reply := profiles.HTTPReply{}
		if len(route.Reply) > 0 {
			reply = r.Replies[route.Reply[0]]
		}
		switch route.Ask {
		case "POST /s":
			body, err := fs.ReadFile(dev.Files, reply.Body)
			if err != nil || string(body) != "<p/>" || !strings.HasSuffix(reply.Body, ".html") || !slices.Equal(reply.Chunks, []string{"4", "0"}) {
				t.Errorf("chunked: %+v, %q, %v", reply, body, err)
			}
		case "GET /silent":
			if route.Reply != nil {
				t.Errorf("silence is %v", route.Reply)
			}
		case "GET /0.9":
			if reply.Head != "" || reply.Body == "" {
				t.Errorf("a bare document is %+v", reply)
			}
		}
	}
	if m := r.Replies[r.Malformed]; !strings.HasPrefix(m.Head, "HTTP/1.1 400 Bad\n") {
		t.Errorf("malformed requests get %+v", m)
	}
	evidence, _ := fs.ReadFile(dev.Files, dev.Evidence)
	if !strings.Contains(string(evidence), `{"fact":"http-80 GET /a","cap":"c1","pkt":[3,4]}`) {
		t.Errorf("evidence:\n%s", evidence)
	}
}

// No file of a profile holds a secret, and the verifiers know them again.
func TestHTTPSecrets(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString([]byte("operator:hunter2"))
	digest := `username="eng", realm="r", nonce="n0nce", uri="/d", response="0123deadbeef"`
	login := "HTTP/1.1 200 OK\r\nSet-Cookie: sid=9f86d081884c7d659a2feaa0c55ad015; path=/\r\nSet-Cookie: lang=en\r\nContent-Length: 0\r\n\r\n"
	xs := func() []capture.Exchange {
		return httpTalk(t, httpStart,
			[2]string{"GET /b HTTP/1.1\r\nAuthorization: Basic " + basic + "\r\n\r\n", httpOK},
			[2]string{"GET /d HTTP/1.1\r\nAuthorization: Digest " + digest + "\r\n\r\n", httpOK},
			[2]string{"GET /l?user=eng&password=hunter2 HTTP/1.1\r\n\r\n", login},
			[2]string{"POST /l HTTP/1.1\r\nContent-Length: 16\r\n\r\npassword=hunter2", login},
			[2]string{"GET /in HTTP/1.1\r\n\r\n", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"},
			[2]string{"GET /in HTTP/1.1\r\nCookie: lang=en; sid=9f86d081884c7d659a2feaa0c55ad015\r\n\r\n", httpOK},
		)
	}
	secrets := []string{basic, "hunter2", "0123deadbeef", "9f86d081884c7d659a2feaa0c55ad015"}
	found := func(dev *profiles.Device) (n []string) {
		for name, f := range dev.Files.(fstest.MapFS) {
			for _, s := range secrets {
				if strings.Contains(string(f.Data), s) {
					n = append(n, name+": "+s)
				}
			}
		}
		text, _ := dev.YAML()
		for _, s := range secrets {
			if strings.Contains(string(text), s) {
				n = append(n, "device.yaml: "+s)
			}
		}
		return n
	}
	dev := httpLearn(t, "c1", Options{Salt: []byte("salt")}, xs())
	if n := found(dev); n != nil {
		t.Errorf("secrets in %v", n)
	}
	var what []string
	for _, r := range dev.Redactions {
		what = append(what, r.What)
	}
	if want := []string{"HTTP credentials", "secrets in HTTP queries", "HTTP session cookies"}; !reflect.DeepEqual(what, want) {
		t.Errorf("redactions %q", what)
	}
	_, r := httpRoutesOf(t, dev)
	for _, name := range slices.Sorted(maps.Keys(r.Credentials)) {
		c := r.Credentials[name]
		value := map[string]string{"operator": "Basic " + basic, "eng": "Digest " + digest}[c.User]
		if !c.Good || len(c.Verify) != 1 || !profiles.Verify(c.Verify[0], []byte(value)) || profiles.Verify(c.Verify[0], []byte(value+"x")) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for _, route := range r.Routes {
		if route.Ask == "GET /in" && (len(route.Stranger) != 1 || len(route.Reply) != 1 || route.Stranger[0] == route.Reply[0]) {
			t.Errorf("with and without a session: %+v", route)
		}
	}
	kept := httpLearn(t, "c1", Options{KeepSecrets: true}, xs())
	if n := found(kept); len(n) < 3 || len(kept.Redactions) > 0 {
		t.Errorf("asked to keep secrets: %v, %v", n, kept.Redactions)
	}
}

func TestTemplateHead(t *testing.T) {
	req := &http.Request{Headers: http.Headers{{Name: "Host", Value: "plc:80"}}}
	const date = "Mon, 02 Mar 2026 08:00:00 GMT"
	for in, want := range map[string]string{
		"Date: " + date + "\r\n":                                                 "Date: ${date}\r\n",
		"date:" + date + "  \r\n":                                                "date:${date}  \r\n",
		"Date: " + date + "\r\nExpires: " + date + "\r\n":                        "Date: ${date}\r\nExpires: ${date}\r\n",
		"Date: " + date + "\r\nLast-Modified: Mon, 02 Mar 2026 07:00:00 GMT\r\n": "Date: ${date}\r\nLast-Modified: Mon, 02 Mar 2026 07:00:00 GMT\r\n",
		"Date: Mon, 2 Mar 2026 08:00:00\r\n":                                     "Date: Mon, 2 Mar 2026 08:00:00\r\n",
		"Location: http://plc:80/x\r\n":                                          "Location: http://${host}/x\r\n",
		"Location: http://plc:8080/x\r\n":                                        "Location: http://plc:8080/x\r\n",
		"Location: https://plc/x?a=${b}\r\n":                                     "Location: https://${host:443}/x?a=$${b}\r\n",
		"Location: https://plc:8443\r\n":                                         "Location: https://${host:8443}\r\n",
		"Location: https://plc2/\r\n":                                            "Location: https://plc2/\r\n",
		"Report: ${date}\r\n":                                                    "Report: $${date}\r\n",
		"WWW-Authenticate: Digest realm=\"a\", cnonce=\"b\", nonce=\"c1\"\r\n":   "WWW-Authenticate: Digest realm=\"a\", cnonce=\"b\", nonce=\"${token}\"\r\n",
		"Set-Cookie: id=0a1b2c3d4e5f6071; path=/\r\n":                            "Set-Cookie: id=${token}; path=/\r\n",
		"Set-Cookie: lang=en\r\n":                                                "Set-Cookie: lang=en\r\n",
		"Cache-Control: max-age=60\r\nDate: " + date + "\r\nExpires: Mon, 02 Mar 2026 08:01:00 GMT\r\n": "Cache-Control: max-age=60\r\nDate: ${date}\r\nExpires: ${date+60}\r\n",
	} {
		r, err := http.ParseHead("HTTP/1.1 200 OK\r\n" + in + "\r\n")
		if err != nil {
			t.Fatal(err)
		}
		got := templateHead(r, req, "http")
		if got.head != "HTTP/1.1 200 OK\r\n"+want+"\r\n" {
			t.Errorf("%q\n got %q\nwant %q", in, got.head, want)
		}
	}
}

// Every body and status in the dissector's tables is in what was learned.
func TestHTTPLearnsTheTables(t *testing.T) {
	const shared = "../../shared/captures"
	for _, file := range []string{
		"http/basic-auth.pcap", "http/website-bro.org.pcap", "mixed/s4-modicon-plc.pcap", "http/hp-printer-ipp.pcap",
		"http/1000-requests-one-dropped-response.pcap.gz", "nasty/sll2-http.pcap", "nasty/nanosecond-big-endian.pcap",
		"nasty/pcapng-22-interfaces.pcapng", "nasty/tcp-out-of-order-http.pcap",
	} {
		f, err := capture.Open(shared + "/" + file)
		if err != nil {
			t.Skipf("../shared/captures is not here: %v", err)
		}
		var xs []capture.Exchange
		for x, err := range capture.Exchanges(f, capture.Options{Name: file}) {
			if err != nil {
				t.Fatal(err)
			}
			if x.Protocol.Name() == "http" {
				xs = append(xs, x)
			}
		}
		f.Close()
		dev := httpLearn(t, "c1", Options{}, xs)
		_, routes := httpRoutesOf(t, dev)
		known := map[string]bool{} // question, status, server and type
		for _, r := range routes.Routes {
			for _, name := range append(slices.Clone(r.Reply), repliesIn(t, dev, r.Cell())...) {
				lines := strings.Split(routes.Replies[name].Head, "\n")
				note := map[string]string{}
				for _, line := range lines[1:] {
					name, value, _ := strings.Cut(line, ": ")
					note[strings.ToLower(name)] = value
				}
				known[strings.Join([]string{r.Ask, lines[0][9:12], note["server"], note["content-type"]}, "|")] = true
			}
		}
		rows := 0
		for _, row := range expected.Rows(t, shared, file, "http") {
			if row["status"] == "" || row["method"] == "" {
				continue
			}
			rows++
			fact := strings.Join([]string{row["method"] + " " + row["uri"], row["status"], row["server_header"], row["content_type"]}, "|")
			if !known[fact] {
				t.Errorf("%s: %s was not learned", file, fact)
			}
			if sum := row["body_sha256"]; sum != "" {
				if body, _ := fs.Glob(dev.Files, "http/"+sum[:16]+".*"); len(body) != 1 {
					t.Errorf("%s: the body %s of %s is in %v", file, sum, row["uri"], body)
				}
			}
		}
		t.Logf("%s: %d rows", file, rows)
	}
}

// repliesIn names the replies in the samples of a cell.
func repliesIn(t *testing.T, dev *profiles.Device, cell string) (names []string) {
	t.Helper()
	b, err := fs.ReadFile(dev.Files, dev.Services[0].Common().Samples[0])
	if err != nil {
		t.Fatal(err)
	}
	err = profiles.ReadSamples(bytes.NewReader(b), func(name string, _ *profiles.Dynamics, track profiles.Track) error {
		for c := track.Cursor(); name == cell; {
			r, ok := c.Next()
			if !ok {
				break
			}
			for b := r.Value; len(b) > 0; {
				var s profiles.HTTPSample
				if b, err = s.Unpack(b); err != nil {
					return err
				}
				names = append(names, hex.EncodeToString(s.Reply[:]))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
