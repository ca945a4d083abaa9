package capture

import "ringer/capture/wire"

// A sink takes what a dialogue says, in the order in which it was said.
type sink interface {
	message(side wire.Side, m wire.Message, raw []byte, first, last meta)
	missing(side wire.Side)
	joined(side wire.Side)
}

// A dialogue decodes both directions of one connection, or the datagrams of a pair of peers, with one
// protocol's Conn. Behind a gap the Conn says where it can go on; behind bytes that are not of the
// protocol, that is the next segment that begins with a message.
type dialogue struct {
	protocol wire.Protocol
	conn     wire.Conn
	server   int  // index of the half that is the server
	max      int  // of an incomplete message
	waiting  *int // bytes of incomplete messages, of all dialogues
	to       sink
	in       [2]undecoded
	messages [2]int // decoded so far
	bytes    int64  // they took
	skipped  int64  // bytes that no message took
	skips    int    // and how often that was
	errors   int    // times that bytes were not of the protocol
}

// undecoded holds the bytes of one direction that no message has taken yet.
type undecoded struct {
	buf     []byte
	marks   []mark
	seeking bool // not known to be at the start of a message
	want    int  // a large message is not tried again before there is so much
	eof     bool
}

// A mark says where the bytes from an offset on come from.
type mark struct {
	offset int
	meta   meta
}

// waitingMax bounds the bytes of incomplete messages of all connections together.
const waitingMax = 64 << 20

// largeMessage: from here on, decoding is tried again only when a part more has come, lest a message
// of many segments take quadratic time.
const largeMessage = 32 << 10

func index(side wire.Side) int {
	if side == wire.Server {
		return 1
	}
	return 0
}

func (d *dialogue) datagram(side wire.Side, b []byte, m meta) {
	n, msg, err := d.conn.Next(side, b, true)
	if err != nil || n <= 0 || n > len(b) {
		d.errors++
		d.to.missing(side)
		return
	}
	d.bytes += int64(n)
	if msg != nil {
		d.messages[index(side)]++
		d.to.message(side, msg, b[:n], m, m)
	}
}

func (d *dialogue) data(side wire.Side, b []byte, pushed bool, m meta) {
	u := &d.in[index(side)]
	if len(b) == 0 && !u.eof {
		return
	}
	view, before := b, len(u.buf)
	if before > 0 {
		if len(b) > 0 {
			u.marks = append(u.marks, mark{len(u.buf), m})
			u.buf = append(u.buf, b...)
		}
		view = u.buf
		if len(view) < u.want && !pushed && !u.eof {
			*d.waiting += len(b)
			return
		}
	} else {
		u.marks = append(u.marks[:0], mark{0, m})
	}
	at := d.decode(side, u, view)
	u.keep(view, at)
	u.want = 0
	n := len(u.buf)
	*d.waiting += n - before
	if n > largeMessage {
		u.want = n + n/16
		if n > d.max || *d.waiting > waitingMax {
			d.gap(side)
		}
	}
}

// end says that one side has closed: what is incomplete now stays so.
func (d *dialogue) end(side wire.Side, m meta) {
	u := &d.in[index(side)]
	u.eof = true
	if len(u.buf) > 0 {
		d.data(side, nil, true, m)
	}
	if len(u.buf) > 0 { // it broke off in the middle of a message, which is not silence
		d.to.missing(side)
	}
	d.drop(u)
}

// release frees all that is incomplete.
func (d *dialogue) release() {
	d.drop(&d.in[0])
	d.drop(&d.in[1])
}

// drop frees what is incomplete.
func (d *dialogue) drop(u *undecoded) {
	*d.waiting -= len(u.buf)
	u.buf, u.marks, u.want = nil, nil, 0
}

// lost says that the recording misses n bytes of one side.
func (d *dialogue) lost(side wire.Side, n int) {
	u := &d.in[index(side)]
	if len(u.buf) > 0 && u.want > 0 { // the Conn is to know how far its message had come
		d.decode(side, u, u.buf)
	}
	d.drop(u)
	u.seeking = true
	d.conn.Lost(side, n)
	d.to.missing(side)
}

// join says that what one side says begins in the middle.
func (d *dialogue) join(side wire.Side) {
	d.in[index(side)].seeking = true
	d.conn.Lost(side, -1)
	d.to.joined(side)
}

// gap drops what is not understood.
func (d *dialogue) gap(side wire.Side) { d.lost(side, -1) }

// decode takes messages off the front of view and says how far it came.
func (d *dialogue) decode(side wire.Side, u *undecoded, view []byte) int {
	at := 0
	for at < len(view) {
		n, m, err := d.conn.Next(side, view[at:], u.eof)
		switch {
		case err == nil && n > 0 && n <= len(view)-at:
			if m == nil {
				d.skipped += int64(n)
				d.skips++
			} else {
				d.bytes += int64(n)
				u.seeking = false
				d.messages[index(side)]++
				d.to.message(side, m, view[at:at+n], u.at(at), u.at(at+n-1))
			}
			at += n
		case err == nil:
			return at
		default:
			d.errors++
			if !u.seeking {
				u.seeking = true
				d.conn.Lost(side, -1)
				d.to.missing(side)
			}
			next := u.after(at, len(view))
			d.skipped += int64(next - at)
			at = next
		}
	}
	return at
}

// at is where the byte at an offset comes from.
func (u *undecoded) at(offset int) meta {
	i := len(u.marks) - 1
	for i > 0 && u.marks[i].offset > offset {
		i--
	}
	return u.marks[i].meta
}

// after is the first segment start behind an offset, or end.
func (u *undecoded) after(offset, end int) int {
	for _, m := range u.marks {
		if m.offset > offset {
			return m.offset
		}
	}
	return end
}

// keep leaves what view holds from an offset on.
func (u *undecoded) keep(view []byte, from int) {
	if from >= len(view) {
		u.buf = u.buf[:0]
		if cap(u.buf) > largeMessage {
			u.buf = nil
		}
		u.marks = u.marks[:0]
		return
	}
	if from > 0 || len(u.buf) == 0 {
		rest := view[from:]
		if len(u.buf) > 0 {
			u.buf = u.buf[:copy(u.buf, rest)]
		} else {
			u.buf = append(u.buf, rest...)
		}
		k := 0
		for k+1 < len(u.marks) && u.marks[k+1].offset <= from {
			k++
		}
		u.marks = u.marks[:copy(u.marks, u.marks[k:])]
		for i := range u.marks {
			u.marks[i].offset = max(0, u.marks[i].offset-from)
		}
	}
}
