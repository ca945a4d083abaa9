package emulate

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strings"

	"ringer/profiles"
)

// httpVisitors knows who may come in: by credentials that were recorded, and by the profile's accounts.
type httpVisitors struct {
	accounts *accountList
	auth     *profiles.HTTPAuth
	recorded map[string]profiles.HTTPCredentials
	order    []string
	seen     map[string][]string // Authorization headers met lately, and the credentials they are
	nonces   []string            // handed out lately: nonces and session cookies
	cookies  bool                // some of those recorded are cookies
	rand     *rand.Rand
}

const (
	httpSeenMax   = 256
	httpNoncesMax = 64
)

func newHTTPVisitors(st *State, sec *profiles.HTTP) *httpVisitors {
	return &httpVisitors{
		accounts: st.accounts, auth: sec.Auth, recorded: map[string]profiles.HTTPCredentials{},
		seen: map[string][]string{}, rand: st.Rand("http nonces " + sec.Port.String()),
	}
}

func (v *httpVisitors) add(name string, c profiles.HTTPCredentials) {
	if before, ok := v.recorded[name]; ok {
		c.Verify = append(slices.Clone(before.Verify), c.Verify...)
		c.Good = c.Good || before.Good
	} else {
		v.order = append(v.order, name)
		slices.Sort(v.order)
	}
	v.recorded[name] = c
	v.cookies = v.cookies || c.Scheme == "Cookie"
}

// names lists the recorded credentials that an Authorization header is.
func (v *httpVisitors) names(header string) []string {
	if names, ok := v.seen[header]; ok {
		return names
	}
	var names []string
	for _, name := range v.order {
		c := v.recorded[name]
		scheme, _, _ := strings.Cut(header, " ")
		if len(c.Verify) == 0 && strings.EqualFold(scheme, c.Scheme) {
			if user, _ := v.user(header); user == c.User {
				names = append(names, name)
			}
		}
		for _, verifier := range c.Verify {
			if profiles.Verify(verifier, []byte(header)) {
				names = append(names, name)
				break
			}
		}
	}
	if len(v.seen) >= httpSeenMax {
		clear(v.seen)
	}
	v.seen[strings.Clone(header)] = names
	return names
}

// good says whether recorded credentials were ever let in, and would be today.
func (v *httpVisitors) good(name string) bool {
	c := v.recorded[name]
	if !c.Good || c.User == "" {
		return c.Good
	}
	a := v.accounts.find(c.User)
	return a == nil || !a.renewed && !a.disabled
}

// user is who an Authorization header claims to be, and what proves it.
func (v *httpVisitors) user(header string) (name, proof string) {
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, "Basic"):
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		if err != nil {
			return "", ""
		}
		name, proof, _ = strings.Cut(string(b), ":")
	case strings.EqualFold(scheme, "Digest"):
		p := digestParameters(rest)
		return p["username"], p["response"]
	}
	return name, proof
}

// admits says whether the profile's accounts, or recorded credentials that were good, let a visitor in.
func (v *httpVisitors) admits(header, method string) bool {
	if header == "" {
		return false
	}
	for _, n := range v.names(header) {
		if v.good(n) {
			return true
		}
	}
	scheme, rest, _ := strings.Cut(header, " ")
	name, proof := v.user(header)
	for _, a := range v.accounts.all {
		switch {
		case a.Name != name || a.closed():
		case !strings.EqualFold(scheme, "Digest"):
			if a.admits(proof) {
				return true
			}
		case a.Policy == "accept" || a.Bait != "" && v.digestFits(digestParameters(rest), a.Bait, method):
			return true
		}
	}
	return false
}

// digestFits checks a response of the Digest scheme with MD5 (RFC 7616, section 3.4.1).
func (v *httpVisitors) digestFits(p map[string]string, password, method string) bool {
	if !slices.Contains(v.nonces, p["nonce"]) {
		return false
	}
	ha1 := md5hex(p["username"] + ":" + p["realm"] + ":" + password)
	ha2 := md5hex(method + ":" + p["uri"])
	want := ""
	if p["qop"] != "" {
		want = md5hex(ha1 + ":" + p["nonce"] + ":" + p["nc"] + ":" + p["cnonce"] + ":" + p["qop"] + ":" + ha2)
	} else {
		want = md5hex(ha1 + ":" + p["nonce"] + ":" + ha2)
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(p["response"]))) == 1
}

func md5hex(s string) string {
	d := md5.Sum([]byte(s))
	return hex.EncodeToString(d[:])
}

// digestParameters reads name=value pairs, the values quoted or not.
func digestParameters(s string) map[string]string {
	p := map[string]string{}
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		name = strings.ToLower(strings.Trim(name, " ,\t"))
		value := ""
		if strings.HasPrefix(rest, `"`) {
			value, rest, _ = strings.Cut(rest[1:], `"`)
			_, rest, _ = strings.Cut(rest, ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		p[name], s = strings.TrimSpace(value), rest
	}
	return p
}

// minted remembers a nonce that was handed out.
func (v *httpVisitors) minted(nonce string) {
	if slices.Contains(v.nonces, nonce) {
		return
	}
	if len(v.nonces) >= httpNoncesMax {
		v.nonces = append(v.nonces[:0], v.nonces[1:]...)
	}
	v.nonces = append(v.nonces, nonce)
}

// inSession says whether a Cookie header shows a token that was handed out lately.
func (v *httpVisitors) inSession(cookie string) bool {
	if cookie == "" {
		return false
	}
	return slices.ContainsFunc(v.nonces, func(token string) bool { return strings.Contains(cookie, token) })
}

// challenge asks for credentials (RFC 7617, RFC 7616). Its nonce is new each time.
func (v *httpVisitors) challenge(s *httpService) string {
	if v.auth.Scheme != "digest" {
		return `Basic realm="` + v.auth.Realm + `"`
	}
	nonce := s.mint([]byte("0123456789abcdef0123456789abcdef"))
	return `Digest realm="` + v.auth.Realm + `", qop="auth", algorithm=MD5, nonce="` + string(nonce) + `"`
}
