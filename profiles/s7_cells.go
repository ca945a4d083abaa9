package profiles

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// The samples of an S7 service are named after what is asked:
//
//	DB1.12                      a byte of an area
//	DB1.12:u32                  a number there: how it goes on when the samples of its bytes have ended;
//	DB1.12:f32*1000             a REAL, followed as a whole number of thousandths
//	szl 0011/0000               a system status list: an S7Answer
//	userdata 3/2 ff09 3041      any other userdata question: group, function, head and data: an S7Answer
//	follow userdata 2/5 …       how many messages are pushed after the answer
//	push userdata 2/5 …         one of them: an S7Push
//	item read 1002000100…       what an item gets instead of its bytes: head and data of the value, or
//	                            nothing where it gets them; item write: its return code
//	job 28…                     another job, by its parameters: an S7Reply
//	block _0B00000A             what an upload gives: an S7Upload
//	sequence 4/1                the job number in userdata answers
//	part                        the number that names the parts of a long answer
//	reference                   the reference in connection confirms

// An S7Answer is one answer to userdata, its parts joined.
type S7Answer struct {
	More          bool   // the recording has no end of it
	Part          uint16 // bytes in the first of several parts; 0: there is one only
	Error         uint16
	ReturnCode    uint8
	TransportSize uint8
	Data          []byte
}

const s7AnswerHead = 7

// Append writes an answer as a sample.
func (a *S7Answer) Append(b []byte) []byte {
	more := byte(0)
	if a.More {
		more = 1
	}
	b = append(b, more, byte(a.Part>>8), byte(a.Part), byte(a.Error>>8), byte(a.Error), a.ReturnCode, a.TransportSize)
	return append(b, a.Data...)
}

// ParseS7Answer reads a sample. Data refers to it.
func ParseS7Answer(b []byte) (a S7Answer, err error) {
	if len(b) < s7AnswerHead {
		return a, fmt.Errorf("an answer of %d bytes is too short", len(b))
	}
	return S7Answer{b[0] != 0, binary.BigEndian.Uint16(b[1:]), binary.BigEndian.Uint16(b[3:]), b[5], b[6], b[s7AnswerHead:]}, nil
}

// An S7Push is one message that is pushed.
type S7Push struct {
	After         uint32 // milliseconds behind what was said before it
	Group         uint8
	Subfunction   uint8
	Sequence      uint8
	Long          bool // its head has the fields of a part of an answer
	Part          uint8
	More          uint8
	Error         uint16
	ReturnCode    uint8
	TransportSize uint8
	Data          []byte
}

const s7PushHead = 14

// Append writes a pushed message as a sample.
func (p *S7Push) Append(b []byte) []byte {
	long := byte(0)
	if p.Long {
		long = 1
	}
	b = binary.BigEndian.AppendUint32(b, p.After)
	b = append(b, p.Group, p.Subfunction, p.Sequence, long, p.Part, p.More, byte(p.Error>>8), byte(p.Error), p.ReturnCode, p.TransportSize)
	return append(b, p.Data...)
}

// ParseS7Push reads a sample. Data refers to it.
func ParseS7Push(b []byte) (p S7Push, err error) {
	if len(b) < s7PushHead {
		return p, fmt.Errorf("a pushed message of %d bytes is too short", len(b))
	}
	return S7Push{binary.BigEndian.Uint32(b), b[4], b[5], b[6], b[7] != 0, b[8], b[9],
		binary.BigEndian.Uint16(b[10:]), b[12], b[13], b[s7PushHead:]}, nil
}

// An S7Reply is the answer to a job.
type S7Reply struct {
	Kind       uint8 // 2: acknowledgement, 3: with data
	ErrorClass uint8
	ErrorCode  uint8
	Parameter  []byte
	Data       []byte
}

const s7ReplyHead = 5

