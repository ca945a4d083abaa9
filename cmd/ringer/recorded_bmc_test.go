package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ringer/profiles"
)

// testdata/bmc-2u-server.pcapng are visits of ipmitool, FreeIPMI, Net-SNMP, curl and python-redfish to the shipped BMC
// (testdata/record/bmc.sh). With the passwords, the same BMC is learned from it, and says the same again.
func TestRecordedBMC(t *testing.T) {
	const (
		recording = "../../testdata/bmc-2u-server.pcapng"
		keys      = "../../testdata/bmc-2u-server.keys"
	)
	out := filepath.Join(t.TempDir(), "learned")
	mustRinger(t, "capture", recording, "--keys", keys, "--keep-secrets", "-o", out)
	folder := theProfile(t, out)
	learned, shipped := loaded(t, folder), loaded(t, "../../profiles/bmc-2u-server")

	got, want := section[*profiles.IPMI](t, learned), section[*profiles.IPMI](t, shipped)
	files := func(s *profiles.IPMI) map[string]string {
		m := map[string]string{"sdr": s.SDR, "sel": s.SEL}
		for id, name := range s.FRU {
			m[fmt.Sprint("fru ", id)] = name
		}
		return m
	}
	learnedFiles := files(got)
	for what, name := range files(want) {
		if a, b := contents(t, learned, learnedFiles[what]), contents(t, shipped, name); !bytes.Equal(a, b) {
			t.Errorf("%s: %d bytes were learned, and are not the %d of the shipped profile", what, len(a), len(b))
		}
	}
	for slot, u := range want.Users {
		if got.Users[slot] != u {
			t.Errorf("slot %d: learned %+v, want %+v", slot, got.Users[slot], u)
		}
	}
	if len(got.Users) != len(want.Users) || got.GUID != want.GUID {
		t.Errorf("learned users %v and GUID %s", got.Users, got.GUID)
	}

	tree, original := redfishTree(t, learned), redfishTree(t, shipped)
	moving := map[string]bool{}
	for place := range section[*profiles.HTTP](t, shipped).Redfish.Points {
		moving[place] = true
	}
	for _, at := range slices.Sorted(maps.Keys(original)) {
		x, ok := tree[at]
		if !ok {
			t.Errorf("%s was not learned", at)
			continue
		}
		differ(at, "", x, original[at], func(place string, a, b any) {
			if !moving[place] {
				t.Errorf("%s: learned %v, want %v", place, a, b)
			}
		})
	}

	status, stdout, stderr := ringerHere(t.Context(), "replay", recording, "--keys", keys, "--against", folder, "--json")
	var report struct {
		Rows []struct {
			Protocol             string
			Asked, Equal, Masked int
		}
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || status != 0 {
		t.Fatalf("replay: status %d, %v: %s", status, err, stderr)
	}
	asked := map[string]int{}
	for _, r := range report.Rows {
		asked[r.Protocol] += r.Asked
		if r.Asked != r.Equal+r.Masked {
			t.Errorf("replay: %+v", r)
		}
	}
	for protocol, least := range map[string]int{"ipmi": 1000, "snmp": 800, "http": 60} {
		if asked[protocol] < least {
			t.Errorf("replay: %d questions of %s were asked, want %d or more", asked[protocol], protocol, least)
		}
	}
}

func loaded(t *testing.T, folder string) *profiles.Device {
	t.Helper()
	dev, err := profiles.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeProfiles(dev) })
	return dev
}

// section is a device's section of a kind.
func section[T profiles.Section](t *testing.T, dev *profiles.Device) (s T) {
	t.Helper()
	for i := range dev.Services {
		if s, ok := dev.Services[i].Section.(T); ok {
			return s
		}
	}
	t.Fatalf("%s has no such section", dev.ID)
	return s
}

func contents(t *testing.T, dev *profiles.Device, name string) []byte {
	t.Helper()
	b, err := dev.ReadFile(name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// redfishTree are those of a device's Redfish tree that are JSON, by path.
func redfishTree(t *testing.T, dev *profiles.Device) map[string]any {
	t.Helper()
	root := path.Clean(section[*profiles.HTTP](t, dev).Redfish.Root)
	prefix, err := profiles.RedfishPrefix(dev.Files, root)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	err = fs.WalkDir(dev.Files, root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || path.Base(name) != profiles.RedfishBody {
			return err
		}
		var x any
		if err := json.Unmarshal(contents(t, dev, name), &x); err != nil {
			return err
		}
		all[prefix+strings.TrimPrefix(path.Dir(name), root)] = x
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// differ finds what is not the same in two documents.
func differ(at, pointer string, a, b any, say func(place string, a, b any)) {
	x, ok := a.(map[string]any)
	y, both := b.(map[string]any)
	if ok && both {
		names := maps.Clone(x)
		maps.Copy(names, y)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			differ(at, pointer+"/"+name, x[name], y[name], say)
		}
		return
	}
	list, ok := a.([]any)
	other, both := b.([]any)
	if ok && both && len(list) == len(other) {
		for i := range list {
			differ(at, fmt.Sprint(pointer, "/", i), list[i], other[i], say)
		}
		return
	}
	if !reflect.DeepEqual(a, b) {
		say(at+"#"+pointer, a, b)
	}
}
