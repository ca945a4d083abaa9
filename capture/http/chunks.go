package http

import (
	"bytes"
	"errors"
)

var errChunk = errors.New("http: body: not a chunk")

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
