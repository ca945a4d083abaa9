//go:build interop

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The site of a device on two ports: the plain one sends visitors to the other.
const nginxSecure = `daemon off;
worker_processes 1;
error_log stderr crit;
pid nginx.pid;
events { worker_connections 64; }
http {
	types { text/html html; application/json json; }
	access_log off;
	server_tokens off;
	client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
	server {
		listen ADDR:80;
		location = /plain.html { root SITE; }
		location / { return 301 https://$host$request_uri; }
	}
	server {
		listen ADDR:443 ssl;
		ssl_certificate CERT;
		ssl_certificate_key KEY;
		ssl_protocols VERSIONS;
		ssl_ciphers DEFAULT:@SECLEVEL=0;
		ssl_prefer_server_ciphers on;
		root SITE;
		location = /up { return 302 http://$host/plain.html; }
		location = /set { return 200 'done'; }
	}
}
`

// A secureSite is how nginx greets in a test.
type secureSite struct {
	name, key, versions string
	issued              bool
	curl                []string // how curl is told to greet
}

// TestInteropTLS: HTTPS of nginx is recorded with the keys of its client and read with them; the decoy
// answers curl alike, and what openssl prints of the certificates is the same but for keys and signatures.
func TestInteropTLS(t *testing.T) {
	need(t, "nginx", "curl", "openssl", "tshark", "dumpcap")
	for i, x := range []secureSite{
		{name: "RSA, 1.2", key: "rsa:2048", versions: "TLSv1.2"},
		{name: "RSA, 1.3", key: "rsa:2048", versions: "TLSv1.2 TLSv1.3"},
		{name: "P-256, 1.2", key: "ec", versions: "TLSv1.2"},
		{name: "P-256, 1.3, issued", key: "ec", versions: "TLSv1.2 TLSv1.3", issued: true},
		{name: "RSA, 1.2, CBC", key: "rsa:2048", versions: "TLSv1.2", curl: []string{"--ciphers", "ECDHE-RSA-AES256-SHA"}},
		{name: "RSA, 1.0", key: "rsa:2048", versions: "TLSv1", curl: []string{"--tls-max", "1.0", "--tlsv1.0", "--ciphers", "AES128-SHA:@SECLEVEL=0"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			original, copied := fmt.Sprintf("127.0.65.%d", 2*i+1), fmt.Sprintf("127.0.65.%d", 2*i+2)
			startSecureNginx(t, original, &x)
			keys := filepath.Join(t.TempDir(), "keys.log")
			asked := [][]string{
				{"/index.html"}, {"/api/state.json"}, {"/none.html"}, {"/up"}, {"-I", "/index.html"}, {"-d", "level=3", "/set"},
			}
			stop := record(t, original)
			plain := []string{"/plain.html", "/index.html"}
			for _, page := range plain {
				curl(t, nil, "http://"+original+page)
			}
			for _, args := range asked {
				curl(t, append(os.Environ(), "SSLKEYLOGFILE="+keys), secureArgs(x.curl, original, args)...)
			}
			time.Sleep(1100 * time.Millisecond) // so that Date is seen to go on
			curl(t, append(os.Environ(), "SSLKEYLOGFILE="+keys), secureArgs(x.curl, original, asked[0])...)
			recording := stop()
			profile := filepath.Join(t.TempDir(), "out")
			output(t, built(t), "capture", recording, "--keys", keys, "--port", "80", "--port", "443", "-o", profile)
			profile = filepath.Join(profile, original)
			if list := output(t, built(t), "capture", "--list", recording); !strings.Contains(list, "tls 1.") || !strings.Contains(list, "no keys") {
				t.Errorf("without the keys:\n%s", list)
			}
			decoy(t, []string{copied + ":443", copied + ":80"}, profile, "--bind", copied)
			for _, page := range plain {
				same(t, page, original, copied, curl(t, nil, "http://"+original+page), curl(t, nil, "http://"+copied+page))
			}
			for _, args := range asked {
				same(t, strings.Join(args, " "), original, copied, curl(t, nil, secureArgs(x.curl, original, args)...), curl(t, nil, secureArgs(x.curl, copied, args)...))
			}
			for _, depth := range []int{0, 1} {
				was, is := certificateText(t, original, depth, x.curl), certificateText(t, copied, depth, x.curl)
				if was != is {
					t.Errorf("certificate %d: %s", depth, lineDiff(was, is))
				}
				if depth == 0 && !strings.Contains(was, "1.3.6.1.4.1.4329.7") {
					t.Errorf("the certificate has no extension of its own:\n%s", was)
				}
			}
			if x.issued {
				checkIssued(t, copied)
			}
			if i == 0 {
				decoyMoved(t, profile, copied)
			}
			report := output(t, built(t), "replay", recording, "--keys", keys, "--port", "443", "--target", copied, "--port-offset", "0")
			if !regexp.MustCompile(`total +7 +0 +7 +0\b`).MatchString(report) {
				t.Errorf("replay: %s", report)
			}
		})
	}
}

// decoyMoved: redirects between the sites of a device go where they are served.
func decoyMoved(t *testing.T, profile, addr string) {
	t.Helper()
	start(t, built(t), "emulate", profile, "--events", "none", "--bind", addr, "--port-offset", "20000")
	awaitTCP(t, addr+":20443")
	if out := curl(t, nil, "http://"+addr+":20080/index.html"); !strings.Contains(out, "\r\nLocation: https://"+addr+":20443/index.html\r\n") {
		t.Errorf("to the other site: %s", out)
	}
	if out := curl(t, nil, "https://"+addr+":20443/up"); !strings.Contains(out, "\r\nLocation: http://"+addr+":20080/plain.html\r\n") {
		t.Errorf("and back: %s", out)
	}
}

