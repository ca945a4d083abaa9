package profiles

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// A Spill keeps bytes that are read again later: up to a block of them in memory, all before it in one
// temporary file, which is made when it is first needed and gone when the Spill is closed or the process
// ends. Errors stick: what is put after one is dropped, and Err tells it.
type Spill struct {
	chunk int      // tracks move what exceeds it
	block int      // bytes in memory
	tail  []byte   // what is not in the file yet
	file  *os.File // nil: not needed yet
	moved int64    // bytes in the file
	err   error
}

const (
	spillChunk = 4 << 10
	spillBlock = 256 << 10
)

// NewSpill makes one of the usual size.
func NewSpill() *Spill { return SmallSpill(spillChunk, spillBlock) }

// SmallSpill makes one to which tracks move what exceeds chunk bytes, and which keeps block bytes in memory.
func SmallSpill(chunk, block int) *Spill { return &Spill{chunk: chunk, block: block} }

// Put keeps b and says where.
func (s *Spill) Put(b []byte) (at int64) {
	at = s.Size()
	if s.err != nil {
		return at
	}
	if len(s.tail)+len(b) > s.block {
		s.write(s.tail)
		s.tail = s.tail[:0]
		if len(b) >= s.block {
			s.write(b)
			return at
		}
	}
	s.tail = append(s.tail, b...)
	return at
}

// Size says how many bytes were put.
func (s *Spill) Size() int64 { return s.moved + int64(len(s.tail)) }

func (s *Spill) write(b []byte) {
	if s.err != nil || len(b) == 0 {
		return
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "ringer-learning-*")
		if err != nil {
			s.fail(err)
			return
		}
		os.Remove(f.Name()) // it stays usable until it is closed; where that is not so, Close removes it
		s.file = f
	}
	if _, err := s.file.WriteAt(b, s.moved); err != nil {
		s.fail(err)
		return
	}
	s.moved += int64(len(b))
}

func (s *Spill) fail(err error) {
	if s.err == nil {
		s.err = fmt.Errorf("a temporary file for what is being learned: %w; free space in %s, or set TMPDIR to a directory that has more", err, os.TempDir())
	}
}

// ReadAt reads what was put at off; it is short at the end, as of a file.
func (s *Spill) ReadAt(b []byte, off int64) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	if off < s.moved {
		n = int(min(int64(len(b)), s.moved-off))
		if _, err := s.file.ReadAt(b[:n], off); err != nil {
			s.fail(err)
			return 0, s.err
		}
		off += int64(n)
	}
	if n < len(b) && off < s.Size() {
		n += copy(b[n:], s.tail[off-s.moved:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Err is the first error there was, nil if there was none.
func (s *Spill) Err() error { return s.err }

// Close removes the file. What was put is gone.
func (s *Spill) Close() error {
	f := s.file
	s.file, s.tail, s.moved = nil, nil, 0
	if s.err == nil {
		s.err = errors.New("what was learned is closed")
	}
	if f == nil {
		return nil
	}
	err := f.Close()
	os.Remove(f.Name())
	return err
}

// A span is a stretch of whole runs in a spill.
type span struct {
	at   int64
	size int
}

// spanMax bounds what neighbouring chunks become when they are taken together: a span is read at once.
const spanMax = 64 << 10

// addSpan takes chunks that lie next to each other together.
func addSpan(all []span, s span) []span {
	if n := len(all); n > 0 && all[n-1].at+int64(all[n-1].size) == s.at && all[n-1].size+s.size <= spanMax {
		all[n-1].size += s.size
		return all
	}
	return append(all, s)
}
