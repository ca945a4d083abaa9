package clone

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"ringer/capture/http"
	"ringer/profiles"
)

func (l *httpLearner) Finish(out *Output) (profiles.Section, error) {
	defer l.bodies.close()
	if l.err != nil {
		return nil, l.err
	}
	if !slices.ContainsFunc(l.order, (*httpRoute).answered) && l.malformed == "" && l.s.Record.Len() == 0 {
		return nil, nil
	}
	sec := &profiles.HTTP{Skew: l.skew, Hostless: l.hostless, Lenient: l.lenient, Unconditional: l.unconditional, SaysKeepAlive: l.keepAlive}
	if err := l.bodies.write(out); err != nil {
		return nil, err
	}
	var err error
	if sec.Routes, err = l.writeRoutes(out); err != nil {
		return nil, err
	}
	if sec.Samples, err = l.samples(out); err != nil {
		return nil, err
	}
	if sec.Redfish, err = l.redfish.finish(out, l.s.Name(), l.redfishBody); err != nil {
		return nil, err
	}
	sec.Volatile = l.volatile()
	if l.who.hidden {
		out.Redact("HTTP credentials", "salted verifiers")
	}
	if l.queries {
		out.Redact("secrets in HTTP queries", "salted digests")
	}
	if l.pageSecrets {
		out.Redact("tokens and passwords in HTTP pages", "others of the same shape")
	}
	if l.secrets {
		out.Redact("HTTP session cookies", "others of the same shape")
	}
	return sec, nil
}

// redfishBody is what a resource says, without the tokens of visitors.
func (l *httpLearner) redfishBody(f *redfishFound) []byte {
	b := f.unpacked(l.bodies.get(f.file))
	if f.packed && !l.s.Options.KeepSecrets {
		b = l.scrubBody(b, &http.Response{Headers: http.Headers{{Name: "Content-Type", Value: f.mime}}})
	}
	return b
}

func (l *httpLearner) writeRoutes(out *Output) ([]string, error) {
	f := profiles.HTTPRoutes{Salt: hex.EncodeToString(l.salt), Credentials: l.who.credentials(), Malformed: l.malformed, Replies: l.replies}
	for _, r := range l.order {
		if !r.answered() {
			continue // all that was asked was lost: what the device says is not known
		}
		r.Numbers, r.Clocks, r.Tokens = r.pages.dynamics(), r.pages.times(), r.pages.tokens()
		if route := r.HTTPRoute; r.known == nil || slices.Equal(r.known, r.Stranger) {
			route.Stranger = nil
			f.Routes = append(f.Routes, route)
			continue
		}
		r.Reply = r.known
		f.Routes = append(f.Routes, r.HTTPRoute)
	}
	name := "http/" + l.s.Name() + ".yaml"
	w, err := out.Create(name)
	if err != nil {
		return nil, err
	}
	if err := f.Write(w); err != nil {
		w.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return []string{name}, w.Close()
}

func (l *httpLearner) samples(out *Output) ([]string, error) {
	f := out.samples(l.s.Name())
	for _, r := range l.order { // those that never moved, too: in another capture of the device they may have
		if r.track.Runs() > 0 {
			f.add(r.Cell(), nil, &r.track)
		}
	}
	return f.close()
}

// httpVarying counts what one header was seen to hold.
type httpVarying struct {
	kind string
	last []byte
	seen int
}

// observe counts the values of headers that are of their time.
func (l *httpLearner) observe(t *httpTemplate) {
	for _, v := range t.varying {
		path := "Headers[" + strings.ToLower(v.header) + "].Value"
		o := l.varying[path]
		if o == nil {
			o = &httpVarying{kind: v.kind}
			l.varying[path] = o
		}
		if o.seen == 0 || !bytes.Equal(o.last, v.value) {
			o.seen++
			o.last = append(o.last[:0], v.value...)
		}
	}
}

// volatile lists the headers that were seen with at least two values of their time.
func (l *httpLearner) volatile() []profiles.Volatile {
	var all []profiles.Volatile
	for path, o := range l.varying {
		if o.seen >= 2 {
			all = append(all, profiles.Volatile{Path: path, Kind: o.kind, Seen: o.seen})
		}
	}
	slices.SortFunc(all, func(a, b profiles.Volatile) int { return cmp.Compare(a.Path, b.Path) })
	return all
}
