package emulate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ringer/profiles"
)

// secureDevice is a toy that greets with a chain.
func secureDevice(t *testing.T, p profiles.TLS, chain ...[]byte) *profiles.Device {
	t.Helper()
	for _, der := range chain {
		c, err := profiles.ReadCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		p.Chain = append(p.Chain, *c)
	}
	dev := toyDevice("a", anyTCP)
	if len(chain) > 0 {
		p.Original = "tls/toy.der"
		dev.Files = fstest.MapFS{"tls/toy.der": {Data: bytes.Join(chain, nil)}}
	}
	dev.Services[0].Common().TLS = &p
	return dev
}

// issue makes a certificate signed by a parent, nil: by itself.
func issue(t *testing.T, template *x509.Certificate, key any, parent *x509.Certificate, parentKey any) []byte {
	t.Helper()
	template.SerialNumber = big.NewInt(0x1122334455)
	template.NotBefore, template.NotAfter = time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC)
	if parent == nil {
		parent, parentKey = template, key
	}
	public := key.(crypto.Signer).Public()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestCertificates: what a decoy shows is what the device showed, but for its key and signature.
func TestCertificates(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 1536)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	// A name that Go would write in other types: an organization in T61String.
	odd := []byte{0x30, 0x1f, 0x31, 0x0e, 0x30, 0x0c, 6, 3, 0x55, 4, 10, 0x14, 5, 'P', 'u', 'm', 'p', 's', 0x31, 0x0d, 0x30, 0x0b, 6, 3, 0x55, 4, 3, 0x16, 4, 'p', 'l', 'c', '3'}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "Works CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER := issue(t, ca, ecKey, nil, nil)
	leaf := func(algorithm x509.SignatureAlgorithm) *x509.Certificate {
		return &x509.Certificate{RawSubject: odd, DNSNames: []string{"plc3"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 2)}, SignatureAlgorithm: algorithm, SubjectKeyId: []byte{1, 2, 3},
			ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99}, Critical: true, Value: []byte{4, 1, 7}}}}
	}
	for _, x := range []struct {
		name  string
		chain [][]byte
	}{
		{"RSA", [][]byte{issue(t, leaf(x509.SHA256WithRSA), rsaKey, nil, nil)}},
		{"RSA-PSS", [][]byte{issue(t, leaf(x509.SHA384WithRSAPSS), rsaKey, nil, nil)}},
		{"EC", [][]byte{issue(t, leaf(x509.ECDSAWithSHA384), ecKey, nil, nil)}},
		{"Ed25519", [][]byte{issue(t, leaf(x509.PureEd25519), edKey, nil, nil)}},
		{"issued, the issuer shown", [][]byte{issue(t, leaf(x509.ECDSAWithSHA256), rsaKey, ca, ecKey), caDER}},
		{"issued, the issuer not shown", [][]byte{issue(t, leaf(x509.SHA512WithRSA), ecKey, ca, rsaKey)}},
	} {
		t.Run(x.name, func(t *testing.T) {
			d := toyDecoy(t, Options{}, secureDevice(t, profiles.TLS{}, x.chain...))
			serve(t, d)
			c, err := tls.Dial("tcp", d.Table()[0].Address.String(), &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			say(t, c, "one\n")
			hear(t, c, "a one\n")
			shown := c.ConnectionState().PeerCertificates
			if len(shown) != len(x.chain) {
				t.Fatalf("%d certificates", len(shown))
			}
			for i, is := range shown {
				was, err := x509.ParseCertificate(x.chain[i])
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(is.RawSubject, was.RawSubject) || !bytes.Equal(is.RawIssuer, was.RawIssuer) || is.SerialNumber.Cmp(was.SerialNumber) != 0 ||
					!is.NotAfter.Equal(was.NotAfter) || is.SignatureAlgorithm != was.SignatureAlgorithm || is.PublicKeyAlgorithm != was.PublicKeyAlgorithm ||
					strings.Contains(was.SignatureAlgorithm.String(), "-RSA") && len(is.Signature) != len(was.Signature) || len(is.RawSubjectPublicKeyInfo) != len(was.RawSubjectPublicKeyInfo) {
					t.Errorf("certificate %d: %v by %v, %v, %v; want %v by %v, %v, %v", i, is.Subject, is.Issuer, is.SignatureAlgorithm, is.PublicKeyAlgorithm, was.Subject, was.Issuer, was.SignatureAlgorithm, was.PublicKeyAlgorithm)
				}
				if len(is.Extensions) != len(was.Extensions) {
					t.Fatalf("certificate %d: %v, want %v", i, is.Extensions, was.Extensions)
				}
				for k := range is.Extensions {
					if !bytes.Equal(is.Extensions[k].Value, was.Extensions[k].Value) || is.Extensions[k].Critical != was.Extensions[k].Critical {
						t.Errorf("certificate %d: extension %v: %x", i, is.Extensions[k].Id, is.Extensions[k].Value)
					}
				}
				if bytes.Equal(is.RawSubjectPublicKeyInfo, was.RawSubjectPublicKeyInfo) {
					t.Errorf("certificate %d has the device's key", i)
				}
				issuer := is
				if i+1 < len(shown) {
					issuer = shown[i+1]
				}
				if bytes.Equal(issuer.RawSubject, is.RawIssuer) {
					if err := issuer.CheckSignature(is.SignatureAlgorithm, is.RawTBSCertificate, is.Signature); err != nil {
						t.Errorf("certificate %d: %v", i, err)
					}
				}
			}
		})
	}
}

