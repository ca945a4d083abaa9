package clone

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"ringer/capture/http"
	"ringer/profiles"
)

// httpVisitors tells visitors apart by the credentials they sent. What is kept of those are verifiers.
type httpVisitors struct {
	salt   []byte
	keep   bool
	names  map[[sha256.Size]byte]string // of an Authorization header: its credentials
	known  map[string]*profiles.HTTPCredentials
	hidden bool
}

const (
	httpVisitorsMax  = 1 << 14 // different Authorization headers
	httpVerifiersMax = 64      // of one Digest user
)

func newHTTPVisitors(salt []byte, keep bool) *httpVisitors {
	return &httpVisitors{salt, keep, map[[sha256.Size]byte]string{}, map[string]*profiles.HTTPCredentials{}, false}
}

// visit names the credentials of a request; "" if it has none. Those of the Digest scheme change with
// every request (RFC 7616), so that user and success name them.
func (v *httpVisitors) visit(h http.Headers, status int) string {
	value, ok := h.Find("Authorization")
	if !ok {
		return ""
	}
	scheme, rest, _ := strings.Cut(value, " ")
	sum := sha256.Sum256(append(append([]byte(nil), v.salt...), value...))
	good := status/100 == 2 || status/100 == 3
	name, known := v.names[sum]
	if !known {
		c := profiles.HTTPCredentials{Scheme: scheme}
		switch {
		case strings.EqualFold(scheme, "Basic"):
			if b, err := base64.StdEncoding.DecodeString(rest); err == nil {
				c.User, _, _ = strings.Cut(string(b), ":")
			}
			name = "basic-" + hex.EncodeToString(sum[:4])
		case strings.EqualFold(scheme, "Digest"):
			_, c.User, _, _ = quotedParameter(rest, "username")
			user := sha256.Sum256(append(append([]byte(nil), v.salt...), c.User...))
			name = "digest-" + hex.EncodeToString(user[:4])
			if !good {
				name += "-refused"
			}
		default:
			name = "other-" + hex.EncodeToString(sum[:4])
		}
		if len(v.names) >= httpVisitorsMax {
			return name
		}
		v.names[sum] = name
		if v.known[name] == nil {
			v.known[name] = &c
		}
		if k := v.known[name]; len(k.Verify) < httpVerifiersMax {
			k.Verify = append(k.Verify, v.verifier(value))
		}
	}
	if c := v.known[name]; c != nil && good {
		c.Good = true
	}
	return name
}

// visitByKey names who shows a key in a header of its own or in a cookie, other than one that the device made up
// in this recording; "" if nobody does. A cookie is a key once it opened what was shut without it.
func (l *httpLearner) visitByKey(route *profiles.HTTPRoute, h http.Headers, status int) string {
	for i := range h {
		if f := &h[i]; http.CarriesKey(f.Name) && !l.sessions[sha256.Sum256([]byte(f.Value))] {
			return l.who.key(http.KeyHeader(f.Name), f.Value, status, true)
		}
	}
	if l.inSession(h) {
		return ""
	}
	opens := false
	if public := l.routes[route.Cell()]; public != nil && status/100 == 2 {
		opens = public.status == 401 || public.status == 403 || public.status/100 == 3
	}
	for i := range h {
		if !strings.EqualFold(h[i].Name, "Cookie") {
			continue
		}
		best := ""
		for pair := range strings.SplitSeq(h[i].Value, ";") {
			pair = strings.TrimSpace(pair)
			if _, value, _ := strings.Cut(pair, "="); value == "" {
				continue
			}
			if name := l.who.key("Cookie", pair, status, false); name != "" {
				return name
			}
			if _, value, _ := strings.Cut(pair, "="); best == "" || looksMinted(value) {
				best = pair
			}
		}
		if opens && best != "" {
			return l.who.key("Cookie", best, status, true)
		}
	}
	return ""
}

// key names the holder of a key. One that is not known is "", or becomes known.
func (v *httpVisitors) key(scheme, value string, status int, learn bool) string {
	value = profiles.HTTPKey(scheme, value)
	sum := sha256.Sum256(append(append([]byte(nil), v.salt...), value...))
	name, known := v.names[sum]
	if !known {
		if !learn || len(v.names) >= httpVisitorsMax {
			return ""
		}
		name = "key-" + hex.EncodeToString(sum[:4])
		v.names[sum] = name
		v.known[name] = &profiles.HTTPCredentials{Scheme: scheme, Verify: []string{v.verifier(value)}}
	}
	if status/100 == 2 {
		v.known[name].Good = true
	}
	return name
}

func (v *httpVisitors) verifier(value string) string {
	if v.keep {
		return value
	}
	v.hidden = true
	return profiles.NewVerifier([]byte(value), v.salt)
}

func (v *httpVisitors) credentials() map[string]profiles.HTTPCredentials {
	all := map[string]profiles.HTTPCredentials{}
	for name, c := range v.known {
		all[name] = *c
	}
	return all
}
