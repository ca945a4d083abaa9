package clone

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"ringer/capture/http"
)

// An httpSite is what is known of a web site while it is asked for.
type httpSite struct {
	a     *httpAsker
	seen  map[string]*httpPage // by target
	queue []*httpPage          // to be asked for
	pages []*httpPage          // that were asked for and answered, in that order
	asked int

	variants   map[string]int // queries, by path
	shapes     map[string]int // paths that differ in numbers only
	forbidden  []string       // by robots.txt
	skipped    []string       // what looks like an action
	challenges []string       // schemes that were asked for
	compresses bool

	beyond, deep, many, looped, disobeyed, guessed int // links that were not followed, and texts that were tried
}

// An httpPage is a target, and what was last said of it.
type httpPage struct {
	target string
	texts  []string // what links to it say
	depth  int
	guess  bool
	who    *httpLogin
	public *httpPage // of one that is asked for by somebody: what anybody gets

	asked    bool
	silent   bool // there was no whole answer
	status   int
	kind     pageKind
	size     int
	chunked  bool
	tag      string
	modified string
	where    string // it leads to
	sum      [sha256.Size]byte
	moves    bool
}

func newHTTPSite(a *httpAsker) *httpSite {
	return &httpSite{a: a, seen: map[string]*httpPage{}, variants: map[string]int{}, shapes: map[string]int{}}
}

// look notes what an answer is like.
func (p *httpPage) look(r *http.Response) {
	p.status, p.size = r.Status, len(r.Body)
	p.tag, p.modified, p.where = r.Headers.Get("ETag"), r.Headers.Get("Last-Modified"), r.Headers.Get("Location")
	p.kind = kindOfPage(r, r.Plain())
	p.sum = sha256.Sum256(append(fmt.Appendf(nil, "%d %s ", r.Status, p.where), r.Body...))
	p.silent, p.chunked = false, r.Headers.Lists("Transfer-Encoding", "chunked")
}

// Bounds of what links are followed, beside those that are options.
const (
	targetMax   = 2000 // bytes
	segmentsMax = 16
	repeatsMax  = 3  // of one folder in a path: /a/b/a/b/a/b is a loop
	shapeMax    = 64 // paths that are the same but for numbers
	guessesAll  = 500
)

// want queues a target, unless it was, or there are enough.
func (s *httpSite) want(l httpLink, depth int) {
	target := l.target
	if target == "" || len(target) > targetMax {
		return
	}
	if p := s.seen[target]; p != nil {
		if l.text != "" && len(p.texts) < 8 && !slices.Contains(p.texts, l.text) {
			p.texts = append(p.texts, l.text)
		}
		return
	}
	bare, query, _ := strings.Cut(target, "?")
	bare, session, _ := strings.Cut(bare, ";")
	switch {
	case depth > s.a.Depth:
		s.deep++
		return
	case loops(bare):
		s.looped++
		return
	case len(s.seen) >= s.a.Pages:
		s.beyond++
		return
	case l.guess && s.guessed >= guessesAll:
		return
	}
	if query != "" || session != "" {
		if s.variants[bare]++; s.variants[bare] > s.a.Variants {
			s.many++
			return
		}
	} else if shape := shapeOf(bare); shape != bare {
		if s.shapes[shape]++; s.shapes[shape] > shapeMax {
			s.many++
			return
		}
	}
	if l.guess {
		s.guessed++
	}
	p := &httpPage{target: target, depth: depth, guess: l.guess}
	if l.text != "" {
		p.texts = []string{l.text}
	}
	s.seen[target] = p
	s.queue = append(s.queue, p)
	s.a.v.Expect(s.a.name(), 1)
}

// loops says whether a path only goes in circles.
func loops(bare string) bool {
	parts := strings.Split(bare, "/")
	if len(parts) > segmentsMax {
		return true
	}
	count := map[string]int{}
	for _, p := range parts {
		if p != "" {
			if count[p]++; count[p] > repeatsMax {
				return true
			}
		}
	}
	return false
}

// shapeOf is a path with its numbers taken out.
func shapeOf(bare string) string {
	var b strings.Builder
	number := false
	for _, c := range []byte(bare) {
		if digit := c >= '0' && c <= '9'; !digit || !number {
			if number = digit; digit {
				c = '#'
			}
			b.WriteByte(c)
		}
	}
	return b.String()
}

// action is the word for which a page is not asked for; "" if there is none.
func (s *httpSite) action(p *httpPage) string {
	if s.a.AskActions || slices.Contains(s.a.Start, p.target) {
		return ""
	}
	return actionIn(p.target, p.texts...)
}

func (s *httpSite) skip(target string) {
	if !slices.Contains(s.skipped, target) {
		s.skipped = append(s.skipped, target)
	}
}

// disallowed: RFC 9309, section 2.2.2.
func (s *httpSite) disallowed(target string) bool {
	return slices.ContainsFunc(s.forbidden, func(prefix string) bool {
		prefix = strings.TrimSuffix(prefix, "$")
		at := 0
		for i, part := range strings.Split(prefix, "*") {
			k := strings.Index(target[at:], part)
			if k < 0 || i == 0 && k > 0 {
				return false
			}
			at += k + len(part)
		}
		return prefix != ""
	})
}

