package http

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unsafe"
)

// text gives b as a string: a copy, or b itself if messages are reused.
func (c *Conn) text(b []byte) string {
	if c.reuse && len(b) > 0 {
		return unsafe.String(&b[0], len(b))
	}
	return string(b)
}

func (c *Conn) bytes(b []byte) []byte {
	switch {
	case len(b) == 0:
		return nil
	case c.reuse:
		return b
	}
	return append(make([]byte, 0, len(b)), b...)
}

// blankLines is the length of the empty lines before a request, which RFC 9112, section 2.2, lets a
// server pass over.
func blankLines(b []byte) int {
	n := 0
	for n < len(b) {
		switch {
		case b[n] == '\n':
			n++
		case b[n] == '\r' && n+1 < len(b) && b[n+1] == '\n':
			n += 2
		default:
			return n
		}
	}
	return n
}

// lineEnd is where the line that begins at i ends, its line feed included; 0 if it does not.
func lineEnd(b []byte, i int) int {
	n := bytes.IndexByte(b[i:], '\n')
	if n < 0 {
		return 0
	}
	return i + n + 1
}

// headEnd is where the empty line behind a head ends; 0 if it is not there yet.
func headEnd(b []byte) (int, error) {
	for i := 0; ; {
		end := lineEnd(b, i)
		if end > MaxHead || end == 0 && len(b) > MaxHead {
			return 0, errLongHead
		}
		if end == 0 {
			return 0, nil
		}
		if end-i == 1 || end-i == 2 && b[i] == '\r' {
			return end, nil
		}
		i = end
	}
}

// maxMethod bounds how much of a stream is taken for a method.
const maxMethod = 32

// looksLikeRequest fails where b cannot be the beginning of a request line, however it goes on. bare
// says that the line is complete and names no version.
func looksLikeRequest(b []byte) (bare bool, err error) {
	i := 0
	for i < len(b) && i <= maxMethod && isToken(b[i]) {
		i++
	}
	switch {
	case i == len(b) && i <= maxMethod:
		return false, nil
	case i == 0 || i > maxMethod || b[i] != ' ':
		return false, errNoRequest
	}
	end := lineEnd(b, i)
	if end == 0 {
		for _, c := range b[i:] {
			if c == 0 {
				return false, errNoRequest
			}
		}
		if len(b) > MaxHead {
			return false, errLongHead
		}
		return false, nil
	}
	if end > MaxHead {
		return false, errLongHead
	}
	line := trim(b[i:end])
	if v := bytes.LastIndexByte(line, ' '); v > 0 && isVersion(line[v+1:]) {
		return false, nil
	}
	// RFC 1945, section 4.1: Simple-Request = "GET" SP Request-URI CRLF
	if i == 3 && string(b[:3]) == "GET" && len(line) > 0 && line[0] == '/' && bytes.IndexByte(line, ' ') < 0 {
		return true, nil
	}
	return false, errNoRequest
}

// looksLikeResponse fails where b cannot be the beginning of a status line.
func looksLikeResponse(b []byte) error {
	const pattern = "HTTP/0.0 000"
	for i := 0; i < len(pattern) && i < len(b); i++ {
		switch pattern[i] {
		case '0':
			if b[i] < '0' || b[i] > '9' {
				return errNoResponse
			}
		default:
			if b[i] != pattern[i] {
				return errNoResponse
			}
		}
	}
	if len(b) > len(pattern) {
		switch b[len(pattern)] {
		case ' ', '\r', '\n':
		default:
			return errNoResponse
		}
	}
	return nil
}

// isToken: RFC 9110, section 5.6.2.
func isToken(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isVersion[T string | []byte](s T) bool {
	if len(s) < 8 || string(s[:5]) != "HTTP/" {
		return false
	}
	dots := 0
	for _, c := range []byte(s[5:]) {
		switch {
		case c == '.':
			dots++
		case c < '0' || c > '9':
			return false
		}
	}
	return dots == 1 && s[5] != '.' && s[len(s)-1] != '.'
}

// trim takes spaces, tabs and line ends off both ends. It is on every request's way.
func trim[T string | []byte](s T) T {
	for len(s) > 0 && isBlank(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// parse takes a head apart. s ends with the empty line, or with the one line of HTTP/0.9.
func (r *Request) parse(s string) bool {
	*r = Request{Headers: r.Headers[:0]}
	line, rest := cutLine(s)
	sp := strings.IndexByte(line, ' ')
	if sp <= 0 {
		return false
	}
	r.Method = line[:sp]
	target := trim(line[sp:])
	if v := strings.LastIndexByte(target, ' '); v > 0 && isVersion(target[v+1:]) {
		r.Target, r.Version = trim(target[:v]), target[v+1:]
		if len(line) != len(r.Method)+len(r.Target)+len(r.Version)+4 || !strings.HasSuffix(line, "\r\n") {
			r.Line = line
		}
		r.Headers, r.End = r.Headers.parse(rest)
		return true
	}
	r.Target = target
	if rest != "" {
		return false
	}
	if len(line) != len(r.Method)+len(r.Target)+3 || !strings.HasSuffix(line, "\r\n") {
		r.Line = line
	}
	return true
}

func (r *Response) parse(s string) bool {
	*r = Response{Headers: r.Headers[:0]}
	line, rest := cutLine(s)
	const reason = len("HTTP/0.0 000")
	if len(line) <= reason {
		return false
	}
	r.Version = line[:8]
	r.Status, _ = strconv.Atoi(line[9:reason])
	r.Reason = strings.TrimRight(strings.TrimPrefix(line[reason:], " "), "\r\n")
	if len(line) != reason+1+len(r.Reason)+2 || !strings.HasSuffix(line, "\r\n") || line[reason] != ' ' || line[9] == '0' {
		r.Line = line
	}
	r.Headers, r.End = r.Headers.parse(rest)
	return true
}

// ParseHead reads the head of a response: a status line, headers, and the empty line behind them.
func ParseHead(head string) (*Response, error) {
	r := &Response{}
	if err := looksLikeResponse([]byte(head)); err != nil {
		return nil, err
	}
	if end, err := headEnd([]byte(head)); err != nil || end != len(head) || !r.parse(head) {
		return nil, errors.New("http: want a status line, headers and an empty line behind them")
	}
	return r, nil
}

func cutLine(s string) (line, rest string) {
	i := strings.IndexByte(s, '\n') + 1
	if i == 0 {
		i = len(s)
	}
	return s[:i], s[i:]
}

// parse appends the fields of s, up to and with its empty line, which it returns if that is not CR LF.
func (h Headers) parse(s string) (Headers, string) {
	for s != "" {
		line, rest := cutLine(s)
		if line == "\r\n" {
			return h, ""
		}
		if line == "\n" {
			return h, line
		}
		folded := false
		for rest != "" && (rest[0] == ' ' || rest[0] == '\t') { // RFC 9112, section 5.2
			more, after := cutLine(rest)
			line, rest, folded = s[:len(line)+len(more)], after, true
		}
		h = append(h, parseHeader(line, folded))
		s = rest
	}
	return h, ""
}

func parseHeader(line string, folded bool) Header {
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		return Header{Line: line}
	}
	f := Header{Name: trim(line[:colon]), Value: trim(line[colon+1:])}
	if folded {
		f.Value = strings.Join(strings.Fields(f.Value), " ")
		f.Line = line
		return f
	}
	if colon != len(f.Name) || len(line) != colon+2+len(f.Value)+2 || line[colon+1] != ' ' || !strings.HasSuffix(line, "\r\n") {
		f.Line = line
	}
	return f
}
