package emulate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	_ "crypto/md5" // crypto.MD5, in old certificates
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // crypto.SHA1
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ringer/profiles"
)

// Sizes of RSA keys that Go's library takes, and that are made in bearable time.
const (
	rsaLeast = 1024
	rsaMost  = 4096
)

// newKey makes a private key of a kind that a profile names: rsa 2048, ec p-256, ed25519. What cannot be
// had becomes the nearest that can.
func newKey(kind string) (crypto.Signer, error) {
	name, size, _ := strings.Cut(kind, " ")
	switch name {
	case "ec":
		curve, ok := map[string]elliptic.Curve{"p-224": elliptic.P224(), "p-384": elliptic.P384(), "p-521": elliptic.P521()}[size]
		if !ok {
			curve = elliptic.P256()
		}
		return ecdsa.GenerateKey(curve, rand.Reader)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	bits, err := strconv.Atoi(size)
	if err != nil {
		bits = 2048
	}
	return rsa.GenerateKey(rand.Reader, min(max(bits, rsaLeast), rsaMost))
}

// certify makes the chain that a profile describes, with keys of its own: each certificate is signed with
// the next one's, or by itself, or by an issuer that shows no certificate. The private key is the first's.
func certify(t *profiles.TLS, originals [][]byte, own crypto.Signer) (chain [][]byte, key crypto.Signer, err error) {
	keys := make([]crypto.Signer, len(t.Chain))
	errs := make([]error, len(t.Chain))
	var wg sync.WaitGroup
	for i := range t.Chain {
		if i == 0 && own != nil {
			keys[0] = own
			continue
		}
		wg.Go(func() { keys[i], errs[i] = newKey(t.Chain[i].PublicKey) })
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return nil, nil, fmt.Errorf("tls: certificate %d: %w", i, errs[i])
	}
	for i := range t.Chain {
		c := &t.Chain[i]
		var original []byte
		if i < len(originals) {
			original = originals[i]
		}
		issuer := keys[i]
		if c.Issuer != "" {
			issuer = nil
			for j := range t.Chain {
				if j != i && t.Chain[j].Subject == c.Issuer {
					issuer = keys[j]
				}
			}
		}
		der, err := sign(c, original, keys[i], issuer)
		if err != nil {
			return nil, nil, fmt.Errorf("tls: certificate %d: %w", i, err)
		}
		chain = append(chain, der)
	}
	return chain, keys[0], nil
}

// sign makes one certificate. issuer nil: that of somebody who is not in the chain.
func sign(c *profiles.Certificate, original []byte, key, issuer crypto.Signer) ([]byte, error) {
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	how, err := c.Signing()
	if err != nil {
		return nil, err
	}
	if issuer == nil {
		if issuer, err = newKey(issuerKey(how, original)); err != nil {
			return nil, err
		}
	}
	if kind := kindOf(issuer); kind != how.Key { // the key became another kind, so its signatures do
		other := *c
		other.Signature, other.PublicKey = "", kind
		c = &other
		if how, err = c.Signing(); err != nil {
			return nil, err
		}
	}
	tbs, err := c.Encode(original, public)
	if err != nil {
		return nil, err
	}
	algorithm, err := profiles.Algorithm(tbs)
	if err != nil {
		return nil, err
	}
	digest, opts := tbs, crypto.SignerOpts(how.Hash)
	if how.Hash != 0 {
		h := how.Hash.New()
		h.Write(tbs)
		digest = h.Sum(nil)
	}
	if how.PSS {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: how.Hash}
	}
	signature, err := issuer.Sign(rand.Reader, digest, opts)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, asn1.RawValue{FullBytes: algorithm}, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
}

func kindOf(key crypto.Signer) string {
	switch key.(type) {
	case *ecdsa.PrivateKey:
		return "ec"
	case ed25519.PrivateKey:
		return "ed25519"
	}
	return "rsa"
}

// issuerKey is the kind of key that an issuer must have had. An RSA signature is as long as its key.
func issuerKey(how profiles.Signing, original []byte) string {
	switch how.Key {
	case "rsa":
		if n := profiles.SignatureLength(original); n > 0 {
			return fmt.Sprintf("rsa %d", 8*n)
		}
	case "ec":
		if how.Hash == crypto.SHA384 {
			return "ec p-384"
		}
	}
	return how.Key
}

// madeUp is the chain of a service whose certificate was never seen.
func madeUp(name string, now time.Time) profiles.Certificate {
	return profiles.Certificate{
		Subject: "CN=" + strings.NewReplacer(",", `\,`, "+", `\+`, "=", `\=`, `\`, `\\`).Replace(name), Serial: "01", PublicKey: "rsa 2048",
		NotBefore: now.UTC().Truncate(24 * time.Hour), NotAfter: now.UTC().Truncate(24*time.Hour).AddDate(10, 0, 0),
	}
}
