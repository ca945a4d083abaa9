package emulate

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"ringer/capture/http"
	"ringer/profiles"
)

// A httpSite serves the files that a person put into the profile. Files are read when they are first
// asked for.
type httpSite struct {
	files fs.FS
	types map[string]string
	pages map[string]*httpReply // by path; only what is there
	held  int
}

const (
	siteHeldMax = 64 << 20 // bytes of files kept in memory
	pageMax     = 64 << 20
)

func newHTTPSite(s *httpService, dev *profiles.Device) (*httpSite, error) {
	if s.sec.Root == "" {
		return nil, nil
	}
	files, err := fs.Sub(dev.Files, path.Clean(s.sec.Root))
	if err != nil {
		return nil, err
	}
	return &httpSite{files: files, types: s.sec.Types, pages: map[string]*httpReply{}}, nil
}

// normalTarget gives the path of a target as servers understand it: without scheme, host, query and
// fragment, with escapes resolved, doubled slashes merged and dots followed (RFC 3986, sections 2.4 and
// 5.2.4). ok is false for what leads outside, and for what is no path.
func normalTarget(target string) (string, bool) {
	if i := strings.Index(target, "://"); i > 0 && !strings.Contains(target[:i], "/") {
		rest := target[i+3:]
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return "/", true
		}
		target = rest[slash:]
	}
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		target = target[:i]
	}
	if target == "" || target[0] != '/' {
		return "", false
	}
	if plainPath(target) {
		return target, true
	}
	b := make([]byte, 0, len(target))
	for i := 0; i < len(target); i++ {
		c := target[i]
		if c == '%' {
			if i+2 >= len(target) {
				return "", false
			}
			n, err := strconv.ParseUint(target[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			c = byte(n)
			i += 2
		}
		if c == 0 || c == '\\' {
			return "", false
		}
		b = append(b, c)
	}
	var kept []string
	parts := strings.Split(string(b), "/")[1:]
	for _, p := range parts {
		switch p {
		case "", ".":
		case "..":
			if len(kept) == 0 {
				return "", false
			}
			kept = kept[:len(kept)-1]
		default:
			kept = append(kept, p)
		}
	}
	out := "/" + strings.Join(kept, "/")
	if last := parts[len(parts)-1]; len(kept) > 0 && (last == "" || last == "." || last == "..") {
		out += "/"
	}
	return out, true
}

// plainPath says that a path has nothing to resolve.
func plainPath(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '%', '\\', 0:
			return false
		case '/':
			if i+1 < len(p) && (p[i+1] == '/' || p[i+1] == '.') {
				return false
			}
		}
	}
	return true
}

// visit answers from the forms and files of the profile.
func (h *httpSession) visit(a *httpAsked) (Answer, bool) {
	s := h.s
	at, ok := normalTarget(a.bare)
	if !ok {
		if a.bare == "*" && a.req.Method == "OPTIONS" {
			return Answer{}, false
		}
		return h.refuse(a, 400, true), true
	}
	if s.sec.Auth != nil && s.sec.Auth.Protects(at) && !s.visitors.admits(a.auth, a.req.Method) {
		return h.refuse(a, 401, false), true
	}
	if f, ok := s.sec.Forms[at]; ok {
		if ans, done := h.submit(&f, a); done {
			return ans, true
		}
	}
	if s.site == nil {
		return Answer{}, false
	}
	p, moved := s.page(at)
	if p == nil && moved == "" {
		return Answer{}, false
	}
	if a.req.Method != "GET" && a.req.Method != "HEAD" {
		return h.refuse(a, methodStatus(a.req.Method), false), true
	}
	if moved != "" {
		return h.redirect(a, 301, moved), true
	}
	m := h.message()
	p.fill(s, m, &httpMoment{date: s.now(), host: h.host(a)})
	from := Recorded
	if h.filled(p, a, m) {
		from = Point
	} else if !h.partial(p, a, m) {
		return h.unsatisfiable(a, len(p.data)), true
	}
	closes := s.closes(a, m, false)
	if closes {
		m.Headers.Set("Connection", "close")
	} else if a.req.Version == "HTTP/1.0" {
		m.Headers.Set("Connection", "keep-alive")
	}
	if a.req.Method == "HEAD" {
		m.Body = nil
	}
	if a.req.Version == "" {
		return h.bare(from), true
	}
	return h.said(from, closes), true
}

