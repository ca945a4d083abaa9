package clone

import (
	"bytes"
	"io/fs"
	"testing"
	"testing/fstest"
)

// TestHTTPTokensInHeadersAreScrubbed: what a device hands out in a header of its own to know a visitor
// again does not stay in the profile.
func TestHTTPTokensInHeadersAreScrubbed(t *testing.T) {
	const token = "9f86d081884c7d659a2feaa0c55ad015"
	dev := httpLearn(t, "c1", Options{Salt: []byte("salt")}, httpTalk(t, httpStart,
		[2]string{"POST /sessions HTTP/1.1\r\nHost: bmc\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 201 Created\r\nX-Auth-Token: " + token + "\r\nContent-Length: 0\r\n\r\n"},
	))
	files := 0
	for name, f := range dev.Files.(fstest.MapFS) {
		files++
		if bytes.Contains(f.Data, []byte(token)) || bytes.Contains(f.Data, []byte("39663836643038313838346337643635")) {
			t.Errorf("%s holds the token", name)
		}
	}
	_, r := httpRoutesOf(t, dev)
	if got := r.Replies[r.Routes[0].Reply[0]].Head; got != "HTTP/1.1 201 Created\nX-Auth-Token: ${token}\nContent-Length: 0\n" {
		t.Errorf("head %q", got)
	}
	if _, err := fs.Stat(dev.Files, "samples/http-80-c1.tsv"); err != nil || files < 2 {
		t.Errorf("%d files, %v", files, err)
	}
}
