package clone

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/profiles"
)

// httpLearner learns a web server. A question is method, target and body, told apart further by who asks
// (credentials) and, where the answer was no whole document, by the headers that made it so: validators,
// ranges; and by how the
// connection may go on, as the answer speaks of it. Each question is a cell whose values say which reply it was, and what time it told. User-Agent,
// Accept and their like are not looked at: the order of asking decides.
type httpLearner struct {
	s       *Service
	salt    []byte
	routes  map[string]*httpRoute
	order   []*httpRoute
	replies map[string]profiles.HTTPReply
	filed   map[uint64]httpFiled // what was made of replies, by all that they say
	seed    maphash.Seed
	bodies  *bodyStore
	who     *httpVisitors
	waiting map[uint64]*http.Request // by connection: whose Content is still to come
	varying map[string]*httpVarying
	err     error

	malformed     string
	skew          time.Duration
	hostless      bool
	lenient       bool
	unconditional bool
	keepAlive     bool
	sessions      map[[sha256.Size]byte]bool // digests of the cookies that the device made up
	secrets       bool                       // session tokens were taken out
	pageSecrets   bool                       // and such in pages
	queries       bool                       // so were secrets in queries
	sample        []byte
	head          []byte
	scheme        string // http or https
	redfish       redfishLearner
}

type httpRoute struct {
	profiles.HTTPRoute
	track  profiles.Track
	known  []string // the last answer to those who had a session
	status int      // of the last answer
	pages  httpReadings
	owed   int // askings whose answer the recording lost before any was seen
}

// httpWaitingMax bounds how many connections are remembered with a body to come.
const httpWaitingMax = 4096

// httpRepliesMax and httpRoutesMax bound what is told apart: a site that makes up a new header for every
// answer, or is asked for endless new names, is known by what was seen of it first.
const (
	httpRepliesMax = 1 << 15
	httpRoutesMax  = 1 << 17
)

// httpSessionsMax bounds how many session cookies are known again.
const httpSessionsMax = 1 << 16

func newHTTPLearner(s *Service) learner {
	salt := s.Options.Salt
	if len(salt) == 0 {
		salt = make([]byte, 8)
		rand.Read(salt)
	}
	return &httpLearner{
		s: s, salt: salt, routes: map[string]*httpRoute{}, replies: map[string]profiles.HTTPReply{}, bodies: newBodyStore(),
		filed: map[uint64]httpFiled{}, seed: maphash.MakeSeed(),
		who: newHTTPVisitors(salt, s.Options.KeepSecrets), waiting: map[uint64]*http.Request{}, varying: map[string]*httpVarying{},
		sessions: map[[sha256.Size]byte]bool{},
		redfish:  redfishLearner{found: map[string]*redfishFound{}, writable: map[string]bool{}, actions: map[string]profiles.RedfishAction{}, free: map[string]bool{}, made: map[string]bool{}, systems: map[string]redfishSystem{}, logged: map[string]int{}},
	}
}

func (l *httpLearner) Learn(x *capture.Exchange) {
	if l.scheme = "http"; x.TLS != nil {
		l.scheme = "https"
	}
	var q httpQuestion
	switch req := x.Request.(type) {
	case nil:
		l.unasked(x)
		return
	case *http.Request:
		q = httpQuestion{head: req, body: req.Plain()}
		if req.Expects() {
			q.expected = true
			if len(l.waiting) < httpWaitingMax {
				l.waiting[x.Conn] = req
			}
		}
	case *http.Content:
		head := l.waiting[x.Conn]
		if head == nil {
			head = &http.Request{Method: req.Method, Target: req.Target, Version: "HTTP/1.1"}
		}
		delete(l.waiting, x.Conn)
		q = httpQuestion{head: head, body: (&http.Request{Headers: head.Headers, Body: req.Body}).Plain()}
	default:
		l.s.Record.Keep(x)
		return
	}
	l.answered(x, &q)
}

// An httpQuestion is a request with its body, wherever that came.
type httpQuestion struct {
	head     *http.Request
	body     []byte
	expected bool // the body is still to come
}

// unasked keeps how the device refuses what is no request.
func (l *httpLearner) unasked(x *capture.Exchange) {
	for _, m := range x.Replies {
		if r, ok := m.(*http.Response); ok && r.Status >= 400 && r.Status != 408 && r.Status < 600 {
			name, _ := l.reply(r, nil)
			l.malformed = name
		}
	}
}

