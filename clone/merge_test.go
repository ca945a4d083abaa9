package clone_test

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/clone"
	"ringer/profiles"
)

const sharedCaptures = "../../shared/captures"

// recordings are the captures that are small enough to learn twice.
func recordings(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(sharedCaptures, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ext := filepath.Ext(name); ext != ".pcap" && ext != ".pcapng" && ext != ".cap" {
			return nil
		}
		if info, err := e.Info(); err == nil && info.Size() < 2<<20 {
			names = append(names, name)
		}
		return nil
	})
	if os.IsNotExist(err) {
		t.Skipf("%s is absent: it has the real captures", sharedCaptures)
	}
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// recorded reads the exchanges of one protocol in a capture.
func recorded(t testing.TB, file, protocol string) (xs []capture.Exchange) {
	t.Helper()
	f, err := os.Open(filepath.Join(sharedCaptures, file))
	if err != nil {
		t.Skipf("../shared/captures is not here: %v", err)
	}
	defer f.Close()
	for x, err := range capture.Exchanges(f, capture.Options{Name: file, Warn: func(error) {}}) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Protocol.Name() == protocol {
			xs = append(xs, x)
		}
	}
	return xs
}

// byServer reads a capture and sorts its exchanges by device.
func byServer(t *testing.T, name string) map[netip.Addr][]capture.Exchange {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[netip.Addr][]capture.Exchange{}
	for x, err := range capture.Exchanges(f, capture.Options{Name: name, Warn: func(error) {}}) {
		if err == nil {
			all[x.Server.Addr()] = append(all[x.Server.Addr()], x)
		}
	}
	return all
}

func learnPart(t *testing.T, id string, xs []capture.Exchange) *profiles.Device {
	t.Helper()
	dir := t.TempDir()
	folder, err := profiles.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	dev := &profiles.Device{ID: "device"}
	if err := clone.Learn(dev, func(yield func(capture.Exchange, error) bool) {
		for _, x := range xs {
			if !yield(x, nil) {
				return
			}
		}
	}, clone.Source{ID: id, Capture: profiles.Capture{File: id}}, clone.Options{Salt: []byte("salt")}, folder.Create); err != nil {
		t.Fatal(err)
	}
	if err := dev.Save(dir); err != nil {
		t.Fatal(err)
	}
	if dev, err = profiles.Load(dir); err != nil {
		t.Fatal(err)
	}
	return dev
}

// everything is all that a profile holds, by file.
func everything(t *testing.T, d *profiles.Device) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := d.Save(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := profiles.Load(dir); err != nil {
		t.Error(err)
	}
	all := map[string]string{}
	if err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		all[strings.TrimPrefix(name, dir)] = string(b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// Learning from A then B equals learning from B then A, on every recording.
func TestMergingHasNoOrder(t *testing.T) {
	devices, services := 0, map[string]int{}
	for _, name := range recordings(t) {
		for addr, xs := range byServer(t, name) {
			if len(xs) < 2 {
				continue
			}
			half := len(xs) / 2
			a, b := learnPart(t, "c00000001", xs[:half]), learnPart(t, "c00000002", xs[half:])
			if len(a.Services) == 0 || len(b.Services) == 0 {
				continue
			}
			devices++
			what := fmt.Sprintf("%s: %s", name, addr)
			ab, _, err := profiles.Merge(a, b)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			ba, _, err := profiles.Merge(b, a)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			for _, s := range ab.Services {
				services[s.Protocol]++
			}
			if diff := cmp.Diff(everything(t, ab), everything(t, ba)); diff != "" {
				t.Errorf("%s: %.2000s", what, diff)
			}
			// Nothing new comes of what is known; only bulk of one side alone gets its merged name.
			once := mergedWithItself(t, what, ab)
			if diff := cmp.Diff(everything(t, once), everything(t, mergedWithItself(t, what, once))); diff != "" {
				t.Errorf("%s: merged with itself: %.2000s", what, diff)
			}
		}
	}
	t.Logf("%d devices, services %v", devices, services)
}

func mergedWithItself(t *testing.T, what string, d *profiles.Device) *profiles.Device {
	t.Helper()
	m, conflicts, err := profiles.Merge(d, d)
	if err != nil {
		t.Fatalf("%s: merged with itself: %v", what, err)
	}
	if len(conflicts) > 0 {
		t.Errorf("%s: merged with itself: %v", what, conflicts)
	}
	return m
}
