//go:build interop

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/profiles"
)

// writeSite writes files into a folder.
func writeSite(t *testing.T, dir string, site map[string]string) {
	t.Helper()
	for name, text := range site {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		made := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
		if err := os.Chtimes(name, made, made); err != nil {
			t.Fatal(err)
		}
	}
}

// deviceSite is what small devices have: a status page, pictures, a style, a script that polls, and pages for
// the service.
func deviceSite() map[string]string {
	logo := `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="18"/></svg>`
	return map[string]string{
		"index.html": `<!DOCTYPE html><html><head><title>HX-4</title><link rel="stylesheet" href="css/main.css"><link rel="icon" href="img/logo.svg"><script src="/js/poll.js"></script></head>
<body><img src="img/logo.svg" srcset="img/logo2.svg 2x"><a href="status.shtml">Status</a> <a href="old.html">Old</a> <a href="/service/">Service</a> <a href="files">Files</a> <a href="missing.html">?</a>
<a href="/cgi-bin/reboot">Reboot</a><form action="search.html"><input name="q"></form></body></html>
`,
		"status.shtml":       "<html><body><p>Time: <!--#config timefmt=\"%Y-%m-%d %H:%M:%S\" --><!--# echo var=\"date_gmt\" --></p><p>Visitor <!--# echo var=\"connection\" --></p></body></html>\n",
		"search.html":        "<html><body>Nothing was asked for.</body></html>\n",
		"css/main.css":       "@import \"more.css\";\nbody { background: url(../img/back.svg) }\n",
		"css/more.css":       "p { color: #333 }\n",
		"img/logo.svg":       logo,
		"img/logo2.svg":      strings.Replace(logo, "40", "80", 2),
		"img/back.svg":       strings.Replace(logo, "18", "9", 1),
		"js/poll.js":         "setInterval(function () { fetch('/api/values.json').then(show) }, 1000);\n" + strings.Repeat("// the rest of the script, which makes it larger\n", 40),
		"files/manual.txt":   strings.Repeat("The pump is started at the panel.\n", 60),
		"files/old/note.txt": "none\n",
		"service/index.html": "<html><body>Service: <a href=\"log.txt\">log</a></body></html>\n",
		"service/log.txt":    "08:00 started\n",
		"not-found.html":     "<html><body><h1>HX-4</h1>There is no such page.</body></html>\n",
	}
}

const nginxClone = `daemon off;
worker_processes 1;
error_log stderr crit;
pid nginx.pid;
events { worker_connections 64; }
http {
	types { text/html html shtml; text/css css; image/svg+xml svg; application/json json; application/javascript js; text/plain txt; }
	access_log off;
	client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
	server {
		listen ADDR:80;
		listen ADDR:443 ssl;
		ssl_certificate cert.pem; ssl_certificate_key key.pem;
		root SITE;
		gzip on; gzip_min_length 500; gzip_types text/css application/javascript text/plain;
		error_page 404 /not-found.html;
		location = /old.html { return 301 /status.shtml; }
		location = /status.shtml { ssi on; ssi_last_modified off; add_header Cache-Control no-store; }
		location /files/ { autoindex on; }
		location /service/ { auth_basic "HX-4 service"; auth_basic_user_file htpasswd; }
		location = /api/values.json { default_type application/json; return 200 '{"time":"$time_iso8601","seconds":$msec,"connection":$connection}'; }
	}
}
`

