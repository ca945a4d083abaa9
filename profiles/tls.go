package profiles

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"ringer/capture/tls"
)

// TLS says that a service is spoken over TLS, and how the device greets there.
//
//	http:
//	  port: 443
//	  tls:
//	    min: "1.2"
//	    max: "1.3"
//	    chain:
//	      - {subject: "O=Pumps, CN=plc-3", serial: 4d3a, not_before: 2024-01-01T00:00:00Z, not_after: 2034-01-01T00:00:00Z, public_key: rsa 2048, signature: SHA256-RSA}
//
// The decoy's keys are its own, and are made when it starts; all else of its certificates is as the chain
// says. What Go's library does not speak is served as near as it can be: among the suites of TLS 1.3 it
// chooses itself, its choice of extensions is its own, SSL 3.0, DHE, CCM and pre-shared keys are not served,
// keys of curves other than P-224 to P-521 and Ed25519 become P-256, and RSA keys have 1024 bits or more.
type TLS struct {
	// Min and Max are the versions that are served: "1.0" to "1.3"; none: 1.2 and 1.3. Learned are 1.2,
	// or less if less was seen, and the highest that was agreed.
	Min string `yaml:"min,omitempty"`
	Max string `yaml:"max,omitempty"`
	// Suites were seen to be agreed. A client that offers any of them gets one, others what they offer.
	Suites []string `yaml:"suites,omitempty"`
	// Groups were seen to be agreed, like Suites.
	Groups []string `yaml:"groups,omitempty,flow"`
	// ALPN are the protocols of the application that are agreed; none: the device does not say.
	ALPN []string `yaml:"alpn,omitempty,flow"`
	// Chain are the certificates that the device shows, its own first; none: one is made up.
	Chain []Certificate `yaml:"chain,omitempty"`
	// Original is a file of the chain as it was recorded, certificates in DER one behind the other.
	// What Chain says goes before it; the encoding is taken from here.
	Original string `yaml:"original,omitempty"`
	// Key is a file of the profile with the private key (PEM) of the first certificate; none: one is made
	// at every start.
	Key string `yaml:"key,omitempty"`
}

// Certificate is what an X.509 certificate says (RFC 5280, section 4.1).
type Certificate struct {
	Subject    string                 `yaml:"subject,omitempty"`    // as "C=DE, O=Pumps, CN=plc-3", in its order
	Issuer     string                 `yaml:"issuer,omitempty"`     // none: signed by itself
	Serial     string                 `yaml:"serial,omitempty"`     // in hexadecimal
	NotBefore  time.Time              `yaml:"not_before,omitempty"` // valid from
	NotAfter   time.Time              `yaml:"not_after,omitempty"`  // valid until; what has expired stays so
	PublicKey  string                 `yaml:"public_key,omitempty"` // rsa 2048, ec p-256, ed25519
	Signature  string                 `yaml:"signature,omitempty"`  // SHA256-RSA, ECDSA-SHA256, …
	Names      []string               `yaml:"names,omitempty,flow"` // host names, addresses, e-mail addresses and URIs it is for
	Extensions []CertificateExtension `yaml:"extensions,omitempty"` // all others
}

// CertificateExtension is one that is not told otherwise.
type CertificateExtension struct {
	OID      string `yaml:"oid"`
	Critical bool   `yaml:"critical,omitempty"`
	Value    string `yaml:"value"` // its DER in hexadecimal
}

// Validate checks what the Go types do not say.
func (t *TLS) Validate(v *Validation) {
	least, most := t.Versions()
	for key, name := range map[string]string{"min": t.Min, "max": t.Max} {
		if _, ok := tls.Version(name); name != "" && !ok {
			v.At(key).Errorf("%q is no version: want one of 1.0, 1.1, 1.2, 1.3", name)
		}
	}
	if least > most {
		v.At("min").Errorf("min is above max")
	}
	for i, name := range t.Suites {
		if _, ok := tls.Suite(name); !ok {
			v.At("suites", i).Errorf("%q is no cipher suite: want its name in IANA's registry, as TLS_AES_128_GCM_SHA256", name)
		}
	}
	for i, name := range t.Groups {
		if _, ok := tls.Group(name); !ok {
			v.At("groups", i).Errorf("%q is no group: want its name in IANA's registry, as secp256r1", name)
		}
	}
	for i, name := range t.ALPN {
		if name == "" || len(name) > 255 {
			v.At("alpn", i).Errorf("want a name of 1 to 255 bytes")
		}
	}
	originals := t.checkOriginal(v.At("original"))
	for i := range t.Chain {
		var original []byte
		if i < len(originals) {
			original = originals[i]
		}
		if _, err := t.Chain[i].Encode(original, nil); err != nil {
			v.At("chain", i).Errorf("%s", err)
		}
	}
	if t.Key != "" {
		v.At("key").File(t.Key)
		if _, err := t.PrivateKey(v.Device.Files); err != nil && v.Device.Files != nil {
			v.At("key").Errorf("%s", err)
		}
	}
}

