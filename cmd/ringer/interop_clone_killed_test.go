//go:build interop

package main

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestInteropCloneKilled: a clone over four protocols that is killed again and again, wherever it is, is whole in the
// end: --resume asks what is not known yet, and the profile is that of a clone that nobody killed.
func TestInteropCloneKilled(t *testing.T) {
	ringer := built(t)
	target := served(t, standingDevice(t))
	dir := t.TempDir()
	evidence := filepath.Join(dir, "whole.pcapng")
	once := []string{"--quick", "--snapshots", "1", "--samples", "1", "--timeout", "300ms"} // what stands still is not asked again to see it move
	begun := time.Now()
	whole := cloned(t, target, filepath.Join(dir, "whole"), append(once, "--evidence", evidence)...)
	took, questions := time.Since(begun), requests(t, evidence)

	rest, out := filepath.Join(dir, "rest.pcapng"), filepath.Join(dir, "out")
	args := slices.Concat([]string{"clone", "--care", "lab", "--keep-secrets", "-o", out, "--evidence", rest}, target, once)
	random := rand.New(rand.NewPCG(3, 9))
	const kills = 6
	killed := 0
	for n := range kills {
		again := slices.Clone(args)
		if n > 0 && existing(rest) {
			again = append(again, "--resume")
		}
		cmd := exec.Command(ringer, again...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		after := 100*time.Millisecond + time.Duration(random.Int64N(int64(took)/2))
		time.Sleep(after)
		cmd.Process.Kill()
		if cmd.Wait() != nil {
			killed++
			t.Logf("killed after %v, when %d of %d questions were known", after.Round(time.Millisecond), requests(t, rest), questions)
			continue
		}
		break // it was faster
	}
	if killed < 2 {
		t.Fatalf("killed %d times only", killed)
	}
	again := slices.Clone(args)
	if out, err := exec.Command(ringer, append(again, "--resume")...).CombinedOutput(); err != nil && killed == kills {
		t.Fatalf("%v %s", err, out)
	}
	if d := differences(t, whole, theProfile(t, out)); d != "" {
		t.Errorf("the profile differs:\n%s", d)
	}
	mustRinger(t, "replay", rest, "--against", theProfile(t, out))
	// Each time sessions begin anew, and what was on its way is asked again.
	if got := requests(t, rest); got > questions+25*killed {
		t.Errorf("%d questions, killed %d times; %d of a clone that was not", got, killed, questions)
	}
}
