package emulate

import (
	"crypto/subtle"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/profiles"
)

// A redfishWho is who asks.
type redfishWho struct {
	name    string
	rank    redfishRank
	session *redfishSession // nil: Basic credentials
}

// A redfishRank is what a role may do (DSP0266, "Standard roles").
type redfishRank uint8

const (
	readOnly redfishRank = iota
	operator
	administrator
)

// A redfishSession is a log-in (DSP0266, "Redfish session login authentication").
type redfishSession struct {
	token    string
	user     string
	resource *redfishResource
	used     time.Time
	recorded bool // let in as somebody was in the recording
}

// rank is what the session may do: somebody whom only the recording knows may do all.
func (s *redfishSession) rank(r *redfishDevice) redfishRank {
	if s.recorded && r.accounts.find(s.user) == nil {
		return administrator
	}
	return r.rankOf(s.user)
}

const (
	redfishSessionsMost    = 64
	redfishSessionTimeout  = 30 * time.Minute
	redfishToken           = "0123456789abcdef0123456789abcdef"
	redfishSessionsDefault = "/redfish/v1/SessionService/Sessions"
)

// learnTimeout takes the time that sessions last from the profile, or from the SessionService.
func (r *redfishDevice) learnTimeout() {
	r.timeout = r.sec.Sessions.Timeout
	if x := r.tree["/redfish/v1/SessionService"]; x != nil && r.timeout == 0 {
		if n, err := strconv.ParseUint(string(jsonGet(x.data, "/SessionTimeout")), 10, 24); err == nil {
			r.timeout = time.Duration(n) * time.Second
		}
	}
	if r.timeout == 0 {
		r.timeout = redfishSessionTimeout
	}
}

// sessionsAt is the path of the collection of sessions.
func (r *redfishDevice) sessionsAt() string {
	if root := r.tree["/redfish/v1"]; root != nil {
		if p := jsonString(root.data, "/Links/Sessions/@odata.id"); p != "" {
			return strings.TrimSuffix(p, "/")
		}
	}
	return redfishSessionsDefault
}

// takesLogin says whether a POST to a path is a log-in.
func (r *redfishDevice) takesLogin(p string) bool {
	at := r.sessionsAt()
	return p == at || p == at+"/Members"
}

// identify finds out who asks; signed says that there were credentials, good or not.
func (q *redfishAsked) identify() (signed bool) {
	r := q.r
	if token := q.req.Headers.Get("X-Auth-Token"); token != "" {
		if s := r.session(token); s != nil {
			s.used = r.st.Now()
			q.who = &redfishWho{s.user, s.rank(r), s}
			return true
		}
		if q.good {
			q.who = &redfishWho{rank: administrator}
		}
		return true
	}
	if q.auth == "" {
		return false
	}
	scheme, _, _ := strings.Cut(q.auth, " ")
	if !strings.EqualFold(scheme, "Basic") || r.sec.Realm == "none" {
		return true
	}
	name, proof := q.h.s.visitors.user(q.auth)
	switch {
	case r.admits(name, proof):
		q.who = &redfishWho{name, r.rankOf(name), nil}
	case q.good && r.accounts.find(name) == nil:
		q.who = &redfishWho{name, administrator, nil}
	default:
		r.refused()
	}
	return true
}

// session finds a session by its token.
func (r *redfishDevice) session(token string) *redfishSession {
	for _, s := range r.sessions {
		if subtle.ConstantTimeCompare([]byte(s.token), []byte(token)) == 1 {
			return s
		}
	}
	return nil
}

// admits says whether a password is the right one.
func (r *redfishDevice) admits(name, password string) bool {
	a := r.accounts.find(name)
	return a != nil && a.admits(password)
}

func (r *redfishDevice) rankOf(name string) redfishRank {
	a := r.accounts.find(name)
	if a == nil {
		return readOnly
	}
	switch strings.ToLower(a.Role) {
	case "readonly", "read-only", "user", "callback", "noaccess", accountNone:
		return readOnly
	case "operator":
		return operator
	}
	return administrator
}

// refused has the log of events say that somebody was not let in, if the device's does.
func (r *redfishDevice) refused() {
	if r.host != nil {
		r.host.log.refused()
	}
}

