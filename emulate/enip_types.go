package emulate

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"ringer/capture/enip"
	"ringer/profiles"
)

// enipType is the type of an element of a tag: elementary, or a structure with its template.
type enipType struct {
	name       string
	code       enip.Type // STRUCT for structures
	size       int
	align      int
	handle     uint16
	template   uint32
	members    []enipMember
	definition []byte // the template as it is read
	made       bool
}

type enipMember struct {
	name   string
	typ    *enipType
	count  int // 0: not an array
	offset int
	bit    int // of a BOOL; -1: of other types
}

// head appends the type as reads begin with it.
func (t *enipType) head(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(t.code))
	if t.code == enip.STRUCT {
		b = binary.LittleEndian.AppendUint16(b, t.handle)
	}
	return b
}

// symbol is the type as the Symbol and Template objects give it (1756-PM020, "Symbol Type").
func (t *enipType) symbol(dimensions int) uint16 {
	v := uint16(t.code)
	if t.code == enip.STRUCT {
		v = 0x8000 | uint16(t.template)&0x0FFF
	}
	return v | uint16(dimensions)<<13
}

// enipElementary is an elementary type.
func enipElementary(code enip.Type) *enipType {
	return &enipType{name: code.String(), code: code, size: code.Size(), align: code.Size()}
}

// enipStringHandle and enipStringTemplate are those that controllers give their STRING.
const (
	enipStringHandle   = 0x0FCE
	enipStringTemplate = 0x0FCE
	enipStringLength   = 82
)

// openTypes lays out the structures.
func (d *enipDevice) openTypes(sections []*profiles.ENIP) error {
	given := map[string]*profiles.ENIPType{}
	for _, s := range sections {
		maps.Copy(given, s.Types)
	}
	characters := enipElementary(enip.SINT)
	text := &enipType{
		name: profiles.ENIPString, code: enip.STRUCT, handle: enipStringHandle, template: enipStringTemplate, made: true,
		size: 88, align: 4, members: []enipMember{
			{"LEN", enipElementary(enip.DINT), 0, 0, -1}, {"DATA", characters, enipStringLength, 4, -1},
		},
	}
	text.definition = text.define()
	d.types[profiles.ENIPString] = text
	for _, name := range slices.Sorted(maps.Keys(given)) {
		t := &enipType{name: name, code: enip.STRUCT, template: uint32(given[name].ID), handle: given[name].Handle}
		d.types[name] = t
	}
	next := uint32(0x100)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		t := d.types[name]
		if err := d.layOut(t, given, 0); err != nil {
			return fmt.Errorf("type %s: %w", name, err)
		}
		for t.template == 0 || d.templates[t.template] != nil && d.templates[t.template] != t {
			t.template, next = next, next+1
		}
		d.templates[t.template] = t
	}
	for _, name := range slices.Sorted(maps.Keys(given)) { // when all have their numbers
		t, spec := d.types[name], given[name]
		if spec.Definition != "" {
			b, err := d.dev.ReadFile(spec.Definition, profiles.ENIPTypeBytes)
			if err != nil {
				return fmt.Errorf("type %s: %w", name, err)
			}
			t.definition = b
			continue
		}
		t.definition = t.define()
		if t.handle == 0 {
			t.handle = enipHandle(t.encoding(nil))
		}
	}
	return nil
}

// enipDepthMax bounds structures in structures.
const enipDepthMax = 16

// typeNamed finds a type.
func (d *enipDevice) typeNamed(name string) *enipType {
	if t := d.types[name]; t != nil {
		return t
	}
	if code, ok := enip.ParseType(name); ok {
		t := enipElementary(code)
		d.types[name] = t
		return t
	}
	return nil
}

