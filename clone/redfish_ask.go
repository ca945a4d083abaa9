package clone

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/profiles"
)

// RedfishCrawl asks a Redfish service (DSP0266) for all resources that its service root leads to: what
// members @odata.id of JSON name, and nothing else. It only reads, and opens no session: every request has
// Basic credentials, if any.
//
// How the service refuses is asked first; then every resource, once more after a while, and those that
// changed a few times more.
type RedfishCrawl struct {
	Resources int           // asked for at most; 0: 4000
	Depth     int           // links away from the service root; 0: 16
	MaxBody   int           // bytes of a resource; 0: 8 MiB
	Samples   int           // of resources that change; 0: 4
	Every     time.Duration // between them; 0: 2 s
	User      string        // NAME:PASSWORD
	Agent     string        // User-Agent

	// Site is what is asked of the pages beside it; nil: nothing.
	Site *HTTPCrawl
}

const (
	redfishResources = 4000
	redfishDepth     = 16
	redfishSamples   = 4
	redfishRoot      = "/redfish/v1/"
)

func (c *RedfishCrawl) Protocol() wire.Protocol { return http.Protocol{} }

// Ports are those that management controllers are found on.
func (c *RedfishCrawl) Ports() []profiles.Port { return []profiles.Port{{Number: 443}, {Number: 8443}} }

// Plan says what is asked of a service.
func (c *RedfishCrawl) Plan(care Care) []Step {
	steps := []Step{
		{"the service root, odata, $metadata", 4, 4},
		{"how it refuses", 3, 5},
		{"resources, by @odata.id", 0, c.resources()},
		{"every resource again", 0, c.resources()},
		{"resources that change", 0, 0},
	}
	if c.Site != nil {
		steps = append(steps, c.Site.Plan(care)...)
	}
	return steps
}

func (c *RedfishCrawl) resources() int {
	if c.Resources > 0 {
		return c.Resources
	}
	return redfishResources
}

// Check says what is wrong with the options.
func (c *RedfishCrawl) Check() error { return c.crawl().Check() }

// crawl is the client that asks.
func (c *RedfishCrawl) crawl() *HTTPCrawl {
	return &HTTPCrawl{User: c.User, MaxBody: c.MaxBody, Every: c.Every, Agent: c.Agent}
}

// Probe asks for the service root.
func (c *RedfishCrawl) Probe(ctx context.Context, v *Visit, port profiles.Port) error {
	w, err := c.open(ctx, v, port)
	if err == nil {
		w.a.hangUp()
	}
	return err
}

// open connects, and sees whether there is a service root.
func (c *RedfishCrawl) open(ctx context.Context, v *Visit, port profiles.Port) (*redfishWalk, error) {
	a, err := c.crawl().open(ctx, v, port)
	if err != nil {
		return nil, err
	}
	w := &redfishWalk{c: c, a: a, seen: map[string]bool{}}
	root := &redfishPage{target: redfishRoot}
	err = w.get(ctx, root)
	if err == nil && (root.status != 200 || !json.Valid(root.body) || jsonLinks(root.body) == nil) {
		err = ErrNotSpoken
	}
	if err != nil {
		a.hangUp()
		return nil, err
	}
	return w, nil
}

// Scan asks for the whole tree.
func (c *RedfishCrawl) Scan(ctx context.Context, v *Visit, port profiles.Port) error {
	if err := c.Check(); err != nil {
		return err
	}
	w, err := c.open(ctx, v, port)
	if err != nil {
		return err
	}
	err = w.walk(ctx)
	w.a.hangUp()
	if err != nil || c.Site == nil {
		return err
	}
	return c.Site.Scan(ctx, v, port)
}

// A redfishWalk is one crawl.
type redfishWalk struct {
	c     *RedfishCrawl
	a     *httpAsker
	who   *httpLogin // nil: there are no credentials
	seen  map[string]bool
	queue []*redfishPage
	pages []*redfishPage
	shut  int
}

// A redfishPage is a resource that is asked for.
type redfishPage struct {
	target string
	depth  int
	status int
	body   []byte // of the last answer, until it was read
	sum    uint64
	moved  bool
	failed bool
}

func (w *redfishWalk) walk(ctx context.Context) error {
	if w.c.User != "" {
		w.who = newHTTPLogin(&w.a.HTTPCrawl)
		w.who.scheme = "Basic"
	}
	for _, step := range []func(context.Context) error{w.begin, w.refusals, w.follow, w.again, w.samples} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if w.shut > 0 {
		w.a.v.Remark(w.a.name(), Suspicious, "%s%d resources are shut to these credentials", w.a.where(), w.shut)
	}
	w.a.v.Remark(w.a.name(), Fact, "%sRedfish: %d resources", w.a.where(), len(w.pages)-w.shut)
	return nil
}

// begin asks for what is open to everybody.
func (w *redfishWalk) begin(ctx context.Context) error {
	for _, target := range []string{"/redfish", "/redfish/v1/odata", "/redfish/v1/$metadata"} {
		if err := w.get(ctx, &redfishPage{target: target}); err != nil {
			return err
		}
	}
	return nil
}

