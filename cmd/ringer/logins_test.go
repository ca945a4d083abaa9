package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

// A tapped connection is recorded.
type tapped struct {
	net.Conn
	line *capture.Line
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.line.Said(wire.Server, b[:n], "")
	}
	return n, err
}

func (c *tapped) Write(b []byte) (int, error) {
	c.line.Said(wire.Client, b, "")
	return c.Conn.Write(b)
}

// TestLogInsAreAskedAgain: what a client asked of a Redfish service in sessions, whose tokens and places the service
// made up, is asked again in sessions of the target's, each with tokens of its own; what comes back is compared as
// if they were the recorded ones.
func TestLogInsAreAskedAgain(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "made", "bmc"), os.DirFS("../../profiles/bmc-2u-server")); err != nil {
		t.Fatal(err)
	}
	edited(t, filepath.Join(dir, "made"), `port: 443\n      tls:\n(?:        .*\n)+`, "port: 80\n")
	decoy := serve(t, "emulate", theProfile(t, filepath.Join(dir, "made")), "--bind", "127.0.91.30", "--map-port", "http=0", "--map-port", "ipmi=0", "--map-port", "snmp=0",
		"--timing", "none", "--events", "none", "--json")
	defer decoy.end()
	var at string
	for _, row := range decoy.table(t) {
		if row.Protocol == "http" {
			at = row.Address
		}
	}
	recording := filepath.Join(dir, "log-ins.pcapng")
	f, err := os.Create(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tap := capture.NewTap(f, time.Now)
	ask := func(token, method, path, body string) *http.Response {
		t.Helper()
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		line := tap.Open("tcp", c.LocalAddr().(*net.TCPAddr).AddrPort(), netip.MustParseAddrPort("10.0.0.7:80"))
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return &tapped{c, line}, nil }}}
		req, err := http.NewRequest(method, "http://"+at+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if token != "" {
			req.Header.Set("X-Auth-Token", token)
		}
		r, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Fatal(err)
		}
		line.End(wire.Client)
		line.End(wire.Server)
		return r
	}
	const sessions, system = "/redfish/v1/SessionService/Sessions", "/redfish/v1/Systems/1"
	ask("", "GET", "/redfish/v1/", "")
	for i := range 2 {
		in := ask("", "POST", sessions, `{"UserName": "ADMIN", "Password": "ADMIN"}`)
		token, place := in.Header.Get("X-Auth-Token"), in.Header.Get("Location")
		if in.StatusCode != 201 || token == "" || place == "" {
			t.Fatalf("log-in: %s, %v", in.Status, in.Header)
		}
		ask(token, "GET", sessions, "")
		ask(token, "GET", place, "")
		ask(token, "PATCH", system, fmt.Sprintf(`{"AssetTag": "R12-%d"}`, i))
		if r := ask(token, "GET", system, ""); r.StatusCode != 200 {
			t.Fatalf("with the token: %s", r.Status)
		}
		ask(token, "DELETE", place, "")
		if r := ask(token, "GET", system, ""); r.StatusCode != 401 {
			t.Fatalf("with the token of a session that has ended: %s", r.Status)
		}
	}
	if err := tap.Close(); err != nil {
		t.Fatal(err)
	}

	learned := filepath.Join(dir, "learned")
	mustRinger(t, "capture", recording, "-o", learned)
	profile := theProfile(t, learned)
	total, differences := asksAgain(t, nil, recording, "--against", profile)
	if total.Asked != 15 || len(differences) > 0 {
		t.Errorf("against what was learned: %d asked\n%s", total.Asked, strings.Join(differences, "\n"))
	}
	total, differences = asksAgain(t, nil, recording, "--target", "127.0.91.30", "--map-port", "http="+at[strings.LastIndexByte(at, ':')+1:], "--allow-writes")
	if total.Asked != 15 {
		t.Errorf("over sockets: %d asked", total.Asked)
	}
	for _, d := range differences { // the asset tag was changed since
		if !strings.Contains(d, ": Body: ") {
			t.Error("over sockets: " + d)
		}
	}
	lists, _ := filepath.Glob(filepath.Join(profile, "redfish", "*", sessions, "index.json"))
	if len(lists) != 1 {
		t.Fatalf("lists of sessions: %q", lists)
	}
	list, err := os.ReadFile(lists[0])
	if err != nil || bytes.Contains(list, []byte(sessions+"/")) {
		t.Errorf("sessions of the recording are in the profile: %v\n%s", err, list)
	}
}
