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
	stream string                         // path of the stream; "": the original has none
	last   uint64                         // number of the last event
	kept   []redfishEvent                 // the latest
	open   map[*redfishResource]time.Time // subscriptions of streams, and when these were last alive
	told   map[string]bool                // since then, of what nobody was sent yet: several changes of a resource are one
	at     time.Time
}

type redfishEvent struct {
	id   uint64
	data []byte
}

const (
	redfishEventsKept = 64
	redfishEventMost  = 64 << 10 // bytes of one
)

func (r *redfishDevice) learnEvents() {
	r.events.open = map[*redfishResource]time.Time{}
	if x := r.tree["/redfish/v1/EventService"]; x != nil {
		r.events.stream = strings.TrimSuffix(jsonString(x.data, "/ServerSentEventUri"), "/")
	}
}

// tell makes an event of a message about a resource.
func (r *redfishDevice) tell(key, origin string) {
	now, what := r.st.Now(), key+" "+origin
	if !now.Equal(r.events.at) {
		r.events.told, r.events.at = map[string]bool{}, now
	}
	if r.events.told[what] {
		return
	}
	r.events.told[what] = true
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
	if err != nil || len(b) > redfishEventMost {
		return
	}
	if len(r.events.kept) >= redfishEventsKept {
		r.events.kept = append(r.events.kept[:0], r.events.kept[1:]...)
	}
	r.events.kept = append(r.events.kept, redfishEvent{r.events.last, b})
}
