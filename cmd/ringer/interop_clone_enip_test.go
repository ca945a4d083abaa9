//go:build interop

package main

import (
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// cloneENIP clones a device, checks that what was asked replays alike and was only read, and gives the profile.
func cloneENIP(t *testing.T, at string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	out, evidence := filepath.Join(dir, "profile"), filepath.Join(dir, "evidence.pcapng")
	t.Log(output(t, built(t), append([]string{"clone", "enip", at, "--care", "lab", "--every", "20ms", "-o", out, "--evidence", evidence}, args...)...))
	profile := filepath.Join(out, at)
	output(t, built(t), "replay", evidence, "--against", profile)
	need(t, "tshark")
	// What may be asked, by an independent dissector: reading services only, in requests and within packets.
	services := printed(t, "tshark", "-r", evidence, "-Y", "cip && cip.rr == 0", "-T", "fields", "-e", "cip.sc")
	seen := map[string]int{}
	for _, s := range strings.FieldsFunc(services, func(r rune) bool { return r == '\n' || r == ',' }) {
		seen[s]++
	}
	if len(seen) < 3 {
		t.Errorf("tshark dissects only %v", seen)
	}
	for s, n := range seen {
		switch s {
		case "0x01", "0x03", "0x0e", "0x4b", "0x4c", "0x4f", "0x52", "0x55": // attributes all, list, single; uploads; read tag; fragmented, or unconnected send; list of symbols
		default:
			t.Errorf("service %s was asked %d times", s, n)
		}
	}
	commands := printed(t, "tshark", "-r", evidence, "-Y", "enip && ip.dst == "+at, "-T", "fields", "-e", "enip.command")
	for _, c := range strings.Fields(commands) {
		switch c {
		case "0x0004", "0x0063", "0x0064", "0x0065", "0x0066", "0x006f":
		default:
			t.Errorf("command %s was sent", c)
		}
	}
	return profile
}

// printed is what a program prints, without its warnings.
func printed(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}

// TestInteropCloneENIPTags: the clone of the decoy with tags is that decoy to pylogix and cpppo.
func TestInteropCloneENIPTags(t *testing.T) {
	py := enipPython(t)
	const original, copied = "127.0.46.11", "127.0.46.12"
	profile := enipTagProfile(t)
	decoy(t, []string{original + ":44818"}, profile, "--bind", original)
	cloned := cloneENIP(t, original)
	enipSameTags(t, profile, cloned)
	decoy(t, []string{copied + ":44818"}, cloned, "--bind", copied)
	want := enipClients(t, py, original, "browse")
	if got := enipClients(t, py, copied, "browse"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	want = enipClients(t, py, original)
	enipSameClients(t, enipClients(t, py, copied), want)
	identity := [2]string{}
	for i, at := range []string{original, copied} {
		identity[i] = output(t, py, "-m", "cpppo.server.enip.list_identity_simple", at)
	}
	for _, field := range []string{"product_name", "serial_number", "vendor_id", "product_code", "device_type", "status_word"} {
		a := enipField(identity[0], field)
		if b := enipField(identity[1], field); a == "" || a != b {
			t.Errorf("%s: %q, want %q", field, b, a)
		}
	}
}

// TestInteropCloneENIPServer: cpppo's server is cloned; its clone answers cpppo's client, pylogix and nmap as it does.
func TestInteropCloneENIPServer(t *testing.T) {
	t.Parallel() // it waits most of the time
	py := enipPython(t)
	const original, copied = "127.0.46.13", "127.0.46.14"
	start(t, py, "-m", "cpppo.server.enip", "--address", original, "COUNTS=DINT[10]", "LEVEL=REAL", "SCADA=INT[1000]")
	awaitTCP(t, original+":44818")
	output(t, py, "-m", "cpppo.server.enip.client", "-a", original, "COUNTS[0-3]=1,2,3,4", "LEVEL=(REAL)2.5", "SCADA[990-999]=(INT)9,8,7,6,5,4,3,2,1,0")
	cloned := cloneENIP(t, original, "--tag", "COUNTS*10", "--tag", "LEVEL", "--tag", "SCADA*1000")
	decoy(t, []string{copied + ":44818"}, cloned, "--bind", copied)
	time.Sleep(100 * time.Millisecond)
	for _, args := range [][]string{
		{"-m", "cpppo.server.enip.client", "-p", "-a", "AT", "COUNTS[0-9]", "COUNTS[3]", "LEVEL", "SCADA[989-999]"},
		{"-m", "cpppo.server.enip.get_attribute", "-a", "AT", "@1/1/1", "@1/1/2", "@1/1/6", "@1/1/7", "@0xF5/1/1"},
	} {
		ask := func(at string) string {
			line := append([]string(nil), args...)
			for i := range line {
				line[i] = strings.Replace(line[i], "AT", at, 1)
			}
			var kept []string
			for text := range strings.Lines(output(t, py, line...)) {
				if i := strings.Index(text, "]"); i >= 0 && strings.Contains(text, "==") { // the rest is times
					if _, dated, ok := strings.Cut(text, ": "); ok && strings.Contains(text, "@") {
						text = dated
					}
					kept = append(kept, text)
				}
			}
			return strings.Join(kept, "")
		}
		want := ask(original)
		if got := ask(copied); got != want || len(want) < 20 {
			t.Errorf("%s\ngot  %s\nwant %s", args, got, want)
		}
	}
	want := enipClients(t, py, original, "read")
	if got := enipClients(t, py, copied, "read"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// How it refuses a tag that there is not it says on connections alone, which are not asked for.
	read := `import sys
from pylogix import PLC
with PLC(sys.argv[1]) as plc:
    plc.Micro800 = False
    for tag, n in ("COUNTS", 10), ("COUNTS[2]", 3), ("LEVEL", 1), ("SCADA[985]", 15), ("NOPE", 1):
        r = plc.Read(tag, n)
        print(tag, n, r.Value, r.Status == "Success")
`
	if a, b := output(t, py, "-c", read, original), output(t, py, "-c", read, copied); a != b {
		t.Errorf("pylogix got\n%swant\n%s", b, a)
	}
}
