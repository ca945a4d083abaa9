package profiles

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// HTTPRoutes is a file of routes: who asks what gets which answer. How the answers changed from one
// asking to the next is in the samples files: a cell is called as Cell says, and a value is what
// HTTPSample packs.
type HTTPRoutes struct {
	// Salt, in hexadecimal, is what digests of request bodies begin with.
	Salt string `yaml:"salt,omitempty"`
	// Credentials are those that requests came with, by the name that routes call them.
	Credentials map[string]HTTPCredentials `yaml:"credentials,omitempty"`
	Routes      []HTTPRoute                `yaml:"routes"`
	// Malformed is the reply to what is no request.
	Malformed string `yaml:"malformed,omitempty"`
	// Replies by name; those that were recorded are called by the beginning of their SHA-256.
	Replies map[string]HTTPReply `yaml:"replies"`
}

// HTTPCredentials is what a client sent to prove who it is.
type HTTPCredentials struct {
	// Scheme is the first word of the Authorization header; or Cookie, or the name of another header that
	// carries a key: then that, with its value behind a colon, is what is verified.
	Scheme string `yaml:"scheme"`
	User   string `yaml:"user,omitempty"`
	// Verify are verifiers of the header; none: every header of that scheme and user.
	Verify []string `yaml:"verify,omitempty"`
	// Good: they were let in at least once.
	Good bool `yaml:"good,omitempty"`
}

// HTTPRoute says what one question is answered with.
type HTTPRoute struct {
	// Ask is method and target: "GET /index.htm?lang=en"; a version that is none of HTTP/1 follows.
	Ask string `yaml:"ask"`
	// Body is the digest of the request's body: the first 8 bytes of SHA-256 over salt and body, in
	// hexadecimal; or "expected", for a request that waits for 100 Continue with its body.
	Body string `yaml:"body,omitempty"`
	// Auth names the credentials that the request comes with.
	Auth string `yaml:"auth,omitempty"`
	// Range, NoneMatch and ModifiedSince are the headers that made this answer a part, or none.
	Range         string `yaml:"range,omitempty"`
	NoneMatch     string `yaml:"none_match,omitempty"`
	ModifiedSince string `yaml:"modified_since,omitempty"`
	// Connection is how the request lets the connection go on, which answers speak of: "close", or "1.0",
	// "1.0 keep-alive" or "0.9" for older versions of HTTP; none: like HTTP/1.1, which goes on.
	Connection string `yaml:"connection,omitempty"`
	// Encoding is the answer's Content-Encoding: it is for those who take that.
	Encoding string `yaml:"encoding,omitempty"`
	// Reply names what is answered once the samples are over; several: interim replies come first.
	// None: silence.
	Reply []string `yaml:"reply,flow,omitempty"`
	// Numbers says how the numbers in the page go on that were seen to move, by their place among all
	// numbers there (from 0).
	Numbers map[int]HTTPReading `yaml:"numbers,omitempty"`
	// Clocks says which times in the page go on, by their place among all times there (from 0).
	Clocks map[int]HTTPClock `yaml:"clocks,omitempty"`
	// Tokens are the places, among all tokens in the page, of those that are new in every answer.
	Tokens []int `yaml:"tokens,flow,omitempty"`
	// Stranger is Reply for those who have no session: no cookie that the device made up.
	Stranger []string `yaml:"stranger,flow,omitempty"`
}

// HTTPReading is how one number in a page goes on. Its dynamics are those of the number without the
// point: 2.40, which has two decimals, is 240.
type HTTPReading struct {
	Decimals int `yaml:"decimals,omitempty"`
	// Point is the point that the number shows instead of dynamics of its own.
	Point    string `yaml:"point,omitempty"`
	Dynamics `yaml:",inline"`
}

// HTTPExpected is the Body of a request that waits for 100 Continue.
const HTTPExpected = "expected"

