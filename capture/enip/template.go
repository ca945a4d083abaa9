package enip

import (
	"bytes"
	"encoding/binary"
)

// Attributes of templates (1756-PM020, "Template Object").
const (
	TemplateHandle     = 1
	TemplateMembers    = 2
	TemplateDefinition = 4 // its size in words, and somewhat more
	TemplateBytes      = 5 // of a value
)

// TemplateAttributeSize is how long an attribute of a template is; -1: not known.
func TemplateAttributeSize(number uint16) int {
	switch number {
	case TemplateHandle, TemplateMembers, 3:
		return 2
	case TemplateDefinition, TemplateBytes:
		return 4
	}
	return -1
}

// A TemplateMember is one member of a structure.
type TemplateMember struct {
	Name   string
	Info   uint16 // elements of an array; the bit of a BOOL
	Type   uint16 // as that of a symbol
	Offset uint32
}

// ParseTemplate reads a definition: records of members, the name of the structure, names of members. ok is
// false where it has not so many members.
func ParseTemplate(b []byte, members int) (name string, list []TemplateMember, ok bool) {
	if members <= 0 || len(b) < 8*members {
		return "", nil, false
	}
	le, names := binary.LittleEndian, b[8*members:]
	first, names, ok := bytes.Cut(names, []byte{0})
	if !ok {
		return "", nil, false
	}
	first, _, _ = bytes.Cut(first, []byte(";"))
	list = make([]TemplateMember, members)
	for i := range list {
		var n []byte
		if n, names, ok = bytes.Cut(names, []byte{0}); !ok {
			return "", nil, false
		}
		list[i] = TemplateMember{string(n), le.Uint16(b[8*i:]), le.Uint16(b[8*i+2:]), le.Uint32(b[8*i+4:])}
	}
	return string(first), list, true
}
