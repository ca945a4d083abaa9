package emulate

import (
	"bytes"
	"strings"

	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/profiles"
)

// httpSession is one connection.
type httpSession struct {
	Quiet
	s        *httpService
	peer     Peer
	waiting  *http.Request // whose Content is still to come
	watching redfishWatching

	now     httpAsked
	key     []byte
	sum     [32]byte
	sample  profiles.HTTPSample
	replies []*httpReply
	moments []httpMoment
	out     []http.Response
	raw     http.Raw
	msgs    []wire.Message
	body    []byte
}

func (h *httpSession) Answer(req wire.Message) Answer {
	switch m := req.(type) {
	case *http.Request:
		if m.Expects() {
			a := h.respond(h.asked(m, nil, true))
			if !a.Close {
				h.waiting = detached(m)
			}
			return a
		}
		return h.respond(h.asked(m, plainBody(m), false))
	case *http.Content:
		head := h.waiting
		if head == nil {
			head = &http.Request{Method: m.Method, Target: m.Target, Version: "HTTP/1.1"}
		}
		h.waiting = nil
		return h.respond(h.asked(head, (&http.Request{Headers: head.Headers, Body: m.Body}).Plain(), false))
	}
	replies, found := h.s.script.Ask(req)
	if !found {
		return Answer{From: Refused, Close: true}
	}
	return Answer{Messages: replies, From: Recorded}
}

func plainBody(m *http.Request) []byte {
	if len(m.Body) == 0 {
		return nil
	}
	return m.Plain()
}

// detached copies what is needed of a request once its body has come.
func detached(m *http.Request) *http.Request {
	q := &http.Request{Method: strings.Clone(m.Method), Target: strings.Clone(m.Target), Version: strings.Clone(m.Version)}
	for _, f := range m.Headers {
		q.Headers = append(q.Headers, http.Header{Name: strings.Clone(f.Name), Value: strings.Clone(f.Value)})
	}
	return q
}

// respond answers one request: as recorded, from the pages and forms, or as this device refuses.
func (h *httpSession) respond(a *httpAsked) Answer {
	h.out, h.msgs = h.out[:0], h.msgs[:0]
	s := h.s
	if status := s.unfit(a); status > 0 {
		return h.refuse(a, status, true)
	}
	if ans, ok := h.redfish(a); ok {
		return ans
	}
	if q, headless := h.recorded(a); q != nil {
		if r := s.choose(q, a); r != nil {
			if ans, ok := h.give(r, a, headless); ok {
				return ans
			}
		} else if s.shuts(a) && !s.invites(a) {
			return h.refuse(a, 401, false)
		}
	} else if !a.req.WellFramed() || s.errors.strict && strings.IndexFunc(a.req.Target, isSpace) >= 0 {
		return h.refuse(a, 400, true) // RFC 9112, sections 6.3 and 3.2
	}
	if s.site != nil || len(s.sec.Forms) > 0 {
		if ans, ok := h.visit(a); ok {
			return ans
		}
	}
	if s.invites(a) {
		return h.goAhead(a)
	}
	return h.unknown(a)
}

// What most servers take at most: they read a request line into 8 KB, a head into four times that.
const (
	longTarget = 8000
	longHead   = 32 << 10
)

func isSpace(r rune) bool { return r <= ' ' || r == 0x7f }

// unfit is the status for a request that no recorded answer is looked up for; 0: it is fit.
func (s *httpService) unfit(a *httpAsked) int {
	v := a.req.Version
	switch {
	case v == "":
	case !strings.HasPrefix(v, "HTTP/1."):
		if _, known := s.questions[a.req.Method+" "+a.target]; !known {
			return 505
		}
	case a.host == "" && v != "HTTP/1.0" && !s.sec.Hostless:
		if _, named := a.req.Headers.Find("Host"); !named {
			return 400
		}
	case len(a.req.Target) > longTarget:
		if _, known := s.questions[a.req.Method+" "+a.target]; !known {
			return 414
		}
	case a.size > longHead:
		return s.errors.longHead()
	case s.errors.strict && !a.req.WellFormed():
		return 400
	case len(a.req.Body) == 0 && !a.req.WellFramed():
		if _, coded := a.req.Headers.Find("Transfer-Encoding"); coded && a.req.Headers.Get("Content-Length") == "" {
			return 501
		}
		return 400
	}
	return 0
}

