package profiles

import (
	"bytes"
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A tbs is the part of a certificate that is signed (RFC 5280, section 4.1.2), each field in DER with its
// tag. What Go's x509 makes anew, such as the texts of names, stays as it was here.
type tbs struct {
	version    []byte // none: 1
	serial     []byte
	signature  []byte
	issuer     []byte
	validity   []byte
	subject    []byte
	publicKey  []byte
	unique     []byte // identifiers of issuer and subject
	extensions []byte
}

func (t *tbs) parts() [][]byte {
	return [][]byte{t.version, t.serial, t.signature, t.issuer, t.validity, t.subject, t.publicKey, t.unique, t.extensions}
}

// readTBS takes a certificate apart.
func readTBS(der []byte) (*tbs, error) {
	outer, err := items(der)
	if err != nil || len(outer) != 3 {
		return nil, errors.New("not a certificate")
	}
	fields, err := items(outer[0].FullBytes)
	if err != nil {
		return nil, fmt.Errorf("not a certificate: %w", err)
	}
	t := &tbs{}
	universal := []*[]byte{&t.serial, &t.signature, &t.issuer, &t.validity, &t.subject, &t.publicKey}
	for _, f := range fields {
		switch {
		case f.Class == asn1.ClassContextSpecific && f.Tag == 0:
			t.version = f.FullBytes
		case f.Class == asn1.ClassContextSpecific && f.Tag == 3:
			t.extensions = f.FullBytes
		case f.Class == asn1.ClassContextSpecific:
			t.unique = append(t.unique, f.FullBytes...)
		case len(universal) > 0:
			*universal[0] = f.FullBytes
			universal = universal[1:]
		}
	}
	if len(universal) > 0 {
		return nil, errors.New("a certificate cut short")
	}
	return t, nil
}

// items are the elements of a SEQUENCE or a SET.
func items(der []byte) (list []asn1.RawValue, err error) {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, err
	}
	for b := outer.Bytes; len(b) > 0; {
		var v asn1.RawValue
		if b, err = asn1.Unmarshal(b, &v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// sequenceOf puts elements into a SEQUENCE.
func sequenceOf(parts ...[]byte) []byte {
	b, _ := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Join(parts, nil)})
	return b
}

// ReadCertificate tells what a certificate in DER says.
func ReadCertificate(der []byte) (*Certificate, error) {
	t, err := readTBS(der)
	if err != nil {
		return nil, err
	}
	c := &Certificate{}
	if c.Subject, err = nameText(t.subject); err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	if !bytes.Equal(t.subject, t.issuer) {
		if c.Issuer, err = nameText(t.issuer); err != nil {
			return nil, fmt.Errorf("issuer: %w", err)
		}
	}
	var serial asn1.RawValue
	if _, err := asn1.Unmarshal(t.serial, &serial); err != nil {
		return nil, fmt.Errorf("serial: %w", err)
	}
	c.Serial = hex.EncodeToString(serial.Bytes)
	var validity struct{ NotBefore, NotAfter time.Time }
	if _, err := asn1.Unmarshal(t.validity, &validity); err != nil {
		return nil, fmt.Errorf("validity: %w", err)
	}
	c.NotBefore, c.NotAfter = validity.NotBefore.UTC(), validity.NotAfter.UTC()
	c.PublicKey = publicKeyText(t.publicKey)
	c.Signature = signatureText(t.signature)
	extensions, err := t.readExtensions()
	if err != nil {
		return nil, err
	}
	for _, e := range extensions {
		if e.Id.Equal(oidNames) && !e.Critical && c.Names == nil {
			if names, ok := readNames(e.Value); ok {
				c.Names = names
				continue
			}
		}
		c.Extensions = append(c.Extensions, CertificateExtension{e.Id.String(), e.Critical, hex.EncodeToString(e.Value)})
	}
	return c, nil
}

func (t *tbs) readExtensions() (list []pkix.Extension, err error) {
	if t.extensions == nil {
		return nil, nil
	}
	if _, err := asn1.UnmarshalWithParams(t.extensions, &list, "explicit,tag:3"); err != nil {
		return nil, fmt.Errorf("extensions: %w", err)
	}
	return list, nil
}

// Encode gives what is to be signed, with a public key (SubjectPublicKeyInfo in DER) of the decoy's own.
// Fields that original says like the certificate keep its encoding; original may be nil.
func (c *Certificate) Encode(original, publicKey []byte) ([]byte, error) {
	t, old := &tbs{}, &Certificate{}
	known := false
	if original != nil {
		var err error
		if t, err = readTBS(original); err != nil {
			return nil, err
		}
		if o, err := ReadCertificate(original); err == nil {
			old, known = o, true
		}
	}
	var err error
	encode := func(field *[]byte, what string, same bool, make func() ([]byte, error)) {
		if err != nil || known && same {
			return
		}
		var b []byte
		if b, err = make(); err != nil {
			err = fmt.Errorf("%s: %w", what, err)
		}
		*field = b
	}
	encode(&t.subject, "subject", c.Subject == old.Subject, func() ([]byte, error) { return nameDER(c.Subject) })
	encode(&t.issuer, "issuer", c.Issuer == old.Issuer && (c.Issuer != "" || c.Subject == old.Subject), func() ([]byte, error) {
		if c.Issuer == "" {
			return t.subject, nil
		}
		return nameDER(c.Issuer)
	})
	encode(&t.serial, "serial", c.Serial == old.Serial, c.serialDER)
	encode(&t.validity, "validity", c.NotBefore.Equal(old.NotBefore) && c.NotAfter.Equal(old.NotAfter), c.validityDER)
	encode(&t.signature, "signature", c.Signature == old.Signature, func() ([]byte, error) {
		s, err := c.Signing()
		return s.algorithm, err
	})
	encode(&t.extensions, "extensions", slices.Equal(c.Names, old.Names) && slices.Equal(c.Extensions, old.Extensions), c.extensionsDER)
	if err != nil {
		return nil, err
	}
	if t.extensions != nil {
		t.version = []byte{0xa0, 3, 2, 1, 2} // version 3
	}
	t.publicKey = publicKey
	return sequenceOf(t.parts()...), nil
}

func (c *Certificate) serialDER() ([]byte, error) {
	b, err := hex.DecodeString(c.Serial)
	if err != nil {
		return nil, fmt.Errorf("%q is not in hexadecimal digits, two for each byte", c.Serial)
	}
	if len(b) == 0 {
		b = []byte{1}
	}
	return asn1.Marshal(asn1.RawValue{Tag: asn1.TagInteger, Bytes: b})
}

func (c *Certificate) validityDER() ([]byte, error) {
	if c.NotAfter.Before(c.NotBefore) {
		return nil, errors.New("not_after is before not_before")
	}
	return asn1.Marshal(struct{ NotBefore, NotAfter time.Time }{c.NotBefore.UTC(), c.NotAfter.UTC()})
}

func (c *Certificate) extensionsDER() ([]byte, error) {
	var list []pkix.Extension
	if len(c.Names) > 0 {
		list = append(list, pkix.Extension{Id: oidNames, Value: namesDER(c.Names)})
	}
	for _, e := range c.Extensions {
		oid, err := parseOID(e.OID)
		if err != nil {
			return nil, err
		}
		value, err := hex.DecodeString(e.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: the value is not in hexadecimal digits", e.OID)
		}
		list = append(list, pkix.Extension{Id: oid, Critical: e.Critical, Value: value})
	}
	if len(list) == 0 {
		return nil, nil
	}
	return asn1.MarshalWithParams(list, "explicit,tag:3")
}

func parseOID(s string) (oid asn1.ObjectIdentifier, err error) {
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%q is no object identifier", s)
		}
		oid = append(oid, int(n))
	}
	if _, err := asn1.Marshal(oid); err != nil {
		return nil, fmt.Errorf("%q is no object identifier", s)
	}
	return oid, nil
}

