package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatKeysAreWorth: what keys prove is said, and what stays sealed without them.
func TestWhatKeysAreWorth(t *testing.T) {
	const sealed = "17 datagrams of IPMI sessions stay sealed"
	for _, x := range []struct {
		name, keys string
		said, json []string
		never      string
	}{
		{"right", "ipmi ipmiusr test", []string{`127.0.7.1: the password of ipmi user "ipmiusr" is proven`}, []string{`"sealed": 0`, `"password": "proven"`}, "warning"},
		{"wrong", "ipmi ipmiusr tset", []string{`is wrong: RAKP 2 is not signed with it`, sealed}, []string{`"sealed": 17`, `"verified": 0`, `"password": "wrong"`}, "proven"},
		{"another's", "ipmi other test", []string{sealed, `--keys FILE with "ipmi ipmiusr PASSWORD" opens them`}, []string{`"password": "unknown"`, `"ipmi ipmiusr PASSWORD"`}, "wrong"},
	} {
		t.Run(x.name, func(t *testing.T) {
			keys := keysFile(t, x.keys)
			status, out, errs := ringer("capture", sessionsRecording, "--keys", keys, "-o", filepath.Join(t.TempDir(), "p"), "--json")
			if status != 0 {
				t.Fatalf("status %d: %s", status, errs)
			}
			holds(t, errs, x.said...)
			holds(t, out, x.json...)
			if strings.Contains(errs, x.never) {
				t.Errorf("%q is in %s", x.never, errs)
			}
			_, _, listed := ringer("capture", "--list", sessionsRecording, "--keys", keys)
			holds(t, listed, x.said...)
		})
	}
	_, out, errs := ringer("capture", "--list", sessionsRecording, "--json")
	holds(t, errs, sealed)
	holds(t, out, sealed)
	_, out, errs = ringer("replay", sessionsRecording, "--against", sessionsRecording, "--json")
	holds(t, errs, sealed)
	holds(t, out, sealed)
}

func holds(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
