package emulate

import (
	"bytes"
	"fmt"
	"html"
	"strconv"
	"strings"

	"ringer/capture/http"
	"ringer/profiles"
)

// httpErrors is how the device says no: as it was recorded to, with the page that was asked for put in;
// else after the pattern of another of its error pages; else as the profile says; else in plain words.
type httpErrors struct {
	recorded map[int]*httpRefusal
	byMethod map[string]*httpRefusal // what every asking by this method got
	served   map[string]bool         // methods that got more than refusals
	pattern  *httpRefusal            // an error page that names its status
	shut     []*httpRefusal          // how those without credentials were sent away
	files    map[int][]byte
	headers  []profiles.HTTPHeader
	made     map[int]*httpReply
	strict   bool // it is known how the device refuses what is malformed, and that it does
}

// A httpRefusal is a recorded error, and what had been asked for.
type httpRefusal struct {
	reply      *httpReply
	path       string
	connection string // how the request let the connection go on
	signed     bool   // it said who asked
}

func (e *httpErrors) learn(s *httpService, dev *profiles.Device) error {
	e.recorded, e.byMethod, e.files, e.made = map[int]*httpRefusal{}, map[string]*httpRefusal{}, map[int][]byte{}, map[int]*httpReply{}
	for status, name := range s.sec.Errors {
		b, err := dev.ReadFile(name, bodyMax)
		if err != nil {
			return fmt.Errorf("errors: %w", err)
		}
		e.files[status] = b
	}
	e.served = map[string]bool{"GET": true, "HEAD": true}
	for _, o := range s.order {
		r := o.route.final()
		if r == nil || r.bare {
			continue
		}
		method, target, _ := strings.Cut(o.ask, " ")
		bare, _, _ := strings.Cut(target, "?")
		status := r.head.Status
		if status < 400 || status == 404 || status == 401 {
			e.served[method] = true
		}
		if status < 400 || method == "HEAD" {
			continue
		}
		f := &httpRefusal{r, bare, o.route.connection, o.route.auth != ""}
		if e.recorded[status] == nil {
			e.recorded[status] = f
		}
		if status == 401 && o.route.auth == "" {
			e.shut = append(e.shut, f)
		}
		if target == "*" { // of the server as a whole, whatever it says of its pages
			continue
		}
		if status == 405 || status == 501 || status == 400 || status == 403 {
			e.byMethod[method] = f
			if status == 405 || status == 501 {
				e.byMethod[""] = f
			}
		}
		if e.pattern == nil && status != 401 && r.namesItself() {
			e.pattern = f
		}
	}
	for method := range e.served {
		delete(e.byMethod, method)
	}
	if m := s.malformed; m != nil && e.recorded[m.head.Status] == nil {
		e.recorded[m.head.Status] = &httpRefusal{reply: m}
	}
	known := e.recorded[400] != nil || s.malformed != nil || e.files[400] != nil || e.files[0] != nil || s.site != nil
	e.strict = known && !s.sec.Lenient
	e.headers = s.commonHeaders()
	return nil
}

// longHead is the status for too long a head: that of RFC 6585, unless only another refusal is known.
func (e *httpErrors) longHead() int {
	if e.recorded[431] == nil && e.recorded[400] != nil {
		return 400
	}
	return 431
}

// namesItself says whether an error page tells its status, by number or in words.
func (r *httpReply) namesItself() bool {
	return bytes.Contains(r.data, strconv.AppendInt(nil, int64(r.head.Status), 10)) ||
		len(r.head.Reason) > 4 && bytes.Contains(r.data, []byte(r.head.Reason))
}

// refusal is how a method is refused: as it was recorded to be, else as another one was.
func (e *httpErrors) refusal(method string) *httpRefusal {
	if f := e.byMethod[method]; f != nil {
		return f
	}
	if e.served[method] || method == "POST" { // what a POST may do depends on where it goes
		return nil
	}
	return e.byMethod[""]
}

