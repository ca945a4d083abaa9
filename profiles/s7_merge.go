package profiles

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Merge lays the memory of two profiles over each other, and unites the lists.
func (s *S7) Merge(newer Section, m *Merging) error {
	n := newer.(*S7)
	j := s7Merge{Merging: m, older: map[string][]byte{}, newer: map[string][]byte{}}
	for name, y := range n.Areas {
		x := s.Areas[name]
		if x == nil || y == nil {
			continue
		}
		if err := j.area(name, x, y); err != nil {
			return err
		}
	}
	if err := j.lists(s, n); err != nil {
		return err
	}
	accept := s.TSAP.Accept
	for _, t := range n.TSAP.Accept {
		if !slices.Contains(accept, t) {
			accept = append(accept, t)
		}
	}
	slices.Sort(accept)
	s.TSAP.Accept, n.TSAP.Accept = nil, nil
	m.Fields(s, n)
	s.TSAP.Accept = accept
	last, err := m.Settle(&s.Samples, j.older, j.newer)
	if err != nil {
		return err
	}
	for _, a := range j.areas {
		for i := range a.image {
			if v := last[fmt.Sprintf("%s.%d", a.name, i)]; len(v) == 1 {
				a.image[i] = v[0]
			}
		}
		if bytes.Trim(a.image, "\x00") != nil {
			s.Areas[a.name].Image = fmt.Sprintf("blocks/%s-%s.bin", m.Name(), a.name)
			m.Write(s.Areas[a.name].Image, a.image)
		}
	}
	return nil
}

type s7Merge struct {
	*Merging
	older, newer map[string][]byte // what bytes and lists held, in each profile
	areas        []s7Merged
}

type s7Merged struct {
	name  string
	image []byte
}

// area merges two images of one area; x is changed. What merges field by field is left to Fields.
func (j *s7Merge) area(name string, x, y *S7Area) error {
	a, err := j.held(j.Older, j.older, name, x)
	if err != nil {
		return err
	}
	b, err := j.held(j.Newer, j.newer, name, y)
	if err != nil {
		return err
	}
	size := max(len(a.image), len(b.image))
	image, known := make([]byte, size), make([]bool, size)
	copy(image, a.image)
	copy(known, a.known)
	for i, ok := range b.known {
		if ok {
			image[i], known[i] = b.image[i], true
		}
	}
	j.Drop(x.Image)
	j.Drop(y.Image)
	x.Size, y.Size = max(x.Size, y.Size), max(x.Size, y.Size)
	x.Image, y.Image, x.Known, y.Known = "", "", s7Spans(known), nil
	j.areas = append(j.areas, s7Merged{name, image})
	return nil
}

type s7Held struct {
	image []byte
	known []bool
}

// held reads the bytes of an area that are known.
func (j *s7Merge) held(d *Device, cells map[string][]byte, name string, a *S7Area) (h s7Held, err error) {
	h.image = make([]byte, a.Size)
	if name == "T" || name == "C" {
		h.image = make([]byte, 2*a.Size)
	}
	if a.Image != "" {
		b, err := d.ReadFile(a.Image, 1<<17)
		if err != nil {
			return h, err
		}
		if len(b) > len(h.image) {
			h.image = b
		} else {
			copy(h.image, b)
		}
	}
	h.known = make([]bool, len(h.image))
	spans := a.Known
	if spans == nil && len(h.image) > 0 {
		spans = []string{fmt.Sprintf("0-%d", len(h.image)-1)}
	}
	for _, s := range spans {
		from, to, err := s7Span(s)
		if err != nil {
			return h, fmt.Errorf("area %s: %w", name, err)
		}
		for i := from; i <= min(to, len(h.known)-1); i++ {
			h.known[i] = true
			cells[fmt.Sprintf("%s.%d", name, i)] = h.image[i : i+1]
		}
	}
	return h, nil
}

// s7Span reads an entry of Known: "0-11" or "7".
func s7Span(s string) (from, to int, err error) {
	a, b, two := strings.Cut(s, "-")
	if !two {
		b = a
	}
	from, err1 := strconv.Atoi(a)
	to, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || from < 0 || to < from {
		return 0, 0, fmt.Errorf("%q: want bytes, as 0-11", s)
	}
	return from, to, nil
}

// s7Spans writes Known: nothing if all is.
func s7Spans(known []bool) (spans []string) {
	from := -1
	for i := range len(known) + 1 {
		on := i < len(known) && known[i]
		switch {
		case on && from < 0:
			from = i
		case !on && from >= 0:
			s := strconv.Itoa(from)
			if i-1 > from {
				s = fmt.Sprintf("%d-%d", from, i-1)
			}
			spans = append(spans, s)
			from = -1
		}
	}
	if len(spans) == 1 && spans[0] == fmt.Sprintf("0-%d", len(known)-1) {
		return nil
	}
	return spans
}

// lists unites the system status lists. A list that is a file in one profile and moved in the other is told
// by samples alone.
func (j *s7Merge) lists(s, n *S7) error {
	for _, side := range []struct {
		d     *Device
		cells map[string][]byte
		szl   map[string]string
	}{{j.Older, j.older, s.SZL}, {j.Newer, j.newer, n.SZL}} {
		for name, value := range side.szl {
			a := S7Answer{ReturnCode: 0xFF, TransportSize: 9} // success, octets
			if e, refused := SZLError(value); refused {
				a = S7Answer{Error: e, ReturnCode: 0x0A} // the object does not exist, no data
			} else {
				b, err := side.d.ReadFile(value, 1<<20)
				if err != nil {
					return err
				}
				a.Data = b
			}
			side.cells["szl "+name] = a.Append(nil)
		}
	}
	for name, value := range n.SZL {
		old, both := s.SZL[name]
		if !both || old == value {
			continue
		}
		if _, refused := SZLError(old); !refused {
			j.Drop(old)
		}
		s.SZL[name] = value // Settle sees whether they differ
	}
	return nil
}