// oidNames is the extension of alternative names (RFC 5280, section 4.2.1.6).
var oidNames = asn1.ObjectIdentifier{2, 5, 29, 17}

const (
	nameEmail = 1
	nameHost  = 2
	nameURI   = 6
	nameIP    = 7
)

// readNames reads alternative names; ok is false if there is more in them than a text can say.
func readNames(value []byte) (names []string, ok bool) {
	list, err := items(value)
	if err != nil {
		return nil, false
	}
	for _, v := range list {
		name := string(v.Bytes)
		if v.Tag == nameIP {
			a, _ := netip.AddrFromSlice(v.Bytes)
			name = a.String()
		}
		names = append(names, name)
	}
	return names, len(names) > 0 && bytes.Equal(namesDER(names), value)
}

func namesDER(names []string) []byte {
	var b []byte
	for _, name := range names {
		v := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: nameHost, Bytes: []byte(name)}
		if a, err := netip.ParseAddr(name); err == nil {
			v.Tag, v.Bytes = nameIP, a.AsSlice()
		} else if strings.Contains(name, "://") {
			v.Tag = nameURI
		} else if strings.Contains(name, "@") {
			v.Tag = nameEmail
		}
		der, _ := asn1.Marshal(v)
		b = append(b, der...)
	}
	return sequenceOf(b)
}

