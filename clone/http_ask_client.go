package clone

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An httpAsker asks one web server, over one connection as long as that lasts. Requests are written here, head
// by head, and answers are read by the codec: no library's client makes them look alike.
type httpAsker struct {
	HTTPCrawl // with all options filled in
	v         *Visit
	port      profiles.Port
	secure    bool
	k         *talk
	host      string // of the Host header
	names     []string
	jar       httpJar
	who       *httpLogin // nil: nobody in particular
	hangsUp   int        // times that the device hung up on a connection it had not said it would
	asked     int        // questions on the connection
}

// usualPlain are the ports on which TLS is tried last.
var usualPlain = []uint16{80, 81, 591, 631, 5000, 8000, 8008, 8080, 8081, 8088, 8888}

// open finds out whether HTTP is spoken on a port, within TLS or without, by asking for the first page.
func (c *HTTPCrawl) open(ctx context.Context, v *Visit, port profiles.Port) (*httpAsker, error) {
	ways := []bool{true, false}
	if slices.Contains(usualPlain, port.Number) {
		ways = []bool{false, true}
	}
	var plain *httpAsker // a server that wants TLS may say so in plain HTTP
	for _, secure := range ways {
		a := c.asker(v, port, secure)
		spoken, wrong, err := a.spoken(ctx)
		switch {
		case err != nil:
			return nil, err
		case spoken && wrong && !secure:
			plain = a
		case spoken:
			return a, nil
		}
		a.hangUp()
	}
	if plain != nil {
		return plain, nil
	}
	return nil, ErrNotSpoken
}

func (c *HTTPCrawl) asker(v *Visit, port profiles.Port, secure bool) *httpAsker {
	a := &httpAsker{HTTPCrawl: c.options(), v: v, port: port, secure: secure}
	opt := talkOptions{max: a.MaxBody + http.MaxHead}
	usual := uint16(80)
	if secure {
		usual = 443
		opt.tls = laxTLS(v.Name)
	}
	a.k = v.talk(http.Protocol{}, port, opt)
	for _, name := range []string{v.Name, v.Addr.Unmap().String()} {
		if name == "" {
			continue
		}
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		if port.Number == usual {
			a.names = append(a.names, name)
		}
		a.names = append(a.names, net.JoinHostPort(strings.Trim(name, "[]"), strconv.Itoa(int(port.Number))))
	}
	a.host = a.names[0]
	return a
}

// laxTLS takes any certificate, and versions and suites as old as Go can speak: devices have what they have,
// and what is sent to them is no secret of theirs.
func laxTLS(name string) *tls.Config {
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"}}
	if _, err := netip.ParseAddr(name); err != nil {
		config.ServerName = name
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		config.CipherSuites = append(config.CipherSuites, s.ID)
	}
	return config
}

// spoken asks for the first page. wrong: the answer may say no more than that TLS is wanted.
func (a *httpAsker) spoken(ctx context.Context) (spoken, wrong bool, err error) {
	if a.secure { // whether it is TLS shows before anything is asked
		l, err := a.v.dial(ctx, http.Protocol{}, a.port, a.k.tls, false, true)
		if err != nil {
			var stopped *Stopped
			if errors.As(err, &stopped) || ctx.Err() != nil {
				return false, false, err
			}
			return false, false, nil
		}
		l.Close()
	}
	r, err := a.ask(ctx, a.request("GET", "/"))
	switch {
	case err == nil:
		return true, r != nil && r.Status == 400, nil
	case errors.Is(err, ErrTooLong) && bytes.HasPrefix(a.k.buf, []byte("HTTP/")):
		return true, false, nil
	case goOn(err), errors.Is(err, ErrGone):
		return false, false, nil
	}
	return false, false, err
}

func (a *httpAsker) name() string { return http.Protocol{}.Name() }

// where is what remarks begin with: which of several web servers it is.
func (a *httpAsker) where() string {
	scheme := "http"
	if a.secure {
		scheme = "https"
	}
	return scheme + " " + strconv.Itoa(int(a.port.Number)) + ": "
}

func (a *httpAsker) hangUp() {
	a.k.close()
	a.asked = 0
}

// wait lets time go by, on no connection: a device has few.
func (a *httpAsker) wait(ctx context.Context, d time.Duration) error {
	if a.v.Memory == nil {
		a.hangUp()
	}
	return sleep(ctx, d)
}

