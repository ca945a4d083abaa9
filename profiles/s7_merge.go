package profiles

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// s7FileMax bounds the bulk files that are read to be merged.
const s7FileMax = 1 << 20

// Merge lays the memory of two profiles over each other; what both have differently has moved, and so have
// status lists.
func (s *S7) Merge(newer Section, m *Merging) error {
	n := newer.(*S7)
	older, later := map[string][]byte{}, map[string][]byte{}
	if err := s.lists(m.Older, older); err != nil {
		return err
	}
	if err := n.lists(m.Newer, later); err != nil {
		return err
	}
	var merged []s7Merged
	for name, y := range n.Areas {
		x := s.Areas[name]
		if x == nil || y == nil {
			continue
		}
		o, err := x.held(m.Older)
		if err != nil {
			return err
		}
		w, err := y.held(m.Newer)
		if err != nil {
			return err
		}
		o.remember(name, older)
		w.remember(name, later)
		merged = append(merged, s7Merged{name, x, o.over(w)})
		m.Drop(x.Image)
		m.Drop(y.Image)
		x.Image, x.Known, y.Image, y.Known = "", nil, "", nil
		x.Size = max(x.Size, y.Size)
		y.Size = x.Size
	}
	for list, file := range n.SZL {
		name := "szl " + list
		if mine, both := s.SZL[list]; both && mine != file && bytes.Equal(older[name], later[name]) {
			m.dropList(file)
			n.SZL[list] = mine
		}
	}
	lists := [2]map[string]string{s.SZL, n.SZL}
	s.SZL, n.SZL = nil, nil
	m.Fields(s, n)
	last, err := m.Settle(&s.Samples, older, later)
	if err != nil {
		return err
	}
	for _, own := range lists {
		for list, file := range own {
			if last["szl "+list] != nil {
				m.dropList(file)
				continue
			}
			if s.SZL == nil {
				s.SZL = map[string]string{}
			}
			s.SZL[list] = file
		}
	}
	for _, a := range merged {
		if err := a.write(last, m); err != nil {
			return err
		}
	}
	return nil
}

func (m *Merging) dropList(file string) {
	if _, refused := SZLError(file); !refused {
		m.Drop(file)
	}
}

// lists adds the status lists of a profile to its cells.
func (s *S7) lists(d *Device, cells map[string][]byte) error {
	for list, file := range s.SZL {
		a, refused := SZLError(file)
		if !refused {
			b, err := d.ReadFile(file, s7FileMax)
			if err != nil {
				return err
			}
			a = S7Answer{ReturnCode: 0xFF, TransportSize: 9, Data: b}
		}
		cells["szl "+list] = a.Append(nil)
	}
	return nil
}

// s7Held is what a profile knows of an area, by offset.
type s7Held map[int]byte

type s7Merged struct {
	name string
	area *S7Area
	held s7Held
}

func (a *S7Area) held(d *Device) (s7Held, error) {
	var image []byte
	if a.Image != "" {
		var err error
		if image, err = d.ReadFile(a.Image, s7FileMax); err != nil {
			return nil, err
		}
	}
	known := a.Known
	if known == nil && (a.Size > 0 || len(image) > 0) {
		known = []string{fmt.Sprintf("0-%d", max(a.Size, len(image))-1)}
	}
	h := s7Held{}
	for _, k := range known {
		from, to, err := parseSpan(k)
		if err != nil {
			return nil, err
		}
		for i := from; i <= to; i++ {
			h[i] = 0
			if i < len(image) {
				h[i] = image[i]
			}
		}
	}
	return h, nil
}

// parseSpan reads "4" or "0-11".
func parseSpan(s string) (from, to int, err error) {
	a, b, two := strings.Cut(s, "-")
	if !two {
		b = a
	}
	from, err1 := strconv.Atoi(a)
	to, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || from < 0 || to < from || to > 0xFFFF {
		return 0, 0, fmt.Errorf("%q: want a byte or a range of bytes, as 0-11", s)
	}
	return from, to, nil
}

func (h s7Held) remember(area string, cells map[string][]byte) {
	for offset, v := range h {
		cells[fmt.Sprintf("%s.%d", area, offset)] = []byte{v}
	}
}

// over lays a newer profile's memory over this.
func (h s7Held) over(newer s7Held) s7Held {
	for offset, v := range newer {
		h[offset] = v
	}
	return h
}

// write makes the image of a merged area; bytes that move have their last value in it.
func (a *s7Merged) write(last map[string][]byte, m *Merging) error {
	end := 0
	for offset := range a.held {
		end = max(end, offset+1)
	}
	image := make([]byte, end)
	a.area.Known = nil
	from := -1
	for offset := range end + 1 {
		v, ok := a.held[offset]
		switch {
		case ok && from < 0:
			from = offset
		case !ok && from >= 0:
			span := strconv.Itoa(from)
			if offset-1 > from {
				span += "-" + strconv.Itoa(offset-1)
			}
			a.area.Known = append(a.area.Known, span)
			from = -1
		}
		if ok {
			image[offset] = v
			if t := last[fmt.Sprintf("%s.%d", a.name, offset)]; len(t) == 1 {
				image[offset] = t[0]
			}
		}
	}
	if len(a.area.Known) == 1 && len(a.held) == end {
		a.area.Known = nil
	}
	if len(bytes.Trim(image, "\x00")) > 0 {
		a.area.Image = fmt.Sprintf("blocks/%s-%s.bin", m.Name(), a.name)
		m.Write(a.area.Image, image)
	}
	return nil
}