// layOut gives the members of a structure their places: each aligned as its type is, arrays and structures at
// four bytes at least, BOOLs together in bytes of their own, which have no name that programs see.
func (d *enipDevice) layOut(t *enipType, given map[string]*profiles.ENIPType, depth int) error {
	if t.made {
		return nil
	}
	spec := given[t.name]
	if spec == nil || depth > enipDepthMax {
		return fmt.Errorf("it holds itself, or is not there")
	}
	t.made, t.align = true, 4
	at, bit, hosts := 0, 8, 0
	for _, m := range spec.Members {
		typ := d.typeNamed(m.Type)
		if typ == nil {
			return fmt.Errorf("member %s: there is no type %q", m.Name, m.Type)
		}
		if typ.code == enip.STRUCT {
			if err := d.layOut(typ, given, depth+1); err != nil {
				return fmt.Errorf("member %s: %w", m.Name, err)
			}
		}
		x := enipMember{name: m.Name, typ: typ, count: m.Size, bit: -1}
		if typ.code == enip.BOOL && m.Size > 0 { // arrays of bits lie in words
			x.typ, x.count = d.typeNamed("DWORD"), (m.Size+31)/32
		}
		align := x.typ.align
		if x.count > 0 || x.typ.code == enip.STRUCT {
			align = max(align, 4)
		}
		t.align = max(t.align, align)
		switch {
		case x.typ.code == enip.BOOL && m.Offset != nil:
			x.offset, x.bit = *m.Offset+m.Bit/8, m.Bit%8
			at = max(at, x.offset+1)
		case x.typ.code == enip.BOOL:
			if bit == 8 {
				t.members = append(t.members, enipMember{fmt.Sprintf("ZZZZZZZZZZ%s%d", t.name, hosts), d.typeNamed("SINT"), 0, at, -1})
				hosts, bit, at = hosts+1, 0, at+1
			}
			x.offset, x.bit = at-1, bit
			bit++
			t.members = append(t.members, x)
			continue
		case m.Offset != nil:
			x.offset = *m.Offset
			at = max(at, x.offset+x.typ.size*max(x.count, 1))
		default:
			x.offset = (at + align - 1) / align * align
			at = x.offset + x.typ.size*max(x.count, 1)
		}
		bit = 8
		t.members = append(t.members, x)
	}
	if t.size = (at + t.align - 1) / t.align * t.align; spec.Bytes >= at && spec.Bytes > 0 {
		t.size = spec.Bytes
	}
	if t.size == 0 || t.size > profiles.ENIPTypeBytes {
		return fmt.Errorf("%d bytes are not from 1 to %d", t.size, profiles.ENIPTypeBytes)
	}
	return nil
}

// define writes a template as it is read: a record for each member, then the names (1756-PM020, "Template
// Object"). It is as long as its attribute 4 tells clients to ask for.
func (t *enipType) define() []byte {
	le := binary.LittleEndian
	var b []byte
	for _, m := range t.members {
		info, dimensions := uint16(m.count), 0
		if m.count > 0 {
			dimensions = 1
		}
		if m.bit >= 0 {
			info = uint16(m.bit)
		}
		b = le.AppendUint16(b, info)
		b = le.AppendUint16(b, m.typ.symbol(dimensions))
		b = le.AppendUint32(b, uint32(m.offset))
	}
	b = append(append(b, t.name...), ";n"...)
	for range t.members {
		b = append(b, "EA"...) // access to the member, in letters
	}
	b = append(b, 0)
	for _, m := range t.members {
		b = append(append(b, m.name...), 0)
	}
	for (len(b)+enipDefinitionExtra)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// enipDefinitionExtra is how much longer attribute 4 says that a definition is than what is read.
const enipDefinitionExtra = 23

// encoding is the text that a structure's handle is made of: its name and the types of its members, the words
// and bytes that bits lie in among them ("Logix 5000 Controllers Data Access", 1756-PM020, "CIP Data Types":
// abbreviated types).
func (t *enipType) encoding(b []byte) []byte {
	b = append(b, t.name...)
	if t.code != enip.STRUCT {
		return b
	}
	for i := range t.members {
		m := &t.members[i]
		if m.bit >= 0 {
			continue
		}
		b = m.typ.encoding(append(b, ','))
		if m.count > 0 {
			b = append(strconv.AppendInt(append(b, '['), int64(m.count), 10), ']')
		}
	}
	return b
}

// enipHandle makes a handle: a CRC-16 of the encoding.
func enipHandle(b []byte) uint16 {
	crc := uint16(0)
	for _, c := range b {
		crc ^= uint16(c)
		for range 8 {
			if crc&1 == 1 {
				crc = crc>>1 ^ 0xA001
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}
