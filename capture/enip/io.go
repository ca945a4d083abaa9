package enip

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"ringer/capture/wire"
)

// IO is a datagram of an I/O connection, class 0 or 1 (EIP, section 2-6.3 and CIP, section 3-6): it has no
// encapsulation header. Those of class 1 begin with a sequence count, which only the connection's opening
// tells from data.
type IO struct {
	Connection uint32 `wire:"key"`
	Sequence   uint32 `wire:"count"`
	Data       []byte
}

func (m *IO) Append(b []byte) ([]byte, error) {
	b = append(b, 2, 0, 0x02, 0x80, 8, 0)
	b = binary.LittleEndian.AppendUint32(b, m.Connection)
	b = binary.LittleEndian.AppendUint32(b, m.Sequence)
	return appendItem(b, itemConnectedData, m.Data), nil
}

func (m *IO) Class() (string, wire.Effect) { return "I/O data", wire.Control }

func (m *IO) AppendKey(b []byte) []byte {
	b = strconv.AppendUint(append(b, "io "...), uint64(m.Connection), 16)
	return hex.AppendEncode(append(b, ' '), m.Data)
}

// ioHead is everything in front of the data.
const ioHead = 18

// isIO: two items, a sequenced address and data. No encapsulation command is 2.
func isIO(b []byte) bool {
	return len(b) >= ioHead && b[0] == 2 && b[1] == 0 && b[2] == 0x02 && b[3] == 0x80 && b[4] == 8 && b[5] == 0 && b[14] == itemConnectedData && b[15] == 0
}

func (c *Conn) nextIO(b []byte) (int, wire.Message, error) {
	n := ioHead + int(binary.LittleEndian.Uint16(b[16:]))
	if n != len(b) {
		return 0, nil, errNot
	}
	m := &IO{}
	if c.reuse {
		m = &c.scratch.io
	} else {
		b = append([]byte(nil), b...)
	}
	*m = IO{binary.LittleEndian.Uint32(b[6:]), binary.LittleEndian.Uint32(b[10:]), b[ioHead:n:n]}
	return n, m, nil
}
