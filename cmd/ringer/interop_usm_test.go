//go:build interop

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInteropUSM: a recording of snmpd, asked with every pair of protocols that net-snmp has, is opened with
// the keys. The decoy that is learned from it prints the same in net-snmp's clients, and so does one that is
// written by hand: values for the right passwords, the same error for each kind of wrong request.
func TestInteropUSM(t *testing.T) {
	need(t, "snmpd", "snmpwalk", "snmpget")
	const original, copied, written = "127.0.42.1", "127.0.42.2", "127.0.42.3"
	const engine = "80001f8880aabbccdd11223344556677aa"
	dir := t.TempDir()
	conf := "agentaddress udp:" + original + ":161\nexactEngineID 0x" + engine + "\nsysDescr keyed agent\nsysContact nobody\nsysLocation nowhere\nsysName keyed\nview system included .1.3.6.1.2.1.1\n"
	var keys, accounts string
	var questions [][]string
	for _, auth := range []string{"MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"} {
		for _, priv := range []string{"", "DES", "AES", "AES-192", "AES-256"} {
			user := strings.ToLower(auth + priv)
			line, usm := fmt.Sprintf("%s %s authpassword", user, auth), fmt.Sprintf("auth: %s, authPassword: authpassword", auth)
			ask := []string{"-v3", "-u", user, "-l", "authNoPriv", "-a", auth, "-A", "authpassword"}
			if priv != "" {
				line += " " + priv + " privpassword"
				usm += fmt.Sprintf(", priv: %s, privPassword: privpassword", priv)
				ask = append(ask, "-l", "authPriv", "-x", priv, "-X", "privpassword")
			}
			conf += "createUser " + line + "\nrouser " + user + " auth -V system\n"
			keys += "snmp " + line + "\n"
			accounts += fmt.Sprintf("  - {name: %s, usm: {%s}}\n", user, usm)
			questions = append(questions, append(append([]string{"snmpwalk"}, ask...), "-On", "HOST", ".1.3.6.1.2.1.1"))
		}
	}
	conf += "createUser plain\nrouser plain noauth -V system\n"
	wrong := [][]string{
		{"-u", "shaaes", "-l", "authPriv", "-a", "SHA", "-A", "wrongpassword", "-x", "AES", "-X", "privpassword"},
		{"-u", "shaaes", "-l", "authNoPriv", "-a", "SHA", "-A", "wrongpassword"},
		{"-u", "shaaes", "-l", "authPriv", "-a", "SHA", "-A", "authpassword", "-x", "AES", "-X", "wrongpassword"},
		{"-u", "shaaes", "-l", "authPriv", "-a", "SHA-256", "-A", "authpassword", "-x", "AES", "-X", "privpassword"},
		{"-u", "nobody", "-l", "authPriv", "-a", "SHA", "-A", "authpassword", "-x", "AES", "-X", "privpassword"},
		{"-u", "nobody", "-l", "noAuthNoPriv"},
		{"-u", "shaaes", "-l", "noAuthNoPriv"},
		{"-u", "sha", "-l", "authPriv", "-a", "SHA", "-A", "authpassword", "-x", "AES", "-X", "privpassword"},
		{"-u", "plain", "-l", "authNoPriv", "-a", "SHA", "-A", "authpassword"},
		{"-u", "plain", "-l", "noAuthNoPriv"},
		{"-e", "0x8000000001020304", "-u", "shaaes", "-l", "authPriv", "-a", "SHA", "-A", "authpassword", "-x", "AES", "-X", "privpassword"},
		{"-e", "0x" + engine, "-Z", "77,5", "-u", "shaaes", "-l", "authPriv", "-a", "SHA", "-A", "authpassword", "-x", "AES", "-X", "privpassword"},
		{"-e", "0x" + engine, "-Z", "77,5", "-u", "shaaes", "-l", "authNoPriv", "-a", "SHA", "-A", "authpassword"},
	}
	for _, w := range wrong {
		questions = append(questions, append(append([]string{"snmpget", "-v3", "-r", "1", "-t", "0.5"}, w...), "-On", "HOST", ".1.3.6.1.2.1.1.5.0"))
	}
	file, keyFile := filepath.Join(dir, "snmpd.conf"), filepath.Join(dir, "keys.txt")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SNMP_PERSISTENT_DIR", dir)
	start(t, "snmpd", "-f", "-C", "-c", file, "-Ln")
	time.Sleep(1500 * time.Millisecond)
	ask := func(host string) (answers []string) {
		for _, q := range questions {
			args := strings.Split(strings.ReplaceAll(strings.Join(q[1:], "\x00"), "HOST", host), "\x00")
			out, _ := exec.Command(q[0], args...).CombinedOutput()
			answers = append(answers, strings.ReplaceAll(string(out), host, "HOST"))
		}
		return answers
	}
	stop := record(t, original)
	want := ask(original)
	recording := stop()
	t.Logf("snmpd on what is wrong:\n%s", strings.Join(want[len(questions)-len(wrong):], ""))
	for i, q := range questions {
		if bad := strings.HasPrefix(q[0], "snmpwalk") && strings.Count(want[i], "\n") < 7; bad {
			t.Fatalf("snmpd: %s: %s", strings.Join(q, " "), want[i])
		}
	}

	out := filepath.Join(dir, "profile")
	output(t, built(t), "capture", recording, "--keys", keyFile, "-o", out, "--keep-secrets")
	profile := filepath.Join(out, original)
	output(t, built(t), "replay", recording, "--keys", keyFile, "--against", out)
	end := decoy(t, nil, profile, "--bind", copied)
	got := ask(copied)
	end()
	for i, q := range questions {
		if got[i] != want[i] {
			t.Errorf("%s prints other lines:\n%s", strings.Join(q, " "), lineDiff(want[i], got[i]))
		}
	}

	// By hand, the values are those of the walk; what is wrong is wrong in the same way.
	hand := filepath.Join(dir, "hand")
	if err := os.MkdirAll(hand, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "apiVersion: ringer/v1\nkind: Device\nid: hand\naccounts:\n" + accounts + `services:
  - snmp:
      port: 161
      walk: walk.snmprec
      engine: {id: ` + engine + `}
      users: {plain: noauth}
`
	if err := os.WriteFile(filepath.Join(hand, "device.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	walk, err := filepath.Glob(filepath.Join(profile, "snmp", "*.snmprec"))
	if err != nil || len(walk) != 1 {
		t.Fatal(walk, err)
	}
	b, err := os.ReadFile(walk[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hand, "walk.snmprec"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	decoy(t, nil, hand, "--bind", written)
	got = ask(written)
	for i, q := range questions {
		w, g := want[i], got[i]
		if q[0] == "snmpwalk" { // uptimes
			w, g = strings.Join(names(w), "\n"), strings.Join(names(g), "\n")
		}
		if g != w {
			t.Errorf("%s prints other lines:\n%s", strings.Join(q, " "), lineDiff(w, g))
		}
	}
}

// names are the variables in the lines of a walk.
func names(walk string) (all []string) {
	for line := range strings.Lines(walk) {
		name, _, _ := strings.Cut(line, " = ")
		all = append(all, name)
	}
	return all
}
