package http

import (
	"fmt"
	"strconv"
	"strings"

	"ringer/capture/wire"
)

// A Request is RFC 9112, section 3: a request line, headers, and the body as it was sent (chunked, if it
// was). A request that waits for 100 Continue has its body in a Content of its own.
type Request struct {
	Method  string
	Target  string
	Version string // "HTTP/1.1"; "" for the bare line of HTTP/0.9
	Line    string // the request line as it was sent, if not "Method Target Version" and CR LF
	Headers Headers
	End     string // the line that ends the head, if not CR LF
	Body    []byte `show:"text"`

	continued bool // its Content was answered
}

// A Response is RFC 9112, section 4.
type Response struct {
	Version string
	Status  int
	Reason  string
	Line    string // the status line as it was sent, if not "Version Status Reason" and CR LF
	Headers Headers
	End     string // the line that ends the head, if not CR LF
	Body    []byte `show:"text"`
}

// Content is the body of a request that announced it with Expect: 100-continue (RFC 9110, section
// 10.1.1), as it was sent. Method and Target are those of that request.
type Content struct {
	Method string `wire:"-"`
	Target string `wire:"-"`
	Body   []byte `show:"text"`

	of *Request
}

// Raw is what is not HTTP: the inside of a tunnel, an HTTP/0.9 document.
type Raw struct{ Data []byte }

// Headers are header fields in the order sent.
type Headers []Header

// A Header is one header field.
type Header struct {
	Name  string `wire:"id,fold"`
	Value string // without the white space around it
	Line  string // the line as it was sent, folded lines included, if not "Name: Value" and CR LF
}

func (f *Header) is(name string) bool {
	return len(f.Name) == len(name) && strings.EqualFold(f.Name, name)
}

// Get gives the value of the first field of that name, whatever its letter case.
func (h Headers) Get(name string) string {
	v, _ := h.Find(name)
	return v
}

// Find is Get and whether there is such a field.
func (h Headers) Find(name string) (string, bool) {
	for i := range h {
		if h[i].is(name) {
			return h[i].Value, true
		}
	}
	return "", false
}

// Set gives the first field of that name a new value, or adds the field at the end.
func (h *Headers) Set(name, value string) {
	for i := range *h {
		if f := &(*h)[i]; f.is(name) {
			f.Value, f.Line = value, ""
			return
		}
	}
	*h = append(*h, Header{Name: name, Value: value})
}

