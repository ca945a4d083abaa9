package clone

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"ringer/capture/http"
)

// An httpLogin is who the crawl asks as: by the Basic scheme (RFC 7617), the Digest scheme (RFC 7616), or with
// headers and cookies that were given.
type httpLogin struct {
	user, password string
	named          bool
	given          []string // headers
	scheme         string   // that the device asked for last; "": none yet
	digest         map[string]string
	count          int // of the requests with the nonce
}

func newHTTPLogin(c *HTTPCrawl) *httpLogin {
	l := &httpLogin{given: c.Headers}
	l.user, l.password, l.named = strings.Cut(c.User, ":")
	return l
}

// challenged takes the challenge of a 401, and says whether asking again makes sense.
func (l *httpLogin) challenged(r *http.Response) bool {
	if !l.named {
		return false
	}
	fresh := false
	best := ""
	for i := range r.Headers {
		f := &r.Headers[i]
		if !strings.EqualFold(f.Name, "WWW-Authenticate") {
			continue
		}
		scheme, rest, _ := strings.Cut(strings.TrimSpace(f.Value), " ")
		switch {
		case strings.EqualFold(scheme, "Digest"):
			p := challengeParameters(rest)
			if digestHash(p["algorithm"]) == nil || p["qop"] != "" && !listsWord(p["qop"], "auth") || best == "Digest" && strings.EqualFold(p["algorithm"], "MD5") {
				continue
			}
			best = "Digest"
			fresh = l.digest["nonce"] != p["nonce"]
			if fresh {
				l.count = 0
			}
			l.digest = p
		case strings.EqualFold(scheme, "Basic") && best == "":
			best = "Basic"
		}
	}
	again := best != "" && (best != l.scheme || best == "Digest" && fresh)
	if best != "" {
		l.scheme = best
	}
	return again
}

// headers are what a request is signed with.
func (l *httpLogin) headers(method, target string) (all []http.Header) {
	switch {
	case !l.named:
	case l.scheme == "Basic":
		all = append(all, http.Header{Name: "Authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(l.user+":"+l.password))})
	case l.scheme == "Digest":
		all = append(all, http.Header{Name: "Authorization", Value: l.response(method, target)})
	}
	for _, g := range l.given {
		name, value, _ := strings.Cut(g, ":")
		all = append(all, http.Header{Name: name, Value: strings.TrimSpace(value)})
	}
	return all
}

// response answers a challenge (RFC 7616, section 3.4). The client's nonce follows from the question, so that
// a crawl that is resumed asks the same.
func (l *httpLogin) response(method, target string) string {
	p := l.digest
	hash := digestHash(p["algorithm"])
	l.count++
	ha1 := hash(l.user + ":" + p["realm"] + ":" + l.password)
	ha2 := hash(method + ":" + target)
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s", realm="%s", nonce="%s", uri="%s"`, quoted(l.user), quoted(p["realm"]), quoted(p["nonce"]), target)
	if p["qop"] == "" { // RFC 2069
		fmt.Fprintf(&b, `, response="%s"`, hash(ha1+":"+p["nonce"]+":"+ha2))
	} else {
		nc := fmt.Sprintf("%08x", l.count)
		cnonce := hash(nc + p["nonce"] + target)[:16]
		fmt.Fprintf(&b, `, response="%s", qop=auth, nc=%s, cnonce="%s"`, hash(strings.Join([]string{ha1, p["nonce"], nc, cnonce, "auth", ha2}, ":")), nc, cnonce)
	}
	if p["algorithm"] != "" {
		b.WriteString(", algorithm=" + p["algorithm"])
	}
	if p["opaque"] != "" {
		fmt.Fprintf(&b, `, opaque="%s"`, quoted(p["opaque"]))
	}
	return b.String()
}

func quoted(s string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) }

// digestHash is the function that an algorithm is named after; nil: it is not known.
func digestHash(algorithm string) func(string) string {
	switch strings.ToUpper(algorithm) {
	case "", "MD5":
		return func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	case "SHA-256":
		return func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	}
	return nil
}

func listsWord(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(w), word) {
			return true
		}
	}
	return false
}

// challengeParameters reads the parameters of a challenge, the values quoted or not.
func challengeParameters(s string) map[string]string {
	p := map[string]string{}
	for s = strings.TrimLeft(s, " ,\t"); s != "" && len(p) < 32; s = strings.TrimLeft(s, " ,\t") {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		var value strings.Builder
		if quote := strings.HasPrefix(rest, `"`); quote {
			i := 1
			for ; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == '\\' && i+1 < len(rest) {
					i++
				}
				value.WriteByte(rest[i])
			}
			s = rest[min(i+1, len(rest)):]
		} else {
			var text string
			text, s, _ = strings.Cut(rest, ",")
			value.WriteString(strings.TrimSpace(text))
		}
		p[strings.ToLower(strings.TrimSpace(name))] = value.String()
	}
	return p
}

// logIn goes over the site once more as somebody in particular: over what was refused, what led elsewhere, and
// the pages, which may show more now. What is found on the way is asked for without credentials first.
func (s *httpSite) logIn(ctx context.Context) error {
	if !s.a.identified() {
		return nil
	}
	who := newHTTPLogin(&s.a.HTTPCrawl)
	public := s.pages
	let, shut := 0, 0
	for i := 0; i < len(public); i++ {
		p := public[i]
		refused := p.status == 401 || p.status == 403
		if p.silent || !refused && p.status/100 != 3 && (p.status != 200 || p.kind != kindHTML && p.kind != kindJSON) {
			continue
		}
		mine := &httpPage{target: p.target, texts: p.texts, depth: p.depth, who: who, public: p}
		err := s.asWho(mine, func() error {
			r, err := s.get(ctx, mine)
			if r == nil {
				return err
			}
			s.pages = append(s.pages, mine)
			if s.read(mine, r); refused && r.Status < 400 {
				let++
			} else if refused {
				shut++
			}
			return nil
		})
		if err != nil {
			return err
		}
		before := len(s.pages)
		if err := s.rest(ctx); err != nil { // what this page leads to, as nobody in particular
			return err
		}
		public = append(public, s.pages[before:]...)
	}
	switch {
	case let > 0:
		s.a.v.Remark(s.a.name(), Fact, "%slogged in: %d pages that are shut to others are open", s.a.where(), let)
	case shut > 0:
		s.a.v.Remark(s.a.name(), Suspicious, "%sthe credentials open nothing", s.a.where())
	}
	return nil
}

// asWho asks for a page as it was asked for before.
func (s *httpSite) asWho(p *httpPage, ask func() error) error {
	s.a.who = p.who
	defer func() { s.a.who = nil }()
	return ask()
}
