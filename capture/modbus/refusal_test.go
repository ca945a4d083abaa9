package modbus

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringer/capture/wire"
)

func TestRefusal(t *testing.T) {
	for _, tt := range []struct {
		pdu  string
		want ExceptionCode
	}{
		{"01 0000 0001", 0}, {"01 0000 07d0", 0}, {"01 0000 07d1", 3}, {"02 0000 0000", 3},
		{"03 0000 007d", 0}, {"03 0000 007e", 3}, {"04 0000 0000", 3}, {"03 0000", 3}, {"03 0000 0001 00", 3},
		{"05 0000 ff00", 0}, {"05 0000 0000", 0}, {"05 0000 0001", 3}, {"06 0000 1234", 0},
		{"0f 0000 0009 02 ff01", 0}, {"0f 0000 0009 01 ff", 3}, {"0f 0000 0000 00", 3},
		{"10 0000 0001 02 1234", 0}, {"10 0000 0001 04 12345678", 3}, {"10 0000 0002 02 1234", 3},
		{"17 0000 0001 0000 0001 02 1234", 0}, {"17 0000 0000 0000 0001 02 1234", 3},
		{"08 0000 1234", 0}, {"08 0005 0000", 1}, {"08 000b 0000", 0}, {"08 000b 0001", 3}, {"08 0001 ff00", 0}, {"08 0015 0000", 1},
		{"07", 0}, {"07 00", 3}, {"2b 0f 00", 1}, {"2b 0e 01", 3}, {"2b 0e 01 00", 0}, {"14 00", 3}, {"5a 00", 0},
	} {
		var d decoder
		if got := Refusal(d.decode(wire.Client, Header{}, unhex(t, tt.pdu))); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.pdu, got, tt.want)
		}
	}
}

func TestIdentification(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 200)
	d := Identification{0x82, []Object{{0, []byte("V")}, {1, []byte("P")}, {2, []byte("1")}, {4, long}, {5, long}, {0x80, []byte("z")}}}
	objects := func(ids ...uint8) (o []Object) {
		for _, x := range d.Objects {
			if bytes.IndexByte(ids, x.ID) >= 0 {
				o = append(o, x)
			}
		}
		return o
	}
	for _, tt := range []struct {
		name   string
		code   ReadDeviceIDCode
		object uint8
		want   ReadDeviceIDResponse
		refuse ExceptionCode
	}{
		{"basic", 1, 0, ReadDeviceIDResponse{Objects: objects(0, 1, 2)}, 0},
		{"basic from 1", 1, 1, ReadDeviceIDResponse{Objects: objects(1, 2)}, 0},
		{"basic from an object of another category", 1, 4, ReadDeviceIDResponse{Objects: objects(0, 1, 2)}, 0},
		{"regular, the first part", 2, 0, ReadDeviceIDResponse{MoreFollows: 0xFF, NextObjectID: 5, Objects: objects(0, 1, 2, 4)}, 0},
		{"regular, the rest", 2, 5, ReadDeviceIDResponse{Objects: objects(5)}, 0},
		{"unknown object: from the start", 2, 3, ReadDeviceIDResponse{MoreFollows: 0xFF, NextObjectID: 5, Objects: objects(0, 1, 2, 4)}, 0},
		{"extended is above the device's level", 3, 5, ReadDeviceIDResponse{Objects: objects(5)}, 0},
		{"one", 4, 0x80, ReadDeviceIDResponse{Objects: objects(0x80)}, 0},
		{"one that is not there", 4, 3, ReadDeviceIDResponse{}, IllegalDataAddress},
		{"no such code", 5, 0, ReadDeviceIDResponse{}, IllegalDataValue},
		{"no such code", 0, 0, ReadDeviceIDResponse{}, IllegalDataValue},
	} {
		var got ReadDeviceIDResponse
		code := d.Answer(&ReadDeviceIDRequest{ReadCode: tt.code, ObjectID: tt.object}, &got)
		if code != tt.refuse {
			t.Errorf("%s: %v, want %v", tt.name, code, tt.refuse)
		}
		if tt.want.ReadCode, tt.want.Conformity = tt.code, 0x82; code == 0 && cmp.Diff(tt.want, got) != "" {
			t.Errorf("%s: %s", tt.name, cmp.Diff(tt.want, got))
		}
	}
	d.Conformity = 2
	if code := d.Answer(&ReadDeviceIDRequest{ReadCode: 4}, new(ReadDeviceIDResponse)); code != IllegalDataValue {
		t.Errorf("one object of a device that only streams: %v", code)
	}
}
