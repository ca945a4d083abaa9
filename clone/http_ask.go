package clone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/profiles"
)

// HTTPCrawl asks a web server for all that its pages lead to. Nothing is submitted, and what looks like an
// action is not asked for at all (http_ask_actions.go).
//
// It goes over the site without credentials first, then with them if it has any. How the device refuses,
// shortens and compresses is asked once each; then every page a second time, and those that changed a few
// times more, so that what moves in them is seen to move.
type HTTPCrawl struct {
	Pages    int           // asked for at most, in one round; 0: 1000
	Depth    int           // links away from the first page; 0: 12
	Variants int           // of one path: queries; 0: 8
	MaxBody  int           // bytes; a longer one is cut off and not learned; 0: 8 MiB
	Samples  int           // of pages that change; 0: 6
	Every    time.Duration // between them; 0: 2 s

	Robots     bool // keep to robots.txt
	AskActions bool // ask for what looks like an action, too

	User    string   // NAME:PASSWORD, for Basic and Digest
	Cookies []string // NAME=VALUE
	Headers []string // NAME: VALUE, of who is logged in
	Start   []string // paths to begin with, beside /
	Agent   string   // User-Agent
}

const (
	crawlPages    = 1000
	crawlDepth    = 12
	crawlVariants = 8
	crawlMaxBody  = 8 << 20
	crawlSamples  = 6
	crawlEvery    = 2 * time.Second
	crawlAgent    = "Mozilla/5.0 (compatible; ringer)"
)

// Protocol is what it asks in.
func (c *HTTPCrawl) Protocol() wire.Protocol { return http.Protocol{} }

// Ports are those that web servers of devices are found on.
func (c *HTTPCrawl) Ports() []profiles.Port {
	var all []profiles.Port
	for _, n := range [...]uint16{80, 443, 8080, 8443, 8000, 8888, 81, 591, 631, 5000, 8008, 8081, 8088, 4443, 9443} {
		all = append(all, profiles.Port{Number: n})
	}
	return all
}

// Plan says what is asked of a web server.
func (c *HTTPCrawl) Plan(Care) []Step {
	o := c.options()
	steps := []Step{
		{"GET / and whether it is HTTP or HTTPS", 1, 2},
		{"robots.txt, sitemap.xml, favicon.ico", 3, 3},
		{"paths that do not exist", 1, 1 + strangeFolders},
		{"OPTIONS, TRACE, HTTP/1.0, no Host, Connection: close", 6, 6},
		{"GET / over older versions of TLS", 0, 3},
		{"HEAD", 1, headsAsked},
		{"pages, by link", 0, o.Pages},
		{"conditional, partial and compressed", 0, 2*conditionsAsked + 2 + o.Pages},
		{"every page again", 1, o.Pages},
		{fmt.Sprintf("pages that change, %d times in all, every %v", o.Samples, o.Every), 0, 0},
	}
	if o.identified() {
		steps = slices.Insert(steps, 7, Step{"pages, logged in", 1, o.Pages})
	}
	return steps
}

// options fills in what was left to the crawl.
func (c *HTTPCrawl) options() HTTPCrawl {
	o := *c
	for _, x := range []struct {
		value *int
		usual int
	}{{&o.Pages, crawlPages}, {&o.Depth, crawlDepth}, {&o.Variants, crawlVariants}, {&o.MaxBody, crawlMaxBody}, {&o.Samples, crawlSamples}} {
		if *x.value <= 0 {
			*x.value = x.usual
		}
	}
	if o.Every <= 0 {
		o.Every = crawlEvery
	}
	if o.Agent == "" {
		o.Agent = crawlAgent
	}
	return o
}

// identified says whether there is anything to log in with.
func (c *HTTPCrawl) identified() bool {
	return c.User != "" || len(c.Cookies) > 0 || len(c.Headers) > 0
}

// Check says what is wrong with the options.
func (c *HTTPCrawl) Check() error {
	if c.User != "" && !strings.Contains(c.User, ":") {
		return errors.New("user: want NAME:PASSWORD")
	}
	for _, v := range c.Cookies {
		if name, _, ok := strings.Cut(v, "="); !ok || name == "" || strings.ContainsAny(v, "\r\n") {
			return errors.New("cookie: want NAME=VALUE")
		}
	}
	for _, v := range c.Headers {
		if name, _, ok := strings.Cut(v, ":"); !ok || name == "" || strings.ContainsAny(v, "\r\n") || strings.ContainsAny(name, " \t") {
			return errors.New("header: want NAME: VALUE")
		}
		for _, ours := range [...]string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade"} {
			if name, _, _ := strings.Cut(v, ":"); strings.EqualFold(name, ours) {
				return fmt.Errorf("header: %s is not for choosing: it says where a request ends, and to whom it goes", ours)
			}
		}
	}
	for _, p := range c.Start {
		if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, " \r\n") {
			return fmt.Errorf("start: %q is not the path of a page: it begins with a slash", p)
		}
	}
	return nil
}

// Probe asks for the first page.
func (c *HTTPCrawl) Probe(ctx context.Context, v *Visit, port profiles.Port) error {
	a, err := c.open(ctx, v, port)
	if err == nil {
		a.hangUp()
	}
	return err
}

// Scan asks for the whole site.
func (c *HTTPCrawl) Scan(ctx context.Context, v *Visit, port profiles.Port) error {
	if err := c.Check(); err != nil {
		return err
	}
	a, err := c.open(ctx, v, port)
	if err != nil {
		return err
	}
	defer a.hangUp()
	s := newHTTPSite(a)
	err = s.crawl(ctx)
	s.report()
	if err == nil {
		s.follow()
	}
	return err
}

