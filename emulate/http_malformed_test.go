package emulate_test

import (
	"fmt"
	"strings"
	"testing"

	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// What a server must refuse (RFC 9112, sections 3.2, 5.1 and 6.3) is refused in the way the device was
// seen to, and the connection ends; a device that was seen to let it pass goes on doing so.
func TestHTTPMalformed(t *testing.T) {
	const (
		page = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
		twin = "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
		bad  = "HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwhat?"
	)
	many := "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Field: 0123456789\r\n", 2500) + "\r\n"
	strict := learned(t, httpTalk(t, httpStart, [2]string{page, httpOK("pump")}, [2]string{"GET / HTTP/1.1\r\n\r\n", bad}))
	lenient := learned(t, httpTalk(t, httpStart, [2]string{page, httpOK("pump")}, [2]string{"GET / HTTP/1.1\r\n\r\n", bad}, [2]string{twin, httpOK("pump")}))
	again := learned(t, httpTalk(t, httpStart, [2]string{page, httpOK("pump")}, [2]string{twin, bad}))
	unknown := learned(t, httpTalk(t, httpStart, [2]string{page, httpOK("pump")}))
	for _, c := range []struct {
		name, ask string
		dev       *profiles.Device
		status    int
	}{
		{"two of Host", twin, strict, 400},
		{"two of Host, as recorded", twin, again, 400},
		{"two of Host, lenient", twin, lenient, 200},
		{"two of Host, nothing known", twin, unknown, 200},
		{"no host", "GET / HTTP/1.1\r\nHost: a b/@\r\n\r\n", strict, 400},
		{"space before the colon", "GET / HTTP/1.1\r\nHost: x\r\nFoo : a\r\n\r\n", strict, 400},
		{"NUL", "GET / HTTP/1.1\r\nHost: x\r\nFoo: a\x00\r\n\r\n", strict, 400},
		{"space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", strict, 400},
		{"two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", strict, 400},
		{"many fields", many, strict, 400},
		{"many fields, nothing known", many, unknown, 431},
		{"long target", "GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\nHost: x\r\n\r\n", strict, 414},
	} {
		d := openDecoy(t, c.dev, emulate.Settings{}, http.Protocol{})
		a := d.link("http", 1).answer(t, []byte(c.ask))
		if got := string(written(t, a.Messages)); !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", c.status)) || a.Close != (c.status >= 400) {
			t.Errorf("%s: closed: %v, want %d:\n%s", c.name, a.Close, c.status, got)
		}
	}
	for _, c := range []struct {
		name, bytes string
		status      int
	}{
		{"longer target", "GET /" + strings.Repeat("a", 70000), 414},
		{"endless body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n", 413},
		{"no request", "?\r\n\r\n", 400},
	} {
		l := openDecoy(t, strict, emulate.Settings{}, http.Protocol{}).dial("http")
		if _, _, err := l.conn.Next(wire.Client, []byte(c.bytes), false); err == nil {
			t.Fatalf("%s: was read", c.name)
		}
		a, n := l.session.(emulate.Malformed).Malformed([]byte(c.bytes))
		if got := string(written(t, a.Messages)); !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", c.status)) || !a.Close || n != len(c.bytes) {
			t.Errorf("%s: dropped %d, closed: %v, want %d:\n%s", c.name, n, a.Close, c.status, got)
		}
	}
}
