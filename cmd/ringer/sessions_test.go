package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ringer/replay"
)

// sessionsRecording has what ipmitool asked of a controller, over IPMI 1.5 with MD5 and a straight password,
// and over cipher suites 2, 3 and 8.
const sessionsRecording = "../../testdata/ipmi-sessions.pcapng"

func keysFile(t *testing.T, lines ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// edited changes the text of the one profile in a folder.
func edited(t *testing.T, dir string, change ...string) {
	t.Helper()
	name := filepath.Join(theProfile(t, dir), "device.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(change); i += 2 {
		old := text
		if text = regexp.MustCompile(change[i]).ReplaceAll(text, []byte(change[i+1])); string(old) == string(text) {
			t.Fatalf("no %s in\n%s", change[i], text)
		}
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// asksAgain replays, and gives what differs, but for what a test expects to.
func asksAgain(t *testing.T, but func(replay.Difference) bool, args ...string) (total replay.Row, differences []string) {
	t.Helper()
	_, out, errs := ringer(append([]string{"replay", "--json"}, args...)...)
	var r replayed
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", args, errs)
	}
	for _, d := range r.Differences {
		if but == nil || !but(d) {
			differences = append(differences, fmt.Sprintf("packet %d, %s: %s: want %s, got %s", d.Packet, d.Class, d.Path, d.Want, d.Got))
		}
	}
	return r.Total, differences
}

// TestSessionsAreAskedAgain: what was asked in sessions that are signed or encrypted is asked in sessions of the
// target, in this process and over sockets, with the passwords of the profile and with those of --keys.
func TestSessionsAreAskedAgain(t *testing.T) {
	dir := t.TempDir()
	keys := keysFile(t, "ipmi ipmiusr wrong", "ipmi ipmiusr test")
	bare, kept := filepath.Join(dir, "bare"), filepath.Join(dir, "kept")
	mustRinger(t, "capture", sessionsRecording, "--keys", keys, "-o", bare)
	mustRinger(t, "capture", sessionsRecording, "--keys", keys, "-o", kept, "--keep-secrets")
	if holding(t, bare, "bait") != 0 || holding(t, kept, "bait: test") != 1 {
		t.Error("the password is kept where it should not be, or not where it should")
	}
	right := keysFile(t, "ipmi ipmiusr test")
	check := func(args ...string) {
		t.Helper()
		total, differences := asksAgain(t, nil, append([]string{sessionsRecording}, args...)...)
		if total.Asked != 61 || len(differences) > 0 {
			t.Errorf("%v: %d asked\n%s", args, total.Asked, strings.Join(differences, "\n"))
		}
	}
	check("--keys", keys, "--against", kept)
	check("--keys", right, "--against", bare)
	check("--keys", keys, "--against", sessionsRecording)
	for _, served := range [][]string{{kept}, {bare, "--keys", right}} {
		decoy := serve(t, append([]string{"emulate", "--bind", "127.0.91.20", "--map-port", "ipmi=0", "--timing", "none", "--events", "none", "--json"}, served...)...)
		at := decoy.table(t)[0].Address
		check("--keys", keys, "--target", hostOf(at), "--map-port", "ipmi="+at[strings.LastIndexByte(at, ':')+1:])
		decoy.end()
	}

	// A controller on which the user has another password is logged into with that, if it is known, too, and if
	// it says which it is, as those of IPMI 1.5 do not.
	edited(t, kept, "bait: test", "bait: other")
	old := func(d replay.Difference) bool {
		return strings.Contains(d.Want, `"Format":"MD5"`) || strings.Contains(d.Want, `"Format":"password"`)
	}
	if _, differences := asksAgain(t, old, sessionsRecording, "--keys", keysFile(t, "ipmi ipmiusr test", "ipmi ipmiusr other"), "--against", kept); len(differences) > 0 {
		t.Errorf("with another password:\n%s", strings.Join(differences, "\n"))
	}
	_, differences := asksAgain(t, nil, sessionsRecording, "--keys", right, "--against", kept)
	said := strings.Join(differences, "\n")
	for _, want := range []string{"RAKP 1: session: want proven, got ipmi: RAKP 2 is not signed with the user's password", "RAKP 3: Status: want OK, got invalid integrity check value", "activate session"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}

	_, out, _ := ringer("replay", sessionsRecording, "--keys", right, "--split", "0.9", "--json")
	var split replay.Split
	if err := json.Unmarshal([]byte(out), &split); err != nil || split.Known < 5 || split.Same != split.Known {
		t.Errorf("two parts: %v, %d of %d alike:\n%s", err, split.Same, split.Known, out)
	}
}

// TestEverySuiteIsAskedAgain: the evidence of a clone is asked again, whatever its session was secured with.
func TestEverySuiteIsAskedAgain(t *testing.T) {
	dir := t.TempDir()
	keys := keysFile(t, "ipmi ipmiusr test")
	suites := []string{"0", "1", "2", "3", "6", "7", "8", "11", "12", "15", "16", "17"}
	plus, old := filepath.Join(dir, "plus"), filepath.Join(dir, "old")
	for _, p := range []string{plus, old} {
		mustRinger(t, "capture", sessionsRecording, "--keys", keys, "-o", p, "--keep-secrets")
	}
	edited(t, plus, `ciphers: .*`, "ciphers: ["+strings.Join(suites, ", ")+"]", ` *mute: .*\n`, "")
	edited(t, old, `ciphers: .*`, "ciphers: []", ` *mute: .*\n`, "")
	// Every other client has a port of its own, which the controller tells.
	port := func(d replay.Difference) bool { return d.Class == "get session info" && d.Path == "Body.Rest" }
	again := func(profile, way string, flags ...string) {
		t.Helper()
		decoy := serve(t, "emulate", profile, "--bind", "127.0.91.21", "--map-port", "ipmi=0", "--timing", "none", "--events", "none", "--json")
		defer decoy.end()
		at := decoy.table(t)[0].Address
		evidence := filepath.Join(dir, way+".pcapng")
		mustRinger(t, slices.Concat([]string{"clone", "ipmi", at, "--user", "ipmiusr", "--password", "test", "--care", "lab", "--samples", "1",
			"--evidence", evidence, "-o", filepath.Join(dir, way)}, flags)...)
		for _, target := range [][]string{{"--against", profile}, {"--target", hostOf(at)}} {
			total, differences := asksAgain(t, port, append([]string{evidence, "--keys", keys}, target...)...)
			if total.Asked < 60 || total.Equal == total.Asked || len(differences) > 0 {
				t.Errorf("%s, %v: %d asked, %d equal\n%s", way, target, total.Asked, total.Equal, strings.Join(differences, "\n"))
			}
		}
	}
	for _, suite := range suites {
		again(plus, "suite"+suite, "--suite", suite)
	}
	for format, bit := range map[string]int{"none": 0x01, "md2": 0x02, "md5": 0x04, "password": 0x10} {
		edited(t, old, "auth: .*", "auth: ["+format+"]")
		saying15(t, old, bit)
		again(old, format)
	}
}

// saying15 makes a profile say that only IPMI 1.5 is spoken, with one kind of authentication (section 22.13).
func saying15(t *testing.T, dir string, bit int) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(theProfile(t, dir), "samples", "*.tsv"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	capabilities := regexp.MustCompile(`(?m)^(0638:..04\t\t).*$`)
	text = capabilities.ReplaceAll(text, fmt.Appendf(nil, "${1}0001%02x060000000000", bit))
	if err := os.WriteFile(found[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
}
