package enip

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ringer/capture/wire"
)

// FuzzPath: the segments of a path are all of it, one behind the other, and each part of it can be named.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"2001 2401 3007", "21003403 25000001 31000a00", "206b 2600 00000100", "0100 2002 2401", "120d 3139322e3136382e312e3130 3200",
		"1f02 1200 0a0b 2c64", "3404 0100 0c00 5a00 8b01 2004", "9105 4c4556454c00 2803", "6541 42434445", "60c7 3412", "8001 0102 2004",
		"4305 2004", "91ff 41", "e0", "910c 50726f6772616d3a4d61696e 9104 53544550 2801 2802",
	} {
		f.Add(mustHex(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := Path(b)
		taken := 0
		for rest := p; ; {
			s, next, ok := rest.Next()
			if !ok {
				break
			}
			n := len(rest) - len(next)
			if n <= 0 || len(s.Bytes) > n || !bytes.HasSuffix(rest, next) {
				t.Fatalf("%x: a segment of %d bytes with %d, %x left", rest, n, len(s.Bytes), next)
			}
			taken += n
			rest = next
		}
		if taken != len(b) {
			t.Fatalf("%x: %d of %d bytes", b, taken, len(b))
		}
		route, rest := p.Route()
		if string(route)+string(rest) != string(b) {
			t.Fatalf("%x: route %x, rest %x", b, route, rest)
		}
		_, _ = p.String(), route.Hops()
		if target, ok := p.Target(); ok {
			again := Path(nil).AppendLogical(SegmentClass, target.Class)
			if target.HasInstance {
				again = again.AppendLogical(SegmentInstance, target.Instance)
			}
			if target.HasAttribute {
				again = again.AppendLogical(SegmentAttribute, target.Attribute)
			}
			if back, ok := again.Target(); !ok || back != target {
				t.Fatalf("%x: %+v, written again %+v", b, target, back)
			}
		}
		if name, ok := TagName(p); ok {
			if tag, inside := CutTag(name); tag+inside != name {
				t.Fatalf("%x: %q is not %q and %q", b, name, tag, inside)
			}
		}
	})
}

// FuzzSymbols: no more symbols are read than there are bytes for, and names lie in what was read.
func FuzzSymbols(f *testing.F) {
	f.Add(mustHex("0100 0200 0800"), mustHex("01000000 0500 4241544348 ce8f 00000000 00000000 00000000 02000000 0500 434f554e54 c400 00000000 00000000 00000000"))
	f.Add(mustHex("0200 0100 0700 0a00"), mustHex("09000000 c300 0400 53544550 0200 02"))
	f.Add(mustHex("0100 0300 0500 0600"), mustHex("09000000 0000 00000000 00000000 00000000"))
	f.Fuzz(func(t *testing.T, numbers, b []byte) {
		var asked []uint16
		for len(numbers) >= 2 {
			asked, numbers = append(asked, binary.LittleEndian.Uint16(numbers)), numbers[2:]
		}
		list, ok := ParseSymbols(asked, b)
		if !ok {
			return
		}
		if len(list) > len(b)/4 {
			t.Fatalf("%d symbols in %d bytes", len(list), len(b))
		}
		for _, s := range list {
			if !bytes.Contains(b, []byte(s.Name)) || slices.Index(asked, SymbolName) < 0 && s.Name != "" {
				t.Fatalf("%x: a symbol %q", b, s.Name)
			}
			ElementaryOf(s.Type)
			if DimensionsOf(s.Type) > 3 || s.Template() > 0x0FFF {
				t.Fatalf("type %04x: %d dimensions, template %d", s.Type, DimensionsOf(s.Type), s.Template())
			}
		}
	})
}

// FuzzTemplate: a definition has as many members as were asked for, whose names lie behind one another.
func FuzzTemplate(f *testing.F) {
	tank := mustHex("0000ca0000000000 0000c20004000000 0000c10004000000 0100c10004000000 0000c40008000000 0400c3200c000000")
	tank = append(tank, "Tank;nEAEA\x00level\x00ZZZZZZZZZZTank0\x00pump\x00alarm\x00hours\x00trend\x00\x00"...)
	f.Add(tank, 6)
	f.Add(tank[:40], 5)
	f.Add([]byte("\x00\x00\xc4\x00\x00\x00\x00\x00\x00a\x00"), 1)
	f.Fuzz(func(t *testing.T, b []byte, members int) {
		name, list, ok := ParseTemplate(b, members)
		if !ok {
			return
		}
		if len(list) != members || 8*members > len(b) {
			t.Fatalf("%d members of %d in %d bytes", len(list), members, len(b))
		}
		var names strings.Builder
		for i, m := range list {
			if m.Type != binary.LittleEndian.Uint16(b[8*i+2:]) {
				t.Fatalf("member %d has type %04x", i, m.Type)
			}
			names.WriteString(m.Name + "\x00")
		}
		if text := string(b[8*members:]); !strings.HasPrefix(text, name) || !strings.Contains(text, "\x00"+names.String()) {
			t.Fatalf("%q is not in %q, with %q", names.String(), text, name)
		}
	})
}

