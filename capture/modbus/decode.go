package modbus

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// A decoder makes messages of PDUs. With reuse set, the messages that a polled device gets all day are
// made in place, and refer to the bytes they were read from.
type decoder struct {
	reuse bool

	read      ReadRequest
	single    WriteSingle
	multiple  WriteMultipleRequest
	mask      MaskWrite
	readWrite ReadWriteRequest
}

func clone(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return append([]byte(nil), b...)
}

func (d *decoder) keep(b []byte) []byte {
	if d.reuse && len(b) > 0 {
		return b
	}
	return clone(b)
}

// decode never fails: what is not as the specification says is Raw. pdu is not empty.
func (d *decoder) decode(from wire.Side, h Header, pdu []byte) Message {
	f, body := Function(pdu[0]), pdu[1:]
	var m Message
	if from == wire.Client {
		m = d.request(h, f, body)
	} else {
		m = d.response(h, f, body)
	}
	if m == nil {
		m = &Raw{Header: h, Function: f, Data: d.keep(body)}
	}
	return m
}

func (d *decoder) request(h Header, f Function, body []byte) Message {
	switch f {
	case ReadCoils, ReadDiscreteInputs, ReadHoldingRegisters, ReadInputRegisters:
		if len(body) < 4 {
			return nil
		}
		m := &d.read
		if !d.reuse {
			m = new(ReadRequest)
		}
		h.Trailing = d.keep(body[4:])
		m.Header, m.Function = h, f
		m.Address, m.Quantity = binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
		return m
	case WriteSingleCoil, WriteSingleRegister:
		return d.writeSingle(h, f, body)
	case WriteMultipleCoils, WriteMultipleRegisters:
		if len(body) < 5 || len(body)-5 < int(body[4]) {
			return nil
		}
		m := &d.multiple
		if !d.reuse {
			m = new(WriteMultipleRequest)
		}
		h.Trailing = d.keep(body[5+int(body[4]):])
		m.Header, m.Function = h, f
		m.Address, m.Quantity = binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
		m.Values = d.keep(body[5 : 5+int(body[4])])
		return m
	case MaskWriteRegister:
		return d.maskWrite(h, body)
	case ReadWriteMultipleRegisters:
		if len(body) < 9 || len(body)-9 < int(body[8]) {
			return nil
		}
		m := &d.readWrite
		if !d.reuse {
			m = new(ReadWriteRequest)
		}
		h.Trailing = d.keep(body[9+int(body[8]):])
		m.Header = h
		m.ReadAddress, m.ReadQuantity = binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
		m.WriteAddress, m.WriteQuantity = binary.BigEndian.Uint16(body[4:]), binary.BigEndian.Uint16(body[6:])
		m.Values = d.keep(body[9 : 9+int(body[8])])
		return m
	case ReadExceptionStatus, GetCommEventCounter, GetCommEventLog, ReportServerID:
		h.Trailing = clone(body)
		return &Simple{Header: h, Function: f}
	case Diagnostics:
		return decodeDiagnostic(h, body)
	case ReadFileRecord:
		return decodeReadFileRecordRequest(h, body)
	case WriteFileRecord:
		return decodeFileRecordWrite(h, body)
	case ReadFIFOQueue:
		if len(body) < 2 {
			return nil
		}
		h.Trailing = clone(body[2:])
		return &FIFORequest{Header: h, Address: binary.BigEndian.Uint16(body)}
	case EncapsulatedInterface:
		return decodeEncapsulated(wire.Client, h, body)
	}
	return nil
}

func (d *decoder) response(h Header, f Function, body []byte) Message {
	if f&exceptionBit != 0 {
		if len(body) < 1 {
			return nil
		}
		h.Trailing = clone(body[1:])
		return &Exception{Header: h, Function: f &^ exceptionBit, Reason: ExceptionCode(body[0])}
	}
	switch f {
	case ReadCoils, ReadDiscreteInputs:
		if v, rest, ok := counted(body); ok {
			h.Trailing = d.keep(rest)
			return &ReadBitsResponse{Header: h, Function: f, Bits: d.keep(v)}
		}
	case ReadHoldingRegisters, ReadInputRegisters, ReadWriteMultipleRegisters:
		if v, rest, ok := counted(body); ok {
			h.Trailing = d.keep(rest)
			return &ReadRegistersResponse{Header: h, Function: f, Registers: d.keep(v)}
		}
	case WriteSingleCoil, WriteSingleRegister:
		return d.writeSingle(h, f, body)
	case WriteMultipleCoils, WriteMultipleRegisters:
		if len(body) < 4 {
			return nil
		}
		h.Trailing = clone(body[4:])
		return &WriteMultipleResponse{Header: h, Function: f, Address: binary.BigEndian.Uint16(body), Quantity: binary.BigEndian.Uint16(body[2:])}
	case MaskWriteRegister:
		return d.maskWrite(h, body)
	case ReadExceptionStatus:
		if len(body) < 1 {
			return nil
		}
		h.Trailing = clone(body[1:])
		return &ExceptionStatus{Header: h, Status: body[0]}
	case Diagnostics:
		return decodeDiagnostic(h, body)
	case GetCommEventCounter:
		if len(body) < 4 {
			return nil
		}
		h.Trailing = clone(body[4:])
		return &CommEventCounter{Header: h, Status: binary.BigEndian.Uint16(body), EventCount: binary.BigEndian.Uint16(body[2:])}
	case GetCommEventLog:
		if v, rest, ok := counted(body); ok && len(v) >= 6 {
			h.Trailing = clone(rest)
			return &CommEventLog{Header: h, Status: binary.BigEndian.Uint16(v), EventCount: binary.BigEndian.Uint16(v[2:]),
				MessageCount: binary.BigEndian.Uint16(v[4:]), Events: clone(v[6:])}
		}
	case ReportServerID:
		if v, rest, ok := counted(body); ok {
			h.Trailing = clone(rest)
			return &ServerID{Header: h, Data: clone(v)}
		}
	case ReadFileRecord:
		return decodeReadFileRecordResponse(h, body)
	case WriteFileRecord:
		return decodeFileRecordWrite(h, body)
	case ReadFIFOQueue:
		return decodeFIFOResponse(h, body)
	case EncapsulatedInterface:
		return decodeEncapsulated(wire.Server, h, body)
	}
	return nil
}

// counted splits a body that begins with the number of bytes that follow.
func counted(body []byte) (v, rest []byte, ok bool) {
	if len(body) < 1 || len(body)-1 < int(body[0]) {
		return nil, nil, false
	}
	return body[1 : 1+int(body[0])], body[1+int(body[0]):], true
}

func (d *decoder) writeSingle(h Header, f Function, body []byte) Message {
	if len(body) < 4 {
		return nil
	}
	m := &d.single
	if !d.reuse {
		m = new(WriteSingle)
	}
	h.Trailing = d.keep(body[4:])
	m.Header, m.Function = h, f
	m.Address, m.Value = binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
	return m
}

func (d *decoder) maskWrite(h Header, body []byte) Message {
	if len(body) < 6 {
		return nil
	}
	m := &d.mask
	if !d.reuse {
		m = new(MaskWrite)
	}
	h.Trailing = d.keep(body[6:])
	m.Header = h
	m.Address, m.And, m.Or = binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:]), binary.BigEndian.Uint16(body[4:])
	return m
}

func decodeDiagnostic(h Header, body []byte) Message {
	if len(body) < 2 {
		return nil
	}
	return &Diagnostic{Header: h, SubFunction: binary.BigEndian.Uint16(body), Data: clone(body[2:])}
}
