//go:build interop

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// snap7Native is a Python whose snap7 is the C library: python-snap7 before 2.0 brings it.
func snap7Native(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("RINGER_PY")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "ringer-py")
	}
	p := filepath.Join(dir+"-snap7", "bin", "python")
	if out, err := exec.Command(p, "-c", "import snap7; snap7.client.Client()").CombinedOutput(); err != nil {
		t.Skipf("no Python with python-snap7 1.4.1 at %s: run .ci/install (%v %s)", p, err, out)
	}
	return p
}

// snap7Moves is what differs between two runs against the same CPU: its clock.
var snap7Moves = regexp.MustCompile(`(get_plc_datetime -> datetime\.datetime)\(.*`)

// TestInteropCloneS7: what snap7's clients print against snap7's servers, they print against the decoys that
// were cloned from them, and the clone of a decoy is the decoy.
func TestInteropCloneS7(t *testing.T) {
	const blocks = "1=777 2=64 30=3 1000=3000"
	for i, server := range []struct {
		name   string
		python func(*testing.T) string
		// left out of the comparison, for the reason given
		except map[string]string
	}{
		{"python-snap7", python, map[string]string{
			"get_cpu_state": "the client sends a read of no items, which the server takes for one of DB1",
		}},
		{"libsnap7", snap7Native, map[string]string{
			"get_cpu_state": "python-snap7 3 sends a read of no items",
		}},
	} {
		t.Run(server.name, func(t *testing.T) {
			original := fmt.Sprintf("127.0.46.%d", 1+10*i)
			copied, again := fmt.Sprintf("127.0.46.%d", 2+10*i), fmt.Sprintf("127.0.46.%d", 3+10*i)
			start(t, server.python(t), "testdata/s7_server.py", original, "102")
			awaitTCP(t, net.JoinHostPort(original, "102"))
			dir := t.TempDir()
			clone := func(of, name string) (profile, evidence string) {
				evidence = filepath.Join(dir, name+".pcapng")
				out := output(t, built(t), "clone", "s7", of, "-o", filepath.Join(dir, name), "--evidence", evidence, "--care", "lab", "--blocks", "--every", "200ms")
				t.Logf("%s", out)
				profile = filepath.Join(dir, name, of)
				if out := output(t, built(t), "replay", evidence, "--against", profile); strings.Contains(out, "differences:") {
					t.Errorf("the evidence of %s differs from the profile:\n%s", of, out)
				}
				return profile, evidence
			}
			profile, _ := clone(original, "first")
			decoy(t, []string{copied + ":102"}, profile, "--bind", copied)
			second, _ := clone(copied, "second")
			decoy(t, []string{again + ":102"}, second, "--bind", again)
			ask := func(client, at string) string {
				out := output(t, client, append([]string{"testdata/s7_client.py", at, "102", "2"}, strings.Fields(blocks)...)...)
				out = snap7Moves.ReplaceAllString(out, "$1")
				for line := range server.except {
					out = regexp.MustCompile(`(?m)^`+line+` ->.*\n`).ReplaceAllString(out, "")
				}
				return out
			}
			for _, client := range []string{python(t), snap7Native(t)} {
				want := ask(client, original)
				if n := strings.Count(want, "\n"); n < 150 {
					t.Fatalf("the client printed %d lines only:\n%s", n, want)
				}
				for _, at := range []string{copied, again} {
					if got := ask(client, at); got != want {
						t.Errorf("%s prints other lines for the clone at %s:\n%s", client, at, lineDiff(want, got))
					}
				}
				t.Logf("%d lines are the same for the original, its clone, and the clone of that", strings.Count(want, "\n"))
			}
		})
	}
}

// TestInteropCloneS7Profile: a decoy of the shipped profile, and its clone, whose values move.
func TestInteropCloneS7Profile(t *testing.T) {
	const original, copied = "127.0.46.21", "127.0.46.22"
	decoy(t, []string{original + ":102"}, "../../profiles/s7-1200-water", "--bind", original)
	dir := t.TempDir()
	evidence := filepath.Join(dir, "evidence.pcapng")
	t.Logf("%s", output(t, built(t), "clone", "s7", original, "-o", filepath.Join(dir, "p"), "--evidence", evidence, "--care", "lab", "--every", "500ms"))
	profile := filepath.Join(dir, "p", original)
	if out := output(t, built(t), "replay", evidence, "--against", profile); strings.Contains(out, "differences:") {
		t.Errorf("the evidence differs from the profile:\n%s", out)
	}
	decoy(t, []string{copied + ":102"}, profile, "--bind", copied)
	ask := func(client, at string) string {
		out := snap7Moves.ReplaceAllString(output(t, client, "testdata/s7_client.py", at, "102", "1", "1=256"), "$1")
		// DB1 begins with level, flow, pump, set point, hours and pressure; input 0 is the pump.
		return regexp.MustCompile(`(?m)^(db_read 1 (0|1) \d+|eb_read 0 1) ->.*\n`).ReplaceAllString(out, "")
	}
	for _, client := range []string{python(t), snap7Native(t)} {
		want := ask(client, original)
		if got := ask(client, copied); got != want {
			t.Errorf("%s prints other lines for the clone:\n%s", client, lineDiff(want, got))
		}
		t.Logf("%d lines are the same", strings.Count(want, "\n"))
	}
}