// login opens a session.
func (q *redfishAsked) login() Answer {
	r := q.r
	var given struct {
		UserName *string
		Password *string
	}
	if !json.Valid(q.body) {
		return q.refuse(400, "MalformedJSON")
	}
	if json.Unmarshal(q.body, &given) != nil {
		return q.refuse(400, "UnrecognizedRequestBody")
	}
	switch {
	case given.UserName == nil:
		return q.refuse(400, "PropertyMissing", "UserName")
	case given.Password == nil:
		return q.refuse(400, "PropertyMissing", "Password")
	}
	known := r.admits(*given.UserName, *given.Password)
	recorded := !known && r.accounts.find(*given.UserName) == nil && q.wasLetIn()
	if !known && !recorded {
		r.refused()
		return q.refuse(401, "ResourceAtUriUnauthorized", q.path, "Invalid username or password")
	}
	most := r.sec.Sessions.Most
	if most == 0 {
		most = redfishSessionsMost
	}
	if len(r.sessions) >= most {
		return q.refuse(503, "SessionLimitExceeded")
	}
	at := r.sessionsAt()
	collection := r.tree[at]
	if collection == nil {
		collection = &redfishResource{path: at, data: []byte(`{"Members": []}`)} // one that the mockup does not show
	}
	user := strings.Clone(*given.UserName)
	x := r.create(collection, r.sessionID(collection), nil)
	if x == nil {
		return q.refuse(503, "SessionLimitExceeded")
	}
	if x.data = r.sessionBody(collection, x.path, user); x.tag != "" {
		x.tag = newRedfishTag(x.data)
	}
	r.grown += len(x.data)
	s := &redfishSession{token: r.newToken(), user: user, resource: x, used: r.st.Now(), recorded: recorded}
	r.sessions = append(r.sessions, s)
	a := q.say(201, x, x.data, http.Header{Name: "Location", Value: x.path}, http.Header{Name: "X-Auth-Token", Value: s.token})
	a.Note = "logged in as " + user
	if acc := r.accounts.find(user); acc != nil && acc.Policy == "bait" {
		a.Note += " with the bait"
	}
	return a
}

// wasLetIn says whether these very credentials opened a session in the recording.
func (q *redfishAsked) wasLetIn() bool {
	question, _ := q.h.recorded(q.httpAsked)
	return question != nil && slices.ContainsFunc(question.routes, func(r *httpRoute) bool { return r.status() == 201 })
}

func (r *redfishDevice) newToken() string {
	like := r.sec.Sessions.Token
	if like == "" {
		like = redfishToken
	}
	for {
		token := string(profiles.LikeToken([]byte(like), r.rand))
		if r.session(token) == nil {
			return token
		}
		like += "0"
	}
}

// sessionID is like those that the original gives; without an example, ten letters and digits.
func (r *redfishDevice) sessionID(collection *redfishResource) string {
	for range jsonItems(jsonGet(collection.data, "/Members")) {
		return r.freshID(collection)
	}
	for {
		id := string(profiles.LikeToken([]byte("aZ0aZaZ0aZ"), r.rand))
		if r.tree[collection.path+"/"+id] == nil {
			return id
		}
	}
}

// sessionBody makes the resource of a session, after another that the mockup has.
func (r *redfishDevice) sessionBody(collection *redfishResource, at, user string) []byte {
	id := path.Base(at)
	for _, item := range jsonItems(jsonGet(collection.data, "/Members")) {
		like := r.at(jsonString(item, "/@odata.id"))
		if like == nil || like.path == at || !like.json || jsonGet(like.data, "/UserName") == nil {
			continue
		}
		b := slices.Clone(like.data)
		for pointer, value := range map[string]string{"/@odata.id": at, "/Id": id, "/UserName": user} {
			b = jsonSet(b, pointer, jsonQuote(value))
		}
		if jsonGet(b, "/CreatedTime") != nil {
			b = jsonSet(b, "/CreatedTime", jsonQuote(r.st.Now().UTC().Format(time.RFC3339)))
		}
		return b
	}
	b, err := json.Marshal(struct {
		Type string `json:"@odata.type"`
		At   string `json:"@odata.id"`
		ID   string `json:"Id"`
		Name string
		User string `json:"UserName"`
	}{"#Session.v1_3_0.Session", at, id, "User Session", user})
	if err != nil {
		return []byte("{}")
	}
	return b
}

// expire ends sessions that were not used for too long.
func (r *redfishDevice) expire(now time.Time) {
	for i := 0; i < len(r.sessions); {
		if s := r.sessions[i]; now.Sub(s.used) >= r.timeout {
			r.endSession(s)
			continue
		}
		i++
	}
}

// endSession forgets a session and its resource.
func (r *redfishDevice) endSession(s *redfishSession) {
	r.sessions = slices.DeleteFunc(r.sessions, func(x *redfishSession) bool { return x == s })
	r.remove(s.resource)
}

// sessionAt is the session that a resource stands for.
func (r *redfishDevice) sessionAt(x *redfishResource) *redfishSession {
	for _, s := range r.sessions {
		if s.resource == x {
			return s
		}
	}
	return nil
}
