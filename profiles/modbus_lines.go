package profiles

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
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

// Describe adds the lines of one table. Cells are those that something is known of, by ascending address. Files
// of values are named after stem.
func (m *ModbusUnit) Describe(table int, cells iter.Seq2[int, ModbusCell], stem string, write func(name string, b []byte) error) error {
	var held, filled, protected, illegal modbusRuns
	for a, c := range cells {
		switch {
		case c.Held:
			held.add(a, 1, c.Value)
		case c.Filled:
			filled.add(a, int(c.Value), 0)
		case c.Illegal != 0:
			illegal.add(a, int(c.Illegal), 0)
		}
		if c.ReadOnly != 0 {
			protected.add(a, int(c.ReadOnly), 0)
		}
	}
	values := held.values
	for len(held.spans) > 0 || len(filled.spans) > 0 {
		var line ModbusCells
		if len(held.spans) == 0 || len(filled.spans) > 0 && filled.spans[0].First < held.spans[0].First {
			span, key := filled.next()
			line.Fill = new(uint16(key))
			line.SetRange(table, span)
		} else {
			span, _ := held.next()
			line.SetRange(table, span)
			if err := line.setValues(table, span, values[:span.Len()], stem, write); err != nil {
				return err
			}
			values = values[span.Len():]
		}
		m.Registers = append(m.Registers, line)
	}
	for len(protected.spans) > 0 {
		span, key := protected.next()
		line := ModbusCells{ReadOnly: uint8(key)}
		line.SetRange(table, span)
		m.Registers = append(m.Registers, line)
	}
	for len(illegal.spans) > 0 {
		var line ModbusIllegal
		span, key := illegal.next()
		line.SetRange(table, span)
		if key != modbusIllegalAddress {
			line.Code = uint8(key)
		}
		m.Illegal = append(m.Illegal, line)
	}
	return nil
}

const modbusIllegalAddress = 2

// modbusRuns are the ranges of neighbouring cells with the same key, and the values of all their cells.
type modbusRuns struct {
	spans  []ModbusSpan
	keys   []int
	values []uint16
}

func (r *modbusRuns) add(address, key int, value uint16) {
	r.values = append(r.values, value)
	if n := len(r.spans); n > 0 && int(r.spans[n-1].Last)+1 == address && r.keys[n-1] == key {
		r.spans[n-1].Last++
		return
	}
	r.spans, r.keys = append(r.spans, ModbusSpan{uint16(address), uint16(address)}), append(r.keys, key)
}

// next takes the first range out.
func (r *modbusRuns) next() (s ModbusSpan, key int) {
	s, key = r.spans[0], r.keys[0]
	r.spans, r.keys = r.spans[1:], r.keys[1:]
	return s, key
}

func (c *ModbusCells) setValues(table int, s ModbusSpan, values []uint16, stem string, write func(string, []byte) error) error {
	if s.Len() <= modbusFew {
		c.Values = slices.Clone(values)
		return nil
	}
	var b []byte
	if table == ModbusCoils || table == ModbusDiscretes {
		b = make([]byte, (s.Len()+7)/8)
		for i, v := range values {
			b[i/8] |= byte(v&1) << (i % 8)
		}
	} else {
		for _, v := range values {
			b = binary.BigEndian.AppendUint16(b, v)
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
