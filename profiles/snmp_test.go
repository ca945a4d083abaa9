package profiles

import (
	"strings"
	"testing"

	"ringer/capture/snmp"
)

// TestSNMPSection: what is wrong in a section is said with its line and what to do.
func TestSNMPSection(t *testing.T) {
	const head = "apiVersion: ringer/v1\nkind: Device\nid: d\npoints: {level: {type: u16}}\nservices:\n- snmp:\n    port: 161\n"
	const good = "    communities: {public: ro}\n"
	for text, want := range map[string]string{
		good:                              "",
		good + "    walks: x\n":           `unknown key "walks" in snmp: did you mean "walk"?`,
		"    communities: {}\n":           "there is no community",
		"    communities: {public: rx}\n": `"rx" is not one of ro, rw`,
		"    communities: {a: {access: ro, view: [1.3.6.1, x]}}\n":     `object identifier "x"`,
		good + "    points: {1.3.6.1.4.1.9.1.0: levle}\n":              `there is no point "levle": did you mean "level"?`,
		good + "    points: {sysUpTime.0: level}\n":                    `object identifier "sysUpTime.0": want numbers with dots between`,
		good + "    refuse: {1.3.6.1.2.1.1.1.0: notWriteable}\n":       `did you mean "notWritable"?`,
		good + "    versions: [1, 2]\n":                                `"2" is not one of 1, 2c, 3`,
		good + "    missing: noSuchInstanc\n":                          `did you mean "noSuchInstance"?`,
		good + "    max_size: 100\n":                                   "100 is out of range: want 484 to 65507",
		good + "    users: {bob: auth}\n":                              "users are of SNMPv3, which wants an engine",
		good + "    engine: {id: 80zz}\n":                              "want 5 to 32 bytes in hexadecimal",
		good + "    engine: {id: 8000000001}\n    users: {b: none}\n":  `"none" is not one of noauth, auth, priv`,
		good + "    known: [1.3.6.1-1.3.6.0]\n":                        "ends before it begins",
		"    engine: {id: 8000000001}\n    users: {bob: noauth}\n":     "",
		"    communities: {a: {access: rw, hidden: [1.3.6.1.6]}}\n":    "",
		good + "    versions: [1]\n    known: [1.3.6.1-end]\n":         "",
		good + "    writable: [1.3.6.1.2.1.1.5]\n    bulk_max: 20\n":   "",
		good + "    points: {1.3.6.1.4.1.9.1.0: level, 1.40.1: level}": `"1.40.1": its second number is above 39`,
	} {
		dev, err := Parse([]byte(head+text), "device.yaml", nil)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if p := dev.Services[0].Common().Port; !p.UDP {
				t.Errorf("port %s is not UDP", p)
			}
			again, err := dev.YAML()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Parse(again, "device.yaml", nil); err != nil {
				t.Errorf("%s is written as\n%s: %v", text, again, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "device.yaml:") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestSNMPSpeaks: without a word on versions, an agent speaks what it has the means for.
func TestSNMPSpeaks(t *testing.T) {
	plain, engine, old := &SNMP{}, &SNMP{Engine: &SNMPEngine{}}, &SNMP{Versions: []string{"1"}, Engine: &SNMPEngine{}}
	for _, x := range []struct {
		s       *SNMP
		v       snmp.Version
		want    bool
		because string
	}{
		{plain, snmp.V1, true, "default"}, {plain, snmp.V2c, true, "default"}, {plain, snmp.V3, false, "no engine"},
		{engine, snmp.V3, true, "engine"}, {old, snmp.V1, true, "listed"}, {old, snmp.V2c, false, "not listed"}, {old, snmp.V3, false, "not listed"},
	} {
		if got := x.s.Speaks(x.v); got != x.want {
			t.Errorf("%s: %v (%s)", x.v, got, x.because)
		}
	}
}