func (l *httpLearner) answered(x *capture.Exchange, q *httpQuestion) {
	target := q.head.Target
	if !l.s.Options.KeepSecrets {
		var hidden bool
		target, hidden = profiles.HideQuery(target, l.salt)
		l.queries = l.queries || hidden
	}
	route := profiles.HTTPRoute{Ask: q.head.Method + " " + target, Connection: q.head.Persistence()}
	if v := q.head.Version; v != "" && !strings.HasPrefix(v, "HTTP/1.") {
		route.Ask += " " + v
	}
	switch {
	case q.expected:
		route.Body = profiles.HTTPExpected
	case len(q.body) > 0:
		h := sha256.Sum256(append(slices.Clone(l.salt), q.body...))
		route.Body = hex.EncodeToString(h[:8])
	}
	last := lastResponse(x)
	status := 0
	if last != nil {
		status = last.Status
		_, named := q.head.Headers.Find("Host")
		if status == 400 && (!named && q.head.Version == "HTTP/1.1" || !q.head.WellFormed()) {
			l.unasked(x) // RFC 9112, section 3.2: that was no request
			return
		}
		l.traits(x, q.head, last)
	}
	route.Auth = l.who.visit(q.head.Headers, status)
	if last != nil {
		route.Encoding = contentCoding(last)
	}
	if route.Auth == "" && status > 0 {
		route.Auth = l.visitByKey(&route, q.head.Headers, status)
	}
	switch status {
	case 304, 412:
		route.NoneMatch, route.ModifiedSince = q.head.Headers.Get("If-None-Match"), q.head.Headers.Get("If-Modified-Since")
	case 206, 416:
		route.Range = q.head.Headers.Get("Range")
	}
	r := l.route(&route, x)
	if r == nil {
		return
	}
	if len(x.Replies) == 0 && x.Lost {
		r.lost()
		return
	}
	l.sample = l.sample[:0]
	var names []string
	for _, m := range x.Replies {
		var name string
		var s profiles.HTTPSample
		switch m := m.(type) {
		case *http.Response:
			name, s = l.reply(m, q.head)
		case *http.Raw:
			name, s = l.rawReply(m)
		default:
			continue
		}
		if name == "" { // too many: the one before stands in for it
			r.lost()
			return
		}
		names = append(names, name)
		l.sample = s.Append(l.sample)
	}
	if names != nil {
		if name := names[len(names)-1]; last != nil && !l.replies[name].Framed {
			l.redfish.see(x, q, last, l.replies[name].Body, l.standIn)
		}
		if last != nil && !l.replies[names[len(names)-1]].Framed && r.NoneMatch == "" && r.ModifiedSince == "" && r.Range == "" {
			r.pages.beside = l.s.beside
			r.pages.add(x.At.Add(x.Latency), last, l.replies[names[len(names)-1]].Body, l.bodies.get)
		}
		r.Reply, r.status = names, status
		if l.inSession(q.head.Headers) {
			r.known = names
		} else {
			r.Stranger = names
		}
	}
	for ; r.owed > 0; r.owed-- {
		r.track.Add(l.sample, false)
	}
	r.track.Add(l.sample, false)
}

// inSession says whether a cookie, or a header that carries a key, shows a token that the device made up.
func (l *httpLearner) inSession(h http.Headers) bool {
	for i := range h {
		switch f := &h[i]; {
		case strings.EqualFold(f.Name, "Cookie"):
			for pair := range strings.SplitSeq(f.Value, ";") {
				if _, value, _ := strings.Cut(pair, "="); l.sessions[sha256.Sum256([]byte(value))] {
					return true
				}
			}
		case http.CarriesKey(f.Name) && l.sessions[sha256.Sum256([]byte(f.Value))]:
			return true
		}
	}
	return false
}

// contentCoding is how the body of an answer is packed, if it is.
func contentCoding(r *http.Response) string {
	coding := strings.ToLower(r.Headers.Get("Content-Encoding"))
	if coding == "identity" || r.Status != 200 && r.Status != 206 {
		return ""
	}
	return coding
}

func lastResponse(x *capture.Exchange) *http.Response {
	if len(x.Replies) == 0 {
		return nil
	}
	r, _ := x.Replies[len(x.Replies)-1].(*http.Response)
	return r
}

func (l *httpLearner) route(route *profiles.HTTPRoute, x *capture.Exchange) *httpRoute {
	key := route.Cell()
	r := l.routes[key]
	if r == nil {
		if len(l.order) >= httpRoutesMax {
			return nil
		}
		r = &httpRoute{HTTPRoute: *route}
		r.track.SpillTo(l.s.spill)
		l.routes[key] = r
		l.order = append(l.order, r)
		l.s.Saw(fmt.Sprintf("http-%d %s", l.s.Port.Number, key), x)
	}
	return r
}

// owedMax bounds how many lost answers are made up for.
const owedMax = 1 << 16

// lost takes the place of an answer that the recording lost: the one before stands in for it, else the
// next.
func (r *httpRoute) lost() {
	if r.track.Runs() > 0 {
		r.track.Add(r.track.Last().Value, false)
	} else if r.owed < owedMax {
		r.owed++
	}
}

// answered says whether anything was learned, be it silence.
func (r *httpRoute) answered() bool { return r.track.Runs() > 0 }

