package modbus

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// ReadFileRecordRequest asks for parts of files, function 20 (specification, section 6.14).
type ReadFileRecordRequest struct {
	Header
	Records []RecordRange
}

// A RecordRange is one sub-request: Length registers of file File from record Record on.
type RecordRange struct {
	ReferenceType        uint8 // 6
	File, Record, Length uint16
}

func (m *ReadFileRecordRequest) Code() Function { return ReadFileRecord }
func (m *ReadFileRecordRequest) Class() (string, wire.Effect) {
	return ReadFileRecord.String(), wire.Read
}
func (m *ReadFileRecordRequest) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, ReadFileRecord), byte(7*len(m.Records)))
	for _, r := range m.Records {
		b = append(b, r.ReferenceType)
		b = binary.BigEndian.AppendUint16(b, r.File)
		b = binary.BigEndian.AppendUint16(b, r.Record)
		b = binary.BigEndian.AppendUint16(b, r.Length)
	}
	return m.end(b, start)
}

// ReadFileRecordResponse answers function 20, one part for each that was asked for.
type ReadFileRecordResponse struct {
	Header
	Parts []RecordPart
}

// A RecordPart is what one RecordRange holds.
type RecordPart struct {
	ReferenceType uint8
	Data          []byte
}

func (m *ReadFileRecordResponse) Code() Function { return ReadFileRecord }
func (m *ReadFileRecordResponse) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, ReadFileRecord), 0)
	body := len(b)
	for _, p := range m.Parts {
		b = append(b, byte(1+len(p.Data)), p.ReferenceType)
		b = append(b, p.Data...)
	}
	b[body-1] = byte(len(b) - body)
	return m.end(b, start)
}

// FileRecordWrite is function 21, request and response (specification, section 6.15).
type FileRecordWrite struct {
	Header
	Records []RecordWrite
}

// A RecordWrite is one sub-request: Data goes to file File from record Record on.
type RecordWrite struct {
	ReferenceType uint8 // 6
	File, Record  uint16
	Data          []byte // two bytes a register
}

func (m *FileRecordWrite) Code() Function               { return WriteFileRecord }
func (m *FileRecordWrite) Class() (string, wire.Effect) { return WriteFileRecord.String(), wire.Write }
func (m *FileRecordWrite) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, WriteFileRecord), 0)
	body := len(b)
	for _, r := range m.Records {
		b = append(b, r.ReferenceType)
		b = binary.BigEndian.AppendUint16(b, r.File)
		b = binary.BigEndian.AppendUint16(b, r.Record)
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.Data)/2))
		b = append(b, r.Data...)
	}
	b[body-1] = byte(len(b) - body)
	return m.end(b, start)
}

// FIFORequest asks for a queue of registers, function 24 (specification, section 6.18).
type FIFORequest struct {
	Header
	Address uint16
}

func (m *FIFORequest) Code() Function               { return ReadFIFOQueue }
func (m *FIFORequest) Class() (string, wire.Effect) { return ReadFIFOQueue.String(), wire.Read }
func (m *FIFORequest) Append(b []byte) ([]byte, error) {
	start := len(b)
	return m.end(append(m.begin(b, ReadFIFOQueue), byte(m.Address>>8), byte(m.Address)), start)
}

// FIFOResponse answers function 24 with at most 31 registers.
type FIFOResponse struct {
	Header
	Registers []byte // two bytes each, the high one first
}

func (m *FIFOResponse) Code() Function { return ReadFIFOQueue }
func (m *FIFOResponse) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = m.begin(b, ReadFIFOQueue)
	b = binary.BigEndian.AppendUint16(b, uint16(2+len(m.Registers)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Registers)/2))
	return m.end(append(b, m.Registers...), start)
}

func decodeReadFileRecordRequest(h Header, body []byte) Message {
	if len(body) < 1 || body[0]%7 != 0 || len(body)-1 < int(body[0]) {
		return nil
	}
	m := &ReadFileRecordRequest{Header: h}
	list, rest := body[1:1+body[0]], body[1+body[0]:]
	for ; len(list) > 0; list = list[7:] {
		m.Records = append(m.Records, RecordRange{list[0], binary.BigEndian.Uint16(list[1:]),
			binary.BigEndian.Uint16(list[3:]), binary.BigEndian.Uint16(list[5:])})
	}
	m.Trailing = clone(rest)
	return m
}

func decodeReadFileRecordResponse(h Header, body []byte) Message {
	if len(body) < 1 || len(body)-1 < int(body[0]) {
		return nil
	}
	m := &ReadFileRecordResponse{Header: h}
	list, rest := body[1:1+body[0]], body[1+body[0]:]
	for len(list) > 0 {
		n := int(list[0])
		if n < 1 || len(list) < 1+n {
			return nil
		}
		m.Parts = append(m.Parts, RecordPart{list[1], clone(list[2 : 1+n])})
		list = list[1+n:]
	}
	m.Trailing = clone(rest)
	return m
}

func decodeFileRecordWrite(h Header, body []byte) Message {
	if len(body) < 1 || len(body)-1 < int(body[0]) {
		return nil
	}
	m := &FileRecordWrite{Header: h}
	list, rest := body[1:1+body[0]], body[1+body[0]:]
	for len(list) > 0 {
		if len(list) < 7 {
			return nil
		}
		n := 2 * int(binary.BigEndian.Uint16(list[5:]))
		if len(list)-7 < n {
			return nil
		}
		m.Records = append(m.Records, RecordWrite{list[0], binary.BigEndian.Uint16(list[1:]),
			binary.BigEndian.Uint16(list[3:]), clone(list[7 : 7+n])})
		list = list[7+n:]
	}
	m.Trailing = clone(rest)
	return m
}

func decodeFIFOResponse(h Header, body []byte) Message {
	if len(body) < 4 {
		return nil
	}
	n, count := int(binary.BigEndian.Uint16(body)), int(binary.BigEndian.Uint16(body[2:]))
	if n != 2+2*count || len(body)-2 < n {
		return nil
	}
	h.Trailing = clone(body[2+n:])
	return &FIFOResponse{Header: h, Registers: clone(body[4 : 2+n])}
}
