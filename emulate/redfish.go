package emulate

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/profiles"
)

// A redfishDevice is what lies under /redfish: resources, log-ins, and what actions still have to do. All
// services of a device that show the same tree share it.
type redfishDevice struct {
	st      *State
	sec     *profiles.Redfish
	tree    map[string]*redfishResource // by path, without a slash at its end
	headed  bool                        // the mockup has headers.json: what it does not show is not sent
	made    int                         // resources made by visitors
	grown   int                         // bytes that they added
	base    string                      // "Base.1.8"
	words   map[string]redfishMessage   // of the original's registry
	rand    *rand.Rand
	pending []redfishPending

	accounts *accountList
	users    map[*account]*redfishResource // that show them
	log      *redfishLog                   // nil: none shows the device's log of events
	host     *host                         // nil: the device has no IPMI service
	sessions []*redfishSession             // the one used longest ago first
	timeout  time.Duration

	actions map[string]*redfishAction // by target
	query   redfishQueries
	events  redfishEvents

	template profiles.HTTPHeaders // of answers that the mockup has no headers for
}

// redfishDepth bounds how deep values lie in each other.
const redfishDepth = 64

// redfishPending is something that happens when its time comes.
type redfishPending struct {
	at time.Time
	do func()
}

const redfishPendingMost = 256

// openRedfish builds the device, or gives the one that another service of this device built.
func openRedfish(s *httpService, dev *profiles.Device) (*redfishDevice, error) {
	sec := s.sec.Redfish
	x, err := s.st.Shared("redfish "+path.Clean(sec.Root), func() (any, error) { return newRedfishDevice(s, dev) })
	if err != nil {
		return nil, err
	}
	return x.(*redfishDevice), nil
}

func newRedfishDevice(s *httpService, dev *profiles.Device) (*redfishDevice, error) {
	sec := s.sec.Redfish
	r := &redfishDevice{
		st: s.st, sec: sec, tree: map[string]*redfishResource{}, accounts: s.st.accounts,
		rand: s.st.Rand(fmt.Sprintf("redfish %s %d", sec.Root, s.st.Booted().UnixNano())),
	}
	if err := r.loadTree(dev); err != nil {
		return nil, err
	}
	r.settle()
	for place, point := range sec.Points {
		at, pointer, _ := strings.Cut(place, "#")
		x := r.tree[at]
		if x == nil || !x.json {
			return nil, fmt.Errorf("redfish: points: there is no resource %s in %s", at, sec.Root)
		}
		if _, _, _, ok := findJSON(x.data, pointer); !ok {
			return nil, fmt.Errorf("redfish: points: %s has no value at %s", at, pointer)
		}
		if _, err := s.st.Point(point); err != nil {
			return nil, fmt.Errorf("redfish: points: %s: %w", place, err)
		}
	}
	r.learnTemplate(s)
	r.learnMessages()
	r.learnQueries()
	r.learnActions()
	r.learnTimeout()
	r.learnEvents()
	r.learnAccounts()
	if err := r.learnLog(dev); err != nil {
		return nil, err
	}
	return r, r.learnHost(dev)
}

// TimesItself says whether the Redfish tree tells how long answers take.
func (s *httpService) TimesItself() bool {
	if s.redfish == nil {
		return false
	}
	for _, x := range s.redfish.tree {
		if x.wait > 0 {
			return true
		}
	}
	return false
}

// comeDue does what the time has come for.
func (r *redfishDevice) comeDue() {
	now := r.st.Now()
	r.st.comeDue()
	for i := 0; i < len(r.pending); {
		if p := r.pending[i]; !p.at.After(now) {
			r.pending = append(r.pending[:i], r.pending[i+1:]...)
			p.do()
			continue
		}
		i++
	}
	r.expire(now)
	r.forgetStreams(now)
}

// later has something done after a time.
func (r *redfishDevice) later(delay time.Duration, do func()) {
	if delay <= 0 || len(r.pending) >= redfishPendingMost {
		do()
		return
	}
	r.pending = append(r.pending, redfishPending{r.st.Now().Add(delay), do})
}