// traits notes how the device takes what the specification leaves open.
func (l *httpLearner) traits(x *capture.Exchange, req *http.Request, r *http.Response) {
	if t, _, ok := profiles.ParseHTTPDate(r.Headers.Get("Date")); ok && !x.At.IsZero() {
		l.skew = t.Sub(x.At.Add(x.Latency)).Round(time.Second)
		if l.skew > -2*time.Second && l.skew < 2*time.Second {
			l.skew = 0
		}
	}
	if _, ok := req.Headers.Find("Host"); !ok && req.Version == "HTTP/1.1" && r.Status < 400 {
		l.hostless = true
	}
	l.lenient = l.lenient || !req.WellFormed()
	p := req.Persistence()
	l.keepAlive = l.keepAlive || (p == http.Close || p == http.OneZero) && r.Headers.Lists("Connection", "keep-alive")
	if r.Status == 200 {
		tag, since := req.Headers.Get("If-None-Match"), req.Headers.Get("If-Modified-Since")
		if tag != "" && tag == r.Headers.Get("ETag") || tag == "" && since != "" && since == r.Headers.Get("Last-Modified") {
			l.unconditional = true
		}
	}
}

// reply files a response: its head as a template, its body by content.
func (l *httpLearner) reply(r *http.Response, req *http.Request) (name string, s profiles.HTTPSample) {
	key := l.replyKey(r, req)
	if f, known := l.filed[key]; known { // polled pages say the same again and again
		l.observe(&f.template)
		return f.name, f.sample
	}
	t := templateHead(r, req, l.scheme)
	for _, i := range t.handles {
		if len(l.sessions) < httpSessionsMax {
			l.sessions[sha256.Sum256(t.sample.Tokens[i])] = true
		}
	}
	if !l.s.Options.KeepSecrets {
		l.scrub(&t)
	}
	if !t.sample.Fits() {
		t = httpTemplate{head: escapeSlots(string(r.AppendHead(nil)))}
	}
	l.observe(&t)
	var p profiles.HTTPReply
	if text, ok := headLines(t.head); ok {
		p.Head = text
	} else {
		p.Raw = t.head
	}
	body := r.Body
	if lines, data, ok := http.SizeLines(body); ok && r.Headers.Lists("Transfer-Encoding", "chunked") {
		p.Chunks, body = lines, data
	} else if len(body) > 0 && r.Headers.Lists("Transfer-Encoding", "chunked") {
		p.Framed = true
	}
	if !l.s.Options.KeepSecrets && !p.Framed {
		body = l.scrubBody(body, r)
	}
	p.Body = l.file(body, r.Headers)
	if req != nil {
		p.Host = hostIn(body, r.Headers, req.Headers.Get("Host"))
	}
	name, s = l.named(p, t.sample)
	if len(s.Tokens) == 0 && name != "" && l.err == nil {
		if len(l.filed) >= httpFiledMax {
			clear(l.filed)
		}
		l.filed[key] = httpFiled{t, name, s}
	}
	return name, s
}

// An httpFiled is a reply without tokens, and how it was filed.
type httpFiled struct {
	template httpTemplate
	name     string
	sample   profiles.HTTPSample
}

const httpFiledMax = 512

// replyKey stands for all that reply makes something of.
func (l *httpLearner) replyKey(r *http.Response, req *http.Request) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	if req != nil {
		h.WriteString(req.Headers.Get("Host"))
	}
	h.WriteByte(0)
	l.head = r.AppendHead(l.head[:0])
	h.Write(l.head)
	h.Write(r.Body)
	return h.Sum64()
}

// rawReply is the document that answers a bare request of HTTP/0.9.
func (l *httpLearner) rawReply(m *http.Raw) (string, profiles.HTTPSample) {
	return l.named(profiles.HTTPReply{Body: l.file(m.Data, nil)}, profiles.HTTPSample{})
}

func (l *httpLearner) file(body []byte, h http.Headers) string {
	if len(body) == 0 {
		return ""
	}
	name, err := l.bodies.put(body, httpExtension(h))
	l.err = cmp.Or(l.err, err)
	return name
}

func (l *httpLearner) named(p profiles.HTTPReply, s profiles.HTTPSample) (string, profiles.HTTPSample) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q %v %q", p.Head, p.Raw, p.Body, p.Chunks, p.Framed, p.Host)
	copy(s.Reply[:], h.Sum(nil))
	name := hex.EncodeToString(s.Reply[:])
	if _, known := l.replies[name]; !known {
		if len(l.replies) >= httpRepliesMax {
			return "", s
		}
		l.replies[name] = p
	}
	return name, s
}

// headLines gives a head the form that people read, if its lines end as they should.
func headLines(head string) (string, bool) {
	text, ok := strings.CutSuffix(head, "\r\n\r\n")
	if !ok {
		return "", false
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if strings.Contains(text, "\r") || strings.Count(text, "\n") != strings.Count(head, "\n")-2 || text == "" {
		return "", false
	}
	for _, line := range strings.Split(text, "\n") {
		if line == "" || strings.TrimRight(line, " \t") != line || line[0] == ' ' || line[0] == '\t' {
			return "", false
		}
	}
	for _, c := range []byte(text) {
		if c < ' ' && c != '\n' || c >= 0x7f {
			return "", false
		}
	}
	return text + "\n", true
}
