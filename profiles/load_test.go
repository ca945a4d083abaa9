package profiles

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const example = `apiVersion: ringer/v1
kind: Device
id: water-plc-3
identity:
  vendor: Siemens
  model: CPU 1214C DC/DC/DC
  order: 6ES7 214-1AG40-0XB0
  firmware: V4.5.2
captures:
  c1: {file: plant.pcapng, from: 2026-03-02T08:00:00Z, to: 2026-03-02T12:00:00.5Z}
points:
  flow: {type: f32, dynamics: {sine: {mean: 18, amp: 6, period: 24h, phase: 7h}}}
  hours: {type: u32, dynamics: {counter: {start: 18233, rate: 1/h}}}
  level: {type: f32, unit: m, dynamics: {walk: {mean: 2.4, sd: 0.06, min: 0, max: 4, step: 0.01}}}
  level2: {type: f32, dynamics: {linear: {of: level, gain: 2}}}
  mode: {type: enum, value: "on", values: {"4": stop, "8": "on"}}
  setpoint: {type: f32, value: 2.5, write: {min: 0, max: 4}}
  uptime: {type: u32, dynamics: {clock: {unit: 10ms, since: boot, uptime: 41d3h}}}
accounts:
  - {name: admin, policy: bait, bait: admin}
services:
  - profinet:
      port: 34964/udp
      latency:
        read: {p50: 4.1ms, p90: 7.8ms, p99: 19ms}
      limits: {connections: 8, idle: 1m}
`

func TestDeviceFileRoundTrips(t *testing.T) {
	dev, err := Parse([]byte(example), "x.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := dev.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b, "y.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dev, again); diff != "" {
		t.Error(diff)
	}
	if got, want := strings.Fields(string(b)), strings.Fields(example); len(got) != len(want) {
		t.Errorf("the text has %d words, want %d:\n%s", len(got), len(want), b)
	}
	if n := strings.Count(string(b), "\n"); n > strings.Count(example, "\n") {
		t.Errorf("the text has %d lines, which is more than a person needs:\n%s", n, b)
	}
	if dev.Points["hours"].Dynamics.Counter.Rate != 1/3600. {
		t.Errorf("rate 1/h is %v", dev.Points["hours"].Dynamics.Counter.Rate)
	}
	if p := dev.Services[0].Common().Port; p != (Port{34964, true}) {
		t.Errorf("port %v", p)
	}
}

// Each case changes one text of the example.
func TestLoadErrors(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"vendor:", "vendro:", `x.yaml:5: unknown key "vendro" in identity: did you mean "vendor"?`},
		{"limits:", "limist:", `x.yaml:26: unknown key "limist" in profinet: did you mean "limits"?`},
		{"idle: 1m", "qwertyuiop: 1m", `x.yaml:26: unknown key "qwertyuiop" in limits: want one of connections, idle, message, per_peer, rate`},
		{"points:", "pionts:", `x.yaml:11: unknown key "pionts": did you mean "points"?`},
		{"of: level,", "of: levle,", `x.yaml:15: points.level2.dynamics.linear.of: there is no point "levle": did you mean "level"?`},
		{"  model:", "  vendor:", `x.yaml:6: identity: key "vendor" is there twice: it is in line 5, too`},
		{"connections: 8", "connections: many", `x.yaml:26: services[0].profinet.limits.connections: want a whole number, not "many"`},
		{"connections: 8", "connections: -8", `x.yaml:26: services[0].profinet.limits.connections: -8 is out of range: want 0 to 2147483647`},
		{"34964/udp", "70000", `x.yaml:23: services[0].profinet.port: port "70000": want a number from 1 to 65535, with /udp behind it for UDP`},
		{"34964/udp", "[1]", `x.yaml:23: services[0].profinet.port: want a single value, not a list`},
		{"p90: 7.8ms", "p90: 7.8s", `x.yaml:25: services[0].profinet.latency.read: want p50 ≤ p90 ≤ p99, none below zero`},
		{"p90: 7.8ms", "p90: 7.8", `x.yaml:25: services[0].profinet.latency.read.p90: "7.8" is not a duration: want one like 4.1ms, 30s, 24h or 41d3h`},
		{"sine: {mean", "const: {}, sine: {mean", `x.yaml:12: points.flow.dynamics: want exactly one of const, counter, clock, noise, walk, sine, dwell, series, linear`},
		{"type: f32, value: 2.5", "type: f23, value: 2.5", `x.yaml:17: points.setpoint.type: "f23" is not a type: want one of bool, u8, i8, u16, i16, u32, i32, u64, i64, f32, f64, text, enum, time: did you mean "f32"?`},
		{"type: f32, value: 2.5", "type: u8, value: 256", `x.yaml:17: points.setpoint.value: 256 is out of range: u8 holds 0 to 255`},
		{"type: f32, value: 2.5", "type: bool, value: [1]", `x.yaml:17: points.setpoint.value: want a number, a text, true or false`},
		{"since: boot", "since: bot", `x.yaml:18: points.uptime.dynamics.clock.since: "bot" is not one of boot: did you mean "boot"?`},
		{"rate: 1/h", "rate: 1/y", `x.yaml:13: points.hours.dynamics.counter.rate: "1/y" is not a rate: want /s, /m, /h or /d behind the number`},
		{"policy: bait", "policy: bite", `x.yaml:20: accounts[0].policy: "bite" is not one of deny, accept, bait`},
		{"2026-03-02T08:00:00Z", "yesterday", `x.yaml:10: captures.c1.from: "yesterday" is not a time: want one like 2026-03-02T08:00:00Z`},
		{"2026-03-02T08:00:00Z", "2026-03-02T18:00:00Z", `x.yaml:10: captures.c1.to: the capture ends before it begins`},
		{"ringer/v1", "ringer/v9", `x.yaml:1: apiVersion: version "ringer/v9" is unknown: this ringer reads up to ringer/v1`},
		{"kind: Device", "kind: Pod", `x.yaml:2: kind: want Device, it is Pod`},
		{"id: water-plc-3", "id: ../water", `x.yaml:3: id: "../water" cannot be the name of a device`},
		{"profinet:\n", "modbuss:\n      registers: []\n", `x.yaml:22: services[0]: unknown protocol "modbuss": did you mean "modbus"?`},
		{"  vendor:", "  mac: 28:63:36:4e:52:zz\n  vendor:", `x.yaml:5: identity.mac: "28:63:36:4e:52:zz" is not a hardware address: want one like 00:00:5e:00:53:01`},
		{"of: level,", "of: level2,", `x.yaml:15: points.level2.dynamics.linear.of: point level2 follows itself`},
		{"type: f32, value: 2.5", "type: enum, values: {\"4\": STOP, \"10\": RUN}, value: 8", `x.yaml:17: points.setpoint.value: 8 is not one of the point's values: 4, 10`},
		{"  vendor: Siemens", "\tvendor: x", `x.yaml:5: found character that cannot start any token`},
	} {
		text := strings.Replace(example, c.old, c.new, 1)
		if text == example {
			t.Errorf("%q is not in the example", c.old)
		}
		if _, err := Parse([]byte(text), "x.yaml", nil); err == nil || err.Error() != c.want {
			t.Errorf("%s -> %s:\n got %v\nwant %s", c.old, c.new, err, c.want)
		}
	}
}