// recorded finds the question; headless: it is that of a GET, and HEAD was asked.
func (h *httpSession) recorded(a *httpAsked) (q *httpQuestion, headless bool) {
	if len(h.s.questions) == 0 {
		return nil, false
	}
	method, target := a.req.Method, a.target
	if q := h.question(method, target, a); q != nil {
		return q, false
	}
	if method == "HEAD" {
		if q := h.question("GET", target, a); q != nil {
			return q, true
		}
	}
	if plain, ok := normalTarget(target); ok && plain != target {
		if q := h.question(method, plain, a); q != nil {
			return q, false
		}
		if method == "HEAD" {
			return h.question("GET", plain, a), true
		}
	}
	return nil, false
}

// give plays a route's next answer.
func (h *httpSession) give(r *httpRoute, a *httpAsked, headless bool) (Answer, bool) {
	live, ok := h.play(r)
	if !ok {
		return Answer{}, false
	}
	if len(h.replies) == 0 {
		return Answer{From: Recorded}, true
	}
	from := Recorded
	if live {
		from = Modelled
	}
	closes := false
	for i, p := range h.replies {
		if p.bare {
			h.s.present(p)
			h.raw.Data = p.head.Body
			h.msgs = append(h.msgs, &h.raw)
			closes = true
			continue
		}
		at := h.moments[i]
		at.host = h.host(a)
		m := h.message()
		p.fill(h.s, m, &at)
		if m.Status < 200 && m.Status != 101 {
			continue
		}
		if live || r.cell == nil || h.s.habits.shorten(a) {
			switch {
			case !live && r.cell != nil:
			case h.filled(p, a, m):
				from = Point
			case live && r.moving.any() && r.whole():
				h.goOn(r, p, a, m)
				if r.moving.points {
					from = Point
				}
			}
			if p.head.Status == 200 && r.whole() && !h.partial(p, a, m) {
				return h.unsatisfiable(a, len(p.data)), true
			}
		}
		if live || r.cell == nil || r.connection != a.connection {
			h.adapt(m, p, a)
		}
		h.s.endAs(m, a, r.connection)
		if headless {
			h.s.habits.behead(m)
		}
		closes = h.s.closes(a, m, headless)
	}
	if a.req.Version == "" && len(h.out) > 0 {
		return h.bare(from), true
	}
	return h.said(from, closes), true
}

// bare answers a request of HTTP/0.9, which knows no heads.
func (h *httpSession) bare(from Origin) Answer {
	h.raw.Data = h.out[len(h.out)-1].Body
	h.out = h.out[:0]
	h.msgs = append(h.msgs[:0], &h.raw)
	return Answer{Messages: h.msgs, From: from, Close: true}
}

// message is a fresh response to fill.
func (h *httpSession) message() *http.Response {
	if len(h.out) < cap(h.out) {
		h.out = h.out[:len(h.out)+1]
	} else {
		h.out = append(h.out, http.Response{})
	}
	return &h.out[len(h.out)-1]
}

// said hands over what was filled. Bare documents were put in already.
func (h *httpSession) said(from Origin, closes bool) Answer {
	for i := range h.out {
		h.msgs = append(h.msgs, &h.out[i])
	}
	return Answer{Messages: h.msgs, From: from, Close: closes}
}

// host is what the client calls this server.
func (h *httpSession) host(a *httpAsked) string {
	if a.host != "" && strings.IndexFunc(a.host, func(r rune) bool { return r <= ' ' || r == 0x7f }) < 0 {
		return a.host
	}
	if port := h.peer.Local.Port(); port == 80 && h.s.sec.TLS == nil || port == 443 && h.s.sec.TLS != nil {
		return h.peer.Local.Addr().String()
	}
	return h.peer.Local.String()
}