// refusals asks for what is not there, and for what is shut to others.
func (w *redfishWalk) refusals(ctx context.Context) error {
	if err := w.get(ctx, &redfishPage{target: "/redfish/v1/Systems"}); err != nil {
		return err
	}
	w.a.who = w.who
	if err := w.get(ctx, &redfishPage{target: "/redfish/v1/Nothing/1"}); err != nil {
		return err
	}
	_, err := w.a.ask(ctx, w.a.request("HEAD", redfishRoot))
	if err != nil && !goOn(err) {
		return err
	}
	return nil
}

// follow asks for everything that is linked.
func (w *redfishWalk) follow(ctx context.Context) error {
	w.want(redfishRoot, 0)
	depth := w.c.Depth
	if depth <= 0 {
		depth = redfishDepth
	}
	for len(w.queue) > 0 && len(w.pages) < w.c.resources() {
		p := w.queue[0]
		w.queue = w.queue[1:]
		if err := w.get(ctx, p); err != nil {
			return err
		}
		w.pages = append(w.pages, p)
		if p.status == 401 || p.status == 403 {
			w.shut++
		}
		if p.status == 200 && p.depth < depth {
			for _, link := range jsonLinks(p.body) {
				w.want(link, p.depth+1)
			}
		}
		p.body = nil
	}
	if len(w.queue) > 0 {
		w.a.v.Remark(w.a.name(), Suspicious, "%s%d resources were not asked for: more than %d are not", w.a.where(), len(w.queue), w.c.resources())
	}
	return nil
}

// want puts a resource into the queue, if it is one of this service and was not there yet.
func (w *redfishWalk) want(link string, depth int) {
	link, _, _ = strings.Cut(link, "#")
	key := strings.TrimSuffix(link, "/")
	if !strings.HasPrefix(link, "/redfish/") || w.seen[key] || len(link) > 2048 || len(w.seen) > 4*w.c.resources() ||
		strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || strings.Contains(link, "/../") {
		return
	}
	if u, err := url.Parse(link); err != nil || u.Path == "" {
		return
	}
	w.seen[key] = true
	w.queue = append(w.queue, &redfishPage{target: link, depth: depth})
	w.a.v.Expect(w.a.name(), 1)
}

// get asks for a resource. An answer that does not come is noted, and the walk goes on.
func (w *redfishWalk) get(ctx context.Context, p *redfishPage) error {
	r, err := w.a.ask(ctx, w.a.request("GET", p.target))
	switch {
	case err != nil && !goOn(err):
		return err
	case err != nil:
		p.failed = true
		w.a.v.Remark(w.a.name(), Suspicious, "%s%s: %v", w.a.where(), shortTarget(p.target), err)
		return nil
	case r == nil:
		return nil
	}
	p.status, p.body = r.Status, r.Plain()
	sum := quickSum(p.body)
	p.moved = p.moved || p.sum != 0 && p.sum != sum
	p.sum = sum
	return nil
}

// quickSum tells one body from another; never 0.
func quickSum(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return max(h, 1)
}

// again asks for every resource a second time.
func (w *redfishWalk) again(ctx context.Context) error {
	return w.once(ctx, w.pages)
}

// samples asks a few times more for what changed.
func (w *redfishWalk) samples(ctx context.Context) error {
	moving := slices.DeleteFunc(slices.Clone(w.pages), func(p *redfishPage) bool { return !p.moved })
	n := w.c.Samples
	if n <= 0 {
		n = redfishSamples
	}
	for range n - 2 {
		if err := w.once(ctx, moving); err != nil {
			return err
		}
	}
	return nil
}

func (w *redfishWalk) once(ctx context.Context, pages []*redfishPage) error {
	pages = slices.DeleteFunc(slices.Clone(pages), func(p *redfishPage) bool { return p.failed || p.status != 200 })
	if len(pages) == 0 {
		return nil
	}
	w.a.v.Expect(w.a.name(), len(pages))
	if err := w.a.wait(ctx, w.a.Every); err != nil {
		return err
	}
	for _, p := range pages {
		if err := w.get(ctx, p); err != nil {
			return err
		}
		p.body = nil
	}
	return nil
}

// jsonLinks lists what the members @odata.id of a document name, and the pages that follow a collection.
// nil: it is no JSON, or names nothing.
func jsonLinks(body []byte) (links []string) {
	d := json.NewDecoder(bytes.NewReader(body))
	type level struct{ object, value bool } // value: the next token is a member's value
	var stack []level
	name := ""
	for {
		t, err := d.Token()
		if err != nil {
			return links
		}
		top := len(stack) - 1
		if top >= 0 && stack[top].object && !stack[top].value {
			if key, ok := t.(string); ok {
				name = key
				stack[top].value = true
				continue
			}
		}
		if top >= 0 {
			stack[top].value = false
		}
		switch t := t.(type) {
		case json.Delim:
			switch t {
			case '{', '[':
				stack = append(stack, level{object: t == '{'})
			default:
				if top >= 0 {
					stack = stack[:top]
				}
			}
		case string:
			if top >= 0 && stack[top].object && (name == "@odata.id" || name == "@Redfish.ActionInfo" || strings.HasSuffix(name, "@odata.nextLink")) {
				links = append(links, t)
			}
		}
	}
}
