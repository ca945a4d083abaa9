package emulate

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"

	"ringer/capture/snmp"
)

// An snmpCell is a variable that moves, can be set, or shows a point. Its samples are a tag and a content;
// an empty one, or the tag of an exception, says that the variable was not there.
type snmpCell struct {
	*Cell                // nil: it only shows a point
	point    *PointState // nil: it has none
	writes   int         // of the point, while the recording plays
	writable bool
	unset    bool          // the first that the recording knows of it is a SET, which has not come
	date     time.Duration // the unit of a wall clock that is told as DateAndTime; 0: it is none
	kind     snmp.Type
	shape    []byte // its first value
	made     []byte
}

// read takes the next sample; peek leaves it.
func (c *snmpCell) read(st *State) ([]byte, Origin) { return c.get(st, true) }
func (c *snmpCell) peek(st *State) ([]byte, Origin) { return c.get(st, false) }

func (c *snmpCell) get(st *State, take bool) ([]byte, Origin) {
	if c.point != nil && c.Cell != nil && c.point.Writes() != c.writes {
		c.End(st)
	}
	switch {
	case c.point != nil && (c.Cell == nil || c.Live()):
		c.made = c.encodePoint(c.made[:0])
		return c.made, Point
	case c.unset:
		return c.shape, Recorded // what it will be set to is the best that is known
	case take:
		return c.Read(st)
	}
	return c.Peek(st)
}

// set is a SET of the variable.
func (c *snmpCell) set(st *State, sample []byte, v snmp.Value) error {
	c.unset = false
	if c.Cell != nil {
		c.Write(st, sample)
	}
	if c.point == nil {
		return nil
	}
	err := c.point.Set(snmpValue(v, c.point))
	c.writes = c.point.Writes()
	return err
}

// absent says whether a sample says that there is no variable.
func snmpAbsent(sample []byte) bool { return len(sample) == 0 || snmp.Type(sample[0]).Exception() }

// encode makes a sample of a number that dynamics gave.
func (c *snmpCell) encode(dst []byte, v Value) []byte {
	dst = append(dst, byte(c.kind))
	switch c.kind {
	case snmp.TypeInteger:
		return snmp.AppendInt(dst, max(math.MinInt32, min(math.MaxInt32, v.Int())))
	case snmp.TypeCounter32, snmp.TypeTimeTicks, snmp.TypeUInteger32:
		return snmp.AppendUint(dst, uint64(uint32(v.Uint())))
	case snmp.TypeGauge32:
		return snmp.AppendUint(dst, uint64(max(0, min(math.MaxUint32, v.Float()))))
	case snmp.TypeCounter64:
		return snmp.AppendUint(dst, v.Uint())
	case snmp.TypeOpaque:
		if len(c.shape) == 8 && c.shape[1] == 0x9f && c.shape[2] == 0x78 {
			dst = append(dst, 0x9f, 0x78, 4)
			return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(v.Float())))
		}
	case snmp.TypeOctetString:
		if c.date > 0 {
			return snmp.AppendDateAndTime(dst, time.Unix(0, v.Int()*int64(c.date)), c.shape[1:])
		}
	case snmp.TypeIPAddress:
		if a, err := netip.ParseAddr(v.String()); err == nil && a.Is4() {
			x := a.As4()
			return append(dst, x[:]...)
		}
		return append(dst, 0, 0, 0, 0)
	case snmp.TypeOID:
		if o, err := snmp.AppendOID(dst, v.String()); err == nil {
			return o
		}
		return append(dst, 0)
	}
	return append(dst, v.String()...)
}

func (c *snmpCell) encodePoint(dst []byte) []byte {
	switch c.kind {
	case snmp.TypeOctetString:
		return append(append(dst, byte(c.kind)), c.point.Text()...)
	case snmp.TypeInteger:
		if c.point.Spec.Type == "bool" {
			// TruthValue (RFC 2579): true is 1, false is 2.
			if c.point.Get().Bool() {
				return append(dst, byte(c.kind), 1)
			}
			return append(dst, byte(c.kind), 2)
		}
	}
	return c.encode(dst, c.point.Get())
}

// snmpReading is the number in a sample, from which dynamics go on.
func snmpReading(sample []byte) uint64 {
	if len(sample) < 2 {
		return 0
	}
	v := snmp.NewValue(snmp.Type(sample[0]), sample[1:])
	if n, ok := v.Int(); ok {
		return uint64(uint32(n))
	}
	n, _ := v.Uint()
	return n
}

// snmpValue is what a SET carries, for a point.
func snmpValue(v snmp.Value, p *PointState) Value {
	if n, ok := v.Int(); ok {
		if p.Spec.Type == "bool" {
			return BoolValue(n == 1)
		}
		return IntValue(n)
	}
	if n, ok := v.Uint(); ok {
		return UintValue(n)
	}
	c := v.Content()
	switch {
	case v.Type == snmp.TypeOID:
		return TextValue(snmp.OID(c).String())
	case v.Type == snmp.TypeIPAddress && len(c) == 4:
		return TextValue(netip.AddrFrom4([4]byte(c)).String())
	}
	return TextValue(string(c))
}

// hold makes a cell of a variable that did not move so far, because it is set.
func (s *snmpService) hold(i int) *snmpCell {
	c := s.cells[i]
	if c == nil {
		v := s.tree.value(i)
		c = &snmpCell{kind: s.tree.tag(i), shape: v, Cell: &Cell{played: true, value: v}}
		s.cells[i] = c
		s.tree.setMoves(i)
	}
	return c
}
