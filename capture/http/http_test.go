package http

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"ringer/capture/wire"
)

// conversation is what was sent in order: "C " lines by the client, "S " lines by the server.
type step struct {
	from wire.Side
	text string
	want wire.Message
}

func headers(nv ...string) (h Headers) {
	for i := 0; i < len(nv); i += 2 {
		h = append(h, Header{Name: nv[i], Value: nv[i+1]})
	}
	return h
}

var conversations = map[string][]step{
	"get": {
		{wire.Client, "GET /a?b=c HTTP/1.1\r\nHost: plc\r\nuser-agent: x y\r\n\r\n",
			&Request{Method: "GET", Target: "/a?b=c", Version: "HTTP/1.1", Headers: headers("Host", "plc", "user-agent", "x y")}},
		{wire.Server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nserver: s\r\n\r\nhello",
			&Response{Version: "HTTP/1.1", Status: 200, Reason: "OK", Headers: headers("Content-Length", "5", "server", "s"), Body: []byte("hello")}},
	},
	"odd lines": {
		{wire.Client, "GET  /x  HTTP/1.0 \nHost:plc\nX : y \r\nno colon here\r\nEmpty:\r\nFold: a\r\n\tb\r\n\n",
			&Request{Method: "GET", Target: "/x", Version: "HTTP/1.0", Line: "GET  /x  HTTP/1.0 \n", Headers: Headers{
				{Name: "Host", Value: "plc", Line: "Host:plc\n"},
				{Name: "X", Value: "y", Line: "X : y \r\n"},
				{Line: "no colon here\r\n"},
				{Name: "Empty", Line: "Empty:\r\n"},
				{Name: "Fold", Value: "a b", Line: "Fold: a\r\n\tb\r\n"},
			}, End: "\n"}},
		{wire.Server, "HTTP/1.0 404\r\nContent-length: 0\r\n\r\n",
			&Response{Version: "HTTP/1.0", Status: 404, Line: "HTTP/1.0 404\r\n", Headers: headers("Content-length", "0")}},
	},
	"post with a body": {
		{wire.Client, "POST /set HTTP/1.1\r\nContent-Length: 3\r\n\r\na=1",
			&Request{Method: "POST", Target: "/set", Version: "HTTP/1.1", Headers: headers("Content-Length", "3"), Body: []byte("a=1")}},
		{wire.Server, "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n",
			&Response{Version: "HTTP/1.1", Status: 204, Reason: "No Content", Headers: headers("Content-Length", "7")}},
	},
	"chunks, extensions and trailers": {
		{wire.Client, "PUT /f HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n0\r\n\r\n",
			&Request{Method: "PUT", Target: "/f", Version: "HTTP/1.1", Headers: headers("Transfer-Encoding", "gzip, chunked"),
				Body: []byte("3;x=\"y\"\r\nabc\r\n0\r\n\r\n")}},
		{wire.Server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n00004\r\nwxyz\r\n2\n!!\n0;last\r\nDigest: 9\r\n\r\n",
			&Response{Version: "HTTP/1.1", Status: 200, Reason: "OK", Headers: headers("Transfer-Encoding", "Chunked"),
				Body: []byte("00004\r\nwxyz\r\n2\n!!\n0;last\r\nDigest: 9\r\n\r\n")}},
	},
	"head": {
		{wire.Client, "HEAD / HTTP/1.1\r\n\r\n", &Request{Method: "HEAD", Target: "/", Version: "HTTP/1.1"}},
		{wire.Server, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
			&Response{Version: "HTTP/1.1", Status: 200, Reason: "OK", Headers: headers("Content-Length", "5000")}},
	},
	"pipelined, not modified, early hints": {
		{wire.Client, "GET /1 HTTP/1.1\r\n\r\n", &Request{Method: "GET", Target: "/1", Version: "HTTP/1.1"}},
		{wire.Client, "HEAD /2 HTTP/1.1\r\n\r\n", &Request{Method: "HEAD", Target: "/2", Version: "HTTP/1.1"}},
		{wire.Client, "GET /3 HTTP/1.1\r\n\r\n", &Request{Method: "GET", Target: "/3", Version: "HTTP/1.1"}},
		{wire.Server, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
			&Response{Version: "HTTP/1.1", Status: 103, Reason: "Early Hints", Headers: headers("Link", "x")}},
		{wire.Server, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
			&Response{Version: "HTTP/1.1", Status: 304, Reason: "Not Modified", Headers: headers("Content-Length", "9")}},
		{wire.Server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
			&Response{Version: "HTTP/1.1", Status: 200, Reason: "OK", Headers: headers("Content-Length", "9")}},
		{wire.Server, "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx",
			&Response{Version: "HTTP/1.1", Status: 200, Headers: headers("Content-Length", "1"), Body: []byte("x")}},
	},
	"expect 100-continue": {
		{wire.Client, "POST /ipp HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
			&Request{Method: "POST", Target: "/ipp", Version: "HTTP/1.1", Headers: headers("Expect", "100-continue", "Content-Length", "4")}},
		{wire.Server, "HTTP/1.1 100 Continue\r\n\r\n", &Response{Version: "HTTP/1.1", Status: 100, Reason: "Continue"}},
		{wire.Client, "data", &Content{Method: "POST", Target: "/ipp", Body: []byte("data")}},
		{wire.Server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			&Response{Version: "HTTP/1.1", Status: 200, Reason: "OK", Headers: headers("Content-Length", "0")}},
	},
	"upgrade": {
		{wire.Client, "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			&Request{Method: "GET", Target: "/ws", Version: "HTTP/1.1", Headers: headers("Connection", "Upgrade", "Upgrade", "websocket")}},
		{wire.Server, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
			&Response{Version: "HTTP/1.1", Status: 101, Reason: "Switching Protocols", Headers: headers("Upgrade", "websocket")}},
		{wire.Client, "\x81\x05hello", &Raw{Data: []byte("\x81\x05hello")}},
		{wire.Server, "\x81\x02ok", &Raw{Data: []byte("\x81\x02ok")}},
	},
	"connect": {
		{wire.Client, "CONNECT a:443 HTTP/1.1\r\n\r\n", &Request{Method: "CONNECT", Target: "a:443", Version: "HTTP/1.1"}},
		{wire.Server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
			&Response{Version: "HTTP/1.1", Status: 200, Reason: "OK", Headers: headers("Content-Length", "5")}},
		{wire.Client, "\x16\x03\x01", &Raw{Data: []byte("\x16\x03\x01")}},
	},
}

// untilClosed end with their stream.
var untilClosed = map[string][]step{
	"http/1.0": {
		{wire.Client, "GET / HTTP/1.0\r\n\r\n", &Request{Method: "GET", Target: "/", Version: "HTTP/1.0"}},
		{wire.Server, "HTTP/1.0 200 OK\r\nServer: w\r\n\r\nall\r\n\r\nof it",
			&Response{Version: "HTTP/1.0", Status: 200, Reason: "OK", Headers: headers("Server", "w"), Body: []byte("all\r\n\r\nof it")}},
	},
	"http/0.9": {
		{wire.Client, "GET /page\r\n", &Request{Method: "GET", Target: "/page"}},
		{wire.Server, "<html>bare</html>", &Raw{Data: []byte("<html>bare</html>")}},
	},
	"what is no chunk": {
		{wire.Client, "GET / HTTP/1.1\r\n\r\n", &Request{Method: "GET", Target: "/", Version: "HTTP/1.1"}},
		{wire.Server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nplain text",
			&Response{Version: "HTTP/1.1", Status: 200, Reason: "OK", Headers: headers("Transfer-Encoding", "chunked"), Body: []byte("plain text")}},
	},
}

func asJSON(m wire.Message) string { return fmt.Sprintf("%T %s", m, wire.AppendJSON(nil, m)) }

func TestMessages(t *testing.T) {
	for _, reuse := range []bool{false, true} {
		for name, steps := range conversations {
			t.Run(fmt.Sprintf("%s, reuse %v", name, reuse), func(t *testing.T) { converse(t, steps, false, reuse) })
		}
		for name, steps := range untilClosed {
			t.Run(fmt.Sprintf("%s, reuse %v", name, reuse), func(t *testing.T) { converse(t, steps, true, reuse) })
		}
	}
}

// converse decodes each step from every length of beginning: only the whole may give the message.
func converse(t *testing.T, steps []step, eofs, reuse bool) {
	c := Protocol{}.New().(*Conn)
	if reuse {
		c.Reuse()
	}
	for _, s := range steps {
		eof := eofs && s.from == wire.Server
		if _, raw := s.want.(*Raw); !raw || eof {
			for i := range len(s.text) {
				if n, m, err := c.Next(s.from, []byte(s.text[:i]), false); n != 0 || m != nil || err != nil {
					t.Fatalf("the first %d bytes of %q: got %d, %v, %v", i, s.text, n, m, err)
				}
			}
		}
		in := []byte(s.text)
		n, m, err := c.Next(s.from, in, eof)
		if err != nil || n != len(s.text) {
			t.Fatalf("%q: took %d of %d bytes, %v", s.text, n, len(s.text), err)
		}
		if got, want := asJSON(m), asJSON(s.want); got != want {
			t.Errorf("%q:\n got %s\nwant %s", s.text, got, want)
		}
		if d := wire.Diff(s.want, m); len(d.Differences) > 0 {
			t.Errorf("%q: %v", s.text, d.Differences)
		}
		for _, x := range []wire.Message{m, s.want} {
			if out, err := x.Append(nil); err != nil || string(out) != s.text {
				t.Errorf("%T appends %q (%v), want %q", x, out, err, s.text)
			}
		}
		if !reuse {
			copy(in, bytes.Repeat([]byte{'#'}, len(in)))
			if out, _ := m.Append(nil); string(out) != s.text {
				t.Errorf("%q: the message refers to the bytes it was read from", s.text)
			}
		}
	}
}

func TestPlain(t *testing.T) {
	c := &Conn{}
	_, m, err := c.Next(wire.Server, []byte(conversations["chunks, extensions and trailers"][1].text), false)
	if err != nil {
		t.Fatal(err)
	}
	r := m.(*Response)
	if got := string(r.Plain()); got != "wxyz!!" {
		t.Errorf("the body without chunking is %q", got)
	}
	if got := r.Trailers(); !reflect.DeepEqual(got, headers("Digest", "9")) {
		t.Errorf("trailers %v", got)
	}
	if got := string(Unchunk(Chunk(nil, []byte("abcdefghijklmnopq")))); got != "abcdefghijklmnopq" {
		t.Errorf("chunked and back: %q", got)
	}
}

func TestSizeLines(t *testing.T) {
	for body, want := range map[string]string{
		"00004\r\nwxyz\r\n1;x\r\n!\r\n0\r\n\r\n": "00004|1;x|0",
		"0\r\n\r\n":                              "0",
		"4\r\nwxyz\r\n0\r\nTrailer: x\r\n\r\n":   "",
		"4\nwxyz\n0\n\n":                         "",
		"4\r\nwx":                                "",
		"":                                       "",
	} {
		lines, data, ok := SizeLines([]byte(body))
		if ok != (want != "") || ok && strings.Join(lines, "|") != want {
			t.Errorf("%q: %q, %v", body, lines, ok)
		}
		if again, err := AppendChunks(nil, data, lines); ok && (err != nil || string(again) != body) {
			t.Errorf("%q again: %q, %v", body, again, err)
		}
	}
	for _, lines := range [][]string{{"5", "0"}, {"2", "0"}, {"x"}, {"ffffffffffffffff", "0"}} {
		if b, err := AppendChunks(nil, []byte("abc"), lines); err == nil {
			t.Errorf("three bytes in chunks %q: %q", lines, b)
		}
	}
}

func TestParseHead(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
	if r, err := ParseHead(head); err != nil || string(r.AppendHead(nil)) != head {
		t.Errorf("%v, %v", r, err)
	}
	for _, s := range []string{"", "HTTP/1.1 200 OK\r\n", head + "x", "FTP/1.1 200 OK\r\n\r\n"} {
		if r, err := ParseHead(s); err == nil {
			t.Errorf("%q is %v", s, r)
		}
	}
}

func TestNotHTTP(t *testing.T) {
	for _, s := range []string{
		"\x00\x01\x00\x00\x00\x06", "\x03\x00\x00\x16", "USER anonymous\r\n", "EHLO x\r\n", "INVITE sip:a@b SIP/2.0\r\n",
		"SSH-2.0-OpenSSH_9\r\n", "\xff\xfd\x18", "GET / http/1.1\r\n", "get x\r\n", "HTTP/1.1 20 OK\r\n", " GET / HTTP/1.1\r\n",
		strings.Repeat("A", 40), "GET /" + strings.Repeat("a", MaxHead),
	} {
		if n, m, err := (&Conn{}).Next(wire.Client, []byte(s), false); err == nil {
			t.Errorf("client %.40q: took %d, %v", s, n, m)
		}
	}
	for _, s := range []string{"220 ready\r\n", "HTTP/x", "HTTP/1.1 2x", "RTSP/1.0 200 OK\r\n", "HTTP/1.1 2000 OK\r\n", "\x00"} {
		if n, m, err := (&Conn{}).Next(wire.Server, []byte(s), false); err == nil {
			t.Errorf("server %q: took %d, %v", s, n, m)
		}
	}
}

func TestWellFramed(t *testing.T) {
	for head, want := range map[string]bool{
		"":                         true,
		"Content-Length: 3\r\n":    true,
		"Content-Length: 3, 3\r\n": true,
		"Content-Length: 3\r\nContent-Length: 4\r\n":           false,
		"Content-Length: -1\r\n":                               false,
		"Content-Length: \r\n":                                 false,
		"Transfer-Encoding: gzip\r\n":                          false,
		"Transfer-Encoding: chunked\r\n":                       true,
		"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n":  false,
		"Content-Length: 99999999999999999999999999999999\r\n": false,
	} {
		var r Request
		if !r.parse("POST / HTTP/1.1\r\n" + head + "\r\n") {
			t.Fatal("not parsed")
		}
		if r.WellFramed() != want {
			t.Errorf("%q: well framed is %v", head, !want)
		}
	}
}

// exchange decodes client and server bytes in order and pairs them as capture does.
func pair(t *testing.T, steps []step) (got []string) {
	c := &Conn{}
	var open []wire.Message
	names := map[wire.Message]string{}
	for _, s := range steps {
		_, m, err := c.Next(s.from, []byte(s.text), false)
		if err != nil {
			t.Fatal(err)
		}
		if s.from == wire.Client {
			names[m] = fmt.Sprintf("%d", len(names)+1)
			open = append(open, m)
			continue
		}
		i, last := c.Match(open, m)
		if i < 0 {
			got = append(got, "-")
			continue
		}
		x := names[open[i]]
		if last {
			x += "."
			open = append(open[:i:i], open[i+1:]...)
		}
		got = append(got, x)
	}
	return got
}

func TestMatch(t *testing.T) {
	expect := "POST /ipp HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	for _, x := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"pipelined, not modified, early hints", conversations["pipelined, not modified, early hints"], "1 1. 2. 3."},
		{"expect", conversations["expect 100-continue"], "1. 2."},
		{"body sent without waiting", []step{{wire.Client, expect, nil}, {wire.Client, "data", nil}, {wire.Server, ok, nil},
			{wire.Client, "GET / HTTP/1.1\r\n\r\n", nil}, {wire.Server, ok, nil}}, "2. 3."},
		{"body refused", []step{{wire.Client, expect, nil}, {wire.Server, ok, nil},
			{wire.Client, "GET / HTTP/1.1\r\n\r\n", nil}, {wire.Server, ok, nil}}, "1. 2."},
		{"upgrade", conversations["upgrade"], "1. 2."},
		{"unasked", []step{{wire.Server, ok, nil}}, "-"},
	} {
		if got := strings.Join(pair(t, x.steps), " "); got != x.want {
			t.Errorf("%s: replies belong to %s, want %s", x.name, got, x.want)
		}
	}
}

