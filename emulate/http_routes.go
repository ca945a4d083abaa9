package emulate

import (
	"encoding/hex"
	"slices"
	"strings"

	"ringer/capture/http"
	"ringer/profiles"
)

// A httpQuestion is a method, a target and a body, and the answers that were given to it, by whom and by
// which headers they were asked.
type httpQuestion struct {
	ask    string
	routes []*httpRoute
}

// A httpRoute is one sequence of answers.
type httpRoute struct {
	auth, span, tag, since string
	connection             string // how the requests let the connection go on: http.Request.Persistence
	coding                 string // how the answer is packed: Content-Encoding
	cell                   *Cell  // nil: it never changed
	moving                 httpMoving
	last                   []*httpReply
	stranger               []*httpReply // the same for those without a session; none: there is no difference
}

// whole says that the answers are whole documents: no header asked for a part, or for none.
func (r *httpRoute) whole() bool { return r.span == "" && r.tag == "" && r.since == "" }

// fresh says that there are recorded answers that were not given yet.
func (r *httpRoute) fresh() bool { return r.cell != nil && !r.cell.Live() }

func (r *httpRoute) final() *httpReply {
	if len(r.last) == 0 {
		return nil
	}
	return r.last[len(r.last)-1]
}

// status is that of the answer given last; 0: none.
func (r *httpRoute) status() int {
	if f := r.final(); f != nil {
		return f.head.Status
	}
	return 0
}

// A httpAsked is a request being answered.
type httpAsked struct {
	req      *http.Request
	body     []byte
	target   string // with the version behind it, if that is none of HTTP/1
	bare     string // the target without its query
	host     string
	expected bool // its body is still to come
	names    []string
	signed   bool   // it says who asks
	good     bool   // and that is somebody who was let in
	key      string // of a header of its own
	accept   string // encodings
	auth     string
	span     string
	tag      string
	since    string
	cookie   string

	connection string // how the connection may go on: http.Request.Persistence
	size       int    // of the headers
}

// asked sums up a request. Its body may have come as a message of its own.
func (h *httpSession) asked(req *http.Request, body []byte, expected bool) *httpAsked {
	a := &h.now
	*a = httpAsked{req: req, body: body, expected: expected, target: req.Target, bare: req.Target, connection: req.Persistence()}
	if req.Version != "" && !strings.HasPrefix(req.Version, "HTTP/1.") {
		a.target += " " + req.Version
	}
	if i := strings.IndexByte(req.Target, '?'); i >= 0 {
		a.bare = req.Target[:i]
	}
	for i := range req.Headers {
		f := &req.Headers[i]
		a.size += len(f.Name) + len(f.Value)
		if len(f.Name) == 0 {
			continue
		}
		switch f.Name[0] | 0x20 {
		case 'c':
			if strings.EqualFold(f.Name, "Cookie") {
				a.cookie = f.Value
			}
		case 'a':
			if strings.EqualFold(f.Name, "Authorization") {
				a.auth, a.signed = f.Value, true
			} else if strings.EqualFold(f.Name, "Accept-Encoding") {
				a.accept = f.Value
			}
		case 'x':
			if name := http.KeyHeader(f.Name); name != "" {
				a.key, a.signed = f.Value, true
				a.names = append(a.names, h.s.visitors.names(profiles.HTTPKey(name, f.Value))...)
			}
		case 'h':
			if strings.EqualFold(f.Name, "Host") {
				a.host = f.Value
			}
		case 'r':
			if strings.EqualFold(f.Name, "Range") {
				a.span = f.Value
			}
		case 'i':
			if strings.EqualFold(f.Name, "If-None-Match") {
				a.tag = f.Value
			} else if strings.EqualFold(f.Name, "If-Modified-Since") {
				a.since = f.Value
			}
		}
	}
	if a.auth != "" {
		a.names = append(a.names, h.s.visitors.names(a.auth)...)
	}
	if a.cookie != "" && h.s.visitors.cookies {
		for pair := range strings.SplitSeq(a.cookie, ";") {
			names := h.s.visitors.names(profiles.HTTPKey("Cookie", strings.TrimSpace(pair)))
			a.names, a.signed = append(a.names, names...), a.signed || len(names) > 0
		}
	}
	a.good = slices.ContainsFunc(a.names, h.s.visitors.good)
	return a
}

// question finds what was recorded of a question: word for word, with the body as it is. Secrets in the
// query may be known by their digests only.
func (h *httpSession) question(method, target string, a *httpAsked) *httpQuestion {
	if q := h.find(method, target, a); q != nil || strings.IndexByte(target, '?') < 0 {
		return q
	}
	for i := range h.s.salts {
		if hidden, any := profiles.HideQuery(target, h.s.salts[i].salt); any {
			if q := h.find(method, hidden, a); q != nil {
				return q
			}
		}
	}
	return nil
}

func (h *httpSession) find(method, target string, a *httpAsked) *httpQuestion {
	s := h.s
	h.key = append(append(append(h.key[:0], method...), ' '), target...)
	switch {
	case a.expected:
		h.key = append(append(h.key, 0), profiles.HTTPExpected...)
	case len(a.body) > 0:
		n := len(h.key)
		for i := range s.salts {
			x := &s.salts[i]
			x.hash.Reset()
			x.hash.Write(x.salt)
			x.hash.Write(a.body)
			h.key = hex.AppendEncode(append(h.key[:n], 0), x.hash.Sum(h.sum[:0])[:8])
			if q := s.questions[string(h.key)]; q != nil {
				return q
			}
		}
		return nil
	}
	return s.questions[string(h.key)]
}

