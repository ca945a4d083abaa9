// Package replay asks a device again what a recording asked, and compares the answers field by field.
//
// Play takes exchanges as capture yields them and a Target: sockets, or the sessions of a profile in this
// process. Connections are interleaved as recorded: a request goes out as soon as everything has come that
// had come before it in the recording, so that what was pipelined stays pipelined and the device meets the
// questions in the states in which it met them then. There is no file per protocol here: what may differ is
// said by the tags of the messages (wire), and by what the recording itself shows to vary (Study).
package replay

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/netip"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// Options say how to ask.
type Options struct {
	Study *Study // what is known of the recording beforehand; see NewStudy

	Speed   float64       // 0: as fast as the target answers; 1: as recorded; 2: twice as fast
	Timeout time.Duration // for a reply, beyond what it took in the recording; 0: two seconds
	Quiet   time.Duration // how long silence is listened to; 0: 150 ms
	Idle    time.Duration // in the recording's time: a connection quiet for longer is closed; 0: an hour

	// Withhold says which requests are not sent. Nil: none.
	Withhold func(x *capture.Exchange, effect wire.Effect) bool
}

const (
	defaultTimeout = 2 * time.Second
	defaultQuiet   = 150 * time.Millisecond
	defaultIdle    = time.Hour
	hopeless       = 4 // that many requests unanswered in a row, and the wait for the next is short
	hopelessWait   = 200 * time.Millisecond
	settle         = 20 * time.Millisecond // how long other connections' open requests hold up the next one
	pendingMax     = 4096                  // requests open at once
)

// Play asks the target every request of seq and yields a Result for each exchange, as they are decided.
// Errors are those of seq and of ctx; what goes wrong with the target is in the results.
func Play(ctx context.Context, target Target, seq iter.Seq2[capture.Exchange, error], opt Options) iter.Seq2[Result, error] {
	if opt.Timeout == 0 {
		opt.Timeout = defaultTimeout
	}
	if opt.Quiet == 0 {
		opt.Quiet = defaultQuiet
	}
	if opt.Idle == 0 {
		opt.Idle = defaultIdle
	}
	if opt.Study == nil {
		opt.Study = NewStudy()
	}
	return func(yield func(Result, error) bool) {
		p := &player{
			ctx: ctx, target: target, opt: opt, inbox: newInbox(), lines: map[uint64]*line{},
			handles: handles{}, lent: lent{}, said: map[netip.AddrPort]saying{}, unanswered: map[netip.AddrPort]int{},
		}
		defer p.hangUp()
		flush := func() bool {
			for i := range p.done {
				if !yield(p.done[i], nil) {
					return false
				}
			}
			p.done = p.done[:0]
			return true
		}
		for x, err := range seq {
			if err != nil {
				if !yield(Result{}, err) {
					return
				}
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(Result{}, err)
				return
			}
			p.play(&x)
			if !flush() {
				return
			}
		}
		p.finish()
		if flush() && ctx.Err() != nil {
			yield(Result{}, ctx.Err())
		}
	}
}

type player struct {
	ctx     context.Context
	target  Target
	opt     Options
	inbox   *inbox
	lines   map[uint64]*line // by recorded connection
	pending []*ask           // sent and not decided yet, in the order sent
	done    []Result
	handles handles
	lent    lent
	said    map[netip.AddrPort]saying // by recorded server

	index      int // exchanges seen
	first      time.Time
	started    time.Time
	swept      time.Time
	lastAt     time.Time              // of the recording
	unanswered map[netip.AddrPort]int // requests in a row, by recorded server
}

// A line is one recorded connection and its counterpart.
type line struct {
	x       capture.Exchange // the first of the connection
	link    Link
	err     error // why there is no link
	asks    []*ask
	open    []wire.Message // the requests of asks
	unasked unasked
	lastAt  time.Time
	ended   bool // the recording has nothing more on it
	dialled int
}