// redirect sends the visitor to another path of this server.
func (h *httpSession) redirect(a *httpAsked, status int, to string) Answer {
	m := h.message()
	scheme := "http"
	if h.s.sec.TLS != nil {
		scheme = "https"
	}
	r := h.s.newReply(status, nil,
		profiles.HTTPHeader{Name: "Location", Value: scheme + "://${host}" + strings.ReplaceAll(to, "${", "$${")},
		profiles.HTTPHeader{Name: "Content-Length", Value: "0"})
	r.fill(h.s, m, &httpMoment{date: h.s.now(), host: h.host(a)})
	closes := h.s.closes(a, m, false)
	if closes {
		m.Headers.Set("Connection", "close")
	}
	return h.said(Recorded, closes)
}

// page finds the file for a path. moved says that the path is that of a folder, short of its slash.
func (s *httpService) page(at string) (p *httpReply, moved string) {
	if p = s.site.pages[at]; p != nil {
		return p, ""
	}
	name := strings.Trim(at, "/")
	if name == "" {
		name = "."
	}
	if !fs.ValidPath(name) || name == "routes.yaml" {
		return nil, ""
	}
	info, err := fs.Stat(s.site.files, name)
	if err != nil {
		return nil, ""
	}
	if info.IsDir() {
		for _, index := range s.sec.IndexNames() {
			file := path.Join(name, index)
			if i, err := fs.Stat(s.site.files, file); err == nil && !i.IsDir() {
				if !strings.HasSuffix(at, "/") {
					return nil, at + "/"
				}
				return s.read(at, file, i), ""
			}
		}
		return nil, ""
	}
	if strings.HasSuffix(at, "/") {
		return nil, ""
	}
	return s.read(at, name, info), ""
}

// read makes the answer of a file.
func (s *httpService) read(at, name string, info fs.FileInfo) *httpReply {
	if info.Size() > pageMax {
		return nil
	}
	b, err := fs.ReadFile(s.site.files, name)
	if err != nil {
		return nil
	}
	more := []profiles.HTTPHeader{{Name: "Content-Type", Value: s.contentType(name)}, {Name: "Content-Length", Value: strconv.Itoa(len(b))}}
	if _, live := s.sec.Points[at]; !live {
		if t, ok := profiles.FormatHTTPDate(s.sec.Modified, ""); ok && !s.sec.Modified.IsZero() {
			more = append(more, profiles.HTTPHeader{Name: "Last-Modified", Value: t})
		}
		more = append(more, profiles.HTTPHeader{Name: "Accept-Ranges", Value: "bytes"})
	}
	p := s.newReply(200, b, more...)
	if s.site.held+len(b) <= siteHeldMax {
		s.site.held += len(b)
		s.site.pages[at] = p
	}
	return p
}

// contentType tells what a file is by its name.
func (s *httpService) contentType(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t, ok := s.sec.Types[ext]; ok {
		return t
	}
	switch ext {
	case ".html", ".htm", ".shtml", ".asp", ".php", ".cgi":
		return "text/html"
	case ".css":
		return "text/css"
	case ".js":
		return "application/javascript"
	case ".json":
		return "application/json"
	case ".xml", ".xsl":
		return "text/xml"
	case ".txt", ".log", ".csv":
		return "text/plain"
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".svg":
		return "image/svg+xml"
	case ".ico":
		return "image/x-icon"
	case ".pdf":
		return "application/pdf"
	case ".jar":
		return "application/java-archive"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}

// filled puts live values into a page that has places for them, and says whether it has.
func (h *httpSession) filled(p *httpReply, a *httpAsked, m *http.Response) bool {
	if len(h.s.sec.Points) == 0 || m.Status != 200 || len(m.Body) == 0 {
		return false
	}
	at, ok := normalTarget(a.bare)
	if !ok || h.s.sec.Points[at] == nil {
		return false
	}
	if p.pages == nil {
		p.pages = map[string]*httpPage{}
	}
	page := p.pages[at]
	if page == nil {
		page = newHTTPPage(h.s.st, p.data, h.s.sec.Points[at])
		p.pages[at] = page
	}
	if len(page.places) == 0 {
		return false
	}
	h.body = page.append(h.body[:0], p.data)
	setBody(m, p.named(h.body, h.host(a)))
	return true
}
