package emulate_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

const sharedCaptures = "../../shared/captures/"

// exchanges reads the exchanges of a capture in one of the protocols, by server.
func exchanges(t testing.TB, file string, protocols ...wire.Protocol) map[netip.AddrPort][]capture.Exchange {
	t.Helper()
	f, err := capture.Open(sharedCaptures + file)
	if err != nil {
		t.Skipf("../shared/captures is not here: %v", err)
	}
	defer f.Close()
	known := capture.Protocols()
	for i := range known {
		if j := slices.IndexFunc(protocols, func(p wire.Protocol) bool { return p.Name() == known[i].Name() }); j >= 0 {
			known[i] = protocols[j] // it may have keys
		}
	}
	all := map[netip.AddrPort][]capture.Exchange{}
	for x, err := range capture.Exchanges(f, capture.Options{Name: file, Protocols: known, Warn: func(err error) { t.Log(err) }}) {
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(protocols, x.Protocol) {
			all[x.Server] = append(all[x.Server], x)
		}
	}
	return all
}

func servers(all map[netip.AddrPort][]capture.Exchange) []netip.AddrPort {
	return slices.SortedFunc(maps.Keys(all), netip.AddrPort.Compare)
}

// learned makes a profile of exchanges, saves it and loads it again.
func learned(t testing.TB, xs []capture.Exchange) *profiles.Device {
	t.Helper()
	return learnedAs(t, "c00000001", clone.Options{}, xs)
}

func learnedAs(t testing.TB, id string, opt clone.Options, xs []capture.Exchange) *profiles.Device {
	t.Helper()
	dir := t.TempDir()
	folder, err := profiles.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	dev := &profiles.Device{ID: "device"}
	err = clone.Learn(dev, func(yield func(capture.Exchange, error) bool) {
		for _, x := range xs {
			if !yield(x, nil) {
				return
			}
		}
	}, clone.Source{ID: id, Capture: profiles.Capture{File: "a.pcap"}}, opt, folder.Create)
	if err != nil {
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

// playRecordings captures, learns, emulates and replays: whoever asks a decoy in the recorded order gets
// the recorded answers: byte for byte and as the same messages if exact is set, else but for what masks cover.
func playRecordings(t *testing.T, captures []string, exact bool, protocols ...wire.Protocol) {
	for _, file := range captures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := exchanges(t, file, protocols...)
			for _, server := range servers(all) {
				t.Run(server.Addr().String(), func(t *testing.T) {
					playRecording(t, all[server], exact, protocols)
				})
			}
		})
	}
}

func playRecording(t *testing.T, xs []capture.Exchange, exact bool, protocols []wire.Protocol) {
	dev := learned(t, xs)
	if len(dev.Services) == 0 {
		for _, x := range xs {
			if len(x.Replies) > 0 && x.Request != nil {
				t.Errorf("packet %d was answered, and nothing was learned", x.Packets[0])
			}
		}
		t.Logf("%d exchanges that say nothing", len(xs))
		return
	}
	var asked, equal, masked, silent, lost, unasked, shown int
	d := openDecoy(t, dev, emulate.Settings{}, protocols...)
	for _, x := range xs {
		d.now = x.At
		if x.Request == nil {
			unasked++
			continue
		}
		req := written(t, []wire.Message{x.Request})
		a := d.link(x.Protocol.Name(), x.Conn).answer(t, req)
		if x.Lost && len(x.Replies) == 0 {
			lost++
			continue
		}
		got, want := written(t, a.Messages), written(t, x.Replies)
		if len(want) == 0 {
			silent++
		} else {
			asked++
		}
		same, missed := bytes.Equal(got, want), []string(nil)
		if exact {
			missed = differences(x.Replies, a.Messages)
		} else if !same {
			missed = differences(x.Replies, read(t, x.Protocol, got))
		}
		if len(want) > 0 && same {
			equal++
		}
		if len(want) > 0 && len(missed) == 0 {
			masked++
		}
		if len(missed) > 0 || exact && !same {
			if shown++; shown < 5 {
				t.Errorf("packet %d: asked %.800x\nwant %.800x\ngot  %.800x\n%v", x.Packets[0], req, want, got, missed)
			}
		}
	}
	t.Logf("%d asked, %d equal byte for byte, %d after masking; %d silent, %d lost, %d without request, %d exchanges kept whole",
		asked, equal, masked, silent, lost, unasked, keptWhole(t, dev, protocols))
}

// differences says what masks do not cover.
func differences(want, got []wire.Message) (all []string) {
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) {
			return append(all, fmt.Sprintf("%d messages, want %d", len(got), len(want)))
		}
		for _, d := range wire.Diff(want[i], got[i]).Differences {
			all = append(all, fmt.Sprint(d))
		}
	}
	return all
}

// keptWhole counts the exchanges in the recordings of a profile.
func keptWhole(t testing.TB, dev *profiles.Device, protocols []wire.Protocol) (n int) {
	t.Helper()
	for _, s := range dev.Services {
		for _, name := range s.Common().Recordings {
			f, err := dev.Files.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			for range capture.Exchanges(f, capture.Options{Protocols: protocols}) {
				n++
			}
			f.Close()
		}
	}
	return n
}

// A tally counts the rows of an expected table that were asked for, and those that were answered so.
type tally struct{ asked, equal int }

// row counts one; the first few that differ are shown.
func (c *tally) row(t testing.TB, equal bool, format string, args ...any) {
	t.Helper()
	c.asked++
	if equal {
		c.equal++
	} else if c.asked-c.equal < 6 {
		t.Logf(format, args...)
	}
}

// check allows for the rows where the dissector lost track of the capture; see the captures' README.
func (c *tally) check(t testing.TB, server string) {
	t.Helper()
	if c.asked == 0 {
		return
	}
	t.Logf("%s: %d asked, %d equal", server, c.asked, c.equal)
	if missed := c.asked - c.equal; c.asked < 50 && missed > 1 || c.asked >= 50 && missed*50 > c.asked {
		t.Errorf("%s: %d of %d answers differ from the table", server, missed, c.asked)
	}
}
