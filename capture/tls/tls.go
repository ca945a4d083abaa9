// Package tls reads TLS connections whose secrets are known: TLS 1.3 (RFC 8446) and TLS 1.0 to 1.2
// (RFC 5246 and its elders) with AES-GCM, ChaCha20-Poly1305, AES-CBC, 3DES and RC4, however the keys
// were agreed. It is a layer and not a protocol: what it gives are the bytes of the protocol inside.
// Secrets come as the lines of an NSS key log (keylog.go). Without them the greetings are still read:
// the server's name, the version and suite agreed, and, up to TLS 1.2, the certificates.
//
// Left out: SSL 3.0 and before, DTLS, CCM, Camellia and ARIA suites, compression, early data, and what
// is behind a gap.
package tls

import (
	"bytes"
	"errors"
	"fmt"

	"ringer/capture/wire"
)

// Record types (RFC 8446, section 5.1).
const (
	recordChangeCipher = 20
	recordAlert        = 21
	recordHandshake    = 22
	recordData         = 23
	recordHeartbeat    = 24
)

const (
	headerLen = 5
	// fragmentMax is what a record may carry: 2^14 bytes, and what protecting them adds (RFC 5246,
	// section 6.2.3).
	fragmentMax = 1<<14 + 2048
	// handshakeMax bounds a handshake message: chains of certificates are the longest.
	handshakeMax = 128 << 10
	// earlyMax bounds what is passed over as early data.
	earlyMax = 1 << 20
)

// Versions as they stand in messages.
const (
	Version10 = 0x0301
	Version11 = 0x0302
	Version12 = 0x0303
	Version13 = 0x0304
)

var (
	// ErrSecrets: the record is whole, but the secret that reads it is not known. Nothing was taken:
	// the same call may succeed when more lines of the key log have come.
	ErrSecrets = errors.New("tls: no secret for this connection")

	errNotTLS = errors.New("tls: not a record")
	errEarly  = errors.New("tls: early data is not read")
)

// A Conn reads the records of one connection.
type Conn struct {
	secrets *Secrets
	sides   [2]direction
	hello   clientHello
	server  serverHello
	greeted bool // a ServerHello was read
	early   int  // bytes passed over as early data
	seen    *Handshake
}

// A Handshake is what the peers agreed, and what the server showed of itself.
type Handshake struct {
	ServerName string   // that the client asked for; empty: none
	Offered    []uint16 // versions that the client would have spoken
	Protocols  []string // of the application, that the client would have spoken

	Version      uint16   // agreed; 0: the server has not said
	Suite        uint16   // agreed
	Protocol     string   // of the application, agreed by ALPN; empty: none
	Group        uint16   // that the keys were agreed in; 0: not known
	Certificates [][]byte // the server's chain in DER, its own first; empty: not seen, as in resumed sessions
}

// stage is how what one side sends is protected.
type stage uint8

const (
	clear       stage = iota
	handshake         // TLS 1.3: by the handshake traffic secret
	application       // by the application traffic secret, or the keys of the ChangeCipherSpec
)

// direction is what one side sends.
type direction struct {
	stage   stage
	opener  opener // nil: to be made when the secret is known
	secret  []byte // TLS 1.3: the traffic secret that the opener was made of
	message []byte // an incomplete handshake message
	err     error  // why no more can be read
}

// New begins a connection. secrets may be filled while it goes on.
func New(secrets *Secrets) *Conn { return &Conn{secrets: secrets, seen: &Handshake{}} }

// Seen is what is known of the handshake. It is not changed any more once application data has come:
// a second handshake begins another.
func (c *Conn) Seen() *Handshake { return c.seen }

// Agreed says whether the server has answered, so that this is known to be TLS.
func (c *Conn) Agreed() bool { return c.greeted }

// Held is how many bytes the connection keeps of incomplete messages.
func (c *Conn) Held() int { return cap(c.sides[0].message) + cap(c.sides[1].message) }

// BeginsLike says whether bytes are the beginning of a TLS connection of a client or a server: a
// handshake record with a hello in it. With fewer than six bytes: whether they can be.
func BeginsLike(b []byte) bool {
	want := []func(byte) bool{
		func(x byte) bool { return x == recordHandshake },
		func(x byte) bool { return x == 3 },
		func(x byte) bool { return x <= 4 },
		func(x byte) bool { return x <= fragmentMax>>8 },
		func(byte) bool { return true },
		func(x byte) bool { return x == typeClientHello || x == typeServerHello },
	}
	for i := range min(len(b), len(want)) {
		if !want[i](b[i]) {
			return false
		}
	}
	return len(b) > 0
}