// An ask is an exchange being asked again.
type ask struct {
	x        capture.Exchange
	line     *line
	opening  bool // of a stream joined in the middle: not in the recording
	greeting bool // said unasked before the first request
	sent     time.Time
	deadline time.Time
	got      []Said
	last     bool  // the target's last reply has come
	unproven error // a reply is not of the conversation, as the recorded one was
}

// play asks one exchange, or waits until it may.
func (p *player) play(x *capture.Exchange) {
	if p.index == 0 {
		p.first, p.started = x.At, time.Now()
	}
	last := p.opt.Study.lastOf(x.Conn) == p.index
	p.index++
	p.pace(x)
	if x.Request == nil && x.Lost { // the recording lost the question
		p.done = append(p.done, p.opt.Study.judge(x, nil, nil))
		return
	}
	if x.Request != nil && p.withheld(x) {
		p.done = append(p.done, Result{Exchange: *x, Verdict: Withheld})
		return
	}
	p.waitFor(x)
	p.target.At(x.At)
	p.lastAt = x.At
	p.read(time.Time{})
	l := p.lineOf(x)
	l.lastAt = x.At
	if x.Request == nil {
		p.expect(l, x)
	} else {
		p.send(l, x)
	}
	p.read(time.Time{})
	p.decide()
	if last {
		l.ended = true
	}
	p.sweep(x.At)
}

func (p *player) withheld(x *capture.Exchange) bool {
	if p.opt.Withhold == nil {
		return false
	}
	_, effect := wire.Class(x.Request)
	return p.opt.Withhold(x, effect)
}

// lineOf gives the counterpart of the connection of x, opened if need be.
func (p *player) lineOf(x *capture.Exchange) *line {
	l := p.lines[x.Conn]
	if l == nil {
		l = &line{x: *x}
		p.lines[x.Conn] = l
	}
	if l.link == nil {
		p.dial(l, x)
	}
	return l
}

func (p *player) dial(l *line, x *capture.Exchange) {
	l.dialled++
	dialled := l.dialled
	l.link, l.err = p.target.Dial(p.ctx, x, func(s Said) { p.inbox.put(event{l, dialled, s}) })
	if l.err != nil {
		return
	}
	p.begin(l, x.Server)
	if x.Request != nil {
		p.open(l, x)
	}
}

// open asks what has to be asked before x may be, where the stream was joined in the middle.
func (p *player) open(l *line, x *capture.Exchange) {
	for _, m := range p.opt.Study.opening(x) {
		if l.link == nil {
			return
		}
		a := &ask{
			x:    capture.Exchange{Request: m, Replies: []wire.Message{m}, Server: x.Server, Conn: x.Conn},
			line: l, opening: true,
		}
		p.handles.substitute(&a.x)
		p.submit(a)
		p.read(time.Time{})
		for p.ctx.Err() == nil && !a.last && !p.due(a) {
			p.read(a.deadline)
		}
		a.deadline = time.Now()
		for _, s := range a.got {
			p.handles.adopt(x, s.Message)
		}
		p.decide()
	}
}

func (p *player) send(l *line, x *capture.Exchange) {
	if l.link != nil && p.handles.strange(x) {
		p.open(l, x)
	}
	if l.link == nil {
		p.done = append(p.done, p.opt.Study.judge(x, nil, l.err))
		return
	}
	if err := p.fit(l, x); err != nil {
		p.done = append(p.done, p.opt.Study.judge(x, nil, err))
		return
	}
	p.submit(&ask{x: *x, line: l})
}

