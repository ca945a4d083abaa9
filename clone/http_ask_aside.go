package clone

import (
	"bytes"
	"context"
	"crypto/tls"
	"strconv"
	"strings"

	"ringer/capture/http"
)

// What a device says beside its pages: how it refuses, shortens and compresses.

// strangePath exists nowhere.
const strangePath = "qz7x1w-not-here"

const (
	strangeFolders  = 4
	headsAsked      = 6
	conditionsAsked = 4
	rangeBody       = 200 // bytes, of which a part is worth asking for
)

// one asks a single question whose answer nothing follows from.
func (s *httpSite) one(ctx context.Context, req *http.Request) (*http.Response, error) {
	s.a.v.Expect(s.a.name(), 1)
	r, err := s.a.ask(ctx, req)
	if err != nil && !goOn(err) {
		return nil, err
	}
	return r, nil
}

// refusals are asked early: they tell more of a device than most of its pages.
func (s *httpSite) refusals(ctx context.Context) error {
	a := s.a
	for _, req := range []*http.Request{
		a.request("GET", "/"+strangePath),
		a.request("OPTIONS", "/"),
		a.request("OPTIONS", "*"),
		a.request("TRACE", "/"),
		a.request("HEAD", "/"),
		a.request("GET", "/", http.Header{Name: "Connection", Value: "close"}),
		{Method: "GET", Target: "/", Version: "HTTP/1.0"},
		{Method: "GET", Target: "/", Version: "HTTP/1.1", Headers: http.Headers{{Name: "User-Agent", Value: a.Agent}, {Name: "Accept", Value: "*/*"}}},
	} {
		if _, err := s.one(ctx, req); err != nil {
			return err
		}
	}
	return nil
}

// versions asks over older versions of TLS, down to the first that the device does not speak.
func (s *httpSite) versions(ctx context.Context) error {
	if !s.a.secure {
		return nil
	}
	s.a.hangUp() // the device may take no more than one connection
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10} {
		old := s.a.HTTPCrawl.asker(s.a.v, s.a.port, true)
		old.k.tls.MaxVersion = version
		spoken, _, err := old.spoken(ctx)
		old.hangUp()
		if err != nil {
			return err
		}
		if !spoken {
			s.a.v.Remark(s.a.name(), NotThere, "%s%s", s.a.where(), tls.VersionName(version))
			return nil
		}
		s.a.v.Remark(s.a.name(), Fact, "%sspeaks %s", s.a.where(), tls.VersionName(version))
	}
	return nil
}

// asides asks what depends on the pages that were found.
func (s *httpSite) asides(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.strange, s.heads, s.conditions, s.parts, s.packed} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// strange asks for what does not exist in folders that do.
func (s *httpSite) strange(ctx context.Context) error {
	asked := map[string]bool{"/": true}
	for _, p := range s.pages {
		folder := folderOf(p.target)
		if asked[folder] || p.status == 404 || p.who != nil || actionIn(folder) != "" && !s.a.AskActions {
			continue
		}
		if asked[folder] = true; len(asked) > strangeFolders+1 {
			break
		}
		if _, err := s.one(ctx, s.a.request("GET", folder+strangePath)); err != nil {
			return err
		}
	}
	return nil
}

// heads asks for the heads of a few pages of different kinds.
func (s *httpSite) heads(ctx context.Context) error {
	type like struct {
		status  int
		kind    pageKind
		chunked bool
	}
	asked := map[like]bool{{200, kindHTML, s.seen["/"].chunked}: s.seen["/"].status == 200}
	for _, p := range s.pages {
		k := like{p.status, p.kind, p.chunked}
		if asked[k] || p.who != nil || p.silent || p.target == "/" {
			continue
		}
		if asked[k] = true; len(asked) > headsAsked {
			break
		}
		if _, err := s.one(ctx, s.a.request("HEAD", p.target)); err != nil {
			return err
		}
	}
	return nil
}

// conditions asks for what the crawl has already, by each of the validators.
func (s *httpSite) conditions(ctx context.Context) error {
	asked := map[pageKind]bool{}
	n := 0
	for _, p := range s.pages {
		if p.status != 200 || p.who != nil || p.tag == "" && p.modified == "" || asked[p.kind] || n == conditionsAsked {
			continue
		}
		asked[p.kind] = true
		n++
		for _, h := range []http.Header{{Name: "If-None-Match", Value: p.tag}, {Name: "If-Modified-Since", Value: p.modified}} {
			if h.Value == "" {
				continue
			}
			if _, err := s.one(ctx, s.a.request("GET", p.target, h)); err != nil {
				return err
			}
		}
	}
	return nil
}

// parts asks for the beginning of one file, and for what lies behind its end.
func (s *httpSite) parts(ctx context.Context) error {
	var best *httpPage
	for _, p := range s.pages {
		if p.status == 200 && p.who == nil && !p.moves && p.size > rangeBody && (best == nil || p.kind != kindHTML && best.kind == kindHTML) {
			best = p
		}
	}
	if best == nil {
		return nil
	}
	for _, span := range []string{"bytes=0-99", "bytes=" + strconv.Itoa(best.size+1000) + "-"} {
		if _, err := s.one(ctx, s.a.request("GET", best.target, http.Header{Name: "Range", Value: span})); err != nil {
			return err
		}
	}
	return nil
}

// packed asks whether the device compresses; if it does, for all that may be worth it.
func (s *httpSite) packed(ctx context.Context) error {
	tried := map[pageKind]bool{}
	for _, p := range s.pages {
		if p.status != 200 || p.silent || p.kind == kindOther || tried[p.kind] && !s.compresses {
			continue
		}
		tried[p.kind] = tried[p.kind] || p.size > rangeBody
		err := s.asWho(p, func() error {
			r, err := s.one(ctx, s.a.request("GET", p.target, http.Header{Name: "Accept-Encoding", Value: "gzip"}))
			if r != nil && strings.Contains(strings.ToLower(r.Headers.Get("Content-Encoding")), "gzip") && bytes.HasPrefix(r.Plain(), []byte{0x1f, 0x8b}) {
				s.compresses = true
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
