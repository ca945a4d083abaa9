package clone

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture/http"
)

// Whatever a site does, the crawl ends, and what was learned before counts.
func TestCrawlSurvives(t *testing.T) {
	const index = `<a href="/odd">odd</a><a href="/fine.html">fine</a>`
	endless := func(p string) string {
		var b strings.Builder
		for i := range 30 {
			fmt.Fprintf(&b, `<a href="%s/%d">x</a><a href="/q?day=%s%d">x</a><a href="%s/a/b">x</a>`, strings.TrimSuffix(p, "/"), i, strings.ReplaceAll(p, "/", "-"), i, p)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		odd   string // the answer to /odd, if not said otherwise
		stay  bool
		says  string // what is remarked
		every bool   // every path is answered like /odd
	}{
		"a body that is too long":    {odd: "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + strings.Repeat("x", 1<<20), stay: true, says: "/odd: cut off"},
		"a body until the end":       {odd: "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 1<<20), says: "/odd: cut off"},
		"chunks without end":         {odd: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("3e8\r\n"+strings.Repeat("x", 1000)+"\r\n", 1000), stay: true, says: "/odd: cut off"},
		"chunks that are none":       {odd: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\nno chunk"},
		"a head of 10 MB":            {odd: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 10<<20) + "\r\n\r\n", says: "/odd: the answer is not HTTP"},
		"many headers":               {odd: "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 100000) + "\r\n", says: "/odd: the answer is not HTTP"},
		"no head":                    {odd: "<html>what heads?</html>", says: "/odd: the answer is not HTTP"},
		"a body that is too short":   {odd: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", says: "/odd: the device hangs up"},
		"a body longer than it says": {odd: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", stay: true, says: "/odd: more comes"},
		"silence":                    {odd: "", stay: true, says: "/odd: no answer"},
		"nothing at all":             {odd: "", says: "/odd: the device hangs up"},
		"half a head":                {odd: "HTTP/1.1 200 OK\r\nServer: x", stay: true, says: "/odd: no answer"},
		"a redirect to itself":       {odd: page(302, "text/html", "", "Location: /odd"), stay: true},
		"an interim answer":          {odd: "HTTP/1.1 103 Early Hints\r\nLink: </early.css>\r\n\r\n" + page(200, "text/html", "ok"), stay: true},
		"tags of hostile depth":      {odd: page(200, "text/html", strings.Repeat("<div><a href=x>", 50000)), stay: true},
		"a length that is no number": {odd: "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\nabc", stay: false},
		"links without end":          {every: true, stay: true, says: "links were not followed"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeSite(t, func(n int, req *http.Request) (string, bool) {
				switch {
				case req.Method != "GET" || req.Target == "/robots.txt":
					return headOf(req, page(404, "text/plain", "no")), true
				case req.Target == "/" && !c.every:
					return page(200, "text/html", index), true
				case req.Target == "/fine.html":
					return page(200, "text/html", "fine"), true
				case c.every:
					return page(200, "text/html", endless(req.Target)), true
				case req.Target == "/odd":
					return c.odd, c.stay
				}
				return page(404, "text/plain", "no"), true
			})
			begun := time.Now()
			v, xs, _, err := crawled(t, d, &HTTPCrawl{MaxBody: 200000, Pages: 60}, nil)
			if err != nil {
				t.Errorf("ended with %v", err)
			}
			if spent := time.Since(begun); spent > 20*time.Second {
				t.Errorf("took %v", spent)
			}
			if c.says != "" && !remarked(v, c.says) {
				t.Errorf("%q is not said: %v", c.says, v.Remarks())
			}
			fine := 0
			for _, x := range xs {
				if q, ok := x.Request.(*http.Request); ok && q.Target == "/fine.html" && len(x.Replies) == 1 {
					fine++
				}
				if q, ok := x.Request.(*http.Request); ok && q.Target == "/odd" && len(x.Replies) > 0 && strings.Contains(c.says, "cut off") {
					t.Errorf("half a body counts as an answer: %d bytes", len(x.Replies[0].(*http.Response).Body))
				}
			}
			if fine < 2 && !c.every {
				t.Errorf("the page beside it was answered %d times", fine)
			}
			if n := len(d.asked()); n > 400 {
				t.Errorf("%d questions", n)
			}
			dev := httpLearn(t, "c1", Options{}, xs)
			if _, r := httpRoutesOf(t, dev); c.says == "/odd: cut off" || name == "a body that is too short" {
				for _, route := range r.Routes {
					if route.Ask == "GET /odd" {
						t.Errorf("what was cut off is a route: %+v", route)
					}
				}
			}
		})
	}
}

// A page that comes byte by byte, and does not end, is given up.
func TestCrawlGivesUpOnDrops(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a second and a half")
	}
	d := newFakeSite(t, func(n int, req *http.Request) (string, bool) {
		if req.Target == "/drops" {
			return drops, true
		}
		return headOf(req, page(200, "text/html", `<a href="/drops">x</a>`)), true
	})
	v, _, _, err := crawled(t, d, &HTTPCrawl{}, nil)
	if err != nil || !remarked(v, "/drops: cut off") {
		t.Errorf("%v, %v", err, v.Remarks())
	}
}

// A crawl that is interrupted anywhere and resumed asks nothing twice, and learns the same.
func TestCrawlResumes(t *testing.T) {
	site := files(map[string]string{
		"/":       page(200, "text/html", `<a href="/a.html">a</a><a href="/shut/">s</a><img src=/x.png><link rel=stylesheet href=/s.css>`),
		"/a.html": page(200, "text/html", `<a href="/b.html">b</a>`),
		"/b.html": "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nends with the connection",
		"/s.css":  page(200, "text/css", "a{}", `ETag: "1"`),
		"/x.png":  page(200, "image/png", strings.Repeat("x", 300), "Accept-Ranges: bytes"),
		"/shut/":  page(401, "text/html", "who?", `WWW-Authenticate: Digest realm="r", qop="auth", nonce="n1n2n3", algorithm=SHA-256`),
	})
	answer := func(n int, req *http.Request) (string, bool) {
		if req.Target == "/shut/" && strings.HasPrefix(req.Headers.Get("Authorization"), "Digest ") {
			return page(200, "text/html", "come in"), true
		}
		said, _ := site(n, req)
		return said, req.Target != "/b.html" || req.Method == "HEAD"
	}
	crawl := HTTPCrawl{User: "eng:secret", Every: 5 * time.Millisecond}
	whole := newFakeSite(t, answer)
	_, want, _, err := crawled(t, whole, &crawl, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := whole.asked()
	for _, cut := range []int{1, 5, 13, 20, len(want) / 2, len(want) - 3} {
		memory := remembering(t, want[:cut])
		whole.forget()
		_, after, _, err := crawled(t, whole, &crawl, memory)
		memory.Close()
		if err != nil {
			t.Fatal(cut, err)
		}
		if got, rest := whole.asked(), all[cut:]; !slices.Equal(got, rest) {
			t.Errorf("cut after %d, the device was asked\n%q, want\n%q", cut, got, rest)
		}
		if len(after) != len(want)-cut {
			t.Errorf("cut after %d: %d exchanges, want %d", cut, len(after), len(want)-cut)
		}
	}
}
