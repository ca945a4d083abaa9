package capture

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"

	"ringer/capture/wire"
)

// A Writer writes exchanges as a pcapng file of Ethernet packets that dissectors read like any other:
// each TCP connection with its handshake and its end, right checksums, and the exchange's note as the
// comment of its first packet. What Exchanges reads from it are the same exchanges: where an exchange
// says Lost, a byte is missing in the stream.
//
// What came over TLS is written in the clear, on the port it had: for recordings inside profiles, whose
// reader knows what is spoken there. Dissectors expect TLS on such ports, and Exchange.TLS is not kept;
// evidence for them is the packets themselves with their secrets (Tap).
type Writer struct {
	w      *bufio.Writer
	err    error
	begun  bool
	events writerEvents
	order  uint64
	conns  map[writerKey]*writerConn
	pairs  map[writerPair]*writerConn // the connection that uses a pair of ports now
	list   []*writerConn              // in the order opened
	count  uint32
	id     uint16
	until  int64 // nothing came until then
	packet []byte
}

type writerPair struct {
	client, server netip.AddrPort
	udp            bool
}

type writerKey struct {
	conn uint64
	pair writerPair
}

// writerConn is a TCP connection, or a pair of UDP peers. Sides are numbered client, server.
type writerConn struct {
	pair   writerPair
	addrs  [2]netip.AddrPort
	seq    [2]uint32
	unseen [2]int // bytes sent since the other side acknowledged any
	open   bool
	until  int64 // a request was not answered until then
	last   int64
	lost   int64 // when the last event was, if a reply to it is missing: nothing came after it
	speaks wire.Conn
}

type writerEvent struct {
	at    int64
	order uint64
	conn  *writerConn
	side  int
	data  []byte
	note  string
	gap   bool // a byte of side is missing
	lost  bool // and so is what the server said to this
}

type writerEvents []*writerEvent

func (e writerEvents) Len() int { return len(e) }
func (e writerEvents) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e writerEvents) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *writerEvents) Push(x any)   { *e = append(*e, x.(*writerEvent)) }
func (e *writerEvents) Pop() any {
	old := *e
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*e = old[:len(old)-1]
	return x
}

const (
	writerMSS    = 1460
	writerWindow = 65535
	// ackAfter: the receiver acknowledges so often that the window is never full.
	ackAfter  = 16 * writerMSS
	udpMax    = 65535 - 20 - 8
	noteMax   = 60000
	silenceNS = answerTime + int64(1e6)
)

// NewWriter writes to w. The file is complete after Close.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 64<<10), conns: map[writerKey]*writerConn{}, pairs: map[writerPair]*writerConn{}}
}

// Write adds an exchange. Exchanges are expected in the order in which their requests were sent.
func (w *Writer) Write(x Exchange) error {
	if w.err != nil {
		return w.err
	}
	c, err := w.conn(&x)
	if err != nil {
		return err
	}
	at := x.At.UnixNano()
	note := x.Note
	if x.Request != nil {
		if err := w.say(c, 0, at, x.Request, note, x.Lost && len(x.Replies) == 0); err != nil {
			return err
		}
		note = ""
	} else if x.Lost {
		w.push(&writerEvent{at: at, conn: c, side: 0, gap: true})
	}
	replied := at + int64(x.Latency)
	for i, m := range x.Replies {
		if err := w.say(c, 1, replied, m, note, x.Lost && x.Request != nil && i == len(x.Replies)-1); err != nil {
			return err
		}
		note = ""
	}
	if len(x.Replies) == 0 && !x.Lost {
		c.until = max(c.until, at+silenceNS)
	}
	w.writeUntil(at)
	return w.err
}

func (w *Writer) say(c *writerConn, side int, at int64, m wire.Message, note string, lost bool) error {
	b, err := m.Append(nil)
	if err != nil {
		return fmt.Errorf("capture: writing a message of the %v: %w", wire.Side(side == 1), err)
	}
	if c.pair.udp && len(b) > udpMax {
		return fmt.Errorf("capture: a datagram of %d bytes, at most %d", len(b), udpMax)
	}
	w.push(&writerEvent{at: at, conn: c, side: side, data: b, note: note, lost: lost})
	return nil
}

func (w *Writer) push(e *writerEvent) {
	e.order = w.order
	w.order++
	heap.Push(&w.events, e)
}

// conn finds or makes the connection of an exchange.
func (w *Writer) conn(x *Exchange) (*writerConn, error) {
	p := writerPair{plain(x.Client), plain(x.Server), x.Transport == "udp"}
	if !p.client.IsValid() || !p.server.IsValid() {
		return nil, fmt.Errorf("capture: an exchange between %v and %v", x.Client, x.Server)
	}
	k := writerKey{x.Conn, p}
	c := w.conns[k]
	if c == nil {
		c = &writerConn{pair: p, addrs: [2]netip.AddrPort{p.client, p.server}}
		if x.Protocol != nil {
			c.speaks = x.Protocol.New()
		}
		w.conns[k] = c
	}
	return c, nil
}

func plain(p netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(p.Addr().Unmap().WithZone(""), p.Port())
}

// writeUntil writes what happened until then, in its order.
func (w *Writer) writeUntil(at int64) {
	for len(w.events) > 0 && w.events[0].at <= at {
		w.event(heap.Pop(&w.events).(*writerEvent))
	}
}

