package profiles

import (
	"fmt"
	"net/textproto"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// HTTP is a web server. What was recorded of one lies in files of routes (http_routes.go); what a person
// writes is a folder of files, served by their paths.
//
//	http:
//	  port: 80
//	  root: http/
//	  headers: {Server: pump/2.1, Cache-Control: no-cache}
//	  points: {/portal.html: {"#level": level}, /api/state.json: {/tank/level: level}}
//	  forms: {/set: {fields: {level: setpoint}, then: /portal.html}}
//	  auth: {realm: Pump station, paths: [/admin/]}
type HTTP struct {
	Common `yaml:",inline"`
	// Root is a folder of the profile: its files are served by their paths, / and folders by one of Index.
	Root string `yaml:"root,omitempty"`
	// Index names the files that stand for a folder; none: index.html, index.htm.
	Index []string `yaml:"index,omitempty,flow"`
	// Routes are files of recorded or written answers, oldest capture first. They come before Root.
	Routes []string `yaml:"routes,omitempty"`
	// Version is what status lines begin with; none: HTTP/1.1.
	Version string `yaml:"version,omitempty"`
	// Headers begin every answer from Root and every error, in this order. "Date: ${date}" says where
	// the date goes (behind the others if it is not said; "Date: none" leaves it out).
	Headers HTTPHeaders `yaml:"headers,omitempty"`
	// Types are content types by file name extension, beside the usual ones: {.mwsl: text/html}.
	Types map[string]string `yaml:"types,omitempty"`
	// Modified is when the files of Root were changed last, as Last-Modified tells; none: it is not told.
	Modified time.Time `yaml:"modified,omitempty"`
	// Errors are bodies of error answers: a file of the profile for a status, or for 0 the one for all
	// that are not named. ${status}, ${reason} and ${path} in them are filled in.
	Errors map[int]string `yaml:"errors,omitempty"`
	// Points puts live values into pages: path of the page, then where in it ("#id" is the element with
	// that id, "/a/0/b" a JSON pointer), then the point. The text that stands there says how it is
	// written: "0.00 m" has two decimals and keeps its unit.
	Points map[string]map[string]string `yaml:"points,omitempty"`
	// Forms are what a POST (or a GET with a query) to a path writes.
	Forms map[string]HTTPForm `yaml:"forms,omitempty"`
	// Redfish is what lies under /redfish.
	Redfish *Redfish `yaml:"redfish,omitempty"`
	// Auth protects paths with the profile's accounts.
	Auth *HTTPAuth `yaml:"auth,omitempty"`
	// Skew is how far the device's clock is from the right time.
	Skew time.Duration `yaml:"skew,omitempty"`
	// Hostless: a request of HTTP/1.1 without Host is answered like any other, not with 400.
	Hostless bool `yaml:"hostless,omitempty"`
	// Lenient: a request whose header fields must be refused (two of Host, white space before a colon) is
	// answered like any other, not with 400.
	Lenient bool `yaml:"lenient,omitempty"`
	// Unconditional: If-None-Match and If-Modified-Since are not heeded.
	Unconditional bool `yaml:"unconditional,omitempty"`
	// SaysKeepAlive: Connection: keep-alive is said even where the connection ends.
	SaysKeepAlive bool `yaml:"says_keep_alive,omitempty"`
	// CloseAlways: the connection ends with every answer.
	CloseAlways bool `yaml:"close_always,omitempty"`
}

// HTTPForm is what a form does.
type HTTPForm struct {
	// Fields are the points that the form's fields write.
	Fields map[string]string `yaml:"fields"`
	// Then is the path that the visitor is sent to afterwards (303); none: 204, nothing to see.
	Then string `yaml:"then,omitempty"`
}

// HTTPAuth is who may see what.
type HTTPAuth struct {
	// Scheme is basic (if none is named) or digest. Digest needs accounts with a bait.
	Scheme string `yaml:"scheme,omitempty"`
	Realm  string `yaml:"realm"`
	// Paths are what the protected paths begin with; none: all.
	Paths []string `yaml:"paths,omitempty,flow"`
}

// HTTPHeaders are header fields in order; in YAML a mapping. A field that is there twice has a list.
type HTTPHeaders []HTTPHeader

// An HTTPHeader is one field.
type HTTPHeader struct{ Name, Value string }

func (h *HTTPHeaders) decodeNode(d *decoder, n *yaml.Node, at string) {
	if n.Kind != yaml.MappingNode {
		d.errorf(n, at, "want a mapping of header names to values, not a %s", kind(n))
		return
	}
	for k, v := range d.pairs(n, at) {
		switch v.Kind {
		case yaml.ScalarNode:
			*h = append(*h, HTTPHeader{k.Value, v.Value})
		case yaml.SequenceNode:
			for _, item := range v.Content {
				*h = append(*h, HTTPHeader{k.Value, item.Value})
			}
		default:
			d.errorf(v, join(at, k.Value), "want a text or a list of texts")
		}
	}
}

func (h HTTPHeaders) encodeNode() (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	values := map[string]*yaml.Node{}
	for _, f := range h {
		v := values[f.Name]
		switch {
		case v == nil:
			v = text(f.Value)
			values[f.Name] = v
			n.Content = append(n.Content, text(f.Name), v)
		case v.Kind == yaml.ScalarNode:
			first := *v
			*v = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{&first, text(f.Value)}}
		default:
			v.Content = append(v.Content, text(f.Value))
		}
	}
	return n, nil
}

