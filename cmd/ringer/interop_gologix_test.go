//go:build interop

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// gologix builds the program made with the library gologix, which is pinned in a module of its own.
func gologix(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "gologix-client")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir = "testdata/gologix"
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("gologix cannot be built, which needs the Go proxy once: %v\n%s", err, out)
	}
	return program
}

// TestInteropENIPGologix: gologix lists the tags of a hand-written profile and those of its program, with their
// structures; it reads and writes numbers, arrays, bits, texts and a structure whose handle it makes itself.
func TestInteropENIPGologix(t *testing.T) {
	client := gologix(t)
	const at = "127.0.46.20"
	decoy(t, []string{at + ":44818"}, enipTagProfile(t), "--bind", at)
	stop := record(t, at)
	out := printed(t, client, "tags", at)
	file := stop()
	var got, want map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, list := range []string{"FLAGS", "LONG"} {
		values, _ := got[list].([]any)
		got[list] = len(values)
	}
	// The library cuts the last letter off the name of a structure.
	if err := json.Unmarshal([]byte(`{
		"identity": "1769-L33ER/A LOGIX5333ER 1 2846",
		"tags": ["BATCH STRIN []", "COUNT 0xC4 - DINT []", "COUNTS 0xC4 - DINT [10]", "FLAGS 0xD3 - DWORD [2]", "GRID 0xC3 - INT [2 3]",
			"LEVEL 0xCA - REAL []", "LONG 0xC4 - DINT [400]", "SERIAL 0xC5 - LINT []", "TANK1 Tan []", "TANKS Tan [3]", "program:Main.STEP 0xC3 - INT []"],
		"members": ["level", "ZZZZZZZZZZTank0", "pump", "alarm", "hours", "trend"],
		"LEVEL": 2.5, "COUNT": 42, "GRID[1,2]": 23, "SERIAL": 123456789012, "BATCH": "B-1042", "TANK1.level": 2.5, "TANK1.pump": true,
		"TANK1": {"Level": 2.5, "Pump": true, "Alarm": false, "Hours": 0, "Trend": [0, 0, 0, 0]}, "Program:Main.STEP": 7,
		"NOPE": "read of NOPE returned status Path segment error - The path segment identifier or the segment syntax was not understood by the processing node.",
		"COUNTS": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "FLAGS": 64, "LONG": 400, "several": {"COUNT": 42, "GRID[0,0]": 11, "LEVEL": 2.5},
		"wrote": {"COUNT": "written", "COUNTS[2]": "written", "TANKS[1].hours": "written", "TANKS[2]": "written", "TANK1.level": "written",
			"LEVEL": "refused", "SERIAL": "refused", "NOPE": "refused"},
		"read back": {"COUNT": 7, "COUNTS[1]": [2, 30, 40, 5], "TANKS[1].hours": 99, "LEVEL": 3.25, "SERIAL": 123456789012,
			"TANKS[2]": {"Level": 1.5, "Pump": true, "Alarm": true, "Hours": 5, "Trend": [1, 2, 3, 4]}}}`), &want); err != nil {
		t.Fatal(err)
	}
	for what, w := range want {
		g := got[what]
		if n, ok := g.(int); ok {
			g = float64(n)
		}
		if !reflect.DeepEqual(g, w) {
			t.Errorf("%s: got %v, want %v", what, g, w)
		}
	}
	enipUnmalformed(t, file, at)
}

// TestInteropCloneENIPGologix: the clone of gologix's server answers gologix's client as the original does. That
// server takes every address there is, so all of this has a network of its own.
func TestInteropCloneENIPGologix(t *testing.T) {
	need(t, "unshare", "ip")
	if out, err := exec.Command("unshare", "-rn", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Skipf("no networks of their own here: %v %s", err, out)
	}
	client, dir := gologix(t), t.TempDir()
	script := `set -e
		client=$1 ringer=$2 dir=$3
		ip link set lo up
		$client serve 2>$dir/server.log & server=$!
		trap 'kill $server 2>/dev/null || true' EXIT
		for i in $(seq 50); do $client read 127.0.0.1 >/dev/null 2>&1 && break; sleep 0.1; done
		$ringer clone enip 127.0.0.1 --care lab --every 20ms --tag COUNT --tag LEVEL --tag NAME --tag 'COUNTS*10' -o $dir/profile --evidence $dir/evidence.pcapng >&2
		$client read 127.0.0.1
		kill $server
		wait $server || true
		$ringer emulate $dir/profile/127.0.0.1 --bind 127.0.0.1 --events none >&2 & server=$!
		for i in $(seq 50); do $client read 127.0.0.1 >/dev/null 2>&1 && break; sleep 0.1; done
		$client read 127.0.0.1`
	out := printed(t, "unshare", "-rn", "sh", "-c", script, "sh", client, built(t), dir)
	original, copied, _ := strings.Cut(strings.TrimSpace(out), "\n")
	const want = `"COUNT":42,"COUNTS":[1,2,3,4,5,6,7,8,9,10],"COUNTS[3]":[4,5,6,7],"LEVEL":2.5,"NAME":"pump house","identity 1":"7617"`
	if original != copied || !strings.Contains(original, want) {
		t.Errorf("the original answers\n%s\nits clone\n%s\nwant in both\n%s", original, copied, want)
	}
	output(t, built(t), "replay", filepath.Join(dir, "evidence.pcapng"), "--against", filepath.Join(dir, "profile", "127.0.0.1"))
}