var (
	oidRSA     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEC      = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidEd25519 = asn1.ObjectIdentifier{1, 3, 101, 112}
)

// curves are those that a certificate's key can be on.
var curves = map[string]string{
	"1.3.132.0.33": "p-224", "1.2.840.10045.3.1.7": "p-256", "1.3.132.0.34": "p-384", "1.3.132.0.35": "p-521",
}

// publicKeyText is the kind of a key and its size: rsa 2048, ec p-256, ed25519.
func publicKeyText(der []byte) string {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return ""
	}
	switch oid := info.Algorithm.Algorithm; {
	case oid.Equal(oidRSA):
		var key struct{ N, E *big.Int }
		if _, err := asn1.Unmarshal(info.Key.Bytes, &key); err != nil {
			return ""
		}
		return fmt.Sprintf("rsa %d", key.N.BitLen())
	case oid.Equal(oidEC):
		var curve asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &curve); err != nil {
			return "ec"
		}
		if name, ok := curves[curve.String()]; ok {
			return "ec " + name
		}
		return "ec " + curve.String()
	case oid.Equal(oidEd25519):
		return "ed25519"
	default:
		return oid.String()
	}
}

// A Signing says how a certificate is signed.
type Signing struct {
	Key       string // rsa, ec or ed25519
	Hash      crypto.Hash
	PSS       bool // RSASSA-PSS; else PKCS #1 1.5
	algorithm []byte
}

var (
	null     = []byte{5, 0}
	signings = map[string]struct {
		oid asn1.ObjectIdentifier
		Signing
	}{
		"MD5-RSA":      {asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}, Signing{Key: "rsa", Hash: crypto.MD5}},
		"SHA1-RSA":     {asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, Signing{Key: "rsa", Hash: crypto.SHA1}},
		"SHA256-RSA":   {asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Signing{Key: "rsa", Hash: crypto.SHA256}},
		"SHA384-RSA":   {asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, Signing{Key: "rsa", Hash: crypto.SHA384}},
		"SHA512-RSA":   {asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, Signing{Key: "rsa", Hash: crypto.SHA512}},
		"ECDSA-SHA1":   {asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}, Signing{Key: "ec", Hash: crypto.SHA1}},
		"ECDSA-SHA256": {asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, Signing{Key: "ec", Hash: crypto.SHA256}},
		"ECDSA-SHA384": {asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, Signing{Key: "ec", Hash: crypto.SHA384}},
		"ECDSA-SHA512": {asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, Signing{Key: "ec", Hash: crypto.SHA512}},
		"Ed25519":      {oidEd25519, Signing{Key: "ed25519"}},
	}
)

// oidPSS is RSASSA-PSS, with its hash in the parameters (RFC 4055, section 3.1).
var oidPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}

