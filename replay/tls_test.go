package replay

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"ringer/capture"
	seen "ringer/capture/tls"
)

// TestTLS: what was recorded over TLS is asked over TLS, with the name and the versions of the recorded client.
func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)} // long expired, as on many devices
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	hellos := make(chan *tls.ClientHelloInfo, 4)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) { hellos <- h; return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for s := bufio.NewScanner(c); s.Scan(); {
			fmt.Fprintf(c, "%s\n", s.Text())
		}
	}()
	x := asked(1, 0, 10, q(1, "a"), r(1, "a"))
	x.TLS = &seen.Handshake{ServerName: "plc.example", Offered: []uint16{tls.VersionTLS11, tls.VersionTLS12}, Version: tls.VersionTLS11, Protocol: "http/1.1"}
	for _, res := range play(t, sockets(l.Addr()), []capture.Exchange{x}, Options{Timeout: 5 * time.Second}) {
		if res.Verdict != Equal {
			t.Errorf("%+v", res)
		}
	}
	if hello := <-hellos; hello.ServerName != "plc.example" || slices.Max(hello.SupportedVersions) != tls.VersionTLS12 || !slices.Equal(hello.SupportedProtos, []string{"http/1.1"}) {
		t.Errorf("asked as %q, %x, %q", hello.ServerName, hello.SupportedVersions, hello.SupportedProtos)
	}
}

// TestTLSRefused: a target that does not speak TLS is not asked in the clear.
func TestTLSRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("no\n"))
			c.Close()
		}
	}()
	x := asked(1, 0, 10, q(1, "a"), r(1, "a"))
	x.TLS = &seen.Handshake{Version: tls.VersionTLS12}
	for _, res := range play(t, sockets(l.Addr()), []capture.Exchange{x}, Options{Timeout: time.Second}) {
		if res.Verdict == Equal {
			t.Errorf("%+v", res)
		}
	}
}
