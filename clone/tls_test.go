package clone

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"io/fs"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture/tls"
	"ringer/profiles"
)

// TestLearnTLS: what connections agreed is united, resumed ones have no certificate to tell, and the chain
// is kept as it was.
func TestLearnTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "plc"}, NotAfter: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		seen []*tls.Handshake
		want profiles.TLS
	}{
		{"1.3 and 1.2, the second resumed", []*tls.Handshake{
			{Version: tls.Version12, Suite: 0xc02f, Group: 23, Protocol: "http/1.1", Certificates: [][]byte{der}}, {Version: tls.Version13, Suite: 0x1301, Group: 29}},
			profiles.TLS{Min: "1.2", Max: "1.3", Suites: []string{"TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}, Groups: []string{"secp256r1", "x25519"}, ALPN: []string{"http/1.1"}}},
		{"old", []*tls.Handshake{{Version: tls.Version10, Suite: 0x2f, Certificates: [][]byte{der}}},
			profiles.TLS{Min: "1.0", Max: "1.0", Suites: []string{"TLS_RSA_WITH_AES_128_CBC_SHA"}}},
		{"new alone", []*tls.Handshake{{Version: tls.Version13, Suite: 0x1301, Certificates: [][]byte{der}}},
			profiles.TLS{Min: "1.2", Max: "1.3", Suites: []string{"TLS_AES_128_GCM_SHA256"}}},
		{"a certificate that nobody understands", []*tls.Handshake{{Version: tls.Version12, Suite: 0x2f, Certificates: [][]byte{{1, 2, 3}}}},
			profiles.TLS{Min: "1.2", Max: "1.2", Suites: []string{"TLS_RSA_WITH_AES_128_CBC_SHA"}}},
	} {
		t.Run(x.name, func(t *testing.T) {
			page := [2]string{"GET / HTTP/1.1\r\nHost: plc\r\n\r\n", httpOK}
			xs := httpTalk(t, httpStart, slices.Repeat([][2]string{page}, len(x.seen))...)
			for i, h := range x.seen {
				xs[i].TLS = h
			}
			dev := httpLearn(t, "c1", Options{}, xs)
			got := *dev.Services[0].Common().TLS
			shown := got.Chain
			if name := got.Original; name != "" {
				if b, err := fs.ReadFile(dev.Files, name); err != nil || !bytes.Equal(b, der) {
					t.Errorf("%s: %x, %v", name, b, err)
				}
			}
			if understood := !strings.Contains(x.name, "nobody"); understood != (len(shown) == 1 && shown[0].Subject == "CN=plc" && shown[0].Serial == "4d" && got.Original != "") {
				t.Errorf("chain: %+v, %q", shown, got.Original)
			}
			got.Chain, got.Original = nil, ""
			if !reflect.DeepEqual(got, x.want) {
				t.Errorf("learned %+v, want %+v", got, x.want)
			}
		})
	}
}
