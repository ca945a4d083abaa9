package emulate

import (
	"fmt"
	"strconv"
	"strings"

	"ringer/capture/http"
	"ringer/profiles"
)

// What headers make of a whole document: nothing, if the client has it already (RFC 9110, section 13),
// or a part of it (section 14).

// unchanged says whether the client's validators are those of a reply.
func (s *httpService) unchanged(p *httpReply, a *httpAsked) bool {
	if s.sec.Unconditional || p == nil || p.bare || p.head.Status != 200 || a.req.Method != "GET" && a.req.Method != "HEAD" {
		return false
	}
	if a.tag != "" { // it goes before If-Modified-Since: section 13.2.2
		tag, ok := p.head.Headers.Find("ETag")
		return ok && (strings.TrimSpace(a.tag) == "*" || listsTag(a.tag, tag))
	}
	if a.since == "" {
		return false
	}
	modified, ok := p.head.Headers.Find("Last-Modified")
	if !ok {
		return false
	}
	since, _, _ := strings.Cut(a.since, ";") // some browsers append a length
	if modified == since {
		return true
	}
	x, _, ok1 := profiles.ParseHTTPDate(modified)
	y, _, ok2 := profiles.ParseHTTPDate(since)
	return ok1 && ok2 && !x.After(y)
}

// listsTag compares weakly: section 8.8.3.2.
func listsTag(list, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimPrefix(strings.TrimSpace(item), "W/") == tag {
			return true
		}
	}
	return false
}

// partial turns a whole document into what the request's headers ask for; false: they ask for what there
// is nothing of.
func (h *httpSession) partial(p *httpReply, a *httpAsked, m *http.Response) bool {
	if h.s.unchanged(p, a) {
		m.Status, m.Reason, m.Line, m.Body = 304, httpReason(304), "", nil
		h.s.habits.spare(m)
		return true
	}
	if a.span == "" || a.req.Method != "GET" || !m.Headers.Lists("Accept-Ranges", "bytes") || len(p.data) != len(m.Body) {
		return true
	}
	first, last, ok := byteRange(a.span, len(m.Body))
	switch {
	case !ok:
		return true
	case first > last:
		return false
	}
	size := len(m.Body)
	m.Status, m.Reason, m.Line, m.Body = 206, httpReason(206), "", m.Body[first:last+1]
	m.Headers.Set("Content-Length", strconv.Itoa(len(m.Body)))
	h.s.habits.part(m, fmt.Sprintf("bytes %d-%d/%d", first, last, size))
	return true
}

// unsatisfiable says how much there is instead (section 15.5.17).
func (h *httpSession) unsatisfiable(a *httpAsked, size int) Answer {
	h.out, h.msgs = h.out[:0], h.msgs[:0]
	ans := h.refuse(a, 416, false)
	if len(h.out) > 0 {
		h.out[0].Headers.Set("Content-Range", "bytes */"+strconv.Itoa(size))
	}
	return ans
}

// byteRange reads one range (section 14.1.2). A range that cannot be satisfied has first after last; ok
// is false for what a server may answer with the whole: several ranges, other units.
func byteRange(s string, size int) (first, last int, ok bool) {
	spec, ok := strings.CutPrefix(s, "bytes=")
	from, to, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(to, ",") || from == "" && to == "" {
		return 0, 0, false
	}
	if from == "" {
		n, err := strconv.Atoi(to)
		if err != nil || n < 0 {
			return 0, 0, false
		}
		if n == 0 || size == 0 {
			return 1, 0, true
		}
		return max(0, size-n), size - 1, true
	}
	first, err := strconv.Atoi(from)
	if err != nil || first < 0 {
		return 0, 0, false
	}
	last = size - 1
	if to != "" {
		n, err := strconv.Atoi(to)
		if err != nil || n < first {
			return 0, 0, false
		}
		last = min(last, n)
	}
	if first >= size {
		return 1, 0, true
	}
	return first, last, true
}
