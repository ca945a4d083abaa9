//go:build interop

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// startIPMISim starts OpenIPMI's server, which listens only while its standard input is open.
func startIPMISim(t *testing.T, host string) {
	t.Helper()
	startIPMISimWith(t, host, "")
}

// startIPMISimWith starts it with more lines for its LAN.
func startIPMISimWith(t *testing.T, host, more string) {
	t.Helper()
	need(t, "ipmi_sim", "ipmitool", "bmc-info", "bash")
	dir := t.TempDir()
	conf, err := os.ReadFile("testdata/ipmi_sim/lan.conf")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(strings.Replace(string(conf), "ADDRESS", host, 1), "  endlan", more+"  endlan", 1)
	if err := os.WriteFile(filepath.Join(dir, "lan.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	commands, err := filepath.Abs("testdata/ipmi_sim/bmc.emu")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ipmi_sim", "-c", filepath.Join(dir, "lan.conf"), "-f", commands, "-s", dir, "-n")
	open, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { open.Close(); cmd.Process.Kill(); cmd.Wait() })
	for range 50 {
		if exec.Command("ipmitool", "-I", "lan", "-A", "MD5", "-H", host, "-U", "admin", "-P", "swordfish", "-N", "1", "-R", "1", "mc", "guid").Run() == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("ipmi_sim does not answer")
}

// ipmiCommandsTo are what is asked of the original and its copy. What ipmi_sim does not get right, or prints
// out of memory that it never filled, is left out: sessions of cipher suite 8, and channels that it does not have.
func ipmiCommandsTo(host string) (all [][]string) {
	tool := func(suite string, words ...string) {
		for _, w := range words {
			all = append(all, append([]string{"ipmitool", "-I", "lanplus", "-H", host, "-U", "admin", "-P", "swordfish", "-C", suite}, strings.Fields(w)...))
		}
	}
	tool("3", "mc info", "mc guid", "mc selftest", "mc getenables", "mc watchdog get", "chassis status", "power status", "chassis restart_cause",
		"chassis poh", "chassis bootparam get 5", "sdr elist all", "sdr info", "sdr type Temperature", "sdr list fru", "sdr list mcloc", "sensor list",
		"sensor get 12V", "sel info", "sel elist", "sel get 1", "fru print", "user list 1", "user summary 1", "lan print 1", "lan alert print 1",
		"channel info 1", "channel getaccess 1 2", "channel getciphers ipmi 1", "dcmi discover", "dcmi power reading", "sol info 1", "pef info",
		"pef status", "pef filter list", "raw 6 1", "raw 0x2e 1 0 0 0", "picmg properties")
	for _, suite := range []string{"1", "2", "17"} {
		tool(suite, "mc guid")
	}
	free := []string{"-h", host, "-u", "admin", "-p", "swordfish", "-l", "ADMIN", "-D", "LAN_2_0", "-I", "3", "-W", "opensesspriv"}
	for _, w := range []string{"ipmi-sensors --sdr-cache-recreate --quiet-cache", "ipmi-sensors -v -v --quiet-cache", "ipmi-sel --quiet-cache", "ipmi-fru --quiet-cache", "ipmi-chassis --get-chassis-status", "ipmi-config --checkout", "bmc-info --get-device-id"} {
		words := strings.Fields(w)
		all = append(all, append(append(words[:1:1], free...), words[1:]...))
	}
	return all
}

// ipmiMoves is what differs from one asking to the next: the clock, who is logged in; and the address, which
// is the served one.
var ipmiMoves = regexp.MustCompile(`(?m)^(IP Address  |\s*IP_Address|Active Session Count|.*\[Active Sessions\]).*$|127\.0\.48\.\d+`)

func ipmiSaid(question []string) string {
	cmd := exec.Command("timeout", append([]string{"60"}, question...)...)
	out, _ := cmd.CombinedOutput() // refusals are answers, too
	return ipmiMoves.ReplaceAllString(string(out), "moves")
}

func cloneIPMI(t *testing.T, host string, flags ...string) (profile, evidence, said string) {
	t.Helper()
	dir := t.TempDir()
	evidence = filepath.Join(dir, "evidence.pcapng")
	cmd := exec.Command(built(t), append([]string{"clone", "ipmi", host, "-o", filepath.Join(dir, "p"), "--evidence", evidence, "--care", "lab", "--keep-secrets", "--samples", "2", "--every", "200ms"}, flags...)...)
	cmd.Env = append(os.Environ(), "RINGER_IPMI_PASSWORD=swordfish")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "p", host), evidence, string(out)
}

