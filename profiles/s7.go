package profiles

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// S7 is an S7 service: the communication processor of a SIMATIC CPU, or the CPU itself. What it was seen
// to say word for word is in Samples, by question; the keys here are what a person writes by hand.
type S7 struct {
	Common `yaml:",inline"`
	// TSAP says who may connect, and what is agreed with him.
	TSAP S7TSAP `yaml:"tsap,omitempty"`
	// SZL maps system status lists to files: "0011/0000" (id and index in hexadecimal) to the list as it
	// is sent, its head of id, index, record length and count included; or to the error word, as D402.
	// Without any, the usual lists are made from the device's identity. Eight digits are the error word,
	// the return code and the transport size.
	SZL map[string]string `yaml:"szl,omitempty"`
	// Areas are the CPU's memory: DB1, M, I, Q, PE, T, C. What is not listed does not exist.
	Areas map[string]*S7Area `yaml:"areas,omitempty"`
	// Blocks are the program's blocks, as block list, block info and upload show them. Data blocks among
	// Areas need no mention.
	Blocks []S7Block `yaml:"blocks,omitempty"`
	// Mode is the point of the operating mode: 8 is RUN, 4 is STOP. Stopping and starting write it.
	Mode string `yaml:"mode,omitempty"`
	// Control is allow (the default) or deny: whether the CPU can be stopped, started and changed.
	Control string `yaml:"control,omitempty"`
	// Clock says how the CPU's clock goes.
	Clock *S7Clock `yaml:"clock,omitempty"`
	// Protection is the protection level: 1 none, 2 against writing, 3 against reading and writing.
	Protection int `yaml:"protection,omitempty"`
	// Password is the password of the protection, or its verifier.
	Password string `yaml:"password,omitempty"`
	// Refuse says how reading is refused, where that is not the usual way.
	Refuse S7Refusals `yaml:"refuse,omitempty"`
	// Sizes says in which transport size items are given that ask for another, or how they are refused; both
	// in hexadecimal, the former as two digits, a refusal as eight. T and C have keys of their own, as T/1D.
	Sizes map[string]string `yaml:"sizes,omitempty,flow"`
}

// S7Refusals are how a CPU refuses to read what it has not: each is the head of the item's value in
// hexadecimal, of return code, transport size and length, as 0A000000.
type S7Refusals struct {
	DB      string `yaml:"db,omitempty"`      // a data block that is not there; 0A000000 if absent
	Area    string `yaml:"area,omitempty"`    // an area that is not there; as Outside if absent
	Outside string `yaml:"outside,omitempty"` // addresses behind the end of an area; 05000000 if absent
	// SZL is for system status lists: error word, return code and transport size, as D4020A00.
	SZL string `yaml:"szl,omitempty"`
}

// S7TSAP is how connections are set up.
type S7TSAP struct {
	// Accept lists the called TSAPs that are connected: rack0slot2 (every kind of connection to that
	// slot), four hexadecimal digits, a text, or "*" for any. None: rack 0, slots 1 and 2.
	Accept []string `yaml:"accept,omitempty,flow"`
	// Refuse says what the others get: disconnect (the default: a disconnect request), close, or silence.
	Refuse string `yaml:"refuse,omitempty"`
	// Reason is the reason that the disconnect request gives; 2 (nothing is attached to the TSAP) if absent.
	Reason uint8 `yaml:"reason,omitempty"`
	// Order of the confirm's parameters: asked (the default: as in the request) or size-first.
	Order string `yaml:"order,omitempty"`
	// Size is the largest TPDU in bytes, a power of two from 128 to 8192; 1024 if absent.
	Size int `yaml:"size,omitempty"`
	// PDU is the longest PDU that the device agrees to; 240 if absent.
	PDU int `yaml:"pdu,omitempty"`
	// Jobs is how many unanswered jobs the device agrees to; what it is asked for if absent.
	Jobs int `yaml:"jobs,omitempty"`
	// Reference is the device's own reference in the confirm; one of its own making if absent.
	Reference uint16 `yaml:"reference,omitempty"`
}

