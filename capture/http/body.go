package http

import "strings"

// framing is how the end of a body is found (RFC 9112, section 6.3).
type framing uint8

const (
	noBody framing = iota
	byLength
	byChunks
	untilClose
)

// kind is what must be known of a request to delimit its reply.
type kind uint8

const (
	plainRequest kind = iota
	headRequest
	connect
	upgrade
	preface  // of HTTP/2
	bareLine // HTTP/0.9
)

func kindOf(r *Request) kind {
	switch r.Method {
	case "HEAD":
		return headRequest
	case "CONNECT":
		return connect
	case "PRI":
		if r.Version == "HTTP/2.0" {
			return preface
		}
	}
	if r.Version == "" {
		return bareLine
	}
	if _, ok := r.Headers.Find("Upgrade"); ok {
		return upgrade
	}
	return plainRequest
}

func (h Headers) chunked() bool {
	last := ""
	for i := range h {
		if h[i].is("Transfer-Encoding") {
			last = h[i].Value
		}
	}
	if i := strings.LastIndexByte(last, ','); i >= 0 {
		last = last[i+1:]
	}
	return strings.EqualFold(strings.Trim(last, " \t"), "chunked")
}

// maxLength bounds Content-Length so that sums of lengths do not overflow.
const maxLength = 1 << 40

// length is the Content-Length. Fields that say different things, or no number, make it not ok.
func (h Headers) length() (n int, found, ok bool) {
	for i := range h {
		if !h[i].is("Content-Length") {
			continue
		}
		for rest, more := h[i].Value, true; more; {
			var item string
			item, rest, more = strings.Cut(rest, ",")
			v, valid := parseLength(strings.Trim(item, " \t"))
			if !valid || found && v != n {
				return 0, true, false
			}
			n, found = v, true
		}
	}
	return n, found, true
}

func parseLength(s string) (n int, ok bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > maxLength {
			return 0, false
		}
	}
	return n, s != ""
}

// WellFramed says whether the headers of a request say clearly where its body ends. Where they do not,
// it is read as having none, and nothing behind it can be trusted.
func (r *Request) WellFramed() bool {
	_, lengthed, ok := r.Headers.length()
	if _, coded := r.Headers.Find("Transfer-Encoding"); coded {
		return r.Headers.chunked() && !lengthed
	}
	return ok
}

func (r *Request) framing() (framing, int) {
	if r.Headers.chunked() {
		return byChunks, 0
	}
	if _, coded := r.Headers.Find("Transfer-Encoding"); coded {
		return noBody, 0
	}
	if n, found, ok := r.Headers.length(); found && ok && n > 0 {
		return byLength, n
	}
	return noBody, 0
}

func (r *Request) expects() bool {
	v, ok := r.Headers.Find("Expect")
	return ok && strings.EqualFold(v, "100-continue") && r.Version != "HTTP/1.0"
}

// Expects says that the request waits for 100 Continue before its body is sent, as a Content.
func (r *Request) Expects() bool {
	how, _ := r.framing()
	return how != noBody && r.expects()
}

func (r *Response) framing(to kind) (framing, int) {
	switch {
	case to == headRequest, r.Status < 200, r.Status == 204, r.Status == 304, to == connect && r.Status/100 == 2:
		return noBody, 0
	case r.Headers.chunked():
		return byChunks, 0
	}
	if _, coded := r.Headers.Find("Transfer-Encoding"); coded {
		return untilClose, 0
	}
	if n, found, ok := r.Headers.length(); found && ok {
		return byLength, n
	}
	return untilClose, 0
}

// delimit finds the end of a message whose head takes head bytes; 0: it is not there yet.
func (p *progress) delimit(b []byte, head int, how framing, length int, eof bool) (int, error) {
	switch how {
	case byLength:
		p.total = head + length
		if len(b) < p.total {
			p.need = p.total
			return 0, nil
		}
		return p.total, nil
	case byChunks:
		return p.chunks(b, head, eof)
	case untilClose:
		p.open = true
		if !eof {
			p.need = 0
			return 0, nil
		}
		return len(b), nil
	}
	return head, nil
}
