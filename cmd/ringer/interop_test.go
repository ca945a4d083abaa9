//go:build interop

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The interop suite asks decoys with clients that others made, and learns from servers that others made.
// .ci/install installs them; each test uses loopback addresses of its own. It runs as root, since devices
// have ports below 1024.

const shared = "../../../shared"

var build struct {
	once sync.Once
	path string
	err  error
}

// built builds the binary once, without cgo.
func built(t *testing.T) string {
	t.Helper()
	build.once.Do(func() {
		if build.path, build.err = filepath.Abs("../../bin/ringer"); build.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", build.path, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			build.err = fmt.Errorf("%v\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

// need skips where a program is missing, and says which.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed: run .ci/install", p)
		}
	}
}

func python(t *testing.T) string {
	t.Helper()
	p := filepath.Join(os.Getenv("RINGER_PY"), "bin", "python")
	if os.Getenv("RINGER_PY") == "" {
		p = filepath.Join(os.TempDir(), "ringer-py", "bin", "python")
	}
	if out, err := exec.Command(p, "-c", "import pymodbus, snap7").CombinedOutput(); err != nil {
		t.Skipf("no Python with pymodbus and python-snap7 at %s: run .ci/install (%v %s)", p, err, out)
	}
	return p
}

// start runs a program until the test ends, or until the returned function tells it to end with SIGINT.
func start(t *testing.T, name string, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cmd.Process.Signal(os.Interrupt)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			if err != nil && strings.HasSuffix(name, "ringer") {
				t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, log.String())
			}
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			t.Errorf("%s did not end", name)
		}
	})
	t.Cleanup(stop)
	return stop
}

// decoy serves what args name and waits until its ports answer.
func decoy(t *testing.T, ports []string, args ...string) (stop func()) {
	t.Helper()
	stop = start(t, built(t), append([]string{"emulate", "--events", "none", "--timing", "none", "--port-offset", "0"}, args...)...)
	for _, p := range ports {
		awaitTCP(t, p)
	}
	if len(ports) == 0 {
		time.Sleep(700 * time.Millisecond)
	}
	return stop
}

func awaitTCP(t *testing.T, addr string) {
	t.Helper()
	var err error
	for range 150 {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", addr, time.Second); err == nil {
			c.Close()
			return
		}
		time.Sleep(40 * time.Millisecond)
	}
	t.Fatalf("nobody listens on %s: %v", addr, err)
}

// record captures the traffic of an address; the returned function ends it and gives the file.
func record(t *testing.T, host string) func() string {
	t.Helper()
	need(t, "dumpcap")
	file := filepath.Join(t.TempDir(), "session.pcapng")
	os.Chmod(filepath.Dir(file), 0o777)
	stop := start(t, "dumpcap", "-q", "-i", "lo", "-f", "host "+host, "-w", file)
	time.Sleep(1200 * time.Millisecond)
	return func() string {
		time.Sleep(800 * time.Millisecond)
		stop()
		return file
	}
}

