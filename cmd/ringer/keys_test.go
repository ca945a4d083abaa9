package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ringer/capture/snmp"
)

// keysOfRecordings are the secrets of the recordings that are encrypted, which were published with them.
var keysOfRecordings = map[string]string{
	"snmp_usm.pcap": `
snmp pippo  MD5 pippoxxx DES PIPPOxxx
snmp pippo2 SHA pippoxxx DES PIPPOxxx
snmp pippo3 SHA pippoxxx AES PIPPOxxx
snmp pippo4 MD5 pippoxxx AES PIPPOxxx`,
	"snmpv3-auth-sha1-aes128.pcap": `snmp john SHA "iloveyou" AES-128 "princess" # from the web`,
	"snmpv3-auth-md5-nopriv.pcap":  `snmp john MD5 iloveyou`,
}

// TestKeys: a recording that is opened with its keys becomes a decoy that speaks with the same keys, whether
// it has them from its profile or is given them, and in none of its files is a password unless that is wanted.
func TestKeys(t *testing.T) {
	for name, lines := range keysOfRecordings {
		t.Run(name, func(t *testing.T) {
			recording := "../../../shared/captures/snmp/" + name
			if _, err := os.Stat(recording); err != nil {
				t.Skip("no captures in ../shared/captures beside the repository: nothing to replay")
			}
			dir := t.TempDir()
			keys, bare, kept := filepath.Join(dir, "keys.txt"), filepath.Join(dir, "bare"), filepath.Join(dir, "kept")
			if err := os.WriteFile(keys, []byte(lines), 0o600); err != nil {
				t.Fatal(err)
			}
			do := func(args ...string) string {
				t.Helper()
				status, out, errs := ringer(args...)
				if status != 0 {
					t.Fatalf("%s: status %d\n%s%s", strings.Join(args, " "), status, out, errs)
				}
				return out
			}
			do("capture", recording, "--keys", keys, "-o", bare)
			do("capture", recording, "--keys", keys, "-o", kept, "--keep-secrets")
			if n := holding(t, bare, "pippoxxx", "PIPPOxxx", "iloveyou", "princess"); n != 0 {
				t.Errorf("passwords are in %d files", n)
			}
			if holding(t, kept, "pippoxxx", "iloveyou") == 0 {
				t.Error("--keep-secrets kept none")
			}
			all := replayedAll(t, do("replay", recording, "--keys", keys, "--against", kept, "--json"))
			for _, against := range []string{bare, recording} {
				if n := replayedAll(t, do("replay", recording, "--keys", keys, "--against", against, "--json")); n != all {
					t.Errorf("%d were asked, want %d", n, all)
				}
			}
			for _, args := range [][]string{{kept}, {bare, "--keys", keys}, {recording, "--keys", keys}} {
				decoy := serve(t, append([]string{"emulate", "--bind", "127.0.91.2", "--map-port", "snmp=0", "--timing", "none", "--events", "none", "--json"}, args...)...)
				at := decoy.table(t)[0].Address
				port := at[strings.LastIndexByte(at, ':')+1:]
				if n := replayedAll(t, do("replay", recording, "--keys", keys, "--target", hostOf(at), "--map-port", "snmp="+port, "--json")); n != all {
					t.Errorf("%v: %d were asked, want %d", args, n, all)
				}
				decoy.end()
			}
			askedElsewhere(t, recording, keys, kept)
			// Without its passwords the decoy takes every key for wrong.
			decoy := serve(t, "emulate", bare, "--bind", "127.0.91.2", "--map-port", "snmp=0", "--timing", "none", "--events", "none", "--json")
			defer decoy.end()
			at := decoy.table(t)[0].Address
			status, out, _ := ringer("replay", recording, "--keys", keys, "--target", hostOf(at), "--map-port", "snmp="+at[strings.LastIndexByte(at, ':')+1:], "--json")
			if status != 1 || !strings.Contains(out, snmp.WrongDigests.String()) {
				t.Errorf("without keys: status %d\n%s", status, out)
			}
		})
	}
}

// askedElsewhere: a device with another engine, and one that was started anew, are asked as it takes: who
// they are differs, and nothing else.
func askedElsewhere(t *testing.T, recording, keys, profile string) {
	t.Helper()
	file, err := filepath.Glob(filepath.Join(profile, "*", "device.yaml"))
	if err != nil || len(file) != 1 {
		t.Fatal(file, err)
	}
	b, err := os.ReadFile(file[0])
	if err != nil {
		t.Fatal(err)
	}
	other := regexp.MustCompile(`engine: \{id: \w+, boots: \d+, time: \d+`).ReplaceAll(b, []byte("engine: {id: 80001f88800102030405060708, boots: 977, time: 5"))
	if bytes.Equal(b, other) {
		t.Fatalf("no engine in\n%s", b)
	}
	if err := os.WriteFile(file[0], other, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, values := range []string{"recorded", "model"} {
		_, out, errs := ringer("replay", recording, "--keys", keys, "--against", profile, "--values", values, "--json")
		var r replayed
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v: %s", err, errs)
		}
		if r.Total.Asked == 0 || r.Total.NoAnswer > 0 || strings.Contains(out, snmp.NotInTimeWindows.String()) {
			t.Errorf("%s: %s", values, out)
		}
		for _, d := range r.Differences {
			if !strings.HasSuffix(d.Path, "EngineID") && values == "recorded" {
				t.Errorf("packet %d: %s: want %s, got %s", d.Packet, d.Path, d.Want, d.Got)
			}
		}
	}
}

// holding counts the files under dir with one of these texts.
func holding(t *testing.T, dir string, texts ...string) (n int) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, text := range texts {
			if strings.Contains(string(b), text) {
				n++
				break
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// replayedAll says how many exchanges were asked again; none of them may differ.
func replayedAll(t *testing.T, out string) int {
	t.Helper()
	var r replayed
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Total.Asked == 0 || r.Total.Asked != r.Total.Equal+r.Total.Masked {
		t.Errorf("%s", out)
	}
	return r.Total.Asked
}
