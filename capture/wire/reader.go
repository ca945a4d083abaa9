package wire

import (
	"encoding/binary"
	"errors"
)

// ErrShort means that the bytes end before the message does.
var ErrShort = errors.New("message cut short")

// A Reader takes fields off the front of a message. The first failure sticks: check Err once, at the end.
type Reader struct {
	b    []byte
	size int
	err  error
}

// NewReader reads from b. What Bytes and Rest return refers to b.
func NewReader(b []byte) Reader { return Reader{b: b, size: len(b)} }

// Bytes takes n bytes, or nil if there are not that many.
func (r *Reader) Bytes(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		if r.err == nil {
			r.err = ErrShort
		}
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// Copy is Bytes, but in memory of its own; nil for zero bytes.
func (r *Reader) Copy(n int) []byte { return append([]byte(nil), r.Bytes(n)...) }

func (r *Reader) Uint8() uint8 {
	if v := r.Bytes(1); v != nil {
		return v[0]
	}
	return 0
}

// Uint16 and Uint32 are big-endian.
func (r *Reader) Uint16() uint16 {
	if v := r.Bytes(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (r *Reader) Uint32() uint32 {
	if v := r.Bytes(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// Rest takes all that is left; Len says how much that is, Offset how much was taken.
func (r *Reader) Rest() []byte { return r.Bytes(len(r.b)) }
func (r *Reader) Len() int     { return len(r.b) }
func (r *Reader) Offset() int  { return r.size - len(r.b) }
func (r *Reader) Err() error   { return r.err }

// Fail records an error, unless there is one already.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}
