package profiles

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const modbusHead = `apiVersion: ringer/v1
kind: Device
id: plc
points:
  level: {type: f32}
  name: {type: text}
  pump: {type: bool}
services:
  - modbus:
      port: 502
`

func parseModbus(t *testing.T, section string) (*Device, error) {
	t.Helper()
	files := fstest.MapFS{"blocks/a.bin": {Data: []byte{0, 1, 0, 2, 0, 3}}}
	return Parse([]byte(modbusHead+section), "device.yaml", files)
}

func TestModbusSection(t *testing.T) {
	for _, section := range []string{`
      units: {mode: gateway, absent: 10, nameless: [4, 10], map: {3: {silent: true}, 4: {refuse: 11}}}
`, `
      units: {mode: serial, also: [17], turnaround: 100ms}
      registers:
        - {coil: 0, point: pump}
        - {discrete: 0-1, values: [0, 1]}
        - {input: 0-2, block: blocks/a.bin}
        - {holding: 0-1, point: level, order: CDAB}
        - {holding: 0-99, fill: 0}
        - {holding: 2-9, point: name}
        - {holding: 10, point: level, as: i16, scale: 10, order: BA}
        - {holding: 0-9, readonly: 2}
      illegal: [{holding: 50-60}, {coil: 7, code: 3}]
      functions: {serve: [8], deny: [7, 20], silent: [101]}
`, `
      identify: {vendor: A, product: B, revision: C, objects: {128: x}}
      server_id: 00ff41
      status: 0
      most: {registers: 100, bits: 800, code: 2}
      functions: {deny: {13: 3}}
`} {
		dev, err := parseModbus(t, section)
		if err != nil {
			t.Errorf("%s: %v", section, err)
			continue
		}
		b, err := dev.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(b, "again.yaml", dev.Files)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if d := cmp.Diff(dev.Services[0].Section, again.Services[0].Section); d != "" {
			t.Errorf("written and read again (-before +after):\n%s\n%s", d, b)
		}
	}
}

func TestModbusSectionErrors(t *testing.T) {
	for _, tt := range []struct{ section, want string }{
		{"      units: {mode: tpc}", `device.yaml:11: services[0].modbus.units.mode: "tpc" is not one of tcp, serial, gateway: did you mean "tcp"?`},
		{"      units: {also: [3], map: {3: {silent: true}}}", `unit 3 is in map, too`},
		{"      units: {mode: serial}\n      registers: [{holding: 0, values: [1]}]", `nobody can ask for them: in mode serial`},
		{"      register: []", `unknown key "register" in modbus: did you mean "registers"?`},
		{"      registers: [{holding: 0}]", `want one of point, block, values and fill`},
		{"      registers: [{values: [1]}]", `want one of coil, discrete, input and holding`},
		{"      registers: [{holding: 0, coil: 0, values: [1]}]", `want one of coil, discrete, input and holding`},
		{"      registers: [{holding: 5-3, values: [1]}]", `addresses "5-3": want one from 0 to 65535, or a range like 40-139`},
		{"      registers: [{holding: 65536, values: [1]}]", `addresses "65536"`},
		{"      registers: [{holding: 0-1, values: [1]}]", `1 values for 2 addresses`},
		{"      registers: [{coil: 0, values: [2]}]", `a coil is 0 or 1`},
		{"      registers: [{coil: 0-9, fill: 5}]", `a coil is 0 or 1`},
		{"      registers: [{holding: 0-1, point: levle}]", `there is no point "levle": did you mean "level"?`},
		{"      registers: [{holding: 0, point: level}]", `a point of type f32 takes 2 registers, not 1`},
		{"      registers: [{coil: 0-1, point: pump}]", `a point takes one coil or discrete input, not 2`},
		{"      registers: [{holding: 0-1, point: level, order: ACBD}]", `"ACBD" is not one of ABCD, CDAB, BADC, DCBA`},
		{"      registers: [{holding: 0-1, values: [1, 2], order: ABCD}]", `as, order, scale and offset belong to a point`},
		{"      registers: [{holding: 0-1, values: [1, 2]}, {holding: 1-2, values: [1, 2]}]", `holding 1-2 is there twice: 0-1`},
		{"      registers: [{holding: 0-1, point: level}, {holding: 1-2, point: level}]", `holding 1-2 is there twice: 0-1`},
		{"      registers: [{holding: 0-1, values: [1, 2]}]\n      illegal: [{holding: 1-9}]", `holding 1-9 is illegal and holds something: 0-1`},
		{"      registers: [{holding: 0-1, block: blocks/b.bin}]", `file "blocks/b.bin" cannot be read`},
		{"      functions: {serve: [7], deny: {7: 1}}", `function 7 is served, too`},
		{"      functions: {deny: {7: 300}}", `out of range`},
		{"      most: {registers: 128}", `most.registers: 128: an answer holds 127`},
		{"      most: {bits: 2041}", `most.bits: 2041: an answer holds 2040`},
		{"      server_id: xyz", `"xyz": want bytes in hexadecimal`},
	} {
		_, err := parseModbus(t, tt.section+"\n")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\nwant %s\ngot  %v", tt.section, tt.want, err)
		}
	}
}

func TestModbusBlocks(t *testing.T) {
	dev := &Device{Files: fstest.MapFS{"r": {Data: []byte{0, 1, 2, 3}}, "b": {Data: []byte{0x05, 0x01}}}}
	for _, tt := range []struct {
		table int
		file  string
		span  ModbusSpan
		want  []uint16
	}{
		{ModbusHoldings, "r", ModbusSpan{7, 8}, []uint16{1, 0x203}},
		{ModbusHoldings, "r", ModbusSpan{7, 9}, nil},
		{ModbusCoils, "b", ModbusSpan{0, 8}, []uint16{1, 0, 1, 0, 0, 0, 0, 0, 1}},
		{ModbusCoils, "b", ModbusSpan{0, 16}, nil},
	} {
		c := ModbusCells{Block: tt.file}
		c.SetRange(tt.table, tt.span)
		got, err := c.ReadBlock(dev)
		if (err != nil) != (tt.want == nil) || cmp.Diff(tt.want, got) != "" {
			t.Errorf("%s %s: %v, error %v", tt.file, tt.span, got, err)
		}
	}
}
