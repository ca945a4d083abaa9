package capture

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ringer/capture/tls"
)

// Bounds of what waits for the secrets of TLS connections, one and all together. They may stand in the
// file a little behind the packets that need them.
const (
	secretsHeld     = 256 << 10
	secretsHeldAll  = 16 << 20
	secretsPatience = int64(10e9)
	chainsAll       = 16 << 20 // certificates that are kept
	secureWarnings  = 10       // that are said
	pieceSize       = 64       // of a piece that is held, beside its bytes
)

// A tlsLayer stands between the reassembly of a connection and its protocol, if it begins with a hello of
// TLS: what it delivers is the plain text. A message has the time and the number of the packet in which
// its record was complete, as it could not be read before.
type tlsLayer struct {
	f      *flow
	conn   *tls.Conn
	client int // the half that said the ClientHello
	state  tlsState
	since  int64     // when it began to wait for secrets
	heads  [2][]byte // how the halves begin
	held   []piece   // until the connection can be read
	buf    [2][]byte // an incomplete record
	dead   [2]bool   // nothing more can be read of this half
	size   int       // bytes of all that
	kept   int       // bytes that conn keeps
	seen   *tls.Handshake
	chain  bool // the certificates of seen are kept
}

type tlsState uint8

const (
	tlsGreeting tlsState = iota // the server has not answered
	tlsReading
	tlsWaiting // for secrets
	tlsOpaque  // they did not come
)

// beginsTLS makes the layer of a connection whose first bytes may be a hello.
func (f *flow) beginsTLS(p *piece) bool {
	if f.plain || f.a.opt.LeaveTLS || f.started || f.incomplete || f.talk != nil || p.kind != pieceData || !tls.BeginsLike(p.data) {
		return false
	}
	f.tls = &tlsLayer{f: f, conn: tls.New(&f.a.secrets), client: p.side, seen: &tls.Handshake{}}
	f.firstPacket, f.speaker = p.meta.number, p.side
	return true
}

func (l *tlsLayer) take(p piece) {
	switch l.state {
	case tlsGreeting:
		l.hold(p)
		l.greet(p)
	case tlsReading:
		l.read(p)
	case tlsWaiting:
		l.hold(p)
		l.overdue(false)
	case tlsOpaque:
	}
}

// hold keeps a piece for later.
func (l *tlsLayer) hold(p piece) {
	p.data = append([]byte(nil), p.data...)
	l.held = append(l.held, p)
	l.grow(len(p.data) + pieceSize)
}

func (l *tlsLayer) grow(n int) {
	l.size += n
	l.f.a.tlsHeld += n
}

// greet looks whether both sides begin as in TLS. A port without it answers in its own protocol.
func (l *tlsLayer) greet(p piece) {
	const enough = 6
	if p.kind == pieceData {
		h := l.heads[p.side]
		l.heads[p.side] = append(h, p.data[:min(len(p.data), enough-len(h))]...)
	}
	for _, h := range l.heads {
		alert := len(h) > 2 && h[0] == 21 && h[1] == 3
		if len(h) > 0 && !tls.BeginsLike(h) && !alert {
			l.forsake()
			return
		}
	}
	switch first, answer := l.heads[l.client], l.heads[1-l.client]; {
	case len(first) == enough && len(answer) >= 3:
		if first[5] == 2 { // the server's part was captured first
			l.client = 1 - l.client
		}
		l.resume(tlsReading)
	case p.kind == pieceLost || p.kind == pieceJoin || l.size > secretsHeld:
		l.forsake()
	}
}

// forsake gives the connection up as TLS: it is read as what it seems.
func (l *tlsLayer) forsake() {
	f, held := l.f, l.held
	l.release()
	f.tls, f.plain = nil, true
	for _, p := range held {
		f.deliver(p)
	}
}

// resume reads what was held.
func (l *tlsLayer) resume(state tlsState) {
	held := l.held
	l.held, l.state = nil, state
	for _, p := range held {
		l.grow(-len(p.data) - pieceSize)
	}
	for _, p := range held {
		switch l.state {
		case tlsReading:
			l.read(p)
		case tlsWaiting: // again
			l.hold(p)
		}
	}
}

// read takes the records out of a piece.
func (l *tlsLayer) read(p piece) {
	switch p.kind {
	case pieceData:
		l.data(p)
	case pieceEnd:
		if len(l.buf[p.side]) > 0 {
			l.die(p, errors.New("tls: the connection ends inside a record"))
		}
		l.f.deliver(p)
	default:
		if !l.dead[p.side] {
			l.conn.Lost(sideOf(p.side, 1-l.client))
			l.die(p, errors.New("tls: bytes are missing in the recording"))
		}
	}
}