func (w *Writer) event(e *writerEvent) {
	c := e.conn
	c.last = max(c.last, e.at)
	if c.pair.udp {
		if !e.gap {
			w.udp(c, e)
		}
		return
	}
	if !c.open {
		w.handshake(c, e.at)
	}
	if c.lost != 0 {
		c.seq[1]++
		c.lost = 0
	}
	if e.lost {
		c.lost = e.at
	}
	if e.gap {
		c.seq[e.side]++
		return
	}
	data, note := e.data, e.note
	for len(data) > 0 {
		n := min(len(data), writerMSS)
		flags := byte(flagACK)
		if n == len(data) {
			flags |= flagPSH
		}
		w.tcp(c, e.side, e.at, flags, data[:n], note)
		data, note = data[n:], ""
		if c.unseen[e.side] >= ackAfter {
			w.tcp(c, 1-e.side, e.at, flagACK, nil, "")
		}
	}
	if c.unended(e) {
		w.hangUp(c, 1, e.at)
	}
}

// unended says whether a message ends only where the connection does.
func (c *writerConn) unended(e *writerEvent) bool {
	if c.speaks == nil || len(e.data) == 0 {
		return false
	}
	n, _, err := c.speaks.Next(wire.Side(e.side == 1), e.data, false)
	return e.side == 1 && n == 0 && err == nil
}

// handshake opens a connection. What used the same ports before ends first.
func (w *Writer) handshake(c *writerConn, at int64) {
	if old := w.pairs[c.pair]; old != nil && old.open {
		w.hangUp(old, 0, at)
	}
	w.pairs[c.pair] = c
	w.list = append(w.list, c)
	w.open(c, at)
}

func (w *Writer) open(c *writerConn, at int64) {
	w.count++
	c.open = true
	isn := w.count * 0x9e3779b1
	c.seq = [2]uint32{isn, isn ^ 0x5bd1e995}
	w.tcp(c, 0, at, flagSYN, nil, "")
	w.tcp(c, 1, at, flagSYN|flagACK, nil, "")
	w.tcp(c, 0, at, flagACK, nil, "")
}

// hangUp ends a connection; side begins.
func (w *Writer) hangUp(c *writerConn, side int, at int64) {
	c.open = false
	w.tcp(c, side, at, flagFIN|flagACK, nil, "")
	w.tcp(c, 1-side, at, flagFIN|flagACK, nil, "")
	w.tcp(c, side, at, flagACK, nil, "")
}

// end is when a connection can end so that what was silent until then reads as silent, and what was
// lost as lost.
func (c *writerConn) end() int64 {
	at := max(c.last, c.until)
	if c.lost != 0 {
		at = max(c.last, min(at, c.lost+answerTime-int64(1e6)))
	}
	return at
}

// Flush writes out all that was given so far.
func (w *Writer) Flush() error {
	w.begin()
	for len(w.events) > 0 {
		w.event(heap.Pop(&w.events).(*writerEvent))
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

// Close writes the ends of all connections. It does not close what is written to.
func (w *Writer) Close() error {
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range w.list {
		if c.open {
			w.hangUp(c, 0, c.end())
		}
	}
	for _, c := range w.conns {
		w.until = max(w.until, c.end())
	}
	w.statistics()
	return w.flush()
}

// begin writes the section header and the description of the one interface: Ethernet, nanoseconds.
func (w *Writer) begin() {
	if w.begun {
		return
	}
	w.begun = true
	le := binary.LittleEndian
	b := le.AppendUint32(nil, byteOrderMagic)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, ^uint64(0)) // length of the section: not given
	w.block(blockSection, b)
	b = le.AppendUint16(b[:0], linkEthernet)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, packetMax)
	b = appendOption(b, optResol, []byte{9})
	b = appendOption(b, optEnd, nil)
	w.block(blockInterface, b)
}

// statistics says until when there was nothing more, so that silence at the end reads as silence.
func (w *Writer) statistics() {
	w.begin()
	b := binary.LittleEndian.AppendUint32(nil, 0)
	b = appendTime(b, w.until)
	b = appendOption(b, optStatsEnd, appendTime(nil, w.until))
	b = appendOption(b, optEnd, nil)
	w.block(blockStats, b)
}

func appendTime(b []byte, at int64) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(uint64(at)>>32))
	return binary.LittleEndian.AppendUint32(b, uint32(at))
}

func appendOption(b []byte, code uint16, v []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(v)))
	b = append(b, v...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func (w *Writer) block(kind uint32, body []byte) {
	if w.err != nil {
		return
	}
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:], kind)
	binary.LittleEndian.PutUint32(head[4:], uint32(12+len(body)))
	w.w.Write(head[:])
	w.w.Write(body)
	_, w.err = w.w.Write(head[4:])
}

// frame writes an enhanced packet block.
func (w *Writer) frame(at int64, frame []byte, note string) {
	w.begin()
	b := make([]byte, 0, 20+len(frame)+16+len(note))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = appendTime(b, at)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	b = append(b, frame...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	if note != "" {
		b = appendOption(b, optComment, []byte(note[:min(len(note), optNoteLimit)]))
		b = appendOption(b, optEnd, nil)
	}
	w.block(blockEnhanced, b)
}
