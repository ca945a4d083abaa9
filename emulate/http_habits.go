package emulate

import (
	"slices"
	"strings"

	"ringer/capture/http"
)

// httpHabits are what the recorded answers show of how the device shortens its documents: to parts, to nothing
// where the client has them already, and to their heads.
type httpHabits struct {
	parted    *http.Response // an example of a part; nil: none was seen
	unchanged bool           // it was seen to answer 304
	spared    []string       // headers of a document that its 304 leaves out; nil: it is not known
	chunkless bool           // the head of what is sent in chunks does not say so
	curt      bool           // it was seen to answer before a body came that was announced
}

func (s *httpService) learnHabits() {
	for _, o := range s.order {
		switch r := o.route.final(); {
		case r == nil || r.bare:
		case r.head.Status == 206 && o.route.span != "" && s.habits.parted == nil:
			s.habits.parted = &r.head
		case r.head.Status == 304:
			s.habits.unchanged = true
			s.habits.compare(s.questions[o.ask], &r.head)
		case strings.HasPrefix(o.ask, "HEAD ") && !r.head.Headers.Lists("Transfer-Encoding", "chunked"):
			if whole := s.questions["GET"+strings.TrimPrefix(o.ask, "HEAD")]; whole != nil && o.route.whole() {
				f := whole.routes[0].final()
				s.habits.chunkless = s.habits.chunkless || f != nil && !f.bare && f.head.Headers.Lists("Transfer-Encoding", "chunked")
			}
		}
	}
}

// shorten says whether the device is known to heed what the headers of a request ask for less of.
func (x *httpHabits) shorten(a *httpAsked) bool {
	return a.span != "" && x.parted != nil || (a.tag != "" || a.since != "") && x.unchanged
}

// spare leaves an answer the headers that go without the document.
func (x *httpHabits) spare(m *http.Response) {
	for _, name := range [...]string{"Content-Type", "Content-Length", "Transfer-Encoding", "Content-Encoding", "Accept-Ranges"} {
		if x.spared == nil {
			m.Headers = without(m.Headers, name)
		}
	}
	for _, name := range x.spared {
		m.Headers = without(m.Headers, name)
	}
}

// compare finds which headers of a document a 304 leaves out.
func (x *httpHabits) compare(q *httpQuestion, short *http.Response) {
	for _, r := range q.routes {
		f := r.final()
		if x.spared != nil || f == nil || f.bare || f.head.Status != 200 || !r.whole() || r.coding != "" {
			continue
		}
		x.spared = []string{}
		for _, h := range f.head.Headers {
			if _, says := short.Headers.Find(h.Name); !says {
				x.spared = append(x.spared, h.Name)
			}
		}
	}
}

// behead takes the body off an answer.
func (x *httpHabits) behead(m *http.Response) {
	m.Body = nil
	if x.chunkless {
		m.Headers = without(m.Headers, "Transfer-Encoding")
	}
}

// part says which part of a document an answer is, in the place where the device says it.
func (x *httpHabits) part(m *http.Response, span string) {
	if x.parted == nil {
		m.Headers.Set("Content-Range", span)
		return
	}
	if _, says := x.parted.Headers.Find("Accept-Ranges"); !says {
		m.Headers = without(m.Headers, "Accept-Ranges")
	}
	after := ""
	for _, f := range x.parted.Headers {
		if strings.EqualFold(f.Name, "Content-Range") {
			break
		}
		after = f.Name
	}
	at := len(m.Headers)
	if i := slices.IndexFunc(m.Headers, func(f http.Header) bool { return strings.EqualFold(f.Name, after) }); i >= 0 {
		at = i + 1
	}
	m.Headers = slices.Insert(m.Headers, at, http.Header{Name: "Content-Range", Value: span})
}