// commonHeaders are those that begin an answer which the device has no recorded example of.
func (s *httpService) commonHeaders() []profiles.HTTPHeader {
	if len(s.sec.Headers) > 0 {
		return s.sec.Headers
	}
	var all []profiles.HTTPHeader
	for _, o := range s.order {
		r := o.route.final()
		if r == nil || r.bare || r.head.Status != 200 {
			continue
		}
		for i, f := range r.head.Headers {
			switch strings.ToLower(f.Name) {
			case "server":
				all = append(all, profiles.HTTPHeader{Name: f.Name, Value: f.Value})
			case "date":
				if value := r.slotText(i); value != "" {
					all = append(all, profiles.HTTPHeader{Name: f.Name, Value: value})
				}
			}
		}
		if !httpHas(all, "Date") {
			all = append(all, profiles.HTTPHeader{Name: "Date", Value: "none"})
		}
		return all
	}
	return nil
}

// slotText is the value of a header that is a date, as profiles write it.
func (r *httpReply) slotText(header int) string {
	for _, s := range r.slots {
		if s.header == header && len(s.value) == 1 && s.value[0].kind == 'd' {
			if s.value[0].form == "" {
				return "${date}"
			}
			return "${date:" + s.value[0].form + "}"
		}
	}
	return ""
}

