package profiles

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Track is what one cell was seen to hold, in the order seen: runs of equal readings, and the writes
// between them. A value is a few bytes whose meaning is the protocol's. Tracks are packed: a changing
// register costs four bytes a change. The zero Track is empty, and keeps all in memory unless SpillTo is
// called.
type Track struct {
	packed []byte // all runs but the last, behind those that were moved
	last   Run
	runs   int
	spill  *Spill
	moved  *[]span // nil: none
}

// SpillTo makes the track keep most of its runs in s, which must stay open as long as the track is read.
// An error of s cuts cursors short: whoever uses them asks s for it at the end.
func (t *Track) SpillTo(s *Spill) { t.spill = s }

// A Run is one value and how often in a row it was read (N), or one write of it (Write, N is 1).
type Run struct {
	Value []byte
	N     uint64
	Write bool
}

// Add records a reading of v, or a write of it.
func (t *Track) Add(v []byte, write bool) { t.addRun(Run{v, 1, write}) }

func (t *Track) addRun(r Run) {
	if t.runs > 0 && !r.Write && !t.last.Write && bytes.Equal(t.last.Value, r.Value) {
		t.last.N = min(t.last.N+r.N, readingsMax)
		return
	}
	if t.runs > 0 {
		t.packed = appendRun(t.packed, t.last)
		if t.spill != nil && len(t.packed) >= t.spill.chunk {
			t.move()
		}
	}
	t.last = Run{append(t.last.Value[:0:0], r.Value...), r.N, r.Write}
	t.runs++
}

// move moves the packed runs out of memory.
func (t *Track) move() {
	if t.moved == nil {
		t.moved = new([]span)
	}
	*t.moved = addSpan(*t.moved, span{t.spill.Put(t.packed), len(t.packed)})
	if cap(t.packed) > 4*t.spill.chunk {
		t.packed = nil
	}
	t.packed = t.packed[:0]
}

// readingsMax bounds what a text can make a run count.
const readingsMax = 1 << 62

func appendRun(b []byte, r Run) []byte {
	head := r.N << 1
	if r.Write {
		head |= 1
	}
	b = binary.AppendUvarint(b, head)
	b = binary.AppendUvarint(b, uint64(len(r.Value)))
	return append(b, r.Value...)
}

// Runs says how many runs there are.
func (t *Track) Runs() int { return t.runs }

// Moved says whether the cell was ever written, or read with two different values.
func (t *Track) Moved() bool { return t.runs > 1 || t.runs == 1 && t.last.Write }

// Last is the newest run.
func (t *Track) Last() Run { return t.last }

// Size is roughly how many bytes of memory the track holds.
func (t *Track) Size() int {
	n := cap(t.packed) + cap(t.last.Value) + 80
	if t.moved != nil {
		n += 16 * cap(*t.moved)
	}
	return n
}

// Cursor stands before the first run.
func (t *Track) Cursor() Cursor {
	c := Cursor{rest: t.packed, last: t.last, tail: t.runs > 0}
	if t.moved != nil {
		c.rest, c.from = nil, t
	}
	return c
}

// A Cursor walks a track. It must not outlive changes to it; values stay valid.
type Cursor struct {
	rest []byte
	last Run
	tail bool   // last is still to come
	from *Track // whose moved runs, from the span next on, and then the packed ones, are still to come
	next int
}

// Next returns the next run.
func (c *Cursor) Next() (r Run, ok bool) {
	if len(c.rest) == 0 && c.from != nil {
		c.fetch()
	}
	if len(c.rest) > 0 {
		head, n := binary.Uvarint(c.rest)
		size, m := binary.Uvarint(c.rest[n:])
		n += m
		r = Run{c.rest[n : n+int(size) : n+int(size)], head >> 1, head&1 == 1}
		c.rest = c.rest[n+int(size):]
		return r, true
	}
	if c.tail {
		c.tail = false
		return c.last, true
	}
	return Run{}, false
}

// fetch brings the next runs that were moved back into memory.
func (c *Cursor) fetch() {
	t := c.from
	if c.next == len(*t.moved) {
		c.rest, c.from = t.packed, nil
		return
	}
	s := (*t.moved)[c.next]
	c.next++
	c.rest = make([]byte, s.size)
	if _, err := t.spill.ReadAt(c.rest, s.at); err != nil {
		c.rest, c.from, c.tail = nil, nil, false
	}
}

// Append adds all that other saw, after what t saw.
func (t *Track) Append(other *Track) {
	for c := other.Cursor(); ; {
		r, ok := c.Next()
		if !ok {
			return
		}
		t.addRun(r)
	}
}

