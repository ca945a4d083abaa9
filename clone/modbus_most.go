package clone

import (
	"cmp"

	"ringer/capture/modbus"
	"ringer/profiles"
)

// modbusReads is how many cells of one kind, bits or registers, a unit was read at once.
type modbusReads struct {
	largest uint16               // that was answered
	refused uint16               // the smallest that was refused, though every cell of it answers; 0: none
	code    modbus.ExceptionCode // of that refusal
}

func (u *modbusUnit) readsOf(f modbus.Function) *modbusReads {
	if f == modbus.ReadCoils || f == modbus.ReadDiscreteInputs {
		return &u.reads[0]
	}
	return &u.reads[1]
}

// tooMany takes a refusal of a read of cells that all answer.
func (u *modbusUnit) tooMany(q *modbus.ReadRequest, code modbus.ExceptionCode) {
	r := u.readsOf(q.Function)
	if code != modbus.IllegalDataAddress && code != modbus.IllegalDataValue && code != modbus.ServerDeviceFailure {
		return
	}
	if r.refused == 0 || q.Quantity < r.refused {
		r.refused, r.code = q.Quantity, code
	}
}

// Beyond what the specification allows, the count of bytes in an answer ends what can be read.
const (
	modbusBitsAtAll      = 8 * 255
	modbusRegistersAtAll = 127
)

// modbusBeyond says whether a request asks for more than the specification allows, and no more than an answer
// can hold.
func modbusBeyond(req modbus.Message) bool {
	q, ok := req.(*modbus.ReadRequest)
	if !ok || len(q.Trailing) > 0 {
		return false
	}
	if q.Function == modbus.ReadCoils || q.Function == modbus.ReadDiscreteInputs {
		return q.Quantity > modbus.MaxReadBits && q.Quantity <= modbusBitsAtAll
	}
	return q.Quantity > modbus.MaxReadRegisters && q.Quantity <= modbusRegistersAtAll
}

// most is what the unit lets be read at once, where it is not what the specification says. A unit that reads
// no more than some number refuses one more than it has answered.
func (u *modbusUnit) most() *profiles.ModbusMost {
	m := &profiles.ModbusMost{}
	for i, into := range []*uint16{&m.Bits, &m.Registers} {
		r := &u.reads[i]
		switch specified := []uint16{modbus.MaxReadBits, modbus.MaxReadRegisters}[i]; {
		case r.largest > specified:
			*into = r.largest
		case r.refused > 0 && r.refused == r.largest+1 && r.refused <= specified:
			*into = r.largest
			if r.code != modbus.IllegalDataValue {
				m.Code = cmp.Or(m.Code, uint8(r.code))
			}
		}
	}
	if *m == (profiles.ModbusMost{}) {
		return nil
	}
	return m
}