func TestLoadSaysEverythingAtOnce(t *testing.T) {
	text := strings.NewReplacer("vendor:", "vendro:", "idle: 1m", "idle: soon", "rate: 1/h", "rate: x").Replace(example)
	_, err := Parse([]byte(text), "x.yaml", nil)
	var all Errors
	if !errors.As(err, &all) || len(all) != 3 {
		t.Fatalf("got %v, want three errors", err)
	}
	for i, line := range []int{5, 13, 26} {
		if all[i].Line != line {
			t.Errorf("error %d is in line %d, want %d", i, all[i].Line, line)
		}
	}
}

func TestAliasesDoNotExplode(t *testing.T) {
	text := "apiVersion: ringer/v1\nkind: Device\nid: x\nnetwork: {options: &a [" + strings.Repeat("x,", 5000) + "]}\nservices:\n"
	for range 500 {
		text += "  - x: {port: 1, samples: *a}\n"
	}
	if _, err := Parse([]byte(text), "x.yaml", nil); err == nil || !strings.Contains(err.Error(), "too many aliases") {
		t.Fatalf("got %.200v", err)
	}
}

func TestUpgrade(t *testing.T) {
	rename := upgrade{"ringer/v0", APIVersion, func(root *yaml.Node) error {
		valueOf(root, "name").Value = "x"
		root.Content[4].Value = "id"
		return nil
	}}
	d := newDecoder("old.yaml")
	n := d.parse([]byte("apiVersion: ringer/v0\nkind: Device\nname: y\nservices: []\n"))
	if !d.upgrade(n, []upgrade{rename}) {
		t.Fatal(d.errs)
	}
	if valueOf(n, "id").Value != "x" || valueOf(n, "apiVersion").Value != APIVersion {
		b, _ := yaml.Marshal(n)
		t.Errorf("upgraded to\n%s", b)
	}
}

func TestDurations(t *testing.T) {
	for _, s := range []string{"0s", "4.1ms", "24h", "41d3h", "1h30m", "1m30s", "90d", "25h", "-4s", "1h0m5s", "2d3h4m5.5s", "-3d", "-5331d7h53m25s", "100000d"} {
		d, err := ParseDuration(s)
		if err != nil {
			t.Error(err)
		} else if got := FormatDuration(d); got != s {
			t.Errorf("%s comes back as %s", s, got)
		}
	}
	for _, s := range []string{"", "4", "d", "x", "3d-1h", "-3d-1h", "--3d", "106752d"} {
		if d, err := ParseDuration(s); err == nil {
			t.Errorf("%q is read as %v", s, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Fuzz(func(t *testing.T, b []byte) {
		dev, err := Parse(b, "x.yaml", nil)
		if err != nil {
			return
		}
		text, err := dev.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text, "y.yaml", nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		twice, err := again.YAML()
		if err != nil || string(twice) != string(text) {
			t.Errorf("%v\nonce:\n%s\ntwice:\n%s", err, text, twice)
		}
	})
}

func TestKeysInOrder(t *testing.T) {
	for _, keys := range [][]string{
		{"0000/0000", "001C/0000", "00A0/0000", "0132/0004", "0132/000B", "0F11/0000"},
		{"1.3.6.2.1", "1.3.6.10"},
		{"9", "10", "255"},
	} {
		m := map[string]int{}
		for _, k := range keys {
			m[k] = 1
		}
		n, err := encode(reflect.ValueOf(m))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := 0; i < len(n.Content); i += 2 {
			got = append(got, n.Content[i].Value)
		}
		if !slices.Equal(got, keys) {
			t.Errorf("%v, want %v", got, keys)
		}
	}
}
