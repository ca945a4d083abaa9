package emulate

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// s7Block is a block of the program: those of the profile, and a data block for every such area.
type s7Block struct {
	profiles.S7Block
	code byte
	file []byte
}

const s7BlockMax = 1 << 20

func (s *s7Service) openBlocks() error {
	for _, b := range s.sec.Blocks {
		x := s7Block{S7Block: b, code: profiles.BlockCode(b.Type)}
		if b.File != "" {
			var err error
			if x.file, err = s.dev.ReadFile(b.File, s7BlockMax); err != nil {
				return fmt.Errorf("block %s%d: %w", b.Type, b.Number, err)
			}
			x.Size = cmp.Or(x.Size, len(x.file))
		}
		s.blocks = append(s.blocks, x)
	}
	for n, m := range s.dbs {
		if s.block('A', int(n)) == nil {
			s.blocks = append(s.blocks, s7Block{S7Block: profiles.S7Block{Type: "DB", Number: int(n), Size: len(m.image)}, code: 'A'})
		}
	}
	slices.SortFunc(s.blocks, func(a, b s7Block) int { return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.Number, b.Number)) })
	return nil
}

func (s *s7Service) block(code byte, number int) *s7Block {
	for i := range s.blocks {
		if b := &s.blocks[i]; b.code == code && b.Number == number {
			return b
		}
	}
	return nil
}

// blockAnswer answers the block functions: info as recorded for another file system (A active, P passive,
// B both), else from the blocks there are.
func (s *s7Service) blockAnswer(q *s7comm.Userdata) profiles.S7Answer {
	if q.Subfunction == s7comm.BlockInfo && len(q.Data) == 8 {
		for _, system := range []byte("ABP") {
			data := append(append([]byte(nil), q.Data[:7]...), system)
			c := s.cells[profiles.S7Question(q.Group, q.Subfunction, q.ReturnCode, q.TransportSize, data)]
			if c == nil {
				continue
			}
			v, _ := c.Peek(s.st)
			if a, err := profiles.ParseS7Answer(v); err == nil && a.Error == 0 {
				return a
			}
		}
	}
	switch {
	case q.Subfunction == s7comm.BlockList:
		var b []byte
		for _, t := range profiles.BlockTypes {
			n := 0
			for i := range s.blocks {
				if s.blocks[i].code == t.Code {
					n++
				}
			}
			b = append(b, '0', t.Code, byte(n>>8), byte(n))
		}
		return s7Listed(b)
	case q.Subfunction == s7comm.BlockListOfType && len(q.Data) == 2:
		var b []byte
		for i := range s.blocks {
			if x := &s.blocks[i]; x.code == q.Data[1] {
				b = append(b, byte(x.Number>>8), byte(x.Number), blockFlags, x.language())
			}
		}
		if b == nil {
			return profiles.S7Answer{Error: s7NoFurtherBlock, ReturnCode: s7comm.CodeNotExisting}
		}
		return s7Listed(b)
	case q.Subfunction == s7comm.BlockInfo && len(q.Data) == 8:
		n, err := strconv.Atoi(string(q.Data[2:7]))
		if b := s.block(q.Data[1], n); err == nil && b != nil {
			return s7Listed(b.info())
		}
	}
	if s.noInfo != nil && q.Subfunction == s7comm.BlockInfo {
		return *s.noInfo
	}
	return profiles.S7Answer{Error: s7NoBlock, ReturnCode: s7comm.CodeNotExisting}
}

// listsBlock says whether a recorded list of blocks has a block.
func (s *s7Service) listsBlock(code byte, number int) bool {
	c := s.cells[profiles.S7Question(s7comm.GroupBlock, s7comm.BlockListOfType, s7comm.CodeSuccess, s7comm.DataOctets, []byte{'0', code})]
	if c == nil {
		return false
	}
	v, _ := c.Peek(s.st)
	a, err := profiles.ParseS7Answer(v)
	for b := a.Data; err == nil && a.Error == 0 && len(b) >= 4; b = b[4:] {
		if int(b[0])<<8|int(b[1]) == number {
			return true
		}
	}
	return false
}

// blockFlags: linked, as CPUs list the user's blocks.
const blockFlags = 0x22

// Languages of blocks.
var blockLanguages = map[string]byte{"AWL": 1, "STL": 1, "KOP": 2, "LAD": 2, "FUP": 3, "FBD": 3, "SCL": 4, "DB": 5, "GRAPH": 6, "SDB": 7}

func (b *s7Block) language() byte {
	if b.Language == "" && b.Type == "DB" {
		return blockLanguages["DB"]
	}
	if b.Language == "" && b.Type == "SDB" {
		return blockLanguages["SDB"]
	}
	return cmp.Or(blockLanguages[b.Language], blockLanguages["STL"])
}

// blockHead is what a block has in load memory beside its code.
const blockHead = 36

