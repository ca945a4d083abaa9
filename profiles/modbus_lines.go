package profiles

import (
	"encoding/binary"
	"fmt"
)

// A ModbusCell is what is known of one address of a table.
type ModbusCell struct {
	Held     bool  // it holds Value
	Filled   bool  // it is taken to hold Value: nobody asked
	Illegal  uint8 // exception code, of a cell that neither holds nor is filled
	ReadOnly uint8 // exception code of writes
	Value    uint16
}

// modbusFew is how many values may stand in a line of the profile; more are in a file.
const modbusFew = 16

// Describe adds the lines of one table, which cell knows. Files of values are named after stem.
func (m *ModbusUnit) Describe(table int, cell func(address int) ModbusCell, stem string, write func(name string, b []byte) error) error {
	held, _ := modbusRuns(func(a int) int { return when(cell(a).Held, 1) })
	filled, values := modbusRuns(func(a int) int {
		c := cell(a)
		return when(c.Filled && !c.Held, int(c.Value)+1)
	})
	for len(held) > 0 || len(filled) > 0 {
		var line ModbusCells
		if len(held) == 0 || len(filled) > 0 && filled[0].First < held[0].First {
			v := uint16(values[0] - 1)
			line.Fill = &v
			line.SetRange(table, filled[0])
			filled, values = filled[1:], values[1:]
		} else {
			line.SetRange(table, held[0])
			if err := line.setValues(table, held[0], cell, stem, write); err != nil {
				return err
			}
			held = held[1:]
		}
		m.Registers = append(m.Registers, line)
	}
	protected, codes := modbusRuns(func(a int) int { return int(cell(a).ReadOnly) })
	for i, s := range protected {
		line := ModbusCells{ReadOnly: uint8(codes[i])}
		line.SetRange(table, s)
		m.Registers = append(m.Registers, line)
	}
	illegal, codes := modbusRuns(func(a int) int {
		c := cell(a)
		return when(!c.Held && !c.Filled, int(c.Illegal))
	})
	for i, s := range illegal {
		var line ModbusIllegal
		line.SetRange(table, s)
		if codes[i] != modbusIllegalAddress {
			line.Code = uint8(codes[i])
		}
		m.Illegal = append(m.Illegal, line)
	}
	return nil
}

const modbusIllegalAddress = 2

func when(is bool, v int) int {
	if is {
		return v
	}
	return 0
}

// modbusRuns lists the ranges of neighbouring cells with the same key other than 0, and the keys.
func modbusRuns(key func(address int) int) (spans []ModbusSpan, keys []int) {
	last := 0
	for a := range 1 << 16 {
		k := key(a)
		switch {
		case k != 0 && k == last:
			spans[len(spans)-1].Last = uint16(a)
		case k != 0:
			spans = append(spans, ModbusSpan{uint16(a), uint16(a)})
			keys = append(keys, k)
		}
		last = k
	}
	return spans, keys
}

func (c *ModbusCells) setValues(table int, s ModbusSpan, cell func(int) ModbusCell, stem string, write func(string, []byte) error) error {
	if s.Len() <= modbusFew {
		for a := int(s.First); a <= int(s.Last); a++ {
			c.Values = append(c.Values, cell(a).Value)
		}
		return nil
	}
	var b []byte
	if table == ModbusCoils || table == ModbusDiscretes {
		b = make([]byte, (s.Len()+7)/8)
		for i := range s.Len() {
			b[i/8] |= byte(cell(int(s.First)+i).Value&1) << (i % 8)
		}
	} else {
		for a := int(s.First); a <= int(s.Last); a++ {
			b = binary.BigEndian.AppendUint16(b, cell(a).Value)
		}
	}
	c.Block = fmt.Sprintf("blocks/%s-%s%d.bin", stem, ModbusTables[table], s.First)
	return write(c.Block, b)
}

// ReadBlock gives the values of a line that has any: those in it, or those in its file.
func (c *ModbusCells) ReadBlock(d *Device) ([]uint16, error) {
	table, span := c.Range()
	if c.Block == "" || span == nil {
		return c.Values, nil
	}
	b, err := d.ReadFile(c.Block, 2<<16)
	if err != nil {
		return nil, err
	}
	bits := table == ModbusCoils || table == ModbusDiscretes
	n := len(b) / 2
	if bits {
		n = 8 * len(b)
	}
	if n < span.Len() {
		return nil, fmt.Errorf("%s: %d bytes are too few for %s %s", c.Block, len(b), ModbusTables[table], span)
	}
	values := make([]uint16, span.Len())
	for i := range values {
		if bits {
			values[i] = uint16(b[i/8] >> (i % 8) & 1)
		} else {
			values[i] = binary.BigEndian.Uint16(b[2*i:])
		}
	}
	return values, nil
}