// Next reads the first record in b, says how many bytes it took and gives the application data in it.
// n == 0 without an error: b ends before the record does. n > 0 with an error: the record was passed
// over, its data are missing. Any other error but ErrSecrets means that nothing more can be read of
// this side. plain may refer to b, which is overwritten.
func (c *Conn) Next(from wire.Side, b []byte) (n int, plain []byte, err error) {
	d := c.side(from)
	switch {
	case d.err != nil:
		return 0, nil, d.err
	case len(b) < headerLen:
		if len(b) > 0 && (b[0] < recordChangeCipher || b[0] > recordHeartbeat) {
			return 0, nil, c.fail(d, errNotTLS)
		}
		return 0, nil, nil
	}
	kind, size := b[0], int(b[3])<<8|int(b[4])
	if kind < recordChangeCipher || kind > recordHeartbeat || b[1] != 3 || size > fragmentMax {
		return 0, nil, c.fail(d, errNotTLS)
	}
	n = headerLen + size
	if len(b) < n {
		return 0, nil, nil
	}
	header, fragment := b[:headerLen:headerLen], b[headerLen:n:n]
	switch {
	case d.protects(c, kind):
		kind, fragment, err = c.open(from, d, header, fragment)
	case kind == recordData && from == wire.Client && c.hello.early:
		err = c.passEarly(n)
	case kind == recordData:
		err = errNotTLS
	}
	switch {
	case err == ErrSecrets:
		return 0, nil, err
	case err == errEarly:
		return n, nil, err
	case err != nil:
		return 0, nil, c.fail(d, err)
	}
	switch kind {
	case recordData:
		return n, fragment, nil
	case recordHandshake:
		err = c.handshake(from, d, fragment)
	case recordChangeCipher:
		if c.greeted && c.seen.Version < Version13 {
			d.stage, d.opener = application, nil
		}
	}
	if err != nil {
		return 0, nil, c.fail(d, err)
	}
	return n, nil, nil
}

// Lost says that bytes of one side are missing: where the next record begins is not known, nor its
// number, and nothing more of this side can be read.
func (c *Conn) Lost(from wire.Side) {
	c.fail(c.side(from), errors.New("tls: bytes are missing in the recording"))
}

func (c *Conn) side(from wire.Side) *direction {
	if from == wire.Server {
		return &c.sides[1]
	}
	return &c.sides[0]
}

func (c *Conn) fail(d *direction, err error) error {
	d.err, d.message, d.opener = err, nil, nil
	return err
}

// protects says whether a record is encrypted. In TLS 1.3 all that is, looks like application data, and
// a ChangeCipherSpec between means nothing (RFC 8446, section 5).
func (d *direction) protects(c *Conn, kind byte) bool {
	switch {
	case d.stage == clear:
		return false
	case c.seen.Version == Version13:
		return kind == recordData
	}
	return true
}

// open decrypts a record.
func (c *Conn) open(from wire.Side, d *direction, header, fragment []byte) (kind byte, plain []byte, err error) {
	if d.opener == nil {
		if d.opener, err = c.opener(from, d); err != nil {
			return 0, nil, err
		}
	}
	tls13 := c.seen.Version == Version13
	early := tls13 && d.stage == handshake && from == wire.Client && c.hello.early
	if early { // an opener may overwrite what it fails to read, which here is expected
		fragment = bytes.Clone(fragment)
	}
	plain, err = d.opener.open(header, fragment)
	switch {
	case err != nil && early:
		return 0, nil, c.passEarly(len(fragment))
	case err != nil || !tls13:
		return header[0], plain, err
	}
	// TLSInnerPlaintext: the content, its type, zeros (RFC 8446, section 5.4).
	end := len(plain)
	for end > 0 && plain[end-1] == 0 {
		end--
	}
	if end == 0 {
		return 0, nil, errors.New("tls: a record of padding alone")
	}
	return plain[end-1], plain[:end-1], nil
}

func (c *Conn) passEarly(n int) error {
	if c.early += n; c.early > earlyMax {
		return fmt.Errorf("tls: more than %d bytes of early data", earlyMax)
	}
	return errEarly
}

// opener makes what reads the records of a side from now on.
func (c *Conn) opener(from wire.Side, d *direction) (opener, error) {
	suite := suiteOf(c.seen.Suite)
	if suite.kind == notRead {
		return nil, fmt.Errorf("tls: cipher suite %s is not read", SuiteName(c.seen.Suite))
	}
	if c.seen.Version == Version13 {
		label := [...][2]Label{handshake: {ClientHandshake, ServerHandshake}, application: {ClientTraffic, ServerTraffic}}[d.stage][index(from)]
		secret := c.secrets.secret(label, &c.hello.random)
		if secret == nil {
			return nil, ErrSecrets
		}
		d.secret = secret
		return suite.opener13(secret)
	}
	if c.server.compressed {
		return nil, errors.New("tls: compression is not read")
	}
	master := c.secrets.secret(Master, &c.hello.random)
	if master == nil {
		return nil, ErrSecrets
	}
	return suite.opener12(&c.hello, &c.server, c.seen.Version, master, from)
}

// update goes on to the next keys of a side (RFC 8446, section 7.2).
func (c *Conn) update(d *direction) (err error) {
	suite := suiteOf(c.seen.Suite)
	if c.seen.Version != Version13 || d.stage != application || d.secret == nil {
		return nil
	}
	if d.secret, err = expandLabel(suite.hash, d.secret, "traffic upd", suite.hash.Size()); err != nil {
		return err
	}
	d.opener, err = suite.opener13(d.secret)
	return err
}

func index(from wire.Side) int {
	if from == wire.Server {
		return 1
	}
	return 0
}
