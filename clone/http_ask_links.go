package clone

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"io"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"ringer/capture/http"
)

// An httpLink is a reference that was found in a document.
type httpLink struct {
	ref    string // as it is written there
	text   string // what the page calls it
	target string // resolved
	guess  bool   // a text in a script that may be none
}

// A pageKind is what a document may be read as.
type pageKind uint8

const (
	kindOther pageKind = iota
	kindHTML
	kindCSS
	kindScript
	kindJSON
	kindXML
	kindText
)

func kindOfPage(r *http.Response, body []byte) pageKind {
	t, _, _ := strings.Cut(strings.ToLower(r.Headers.Get("Content-Type")), ";")
	t = strings.TrimSpace(t)
	switch {
	case strings.Contains(t, "html"):
		return kindHTML
	case strings.Contains(t, "css"):
		return kindCSS
	case strings.Contains(t, "javascript"), strings.Contains(t, "ecmascript"):
		return kindScript
	case strings.Contains(t, "json"):
		return kindJSON
	case strings.Contains(t, "xml"):
		return kindXML
	case t != "" && t != "application/octet-stream" && !strings.HasPrefix(t, "text/"):
		return kindOther
	}
	switch b := bytes.TrimSpace(body[:min(len(body), 512)]); {
	case len(b) == 0:
	case bytes.HasPrefix(b, []byte("<?xml")):
		return kindXML
	case b[0] == '<':
		return kindHTML
	case b[0] == '{' || b[0] == '[':
		return kindJSON
	case strings.HasPrefix(t, "text/"):
		return kindText
	}
	return kindOther
}

// readable is a body without what it was packed into, as far as is allowed.
func readable(r *http.Response, most int) []byte {
	b := r.Plain()
	var in io.Reader
	switch strings.ToLower(r.Headers.Get("Content-Encoding")) {
	case "", "identity":
		return b
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil
		}
		in = z
	case "deflate":
		if len(b) > 2 && b[0]&0x0f == 8 { // zlib's two bytes of head
			b = b[2:]
		}
		in = flate.NewReader(bytes.NewReader(b))
	default:
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(in, int64(most))) // what can be read of it
	return out
}

// linksMax bounds the links of one document.
const linksMax = 5000

// linkAttributes are those whose value is a reference, by element.
var linkAttributes = map[string][]string{
	"a": {"href"}, "area": {"href"}, "link": {"href"}, "script": {"src"}, "img": {"src", "srcset", "longdesc"}, "frame": {"src"}, "iframe": {"src"},
	"embed": {"src"}, "object": {"data"}, "source": {"src", "srcset"}, "audio": {"src"}, "video": {"src", "poster"}, "track": {"src"},
	"input": {"src"}, "body": {"background"}, "table": {"background"}, "td": {"background"}, "applet": {"code", "archive"}, "use": {"href"}, "image": {"href"}, "html": {"manifest"},
}

// An htmlReader goes over the tags of a page, without building a tree: pages of hostile depth cost no more
// than others.
type htmlReader struct {
	links []httpLink
	base  string
	named []int    // links of the anchor that is open: their text is still to come
	text  []string // of it
	form  []int    // the link of the form that is open
	label []string // and what its buttons say
	raw   string   // the element whose text is a script or a style
}

// htmlLinks lists what a page refers to. Of forms, those count that ask with GET.
func htmlLinks(page []byte) (links []httpLink, base string) {
	r := &htmlReader{}
	z := html.NewTokenizer(bytes.NewReader(page))
	z.SetMaxBuf(1 << 20)
	for len(r.links) < linksMax {
		switch z.Next() {
		case html.ErrorToken:
			r.endAnchor()
			r.endForm()
			return r.links, r.base
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			attributes := map[string]string{}
			tag := string(name)
			for more && len(attributes) < 100 {
				var k, v []byte
				k, v, more = z.TagAttr()
				if _, twice := attributes[string(k)]; !twice {
					attributes[string(k)] = string(v)
				}
			}
			r.open(tag, attributes)
		case html.EndTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "a":
				r.endAnchor()
			case "form":
				r.endForm()
			case "button":
				r.raw = ""
			case "script", "style":
				r.raw = ""
			}
		case html.TextToken:
			r.said(z.Text())
		}
	}
	return r.links, r.base
}

