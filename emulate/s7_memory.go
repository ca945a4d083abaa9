package emulate

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// s7Memory is one area or data block: an image, cells over the bytes that moved, and points over both.
type s7Memory struct {
	image    []byte
	cells    []*Cell    // by offset; nil where the image does
	moving   []s7Number // by offset
	maps     []s7Mapping
	readonly bool
	outputs  bool // the process image of the outputs: zeros while the CPU is stopped
}

// s7Number is a number that goes on when the samples of its bytes have ended.
type s7Number struct {
	offset, width int
	cell          *Cell // nil: it was written, and stays
}

// s7Mapping is a point in memory.
type s7Mapping struct {
	offset, bit int // bit -1: whole bytes
	width       int
	kind        string
	point       *PointState
	writes      int  // of the point, when the service was opened
	speaks      bool // for the bytes that are being read
}

// s7ImageMax bounds an area.
const s7ImageMax = 1 << 16

func (s *s7Service) openMemory() error {
	for name, a := range s.sec.Areas {
		if a == nil {
			a = &profiles.S7Area{}
		}
		m, err := s.newMemory(a, strings.HasPrefix(name, "T") || name == "C" || name == "HC")
		if err != nil {
			return fmt.Errorf("area %s: %w", name, err)
		}
		letters, db, err := profiles.ParseS7Area(name)
		if err != nil {
			return err
		}
		area, ok := s7comm.ParseArea(letters)
		if !ok {
			return fmt.Errorf("area %s is not known", name)
		}
		if area == s7comm.AreaDB {
			s.dbs[db] = m
		} else {
			s.areas[area] = m
		}
	}
	return nil
}

func (s *s7Service) newMemory(a *profiles.S7Area, counted bool) (*s7Memory, error) {
	m := &s7Memory{readonly: a.ReadOnly}
	size := a.Size
	if counted {
		size *= 2
	}
	if a.Image != "" {
		b, err := s.dev.ReadFile(a.Image, s7ImageMax)
		if err != nil {
			return nil, err
		}
		m.image = b
	}
	if size > s7ImageMax {
		return nil, fmt.Errorf("size %d is too large", a.Size)
	}
	if len(m.image) < size {
		m.image = append(m.image, make([]byte, size-len(m.image))...)
	} else if size > 0 {
		m.image = m.image[:size]
	}
	for _, e := range a.Map {
		p, err := s.st.Point(e.Point)
		if err != nil {
			return nil, err
		}
		offset, bit, err := profiles.ParseAt(e.At)
		if err != nil {
			return nil, err
		}
		kind := e.Kind(p.Spec)
		width := profiles.S7Width(kind)
		if width == 0 {
			return nil, fmt.Errorf("point %s cannot be there as %q", e.Point, kind)
		}
		if end := offset + width; end > len(m.image) {
			m.image = append(m.image, make([]byte, end-len(m.image))...)
		}
		p.drive()
		m.maps = append(m.maps, s7Mapping{offset, bit, width, kind, p, p.Writes(), false})
	}
	return m, nil
}

