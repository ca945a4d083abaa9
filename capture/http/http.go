// Package http reads and writes HTTP/1.0 and HTTP/1.1 messages (RFC 9112, meanings in RFC 9110) and the
// bare lines of HTTP/0.9 (RFC 1945, section 4.1), usually on tcp/80. Header order, letter case, spacing
// and line endings are kept, so that every message appends the bytes it was read from; bodies are kept
// as they were sent, chunked and compressed, and Plain gives them without the chunking. What follows an
// Upgrade, a CONNECT or the preface of HTTP/2 is Raw. Left out: HTTP/2 frames and the inside of
// bodies; TLS is a layer of its own.
package http

import (
	"errors"
	"fmt"

	"ringer/capture/wire"
)

// MaxHead bounds what a start line and its headers may take together.
const MaxHead = 64 << 10

var (
	errNoRequest  = errors.New("http: not a request line")
	errNoResponse = errors.New("http: not a status line")
	errLongHead   = fmt.Errorf("http: head longer than %d bytes", MaxHead)
)

// Protocol is HTTP.
type Protocol struct{}

func (Protocol) Name() string { return "http" }

func (Protocol) Ports() []string {
	return []string{"tcp/80", "tcp/8080", "tcp/8000", "tcp/8008", "tcp/8081", "tcp/8088", "tcp/631", "tcp/2869", "tcp/5000", "tcp/49152"}
}

func (Protocol) New() wire.Conn { return &Conn{} }

// A Conn reads one connection. It remembers the methods of the requests that are still to be answered,
// as a reply to HEAD or CONNECT cannot be delimited without.
type Conn struct {
	asked   queue
	side    [2]progress
	content *expected // the body that a request with Expect: 100-continue announced
	offered bool      // a request asked to leave HTTP: what follows may be anything
	tunnel  bool      // it was left
	reuse   bool

	req  Request
	rsp  Response
	body Content
	raw  Raw
}

// progress is how far the message at the front of one direction has been read.
type progress struct {
	need  int  // so many bytes must be there before another look is worth while
	chunk int  // where the next chunk of a chunked body begins; 0: not known yet
	total int  // length of the message; 0: not known yet
	seen  int  // bytes at hand when last looked at
	open  bool // the message ends where the stream does
	skip  int  // bytes of a damaged message still to come
	lost  bool // where the next message begins is not known
	deaf  bool // nothing but the damaged message follows
}

// expected is a request whose body comes as a message of its own.
type expected struct {
	request  *Request
	framing  framing
	length   int
	answered bool // by a final status: the client may go on without sending it
}

// Reuse makes Next return the same messages again and again, with strings and bytes that refer to b.
func (c *Conn) Reuse() { c.reuse = true }

// Next reads the first message in b.
func (c *Conn) Next(from wire.Side, b []byte, eof bool) (int, wire.Message, error) {
	p := &c.side[index(from)]
	switch {
	case len(b) == 0:
		return 0, nil, nil
	case p.skip > 0 && !(from == wire.Server && atStart(from, b, eof)):
		n := min(p.skip, len(b))
		p.skip -= n
		return n, nil, nil
	case p.deaf:
		return len(b), nil, nil
	case p.lost && !c.tunnel:
		if n := resync(from, b, eof); n > 0 {
			return n, nil, nil
		}
		if !atStart(from, b, eof) {
			return 0, nil, nil
		}
		p.lost = false
	case c.tunnel:
		return c.rawMessage(b)
	case len(b) < p.need && !eof:
		p.seen = len(b)
		return 0, nil, nil
	}
	p.seen, p.skip = len(b), 0
	var n int
	var m wire.Message
	var err error
	switch {
	case from == wire.Server:
		n, m, err = c.nextResponse(p, b, eof)
	case c.content != nil:
		n, m, err = c.nextContent(p, b, eof)
	default:
		n, m, err = c.nextRequest(p, b, eof)
		if err != nil && c.offered {
			return c.rawMessage(b)
		}
	}
	if n > 0 || err != nil {
		*p = progress{}
	}
	return n, m, err
}

func index(from wire.Side) int {
	if from == wire.Server {
		return 1
	}
	return 0
}