// signs says whether a route was recorded with the credentials of this request.
func (a *httpAsked) signs(r *httpRoute) bool {
	if r.auth == "" {
		return !a.signed
	}
	for _, n := range a.names {
		if n == r.auth {
			return true
		}
	}
	return false
}

// choose finds the route that fits a request best: the same credentials before all, then the same
// validators and range, then the same wish for the connection, then what has not been played yet.
func (s *httpService) choose(q *httpQuestion, a *httpAsked) *httpRoute {
	var same, plain *httpRoute
	for _, r := range q.routes {
		switch {
		case !a.signs(r):
		case r.whole():
			if a.prefers(r, plain) {
				plain = r
			}
		case r.span == a.span && r.tag == a.tag && r.since == a.since:
			if a.prefers(r, same) {
				same = r
			}
		}
	}
	if same != nil && plain != nil && plain.fresh() && a.nearness(plain) > a.nearness(same) {
		return plain // to a request like this one, the device sent all of it
	}
	switch {
	case same != nil && (same.span != "" || same.fresh() || plain == nil):
		return same
	case plain == nil:
		plain = s.chooseStranger(q, a)
	}
	if same != nil && plain != nil && !plain.fresh() && s.unchanged(plain.final(), a) {
		return same
	}
	if plain == nil && (a.tag != "" || a.since != "") {
		for _, r := range q.routes {
			if a.signs(r) && r.status() == 304 {
				return r
			}
		}
	}
	return plain
}

// prefers says whether a route fits better than the one before it.
func (a *httpAsked) prefers(r, before *httpRoute) bool {
	if before == nil {
		return true
	}
	if x, y := a.takes(r), a.takes(before); x != y {
		return x > y
	}
	x, y := a.nearness(r), a.nearness(before)
	return x > y || x == y && !before.fresh()
}

// takes is how welcome the packing of an answer is to the client: one that it takes, then none.
func (a *httpAsked) takes(r *httpRoute) int {
	switch {
	case r.coding == "":
		return 1
	case acceptsCoding(a.accept, r.coding):
		return 2
	}
	return 0
}

// acceptsCoding: RFC 9110, section 12.5.3.
func acceptsCoding(accept, coding string) bool {
	for item := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(item, ";")
		name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "x-")
		if name == strings.TrimPrefix(coding, "x-") || name == "*" {
			weight = strings.ReplaceAll(weight, " ", "")
			return !strings.HasPrefix(weight, "q=0") || strings.Trim(weight, "q=0.") != ""
		}
	}
	return false
}

// nearness is how well the wish for the connection in the requests of a route agrees with this one's.
func (a *httpAsked) nearness(r *httpRoute) int {
	switch {
	case r.connection == a.connection:
		return 2
	case endsAfter(r.connection) == endsAfter(a.connection):
		return 1
	}
	return 0
}

// chooseStranger answers credentials, or their absence, that were not recorded with this question.
func (s *httpService) chooseStranger(q *httpQuestion, a *httpAsked) *httpRoute {
	var public, shut, refused, good *httpRoute
	take := func(kept **httpRoute, r *httpRoute) {
		if *kept == nil || a.takes(r) > a.takes(*kept) || a.takes(r) == a.takes(*kept) && a.nearness(r) >= a.nearness(*kept) {
			*kept = r
		}
	}
	for _, r := range q.routes {
		status := r.status()
		switch {
		case !r.whole() || status == 0:
		case r.auth == "" && status == 401:
			take(&shut, r)
		case r.auth == "":
			take(&public, r)
		case status == 401 || !s.visitors.good(r.auth):
			take(&refused, r)
		default:
			take(&good, r)
		}
	}
	if public != nil {
		return public
	}
	if a.good || a.auth != "" && s.visitors.admits(a.auth, a.req.Method) {
		return good
	}
	if a.signed && refused != nil {
		return refused
	}
	if shut != nil {
		return shut
	}
	if s.protected(a.bare) {
		return nil
	}
	return good
}

// play takes the next answer of a route; ok is false where it knows none.
func (h *httpSession) play(r *httpRoute) (live, ok bool) {
	h.replies, h.moments = h.replies[:0], h.moments[:0]
	if r.cell == nil {
		return false, h.stay(r) || len(r.last) == 0
	}
	if r.moving.overtaken() {
		r.cell.End(h.s.st)
	}
	live = r.cell.Live()
	b, _ := r.cell.Read(h.s.st)
	if live && (len(b) == 0 || len(r.stranger) > 0) {
		return true, h.stay(r)
	}
	for len(b) > 0 {
		rest, err := h.sample.Unpack(b)
		p := h.s.replies[h.sample.Reply]
		if err != nil || p == nil {
			return live, false
		}
		at := httpMoment{date: h.s.now()}
		if len(h.sample.Tokens) > 0 && len(p.tokens) == 0 || !live {
			p.remember(h.sample.Tokens)
		}
		if !live {
			at.date = h.sample.Date
			at.tokens = p.tokens
			for _, t := range p.tokens {
				h.s.visitors.minted(string(t))
			}
		}
		h.replies, h.moments = append(h.replies, p), append(h.moments, at)
		b = rest
	}
	return live, true
}

// stay answers with what a route answered last.
func (h *httpSession) stay(r *httpRoute) bool {
	last := r.last
	if len(r.stranger) > 0 && !h.s.visitors.inSession(h.now.cookie) && !h.s.visitors.inSession(h.now.key) {
		last = r.stranger
	}
	for _, p := range last {
		h.replies, h.moments = append(h.replies, p), append(h.moments, httpMoment{date: h.s.now()})
	}
	return len(last) > 0
}
