package enip

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// An Attribute is one attribute in the answer to GetAttributeList.
type Attribute struct {
	Number uint16
	Status uint16
	Value  []byte
}

// AttributeNumbers reads the data of GetAttributeList: a count and the numbers asked for.
func AttributeNumbers(b []byte) ([]uint16, bool) {
	r := reader{wire.NewReader(b)}
	n := int(r.u16())
	if r.Len() != 2*n {
		return nil, false
	}
	list := make([]uint16, n)
	for i := range list {
		list[i] = r.u16()
	}
	return list, r.Err() == nil
}

// listSteps bounds the search of SplitAttributeList.
const listSteps = 4096

// SplitAttributeList takes the answer to GetAttributeList apart: a count, and for each number asked for its
// status and, where that is 0, its value. How long values are the answer does not say: ok is false where it
// can be cut in more than one way. size, if not nil, gives the lengths that are known, else -1.
func SplitAttributeList(asked []uint16, b []byte, size func(number uint16) int) (list []Attribute, ok bool) {
	if len(b) < 2 || int(binary.LittleEndian.Uint16(b)) != len(asked) {
		return nil, false
	}
	var found []Attribute
	ways, steps := 0, 0
	current := make([]Attribute, len(asked))
	var cut func(i int, b []byte)
	cut = func(i int, b []byte) {
		if steps++; steps > listSteps || ways > 1 {
			return
		}
		if i == len(asked) {
			if len(b) == 0 {
				ways++
				found = append([]Attribute(nil), current...)
			}
			return
		}
		if len(b) < 4 || binary.LittleEndian.Uint16(b) != asked[i] {
			return
		}
		status := binary.LittleEndian.Uint16(b[2:])
		b = b[4:]
		current[i] = Attribute{asked[i], status, nil}
		if status != 0 {
			cut(i+1, b)
			return
		}
		if size != nil {
			if n := size(asked[i]); n >= 0 {
				if n <= len(b) {
					current[i].Value = b[:n:n]
					cut(i+1, b[n:])
				}
				return
			}
		}
		for n := range len(b) + 1 {
			if i == len(asked)-1 && n < len(b) {
				continue
			}
			current[i].Value = b[:n:n]
			cut(i+1, b[n:])
		}
	}
	cut(0, b[2:])
	return found, ways == 1 && steps <= listSteps
}

// AppendAttribute appends one attribute to the answer to GetAttributeList.
func AppendAttribute(b []byte, number uint16, status uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, number)
	b = binary.LittleEndian.AppendUint16(b, status)
	if status != 0 {
		return b
	}
	return append(b, value...)
}
