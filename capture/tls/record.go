package tls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/rc4"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

var errRecord = errors.New("tls: a record that the secret does not open")

const (
	nonceLen    = 12
	saltLen     = 4 // of the nonce of AES-GCM up to TLS 1.2 (RFC 5288, section 3)
	explicitLen = 8
)

// An opener takes the protection off the records of one side, in their order. It works in the
// fragment's memory.
type opener interface {
	open(header, fragment []byte) ([]byte, error)
}

// aead opens records of suites that authenticate by themselves (RFC 5246, section 6.2.3.3; RFC 8446,
// section 5.2; RFC 7905).
type aead struct {
	cipher.AEAD
	iv      []byte
	sent    uint64 // records before this one
	version uint16
}

func newAEAD(kind suiteKind, key, iv []byte, version uint16) (opener, error) {
	if kind == chacha {
		a, err := chacha20poly1305.New(key)
		return &aead{AEAD: a, iv: iv, version: version}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	a, err := cipher.NewGCM(block)
	return &aead{AEAD: a, iv: iv, version: version}, err
}

func (a *aead) open(header, b []byte) ([]byte, error) {
	var nonce [nonceLen]byte
	copy(nonce[:], a.iv)
	if len(a.iv) == saltLen {
		if len(b) < explicitLen {
			return nil, errRecord
		}
		copy(nonce[saltLen:], b[:explicitLen])
		b = b[explicitLen:]
	} else {
		last := nonce[nonceLen-8:]
		binary.BigEndian.PutUint64(last, binary.BigEndian.Uint64(last)^a.sent)
	}
	if len(b) < a.Overhead() {
		return nil, errRecord
	}
	additional := header
	if a.version < Version13 {
		additional = pseudoHeader(a.sent, header, len(b)-a.Overhead())
	}
	plain, err := a.Open(b[:0], nonce[:], b, additional)
	if err != nil {
		return nil, errRecord
	}
	a.sent++
	return plain, nil
}

// pseudoHeader is what is authenticated beside a record's content (RFC 5246, section 6.2.3.1).
func pseudoHeader(number uint64, header []byte, n int) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 13), number)
	b = append(b, header[:3]...)
	return binary.BigEndian.AppendUint16(b, uint16(n))
}

// authenticator checks the code behind a record's content.
type authenticator struct {
	mac  hash.Hash
	sent uint64
}

// cut takes the code off, if it is right.
func (a *authenticator) cut(header, b []byte) ([]byte, error) {
	n := len(b) - a.mac.Size()
	if n < 0 {
		return nil, errRecord
	}
	a.mac.Reset()
	a.mac.Write(pseudoHeader(a.sent, header, n))
	a.mac.Write(b[:n])
	if subtle.ConstantTimeCompare(a.mac.Sum(nil), b[n:]) != 1 {
		return nil, errRecord
	}
	a.sent++
	return b[:n], nil
}

// stream opens records of RC4 (RFC 5246, section 6.2.3.1).
type stream struct {
	authenticator
	keys *rc4.Cipher
}

func newStream(s suite, key, macKey []byte) (opener, error) {
	c, err := rc4.NewCipher(key)
	return &stream{authenticator{mac: hmac.New(s.mac.New, macKey)}, c}, err
}

func (s *stream) open(header, b []byte) ([]byte, error) {
	s.keys.XORKeyStream(b, b)
	return s.cut(header, b)
}

// cbc opens records of block ciphers (RFC 5246, section 6.2.3.2; RFC 7366 where the code is behind the
// encrypted content).
type cbc struct {
	authenticator
	block          cipher.Block
	iv             []byte // TLS 1.0: the last block of the record before
	encryptThenMAC bool
}

func (s suite) blockSize() int {
	switch s.kind {
	case aesCBC:
		return aes.BlockSize
	case tripleDES:
		return des.BlockSize
	}
	return 0
}

func newCBC(s suite, key, iv, macKey []byte, version uint16, encryptThenMAC bool) (opener, error) {
	c := &cbc{authenticator: authenticator{mac: hmac.New(s.mac.New, macKey)}, encryptThenMAC: encryptThenMAC}
	var err error
	if s.kind == tripleDES {
		c.block, err = des.NewTripleDESCipher(key)
	} else {
		c.block, err = aes.NewCipher(key)
	}
	if version == Version10 {
		c.iv = iv
	}
	return c, err
}

func (c *cbc) open(header, b []byte) (plain []byte, err error) {
	if c.encryptThenMAC {
		if b, err = c.cut(header, b); err != nil {
			return nil, err
		}
	}
	size := c.block.BlockSize()
	iv := c.iv
	if iv == nil && len(b) >= size {
		iv, b = b[:size], b[size:]
	}
	if len(b) == 0 || len(b)%size != 0 || len(iv) != size {
		return nil, errRecord
	}
	if c.iv != nil {
		c.iv = append([]byte(nil), b[len(b)-size:]...)
	}
	cipher.NewCBCDecrypter(c.block, iv).CryptBlocks(b, b)
	padding := int(b[len(b)-1]) + 1
	if padding > len(b) {
		return nil, errRecord
	}
	b = b[:len(b)-padding]
	if c.encryptThenMAC {
		return b, nil
	}
	return c.cut(header, b)
}