// byteSample puts a cell over a byte, or over a number that begins there.
func (s *s7Service) byteSample(name, area, place string, d *profiles.Dynamics, t *profiles.Track) error {
	letters, db, err := profiles.ParseS7Area(area)
	offset, number, isNumber := strings.Cut(place, ":")
	n, err2 := strconv.Atoi(offset)
	a, known := s7comm.ParseArea(letters)
	if err != nil || err2 != nil || !known || n < 0 || n >= s7ImageMax {
		return fmt.Errorf("%q names no byte of an area", name)
	}
	m := s.memory(a, db)
	if m == nil {
		m = &s7Memory{}
		if a == s7comm.AreaDB {
			s.dbs[db] = m
		} else {
			s.areas[a] = m
		}
	}
	end := n + 1
	var kind string
	var scale float64
	if isNumber {
		if kind, scale, err = profiles.ParseS7Number(number); err != nil {
			return err
		}
		end = n + profiles.S7Width(kind)
	}
	if end > len(m.image) {
		m.image = append(m.image, make([]byte, end-len(m.image))...)
	}
	if len(m.cells) < len(m.image) {
		m.cells = append(m.cells, make([]*Cell, len(m.image)-len(m.cells))...)
	}
	cell, err := s.st.NewCell("s7 "+name, t, d)
	if err != nil {
		return err
	}
	cell.driven = d == nil || d.Clock == nil
	if !isNumber {
		m.cells[n] = cell
		return nil
	}
	width := profiles.S7Width(kind)
	cell.Encode = func(dst []byte, v Value) []byte {
		if kind == "f32" || kind == "f64" {
			v = FloatValue(v.Float() / scale)
		}
		return s7Encode(dst, kind, width, v)
	}
	cell.Decode = func(b []byte) uint64 {
		v := s7Decode(kind, b)
		if kind == "f32" || kind == "f64" {
			return uint64(int64(math.Round(v.Float() * scale)))
		}
		return v.Uint()
	}
	m.moving = append(m.moving, s7Number{n, width, cell})
	slices.SortFunc(m.moving, func(a, b s7Number) int { return cmp.Compare(a.offset, b.offset) })
	return nil
}

func (s *s7Service) itemSample(spec string, cell *Cell) error {
	verb, digits, ok := strings.Cut(spec, " ")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || verb != "read" && verb != "write" {
		return fmt.Errorf("%q names no item", spec)
	}
	s.items[verb[:1]+string(b)] = cell
	return nil
}

func (s *s7Service) memory(area s7comm.Area, db uint16) *s7Memory {
	if area == s7comm.AreaDB {
		return s.dbs[db]
	}
	return s.areas[area]
}

// read appends n bytes of memory; every cell it covers takes its next sample.
func (m *s7Memory) read(st *State, dst []byte, offset, n int) ([]byte, Origin) {
	start, from := len(dst), Recorded
	dst = append(dst, m.image[offset:offset+n]...)
	for i := range m.maps { // before the last sample is taken: that is the recording's, too
		p := &m.maps[i]
		p.speaks = p.offset < offset+n && offset < p.offset+p.width && m.live(st, p)
	}
	if offset < len(m.cells) {
		for i, c := range m.cells[offset:min(offset+n, len(m.cells))] {
			if c == nil {
				continue
			}
			v, origin := c.Read(st)
			if len(v) > 0 {
				dst[start+i] = v[0]
			}
			if origin == Modelled {
				from = Modelled
			}
		}
	}
	if len(m.moving) > 0 && m.goOn(st, dst[start:], offset) {
		from = Modelled
	}
	for i := range m.maps {
		if p := &m.maps[i]; p.speaks {
			m.overlay(p, dst[start:], offset)
			from = Point
		}
	}
	if m.outputs && st.Stopped() {
		for i := range n {
			if !m.playing(offset+i, 1) { // a recording has outputs as they were
				dst[start+i] = 0
			}
		}
	}
	return dst, from
}

// goOn writes the numbers that have outlived their samples over the bytes b, which begin at offset.
func (m *s7Memory) goOn(st *State, b []byte, offset int) (any bool) {
	i := sort.Search(len(m.moving), func(i int) bool { return m.moving[i].offset+m.moving[i].width > offset })
	for ; i < len(m.moving) && m.moving[i].offset < offset+len(b); i++ {
		p := &m.moving[i]
		if p.cell == nil || m.playing(p.offset, p.width) {
			continue
		}
		v, _ := p.cell.Read(st)
		for k, x := range v {
			m.image[p.offset+k] = x
			if at := p.offset + k - offset; at >= 0 && at < len(b) {
				b[at] = x
			}
		}
		any = true
	}
	return any
}

// live says whether a point decides what its bytes hold: there is no recording of them, or it has ended.
// A write to the point by anyone ends it.
func (m *s7Memory) live(st *State, p *s7Mapping) bool {
	playing := false
	for i := p.offset; i < p.offset+p.width && i < len(m.cells); i++ {
		if c := m.cells[i]; c != nil && !c.Live() {
			if p.point.Writes() != p.writes {
				c.End(st)
			} else {
				playing = true
			}
		}
	}
	return !playing
}