// String is the text form of a track: runs in hexadecimal with a space between, "*N" behind a value
// that was read N times in a row, "=" before one that was written: "0011*3 =0012 0012".
func (t *Track) String() string { return string(t.appendText(nil)) }

func (t *Track) appendText(b []byte) []byte {
	for c := t.Cursor(); ; {
		r, ok := c.Next()
		if !ok {
			return b
		}
		if len(b) > 0 {
			b = append(b, ' ')
		}
		b = r.appendText(b)
	}
}

func (r Run) appendText(b []byte) []byte {
	if r.Write {
		b = append(b, '=')
	}
	if len(r.Value) == 0 {
		b = append(b, '-')
	}
	b = hex.AppendEncode(b, r.Value)
	if r.N != 1 {
		b = append(b, '*')
		b = strconv.AppendUint(b, r.N, 10)
	}
	return b
}

// ParseTrack reads the text form.
func ParseTrack(s string) (t Track, err error) {
	for f := range strings.FieldsSeq(s) {
		r := Run{N: 1}
		v, n, many := strings.Cut(f, "*")
		v, r.Write = strings.CutPrefix(v, "=")
		if many {
			if r.N, err = strconv.ParseUint(n, 10, 62); err != nil || r.N == 0 {
				return t, fmt.Errorf("run %q: %q is not a number of readings", f, n)
			}
		}
		if v != "-" {
			if r.Value, err = hex.DecodeString(v); err != nil || v == "" {
				return t, fmt.Errorf("run %q: want bytes in hexadecimal", f)
			}
		}
		t.addRun(r)
	}
	return t, nil
}

// A samples file has a line for every cell that moved: the cell's name, how it goes on (dynamics in
// YAML's flow form, or empty), and its track; tabs between, "#" begins a comment line.

// A SampleWriter writes a samples file.
type SampleWriter struct {
	w   *bufio.Writer
	buf []byte
}

// NewSampleWriter writes to w; call Flush at the end.
func NewSampleWriter(w io.Writer) *SampleWriter { return &SampleWriter{w: bufio.NewWriter(w)} }

// Write adds a line. d may be nil.
func (s *SampleWriter) Write(cell string, d *Dynamics, t *Track) error {
	s.buf = append(append(s.buf[:0], cell...), '\t')
	if d != nil {
		flow, err := d.flow()
		if err != nil {
			return err
		}
		s.buf = append(s.buf, flow...)
	}
	separator := byte('\t')
	for c := t.Cursor(); ; separator = ' ' {
		r, ok := c.Next()
		if !ok {
			break
		}
		s.buf = r.appendText(append(s.buf, separator))
		if len(s.buf) >= sampleWrite {
			if _, err := s.w.Write(s.buf); err != nil {
				return err
			}
			s.buf = s.buf[:0]
		}
	}
	if separator == '\t' { // no runs
		s.buf = append(s.buf, separator)
	}
	_, err := s.w.Write(append(s.buf, '\n'))
	if err == nil && t.spill != nil {
		err = t.spill.Err()
	}
	return err
}

// sampleWrite is how much of a line is written at once.
const sampleWrite = 32 << 10

func (s *SampleWriter) Flush() error { return s.w.Flush() }

// ReadSamples calls each for every line of a samples file. Errors name the line.
func ReadSamples(r io.Reader, each func(cell string, d *Dynamics, t Track) error) error {
	return eachCell(r, "dynamics and values", func(cell, text string) error {
		flow, values, ok := strings.Cut(text, "\t")
		if !ok {
			return errors.New("want dynamics and values with a tab between")
		}
		d, err := parseFlow(flow)
		if err != nil {
			return err
		}
		t, err := ParseTrack(values)
		if err != nil {
			return err
		}
		return each(cell, d, t)
	})
}

// eachCell reads a bulk file of lines that begin with the name of a cell and a tab, and may be comments.
// Errors name the line and the cell.
func eachCell(r io.Reader, what string, each func(cell, text string) error) error {
	br := bufio.NewReaderSize(r, 1<<16)
	for line := 1; ; line++ {
		s, err := br.ReadString('\n')
		if s == "" && err == io.EOF {
			return nil
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("line %d: %w", line, err)
		}
		s = strings.TrimRight(s, "\r\n")
		if s == "" || s[0] == '#' {
			continue
		}
		cell, text, ok := strings.Cut(s, "\t")
		if !ok {
			return fmt.Errorf("line %d: want a cell and its %s with tabs between", line, what)
		}
		if err := each(cell, text); err != nil {
			return fmt.Errorf("line %d: cell %s: %w", line, cell, err)
		}
	}
}
