package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"ringer/clone"
)

// TestMixedCapturesCouple: of the devices in recordings of several protocols, one speaks two of them. Its pages
// stand still while its only register counts seconds up to 99: nothing of that is one value.
func TestMixedCapturesCouple(t *testing.T) {
	names, err := filepath.Glob("../../../shared/captures/mixed/*.pcap")
	if err != nil || len(names) == 0 {
		t.Skipf("../shared/captures is not here: %v", err)
	}
	several := 0
	for _, name := range names {
		var all []learnedJSON
		if err := json.Unmarshal([]byte(mustRinger(t, "capture", name, "-o", filepath.Join(t.TempDir(), "out"), "--json")), &all); err != nil {
			t.Fatal(err)
		}
		for _, d := range all {
			if len(d.Coupled) > 0 {
				t.Errorf("%s: %s: %v", name, d.Device, d.Coupled)
			}
			if len(d.Services) > 1 {
				several++
			}
		}
	}
	if several != 1 {
		t.Errorf("%d devices have several protocols, want 1", several)
	}
}

func TestPrintCoupled(t *testing.T) {
	var b strings.Builder
	all := make([]clone.Couple, coupledShown+2)
	for i := range all {
		all[i] = clone.Couple{Point: "level", Cells: [2]string{"http /v level", "modbus input 0"}, Gain: 100, R: .99982, Samples: 143, Of: 150}
	}
	printCoupled(&b, "10.0.0.3", all)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if want := "coupled: level of 10.0.0.3: modbus input 0 = http /v level * 100 (r 0.9998 over 143 samples of 150)"; lines[0] != want {
		t.Errorf("%q, want %q", lines[0], want)
	}
	if want := "coupled: 2 more; --json lists them"; lines[len(lines)-1] != want || len(lines) != coupledShown+1 {
		t.Errorf("%d lines, the last one %q", len(lines), lines[len(lines)-1])
	}
}
