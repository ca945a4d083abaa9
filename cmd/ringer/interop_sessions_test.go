//go:build interop

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"ringer/profiles"
	"ringer/replay"
)

// TestInteropSessions: what ipmitool and FreeIPMI asked in sessions of every kind is asked again: of the living
// controller that was recorded, where only what moves differs, and of the profile that was learned from the
// recording, where nothing does.
func TestInteropSessions(t *testing.T) {
	need(t, "ipmitool", "bmc-info", "ipmi-sensors", "ipmi-sel", "ipmi-fru", "dumpcap")
	built(t)                      // while Go's cache is at home
	t.Setenv("HOME", t.TempDir()) // of FreeIPMI's cache
	tool := []string{"-I lan -A MD5", "-I lanplus -C 3", "-I lanplus -C 17"}
	free := []string{"-D LAN", "-D LAN_2_0 -I 3", "-D LAN_2_0 -I 17"}

	t.Run("ipmi_sim", func(t *testing.T) {
		const at = "127.0.93.1"
		startIPMISim(t, at)
		pcap := sessionsWith(t, at, "admin", "swordfish", tool[:2], free[:2]) // it has no suite 17
		// It gives bytes beyond the end of records, from memory that it never filled.
		beyond := func(d replay.Difference) bool { return d.Class == "get SDR" && strings.HasPrefix(d.Want, d.Got) }
		// How many sessions there are it counts from its start.
		counted := func(d replay.Difference) bool {
			return beyond(d) || d.Class == "get channel info" && d.Path == "Body.Sessions" || d.Class == "get session info"
		}
		askedAlike(t, pcap, at, keysFile(t, "ipmi admin swordfish"), beyond, counted)
	})
	t.Run("decoy", func(t *testing.T) {
		const at = "127.0.93.2"
		decoy(t, nil, bmcProfile, "--bind", at)
		pcap := sessionsWith(t, at, "ADMIN", "ADMIN", tool, free)
		moving := func(d replay.Difference) bool {
			return d.Class == "get sensor reading" || d.Class == "get power reading" || d.Class == "get session info"
		}
		askedAlike(t, pcap, at, keysFile(t, "ipmi ADMIN ADMIN"), nil, moving)
	})
}

// sessionsWith records what clients ask.
func sessionsWith(t *testing.T, at, user, password string, tool, free []string) (pcap string) {
	t.Helper()
	recorded := record(t, at)
	for _, way := range tool {
		for _, q := range []string{"mc info", "sdr elist all", "sensor list", "sel elist", "fru print", "user list 1", "lan print 1", "session info active"} {
			says(t, "ipmitool", append(strings.Fields(way+" -N 2 -R 2 -H "+at+" -U "+user+" -P "+password), strings.Fields(q)...)...)
		}
	}
	for _, way := range free {
		for _, q := range []string{"bmc-info", "ipmi-sensors --quiet-cache", "ipmi-sel --quiet-cache", "ipmi-fru --quiet-cache"} {
			words := strings.Fields(q + " -W opensesspriv -l ADMIN -h " + at + " -u " + user + " -p " + password + " " + way)
			says(t, words[0], words[1:]...)
		}
	}
	return recorded()
}

// askedAlike replays against the profile of a recording and against the living controller.
func askedAlike(t *testing.T, pcap, at, keys string, inside, outside func(replay.Difference) bool) {
	t.Helper()
	profile := filepath.Join(t.TempDir(), "profile")
	output(t, built(t), "capture", pcap, "--keys", keys, "-o", profile)
	for _, x := range []struct {
		target []string
		but    func(replay.Difference) bool
	}{{[]string{"--against", profile}, inside}, {[]string{"--target", at}, outside}} {
		total, differences := asksAgain(t, x.but, append([]string{pcap, "--keys", keys}, x.target...)...)
		t.Logf("%v: %d asked, %d equal, %d masked, %d differ", x.target, total.Asked, total.Equal, total.Masked, total.Different+total.NoAnswer)
		if total.Asked < 500 || len(differences) > 0 {
			t.Errorf("%v: %d asked\n%s", x.target, total.Asked, strings.Join(differences, "\n"))
		}
	}
	out, _ := says(t, built(t), "replay", pcap, "--keys", keys, "--split", "0.95")
	if !strings.Contains(out, "(100.00 %)") {
		t.Errorf("in two parts:\n%s", out)
	}
}

// TestInteropKg: sessions with a controller that has a key of its own are read and asked again with that key, and
// not without it.
func TestInteropKg(t *testing.T) {
	need(t, "ipmitool", "ipmi_sim")
	const at, kg = "127.0.93.3", "0123456789abcdef" // ipmi_sim reads no longer one
	startIPMISimWith(t, at, "    bmc_key \""+kg+"\"\n")
	recorded := record(t, at)
	for _, suite := range []string{"3", "2"} {
		if out, ok := says(t, "ipmitool", "-I", "lanplus", "-C", suite, "-H", at, "-U", "admin", "-P", "swordfish", "-k", kg, "mc", "info"); !ok {
			t.Fatal(out)
		}
	}
	time.Sleep(300 * time.Millisecond)
	pcap := recorded()
	with, without := keysFile(t, "ipmi admin swordfish", "ipmi-kg another", "ipmi-kg "+kg), keysFile(t, "ipmi admin swordfish", "ipmi-kg another")
	profile := filepath.Join(t.TempDir(), "profile")
	output(t, built(t), "capture", pcap, "--keys", with, "-o", profile)
	for _, target := range [][]string{{"--against", profile}, {"--target", at}} {
		total, differences := asksAgain(t, nil, append([]string{pcap, "--keys", with}, target...)...)
		if total.Asked < 20 || len(differences) > 0 {
			t.Errorf("%v: %d asked\n%s", target, total.Asked, strings.Join(differences, "\n"))
		}
	}
	cmd := exec.Command(built(t), "capture", pcap, "--keys", without, "-o", profile+"2", "--json")
	var errs strings.Builder
	cmd.Stderr = &errs
	if out, err := cmd.Output(); err != nil || !strings.Contains(errs.String(), "ipmi-kg KEY") || !strings.Contains(string(out), `"kg": "wrong"`) {
		t.Errorf("%v\n%s%s", err, out, errs.String())
	}
}

