package tls

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"ringer/capture/wire"
)

// Types of handshake messages (RFC 8446, section 4; RFC 5246, section 7.4).
const (
	typeClientHello         = 1
	typeServerHello         = 2
	typeEncryptedExtensions = 8
	typeCertificate         = 11
	typeServerKeyExchange   = 12
	typeFinished            = 20
	typeKeyUpdate           = 24
)

// Extensions of the hellos (RFC 8446, section 4.2).
const (
	extServerName     = 0
	extALPN           = 16
	extEncryptThenMAC = 22
	extEarlyData      = 42
	extVersions       = 43
	extKeyShare       = 51
)

// namesMax bounds lists of a hello that are kept.
const namesMax = 64

type clientHello struct {
	random [32]byte
	early  bool // early data may follow
}

type serverHello struct {
	random         [32]byte
	encryptThenMAC bool // RFC 7366
	compressed     bool
}

// helloRetry is the random of a ServerHello that asks for another ClientHello (RFC 8446, section 4.1.3).
var helloRetry = sha256.Sum256([]byte("HelloRetryRequest"))

// handshake reads the messages in a fragment, which need not end where it does.
func (c *Conn) handshake(from wire.Side, d *direction, fragment []byte) error {
	b := fragment
	if len(d.message) > 0 {
		d.message = append(d.message, fragment...)
		b = d.message
	}
	for len(b) >= 4 {
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		if size > handshakeMax {
			return fmt.Errorf("tls: a handshake message of %d bytes", size)
		}
		if len(b) < 4+size {
			break
		}
		if err := c.message(from, d, b[0], b[4:4+size]); err != nil {
			return err
		}
		b = b[4+size:]
	}
	if len(b) == 0 {
		d.message = nil
		return nil
	}
	if len(d.message) == 0 {
		d.message = bytes.Clone(b)
		return nil
	}
	if len(b) < len(d.message) {
		d.message = d.message[:copy(d.message, b)]
	}
	return nil
}

func (c *Conn) message(from wire.Side, d *direction, kind byte, b []byte) error {
	r := wire.NewReader(b)
	server := from == wire.Server
	switch {
	case kind == typeClientHello && !server:
		return c.clientHello(&r)
	case kind == typeServerHello && server:
		return c.serverHello(&r)
	case kind == typeEncryptedExtensions && server:
		return c.serverExtensions(&r)
	case kind == typeCertificate && server:
		return c.certificate(&r)
	case kind == typeServerKeyExchange && server:
		c.keyExchange(&r)
	case kind == typeFinished && c.seen.Version == Version13 && d.stage == handshake:
		d.stage, d.opener = application, nil
	case kind == typeKeyUpdate && c.seen.Version == Version13:
		return c.update(d)
	}
	return nil
}

// clientHello: RFC 8446, section 4.1.2. One that follows a handshake begins another (renegotiation);
// one that answers a HelloRetryRequest has the same random.
func (c *Conn) clientHello(r *wire.Reader) error {
	seen := &Handshake{}
	version := r.Uint16()
	hello := clientHello{random: random(r)}
	r.Bytes(int(r.Uint8()))  // session id
	r.Bytes(int(r.Uint16())) // suites
	r.Bytes(int(r.Uint8()))  // compression
	seen.Offered = []uint16{version}
	err := extensions(r, func(kind uint16, e *wire.Reader) {
		switch kind {
		case extServerName: // RFC 6066, section 3
			list := wire.NewReader(e.Bytes(int(e.Uint16())))
			if list.Uint8() == 0 {
				seen.ServerName = string(list.Bytes(int(list.Uint16())))
			}
		case extVersions:
			list := wire.NewReader(e.Bytes(int(e.Uint8())))
			seen.Offered = nil
			for list.Len() >= 2 && len(seen.Offered) < namesMax {
				// Values like 0x1a1a are there to keep servers tolerant (RFC 8701).
				if v := list.Uint16(); v&0x0f0f != 0x0a0a || v>>8 != v&0xff {
					seen.Offered = append(seen.Offered, v)
				}
			}
		case extALPN:
			seen.Protocols = protocols(e)
		case extEarlyData:
			hello.early = true
		}
	})
	if err != nil {
		return fmt.Errorf("tls: ClientHello: %w", err)
	}
	hello.early = hello.early || c.hello.early && c.hello.random == hello.random
	slices.Sort(seen.Offered)
	c.hello, c.seen = hello, seen
	return nil
}

