package clone

import (
	"encoding/base64"
	"io/fs"
	"strings"
	"testing"

	"ringer/capture/http"
)

// The crawl asks without credentials first, then with them, and what is learned holds none of them.
func TestCrawlLogsIn(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("eng:hunter2secret"))
	for name, c := range map[string]struct {
		crawl     HTTPCrawl
		challenge string
		opens     func(h http.Headers) bool
		secrets   []string
	}{
		"Basic":          {HTTPCrawl{User: "eng:hunter2secret"}, `Basic realm="r"`, func(h http.Headers) bool { return h.Get("Authorization") == basic }, []string{"hunter2secret", basic[6:]}},
		"Digest MD5":     {HTTPCrawl{User: "Mufasa:Circle Of Life"}, `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`, digestOpens("MD5", "Mufasa", "testrealm@host.com", "Circle Of Life"), []string{"Circle Of Life"}},
		"Digest SHA-256": {HTTPCrawl{User: "Mufasa:Circle of Life"}, `Digest realm="http-auth@example.org", qop="auth", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"`, digestOpens("SHA-256", "Mufasa", "http-auth@example.org", "Circle of Life"), []string{"Circle of Life"}},
		"a cookie":       {HTTPCrawl{Cookies: []string{"session=given-cookie-1234"}}, "", func(h http.Headers) bool { return h.Get("Cookie") == "session=given-cookie-1234" }, []string{"given-cookie-1234"}},
		"a header":       {HTTPCrawl{Headers: []string{"X-Auth-Token: given-token-1234"}}, "", func(h http.Headers) bool { return h.Get("X-Auth-Token") == "given-token-1234" }, []string{"given-token-1234"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeSite(t, func(n int, req *http.Request) (string, bool) {
				switch said := ""; {
				case req.Target == "/":
					return headOf(req, page(200, "text/html", `<a href="/shut/">s</a>`)), true
				case !strings.HasPrefix(req.Target, "/shut/"):
					return headOf(req, page(404, "text/plain", "no")), true
				case c.opens(req.Headers):
					return headOf(req, page(200, "text/html", `open <a href="/shut/inner">i</a>`)), true
				default:
					if c.challenge != "" {
						said = "WWW-Authenticate: " + c.challenge
					} else {
						said = "X: y"
					}
					return headOf(req, page(401, "text/html", "shut", said)), true
				}
			})
			v, xs, _, err := crawled(t, d, &c.crawl, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !remarked(v, "logged in: 2 pages") {
				t.Errorf("%v", v.Remarks())
			}
			first := map[string]int{}
			for _, x := range xs {
				q := x.Request.(*http.Request)
				if q.Method != "GET" || !strings.HasPrefix(q.Target, "/shut/") || strings.Contains(q.Target, strangePath) {
					continue
				}
				status := x.Replies[0].(*http.Response).Status
				if first[q.Target] == 0 && status != 401 {
					t.Errorf("%s was asked with credentials first", q.Target)
				}
				first[q.Target] = status
			}
			for _, x := range xs {
				if q := x.Request.(*http.Request); q.Method == "TRACE" && strings.Contains(string(q.AppendHead(nil)), "Authorization") {
					t.Error("TRACE carries credentials")
				}
			}
			dev := httpLearn(t, "c1", Options{Salt: []byte("salt")}, xs)
			text, _ := dev.YAML()
			all := string(text)
			fs.WalkDir(dev.Files, ".", func(name string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					b, _ := fs.ReadFile(dev.Files, name)
					all += string(b)
				}
				return err
			})
			for _, s := range c.secrets {
				if strings.Contains(all, s) {
					t.Errorf("the profile holds %q", s)
				}
			}
			_, r := httpRoutesOf(t, dev)
			open := 0
			for _, route := range r.Routes {
				if route.Auth != "" && strings.HasPrefix(route.Ask, "GET /shut/") && r.Credentials[route.Auth].Good {
					open++
				}
			}
			if open != 2 {
				t.Errorf("%d routes of somebody in particular, want 2: %+v", open, r.Routes)
			}
		})
	}
}

