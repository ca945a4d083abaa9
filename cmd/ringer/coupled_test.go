package main

import (
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
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

// boiler is a device of bacpypes3 and pymodbus, whose temperatures were polled over both (testdata/record).
const boiler = "../../testdata/boiler.pcapng"

// TestBACnetCouples: what a device shows over BACnet and over Modbus is one point, and what says so is told; a write
// over the one is read over the other. --no-couple leaves them two.
func TestBACnetCouples(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	var all []learnedJSON
	if err := json.Unmarshal([]byte(mustRinger(t, "capture", boiler, "-o", dir, "--json")), &all); err != nil || len(all) != 1 {
		t.Fatal(err, all)
	}
	var got []string
	for _, c := range all[0].Coupled {
		got = append(got, c.Point+": "+c.String())
	}
	slices.Sort(got)
	if want := []string{
		"supply: bacnet analog-input,1 present-value = modbus holding 2 * 0.1 (r 1.0000 over 46 samples of 47)",
		"wanted: bacnet analog-value,1 present-value = modbus holding 5 * 0.1 (r 1.0000 over 47 samples)",
	}; !slices.Equal(got, want) {
		t.Fatalf("coupled %q, want %q", got, want)
	}
	const (
		supply = "810a00110104 0005010c 0c00000001 1955"
		wanted = "810a00110104 0005010c 0c00800001 1955"
		raised = "810a00180104 0005010f 0c00800001 1955 3e 4442920000 3f" // to 73
	)
	coupled := sessionsOf(t, theProfile(t, dir))
	for _, x := range []struct{ protocol, say, want string }{
		{"modbus", "000100000006 00 06 0002 02e9", "000100000006000600 0202e9"}, // 74.5 degrees
		{"bacnet", supply, "3e4442950000 3f"},
		{"bacnet", "810a00180104 0005010f 0c00000001 1955 3e 4442920000 3f", "91029128"}, // an input is not written
		{"bacnet", raised, "20010f"},
		{"bacnet", wanted, "3e4442920000 3f"},
		{"modbus", "000200000006 00 03 0005 0001", "0002000000050003 02 02da"},
	} {
		if got := coupled(x.protocol, x.say); !strings.HasSuffix(got, strings.ReplaceAll(x.want, " ", "")) {
			t.Errorf("%s: %s: %s, want %s", x.protocol, x.say, got, x.want)
		}
	}

	dir = filepath.Join(t.TempDir(), "out")
	all = nil
	if err := json.Unmarshal([]byte(mustRinger(t, "capture", boiler, "-o", dir, "--no-couple", "--json")), &all); err != nil || len(all[0].Coupled) > 0 {
		t.Fatal(err, all)
	}
	apart := sessionsOf(t, theProfile(t, dir))
	before := apart("modbus", "000300000006 00 03 0005 0001")
	if got := apart("bacnet", raised); !strings.HasSuffix(got, "20010f") {
		t.Errorf("writing: %s", got)
	}
	if after := apart("modbus", "000300000006 00 03 0005 0001"); strings.HasSuffix(after, "02da") || before == "" {
		t.Errorf("with --no-couple the register is %s after the write", after)
	}
}

// sessionsOf opens a session for every protocol of a profile, and gives what says something over one, in hexadecimal.
func sessionsOf(t *testing.T, profile string) func(protocol, say string) string {
	t.Helper()
	dev, err := profiles.Load(profile)
	if err != nil {
		t.Fatal(err)
	}
	st, err := emulate.NewState(dev, emulate.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	type open struct {
		conn    wire.Conn
		session emulate.Session
	}
	sessions := map[string]open{}
	for i := range dev.Services {
		protocols := capture.Protocols()
		p := protocols[slices.IndexFunc(protocols, func(p wire.Protocol) bool { return p.Name() == dev.Services[i].Protocol })]
		service, err := emulate.Open(st, dev, &dev.Services[i], p)
		if err != nil {
			t.Fatal(err)
		}
		sessions[p.Name()] = open{p.New(), service.Open(emulate.Peer{})}
	}
	return func(protocol, say string) (out string) {
		b, err := hex.DecodeString(strings.ReplaceAll(say, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		_, m, err := sessions[protocol].conn.Next(wire.Client, b, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range sessions[protocol].session.Answer(m).Messages {
			if b, err = m.Append(nil); err != nil {
				t.Fatal(err)
			}
			out += hex.EncodeToString(b)
		}
		return out
	}
}
