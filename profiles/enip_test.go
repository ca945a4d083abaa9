package profiles

import (
	"slices"
	"strings"
	"testing"
)

func TestENIPValidation(t *testing.T) {
	for _, c := range []struct{ section, want string }{
		{"identity: {vendor: 1, type: 14, product: 1, revision: twenty, serial: 1, name: x}", "want major and minor revision"},
		{"identity: {vendor: 1, type: 14, product: 1, revision: \"1.1\", serial: 1, name: x, trailing: xy}", "want bytes in hexadecimal"},
		{"address: \"fe80::1\"", "is not an IPv4 address"},
		{"offers: [{name: More than sixteen, flags: 32}]", "more than 16 characters"},
		{"tags: [{name: A, type: DINT}, {name: a, type: INT}]", `there is another tag "a"`},
		{"tags: [{name: A, type: TANK}]", "neither an elementary type nor one of types"},
		{"tags: [{name: A, type: DINT, size: [1, 2, 3, 4]}]", "4 dimensions are more than 3"},
		{"tags: [{name: A, type: DINT, size: [1024, 1025]}]", "elements"},
		{"tags: [{name: A, type: DINT, size: [2], values: [1, 2, 3]}]", "3 values for 2 elements"},
		{"tags: [{name: A, type: DINT, point: level}]", "level"},
		{"tags: [{name: A, symbol: 0x1068, values: [1]}]", "a symbol without a type holds no values"},
		{"tags: [{type: DINT}]", "name"},
		{"types: {DINT: {bytes: 4}}", "is the name of an elementary type"},
		{"types: {T: {}}", "want members, or how many bytes it has"},
		{"types: {T: {members: [{name: a, type: U}]}, U: {members: [{name: b, type: T}]}}", "holds itself"},
		{"types: {T: {members: [{name: a, type: BOOL, offset: 0, bit: 40}]}}", "40"},
		{"attributes: {0xF5/1: \"00\"}", "want class/instance/attribute"},
		{"attributes: {0xF5/1/1: \"0\"}", "want bytes in hexadecimal"},
		{"data_files: [{name: X7, elements: 1}]", "want the letters of a type and a number"},
		{"data_files: [{name: N7, elements: 1}, {name: B7, elements: 1}]", "there is another data file 7"},
		{"data_files: [{name: N7, elements: 9000}]", "8192"},
		{"data_files: [{name: N7, elements: 1, values: [1, 2]}]", "2 values for 1 elements"},
		{"data_files: [{name: F8, elements: 1, points: {0/3: level}}]", "has no such element or bit"},
		{"data_files: [{name: T4, elements: 1, points: {\"0\": level}}]", "holds more than one value"},
		{"writable: [x]", "want class/instance/attribute"},
	} {
		_, err := Parse([]byte("apiVersion: ringer/v1\nkind: Device\nid: plc\nservices:\n  - enip:\n      port: 44818\n      "+c.section+"\n"), "x.yaml", nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.section, err, c.want)
		}
	}
}

// Two recordings of one controller: each saw a part of an array, and one of them the definition of a structure.
func TestMergeOfENIPTags(t *testing.T) {
	a := made(t, `captures: {c1: {file: a.pcap, sha256: `+strings.Repeat("a", 64)+`, from: 2026-03-02T08:00:00Z, to: 2026-03-02T09:00:00Z}}
services:
  - enip:
      port: 44818
      types: {Template100: {id: 256, handle: 7, bytes: 8}}
      tags:
        - {name: COUNTS, type: DINT, size: [10]}
        - {name: GRID, type: INT, size: [2, 3]}
        - {name: TANK, type: Template100}
        - {name: OLD, type: REAL}
`, nil)
	b := made(t, `captures: {c2: {file: b.pcap, sha256: `+strings.Repeat("b", 64)+`, from: 2026-03-03T08:00:00Z, to: 2026-03-03T09:00:00Z}}
services:
  - enip:
      port: 44818
      types: {Tank: {id: 256, handle: 7, bytes: 8, members: [{name: level, type: REAL}, {name: hours, type: DINT}]}}
      tags:
        - {name: counts, type: DINT, size: [4]}
        - {name: GRID, type: INT, size: [5, 1]}
        - {name: TANK, type: Tank}
`, nil)
	m, conflicts := mergedBothWays(t, a, b)
	if len(conflicts) > 0 {
		t.Errorf("conflicts %v", conflicts)
	}
	s := m.Services[0].Section.(*ENIP)
	var got []string
	for _, tag := range s.Tags {
		got = append(got, tag.Name+" "+tag.Type)
	}
	if want := []string{"COUNTS DINT", "GRID INT", "TANK Tank", "OLD REAL"}; !slices.Equal(got, want) {
		t.Errorf("tags %q, want %q", got, want)
	}
	if !slices.Equal(s.Tags[0].Size, []int{10}) || !slices.Equal(s.Tags[1].Size, []int{5, 3}) {
		t.Errorf("sizes %v and %v", s.Tags[0].Size, s.Tags[1].Size)
	}
}