// A redfishAsked is a request to the Redfish service.
type redfishAsked struct {
	*httpAsked
	h    *httpSession
	r    *redfishDevice
	path string
	who  *redfishWho // nil: nobody
}

// redfish answers what lies under /redfish; ok is false for everything else, and where the recording has an
// answer that was not given yet.
func (h *httpSession) redfish(a *httpAsked) (ans Answer, ok bool) {
	r := h.s.redfish
	if r == nil || a.req.Version == "" {
		return Answer{}, false
	}
	if h.watching.on {
		return Answer{From: Refused}, true // the stream has no end, and nothing comes behind it
	}
	at, fine := normalTarget(a.bare)
	if !fine || at != "/redfish" && !strings.HasPrefix(at, "/redfish/") {
		return Answer{}, false
	}
	if h.s.invites(a) {
		return h.goAhead(a), true
	}
	r.comeDue()
	q := &redfishAsked{httpAsked: a, h: h, r: r, path: at}
	if len(at) > 1 {
		q.path = strings.TrimSuffix(at, "/")
	}
	signed := q.identify()
	if q.who == nil && r.sec.Anonymous {
		q.who = &redfishWho{rank: administrator}
	}
	if q.who == nil && !q.open() {
		if signed && q.req.Headers.Get("X-Auth-Token") == "" {
			return q.refuse(401, "ResourceAtUriUnauthorized", q.path, "Invalid credentials"), true
		}
		return q.refuse(401, "NoValidSession"), true
	}
	if q.who != nil {
		a.good = true
	}
	if h.stillRecorded(q) {
		return Answer{}, false
	}
	return q.answer(), true
}

// stillRecorded says whether the recording answers this: what was not given yet, and what goes on by itself
// from there; until somebody changes the resource.
func (h *httpSession) stillRecorded(q *redfishAsked) bool {
	if q.req.Method != "GET" && q.req.Method != "HEAD" {
		return false
	}
	question, _ := h.recorded(q.httpAsked)
	if question == nil {
		return false
	}
	route := h.s.choose(question, q.httpAsked)
	if route == nil || route.status() != 200 {
		return false
	}
	x := q.r.at(q.path)
	if x == nil {
		return true
	}
	return !q.r.touched(x) && !q.r.moves(x) && (route.fresh() || route.moving.any() || strings.IndexByte(q.req.Target, '?') >= 0)
}

// moves says whether a point that a resource shows goes on by itself.
func (r *redfishDevice) moves(x *redfishResource) bool {
	for _, name := range x.points {
		if p, err := r.st.Point(name); err == nil && p.Spec.Dynamics != nil {
			return true
		}
	}
	return false
}

// touched says whether a resource was changed by somebody.
func (r *redfishDevice) touched(x *redfishResource) bool {
	for _, name := range x.points {
		if p, err := r.st.Point(name); err == nil && p.Writes() > 0 {
			return true
		}
	}
	return x.changed
}

func (q *redfishAsked) answer() Answer {
	x := q.r.at(q.path)
	if v, says := q.req.Headers.Find("OData-Version"); says && strings.TrimSpace(v) != "4.0" {
		return q.refuse(412, "HeaderInvalid", "OData-Version: "+v)
	}
	if refusal := q.unfit(); refusal != nil {
		return *refusal
	}
	switch q.req.Method {
	case "GET", "HEAD":
		return q.read(x)
	case "OPTIONS":
		if x == nil && q.r.actions[q.path] == nil {
			return q.refuse(404, "ResourceMissingAtURI", q.path)
		}
		return q.say(204, nil, nil, http.Header{Name: "Allow", Value: q.r.allow(q.path, x)})
	case "PATCH", "PUT", "POST", "DELETE":
	default:
		return q.refuse(405, "OperationNotAllowed")
	}
	if q.req.Method != "POST" && x == nil {
		if q.r.actions[q.path] != nil {
			return q.refuse(405, "OperationNotAllowed")
		}
		return q.refuse(404, "ResourceMissingAtURI", q.path)
	}
	switch q.req.Method {
	case "POST":
		return q.post(x)
	case "DELETE":
		return q.delete(x)
	case "PUT":
		return q.refuse(405, "OperationNotAllowed")
	}
	return q.patch(x)
}

