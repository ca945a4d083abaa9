package snmp

import (
	"crypto/aes"
	"crypto/des"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// saltSize is how long msgPrivacyParameters are, whatever the protocol.
const saltSize = 8

// zeros stand for the digest while it is computed (RFC 3414, section 6.3.1).
var zeros [48]byte

func (k *Key) take() *tools  { return k.tools.Get().(*tools) }
func (k *Key) give(t *tools) { k.tools.Put(t) }

// digest is that of a message whose msgAuthenticationParameters end at end. It is good until t is used again.
func (k *Key) digest(t *tools, message []byte, end int) []byte {
	n := k.user.Auth.digestSize()
	t.mac.Reset()
	t.mac.Write(message[:end-n])
	t.mac.Write(zeros[:n])
	t.mac.Write(message[end:])
	t.sum = t.mac.Sum(t.sum[:0])
	return t.sum[:n]
}

// verify says whether a message has the right digest.
func (k *Key) verify(message []byte, end, size int) bool {
	if n := k.user.Auth.digestSize(); n == 0 || size != n || end < n || end > len(message) {
		return false
	}
	t := k.take()
	defer k.give(t)
	return subtle.ConstantTimeCompare(k.digest(t, message, end), message[end-size:end]) == 1
}

// sign puts the digest into a message.
func (k *Key) sign(message []byte, end int) {
	t := k.take()
	defer k.give(t)
	copy(message[end-k.user.Auth.digestSize():end], k.digest(t, message, end))
}

// freshSalt is the salt of a message that brings none: a digest of what it says in plain, so that another
// message has another. The salts of DES begin with the engine's boots (RFC 3414, section 8.1.1.1).
func (k *Key) freshSalt(salt, plain []byte, boots int64) {
	t := k.take()
	defer k.give(t)
	t.mac.Reset()
	t.mac.Write(plain)
	t.sum = t.mac.Sum(t.sum[:0])
	copy(salt, t.sum)
	if k.user.Priv == DES {
		binary.BigEndian.PutUint32(salt, uint32(boots))
	}
}

var errCipher = errors.New("snmp: not the length of an encrypted PDU and its salt")

// padding is how many octets n lack to whole blocks, which are all that DES encrypts.
func (k *Key) padding(n int) int {
	if k.user.Priv == DES {
		return -n & (des.BlockSize - 1)
	}
	return 0
}

// crypt encrypts or decrypts b where it is.
func (k *Key) crypt(b, salt []byte, boots, time int64, encrypt bool) error {
	if k.cipher() == nil || len(salt) != saltSize || len(b) == 0 || k.padding(len(b)) != 0 {
		return errCipher
	}
	t := k.take()
	defer k.give(t)
	if k.user.Priv == DES {
		for i := range salt {
			t.iv[i] = k.preIV[i] ^ salt[i]
		}
		k.cbc(t, b, encrypt)
		return nil
	}
	// The vector is what nobody sends twice (RFC 3826, section 3.1.2.1).
	binary.BigEndian.PutUint32(t.iv[:], uint32(boots))
	binary.BigEndian.PutUint32(t.iv[4:], uint32(time))
	copy(t.iv[8:], salt)
	k.cfb(t, b, encrypt)
	return nil
}

// cbc is cipher block chaining (RFC 3414, section 8.1.1.2).
func (k *Key) cbc(t *tools, b []byte, encrypt bool) {
	const size = des.BlockSize
	iv, pad := t.iv[:size], t.pad[:size]
	for ; len(b) >= size; b = b[size:] {
		if encrypt {
			subtle.XORBytes(b[:size], b[:size], iv)
			k.block.Encrypt(b[:size], b[:size])
			copy(iv, b[:size])
			continue
		}
		copy(pad, b[:size])
		k.block.Decrypt(b[:size], b[:size])
		subtle.XORBytes(b[:size], b[:size], iv)
		copy(iv, pad)
	}
}

// cfb is cipher feedback of whole blocks (RFC 3826, section 3.1.3).
func (k *Key) cfb(t *tools, b []byte, encrypt bool) {
	for len(b) > 0 {
		n := min(len(b), aes.BlockSize)
		k.block.Encrypt(t.pad[:], t.iv[:])
		if !encrypt {
			copy(t.iv[:], b[:n])
		}
		subtle.XORBytes(b[:n], b[:n], t.pad[:n])
		if encrypt {
			copy(t.iv[:], b[:n])
		}
		b = b[n:]
	}
}
