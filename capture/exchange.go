package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"reflect"
	"time"

	"ringer/capture/tls"
	"ringer/capture/wire"
)

// An Exchange is one request and what the device sent because of it. It is the one currency of ringer:
// captures and live scans yield exchanges, learning and replaying take them.
//
// Exchanges of a capture are yielded in the order in which their requests were sent (what was said
// unasked: when it was said), so that whoever asks again in that order meets the device in the same
// states.
type Exchange struct {
	At      time.Time     // when the last of the request was sent, from when on the device could answer
	Latency time.Duration // until the first reply; 0 if there is none

	Client, Server netip.AddrPort
	Transport      string // "tcp" or "udp"
	Conn           uint64 // one number a connection or pair of UDP peers, unique in a capture
	Protocol       wire.Protocol

	// Request is nil for what was said unasked (banners, pushes, traps). If it is nil and Lost is set,
	// the recording lost the request, and Replies is what is left.
	Request wire.Message
	Replies []wire.Message // empty: the device was silent, unless Lost
	Lost    bool           // the recording lost bytes where the replies would be, or ended there
	Raw     [2][]byte      // the bytes of request and replies, with Options.KeepRaw
	TLS     *tls.Handshake // what the connection was encrypted with, shared by all its exchanges; nil: nothing

	Packets [2]int // provenance: the first packet of the request and the last of the replies, from 1
	Note    string // the comment of the request's packet in a pcapng file, if any
}

// Options say what is read of a capture, and who is told what.
type Options struct {
	Name string // of the file, for messages

	Devices  []netip.Addr // only these servers; nil: all
	Ports    []uint16     // only these server ports; nil: all
	From, To time.Time    // only packets in [From, To); zero: open

	Protocols []wire.Protocol          // nil: Protocols()
	ForcePort map[uint16]wire.Protocol // what is known to be spoken on these server ports

	Keys     *Keys // open what is encrypted; nil: only secrets that are in the recording
	LeaveTLS bool  // connections of TLS are read as they are, not as what is in them

	MaxMessage int  // bytes of one message; 0: 8 MiB
	KeepRaw    bool // fill Exchange.Raw

	// Warn is told of damage that reading goes on after, of a broken end, and of what is not read. Without
	// it, the first damage is yielded as an error at the end.
	Warn   func(error)
	Survey *Survey // filled while reading, complete at the end

	Context context.Context // reading stops, without an error, when it is done; nil: never
}

const (
	defaultMaxMessage = 8 << 20
	// windowMax, windowBytes and windowTime bound how long exchanges wait for earlier ones to be complete.
	windowMax   = 16384
	windowBytes = 16 << 20
	windowTime  = int64(60e9)
	// answerTime is how long a device must have had for its silence to count as an answer when the
	// recording ends or the client hangs up.
	answerTime = int64(1e9)
)

// Exchanges reads a recording. Errors come last, after all that could be read.
func Exchanges(r io.Reader, opt Options) iter.Seq2[Exchange, error] {
	return func(yield func(Exchange, error) bool) {
		a := newAssembly(&opt)
		s, stop, err := newSource(r, a.warn)
		if k, ok := s.(keyLogger); ok {
			k.logKeys(a.keyLog)
			a.expectSecrets = true
		}
		defer stop()
		if err != nil {
			yield(Exchange{}, a.named(err))
			return
		}
		a.run(s, yield)
	}
}

// run reads all packets of a source.
func (a *assembly) run(s source, yield func(Exchange, error) bool) {
	var p packet
	var err error
	for a.opt.Context == nil || a.opt.Context.Err() == nil {
		if err = s.next(&p); err != nil {
			break
		}
		a.packet(&p)
		if !a.window.drain(a, yield, false) {
			return
		}
	}
	if e, ok := s.(endTimer); ok {
		a.clock = max(a.clock, e.endTime())
	}
	a.finish()
	if !a.window.drain(a, yield, true) {
		return
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("packet %d: %w", p.number+1, err)
	} else {
		err = a.damage
	}
	if err != nil {
		yield(Exchange{}, a.named(err))
	}
}

