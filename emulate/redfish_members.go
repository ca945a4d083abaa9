package emulate

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"ringer/capture/http"
)

// What visitors can make and take away: sessions, accounts, subscriptions.

// takesMembers says whether a POST to a collection makes a member.
func (r *redfishDevice) takesMembers(x *redfishResource) bool {
	if !x.json || jsonGet(x.data, "/Members") == nil {
		return false
	}
	switch redfishTypeOf(x) {
	case "SessionCollection", "ManagerAccountCollection", "EventDestinationCollection":
		return true
	}
	return r.takesLogin(x.path)
}

// deletable says whether DELETE takes a resource away.
func (r *redfishDevice) deletable(x *redfishResource) bool {
	if !x.json {
		return false
	}
	switch redfishTypeOf(x) {
	case "Session", "ManagerAccount", "EventDestination":
		return r.collectionOf(x) != nil || x.made
	}
	return x.made
}

// post opens sessions, starts actions and makes members of collections.
func (q *redfishAsked) post(x *redfishResource) Answer {
	r := q.r
	if action := r.actions[q.path]; action != nil {
		return q.act(action)
	}
	if r.takesLogin(q.path) {
		return q.login()
	}
	if x == nil {
		return q.refuse(404, "ResourceMissingAtURI", q.path)
	}
	if !r.takesMembers(x) {
		return q.refuse(405, "OperationNotAllowed")
	}
	if !r.mayChange(q.who, x.path) {
		return q.refuse(403, "InsufficientPrivilege")
	}
	if refusal := q.jsonBody(); refusal != nil {
		return *refusal
	}
	var wanted []string
	kind := strings.TrimSuffix(redfishTypeOf(x), "Collection")
	if kind == "ManagerAccount" {
		wanted = []string{"UserName", "Password", "RoleId"}
	} else {
		wanted = []string{"Destination", "Protocol"}
	}
	for _, name := range wanted {
		switch v := jsonGet(q.body, "/"+name); {
		case v == nil:
			return q.refuse(400, "PropertyMissing", name)
		case jsonKind(v) != "string" || jsonShown(v) == "":
			return q.refuse(400, "PropertyValueTypeError", jsonShown(v), name)
		case len(v) > redfishTextMost:
			return q.refuse(400, "PropertyValueFormatError", jsonShown(v[:32]), name)
		}
	}
	if kind == "ManagerAccount" {
		return q.newAccount(x)
	}
	return q.subscribe(x)
}

// redfishTextMost bounds names, passwords and addresses.
const redfishTextMost = 2048

// redfishSubscriptions are the protocols that events are sent by (EventDestination, Protocol).
var redfishSubscriptions = []string{"Redfish", "Kafka", "SNMPv1", "SNMPv2c", "SNMPv3", "SMTP", "SyslogTLS", "SyslogTCP", "SyslogUDP", "SyslogRELP", "OEM"}

// subscribe makes a subscription. The decoy calls nobody: events are sent to those who watch the stream.
func (q *redfishAsked) subscribe(collection *redfishResource) Answer {
	r := q.r
	if protocol := jsonString(q.body, "/Protocol"); !slices.Contains(redfishSubscriptions, protocol) {
		return q.refuse(400, "PropertyValueNotInList", protocol, "Protocol")
	}
	if to, err := url.Parse(jsonString(q.body, "/Destination")); err != nil || to.Scheme == "" || to.Host == "" {
		return q.refuse(400, "PropertyValueFormatError", jsonString(q.body, "/Destination"), "Destination")
	}
	id := r.freshID(collection)
	body := []byte("{}")
	for _, f := range [][2]string{
		{"@odata.id", collection.path + "/" + id}, {"@odata.type", "#EventDestination.v1_6_0.EventDestination"},
		{"Id", id}, {"Name", "EventSubscription " + id},
	} {
		body = jsonSet(body, pointerTo("", f[0]), jsonQuote(f[1]))
	}
	for _, name := range []string{"Destination", "Context", "Protocol", "SubscriptionType", "EventFormatType", "EventTypes", "RegistryPrefixes",
		"ResourceTypes", "MessageIds", "OriginResources", "DeliveryRetryPolicy"} {
		if v := jsonGet(q.body, "/"+name); v != nil {
			body = jsonSet(body, "/"+name, bytes.Clone(v))
		}
	}
	if jsonGet(body, "/SubscriptionType") == nil {
		body = jsonSet(body, "/SubscriptionType", []byte(`"RedfishEvent"`))
	}
	x := r.create(collection, id, body)
	if x == nil {
		return q.refuse(400, "CreateLimitReachedForResource")
	}
	a := q.say(201, x, x.data, http.Header{Name: "Location", Value: x.path})
	a.Note = "wants events at " + jsonString(body, "/Destination")
	return a
}

// delete takes a resource away.
func (q *redfishAsked) delete(x *redfishResource) Answer {
	r := q.r
	if !r.deletable(x) {
		return q.refuse(405, "OperationNotAllowed")
	}
	s := r.sessionAt(x)
	own := s != nil && s.user == q.who.name
	if !own && !r.mayChange(q.who, x.path) {
		return q.refuse(403, "InsufficientPrivilege")
	}
	if tags := q.req.Headers.Get("If-Match"); tags != "" && strings.TrimSpace(tags) != "*" && x.tag != "" && !listsTag(tags, x.tag) {
		return q.refuse(412, "PreconditionFailed")
	}
	if s != nil {
		r.endSession(s)
		return q.say(204, nil, nil)
	}
	if a := r.accountOf(x); a != nil {
		if a.Name == q.who.name {
			return q.refuse(403, "ResourceCannotBeDeleted")
		}
		r.accounts.remove(a)
	}
	if r.tree[x.path] == x {
		r.remove(x)
	}
	return q.say(204, nil, nil)
}