// redfishBodyMost bounds what a visitor can have a service keep with one request.
const redfishBodyMost = 256 << 10

// unfit refuses what the service would not look at, whatever it is meant for (DSP0266, "Query parameters" and
// "Status codes").
func (q *redfishAsked) unfit() *Answer {
	switch q.req.Method {
	case "GET", "HEAD", "OPTIONS":
		return nil
	}
	var a Answer
	_, query, _ := strings.Cut(q.req.Target, "?")
	kind, _, _ := strings.Cut(q.req.Headers.Get("Content-Type"), ";")
	switch {
	case strings.HasPrefix(query, "$") || strings.Contains(query, "&$"):
		a = q.refuse(400, "QueryNotSupportedOnOperation")
	case len(q.body) > redfishBodyMost:
		a = q.refuse(413, "UnrecognizedRequestBody")
	case len(q.body) > 0 && kind != "" && !strings.Contains(strings.ToLower(kind), "json"):
		a = q.refuse(415, "UnrecognizedRequestBody")
	default:
		return nil
	}
	return &a
}

// open says whether a path needs no credentials (DSP0266, section "Resource and operation authentication
// requirements").
func (q *redfishAsked) open() bool {
	switch q.path {
	case "/redfish", "/redfish/v1", "/redfish/v1/$metadata", "/redfish/v1/odata":
		return q.req.Method == "GET" || q.req.Method == "HEAD" || q.req.Method == "OPTIONS"
	}
	if q.req.Method == "POST" {
		return q.r.takesLogin(q.path)
	}
	if q.req.Method != "GET" && q.req.Method != "HEAD" {
		return false
	}
	for _, p := range q.r.sec.Open {
		if p == q.path || strings.HasSuffix(p, "/") && strings.HasPrefix(q.path+"/", p) {
			return true
		}
	}
	return false
}

// read answers GET and HEAD.
func (q *redfishAsked) read(x *redfishResource) Answer {
	r := q.r
	if x == nil {
		switch {
		case q.path == "/redfish":
			return q.say(200, nil, []byte(`{"v1": "/redfish/v1/"}`))
		case r.actions[q.path] != nil:
			return q.refuse(405, "OperationNotAllowed")
		case r.events.stream == q.path && q.path != "":
			return q.watch()
		}
		return q.refuse(404, "ResourceMissingAtURI", q.path)
	}
	switch task, monitor := r.monitored(x); {
	case task != nil:
		return q.say(202, x, r.body(task), http.Header{Name: "Location", Value: x.path})
	case monitor: // what the action would have said, had it been done at once
		return q.say(204, nil, nil)
	}
	body := r.body(x)
	_, query, asked := strings.Cut(q.req.Target, "?")
	if asked && x.json {
		out, refusal := q.queried(x, body, query)
		if refusal != nil {
			return *refusal
		}
		body = out
	}
	if x.tag != "" && q.tag != "" && (strings.TrimSpace(q.tag) == "*" || listsTag(q.tag, x.tag)) {
		return q.say(304, x, nil)
	}
	a := q.say(200, x, body)
	if _, paced := q.h.s.sec.Latency["get"]; !paced {
		a.Wait = x.wait
	}
	if len(x.points) > 0 {
		a.From = Point
	} else if !x.changed && !asked {
		a.From = Recorded
	}
	return a
}

// allow lists the methods that a resource takes.
func (r *redfishDevice) allow(p string, x *redfishResource) string {
	if x == nil {
		return "POST"
	}
	for _, f := range x.headers {
		if strings.EqualFold(f.Name, "Allow") {
			return f.Value
		}
	}
	methods := []string{"GET", "HEAD"}
	if len(r.writable(x)) > 0 {
		methods = append(methods, "PATCH")
	}
	if r.takesMembers(x) {
		methods = append(methods, "POST")
	}
	if r.deletable(x) {
		methods = append(methods, "DELETE")
	}
	return strings.Join(methods, ", ")
}