// Append writes a reply as a sample.
func (r *S7Reply) Append(b []byte) []byte {
	b = append(b, r.Kind, r.ErrorClass, r.ErrorCode, byte(len(r.Parameter)>>8), byte(len(r.Parameter)))
	return append(append(b, r.Parameter...), r.Data...)
}

// ParseS7Reply reads a sample. Parameter and Data refer to it.
func ParseS7Reply(b []byte) (r S7Reply, err error) {
	if len(b) < s7ReplyHead {
		return r, fmt.Errorf("a reply of %d bytes is too short", len(b))
	}
	n := int(binary.BigEndian.Uint16(b[3:]))
	if s7ReplyHead+n > len(b) {
		return r, fmt.Errorf("a reply of %d bytes has no %d bytes of parameters", len(b), n)
	}
	return S7Reply{b[0], b[1], b[2], b[s7ReplyHead : s7ReplyHead+n], b[s7ReplyHead+n:]}, nil
}

// An S7Upload is a block as uploads give it.
type S7Upload struct {
	Part    uint16 // bytes in the first of several parts; 0: there is one only
	Unknown uint16 // behind the length of a part
	Data    []byte
}

const s7UploadHead = 4

// Append writes an upload as a sample.
func (u *S7Upload) Append(b []byte) []byte {
	b = append(b, byte(u.Part>>8), byte(u.Part), byte(u.Unknown>>8), byte(u.Unknown))
	return append(b, u.Data...)
}

// ParseS7Upload reads a sample. Data refers to it.
func ParseS7Upload(b []byte) (u S7Upload, err error) {
	if len(b) < s7UploadHead {
		return u, fmt.Errorf("an upload of %d bytes is too short", len(b))
	}
	return S7Upload{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), b[s7UploadHead:]}, nil
}

// S7Question names the samples of a userdata question.
func S7Question(group, subfunction, returnCode, transportSize uint8, data []byte) string {
	return fmt.Sprintf("userdata %d/%d %02x%02x %x", group, subfunction, returnCode, transportSize, data)
}

// S7List names the samples of a system status list.
func S7List(id, index uint16) string { return fmt.Sprintf("szl %04X/%04X", id, index) }

// S7NoIndex is an index that no list has: what it gets, other indexes get that are not known.
const S7NoIndex = 0x7FFF

// S7PasswordRight and S7PasswordWrong name the samples of what a password gets: the password itself is
// not in a profile.
const (
	S7PasswordRight = "userdata 5/1 right"
	S7PasswordWrong = "userdata 5/1 wrong"
)

// S7Byte names the samples of a byte of an area; db counts for data blocks only.
func S7Byte(area string, db uint16, offset int) string {
	return fmt.Sprintf("%s.%d", S7AreaName(area, db), offset)
}

// ParseS7Number reads the part of a name behind the byte: the kind of number, and what a REAL is multiplied by.
func ParseS7Number(s string) (kind string, scale float64, err error) {
	kind, factor, scaled := strings.Cut(s, "*")
	scale = 1
	if scaled {
		scale, err = strconv.ParseFloat(factor, 64)
	}
	if err != nil || S7Width(kind) < 2 || scale <= 0 {
		return "", 0, fmt.Errorf("%q: want a kind of number, as u32 or f32*1000", s)
	}
	return kind, scale, nil
}

// S7AreaName is the name of an area as keys of Areas write it.
func S7AreaName(area string, db uint16) string {
	if area == "DB" || area == "DI" {
		return fmt.Sprintf("%s%d", area, db)
	}
	return area
}

// DecodeS7Password reverses what clients do to a password before they send it.
func DecodeS7Password(b []byte) []byte {
	p := make([]byte, len(b))
	for i := range b {
		p[i] = b[i] ^ 0x55
		if i >= 2 {
			p[i] ^= b[i-2]
		}
	}
	for len(p) > 0 && p[len(p)-1] == ' ' {
		p = p[:len(p)-1]
	}
	return p
}
