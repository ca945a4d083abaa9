package modbus

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// ReadRequest asks for bits or registers: functions 1 to 4 (specification, sections 6.1–6.4).
type ReadRequest struct {
	Header
	Function          Function
	Address, Quantity uint16
}

func (m *ReadRequest) Code() Function               { return m.Function }
func (m *ReadRequest) Class() (string, wire.Effect) { return m.Function.String(), wire.Read }
func (m *ReadRequest) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = m.begin(b, m.Function)
	b = append(b, byte(m.Address>>8), byte(m.Address), byte(m.Quantity>>8), byte(m.Quantity))
	return m.end(b, start)
}

// ReadBitsResponse answers functions 1 and 2. Bits are packed, the first in bit 0 of the first byte;
// how many of them count, and which addresses they have, only the request says.
type ReadBitsResponse struct {
	Header
	Function Function
	Bits     []byte
}

func (m *ReadBitsResponse) Code() Function               { return m.Function }
func (m *ReadBitsResponse) Class() (string, wire.Effect) { return m.Function.String(), wire.Read }
func (m *ReadBitsResponse) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = appendCounted(m.begin(b, m.Function), m.Bits)
	return m.end(b, start)
}

// Answers says whether the response has as many bits as the request asks for.
func (m *ReadBitsResponse) Answers(r *ReadRequest) bool {
	return m.Function == r.Function && len(m.Bits) == (int(r.Quantity)+7)/8 && len(m.Trailing) == 0
}

// Bit is the i-th of the bits asked for, from 0.
func (m *ReadBitsResponse) Bit(i int) bool { return m.Bits[i/8]>>(i%8)&1 == 1 }

// ReadRegistersResponse answers functions 3 and 4, 23 too. Which addresses the registers have, only
// the request says.
type ReadRegistersResponse struct {
	Header
	Function  Function
	Registers []byte // two bytes each, the high one first
}

func (m *ReadRegistersResponse) Code() Function { return m.Function }
func (m *ReadRegistersResponse) Class() (string, wire.Effect) {
	return m.Function.String(), m.Function.Effect()
}
func (m *ReadRegistersResponse) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = appendCounted(m.begin(b, m.Function), m.Registers)
	return m.end(b, start)
}

// Answers says whether the response has as many registers as were asked for.
func (m *ReadRegistersResponse) Answers(quantity uint16) bool {
	return len(m.Registers) == 2*int(quantity) && len(m.Trailing) == 0
}

// Register is the i-th of the registers asked for, from 0.
func (m *ReadRegistersResponse) Register(i int) uint16 {
	return binary.BigEndian.Uint16(m.Registers[2*i:])
}

// WriteSingle writes a coil or a holding register, functions 5 and 6; the response is the same again
// (specification, sections 6.5 and 6.6). A coil's Value is 0xFF00 for on and 0 for off.
type WriteSingle struct {
	Header
	Function       Function
	Address, Value uint16
}

func (m *WriteSingle) Code() Function               { return m.Function }
func (m *WriteSingle) Class() (string, wire.Effect) { return m.Function.String(), wire.Write }
func (m *WriteSingle) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = m.begin(b, m.Function)
	b = append(b, byte(m.Address>>8), byte(m.Address), byte(m.Value>>8), byte(m.Value))
	return m.end(b, start)
}

// WriteMultipleRequest writes coils (packed like ReadBitsResponse.Bits) or registers: functions 15
// and 16 (specification, sections 6.11 and 6.12).
type WriteMultipleRequest struct {
	Header
	Function          Function
	Address, Quantity uint16
	Values            []byte
}

func (m *WriteMultipleRequest) Code() Function               { return m.Function }
func (m *WriteMultipleRequest) Class() (string, wire.Effect) { return m.Function.String(), wire.Write }
func (m *WriteMultipleRequest) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = m.begin(b, m.Function)
	b = append(b, byte(m.Address>>8), byte(m.Address), byte(m.Quantity>>8), byte(m.Quantity))
	return m.end(appendCounted(b, m.Values), start)
}

// WriteMultipleResponse answers functions 15 and 16.
type WriteMultipleResponse struct {
	Header
	Function          Function
	Address, Quantity uint16
}

func (m *WriteMultipleResponse) Code() Function               { return m.Function }
func (m *WriteMultipleResponse) Class() (string, wire.Effect) { return m.Function.String(), wire.Write }
func (m *WriteMultipleResponse) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = m.begin(b, m.Function)
	b = append(b, byte(m.Address>>8), byte(m.Address), byte(m.Quantity>>8), byte(m.Quantity))
	return m.end(b, start)
}

// MaskWrite changes bits of one holding register, function 22: the register becomes (itself AND And)
// OR (Or AND NOT And). The response is the same again (specification, section 6.16).
type MaskWrite struct {
	Header
	Address, And, Or uint16
}

func (m *MaskWrite) Code() Function               { return MaskWriteRegister }
func (m *MaskWrite) Class() (string, wire.Effect) { return MaskWriteRegister.String(), wire.Write }
func (m *MaskWrite) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = m.begin(b, MaskWriteRegister)
	b = append(b, byte(m.Address>>8), byte(m.Address), byte(m.And>>8), byte(m.And), byte(m.Or>>8), byte(m.Or))
	return m.end(b, start)
}

// ReadWriteRequest writes registers, then reads registers, function 23 (specification, section 6.17).
// A ReadRegistersResponse answers it.
type ReadWriteRequest struct {
	Header
	ReadAddress, ReadQuantity   uint16
	WriteAddress, WriteQuantity uint16
	Values                      []byte
}

func (m *ReadWriteRequest) Code() Function { return ReadWriteMultipleRegisters }
func (m *ReadWriteRequest) Class() (string, wire.Effect) {
	return ReadWriteMultipleRegisters.String(), wire.Write
}
func (m *ReadWriteRequest) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = m.begin(b, ReadWriteMultipleRegisters)
	b = append(b, byte(m.ReadAddress>>8), byte(m.ReadAddress), byte(m.ReadQuantity>>8), byte(m.ReadQuantity),
		byte(m.WriteAddress>>8), byte(m.WriteAddress), byte(m.WriteQuantity>>8), byte(m.WriteQuantity))
	return m.end(appendCounted(b, m.Values), start)
}

// appendCounted appends v behind the one byte that counts it. Every v that was decoded fits.
func appendCounted(b, v []byte) []byte {
	return append(append(b, byte(len(v))), v...)
}