func (l *tlsLayer) data(p piece) {
	if l.dead[p.side] {
		return
	}
	l.buf[p.side] = append(l.buf[p.side], p.data...)
	l.grow(len(p.data))
	b := l.buf[p.side]
	for {
		n, plain, err := l.conn.Next(sideOf(p.side, 1-l.client), b)
		l.remember()
		if err == tls.ErrSecrets && l.f.a.expectSecrets {
			if l.since == 0 {
				l.since = l.f.a.clock
			}
			l.state = tlsWaiting
			l.f.a.unread[l] = struct{}{}
			// The record is read again when its secret has come.
			rest := piece{side: p.side, kind: pieceData, data: b, pushed: p.pushed, meta: p.meta}
			l.drop(p.side)
			l.hold(rest)
			return
		}
		if err == tls.ErrSecrets {
			l.opaque()
			return
		}
		if err != nil && n == 0 {
			l.die(p, err)
			return
		}
		if n == 0 {
			break
		}
		b = b[n:]
		switch {
		case err != nil:
			l.f.deliver(piece{side: p.side, kind: pieceLost, lost: -1, meta: p.meta})
		case len(plain) > 0:
			l.f.deliver(piece{side: p.side, kind: pieceData, data: plain, pushed: p.pushed && len(b) == 0, meta: p.meta})
		}
	}
	l.grow(len(b) - len(l.buf[p.side]))
	l.buf[p.side] = l.buf[p.side][:copy(l.buf[p.side], b)]
	if len(b) == 0 {
		l.buf[p.side] = nil
	}
	l.grow(l.conn.Held() - l.kept)
	l.kept = l.conn.Held()
	if l.f.a.tlsHeld > 2*secretsHeldAll {
		l.die(p, errors.New("tls: too much is incomplete"))
	}
}

// remember keeps what the handshake said, and the certificates once only.
func (l *tlsLayer) remember() {
	h := l.conn.Seen()
	if h.Version == 0 || h == l.seen && (l.chain || len(h.Certificates) == 0) {
		if l.seen.Version == 0 {
			l.seen = h
		}
		return
	}
	l.seen, l.chain = h, len(h.Certificates) > 0
	if l.chain && !l.f.a.chains.keep(h) {
		h.Certificates = nil
	}
}

// die ends the reading of one half.
func (l *tlsLayer) die(p piece, err error) {
	l.dead[p.side] = true
	l.drop(p.side)
	l.f.a.tlsFailed++
	if l.f.a.tlsFailed <= secureWarnings {
		l.f.a.notice(fmt.Errorf("packet %d: from here on nothing is read of what %v says to %v: %w", p.meta.number, l.f.addrs[p.side], l.f.addrs[1-p.side], err))
	}
	l.f.deliver(piece{side: p.side, kind: pieceLost, lost: -1, meta: p.meta})
}

// drop frees an incomplete record.
func (l *tlsLayer) drop(side int) {
	l.grow(-len(l.buf[side]))
	l.buf[side] = nil
}

// overdue ends the waiting for secrets.
func (l *tlsLayer) overdue(atEnd bool) {
	if atEnd || l.size > secretsHeld || l.f.a.tlsHeld > secretsHeldAll || l.f.a.clock-l.since > secretsPatience {
		l.opaque()
	}
}

// opaque: the connection stays unread.
func (l *tlsLayer) opaque() {
	l.release()
	l.state = tlsOpaque
	l.f.settle()
	l.f.firstPacket = 0
}

func (l *tlsLayer) release() {
	delete(l.f.a.unread, l)
	l.grow(-l.size)
	l.held, l.buf, l.kept = nil, [2][]byte{}, 0
}

// finish reads what can be read at the end of the connection.
func (l *tlsLayer) finish() {
	switch l.state {
	case tlsGreeting:
		if len(l.heads[1-l.client]) > 0 || !l.helloAlone() {
			l.forsake()
			return
		}
		l.opaque()
	case tlsWaiting:
		l.overdue(true)
	}
	if l.f.tls == l {
		l.release()
	}
}

// helloAlone reads the client's hello that nobody answered.
func (l *tlsLayer) helloAlone() bool {
	var b []byte
	for _, p := range l.held {
		b = append(b, p.data...)
	}
	n, _, err := l.conn.Next(sideOf(l.client, 1-l.client), b)
	l.remember()
	return n > 0 && err == nil
}

// keyLog takes the lines of a key log that stands in the recording, and reads what waited for them.
func (a *assembly) keyLog(line string) {
	if ok, err := a.secrets.Line(line); err != nil || !ok {
		if a.badSecrets++; a.badSecrets == 1 {
			if err == nil {
				err = fmt.Errorf("a line begins with %q", first(strings.Fields(line)))
			}
			a.notice(fmt.Errorf("behind packet %d: secrets: %w", a.now.number, err))
		}
		return
	}
	a.newSecrets = true
}

func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// unlock reads what waited for secrets that have come since.
func (a *assembly) unlock() {
	if !a.newSecrets {
		return
	}
	a.newSecrets = false
	waiting := slices.SortedFunc(maps.Keys(a.unread), func(x, y *tlsLayer) int { return cmp.Compare(x.f.number, y.f.number) })
	for _, l := range waiting {
		f := l.f
		delete(a.unread, l)
		l.resume(tlsReading)
		if f.closer >= 0 && !f.awaitsSecrets() {
			f.finish()
		}
	}
}

func (f *flow) awaitsSecrets() bool { return f.tls != nil && f.tls.state == tlsWaiting }

// chains keeps certificates, each once however many connections showed it.
type chains struct {
	of    map[[32]byte][]byte
	bytes int
}

// keep replaces the certificates of a handshake by those that are kept already; false: there are too many.
func (c *chains) keep(h *tls.Handshake) bool {
	if c.of == nil {
		c.of = map[[32]byte][]byte{}
	}
	for i, der := range h.Certificates {
		sum := sha256.Sum256(der)
		known := c.of[sum]
		if known == nil {
			if c.bytes += len(der); c.bytes > chainsAll {
				c.bytes -= len(der)
				return false
			}
			known = der
			c.of[sum] = der
		}
		h.Certificates[i] = known
	}
	return true
}
