package emulate

import (
	"bytes"
	"fmt"
	"time"

	"ringer/profiles"
)

// A Cell plays what one cell of the device was seen to hold: its recorded samples in the order seen,
// then its dynamics. A write that is the recording's next write with the same value continues the
// recording; any other write ends it. Values are bytes whose meaning is the protocol's, of any length;
// what dynamics produce is encoded by the cell's Encode, big-endian in the width of the last sample if
// there is none.
//
// Protocols keep a Cell only for what moved or was written (what a samples file has); the constant rest
// is theirs to store densely. Cells that map to points ask the point as soon as Live says so.
type Cell struct {
	cursor profiles.Cursor
	run    profiles.Run // the run being played: N readings of it are left, or a write that is awaited
	played bool         // the recording has ended
	value  []byte       // what it held last
	since  time.Time    // when it began to go on by itself
	handed bool         // the motion knows
	motion *Motion      // nil: stays
	made   []byte       // what the motion gave last
	driven bool         // by the program: it stands still while that is stopped
	Encode func(dst []byte, v Value) []byte
	Decode func(b []byte) uint64 // the number in a sample, from which dynamics go on; nil: DecodeUint
}

// NewCell plays t, then goes on by d (nil: stays as it is). With --values model the samples are passed
// over and the dynamics run from the start.
func (st *State) NewCell(name string, t *profiles.Track, d *profiles.Dynamics) (*Cell, error) {
	c := &Cell{cursor: t.Cursor()}
	if d != nil {
		m, err := st.NewMotion(name, d)
		if err != nil {
			return nil, fmt.Errorf("cell %s: %w", name, err)
		}
		c.motion = m
	}
	c.advance()
	if st.values == Model {
		for !c.played {
			if !c.run.Write {
				c.value = c.run.Value
			}
			c.advance()
		}
		c.goOn(st)
	} else if !c.played {
		c.value = c.run.Value
	}
	return c, nil
}

func (c *Cell) advance() {
	var ok bool
	if c.run, ok = c.cursor.Next(); !ok {
		c.played = true
	}
}

// goOn hands over from the recording to the dynamics.
func (c *Cell) goOn(st *State) {
	c.played, c.since, c.handed = true, c.now(st), false
}

// now is the time of what moves the cell.
func (c *Cell) now(st *State) time.Time {
	if c.driven {
		return st.programNow()
	}
	return st.Now()
}

// start tells the motion where it goes on from. It is done with the first reading, when Decode is known.
func (c *Cell) start() {
	decode := c.Decode
	if decode == nil {
		decode = DecodeUint
	}
	c.motion.Start(c.since, decode(c.value))
	c.handed = true
}

// Live says whether the cell no longer plays its recording: a point that it maps to decides now.
func (c *Cell) Live() bool { return c.played }

// Read takes the next sample. The bytes are valid until the cell is used again.
func (c *Cell) Read(st *State) ([]byte, Origin) {
	if !c.played && !c.run.Write {
		c.value = c.run.Value
		if c.run.N--; c.run.N == 0 {
			c.advance()
			if c.played {
				c.goOn(st)
			}
		}
		return c.value, Recorded
	}
	if !c.played { // the recording waits for a write: the value stays until it comes
		return c.value, Recorded
	}
	return c.Peek(st)
}

// Peek is the value without taking a sample.
func (c *Cell) Peek(st *State) ([]byte, Origin) {
	if !c.played {
		if !c.run.Write {
			return c.run.Value, Recorded
		}
		return c.value, Recorded
	}
	if c.motion == nil {
		return c.value, Modelled
	}
	if !c.handed && !c.since.IsZero() {
		c.start()
	}
	v := c.motion.At(c.now(st))
	if c.Encode != nil {
		c.made = c.Encode(c.made[:0], v)
	} else {
		c.made = EncodeUint(c.made[:0], v.Uint(), len(c.value))
	}
	c.value = c.made
	return c.value, Modelled
}

// Write stores v, and says whether that is what the recording had next.
func (c *Cell) Write(st *State, v []byte) (asRecorded bool) {
	if !c.played && c.run.Write && bytes.Equal(c.run.Value, v) {
		c.value = c.run.Value
		if c.run.N--; c.run.N == 0 {
			c.advance()
			if c.played {
				c.goOn(st)
				c.motion = nil
			}
		}
		return true
	}
	c.played, c.motion = true, nil
	c.value = append(c.value[:0:0], v...)
	return false
}

// Awaits says whether the recording goes on with a write of v.
func (c *Cell) Awaits(v []byte) bool {
	return !c.played && c.run.Write && bytes.Equal(c.run.Value, v)
}

// End ends the recording: the cell goes on from what it holds. A write through a point that the cell
// maps to ends it.
func (c *Cell) End(st *State) {
	if !c.played {
		c.goOn(st)
	}
}

// DecodeUint reads up to eight big-endian bytes, EncodeUint appends the n low bytes of v.
func DecodeUint(b []byte) (v uint64) {
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v
}

func EncodeUint(dst []byte, v uint64, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		if i < 8 {
			dst = append(dst, byte(v>>(8*i)))
		} else {
			dst = append(dst, 0)
		}
	}
	return dst
}
