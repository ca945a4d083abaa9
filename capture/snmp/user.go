package snmp

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
)

// An AuthProtocol signs messages (RFC 3414, sections 6 and 7; RFC 7860).
type AuthProtocol uint8

const (
	NoAuth AuthProtocol = iota
	MD5
	SHA1
	SHA224
	SHA256
	SHA384
	SHA512
)

// A PrivProtocol encrypts the PDUs of signed messages (RFC 3414, section 8; RFC 3826). AES with longer keys
// never became a standard. Where the digest is shorter than the key, net-snmp extends it as
// draft-blumenthal-aes-usm-04 says, and Cisco as draft-reeder-snmpv3-usm-3desede-00 does: the C variants.
type PrivProtocol uint8

const (
	NoPriv PrivProtocol = iota
	DES
	AES128
	AES192
	AES256
	AES192C
	AES256C
)

var (
	authNames = [...]string{"none", "MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"}
	privNames = [...]string{"none", "DES", "AES-128", "AES-192", "AES-256", "AES-192-C", "AES-256-C"}
)

func (a AuthProtocol) String() string { return authNames[a] }
func (p PrivProtocol) String() string { return privNames[p] }

// AuthNames and PrivNames are the names of the protocols, as they are printed.
func AuthNames() []string { return authNames[1:] }
func PrivNames() []string { return privNames[1:] }

// ParseAuth reads the name of an authentication protocol as net-snmp and the standards write it.
func ParseAuth(name string) (AuthProtocol, error) {
	s := bareName(name)
	switch s = strings.TrimSuffix(strings.TrimPrefix(s, "HMAC"), "96"); s {
	case "SHA1":
		return SHA1, nil
	case "128SHA224", "192SHA256", "256SHA384", "384SHA512": // RFC 7860
		s = s[3:]
	}
	for a, n := range authNames[1:] {
		if s == bareName(n) {
			return AuthProtocol(a + 1), nil
		}
	}
	return NoAuth, fmt.Errorf("%q is no authentication protocol: want %s", name, strings.Join(authNames[1:], ", "))
}

// ParsePriv reads the name of a privacy protocol.
func ParsePriv(name string) (PrivProtocol, error) {
	s := bareName(name)
	switch s = strings.Replace(s, "CFB", "", 1); s { // CFB128-AES-128, RFC 3826
	case "AES", "128AES128":
		return AES128, nil
	case "CBCDES":
		return DES, nil
	}
	for p, n := range privNames[1:] {
		if s == bareName(n) {
			return PrivProtocol(p + 1), nil
		}
	}
	return NoPriv, fmt.Errorf("%q is no privacy protocol: want %s", name, strings.Join(privNames[1:], ", "))
}

// bareName is a name without what people write differently.
func bareName(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToUpper(s))
}

// newHash is the hash function of a protocol.
func (a AuthProtocol) newHash() hash.Hash {
	switch a {
	case MD5:
		return md5.New()
	case SHA1:
		return sha1.New()
	case SHA224:
		return sha256.New224()
	case SHA256:
		return sha256.New()
	case SHA384:
		return sha512.New384()
	}
	return sha512.New()
}

// digestSize is how many octets of the digest are sent.
func (a AuthProtocol) digestSize() int { return [...]int{0, 12, 12, 16, 24, 32, 48}[a] }

// keySize is how many octets of a localised key the protocol takes.
func (p PrivProtocol) keySize() int { return [...]int{0, 16, 16, 24, 32, 24, 32}[p] }

// A User is a user of SNMPv3 and its secrets.
type User struct {
	Name         string
	Auth         AuthProtocol
	AuthPassword string
	Priv         PrivProtocol // wants Auth
	PrivPassword string
}

// PasswordMin is the length of the shortest password (RFC 3414, section 11.2).
const PasswordMin = 8

// Check says what is wrong with a user.
func (u *User) Check() error {
	switch {
	case u.Name == "" || len(u.Name) > 32:
		return fmt.Errorf("snmp: user %q: want a name of 1 to 32 bytes", u.Name)
	case u.Priv != NoPriv && u.Auth == NoAuth:
		return fmt.Errorf("snmp: user %q: %s wants an authentication protocol, too", u.Name, u.Priv)
	case u.Auth != NoAuth && len(u.AuthPassword) < PasswordMin:
		return fmt.Errorf("snmp: user %q: the authentication password has %d bytes: want %d or more", u.Name, len(u.AuthPassword), PasswordMin)
	case u.Priv != NoPriv && len(u.PrivPassword) < PasswordMin:
		return fmt.Errorf("snmp: user %q: the privacy password has %d bytes: want %d or more", u.Name, len(u.PrivPassword), PasswordMin)
	}
	return nil
}