// named puts the name of the file before an error.
func (a *assembly) named(err error) error {
	var d *DamageError
	if a.opt.Name == "" || errors.As(err, &d) && d.Name != "" {
		return err
	}
	return fmt.Errorf("%s: %w", a.opt.Name, err)
}

// warn tells of damage. If nobody listens, the first becomes the error at the end.
func (a *assembly) warn(err error) {
	var d *DamageError
	if errors.As(err, &d) {
		d.Name = a.opt.Name
	}
	if a.opt.Warn == nil && a.damage == nil {
		a.damage = err
	}
	a.notice(err)
}

// notice tells of what is not read, though nothing is damaged.
func (a *assembly) notice(err error) {
	err = a.named(err)
	if a.survey != nil {
		a.survey.warning(err)
	}
	if a.opt.Warn != nil {
		a.opt.Warn(err)
	}
}

// A pending exchange waits for its replies, or for earlier ones to have theirs.
type pending struct {
	Exchange
	flow    *flow    // nil: complete
	opened  int64    // the capture's clock
	missed  int      // gaps in what the server said, until it was opened
	packet  int      // its place: when it was asked, or said
	size    int      // bytes of its messages
	hidden  bool     // not an exchange: a flow holds the place for what is not decoded yet
	askings *askings // nil: asked once
}

// message pairs what a decided flow says.
func (f *flow) message(side wire.Side, m wire.Message, raw []byte, first, last meta) {
	if f.notifies {
		if side == wire.Client {
			return // an acknowledgement of what the device said unasked
		}
		f.unasked(m, raw, first, last)
		return
	}
	if f.toAll && f.aloud(side, m, raw, first, last) {
		return
	}
	if side == wire.Client {
		f.giveUp(raw, last)
		p := f.newPending(first, last)
		p.Request = m
		p.missed = f.missed
		if first.note == NoteAgain {
			f.askedBefore(p)
		}
		f.a.window.grow(p, len(raw))
		if f.a.opt.KeepRaw {
			p.Raw[0] = append([]byte(nil), raw...)
		}
		f.open = append(f.open, p)
		f.asked = append(f.asked, m)
		f.requestLost, f.heard = false, true
		f.a.window.add(p)
		return
	}
	i, final := f.talk.conn.Match(f.asked, m)
	if announces(f.talk.protocol, m) {
		newest := 0
		if i >= 0 {
			newest = f.open[i].packet
		}
		if f.answersCall(newest, m, raw, first, last) {
			return
		}
	}
	if i < 0 || i >= len(f.open) {
		f.unasked(m, raw, first, last)
		return
	}
	f.a.answers(m)
	p := f.open[i]
	if len(p.Replies) == 0 {
		p.Latency = time.Duration(max(0, first.at-p.At.UnixNano()))
	}
	p.Replies = append(p.Replies, m)
	p.Packets[1] = max(p.Packets[1], last.number)
	f.a.window.grow(p, len(raw))
	if f.a.opt.KeepRaw {
		p.Raw[1] = append(p.Raw[1], raw...)
	}
	if final {
		f.close(i)
	}
}

func (f *flow) newPending(first, last meta) *pending {
	f.latest = max(f.latest, last.number) // what came in disorder is in its order again
	p := f.a.window.new()
	p.flow, p.opened, p.packet = f, f.a.clock, f.latest
	p.At, p.Note = time.Unix(0, last.at).UTC(), first.note
	p.Client, p.Server = f.addrs[1-f.talk.server], f.addrs[f.talk.server]
	p.Transport, p.Conn, p.Protocol = f.transport(), f.number, f.talk.protocol
	if f.tls != nil {
		p.TLS = f.tls.seen
	}
	p.Packets = [2]int{first.number, last.number}
	return p
}

func (f *flow) unasked(m wire.Message, raw []byte, first, last meta) {
	p := f.newPending(first, last)
	p.Replies = []wire.Message{m}
	p.Lost = f.requestLost && (!f.heard || f.a.answered(m))
	p.flow = nil
	f.a.window.grow(p, len(raw))
	if f.a.opt.KeepRaw {
		p.Raw[1] = append([]byte(nil), raw...)
	}
	f.a.window.add(p)
	f.count(&p.Exchange)
}