// Cell is the name of the route's line in samples files.
func (r *HTTPRoute) Cell() string {
	var b strings.Builder
	for _, c := range []byte(r.Ask) {
		if c < ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	for _, x := range [...]struct{ name, value string }{
		{"body", r.Body}, {"auth", r.Auth}, {"range", r.Range}, {"none_match", r.NoneMatch}, {"modified_since", r.ModifiedSince},
		{"connection", r.Connection}, {"encoding", r.Encoding},
	} {
		if x.value != "" {
			fmt.Fprintf(&b, " %s=%q", x.name, x.value)
		}
	}
	return b.String()
}

// HTTPReply is one answer.
type HTTPReply struct {
	// Head is the status line and the headers, a line each. ${date} in it is the time, ${date+60} a
	// minute later, ${date:MON JAN 02 15:04:05 2006} another form of it (see httpDateForms), ${host} what the client called the server, ${host:443} the same for another port of the device, ${token} a handle that is new in every
	// answer; $${ stands for ${ itself.
	Head string `yaml:"head,omitempty"`
	// Raw is a head whose lines do not all end in CR LF, as it is, with the empty line behind it.
	Raw string `yaml:"raw,omitempty"`
	// Body is a file of the profile; Text is a body that is written right here.
	Body string `yaml:"body,omitempty"`
	Text string `yaml:"text,omitempty"`
	// Chunks are the size lines of a chunked body, in order, the last one included.
	Chunks []string `yaml:"chunks,omitempty,flow"`
	// Host is what the body calls the server: behind "//", it follows what the client calls it.
	Host string `yaml:"host,omitempty"`
	// Framed: Body is chunked as it is, in a way that Chunks cannot say.
	Framed bool `yaml:"framed,omitempty"`
}

// HTTPReplyID is how many bytes of its SHA-256 name a recorded reply.
const HTTPReplyID = 6

// RoutesMax bounds a file of routes.
const routesMax = 1 << 28

// ReadHTTPRoutes reads a file of routes of a profile.
func (d *Device) ReadHTTPRoutes(name string) (*HTTPRoutes, error) {
	b, err := d.ReadFile(name, routesMax)
	if err != nil {
		return nil, fmt.Errorf("routes: %w", err)
	}
	dec := newDecoder(name)
	n := dec.parse(b)
	if n == nil {
		return nil, dec.errs
	}
	r := &HTTPRoutes{}
	dec.decode(n, reflect.ValueOf(r).Elem(), "")
	dec.checkRoutes(n, r)
	if len(dec.errs) > 0 {
		return nil, dec.errs
	}
	return r, nil
}

func (d *decoder) checkRoutes(n *yaml.Node, r *HTTPRoutes) {
	names := make([]string, 0, len(r.Replies))
	for name := range r.Replies {
		names = append(names, name)
	}
	line := func(i int) *yaml.Node {
		return below(valueOf(n, "routes"), func(l *yaml.Node) *yaml.Node { return l.Content[i] })
	}
	for i, route := range r.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		if method, target, ok := strings.Cut(route.Ask, " "); !ok || method == "" || target == "" {
			d.errorf(line(i), at+".ask", "want method and target, as GET /index.htm, not %q", route.Ask)
		}
		for _, name := range append(slices.Clone(route.Reply), route.Stranger...) {
			if _, ok := r.Replies[name]; !ok {
				d.errorf(line(i), at+".reply", "there is no reply %q%s", name, suggest(name, names))
			}
		}
		if _, ok := r.Credentials[route.Auth]; !ok && route.Auth != "" {
			d.errorf(line(i), at+".auth", "there are no credentials %q", route.Auth)
		}
	}
	for name, reply := range r.Replies {
		if reply.Head != "" && reply.Raw != "" || reply.Body != "" && reply.Text != "" {
			d.errorf(n, "replies."+name, "want one of head and raw, and one of body and text")
		}
	}
}

// Write writes a file of routes.
func (r *HTTPRoutes) Write(w io.Writer) error {
	n, err := encode(reflect.ValueOf(r))
	if err != nil {
		return err
	}
	layOut(n, 3)
	b, err := marshal(n)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}
