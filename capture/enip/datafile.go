package enip

import (
	"encoding/binary"

	"ringer/capture/wire"
)

// A DataFileType is the type of a data file of SLC 500 and MicroLogix controllers (1770-6.5.16, chapter 7,
// "protected typed logical read").
type DataFileType uint8

const (
	FileOutput  DataFileType = 0x82
	FileInput   DataFileType = 0x83
	FileStatus  DataFileType = 0x84
	FileBit     DataFileType = 0x85
	FileTimer   DataFileType = 0x86
	FileCounter DataFileType = 0x87
	FileControl DataFileType = 0x88
	FileInteger DataFileType = 0x89
	FileFloat   DataFileType = 0x8A
	FileString  DataFileType = 0x8D
	FileASCII   DataFileType = 0x8E
	FileLong    DataFileType = 0x91
)

var dataFileTypes = []struct {
	letters string
	code    DataFileType
	size    int // of an element, in bytes
}{
	{"O", FileOutput, 2}, {"I", FileInput, 2}, {"S", FileStatus, 2}, {"B", FileBit, 2}, {"T", FileTimer, 6}, {"C", FileCounter, 6},
	{"R", FileControl, 6}, {"N", FileInteger, 2}, {"F", FileFloat, 4}, {"ST", FileString, 84}, {"A", FileASCII, 2}, {"L", FileLong, 4},
}

// ParseDataFileType finds a type by the letters that programs write: "N", "ST".
func ParseDataFileType(letters string) (DataFileType, bool) {
	for _, t := range dataFileTypes {
		if t.letters == letters {
			return t.code, true
		}
	}
	return 0, false
}

func (t DataFileType) String() string {
	for i := range dataFileTypes {
		if dataFileTypes[i].code == t {
			return dataFileTypes[i].letters
		}
	}
	return ""
}

// Size is how many bytes an element has; 0: the type is not known.
func (t DataFileType) Size() int {
	for i := range dataFileTypes {
		if dataFileTypes[i].code == t {
			return dataFileTypes[i].size
		}
	}
	return 0
}

// A DataFileAccess is a protected typed logical read or write: of command 0x0F the functions 0xA1 and 0xA9
// with two fields of address, 0xA2, 0xAA and 0xAB with three.
type DataFileAccess struct {
	Function uint8
	Size     uint8 // bytes to read or write
	File     uint16
	Type     DataFileType
	Element  uint16
	Word     uint16  // within the element
	Mask     *uint16 // of 0xAB: the bits of each word that are written
	Data     []byte  // of writes
}

const (
	readTwoFields    = 0xA1
	readThreeFields  = 0xA2
	writeTwoFields   = 0xA9
	writeThreeFields = 0xAA
	writeMasked      = 0xAB
)

// Write says whether it writes.
func (a *DataFileAccess) Write() bool { return a.Function >= writeTwoFields }

// DataFile reads the address of a typed logical read or write; ok is false for all other commands.
func (p *PCCC) DataFile() (a DataFileAccess, ok bool) {
	if p.Command != 0x0F {
		return a, false
	}
	switch p.Function {
	case readTwoFields, readThreeFields, writeTwoFields, writeThreeFields, writeMasked:
	default:
		return a, false
	}
	r := reader{wire.NewReader(p.Data)}
	a.Function, a.Size, a.File = p.Function, r.Uint8(), field(&r)
	a.Type, a.Element = DataFileType(r.Uint8()), field(&r)
	if p.Function != readTwoFields && p.Function != writeTwoFields {
		a.Word = field(&r)
	}
	if p.Function == writeMasked {
		m := r.u16()
		a.Mask = &m
	}
	a.Data = nonEmpty(r.Rest())
	return a, r.Err() == nil && (a.Write() || a.Data == nil)
}

// field is a number of an address: a byte, or 0xFF and two bytes.
func field(r *reader) uint16 {
	if n := r.Uint8(); n != 0xFF {
		return uint16(n)
	}
	return r.u16()
}

func appendField(b []byte, n uint16) []byte {
	if n < 0xFF {
		return append(b, byte(n))
	}
	return binary.LittleEndian.AppendUint16(append(b, 0xFF), n)
}

// Append writes the data of the command, its numbers as short as they can be.
func (a *DataFileAccess) Append(b []byte) []byte {
	b = appendField(append(b, a.Size), a.File)
	b = appendField(append(b, byte(a.Type)), a.Element)
	if a.Function != readTwoFields && a.Function != writeTwoFields {
		b = appendField(b, a.Word)
	}
	if a.Mask != nil {
		b = binary.LittleEndian.AppendUint16(b, *a.Mask)
	}
	return append(b, a.Data...)
}

// Status codes of PCCC answers (1770-6.5.16, chapter 8).
const (
	PCCCIllegal  = 0x10 // the command or its format; SLC controllers say so of addresses that there are not, too
	PCCCExtended = 0xF0 // the first byte behind is a PCCCDenied
	PCCCDenied   = 0x0B
)
