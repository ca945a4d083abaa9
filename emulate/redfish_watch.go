package emulate

import (
	"fmt"
	"time"

	"ringer/capture/http"
)

// The stream of events (DSP0266, "Server-sent events"). While it is open, a subscription stands for it; taking that
// away ends the stream.

const (
	redfishWatch = 200 * time.Millisecond // how soon an event is sent
	redfishGone  = 5 * time.Second        // how long the subscription of a stream outlives it
)

// A redfishWatching is a connection that events are sent on.
type redfishWatching struct {
	on, chunked bool
	seen        uint64
	as          *redfishResource // its subscription; nil: there is none
}

// watch begins the stream of events.
func (q *redfishAsked) watch() Answer {
	a := q.say(200, nil, nil)
	m := &q.h.out[len(q.h.out)-1]
	m.Headers.Set("Content-Type", "text/event-stream")
	m.Headers = without(without(m.Headers, "Content-Length"), "ETag")
	m.Body, a.Close = nil, false
	if q.req.Method == "HEAD" {
		return a
	}
	w := &q.h.watching
	if q.req.Version != "HTTP/1.0" {
		m.Headers.Set("Transfer-Encoding", "chunked")
		w.chunked = true
	}
	w.on, w.seen, w.as = true, q.r.events.last, q.r.subscribeStream()
	a.Tick = q.r.st.Now().Add(redfishWatch)
	return a
}

// subscribeStream makes the subscription of a stream.
func (r *redfishDevice) subscribeStream() *redfishResource {
	collection := r.link(r.tree["/redfish/v1/EventService"], "/Subscriptions")
	if collection == nil || !r.takesMembers(collection) {
		return nil
	}
	id := r.freshID(collection)
	body := []byte("{}")
	for _, f := range [][2]string{
		{"@odata.id", collection.path + "/" + id}, {"@odata.type", "#EventDestination.v1_6_0.EventDestination"},
		{"Id", id}, {"Name", "EventSubscription " + id}, {"Context", fmt.Sprintf("%016x", r.rand.Uint64())},
		{"Protocol", "Redfish"}, {"SubscriptionType", "SSE"}, {"EventFormatType", "Event"},
	} {
		body = jsonSet(body, pointerTo("", f[0]), jsonQuote(f[1]))
	}
	x := r.create(collection, id, body)
	if x != nil {
		r.events.open[x] = r.st.Now()
	}
	return x
}

// forgetStreams takes the subscriptions of streams away that ended.
func (r *redfishDevice) forgetStreams(now time.Time) {
	for x, alive := range r.events.open {
		there := r.tree[x.path] == x
		if there && now.Sub(alive) < redfishGone {
			continue
		}
		delete(r.events.open, x)
		if there {
			r.remove(x)
		}
	}
}

// Tick sends the events that there are.
func (h *httpSession) Tick(now time.Time) (Answer, time.Time) {
	w := &h.watching
	if !w.on || h.s.redfish == nil {
		return Answer{}, time.Time{}
	}
	r := h.s.redfish
	over := w.as != nil && r.tree[w.as.path] != w.as
	if w.as != nil && !over {
		r.events.open[w.as] = r.st.Now()
	}
	r.comeDue()
	var b []byte
	for _, e := range r.events.kept {
		if e.id > w.seen {
			w.seen = e.id
			b = fmt.Appendf(b, "id: %d\ndata: %s\n\n", e.id, e.data)
		}
	}
	next := now.Add(redfishWatch)
	if len(b) == 0 && !over {
		return Answer{}, next
	}
	if w.chunked {
		b = http.Chunk(nil, b)
		if !over {
			b = b[:len(b)-len("0\r\n\r\n")]
		}
	}
	clear(r.events.told)
	h.raw.Data = b
	h.msgs = append(h.msgs[:0], &h.raw)
	return Answer{Messages: h.msgs, From: Modelled, Close: over}, next
}
