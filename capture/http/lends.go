package http

import (
	"bytes"
	"strconv"
	"strings"
)

// Lends gives what an answer hands out for clients to show again: the token of a log-in, cookies, where what was
// made is found.
func (r *Response) Lends(each func(name, text string)) {
	for i := range r.Headers {
		f := &r.Headers[i]
		switch {
		case CarriesKey(f.Name):
			each(KeyHeader(f.Name), f.Value)
		case f.is("Set-Cookie"):
			pair, _, _ := strings.Cut(f.Value, ";")
			if name, value, ok := strings.Cut(pair, "="); ok {
				each("Cookie "+strings.TrimSpace(name), strings.TrimSpace(value))
			}
		case f.is("Location") && r.Status == 201:
			at := f.Value
			if _, rest, whole := strings.Cut(at, "://"); whole {
				_, at, _ = strings.Cut(rest, "/")
				at = "/" + at
			}
			each("Location", at)
			each("Location's end", at[strings.LastIndexByte(at, '/')+1:])
		}
	}
}

// Rename puts a text in the place of another, in the target, the headers and the body.
func (r *Request) Rename(old, now string) bool {
	target := renamed(r.Target, old, now)
	is := target != r.Target
	if is {
		r.Target, r.Line = target, ""
	}
	return renameIn(r.Headers, &r.Body, old, now) || is
}

// Rename puts a text in the place of another, in the headers and the body.
func (r *Response) Rename(old, now string) bool { return renameIn(r.Headers, &r.Body, old, now) }

func renameIn(h Headers, body *[]byte, old, now string) (is bool) {
	for i := range h {
		if v := renamed(h[i].Value, old, now); v != h[i].Value {
			h[i].Value, h[i].Line, is = v, "", true
		}
	}
	if !bytes.Contains(*body, []byte(old)) || len(old) != len(now) && h.chunked() {
		return is
	}
	b := []byte(renamed(string(*body), old, now))
	if bytes.Equal(b, *body) {
		return is
	}
	for i := range h {
		if h[i].is("Content-Length") && h[i].Value == strconv.Itoa(len(*body)) {
			h[i].Value, h[i].Line = strconv.Itoa(len(b)), ""
		}
	}
	*body = b
	return true
}

// renamed replaces a text where it stands as a whole: not as a part of a longer name.
func renamed(s, old, now string) string {
	at := 0
	for {
		i := strings.Index(s[at:], old)
		if i < 0 {
			return s
		}
		i += at
		end := i + len(old)
		if i > 0 && named(s[i-1]) && named(old[0]) || end < len(s) && named(s[end]) && named(old[len(old)-1]) {
			at = end
			continue
		}
		s = s[:i] + now + s[end:]
		at = i + len(now)
	}
}

// named says whether a character is part of names and tokens.
func named(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-'
}
