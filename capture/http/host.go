package http

import "strings"

// SplitHost takes the port off the name in a Host field or the authority of a URL (RFC 9110, section 7.2).
// Brackets stay on IPv6 addresses; port is empty if there is none.
func SplitHost(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.IndexByte(host[i:], ']') >= 0 {
		return host, ""
	}
	return host[:i], host[i+1:]
}
