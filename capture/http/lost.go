package http

import (
	"bytes"

	"ringer/capture/wire"
)

// Lost: behind a gap inside a body of known length the rest of that body is passed over; else the next
// start line is looked for.
func (c *Conn) Lost(from wire.Side, n int) {
	p := &c.side[index(from)]
	q := progress{deaf: p.deaf}
	left := p.total - p.seen // of the message that the gap cut
	if p.skip > 0 {
		left = p.skip
	}
	switch {
	case p.open && from == wire.Server:
		q.deaf = true
		c.asked.pop()
	case n < 0 || p.lost || left <= 0 || n > left:
		q.lost = true
		if p.seen > 0 && p.total > 0 && from == wire.Server {
			c.asked.pop()
		}
	default:
		q.skip = left - n
		if p.skip == 0 && from == wire.Server {
			c.asked.pop()
		}
	}
	if from == wire.Client && c.content != nil {
		c.content = nil
	}
	*p = q
}

// resync says how many bytes lie before what may be a start line. What may become one is left.
func resync(from wire.Side, b []byte, eof bool) int {
	for i := 0; i < len(b); {
		if atStart(from, b[i:], eof) || !eof && lineEnd(b, i) == 0 && mayStart(from, b[i:]) {
			return i
		}
		end := lineEnd(b, i)
		if end == 0 {
			// a status line may follow a body without a line end between
			if j := bytes.Index(b[i+1:], []byte("HTTP/1.")); j >= 0 && from == wire.Server {
				return i + 1 + j
			}
			return len(b)
		}
		if from == wire.Server {
			if j := bytes.Index(b[i+1:end], []byte("HTTP/1.")); j >= 0 && looksLikeResponse(b[i+1+j:]) == nil {
				return i + 1 + j
			}
		}
		i = end
	}
	return len(b)
}

// atStart says whether b begins with a whole start line.
func atStart(from wire.Side, b []byte, eof bool) bool {
	if lineEnd(b, 0) == 0 {
		return false
	}
	if from == wire.Server {
		return looksLikeResponse(b) == nil
	}
	bare, err := looksLikeRequest(b)
	return err == nil && !bare
}

// mayStart says whether b may be the beginning of a start line, though short of a whole one.
func mayStart(from wire.Side, b []byte) bool {
	if from == wire.Server {
		return looksLikeResponse(b) == nil
	}
	_, err := looksLikeRequest(b)
	return err == nil
}