// read finds in an answer what else there is to ask for.
func (s *httpSite) read(p *httpPage, r *http.Response) {
	here, err := url.Parse(p.target)
	if err != nil {
		return
	}
	if p.where != "" && r.Status/100 == 3 {
		s.redirected(p, here)
	}
	if r.Status == 401 {
		s.challenged(p, r)
	}
	for _, l := range linkHeader(r.Headers) {
		s.link(here, l, p.depth+1)
	}
	var links []httpLink
	body := readable(r, s.a.MaxBody)
	switch {
	case p.target == "/robots.txt" && r.Status == 200:
		if links, s.forbidden = robots(body); p.kind == kindHTML { // a page for whatever is asked
			links, s.forbidden = nil, nil
		}
	case p.kind == kindHTML:
		var base string
		links, base = htmlLinks(body)
		if b, err := here.Parse(strings.TrimSpace(base)); err == nil && base != "" {
			if _, ok := s.local(b); ok {
				here = b
			}
		}
	case p.kind == kindCSS:
		links = cssLinks(body)
	case p.kind == kindScript, p.kind == kindJSON:
		links = scriptLinks(body)
	case p.kind == kindXML:
		links = sitemapLinks(body)
	}
	for _, l := range links {
		s.link(here, l, p.depth+1)
	}
}

// link queues what a reference leads to, if that is of this site.
func (s *httpSite) link(here *url.URL, l httpLink, depth int) {
	ref := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, strings.TrimSpace(l.ref))
	if ref, _, _ = strings.Cut(ref, "#"); ref == "" && l.text == "" || len(ref) > targetMax {
		return
	}
	u, err := here.Parse(ref)
	if err != nil {
		return
	}
	if target, ok := s.local(u); ok {
		l.target = target
		s.want(l, depth)
	}
}

// local gives the target of an address that is of this very service.
func (s *httpSite) local(u *url.URL) (target string, ok bool) {
	scheme := "http"
	if s.a.secure {
		scheme = "https"
	}
	if u.Opaque != "" || u.Host != "" && (u.Scheme != "" && u.Scheme != scheme || !s.named(u.Host)) || u.Host == "" && u.Scheme != "" {
		return "", false
	}
	target = u.EscapedPath()
	if target == "" {
		target = "/"
	}
	if !strings.HasPrefix(target, "/") {
		return "", false
	}
	if u.RawQuery != "" {
		target += "?" + strings.ReplaceAll(u.RawQuery, " ", "%20")
	}
	for _, c := range []byte(target) {
		if c <= ' ' || c >= 0x7f {
			return "", false
		}
	}
	return target, true
}

func (s *httpSite) named(host string) bool {
	return slices.ContainsFunc(s.a.names, func(n string) bool { return strings.EqualFold(n, host) })
}

// redirected follows within the site, and tells where else it leads.
func (s *httpSite) redirected(p *httpPage, here *url.URL) {
	u, err := here.Parse(p.where)
	if err != nil {
		return
	}
	if target, ok := s.local(u); ok {
		s.want(httpLink{target: target}, p.depth+1)
		return
	}
	s.a.v.Remark(s.a.name(), Fact, "%s%s leads to %s", s.a.where(), shortTarget(p.target), shortTarget(u.Scheme+"://"+u.Host))
}

// challenged notes how the device asks who is there.
func (s *httpSite) challenged(p *httpPage, r *http.Response) {
	for i := range r.Headers {
		if f := &r.Headers[i]; strings.EqualFold(f.Name, "WWW-Authenticate") {
			scheme, _, _ := strings.Cut(f.Value, " ")
			if !slices.Contains(s.challenges, scheme) {
				s.challenges = append(s.challenges, scheme)
			}
		}
	}
}

// folderOf is the folder that a target lies in.
func folderOf(target string) string {
	bare, _, _ := strings.Cut(target, "?")
	if dir := path.Dir(bare); dir != "/" && !strings.HasSuffix(bare, "/") {
		return dir + "/"
	} else if strings.HasSuffix(bare, "/") {
		return bare
	}
	return "/"
}

// shortTarget is a target as a summary prints it.
func shortTarget(target string) string {
	if len(target) > 100 {
		return target[:97] + "…"
	}
	return target
}

// skippedMax bounds how many remarks name what was not asked for.
const skippedMax = 50

// report sums up.
func (s *httpSite) report() {
	name, where := s.a.name(), s.a.where()
	say := func(kind Kind, format string, args ...any) { s.a.v.Remark(name, kind, where+format, args...) }
	byStatus := map[int]int{}
	protected, moving := 0, 0
	for _, p := range s.pages {
		if p.who != nil || p.silent {
			continue
		}
		byStatus[p.status]++
		if p.status == 401 || p.status == 403 {
			protected++
		}
		if p.moves {
			moving++
		}
	}
	say(Fact, "%d pages and files, %d of them moving, %d behind a log-in, %d redirects, %d that do not exist", byStatus[200], moving, protected,
		byStatus[301]+byStatus[302]+byStatus[303]+byStatus[307]+byStatus[308], byStatus[404])
	if len(s.challenges) > 0 {
		say(Fact, "asks for credentials: %s", strings.Join(s.challenges, ", "))
	}
	if s.compresses {
		say(Fact, "compresses for those who take gzip")
	}
	for i, target := range s.skipped {
		if i == skippedMax {
			say(Fact, "and %d more that were not asked: they look like actions", len(s.skipped)-i)
			break
		}
		say(Fact, "not asked: %s", shortTarget(target))
	}
	if s.beyond > 0 {
		say(Fact, "%d links were not followed: there are more than %d pages (--pages)", s.beyond, s.a.Pages)
	}
	if s.deep > 0 {
		say(Fact, "%d links were not followed: they lie deeper than %d (--depth)", s.deep, s.a.Depth)
	}
	if s.many > 0 {
		say(Fact, "%d links were not followed: more of the same (--variants %d)", s.many, s.a.Variants)
	}
	if s.looped > 0 {
		say(Suspicious, "%d links were not followed: their paths go round in circles", s.looped)
	}
	if s.disobeyed > 0 {
		say(Fact, "%d pages were not asked: robots.txt", s.disobeyed)
	}
}