// serverHello: RFC 8446, section 4.1.3.
func (c *Conn) serverHello(r *wire.Reader) error {
	version := r.Uint16()
	hello := serverHello{random: random(r)}
	r.Bytes(int(r.Uint8())) // session id
	suite := r.Uint16()
	hello.compressed = r.Uint8() != 0
	var protocol string
	var group uint16
	err := extensions(r, func(kind uint16, e *wire.Reader) {
		switch kind {
		case extVersions:
			version = e.Uint16()
		case extKeyShare:
			group = e.Uint16()
		case extEncryptThenMAC:
			hello.encryptThenMAC = true
		case extALPN:
			protocol = first(protocols(e))
		}
	})
	if err != nil {
		return fmt.Errorf("tls: ServerHello: %w", err)
	}
	if hello.random == helloRetry {
		return nil
	}
	if version < Version10 || version > Version13 {
		return fmt.Errorf("tls: version %#04x is not read", version)
	}
	c.server, c.greeted = hello, true
	c.seen.Version, c.seen.Suite, c.seen.Protocol, c.seen.Group = version, suite, protocol, group
	if version == Version13 {
		for i := range c.sides {
			c.sides[i].stage, c.sides[i].opener = handshake, nil
		}
	}
	return nil
}

// serverExtensions: RFC 8446, section 4.3.1.
func (c *Conn) serverExtensions(r *wire.Reader) error {
	err := extensions(r, func(kind uint16, e *wire.Reader) {
		if kind == extALPN {
			c.seen.Protocol = first(protocols(e))
		}
	})
	if err != nil {
		return fmt.Errorf("tls: EncryptedExtensions: %w", err)
	}
	return nil
}

// certificate: RFC 5246, section 7.4.2; RFC 8446, section 4.4.2, where each has extensions.
func (c *Conn) certificate(r *wire.Reader) error {
	tls13 := c.seen.Version == Version13
	if tls13 {
		r.Bytes(int(r.Uint8())) // context
	}
	list := wire.NewReader(r.Bytes(length24(r)))
	var chain [][]byte
	for r.Err() == nil && list.Err() == nil && list.Len() > 0 {
		chain = append(chain, list.Copy(length24(&list)))
		if tls13 {
			list.Bytes(int(list.Uint16()))
		}
	}
	if err := errors.Join(r.Err(), list.Err()); err != nil {
		return fmt.Errorf("tls: Certificate: %w", err)
	}
	c.seen.Certificates = chain
	return nil
}

// keyExchange: the named curve of an ephemeral key (RFC 8422, section 5.4). Keys of other kinds say
// nothing that is kept.
func (c *Conn) keyExchange(r *wire.Reader) {
	const namedCurve = 3
	if suiteOf(c.seen.Suite).ecdhe && r.Uint8() == namedCurve {
		c.seen.Group = r.Uint16()
	}
}

// extensions visits a list of extensions, which may be absent.
func extensions(r *wire.Reader, visit func(kind uint16, e *wire.Reader)) error {
	if r.Err() == nil && r.Len() == 0 {
		return nil
	}
	list := wire.NewReader(r.Bytes(int(r.Uint16())))
	for r.Err() == nil && list.Err() == nil && list.Len() > 0 {
		kind := list.Uint16()
		e := wire.NewReader(list.Bytes(int(list.Uint16())))
		visit(kind, &e)
	}
	return errors.Join(r.Err(), list.Err())
}

// protocols: RFC 7301, section 3.1.
func protocols(e *wire.Reader) (names []string) {
	list := wire.NewReader(e.Bytes(int(e.Uint16())))
	for list.Len() > 0 && list.Err() == nil && len(names) < namesMax {
		if name := list.Bytes(int(list.Uint8())); name != nil {
			names = append(names, string(name))
		}
	}
	return names
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

func random(r *wire.Reader) (v [32]byte) {
	copy(v[:], r.Bytes(len(v)))
	return v
}

func length24(r *wire.Reader) int { return int(r.Uint8())<<16 | int(r.Uint16()) }