// TestTLSAgreement: what was agreed with the device is agreed with the decoy.
func TestTLSAgreement(t *testing.T) {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	der := issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "a"}}, key, nil, nil)
	for _, x := range []struct {
		name    string
		serves  profiles.TLS
		offers  *tls.Config
		version uint16
		suite   uint16
		alpn    string
		refused bool
	}{
		{name: "usual", version: tls.VersionTLS13},
		{name: "1.2 at most", serves: profiles.TLS{Max: "1.2"}, version: tls.VersionTLS12},
		{name: "1.0", serves: profiles.TLS{Min: "1.0", Max: "1.0", Suites: []string{"TLS_RSA_WITH_3DES_EDE_CBC_SHA"}}, offers: &tls.Config{MinVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}},
			version: tls.VersionTLS10, suite: tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
		{name: "a suite that others would not choose", serves: profiles.TLS{Max: "1.2", Suites: []string{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}}, version: tls.VersionTLS12, suite: tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
		{name: "a client without it", serves: profiles.TLS{Max: "1.2", Suites: []string{"TLS_RSA_WITH_AES_128_CBC_SHA"}}, offers: &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}},
			version: tls.VersionTLS12, suite: tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
		{name: "ALPN", serves: profiles.TLS{ALPN: []string{"http/1.1"}}, offers: &tls.Config{NextProtos: []string{"h2", "http/1.1"}}, version: tls.VersionTLS13, alpn: "http/1.1"},
		{name: "no ALPN", offers: &tls.Config{NextProtos: []string{"h2"}}, version: tls.VersionTLS13},
		{name: "other ALPN", serves: profiles.TLS{ALPN: []string{"http/1.1"}}, offers: &tls.Config{NextProtos: []string{"h2"}}, version: tls.VersionTLS13},
		{name: "too old", offers: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, refused: true},
	} {
		t.Run(x.name, func(t *testing.T) {
			d := toyDecoy(t, Options{}, secureDevice(t, x.serves, der))
			serve(t, d)
			offers := &tls.Config{}
			if x.offers != nil {
				offers = x.offers
			}
			offers.InsecureSkipVerify = true
			c, err := tls.Dial("tcp", d.Table()[0].Address.String(), offers)
			if x.refused {
				if err == nil {
					t.Error("it was not refused")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if s := c.ConnectionState(); s.Version != x.version || x.suite != 0 && s.CipherSuite != x.suite || s.NegotiatedProtocol != x.alpn {
				t.Errorf("agreed: %#x, %s, %q", s.Version, tls.CipherSuiteName(s.CipherSuite), s.NegotiatedProtocol)
			}
		})
	}
}

// TestTLSResumes: sessions go on with tickets.
func TestTLSResumes(t *testing.T) {
	d := toyDecoy(t, Options{}, secureDevice(t, profiles.TLS{Suites: []string{"TLS_AES_128_GCM_SHA256"}}))
	serve(t, d)
	config := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(2)}
	for i := range 2 {
		c, err := tls.Dial("tcp", d.Table()[0].Address.String(), config)
		if err != nil {
			t.Fatal(err)
		}
		say(t, c, "one\n")
		hear(t, c, "a one\n")
		if resumed := c.ConnectionState().DidResume; resumed != (i == 1) {
			t.Errorf("connection %d resumed: %v", i, resumed)
		}
		say(t, c, "bye\n")
		hear(t, c, "bye\n")
		hearEnd(t, c)
		c.Close()
	}
}

