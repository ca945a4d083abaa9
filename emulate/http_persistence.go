package emulate

import (
	"slices"
	"strings"

	"ringer/capture/http"
)

// A httpCase is what an answer's word on the connection depends on: how the request let it go on, and
// the status; 0 is all that succeed.
type httpCase struct {
	connection string
	status     int
}

// A httpEnding is an example of what answers say of the connection.
type httpEnding struct {
	version string
	fields  http.Headers // Connection and Keep-Alive
	after   string       // the field before them
}

// endsAfter says whether a request that lets the connection go on like this wants it to end.
func endsAfter(connection string) bool {
	return connection == http.Close || connection == http.OneZero || connection == http.ZeroNine
}

// learnEndings finds, among what was recorded, how the device speaks of the connection.
func (s *httpService) learnEndings() {
	s.endings = map[httpCase]*httpEnding{}
	for _, o := range s.order {
		f := o.route.final()
		if f == nil || f.bare || f.head.Status < 200 || strings.HasPrefix(o.ask, "CONNECT ") {
			continue
		}
		e := &httpEnding{version: f.head.Version}
		for i := range f.head.Headers {
			if x := f.head.Headers[i]; speaksOfConnection(&x) {
				e.fields = append(e.fields, x)
			} else if len(e.fields) == 0 {
				e.after = x.Name
			}
		}
		s.exemplify(httpCase{o.route.connection, f.head.Status}, e)
		if f.head.Status < 400 {
			s.exemplify(httpCase{o.route.connection, 0}, e)
		}
	}
}

func (s *httpService) exemplify(c httpCase, e *httpEnding) {
	if s.endings[c] == nil {
		s.endings[c] = e
	}
}

func speaksOfConnection(f *http.Header) bool {
	return strings.EqualFold(f.Name, "Connection") || strings.EqualFold(f.Name, "Keep-Alive")
}

// endAs makes an answer speak of the connection as the device does to requests like this one. recorded is
// how the request let the connection go on that the answer was given to.
func (s *httpService) endAs(m *http.Response, a *httpAsked, recorded string) {
	if e := s.example(a, m.Status); e != nil && recorded != a.connection {
		e.apply(m)
		return
	}
	if !s.sec.SaysKeepAlive && a.wantsEnd() {
		saysEnd(m)
	}
}

// example is how the device ends answers of this status to requests like this one; nil: it is not known.
func (s *httpService) example(a *httpAsked, status int) *httpEnding {
	if e := s.endings[httpCase{a.connection, status}]; e != nil {
		return e
	}
	switch status {
	case 101, 400, 408, 411, 413, 414, 431, 500, 501, 503, 505:
		return nil // after these, servers do as they like: where the next request begins may not be known
	}
	return s.endings[httpCase{a.connection, 0}]
}

// apply puts the example's fields in the place of those that are there.
func (e *httpEnding) apply(m *http.Response) {
	if m.Line == "" {
		m.Version = e.version
	}
	at, kept := -1, m.Headers[:0]
	for _, f := range m.Headers {
		if speaksOfConnection(&f) {
			if at < 0 {
				at = len(kept)
			}
			continue
		}
		kept = append(kept, f)
	}
	if at < 0 {
		at = len(kept)
		for i := range kept {
			if strings.EqualFold(kept[i].Name, e.after) {
				at = i + 1
			}
		}
	}
	m.Headers = slices.Insert(kept, at, e.fields...)
}
