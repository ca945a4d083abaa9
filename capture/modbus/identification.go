package modbus

import "ringer/capture/wire"

// GeneralReference carries a CANopen request or response, function 43 with MEI type 13 (specification,
// section 6.20).
type GeneralReference struct {
	Header
	Data []byte
}

func (m *GeneralReference) Code() Function { return EncapsulatedInterface }
func (m *GeneralReference) Class() (string, wire.Effect) {
	return "canopen general reference", wire.Control
}
func (m *GeneralReference) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, EncapsulatedInterface), canOpenGeneralReference)
	return m.end(append(b, m.Data...), start)
}

// ReadDeviceIDRequest asks who the device is, function 43 with MEI type 14 (specification, section
// 6.21).
type ReadDeviceIDRequest struct {
	Header
	ReadCode ReadDeviceIDCode
	ObjectID uint8 // where to begin, or the one wanted
}

// A ReadDeviceIDCode says how much of the identification is asked for.
type ReadDeviceIDCode uint8

const (
	BasicIdentification    ReadDeviceIDCode = 1 // objects 0x00–0x02
	RegularIdentification  ReadDeviceIDCode = 2 // and 0x03–0x7F
	ExtendedIdentification ReadDeviceIDCode = 3 // and 0x80–0xFF
	OneObject              ReadDeviceIDCode = 4 // one object
)

// Object ids of the basic and regular identification (specification, section 6.21).
const (
	VendorName          = 0
	ProductCode         = 1
	MajorMinorRevision  = 2
	VendorURL           = 3
	ProductName         = 4
	ModelName           = 5
	UserApplicationName = 6
)

func (m *ReadDeviceIDRequest) Code() Function { return EncapsulatedInterface }
func (m *ReadDeviceIDRequest) Class() (string, wire.Effect) {
	return "read device identification", wire.Read
}
func (m *ReadDeviceIDRequest) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, EncapsulatedInterface), readDeviceIdentification, byte(m.ReadCode), m.ObjectID)
	return m.end(b, start)
}

// ReadDeviceIDResponse answers it.
type ReadDeviceIDResponse struct {
	Header
	ReadCode     ReadDeviceIDCode
	Conformity   uint8 // 1–3: stream access up to basic, regular, extended; bit 7: single objects too
	MoreFollows  uint8 // 0xFF: ask again from NextObjectID on
	NextObjectID uint8
	Objects      []Object
}

// An Object is one line of the identification.
type Object struct {
	ID    uint8 `wire:"id"`
	Value []byte
}

func (m *ReadDeviceIDResponse) Code() Function { return EncapsulatedInterface }
func (m *ReadDeviceIDResponse) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(m.begin(b, EncapsulatedInterface), readDeviceIdentification, byte(m.ReadCode), m.Conformity,
		m.MoreFollows, m.NextObjectID, byte(len(m.Objects)))
	for _, o := range m.Objects {
		b = appendCounted(append(b, o.ID), o.Value)
	}
	return m.end(b, start)
}

func decodeEncapsulated(from wire.Side, h Header, body []byte) Message {
	switch {
	case len(body) >= 1 && body[0] == canOpenGeneralReference:
		return &GeneralReference{Header: h, Data: clone(body[1:])}
	case len(body) < 3 || body[0] != readDeviceIdentification:
		return nil
	case from == wire.Client:
		h.Trailing = clone(body[3:])
		return &ReadDeviceIDRequest{Header: h, ReadCode: ReadDeviceIDCode(body[1]), ObjectID: body[2]}
	case len(body) < 6:
		return nil
	}
	m := &ReadDeviceIDResponse{Header: h, ReadCode: ReadDeviceIDCode(body[1]), Conformity: body[2], MoreFollows: body[3], NextObjectID: body[4]}
	rest := body[6:]
	for range body[5] {
		if len(rest) < 2 || len(rest)-2 < int(rest[1]) {
			return nil
		}
		m.Objects = append(m.Objects, Object{rest[0], clone(rest[2 : 2+rest[1]])})
		rest = rest[2+int(rest[1]):]
	}
	m.Trailing = clone(rest)
	return m
}
