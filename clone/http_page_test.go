package clone

import (
	"bytes"
	"fmt"
	"io/fs"
	"testing"
	"time"
)

// Times and tokens in a page do not keep its numbers from being followed, and tokens of visitors go.
func TestHTTPPageGoesOn(t *testing.T) {
	const session = "9f86d081884c7d659a2feaa0c55ad015"
	var talk [][2]string
	for i := range 8 {
		now := httpStart.Add(time.Duration(i) * 5 * time.Second)
		body := fmt.Sprintf(`{"time":"%s","booted":"2026-01-01 00:00:00","count":%d,"once":"%08xab12cd34","csrf":"%s"}`,
			now.Add(time.Hour).Format("2006-01-02T15:04:05"), 100+5*i, 0x1234567*(i+3), session)
		talk = append(talk, [2]string{"GET /s HTTP/1.1\r\nHost: a\r\n\r\n", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)})
	}
	xs := httpTalk(t, httpStart, talk...)
	for i := range xs {
		xs[i].At = httpStart.Add(time.Duration(i) * 5 * time.Second)
	}
	dev := httpLearn(t, "c1", Options{Salt: []byte("salt")}, xs)
	_, r := httpRoutesOf(t, dev)
	route := r.Routes[0]
	if c, ok := route.Clocks[0]; len(route.Clocks) != 1 || !ok || c.Form != "2006-01-02T15:04:05" || c.Ahead != time.Hour {
		t.Errorf("clocks %+v", route.Clocks)
	}
	if len(route.Tokens) != 1 || route.Tokens[0] != 0 {
		t.Errorf("tokens %v", route.Tokens)
	}
	if len(route.Numbers) != 1 {
		t.Errorf("numbers %+v", route.Numbers)
	}
	fs.WalkDir(dev.Files, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if b, _ := fs.ReadFile(dev.Files, name); bytes.Contains(b, []byte(session)) {
				t.Errorf("%s holds the visitor's token", name)
			}
		}
		return err
	})
	if len(dev.Redactions) != 1 || dev.Redactions[0].What != "tokens and passwords in HTTP pages" {
		t.Errorf("redactions %+v", dev.Redactions)
	}
}