// S7Area is one area of memory, or one data block.
type S7Area struct {
	// Size in bytes; of timers and counters in numbers.
	Size int `yaml:"size,omitempty"`
	// Image is a file of what the area holds at first; zeros if absent.
	Image string `yaml:"image,omitempty"`
	// Known lists the bytes that were seen, where that is not all of them: "0-11".
	Known []string `yaml:"known,omitempty,flow"`
	// ReadOnly areas refuse writing.
	ReadOnly bool `yaml:"readonly,omitempty"`
	// Map maps bytes and bits to points.
	Map []S7Map `yaml:"map,omitempty"`
}

// S7Map maps a place in an area to a point.
type S7Map struct {
	// At is the byte, or byte and bit as "8.0".
	At string `yaml:"at"`
	// Point is the point's name.
	Point string `yaml:"point"`
	// As is how the value is written, big-endian: bool u8 i8 u16 i16 u32 i32 u64 i64 f32 f64, or text with
	// its length, as text:20; the point's type if absent.
	As string `yaml:"as,omitempty"`
}

// S7Block is one block of the program.
type S7Block struct {
	Type     string `yaml:"type"` // OB DB FB FC SDB SFB SFC
	Number   int    `yaml:"number"`
	Size     int    `yaml:"size,omitempty"` // of the code or data in bytes
	Language string `yaml:"language,omitempty"`
	Author   string `yaml:"author,omitempty"`
	Family   string `yaml:"family,omitempty"`
	Name     string `yaml:"name,omitempty"`
	Version  string `yaml:"version,omitempty"` // 0.1
	File     string `yaml:"file,omitempty"`    // what an upload gives; without it an upload is refused
}

// S7Clock is the CPU's clock.
type S7Clock struct {
	// Skew is how far it goes ahead of the time (behind, if negative).
	Skew time.Duration `yaml:"skew,omitempty"`
}

// BlockTypes are the types of blocks with the characters that stand for them on the wire.
var BlockTypes = []struct {
	Name string
	Code byte
}{{"OB", '8'}, {"FB", 'E'}, {"FC", 'C'}, {"DB", 'A'}, {"SDB", 'B'}, {"SFC", 'D'}, {"SFB", 'F'}}

// BlockCode is the character of a block type; 0: there is no such type.
func BlockCode(name string) byte {
	for _, t := range BlockTypes {
		if t.Name == name {
			return t.Code
		}
	}
	return 0
}

// BlockName is the type of block that a character stands for; "": none.
func BlockName(code byte) string {
	for _, t := range BlockTypes {
		if t.Code == code {
			return t.Name
		}
	}
	return ""
}

// AnyTSAP is an entry of Accept for all there are.
const AnyTSAP = "*"

// ParseTSAP reads a TSAP as Accept writes it. With slot set, the first byte, the kind of connection, may
// be that of any client (programming device, operator panel, other).
func ParseTSAP(s string) (tsap []byte, slot bool, err error) {
	if rest, ok := strings.CutPrefix(s, "rack"); ok {
		r, sl, ok := strings.Cut(rest, "slot")
		rack, err1 := strconv.ParseUint(r, 10, 3)
		n, err2 := strconv.ParseUint(sl, 10, 5)
		if !ok || err1 != nil || err2 != nil {
			return nil, false, fmt.Errorf("%q: want rack 0 to 7 and slot 0 to 31, as rack0slot2", s)
		}
		return []byte{1, byte(rack<<5 | n)}, true, nil
	}
	if len(s) == 4 {
		if b, err := hex.DecodeString(s); err == nil {
			return b, false, nil
		}
	}
	if s == "" || len(s) > 32 {
		return nil, false, fmt.Errorf("%q: want rack0slot2, four hexadecimal digits, or a text of up to 32 letters", s)
	}
	return []byte(s), false, nil
}

// FormatTSAP is how Accept writes a TSAP: controllers' as rack and slot.
func FormatTSAP(b []byte) string {
	switch {
	case len(b) == 2 && b[0] >= 1 && b[0] <= 3:
		return fmt.Sprintf("rack%dslot%d", b[1]>>5, b[1]&31)
	case len(b) == 2:
		return hex.EncodeToString(b)
	}
	return string(b)
}

