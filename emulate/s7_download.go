package emulate

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// s7Download is a block being downloaded: the client announced it, and the CPU asks for the parts with
// jobs of its own, which the client answers.
type s7Download struct {
	filename string
	size     int // of the data in it, as announced
	data     []byte
}

// What clients may leave in a CPU: bytes of one block, and blocks.
const (
	s7DownloadMax  = 1 << 20
	s7DownloadsMax = 64
)

// requestDownload begins a download: the request is acknowledged, and the first part asked for.
func (x *s7Session) requestDownload(q *s7comm.RequestDownload) Answer {
	if !x.mayControl() || len(x.s.downloaded) >= s7DownloadsMax || len(q.Filename) != 9 {
		return x.refuse(q.Reference, s7Protected)
	}
	d := &s7Download{filename: q.Filename}
	if len(q.Lengths) == 13 { // "1", load memory and work memory in six digits each
		d.size, _ = strconv.Atoi(q.Lengths[7:])
	}
	x.download = d
	a := x.acknowledge(q.Reference, s7comm.FuncRequestDownload)
	x.out = append(x.out, x.askPart())
	a.Messages = x.out
	return a
}

// askPart is the CPU's job for the next part.
func (x *s7Session) askPart() wire.Message {
	x.jobs++
	return &s7comm.DownloadBlock{Header: s7comm.Header{Reference: x.jobs}, Filename: x.download.filename}
}

// answered takes the client's answer to a job of the CPU.
func (x *s7Session) answered(m *s7comm.AckData) Answer {
	d := x.download
	if d == nil || m.Reference != x.jobs || len(m.Parameter) == 0 {
		return Answer{From: Refused}
	}
	if m.ErrorClass != 0 || m.ErrorCode != 0 {
		x.download = nil
		return Answer{From: Point}
	}
	switch {
	case m.Parameter[0] == s7comm.FuncDownloadBlock && len(m.Parameter) == 2 && len(m.Data) >= 4:
		n := int(m.Data[0])<<8 | int(m.Data[1])
		if d.data = append(d.data, m.Data[4:4+min(n, len(m.Data)-4)]...); len(d.data) > s7DownloadMax {
			x.download = nil
			return Answer{From: Refused, Close: true}
		}
		if m.Parameter[1]&1 == 1 {
			return x.say(x.askPart(), Point)
		}
		x.jobs++
		return x.say(&s7comm.EndDownload{Header: s7comm.Header{Reference: x.jobs}, Filename: d.filename}, Point)
	case m.Parameter[0] == s7comm.FuncEndDownload:
		x.s.downloaded[d.filename[1:8]] = d
		x.download = nil
	}
	return Answer{From: Point}
}

// blockNames reads the argument of PLC control that lists blocks: how many, a zero, then for each two
// characters of type, five digits and the file system.
func blockNames(argument []byte) (names []string, ok bool) {
	if len(argument) < 2 || len(argument) != 2+8*int(argument[0]) {
		return nil, false
	}
	for b := argument[2:]; len(b) > 0; b = b[8:] {
		if b[0] != '0' || profiles.BlockName(b[1]) == "" || len(bytes.Trim(b[2:7], "0123456789")) > 0 {
			return nil, false
		}
		names = append(names, string(b[:7]))
	}
	return names, len(names) > 0
}

// insert makes downloaded blocks part of the program. false: one was never downloaded.
func (s *s7Service) insert(names []string) bool {
	for _, name := range names {
		if s.downloaded[name] == nil {
			return false
		}
	}
	for _, name := range names {
		d := s.downloaded[name]
		delete(s.downloaded, name)
		number, _ := strconv.Atoi(name[2:7])
		s.blocks = slices.DeleteFunc(s.blocks, func(b s7Block) bool { return b.code == name[1] && b.Number == number })
		s.blocks = append(s.blocks, s7Block{
			S7Block: profiles.S7Block{Type: profiles.BlockName(name[1]), Number: number, Size: d.size}, code: name[1], file: d.data,
		})
		if name[1] == 'A' && s.dbs[uint16(number)] == nil { // one that is there keeps its values and points
			s.dbs[uint16(number)] = &s7Memory{image: make([]byte, min(d.size, s7ImageMax))}
		}
	}
	slices.SortFunc(s.blocks, func(a, b s7Block) int { return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.Number, b.Number)) })
	return true
}

// remove takes a block out of the program, and says whether it was there.
func (s *s7Service) remove(code byte, number int) bool {
	i := slices.IndexFunc(s.blocks, func(b s7Block) bool { return b.code == code && b.Number == number })
	if i < 0 {
		return false
	}
	s.blocks = slices.Delete(s.blocks, i, i+1)
	if code == 'A' {
		delete(s.dbs, uint16(number))
	}
	return true
}
