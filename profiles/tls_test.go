package profiles

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func certificateDER(t testing.TB, template *x509.Certificate) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pumpCertificate(t testing.TB) []byte {
	return certificateDER(t, &x509.Certificate{
		SerialNumber: big.NewInt(0x4d3a91), Subject: pkix.Name{Country: []string{"DE"}, Organization: []string{"Pumps, Inc"}, CommonName: "plc-3+4"},
		NotBefore: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), NotAfter: time.Date(2055, 1, 2, 3, 4, 5, 0, time.UTC),
		DNSNames: []string{"plc-3.example"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 2).To4()}, URIs: []*url.URL{{Scheme: "urn", Host: "plc", Path: "/3"}},
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 4329, 7}, Value: []byte{5, 0}}},
	})
}

func TestReadCertificate(t *testing.T) {
	c, err := ReadCertificate(pumpCertificate(t))
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject != `C=DE, O=Pumps\, Inc, CN=plc-3\+4` || c.Issuer != "" || c.Serial != "4d3a91" || c.PublicKey != "ec p-256" || c.Signature != "ECDSA-SHA256" ||
		!c.NotAfter.Equal(time.Date(2055, 1, 2, 3, 4, 5, 0, time.UTC)) || strings.Join(c.Names, " ") != "plc-3.example 10.0.0.2 urn://plc/3" {
		t.Errorf("%+v", c)
	}
	if last := c.Extensions[len(c.Extensions)-1]; last != (CertificateExtension{"1.3.6.1.4.1.4329.7", false, "0500"}) {
		t.Errorf("%+v", c.Extensions)
	}
}

// TestEncodeCertificate: with its original a certificate stays what it was, whatever is changed in it
// changes that alone, and without an original it says the same.
func TestEncodeCertificate(t *testing.T) {
	der := pumpCertificate(t)
	was, err := readTBS(der)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ReadCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	again := func(c *Certificate, original []byte) (*tbs, *Certificate) {
		t.Helper()
		b, err := c.Encode(original, was.publicKey)
		if err != nil {
			t.Fatal(err)
		}
		whole := sequenceOf(b, was.signature, []byte{3, 1, 0})
		is, err := readTBS(whole)
		if err != nil {
			t.Fatal(err)
		}
		says, err := ReadCertificate(whole)
		if err != nil {
			t.Fatal(err)
		}
		return is, says
	}
	is, says := again(c, der)
	if !bytes.Equal(bytes.Join(is.parts(), nil), bytes.Join(was.parts(), nil)) || !reflect.DeepEqual(says, c) {
		t.Errorf("it became another: %+v", says)
	}
	if _, says := again(c, nil); !reflect.DeepEqual(says.Subject, c.Subject) || says.Serial != c.Serial || !says.NotAfter.Equal(c.NotAfter) || !reflect.DeepEqual(says.Names, c.Names) || says.Signature != c.Signature {
		t.Errorf("without its original: %+v", says)
	}
	other := *c
	other.Subject = "CN=valve"
	if is, says := again(&other, der); says.Subject != "CN=valve" || says.Issuer != "" || !bytes.Equal(is.extensions, was.extensions) || !bytes.Equal(is.serial, was.serial) {
		t.Errorf("with another subject: %+v", says)
	}
	for _, bad := range []Certificate{{Subject: "plc"}, {Subject: "XY=plc"}, {Serial: "xyz"}, {Signature: "ROT13"}, {NotBefore: time.Unix(2e9, 0), NotAfter: time.Unix(1e9, 0)},
		{Extensions: []CertificateExtension{{OID: "a.b", Value: ""}}}, {Extensions: []CertificateExtension{{OID: "1.2.3", Value: "x"}}}} {
		if b, err := bad.Encode(nil, was.publicKey); err == nil {
			t.Errorf("%+v: %x", bad, b)
		}
	}
}

func TestNameTypesStay(t *testing.T) {
	// T61String and BMPString, a set of two values, and an attribute without a short name.
	name := []byte{0x30, 0x3b,
		0x31, 0x0d, 0x30, 0x0b, 6, 3, 0x55, 4, 10, 0x14, 4, 'P', 0xfc, 'm', 'p',
		0x31, 0x1a, 0x30, 0x0b, 6, 3, 0x55, 4, 3, 0x1e, 4, 0, 'a', 0, 'b', 0x30, 0x0b, 6, 3, 0x55, 4, 11, 0x0c, 4, 'u', 'n', 'i', 't',
		0x31, 0x0e, 0x30, 0x0c, 6, 5, 0x2b, 6, 1, 4, 1, 0x13, 3, 'x', '=', 'y'}
	s, err := nameText(name)
	if err != nil || s != `O=Pümp, CN=ab+OU=unit, 1.3.6.1.4.1=x\=y` {
		t.Fatalf("%q, %v", s, err)
	}
	der, err := nameDER(s)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := nameText(der); err != nil || again != s {
		t.Errorf("%q, %v", again, err)
	}
}

func FuzzReadCertificate(f *testing.F) {
	f.Add(pumpCertificate(f))
	key := sequenceOf()
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := ReadCertificate(der)
		if err != nil {
			return
		}
		c.Signing()
		c.Encode(der, key)
		c.Encode(nil, key)
	})
}