// ParseSZL reads the name of a system status list: "0011/0000", or "0011" for index 0.
func ParseSZL(s string) (id, index uint16, err error) {
	a, b, two := strings.Cut(s, "/")
	if !two {
		b = "0"
	}
	x, err1 := strconv.ParseUint(a, 16, 16)
	y, err2 := strconv.ParseUint(b, 16, 16)
	if err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%q: want id and index of a list in hexadecimal, as 0011/0000", s)
	}
	return uint16(x), uint16(y), nil
}

// SZLError reads a refusal where a file could be: an error word, with or without return code and transport
// size.
func SZLError(s string) (S7Answer, bool) {
	if len(s) == 4 {
		s += "0A00" // object does not exist
	}
	v, err := strconv.ParseUint(s, 16, 32)
	if len(s) != 8 || err != nil {
		return S7Answer{}, false
	}
	return S7Answer{Error: uint16(v >> 16), ReturnCode: uint8(v >> 8), TransportSize: uint8(v)}, true
}

// FormatSZLError writes a refusal as SZLError reads it; "": it is none.
func FormatSZLError(a S7Answer) string {
	switch {
	case a.More || a.Part != 0 || len(a.Data) > 0 || a.Error == 0 && a.ReturnCode == 0xFF:
		return ""
	case a.ReturnCode == 0x0A && a.TransportSize == 0:
		return fmt.Sprintf("%04X", a.Error)
	}
	return fmt.Sprintf("%04X%02X%02X", a.Error, a.ReturnCode, a.TransportSize)
}

// ParseS7Refusal reads the head of the value of an item that is refused.
func ParseS7Refusal(s string) (code, size uint8, length uint16, ok bool) {
	v, err := strconv.ParseUint(s, 16, 32)
	return uint8(v >> 24), uint8(v >> 16), uint16(v), len(s) == 8 && err == nil
}

// S7SizeName is the key of a transport size in Sizes. letters are those of the area.
func S7SizeName(letters string, size uint8) string {
	if letters == "T" || letters == "C" {
		return fmt.Sprintf("%s/%02X", letters, size)
	}
	return fmt.Sprintf("%02X", size)
}

// ParseS7Area reads the name of an area: the area's letters and, of a data block, its number.
func ParseS7Area(s string) (letters string, db uint16, err error) {
	for _, p := range []string{"DB", "DI"} {
		if rest, ok := strings.CutPrefix(s, p); ok {
			n, err := strconv.ParseUint(rest, 10, 16)
			if err != nil {
				return "", 0, fmt.Errorf("%q: want the number of a data block, as DB1", s)
			}
			return p, uint16(n), nil
		}
	}
	switch s {
	case "M", "I", "Q", "PE", "T", "C", "L", "V", "SI", "SM", "AI", "AQ", "HC", "T200":
		return s, 0, nil
	}
	if len(s) == 4 && strings.HasPrefix(s, "0x") {
		if _, err := strconv.ParseUint(s[2:], 16, 8); err == nil {
			return s, 0, nil
		}
	}
	return "", 0, fmt.Errorf("%q is not an area: want DB and a number, M, I, Q, PE, T or C", s)
}

// ParseAt reads a place in an area. bit is -1 for a whole byte.
func ParseAt(s string) (offset, bit int, err error) {
	a, b, bits := strings.Cut(s, ".")
	bit = -1
	if offset, err = strconv.Atoi(a); err == nil && bits {
		bit, err = strconv.Atoi(b)
	}
	if err != nil || offset < 0 || offset > 0xFFFF || bit > 7 || bits && bit < 0 {
		return 0, 0, fmt.Errorf("%q: want a byte from 0 to 65535, or byte and bit as 8.0", s)
	}
	return offset, bit, nil
}

// S7Width is how many bytes a kind of value takes in an area; 0: not a kind that can be there.
func S7Width(as string) int {
	switch as {
	case "bool", "u8", "i8":
		return 1
	case "u16", "i16":
		return 2
	case "u32", "i32", "f32":
		return 4
	case "u64", "i64", "f64":
		return 8
	}
	if n, ok := strings.CutPrefix(as, "text:"); ok {
		if v, err := strconv.Atoi(n); err == nil && v > 0 && v <= 254 {
			return v
		}
	}
	return 0
}

// Kind is how the mapped value is written: As, or what the point's type suggests.
func (m *S7Map) Kind(p *Point) string {
	switch {
	case m.As != "":
		return m.As
	case p == nil:
		return ""
	case p.Type == "enum":
		return "u16"
	}
	return p.Type
}

