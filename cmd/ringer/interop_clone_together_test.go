//go:build interop

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestInteropCloneCouples: one level that pymodbus, snmpd and Python's web server show is one point of their clone, in
// millimetres here and metres there; of what else they show, nothing is.
func TestInteropCloneCouples(t *testing.T) {
	const host = "127.63.0.2"
	py := python(t)
	need(t, "snmpd", "snmpget")
	dir := t.TempDir()
	shared := filepath.Join(dir, "level")
	start(t, py, "testdata/well.py", host, shared)
	awaitTCP(t, host+":502")
	awaitTCP(t, host+":80")

	const oid = ".1.3.6.1.4.1.99999.7.1"
	agent := filepath.Join(dir, "level.sh") // of pass_persist: what pass runs is not asked again for some seconds
	script := fmt.Sprintf(`#!/bin/sh
while read -r command; do
	[ "$command" = PING ] && { echo PONG; continue; }
	read -r oid
	case "$command $oid" in
	"get %[1]s.0"|"getnext %[1]s") echo %[1]s.0; echo gauge; cat %[2]s;;
	*) echo NONE;;
	esac
done
`, oid, shared)
	if err := os.WriteFile(agent, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "snmpd.conf")
	text := fmt.Sprintf("agentaddress udp:%s:161\nrocommunity public default .1.3.6.1.4.1.99999\nrocommunity public default .1.3.6.1.2.1.1\npass_persist %s %s\n", host, oid, agent)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SNMP_PERSISTENT_DIR", dir)
	start(t, "snmpd", "-f", "-C", "-c", conf, "-Ln")
	awaitSNMP(t, host)

	out := filepath.Join(dir, "out")
	cmd := exec.Command(built(t), "clone", host, "--only", "modbus,snmp,http", "--care", "gentle", "--rate", "200", "--timeout", "500ms", "--quick", "--units", "1", "--every", "1s", "-o", out, "--json")
	printed, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v %s", err, printed)
	}
	all := coupledBy(t, string(printed))
	level := strings.Join(all["well.level"], ", ")
	for _, cell := range []string{`modbus holding 5\b`, `snmp 1\.3\.6\.1\.4\.1\.99999\.7\.1\.0`, `http /(state\.json)? well/level`} {
		if !regexp.MustCompile(cell).MatchString(level) {
			t.Errorf("no %s is the level: %v", cell, all)
		}
	}
	if len(all) != 1 {
		t.Errorf("want one point: %v", all)
	}

	// Who writes it over Modbus reads it over the others.
	const copied = "127.63.0.3"
	decoy(t, []string{copied + ":502", copied + ":80"}, only(t, out), "--bind", copied, "--values", "model")
	if out, err := exec.Command("mbpoll", "-m", "tcp", "-0", "-1", "-q", "-t", "4", "-r", "5", "-a", "1", copied, "1234").CombinedOutput(); err != nil {
		t.Fatalf("mbpoll: %v %s", err, out)
	}
	time.Sleep(100 * time.Millisecond)
	if got, err := exec.Command("snmpget", "-v2c", "-c", "public", "-Oqv", copied, oid+".0").CombinedOutput(); err != nil || strings.TrimSpace(string(got)) != "1234" {
		t.Errorf("snmpget: %s %v, want 1234", got, err)
	}
	if got, err := exec.Command("curl", "-s", "http://"+copied+"/").CombinedOutput(); err != nil || !strings.Contains(string(got), `"level": 1.234`) {
		t.Errorf("curl: %s %v, want 1.234", got, err)
	}
}
