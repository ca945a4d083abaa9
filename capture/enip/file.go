package enip

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// Services of class File (CIP, section 5-42), which devices have for the sheet that describes them and for what
// else they keep: a file is uploaded in packets that are counted from 0.
const (
	InitiateUpload Service = 0x4B
	UploadTransfer Service = 0x4F
)

// Attributes of files; attribute 32 of the class lists them all.
const (
	FileState         = 1
	FileInstanceName  = 2
	FileFormat        = 3
	FileName          = 4
	FileRevision      = 5
	FileSize          = 6
	FileChecksumValue = 7
	FileInvocation    = 8
	FileSaving        = 9
	FileAccess        = 10
	FileEncoding      = 11
	FileDirectory     = 32
)

// States of a file.
const (
	FileEmpty     = 1
	FileLoaded    = 2
	FileInitiated = 3
	FileUploading = 5
)

// Additional status of refused transfers.
const (
	TransferOutOfSequence uint16 = 0x0006
	TransferOfNothing     uint16 = 0x0008
)

// A FileUpload is what InitiateUpload answers.
type FileUpload struct {
	Size     uint32
	Transfer uint8 // bytes of each packet
}

// ParseFileUpload reads it.
func ParseFileUpload(b []byte) (u FileUpload, ok bool) {
	if len(b) != 5 {
		return u, false
	}
	return FileUpload{binary.LittleEndian.Uint32(b), b[4]}, true
}

// Append writes it.
func (u *FileUpload) Append(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, u.Size), u.Transfer)
}

// A FilePacketKind is the place of a packet in its transfer.
type FilePacketKind uint8

const (
	FirstPacket FilePacketKind = iota
	MiddlePacket
	LastPacket
	AbortedTransfer
	OnlyPacket
)

// Ends says whether the packet is the last, which a checksum follows.
func (k FilePacketKind) Ends() bool { return k == LastPacket || k == OnlyPacket }

// A FilePacket is what UploadTransfer answers.
type FilePacket struct {
	Number   uint8
	Kind     FilePacketKind
	Data     []byte
	Checksum uint16 // of the last
}

// ParseFilePacket reads it.
func ParseFilePacket(b []byte) (p FilePacket, ok bool) {
	r := reader{wire.NewReader(b)}
	p.Number, p.Kind = r.Uint8(), FilePacketKind(r.Uint8())
	if p.Data = nonEmpty(r.Rest()); p.Kind.Ends() {
		n := len(p.Data) - 2
		if n < 0 {
			return p, false
		}
		p.Checksum = binary.LittleEndian.Uint16(p.Data[n:])
		p.Data = nonEmpty(p.Data[:n])
	}
	return p, r.Err() == nil && p.Kind <= OnlyPacket
}

// Append writes it.
func (p *FilePacket) Append(b []byte) []byte {
	b = append(append(b, p.Number, byte(p.Kind)), p.Data...)
	if p.Kind.Ends() {
		b = binary.LittleEndian.AppendUint16(b, p.Checksum)
	}
	return b
}

// FileChecksum is the checksum of a file: what makes the sum of its bytes 0.
func FileChecksum(b []byte) uint16 {
	var sum uint16
	for _, c := range b {
		sum += uint16(c)
	}
	return -sum
}

// file says whether a request is one of a file's upload.
func (q *Request) file() bool {
	if q.Service != InitiateUpload && q.Service != UploadTransfer {
		return false
	}
	t, ok := q.Path.Target()
	return ok && t.Class == ClassFile && t.HasInstance && !t.HasAttribute
}
