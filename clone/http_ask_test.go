package clone

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A fakeSite is a web server that says what a function makes up: whole answers, byte for byte. stay: the
// connection goes on.
type fakeSite struct {
	port  profiles.Port
	mu    sync.Mutex
	got   []string // the first lines asked, in order
	heads []string
}

func newFakeSite(t *testing.T, answer func(n int, req *http.Request) (said string, stay bool)) *fakeSite {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	d := &fakeSite{port: profiles.Port{Number: uint16(l.Addr().(*net.TCPAddr).Port)}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c, answer)
		}
	}()
	return d
}

func (d *fakeSite) serve(c net.Conn, answer func(int, *http.Request) (string, bool)) {
	defer c.Close()
	conn := http.Protocol{}.New()
	var buf []byte
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if buf = append(buf, b[:n]...); err != nil {
			return
		}
		for len(buf) > 0 {
			n, m, err := conn.Next(wire.Client, buf, false)
			if err != nil {
				return // a TLS handshake, or nonsense
			}
			if n == 0 {
				break
			}
			buf = buf[n:]
			req, ok := m.(*http.Request)
			if !ok {
				continue
			}
			d.mu.Lock()
			d.got = append(d.got, req.Method+" "+req.Target)
			d.heads = append(d.heads, string(req.AppendHead(nil)))
			k := len(d.got)
			said, stay := answer(k, req)
			d.mu.Unlock()
			for said == drops {
				if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			if _, err := io.WriteString(c, said); err != nil || !stay {
				return
			}
		}
	}
}

// drops stands for an answer that comes bit by bit, and does not end.
const drops = "drops"

func (d *fakeSite) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got, d.heads = nil, nil
}

func (d *fakeSite) asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.got...)
}

// page is an answer as most servers give it.
func page(status int, kind, body string, headers ...string) string {
	h := ""
	for _, x := range headers {
		h += x + "\r\n"
	}
	return fmt.Sprintf("HTTP/1.1 %d Said\r\nServer: fake/1\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s", status, kind, h, len(body), body)
}

func headOf(req *http.Request, said string) string {
	if req.Method == "HEAD" {
		head, _, _ := strings.Cut(said, "\r\n\r\n")
		return head + "\r\n\r\n"
	}
	return said
}

// files is a site of whole answers; what is not there is 404.
func files(site map[string]string) func(int, *http.Request) (string, bool) {
	return func(_ int, req *http.Request) (string, bool) {
		said, ok := site[req.Target]
		switch {
		case req.Method != "GET" && req.Method != "HEAD":
			said = page(405, "text/plain", "no "+req.Method, "Allow: GET, HEAD")
		case !ok:
			said = page(404, "text/plain", "nothing at "+req.Target)
		}
		return headOf(req, said), true
	}
}

// crawled runs a crawl and gives what it taught.
func crawled(t *testing.T, d *fakeSite, c *HTTPCrawl, memory *Memory) (*Visit, []capture.Exchange, []byte, error) {
	t.Helper()
	v, exchanges, evidence := visiting(t)
	v.Care.Bytes, v.pace.care.Bytes = 1<<30, 1<<30
	v.Memory = memory
	if c.Every == 0 {
		c.Every = 20 * time.Millisecond
	}
	err := c.Scan(t.Context(), v, d.port)
	x := exchanges()
	return v, x, bytes.Clone(evidence.Bytes()), err
}

func remarked(v *Visit, text string) bool {
	for _, r := range v.Remarks() {
		if strings.Contains(r.Text, text) {
			return true
		}
	}
	return false
}

func TestCrawlFindsEverything(t *testing.T) {
	d := newFakeSite(t, files(map[string]string{
		"/":               page(200, "text/html", `<html><head><link rel=stylesheet href=/style.css><link rel="icon" href="i.png"><meta http-equiv="Refresh" content="5; url=/next.html"><script src="js/app.js"></script></head><body background="bg.gif"><a href="a.html">A</a><a href="mailto:x@y">m</a><a href="http://elsewhere.example/">e</a><img srcset="1x.png 1x, 2x.png 2x"><form action="/search"><input name=q></form><form method=post action="/posted"></form><iframe src="/frame.html"></iframe><a href="/logout">Bye</a><a href="/harmless.html">Reboot now</a><a href="/cgi/set?x=1">set</a></body></html>`),
		"/style.css":      page(200, "text/css", `@import "more.css"; a { background: url(img/x.png) } b{background:url('img/y.png')}`),
		"/js/app.js":      page(200, "application/javascript", `fetch("/api/state.json"); var re = "/"; x = '/cgi/reboot'; y = "./rel.html"`),
		"/api/state.json": page(200, "application/json", `{"next": "\/api\/deep.json", "n": 3}`),
		"/a.html":         page(301, "text/html", "", "Location: /b/"),
		"/b/":             page(200, "text/html", `<base href="/c/"><a href="d.html">d</a>`),
		"/robots.txt":     page(200, "text/plain", "User-agent: *\nDisallow: /hidden/\nSitemap: /sitemap.xml\n"),
		"/sitemap.xml":    page(200, "text/xml", "<urlset><url><loc>/from-map.html</loc></url></urlset>"),
	}))
	v, xs, _, err := crawled(t, d, &HTTPCrawl{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]int{}
	for _, line := range d.asked() {
		asked[line]++
	}
	for _, want := range []string{
		"/style.css", "/more.css", "/img/x.png", "/img/y.png", "/i.png", "/next.html", "/js/app.js", "/bg.gif", "/a.html", "/b/", "/c/d.html", "/1x.png",
		"/2x.png", "/search", "/frame.html", "/api/state.json", "/api/deep.json", "/js/rel.html", "/robots.txt", "/sitemap.xml", "/from-map.html", "/hidden/", "/favicon.ico",
	} {
		if asked["GET "+want] < 2 {
			t.Errorf("%s was asked %d times", want, asked["GET "+want])
		}
	}
	for _, not := range []string{"/posted", "/logout", "/harmless.html", "/cgi/set?x=1", "/cgi/reboot"} {
		if asked["GET "+not] > 0 {
			t.Errorf("%s was asked", not)
		}
	}
	for _, not := range []string{"/logout", "/harmless.html", "/cgi/set?x=1", "/cgi/reboot"} {
		if !remarked(v, "not asked: "+not) {
			t.Errorf("nothing is said of %s: %v", not, v.Remarks())
		}
	}
	for _, x := range xs {
		if class, effect := wire.Class(x.Request); effect != wire.Read || class != "get" && class != "head" && class != "options" && class != "trace" {
			t.Errorf("asked %s", class)
		}
	}
	t.Log(len(xs), v.Remarks())
}
