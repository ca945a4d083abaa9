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

func newOutbox(post func(b []byte, from netip.Addr, to netip.AddrPort) error) *outbox {
	o := &outbox{post: post, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
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
		l, wait, ok := o.take(closing)
		if ok {
			// An error here is the peer's: it has gone away.
			_ = o.post(l.b, l.from, l.to)
			continue
		}
		if closing {
			return
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

// take removes the first letter if it is due, or else says how long it is until there may be one.
func (o *outbox) take(all bool) (letter, time.Duration, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.letters) == 0 {
		return letter{}, time.Hour, false
	}
	if wait := time.Until(o.letters[0].due); wait > 0 && !all {
		return letter{}, wait, false
	}
	l := heap.Pop(&o.letters).(letter)
	o.bytes -= len(l.b)
	return l, 0, true
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
