package profiles

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// A verifier stands for a secret in a profile: it can tell whether a secret is the right one, and
// nothing else. Its form is "sha256:<salt>:<digest>", both in hexadecimal.

// NewVerifier makes the verifier of a secret.
func NewVerifier(secret, salt []byte) string {
	d := digest(secret, salt)
	return "sha256:" + hex.EncodeToString(salt) + ":" + hex.EncodeToString(d[:])
}

// Verify says whether secret is the one that verifier stands for. What is no verifier is a secret in the
// clear, and is compared as it is.
func Verify(verifier string, secret []byte) bool {
	if salt, want, ok := splitVerifier(verifier); ok {
		d := digest(secret, salt)
		return subtle.ConstantTimeCompare(d[:], want) == 1
	}
	return subtle.ConstantTimeCompare([]byte(verifier), secret) == 1
}

// IsVerifier says whether s is a verifier rather than a secret in the clear.
func IsVerifier(s string) bool {
	_, _, ok := splitVerifier(s)
	return ok
}

func splitVerifier(s string) (salt, digest []byte, ok bool) {
	rest, ok := strings.CutPrefix(s, "sha256:")
	if !ok {
		return nil, nil, false
	}
	a, b, ok := strings.Cut(rest, ":")
	if !ok {
		return nil, nil, false
	}
	salt, err1 := hex.DecodeString(a)
	digest, err2 := hex.DecodeString(b)
	return salt, digest, err1 == nil && err2 == nil && len(digest) == sha256.Size
}

func digest(secret, salt []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(secret)
	var d [sha256.Size]byte
	h.Sum(d[:0])
	return d
}