// submit sends a request and files it as open.
func (p *player) submit(a *ask) {
	l := a.line
	a.sent = time.Now()
	switch {
	case len(a.x.Replies) == 0:
		a.deadline = a.sent.Add(p.opt.Quiet)
	case p.unanswered[a.x.Server] >= hopeless:
		a.deadline = a.sent.Add(hopelessWait)
	default:
		a.deadline = a.sent.Add(p.opt.Timeout + a.x.Latency)
	}
	open, err := l.link.Send(a.x.Request)
	if err != nil {
		l.err = err
		a.deadline = a.sent
	}
	l.unasked.begun = true
	l.asks = append(l.asks, a)
	l.open = append(l.open, open)
	p.pending = append(p.pending, a)
}

// read takes what was said until now; if nothing was, it waits for more until the given time.
func (p *player) read(until time.Time) {
	for _, e := range p.inbox.take(p.ctx, until) {
		if e.dialled == e.line.dialled && e.line.link != nil {
			p.heard(e.line, e.said)
		}
	}
}

func (p *player) heard(l *line, s Said) {
	if s.Err != nil {
		p.closed(l, s)
		return
	}
	i, last := l.link.Match(l.open, s.Message)
	if i < 0 || i >= len(l.asks) {
		p.overhear(l, s)
		return
	}
	a := l.asks[i]
	if k := len(a.got); k < len(a.x.Replies) && !a.opening {
		p.pair(a, a.x.Replies[k], s)
		p.lent.back(a.x.Server, &s)
	}
	a.got = append(a.got, s)
	if !a.opening {
		p.unanswered[a.x.Server] = 0
	}
	a.deadline = s.At.Add(p.opt.Timeout)
	if last {
		a.last = true
		l.forget(i)
	}
}

func (l *line) forget(i int) {
	l.asks = append(l.asks[:i:i], l.asks[i+1:]...)
	l.open = append(l.open[:i:i], l.open[i+1:]...)
}

// closed ends a link: whatever is open on it stays unanswered.
func (p *player) closed(l *line, s Said) {
	l.link.Close()
	l.link = nil
	l.err = s.Err
	if errors.Is(s.Err, io.EOF) {
		l.err = errHungUp
	}
	for _, a := range l.asks {
		a.deadline = s.At
	}
}

var errHungUp = errors.New("the target closed the connection")

// sweep closes the connections that the recording is done with. It looks now and then, not every time.
func (p *player) sweep(now time.Time) {
	if len(p.lines) < 64 && now.Sub(p.swept) < time.Second && len(p.lines) > 0 && p.index%256 != 0 {
		return
	}
	p.swept = now
	for conn, l := range p.lines {
		if len(l.asks) > 0 || !l.ended && now.Sub(l.lastAt) < p.opt.Idle {
			continue
		}
		p.close(l)
		delete(p.lines, conn)
	}
}

// close hangs up, and judges what is left of what was said unasked.
func (p *player) close(l *line) {
	if l.link != nil {
		l.link.Close()
		l.link = nil
	}
	p.giveUp(l, len(l.unasked.wanted), len(l.unasked.heard))
}

// finish waits for all that is open.
func (p *player) finish() {
	for p.ctx.Err() == nil && len(p.pending) > 0 {
		p.decide()
		if len(p.pending) == 0 {
			break
		}
		until := p.pending[0].deadline
		for _, a := range p.pending {
			if a.deadline.Before(until) {
				until = a.deadline
			}
		}
		p.read(until)
	}
	// The last to be said unasked may be under way.
	if p.target.Immediate() {
		p.target.At(p.lastAt.Add(settle))
		p.read(time.Time{})
	} else {
		for until := time.Now().Add(p.opt.Quiet); p.ctx.Err() == nil && p.awaited() && time.Now().Before(until); {
			p.read(until)
		}
	}
	for conn, l := range p.lines {
		p.close(l)
		delete(p.lines, conn)
	}
}

func (p *player) awaited() bool {
	for _, l := range p.lines {
		if len(l.unasked.wanted) > 0 && l.link != nil {
			return true
		}
	}
	return false
}

func (p *player) hangUp() {
	for _, l := range p.lines {
		if l.link != nil {
			l.link.Close()
		}
	}
}
