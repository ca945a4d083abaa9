package modbus

import (
	"encoding/binary"
	"errors"

	"ringer/capture/wire"
)

// An RTU frame is the unit's address, a PDU and a CRC: at least 4 bytes, at most 256 (Serial Line,
// section 2.5.1). On a line silence ends it; over TCP its function has to say how long it is, and where
// that does not help, the CRC.
const (
	rtuMin = 4
	rtuMax = 256
)

// rtuConn decodes RTU frames over TCP.
type rtuConn struct {
	decoder
	lost [2]bool
	// proven: a frame with a length of its own and a right CRC was seen, so that functions whose
	// length only the CRC shows may be believed.
	proven bool
}

// Reuse makes Next decode the commonest requests in place, and ignore frames with a wrong CRC as a
// device does (Serial Line, section 2.5.1.2).
func (c *rtuConn) Reuse() { c.reuse, c.proven = true, true }

func (c *rtuConn) Lost(from wire.Side, n int) { c.lost[side(from)] = true }

func (c *rtuConn) Match(open []wire.Message, reply wire.Message) (int, bool) {
	return match(open, reply)
}

var errCRC = errors.New("modbus: rtu frame with a wrong CRC")

func (c *rtuConn) Next(from wire.Side, b []byte, eof bool) (int, wire.Message, error) {
	if c.lost[side(from)] {
		if n := c.resynchronise(from, b, eof); n != 0 || len(b) == 0 {
			return n, nil, nil
		}
	}
	n, err := rtuFrame(from, b, c.proven)
	switch {
	case err != nil && c.reuse:
		return len(b), nil, nil
	case err != nil || n == 0:
		return 0, nil, err
	}
	c.lost[side(from)], c.proven = false, true
	return n, c.decode(from, Header{Framing: RTUOverTCP, Unit: b[0]}, b[1:n-2]), nil
}

func (c *rtuConn) resynchronise(from wire.Side, b []byte, eof bool) int {
	for i := range b {
		n, err := rtuFrame(from, b[i:], false)
		if n > 0 || err == nil && !eof && len(b)-i < rtuMax {
			return i
		}
	}
	return len(b)
}

// rtuFrame is the length of the frame that b begins with, 0 if b does not hold it all.
func rtuFrame(from wire.Side, b []byte, proven bool) (int, error) {
	if len(b) < 2 {
		return 0, nil
	}
	n, known := rtuLength(from, b)
	if !known {
		if !proven {
			return 0, errCRC
		}
		return rtuSearch(b)
	}
	switch {
	case n > rtuMax:
		return 0, errCRC
	case n == 0 || len(b) < n:
		return 0, nil
	case !rtuValid(b[:n]):
		return 0, errCRC
	}
	return n, nil
}

func rtuValid(b []byte) bool {
	n := len(b) - 2
	return crc16(b[:n]) == binary.LittleEndian.Uint16(b[n:])
}

// rtuSearch takes the shortest frame whose CRC is right.
func rtuSearch(b []byte) (int, error) {
	crc := uint16(0xFFFF)
	for i := range min(len(b)-1, rtuMax-1) {
		if i+2 >= rtuMin && crc == binary.LittleEndian.Uint16(b[i:]) {
			return i + 2, nil
		}
		crc = crcAdd(crc, b[i])
	}
	if len(b) >= rtuMax {
		return 0, errCRC
	}
	return 0, nil
}

// rtuLength is how long the frame at the start of b is by its function; 0: more bytes are needed to
// tell; not known: the function does not tell.
func rtuLength(from wire.Side, b []byte) (n int, known bool) {
	f := Function(b[1])
	if from == wire.Client {
		switch f {
		case ReadCoils, ReadDiscreteInputs, ReadHoldingRegisters, ReadInputRegisters, WriteSingleCoil, WriteSingleRegister:
			return 8, true
		case ReadExceptionStatus, GetCommEventCounter, GetCommEventLog, ReportServerID:
			return 4, true
		case WriteMultipleCoils, WriteMultipleRegisters:
			return countedLength(b, 6), true
		case ReadFileRecord, WriteFileRecord:
			return countedLength(b, 2), true
		case MaskWriteRegister:
			return 10, true
		case ReadWriteMultipleRegisters:
			return countedLength(b, 10), true
		case ReadFIFOQueue:
			return 6, true
		case EncapsulatedInterface:
			if len(b) < 3 {
				return 0, true
			}
			return 7, b[2] == readDeviceIdentification
		}
		return 0, false
	}
	switch f {
	case ReadCoils, ReadDiscreteInputs, ReadHoldingRegisters, ReadInputRegisters, GetCommEventLog,
		ReportServerID, ReadFileRecord, WriteFileRecord, ReadWriteMultipleRegisters:
		return countedLength(b, 2), true
	case WriteSingleCoil, WriteSingleRegister, WriteMultipleCoils, WriteMultipleRegisters, GetCommEventCounter:
		return 8, true
	case ReadExceptionStatus:
		return 5, true
	case MaskWriteRegister:
		return 10, true
	case ReadFIFOQueue:
		if len(b) < 4 {
			return 0, true
		}
		return 6 + int(binary.BigEndian.Uint16(b[2:])), true
	case EncapsulatedInterface:
		return identificationLength(b)
	}
	return 5, f&exceptionBit != 0
}

// countedLength is the length of a frame whose byte at is the number of bytes between it and the CRC.
func countedLength(b []byte, at int) int {
	if len(b) <= at {
		return 0
	}
	return at + 1 + int(b[at]) + 2
}

func identificationLength(b []byte) (n int, known bool) {
	switch {
	case len(b) < 3:
		return 0, true
	case b[2] != readDeviceIdentification:
		return 0, false
	case len(b) < 8:
		return 0, true
	}
	at := 8
	for range b[7] {
		if len(b) < at+2 {
			return 0, true
		}
		at += 2 + int(b[at+1])
		if at > rtuMax {
			return at, true
		}
	}
	return at + 2, true
}
