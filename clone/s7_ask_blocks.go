package clone

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An s7DB is a data block that may be there.
type s7DB struct {
	number int
	size   int // that block info gives it; -1: not known
}

const (
	s7BlocksMax = 1 << 14 // of one type
	s7InfosMax  = 4096    // blocks that block info is asked for, in all
	// s7RefusedMax blocks of a type are tried where all are refused.
	s7RefusedMax = 3
)

// blocks reads how many blocks there are of each type, which, and the information on each.
func (a *s7Asking) blocks() error {
	group := func(f uint8) s7comm.Function { return s7comm.Function{Group: s7comm.GroupBlock, Subfunction: f} }
	a.expect(1 + len(profiles.BlockTypes))
	said, err := a.userdata("list of blocks", &s7comm.Userdata{Function: group(s7comm.BlockList), Envelope: s7comm.Envelope{ReturnCode: s7comm.CodeNotExisting}})
	if err != nil {
		return err
	}
	if !said.ok {
		a.remark(NotThere, "list of blocks: %s", refusalOf(said))
	}
	var counts []string
	infos := 0
	for _, t := range profiles.BlockTypes {
		of, err := a.userdata("list of "+t.Name, &s7comm.Userdata{Function: group(s7comm.BlockListOfType),
			Envelope: s7comm.Envelope{ReturnCode: s7comm.CodeSuccess, TransportSize: s7comm.DataOctets, Length: 2}, Data: []byte{'0', t.Code}})
		if err != nil {
			return err
		}
		if !said.answered && !of.answered {
			return nil // a device that knows nothing of blocks
		}
		numbers := a.blockNumbers(t.Name, of)
		if t.Code == 'A' && (said.ok || of.ok) {
			a.expect(1) // and one that is not there, to see how it is refused
			if _, err := a.info(t.Code, noNumber(numbers)); err != nil {
				return err
			}
		}
		if len(numbers) > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", len(numbers), t.Name))
		}
		a.numbers[t.Code] = numbers
		a.listing = a.listing || t.Code == 'A' && of.ok
		if err := a.blockInfos(t.Code, numbers, &infos); err != nil {
			return err
		}
	}
	if len(counts) > 0 {
		a.remark(Fact, "blocks: %s", strings.Join(counts, ", "))
	}
	return nil
}

func refusalOf(said s7Said) string {
	if !said.answered {
		return "no answer"
	}
	return said.refusal
}

// blockNumbers reads the numbers in a list of blocks: entries of four bytes that begin with it.
func (a *s7Asking) blockNumbers(name string, said s7Said) (numbers []int) {
	if !said.ok {
		return nil
	}
	seen := map[int]bool{}
	for b := said.data; len(b) >= 4; b = b[4:] {
		n := int(b[0])<<8 | int(b[1])
		if seen[n] {
			a.remark(Suspicious, "list of %s: repeats numbers", name)
			continue
		}
		seen[n] = true
		if numbers = append(numbers, n); len(numbers) == s7BlocksMax {
			a.remark(Suspicious, "list of %s: more than %d", name, s7BlocksMax)
			break
		}
	}
	return numbers
}

// blockInfos reads the information on blocks of one type.
func (a *s7Asking) blockInfos(code byte, numbers []int, infos *int) error {
	a.expect(len(numbers))
	ok := false
	for i, n := range numbers {
		if *infos == s7InfosMax || !ok && i == s7RefusedMax {
			a.expect(i - len(numbers))
			for _, n := range numbers[i:] {
				a.haveDB(code, n, -1)
			}
			break
		}
		*infos++
		said, err := a.info(code, n)
		if err != nil {
			return err
		}
		size := -1
		if said.ok {
			ok = true
			if len(said.data) >= s7InfoSize+2 {
				size = int(said.data[s7InfoSize])<<8 | int(said.data[s7InfoSize+1])
			}
		}
		a.haveDB(code, n, size)
	}
	return nil
}

// noNumber is a number that no block has.
func noNumber(numbers []int) int {
	for n := 1; ; n++ {
		if !slices.Contains(numbers, n) {
			return n
		}
	}
}

