package emulate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"ringer/capture/wire"
)

// eventWriter turns batches into lines. It belongs to the writing goroutine, lost aside.
type eventWriter struct {
	w    io.Writer
	log  *slog.Logger
	now  func() time.Time
	run  string // begins every session's name, so that names of two runs differ
	out  []byte
	held int           // events in out
	lost atomic.Uint64 // in all
	owed uint64        // lost since the last line that was written
	said time.Time     // when a failure was last said

	second int64  // the time prefix is of this second
	stamp  []byte // "2006-01-02T15:04:05"
}

const (
	writeBytes  = 256 << 10        // lines are handed over when there is so much of them
	failureSaid = 10 * time.Second // a disk that goes on failing is mentioned so often
)

// batch writes all records of a batch.
func (w *eventWriter) batch(b *eventBatch) {
	for i := range b.records {
		w.record(b, &b.records[i])
		if len(w.out) >= writeBytes {
			w.flush()
		}
	}
	w.flush()
}

// record appends one line. A codec that panics on what it is shown costs the decoded form of that
// record, nothing else.
func (w *eventWriter) record(b *eventBatch, r *eventRecord) {
	at := len(w.out)
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("event log: a record cannot be decoded: please report this", "panic", fmt.Sprint(p), "session", w.name(r.src))
			w.out = w.line(w.out[:at], r)
			w.out = appendRaw(w.out, "raw", b.bytes[r.req.from:r.req.to])
			w.out = appendRaw(w.out, "sent", b.bytes[r.ans.from:r.ans.to])
			w.out = append(w.out, '}', '\n')
			r.src.conn = nil
		}
	}()
	w.held++
	o := w.line(w.out, r)
	req, ans := b.bytes[r.req.from:r.req.to], b.bytes[r.ans.from:r.ans.to]
	if r.kind == Asked {
		o = r.src.request(o, req)
	} else if len(req) > 0 {
		o = appendRaw(o, "raw", req)
	}
	if len(ans) > 0 {
		o = r.src.answers(o, ans, r.last)
	}
	if r.kind == Asked || len(ans) > 0 {
		if r.kind == Asked || r.kind == Pushed {
			o = append(append(append(o, `,"from":"`...), r.from.String()...), '"')
		}
		if len(ans) == 0 {
			o = append(o, `,"silent":true`...)
		}
		if r.latency > 0 {
			o = strconv.AppendInt(append(o, `,"latency_ns":`...), int64(r.latency), 10)
		}
	}
	w.out = append(o, '}', '\n')
}

// line begins a line: time, kind, session, reason.
func (w *eventWriter) line(o []byte, r *eventRecord) []byte {
	o = append(o, `{"time":"`...)
	o = w.time(o, r.at)
	o = append(o, `","event":"`...)
	o = append(append(o, r.kind...), '"')
	if r.src != nil {
		if r.src.prefix == nil {
			r.src.prefix = w.prefix(r.src)
		}
		o = append(o, r.src.prefix...)
	}
	if r.text != "" {
		o = wire.AppendQuoted(append(o, `,"reason":`...), r.text)
	}
	return o
}

// time appends RFC 3339 with nanoseconds, in UTC.
func (w *eventWriter) time(o []byte, t time.Time) []byte {
	if s := t.Unix(); s != w.second || w.stamp == nil {
		w.second = s
		w.stamp = t.UTC().AppendFormat(w.stamp[:0], "2006-01-02T15:04:05.")
	}
	o = append(o, w.stamp...)
	for n, d := t.Nanosecond(), 100_000_000; d > 0; d /= 10 {
		o = append(o, byte('0'+n/d%10))
	}
	return append(o, 'Z')
}

func (w *eventWriter) name(s *source) string {
	if s == nil {
		return ""
	}
	return w.run + "-" + strconv.FormatUint(s.id, 10)
}

