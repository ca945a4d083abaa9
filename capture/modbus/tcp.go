package modbus

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ringer/capture/wire"
)

// conn decodes one Modbus/TCP connection.
type conn struct {
	decoder
	lost [2]bool // by side: bytes are missing, so the next ones need not begin a message
}

// Reuse makes Next decode the commonest requests in place.
func (c *conn) Reuse() { c.reuse = true }

func side(s wire.Side) int {
	if s == wire.Server {
		return 1
	}
	return 0
}

func (c *conn) Lost(from wire.Side, n int) { c.lost[side(from)] = true }

var errProtocolID = errors.New("modbus: protocol identifier is not 0")

// Next decodes one ADU. A length field below 2 or a protocol identifier other than 0 is an error, and
// so is a length that no PDU of its function can have: whoever serves should hang up, as what follows
// cannot be told apart any more.
func (c *conn) Next(from wire.Side, b []byte, eof bool) (int, wire.Message, error) {
	if c.lost[side(from)] {
		if n := resynchronise(from, b, eof); n != 0 || len(b) == 0 {
			return n, nil, nil
		}
	}
	n, err := frameLength(from, b)
	if err != nil {
		return 0, nil, err
	}
	if n == 0 || len(b) < n {
		return 0, nil, nil
	}
	c.lost[side(from)] = false
	h := Header{Transaction: binary.BigEndian.Uint16(b), Unit: b[6]}
	return n, c.decode(from, h, b[mbapSize:n]), nil
}

func (c *conn) Match(open []wire.Message, reply wire.Message) (int, bool) { return match(open, reply) }

// frameLength is the length of the ADU that b begins with, 0 if b does not say yet.
func frameLength(from wire.Side, b []byte) (int, error) {
	if len(b) >= 8 && b[2]|b[3]|b[4] == 0 && b[5] >= 2 && b[5] <= maxLength {
		return 6 + int(b[5]), nil
	}
	if len(b) >= 3 && b[2] != 0 || len(b) >= 4 && b[3] != 0 {
		return 0, errProtocolID
	}
	if len(b) < 6 {
		return 0, nil
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	switch {
	case n < 2 || n > maxRawLength:
		return 0, fmt.Errorf("modbus: length field: %d", n)
	case len(b) < 8:
		return 0, nil
	case n > maxLength && Function(b[7]&^byte(exceptionBit)).Public() && (from == wire.Client || n > maxReadLength || b[7] > byte(ReadInputRegisters)):
		return 0, fmt.Errorf("modbus: %v: length field: %d, at most %d", Function(b[7]), n, maxLength)
	}
	return 6 + n, nil
}

// resynchronise says how many bytes to skip until a message begins: 0 if one begins at once, or if
// more bytes are needed to tell.
func resynchronise(from wire.Side, b []byte, eof bool) int {
	for i := range b {
		switch begins(from, b[i:]) {
		case yes:
			return i
		case unsure:
			if eof {
				continue
			}
			return i
		}
	}
	return len(b)
}

type verdict uint8

const (
	no verdict = iota
	unsure
	yes
)

// begins says whether a message begins b, more strictly than Next has to: its body must be what its
// function asks for, and if bytes follow it they must look like a header.
func begins(from wire.Side, b []byte) verdict {
	n, err := frameLength(from, b)
	if err != nil {
		return no
	}
	if n == 0 || len(b) < n {
		// Nothing but a header yet: it is one if the length suits the function.
		if n > 0 && !likely(from, b[7], n-mbapSize) {
			return no
		}
		return unsure
	}
	if !likely(from, b[7], n-mbapSize) {
		return no
	}
	var d decoder
	if raw, ok := d.decode(from, Header{}, b[mbapSize:n]).(*Raw); ok && raw.Function.Public() {
		return no
	}
	if _, err := frameLength(from, b[n:]); err != nil {
		return no
	}
	return yes
}

// likely says whether a PDU of so many bytes suits its function code.
func likely(from wire.Side, function byte, size int) bool {
	f := Function(function)
	switch {
	case f&exceptionBit != 0:
		return from == wire.Server && size <= 3
	case f == 0:
		return false
	case from == wire.Client && f <= WriteSingleRegister:
		return size == 5
	case from == wire.Server && (f == WriteSingleCoil || f == WriteSingleRegister || f == WriteMultipleCoils || f == WriteMultipleRegisters):
		return size == 5
	}
	return true
}