// answers remembers the types of replies: where a request may be lost, they tell its reply from what
// devices say unasked.
func (a *assembly) answers(m wire.Message) {
	if t := reflect.TypeOf(m); t != a.lastType {
		a.lastType = t
		a.replies[t] = struct{}{}
	}
}

func (a *assembly) answered(m wire.Message) bool {
	_, ok := a.replies[reflect.TypeOf(m)]
	return ok
}

// joined: what one side says begins in the middle. Nothing between is missing.
func (f *flow) joined(side wire.Side) {
	if !f.heard {
		f.requestLost = true
	}
}

// missing: bytes of one side were lost, or not understood. The replies to what is open may be among
// them.
func (f *flow) missing(side wire.Side) {
	if side == wire.Client {
		f.requestLost = true
	} else {
		f.missed++
	}
}

// giveUp: a client that asks one thing at a time asks the next. If the only open request had no reply
// since bytes of the device are missing, that was among them. If the next is the very same after a
// time-out, it is the same question, which counts once.
func (f *flow) giveUp(raw []byte, again meta) {
	if len(f.open) != 1 || f.open[0].missed == f.missed {
		return
	}
	p := f.open[0]
	p.Lost = true
	if again.at-p.At.UnixNano() >= answerTime && len(p.Replies) == 0 {
		before, _ := p.Request.Append(nil)
		p.hidden = bytes.Equal(before, raw)
	}
	f.close(0)
}

// askedBefore: the client says that it asks once more, because there was no answer. The question counts once,
// whichever of its askings is answered.
func (f *flow) askedBefore(p *pending) {
	key := wire.Key(p.Request)
	for i := len(f.open) - 1; i >= 0; i-- {
		if q := f.open[i]; len(q.Replies) == 0 && wire.Key(q.Request) == key {
			if q.askings == nil {
				q.askings = &askings{open: 1}
			}
			p.askings = q.askings
			p.askings.open++
			return
		}
	}
}

// askings are those of one question that was asked again because there was no answer.
type askings struct {
	open     int
	answered bool
}

// settle says whether an asking that is complete counts.
func (s *askings) settle(p *pending) {
	if s == nil {
		return
	}
	s.open--
	p.hidden = p.hidden || len(p.Replies) == 0 && (s.answered || s.open > 0)
	s.answered = s.answered || len(p.Replies) > 0
}

// close completes the i-th open request.
func (f *flow) close(i int) {
	p := f.open[i]
	p.flow = nil
	p.Lost = p.Lost || len(p.Replies) == 0 && p.missed != f.missed
	p.askings.settle(p)
	f.count(&p.Exchange)
	if i == 0 {
		f.open[0], f.asked[0] = nil, nil
		f.open, f.asked = f.open[1:], f.asked[1:]
		if len(f.open) == 0 {
			f.open, f.asked = f.openSpace[:0], f.askedSpace[:0]
		}
		return
	}
	n := len(f.open) - 1
	copy(f.open[i:], f.open[i+1:])
	copy(f.asked[i:], f.asked[i+1:])
	f.open[n], f.asked[n] = nil, nil
	f.open, f.asked = f.open[:n], f.asked[:n]
}

// forget completes a request that was waited for long enough, or a place that was held.
func (f *flow) forget(p *pending) {
	if p.hidden {
		p.flow = nil
		return
	}
	for i, q := range f.open {
		if q == p {
			f.close(i)
			return
		}
	}
	p.flow = nil
}

// silence completes all open requests: nothing more will come. cut says that the device may not have had
// its time.
func (f *flow) silence(at int64, cut bool) {
	for len(f.open) > 0 {
		p := f.open[0]
		if cut && len(p.Replies) == 0 && at-p.At.UnixNano() < answerTime {
			p.Lost = true
		}
		f.close(0)
	}
}
