package ipmi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// An AuthAlgorithm signs the RAKP handshake (table 13-17).
type AuthAlgorithm uint8

const (
	AuthNone       AuthAlgorithm = 0
	AuthHMACSHA1   AuthAlgorithm = 1
	AuthHMACMD5    AuthAlgorithm = 2
	AuthHMACSHA256 AuthAlgorithm = 3
)

// An IntegrityAlgorithm signs what is sent in a session (table 13-18).
type IntegrityAlgorithm uint8

const (
	IntegrityNone       IntegrityAlgorithm = 0
	IntegrityHMACSHA1   IntegrityAlgorithm = 1
	IntegrityHMACMD5    IntegrityAlgorithm = 2
	IntegrityMD5        IntegrityAlgorithm = 3
	IntegrityHMACSHA256 IntegrityAlgorithm = 4
)

// A CryptAlgorithm encrypts it (table 13-19).
type CryptAlgorithm uint8

const (
	CryptNone    CryptAlgorithm = 0
	CryptAES     CryptAlgorithm = 1
	CryptRC4     CryptAlgorithm = 2
	CryptRC4Weak CryptAlgorithm = 3
)

// Suites are the standard cipher suites, by number (table 22-20).
var suites = map[uint8]Algorithms{
	0: {}, 1: {AuthHMACSHA1, 0, 0}, 2: {AuthHMACSHA1, IntegrityHMACSHA1, 0}, 3: {AuthHMACSHA1, IntegrityHMACSHA1, CryptAES},
	4: {AuthHMACSHA1, IntegrityHMACSHA1, CryptRC4}, 5: {AuthHMACSHA1, IntegrityHMACSHA1, CryptRC4Weak},
	6: {AuthHMACMD5, 0, 0}, 7: {AuthHMACMD5, IntegrityHMACMD5, 0}, 8: {AuthHMACMD5, IntegrityHMACMD5, CryptAES},
	9: {AuthHMACMD5, IntegrityHMACMD5, CryptRC4}, 10: {AuthHMACMD5, IntegrityHMACMD5, CryptRC4Weak},
	11: {AuthHMACMD5, IntegrityMD5, 0}, 12: {AuthHMACMD5, IntegrityMD5, CryptAES},
	13: {AuthHMACMD5, IntegrityMD5, CryptRC4}, 14: {AuthHMACMD5, IntegrityMD5, CryptRC4Weak},
	15: {AuthHMACSHA256, 0, 0}, 16: {AuthHMACSHA256, IntegrityHMACSHA256, 0}, 17: {AuthHMACSHA256, IntegrityHMACSHA256, CryptAES},
	18: {AuthHMACSHA256, IntegrityHMACSHA256, CryptRC4}, 19: {AuthHMACSHA256, IntegrityHMACSHA256, CryptRC4Weak},
}

// Suite gives the algorithms of a standard cipher suite.
func Suite(number uint8) (Algorithms, bool) {
	a, ok := suites[number]
	return a, ok
}

// Number is the number of the standard cipher suite with these algorithms.
func (a Algorithms) Number() (uint8, bool) {
	for n := range uint8(len(suites)) {
		if suites[n] == a {
			return n, true
		}
	}
	return 0, false
}

func (a AuthAlgorithm) hash() func() hash.Hash {
	switch a {
	case AuthHMACSHA1:
		return sha1.New
	case AuthHMACMD5:
		return md5.New
	case AuthHMACSHA256:
		return sha256.New
	}
	return nil
}

// checkSize is how much of its digest an algorithm sends in RAKP 4.
func (a AuthAlgorithm) checkSize() int {
	switch a {
	case AuthHMACSHA1:
		return 12
	case AuthHMACMD5, AuthHMACSHA256:
		return 16
	}
	return 0
}