// TestInteropSealedSessions: what clients read of a controller in encrypted sessions is learned from a recording,
// given the password, as it is by asking. Without it, what was in the clear is learned, and what was not is told.
func TestInteropSealedSessions(t *testing.T) {
	built(t)
	t.Setenv("HOME", t.TempDir())
	const at = "127.0.93.4"
	startIPMISim(t, at)
	pcap := sessionsWith(t, at, "admin", "swordfish", []string{"-I lanplus -C 3"}, []string{"-D LAN_2_0 -I 3"})
	cloned, _, _ := cloneIPMI(t, at, "--user", "admin")
	dir := t.TempDir()
	learn := func(keys string) (profile, said, json string) {
		t.Helper()
		profile = filepath.Join(dir, filepath.Base(filepath.Dir(keys))+keys[len(keys)-1:])
		cmd := exec.Command(built(t), "capture", pcap, "-o", profile, "--json")
		if keys != "none" {
			cmd.Args = append(cmd.Args, "--keys", keys)
		}
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		return filepath.Join(profile, at), errs.String(), string(out)
	}

	want := controllerOf(t, cloned)
	profile, said, _ := learn(keysFile(t, "ipmi admin swordfish"))
	got := controllerOf(t, profile)
	if len(want.sdr) < 300 || len(want.sel) != 4*16 || len(want.fru) != 2 || len(want.readings) < 4 {
		t.Fatalf("the clone has %d bytes of SDR, %d of SEL, %d inventories, %d readings", len(want.sdr), len(want.sel), len(want.fru), len(want.readings))
	}
	delete(want.readings, "042d:13") // a sensor without a record, which clients do not ask
	for _, x := range []struct {
		what      string
		want, got any
	}{
		{"SDR", want.sdr, got.sdr}, {"SEL", want.sel, got.sel}, {"FRU", want.fru, got.fru}, {"users", want.users, got.users}, {"readings", want.readings, got.readings},
	} {
		if !reflect.DeepEqual(x.want, x.got) {
			t.Errorf("%s: %v, by asking %v", x.what, x.got, x.want)
		}
	}
	if !strings.Contains(said, `the password of ipmi user "admin" is proven`) || strings.Contains(said, "warning") {
		t.Errorf("with the password: %s", said)
	}

	for keys, wants := range map[string][]string{
		"none":                             {"stay sealed", `--keys FILE with "ipmi admin PASSWORD"`, `"password": "unknown"`},
		keysFile(t, "ipmi admin swordfis"): {`the password of ipmi user "admin" is wrong: RAKP 2 is not signed with it`, `"password": "wrong"`},
	} {
		profile, said, json := learn(keys)
		for _, want := range wants {
			if !strings.Contains(said+json, want) {
				t.Errorf("no %s in\n%s%s", want, said, json)
			}
		}
		if got := controllerOf(t, profile); got.guid != want.guid || got.guid == "" || got.users["admin"] != "" || len(got.sdr)+len(got.sel)+len(got.fru)+len(got.readings) > 0 {
			t.Errorf("without the password: %+v", got)
		}
	}
}

// A controllerRead is what of a controller's profile is the same, however it was read.
type controllerRead struct {
	guid     string
	sdr, sel []byte
	fru      map[uint8][]byte
	users    map[string]string // privileges, by name
	readings map[string]string // by cell
}

func controllerOf(t *testing.T, profile string) (c controllerRead) {
	t.Helper()
	dev, err := profiles.Load(profile)
	if err != nil {
		t.Fatal(err)
	}
	defer closeProfiles(dev)
	sec := dev.Services[0].Section.(*profiles.IPMI)
	read := func(name string) []byte {
		if name == "" {
			return nil
		}
		b, err := dev.ReadFile(name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	unread := func(b []byte) []byte { return bytes.TrimRight(b, "\x00\xff") } // clients leave out what is behind the last area
	c = controllerRead{sec.GUID, read(sec.SDR), read(sec.SEL), map[uint8][]byte{}, map[string]string{}, map[string]string{}}
	for id, name := range sec.FRU {
		c.fru[id] = unread(read(name))
	}
	for _, u := range sec.Users {
		c.users[u.Name] = u.Privilege
	}
	for _, name := range sec.Samples {
		err := profiles.ReadSamples(bytes.NewReader(read(name)), func(cell string, _ *profiles.Dynamics, track profiles.Track) error {
			if strings.HasPrefix(cell, "042d:") { // get sensor reading
				c.readings[cell] = fmt.Sprintf("%x", track.Last().Value)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}
