package modbus

import (
	"encoding/hex"
	"strconv"
)

// The keys of the commonest requests, as wire.Key would tell them apart: everything but the
// transaction and the framing.

func (h *Header) appendKey(b []byte, f Function) []byte {
	b = strconv.AppendUint(b, uint64(f), 10)
	b = append(b, '/')
	b = strconv.AppendUint(b, uint64(h.Unit), 10)
	if len(h.Trailing) > 0 {
		b = append(b, '~')
		b = hex.AppendEncode(b, h.Trailing)
	}
	return b
}

func appendPart(b []byte, v uint16) []byte {
	return strconv.AppendUint(append(b, ' '), uint64(v), 10)
}

func (m *ReadRequest) AppendKey(b []byte) []byte {
	return appendPart(appendPart(m.appendKey(b, m.Function), m.Address), m.Quantity)
}

func (m *WriteSingle) AppendKey(b []byte) []byte {
	return appendPart(appendPart(m.appendKey(b, m.Function), m.Address), m.Value)
}

func (m *WriteMultipleRequest) AppendKey(b []byte) []byte {
	b = appendPart(appendPart(m.appendKey(b, m.Function), m.Address), m.Quantity)
	return hex.AppendEncode(append(b, ' '), m.Values)
}

func (m *MaskWrite) AppendKey(b []byte) []byte {
	return appendPart(appendPart(appendPart(m.appendKey(b, MaskWriteRegister), m.Address), m.And), m.Or)
}

func (m *ReadWriteRequest) AppendKey(b []byte) []byte {
	b = appendPart(appendPart(m.appendKey(b, ReadWriteMultipleRegisters), m.ReadAddress), m.ReadQuantity)
	b = appendPart(appendPart(b, m.WriteAddress), m.WriteQuantity)
	return hex.AppendEncode(append(b, ' '), m.Values)
}

// A Raw key begins with a letter, so that a malformed read is never taken for a well-formed one.
func (m *Raw) AppendKey(b []byte) []byte {
	b = append(m.appendKey(append(b, 'r'), m.Function), ' ')
	return hex.AppendEncode(b, m.Data)
}
