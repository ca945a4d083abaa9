package capture

import (
	"net/netip"

	"ringer/capture/wire"
)

// Bounds of the table of flows. A TCP connection that says nothing for tcpIdle is taken for gone; one
// that was closed stays for closedIdle, so that late copies of its packets are known for what they are.
const (
	flowsMax   = 32768
	tcpIdle    = int64(30 * 60e9)
	udpIdle    = int64(5 * 60e9)
	closedIdle = int64(30e9)
)

// A flowKey names a pair of peers, the lesser first.
type flowKey struct {
	a, b         [16]byte
	aPort, bPort uint16
	udp          bool
}

// A flow is one TCP connection or one pair of UDP peers. Halves are numbered by their sender: 0 for a of
// the key, 1 for b.
type flow struct {
	a      *assembly
	key    flowKey
	number uint64
	addrs  [2]netip.AddrPort
	tcp    tcpStream
	recent *[2]recentDatagrams // UDP
	last   int64               // the capture's clock
	lastAt int64               // of the last packet
	closer int                 // the half that ended it; -1: none yet

	newer, older *flow // in the order of last packets

	identification
	talk     *dialogue // decided
	notifies bool      // the server is who sends: SNMP notifications
	toAll    bool      // one of the peers is a broadcast address
	ignored  bool      // not asked for, or unknown

	tls   *tlsLayer // nil: what is said is said in the clear
	plain bool      // though it began like TLS

	open        []*pending
	asked       []wire.Message // the requests of open
	openSpace   [2]*pending
	askedSpace  [2]wire.Message
	latest      int   // the place of the last exchange
	missed      int   // gaps in what the server said
	requestLost bool  // what the server says may answer a request that is not in the recording
	heard       bool  // the client has said something
	leftAt      int64 // when the client closed its side; 0: not yet

	entry   *Service
	payload [2]int64 // bytes
	said    [2]int64 // bytes of it in the clear
	gaps    int64    // bytes
}

// hold keeps the flow's place in the window while bytes that came first have not become a message yet:
// the protocol is not known, or segments wait for a hole to be filled.
func (f *flow) hold() {
	from := 0
	if f.talk == nil && !f.ignored {
		from = f.firstPacket
	}
	if len(f.tcp.held) > 0 && !f.ignored {
		if n := f.tcp.held[0].meta.number; from == 0 || n < from {
			from = n
		}
	}
	if f.place != nil && f.place.packet != from {
		f.settle()
	}
	if f.place == nil && from > 0 {
		f.place = &pending{flow: f, opened: f.a.clock, packet: from, hidden: true}
		f.a.window.add(f.place)
	}
}

func (f *flow) transport() string {
	if f.key.udp {
		return "udp"
	}
	return "tcp"
}

// data, datagram, lost, join and eof take what reassembly delivers.
func (f *flow) data(side int, b []byte, pushed bool, m meta) {
	f.payload[side] += int64(len(b))
	f.receive(piece{side: side, kind: pieceData, data: b, pushed: pushed, meta: m})
}

func (f *flow) datagram(side int, b []byte, m meta) {
	f.payload[side] += int64(len(b))
	f.deliver(piece{side: side, kind: pieceDatagram, data: b, meta: m})
}

func (f *flow) lost(side int, n int, m meta) {
	f.gaps += int64(max(0, n))
	f.receive(piece{side: side, kind: pieceLost, lost: n, meta: m})
}

func (f *flow) join(side int, m meta) { f.receive(piece{side: side, kind: pieceJoin, meta: m}) }

func (f *flow) eof(side int, m meta) {
	if f.closer < 0 && f.tcp.reset {
		f.closer = side
	}
	f.receive(piece{side: side, kind: pieceEnd, meta: m})
}

// receive takes a piece of a TCP connection, which may be encrypted.
func (f *flow) receive(p piece) {
	if !f.ignored && (f.tls != nil || f.beginsTLS(&p)) {
		f.tls.take(p)
	} else {
		f.deliver(p)
	}
}

// deliver takes a piece of what is said in the clear, or was decrypted.
func (f *flow) deliver(p piece) {
	f.take(p)
	if p.kind != pieceEnd || f.talk == nil {
		return
	}
	// If the device hangs up, that is its answer to what is open; but if the client did so first, it may
	// not have had its time.
	switch {
	case p.side != f.talk.server:
		f.leftAt = p.meta.at
	case f.leftAt != 0:
		f.silence(f.leftAt, true)
	default:
		f.silence(p.meta.at, false)
	}
}

func (f *flow) take(p piece) {
	f.said[p.side] += int64(len(p.data))
	switch {
	case f.ignored:
	case f.talk != nil:
		f.talk.take(&p)
	default:
		f.identify(p)
	}
}

// finish decides what can be decided and completes what is open.
func (f *flow) finish() {
	if f.tls != nil {
		f.tls.finish()
	}
	if f.talk == nil && !f.ignored && f.started {
		f.decide(true)
	}
	if f.talk != nil {
		f.silence(f.a.clock, true)
		f.talk.release()
	}
	f.settle()
	f.account()
	f.talk, f.tls, f.ignored, f.identification = nil, nil, true, identification{sender: f.sender}
}
