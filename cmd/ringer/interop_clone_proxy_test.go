//go:build interop

package main

import (
	"encoding/hex"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringer/profiles"
)

// TestInteropCloneProxy: snmpwalk and curl see the same through the proxy as without it, over datagrams and TLS, 300
// clients at once too; and it learns both services.
func TestInteropCloneProxy(t *testing.T) {
	const device, proxy = "127.64.0.2", "127.64.0.3"
	need(t, "curl", "openssl", "python3")
	startSNMPD(t, device)
	dir := t.TempDir()
	cert, key, out := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "out")
	if text, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=well", "-days", "2").CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v %s", err, text)
	}
	start(t, "python3", "-c", `import http.server as h, ssl, sys
s = h.ThreadingHTTPServer((sys.argv[1], 443), h.SimpleHTTPRequestHandler)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(sys.argv[2], sys.argv[3])
s.socket = c.wrap_socket(s.socket, server_side=True)
s.serve_forever()`, device, cert, key)
	awaitTCP(t, device+":443")
	stop := start(t, built(t), "clone", "--proxy", proxy+":161/udp="+device+":161", "--proxy", proxy+":443="+device+":443",
		"--proxy-cert", cert, "--proxy-key", key, "-o", out)
	awaitTCP(t, proxy+":443")
	awaitSNMP(t, proxy)

	walk := func(host string) string {
		text, err := exec.Command("snmpwalk", "-v2c", "-c", "public", "-On", host, ".1.3.6.1.2.1.1.1").CombinedOutput()
		if err != nil {
			t.Fatalf("snmpwalk %s: %v %s", host, err, text)
		}
		return string(text)
	}
	if want, got := walk(device), walk(proxy); want != got {
		t.Errorf("snmpwalk says %s through the proxy, %s without", got, want)
	}
	page := func(host string) string {
		text, err := exec.Command("curl", "-sk", "https://"+host+"/testdata/well.py").CombinedOutput()
		if err != nil {
			t.Fatalf("curl %s: %v %s", host, err, text)
		}
		return string(text)
	}
	if want, got := page(device), page(proxy); want != got || !strings.Contains(got, "pymodbus") {
		t.Errorf("curl says %q through the proxy, %q without", got, want)
	}

	get, _ := hex.DecodeString("302902010104067075626c6963a01c02040102030402010002010030" + "0e300c06082b060102010101000500")
	get[1] = byte(len(get) - 2)
	var all []net.Conn
	for range 300 {
		c, err := net.Dial("udp", proxy+":161")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
	}
	for _, c := range all {
		c.Write(get)
		time.Sleep(time.Millisecond)
	}
	answered := 0
	for _, c := range all {
		c.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err := c.Read(make([]byte, 1500)); err == nil {
			answered++
		}
	}
	if answered != len(all) {
		t.Errorf("%d of %d clients at once were answered", answered, len(all))
	}
	stop()
	dev, err := profiles.Load(theProfile(t, out))
	if err != nil {
		t.Fatal(err)
	}
	defer closeProfiles(dev)
	for _, name := range []string{"snmp", "http"} {
		found := false
		for i := range dev.Services {
			found = found || dev.Services[i].Protocol == name
		}
		if !found {
			t.Errorf("%s was not learned: %v", name, servicesJSON(dev))
		}
	}
}
