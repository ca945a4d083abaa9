package emulate_test

import (
	"fmt"
	"strings"
	"testing"

	"ringer/capture/http"
	"ringer/emulate"
)

// What was recorded for requests that end the connection is not told to those that let it go on, and the
// other way round: RFC 9112, section 9.3.
func TestHTTPPersistence(t *testing.T) {
	const (
		page   = "GET / HTTP/1.1\r\nHost: x"
		ending = page + "\r\nConnection: close"
		old    = "GET / HTTP/1.0"
		other  = "GET /other HTTP/1.1\r\nHost: x"
		lost   = "GET /lost HTTP/1.1\r\nHost: x"
	)
	says := func(status, connection, body string) string {
		return fmt.Sprintf("HTTP/1.1 %s\r\nServer: pump\r\nContent-Length: %d\r\nConnection: %s\r\nETag: \"1\"\r\n\r\n%s", status, len(body), connection, body)
	}
	ok := func(connection string) string { return says("200 OK", connection, "pump") }
	dev := learned(t, httpTalk(t, httpStart,
		[2]string{page + "\r\n\r\n", ok("keep-alive")},
		[2]string{ending + "\r\n\r\n", ok("close")},
		[2]string{old + "\r\n\r\n", ok("close")},
		[2]string{other + "\r\nConnection: close\r\n\r\n", ok("close")},
		[2]string{lost + "\r\nConnection: close\r\n\r\n", says("404 Not Found", "close", "no /lost")},
		[2]string{"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", says("400 Bad Request", "close", "what?")},
	))
	d := openDecoy(t, dev, emulate.Settings{}, http.Protocol{})
	for i := range 3 {
		for _, c := range []struct{ ask, want string }{
			{page, ok("keep-alive")},
			{ending, ok("close")},
			{old, ok("close")},
			{other, ok("keep-alive")},
			{other + "\r\nConnection: close", ok("close")},
			{lost, says("404 Not Found", "keep-alive", "no /lost")},
			{"GET /never HTTP/1.1\r\nHost: x", says("404 Not Found", "keep-alive", "no /never")},
			{"GET /never HTTP/1.1\r\nHost: x\r\nConnection: close", says("404 Not Found", "close", "no /never")},
			{"BREW / HTTP/1.1\r\nHost: x", says("400 Bad Request", "close", "what?")},
		} {
			a := d.link("http", 1).answer(t, []byte(c.ask+"\r\n\r\n"))
			out := written(t, a.Messages)
			if string(out) != c.want {
				t.Errorf("round %d: %q:\n%s\nwant\n%s", i, c.ask, out, c.want)
			}
			if a.Close != strings.Contains(c.want, "Connection: close") {
				t.Errorf("round %d: %q: the connection ends: %v", i, c.ask, a.Close)
			}
		}
	}
}

// A device that says nothing of connections that go on is not made to.
func TestHTTPPersistenceUnsaid(t *testing.T) {
	const page, other = "GET / HTTP/1.1\r\nHost: x", "GET /other HTTP/1.1\r\nHost: x"
	quiet := "HTTP/1.1 200 OK\r\nServer: pump\r\nContent-Length: 2\r\n\r\nhi"
	ends := "HTTP/1.1 200 OK\r\nServer: pump\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
	dev := learned(t, httpTalk(t, httpStart,
		[2]string{page + "\r\n\r\n", quiet}, [2]string{other + "\r\nConnection: close\r\n\r\n", ends}))
	d := openDecoy(t, dev, emulate.Settings{}, http.Protocol{})
	for _, c := range [][2]string{{page, quiet}, {page + "\r\nConnection: close", ends}, {other, quiet}, {other + "\r\nConnection: close", ends}} {
		if got := httpGet(t, d, c[0]); got != c[1] {
			t.Errorf("%q:\n%s\nwant\n%s", c[0], got, c[1])
		}
	}
}
