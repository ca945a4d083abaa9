package ipmi_test

import (
	"encoding/hex"
	"testing"

	"ringer/capture/ipmi"
)

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		record, sensor, text, generic string
		severity                      ipmi.Severity
	}{
		{"0800 02 e637f569 2000 04 01 01 01 572928", "Temperature", "Upper Non-critical - going high", "Upper Non-critical - going high", ipmi.Warning},
		{"0900 02 5c46f569 2000 04 01 01 81 572728", "Temperature", "Upper Non-critical - going high", "Upper Non-critical - going high", ipmi.Informational},
		{"0600 02 a3efc269 2000 04 08 51 6f 03ffff", "Power Supply / Converter", "Power Supply input lost", "", ipmi.Critical},
		{"0a00 02 00000000 2000 04 08 51 6f 0fffff", "Power Supply / Converter", "event 6f: 0fffff", "", ipmi.Informational},
		{"0b00 02 00000000 2000 04 23 60 6f 04ffff", "Watchdog", "event 6f: 04ffff", "", ipmi.Informational},
		{"0c00 02 00000000 2000 04 c1 60 71 04ffff", "", "event 71: 04ffff", "", ipmi.Informational},
		{"0d00 c1 00000000 57010002030405060708", "", "OEM record c1: 570100020304050607", "", ipmi.Informational},
		{"0e00 e0 01020304050607080910111213", "", "OEM record e0: 01020304050607080910111213", "", ipmi.Informational},
	} {
		b, err := hex.DecodeString(clean(c.record))
		if err != nil {
			t.Fatal(err)
		}
		var raw [ipmi.EventSize]byte
		copy(raw[:], b)
		e := ipmi.ParseEvent(raw)
		if got := e.Record(); got != raw {
			t.Errorf("%s: is %x again", c.record, got)
		}
		if e.SensorType() != c.sensor || e.Text() != c.text || e.Generic() != c.generic || e.Severity() != c.severity {
			t.Errorf("%s: %q, %q, %q, %d: want %q, %q, %q, %d", c.record,
				e.SensorType(), e.Text(), e.Generic(), e.Severity(), c.sensor, c.text, c.generic, c.severity)
		}
	}
}

func TestReadSensor(t *testing.T) {
	full := make([]byte, 47)
	full[3], full[7], full[12] = 1, 0x30, 4
	compact := make([]byte, 31)
	compact[3], compact[7], compact[12] = 2, 0x50, 8
	only := make([]byte, 16)
	only[3], only[7], only[10] = 3, 0x70, 0x12
	locator := make([]byte, 20)
	locator[3] = 0x11
	for _, c := range []struct {
		record       []byte
		number, kind uint8
		name         string
		ok           bool
	}{
		{append(full, 0xc4, 'F', 'A', 'N', '1'), 0x30, 4, "FAN1", true},
		{append(compact, 0xc3, 'P', 'S', 'U'), 0x50, 8, "PSU", true},
		{append(only, 0xc3, 'S', 'E', 'L'), 0x70, 0x12, "SEL", true},
		{append(compact, 0xc8, 'P'), 0x50, 8, "P", true},
		{compact, 0x50, 8, "", true},
		{locator, 0, 0, "", false},
		{nil, 0, 0, "", false},
	} {
		number, kind, name, ok := ipmi.ReadSensor(c.record)
		if number != c.number || kind != c.kind || name != c.name || ok != c.ok {
			t.Errorf("%x: %d, %d, %q, %t", c.record, number, kind, name, ok)
		}
	}
}

func clean(s string) (out string) {
	for _, c := range s {
		if c != ' ' {
			out += string(c)
		}
	}
	return out
}