// crawl asks for all there is, the most telling first.
func (s *httpSite) crawl(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.begin, s.versions, s.refusals, s.rest, s.logIn, s.asides, s.again, s.samples,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin asks for what sites are entered by.
func (s *httpSite) begin(ctx context.Context) error {
	s.want(httpLink{target: "/"}, 0)
	for _, p := range s.a.Start {
		s.want(httpLink{target: p}, 0)
	}
	if err := s.next(ctx); err != nil { // the first page
		return err
	}
	s.want(httpLink{target: "/robots.txt"}, 0)
	s.want(httpLink{target: "/sitemap.xml"}, 0)
	s.want(httpLink{target: "/favicon.ico"}, 0)
	return nil
}

// rest asks for what is known and was not asked for, until there is no more.
func (s *httpSite) rest(ctx context.Context) error {
	for len(s.queue) > 0 {
		if err := s.next(ctx); err != nil {
			return err
		}
	}
	return nil
}

// next asks for the first page of the queue.
func (s *httpSite) next(ctx context.Context) error {
	p := s.queue[0]
	s.queue = s.queue[1:]
	if word := s.action(p); word != "" {
		s.skip(p.target)
		return nil
	}
	if s.a.Robots && s.disallowed(p.target) {
		s.disobeyed++
		return nil
	}
	p.asked = true
	s.asked++
	r, err := s.get(ctx, p)
	if err != nil || r == nil {
		return err
	}
	s.pages = append(s.pages, p)
	s.read(p, r)
	return nil
}

// get asks for a page, and notes what it is like. Nothing comes back if there was no answer.
func (s *httpSite) get(ctx context.Context, p *httpPage) (*http.Response, error) {
	r, err := s.a.get(ctx, p.target)
	if err != nil {
		if !goOn(err) {
			return nil, err
		}
		s.unanswered(p, err)
		return nil, nil
	}
	if r != nil {
		p.look(r)
	}
	return r, nil
}

// unanswered notes what a question came to. A page that does not end is not asked for again.
func (s *httpSite) unanswered(p *httpPage, err error) {
	p.silent = true
	name := s.a.name()
	switch {
	case errors.Is(err, ErrTooLong):
		s.a.v.Remark(name, Suspicious, "%s%s: cut off, and not learned: it does not end within %d bytes or %v", s.a.where(), shortTarget(p.target), s.a.MaxBody, patience*s.a.v.Care.Timeout)
	case errors.Is(err, ErrGarbled):
		s.a.v.Remark(name, Suspicious, "%s%s: the answer is not HTTP", s.a.where(), shortTarget(p.target))
	case errors.Is(err, ErrHungUp):
		s.a.v.Remark(name, Suspicious, "%s%s: the device hangs up before the end of its answer", s.a.where(), shortTarget(p.target))
	case errors.Is(err, ErrSilent):
		s.a.v.Remark(name, Suspicious, "%s%s: no answer", s.a.where(), shortTarget(p.target))
	}
}

// again asks for every page a second time: what differs then changes by itself.
func (s *httpSite) again(ctx context.Context) error {
	s.a.v.Expect(s.a.name(), len(s.pages))
	if err := s.a.wait(ctx, s.a.Every); err != nil { // a clock that tells seconds is to have moved
		return err
	}
	for _, p := range s.pages {
		if err := s.asWho(p, func() error { return s.revisit(ctx, p) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *httpSite) revisit(ctx context.Context, p *httpPage) error {
	if p.silent {
		return nil
	}
	before := p.sum
	if _, err := s.get(ctx, p); err != nil {
		return err
	}
	p.moves = p.moves || p.sum != before
	return nil
}

// samples asks a few times more for what changes, and for what pages read by script.
func (s *httpSite) samples(ctx context.Context) error {
	moving := s.moving()
	if len(moving) == 0 {
		return nil
	}
	s.a.v.Expect(s.a.name(), (s.a.Samples-2)*len(moving))
	for range s.a.Samples - 2 {
		if err := s.a.wait(ctx, s.a.Every); err != nil {
			return err
		}
		for _, p := range moving {
			if err := s.asWho(p, func() error { return s.revisit(ctx, p) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// moving are the pages that change, and those that may.
func (s *httpSite) moving() (all []*httpPage) {
	for _, p := range s.pages {
		if !p.silent && p.status == 200 && (p.moves || p.kind == kindJSON) {
			all = append(all, p)
		}
	}
	return all
}

// follow leaves pages that move to be read with other protocols: data for scripts first, then the shorter ones.
func (s *httpSite) follow() {
	all := s.moving()
	moved := 0
	for _, p := range all {
		if p.moves {
			moved++
		}
	}
	slices.SortStableFunc(all, func(p, q *httpPage) int {
		return cmp.Or(cmp.Compare(p.rank(), q.rank()), cmp.Compare(p.size, q.size))
	})
	all = all[:min(len(all), togetherRest)]
	s.a.v.follow(follower{protocol: s.a.name(), port: s.a.port, moved: moved, questions: len(all), hangUp: s.a.hangUp, read: func(ctx context.Context) error {
		for _, p := range all {
			if err := s.asWho(p, func() error { return s.revisit(ctx, p) }); err != nil {
				return err
			}
		}
		return nil
	}})
}

// rank is lower for pages that are more likely to say what other protocols say.
func (p *httpPage) rank() int {
	switch {
	case !p.moves:
		return 2
	case p.kind != kindJSON:
		return 1
	}
	return 0
}