// served starts nginx with the site of a device.
func startNginx(t *testing.T, addr string) {
	t.Helper()
	dir := t.TempDir()
	site := filepath.Join(dir, "site")
	writeSite(t, site, deviceSite())
	for p := dir; len(p) > len(os.TempDir()); p = filepath.Dir(p) { // nginx reads as somebody else
		os.Chmod(p, 0o755)
	}
	writeSite(t, dir, map[string]string{
		"nginx.conf": strings.NewReplacer("ADDR", addr, "SITE", site).Replace(nginxClone),
		"htpasswd":   "service:" + strings.TrimSpace(output(t, "openssl", "passwd", "-apr1", "wartung")) + "\n",
		"tmp/empty":  "",
	})
	output(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj", "/O=Brunnen/CN=hx-4.device.test",
		"-addext", "subjectAltName=DNS:hx-4.device.test,IP:"+addr, "-keyout", filepath.Join(dir, "key.pem"), "-out", filepath.Join(dir, "cert.pem"))
	start(t, "nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	awaitTCP(t, addr+":80")
}

// cloned clones a device, and gives the folder of its profile and the evidence.
func clonedSite(t *testing.T, addr string, args ...string) (profile, evidence string) {
	t.Helper()
	dir := t.TempDir()
	evidence = filepath.Join(dir, "evidence.pcapng")
	out := output(t, built(t), append([]string{"clone", "http", addr, "-o", filepath.Join(dir, "out"), "--care", "lab", "--every", "1100ms", "--evidence", evidence}, args...)...)
	t.Logf("%s", out)
	return filepath.Join(dir, "out", addr), evidence
}

// askedPaths are the targets that a profile knows answers of, by method.
func askedPaths(t *testing.T, profile, method string) (targets []string) {
	t.Helper()
	dev, err := profiles.Load(profile)
	if err != nil {
		t.Fatal(err)
	}
	defer closeProfiles(dev)
	names, err := fs.Glob(dev.Files, "http/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no routes in %s: %v", profile, err)
	}
	for _, name := range names {
		routes, err := dev.ReadHTTPRoutes(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range routes.Routes {
			if m, target, _ := strings.Cut(r.Ask, " "); m == method && !slices.Contains(targets, target) && strings.HasPrefix(target, "/") {
				targets = append(targets, target)
			}
		}
	}
	return targets
}

// curls asks the same of an original and its decoy, and compares all that curl prints but for what moves.
func curls(t *testing.T, original, copied, port string, moving *regexp.Regexp, args []string) {
	t.Helper()
	ask := func(host string) string {
		all := append([]string{"-s", "-i", "-k", "--max-time", "10", "--path-as-is", "--resolve", "device.test:" + port + ":" + host}, args...)
		out, err := exec.Command("curl", all...).CombinedOutput()
		if err != nil {
			out = fmt.Appendf(out, "\ncurl: %v", err)
		}
		return moving.ReplaceAllString(string(out), "~")
	}
	if want, got := ask(original), ask(copied); want != got {
		t.Errorf("curl %s:\n%s", strings.Join(args, " "), lineDiff(want, got))
	}
}

// TestInteropCloneHTTP: what curl prints of nginx with the site of a device, it prints of the clone.
func TestInteropCloneHTTP(t *testing.T) {
	need(t, "nginx", "curl", "openssl")
	const original, copied, twice = "127.0.44.1", "127.0.44.2", "127.0.44.3"
	startNginx(t, original)
	profile, evidence := clonedSite(t, original, "--user", "service:wartung")
	// What moves: Date, the times and the number of the connection in the status page and in the values, and
	// with these the length of the values.
	moving := regexp.MustCompile(`(?m)^Date: .*$|Time: [-\d: ]+|Visitor \d+|"time":"[^"]*"|"seconds":[\d.]+|"connection":\d+|Content-Length: 7\d\b`)
	targets := askedPaths(t, profile, "GET")
	for _, want := range []string{"/", "/status.shtml", "/css/more.css", "/img/back.svg", "/img/logo2.svg", "/api/values.json", "/files/", "/files/manual.txt", "/service/", "/service/log.txt", "/old.html", "/search.html", "/missing.html"} {
		if !slices.Contains(targets, want) {
			t.Errorf("%s was not found", want)
		}
	}
	if slices.Contains(targets, "/cgi-bin/reboot") {
		t.Error("it was asked to reboot")
	}
	compare := func(copied string) {
		const at = "http://device.test"
		for _, target := range targets {
			curls(t, original, copied, "80", moving, []string{at + target})
			curls(t, original, copied, "80", moving, []string{"-I", at + target})
			curls(t, original, copied, "443", moving, []string{"https://device.test" + target})
			if target != "/status.shtml" { // it is packed, and moves
				curls(t, original, copied, "80", moving, []string{"-H", "Accept-Encoding: gzip", "--output", "-", at + target})
			}
			if strings.HasPrefix(target, "/service/") {
				curls(t, original, copied, "80", moving, []string{"-u", "service:wartung", at + target})
				curls(t, original, copied, "80", moving, []string{"-u", "service:wrong", at + target})
			}
		}
		head := output(t, "curl", "-s", "-I", "http://"+original+"/files/manual.txt")
		tag := regexp.MustCompile(`ETag: (.*)\r`).FindStringSubmatch(head)
		since := regexp.MustCompile(`Last-Modified: (.*)\r`).FindStringSubmatch(head)
		if tag == nil || since == nil {
			t.Fatalf("no validators in %s", head)
		}
		for _, args := range [][]string{
			{at + "/no/such/page"}, {at + "/no-such-page?x=1"}, {at + "/files/none.txt"}, {"-I", at + "/none.html"},
			{"-X", "OPTIONS", at + "/"}, {"-X", "TRACE", at + "/"}, {"-X", "OPTIONS", at + "/files/"}, {"--http1.0", at + "/"}, {"--http1.0", "-H", "Host:", at + "/"},
			{"-H", "Host:", at + "/"}, {"-H", "Connection: close", at + "/css/main.css"},
			{"-H", "If-None-Match: " + tag[1], at + "/files/manual.txt"}, {"-H", "If-Modified-Since: " + since[1], at + "/files/manual.txt"},
			{"-H", "If-None-Match: \"other\"", at + "/files/manual.txt"},
			{"-r", "0-99", at + "/files/manual.txt"}, {"-r", "500-599", at + "/files/manual.txt"}, {"-r", "-50", at + "/js/poll.js"}, {"-r", "99999-", at + "/files/manual.txt"},
		} {
			curls(t, original, copied, "80", moving, args)
		}
	}
	decoy(t, []string{copied + ":80", copied + ":443"}, profile, "--bind", copied)
	compare(copied)
	if want, got := certificate(t, original), certificate(t, copied); want != got {
		t.Errorf("certificates:\n%s", lineDiff(want, got))
	}

	if out, err := exec.Command(built(t), "replay", evidence, "--against", profile).CombinedOutput(); err != nil {
		t.Errorf("replay against the clone: %v\n%s", err, out)
	}
	secretless(t, profile, "wartung", "c2VydmljZTp3YXJ0dW5n")

	// The clone of the decoy is the decoy.
	again, evidence := clonedSite(t, copied, "--user", "service:wartung")
	if out, err := exec.Command(built(t), "replay", evidence, "--against", again).CombinedOutput(); err != nil {
		t.Errorf("replay against the clone of the clone: %v\n%s", err, out)
	}
	if more := askedPaths(t, again, "GET"); !slices.Equal(more, targets) {
		t.Errorf("the clone of the clone knows\n%q, the clone\n%q", more, targets)
	}
	decoy(t, []string{twice + ":80", twice + ":443"}, again, "--bind", twice)
	compare(twice)
}

// certificate is what openssl prints of the one that a server shows.
func certificate(t *testing.T, addr string) string {
	t.Helper()
	out := output(t, "sh", "-c", "openssl s_client -connect "+addr+":443 </dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -dates -serial -ext subjectAltName")
	if !strings.Contains(out, "hx-4.device.test") {
		t.Errorf("the certificate of %s says\n%s", addr, out)
	}
	return out
}

// secretless looks for secrets in the files of a profile.
func secretless(t *testing.T, profile string, secrets ...string) {
	t.Helper()
	filepath.WalkDir(profile, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		for _, s := range secrets {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%s holds %q", name, s)
			}
		}
		return err
	})
}

