package http

import (
	"errors"
	"fmt"
	"strings"
)

// MaxBody bounds the length that a request may announce.
const MaxBody = 1 << 30

var errLongBody = fmt.Errorf("http: request announces a body longer than %d bytes", MaxBody)

// WellFormed says whether a request's header fields are such that a server may answer it with anything but
// 400: there is one Host at most, with a host in it (RFC 9112, section 3.2), no white space before a
// colon (section 5.1), and neither NUL nor CR in a value (RFC 9110, section 5.5).
func (r *Request) WellFormed() bool {
	hosts := 0
	for i := range r.Headers {
		f := &r.Headers[i]
		if strings.IndexByte(f.Value, 0) >= 0 || strings.IndexByte(f.Value, '\r') >= 0 {
			return false
		}
		if f.Line != "" && f.Name != "" && len(f.Line) > len(f.Name) && f.Line[len(f.Name)] != ':' {
			return false
		}
		if f.is("Host") {
			if hosts++; hosts > 1 || !isHost(f.Value) {
				return false
			}
		}
	}
	return true
}

// isHost is lenient with what a name is made of: it may hold all that does not end the host in a URI (RFC
// 3986, section 3.2).
func isHost(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`/\?#@<>"{}|^`+"`", c) >= 0 {
			return false
		}
	}
	return true
}

// TooLong says whether Next failed because the request that b begins with announces too long a body.
func TooLong(b []byte) bool {
	_, _, err := (&Conn{}).nextRequest(&progress{}, b, false)
	return errors.Is(err, errLongBody)
}
