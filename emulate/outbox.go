package emulate

import (
	"container/heap"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// An outbox holds datagrams until they are due. It is bounded: what does not fit is not sent.
type outbox struct {
	post    func(b []byte, from netip.Addr, to netip.AddrPort) error
	naps    naps
	mu      sync.Mutex
	letters letters
	n       uint64
	bytes   int
	wake    chan struct{}
	closing chan struct{}
	done    chan struct{}
}

type letter struct {
	due  time.Time
	from netip.Addr
	to   netip.AddrPort
	b    []byte
	n    uint64 // what is due at the same time goes out in the order in which it came in
}

const outboxBytes = 4 << 20

var errOutboxFull = errors.New("too many answers are waiting")

func newOutbox(n naps, post func(b []byte, from netip.Addr, to netip.AddrPort) error) *outbox {
	o := &outbox{post: post, naps: n, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	go o.send()
	return o
}

func (o *outbox) add(l letter) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bytes+len(l.b) > outboxBytes {
		return errOutboxFull
	}
	o.n++
	l.n = o.n
	o.bytes += len(l.b)
	heap.Push(&o.letters, l)
	if o.letters[0].n == l.n {
		signal(o.wake)
	}
	return nil
}

// send is the sending goroutine. When the outbox closes, all that waits goes out at once.
func (o *outbox) send() {
	defer close(o.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	closing := false
	for {
		l, due, ok := o.take(closing)
		if ok {
			// An error here is the peer's: it has gone away.
			_ = o.post(l.b, l.from, l.to)
			continue
		}
		if closing {
			return
		}
		wait := time.Until(due)
		if wait > timerSlack {
			wait -= timerSlack
		} else if o.naps.take(due) {
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-o.wake:
		case <-o.closing:
			closing = true
		}
	}
}

// take removes the first letter if it is due, or else says when there may be one.
func (o *outbox) take(all bool) (letter, time.Time, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.letters) == 0 {
		return letter{}, time.Now().Add(time.Hour), false
	}
	if due := o.letters[0].due; !all && time.Until(due) > 0 {
		return letter{}, due, false
	}
	l := heap.Pop(&o.letters).(letter)
	o.bytes -= len(l.b)
	return l, time.Time{}, true
}

func (o *outbox) close() {
	close(o.closing)
	<-o.done
}

// letters is a heap by the time due.
type letters []letter

func (h letters) Len() int { return len(h) }
func (h letters) Less(i, j int) bool {
	return h[i].due.Before(h[j].due) || h[i].due.Equal(h[j].due) && h[i].n < h[j].n
}
func (h letters) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *letters) Push(x any)   { *h = append(*h, x.(letter)) }
func (h *letters) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = letter{}
	*h = old[:len(old)-1]
	return l
}
