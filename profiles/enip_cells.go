package profiles

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"ringer/capture/enip"
)

// The samples of an EtherNet/IP service are named after what is asked:
//
//	attr 0x01/1/7            an attribute: its bytes
//	tag LEVEL                an element of a tag: its type and its bytes; also tag COUNTS[3], tag TANK.level
//	ask 4c 20722400 00ce0400 any other question, by service, path and data: an ENIPAnswer; or nothing where
//	                         the cells above answer
//	pccc 0f a2 0289010000    a PCCC command, by command, function and data: an ENIPAnswer
//	list 0x0064              the items that a list command gets
//	session, connection      the handles and connection ids granted
//	io 0x00800001            what the device sends on an I/O connection: an ENIPSent
//
// In front of attr, ask and pccc may stand where the question was sent: "1/0 attr 0x01/1/7" for slot 0 of the
// backplane. Without it, it was sent to the device itself, or on a connection of which the recording lacks the
// opening.

// An ENIPAnswer is the answer to one CIP request.
type ENIPAnswer struct {
	Manager  bool // the Connection Manager refused: the request did not come to where it was sent
	Part     bool // of a tag: Data is how many bytes of it were answered, which its cells hold
	Status   uint8
	Extended []uint16
	Data     []byte
}

// Append writes an answer as a sample.
func (a *ENIPAnswer) Append(b []byte) []byte {
	flags := byte(0)
	if a.Manager {
		flags = 1
	}
	if a.Part {
		flags |= 2
	}
	b = append(b, flags, a.Status, byte(len(a.Extended)))
	for _, w := range a.Extended {
		b = binary.LittleEndian.AppendUint16(b, w)
	}
	return append(b, a.Data...)
}

// ParseENIPAnswer reads a sample. Data refers to it.
func ParseENIPAnswer(b []byte) (a ENIPAnswer, err error) {
	if len(b) < 3 || len(b) < 3+2*int(b[2]) {
		return a, fmt.Errorf("an answer of %d bytes is too short", len(b))
	}
	a.Manager, a.Part, a.Status = b[0]&1 != 0, b[0]&2 != 0, b[1]
	for i := range int(b[2]) {
		a.Extended = append(a.Extended, binary.LittleEndian.Uint16(b[3+2*i:]))
	}
	if a.Data = b[3+2*int(b[2]):]; len(a.Data) == 0 {
		a.Data = nil
	}
	if a.Part && len(a.Data) != 4 {
		return a, fmt.Errorf("the length of a part has %d bytes, want 4", len(a.Data))
	}
	return a, nil
}

// ENIPAsk names the samples of a question.
func ENIPAsk(service uint8, path, data []byte) string {
	s := fmt.Sprintf("ask %02x %x", service, path)
	if len(data) > 0 {
		s += " " + hex.EncodeToString(data)
	}
	return s
}

// ParseENIPAsk takes apart what stands behind "ask ".
func ParseENIPAsk(s string) (service uint8, path, data []byte, err error) {
	f := strings.Split(s, " ")
	var all [3][]byte
	for i := range f {
		if i == 3 || err != nil {
			return 0, nil, nil, fmt.Errorf("%q: want service, path and data in hexadecimal", s)
		}
		all[i], err = hex.DecodeString(f[i])
	}
	if err != nil || len(f) < 2 || len(all[0]) != 1 {
		return 0, nil, nil, fmt.Errorf("%q: want service, path and data in hexadecimal", s)
	}
	return all[0][0], all[1], all[2], nil
}

// ENIPPCCC names the samples of a PCCC command.
func ENIPPCCC(command, function uint8, data []byte) string {
	return fmt.Sprintf("pccc %02x %02x %x", command, function, data)
}

// An ENIPSent is one datagram that the device sends on an I/O connection.
type ENIPSent struct {
	After uint32 // microseconds behind the one before
	Data  []byte
}

// Append writes it as a sample.
func (s *ENIPSent) Append(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, s.After), s.Data...)
}

// ParseENIPSent reads a sample. Data refers to it.
func ParseENIPSent(b []byte) (s ENIPSent, err error) {
	if len(b) < 4 {
		return s, fmt.Errorf("a datagram of %d bytes is too short", len(b))
	}
	return ENIPSent{binary.LittleEndian.Uint32(b), b[4:]}, nil
}

// ENIPScale is what REALs are multiplied by, rounded, where the number in a cell is followed.
const ENIPScale = 1000

// ENIPNumber reads the number in a sample of a cell: of an attribute of 1, 2, 4 or 8 bytes, of an element of
// an elementary type, of an answer that is one. bits is its width.
func ENIPNumber(cell string, sample []byte) (v uint64, bits int, ok bool) {
	head, kind, ok := enipNumberIn(cell, sample)
	if !ok {
		return 0, 0, false
	}
	b := sample[head:]
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	switch kind {
	case enip.REAL:
		f := float64(math.Float32frombits(uint32(v)))
		if math.IsNaN(f) || math.Abs(f) > 1e12 {
			return 0, 0, false
		}
		return uint64(int64(math.Round(f * ENIPScale))), 64, true
	case enip.LREAL:
		f := math.Float64frombits(v)
		if math.IsNaN(f) || math.Abs(f) > 1e12 {
			return 0, 0, false
		}
		return uint64(int64(math.Round(f * ENIPScale))), 64, true
	}
	return v, 8 * len(b), true
}

// AppendENIPNumber writes the number v over the one in a sample.
func AppendENIPNumber(dst []byte, cell string, sample []byte, v uint64) []byte {
	head, kind, ok := enipNumberIn(cell, sample)
	if !ok {
		return append(dst, sample...)
	}
	dst = append(dst, sample[:head]...)
	switch kind {
	case enip.REAL:
		v = uint64(math.Float32bits(float32(float64(int64(v)) / ENIPScale)))
	case enip.LREAL:
		v = math.Float64bits(float64(int64(v)) / ENIPScale)
	}
	for range len(sample) - head {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}

// enipNumberIn finds the number in a sample: how many bytes come before it, and its type; 0 if that is not known.
func enipNumberIn(cell string, sample []byte) (head int, kind enip.Type, ok bool) {
	if way, rest, found := strings.Cut(cell, " "); found && way != "attr" && way != "tag" && way != "ask" && way != "pccc" {
		cell = rest
	}
	what, _, _ := strings.Cut(cell, " ")
	switch what {
	case "attr":
		n := len(sample)
		return 0, 0, n == 1 || n == 2 || n == 4 || n == 8
	case "tag":
	case "ask":
		if len(sample) < 3 || sample[0] != 0 || sample[1] != 0 || sample[2] != 0 {
			return 0, 0, false
		}
		head = 3
	default:
		return 0, 0, false
	}
	t, prefix, values, typed := enip.Typed(sample[head:])
	return head + len(prefix), t, typed && t.Size() > 0 && t.Size() == len(values)
}