func (c *Conn) nextRequest(p *progress, b []byte, eof bool) (int, wire.Message, error) {
	if n := blankLines(b); n > 0 {
		return n, nil, nil
	}
	bare, err := looksLikeRequest(b)
	if err != nil {
		return 0, nil, err
	}
	var head int
	if bare {
		head = lineEnd(b, 0)
	} else if head, err = headEnd(b); err != nil || head == 0 {
		return 0, nil, err
	}
	if head == 0 {
		return 0, nil, nil
	}
	r := &c.req
	if !c.reuse {
		r = &Request{}
	}
	if !r.parse(c.text(b[:head])) {
		return 0, nil, errNoRequest
	}
	how, length := r.framing()
	if how == byLength && length > MaxBody {
		return 0, nil, errLongBody
	}
	if r.expects() && how != noBody {
		c.content = &expected{request: r, framing: how, length: length}
		if c.reuse {
			c.content.request = r.clone()
		}
		r.Body = nil
		c.asked.push(kindOf(r))
		return head, r, nil
	}
	n, err := p.delimit(b, head, how, length, eof)
	if err != nil || n == 0 {
		return 0, nil, err
	}
	r.Body = c.bytes(b[head:n])
	k := kindOf(r)
	c.asked.push(k)
	switch k {
	case preface:
		c.tunnel = true
	case connect, upgrade:
		c.offered = true
	}
	return n, r, nil
}

func (c *Conn) nextContent(p *progress, b []byte, eof bool) (int, wire.Message, error) {
	x := c.content
	if x.answered {
		if _, err := looksLikeRequest(b); err == nil {
			c.content = nil
			return c.nextRequest(p, b, eof)
		}
	}
	n, err := p.delimit(b, 0, x.framing, x.length, eof)
	if err != nil || n == 0 {
		return 0, nil, err
	}
	c.content = nil
	m := &c.body
	if !c.reuse {
		m = &Content{}
	}
	*m = Content{Method: x.request.Method, Target: x.request.Target, Body: c.bytes(b[:n]), of: x.request}
	return n, m, nil
}

func (c *Conn) nextResponse(p *progress, b []byte, eof bool) (int, wire.Message, error) {
	k := c.asked.front()
	if err := looksLikeResponse(b); err != nil {
		if k != bareLine {
			return 0, nil, err
		}
		if !eof {
			p.open = true
			return 0, nil, nil
		}
		c.asked.pop()
		return c.rawMessage(b)
	}
	head, err := headEnd(b)
	if err != nil || head == 0 {
		return 0, nil, err
	}
	r := &c.rsp
	if !c.reuse {
		r = &Response{}
	}
	if !r.parse(c.text(b[:head])) {
		return 0, nil, errNoResponse
	}
	how, length := r.framing(k)
	n, err := p.delimit(b, head, how, length, eof)
	if err != nil { // chunks that are none: all that follows is the body
		n, err = p.delimit(b, head, untilClose, 0, eof)
	}
	if err != nil || n == 0 {
		return 0, nil, err
	}
	r.Body = c.bytes(b[head:n])
	c.replied(k, r.Status)
	return n, r, nil
}

// replied keeps the account of what is still to be answered.
func (c *Conn) replied(k kind, status int) {
	if status == 101 || k == connect && status/100 == 2 {
		c.tunnel = true
	}
	if status < 200 && status != 101 {
		return
	}
	c.asked.pop()
	if c.content != nil && c.asked.size() == 0 {
		c.content.answered = true
	}
	if k == connect || k == upgrade {
		c.offered = false
	}
}

func (c *Conn) rawMessage(b []byte) (int, wire.Message, error) {
	m := &c.raw
	if !c.reuse {
		m = &Raw{}
	}
	m.Data = c.bytes(b)
	return len(b), m, nil
}

// Match: replies come in the order of the requests. An interim reply is not the last, unless it lets an
// announced body come, which is a message of its own.
func (c *Conn) Match(open []wire.Message, reply wire.Message) (int, bool) {
	r, ok := reply.(*Response)
	if !ok {
		for i, m := range open {
			switch q := m.(type) {
			case *Raw:
				return i, true
			case *Request:
				if q.Version == "" {
					return i, true
				}
			}
		}
		return -1, true
	}
	for i, m := range open {
		switch q := m.(type) {
		case *Request:
			if q.continued {
				continue
			}
			if !q.expects() {
				return i, r.Status >= 200 || r.Status == 101
			}
			if r.Status == 100 {
				return i, true
			}
			if i+1 < len(open) {
				if body, ok := open[i+1].(*Content); ok && body.of == q {
					q.continued = true
					return i + 1, r.Status >= 200
				}
			}
			return i, r.Status >= 200
		case *Content:
			if q.of != nil {
				q.of.continued = true
			}
			return i, r.Status >= 200
		}
	}
	return -1, true
}