// TestInteropCloneIPMI: what ipmitool and FreeIPMI print against OpenIPMI's server, they print against the decoy
// that was cloned from it, and against the clone of that decoy.
func TestInteropCloneIPMI(t *testing.T) {
	const original, copied, again = "127.0.48.1", "127.0.48.2", "127.0.48.3"
	startIPMISim(t, original)
	profile, _, said := cloneIPMI(t, original, "--user", "admin")
	if text := unfolded(said); !strings.Contains(text, "4 events in the log") || !strings.Contains(text, "7 sensors read 2 times") {
		t.Errorf("the clone says:\n%s", said)
	}
	decoy(t, nil, profile, "--bind", copied)
	second, _, _ := cloneIPMI(t, copied, "--user", "admin")
	decoy(t, nil, second, "--bind", again)
	same := 0
	other := [][][]string{ipmiCommandsTo(copied), ipmiCommandsTo(again)}
	for i, q := range ipmiCommandsTo(original) {
		want := ipmiSaid(q)
		for _, list := range other {
			if got := ipmiSaid(list[i]); got != want {
				t.Errorf("%s:\n%s", strings.Join(list[i], " "), lineDiff(want, got))
				continue
			}
			same++
		}
	}
	t.Logf("%d outputs are the same", same)
}

// TestInteropImportIPMI: files that ipmitool and FreeIPMI make of a controller are what they make of the decoy of
// the profile that was made of them.
func TestInteropImportIPMI(t *testing.T) {
	const original = "127.0.48.11"
	startIPMISim(t, original)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	tool := []string{"-I", "lanplus", "-H", original, "-U", "admin", "-P", "swordfish", "-C", "3"}
	for _, w := range []string{"sdr dump " + file("sdr"), "sel writeraw " + file("sel"), "fru read 0 " + file("fru0"), "fru read 1 " + file("fru1")} {
		output(t, "ipmitool", append(tool[:len(tool):len(tool)], strings.Fields(w)...)...)
	}
	text, err := exec.Command("bmc-info", "--debug", "--get-device-id", "-h", original, "-u", "admin", "-p", "swordfish", "-l", "ADMIN", "-D", "LAN_2_0", "-I", "3", "-W", "opensesspriv").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := os.WriteFile(file("debug"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	profile := file("profile")
	for _, w := range []string{
		"--from freeipmi-debug -o " + profile + " " + file("debug"), "--from ipmitool-sdr --into " + profile + " " + file("sdr"), "--from ipmitool-sel --into " + profile + " " + file("sel"),
		"--from ipmitool-fru --into " + profile + " " + file("fru0"), "--from ipmitool-fru --fru 1 --into " + profile + " " + file("fru1"),
	} {
		output(t, built(t), append([]string{"profile", "import"}, strings.Fields(w)...)...)
	}
	output(t, built(t), "profile", "validate", profile)
	for name, pattern := range map[string]string{"sdr": "ipmi/sdr-*.bin", "sel": "ipmi/sel-*.bin", "fru0": "ipmi/fru0-*.bin", "fru1": "ipmi/fru1-*.bin"} {
		found, _ := filepath.Glob(filepath.Join(profile, pattern))
		if len(found) != 1 {
			t.Fatalf("%s: %v", pattern, found)
		}
		want, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(found[0]); err != nil || string(got) != string(want) {
			t.Errorf("%s: %x, want %x (%v)", name, got, want, err)
		}
	}
	samples, _ := filepath.Glob(filepath.Join(profile, "samples/*.tsv"))
	var all string
	for _, s := range samples {
		b, _ := os.ReadFile(s)
		all += string(b)
	}
	if !strings.Contains(all, "0601:\t\t0020030908029f911200020f00000000\n") {
		t.Errorf("the device id is not in the samples:\n%s", all)
	}
}
