package http

import (
	"bytes"
	"errors"
	"strings"
)

// framing is how the end of a body is found (RFC 9112, section 6.3).
type framing uint8

const (
	noBody framing = iota
	byLength
	byChunks
	untilClose
)

var errChunk = errors.New("http: body: not a chunk")

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

// chunks finds the end of a chunked body (RFC 9112, section 7.1), going on where it left off.
func (p *progress) chunks(b []byte, head int, eof bool) (int, error) {
	if p.chunk < head {
		p.chunk = head
	}
	for {
		size, data, err := chunkHead(b, p.chunk)
		if err != nil || data == 0 {
			return 0, err
		}
		if size == 0 {
			end := trailerEnd(b, data)
			if end == 0 && eof {
				end = len(b)
			}
			if end == 0 && len(b)-data > MaxHead {
				return 0, errLongHead
			}
			return end, nil
		}
		next := data + size
		p.need = next + 1
		if len(b) < p.need {
			return 0, nil
		}
		switch {
		case b[next] == '\n':
			next++
		case b[next] != '\r':
			return 0, errChunk
		case len(b) < next+2:
			p.need = next + 2
			return 0, nil
		case b[next+1] != '\n':
			return 0, errChunk
		default:
			next += 2
		}
		p.chunk = next
	}
}

// maxChunkLine bounds a chunk's size and extensions.
const maxChunkLine = 4 << 10

// chunkHead reads the size line of a chunk that begins at i; data is where its data begin, 0 if the
// line is not complete.
func chunkHead(b []byte, i int) (size, data int, err error) {
	j := i
	for ; j < len(b); j++ {
		d := hexDigit(b[j])
		if d < 0 {
			break
		}
		if size = size<<4 | d; size > maxLength {
			return 0, 0, errChunk
		}
	}
	if j < len(b) {
		if j == i {
			return 0, 0, errChunk
		}
		switch b[j] {
		case '\r', '\n', ';', ' ', '\t':
		default:
			return 0, 0, errChunk
		}
	}
	if end := lineEnd(b, j); end > 0 && end-i <= maxChunkLine {
		return size, end, nil
	}
	if len(b)-i > maxChunkLine {
		return 0, 0, errChunk
	}
	return 0, 0, nil
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// trailerEnd is where the empty line behind the trailers ends; 0 if it is not there.
func trailerEnd(b []byte, i int) int {
	for {
		end := lineEnd(b, i)
		if end == 0 {
			return 0
		}
		if end-i == 1 || end-i == 2 && b[i] == '\r' {
			return end
		}
		i = end
	}
}

func plain(h Headers, body []byte) []byte {
	if !h.chunked() {
		return body
	}
	return Unchunk(body)
}

// Unchunk gives the data of a chunked body without the chunking, as far as there are any.
func Unchunk(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for i := 0; ; {
		size, data, err := chunkHead(body, i)
		if err != nil || data == 0 || size == 0 {
			return out
		}
		if size > len(body)-data {
			return append(out, body[data:]...)
		}
		out = append(out, body[data:data+size]...)
		i = data + size
		if end := lineEnd(body, i); end > 0 {
			i = end
		}
	}
}

func trailers(body []byte) Headers {
	for i := 0; ; {
		size, data, err := chunkHead(body, i)
		if err != nil || data == 0 {
			return nil
		}
		if size == 0 {
			h, _ := Headers(nil).parse(string(body[data:]))
			return h
		}
		if size > len(body)-data {
			return nil
		}
		i = data + size
		if end := lineEnd(body, i); end > 0 {
			i = end
		}
	}
}

// SizeLines takes a chunked body apart into the lines before its chunks and its data. ok is false where
// AppendChunks would not make the same body again: there are trailers, or line ends that are not CR LF.
func SizeLines(body []byte) (lines []string, data []byte, ok bool) {
	data = Unchunk(body)
	for i := 0; ; {
		size, at, err := chunkHead(body, i)
		if err != nil || at < i+2 || body[at-2] != '\r' {
			return nil, nil, false
		}
		lines = append(lines, string(body[i:at-2]))
		if size == 0 {
			break
		}
		if i = at + size + 2; i > len(body) {
			return nil, nil, false
		}
	}
	again, err := AppendChunks(make([]byte, 0, len(body)), data, lines)
	return lines, data, err == nil && bytes.Equal(again, body)
}

// AppendChunks appends data in chunks with the given lines before them, the last one included.
func AppendChunks(b, data []byte, lines []string) ([]byte, error) {
	for _, line := range lines {
		size, at, err := chunkHead(append([]byte(line), '\n'), 0)
		if err != nil || at == 0 || size > len(data) {
			return b, errChunk
		}
		b = append(append(b, line...), "\r\n"...)
		if size == 0 {
			break
		}
		b = append(append(b, data[:size]...), "\r\n"...)
		data = data[size:]
	}
	if len(data) > 0 {
		return b, errChunk
	}
	return append(b, "\r\n"...), nil
}

// Chunk appends data as one chunk and the last one, or as the last alone if there are none.
func Chunk(b, data []byte) []byte {
	if len(data) > 0 {
		b = append(appendHex(b, len(data)), "\r\n"...)
		b = append(append(b, data...), "\r\n"...)
	}
	return append(b, "0\r\n\r\n"...)
}

func appendHex(b []byte, n int) []byte {
	const digits = "0123456789abcdef"
	var tmp [16]byte
	i := len(tmp)
	for ok := true; ok; ok = n > 0 {
		i--
		tmp[i] = digits[n&15]
		n >>= 4
	}
	return append(b, bytes.TrimLeft(tmp[i:], "\x00")...)
}