// digestOpens checks a response of the Digest scheme, by the parameters that it has.
func digestOpens(algorithm, user, realm, password string) func(http.Headers) bool {
	return func(h http.Headers) bool {
		rest, ok := strings.CutPrefix(h.Get("Authorization"), "Digest ")
		p := challengeParameters(rest)
		hash := digestHash(algorithm)
		want := hash(strings.Join([]string{hash(user + ":" + realm + ":" + password), p["nonce"], p["nc"], p["cnonce"], p["qop"], hash("GET:" + p["uri"])}, ":"))
		return ok && p["response"] == want && p["username"] == user
	}
}

// The examples of RFC 7616, section 3.9.1, and RFC 2069 as corrected.
func TestDigestResponse(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		hash := digestHash(algorithm)
		got := hash(strings.Join([]string{hash("Mufasa:http-auth@example.org:Circle of Life"), "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001",
			"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth", hash("GET:/dir/index.html")}, ":"))
		if got != want {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
	l := newHTTPLogin(&HTTPCrawl{User: `e"ng:pass:word`})
	l.digest, l.scheme = map[string]string{"realm": "r", "nonce": "n", "qop": "auth", "algorithm": "SHA-256", "opaque": "o"}, "Digest"
	one, two := l.response("GET", "/a"), l.response("GET", "/a")
	if !strings.HasPrefix(one, `Digest username="e\"ng", realm="r", nonce="n", uri="/a", response="`) || !strings.Contains(one, "nc=00000001") || !strings.Contains(two, "nc=00000002") {
		t.Errorf("%s\n%s", one, two)
	}
}

func TestActions(t *testing.T) {
	for target, want := range map[string]bool{
		"/": false, "/index.html": false, "/status.html?refresh=5": false, "/css/reset.css": false, "/js/update.js": false, "/settings.html": false, "/setup.htm": false,
		"/api/data?format=json": false, "/list?start=20&limit=10": false, "/information.html": false, "/platform/": false, "/startpage.html": false, "/address": false, "/assets/app.js": false, "/power.html": false,
		"/logout": true, "/auth/sign-out": true, "/logOut.cgi": true, "/cgi-bin/reboot": true, "/reboot.html": true, "/sys/RestartDevice": true, "/restartnow": true, "/doreboot.cgi": true,
		"/api?cmd=status": true, "/x.cgi?action=show": true, "/x?do=reset": true, "/setValue?v=1": true, "/set?x=1": true, "/cgi/set_time": true, "/format": true, "/firmware/upgrade": true,
		"/plc/start": true, "/plc/stop.html": true, "/save.php": true, "/apply": true, "/write": true, "/del%65te": true, "/shut_down": true, "/power-off": true, "/a/clear/b.html": true,
	} {
		if got := actionIn(target); (got != "") != want {
			t.Errorf("%s: %q, want an action: %v", target, got, want)
		}
	}
	for text, want := range map[string]bool{
		"Home": false, "Log out": true, "Logout": true, "Reboot now": true, "Status": false, "Factory defaults": true, "Start page": false, "Start": true,
		"This page tells how the device is started and what to do before you delete anything at all": false,
	} {
		if got := actionIn("/x", text); (got != "") != want {
			t.Errorf("%q: %q, want an action: %v", text, got, want)
		}
	}
}

func TestRobots(t *testing.T) {
	links, shut := robots([]byte("User-agent: other\nDisallow: /o\n\nUser-agent: *\nDisallow: /a # why\nDisallow: /*.cgi$\nAllow: /b\nSitemap: http://x/s.xml\n"))
	if len(links) != 4 || strings.Join(shut, " ") != "/a /*.cgi$" {
		t.Errorf("%v, %q", links, shut)
	}
	s := &httpSite{forbidden: shut}
	for target, want := range map[string]bool{"/a": true, "/ab/c": true, "/b": false, "/x/y.cgi": true, "/cgi": false} {
		if s.disallowed(target) != want {
			t.Errorf("%s: want %v", target, want)
		}
	}
}
