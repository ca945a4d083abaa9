package modbus

import (
	"encoding/binary"
	"errors"
)

// Framing says what a PDU travels in.
type Framing uint8

const (
	TCP        Framing = iota // behind an MBAP header (guide, section 3.1.3)
	RTUOverTCP                // behind the unit's address, before a CRC (Serial Line, section 2.5.1)
)

func (f Framing) String() string {
	if f == RTUOverTCP {
		return "rtu"
	}
	return "tcp"
}

// Header is what every message has. The MBAP length field is not kept: messages are told apart by it,
// so it follows from the rest.
type Header struct {
	Transaction uint16  `wire:"echo"` // RTU frames have none: 0
	Framing     Framing `wire:"echo"`
	Unit        uint8
	Trailing    []byte // bytes behind what the function defines, as odd devices and scanners send them
}

// Head gives the header of any message.
func (h *Header) Head() *Header { return h }

// A Message is any of this package's messages.
type Message interface {
	Append(b []byte) ([]byte, error)
	Head() *Header
	Code() Function // the function code, without the bit that marks an exception
}

const (
	mbapSize = 7
	// A PDU has at most 253 bytes (specification, section 4.1), which makes the length field 254. UMAS
	// and other vendors' functions exceed it between peers that have agreed to.
	maxLength = 254
	// Some devices answer reads of more than the specification allows, up to what the count of bytes can say.
	maxReadLength = 3 + 255
	maxRawLength  = 2048
)

var errTooLong = errors.New("modbus: message longer than its length field can say")

func (h *Header) begin(b []byte, f Function) []byte {
	if h.Framing == RTUOverTCP {
		return append(b, h.Unit, byte(f))
	}
	return append(b, byte(h.Transaction>>8), byte(h.Transaction), 0, 0, 0, 0, h.Unit, byte(f))
}

// end completes the message that begin began at start.
func (h *Header) end(b []byte, start int) ([]byte, error) {
	if len(h.Trailing) > 0 {
		b = append(b, h.Trailing...)
	}
	if h.Framing == RTUOverTCP {
		crc := crc16(b[start:])
		return append(b, byte(crc), byte(crc>>8)), nil
	}
	n := len(b) - start - 6
	if n > 0xFFFF {
		return b[:start], errTooLong
	}
	binary.BigEndian.PutUint16(b[start+4:], uint16(n))
	return b, nil
}

// crcTable is the byte-wise table of the CRC-16 with the reflected polynomial 0xA001 (Serial Line,
// section 6.2.2).
var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i)
		for range 8 {
			if c&1 != 0 {
				c = c>>1 ^ 0xA001
			} else {
				c >>= 1
			}
		}
		t[i] = c
	}
	return t
}()

func crcAdd(crc uint16, c byte) uint16 { return crc>>8 ^ crcTable[byte(crc)^c] }

func crc16(b []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, c := range b {
		crc = crcAdd(crc, c)
	}
	return crc
}
