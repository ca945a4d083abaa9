package clone

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"ringer/capture/http"
	"ringer/profiles"
)

// An httpTemplate is a head with slots for what is of its time, and what the slots held.
type httpTemplate struct {
	head    string
	sample  profiles.HTTPSample
	handles []int // which tokens are session handles: the values of cookies and of headers made for them
	varying []struct {
		header, kind string
		value        []byte
	}
}

// escapeSlots keeps text from being read as a slot.
func escapeSlots(s string) string { return strings.ReplaceAll(s, "${", "$${") }

// templateHead makes one of a response to a request that came by a scheme, http or https.
func templateHead(r *http.Response, req *http.Request, scheme string) httpTemplate {
	t := httpTemplate{}
	if when, _, ok := profiles.ParseHTTPDate(r.Headers.Get("Date")); ok {
		t.sample.Date, t.sample.Dated = when.Unix(), true
		if !t.sample.Fits() {
			t.sample = profiles.HTTPSample{}
		}
	}
	host := ""
	if req != nil {
		host = req.Headers.Get("Host")
	}
	blank := *r
	blank.Headers = nil
	start := blank.AppendHead(nil)
	end := string(start[len(start)-len(endOf(r)):])
	var b strings.Builder
	b.WriteString(escapeSlots(string(start[:len(start)-len(end)])))
	for i := range r.Headers {
		f := &r.Headers[i]
		value := t.value(f, r.Headers, scheme, host)
		if f.Line == "" {
			b.WriteString(escapeSlots(f.Name) + ": " + value + "\r\n")
			continue
		}
		before, after, ok := strings.Cut(f.Line, f.Value)
		if !ok || f.Value == "" {
			b.WriteString(escapeSlots(f.Line))
			continue
		}
		b.WriteString(escapeSlots(before) + value + escapeSlots(after))
	}
	b.WriteString(end)
	t.head = b.String()
	return t
}

func endOf(r *http.Response) string {
	if r.End != "" {
		return r.End
	}
	return "\r\n"
}

// value gives a header's value with slots in it.
func (t *httpTemplate) value(f *http.Header, all http.Headers, scheme, host string) string {
	switch strings.ToLower(f.Name) {
	case "date":
		if x, form, ok := profiles.ParseHTTPDate(f.Value); ok && t.sample.Dated && x.Unix() == t.sample.Date {
			t.vary(f.Name, "clock", f.Value)
			return "${date" + profiles.HTTPDateForm(form) + "}"
		}
	case "expires", "last-modified":
		if slot, ok := t.offset(f, all); ok {
			t.vary(f.Name, "clock", f.Value)
			return slot
		}
	case "location", "content-location":
		if slot, ok := placeSlot(f.Value, scheme, host); ok {
			return slot
		}
	case "sid": // UPnP device architecture 1.0, section 4.1.2: the publisher mints it
		if len(f.Value) >= 8 && t.token(f.Name, f.Value) {
			return "${token}"
		}
	case "www-authenticate":
		if before, nonce, after, ok := quotedParameter(f.Value, "nonce"); ok && t.token(f.Name, nonce) {
			return escapeSlots(before) + "${token}" + escapeSlots(after)
		}
	case "set-cookie":
		name, rest, ok := strings.Cut(f.Value, "=")
		value, attributes, more := strings.Cut(rest, ";")
		if ok && looksMinted(value) && t.token(f.Name, value) {
			t.handles = append(t.handles, len(t.sample.Tokens)-1)
			if more {
				attributes = ";" + attributes
			}
			return escapeSlots(name) + "=${token}" + escapeSlots(attributes)
		}
	case "x-auth-token", "x-csrf-token", "x-xsrf-token", "x-session-token", "x-api-key":
		if looksMinted(f.Value) && t.token(f.Name, f.Value) {
			t.handles = append(t.handles, len(t.sample.Tokens)-1)
			return "${token}"
		}
	}
	return escapeSlots(f.Value)
}

// placeSlot says where the name of the server stands in a URL: by the scheme that it was asked by it is as
// the client wrote it, by the other it is that name with the port of the device's other site.
func placeSlot(where, scheme, host string) (string, bool) {
	if rest, ok := strings.CutPrefix(where, scheme+"://"+host); ok && host != "" && (rest == "" || rest[0] == '/') {
		return scheme + "://${host}" + escapeSlots(rest), true
	}
	other, port := "https", "443"
	if scheme == "https" {
		other, port = "http", "80"
	}
	rest, ok := strings.CutPrefix(where, other+"://")
	if !ok || host == "" {
		return "", false
	}
	at := rest
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		at = rest[:i]
	}
	name, own := http.SplitHost(at)
	if asked, _ := http.SplitHost(host); asked != name {
		return "", false
	}
	if own != "" {
		port = own
	}
	return other + "://${host:" + port + "}" + escapeSlots(rest[len(at):]), true
}

func (t *httpTemplate) vary(header, kind, value string) {
	t.varying = append(t.varying, struct {
		header, kind string
		value        []byte
	}{header, kind, []byte(value)})
}

// token takes a handle that the device made up out of the head.
func (t *httpTemplate) token(header, value string) bool {
	if value == "" || len(value) > 255 || len(t.sample.Tokens) >= 8 {
		return false
	}
	t.sample.Tokens = append(t.sample.Tokens, []byte(value))
	t.vary(header, "minted", value)
	return true
}

// offset says that a date in another header follows Date: it is the same, or later by the max-age.
func (t *httpTemplate) offset(f *http.Header, all http.Headers) (string, bool) {
	x, form, ok := profiles.ParseHTTPDate(f.Value)
	if !ok || !t.sample.Dated {
		return "", false
	}
	form = profiles.HTTPDateForm(form)
	switch d := x.Unix() - t.sample.Date; {
	case d == 0:
		return "${date" + form + "}", true
	case d > 0 && strings.EqualFold(f.Name, "Expires") && all.Lists("Cache-Control", "max-age="+strconv.FormatInt(d, 10)):
		return fmt.Sprintf("${date+%d%s}", d, form), true
	}
	return "", false
}

// quotedParameter finds name="…" in the value of a header.
func quotedParameter(v, name string) (before, value, after string, ok bool) {
	for i := 0; i+len(name)+2 <= len(v); i++ {
		start := i + len(name) + 2
		if !strings.EqualFold(v[i:start-2], name) || v[start-2:start] != `="` || i > 0 && strings.IndexByte(" ,\t", v[i-1]) < 0 {
			continue
		}
		end := strings.IndexByte(v[start:], '"')
		if end < 0 {
			return "", "", "", false
		}
		return v[:start], v[start : start+end], v[start+end:], true
	}
	return "", "", "", false
}

// looksMinted says whether a cookie's value is a handle rather than a setting.
func looksMinted(v string) bool {
	if u, err := url.QueryUnescape(v); err == nil && len(u) < 12 || len(v) < 12 {
		return false
	}
	digits, letters := 0, 0
	for _, c := range []byte(v) {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		}
	}
	return digits >= 2 && digits+letters >= len(v)*3/4 || len(v) >= 24 && digits+letters >= len(v)*3/4
}