func TestLost(t *testing.T) {
	next := "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
	for name, x := range map[string]struct {
		before string
		lost   int
		after  string
	}{
		"inside a body":              {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", 50, strings.Repeat("HTTP/1.1 200", 3) + "abcd" + next},
		"to the end of a body":       {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", 90, next},
		"beyond a body":              {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", 120, "d: of\r\na: head\r\n\r\nbody" + next},
		"inside chunks":              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n0123456789", 10, "rest of it\r\n0\r\n\r\n" + next},
		"before the first bytes":     {"", -1, "\x00\x01\x02 middle of something\n" + next},
		"between messages":           {"", 300, next},
		"the start of a status line": {"", 300, "xHTTP/1.1 2" + "x" + next},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Conn{}
			if n, m, err := c.Next(wire.Server, []byte(x.before), false); n != 0 || err != nil {
				t.Fatal(n, m, err)
			}
			c.Lost(wire.Server, x.lost)
			var seen []string
			var buf []byte
			for _, b := range []byte(x.after) {
				buf = append(buf, b)
				for {
					n, m, err := c.Next(wire.Server, buf, false)
					if err != nil {
						t.Fatalf("%q: %v", buf, err)
					}
					if m != nil {
						out, _ := m.Append(nil)
						seen = append(seen, string(out))
					}
					buf = buf[n:]
					if n == 0 || len(buf) == 0 {
						break
					}
				}
			}
			if len(seen) != 1 || seen[0] != next {
				t.Errorf("behind the gap: %q", seen)
			}
		})
	}
}

func TestQueueIsBounded(t *testing.T) {
	var q queue
	for i := range maxAsked + 10 {
		q.push(kind(i % 3))
	}
	if q.size() != maxAsked || len(q.ring) != maxAsked {
		t.Fatalf("%d in a ring of %d", q.size(), len(q.ring))
	}
	for i := 10; i < maxAsked+10; i++ {
		if q.front() != kind(i%3) {
			t.Fatalf("request %d is %v", i, q.front())
		}
		q.pop()
	}
}

func TestClassAndKey(t *testing.T) {
	parse := func(s string) *Request {
		var r Request
		r.parse(s)
		return &r
	}
	for method, want := range map[string]string{"GET": "get read", "POST": "post control", "PUT": "put write", "FOO": "other method control"} {
		name, effect := wire.Class(parse(method + " / HTTP/1.1\r\n\r\n"))
		if got := name + " " + effect.String(); got != want {
			t.Errorf("%s is %q", method, got)
		}
	}
	a := parse("GET /a HTTP/1.1\r\nUser-Agent: x\r\nHost: h\r\n\r\n")
	for other, same := range map[string]bool{
		"GET /a HTTP/1.0\r\nUser-Agent: y\r\nHost: i\r\n\r\n":  true,
		"GET /b HTTP/1.1\r\n\r\n":                              false,
		"GET /a HTTP/1.1\r\nauthorization: Basic eA==\r\n\r\n": false,
		"GET /a HTTP/1.1\r\nRange: bytes=0-1\r\n\r\n":          false,
	} {
		if got := wire.Key(a) == wire.Key(parse(other)); got != same {
			t.Errorf("%q: same question %v, want %v", other, got, same)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, set := range []map[string][]step{conversations, untilClosed} {
		for _, steps := range set {
			var client, server string
			for _, s := range steps {
				if s.from == wire.Client {
					client += s.text
				} else {
					server += s.text
				}
			}
			f.Add([]byte(client), []byte(server), uint16(len(server)/2))
		}
	}
	f.Fuzz(func(t *testing.T, client, server []byte, cut uint16) {
		c, d := &Conn{}, &Conn{}
		d.Reuse()
		for _, from := range []wire.Side{wire.Client, wire.Server} {
			b := client
			if from == wire.Server {
				b = server
			}
			check(t, c, d, from, b)
		}
		lossy := &Conn{}
		n := min(int(cut), len(server))
		lossy.Next(wire.Server, server[:n], false)
		lossy.Lost(wire.Server, int(cut%7)-1)
		check(t, lossy, nil, wire.Server, server[n:])
	})
}

// check reads all of b, and that what decodes appends its bytes, and that no beginning of a message is
// taken for a shorter one.
func check(t *testing.T, c, reusing *Conn, from wire.Side, b []byte) {
	for len(b) > 0 {
		half := len(b) / 2
		n, m, err := c.Next(from, b[:half], false)
		if n == 0 && err == nil {
			n, m, err = c.Next(from, b, true)
		}
		if n > len(b) || n < 0 || err != nil && (n != 0 || m != nil) {
			t.Fatalf("took %d of %d, %v, %v", n, len(b), m, err)
		}
		if reusing != nil && err == nil && n > 0 {
			if k, x, err := reusing.Next(from, b[:n], true); err == nil && k == n && m != nil && len(wire.Diff(m, x).Differences) > 0 {
				t.Fatalf("reused: %s, not %s", asJSON(x), asJSON(m))
			}
		}
		if err != nil || n == 0 {
			return
		}
		if m != nil {
			out, err := m.Append(nil)
			if err != nil || !bytes.Equal(out, b[:n]) {
				t.Fatalf("%q appends %q, %v", b[:n], out, err)
			}
			wire.Key(m)
			wire.Class(m)
			if r, ok := m.(*Response); ok {
				r.Plain()
				r.Trailers()
				if lines, data, ok := SizeLines(r.Body); ok {
					if again, err := AppendChunks(nil, data, lines); err != nil || !bytes.Equal(again, r.Body) {
						t.Fatalf("%q in chunks again: %q, %v", r.Body, again, err)
					}
				}
			}
			if r, ok := m.(*Request); ok {
				if out := r.clone().AppendHead(nil); !bytes.Equal(out, b[:len(out)]) {
					t.Fatalf("clone of %q is %q", b[:n], out)
				}
			}
		}
		b = b[n:]
	}
}

const browserRequest = "GET /portal.html?x=1 HTTP/1.1\r\nHost: 192.168.0.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\r\n"

func BenchmarkDecodeRequest(b *testing.B) {
	c := Protocol{}.New().(*Conn)
	c.Reuse()
	in := []byte(browserRequest)
	b.ReportAllocs()
	for b.Loop() {
		if n, _, err := c.Next(wire.Client, in, false); n != len(in) || err != nil {
			b.Fatal(n, err)
		}
		c.asked.pop()
	}
}

func BenchmarkEncodeResponse(b *testing.B) {
	r := &Response{Version: "HTTP/1.1", Status: 200, Reason: "OK", Body: make([]byte, 4096), Headers: headers(
		"Server", "x", "Date", "Mon, 01 Jan 2024 00:00:00 GMT", "Content-Type", "text/html", "Content-Length", "4096", "Connection", "keep-alive")}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = r.Append(buf[:0])
	}
}
