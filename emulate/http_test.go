package emulate_test

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

// httpTalk makes exchanges of what was asked and answered, a second apart, each on its own connection.
func httpTalk(t testing.TB, start time.Time, pairs ...[2]string) (xs []capture.Exchange) {
	t.Helper()
	for i, p := range pairs {
		c := http.Protocol{}.New()
		_, req, err := c.Next(wire.Client, []byte(p[0]), true)
		if err != nil {
			t.Fatal(err)
		}
		_, rsp, err := c.Next(wire.Server, []byte(p[1]), true)
		if err != nil || rsp == nil {
			t.Fatalf("%q: %v", p[1], err)
		}
		xs = append(xs, capture.Exchange{
			At: start.Add(time.Duration(i) * time.Second), Transport: "tcp", Protocol: http.Protocol{}, Conn: uint64(i),
			Server: netip.MustParseAddrPort("192.0.2.1:80"), Request: req, Replies: []wire.Message{rsp},
		})
	}
	return xs
}

func httpGet(t testing.TB, d *decoy, head string) string {
	t.Helper()
	out := d.link("http", 1).ask(t, []byte(head+"\r\n\r\n"))
	return string(out)
}

func httpOK(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

var httpStart = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// Two recordings of one device make one decoy, whichever is merged into the other: first the older one's
// answers, then the newer one's.
func TestHTTPMerged(t *testing.T) {
	ask := "GET /state HTTP/1.1\r\nHost: x"
	older := httpTalk(t, httpStart, [2]string{ask + "\r\n\r\n", httpOK("one")}, [2]string{ask + "\r\n\r\n", httpOK("one")})
	newer := httpTalk(t, httpStart.Add(time.Hour), [2]string{ask + "\r\n\r\n", httpOK("two")},
		[2]string{"GET /new HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\n\r\n", httpOK("new")})
	salted := clone.Options{Salt: []byte("salt")}
	a, b := learnedAs(t, "c0000000a", salted, older), learnedAs(t, "c0000000b", salted, newer)
	var texts []string
	for _, order := range [][2]*profiles.Device{{a, b}, {b, a}} {
		dev, conflicts, err := profiles.Merge(order[0], order[1])
		if err != nil || len(conflicts) > 0 {
			t.Fatal(err, conflicts)
		}
		text, err := dev.YAML()
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
		d := openDecoy(t, dev, emulate.Settings{}, http.Protocol{})
		for i, want := range []string{"one", "one", "two", "two"} {
			if got := httpGet(t, d, ask); got != httpOK(want) {
				t.Errorf("asking %d: %q, want %q", i+1, got, want)
			}
		}
		if got := httpGet(t, d, "GET /new HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi"); got != httpOK("new") {
			t.Errorf("what only the newer one has: %q", got)
		}
	}
	if texts[0] != texts[1] {
		t.Errorf("merged the other way round:\n%s\n%s", texts[0], texts[1])
	}
}

// Once the recording is over, a session is known by the cookie that this decoy gave out.
func TestHTTPSessions(t *testing.T) {
	const cookie = "sid=9f86d081884c7d659a2feaa0c55ad015"
	page := "GET /in HTTP/1.1\r\nHost: x"
	login := "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nu=1"
	granted := "HTTP/1.1 200 OK\r\nSet-Cookie: " + cookie + "; path=/\r\nContent-Length: 0\r\n\r\n"
	xs := httpTalk(t, httpStart, [2]string{page + "\r\n\r\n", httpOK("log in first")}, [2]string{login, granted},
		[2]string{page + "\r\nCookie: " + cookie + "\r\n\r\n", httpOK("welcome")})
	dev := learnedAs(t, "c00000001", clone.Options{KeepSecrets: true}, xs)
	d := openDecoy(t, dev, emulate.Settings{}, http.Protocol{})
	for _, x := range xs { // the recording, played out
		req, _ := x.Request.Append(nil)
		want, _ := x.Replies[0].Append(nil)
		if got := d.link("http", x.Conn).ask(t, req); !bytes.Equal(got, want) {
			t.Errorf("recorded: %q, want %q", got, want)
		}
	}
	if got := httpGet(t, d, page); got != httpOK("log in first") {
		t.Errorf("a stranger gets %q", got)
	}
	out := d.link("http", 2).ask(t, []byte(login))
	_, rest, _ := strings.Cut(string(out), "Set-Cookie: ")
	minted, _, _ := strings.Cut(rest, ";")
	if minted == cookie || len(minted) != len(cookie) || !strings.HasPrefix(minted, "sid=") {
		t.Errorf("a second login gives %q", minted)
	}
	if got := httpGet(t, d, page+"\r\nCookie: "+minted); got != httpOK("welcome") {
		t.Errorf("in a session: %q", got)
	}
	if got := httpGet(t, d, page+"\r\nCookie: sid=00000000000000000000000000000000"); got != httpOK("log in first") {
		t.Errorf("with a cookie of the visitor's own: %q", got)
	}
}

// The model tells the right time from the start; recordings tell theirs first.
func TestHTTPValues(t *testing.T) {
	ask := "GET / HTTP/1.1\r\nHost: x"
	dated := func(body, date string) string {
		return "HTTP/1.1 200 OK\r\nDate: " + date + "\r\nContent-Length: 1\r\n\r\n" + body
	}
	const early, late = "Mon, 02 Mar 2026 07:59:00 GMT", "Mon, 02 Mar 2026 07:59:01 GMT"
	dev := learned(t, httpTalk(t, httpStart, [2]string{ask + "\r\n\r\n", dated("a", early)}, [2]string{ask + "\r\n\r\n", dated("b", late)}))
	now := func() time.Time { return httpStart.Add(24 * time.Hour) }
	const live = "Tue, 03 Mar 2026 07:59:00 GMT" // its clock is a minute slow
	for values, want := range map[emulate.Values][]string{
		emulate.FromRecording: {dated("a", early), dated("b", late), dated("b", live)},
		emulate.Model:         {dated("b", live), dated("b", live)},
	} {
		d := openDecoy(t, dev, emulate.Settings{Values: values, Now: now}, http.Protocol{})
		for i := range want {
			if got := httpGet(t, d, ask); got != want[i] {
				t.Errorf("values %d, asking %d: %q, want %q", values, i+1, got, want[i])
			}
		}
	}
	v := dev.Services[0].Common().Volatile
	if len(v) != 1 || v[0] != (profiles.Volatile{Path: "Headers[date].Value", Kind: "clock", Seen: 2}) {
		t.Errorf("volatile: %+v", v)
	}
}

func TestHTTPDigest(t *testing.T) {
	dev, err := profiles.Parse([]byte(`apiVersion: ringer/v1
kind: Device
id: x
accounts: [{name: eng, policy: bait, bait: wrench}]
services:
  - http: {port: 80, root: http/, auth: {scheme: digest, realm: R}}
`), "x.yaml", fstest.MapFS{"http/index.html": {Data: []byte("in")}})
	if err != nil {
		t.Fatal(err)
	}
	d := openDecoy(t, dev, emulate.Settings{}, http.Protocol{})
	challenge := func() string {
		got := httpGet(t, d, "GET / HTTP/1.1\r\nHost: x")
		_, rest, ok := strings.Cut(got, `WWW-Authenticate: Digest realm="R", qop="auth", algorithm=MD5, nonce="`)
		if !ok || !strings.HasPrefix(got, "HTTP/1.1 401 ") {
			t.Fatalf("challenged with %q", got)
		}
		return rest[:32]
	}
	nonce := challenge()
	if again := challenge(); again == nonce {
		t.Error("the nonce is always the same")
	}
	login := func(password, nonce, qop string) string {
		hash := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
		ha1, ha2 := hash("eng:R:"+password), hash("GET:/")
		response, extra := hash(ha1+":"+nonce+":"+ha2), ""
		if qop != "" {
			response, extra = hash(ha1+":"+nonce+":00000001:c:"+qop+":"+ha2), `, qop=`+qop+`, nc=00000001, cnonce="c"`
		}
		got := httpGet(t, d, fmt.Sprintf("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Digest username=\"eng\", realm=\"R\", nonce=\"%s\", uri=\"/\", response=\"%s\"%s", nonce, response, extra))
		return got[9:12]
	}
	for _, x := range []struct{ password, nonce, qop, want string }{
		{"wrench", nonce, "auth", "200"}, {"wrench", nonce, "", "200"}, {"hammer", nonce, "auth", "401"},
		{"wrench", strings.Repeat("0", 32), "auth", "401"},
	} {
		if got := login(x.password, x.nonce, x.qop); got != x.want {
			t.Errorf("%+v: %s", x, got)
		}
	}
}

// What a decoy says of itself must not sound like a library, and must be the same every time.
func TestHTTPRefusalsSoundLikeTheDevice(t *testing.T) {
	missing := "HTTP/1.0 404 Nope\r\nserver: Tiny/1\r\nContent-length: 24\r\n\r\n<h1>404 Nope</h1>/xyz.as"
	dev := learned(t, httpTalk(t, httpStart, [2]string{"GET /xyz.as HTTP/1.1\r\nHost: x\r\n\r\n", missing}))
	d := openDecoy(t, dev, emulate.Settings{}, http.Protocol{})
	if got := httpGet(t, d, "GET /other/page HTTP/1.1\r\nHost: x"); got != strings.NewReplacer("/xyz.as", "/other/page", "24", "28").Replace(missing) {
		t.Errorf("unknown page: %q", got)
	}
	for head, want := range map[string]string{
		"DELETE / HTTP/1.1\r\nHost: x": "HTTP/1.0 405 Method Not Allowed\r\nserver: Tiny/1\r\nContent-length: 32\r\n\r\n<h1>405 Method Not Allowed</h1>/",
		"FOO / HTTP/1.1\r\nHost: x":    "HTTP/1.0 501 Not Implemented\r\nserver: Tiny/1\r\nContent-length: 29\r\n\r\n<h1>501 Not Implemented</h1>/",
	} {
		if got := httpGet(t, d, head); got != want {
			t.Errorf("%s: %q", head, got)
		}
	}
}

// A decoy tells the time in the form of its device, and calls itself what its visitors call it.
func TestHTTPFollowsTimeAndName(t *testing.T) {
	page := func(date, host string) string {
		body := `<a href="http://` + host + `/x">`
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", date, len(body), body)
	}
	ask := "GET / HTTP/1.1\r\nHost: "
	dev := learned(t, httpTalk(t, httpStart, [2]string{ask + "10.0.0.1\r\n\r\n", page("SAT JAN 01 00:00:10 2000", "10.0.0.1")}))
	d := openDecoy(t, dev, emulate.Settings{Now: func() time.Time { return httpStart.Add(time.Hour) }}, http.Protocol{})
	for i, want := range []string{page("SAT JAN 01 00:00:10 2000", "10.0.0.1"), page("SAT JAN 01 01:00:10 2000", "10.0.0.1")} {
		if got := httpGet(t, d, ask+"10.0.0.1"); got != want {
			t.Errorf("asking %d: %q, want %q", i+1, got, want)
		}
	}
	for _, host := range []string{"127.0.0.2", "decoy.example:8080", "10.0.0.1"} {
		if got := httpGet(t, d, ask+host); got != page("SAT JAN 01 01:00:10 2000", host) {
			t.Errorf("asked as %s: %q", host, got)
		}
	}
}

// Numbers in a page that counted or wandered go on when the recording is over.
func TestHTTPNumbersGoOn(t *testing.T) {
	page := func(uptime, level int) string {
		return httpOK(fmt.Sprintf(`{"plc": 3, "uptime": %d, "level": %d.%02d, "at": "08:00:%02d"}`, uptime, level/100, level%100, uptime%60))
	}
	var pairs [][2]string
	levels := []int{240, 243, 241, 238, 236, 239, 242, 245, 241, 240, 237, 239, 243, 244, 240, 238, 241, 242, 239, 240}
	for i, level := range levels {
		answer := strings.Replace(page(1000+i, level), "Content-Length", "Content-Type: application/json\r\nContent-Length", 1)
		answer = strings.ReplaceAll(answer, fmt.Sprintf("08:00:%02d", (1000+i)%60), "08:00:00") // a clock that stands still
		pairs = append(pairs, [2]string{"GET /v HTTP/1.1\r\nHost: x\r\n\r\n", answer})
	}
	dev := learned(t, httpTalk(t, httpStart, pairs...))
	now := httpStart
	d := openDecoy(t, dev, emulate.Settings{Now: func() time.Time { return now }}, http.Protocol{})
	for i, p := range pairs {
		if got := httpGet(t, d, "GET /v HTTP/1.1\r\nHost: x"); got != p[1] {
			t.Errorf("recorded answer %d is %q", i+1, got)
		}
		now = now.Add(time.Second)
	}
	seen := map[string]bool{}
	for range 10 {
		now = now.Add(10 * time.Second)
		_, body, _ := strings.Cut(httpGet(t, d, "GET /v HTTP/1.1\r\nHost: x"), "\r\n\r\n")
		var plc, uptime int
		var level float64
		if _, err := fmt.Sscanf(body, `{"plc": %d, "uptime": %d, "level": %f, "at": "08:00:00"}`, &plc, &uptime, &level); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		if want := 1019 + int(now.Sub(httpStart.Add(20*time.Second)).Seconds()); plc != 3 || uptime < want-2 || uptime > want+2 || level < 2 || level > 3 {
			t.Errorf("%v after the start: %s, want an uptime of %d", now.Sub(httpStart), body, want)
		}
		seen[body] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d different pages of 10", len(seen))
	}
}