// Validate checks what the Go types do not say.
func (h *HTTP) Validate(v *Validation) {
	if h.Port.UDP {
		v.At("port").Errorf("HTTP is served over TCP")
	}
	if h.Root != "" {
		v.At("root").Folder(h.Root)
	}
	for i, name := range h.Routes {
		v.At("routes", i).File(name)
	}
	v.At("version").OneOf(h.Version, "HTTP/1.1", "HTTP/1.0")
	for _, f := range h.Headers {
		if f.Name == "" || textproto.TrimString(f.Name) != f.Name || strings.ContainsAny(f.Name, " :\r\n") || strings.ContainsAny(f.Value, "\r\n") {
			v.At("headers").Errorf("%q cannot be a header", f.Name+": "+f.Value)
		}
	}
	for ext := range h.Types {
		if !strings.HasPrefix(ext, ".") {
			v.At("types", ext).Errorf("want an extension that begins with a dot")
		}
	}
	for status, name := range h.Errors {
		if status != 0 && (status < 400 || status > 599) {
			v.At("errors", status).Errorf("want a status from 400 to 599, or 0 for all others")
		}
		v.At("errors", status).File(name)
	}
	for page, places := range h.Points {
		absolute(v.At("points", page), page)
		if h.Root != "" && len(h.Routes) == 0 && strings.HasPrefix(page, "/") && !strings.HasSuffix(page, "/") {
			v.At("points", page).File(path.Join(h.Root, page))
		}
		for place, point := range places {
			if at := v.At("points", page, place); len(place) < 2 || place[0] != '#' && place[0] != '/' {
				at.Errorf("want \"#id\" of an element or \"/a/b\", a JSON pointer, not %q", place)
			} else {
				at.Point(point)
			}
		}
	}
	for page, f := range h.Forms {
		absolute(v.At("forms", page), page)
		for field, point := range f.Fields {
			v.At("forms", page, "fields", field).Point(point)
		}
		if f.Then != "" {
			absolute(v.At("forms", page, "then"), f.Then)
		}
	}
	if a := h.Auth; a != nil {
		v.At("auth", "scheme").OneOf(a.Scheme, "basic", "digest")
		for i, p := range a.Paths {
			absolute(v.At("auth", "paths", i), p)
		}
		if strings.ContainsAny(a.Realm, "\"\\\r\n") {
			v.At("auth", "realm").Errorf("%q cannot be a realm", a.Realm)
		}
	}
}

// Merge puts routes in the order of their captures; the clock is told by the newer one.
func (h *HTTP) Merge(newer Section, m *Merging) error {
	n, ok := newer.(*HTTP)
	if !ok {
		return fmt.Errorf("one is answered from recordings alone: learn both profiles anew")
	}
	routes := m.byAge(h.Routes, n.Routes)
	h.Skew, h.Routes, n.Skew, n.Routes = n.Skew, nil, 0, nil
	m.Fields(h, n)
	h.Routes = routes
	return nil
}

func absolute(v *Validation, p string) {
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p && path.Clean(p)+"/" != p {
		v.Errorf("%q is not the path of a page: it begins with a slash", p)
	}
}

// IndexNames are the files that stand for a folder.
func (h *HTTP) IndexNames() []string {
	if len(h.Index) > 0 {
		return h.Index
	}
	return []string{"index.html", "index.htm"}
}

// Protects says whether a path needs credentials.
func (a *HTTPAuth) Protects(p string) bool {
	return len(a.Paths) == 0 || slices.ContainsFunc(a.Paths, func(prefix string) bool { return strings.HasPrefix(p, prefix) })
}
