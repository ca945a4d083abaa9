package emulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"ringer/capture/ipmi"
	"ringer/profiles"
)

// A log of Redfish that shows the device's log of events (LogEntry, EntryType SEL).

// A redfishLog is the collection of its entries.
type redfishLog struct {
	*systemLog
	at      *redfishResource
	entries map[uint16]string // paths, by the numbers of records
	like    []byte            // an entry of the original; nil: there was none
	byID    bool              // the original names entries by the numbers of records
	whole   bool              // its collection has them whole, not just their paths (LogEntryCollection, AutoExpand)
	zone    *time.Location
}

// learnLog joins the entries that the mockup has with the records that they are of, and makes the others.
func (r *redfishDevice) learnLog(dev *profiles.Device) error {
	if r.sec.SEL == "" {
		return nil
	}
	x := r.at(r.sec.SEL)
	if x == nil || !x.json || jsonKind(jsonGet(x.data, "/Members")) != "array" {
		return fmt.Errorf("redfish: sel: there is no collection %s in %s", r.sec.SEL, r.sec.Root)
	}
	l, err := logOf(r.st, dev)
	if err != nil {
		return err
	}
	if l == nil || !l.kept {
		return fmt.Errorf("redfish: sel: the profile has no IPMI service with a log of events")
	}
	r.log = &redfishLog{systemLog: l, at: x, entries: map[uint16]string{}, byID: true, zone: time.UTC}
	r.joinLog()
	for i := range l.records {
		if e := l.records[i].event(); r.log.entries[e.ID] == "" {
			r.logged(&e)
		}
	}
	x.changed = false
	l.watch(r.followLog)
	return nil
}

// joinLog finds out which entry is of which record: by its number, or by its time.
func (r *redfishDevice) joinLog() {
	type shown struct {
		path, id, created string
	}
	var all []shown
	for _, item := range jsonItems(jsonGet(r.log.at.data, "/Members")) {
		if x := r.at(jsonString(item, "/@odata.id")); x != nil && x.json {
			all = append(all, shown{x.path, jsonString(x.data, "/Id"), jsonString(x.data, "/Created")})
			r.log.like = x.data
		}
		r.log.whole = r.log.whole || redfishMembers(item) > 1
	}
	if len(all) > 0 {
		if t, err := time.Parse(time.RFC3339, all[len(all)-1].created); err == nil {
			r.log.zone = t.Location()
		}
	}
	joined := map[string]bool{}
	for _, number := range []bool{true, false} {
		for i := range r.log.records {
			e := r.log.records[i].event()
			for _, s := range all {
				t, err := time.Parse(time.RFC3339, s.created)
				same := err == nil && t.Unix() == int64(e.Time) && (!number || s.id == strconv.Itoa(int(e.ID)))
				if same && r.log.entries[e.ID] == "" && !joined[s.path] {
					r.log.entries[e.ID], joined[s.path] = s.path, true
					r.log.byID = r.log.byID && number
				}
			}
		}
	}
}

// followLog shows what became of the log.
func (r *redfishDevice) followLog(c logChange) {
	switch {
	case c.added != nil:
		if at := r.logged(c.added); at != "" {
			r.tell("ResourceCreated", at)
		}
	case c.cleared:
		for p := range r.tree {
			if strings.HasPrefix(p, r.log.at.path+"/") {
				delete(r.tree, p)
			}
		}
		clear(r.log.entries)
		r.set(r.log.at, r.counted(jsonSet(r.log.at.data, "/Members", []byte("[]"))))
		r.tell("ResourceChanged", r.log.at.path)
	default:
		at := r.log.entries[c.removed]
		delete(r.log.entries, c.removed)
		if x := r.tree[at]; x != nil {
			r.remove(x)
			r.tell("ResourceRemoved", at)
		}
	}
}

// logged makes the entry of a record, and gives its path.
func (r *redfishDevice) logged(e *ipmi.Event) string {
	c := r.log.at
	id := strconv.Itoa(int(e.ID))
	if !r.log.byID || r.tree[c.path+"/"+id] != nil {
		id = r.freshID(c)
	}
	at := c.path + "/" + id
	body := r.logEntry(e, at)
	x := &redfishResource{path: at, data: body, json: true, mime: "application/json"}
	if c.tag != "" {
		x.tag = newRedfishTag(body)
	}
	r.tree[at] = x
	r.log.entries[e.ID] = at
	item := []byte(`{"@odata.id": ` + string(jsonQuote(at)) + `}`)
	if r.log.whole {
		item = body
	}
	r.set(c, r.counted(jsonAppend(c.data, "/Members", item)))
	return at
}

// redfishSeverity is how bad an event is, in the words of Redfish.
var redfishSeverity = [...]string{ipmi.Informational: "OK", ipmi.Warning: "Warning", ipmi.Critical: "Critical"}

// logEntry is the text of an entry. Of those properties that need not be, it has those that the original's have.
func (r *redfishDevice) logEntry(e *ipmi.Event, at string) []byte {
	entry := struct {
		At       string `json:"@odata.id"`
		Type     string `json:"@odata.type"`
		ID       string `json:"Id"`
		Name     string
		Kind     string `json:"EntryType"`
		Severity string
		Created  string  `json:",omitempty"`
		Code     string  `json:"EntryCode,omitempty"`
		Sensor   string  `json:"SensorType,omitempty"`
		Number   *uint16 `json:"SensorNumber,omitempty"`
		Message  string
		Bytes    string `json:"MessageId,omitempty"`
	}{
		At: at, Type: "#LogEntry.v1_7_0.LogEntry", ID: path.Base(at), Name: "Log Entry " + path.Base(at), Kind: "SEL",
		Severity: redfishSeverity[e.Severity()], Message: e.Text(),
	}
	if e.Time != 0 && e.Type < ipmi.EventUntimed {
		entry.Created = time.Unix(int64(e.Time), 0).In(r.log.zone).Format(time.RFC3339)
	}
	if e.Type == ipmi.EventRecord {
		number := uint16(e.Number)
		entry.Number, entry.Sensor = &number, e.SensorType()
		switch entry.Code = e.Generic(); {
		case e.Over:
			entry.Code = "Deassert"
		case entry.Code == "":
			entry.Code = "Assert"
		}
		if name := r.log.name(e.Number, e.Sensor); name != "" {
			entry.Message = name + ": " + entry.Message
		}
		if e.Over {
			entry.Message += ", deasserted"
		}
		// The bytes that the event is known by, as IPMI's Platform Event Trap has them.
		entry.Bytes = fmt.Sprintf("%02X%02X%02X", e.Sensor, e.Kind, e.Offset())
	}
	b, err := json.Marshal(entry)
	if err != nil {
		return []byte("{}")
	}
	like := r.log.like
	if like == nil {
		return b
	}
	if kind := jsonString(like, "/@odata.type"); kind != "" {
		b = jsonSet(b, "/@odata.type", jsonQuote(kind))
	}
	if name := jsonString(like, "/Name"); name != "" {
		b = jsonSet(b, "/Name", jsonQuote(strings.ReplaceAll(name, jsonString(like, "/Id"), entry.ID)))
	}
	var kept bytes.Buffer
	for name, v := range jsonMembers(b) {
		if jsonGet(like, pointerTo("", name)) != nil || name == "Severity" {
			fmt.Fprintf(&kept, ",\n  %s: %s", jsonQuote(name), v)
		}
	}
	return []byte("{" + strings.TrimPrefix(kept.String(), ",") + "\n}")
}