func TestTLSValidate(t *testing.T) {
	for _, x := range []struct{ yaml, want string }{
		{`{min: "1.0", max: "1.2", suites: [TLS_RSA_WITH_AES_128_CBC_SHA, "0xc0ac"], groups: [secp256r1], alpn: [http/1.1], chain: [{subject: CN=a}]}`, ""},
		{`{min: "1.5"}`, "no version"},
		{`{min: "1.3", max: "1.2"}`, "above max"},
		{`{suites: [AES]}`, "no cipher suite"},
		{`{groups: [p256]}`, "no group"},
		{`{key: ../key.pem}`, "leads outside"},
		{`{key: tls/key.pem}`, "no private key"},
		{`{original: tls/none.der}`, "cannot be read"},
		{`{chain: [{subject: plc}]}`, "not like"},
		{`{chain: [{serial: zz}]}`, "hexadecimal"},
	} {
		_, err := loadText(t, "apiVersion: ringer/v1\nkind: Device\nid: a\nservices:\n  - http:\n      port: 443\n      tls: "+x.yaml+"\n")
		if x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("%s: %v, want %q", x.yaml, err, x.want)
		}
	}
}

func loadText(t *testing.T, text string) (*Device, error) {
	t.Helper()
	return load(fstest.MapFS{"device.yaml": {Data: []byte(text)}, "tls/key.pem": {Data: []byte("none")}}, "device.yaml", "device.yaml")
}

func TestMergeTLS(t *testing.T) {
	der := pumpCertificate(t)
	c, _ := ReadCertificate(der)
	other := *c
	other.Serial = "05"
	device := func(id string, at int, p TLS) *Device {
		when := time.Unix(int64(at), 0).UTC()
		return &Device{APIVersion: APIVersion, Kind: Kind, ID: "a", Captures: map[string]Capture{id: {From: when, To: when}},
			Services: []Service{{"http", &HTTP{Common: Common{Port: Port{Number: 443}, TLS: &p}}}},
			Files:    fstest.MapFS{"tls/http-443-" + id + ".der": {Data: der}}}
	}
	a := device("c1", 1000, TLS{Min: "1.0", Max: "1.2", Suites: []string{"TLS_RSA_WITH_AES_128_CBC_SHA"}, Chain: []Certificate{*c}, Original: "tls/http-443-c1.der"})
	b := device("c2", 2000, TLS{Min: "1.2", Max: "1.3", Suites: []string{"TLS_AES_128_GCM_SHA256"}, Chain: []Certificate{other}, Original: "tls/http-443-c2.der"})
	for _, order := range [][2]*Device{{a, b}, {b, a}} {
		m, conflicts, err := Merge(order[0], order[1])
		if err != nil {
			t.Fatal(err)
		}
		p := m.Services[0].Common().TLS
		if p.Min != "1.0" || p.Max != "1.3" || len(p.Suites) != 2 || len(p.Chain) != 1 || p.Chain[0].Serial != "05" || p.Original != "tls/http-443-c2.der" || len(conflicts) != 1 {
			t.Errorf("%+v, %v", p, conflicts)
		}
		if _, err := m.Files.Open("tls/http-443-c1.der"); err == nil {
			t.Error("the older certificate is still there")
		}
	}
}

// TestRedactTLS: what is taken out of a profile is taken out of certificates, too, in the text and in the
// file, and they can still be served.
func TestRedactTLS(t *testing.T) {
	der := certificateDER(t, &x509.Certificate{SerialNumber: big.NewInt(5), Subject: pkix.Name{CommonName: "PS-210-7733", Organization: []string{"Works"}}, IPAddresses: []net.IP{net.IPv4(10, 1, 2, 3).To4()},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 4329, 7}, Value: append([]byte{0x0c, 11}, "PS-210-7733"...)}}})
	c, err := ReadCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	d := &Device{APIVersion: APIVersion, Kind: Kind, ID: "a", Identity: Identity{Serial: "PS-210-7733"},
		Services: []Service{{"http", &HTTP{Common: Common{Port: Port{Number: 443}, TLS: &TLS{Chain: []Certificate{*c}, Original: "tls/a.der"}}}}},
		Files:    fstest.MapFS{"tls/a.der": {Data: der}}}
	redacted, _, err := Redact(d, []byte("salt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := redacted.Validate(); err != nil {
		t.Fatal(err)
	}
	p := redacted.Services[0].Common().TLS
	originals, err := p.Originals(redacted.Files)
	if err != nil || len(originals) != 1 {
		t.Fatal(originals, err)
	}
	says, err := ReadCertificate(originals[0])
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Chain[0].Encode(originals[0], sequenceOf())
	if err != nil {
		t.Fatal(err)
	}
	text, err := redacted.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{originals[0], b, text} {
		if bytes.Contains(b, []byte("PS-210-7733")) || bytes.Contains(b, []byte("50532d3231302d37373333")) {
			t.Errorf("the serial number is still in %q", b)
		}
	}
	if p.Chain[0].Subject != says.Subject || !strings.Contains(says.Subject, "O=Works") || strings.Join(p.Chain[0].Names, "") == "10.1.2.3" || bytes.Contains(b, []byte{10, 1, 2, 3}) {
		t.Errorf("%+v, in the file %+v", p.Chain[0], says)
	}
}