func (t *TLS) checkOriginal(v *Validation) [][]byte {
	if t.Original == "" {
		return nil
	}
	v.File(t.Original)
	originals, err := t.Originals(v.Device.Files)
	if err != nil && v.Device.Files != nil && !errors.Is(err, fs.ErrNotExist) {
		v.Errorf("%s", err)
	}
	return originals
}

// Versions are the least and the highest that are served.
func (t *TLS) Versions() (least, most uint16) {
	least, most = tls.Version12, tls.Version13
	if v, ok := tls.Version(t.Max); ok {
		most = v
		least = min(least, most)
	}
	if v, ok := tls.Version(t.Min); ok {
		least = v
	}
	return least, most
}

// originalMax bounds a file of certificates.
const originalMax = 1 << 20

// Originals are the certificates of the file Original, in DER; none if there is no such file.
func (t *TLS) Originals(files fs.FS) (chain [][]byte, err error) {
	b, err := t.read(files, t.Original)
	if err != nil {
		return nil, err
	}
	for len(b) > 0 {
		var cert asn1.RawValue
		if b, err = asn1.Unmarshal(b, &cert); err != nil {
			return nil, fmt.Errorf("%s: certificate %d: %w", t.Original, len(chain), err)
		}
		chain = append(chain, cert.FullBytes)
	}
	return chain, nil
}

// PrivateKey reads the file Key; nil if there is none.
func (t *TLS) PrivateKey(files fs.FS) (crypto.Signer, error) {
	b, err := t.read(files, t.Key)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		var key any
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Key, err)
		}
		if s, ok := key.(crypto.Signer); ok {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%s: no private key in PEM is in it", t.Key)
}

func (t *TLS) read(files fs.FS, name string) ([]byte, error) {
	if name == "" || files == nil {
		return nil, nil
	}
	clean := path.Clean(name)
	if !fs.ValidPath(clean) {
		return nil, fmt.Errorf("%q leads outside of the profile", name)
	}
	info, err := fs.Stat(files, clean)
	if err == nil && info.Size() > originalMax {
		err = fmt.Errorf("%s: has more than %d bytes", name, originalMax)
	}
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(files, clean)
}

// mergeTLS unites what was seen to be agreed; the certificates are the newer ones.
func (m *Merging) mergeTLS(older, newer *TLS) *TLS {
	if older == nil || newer == nil {
		if older == nil {
			return newer
		}
		return older
	}
	t := *newer
	t.Min, t.Max = lesser(older.Min, newer.Min), greater(older.Max, newer.Max)
	t.Suites, t.Groups, t.ALPN = united(older.Suites, newer.Suites), united(older.Groups, newer.Groups), united(older.ALPN, newer.ALPN)
	if len(newer.Chain) == 0 {
		t.Chain, t.Original, t.Key = older.Chain, older.Original, older.Key
	} else if older.Original != newer.Original && older.Original != "" {
		m.dropped[older.Original] = true
	}
	if len(older.Chain) > 0 && len(newer.Chain) > 0 && !bytes.Equal(older.Chain[0].text(), newer.Chain[0].text()) {
		m.Conflict("tls.chain", string(older.Chain[0].text()), string(newer.Chain[0].text()))
	}
	return &t
}

func (c *Certificate) text() []byte {
	return fmt.Appendf(nil, "%s, serial %s", c.Subject, c.Serial)
}

// lesser and greater compare names of versions, which sort as texts; one that is missing says nothing.
func lesser(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}

func greater(a, b string) string { return max(a, b) }

func united(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