func startSecureNginx(t *testing.T, addr string, x *secureSite) {
	t.Helper()
	dir := t.TempDir()
	site, cert, key := filepath.Join(dir, "site"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for p := dir; len(p) > len(os.TempDir()); p = filepath.Dir(p) {
		os.Chmod(p, 0o755)
	}
	writeSite(t, site, map[string]string{
		"index.html": "<html><body>pump " + strings.Repeat("<p>42</p>", 4000) + "</body></html>\n", "plain.html": "<html>hello</html>\n", "api/state.json": `{"level": 4.2}` + "\n",
	})
	writeSite(t, dir, map[string]string{
		"nginx.conf": strings.NewReplacer("ADDR", addr, "SITE", site, "CERT", cert, "KEY", key, "VERSIONS", x.versions).Replace(nginxSecure),
		"tmp/empty":  "",
	})
	kind := []string{"-newkey", x.key}
	if x.key == "ec" {
		kind = []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"}
	}
	request := append([]string{"req", "-x509", "-nodes", "-days", "365", "-set_serial", "0x8899aabbccddeeff", "-subj", "/C=DE/O=Pümp, Inc/OU=Works+serialNumber=PS-210/CN=ps-210", "-utf8",
		"-addext", "subjectAltName=DNS:ps-210,IP:10.0.0.7", "-addext", "1.3.6.1.4.1.4329.7=ASN1:UTF8String:PS-210", "-keyout", key, "-out", cert}, kind...)
	if x.issued {
		ca, caKey := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem")
		output(t, "openssl", "req", "-x509", "-nodes", "-days", "3650", "-newkey", "rsa:2048", "-subj", "/CN=Works CA", "-keyout", caKey, "-out", ca)
		output(t, "openssl", append(request, "-CA", ca, "-CAkey", caKey)...)
		chain, err := os.ReadFile(ca)
		if err != nil {
			t.Fatal(err)
		}
		own, err := os.ReadFile(cert)
		if err != nil {
			t.Fatal(err)
		}
		writeSite(t, dir, map[string]string{"cert.pem": string(own) + string(chain)})
	} else {
		output(t, "openssl", request...)
	}
	start(t, "nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	awaitTCP(t, addr+":443")
}

func secureArgs(curl []string, addr string, args []string) []string {
	at := slices.Clone(args)
	at[len(at)-1] = "https://" + addr + at[len(at)-1]
	return slices.Concat(curl, at)
}

// curl prints head and body of an answer; certificates are not verified.
func curl(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("curl", append([]string{"-k", "-s", "-S", "-i", "--max-time", "20"}, args...)...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("curl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

var dateHeader = regexp.MustCompile(`(?m)^Date: .*\r\n`)

// same compares answers; the device's address in them is the decoy's.
func same(t *testing.T, what, original, copied, was, is string) {
	t.Helper()
	was = strings.ReplaceAll(dateHeader.ReplaceAllString(was, ""), original, copied)
	if is = dateHeader.ReplaceAllString(is, ""); was != is {
		t.Errorf("%s: %s", what, lineDiff(was, is))
	}
}

var (
	keyBytes       = regexp.MustCompile(`(?m)^ +([0-9a-f]{2}:)*[0-9a-f]{2}:?\n`)
	signatureValue = regexp.MustCompile(`(?s)Signature Value:.*`)
	pemBlock       = regexp.MustCompile(`(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----`)
)

// certificateText is what openssl prints of a certificate of a chain, without key and signature.
func certificateText(t *testing.T, addr string, depth int, curl []string) string {
	t.Helper()
	blocks := shownCertificates(t, addr, curl)
	if depth >= len(blocks) {
		return ""
	}
	cmd := exec.Command("openssl", "x509", "-noout", "-text", "-nameopt", "sep_multiline,show_type")
	cmd.Stdin = strings.NewReader(blocks[depth])
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl x509: %v\n%s", err, out)
	}
	return signatureValue.ReplaceAllString(keyBytes.ReplaceAllString(string(out), ""), "")
}

func shownCertificates(t *testing.T, addr string, curl []string) []string {
	t.Helper()
	args := []string{"s_client", "-connect", addr + ":443", "-showcerts"}
	if slices.Contains(curl, "--tlsv1.0") {
		args = append(args, "-tls1", "-cipher", "ALL:@SECLEVEL=0")
	}
	out, err := exec.Command("openssl", args...).CombinedOutput()
	blocks := pemBlock.FindAllString(string(out), -1)
	if len(blocks) == 0 {
		t.Fatalf("openssl s_client %s: %v\n%s", addr, err, out)
	}
	return blocks
}

// checkIssued: the decoy's own issuer has signed its certificate.
func checkIssued(t *testing.T, addr string) {
	t.Helper()
	blocks := shownCertificates(t, addr, nil)
	if len(blocks) != 2 {
		t.Fatalf("%d certificates", len(blocks))
	}
	dir := t.TempDir()
	writeSite(t, dir, map[string]string{"own.pem": blocks[0], "ca.pem": blocks[1]})
	if out := output(t, "openssl", "verify", "-no_check_time", "-CAfile", filepath.Join(dir, "ca.pem"), filepath.Join(dir, "own.pem")); !strings.Contains(out, "OK") {
		t.Error(out)
	}
}