// Lists says whether a field of that name lists the token (RFC 9110, section 5.6.1).
func (h Headers) Lists(name, token string) bool {
	for i := range h {
		if !h[i].is(name) {
			continue
		}
		for rest := h[i].Value; rest != ""; {
			var item string
			item, rest, _ = strings.Cut(rest, ",")
			if strings.EqualFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// AppendTo appends the fields as they are sent.
func (h Headers) AppendTo(b []byte) []byte {
	for i := range h {
		if h[i].Line != "" {
			b = append(b, h[i].Line...)
			continue
		}
		b = append(b, h[i].Name...)
		b = append(b, ": "...)
		b = append(b, h[i].Value...)
		b = append(b, "\r\n"...)
	}
	return b
}

func appendEnd(b []byte, end string) []byte {
	if end == "" {
		end = "\r\n"
	}
	return append(b, end...)
}

// AppendHead appends the request without its body.
func (r *Request) AppendHead(b []byte) []byte {
	switch {
	case r.Line != "":
		b = append(b, r.Line...)
	case r.Version == "":
		b = append(append(append(append(b, r.Method...), ' '), r.Target...), "\r\n"...)
	default:
		b = append(append(append(append(b, r.Method...), ' '), r.Target...), ' ')
		b = append(append(b, r.Version...), "\r\n"...)
	}
	if r.Version == "" {
		return b
	}
	return appendEnd(r.Headers.AppendTo(b), r.End)
}

func (r *Request) Append(b []byte) ([]byte, error) {
	if r.Method == "" && r.Line == "" {
		return b, fmt.Errorf("http: request without a method")
	}
	return append(r.AppendHead(b), r.Body...), nil
}

// AppendHead appends the response without its body.
func (r *Response) AppendHead(b []byte) []byte {
	if r.Line != "" {
		b = append(b, r.Line...)
	} else {
		b = append(append(b, r.Version...), ' ')
		b = append(strconv.AppendInt(b, int64(r.Status), 10), ' ')
		b = append(append(b, r.Reason...), "\r\n"...)
	}
	return appendEnd(r.Headers.AppendTo(b), r.End)
}

func (r *Response) Append(b []byte) ([]byte, error) {
	if (r.Status < 100 || r.Status > 999) && r.Line == "" {
		return b, fmt.Errorf("http: response: status %d has not three digits", r.Status)
	}
	return append(r.AppendHead(b), r.Body...), nil
}

func (m *Content) Append(b []byte) ([]byte, error) { return append(b, m.Body...), nil }
func (m *Raw) Append(b []byte) ([]byte, error)     { return append(b, m.Data...), nil }

// Plain is the body without chunking. A body that was cut gives what there is of it.
func (r *Request) Plain() []byte  { return plain(r.Headers, r.Body) }
func (r *Response) Plain() []byte { return plain(r.Headers, r.Body) }

// Trailers are the fields behind the last chunk (RFC 9112, section 7.1.2).
func (r *Response) Trailers() Headers {
	if !r.Headers.chunked() {
		return nil
	}
	return trailers(r.Body)
}

// Class: what only reads is RFC 9110, section 9.2.1, and its like in WebDAV. What a POST does is not
// known.
func (r *Request) Class() (string, wire.Effect) { return class(r.Method) }
func (m *Content) Class() (string, wire.Effect) { return class(m.Method) }
func (m *Raw) Class() (string, wire.Effect)     { return "raw", wire.Control }

func class(method string) (string, wire.Effect) {
	switch method {
	case "GET":
		return "get", wire.Read
	case "HEAD":
		return "head", wire.Read
	case "OPTIONS":
		return "options", wire.Read
	case "TRACE":
		return "trace", wire.Read
	case "PROPFIND":
		return "propfind", wire.Read
	case "PUT":
		return "put", wire.Write
	case "PATCH":
		return "patch", wire.Write
	case "POST":
		return "post", wire.Control
	case "DELETE":
		return "delete", wire.Control
	case "CONNECT":
		return "connect", wire.Control
	case "SUBSCRIBE":
		return "subscribe", wire.Control
	case "UNSUBSCRIBE":
		return "unsubscribe", wire.Control
	case "NOTIFY":
		return "notify", wire.Control
	}
	return "other method", wire.Control
}

// AppendKey: a question is a method, a target, a body, and the headers that ask for another answer.
func (r *Request) AppendKey(b []byte) []byte {
	b = append(b, "Request "...)
	b = append(append(append(b, r.Method...), ' '), r.Target...)
	if r.Version == "" {
		b = append(b, " bare"...)
	}
	for _, name := range [...]string{"Authorization", "Range", "If-None-Match", "If-Modified-Since"} {
		if v, ok := r.Headers.Find(name); ok {
			b = append(append(append(append(b, ' '), name...), '='), v...)
		}
	}
	for i := range r.Headers {
		if f := &r.Headers[i]; CarriesKey(f.Name) {
			b = append(append(append(append(b, ' '), KeyHeader(f.Name)...), '='), f.Value...)
		}
	}
	if len(r.Body) > 0 {
		b = append(append(b, " Body="...), r.Body...)
	}
	return b
}

// keyHeaders say who asks, as Authorization does.
var keyHeaders = [...]string{"X-Auth-Token", "X-Api-Key", "X-Access-Token", "X-Session-Token"}

// CarriesKey says whether a header of that name says who asks.
func CarriesKey(name string) bool { return KeyHeader(name) != "" }

// KeyHeader is the name of such a header in one spelling; "" if it is none.
func KeyHeader(name string) string {
	if len(name) < 9 || name[0]|0x20 != 'x' || name[1] != '-' {
		return ""
	}
	for _, k := range keyHeaders {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return ""
}

func (m *Content) AppendKey(b []byte) []byte {
	b = append(append(append(append(b, "Content "...), m.Method...), ' '), m.Target...)
	return append(append(b, " Body="...), m.Body...)
}

// clone copies a request so that it refers to nothing else.
func (r *Request) clone() *Request {
	q := *r
	s := string(r.AppendHead(nil))
	q.Headers = nil
	q.parse(s)
	q.Body = append([]byte(nil), r.Body...)
	return &q
}
