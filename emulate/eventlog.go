package emulate

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"ringer/capture/wire"
)

// EventLogOptions set up an event log. The zero value never rotates.
type EventLogOptions struct {
	Rotate int64        // bytes after which a file is put aside; 0: never
	Keep   int          // how many files are kept beside the current one; 0: 4
	Log    *slog.Logger // where failures are said; nil: slog.Default
	Now    func() time.Time
}

// An EventLog writes events as JSON lines. Sessions leave raw bytes in a bounded queue; one goroutine
// decodes, formats and writes them, so that the log costs a session two copies. When the queue is full
// the session waits: evidence is never dropped for speed. When the disk fails that is said and counted,
// and the services go on.
type EventLog struct {
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	room    sync.Cond // the queue was emptied
	written sync.Cond // a batch was written
	filling *eventBatch
	busy    bool // a batch is being written
	closed  bool

	wake    chan struct{} // the first record of a batch is in
	hurry   chan struct{} // the batch is half full, or somebody waits for it
	stopped chan struct{}

	out   eventWriter // of the writing goroutine
	close func() error
}

// A source is what the log knows of a session. Its fields are set before its first record is queued;
// conn and prefix belong to the writing goroutine.
type source struct {
	id            uint64
	device        string
	protocol      wire.Protocol // nil: not known yet
	transport     string
	remote, local netip.AddrPort

	conn   wire.Conn
	prefix []byte
}

// eventBatch is a queue that is filled while its twin is written.
type eventBatch struct {
	records []eventRecord
	bytes   []byte
}

// eventRecord is one event whose bytes lie in its batch.
type eventRecord struct {
	kind     EventKind
	from     Origin
	last     bool // nothing follows the answer: the connection ends
	at       time.Time
	latency  time.Duration
	src      *source // nil: not of a session
	req, ans span
	text     string
}

// A span is a range of bytes in a buffer.
type span struct{ from, to int }

func (s span) len() int { return s.to - s.from }

const (
	batchBytes   = 1 << 20               // a batch holds so many bytes (or one record that is larger)
	batchRecords = 16 << 10              // and so many records
	batchDelay   = 20 * time.Millisecond // how long the first record of a batch waits for company
)

// OpenEvents appends to a file, and rotates it.
func OpenEvents(path string, opt EventLogOptions) (*EventLog, error) {
	f, err := openRotating(path, opt.Rotate, opt.Keep)
	if err != nil {
		return nil, fmt.Errorf("event log: %w", err)
	}
	l := NewEventLog(f, opt)
	f.log = l.log
	l.close = f.Close
	return l, nil
}

// NewEventLog writes to w, one call of Write for some whole lines. Rotate and Keep are not used.
func NewEventLog(w io.Writer, opt EventLogOptions) *EventLog {
	l := &EventLog{
		log: opt.Log, now: opt.Now, filling: new(eventBatch),
		wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	if l.now == nil {
		l.now = time.Now
	}
	l.room.L, l.written.L = &l.mu, &l.mu
	l.out = eventWriter{w: w, log: l.log, now: l.now, run: l.now().UTC().Format("20060102T150405")}
	go l.write()
	return l
}

// add queues the turns of a session. in and out are the buffers that their spans refer to.
func (l *EventLog) add(src *source, turns []turn, in, out []byte, at time.Time, latency time.Duration) {
	l.mu.Lock()
	for i := range turns {
		t := &turns[i]
		b := l.wait(t.req.len() + t.ans.len())
		if b == nil {
			break
		}
		r := eventRecord{kind: t.kind, from: t.from, last: t.last, at: at, latency: latency + t.delay, src: src, text: t.text}
		r.req = b.copy(in[t.req.from:t.req.to])
		r.ans = b.copy(out[t.ans.from:t.ans.to])
		l.put(b, r)
	}
	l.mu.Unlock()
}

// note queues an event without bytes.
func (l *EventLog) note(src *source, kind EventKind, at time.Time, text string) {
	l.mu.Lock()
	if b := l.wait(0); b != nil {
		l.put(b, eventRecord{kind: kind, at: at, src: src, text: text})
	}
	l.mu.Unlock()
}

// wait gives the batch to fill, as soon as it has room for n bytes; nil if the log was closed.
func (l *EventLog) wait(n int) *eventBatch {
	for {
		if l.closed {
			return nil
		}
		b := l.filling
		if len(b.records) == 0 || len(b.records) < batchRecords && len(b.bytes)+n <= batchBytes {
			return b
		}
		signal(l.hurry)
		l.room.Wait()
	}
}

func (l *EventLog) put(b *eventBatch, r eventRecord) {
	b.records = append(b.records, r)
	switch {
	case len(b.records) == 1:
		signal(l.wake)
	case len(b.records) == batchRecords/2, len(b.bytes) > batchBytes/2 && len(b.bytes)-r.req.len()-r.ans.len() <= batchBytes/2:
		signal(l.hurry)
	}
}

func (b *eventBatch) copy(p []byte) span {
	from := len(b.bytes)
	b.bytes = append(b.bytes, p...)
	return span{from, len(b.bytes)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// write is the writing goroutine: it lets a batch gather for a moment, swaps it for an empty one, and
// writes it.
func (l *EventLog) write() {
	defer close(l.stopped)
	spare := new(eventBatch)
	delay := time.NewTimer(0)
	for {
		<-l.wake
		delay.Reset(batchDelay)
		select {
		case <-delay.C:
		case <-l.hurry:
		}
		l.mu.Lock()
		full := l.filling
		l.filling, l.busy = spare, true
		closed := l.closed
		l.room.Broadcast()
		l.mu.Unlock()

		l.out.batch(full)
		clear(full.records)
		full.records, full.bytes = full.records[:0], full.bytes[:0]
		if cap(full.bytes) > 2*batchBytes {
			full.bytes = nil
		}
		spare = full

		l.mu.Lock()
		l.busy = false
		l.written.Broadcast()
		l.mu.Unlock()
		if closed {
			return
		}
	}
}

// Flush returns when all that was queued before has been written, or has failed to be.
func (l *EventLog) Flush() {
	l.mu.Lock()
	for len(l.filling.records) > 0 || l.busy {
		signal(l.wake)
		signal(l.hurry)
		l.written.Wait()
	}
	l.mu.Unlock()
}

// Lost is how many events could not be written.
func (l *EventLog) Lost() uint64 { return l.out.lost.Load() }

// Close writes what is queued and closes the file; it is for when the decoy has ended. Whether all could be written, Lost says.
func (l *EventLog) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	signal(l.wake)
	signal(l.hurry)
	<-l.stopped
	var err error
	if l.close != nil {
		err = l.close()
	}
	if err != nil {
		return fmt.Errorf("event log: %w", err)
	}
	return nil
}
