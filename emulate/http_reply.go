package emulate

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/profiles"
)

// A httpReply is one answer, ready to be sent but for the slots in its head.
type httpReply struct {
	head    http.Response // its Body is as it is sent
	bare    bool          // a document without a head, for HTTP/0.9
	data    []byte        // the body without chunking
	slots   []httpSlot
	tokens  [][]byte // what the tokens of the last sample were
	pages   map[string]*httpPage
	numbers []profiles.HTTPNumber // in data, once they were looked for
	marks   []profiles.HTTPMark   // and times and tokens
	host    string                // what the body calls the server
	served  string                // what the client of rehosted calls it
	moved   []byte                // the body for that client
	read    func() error          // brings in a large body, for one answer; nil: it is there
}

// A httpSlot is a header whose value is made for each answer.
type httpSlot struct {
	header int
	value  []httpPart
	line   []httpPart // of a header with a line of its own
}

// A httpPart is text, or what a slot stands for.
type httpPart struct {
	kind   byte // 0: text, 'd' date, 'h' host, 't' token
	text   string
	offset int64  // seconds from the date
	form   string // of the date
	port   uint16 // of another site of the device, on the same host; 0: this one
}

// bodyMax bounds a body that a profile names; what is beyond bodiesHeld is read when it is asked for.
const (
	bodyMax    = 1 << 30
	bodiesHeld = 64 << 20
)

func newHTTPReply(dev *profiles.Device, p *profiles.HTTPReply, held *int64) (*httpReply, error) {
	r := &httpReply{host: p.Host}
	if err := r.parseHead(p); err != nil {
		return nil, err
	}
	size := int64(0)
	if p.Body != "" {
		info, err := fs.Stat(dev.Files, path.Clean(p.Body))
		if err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		size = info.Size()
	}
	if *held += size; *held > bodiesHeld && size > 0 {
		*held -= size
		r.read = func() error { return r.readBody(dev, p) }
		return r, nil
	}
	return r, r.readBody(dev, p)
}

// readBody brings in the body, and frames it as it is sent.
func (r *httpReply) readBody(dev *profiles.Device, p *profiles.HTTPReply) (err error) {
	r.data = []byte(p.Text)
	if p.Body != "" {
		if r.data, err = dev.ReadFile(p.Body, bodyMax); err != nil {
			return fmt.Errorf("body: %w", err)
		}
	}
	r.head.Body = r.data
	switch {
	case p.Framed:
		r.data = http.Unchunk(r.data)
	case len(p.Chunks) > 0:
		if r.head.Body, err = http.AppendChunks(nil, r.data, p.Chunks); err != nil {
			return errHTTPBody
		}
	}
	return nil
}

// present sees to it that the body of a reply is in memory; of those that are read when they are asked
// for, only one is.
func (s *httpService) present(r *httpReply) {
	if r.read == nil || r == s.loaded {
		return
	}
	if l := s.loaded; l != nil {
		l.data, l.head.Body = nil, nil
	}
	s.loaded = r
	if r.read() != nil {
		s.loaded = nil // the file has gone: the head goes out alone
	}
}

// parseHead reads the head and the slots in it.
func (r *httpReply) parseHead(p *profiles.HTTPReply) error {
	head := p.Raw
	if p.Head != "" {
		head = strings.ReplaceAll(strings.TrimRight(p.Head, "\n"), "\n", "\r\n") + "\r\n\r\n"
	}
	if r.bare = head == ""; r.bare {
		return nil
	}
	h, err := http.ParseHead(head)
	if err != nil {
		return err
	}
	r.head = *h
	for i := range r.head.Headers {
		f := &r.head.Headers[i]
		value, slots, err := httpParts(f.Value)
		if err != nil {
			return fmt.Errorf("header %s: %w", f.Name, err)
		}
		line, _, err := httpParts(f.Line)
		if err != nil {
			return fmt.Errorf("header %s: %w", f.Name, err)
		}
		if slots > 0 {
			if f.Line == "" {
				line = nil
			}
			r.slots = append(r.slots, httpSlot{i, value, line})
			continue
		}
		f.Value, f.Line = httpText(value), httpText(line)
	}
	r.head.Line = strings.ReplaceAll(r.head.Line, "$${", "${")
	r.head.Reason = strings.ReplaceAll(r.head.Reason, "$${", "${")
	return nil
}

// httpParts takes text with slots apart.
func httpParts(s string) (parts []httpPart, slots int, err error) {
	text := ""
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			break
		}
		if i > 0 && s[i-1] == '$' {
			text += s[:i-1] + "${"
			s = s[i+2:]
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			return nil, 0, fmt.Errorf("${ without }: write $${ for the text")
		}
		text += s[:i]
		p, err := httpSlotPart(s[i+2 : i+end])
		if err != nil {
			return nil, 0, err
		}
		if text != "" {
			parts = append(parts, httpPart{text: text})
		}
		parts, text, s = append(parts, p), "", s[i+end+1:]
		slots++
	}
	if text += s; text != "" {
		parts = append(parts, httpPart{text: text})
	}
	return parts, slots, nil
}