func (a AuthAlgorithm) sum(key []byte, parts ...[]byte) []byte {
	h := a.hash()
	if h == nil {
		return nil
	}
	m := hmac.New(h, key)
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

// A Handshake is what the four messages of RAKP are about (sections 13.28 to 13.32).
type Handshake struct {
	Algorithms
	Console, BMC             uint32
	ConsoleRandom, BMCRandom [16]byte
	GUID                     [16]byte
	Role                     uint8
	User                     Name
}

// key is a password as it is used for signing: in IPMI 2.0, up to 20 bytes.
func key(password string) []byte {
	b := make([]byte, 20)
	copy(b, password)
	return b
}

func (h *Handshake) who() []byte { return append([]byte{h.Role, byte(len(h.User))}, h.User...) }

func id(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

// RAKP2Code is the code by which the controller shows that it knows the user's password.
func (h *Handshake) RAKP2Code(password string) []byte {
	return h.Auth.sum(key(password), id(h.Console), id(h.BMC), h.ConsoleRandom[:], h.BMCRandom[:], h.GUID[:], h.who())
}

// RAKP3Code is the code by which the console does.
func (h *Handshake) RAKP3Code(password string) []byte {
	return h.Auth.sum(key(password), h.BMCRandom[:], id(h.Console), h.who())
}

// RAKP4Check is the check value that opens the session.
func (h *Handshake) RAKP4Check(s *Secret) []byte {
	sum := h.Auth.sum(s.sik, h.ConsoleRandom[:], id(h.BMC), h.GUID[:])
	return sum[:min(len(sum), h.Auth.checkSize())]
}

// A Secret is what a session is signed and encrypted with.
type Secret struct {
	Algorithms
	password []byte
	sik      []byte
	k1, k2   []byte
	block    cipher.Block
	format   Format // of IPMI 1.5
	kg       bool   // the controller's own key is in it

	mu   sync.Mutex
	hash hash.Hash // that signs with k1, in use while mu is held
	sum  []byte
}

// Secret derives the keys of the session from the user's password; kg is the controller's own key, empty: it
// has none, and the password stands for it.
func (h *Handshake) Secret(password, kg string) *Secret {
	s := &Secret{Algorithms: h.Algorithms, password: key(password), format: FormatRMCPPlus, kg: kg != ""}
	signing := s.password
	if kg != "" {
		signing = key(kg)
	}
	s.sik = h.Auth.sum(signing, h.ConsoleRandom[:], h.BMCRandom[:], h.who())
	s.k1, s.k2 = h.Auth.sum(s.sik, constant(1)), h.Auth.sum(s.sik, constant(2))
	if h.Confidentiality == CryptAES && len(s.k2) >= aes.BlockSize {
		s.block, _ = aes.NewCipher(s.k2[:aes.BlockSize])
	}
	return s
}

// constant is Const1 and Const2 of section 13.32.
func constant(c byte) []byte {
	b := make([]byte, 20)
	for i := range b {
		b[i] = c
	}
	return b
}

// Secret15 is the secret of a session of IPMI 1.5.
func Secret15(f Format, password string) *Secret {
	b := make([]byte, authCodeSize)
	copy(b, password)
	return &Secret{format: f, password: b}
}

// appendIntegrity appends the signature of data (section 13.28.4).
func (s *Secret) appendIntegrity(b, data []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(b, s.integrity(data)...)
}

// signed says whether data bear a signature.
func (s *Secret) signed(data, code []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return hmac.Equal(s.integrity(data), code)
}

// integrity is the signature, in s.sum.
func (s *Secret) integrity(data []byte) []byte {
	switch s.Integrity {
	case IntegrityHMACSHA1:
		return s.mac(sha1.New, data)[:12]
	case IntegrityHMACMD5:
		return s.mac(md5.New, data)
	case IntegrityHMACSHA256:
		return s.mac(sha256.New, data)[:16]
	case IntegrityMD5:
		h := md5.New()
		h.Write(s.password)
		h.Write(data)
		h.Write(s.password)
		s.sum = h.Sum(s.sum[:0])
		return s.sum
	}
	return nil
}

func (s *Secret) mac(h func() hash.Hash, data []byte) []byte {
	if s.hash == nil {
		s.hash = hmac.New(h, s.k1)
	} else {
		s.hash.Reset()
	}
	s.hash.Write(data)
	s.sum = s.hash.Sum(s.sum[:0])
	return s.sum
}

var errCrypt = errors.New("ipmi: does not decrypt")

// decrypt appends the payload to into, and gives what it was encrypted with beside the key.
func (s *Secret) decrypt(into, b []byte) (plain []byte, iv [aes.BlockSize]byte, err error) {
	if s.Confidentiality != CryptAES || s.block == nil {
		return nil, iv, fmt.Errorf("ipmi: encryption %d is not read", s.Confidentiality)
	}
	if len(b) < 2*aes.BlockSize || len(b)%aes.BlockSize != 0 {
		return nil, iv, errCrypt
	}
	copy(iv[:], b)
	plain = append(into, b[aes.BlockSize:]...)
	for at := 0; at < len(plain); at += aes.BlockSize { // packets are short: a cipher.BlockMode costs more than it saves
		s.block.Decrypt(plain[at:], plain[at:])
		subtle.XORBytes(plain[at:], plain[at:], b[at:at+aes.BlockSize])
	}
	pad := int(plain[len(plain)-1])
	if pad >= len(plain) || pad >= aes.BlockSize {
		return nil, iv, errCrypt
	}
	n := len(plain) - 1 - pad
	for i, p := range plain[n : len(plain)-1] { // 1, 2, 3, ... (section 13.29)
		if int(p) != i+1 {
			return nil, iv, errCrypt
		}
	}
	return plain[:n], iv, nil
}

// encryptAt encrypts what b has from an offset on, with an initialization vector.
func (s *Secret) encryptAt(b []byte, at int, iv *[aes.BlockSize]byte) ([]byte, error) {
	if s.block == nil {
		return nil, fmt.Errorf("ipmi: encryption %d is not written", s.Confidentiality)
	}
	n := len(b) - at
	pad := (aes.BlockSize - (n+1)%aes.BlockSize) % aes.BlockSize
	b = append(b, make([]byte, aes.BlockSize)...)
	copy(b[at+aes.BlockSize:], b[at:at+n])
	copy(b[at:], iv[:])
	for i := range pad {
		b = append(b, byte(i+1))
	}
	b = append(b, byte(pad))
	for before := at; before+aes.BlockSize < len(b); before += aes.BlockSize {
		block := b[before+aes.BlockSize : before+2*aes.BlockSize]
		subtle.XORBytes(block, block, b[before:])
		s.block.Encrypt(block, block)
	}
	return b, nil
}

// A seal is what a message was sealed with, and how it was before it was read. Without a secret it is none.
type seal struct {
	secret *Secret
	iv     [aes.BlockSize]byte
}

// open verifies and decrypts a packet of RMCP+, into a buffer. No seal: the secret is not its secret.
func (s *Secret) open(h *Session, signed, body, into []byte) ([]byte, seal) {
	if h.Authenticated && !s.signed(signed, h.AuthCode) {
		return nil, seal{}
	}
	if !h.Encrypted {
		if !h.Authenticated {
			return nil, seal{}
		}
		return body, seal{secret: s}
	}
	plain, iv, err := s.decrypt(into, body)
	if err != nil {
		return nil, seal{}
	}
	return plain, seal{secret: s, iv: iv}
}

func (l *seal) encrypt(b []byte, at int) ([]byte, error) {
	return l.secret.encryptAt(b, at, &l.iv)
}

func (l *seal) sign(b []byte, start int) []byte {
	return l.secret.appendIntegrity(b, b[start:])
}

// sign15 computes the authentication code of IPMI 1.5 (section 22.17.1).
func (l *seal) sign15(code []byte, s *Session, message []byte) {
	copy(code, l.secret.code15(s, message))
}

func (s *Secret) code15(h *Session, message []byte) []byte {
	var d hash.Hash
	switch s.format {
	case FormatMD5:
		d = md5.New()
	case FormatMD2:
		d = newMD2()
	case FormatPassword:
		return s.password
	default:
		return make([]byte, authCodeSize)
	}
	d.Write(s.password)
	d.Write(id(h.ID))
	d.Write(message)
	d.Write(id(h.Sequence))
	d.Write(s.password)
	return d.Sum(nil)
}
