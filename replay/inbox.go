package replay

import (
	"context"
	"sync"
	"time"
)

// An inbox takes what the links hear, from any goroutine and without bound: what the target says has been
// asked for, and the player never waits with a full one.
type inbox struct {
	mu     sync.Mutex
	events []event
	spare  []event
	bell   chan struct{}
}

type event struct {
	line    *line
	dialled int // which of the line's links
	said    Said
}

func newInbox() *inbox { return &inbox{bell: make(chan struct{}, 1)} }

func (b *inbox) put(e event) {
	b.mu.Lock()
	b.events = append(b.events, e)
	b.mu.Unlock()
	select {
	case b.bell <- struct{}{}:
	default:
	}
}

// take gives what has come, waiting for it until the given time. The slice is valid until the next call.
func (b *inbox) take(ctx context.Context, until time.Time) []event {
	for {
		b.mu.Lock()
		e := b.events
		b.events, b.spare = b.spare[:0], e
		b.mu.Unlock()
		if len(e) > 0 {
			return e
		}
		wait := time.Until(until)
		if until.IsZero() || wait <= 0 {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-b.bell:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}
