package s7comm

import (
	"bytes"

	"ringer/capture/wire"
)

// decode reads an S7 PDU. It never fails: what it does not understand is kept raw, and so is what would
// not be written again byte for byte.
func (c *Conn) decode(payload []byte, carriage Carriage) wire.Message {
	if c.reuse {
		if m := c.decodeHot(payload); m != nil {
			return m
		}
	}
	payload = clone(payload)
	h, rosctr, result, parameter, data, ok := split(payload)
	h.Carriage = carriage
	if !ok {
		return &Unknown{Carriage: carriage, Payload: payload}
	}
	m := structured(h, rosctr, result, parameter, data)
	if m != nil {
		if again, err := m.Append(nil); err == nil && same(again, payload, carriage) {
			return m
		}
	}
	switch rosctr {
	case rosctrJob:
		return &Job{h, parameter, data}
	case rosctrAck:
		return &Ack{h, result, parameter, data}
	case rosctrAckData:
		return &AckData{h, result, parameter, data}
	}
	return &Unknown{Carriage: carriage, Payload: payload}
}

// same compares what was written with the payload that was read, whatever TPDUs it came in.
func same(written, payload []byte, carriage Carriage) bool {
	if len(carriage.TPDUs) == 0 {
		return bytes.Equal(written[len(dataHead):], payload)
	}
	for _, t := range carriage.TPDUs {
		head := len(dataHead) + len(t.Extra)
		if len(written) < head+t.Size || len(payload) < t.Size {
			return false
		}
		written = written[head:]
		if !bytes.Equal(written[:t.Size], payload[:t.Size]) {
			return false
		}
		written, payload = written[t.Size:], payload[t.Size:]
	}
	return len(written) == 0 && len(payload) == 0
}

// split takes a PDU apart. ok is false where the header is not one of the four kinds or lies about lengths.
func split(p []byte) (h Header, rosctr uint8, result Result, parameter, data []byte, ok bool) {
	r := wire.NewReader(p)
	r.Uint8()
	rosctr = r.Uint8()
	h.Redundancy, h.Reference = r.Uint16(), r.Uint16()
	np, nd := int(r.Uint16()), int(r.Uint16())
	switch rosctr {
	case rosctrJob, rosctrUserdata:
	case rosctrAck, rosctrAckData:
		result.ErrorClass, result.ErrorCode = r.Uint8(), r.Uint8()
	default:
		return h, rosctr, result, nil, nil, false
	}
	parameter, data = filled(r.Bytes(np)), filled(r.Bytes(nd))
	return h, rosctr, result, parameter, data, r.Err() == nil && r.Len() == 0
}

// filled is b, or nil if there is nothing in it.
func filled(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// structured decodes what has a struct; nil for the rest.
func structured(h Header, rosctr uint8, result Result, parameter, data []byte) wire.Message {
	if rosctr == rosctrUserdata {
		return readUserdata(h, parameter, data)
	}
	r := wire.NewReader(parameter)
	function := r.Uint8()
	var m wire.Message
	switch {
	case rosctr == rosctrJob:
		m = readJob(h, function, &r, data)
	case rosctr == rosctrAckData && len(parameter) > 0:
		m = readAckData(h, result, function, &r, data)
	}
	if r.Err() != nil || r.Len() > 0 {
		return nil
	}
	return m
}

func readJob(h Header, function uint8, r *wire.Reader, data []byte) wire.Message {
	switch function {
	case FuncSetup:
		return &SetupCommunication{h, r.Uint8(), r.Uint16(), r.Uint16(), r.Uint16()}
	case FuncReadVar:
		m := &ReadVar{Header: h}
		m.Items = readItems(r, nil)
		return m
	case FuncWriteVar:
		m := &WriteVar{Header: h}
		m.Items = readItems(r, nil)
		d := wire.NewReader(data)
		if m.Values = readValues(&d, len(m.Items), nil); d.Err() != nil || d.Len() > 0 {
			return nil
		}
		return m
	}
	return readBlockJob(h, function, r, data)
}

func readAckData(h Header, result Result, function uint8, r *wire.Reader, data []byte) wire.Message {
	d := wire.NewReader(data)
	var m wire.Message
	switch function {
	case FuncSetup:
		m = &SetupCommunicationReply{h, result, r.Uint8(), r.Uint16(), r.Uint16(), r.Uint16()}
	case FuncReadVar:
		m = &ReadVarReply{h, result, readValues(&d, int(r.Uint8()), nil)}
	case FuncWriteVar:
		m = &WriteVarReply{h, result, d.Copy(int(r.Uint8()))}
	default:
		return readBlockReply(h, result, function, r, data)
	}
	if d.Err() != nil || d.Len() > 0 {
		return nil
	}
	return m
}

// decodeHot decodes the requests that servers are asked most, without allocating; nil: not one of them.
// Fill bytes may be anything there: nothing is written again from what it returns.
func (c *Conn) decodeHot(p []byte) wire.Message {
	h, rosctr, _, parameter, data, ok := split(p)
	if !ok {
		return nil
	}
	r := wire.NewReader(parameter)
	switch {
	case rosctr == rosctrUserdata:
		return c.hotUserdata(h, parameter, data)
	case rosctr != rosctrJob:
		return nil
	}
	switch r.Uint8() {
	case FuncReadVar:
		m := &c.scratch.readVar
		m.Header, m.Items = h, readItems(&r, m.Items[:0])
		if r.Err() == nil && r.Len() == 0 && len(data) == 0 {
			return m
		}
	case FuncWriteVar:
		m := &c.scratch.writeVar
		m.Header, m.Items = h, readItems(&r, m.Items[:0])
		d := wire.NewReader(data)
		m.Values = readValues(&d, len(m.Items), m.Values[:0])
		if r.Err() == nil && r.Len() == 0 && d.Err() == nil && d.Len() == 0 {
			return m
		}
	}
	return nil
}