// TestInteropCloneHTTPGoesOn: with the model, times in pages are those of now.
func TestInteropCloneHTTPGoesOn(t *testing.T) {
	need(t, "nginx", "curl", "openssl")
	const original, copied = "127.0.44.4", "127.0.44.5"
	startNginx(t, original)
	profile, _ := clonedSite(t, original)
	decoy(t, []string{copied + ":80"}, profile, "--bind", copied, "--values", "model")
	time.Sleep(3 * time.Second)
	page := output(t, "curl", "-s", "http://"+copied+"/status.shtml")
	text := regexp.MustCompile(`Time: ([-\d]+ [\d:]+)`).FindStringSubmatch(page)
	if text == nil {
		t.Fatalf("no time in %s", page)
	}
	if at, err := time.Parse("2006-01-02 15:04:05", text[1]); err != nil || time.Since(at).Abs() > 2*time.Second {
		t.Errorf("the page says %s at %s: %v", text[1], time.Now().UTC(), err)
	}
	values := output(t, "curl", "-s", "http://"+copied+"/api/values.json")
	text = regexp.MustCompile(`"time":"([^"]*)"`).FindStringSubmatch(values)
	if text == nil {
		t.Fatalf("no time in %s", values)
	}
	if at, err := time.Parse(time.RFC3339, text[1]); err != nil || time.Since(at).Abs() > 2*time.Second {
		t.Errorf("the values say %s at %s: %v", text[1], time.Now().UTC(), err)
	}
}

// TestInteropClonePython: the same of a server of another kind, which speaks HTTP/1.0 and hangs up.
func TestInteropClonePython(t *testing.T) {
	need(t, "python3", "curl")
	const original, copied = "127.0.44.6", "127.0.44.7"
	dir := t.TempDir()
	writeSite(t, dir, deviceSite())
	start(t, "python3", "-m", "http.server", "8080", "--bind", original, "--directory", dir)
	awaitTCP(t, original+":8080")
	profile, evidence := clonedSite(t, original)
	decoy(t, []string{copied + ":8080"}, profile, "--bind", copied)
	moving := regexp.MustCompile(`(?m)^Date: .*$`)
	targets := askedPaths(t, profile, "GET")
	if !slices.Contains(targets, "/service/log.txt") || !slices.Contains(targets, "/files/old/note.txt") {
		t.Errorf("found only %q", targets)
	}
	const at = "http://device.test:8080"
	for _, target := range targets {
		curls(t, original, copied, "8080", moving, []string{at + target})
		curls(t, original, copied, "8080", moving, []string{"-I", at + target})
	}
	for _, args := range [][]string{
		{at + "/no/such/page"}, {"-I", at + "/none.html"}, {"-X", "OPTIONS", at + "/"}, {"-X", "TRACE", at + "/"}, {"--http1.0", at + "/"},
		{"-r", "0-99", at + "/js/poll.js"}, {"-H", "If-Modified-Since: Wed, 01 Jan 2098 00:00:00 GMT", at + "/js/poll.js"},
	} {
		curls(t, original, copied, "8080", moving, args)
	}
	if out, err := exec.Command(built(t), "replay", evidence, "--against", profile).CombinedOutput(); err != nil {
		t.Errorf("replay against the clone: %v\n%s", err, out)
	}
}
