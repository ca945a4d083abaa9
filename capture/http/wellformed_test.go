package http

import (
	"strings"
	"testing"

	"ringer/capture/wire"
)

func TestWellFormed(t *testing.T) {
	for _, c := range []struct {
		headers string
		want    bool
	}{
		{"Host: a\r\n", true},
		{"Host:\r\n", true},
		{"Host: [fe80::1%25eth0]:80\r\n", true},
		{"Host:a\r\nAccept:\t*/*\r\n", true},
		{"Host: a\r\nX: b\r\n folded\r\n", true},
		{"Host: a\r\nhost: a\r\n", false},
		{"Host: a b\r\n", false},
		{"Host: a/b\r\n", false},
		{"Host: a@b\r\n", false},
		{"Host: a\r\nFoo : b\r\n", false},
		{"Host: a\r\nFoo\t: b\r\n", false},
		{"Host: a\r\nFoo: b\x00c\r\n", false},
		{"Host: a\r\nFoo: b\rc\r\n", false},
	} {
		n, m, err := (&Conn{}).Next(wire.Client, []byte("GET / HTTP/1.1\r\n"+c.headers+"\r\n"), true)
		if n == 0 || err != nil {
			t.Fatalf("%q: %v", c.headers, err)
		}
		if got := m.(*Request).WellFormed(); got != c.want {
			t.Errorf("%q: %v, want %v", c.headers, got, c.want)
		}
	}
}

func TestPersistence(t *testing.T) {
	for head, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":                          "",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n": Close,
		"GET / HTTP/1.0\r\n\r\n":                                     OneZero,
		"GET / HTTP/1.0\r\nConnection: close\r\n\r\n":                OneZero,
		"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n":           OneZeroKeepAlive,
		"GET /\r\n": ZeroNine,
	} {
		_, m, err := (&Conn{}).Next(wire.Client, []byte(head), true)
		if err != nil {
			t.Fatalf("%q: %v", head, err)
		}
		if got := m.(*Request).Persistence(); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
}

func TestTooLong(t *testing.T) {
	for length, want := range map[string]bool{"5": false, "1073741824": false, "1073741825": true, "5000000000": true} {
		b := []byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\n")
		n, _, err := (&Conn{}).Next(wire.Client, b, false)
		if n != 0 || (err != nil) != want || TooLong(b) != want {
			t.Errorf("%s: took %d, error %v, too long: %v; want %v", length, n, err, TooLong(b), want)
		}
	}
	if TooLong([]byte("?" + strings.Repeat("x", 100))) {
		t.Error("what is no request has no body that is too long")
	}
}
