package profiles

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/fstest"
)

// Names of cells and lines of values come back as they were; what is wrong is an error with its line.
func TestBACnetValues(t *testing.T) {
	text := "device,7 object-name\ttext \"Boiler\"\n" +
		"analog-input,1 present-value\treal 72.5\n" +
		"analog-input,1 present-value write\t!error property write-access-denied\n" +
		"device,7 object-list[2]\tobject analog-input,1\n" +
		"3:6c analog-input,1 reliability\t!reject 9\n" +
		"3:6c 300,1 4000\t!abort 4\n" +
		"analog-value,1 present-value write\t!done\n"
	var out []byte
	if err := ReadBACnetValues(strings.NewReader(text), func(cell string, sample []byte) error {
		c, err := ParseBACnetCell(cell)
		out = AppendBACnetValue(out, c.String(), sample)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if string(out) != text {
		t.Errorf("came back as\n%s", out)
	}
	for _, s := range []string{"device,7 object-name", "a\treal x", "a\t!what", "a\t!error property x", "a\t!reject 300"} {
		err := ReadBACnetValues(strings.NewReader("# comment\n"+s+"\n"), func(string, []byte) error { return nil })
		if err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "object-name", "device,7", "device,7 object-name[x]", "0:6c device,7 object-name", "3: device,7 object-name", "boiler,1 units"} {
		if c, err := ParseBACnetCell(s); err == nil {
			t.Errorf("%q is %v, want an error", s, c)
		}
	}
}

// Records of files come back as they were, whatever they hold; a file is of one kind.
func TestBACnetRecords(t *testing.T) {
	want := []string{"", "plain", "\"quoted\"\n", "00", "\x00\xff\n", "Kräuter"}
	var b []byte
	for _, s := range want {
		b = AppendBACnetRecord(b, []byte(s))
	}
	got, err := ReadBACnetRecords(b)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%q: %v", b, err)
	}
	for i, r := range got {
		if string(r) != want[i] {
			t.Errorf("%q came back as %q", want[i], r)
		}
	}
	for _, s := range []string{"0", "plain", `"a`, ""} {
		if _, err := ReadBACnetRecords([]byte("00\n" + s + "\n")); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("%q: %v", s, err)
		}
	}
	_, err = Parse([]byte("apiVersion: ringer/v1\nkind: Device\nid: b\nservices:\n- bacnet: {port: 47808/udp, device: 7, files: {1: a}, records: {1: a}}\n"),
		"device.yaml", fstest.MapFS{"a": &fstest.MapFile{}})
	if err == nil || !strings.Contains(err.Error(), "records.1: file 1 is read in bytes, too") {
		t.Errorf("a file of both kinds: %v", err)
	}
}

// What two profiles hold differently has moved, in whichever order they are given.
func TestBACnetMerge(t *testing.T) {
	load := func(capture, from, values string) *Device {
		d, err := Parse([]byte("apiVersion: ringer/v1\nkind: Device\nid: b\ncaptures: {"+capture+": {from: "+from+"}}\nservices:\n- bacnet: {port: 47808/udp, device: 7, values: bacnet/"+capture+".tsv}\n"),
			"device.yaml", fstest.MapFS{"bacnet/" + capture + ".tsv": &fstest.MapFile{Data: []byte(values)}})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	older := func() *Device {
		return load("c1", "2026-01-01T00:00:00Z", "analog-input,1 present-value\treal 1\nanalog-input,1 units\tenum 62\n")
	}
	newer := func() *Device {
		return load("c2", "2026-02-01T00:00:00Z", "analog-input,1 present-value\treal 2\nanalog-input,2 units\tenum 63\n")
	}
	for _, pair := range [][2]*Device{{older(), newer()}, {newer(), older()}} {
		d, conflicts, err := Merge(pair[0], pair[1])
		if err != nil || len(conflicts) > 0 {
			t.Fatal(err, conflicts)
		}
		s := d.Services[0].Section.(*BACnet)
		f, err := d.Files.Open(s.Values)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(f)
		want := "analog-input,1 present-value\treal 2\nanalog-input,1 units\tenum 62\nanalog-input,2 units\tenum 63\n"
		if !bytes.Equal(got, []byte(want)) {
			t.Errorf("values:\n%s", got)
		}
		tracks, err := d.sampledCells(s.Samples)
		if err != nil {
			t.Fatal(err)
		}
		if x := tracks["analog-input,1 present-value"]; x == nil || x.track.String() != "30443f800000 304440000000" {
			t.Errorf("samples %v: %v", s.Samples, x)
		}
	}
}
