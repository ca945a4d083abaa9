package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"

	"ringer/capture/wire"
)

// A Tap writes what goes by on live connections as a pcapng file, packet by packet, as it happens. What
// Exchanges reads from the file is what a recording of the same connections would have given, so that
// whoever asks a device learns by the code that reads recordings, and keeps the evidence.
//
// Its methods, and those of its lines, may be called from several goroutines.
type Tap struct {
	mu   sync.Mutex
	w    *Writer
	now  func() time.Time
	note string // of the next packet
}

// Notes are comments of packets that mean something to Exchanges.
const (
	// NoteAgain: the client asks again what had no answer; the first asking does not count.
	NoteAgain = "asked again"
	// NoteResumed: the recording was interrupted before this packet. What was open then has lost its
	// answers.
	NoteResumed = "resumed"
)

// NewTap writes to w; now tells the time.
func NewTap(w io.Writer, now func() time.Time) *Tap {
	return &Tap{w: NewWriter(w), now: now}
}

// ResumeTap goes on with a file that was interrupted. A block that was cut is taken off its end.
func ResumeTap(f *os.File, also io.Writer, now func() time.Time) (*Tap, error) {
	whole, err := wholeBlocks(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	if err := f.Truncate(whole); err != nil {
		return nil, err
	}
	if _, err := f.Seek(whole, io.SeekStart); err != nil {
		return nil, err
	}
	t := NewTap(io.MultiWriter(f, also), now)
	if whole > 0 {
		t.note = NoteResumed
	}
	return t, nil
}

// wholeBlocks is the length of the part of a pcapng file that ends with a block.
func wholeBlocks(f *os.File) (int64, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end == 0 {
		return 0, err
	}
	var at int64
	var h [12]byte
	for at+12 <= end {
		if _, err := f.ReadAt(h[:], at); err != nil {
			return 0, err
		}
		if at == 0 && (binary.LittleEndian.Uint32(h[:]) != blockSection || binary.LittleEndian.Uint32(h[8:]) != byteOrderMagic) {
			return 0, fmt.Errorf("not a file that can be gone on with: it is no pcapng of ringer's")
		}
		n := int64(binary.LittleEndian.Uint32(h[4:]))
		if n < 12 || n%4 != 0 || at+n > end {
			break
		}
		at += n
	}
	return at, nil
}

// Secrets records lines of a TLS key log, so that the packets that follow can be read.
func (t *Tap) Secrets(keylog []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.w.secrets(keylog)
}

// Flush writes out all that went by so far.
func (t *Tap) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.flush()
}

// Close ends the file; it does not close what is written to. Lines that are open stay without an end.
func (t *Tap) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.w.until = max(t.w.until, t.now().UnixNano())
	t.w.statistics()
	return t.w.flush()
}

// A Line is one connection, or one pair of UDP peers, of a Tap.
type Line struct {
	t    *Tap
	c    *writerConn
	over [2]bool // a side has ended
}

// Open begins a line: transport is "tcp" or "udp".
func (t *Tap) Open(transport string, client, server netip.AddrPort) *Line {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := writerPair{plain(client), plain(server), transport == "udp"}
	l := &Line{t: t, c: &writerConn{pair: p, addrs: [2]netip.AddrPort{p.client, p.server}}}
	if !p.udp {
		t.resumed()
		t.w.open(l.c, t.now().UnixNano())
	}
	return l
}

// resumed puts the note that the recording was interrupted on a packet of its own: an empty one that is not
// part of any connection.
func (t *Tap) resumed() {
	if t.note == "" {
		return
	}
	note := t.note
	t.note = ""
	t.w.frame(t.now().UnixNano(), make([]byte, 14), note)
}

// Said records what one side sends, or what came from it; a note becomes the comment of its first packet.
// The bytes of a datagram are one call.
func (l *Line) Said(side wire.Side, b []byte, note string) error {
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	if len(b) == 0 && !l.c.pair.udp {
		return l.t.w.err
	}
	l.t.resumed()
	l.t.w.event(&writerEvent{at: l.t.now().UnixNano(), conn: l.c, side: index(side), data: b, note: note})
	return l.t.w.flush()
}

// End records that one side sends nothing more.
func (l *Line) End(side wire.Side) {
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	if i := index(side); !l.c.pair.udp && !l.over[i] {
		l.over[i] = true
		at := l.t.now().UnixNano()
		l.t.w.tcp(l.c, i, at, flagFIN|flagACK, nil, "")
		l.t.w.tcp(l.c, 1-i, at, flagACK, nil, "")
	}
}

// Reset records that one side gave the connection up.
func (l *Line) Reset(side wire.Side) {
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	if i := index(side); !l.c.pair.udp && !l.over[i] {
		l.over = [2]bool{true, true}
		l.t.w.tcp(l.c, i, l.t.now().UnixNano(), flagRST|flagACK, nil, "")
	}
}
