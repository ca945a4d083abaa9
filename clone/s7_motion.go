package clone

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// Bytes of memory play their samples one by one; how they go on then is found for two kinds of places: a
// byte that moves while its neighbours stay (lives bits, states, small counters), and a number of two or
// four bytes that was read as one item.

// s7TrendsMax bounds the places whose movement is followed.
const s7TrendsMax = 1 << 12

// s7Place is a number in memory.
type s7Place struct {
	area   s7Area
	offset int
	width  int
}

// s7Number is how a number moves.
type s7Number struct {
	last    [4]byte
	trend   *Trend
	kind    string  // u16 i16 u32 i32 f32
	scale   float64 // of f32: what is followed is the number times it, rounded
	written bool
}

// byteMoved follows a byte that has had more than one value.
func (l *s7Learner) byteMoved(m *s7Memory, offset int, v byte, at time.Time) {
	t := m.trends[offset]
	if t == nil {
		if l.trends >= s7TrendsMax {
			return
		}
		if m.trends == nil {
			m.trends = map[int]*Trend{}
		}
		t = &Trend{}
		m.trends[offset] = t
		l.trends++
	}
	t.Add(at, uint64(v), 8)
}

// number follows what an item of two or four bytes holds.
func (l *s7Learner) number(i *s7comm.Item, a s7Area, offset int, data []byte, at time.Time) {
	if len(data) != 2 && len(data) != 4 || a.area.Counted() {
		return
	}
	p := s7Place{a, offset, len(data)}
	n := l.numbers[p]
	if n == nil {
		if len(l.numbers) >= s7CellsMax {
			return
		}
		n = &s7Number{kind: s7NumberKind(i, data)}
		copy(n.last[:], data)
		l.numbers[p] = n
		return
	}
	if n.trend == nil {
		if [4]byte(append(append([]byte(nil), data...), 0, 0)[:4]) == n.last || l.trends >= s7TrendsMax {
			return
		}
		n.trend = &Trend{}
		l.trends++
		n.scale = 1
		if f := math.Abs(n.float()); n.kind == "f32" && f > 0 {
			n.scale = math.Pow(10, 5-math.Floor(math.Log10(f)))
		} else if n.kind == "f32" {
			n.scale = 1000
		}
	}
	copy(n.last[:], data)
	n.trend.Add(at, n.value(len(data)), 8*len(data))
}

func (n *s7Number) float() float64 {
	return float64(math.Float32frombits(binary.BigEndian.Uint32(n.last[:])))
}

// value is the number as a Trend takes it.
func (n *s7Number) value(width int) uint64 {
	switch {
	case n.kind == "f32":
		return uint64(int64(math.Round(n.float() * n.scale)))
	case width == 2:
		return uint64(binary.BigEndian.Uint16(n.last[:]))
	}
	return uint64(binary.BigEndian.Uint32(n.last[:]))
}

// s7NumberKind guesses what is meant: four bytes of no type are a REAL if they look like one.
func s7NumberKind(i *s7comm.Item, data []byte) string {
	switch i.TransportSize {
	case s7comm.SizeReal:
		return "f32"
	case s7comm.SizeInt:
		return "i16"
	case s7comm.SizeDInt:
		return "i32"
	}
	if len(data) == 2 {
		return "u16"
	}
	if f := math.Abs(float64(math.Float32frombits(binary.BigEndian.Uint32(data)))); i.TransportSize == s7comm.SizeByte && f > 1e-6 && f < 1e9 {
		return "f32"
	}
	return "u32"
}

// finishNumbers writes how numbers go on, behind the samples of their bytes.
func (l *s7Learner) finishNumbers(f *sampleFile) {
	places := slices.SortedFunc(maps.Keys(l.numbers), func(a, b s7Place) int {
		return cmp.Or(cmp.Compare(a.area.area, b.area.area), cmp.Compare(a.area.db, b.area.db), cmp.Compare(a.offset, b.offset), cmp.Compare(a.width, b.width))
	})
	for _, p := range places {
		n := l.numbers[p]
		if n.trend == nil || n.written || l.memory[p.area].written(p.offset, p.width) {
			continue
		}
		d := n.trend.Dynamics()
		if d == nil {
			continue
		}
		name := fmt.Sprintf("%s.%d:%s", p.area, p.offset, n.kind)
		if n.kind == "f32" {
			name += fmt.Sprintf("*%g", n.scale)
		}
		var t profiles.Track
		t.Add(n.last[:p.width], false)
		f.add(name, d, &t)
		l.memory[p.area].claim(p.offset, p.width)
	}
}

// written says whether any of the bytes was ever written.
func (m *s7Memory) written(offset, width int) bool {
	for i := offset; i < offset+width; i++ {
		for c := m.track(i).Cursor(); ; {
			r, ok := c.Next()
			if !ok {
				break
			}
			if r.Write {
				return true
			}
		}
	}
	return false
}

// claim makes bytes that are part of a number go on with it, not by themselves.
func (m *s7Memory) claim(offset, width int) {
	for i := offset; i < offset+width; i++ {
		delete(m.trends, i)
	}
}

// goesOn is how a byte goes on by itself: only where its neighbours do not move with it.
func (m *s7Memory) goesOn(offset int) *profiles.Dynamics {
	t := m.trends[offset]
	if t == nil || m.moves(offset-1) || m.moves(offset+1) || m.written(offset, 1) {
		return nil
	}
	return t.Dynamics()
}

func (m *s7Memory) moves(offset int) bool {
	p := m.pages[offset/s7Page]
	return offset >= 0 && p != nil && p[offset%s7Page].Moved()
}
