package capture

import "ringer/capture/wire"

// Bounds of what reassembly holds. A hole in a stream is waited for while the receiver has not
// acknowledged what is behind it, or for a few packets and a second after that: packets that were
// captured out of order come late, those that the recording lost never do.
const (
	heldBytesFlow   = 256 << 10
	heldBytesAll    = 16 << 20
	heldSegments    = 1024
	patiencePackets = 16
	patience        = int64(1e9)
	patienceUnacked = int64(30e9)
	// A sequence number further away than this is of another connection, or damaged.
	plausibleJump = 4 << 20
)

const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

// meta says where bytes come from.
type meta struct {
	number int
	at     int64
	note   string
}

type segment struct {
	seq, ack uint32
	flags    uint8
	data     []byte
	cut      int // bytes of data that were not captured
	meta     meta
}

// A listener is told what a reassembled connection says. side is the index of the half that sent it.
type listener interface {
	data(side int, b []byte, pushed bool, m meta)
	lost(side int, n int, m meta) // n < 0: an unknown number
	join(side int, m meta)        // what this side says begins in the middle
	eof(side int, m meta)
}

// A tcpStream orders the segments of one connection.
type tcpStream struct {
	halves [2]half
	held   []heldSegment
	bytes  int   // held
	all    *int  // held, by all streams
	count  int   // packets so far
	client int   // the half that sent a SYN, from 1; 0: none was seen
	reset  bool  // RST seen
	copies int64 // retransmitted or captured twice
	to     listener
}

type half struct {
	next    uint32
	ack     uint32 // the highest acknowledgement it sent
	isn     uint32
	stray   uint32 // where the last implausible segment ended
	started bool
	syn     bool
	acked   bool
	fin     bool
	strayed bool
}

type heldSegment struct {
	segment
	side  int
	count int    // of the stream's packets when it came
	clock int64  // when it came
	next  uint32 // what its half was to go on with then
}

func before(a, b uint32) bool { return int32(a-b) < 0 }

// fits says whether a segment can belong to this connection, and is not of a later one between the
// same ports.
func (t *tcpStream) fits(side int, s *segment) bool {
	h := &t.halves[side]
	switch {
	case s.flags&flagSYN != 0:
		if h.syn {
			return h.isn == s.seq
		}
		if s.flags&flagACK != 0 {
			// The answer to the SYN that was seen; or the beginning was missed.
			other := &t.halves[1-side]
			return !h.started && (!other.syn || s.ack == other.isn+1)
		}
		return !h.started && !t.halves[1-side].started
	case t.over() && h.started:
		d := int32(s.seq - h.next)
		return d > -plausibleJump && d < plausibleJump
	}
	return true
}

func (t *tcpStream) over() bool { return t.reset || t.halves[0].fin && t.halves[1].fin }

// add takes the next segment of a connection.
func (t *tcpStream) add(side int, s *segment, clock int64) {
	t.count++
	h, other := &t.halves[side], &t.halves[1-side]
	if s.flags&flagSYN != 0 {
		if !h.syn {
			h.syn, h.started, h.isn, h.next = true, true, s.seq, s.seq+1
			if t.client == 0 {
				t.client = side + 1
				if s.flags&flagACK != 0 {
					t.client = 2 - side
				}
			}
		}
		s.seq++
	}
	if s.flags&flagACK != 0 && (!h.acked || before(h.ack, s.ack)) && (!other.started || int32(s.ack-other.next) < plausibleJump) {
		h.ack, h.acked = s.ack, true
	}
	if t.reset {
		return
	}
	if !h.started {
		h.started, h.next = true, s.seq
		missing := int32(s.seq - other.ack)
		known := other.acked && missing >= 0 && missing < plausibleJump
		if known {
			h.next = other.ack
		}
		if s.flags&flagRST == 0 && !(known && other.syn) {
			t.to.join(side, s.meta)
		}
	}
	if s.flags&flagRST != 0 {
		if d := int32(s.seq - h.next); d > -plausibleJump && d < plausibleJump {
			t.flush()
			t.reset = true
			t.end(side, s.meta)
			t.end(1-side, s.meta)
		}
		return
	}
	if len(s.data)+s.cut == 0 && s.flags&flagFIN == 0 {
		if len(t.held) > 0 {
			t.settle(clock)
		}
		return
	}
	if d := int32(s.seq - h.next); d <= -plausibleJump || d >= plausibleJump {
		if !h.strayed || h.stray != s.seq {
			h.strayed, h.stray = true, s.seq+uint32(len(s.data)+s.cut)
			return
		}
		t.flush()
		h.next = s.seq
		t.to.lost(side, -1, s.meta)
	}
	h.strayed = false
	if len(t.held) == 0 && t.ready(side, s) {
		t.take(side, s)
		return
	}
	k := heldSegment{*s, side, t.count, clock, h.next}
	k.data = append([]byte(nil), s.data...)
	t.held = append(t.held, k)
	t.bytes += len(k.data)
	*t.all += len(k.data)
	t.settle(clock)
}

