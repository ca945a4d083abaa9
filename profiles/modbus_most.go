package profiles

import (
	"cmp"

	"ringer/capture/modbus"
)

// ModbusMost is how many cells one read may ask for.
type ModbusMost struct {
	Registers uint16 `yaml:"registers,omitempty"`
	Bits      uint16 `yaml:"bits,omitempty"`
	// Code is the exception that reads of more get, if it is not 3.
	Code uint8 `yaml:"code,omitempty"`
}

// Refusal is what a unit refuses of a request by itself: what the specification does, with the unit's own limits of
// reads.
func (m *ModbusMost) Refusal(req modbus.Message) modbus.ExceptionCode {
	q, ok := req.(*modbus.ReadRequest)
	if m == nil || !ok || len(q.Trailing) > 0 || q.Quantity == 0 {
		return modbus.Refusal(req)
	}
	most := m.Registers
	if q.Function == modbus.ReadCoils || q.Function == modbus.ReadDiscreteInputs {
		most = m.Bits
	}
	switch {
	case most == 0:
		return modbus.Refusal(req)
	case q.Quantity > most:
		return cmp.Or(modbus.ExceptionCode(m.Code), modbus.IllegalDataValue)
	}
	return 0
}
