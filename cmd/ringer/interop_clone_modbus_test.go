//go:build interop

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
)

// cloneModbus clones a server, checks that what was asked only reads and that the profile answers its own evidence, and
// gives the profile and the remarks.
func cloneModbus(t *testing.T, host string, flags ...string) (profile, remarks string) {
	t.Helper()
	dir := t.TempDir()
	evidence := filepath.Join(dir, "evidence.pcapng")
	args := append([]string{"clone", "modbus", host, "-o", filepath.Join(dir, "out"), "--evidence", evidence, "--care", "lab", "--timeout", "400ms",
		"--every", "100ms", "--json"}, flags...)
	text, err := exec.Command(built(t), args...).Output()
	if err != nil {
		t.Fatalf("%s: %v %s", strings.Join(args, " "), err, text)
	}
	var said struct {
		Devices []struct {
			Remarks []struct{ Text string }
		}
		Profiles []string
	}
	if err := json.Unmarshal(text, &said); err != nil || len(said.Profiles) != 1 {
		t.Fatalf("%v in %s", err, text)
	}
	for _, r := range said.Devices[0].Remarks {
		remarks += r.Text + "\n"
	}
	f, err := os.Open(evidence)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	allowed := []modbus.Function{1, 2, 3, 4, 7, 8, 11, 12, 17, 20, 24, 43}
	n := 0
	for x, err := range capture.Exchanges(f, capture.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Request == nil {
			continue
		}
		q := x.Request.(modbus.Message)
		if class, effect := wire.Class(q); effect != wire.Read || !slices.Contains(allowed, q.Code()) {
			t.Errorf("%s was sent, a %v", class, effect)
		}
		n++
	}
	if n < 100 {
		t.Errorf("%d questions in the evidence", n)
	}
	out, err := exec.Command("tshark", "-r", evidence, "-Y", "_ws.malformed").Output()
	if err != nil || len(out) > 0 {
		t.Errorf("tshark: %v %s", err, out)
	}
	noDifferences(t, evidence, said.Profiles[0])
	return said.Profiles[0], remarks
}

// sameOutput compares outputs line by line, but for lines that move.
func sameOutput(t *testing.T, what, want, got string, moves *regexp.Regexp) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	if len(w) != len(g) {
		t.Errorf("%s: %d lines from the original, %d from the decoy:\n%s", what, len(w), len(g), lineDiff(want, got))
		return
	}
	for i := range w {
		if w[i] != g[i] && !(moves != nil && moves.MatchString(w[i]) && moves.MatchString(g[i])) {
			t.Errorf("%s:\noriginal %s\ndecoy    %s", what, w[i], g[i])
		}
	}
}

// mbpoll reads the same of a server as people do.
func mbpoll(t *testing.T, host string, units ...string) string {
	t.Helper()
	var all strings.Builder
	for _, unit := range units {
		for _, read := range []string{"-t 4 -r 100 -c 5", "-t 4 -r 160 -c 7", "-t 4 -r 415 -c 5", "-t 4 -r 419 -c 2", "-t 3 -r 1000 -c 9", "-t 3 -r 0 -c 5", "-t 0 -r 0 -c 21",
			"-t 1 -r 300 -c 10", "-t 1 -r 309 -c 2", "-t 0 -r 36 -c 1", "-t 0 -r 37 -c 1"} {
			args := append([]string{"-0", "-m", "tcp", "-1", "-q", "-o", "0.5", "-a", unit}, append(strings.Fields(read), host)...)
			out, _ := exec.Command("mbpoll", args...).CombinedOutput()
			all.WriteString(unit + " " + read + "\n" + strings.ReplaceAll(string(out), host, "HOST"))
		}
	}
	return all.String()
}

// TestInteropCloneModbusPymodbus: a clone of pymodbus's server says to pymodbus's client what the server says. What
// moves: register 7 of unit 1, which counts; the event log of function 12, which grows with every request.
func TestInteropCloneModbusPymodbus(t *testing.T) {
	t.Parallel() // it waits most of the time
	const original, copied = "127.62.0.2", "127.62.0.3"
	py := python(t)
	need(t, "mbpoll", "tshark")
	stop := start(t, py, "testdata/modbus.py", "serve", original)
	awaitTCP(t, original+":502")
	profile, remarks := cloneModbus(t, original)
	for _, want := range []string{"unit identifiers 1, 5 (2)", "unit 1: holding registers 0-9, 13-19, 100-349, 4000, 40000-40071 (340)",
		"unit 1: coils 0-20, 800-803 (25)", "unit 5: holding registers 1000-1001, 1003 (3)", "exception 4"} {
		if !strings.Contains(remarks, want) {
			t.Errorf("no remark %q in\n%s", want, remarks)
		}
	}
	ask := func(host string) string { return output(t, py, "testdata/modbus.py", "ask", host, "1", "5", "2") }
	want, wantPoll := ask(original), mbpoll(t, original, "1", "5", "2")
	stop()
	decoy(t, []string{copied + ":502"}, profile, "--map", filepath.Base(profile)+"="+copied)
	sameOutput(t, "pymodbus", want, ask(copied), regexp.MustCompile(`^(moving |[15] (log|counter) )`))
	sameOutput(t, "mbpoll", wantPoll, mbpoll(t, copied, "1", "5", "2"), nil)
	clonedAgain(t, profile, copied)
}

// TestInteropCloneModbusLibmodbus: the same with libmodbus's server, which does not look at the unit identifier.
func TestInteropCloneModbusLibmodbus(t *testing.T) {
	t.Parallel() // it waits most of the time
	const original, copied = "127.62.0.4", "127.62.0.5"
	py := python(t)
	need(t, "mbpoll", "tshark", "gcc")
	server := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("gcc", "-I/usr/include/modbus", "-o", server, "testdata/modbus_server.c", "-lmodbus").CombinedOutput(); err != nil {
		t.Skipf("libmodbus-dev is not installed: run .ci/install (%s)", out)
	}
	cmd := exec.Command(server, original)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	awaitTCP(t, original+":502")
	profile, remarks := cloneModbus(t, original)
	for _, want := range []string{"answers every unit identifier alike", "holding registers 160-419 (260)", "input registers 1000-1008 (9)",
		"coils 0-36 (37)", "discrete inputs 300-309 (10)"} {
		if !strings.Contains(remarks, want) {
			t.Errorf("no remark %q in\n%s", want, remarks)
		}
	}
	ask := func(host string) string { return output(t, py, "testdata/modbus.py", "ask", host, "1", "33") }
	want, wantPoll := ask(original), mbpoll(t, original, "1", "33")
	decoy(t, []string{copied + ":502"}, profile, "--map", filepath.Base(profile)+"="+copied)
	sameOutput(t, "pymodbus", want, ask(copied), nil)
	sameOutput(t, "mbpoll", wantPoll, mbpoll(t, copied, "1", "33"), nil)
	clonedAgain(t, profile, copied)
}

// clonedAgain: a clone of a decoy has what the decoy's profile has.
func clonedAgain(t *testing.T, profile, host string) {
	t.Helper()
	again, _ := cloneModbus(t, host)
	held := func(dir string) string {
		b, err := os.ReadFile(filepath.Join(dir, "device.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.SplitSeq(string(b), "\n") {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "- {") && !strings.Contains(line, "point:") {
				lines = append(lines, regexp.MustCompile(`(, values: .*|, block: .*)\}`).ReplaceAllString(line, "}"))
			}
		}
		return strings.Join(lines, "\n")
	}
	if want, got := held(profile), held(again); want != got {
		t.Errorf("the clone of the decoy differs:\n%s", lineDiff(want, got))
	}
}