// info reads the information on one block.
func (a *s7Asking) info(code byte, number int) (s7Said, error) {
	return a.userdata("block info", &s7comm.Userdata{
		Function: s7comm.Function{Group: s7comm.GroupBlock, Subfunction: s7comm.BlockInfo},
		Envelope: s7comm.Envelope{ReturnCode: s7comm.CodeSuccess, TransportSize: s7comm.DataOctets, Length: 8},
		Data:     fmt.Appendf(nil, "0%c%05dA", code, number)})
}

// s7InfoSize is where block info has the size of the code, or of the data.
const s7InfoSize = 40

func (a *s7Asking) haveDB(code byte, number, size int) {
	if code == 'A' {
		a.dbs = append(a.dbs, s7DB{number, size})
	}
}

// Bounds on uploads: bytes of one block, and parts of it.
const (
	s7BlockMax = 1 << 20
	s7PartMax  = 1 << 13
)

// uploads reads the blocks of the program, if that is wanted.
func (a *s7Asking) uploads() error {
	if !a.Blocks {
		return nil
	}
	read, refused := 0, 0
	a.expect(1)
	if _, _, err := a.uploadOnce(fmt.Sprintf("_08%05dA", noNumber(a.numbers['8']))); err != nil {
		return err
	}
	for _, t := range profiles.BlockTypes {
		if strings.HasPrefix(t.Name, "SF") {
			continue // the CPU's own, which have no content
		}
		numbers := a.numbers[t.Code]
		a.expect(3 * len(numbers))
		ok := 0
		for i, n := range numbers {
			if ok == 0 && i == s7RefusedMax {
				a.expect(3 * (i - len(numbers)))
				break
			}
			done, err := a.upload(t.Code, n)
			if err != nil {
				return err
			}
			if done {
				ok++
				read++
			} else {
				refused++
			}
		}
	}
	switch {
	case read > 0:
		a.remark(Fact, "%d blocks uploaded", read)
	case refused > 0:
		a.remark(NotThere, "uploading blocks is refused")
	}
	return nil
}

// upload reads one block, by its name in the active or else the passive file system. It goes in three steps,
// none of which changes anything: the first begins the transfer, the second is repeated until the block is
// whole, the third ends the transfer.
func (a *s7Asking) upload(code byte, number int) (done bool, err error) {
	for _, system := range "AP" {
		for range 2 {
			var broken bool
			if done, broken, err = a.uploadOnce(fmt.Sprintf("_0%c%05d%c", code, number, system)); err != nil || done {
				return done, err
			}
			if !broken {
				break
			}
		}
	}
	return false, nil
}

// uploadOnce says whether the block came whole, and else whether the transfer broke off, as it does where the
// connection was lost.
func (a *s7Asking) uploadOnce(name string) (done, broken bool, err error) {
	m, err := a.ask(&s7comm.StartUpload{Header: a.header(), Filename: name})
	if err != nil || m == nil {
		return false, false, err
	}
	id, ok := s7UploadID(m)
	if !ok {
		return false, false, nil
	}
	size := 0
	for n := 0; !done && !broken; n++ {
		if m, err = a.askOn(&s7comm.Upload{Header: a.header(), UploadID: id}); err != nil {
			return false, false, err
		}
		r, ok := m.(*s7comm.UploadReply)
		if broken = !ok || r.ErrorClass != 0 || r.ErrorCode != 0; broken {
			break
		}
		size += len(r.Part)
		if done = r.Status&1 == 0; !done && (size > s7BlockMax || n == s7PartMax) {
			a.remark(Suspicious, "block %s: the upload has no end after %d bytes", name, size)
			break
		}
	}
	_, err = a.askOn(&s7comm.EndUpload{Header: a.header(), UploadID: id})
	return done, broken, err
}

// s7UploadID is the number of an upload that was granted: not all CPUs say the length behind it as they should.
func s7UploadID(m wire.Message) (id uint32, ok bool) {
	switch r := m.(type) {
	case *s7comm.StartUploadReply:
		return r.UploadID, r.ErrorClass == 0 && r.ErrorCode == 0
	case *s7comm.AckData:
		if r.ErrorClass == 0 && r.ErrorCode == 0 && len(r.Parameter) >= 8 && r.Parameter[0] == s7comm.FuncStartUpload {
			return binary.BigEndian.Uint32(r.Parameter[4:]), true
		}
	}
	return 0, false
}
