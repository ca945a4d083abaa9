package modbus

// Refusal is what the state diagrams of the specification's chapter 6 refuse of a request by itself,
// before any address is looked at: IllegalFunction, IllegalDataValue, or 0 if there is nothing to say.
// Whether the device has the function at all is asked before, and is not known here.
func Refusal(req Message) ExceptionCode {
	if len(req.Head().Trailing) > 0 {
		return IllegalDataValue
	}
	wrong := false
	switch m := req.(type) {
	case *ReadRequest:
		most := uint16(MaxReadRegisters)
		if m.Function == ReadCoils || m.Function == ReadDiscreteInputs {
			most = MaxReadBits
		}
		wrong = m.Quantity < 1 || m.Quantity > most
	case *WriteSingle:
		wrong = m.Function == WriteSingleCoil && m.Value != 0 && m.Value != 0xFF00
	case *WriteMultipleRequest:
		if m.Function == WriteMultipleCoils {
			wrong = m.Quantity < 1 || m.Quantity > MaxWriteBits || len(m.Values) != (int(m.Quantity)+7)/8
		} else {
			wrong = m.Quantity < 1 || m.Quantity > MaxWriteRegisters || len(m.Values) != 2*int(m.Quantity)
		}
	case *ReadWriteRequest:
		wrong = m.ReadQuantity < 1 || m.ReadQuantity > MaxReadRegisters || m.WriteQuantity < 1 ||
			m.WriteQuantity > MaxReadWriteRegisters || len(m.Values) != 2*int(m.WriteQuantity)
	case *Diagnostic:
		return refuseDiagnostic(m)
	case *ReadFileRecordRequest:
		wrong = len(m.Records) == 0
	case *FileRecordWrite:
		wrong = len(m.Records) == 0
	case *Raw:
		if m.Function == EncapsulatedInterface && len(m.Data) > 0 && m.Data[0] != canOpenGeneralReference && m.Data[0] != readDeviceIdentification {
			return IllegalFunction // the MEI type (section 6.19)
		}
		wrong = m.Function.Public()
	}
	if wrong {
		return IllegalDataValue
	}
	return 0
}

// refuseDiagnostic: an unknown sub-function is an illegal function, and all but the echo take one word
// that is 0, or 0xFF00 where section 6.8 has a choice.
func refuseDiagnostic(m *Diagnostic) ExceptionCode {
	if m.SubFunction == ReturnQueryData {
		return 0
	}
	known := m.SubFunction <= ForceListenOnlyMode || m.SubFunction >= ClearCountersAndDiagnostic &&
		m.SubFunction <= ReturnBusOverrunCount || m.SubFunction == ClearOverrunCounterAndFlag
	switch {
	case !known:
		return IllegalFunction
	case len(m.Data) != 2:
		return IllegalDataValue
	case m.SubFunction == ChangeASCIIInputDelimiter && m.Data[1] == 0,
		m.SubFunction == RestartCommunicationsOption && m.Data[0] == 0xFF && m.Data[1] == 0,
		m.Data[0] == 0 && m.Data[1] == 0:
		return 0
	}
	return IllegalDataValue
}

// An Identification is what a device says of itself by function 43/14.
type Identification struct {
	Conformity uint8
	Objects    []Object // by ascending id
}

// identificationRoom is how many bytes of a PDU are left for objects.
const identificationRoom = 253 - 7

// Answer fills a response as section 6.21 asks: a stream stops at the device's own level and begins
// anew at object 0 when told to begin at an unknown one; what does not fit follows when asked again.
// One object by itself must exist, and the device must offer it.
func (d *Identification) Answer(req *ReadDeviceIDRequest, into *ReadDeviceIDResponse) ExceptionCode {
	if req.ReadCode < BasicIdentification || req.ReadCode > OneObject || req.ReadCode == OneObject && d.Conformity&0x80 == 0 {
		return IllegalDataValue
	}
	*into = ReadDeviceIDResponse{Header: into.Header, ReadCode: req.ReadCode, Conformity: d.Conformity, Objects: into.Objects[:0]}
	if req.ReadCode == OneObject {
		for _, o := range d.Objects {
			if o.ID == req.ObjectID {
				into.Objects = append(into.Objects, o)
				return 0
			}
		}
		return IllegalDataAddress
	}
	last := map[ReadDeviceIDCode]uint8{BasicIdentification: MajorMinorRevision, RegularIdentification: 0x7F, ExtendedIdentification: 0xFF}[min(req.ReadCode, ReadDeviceIDCode(d.Conformity&3))]
	from := uint8(0)
	for _, o := range d.Objects {
		if o.ID == req.ObjectID && o.ID <= last {
			from = o.ID
		}
	}
	room := identificationRoom
	for _, o := range d.Objects {
		if o.ID < from || o.ID > last {
			continue
		}
		if room -= 2 + len(o.Value); room < 0 {
			into.MoreFollows, into.NextObjectID = 0xFF, o.ID
			break
		}
		into.Objects = append(into.Objects, o)
	}
	return 0
}