// request makes a question of somebody in particular, if there is.
func (a *httpAsker) request(method, target string, more ...http.Header) *http.Request {
	r := &http.Request{Method: method, Target: target, Version: "HTTP/1.1", Headers: http.Headers{
		{Name: "Host", Value: a.host}, {Name: "User-Agent", Value: a.Agent}, {Name: "Accept", Value: "*/*"},
	}}
	r.Headers = append(r.Headers, more...)
	if method != "TRACE" { // RFC 9110, section 9.3.8: nothing that may not be echoed
		if a.who != nil {
			r.Headers = append(r.Headers, a.who.headers(method, target)...)
		}
		cookies := a.jar
		if a.who != nil {
			cookies = a.jar.with(a.Cookies)
		}
		if len(cookies) > 0 {
			r.Headers = append(r.Headers, http.Header{Name: "Cookie", Value: cookies.String()})
		}
	}
	return r
}

// get asks for a page, once more if the device wants other credentials.
func (a *httpAsker) get(ctx context.Context, target string) (*http.Response, error) {
	r, err := a.ask(ctx, a.request("GET", target))
	if err == nil && r != nil && r.Status == 401 && a.who != nil && a.who.challenged(r) {
		return a.ask(ctx, a.request("GET", target))
	}
	return r, err
}

// ask asks one question. There is no response to a question that was answered with something else.
func (a *httpAsker) ask(ctx context.Context, req *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		reused := a.asked > 0 && a.k.line != nil
		failed := a.failed()
		replies, err := a.k.ask(ctx, req)
		if a.asked++; errors.Is(err, ErrGarbled) && reused && try == 0 {
			a.hangUp() // what is left of the answer before is no answer to this
			continue
		}
		if err != nil {
			a.asked = 0
			return nil, err
		}
		if reused && a.failed() > failed {
			a.hangsUp++
		}
		r := finalResponse(replies)
		if len(a.k.buf) > 0 {
			a.v.Remark(a.name(), Suspicious, "%s%s: more comes than the answer announces", a.where(), shortTarget(req.Target))
			a.hangUp()
		}
		if r == nil || endsConnection(req, r) || a.hangsUp > hangsUpOften {
			a.hangUp()
		}
		if r != nil {
			a.jar.take(r)
		}
		return r, nil
	}
}

// hangsUpOften: beyond, each question gets a connection of its own.
const hangsUpOften = 1

func (a *httpAsker) failed() int64 {
	var n int64
	a.v.count(a.name(), func(t *Tally) { n = t.Failed })
	return n
}

func finalResponse(replies []wire.Message) *http.Response {
	if len(replies) == 0 {
		return nil
	}
	r, _ := replies[len(replies)-1].(*http.Response)
	return r
}

// endsConnection: RFC 9112, section 9.3.
func endsConnection(req *http.Request, r *http.Response) bool {
	p := req.Persistence()
	switch {
	case r.Headers.Lists("Connection", "close") || p == http.Close || p == http.ZeroNine:
		return true
	case r.Version == "HTTP/1.0" || p == http.OneZero:
		return !r.Headers.Lists("Connection", "keep-alive")
	}
	return false
}

// An httpJar holds the cookies that the device set, and gives them back: a device that makes a session for
// every visitor without one may have few to give.
type httpJar []httpCookie

type httpCookie struct{ name, value string }

const cookiesMax = 50

func (j httpJar) String() string {
	var parts []string
	for _, c := range j {
		parts = append(parts, c.name+"="+c.value)
	}
	return strings.Join(parts, "; ")
}

// with adds cookies that were given.
func (j httpJar) with(given []string) httpJar {
	all := slices.Clone(j)
	for _, g := range given {
		name, value, _ := strings.Cut(g, "=")
		all.set(name, value)
	}
	return all
}

func (j *httpJar) set(name, value string) {
	i := slices.IndexFunc(*j, func(c httpCookie) bool { return c.name == name })
	switch {
	case i < 0 && len(*j) < cookiesMax:
		*j = append(*j, httpCookie{name, value})
	case i >= 0:
		(*j)[i].value = value
	}
}

// take keeps what an answer sets.
func (j *httpJar) take(r *http.Response) {
	for i := range r.Headers {
		f := &r.Headers[i]
		if !strings.EqualFold(f.Name, "Set-Cookie") {
			continue
		}
		pair, attributes, _ := strings.Cut(f.Value, ";")
		name, value, ok := strings.Cut(pair, "=")
		if name, value = strings.TrimSpace(name), strings.TrimSpace(value); !ok || name == "" || len(f.Value) > 4096 {
			continue
		}
		if value == "" || strings.Contains(strings.ToLower(strings.ReplaceAll(attributes, " ", "")), "max-age=0") {
			*j = slices.DeleteFunc(*j, func(c httpCookie) bool { return c.name == name })
			continue
		}
		j.set(name, value)
	}
}
