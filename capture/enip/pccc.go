package enip

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// PCCC is a command of Rockwell's older controllers in CIP (1770-6.5.16, chapter 7; in CIP: DF1 over
// Execute PCCC): SLC 500, MicroLogix and PLC-5 have no tags but data files.
type PCCC struct {
	Requestor   []byte `wire:"echo"` // with its length in front: vendor, serial number, more
	Command     uint8
	Status      uint8
	Transaction uint16 `wire:"echo"`
	Function    uint8
	Data        []byte
}

func readPCCC(b []byte) (*PCCC, bool) {
	r := reader{wire.NewReader(b)}
	p := &PCCC{Requestor: requestor(&r), Command: r.Uint8(), Status: r.Uint8(), Transaction: r.u16(), Function: r.Uint8()}
	p.Data = r.Rest()
	return p, r.Err() == nil
}

// requestor takes the id of who asks; its length counts itself.
func requestor(r *reader) []byte {
	n := r.Uint8()
	if n == 0 {
		r.Fail(errNot)
		return nil
	}
	rest := r.Bytes(int(n) - 1)
	return append([]byte{n}, rest...)
}

func (p *PCCC) append(b []byte) []byte {
	b = append(append(b, p.Requestor...), p.Command, p.Status)
	b = binary.LittleEndian.AppendUint16(b, p.Transaction)
	return append(append(b, p.Function), p.Data...)
}

// effect: of command 0x0F and 0x06, those that read; 0x0F also has those that write.
func (p *PCCC) effect() wire.Effect {
	switch p.Command {
	case 0x01, 0x08: // unprotected read and write of PLC-2
		if p.Command == 0x08 {
			return wire.Write
		}
		return wire.Read
	case 0x06: // diagnostics: 3 asks for the status
		if p.Function == 3 {
			return wire.Read
		}
	case 0x0F:
		switch p.Function {
		case 0x01, 0x68, 0xA1, 0xA2, 0xA3, 0xA7: // word range, typed, logical and file reads
			return wire.Read
		case 0x00, 0x26, 0x67, 0x79, 0xA9, 0xAA, 0xAB, 0xAF:
			return wire.Write
		}
	}
	return wire.Control
}

// A PCCCReply answers a PCCC.
type PCCCReply struct {
	Requestor   []byte `wire:"echo"`
	Command     uint8
	Status      uint8
	Transaction uint16 `wire:"echo"`
	Data        []byte // an extended status byte comes first where Status is 0xF0
}

func readPCCCReply(b []byte) (*PCCCReply, bool) {
	r := reader{wire.NewReader(b)}
	p := &PCCCReply{Requestor: requestor(&r), Command: r.Uint8(), Status: r.Uint8(), Transaction: r.u16()}
	p.Data = r.Rest()
	return p, r.Err() == nil
}

func (p *PCCCReply) append(b []byte) []byte {
	b = append(append(b, p.Requestor...), p.Command, p.Status)
	b = binary.LittleEndian.AppendUint16(b, p.Transaction)
	return append(b, p.Data...)
}
