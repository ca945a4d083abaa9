package emulate_test

import (
	"strings"
	"testing"

	"ringer/capture/http"
	"ringer/emulate"
)

// A device that was seen to refuse a body before it came refuses others so, and hangs up; one that was not lets
// them come.
func TestHTTPExpect(t *testing.T) {
	const curt = "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	page := [2]string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"}
	for _, c := range []struct {
		talk  [][2]string
		want  string
		close bool
	}{
		{[][2]string{page}, "HTTP/1.1 100 ", false},
		{[][2]string{page, {"POST /up HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", curt}}, "HTTP/1.1 404 ", true},
	} {
		d := openDecoy(t, learned(t, httpTalk(t, httpStart, c.talk...)), emulate.Settings{}, http.Protocol{})
		a := d.link("http", 1).answer(t, []byte("POST /elsewhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"))
		if out := string(written(t, a.Messages)); !strings.HasPrefix(out, c.want) || a.Close != c.close {
			t.Errorf("%d recorded: %q, the connection ends: %v", len(c.talk), out, a.Close)
		}
	}
}