// ready says whether a segment can be delivered: nothing is missing before it, and what its sender had
// received by then has been delivered.
func (t *tcpStream) ready(side int, s *segment) bool {
	return !before(t.halves[side].next, s.seq) && !t.answersUnseen(side, s)
}

func (t *tcpStream) answersUnseen(side int, s *segment) bool {
	other := &t.halves[1-side]
	if s.flags&flagACK == 0 || !other.started || other.fin {
		return false
	}
	d := int32(s.ack - other.next)
	return d > 0 && d < plausibleJump
}

// take delivers what is new in a segment that is ready.
func (t *tcpStream) take(side int, s *segment) {
	h := &t.halves[side]
	b, cut := s.data, s.cut
	if old := int(int32(h.next - s.seq)); old > 0 {
		if old >= len(b)+cut {
			if len(b)+cut > 0 {
				t.copies++
			}
			if s.flags&flagFIN == 0 || old > len(b)+cut {
				return
			}
			b, cut = nil, 0
		} else if old >= len(b) {
			b, cut = nil, len(b)+cut-old
		} else {
			b = b[old:]
		}
	}
	if h.fin {
		return
	}
	if len(b) > 0 {
		h.next += uint32(len(b))
		t.to.data(side, b, s.flags&flagPSH != 0, s.meta)
	}
	if cut > 0 {
		h.next += uint32(cut)
		t.to.lost(side, cut, s.meta)
	}
	if s.flags&flagFIN != 0 {
		h.next++
		t.end(side, s.meta)
	}
}

func (t *tcpStream) end(side int, m meta) {
	if h := &t.halves[side]; !h.fin {
		h.fin = true
		t.to.eof(side, m)
	}
}

// settle delivers what is held as far as it goes, and gives up on holes that have been waited for.
func (t *tcpStream) settle(clock int64) {
	for {
		t.drain()
		if len(t.held) == 0 {
			return
		}
		i := t.hopeless(clock)
		if i < 0 && (t.bytes > heldBytesFlow || *t.all > heldBytesAll || len(t.held) > heldSegments) {
			i = 0
		}
		if i < 0 {
			return
		}
		t.giveUp(i)
	}
}

// drain delivers every held segment that is ready, in the order captured.
func (t *tcpStream) drain() {
	for i := 0; i < len(t.held); {
		k := &t.held[i]
		if !t.ready(k.side, &k.segment) {
			i++
			continue
		}
		s, side := k.segment, k.side
		t.remove(i)
		t.take(side, &s)
		i = 0
	}
	if len(t.held) == 0 {
		t.held = nil
	}
}

// hopeless is the first held segment that has waited long enough for what is missing before it, -1 if
// there is none.
func (t *tcpStream) hopeless(clock int64) int {
	for i := 0; i < len(t.held); i++ {
		k := &t.held[i]
		waited := clock - k.clock
		h, receiver := &t.halves[k.side], &t.halves[1-k.side]
		switch {
		case t.answersUnseen(k.side, &k.segment), receiver.acked && before(h.next, receiver.ack) && before(h.next, k.seq):
			if t.count-k.count >= patiencePackets || waited >= patience {
				return i
			}
		case waited >= patienceUnacked && k.next != h.next:
			// All went on without it: its sequence number is not one of this connection.
			t.remove(i)
			i--
		case waited >= patienceUnacked:
			return i
		}
	}
	return -1
}

// giveUp declares lost what a held segment waits for, as far as the receiver is known to have had it.
func (t *tcpStream) giveUp(i int) {
	k := &t.held[i]
	side, to := k.side, k.seq
	if !before(t.halves[side].next, k.seq) {
		side, to = 1-k.side, k.ack
	}
	h, receiver := &t.halves[side], &t.halves[1-side]
	if receiver.acked && before(h.next, receiver.ack) && before(receiver.ack, to) {
		to = receiver.ack
	}
	for i := range t.held {
		if x := &t.held[i]; x.side == side && before(x.seq, to) {
			to = x.seq
		}
	}
	n := int(int32(to - h.next))
	if n <= 0 { // it is there, and waits for the other side in its turn
		for i := range t.held {
			if x := &t.held[i]; x.side == side && !before(h.next, x.seq) {
				x.flags &^= flagACK
			}
		}
		return
	}
	h.next = to
	t.to.lost(side, n, k.meta)
}

// remove takes a held segment out.
func (t *tcpStream) remove(i int) {
	n := len(t.held[i].data)
	t.bytes -= n
	*t.all -= n
	t.held = append(t.held[:i], t.held[i+1:]...)
}

// flush delivers all that is held, holes or not.
func (t *tcpStream) flush() {
	for t.drain(); len(t.held) > 0; t.drain() {
		t.giveUp(0)
	}
}

// sideOf turns the index of a half into the side it is, given which half is the server.
func sideOf(half, server int) wire.Side { return wire.Side(half == server) }