// unmalformed lets tshark judge a recording. Packets that the device under test did not send are not
// judged: a client may be wrong, too.
func unmalformed(t *testing.T, file, server string) {
	t.Helper()
	need(t, "tshark")
	out, err := exec.Command("tshark", "-r", file, "-Y", "_ws.malformed && ip.src == "+server).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	if len(out) > 0 {
		t.Errorf("tshark finds malformed packets in %s:\n%s", file, out)
	}
	n, err := exec.Command("tshark", "-r", file, "-Y", "ip.src == "+server+" && (modbus || s7comm || snmp || http)", "-T", "fields", "-e", "frame.number").Output()
	if err != nil || len(n) == 0 {
		t.Errorf("tshark dissects no answer in %s: %v", file, err)
	}
	t.Logf("tshark: %d packets of %s dissected, none malformed", bytes.Count(n, []byte("\n")), server)
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestInteropSNMPWalk: what snmpwalk, snmpbulkwalk and snmpget print against snmpd, they print against the
// decoy that was learned from it.
func TestInteropSNMPWalk(t *testing.T) {
	need(t, "snmpd", "snmpwalk", "snmpbulkwalk", "snmpget")
	const original, copied = "127.0.40.1", "127.0.40.2"
	conf, err := os.ReadFile("../../testdata/record/snmpd.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "snmpd.conf")
	if err := os.WriteFile(file, bytes.ReplaceAll(conf, []byte("127.0.10.1"), []byte(original)), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SNMP_PERSISTENT_DIR", dir)
	start(t, "snmpd", "-f", "-C", "-c", file, "-Ln")
	time.Sleep(1500 * time.Millisecond)

	questions := [][]string{
		{"snmpwalk", "-v2c", "-c", "public", "-On", "HOST", ".1"},
		{"snmpbulkwalk", "-v2c", "-c", "public", "-On", "HOST", ".1"},
		{"snmpbulkwalk", "-v2c", "-c", "public", "-Cr50", "-On", "HOST", ".1"},
		{"snmpwalk", "-v1", "-c", "public", "-On", "HOST", ".1.3.6.1.2.1.1"},
		{"snmpget", "-v2c", "-c", "public", "-On", "HOST", ".1.3.6.1.2.1.1.1.0", ".1.3.6.1.2.1.1.99.0", ".1.3.6.1.2.1.1.1.1"},
	}
	ask := func(host string) (answers []string) {
		for _, q := range questions {
			args := slices.Clone(q[1:])
			args[slices.Index(args, "HOST")] = host
			out, _ := exec.Command(q[0], args...).CombinedOutput()
			answers = append(answers, string(out))
		}
		return answers
	}
	stop := record(t, original)
	want := ask(original)
	file = stop()
	lines := strings.Count(want[0], "\n")
	if lines < 100 {
		t.Fatalf("snmpd has only %d variables:\n%s", lines, want[0])
	}

	out := filepath.Join(dir, "profile")
	output(t, built(t), "capture", file, "-o", out, "--keep-secrets")
	profile := filepath.Join(out, original)
	stop = record(t, copied)
	end := decoy(t, nil, profile, "--bind", copied)
	got := ask(copied)
	unmalformed(t, stop(), copied)
	end()
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s prints other lines:\n%s", strings.Join(questions[i], " "), lineDiff(want[i], got[i]))
		}
	}

	// With the model, only what moves may differ.
	decoy(t, nil, profile, "--bind", copied, "--values", "model")
	got = ask(copied)
	moving := regexp.MustCompile(`(Timeticks|Counter32|Counter64|Gauge32|INTEGER|Hex-STRING): .*|(STRING): "\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}"`)
	// Connections, processes and files come and go between two walks of snmpd itself.
	coming := regexp.MustCompile(`(?m)^\.1\.3\.6\.1\.(2\.1\.(6|7|25)|4\.1\.2021)\..*\n`)
	for i := range want {
		w := moving.ReplaceAllString(coming.ReplaceAllString(want[i], ""), "$1$2")
		g := moving.ReplaceAllString(coming.ReplaceAllString(got[i], ""), "$1$2")
		if w != g {
			t.Errorf("%s with --values model prints other lines:\n%s", strings.Join(questions[i], " "), lineDiff(w, g))
		}
	}
	t.Logf("%d commands, %d variables: same lines", len(questions), lines)
}

func lineDiff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	n := 0
	for i := range max(len(w), len(g)) {
		var x, y string
		if i < len(w) {
			x = w[i]
		}
		if i < len(g) {
			y = g[i]
		}
		if x != y {
			fmt.Fprintf(&b, "- %s\n+ %s\n", x, y)
			if n++; n == 8 {
				b.WriteString("...\n")
				break
			}
		}
	}
	return b.String()
}

// TestInteropNmap: nmap's scripts print the identity that the capture or the profile holds.
func TestInteropNmap(t *testing.T) {
	need(t, "nmap")
	scan := func(host string, args ...string) string {
		return output(t, "nmap", append(append([]string{"-Pn", "-n"}, args...), host)...)
	}
	expect := func(out string, texts ...string) {
		t.Helper()
		for _, x := range texts {
			if !strings.Contains(out, x) {
				t.Errorf("nmap does not print %q:\n%s", x, out)
			}
		}
	}
	t.Run("station", func(t *testing.T) {
		const at = "127.0.41.1"
		decoy(t, []string{at + ":502", at + ":80"}, "../../testdata/pump-station.pcapng", "--bind", at, "--values", "model")
		expect(scan(at, "-sT", "-p502", "--script", "modbus-discover"), "Brunnen Automation PS-210 2.4.1")
		expect(scan(at, "-sU", "-p161", "--script", "snmp-sysdescr,snmp-info"), "Brunnen PS-210 pump station controller 2.4.1")
		expect(scan(at, "-sT", "-p80", "--script", "http-headers,http-title"), "PS-210 pump station", "Server: nginx/1.22.1")
	})
	t.Run("profile", func(t *testing.T) {
		const at = "127.0.41.2"
		decoy(t, []string{at + ":502", at + ":102", at + ":80"}, "../../profiles/s7-1200-water", "--bind", at)
		stop := record(t, at)
		expect(scan(at, "-sT", "-p502", "--script", "modbus-discover"), "Siemens 6ES7 214-1AG40-0XB0 V4.5.2")
		expect(scan(at, "-sT", "-p102", "--script", "s7-info"), "6ES7 214-1AG40-0XB0", "Version: 4.5.2", "S V-R4N6ER0042", "PLC_WATER_3")
		expect(scan(at, "-sU", "-p161", "--script", "snmp-sysdescr"), "Siemens, SIMATIC S7, CPU-1200")
		expect(scan(at, "-sT", "-p80", "--script", "http-headers"), "Server: S7-1200 web server")
		unmalformed(t, stop(), at)
	})
	t.Run("s7-300", func(t *testing.T) {
		capture := filepath.Join(shared, "captures/s7comm/snap7_s300_everything.pcapng")
		if _, err := os.Stat(capture); err != nil {
			t.Skipf("the captures are not here: %v", err)
		}
		const at = "127.0.41.3"
		decoy(t, []string{at + ":102"}, capture, "--bind", at)
		expect(scan(at, "-sT", "-p102", "--script", "s7-info"), "6ES7 315-2EH14-0AB0", "S C-B1U393142011", "S7300/ET200M station_1", "PLC_1")
	})
}

