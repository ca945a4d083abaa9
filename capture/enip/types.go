package enip

import "encoding/binary"

// A Type is the code of a data type (CIP, section C-6.1), as tags have them.
type Type uint16

const (
	BOOL   Type = 0xC1
	SINT   Type = 0xC2
	INT    Type = 0xC3
	DINT   Type = 0xC4
	LINT   Type = 0xC5
	USINT  Type = 0xC6
	UINT   Type = 0xC7
	UDINT  Type = 0xC8
	ULINT  Type = 0xC9
	REAL   Type = 0xCA
	LREAL  Type = 0xCB
	BYTE   Type = 0xD1
	WORD   Type = 0xD2
	DWORD  Type = 0xD3
	LWORD  Type = 0xD4
	STRUCT Type = 0x02A0 // followed by the handle of the structure
)

var types = []struct {
	name string
	code Type
	size int
}{
	{"BOOL", BOOL, 1}, {"SINT", SINT, 1}, {"INT", INT, 2}, {"DINT", DINT, 4}, {"LINT", LINT, 8},
	{"USINT", USINT, 1}, {"UINT", UINT, 2}, {"UDINT", UDINT, 4}, {"ULINT", ULINT, 8}, {"REAL", REAL, 4}, {"LREAL", LREAL, 8},
	{"BYTE", BYTE, 1}, {"WORD", WORD, 2}, {"DWORD", DWORD, 4}, {"LWORD", LWORD, 8},
}

// ParseType finds an elementary type by its name.
func ParseType(name string) (Type, bool) {
	for _, t := range types {
		if t.name == name {
			return t.code, true
		}
	}
	return 0, false
}

// Size is how many bytes a value takes; 0 where the code does not say.
func (t Type) Size() int {
	for i := range types {
		if types[i].code == t {
			return types[i].size
		}
	}
	return 0
}

func (t Type) String() string {
	for i := range types {
		if types[i].code == t {
			return types[i].name
		}
	}
	if t == STRUCT {
		return "STRUCT"
	}
	return ""
}

// Signed and Real say how the bytes of a value are read.
func (t Type) Signed() bool { return t >= SINT && t <= LINT }
func (t Type) Real() bool   { return t == REAL || t == LREAL }

// Typed cuts data that begin with their type: what ReadTag answers and WriteTag sends. head is the type, with
// the handle of a structure.
func Typed(b []byte) (t Type, head, values []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	t = Type(binary.LittleEndian.Uint16(b))
	n := 2
	if t == STRUCT {
		n = 4
	}
	if len(b) < n || t.String() == "" {
		return 0, nil, nil, false
	}
	return t, b[:n], b[n:], true
}