func httpSlotPart(name string) (httpPart, error) {
	name, form, _ := strings.Cut(name, ":")
	if name == "host" && form != "" {
		port, err := strconv.ParseUint(form, 10, 16)
		if err != nil || port == 0 {
			return httpPart{}, fmt.Errorf("${host:%s}: want a port", form)
		}
		return httpPart{kind: 'h', port: uint16(port)}, nil
	}
	if _, ok := profiles.FormatHTTPDate(time.Time{}, form); !ok || form != "" && !strings.HasPrefix(name, "date") {
		return httpPart{}, fmt.Errorf("${%s:%s} is no date in a form that is known", name, form)
	}
	switch {
	case name == "date":
		return httpPart{kind: 'd', form: form}, nil
	case name == "host":
		return httpPart{kind: 'h'}, nil
	case name == "token":
		return httpPart{kind: 't'}, nil
	case strings.HasPrefix(name, "date+"), strings.HasPrefix(name, "date-"):
		if n, err := strconv.ParseInt(name[len("date"):], 10, 32); err == nil {
			return httpPart{kind: 'd', offset: n, form: form}, nil
		}
	}
	return httpPart{}, fmt.Errorf("${%s} is not one of ${date}, ${date+seconds}, ${host}, ${token}: write $${ for the text", name)
}

func httpText(parts []httpPart) string {
	if len(parts) == 0 {
		return ""
	}
	return parts[0].text
}

// A httpMoment is what the slots of a reply are filled with.
type httpMoment struct {
	date   int64
	tokens [][]byte // of the sample; none: new ones are made up
	host   string
}

// fill writes a reply into out, which keeps its own list of headers.
func (r *httpReply) fill(s *httpService, out *http.Response, at *httpMoment) {
	s.present(r)
	headers := append(out.Headers[:0], r.head.Headers...)
	*out = r.head
	out.Headers = headers
	if r.host != "" && r.host != at.host && at.host != "" {
		setBody(out, r.rehosted(at.host))
		headers = out.Headers
	}
	token := 0
	for i := range r.slots {
		slot := &r.slots[i]
		f := &headers[slot.header]
		before := token
		f.Value = s.joinParts(r, slot.value, at, &token)
		if slot.line != nil {
			f.Line = s.joinParts(r, slot.line, at, &before)
		}
	}
}

// named is a page made from the body, with the server's name in it as this client says it.
func (r *httpReply) named(page []byte, host string) []byte {
	if r.host == "" || r.host == host {
		return page
	}
	return bytes.ReplaceAll(page, []byte("//"+r.host), []byte("//"+host))
}

// rehosted is the body with the server's name in it as this client says it.
func (r *httpReply) rehosted(host string) []byte {
	if r.served != host {
		r.served = strings.Clone(host)
		r.moved = r.named(r.data, host)
	}
	return r.moved
}

func (s *httpService) joinParts(r *httpReply, parts []httpPart, at *httpMoment, token *int) string {
	if len(parts) == 1 && parts[0].kind == 'd' {
		return s.dates.text(at.date+parts[0].offset, parts[0].form)
	}
	var b strings.Builder
	for _, p := range parts {
		switch p.kind {
		case 'd':
			b.WriteString(s.dates.text(at.date+p.offset, p.form))
		case 'h':
			b.WriteString(s.place(at.host, p.port))
		case 't':
			if *token < len(at.tokens) {
				b.Write(at.tokens[*token])
			} else if *token < len(r.tokens) {
				b.Write(s.mint(r.tokens[*token]))
			} else {
				b.Write(s.mint([]byte("00000000000000000000000000000000")))
			}
			*token++
		default:
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// place is what the client calls this server, for another of the device's ports if one is given. If that port
// is served elsewhere, and the client came to where this one is served, it is told so.
func (s *httpService) place(host string, port uint16) string {
	if port == 0 {
		return host
	}
	name, asked := http.SplitHost(host)
	own := uint16(80)
	if s.sec.TLS != nil {
		own = 443
	}
	if n, err := strconv.ParseUint(asked, 10, 16); err == nil {
		own = uint16(n)
	}
	at := port
	if there, ok := s.st.servedAt(port); ok {
		if here, ok := s.st.servedAt(s.sec.Port.Number); ok && here == own {
			at = there
		}
	}
	if at == port && (port == 80 || port == 443) {
		return name
	}
	return name + ":" + strconv.Itoa(int(at))
}

// mint makes up a token and remembers it, as it may be shown again as the nonce of Digest.
func (s *httpService) mint(like []byte) []byte {
	t := profiles.LikeToken(like, s.rand)
	s.visitors.minted(string(t))
	return t
}

// remember keeps what the tokens looked like.
func (r *httpReply) remember(tokens [][]byte) {
	r.tokens = r.tokens[:0]
	for _, t := range tokens {
		r.tokens = append(r.tokens, append([]byte(nil), t...))
	}
}

// httpDates tells the time in the form of headers. The time of the second just shown is kept.
type httpDates struct {
	skew time.Duration
	unix int64
	form string
	last string
}

func (d *httpDates) text(unix int64, form string) string {
	if d.unix != unix || d.form != form || d.last == "" {
		d.unix, d.form = unix, form
		d.last, _ = profiles.FormatHTTPDate(time.Unix(unix, 0), form)
	}
	return d.last
}

// now is what the device's clock shows.
func (s *httpService) now() int64 { return s.st.Now().Add(s.dates.skew).Unix() }