// invites says whether a body that was announced is asked for, whatever is answered then: so the connection can go
// on (RFC 9110, section 10.1.1). A device that was only seen to refuse without it does so, and hangs up.
func (s *httpService) invites(a *httpAsked) bool {
	if !a.expected {
		return false
	}
	if _, form := s.sec.Forms[a.bare]; form || !s.habits.curt || s.proceed != nil {
		return true
	}
	p := s.paths[a.bare]
	return p != nil && p.last[a.req.Method] != nil
}

// goAhead lets the body of a request come.
func (h *httpSession) goAhead(a *httpAsked) Answer {
	m := h.message()
	if h.s.proceed != nil {
		h.s.proceed.fill(h.s, m, &httpMoment{date: h.s.now(), host: h.host(a)})
	} else {
		*m = http.Response{Version: h.s.version(), Status: 100, Reason: "Continue", Headers: m.Headers[:0]}
	}
	return h.said(Modelled, false)
}

// unknown answers what nothing is known of: by what is known of the path, else as the device refuses.
func (h *httpSession) unknown(a *httpAsked) Answer {
	s := h.s
	method := a.req.Method
	if _, ok := normalTarget(a.bare); !ok && a.bare != "*" && method != "CONNECT" {
		return h.refuse(a, 400, true)
	}
	if p := s.paths[a.bare]; p != nil && !p.missing() {
		q, headless := p.last[method], false
		if q == nil && method == "HEAD" {
			q, headless = p.last["GET"], true
		}
		if q != nil {
			if r := s.choose(q, a); r != nil {
				if ans, ok := h.giveLast(r, a, headless); ok {
					return ans
				}
			} else if s.shuts(a) {
				return h.refuse(a, 401, false)
			}
			return h.refuse(a, 404, false)
		}
		if page := s.errors.refusal(method); page != nil {
			return h.refuseAs(page, a, page.reply.head.Status, false)
		}
		return h.refuse(a, methodStatus(method), false)
	}
	if page := s.errors.refusal(method); page != nil {
		return h.refuseAs(page, a, page.reply.head.Status, false)
	}
	switch method {
	case "GET", "HEAD", "POST":
		if s.shuts(a) {
			return h.refuse(a, 401, false)
		}
		return h.refuse(a, 404, false)
	}
	return h.refuse(a, methodStatus(method), false)
}

// giveLast answers with what a route answered last, and takes no sample of it: the question was another.
func (h *httpSession) giveLast(r *httpRoute, a *httpAsked, headless bool) (Answer, bool) {
	if len(r.last) == 0 || !r.whole() {
		return Answer{}, false
	}
	ans, ok := h.give(&httpRoute{auth: r.auth, connection: r.connection, coding: r.coding, last: r.last}, a, headless)
	ans.From = max(ans.From, Modelled)
	return ans, ok
}

// shuts says whether the path of a request needs credentials, and it has none that are good.
func (s *httpService) shuts(a *httpAsked) bool {
	return s.protected(a.bare) && !a.good && !s.visitors.admits(a.auth, a.req.Method)
}

// methodStatus: RFC 9110, sections 15.5.6 and 15.6.2.
func methodStatus(method string) int {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH":
		return 405
	}
	return 501
}

// Malformed answers what is no request, and hangs up.
func (h *httpSession) Malformed(b []byte) (Answer, int) {
	h.out, h.msgs = h.out[:0], h.msgs[:0]
	h.now = httpAsked{req: &http.Request{Version: "HTTP/1.1", Method: "GET"}}
	status := 400
	switch first := bytes.IndexByte(b, '\n'); {
	case len(b) >= http.MaxHead && (first < 0 || first > http.MaxHead/2):
		return h.refuse(&h.now, 414, true), len(b)
	case http.TooLong(b):
		return h.refuse(&h.now, 413, true), len(b)
	case len(b) >= http.MaxHead:
		status = 431
	}
	if p := h.s.malformed; p != nil && !p.bare {
		m := h.message()
		p.fill(h.s, m, &httpMoment{date: h.s.now(), host: h.host(&h.now)})
		return h.said(Refused, true), len(b)
	}
	return h.refuse(&h.now, status, true), len(b)
}
