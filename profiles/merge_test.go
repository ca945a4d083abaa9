package profiles

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// made is a profile from text, with bulk.
func made(t *testing.T, text string, files map[string]string) *Device {
	t.Helper()
	bulk := fstest.MapFS{}
	for name, s := range files {
		bulk[name] = &fstest.MapFile{Data: []byte(s)}
	}
	d, err := Parse([]byte("apiVersion: ringer/v1\nkind: Device\nid: plc\n"+text), "x.yaml", bulk)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// mergedBothWays merges, and fails unless the order does not matter.
func mergedBothWays(t *testing.T, a, b *Device) (*Device, []Conflict) {
	t.Helper()
	ab, conflicts, err := Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	ba, _, err := Merge(b, a)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(textOf(t, ab), textOf(t, ba)); diff != "" {
		t.Errorf("the order matters: %s", diff)
	}
	if err := ab.Validate(); err != nil {
		t.Errorf("%v\n%s", err, textOf(t, ab)[DeviceFile])
	}
	return ab, conflicts
}

// textOf is all files of a profile.
func textOf(t *testing.T, d *Device) map[string]string {
	t.Helper()
	b, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{DeviceFile: string(b)}
	if d.Files != nil {
		if err := walkFiles(d.Files, func(name string) error {
			b, err := d.ReadFile(name, 1<<20)
			all[name] = string(b)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

const march, april = "from: 2026-03-02T08:00:00Z, to: 2026-03-02T12:00:00Z", "from: 2026-04-02T08:00:00Z, to: 2026-04-02T12:00:00Z"

func TestMerge(t *testing.T) {
	a := made(t, `
identity: {vendor: ACME, model: X1, firmware: V1}
captures: {ca: {file: a.pcap, `+march+`}}
evidence: evidence.jsonl
points:
  level: {type: f32, dynamics: {noise: {mean: 1, sd: 1}}}
  limit: {type: u16, value: 3}
accounts: [{name: admin, policy: deny}]
services:
  - profinet: {port: 34964/udp, recordings: [recordings/profinet-34964-ca.pcapng], latency: {read: {p50: 1ms, p90: 2ms, p99: 4ms, count: 30}}}
`, map[string]string{"recordings/profinet-34964-ca.pcapng": "A", "evidence.jsonl": `{"fact":"x","cap":"ca","pkt":[1,2]}` + "\n"})
	b := made(t, `
identity: {vendor: ACME, firmware: V2, serial: "7"}
captures: {cb: {file: b.pcap, `+april+`}}
evidence: evidence.jsonl
points:
  level: {type: f32, dynamics: {walk: {mean: 1, sd: 1}}}
  flow: {type: f32}
accounts: [{name: admin, policy: accept}, {name: guest}]
services:
  - dnp3: {port: 20000}
  - profinet: {port: 34964/udp, recordings: [recordings/profinet-34964-cb.pcapng], latency: {read: {p50: 3ms, p90: 6ms, p99: 8ms, count: 10}, write: {p50: 1ms, p90: 1ms, p99: 1ms}}}
`, map[string]string{"recordings/profinet-34964-cb.pcapng": "B", "evidence.jsonl": `{"fact":"x","cap":"cb","pkt":[3,4]}` + "\n"})
	d, conflicts := mergedBothWays(t, a, b)

	want := made(t, `
identity: {vendor: ACME, model: X1, firmware: V2, serial: "7"}
captures: {ca: {file: a.pcap, `+march+`}, cb: {file: b.pcap, `+april+`}}
evidence: evidence.jsonl
points:
  flow: {type: f32}
  level: {type: f32, dynamics: {walk: {mean: 1, sd: 1}}}
  limit: {type: u16, value: 3}
accounts: [{name: admin, policy: accept}, {name: guest}]
services:
  - dnp3: {port: 20000}
  - profinet:
      port: 34964/udp
      recordings: [recordings/profinet-34964-ca.pcapng, recordings/profinet-34964-cb.pcapng]
      latency: {read: {p50: 1.5ms, p90: 3ms, p99: 5ms, count: 40}, write: {p50: 1ms, p90: 1ms, p99: 1ms}}
`, map[string]string{"recordings/profinet-34964-ca.pcapng": "A", "recordings/profinet-34964-cb.pcapng": "B",
		"evidence.jsonl": `{"fact":"x","cap":"ca","pkt":[1,2]}` + "\n" + `{"fact":"x","cap":"cb","pkt":[3,4]}` + "\n"})
	if diff := cmp.Diff(textOf(t, want), textOf(t, d)); diff != "" {
		t.Error(diff)
	}
	var said []string
	for _, c := range conflicts {
		said = append(said, c.String())
	}
	if diff := cmp.Diff([]string{
		"accounts.admin.policy: accept, earlier deny",
		"identity.firmware: V2, earlier V1",
		"points.level.dynamics: {walk: {mean: 1, sd: 1}}, earlier {noise: {mean: 1, sd: 1}}",
	}, said); diff != "" {
		t.Error(diff)
	}

	again, conflicts := mergedBothWays(t, d, d)
	if diff := cmp.Diff(textOf(t, d), textOf(t, again)); diff != "" || len(conflicts) > 0 {
		t.Errorf("merged with itself it changes: %v %s", conflicts, diff)
	}
	dir := t.TempDir()
	if err := d.Save(dir); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(textOf(t, d), textOf(t, loaded)); diff != "" {
		t.Error(diff)
	}
}

func TestMergeOfModbusCells(t *testing.T) {
	a := made(t, `
captures: {ca: {file: a.pcap, `+march+`}}
services:
  - modbus:
      port: 502
      samples: [samples/modbus-502-ca.tsv]
      registers: [{holding: 0-4, values: [1, 2, 3, 4, 5]}, {holding: 30, values: [9]}, {holding: 5-9, fill: 0}, {coil: 7, values: [1]}]
      illegal: [{holding: 20-29}]
`, map[string]string{"samples/modbus-502-ca.tsv": "255/holding/2\t{counter: {rate: 3}}\t0001 0003\n255/holding/4\t\t0004 0005\n255/holding/30\t{counter: {rate: 1}}\t0001 0009\n"})
	b := made(t, `
captures: {cb: {file: b.pcap, `+april+`}}
services:
  - modbus:
      port: 502
      samples: [samples/modbus-502-cb.tsv]
      registers: [{holding: 1-4, values: [9, 3, 8, 6]}, {holding: 8, values: [7]}, {holding: 22-44, block: b.bin}]
      illegal: [{holding: 100, code: 4}]
`, map[string]string{"b.bin": strings.Repeat("\x00\x05", 23), "samples/modbus-502-cb.tsv": "255/holding/30\t\t0005 0006\n"})
	d, conflicts := mergedBothWays(t, a, b)
	want := made(t, `
captures: {ca: {file: a.pcap, `+march+`}, cb: {file: b.pcap, `+april+`}}
services:
  - modbus:
      port: 502
      samples: [samples/modbus-502-ca.tsv, samples/modbus-502-cb.tsv]
      registers:
        - {coil: 7, values: [1]}
        - {holding: 0-4, values: [1, 9, 3, 8, 6]}
        - {holding: 5-7, fill: 0}
        - {holding: 8, values: [7]}
        - {holding: 9, fill: 0}
        - {holding: 22-44, block: blocks/modbus-502-u255-holding22.bin}
      illegal: [{holding: 20-21}, {holding: 100, code: 4}]
`, map[string]string{
		"blocks/modbus-502-u255-holding22.bin": strings.Repeat("\x00\x05", 8) + "\x00\x06" + strings.Repeat("\x00\x05", 14),
		"samples/modbus-502-ca.tsv":            "255/holding/2\t{counter: {rate: 3}}\t0001 0003\n255/holding/4\t\t0004 0005\n255/holding/30\t{counter: {rate: 1}}\t0001 0009\n255/holding/1\t\t0002\n255/holding/3\t\t0004\n",
		"samples/modbus-502-cb.tsv":            "255/holding/30\t{counter: {rate: 1}}\t0005 0006\n255/holding/1\t\t0009\n255/holding/3\t\t0008\n255/holding/4\t\t0006\n",
	})
	if diff := cmp.Diff(textOf(t, want), textOf(t, d)); diff != "" {
		t.Error(diff)
	}
	if len(conflicts) > 0 {
		t.Errorf("conflicts %v", conflicts)
	}
}

func TestMergeOfS7Memory(t *testing.T) {
	a := made(t, `
captures: {ca: {file: a.pcap, `+march+`}}
services:
  - s7:
      port: 102
      tsap: {accept: [rack0slot2], pdu: 240}
      szl: {"0011/0000": szl/a.bin, "0424/0000": D402}
      areas: {DB1: {size: 8, image: a.bin, known: [0-3]}, M: {size: 4}}
`, map[string]string{"a.bin": "\x01\x02\x03\x04\x00\x00\x00\x00", "szl/a.bin": "same"})
	b := made(t, `
captures: {cb: {file: b.pcap, `+april+`}}
services:
  - s7:
      port: 102
      tsap: {accept: ["0101"], pdu: 480}
      szl: {"0011/0000": szl/b.bin, "0424/0000": szl/c.bin}
      areas: {DB1: {size: 6, image: b.bin, known: [2-5]}, DB2: {size: 1}}
`, map[string]string{"b.bin": "\x00\x00\x03\x05\x06\x07", "szl/b.bin": "same", "szl/c.bin": "list"})
	d, _ := mergedBothWays(t, a, b)
	got := textOf(t, d)
	for name, want := range map[string]string{
		"samples/s7-102-ca.tsv": "DB1.3\t\t04\nszl 0424/0000\t\t000000d4020a00\n",
		"samples/s7-102-cb.tsv": "DB1.3\t\t05\nszl 0424/0000\t\t0000000000ff096c697374\n",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if image := got["blocks/s7-102-DB1.bin"]; !strings.HasPrefix(image, "\x01\x02\x03\x05\x06\x07") {
		t.Errorf("DB1 is %q", image)
	}
}

func TestMergeOfSNMPVariables(t *testing.T) {
	a := made(t, `
captures: {ca: {file: a.pcap, `+march+`}}
services:
  - snmp: {port: 161/udp, communities: {public: ro}, walk: a.snmprec, known: [1.3.6.1.2-1.3.6.1.4], versions: ["1"]}
`, map[string]string{"a.snmprec": "1.3.6.1.2.1.1.5.0|4|pump\n1.3.6.1.2.1.1.10.0|2|7\n"})
	b := made(t, `
captures: {cb: {file: b.pcap, `+april+`}}
services:
  - snmp: {port: 161/udp, communities: {private: rw}, walk: b.snmprec, known: [1.3.6.1.3-1.3.6.1.5, 1.3.7-end], versions: [2c]}
`, map[string]string{"b.snmprec": "1.3.6.1.2.1.1.5.0|4|pump-3\n1.3.6.1.2.1.1.6.0|4|hall\n"})
	d, conflicts := mergedBothWays(t, a, b)
	want := made(t, `
captures: {ca: {file: a.pcap, `+march+`}, cb: {file: b.pcap, `+april+`}}
services:
  - snmp:
      port: 161/udp
      samples: [samples/snmp-161-ca.tsv, samples/snmp-161-cb.tsv]
      communities: {private: rw, public: ro}
      walk: snmp/snmp-161.snmprec
      known: [1.3.6.1.2-1.3.6.1.5, 1.3.7-end]
      versions: ["1", 2c]
`, map[string]string{
		"snmp/snmp-161.snmprec":   "1.3.6.1.2.1.1.5.0|4|pump-3\n1.3.6.1.2.1.1.6.0|4|hall\n1.3.6.1.2.1.1.10.0|2|7\n",
		"samples/snmp-161-ca.tsv": "1.3.6.1.2.1.1.5.0\t\t0470756d70\n",
		"samples/snmp-161-cb.tsv": "1.3.6.1.2.1.1.5.0\t\t0470756d702d33\n",
	})
	if diff := cmp.Diff(textOf(t, want), textOf(t, d)); diff != "" {
		t.Error(diff)
	}
	if len(conflicts) != 0 {
		t.Errorf("conflicts %v", conflicts)
	}
}

// Profiles that do not contradict each other can be merged in any grouping.
func TestMergeInAnyGrouping(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		all := make([]*Device, 4)
		for i := range all {
			var b strings.Builder
			id := fmt.Sprintf("c%d", i)
			day := time.Date(2026, 3, 1+r.IntN(3), 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
			fmt.Fprintf(&b, "captures: {%s: {file: x, from: %s, to: %s}}\npoints:\n  p%d: {type: u8}\n", id, day, day, r.IntN(6))
			fmt.Fprintf(&b, "services:\n  - modbus:\n      port: %d\n      recordings: [recordings/x-%s.pcapng]\n      samples: [samples/modbus-1-%s.tsv]\n      registers:\n", 1+r.IntN(2), id, id)
			samples := ""
			for a := range 40 {
				switch r.IntN(4) {
				case 0:
					fmt.Fprintf(&b, "        - {holding: %d, values: [%d]}\n", a, a)
				case 1:
					fmt.Fprintf(&b, "        - {coil: %d, values: [%d]}\n", a, a%2)
				}
			}
			samples += fmt.Sprintf("255/holding/99\t\t%04x\n", i)
			fmt.Fprintf(&b, "        - {holding: 99, values: [%d]}\n", i)
			all[i] = made(t, b.String(), map[string]string{"samples/modbus-1-" + id + ".tsv": samples, "recordings/x-" + id + ".pcapng": id})
		}
		var want map[string]string
		for range 4 {
			left := slices.Clone(all)
			for len(left) > 1 {
				r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
				d, _, err := Merge(left[0], left[1])
				if err != nil {
					t.Fatal(err)
				}
				left = append(left[2:], d)
			}
			got := textOf(t, left[0])
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		}
	}
}

func TestMergedProfileIsSaved(t *testing.T) {
	a := made(t, "captures: {ca: {file: a, "+march+"}}\nservices: [{x: {port: 1, recordings: [r/x-ca.pcapng]}}]\n", map[string]string{"r/x-ca.pcapng": "A", "shared.txt": "older"})
	b := made(t, "captures: {cb: {file: b, "+april+"}}\nservices: [{x: {port: 1, recordings: [r/x-cb.pcapng]}}]\n", map[string]string{"r/x-cb.pcapng": "B", "shared.txt": "newer"})
	d, _ := mergedBothWays(t, a, b)
	for _, name := range []string{filepath.Join(t.TempDir(), "d"), filepath.Join(t.TempDir(), "d.zip")} {
		if err := d.Save(name); err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(textOf(t, d), textOf(t, loaded)); diff != "" {
			t.Error(diff)
		}
		if b, err := fs.ReadFile(loaded.Files, "shared.txt"); err != nil || string(b) != "newer" {
			t.Errorf("shared file %q, %v", b, err)
		}
	}
}