// Validate checks what the types of the fields leave open.
func (s *S7) Validate(v *Validation) {
	for name, file := range s.SZL {
		at := v.At("szl", name)
		if _, _, err := ParseSZL(name); err != nil {
			at.Errorf("%s", err)
		}
		if _, refused := SZLError(file); !refused {
			at.File(file)
		}
	}
	for name, a := range s.Areas {
		at := v.At("areas", name)
		if _, _, err := ParseS7Area(name); err != nil {
			at.Errorf("%s", err)
		}
		if a != nil {
			a.check(at)
		}
	}
	for i, b := range s.Blocks {
		at := v.At("blocks", i)
		if BlockCode(b.Type) == 0 {
			at.At("type").Errorf("%q is not a type of block: want OB, DB, FB, FC, SDB, SFB or SFC", b.Type)
		}
		if b.File != "" {
			at.At("file").File(b.File)
		}
		at.At("number").within(b.Number, 0, 65535)
	}
	if s.Mode != "" {
		v.At("mode").Point(s.Mode)
	}
	v.At("control").OneOf(s.Control, "allow", "deny")
	v.At("protection").within(s.Protection, 0, 3)
	v.At("tsap", "pdu").within(s.TSAP.PDU, 0, 65535)
	v.At("tsap").At("refuse").OneOf(s.TSAP.Refuse, "disconnect", "close", "silence")
	v.At("tsap").At("order").OneOf(s.TSAP.Order, "asked", "size-first")
	if n := s.TSAP.Size; n != 0 && (n < 128 || n > 8192 || n&(n-1) != 0) {
		v.At("tsap", "size").Errorf("%d is not a power of two from 128 to 8192", n)
	}
	for key, said := range map[string]string{"db": s.Refuse.DB, "area": s.Refuse.Area, "outside": s.Refuse.Outside} {
		if _, _, _, ok := ParseS7Refusal(said); !ok && said != "" {
			v.At("refuse", key).Errorf("%q: want return code, transport size and length in hexadecimal, as 0A000000", said)
		}
	}
	if _, ok := SZLError(s.Refuse.SZL); !ok && s.Refuse.SZL != "" {
		v.At("refuse", "szl").Errorf("%q: want an error word in hexadecimal, as D402", s.Refuse.SZL)
	}
	for key, said := range s.Sizes {
		_, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimPrefix(key, "T/"), "C/"), 16, 8)
		_, err2 := strconv.ParseUint(said, 16, 32)
		if err != nil || err2 != nil || len(said) != 2 && len(said) != 8 {
			v.At("sizes", key).Errorf("%q: want transport sizes of two hexadecimal digits, or how one is refused, as 05000000", said)
		}
	}
	for i, t := range s.TSAP.Accept {
		if _, _, err := ParseTSAP(t); err != nil {
			v.At("tsap", "accept", i).Errorf("%s", err)
		}
	}
}

func (a *S7Area) check(v *Validation) {
	if a.Size < 0 || a.Size > 1<<16 {
		v.At("size").Errorf("%d is not from 0 to 65536", a.Size)
	}
	if a.Image != "" {
		v.At("image").File(a.Image)
	}
	for i, k := range a.Known {
		if _, _, err := parseSpan(k); err != nil {
			v.At("known", i).Errorf("%s", err)
		}
	}
	for i, m := range a.Map {
		at := v.At("map", i)
		offset, bit, err := ParseAt(m.At)
		if err != nil {
			at.At("at").Errorf("%s", err)
			continue
		}
		at.At("point").Point(m.Point)
		p, ok := v.Device.Points[m.Point]
		if !ok {
			continue
		}
		kind := m.Kind(p)
		width := S7Width(kind)
		switch {
		case width == 0:
			at.At("as").Errorf("a value cannot be written as %q here: want bool, u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 or text:20", kind)
		case bit >= 0 && kind != "bool":
			at.At("at").Errorf("%s begins at a whole byte, not at a bit", kind)
		case a.Size > 0 && offset+width > a.Size:
			at.At("at").Errorf("%s at %s ends behind the area's %d bytes", kind, m.At, a.Size)
		}
	}
}