func httpHas(all []profiles.HTTPHeader, name string) bool {
	for _, f := range all {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// newReply makes an answer out of the common headers, and those given.
func (s *httpService) newReply(status int, body []byte, more ...profiles.HTTPHeader) *httpReply {
	r := &httpReply{data: body}
	r.head = http.Response{Version: s.version(), Status: status, Reason: httpReason(status), Body: body}
	common := s.errors.headers
	if len(common) == 0 {
		common = s.sec.Headers
	}
	if !httpHas(common, "Date") {
		common = append(common[:len(common):len(common)], profiles.HTTPHeader{Name: "Date", Value: "${date}"})
	}
	for _, f := range append(common[:len(common):len(common)], more...) {
		if strings.EqualFold(f.Name, "Date") && f.Value == "none" {
			continue
		}
		parts, slots, err := httpParts(f.Value)
		if err != nil || slots == 0 {
			r.head.Headers = append(r.head.Headers, http.Header{Name: f.Name, Value: f.Value})
			continue
		}
		r.slots = append(r.slots, httpSlot{header: len(r.head.Headers), value: parts})
		r.head.Headers = append(r.head.Headers, http.Header{Name: f.Name})
	}
	return r
}

func (s *httpService) version() string {
	if s.sec.Version != "" {
		return s.sec.Version
	}
	return "HTTP/1.1"
}

// refuse answers with an error.
func (h *httpSession) refuse(a *httpAsked, status int, closes bool) Answer {
	e := &h.s.errors
	f := e.recorded[status]
	if status == 401 {
		for _, x := range e.shut { // the nearest
			if commonPrefix(x.path, a.bare) > commonPrefix(f.path, a.bare) {
				f = x
			}
		}
	}
	if f != nil {
		return h.refuseAs(f, a, status, closes)
	}
	if e.pattern != nil && e.files[status] == nil && e.files[0] == nil {
		return h.refuseAs(e.pattern, a, status, closes)
	}
	return h.plainError(a, status, closes)
}

func commonPrefix(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// refuseAs answers after a recorded error: with the path that was asked for now, and this status.
func (h *httpSession) refuseAs(f *httpRefusal, a *httpAsked, status int, closes bool) Answer {
	p := f.reply
	m := h.message()
	p.fill(h.s, m, &httpMoment{date: h.s.now(), host: h.host(a)})
	data := p.data
	if len(f.path) > 1 && f.path != a.bare && bytes.Contains(data, []byte(f.path)) {
		data = bytes.ReplaceAll(data, []byte(f.path), []byte(html.EscapeString(a.bare)))
	}
	if p.head.Status != status {
		reason := httpReason(status)
		data = bytes.ReplaceAll(data, strconv.AppendInt(nil, int64(p.head.Status), 10), strconv.AppendInt(nil, int64(status), 10))
		if p.head.Reason != "" {
			data = bytes.ReplaceAll(data, []byte(p.head.Reason), []byte(reason))
		}
		m.Status, m.Reason, m.Line = status, reason, ""
		m.Headers = without(m.Headers, "WWW-Authenticate")
	}
	if !bytes.Equal(data, p.data) {
		setBody(m, data)
	}
	if !closes {
		h.s.endAs(m, a, f.connection)
	}
	return h.refused(a, m, closes)
}

// setBody gives a response another body, framed as before.
func setBody(m *http.Response, data []byte) {
	switch {
	case m.Headers.Lists("Transfer-Encoding", "chunked"):
		m.Body = http.Chunk(nil, data)
		return
	default:
		m.Body = data
	}
	if _, ok := m.Headers.Find("Content-Length"); ok {
		m.Headers.Set("Content-Length", strconv.Itoa(len(data)))
	}
}

// plainError is the error of a device that no error was recorded of.
func (h *httpSession) plainError(a *httpAsked, status int, closes bool) Answer {
	s := h.s
	text, own := s.errors.files[status]
	if !own {
		text, own = s.errors.files[0]
	}
	reason := httpReason(status)
	if own {
		text = []byte(strings.NewReplacer("${status}", strconv.Itoa(status), "${reason}", reason,
			"${path}", html.EscapeString(a.bare)).Replace(string(text)))
	} else {
		title := fmt.Sprintf("%d %s", status, reason)
		text = []byte("<html><head><title>" + title + "</title></head>\r\n<body><h1>" + title + "</h1></body></html>\r\n")
	}
	more := []profiles.HTTPHeader{{Name: "Content-Type", Value: "text/html"}, {Name: "Content-Length", Value: strconv.Itoa(len(text))}}
	if status == 401 && s.sec.Auth != nil {
		more = append(more, profiles.HTTPHeader{Name: "WWW-Authenticate", Value: s.visitors.challenge(s)})
	}
	if status == 405 {
		more = append(more, profiles.HTTPHeader{Name: "Allow", Value: "GET, HEAD"})
	}
	closes = closes || a.expected || s.sec.CloseAlways || a.wantsEnd()
	if closes {
		more = append(more, profiles.HTTPHeader{Name: "Connection", Value: "close"})
	}
	m := h.message()
	s.newReply(status, text, more...).fill(s, m, &httpMoment{date: s.now(), host: h.host(a)})
	return h.refused(a, m, closes)
}

func (h *httpSession) refused(a *httpAsked, m *http.Response, closes bool) Answer {
	closes = closes || a.expected || h.s.closes(a, m, false)
	if a.req.Method == "HEAD" {
		m.Body = nil
	}
	if closes && !h.s.sec.SaysKeepAlive {
		saysEnd(m)
	}
	if a.req.Version == "" {
		return h.bare(Refused)
	}
	return h.said(Refused, closes)
}

// httpReason: RFC 2616, section 6.1.1, whose words devices say more often than those of RFC 9110.
func httpReason(status int) string {
	switch status {
	case 200:
		return "OK"
	case 204:
		return "No Content"
	case 206:
		return "Partial Content"
	case 301:
		return "Moved Permanently"
	case 303:
		return "See Other"
	case 304:
		return "Not Modified"
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 413:
		return "Request Entity Too Large"
	case 414:
		return "Request-URI Too Large"
	case 416:
		return "Requested Range Not Satisfiable"
	case 431:
		return "Request Header Fields Too Large"
	case 501:
		return "Not Implemented"
	case 505:
		return "HTTP Version Not Supported"
	}
	return "Error"
}