// FuzzAttributeList: an answer that can be cut in one way is made of what it was cut into.
func FuzzAttributeList(f *testing.F) {
	f.Add(mustHex("0300 0100 0600 6300"), mustHex("0300 0100 0000 0100 0600 0000 a1b3d560 6300 1400"))
	f.Add(mustHex("0400 0400 0500 0200 0100"), mustHex("0400 0400 0000 22000000 0500 0000 14000000 0200 0000 0600 0100 0000 56d2"))
	f.Fuzz(func(t *testing.T, question, b []byte) {
		asked, ok := AttributeNumbers(question)
		if !ok {
			return
		}
		for _, size := range []func(uint16) int{nil, TemplateAttributeSize, SymbolAttributeSize} {
			list, ok := SplitAttributeList(asked, b, size)
			if !ok {
				continue
			}
			again := binary.LittleEndian.AppendUint16(nil, uint16(len(asked)))
			for _, a := range list {
				again = AppendAttribute(again, a.Number, a.Status, a.Value)
			}
			if !bytes.Equal(again, b) {
				t.Fatalf("%x was cut into %x", b, again)
			}
		}
	})
}

// FuzzFilePacket: what is read of an upload is written again byte for byte.
func FuzzFilePacket(f *testing.F) {
	for _, s := range []string{"00 00 414243", "01 01 44", "02 02 45 0bff", "00 04 be ff", "03 03", "2c010000 64"} {
		f.Add(mustHex(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := ParseFilePacket(b); ok {
			if again := p.Append(nil); !bytes.Equal(again, b) {
				t.Fatalf("%x: %+v, written again as %x", b, p, again)
			}
		}
		if u, ok := ParseFileUpload(b); ok {
			if again := u.Append(nil); !bytes.Equal(again, b) {
				t.Fatalf("%x: %+v, written again as %x", b, u, again)
			}
		}
	})
}

func TestFiles(t *testing.T) {
	if p, ok := ParseFilePacket(mustHex("02 02 4142 7dff")); !ok || !reflect.DeepEqual(p, FilePacket{2, LastPacket, []byte("AB"), 0xFF7D}) || FileChecksum(p.Data) != p.Checksum {
		t.Errorf("the last packet: %+v, %v", p, ok)
	}
	if p, ok := ParseFilePacket(mustHex("02 02 41")); ok {
		t.Errorf("a last packet without a checksum: %+v", p)
	}
	for s, want := range map[string]string{"4b03 2037 2500c800 ff": "initiate upload", "4f03 2037 2500c800 00": "upload transfer"} {
		q, ok := ReadRequest(mustHex(s))
		if name, effect := q.Name(), q.Effect(); !ok || name != want || effect != wire.Read {
			t.Errorf("%s: %q, %v", s, name, effect)
		}
	}
}

func TestDataFiles(t *testing.T) {
	mask := uint16(8)
	for _, x := range []struct {
		function uint8
		data     string
		want     DataFileAccess
	}{
		{0xA2, "02 07 89 01 00", DataFileAccess{Function: 0xA2, Size: 2, File: 7, Type: FileInteger, Element: 1}},
		{0xA2, "04 08 8a ff2c01 00", DataFileAccess{Function: 0xA2, Size: 4, File: 8, Type: FileFloat, Element: 300}},
		{0xA1, "06 04 86 02", DataFileAccess{Function: 0xA1, Size: 6, File: 4, Type: FileTimer, Element: 2}},
		{0xAA, "02 04 86 01 02 6400", DataFileAccess{Function: 0xAA, Size: 2, File: 4, Type: FileTimer, Element: 1, Word: 2, Data: []byte{0x64, 0}}},
		{0xAB, "02 03 85 00 00 0800 ffff", DataFileAccess{Function: 0xAB, Size: 2, File: 3, Type: FileBit, Mask: &mask, Data: []byte{0xff, 0xff}}},
	} {
		p := PCCC{Command: 0x0F, Function: x.function, Data: mustHex(x.data)}
		got, ok := p.DataFile()
		if !ok || !reflect.DeepEqual(got, x.want) {
			t.Errorf("%s: %+v, %v, want %+v", x.data, got, ok, x.want)
		}
		if again := got.Append(nil); !bytes.Equal(again, p.Data) {
			t.Errorf("%s: written again as %x", x.data, again)
		}
	}
	for _, p := range []PCCC{
		{Command: 0x06, Function: 3}, {Command: 0x0F, Function: 0x68, Data: mustHex("02 07 89 01 00")},
		{Command: 0x0F, Function: 0xA2, Data: mustHex("02 07 89 ff2c")}, {Command: 0x0F, Function: 0xA2, Data: mustHex("02 07 89 01 00 0000")},
	} {
		if a, ok := p.DataFile(); ok {
			t.Errorf("%+v was read as %+v", p, a)
		}
	}
}

// FuzzDataFile: an address, written again, is the same address.
func FuzzDataFile(f *testing.F) {
	for function, s := range map[uint8]string{0xA1: "06 04 86 02", 0xA2: "04 08 8a ff2c01 00", 0xA9: "02 07 89 01 3412", 0xAA: "02 04 86 01 02 6400", 0xAB: "02 03 85 00 00 0800 ffff"} {
		f.Add(function, mustHex(s))
	}
	f.Fuzz(func(t *testing.T, function uint8, b []byte) {
		p := PCCC{Command: 0x0F, Function: function, Data: b}
		a, ok := p.DataFile()
		if !ok {
			return
		}
		q := PCCC{Command: 0x0F, Function: function, Data: a.Append(nil)}
		if again, ok := q.DataFile(); !ok || !reflect.DeepEqual(again, a) || len(q.Data) > len(b) {
			t.Fatalf("%x: %+v, written again as %x: %+v", b, a, q.Data, again)
		}
	})
}