var hashOIDs = map[crypto.Hash][]byte{
	crypto.SHA256: {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1},
	crypto.SHA384: {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2},
	crypto.SHA512: {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3},
}

// signatureText names how a certificate is signed; unknown ways by their object identifiers.
func signatureText(der []byte) string {
	var a pkix.AlgorithmIdentifier
	if _, err := asn1.Unmarshal(der, &a); err != nil {
		return ""
	}
	if a.Algorithm.Equal(oidPSS) {
		for h, oid := range hashOIDs {
			if bytes.Contains(a.Parameters.FullBytes, oid) {
				return fmt.Sprintf("SHA%d-RSAPSS", 8*h.Size())
			}
		}
	}
	for name, s := range signings {
		if s.oid.Equal(a.Algorithm) {
			return name
		}
	}
	return a.Algorithm.String()
}

// Signing says how the certificate is signed. Ways that are not known become the usual one of the key.
func (c *Certificate) Signing() (s Signing, err error) {
	if bits, pss := strings.CutSuffix(c.Signature, "-RSAPSS"); pss {
		for h := range hashOIDs {
			if bits == fmt.Sprintf("SHA%d", 8*h.Size()) {
				return Signing{Key: "rsa", Hash: h, PSS: true, algorithm: pssDER(h)}, nil
			}
		}
	}
	name := c.Signature
	if _, oid := parseOID(name); name == "" || oid == nil && strings.Contains(name, ".") {
		switch kind, _, _ := strings.Cut(c.PublicKey, " "); kind {
		case "ec":
			name = "ECDSA-SHA256"
		case "ed25519":
			name = "Ed25519"
		default:
			name = "SHA256-RSA"
		}
	}
	known, ok := signings[name]
	if !ok {
		return s, fmt.Errorf("%q is no signature algorithm: want SHA256-RSA, SHA256-RSAPSS, ECDSA-SHA256, Ed25519 or one like them", c.Signature)
	}
	oid, err := asn1.Marshal(known.oid)
	if err != nil {
		return s, err
	}
	s = known.Signing
	if s.Key == "rsa" {
		s.algorithm = sequenceOf(oid, null)
	} else {
		s.algorithm = sequenceOf(oid)
	}
	return s, nil
}

// pssDER: the hash, the same in its mask generation function, and a salt as long (RFC 4055, section 3.1).
func pssDER(h crypto.Hash) []byte {
	explicit := func(tag int, b []byte) []byte {
		v, _ := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: b})
		return v
	}
	primitive := func(tag int, b []byte) []byte {
		v, _ := asn1.Marshal(asn1.RawValue{Tag: tag, Bytes: b})
		return v
	}
	hash := sequenceOf(primitive(asn1.TagOID, hashOIDs[h]), null)
	mgf := sequenceOf(primitive(asn1.TagOID, []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8}), hash)
	oid, _ := asn1.Marshal(oidPSS)
	return sequenceOf(oid, sequenceOf(explicit(0, hash), explicit(1, mgf), explicit(2, primitive(asn1.TagInteger, []byte{byte(h.Size())}))))
}

// Algorithm is how a certificate says that it is signed, in DER, as it stands in what Encode gave.
func Algorithm(tbs []byte) ([]byte, error) {
	list, err := items(tbs)
	for i, v := range list {
		if v.Tag == asn1.TagInteger && v.Class == asn1.ClassUniversal && i+1 < len(list) {
			return list[i+1].FullBytes, err
		}
	}
	return nil, errors.Join(err, errors.New("not a certificate"))
}

// SignatureLength is how many bytes the signature of a certificate has, 0 if that cannot be told: RSA's
// tells the size of the issuer's key.
func SignatureLength(der []byte) int {
	list, err := items(der)
	if err != nil || len(list) != 3 {
		return 0
	}
	var s asn1.BitString
	if _, err := asn1.Unmarshal(list[2].FullBytes, &s); err != nil {
		return 0
	}
	return len(s.Bytes)
}