// TestTLSKeyOfProfile: a key that the profile brings is the one that is used.
func TestTLSKeyOfProfile(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dev := secureDevice(t, profiles.TLS{Key: "tls/key.pem"})
	dev.Files = fstest.MapFS{"tls/key.pem": {Data: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})}}
	d := toyDecoy(t, Options{}, dev)
	serve(t, d)
	c, err := tls.Dial("tcp", d.Table()[0].Address.String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if shown := c.ConnectionState().PeerCertificates[0]; !key.PublicKey.Equal(shown.PublicKey) || shown.Subject.CommonName != "a" {
		t.Errorf("shown: %v", shown.Subject)
	}
}

// TestTLSHandshakeFails: who does not speak TLS is noted with what he said, takes no place for longer than
// others do, and harms nobody.
func TestTLSHandshakeFails(t *testing.T) {
	m := &memory{}
	events := NewEventLog(m, EventLogOptions{})
	dev := limited(secureDevice(t, profiles.TLS{}), profiles.Limits{Connections: 2, PerPeer: 2, Idle: 300 * time.Millisecond})
	d := toyDecoy(t, Options{Events: events}, dev)
	serve(t, d)
	at := d.Table()[0].Address.String()
	plain := dial(t, d, 0)
	say(t, plain, "GET / HTTP/1.0\r\n\r\n")
	hearOut(t, plain)
	plain.Close()
	silent := dial(t, d, 0)
	began := time.Now()
	hearOut(t, silent)
	silent.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("silence was waited for for %v", took)
	}
	c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true})
	for began := time.Now(); err != nil && time.Since(began) < 3*time.Second; { // until there is place
		c, err = tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	say(t, c, "one\n")
	hear(t, c, "a one\n")
	c.Close()
	events.Flush()
	var failed []string
	for _, e := range m.events(t) {
		if e.Kind == BadInput {
			failed = append(failed, e.Reason)
		}
	}
	if len(failed) != 2 || !strings.Contains(failed[0], "does not look like a TLS handshake") || !strings.Contains(failed[1], "takes too long") {
		t.Errorf("events: %q", failed)
	}
	if !strings.Contains(m.String(), "GET / HTTP/1.0") && !strings.Contains(m.String(), "474554202f") {
		t.Errorf("what was said is not kept: %s", m.String())
	}
}

// TestPlaceOfOtherSites: a redirect from one site of a device to another goes where that is served, for those
// who came to where this one is.
func TestPlaceOfOtherSites(t *testing.T) {
	http := func(port uint16, secure *profiles.TLS, served map[uint16]uint16) *httpService {
		return &httpService{st: &State{ports: served}, sec: &profiles.HTTP{Common: profiles.Common{Port: profiles.Port{Number: port}, TLS: secure}}}
	}
	same, moved := map[uint16]uint16{80: 80, 443: 443, 8443: 8443}, map[uint16]uint16{80: 10080, 443: 10443, 8443: 18443}
	for _, x := range []struct {
		s    *httpService
		host string
		port uint16
		want string
	}{
		{http(80, nil, same), "plc", 0, "plc"},
		{http(80, nil, same), "plc", 443, "plc"},
		{http(80, nil, same), "plc:80", 8443, "plc:8443"},
		{http(80, nil, moved), "127.0.0.2:10080", 443, "127.0.0.2:10443"},
		{http(80, nil, moved), "[::1]:10080", 8443, "[::1]:18443"},
		{http(443, &profiles.TLS{}, moved), "plc:10443", 80, "plc:10080"},
		{http(80, nil, moved), "plc", 443, "plc"}, // by way of somebody who moves the ports back
		{http(80, nil, nil), "plc", 8080, "plc:8080"},
	} {
		if got := x.s.place(x.host, x.port); got != x.want {
			t.Errorf("%s, port %d: %s, want %s", x.host, x.port, got, x.want)
		}
	}
}

// hearOut waits for the end, whatever is said before it.
func hearOut(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 1024)
	for {
		if _, err := c.Read(b); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("the connection does not end")
			}
			return
		}
	}
}
