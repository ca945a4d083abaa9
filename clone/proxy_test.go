package clone

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"ringer/capture"
)

// A syncBuffer is a buffer that a Tap may write to while a test reads it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

// proxied starts a proxy before a target and gives where it listens, and what ends it and gives the evidence.
func proxied(t *testing.T, p *Proxy) (at net.Addr, end func() []byte) {
	t.Helper()
	evidence := &syncBuffer{}
	p.Listen, p.Tap, p.Warn = "127.0.0.1:0", capture.NewTap(evidence, time.Now), func(err error) { t.Log(err) }
	serve, at, err := p.Bind()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- serve(ctx) }()
	return at, func() []byte {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		p.Tap.Close()
		return evidence.b.Bytes()
	}
}

func TestProxyPassesStreams(t *testing.T) {
	d := newFakeDevice(t, func(n int, b []byte) ([]byte, bool) { return holding(b), n < 3 })
	at, end := proxied(t, &Proxy{Target: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), d.port.Number)})
	c, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint16(3) {
		b, _ := readHolding(i, i).Append(nil)
		c.Write(b)
		got := make([]byte, 13)
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, holding(b)) {
			t.Fatalf("%x, %v", got, err)
		}
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the device hung up, the proxy did not: %v", err)
	}
	c.Close()
	if all := exchangesOf(t, end()); len(all) != 3 || len(all[2].Replies) != 1 || all[0].Server.Port() != d.port.Number {
		t.Errorf("exchanges %+v", all)
	}
}

// A side that breaks off does not leave the proxy waiting for the other, which may never say or hear of it.
func TestProxyEndsWithASideThatBreaksOff(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var far, near [2]net.Conn
	for i := range far {
		if far[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		defer far[i].Close()
		if near[i], err = l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		(&Proxy{}).carry(near[0], near[1])
		close(done)
	}()
	far[1].(*net.TCPConn).SetLinger(0) // closing resets
	far[1].Close()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("the device has broken off, and the proxy still waits for the client")
	}
}

func TestProxyPassesDatagrams(t *testing.T) {
	device, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	answer := []byte("0\x26\x02\x01\x01\x04\x06public\xa2\x19\x02\x01\x05\x02\x01\x00\x02\x01\x000\x0e0\x0c\x06\x08+\x06\x01\x02\x01\x01\x03\x00C\x00")
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := device.ReadFrom(b)
			if err != nil {
				return
			}
			if n > 0 {
				device.WriteTo(answer, from)
			}
		}
	}()
	target := device.LocalAddr().(*net.UDPAddr).AddrPort()
	at, end := proxied(t, &Proxy{UDP: true, Target: target})
	c, err := net.Dial("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	for range 2 {
		c.Write([]byte("0\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x05\x02\x01\x00\x02\x01\x000\x0e0\x0c\x06\x08+\x06\x01\x02\x01\x01\x03\x00\x05\x00"))
		got := make([]byte, 100)
		if n, err := c.Read(got); err != nil || !bytes.Equal(got[:n], answer) {
			t.Fatalf("%q, %v", got[:n], err)
		}
	}
	if all := exchangesOf(t, end()); len(all) != 2 || all[1].Server != target {
		t.Errorf("exchanges %+v", all)
	}
}

func testCertificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "plc"}, NotAfter: time.Now().Add(time.Hour),
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "plc"}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// With a certificate, TLS is ended at the proxy and begun anew; what begins otherwise is passed on as it is.
func TestProxyPassesTLS(t *testing.T) {
	const page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
	device, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	go func() {
		for {
			c, err := device.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1000))
			io.WriteString(c, page)
			c.Close()
		}
	}()
	own := testCertificate(t)
	at, end := proxied(t, &Proxy{Target: device.Addr().(*net.TCPAddr).AddrPort(), Certificate: &own})
	c, err := tls.Dial("tcp", at.String(), &tls.Config{InsecureSkipVerify: true, ServerName: "plc"})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.ConnectionState().PeerCertificates[0].Raw; !bytes.Equal(got, own.Certificate[0]) {
		t.Error("the client does not see the proxy's certificate")
	}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: plc\r\n\r\n")
	if b, err := io.ReadAll(c); string(b) != page {
		t.Errorf("%q, %v", b, err)
	}
	c.Close()
	if evidence := end(); !bytes.Contains(evidence, []byte("TRAFFIC_SECRET_0 ")) {
		t.Error("the evidence has no secrets")
	}
}