// overlay writes a point's value over the bytes b, which begin at offset in memory.
func (m *s7Memory) overlay(p *s7Mapping, b []byte, offset int) {
	if p.bit >= 0 {
		i := p.offset - offset
		b[i] &^= 1 << p.bit
		if p.point.Get().Bool() {
			b[i] |= 1 << p.bit
		}
		return
	}
	var held [256]byte
	v := s7Encode(held[:0], p.kind, p.width, p.point.Get())
	for i, x := range v {
		if at := p.offset + i - offset; at >= 0 && at < len(b) {
			b[at] = x
		}
	}
}

// held is a byte as it is, without taking a sample.
func (m *s7Memory) held(st *State, offset int) byte {
	b := m.image[offset : offset+1 : offset+1]
	if offset < len(m.cells) && m.cells[offset] != nil && len(m.cells[offset].value) > 0 {
		b = m.cells[offset].value[:1]
	}
	one := [1]byte{b[0]}
	for i := range m.maps {
		if p := &m.maps[i]; p.offset <= offset && offset < p.offset+p.width && m.live(st, p) {
			m.overlay(p, one[:], offset)
		}
	}
	return one[0]
}

// write stores bytes, and gives the item's return code. mask says which bits of a single byte are written.
func (m *s7Memory) write(st *State, offset int, data []byte, mask byte) uint8 {
	if m.readonly {
		return s7comm.CodeAccessDenied
	}
	for i := range m.maps {
		p := &m.maps[i]
		if p.offset >= offset+len(data) || offset >= p.offset+p.width || p.bit >= 0 && mask>>p.bit&1 == 0 {
			continue
		}
		if code := m.writePoint(st, p, offset, data); code != s7comm.CodeSuccess {
			return code
		}
	}
	for i := range m.moving {
		if p := &m.moving[i]; p.offset < offset+len(data) && offset < p.offset+p.width {
			p.cell = nil
		}
	}
	for i, v := range data {
		if at := offset + i; at < len(m.cells) && m.cells[at] != nil {
			m.cells[at].Write(st, data[i:i+1])
		}
		m.image[offset+i] = v
	}
	return s7comm.CodeSuccess
}

// writePoint sets a point from the bytes written over it. A point that cannot be written refuses what
// would change it.
func (m *s7Memory) writePoint(st *State, p *s7Mapping, offset int, data []byte) uint8 {
	var v Value
	if p.bit >= 0 {
		v = BoolValue(data[p.offset-offset]>>p.bit&1 == 1)
		if v.Bool() == p.point.Get().Bool() && m.playing(p.offset, p.width) {
			return s7comm.CodeSuccess
		}
	} else {
		var held [256]byte
		b := s7Encode(held[:0], p.kind, p.width, p.point.Get())
		same := true
		for i := range b {
			if at := p.offset + i - offset; at >= 0 && at < len(data) {
				same = same && b[i] == data[at]
				b[i] = data[at]
			}
		}
		if same {
			return s7comm.CodeSuccess
		}
		v = s7Decode(p.kind, b)
	}
	asRecorded := m.playing(p.offset, p.width)
	switch err := p.point.Set(v); {
	case errors.Is(err, ErrReadOnly):
		if asRecorded { // the original took it
			return s7comm.CodeSuccess
		}
		return s7comm.CodeAccessDenied
	case err != nil:
		return s7comm.CodeOutOfRange
	}
	if asRecorded {
		p.writes = p.point.Writes()
	}
	return s7comm.CodeSuccess
}

// playing says whether any of some bytes still plays its recording.
func (m *s7Memory) playing(offset, width int) bool {
	for i := offset; i < offset+width && i < len(m.cells); i++ {
		if c := m.cells[i]; c != nil && !c.Live() {
			return true
		}
	}
	return false
}