// TestInteropPython: python-snap7 and pymodbus read and write the shipped profile; what one writes, the
// others read, over S7, Modbus, SNMP and HTTP.
func TestInteropPython(t *testing.T) {
	need(t, "snmpget", "curl")
	py := python(t)
	const at = "127.0.42.1"
	decoy(t, []string{at + ":502", at + ":102", at + ":80"}, "../../profiles/s7-1200-water", "--bind", at)
	stop := record(t, at)
	out := output(t, py, "testdata/clients.py", at)
	var got map[string]any
	if err := json.Unmarshal([]byte(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for what, want := range map[string]any{
		"modbus wrote, snap7 reads":     3.25,
		"snap7 wrote, modbus reads":     1.75,
		"modbus reads a coil of snap7":  true,
		"a set point beyond its range":  "exception 3",
		"snap7 reads beyond the end":    "refused",
		"order code":                    "6ES7 214-1AG40-0XB0",
		"cpu state":                     "RUN",
		"cpu state after stop":          "STOP",
		"modbus reads an illegal range": "exception 2",
	} {
		if got[what] != want {
			t.Errorf("%s: got %v, want %v", what, got[what], want)
		}
	}
	if s := output(t, "snmpget", "-v2c", "-c", "public", "-Oqv", at, ".1.3.6.1.4.1.99999.3.3.0"); !strings.Contains(s, "1.75") {
		t.Errorf("snmpget reads the set point as %s", s)
	}
	if s := output(t, "curl", "-s", "http://"+at+"/portal.html"); !strings.Contains(s, `<td id="setpoint">1.75 m</td>`) {
		t.Errorf("the page does not show the set point:\n%s", s)
	}
	output(t, "curl", "-s", "-u", "admin:1214", "-d", "setpoint=2.25", "http://"+at+"/set")
	if s := output(t, "snmpget", "-v2c", "-c", "public", "-Oqv", at, ".1.3.6.1.4.1.99999.3.3.0"); !strings.Contains(s, "2.25") {
		t.Errorf("after the form was sent, snmpget reads the set point as %s", s)
	}
	unmalformed(t, stop(), at)
}

// TestInteropCurl: curl gets the bodies of the recorded site byte for byte.
func TestInteropCurl(t *testing.T) {
	need(t, "curl")
	const at = "127.0.43.1"
	decoy(t, []string{at + ":80"}, "../../testdata/pump-station.pcapng", "--bind", at)
	stop := record(t, at)
	site := "../../testdata/record/site"
	for _, p := range []string{"index.html", "status.html", "network.html", "style.css", "img/logo.svg"} {
		want, err := os.ReadFile(filepath.Join(site, p))
		if err != nil {
			t.Fatal(err)
		}
		if got := output(t, "curl", "-s", "http://"+at+"/"+strings.TrimSuffix(p, "index.html")); got != string(want) {
			t.Errorf("%s: got %d bytes, want %d", p, len(got), len(want))
		}
	}
	if got := output(t, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "http://"+at+"/old"); got != "301 http://"+at+"/status.html" {
		t.Errorf("/old: %s", got)
	}
	if got := output(t, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://"+at+"/service/"); got != "401" {
		t.Errorf("/service/ without log-in: %s", got)
	}
	if got := output(t, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", "service:wartung", "http://"+at+"/service/"); got != "200" {
		t.Errorf("/service/ with log-in: %s", got)
	}
	unmalformed(t, stop(), at)
}
