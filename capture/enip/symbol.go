package enip

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// Attributes of symbols (1756-PM020, "Symbol Object").
const (
	SymbolName       = 1
	SymbolType       = 2
	SymbolAddress    = 3
	SymbolObject     = 5
	SymbolControl    = 6
	SymbolSize       = 7 // bytes of an element
	SymbolDimensions = 8
	SymbolAccess     = 10 // from outside: 0 all, 2 reading only, 3 none
)

// Bits of a symbol's type.
const (
	SymbolStruct = 0x8000 // the low twelve bits are the number of a template
	SymbolSystem = 0x1000 // no tag of the user's: a program, a task, a module
)

// A Symbol is a tag, or something else with a name, as lists of the Symbol object give it. What was not asked
// for is zero.
type Symbol struct {
	Instance uint32
	Name     string
	Type     uint16
	Size     uint16
	Sizes    [3]uint32 // elements of each dimension
	Access   uint8
}

// SymbolAttributeSize is how long an attribute of a symbol is; -1: as long as it says, or not known.
func SymbolAttributeSize(number uint16) int {
	switch number {
	case SymbolType, SymbolSize:
		return 2
	case SymbolAddress, SymbolObject, SymbolControl:
		return 4
	case SymbolDimensions:
		return 12
	case SymbolAccess:
		return 1
	}
	return -1
}

// ParseSymbols reads the answer to GetInstanceAttributeList: for each symbol its instance, and the attributes
// asked for. ok is false where one of them is not known, or is cut short.
func ParseSymbols(asked []uint16, b []byte) (list []Symbol, ok bool) {
	r := reader{wire.NewReader(b)}
	for r.Len() > 0 {
		s := Symbol{Instance: r.u32()}
		for _, n := range asked {
			if size := SymbolAttributeSize(n); size >= 0 {
				s.set(n, r.Bytes(size))
			} else if n == SymbolName {
				s.Name = string(r.Bytes(int(r.u16())))
			} else {
				return nil, false
			}
		}
		if r.Err() != nil {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

func (s *Symbol) set(number uint16, b []byte) {
	le := binary.LittleEndian
	switch {
	case b == nil:
	case number == SymbolType:
		s.Type = le.Uint16(b)
	case number == SymbolSize:
		s.Size = le.Uint16(b)
	case number == SymbolAccess:
		s.Access = b[0]
	case number == SymbolDimensions:
		for i := range s.Sizes {
			s.Sizes[i] = le.Uint32(b[4*i:])
		}
	}
}

// Template is the number of the template of a structure; 0: the type is elementary.
func (s *Symbol) Template() uint16 { return TemplateOf(s.Type) }

// TemplateOf reads a type of symbols and members.
func TemplateOf(word uint16) uint16 {
	if word&SymbolStruct == 0 {
		return 0
	}
	return word & 0x0FFF
}

// ElementaryOf reads a type of symbols and members; ok is false for structures and what is no value at all.
func ElementaryOf(word uint16) (t Type, ok bool) {
	if word&(SymbolStruct|SymbolSystem) != 0 {
		return 0, false
	}
	t = Type(word & 0xFF)
	return t, t.Size() > 0
}

// DimensionsOf is how many dimensions a symbol or member of this type has.
func DimensionsOf(word uint16) int { return int(word >> 13 & 3) }
