package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/clone"
	"ringer/profiles"
)

// hurriedDevice is the shipped controller with a level that moves several times a second.
func hurriedDevice(t *testing.T) string {
	t.Helper()
	return waterWith(t, func(points map[string]*profiles.Point) {
		points["level"].Dynamics.Walk.Tau = 10 * time.Second
	})
}

// coupledBy gives the cells that a clone found to be one with others, by their point.
func coupledBy(t *testing.T, printed string) map[string][]string {
	t.Helper()
	var said struct{ Coupled []clone.Couple }
	if err := json.Unmarshal([]byte(printed), &said); err != nil {
		t.Fatalf("%v in %s", err, printed)
	}
	all := map[string][]string{}
	for _, c := range said.Coupled {
		for _, cell := range c.Cells {
			if !slices.Contains(all[c.Point], cell) {
				all[c.Point] = append(all[c.Point], cell)
			}
		}
	}
	return all
}

// TestCloneCouples: what a device shows in several protocols is one point of its clone, since what moves is read
// together at the end. A clone that is cut off there goes on there.
func TestCloneCouples(t *testing.T) {
	if testing.Short() {
		t.Skip("clones, and waits for what moves")
	}
	target := served(t, hurriedDevice(t))
	dir := t.TempDir()
	evidence := filepath.Join(dir, "evidence.pcapng")
	args := slices.Concat([]string{"clone", "--care", "normal", "--rate", "2000", "--timeout", "500ms", "--quick", "--together", "40", "--every", "250ms", "--json"}, target)
	asked := func(printed string) {
		t.Helper()
		level := strings.Join(coupledBy(t, printed)["level"], ", ")
		for _, cell := range []string{`modbus .*holding 0-1`, `modbus .*input 0`, `s7 DB1\.0`, `http /[a-z.]+ level`} {
			if !regexp.MustCompile(cell).MatchString(level) {
				t.Errorf("no %s is the level: %s", cell, level)
			}
		}
	}
	asked(mustRinger(t, append(args, "-o", filepath.Join(dir, "whole"), "--evidence", evidence)...))
	dev, err := profiles.Load(theProfile(t, filepath.Join(dir, "whole")))
	if err != nil {
		t.Fatal(err)
	}
	defer closeProfiles(dev)
	if p := dev.Points["level"]; p == nil || p.Write == nil || p.Type != "f32" {
		t.Errorf("the point level is %+v", p)
	}

	whole, err := os.ReadFile(evidence)
	if err != nil {
		t.Fatal(err)
	}
	questions := requests(t, evidence)
	rest := filepath.Join(dir, "rest.pcapng")
	if err := os.WriteFile(rest, whole[:len(whole)*19/20], 0o600); err != nil {
		t.Fatal(err)
	}
	asked(mustRinger(t, append(args, "-o", filepath.Join(dir, "resumed"), "--evidence", rest, "--resume")...))
	if got := requests(t, rest); got < questions-10 || got > questions+10 {
		t.Errorf("%d questions, after the clone was cut off; %d without", got, questions)
	}

	none := coupledBy(t, mustRinger(t, append(args, "-o", filepath.Join(dir, "apart"), "--together", "0")...))
	if len(none) > 0 {
		t.Errorf("without reading together there are %v", none)
	}
}
