package emulate_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

const httpBrowser = "GET /index.html HTTP/1.1\r\nHost: 192.168.0.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\r\n"

// httpBenchDevices are a written and a recorded server of the same page of 4 KB.
func httpBenchDevices(t testing.TB) map[string]*profiles.Device {
	page := bytes.Repeat([]byte("0123456789abcde\n"), 256)
	text := "apiVersion: ringer/v1\nkind: Device\nid: bench\nservices:\n  - http: {port: 80, root: http/, headers: {Server: x}}\n"
	written, err := profiles.Parse([]byte(text), "bench.yaml", fstest.MapFS{"http/index.html": {Data: page, ModTime: time.Unix(1e9, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	reply := &http.Response{
		Version: "HTTP/1.1", Status: 200, Reason: "OK", Body: page, Headers: http.Headers{
			{Name: "Server", Value: "x"}, {Name: "Date", Value: "Mon, 02 Mar 2026 08:00:00 GMT"},
			{Name: "Content-Type", Value: "text/html"}, {Name: "Content-Length", Value: fmt.Sprint(len(page))},
		},
	}
	_, m, err := http.Protocol{}.New().Next(wire.Client, []byte(httpBrowser), false)
	if err != nil {
		t.Fatal(err)
	}
	x := capture.Exchange{At: time.Unix(1.7e9, 0), Transport: "tcp", Server: netip.MustParseAddrPort("192.0.2.1:80"), Protocol: http.Protocol{}, Request: m, Replies: []wire.Message{reply}}
	return map[string]*profiles.Device{"written": written, "recorded": learned(t, []capture.Exchange{x})}
}

// A request that is asked often costs no memory.
func TestHTTPAllocations(t *testing.T) {
	for name, dev := range httpBenchDevices(t) {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1.7e9, 0)
			link := openDecoy(t, dev, emulate.Settings{Now: func() time.Time { return now }}, http.Protocol{}).dial("http")
			req, out := []byte(httpBrowser), []byte(nil)
			if n := testing.AllocsPerRun(200, func() { out = httpAsk(t, link, req, out) }); n > 0 {
				t.Errorf("%v allocations a request", n)
			}
			if !bytes.HasPrefix(out, []byte("HTTP/1.1 200 OK\r\nServer: x\r\n")) || len(out) < 4096 {
				t.Errorf("answered %.200q", out)
			}
		})
	}
}

func httpAsk(t testing.TB, l *link, req, out []byte) []byte {
	_, m, err := l.conn.Next(wire.Client, req, false)
	if err != nil {
		t.Fatal(err)
	}
	out = out[:0]
	for _, m := range l.session.Answer(m).Messages {
		if out, err = m.Append(out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func BenchmarkHTTPAnswer(b *testing.B) {
	for name, dev := range httpBenchDevices(b) {
		b.Run(name, func(b *testing.B) {
			link := openDecoy(b, dev, emulate.Settings{}, http.Protocol{}).dial("http")
			req, out := []byte(httpBrowser), []byte(nil)
			b.ReportAllocs()
			for b.Loop() {
				out = httpAsk(b, link, req, out)
			}
		})
	}
}
