package emulate

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Events (DSP0266, "Eventing") go to those who watch the stream of server-sent events. Subscriptions with a
// destination are kept and shown, and nobody is called: a decoy opens no connections.

type redfishEvents struct {
	stream string         // path of the stream; "": the original has none
	last   uint64         // number of the last event
	kept   []redfishEvent // the latest
	told   string         // what was told last, and when: several changes at once are one
	at     time.Time
}

type redfishEvent struct {
	id   uint64
	data []byte
}

const (
	redfishEventsKept = 64
	redfishWatch      = 200 * time.Millisecond // how soon an event is sent
)

func (r *redfishDevice) learnEvents() {
	if x := r.tree["/redfish/v1/EventService"]; x != nil {
		r.events.stream = strings.TrimSuffix(jsonString(x.data, "/ServerSentEventUri"), "/")
	}
}

// tell makes an event of a message about a resource.
func (r *redfishDevice) tell(key, origin string) {
	now := r.st.Now()
	if told := key + " " + origin; told == r.events.told && now.Equal(r.events.at) {
		return
	} else {
		r.events.told, r.events.at = told, now
	}
	r.emit(map[string]any{
		"EventType": redfishEventTypes[key], "MessageId": "ResourceEvent.1.0." + key, "Message": redfishWords[key].Message,
		"Severity": "OK", "OriginOfCondition": map[string]string{"@odata.id": origin},
	})
}

// redfishEventTypes are the types that go with messages (Event, EventType).
var redfishEventTypes = map[string]string{
	"ResourceChanged": "ResourceUpdated", "ResourceCreated": "ResourceAdded", "ResourceRemoved": "ResourceRemoved",
}

// testEvent is what SubmitTestEvent asks for.
func (r *redfishDevice) testEvent(body []byte) {
	e := map[string]any{}
	for name, v := range jsonMembers(body) {
		if name == "OriginOfCondition" && jsonKind(v) == "string" {
			e[name] = map[string]string{"@odata.id": jsonShown(v)}
			continue
		}
		e[name] = json.RawMessage(v)
	}
	r.emit(e)
}

func (r *redfishDevice) emit(event map[string]any) {
	r.events.last++
	id := fmt.Sprint(r.events.last)
	event["EventId"] = id
	if event["EventTimestamp"] == nil {
		event["EventTimestamp"] = r.redfishTime()
	}
	event["MemberId"] = "0"
	b, err := json.Marshal(map[string]any{
		"@odata.type": "#Event.v1_4_0.Event", "Id": id, "Name": "Event Array", "Context": "", "Events": []any{event},
	})
	if err != nil {
		return
	}
	if len(r.events.kept) >= redfishEventsKept {
		r.events.kept = append(r.events.kept[:0], r.events.kept[1:]...)
	}
	r.events.kept = append(r.events.kept, redfishEvent{r.events.last, b})
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
	if q.req.Version != "HTTP/1.0" {
		m.Headers.Set("Transfer-Encoding", "chunked")
		q.h.watching.chunked = true
	}
	q.h.watching.on, q.h.watching.seen = true, q.r.events.last
	a.Tick = q.r.st.Now().Add(redfishWatch)
	return a
}

// A redfishWatching is a connection that events are sent on.
type redfishWatching struct {
	on, chunked bool
	seen        uint64
}

// Tick sends the events that there are.
func (h *httpSession) Tick(now time.Time) (Answer, time.Time) {
	w := &h.watching
	if !w.on || h.s.redfish == nil {
		return Answer{}, time.Time{}
	}
	r := h.s.redfish
	r.comeDue()
	var b []byte
	for _, e := range r.events.kept {
		if e.id > w.seen {
			w.seen = e.id
			b = fmt.Appendf(b, "id: %d\ndata: %s\n\n", e.id, e.data)
		}
	}
	next := now.Add(redfishWatch)
	if len(b) == 0 {
		return Answer{}, next
	}
	if w.chunked {
		b = append(fmt.Appendf(nil, "%x\r\n", len(b)), append(b, "\r\n"...)...)
	}
	h.raw.Data = b
	h.msgs = append(h.msgs[:0], &h.raw)
	return Answer{Messages: h.msgs, From: Modelled}, next
}
