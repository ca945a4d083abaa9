//go:build interop

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/profiles"
)

// enipPython is a Python with the clients of EtherNet/IP.
func enipPython(t *testing.T) string {
	t.Helper()
	p := python(t)
	if out, err := exec.Command(p, "-c", "import pylogix, cpppo, pycomm3").CombinedOutput(); err != nil {
		t.Skipf("no pylogix, cpppo and pycomm3: run .ci/install (%v %s)", err, out)
	}
	return p
}

func enipClients(t *testing.T, py string, args ...string) (got map[string]any) {
	t.Helper()
	out := strings.TrimSpace(output(t, py, append([]string{"testdata/enip_clients.py"}, args...)...))
	if err := json.Unmarshal([]byte(out[strings.LastIndexByte(out, '\n')+1:]), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return got
}

// TestInteropENIPTags: pylogix and cpppo list, read and write the tags of a hand-written profile.
func TestInteropENIPTags(t *testing.T) {
	py := enipPython(t)
	const at = "127.0.46.1"
	profile := enipTagProfile(t)
	decoy(t, []string{at + ":44818"}, profile, "--bind", at)
	stop := record(t, at)
	got := enipClients(t, py, at)
	file := stop()
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"cpppo reads": [[1, 2, 3, 4], [2.5]],
		"tags": ["BATCH: STRING", "COUNT: DINT", "COUNTS: DINT", "FLAGS: DWORD", "GRID: INT", "LEVEL: REAL", "LONG: DINT",
			"Program:Main.STEP: INT", "SERIAL: LINT", "TANK1: Tank", "TANKS: Tank"],
		"members": ["level", "pump", "alarm", "hours", "trend"],
		"pylogix reads COUNTS": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "pylogix reads GRID[1,2]": 23, "pylogix reads TANK1.level": 2.5,
		"pylogix reads TANK1.pump": true, "pylogix reads BATCH": "B-1042", "pylogix reads Program:Main.STEP": 7, "pylogix reads LONG": 400,
		"no tag": "Path segment error",
		"pylogix writes COUNTS[2]": "Success", "pylogix writes FLAGS[5]": "Success", "pylogix writes TANKS[1].hours": "Success",
		"pylogix writes TANK1.level": "Success", "pylogix writes BATCH": "Success", "pylogix writes LONG": "Success",
		"pylogix writes LEVEL": "Invalid parameter value", "pylogix writes SERIAL": "Privilege violation",
		"read back": [[30, 40], true, 99, 3.25, "X-77", 399], "several": [42, 3.25, 11],
		"cpppo writes": [true, [1, 77, 30, 40]]}`), &want); err != nil {
		t.Fatal(err)
	}
	for what, w := range want {
		if !reflect.DeepEqual(got[what], w) {
			t.Errorf("%s: got %v, want %v", what, got[what], w)
		}
	}
	enipUnmalformed(t, file, at)
}

// TestInteropENIPPycomm3: pycomm3 opens the controller, lists its tags with their structures, reads and writes
// them, several at once, too, and asks for the controller's name and clock.
func TestInteropENIPPycomm3(t *testing.T) {
	py := enipPython(t)
	const at = "127.0.46.21"
	decoy(t, []string{at + ":44818"}, enipTagProfile(t), "--bind", at)
	var got, want map[string]any
	if err := json.Unmarshal([]byte(output(t, py, "testdata/enip_pycomm3.py", "logix", at)), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{
		"product": "1769-L33ER/A LOGIX5333ER", "name": "line3", "keyswitch": "REMOTE RUN", "programs": ["Main"], "clock": true,
		"tags": ["BATCH: STRING [0, 0, 0] Read/Write", "COUNT: DINT [0, 0, 0] Read/Write", "COUNTS: DINT [10, 0, 0] Read/Write",
			"FLAGS: DWORD [2, 0, 0] Read/Write", "GRID: INT [2, 3, 0] Read/Write", "LEVEL: REAL [0, 0, 0] Read/Write",
			"LONG: DINT [400, 0, 0] Read/Write", "Program:Main.STEP: INT [0, 0, 0] Read/Write", "SERIAL: LINT [0, 0, 0] Read Only",
			"TANK1: Tank [0, 0, 0] Read/Write", "TANKS: Tank [3, 0, 0] Read/Write"],
		"members": ["level", "pump", "alarm", "hours", "trend"],
		"reads": {"LEVEL": 2.5, "COUNT": 42, "COUNTS{10}": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "COUNTS[3]{2}": [4, 5], "GRID[1,2]": 23, "FLAGS[5]": false,
			"TANK1": {"level": 2.5, "pump": true, "alarm": false, "hours": 0, "trend": [0, 0, 0, 0]}, "TANK1.level": 2.5, "TANK1.pump": true,
			"BATCH": "B-1042", "SERIAL": 123456789012, "Program:Main.STEP": 7, "NOPE": null},
		"writes": {"COUNT": null, "COUNTS[2]{2}": null, "FLAGS[5]": null, "COUNT.3": null, "TANKS[1]": null, "TANK1.level": null, "BATCH": null,
			"LONG{400}": null, "LEVEL": "Invalid value", "SERIAL": "Permission denied", "Program:Main.STEP": null},
		"read back": {"COUNT": 15, "COUNTS[2]{2}": [30, 40], "FLAGS[5]": true, "TANK1.level": 3.25, "LEVEL": 3.25, "BATCH": "X-77", "LONG[399]": 399,
			"TANKS[1]": {"level": 1.5, "pump": true, "alarm": false, "hours": 5, "trend": [1, 2, 3, 4]}, "Program:Main.STEP": 12},
		"several": [3.25, 15, null, [30, 40], "X-77"]}`), &want); err != nil {
		t.Fatal(err)
	}
	for what, w := range want {
		if !reflect.DeepEqual(got[what], w) {
			t.Errorf("%s: got %v, want %v", what, got[what], w)
		}
	}
}