// prefix is the part that all lines of a session share.
func (w *eventWriter) prefix(s *source) []byte {
	o := wire.AppendQuoted([]byte(`,"session":`), w.name(s))
	o = wire.AppendQuoted(append(o, `,"device":`...), s.device)
	if s.protocol != nil {
		o = wire.AppendQuoted(append(o, `,"protocol":`...), s.protocol.Name())
	}
	o = append(append(append(o, `,"transport":"`...), s.transport...), '"')
	o = append(append(append(o, `,"src_ip":"`...), s.remote.Addr().String()...), '"')
	o = strconv.AppendUint(append(o, `,"src_port":`...), uint64(s.remote.Port()), 10)
	o = append(append(append(o, `,"local_ip":"`...), s.local.Addr().String()...), '"')
	return strconv.AppendUint(append(o, `,"local_port":`...), uint64(s.local.Port()), 10)
}

// decoder is the log's own decoder of a session: it sees both directions, as a capture would.
func (s *source) decoder() wire.Conn {
	if s.conn == nil {
		s.conn = s.protocol.New()
		if r, ok := s.conn.(wire.Reuser); ok {
			r.Reuse()
		}
	}
	return s.conn
}

// request appends what was asked, and its class.
func (s *source) request(o, b []byte) []byte {
	decoded := false
	for rest := b; len(rest) > 0; {
		n, m, err := s.decoder().Next(wire.Client, rest, s.transport == "udp")
		if err != nil || n == 0 {
			break
		}
		rest = rest[n:]
		if m == nil {
			continue
		}
		decoded = true
		class, effect := wire.Class(m)
		o = wire.AppendQuoted(append(o, `,"class":`...), class)
		o = append(append(append(o, `,"effect":"`...), effect.String()...), '"')
		o = append(o, `,"request":`...)
		o = wire.AppendJSONCut(o, m, shown)
		break
	}
	if !decoded && len(b) > 0 {
		o = appendRaw(o, "raw", b)
	}
	return o
}

// answers appends what was answered, as messages as far as it is any.
func (s *source) answers(o, b []byte, eof bool) []byte {
	list := false
	for len(b) > 0 && s.protocol != nil {
		n, m, err := s.decoder().Next(wire.Server, b, eof || s.transport == "udp")
		if err != nil || n == 0 {
			break
		}
		b = b[n:]
		if m == nil {
			continue
		}
		if !list {
			o = append(o, `,"answers":[`...)
			list = true
		} else {
			o = append(o, ',')
		}
		o = wire.AppendJSONCut(o, m, shown)
	}
	if list {
		o = append(o, ']')
	}
	if len(b) > 0 {
		o = appendRaw(o, "sent", b)
	}
	return o
}

// appendRaw appends bytes that are not shown decoded: cut, with length and digest of the whole.
func appendRaw(o []byte, name string, b []byte) []byte {
	if len(b) == 0 {
		return o
	}
	o = append(append(append(o, ',', '"'), name...), `":"`...)
	o = hex.AppendEncode(o, b[:min(len(b), shown)])
	o = append(append(append(o, `","`...), name...), `_bytes":`...)
	o = strconv.AppendInt(o, int64(len(b)), 10)
	sum := sha256.Sum256(b)
	o = append(append(append(o, `,"`...), name...), `_sha256":"`...)
	return append(hex.AppendEncode(o, sum[:]), '"')
}

// flush hands the lines over. What the disk does not take is counted, said, and noted in the log as
// soon as it takes anything again.
func (w *eventWriter) flush() {
	if len(w.out) == 0 {
		return
	}
	out := w.out
	if w.owed > 0 {
		note := w.time([]byte(`{"time":"`), w.now())
		note = strconv.AppendUint(append(note, `","event":"lost","lost":`...), w.owed, 10)
		out = append(append(note, '}', '\n'), out...)
	}
	if n, err := w.w.Write(out); err != nil || n < len(out) {
		if err == nil {
			err = io.ErrShortWrite
		}
		w.owed += uint64(w.held)
		lost := w.lost.Add(uint64(w.held))
		if now := w.now(); w.said.IsZero() || now.Sub(w.said) >= failureSaid {
			w.said = now
			w.log.Error("the event log cannot be written: events are being lost, the services go on", "error", err, "lost", lost)
		}
	} else if w.owed > 0 {
		w.log.Warn("the event log is being written again", "lost", w.owed)
		w.owed, w.said = 0, time.Time{}
	}
	w.out, w.held = w.out[:0], 0
	if cap(w.out) > 4*writeBytes {
		w.out = nil
	}
}
