package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// ringerHere runs ringer in this process.
func ringerHere(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(ctx, append([]string{"ringer"}, args...), strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

func mustRinger(t *testing.T, args ...string) string {
	t.Helper()
	status, out, errs := ringerHere(t.Context(), args...)
	if status != 0 {
		t.Fatalf("ringer %s ends with %d\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	return out
}

// standingDevice is the shipped controller with its points standing still, so that two clones of it can be
// compared.
func standingDevice(t *testing.T) string {
	t.Helper()
	return waterWith(t, func(points map[string]*profiles.Point) {
		for _, p := range points {
			p.Dynamics = nil
		}
	})
}

// waterWith is the shipped controller with its points changed.
func waterWith(t *testing.T, change func(map[string]*profiles.Point)) string {
	t.Helper()
	dev, err := profiles.Load("../../profiles/s7-1200-water")
	if err != nil {
		t.Fatal(err)
	}
	defer closeProfiles(dev)
	change(dev.Points)
	dir := filepath.Join(t.TempDir(), "device")
	if err := dev.Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// served serves a profile on a loopback address of its own until the test ends, on other ports if it may not
// bind the usual ones, and gives what clone is to be told to find it.
func served(t *testing.T, profile string) (target []string) {
	t.Helper()
	dev, err := profiles.Load(profile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeProfiles(dev) })
	var decoy *emulate.Decoy
	for range 20 {
		addr := netip.AddrFrom4([4]byte{127, byte(60 + rand.IntN(100)), byte(rand.IntN(250)), byte(2 + rand.IntN(250))})
		for _, offset := range []int{0, 20000} {
			decoy, err = emulate.Prepare([]*profiles.Device{dev}, protocolNamed, emulate.Options{
				Map: map[string]netip.Addr{dev.ID: addr}, PortOffset: offset, Timing: emulate.TimingNone,
			})
			if err == nil {
				ctx, stop := context.WithCancel(context.Background())
				done := make(chan error, 1)
				go func() { done <- decoy.Serve(ctx) }()
				t.Cleanup(func() { stop(); <-done })
				target = []string{addr.String()}
				if offset > 0 {
					for i := range dev.Services {
						port := dev.Services[i].Common().Port
						port.Number += uint16(offset)
						target = append(target, "--ports", fmt.Sprintf("%s=%s", port, dev.Services[i].Protocol))
					}
				}
				return target
			}
		}
	}
	t.Fatal(err)
	return nil
}

// theProfile gives the profile that is in a folder of profiles.
func theProfile(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*", "device.yaml"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d profiles in %s, want one (%v)", len(found), dir, err)
	}
	return filepath.Dir(found[0])
}

// cloned clones what is served, and gives its profile.
func cloned(t *testing.T, target []string, out string, more ...string) string {
	t.Helper()
	mustRinger(t, slices.Concat([]string{"clone", "--care", "lab", "--keep-secrets", "-o", out}, target, more)...)
	return theProfile(t, out)
}

// TestCloneOfADecoy: what is learned from a decoy by asking it answers as the decoy did. The evidence is a
// recording like any other: capture learns the same from it, and only reads are in it.
func TestCloneOfADecoy(t *testing.T) {
	if testing.Short() {
		t.Skip("clones, and learns again")
	}
	target := served(t, "../../profiles/s7-1200-water")
	dir := t.TempDir()
	evidence := filepath.Join(dir, "evidence.pcapng")
	profile := cloned(t, target, filepath.Join(dir, "out"), "--evidence", evidence)

	mustRinger(t, "replay", evidence, "--against", profile)
	mustRinger(t, "profile", "validate", profile)
	mustRinger(t, "capture", evidence, "--keep-secrets", "-o", filepath.Join(dir, "again"))
	if d := differences(t, profile, theProfile(t, filepath.Join(dir, "again"))); d != "" {
		t.Errorf("capture learns from the evidence otherwise than clone did:\n%s", d)
	}

	f, err := capture.Open(evidence)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	asked := map[string]int{}
	for x, err := range capture.Exchanges(f, capture.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Request == nil {
			continue
		}
		asked[x.Protocol.Name()]++
		if class, effect := wire.Class(x.Request); effect != wire.Read {
			t.Errorf("%s was asked %s, which is a %v", x.Protocol.Name(), class, effect)
		}
	}
	for _, a := range askers() {
		if asked[a.name] == 0 && slices.Contains([]string{"modbus", "s7", "snmp", "http"}, a.name) {
			t.Errorf("nothing was asked in %s", a.name)
		}
	}
}

// differences is what profile diff says of two profiles of one device, without where and when they were
// learned.
func differences(t *testing.T, a, b string) string {
	t.Helper()
	status, out, errs := ringerHere(t.Context(), "profile", "diff", a, b)
	if status > 1 {
		t.Fatalf("profile diff ends with %d: %s", status, errs)
	}
	var left []string
	for line := range strings.Lines(out) {
		if !provenance.MatchString(line) {
			left = append(left, line)
		}
	}
	return strings.Join(left, "")
}

// provenance is what differs between two scans of a device that stands still: when they were, how long its
// answers took, and the names of files after the recording.
var provenance = regexp.MustCompile(`captures|latency|clock.skew|-c[0-9a-f]{8}|evidence|\[date\]|^$`)

// TestCloneResumed: wherever a clone is cut off, --resume asks only what is not known yet, and the profile is
// that of a clone that was not interrupted.
func TestCloneResumed(t *testing.T) {
	if testing.Short() {
		t.Skip("clones several times")
	}
	target := served(t, standingDevice(t))
	dir := t.TempDir()
	evidence := filepath.Join(dir, "whole.pcapng")
	once := []string{"--snapshots", "1", "--samples", "1", "--timeout", "300ms"} // what stands still is not asked again to see it move
	whole := cloned(t, target, filepath.Join(dir, "whole"), append(once, "--evidence", evidence)...)
	recorded, err := os.ReadFile(evidence)
	if err != nil {
		t.Fatal(err)
	}
	questions := requests(t, evidence)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 4 {
		cut := int(float64(len(recorded)) * (float64(i) + random.Float64()) / 4)
		rest := filepath.Join(dir, fmt.Sprintf("cut-%d.pcapng", cut))
		if err := os.WriteFile(rest, recorded[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		known := requests(t, rest)
		out := filepath.Join(dir, fmt.Sprintf("out-%d", cut))
		resumed := cloned(t, target, out, append(once, "--evidence", rest, "--resume")...)
		if d := differences(t, whole, resumed); d != "" {
			t.Errorf("cut at %d of %d bytes, the profile differs:\n%s", cut, len(recorded), d)
		}
		// Sessions begin anew, and what was on its way is asked again.
		if got := requests(t, rest); got > questions+questions/20+20 {
			t.Errorf("cut at %d of %d bytes, where %d questions were known, %d were asked in all; without the cut %d", cut, len(recorded), known, got, questions)
		}
	}
}

// requests counts those of a recording.
func requests(t *testing.T, name string) (n int) {
	t.Helper()
	f, err := capture.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for x, err := range capture.Exchanges(f, capture.Options{}) {
		if err == nil && x.Request != nil {
			n++
		}
	}
	return n
}

// TestCloneOnOneConnection: a device that takes one connection at a time is asked all there is.
func TestCloneOnOneConnection(t *testing.T) {
	if testing.Short() {
		t.Skip("clones several times")
	}
	target := served(t, standingDevice(t))
	out := filepath.Join(t.TempDir(), "out")
	mustRinger(t, slices.Concat([]string{"clone", "--rate", "1000", "--timeout", "300ms", "--quick", "--snapshots", "1", "--samples", "1", "-o", out}, target)...)
	dev, err := profiles.Load(theProfile(t, out))
	if err != nil {
		t.Fatal(err)
	}
	defer closeProfiles(dev)
	if len(dev.Services) != 4 {
		t.Errorf("%d services were found, want 4: %v", len(dev.Services), servicesJSON(dev))
	}
}

// TestCloneInterrupted: Ctrl-C keeps what was learned, as a profile and to go on with.
func TestCloneInterrupted(t *testing.T) {
	target := served(t, standingDevice(t))
	out := filepath.Join(t.TempDir(), "out")
	ctx, interrupt := context.WithTimeout(t.Context(), 2*time.Second)
	defer interrupt()
	args := slices.Concat([]string{"clone", "--care", "normal", "--only", "http,s7,snmp", "--timeout", "500ms", "-o", out}, target)
	if status, stdout, stderr := ringerHere(ctx, args...); status != statusDiffers || !strings.Contains(stderr, "--resume goes on") {
		t.Fatalf("ends with %d\n%s%s", status, stdout, stderr)
	}
	mustRinger(t, "profile", "validate", theProfile(t, out))
	if status, _, stderr := ringerHere(t.Context(), args...); status != statusUsage || !strings.Contains(stderr, "was interrupted") {
		t.Errorf("a second clone into the same folder ends with %d: %s", status, stderr)
	}
	mustRinger(t, slices.Concat(args, []string{"--resume"})...)
	if existing(filepath.Join(out, journalName)) {
		t.Error("the journal of a complete clone is still there")
	}
	mustRinger(t, "profile", "validate", theProfile(t, out))
}
