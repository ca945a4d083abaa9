package profiles

import (
	"fmt"
	"strconv"
	"strings"
)

// Tables of a unit, in the order of the functions that read them: 1 to 4.
const (
	ModbusCoils = iota
	ModbusDiscretes
	ModbusHoldings
	ModbusInputs
)

// ModbusTables are the keys of the tables.
var ModbusTables = [...]string{"coil", "discrete", "holding", "input"}

// Range is the table and the addresses of a line, nil if it has none.
func (c *ModbusCells) Range() (table int, span *ModbusSpan) {
	return modbusRange(c.Coil, c.Discrete, c.Holding, c.Input)
}

// Range is the table and the addresses of a line, nil if it has none.
func (c *ModbusIllegal) Range() (table int, span *ModbusSpan) {
	return modbusRange(c.Coil, c.Discrete, c.Holding, c.Input)
}

func modbusRange(spans ...*ModbusSpan) (int, *ModbusSpan) {
	for t, s := range spans {
		if s != nil {
			return t, s
		}
	}
	return 0, nil
}

// SetRange gives a line its table and addresses.
func (c *ModbusCells) SetRange(table int, s ModbusSpan) {
	c.Coil, c.Discrete, c.Holding, c.Input = nil, nil, nil, nil
	*[]**ModbusSpan{&c.Coil, &c.Discrete, &c.Holding, &c.Input}[table] = &s
}

// SetRange gives a line its table and addresses.
func (c *ModbusIllegal) SetRange(table int, s ModbusSpan) {
	c.Coil, c.Discrete, c.Holding, c.Input = nil, nil, nil, nil
	*[]**ModbusSpan{&c.Coil, &c.Discrete, &c.Holding, &c.Input}[table] = &s
}

// ModbusSpan is a range of addresses, from 0 as in the PDU, written 40-139, or 40 for one.
type ModbusSpan struct{ First, Last uint16 }

// Len is how many addresses there are.
func (s ModbusSpan) Len() int { return int(s.Last) - int(s.First) + 1 }

func (s ModbusSpan) String() string {
	if s.First == s.Last {
		return strconv.Itoa(int(s.First))
	}
	return fmt.Sprintf("%d-%d", s.First, s.Last)
}

func (s ModbusSpan) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *ModbusSpan) UnmarshalText(b []byte) error {
	first, last, two := strings.Cut(string(b), "-")
	if !two {
		last = first
	}
	f, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	l, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if err1 != nil || err2 != nil || f > l {
		return fmt.Errorf("addresses %q: want one from 0 to 65535, or a range like 40-139", b)
	}
	*s = ModbusSpan{uint16(f), uint16(l)}
	return nil
}

// ModbusHex is bytes, written in hexadecimal.
type ModbusHex []byte

func (h ModbusHex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%x", []byte(h)), nil }

func (h *ModbusHex) UnmarshalText(b []byte) error {
	*h = nil
	if _, err := fmt.Sscanf(string(b), "%x", (*[]byte)(h)); err != nil && len(b) > 0 {
		return fmt.Errorf("%q: want bytes in hexadecimal", b)
	}
	return nil
}
