package emulate

import (
	"strings"

	"ringer/capture/http"
)

// adapt makes a recorded answer fit a request that came over another version of HTTP.
func (h *httpSession) adapt(m *http.Response, p *httpReply, a *httpAsked) {
	if a.req.Version == "HTTP/1.0" && m.Headers.Lists("Transfer-Encoding", "chunked") {
		m.Headers = without(m.Headers, "Transfer-Encoding")
		m.Body = p.data
	}
}

func (a *httpAsked) wantsEnd() bool { return endsAfter(a.connection) && a.connection != http.ZeroNine }

func saysEnd(m *http.Response) {
	if m.Headers.Lists("Connection", "keep-alive") {
		m.Headers.Set("Connection", "close")
		m.Headers = without(m.Headers, "Keep-Alive")
	}
}

func without(h http.Headers, name string) http.Headers {
	kept := h[:0]
	for _, f := range h {
		if !strings.EqualFold(f.Name, name) {
			kept = append(kept, f)
		}
	}
	return kept
}

// closes says whether the connection ends with this answer (RFC 9112, section 9.3).
func (s *httpService) closes(a *httpAsked, m *http.Response, headless bool) bool {
	switch {
	case m.Status == 101:
		return false
	case s.sec.CloseAlways || a.req.Version == "" || a.wantsEnd() || m.Headers.Lists("Connection", "close"):
		return true
	case (a.req.Version == "HTTP/1.0" || m.Version == "HTTP/1.0") && !m.Headers.Lists("Connection", "keep-alive"):
		return true
	case headless || a.req.Method == "HEAD" || m.Status == 204 || m.Status == 304 || a.req.Method == "CONNECT" && m.Status/100 == 2:
		return false
	}
	if _, sized := m.Headers.Find("Content-Length"); sized {
		return false
	}
	return !m.Headers.Lists("Transfer-Encoding", "chunked")
}