func (r *htmlReader) add(ref, text string) int {
	r.links = append(r.links, httpLink{ref: ref, text: text})
	return len(r.links) - 1
}

func (r *htmlReader) open(tag string, attributes map[string]string) {
	title := attributes["title"] + attributes["alt"] + attributes["aria-label"]
	switch tag {
	case "base":
		if r.base == "" {
			r.base = attributes["href"]
		}
	case "meta":
		if strings.EqualFold(attributes["http-equiv"], "refresh") {
			if ref, ok := refreshed(attributes["content"]); ok {
				r.add(ref, "")
			}
		}
	case "form":
		r.endForm()
		if m := attributes["method"]; m == "" || strings.EqualFold(m, "get") {
			r.form = []int{r.add(attributes["action"], attributes["name"])}
		}
	case "button":
		r.label = append(r.label, attributes["value"])
		if len(r.form) > 0 {
			r.raw = "button"
		}
		if a := attributes["formaction"]; a != "" && !strings.EqualFold(attributes["formmethod"], "post") && len(r.form) > 0 {
			r.form = append(r.form, r.add(a, attributes["value"]))
		}
	case "input":
		if t := strings.ToLower(attributes["type"]); t == "submit" || t == "button" || t == "image" {
			r.label = append(r.label, attributes["value"])
		}
	case "script", "style":
		r.raw = tag
	case "a":
		r.endAnchor()
	}
	for _, name := range linkAttributes[tag] {
		value, ok := attributes[name]
		switch {
		case !ok:
		case name == "srcset":
			for one := range strings.SplitSeq(value, ",") {
				if ref, _, _ := strings.Cut(strings.TrimSpace(one), " "); ref != "" {
					r.add(ref, "")
				}
			}
		case tag == "a":
			r.named, r.text = []int{r.add(value, title)}, nil
		default:
			r.add(value, "")
			if len(r.named) > 0 && title != "" { // an image in a link says what it is for
				r.text = append(r.text, title)
			}
		}
	}
	if style := attributes["style"]; style != "" {
		r.links = append(r.links, cssLinks([]byte(style))...)
	}
}

// said takes text between tags.
func (r *htmlReader) said(text []byte) {
	switch {
	case r.raw == "script":
		r.links = append(r.links, scriptLinks(text)...)
	case r.raw == "style":
		r.links = append(r.links, cssLinks(text)...)
	case r.raw == "button":
		r.label = append(r.label, string(text))
	case len(r.named) > 0 && len(r.text) < 20:
		r.text = append(r.text, html.UnescapeString(string(text)))
	}
}

func (r *htmlReader) endAnchor() {
	for _, i := range r.named {
		r.links[i].text = strings.Join(strings.Fields(r.links[i].text+" "+strings.Join(r.text, " ")), " ")
	}
	r.named, r.text = nil, nil
}

func (r *htmlReader) endForm() {
	for _, i := range r.form {
		r.links[i].text = strings.Join(strings.Fields(r.links[i].text+" "+strings.Join(r.label, " ")), " ")
	}
	r.form, r.label = nil, nil
}

// refreshed reads "5; url=/status.html", as Refresh headers and their likes in pages say.
func refreshed(s string) (ref string, ok bool) {
	_, rest, ok := strings.Cut(s, ";")
	if !ok {
		_, rest, ok = strings.Cut(s, ",")
	}
	name, ref, eq := strings.Cut(rest, "=")
	if !ok || !eq || !strings.EqualFold(strings.TrimSpace(name), "url") {
		return "", false
	}
	ref = strings.Trim(strings.TrimSpace(ref), `"'`)
	return ref, ref != ""
}

