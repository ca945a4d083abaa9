package http

// Persistence is how a request lets the connection go on (RFC 9112, section 9.3): Close, OneZero, a
// OneZeroKeepAlive that asks for what HTTP/1.1 does by itself, ZeroNine, or nothing in particular, which
// is to go on.
func (r *Request) Persistence() string {
	switch {
	case r.Version == "":
		return ZeroNine
	case r.Version == "HTTP/1.0" && r.Headers.Lists("Connection", "keep-alive"):
		return OneZeroKeepAlive
	case r.Version == "HTTP/1.0":
		return OneZero
	case r.Headers.Lists("Connection", "close"):
		return Close
	}
	return ""
}

// The values of Persistence.
const (
	Close            = "close"
	OneZero          = "1.0"
	OneZeroKeepAlive = "1.0 keep-alive"
	ZeroNine         = "0.9"
)