// TestInteropENIPDataFiles: pycomm3 reads and writes the data files of a MicroLogix, and those of a decoy that was
// learned from its reads alone.
func TestInteropENIPDataFiles(t *testing.T) {
	py := enipPython(t)
	const original, copied = "127.0.46.22", "127.0.46.23"
	profile := filepath.Join(t.TempDir(), "pump-slc")
	if err := os.Mkdir(profile, 0o755); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"slc.yaml": "device.yaml", "device.eds": "device.eds"} {
		b, err := os.ReadFile(filepath.Join("../../emulate/testdata/enip", from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(profile, to), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	decoy(t, []string{original + ":44818"}, profile, "--bind", original)
	ask := func(args ...string) (got map[string]any) {
		t.Helper()
		if err := json.Unmarshal([]byte(output(t, py, append([]string{"testdata/enip_pycomm3.py", "slc"}, args...)...)), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	stop := record(t, original)
	read := ask(original)
	file := stop()
	wrote := ask(original, "write")
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"processor": "1766-LEC",
		"reads": {"N7:1": -20, "N7:0{4}": [10, -20, 30, 40], "B3:0/2": true, "B3:1/3": true, "F8:0": 1.5, "F8:2": 2.5, "F8:0{3}": [1.5, 0, 2.5], "T4:0.ACC": 0,
			"ST9:0": "PUMP HOUSE", "L10:0": 100000, "S:0": 1, "N20:0": null},
		"writes": {"N7:1": null, "N7:5{3}": null, "B3:0/5": null, "B3:1/3": null, "F8:2": null, "L10:1": null, "S:0": "Error code in EXT STS Byte", "F8:2{1}": "Error code in EXT STS Byte"},
		"read back": {"N7:1": -7, "N7:5{3}": [1, 2, 3], "N7:0{8}": [10, -7, 30, 40, 0, 1, 2, 3], "B3:0/5": true, "B3:0/2": true, "B3:1/3": false, "F8:2": 3.25,
			"L10:0{2}": [100000, -100000], "S:0": 1}}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(wrote, want) {
		t.Errorf("got  %v\nwant %v", wrote, want)
	}
	out := filepath.Join(t.TempDir(), "profile")
	output(t, built(t), "capture", file, "-o", out)
	output(t, built(t), "replay", file, "--against", filepath.Join(out, original))
	decoy(t, []string{copied + ":44818"}, filepath.Join(out, original), "--bind", copied)
	if got := ask(copied); !reflect.DeepEqual(got, read) {
		t.Errorf("learned: got  %v\nwant %v", got, read)
	}
	// What was never asked: other places of the same files, and what was written to them.
	back := ask(copied, "write")["read back"].(map[string]any)
	if back["N7:1"] != -7.0 || back["F8:2"] != 9.0 || back["B3:0/5"] != true || back["B3:0/2"] != true {
		t.Errorf("learned, read back: %v", back)
	}
}

// TestInteropENIPTagsLearned: what pylogix lists and reads is enough to make a decoy with the same tags and
// structures, which can be listed, read and written in other ways than they were.
func TestInteropENIPTagsLearned(t *testing.T) {
	py := enipPython(t)
	const original, copied = "127.0.46.7", "127.0.46.8"
	profile := enipTagProfile(t)
	stopOriginal := decoy(t, []string{original + ":44818"}, profile, "--bind", original)
	stop := record(t, original)
	want := enipClients(t, py, original, "browse")
	file := stop()
	written := enipClients(t, py, original)
	stopOriginal()
	out := filepath.Join(t.TempDir(), "profile")
	output(t, built(t), "capture", file, "-o", out)
	learned := filepath.Join(out, original)
	text := output(t, built(t), "replay", file, "--against", learned)
	if !strings.Contains(text, "enip") {
		t.Errorf("nothing was replayed:\n%s", text)
	}
	enipSameTags(t, profile, learned)
	decoy(t, []string{copied + ":44818"}, learned, "--bind", copied)
	if got := enipClients(t, py, copied, "browse"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	enipSameClients(t, enipClients(t, py, copied), written)
}

// enipSameClients compares what clients did with an original and a copy that knows its tags. What is known of
// the original's points alone, which tags share and which limits they have, a copy does not know.
func enipSameClients(t *testing.T, got, want map[string]any) {
	t.Helper()
	unknown := map[string]bool{"pylogix writes LEVEL": true, "pylogix writes SERIAL": true, "read back": true, "several": true}
	for what, w := range want {
		if !unknown[what] && !reflect.DeepEqual(got[what], w) {
			t.Errorf("%s: got %v, want %v", what, got[what], w)
		}
	}
	if back, _ := json.Marshal(got["read back"]); string(back) != `[[30,40],true,99,9,"X-77",399]` {
		t.Errorf("read back: %s", back)
	}
}

// enipTagProfile is the profile with tags that was written by hand, in a folder.
func enipTagProfile(t *testing.T) string {
	t.Helper()
	profile := filepath.Join(t.TempDir(), "line-3")
	if err := os.Mkdir(profile, 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../emulate/testdata/enip/tags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "device.yaml"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return profile
}

// enipSameTags compares the tags and structures of two profiles. Bits lie in words, and places of members are
// written down, where they were learned.
func enipSameTags(t *testing.T, original, learned string) {
	t.Helper()
	section := func(dir string) *profiles.ENIP {
		dev, err := profiles.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		for i := range dev.Services {
			if s, ok := dev.Services[i].Section.(*profiles.ENIP); ok && !dev.Services[i].Common().Port.UDP {
				return s
			}
		}
		t.Fatalf("%s has no EtherNet/IP", dir)
		return nil
	}
	want, got := section(original), section(learned)
	list := func(s *profiles.ENIP) (names []string) {
		for _, g := range s.Tags {
			if g.Type == "BOOL" && len(g.Size) == 1 {
				g.Type, g.Size = "DWORD", []int{(g.Size[0] + 31) / 32}
			}
			if g.Type != "" {
				names = append(names, fmt.Sprint(g.Name, " ", g.Type, " ", g.Size))
			}
		}
		slices.Sort(names)
		return names
	}
	if a, b := list(want), list(got); !slices.Equal(a, b) {
		t.Errorf("tags: got %q\nwant %q", b, a)
	}
	for name, w := range want.Types {
		var members []string
		if got.Types[name] != nil {
			for _, m := range got.Types[name].Members {
				if !strings.HasPrefix(m.Name, "ZZZZ") {
					members = append(members, fmt.Sprint(m.Name, " ", m.Type, " ", m.Size))
				}
			}
		}
		var wanted []string
		for _, m := range w.Members {
			wanted = append(wanted, fmt.Sprint(m.Name, " ", m.Type, " ", m.Size))
		}
		if !slices.Equal(members, wanted) {
			t.Errorf("type %s: got %q, want %q", name, members, wanted)
		}
	}
}

// enipUnmalformed lets tshark judge what the device said.
func enipUnmalformed(t *testing.T, file, server string) {
	t.Helper()
	need(t, "tshark")
	if out := output(t, "tshark", "-r", file, "-Y", "_ws.malformed && ip.src == "+server); strings.Contains(out, server) {
		t.Errorf("tshark finds malformed packets:\n%s", out)
	}
	n := strings.Count(output(t, "tshark", "-r", file, "-Y", "enip && ip.src == "+server), "\n")
	if n < 20 {
		t.Errorf("tshark dissects only %d answers", n)
	}
}

// TestInteropENIPNmap: enip-info prints the identity of the capture, over TCP and UDP, with the address that was asked.
func TestInteropENIPNmap(t *testing.T) {
	need(t, "nmap")
	capture := filepath.Join(shared, "captures/enip/CL5000EIP-IPAddressChangeAttempt.pcap")
	if _, err := os.Stat(capture); err != nil {
		t.Skipf("the captures are not here: %v", err)
	}
	const at = "127.0.46.2"
	decoy(t, []string{at + ":44818"}, capture, "--bind", at+"/32", "--map", "192.168.10.120="+at, "--map", "192.168.10.125=127.0.46.3",
		"--map", "255.255.255.255=127.0.46.4")
	for _, how := range []string{"-sT", "-sU"} {
		out := output(t, "nmap", "-Pn", "-n", how, "-p44818", "--script", "enip-info", at)
		for _, w := range []string{"1756-ENBT/A", "serialNumber: 0x0051aec3", "revision: 4.7", "productCode: 58", "deviceIp: " + at} {
			if !strings.Contains(out, w) {
				t.Errorf("nmap %s does not print %q:\n%s", how, w, out)
			}
		}
	}
}

// TestInteropENIPServer: what clients read of cpppo's server, they read of the decoy that was learned from it.
func TestInteropENIPServer(t *testing.T) {
	py := enipPython(t)
	const original, copied = "127.0.46.5", "127.0.46.6"
	start(t, py, "-m", "cpppo.server.enip", "--address", original, "COUNTS=DINT[10]", "LEVEL=REAL")
	awaitTCP(t, original+":44818")
	output(t, py, "-m", "cpppo.server.enip.client", "-a", original, "COUNTS[0-3]=1,2,3,4", "LEVEL=(REAL)2.5")
	stop := record(t, original)
	want := enipClients(t, py, original, "read")
	identity := output(t, py, "-m", "cpppo.server.enip.list_identity_simple", original)
	file := stop()
	out := filepath.Join(t.TempDir(), "profile")
	output(t, built(t), "capture", file, "-o", out)
	decoy(t, []string{copied + ":44818"}, filepath.Join(out, original), "--bind", copied)
	time.Sleep(100 * time.Millisecond)
	if got := enipClients(t, py, copied, "read"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	copy := output(t, py, "-m", "cpppo.server.enip.list_identity_simple", copied)
	for _, field := range []string{"product_name", "serial_number", "vendor_id", "product_code"} {
		if a, b := enipField(identity, field), enipField(copy, field); a == "" || a != b {
			t.Errorf("%s: %q, want %q", field, b, a)
		}
	}
}

func enipField(text, field string) string {
	_, rest, _ := strings.Cut(text, field+"'")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}