// info is the answer to block info: 74 bytes behind their own length.
func (b *s7Block) info() []byte {
	u16 := func(n int) []byte { return []byte{byte(n >> 8), byte(n)} }
	u32 := func(n int) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }
	text := func(s string) []byte { return append([]byte(s[:min(len(s), 8)]), make([]byte, 8-min(len(s), 8))...) }
	kinds := map[byte]byte{'8': 0x08, 'A': 0x0A, 'B': 0x0B, 'C': 0x0C, 'D': 0x0D, 'E': 0x0E, 'F': 0x0F}
	made := []byte{0x02, 0x5B, 0xC7, 0x80, 0x33, 0x1E} // milliseconds of the day, days since 1984
	var major, minor int
	fmt.Sscanf(b.Version, "%d.%d", &major, &minor)
	return slices.Concat(
		[]byte{1, 0}, u16(74), []byte{0x22, 0, 0x70, 0x70, 1, 1, b.language(), kinds[b.code]}, u16(b.Number),
		u32(b.Size+blockHead), u32(0), made, made, u16(0), u16(0), u16(0), u16(b.Size),
		text(b.Author), text(b.Family), text(b.Name), []byte{byte(major<<4 | minor&15), 0}, u16(0), make([]byte, 8))
}

// s7Upload is a block being uploaded.
type s7Upload struct {
	block profiles.S7Upload
	size  int // of a part
	rest  []byte
}

// uploadHead is what a PDU with a part of a block has beside it.
const uploadHead = 18

// uploadNumber is the number of uploads; S7-300 CPUs always give this one.
const uploadNumber = 7

// s7JobName names the cell of a job's answers: its parameters, without the upload's number, and its data.
func s7JobName(m wire.Message) (string, bool) {
	if e, ok := m.(*s7comm.EndUpload); ok {
		plain := *e
		plain.UploadID = 0
		m = &plain
	}
	_, _, parameter, data, err := s7comm.Parts(m)
	if err != nil {
		return "", false
	}
	name := "job " + hex.EncodeToString(parameter)
	if len(data) > 0 {
		name += " " + hex.EncodeToString(data)
	}
	return name, true
}

// startUpload begins an upload of a block that the profile has the content of.
func (x *s7Session) startUpload(q *s7comm.StartUpload) Answer {
	if x.s.sec.Protection >= 3 && !x.unlocked {
		return x.refuse(q.Reference, s7Protected)
	}
	if x.beginUpload(q.Filename) {
		r := &s7comm.StartUploadReply{Unknown: 0x0100, UploadID: uploadNumber, Length: fmt.Sprintf("%07d", len(x.upload.rest))}
		r.Reference = q.Reference
		return x.say(r, Point)
	}
	if x.s.hasBlock(q.Filename) {
		return x.refuse(q.Reference, x.s.kept)
	}
	return x.refuse(q.Reference, x.s.noUpload)
}

// hasBlock says whether there is a block with a file name.
func (s *s7Service) hasBlock(filename string) bool {
	if len(filename) != 9 {
		return false
	}
	n, err := strconv.Atoi(filename[3:8])
	return err == nil && (s.block(filename[2], n) != nil || s.listsBlock(filename[2], n))
}

// beginUpload makes the content of a block ready, by its file name: "_", two characters of type, five
// digits, file system.
func (x *s7Session) beginUpload(filename string) bool {
	x.upload = nil
	u := &s7Upload{block: profiles.S7Upload{Unknown: 0x00FB}}
	if c := x.s.uploaded(filename); c != nil {
		v, _ := c.Read(x.st)
		block, err := profiles.ParseS7Upload(v)
		if err != nil {
			return false
		}
		u.block = block
	} else if len(filename) == 9 {
		n, err := strconv.Atoi(filename[3:8])
		b := x.s.block(filename[2], n)
		if err != nil || b == nil || b.file == nil {
			return false
		}
		u.block.Data = b.file
	} else {
		return false
	}
	u.rest = u.block.Data
	u.size = x.pdu - uploadHead
	if n := int(u.block.Part); n > 0 && n < u.size {
		u.size = n
	}
	x.upload = u
	return u.size > 0
}

// uploaded finds the recorded content of a block; the active and the passive file system have the same.
func (s *s7Service) uploaded(filename string) *Cell {
	if c := s.cells["block "+filename]; c != nil || len(filename) != 9 {
		return c
	}
	for _, system := range "APB" {
		if c := s.cells["block "+filename[:8]+string(system)]; c != nil {
			return c
		}
	}
	return nil
}

// nextUpload gives the next part of a block.
func (x *s7Session) nextUpload(q *s7comm.Upload) Answer {
	u := x.upload
	if u == nil {
		return x.refuse(q.Reference, s7NotUploadable)
	}
	r := &s7comm.UploadReply{Unknown: u.block.Unknown, Part: u.rest[:min(u.size, len(u.rest))]}
	r.Reference = q.Reference
	if u.rest = u.rest[len(r.Part):]; len(u.rest) > 0 {
		r.Status = 1
	}
	r.Carriage = x.carriage(uploadHead + len(r.Part))
	return x.say(r, Recorded)
}
