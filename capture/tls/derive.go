package tls

import (
	"crypto"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	_ "crypto/sha512" // crypto.SHA384
	"encoding/binary"
	"hash"

	"ringer/capture/wire"
)

// expandLabel is HKDF-Expand-Label without a context (RFC 8446, section 7.1).
func expandLabel(h crypto.Hash, secret []byte, label string, n int) ([]byte, error) {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(info, "tls13 "+label...)
	return hkdf.Expand(h.New, secret, string(append(info, 0)), n)
}

// keyBlock gives the keys of a connection up to TLS 1.2 (RFC 5246, section 6.3).
func keyBlock(h crypto.Hash, version uint16, master []byte, client, server *[32]byte, n int) []byte {
	seed := append([]byte("key expansion"), server[:]...)
	seed = append(seed, client[:]...)
	b := make([]byte, n)
	if version >= Version12 {
		expand(b, h.New, master, seed)
		return b
	}
	// The halves of the secret share a byte if it is odd (RFC 2246, section 5).
	half := (len(master) + 1) / 2
	expand(b, md5.New, master[:half], seed)
	expand(b, sha1.New, master[len(master)-half:], seed)
	return b
}

// expand adds P_hash to b bit by bit (RFC 5246, section 5).
func expand(b []byte, h func() hash.Hash, secret, seed []byte) {
	m := hmac.New(h, secret)
	sum := func(parts ...[]byte) []byte {
		m.Reset()
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	for a := sum(seed); len(b) > 0; a = sum(a) {
		out := sum(a, seed)
		n := min(len(out), len(b))
		for i := range n {
			b[i] ^= out[i]
		}
		b = b[n:]
	}
}

// opener13 reads records with keys of a traffic secret (RFC 8446, section 7.3).
func (s suite) opener13(secret []byte) (opener, error) {
	key, err := expandLabel(s.hash, secret, "key", s.key)
	if err != nil {
		return nil, err
	}
	iv, err := expandLabel(s.hash, secret, "iv", nonceLen)
	if err != nil {
		return nil, err
	}
	return newAEAD(s.kind, key, iv, Version13)
}

// opener12 reads records with one side's part of the key block.
func (s suite) opener12(client *clientHello, server *serverHello, version uint16, master []byte, from wire.Side) (opener, error) {
	mac, iv := 0, 0
	switch s.kind {
	case gcm:
		iv = saltLen
	case chacha:
		iv = nonceLen
	default:
		mac = s.mac.Size()
		if version == Version10 {
			iv = s.blockSize()
		}
	}
	block := wire.NewReader(keyBlock(s.hash, version, master, &client.random, &server.random, 2*(mac+s.key+iv)))
	var macKey, key, ivs [2][]byte
	for _, part := range []struct {
		of *[2][]byte
		n  int
	}{{&macKey, mac}, {&key, s.key}, {&ivs, iv}} {
		part.of[0], part.of[1] = block.Bytes(part.n), block.Bytes(part.n)
	}
	i := index(from)
	switch s.kind {
	case gcm, chacha:
		return newAEAD(s.kind, key[i], ivs[i], version)
	case rc4Stream:
		return newStream(s, key[i], macKey[i])
	}
	return newCBC(s, key[i], ivs[i], macKey[i], version, server.encryptThenMAC)
}