var (
	cssReference = regexp.MustCompile(`(?i)url\(\s*(?:"([^"\n]*)"|'([^'\n]*)'|([^)"'\s]*))\s*\)|@import\s+(?:"([^"\n]*)"|'([^'\n]*)')`)
	// A text of a script may be a path of this site if it begins like one, or ends like the name of a file that
	// web servers hand out.
	scriptReference = regexp.MustCompile("[\"'`](\\.{0,2}/[A-Za-z0-9_~%@.,:;?&=+/-]{1,200}|[A-Za-z0-9_-][A-Za-z0-9_/.-]{0,100}\\.(?:json|xml|cgi|asp|aspx|php|s?html?|csv|txt|js|css|png|gif|jpe?g|svg)(?:\\?[A-Za-z0-9_=&.,-]{0,100})?)[\"'`]")
	sitemapLocation = regexp.MustCompile(`(?i)<(?:[a-z]+:)?loc>\s*([^<\s]{1,1000})\s*</`)
	xmlReference    = regexp.MustCompile(`(?i)(?:href|src|url|uri|action)\s*=\s*["']([^"'\s<>]{1,500})["']`)
)

// cssLinks lists the images and sheets that a style sheet names.
func cssLinks(sheet []byte) (links []httpLink) {
	for _, m := range cssReference.FindAllSubmatch(sheet, linksMax) {
		for _, ref := range m[1:] {
			if len(ref) > 0 {
				links = append(links, httpLink{ref: string(ref)})
				break
			}
		}
	}
	return links
}

// guessesMax bounds what is tried of one script.
const guessesMax = 200

// scriptLinks lists texts of a script or of JSON that look like paths of this site.
func scriptLinks(text []byte) (links []httpLink) {
	text = bytes.ReplaceAll(text, []byte(`\/`), []byte("/"))
	for _, m := range scriptReference.FindAllSubmatch(text, guessesMax) {
		if ref := string(m[1]); worthAsking(ref) {
			links = append(links, httpLink{ref: ref, guess: true})
		}
	}
	return links
}

// worthAsking tells paths from what else begins with a slash: ends of lines to be completed, comments, and
// regular expressions.
func worthAsking(ref string) bool {
	if strings.HasPrefix(ref, "//") || strings.HasSuffix(ref, "=") || strings.HasSuffix(ref, "&") || strings.HasSuffix(ref, "-") {
		return false
	}
	letters := 0
	for _, c := range ref {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			letters++
		}
	}
	return letters >= 2
}

func sitemapLinks(doc []byte) (links []httpLink) {
	for _, m := range sitemapLocation.FindAllSubmatch(doc, linksMax) {
		links = append(links, httpLink{ref: html.UnescapeString(string(m[1]))})
	}
	for _, m := range xmlReference.FindAllSubmatch(doc, guessesMax) {
		links = append(links, httpLink{ref: html.UnescapeString(string(m[1]))})
	}
	return links
}

// robots reads a robots.txt (RFC 9309): what it names, and what it would keep crawlers from.
func robots(text []byte) (links []httpLink, disallowed []string) {
	mine, named := false, false
	for line := range strings.Lines(string(text[:min(len(text), 512<<10)])) {
		line, _, _ = strings.Cut(line, "#")
		name, value, ok := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); !ok || value == "" {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "user-agent":
			if !named {
				mine = false
			}
			mine, named = mine || value == "*", true
			continue
		case "disallow":
			if mine && len(disallowed) < linksMax {
				disallowed = append(disallowed, value)
			}
			fallthrough
		case "allow":
			if !strings.ContainsAny(value, "*$") && len(links) < linksMax {
				links = append(links, httpLink{ref: value})
			}
		case "sitemap":
			links = append(links, httpLink{ref: value})
		}
		named = false
	}
	return links, disallowed
}

// linkHeader lists what Link and Refresh name (RFC 8288).
func linkHeader(h http.Headers) (links []httpLink) {
	for i := range h {
		f := &h[i]
		switch {
		case strings.EqualFold(f.Name, "Link"):
			for rest := f.Value; len(links) < 100; {
				_, after, ok := strings.Cut(rest, "<")
				ref, more, closed := strings.Cut(after, ">")
				if !ok || !closed {
					break
				}
				links, rest = append(links, httpLink{ref: ref}), more
			}
		case strings.EqualFold(f.Name, "Refresh"):
			if ref, ok := refreshed(f.Value); ok {
				links = append(links, httpLink{ref: ref})
			}
		}
	}
	return links
}
