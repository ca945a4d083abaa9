package capture

// A window yields exchanges in the order in which they were asked.
type window struct {
	queue []*pending
	head  int
	bytes int // of the messages in it
	free  []*pending
}

func (w *window) new() *pending {
	n := len(w.free)
	if n == 0 {
		return new(pending)
	}
	p := w.free[n-1]
	w.free = w.free[:n-1]
	return p
}

func (w *window) grow(p *pending, n int) {
	p.size += n
	w.bytes += n
}

func (w *window) add(p *pending) {
	if w.head > 1024 && w.head*2 > len(w.queue) {
		n := copy(w.queue, w.queue[w.head:])
		clear(w.queue[n:])
		w.queue, w.head = w.queue[:n], 0
	}
	w.queue = append(w.queue, p)
	for i := len(w.queue) - 1; i > w.head && w.queue[i-1].packet > p.packet; i-- {
		w.queue[i], w.queue[i-1] = w.queue[i-1], w.queue[i]
	}
}

// drain yields what is complete at the front.
func (w *window) drain(a *assembly, yield func(Exchange, error) bool, all bool) bool {
	for w.head < len(w.queue) {
		p := w.queue[w.head]
		if p.flow != nil {
			if !all && a.clock-p.opened < windowTime && len(w.queue)-w.head <= windowMax && w.bytes <= windowBytes {
				break
			}
			p.flow.forget(p)
		}
		w.queue[w.head] = nil
		w.head++
		w.bytes -= p.size
		if p.hidden {
			continue
		}
		x := p.Exchange
		*p = pending{}
		w.free = append(w.free, p)
		if !yield(x, nil) {
			return false
		}
	}
	return true
}
