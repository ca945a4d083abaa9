package emulate

import (
	"encoding/binary"
	"errors"

	"ringer/capture/modbus"
	"ringer/profiles"
)

// writable gives the exception that writing a range gets, or 0.
func (t *modbusTable) writable(first, n uint16, outside modbus.ExceptionCode) modbus.ExceptionCode {
	if code := t.readable(first, n, outside); code != 0 {
		return code
	}
	for a, end := int(first), int(first)+int(n); a < end; a++ {
		p := t.pages[a>>8]
		switch s := p.state[a&0xFF]; {
		case s&modbusReadOnly != 0:
			return modbus.ExceptionCode(p.code[a&0xFF])
		case s&modbusMoves != 0 && p.special[a&0xFF].point != nil && p.special[a&0xFF].point.state.Spec.Write == nil:
			return modbus.IllegalDataAddress
		}
	}
	return 0
}

// write stores values in a range that is writable: points first, as they may refuse a value.
func (t *modbusTable) write(s *modbusService, first uint16, n int, value func(i int) uint16) modbus.ExceptionCode {
	if code := t.writePoints(s, first, n, value); code != 0 {
		return code
	}
	for i := range n {
		a := int(first) + i
		p, v := t.pages[a>>8], value(i)
		p.value[a&0xFF] = v
		p.state[a&0xFF] |= modbusWritten
		if p.state[a&0xFF]&modbusMoves == 0 {
			continue
		}
		if c := p.special[a&0xFF].cell; c != nil {
			var b [2]byte
			binary.BigEndian.PutUint16(b[:], v)
			c.Write(s.st, b[2-t.width:])
		}
	}
	return 0
}

func (t *modbusTable) writePoints(s *modbusService, first uint16, n int, value func(i int) uint16) modbus.ExceptionCode {
	touched := false
	for i := range n {
		a := int(first) + i
		p := t.pages[a>>8]
		if p.state[a&0xFF]&modbusMoves == 0 || p.special[a&0xFF].point == nil {
			continue
		}
		p.special[a&0xFF].point.put(s.turn, p.special[a&0xFF].word, value(i))
		touched = true
	}
	if !touched {
		return 0
	}
	var refused modbus.ExceptionCode
	for i := range n {
		a := int(first) + i
		p := t.pages[a>>8]
		if p.state[a&0xFF]&modbusMoves == 0 {
			continue
		}
		x := p.special[a&0xFF].point
		if x == nil || !x.dirty {
			continue
		}
		if refused != 0 {
			x.dirty, x.turn = false, 0
			continue
		}
		switch err := x.store(); {
		case errors.Is(err, ErrReadOnly):
			refused = modbus.IllegalDataAddress
		case err != nil:
			refused = modbus.IllegalDataValue
		}
	}
	return refused
}

func (c *modbusSession) writeSingle(u *modbusUnit, q *modbus.WriteSingle) Answer {
	t, v := &u.tables[profiles.ModbusHoldings], q.Value
	if q.Function == modbus.WriteSingleCoil {
		t, v = &u.tables[profiles.ModbusCoils], v>>15
	}
	if code := t.writable(q.Address, 1, u.outside); code != 0 {
		return c.refuse(q, code)
	}
	if code := t.write(c.s, q.Address, 1, func(int) uint16 { return v }); code != 0 {
		return c.refuse(q, code)
	}
	c.one = modbus.WriteSingle{Header: c.reply(q), Function: q.Function, Address: q.Address, Value: q.Value}
	return c.say(&c.one, Point)
}

func (c *modbusSession) writeMultiple(u *modbusUnit, q *modbus.WriteMultipleRequest) Answer {
	t := &u.tables[profiles.ModbusHoldings]
	value := func(i int) uint16 { return binary.BigEndian.Uint16(q.Values[2*i:]) }
	if q.Function == modbus.WriteMultipleCoils {
		t = &u.tables[profiles.ModbusCoils]
		value = func(i int) uint16 { return uint16(q.Values[i/8] >> (i % 8) & 1) }
	}
	if code := t.writable(q.Address, q.Quantity, u.outside); code != 0 {
		return c.refuse(q, code)
	}
	if code := t.write(c.s, q.Address, int(q.Quantity), value); code != 0 {
		return c.refuse(q, code)
	}
	c.multi = modbus.WriteMultipleResponse{Header: c.reply(q), Function: q.Function, Address: q.Address, Quantity: q.Quantity}
	return c.say(&c.multi, Point)
}

func (c *modbusSession) maskWrite(u *modbusUnit, q *modbus.MaskWrite) Answer {
	t := &u.tables[profiles.ModbusHoldings]
	if code := t.writable(q.Address, 1, u.outside); code != 0 {
		return c.refuse(q, code)
	}
	v := t.peek(c.s, q.Address)&q.And | q.Or&^q.And
	if code := t.write(c.s, q.Address, 1, func(int) uint16 { return v }); code != 0 {
		return c.refuse(q, code)
	}
	c.mask = modbus.MaskWrite{Header: c.reply(q), Address: q.Address, And: q.And, Or: q.Or}
	return c.say(&c.mask, Point)
}

// readWrite writes before it reads (specification, section 6.17).
func (c *modbusSession) readWrite(u *modbusUnit, q *modbus.ReadWriteRequest) Answer {
	t := &u.tables[profiles.ModbusHoldings]
	code := t.readable(q.ReadAddress, q.ReadQuantity, u.outside)
	if code == 0 {
		code = t.writable(q.WriteAddress, q.WriteQuantity, u.outside)
	}
	if code == 0 {
		code = t.write(c.s, q.WriteAddress, int(q.WriteQuantity), func(i int) uint16 { return binary.BigEndian.Uint16(q.Values[2*i:]) })
	}
	if code != 0 {
		return c.refuse(q, code)
	}
	c.s.turn++ // points are to show what was written
	c.regs.Header, c.regs.Function = c.reply(q), modbus.ReadWriteMultipleRegisters
	var from Origin
	c.regs.Registers, from = t.appendRegisters(c.s, c.room[:0], q.ReadAddress, q.ReadQuantity)
	return c.say(&c.regs, from)
}
