package http

// maxAsked bounds how many unanswered requests of a connection are remembered; of more, the oldest are
// forgotten.
const maxAsked = 1 << 14

// queue holds the kinds of the requests that are still to be answered, oldest first.
type queue struct {
	ring  []kind // its length is a power of two
	first int
	count int
}

func (q *queue) size() int { return q.count }

func (q *queue) push(k kind) {
	if q.count == len(q.ring) {
		if q.count == maxAsked {
			q.pop()
		} else {
			q.grow()
		}
	}
	q.ring[(q.first+q.count)&(len(q.ring)-1)] = k
	q.count++
}

func (q *queue) grow() {
	ring := make([]kind, max(8, 2*len(q.ring)))
	for i := range q.count {
		ring[i] = q.ring[(q.first+i)&(len(q.ring)-1)]
	}
	q.ring, q.first = ring, 0
}

// front is the kind of the request that the next reply answers; a plain one if none is known.
func (q *queue) front() kind {
	if q.count == 0 {
		return plainRequest
	}
	return q.ring[q.first]
}

func (q *queue) pop() {
	if q.count > 0 {
		q.first = (q.first + 1) & (len(q.ring) - 1)
		q.count--
	}
}
