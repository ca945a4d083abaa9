package profiles

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
)

// A sampled cell is what all samples files of a service say of it, in order.
type sampled struct {
	track    Track
	dynamics *Dynamics
}

// sampledCells reads the samples files of a service.
func (d *Device) sampledCells(files []string) (map[string]*sampled, error) {
	cells := map[string]*sampled{}
	for _, name := range files {
		if err := d.readSamples(name, func(cell string, dyn *Dynamics, t Track) error {
			c := cells[cell]
			if c == nil {
				c = &sampled{}
				cells[cell] = c
			}
			c.track.Append(&t)
			c.dynamics = dyn
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return cells, nil
}

func (d *Device) readSamples(name string, each func(cell string, dyn *Dynamics, t Track) error) error {
	if d.Files == nil {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f, err := d.Files.Open(path.Clean(name))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := ReadSamples(f, each); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Settle sees to cells that do not move in one profile and have another value in the other: they have had
// one value after the other, so samples of both are added. older and newer give the value of every cell that
// is known, moved or not; samples are the section's in both profiles. Profiles that are written by hand have
// no captures to order them: there the newer value stands, and a conflict is noted.
//
// It gives the last value of every cell that moves.
func (m *Merging) Settle(samples *[]string, older, newer map[string][]byte) (last map[string][]byte, err error) {
	a, err := m.Older.sampledCells(m.samplesOf(m.Older, *samples))
	if err != nil {
		return nil, err
	}
	b, err := m.Newer.sampledCells(m.samplesOf(m.Newer, *samples))
	if err != nil {
		return nil, err
	}
	from, to := lastCapture(m.Older), lastCapture(m.Newer)
	addOlder, addNewer := map[string]*sampled{}, map[string]*sampled{}
	for cell, x := range older {
		y, both := newer[cell]
		if !both {
			continue
		}
		s, t := a[cell], b[cell]
		switch {
		case s == nil && t == nil && !bytes.Equal(x, y):
			if from == "" || to == "" {
				m.Conflict(cell, fmt.Sprintf("%x", x), fmt.Sprintf("%x", y))
				continue
			}
			addOlder[cell], addNewer[cell] = once(x, nil), once(y, nil)
		case s != nil && t == nil && to != "" && !bytes.Equal(s.track.Last().Value, y):
			addNewer[cell] = once(y, s.dynamics)
		case s != nil && t != nil && to != "" && s.dynamics != nil && t.dynamics == nil && !t.written():
			addNewer[cell] = &sampled{dynamics: s.dynamics} // the newer recording was too short to tell
		case s == nil && t != nil && from != "" && !beginsWith(&t.track, x):
			addOlder[cell] = once(x, nil)
		}
	}
	if err := m.addSamples(m.Older, m.service+"-"+from, samples, addOlder); err != nil {
		return nil, err
	}
	if err := m.addSamples(m.Newer, m.service+"-"+to, samples, addNewer); err != nil {
		return nil, err
	}
	*samples = m.byAge(*samples, nil)
	return m.lastValues(*samples)
}

func (m *Merging) lastValues(samples []string) (map[string][]byte, error) {
	last := map[string][]byte{}
	for _, name := range samples {
		note := func(cell string, _ *Dynamics, t Track) error {
			last[cell] = t.Last().Value
			return nil
		}
		var err error
		if b, ok := m.made[name]; ok {
			err = ReadSamples(bytes.NewReader(b), note)
		} else if len(m.samplesOf(m.Newer, []string{name})) > 0 {
			err = m.Newer.readSamples(name, note)
		} else {
			err = m.Older.readSamples(name, note)
		}
		if err != nil {
			return nil, err
		}
	}
	return last, nil
}

// written says whether someone wrote the cell.
func (s *sampled) written() bool {
	for c := s.track.Cursor(); ; {
		r, ok := c.Next()
		if !ok || r.Write {
			return ok
		}
	}
}

func once(v []byte, d *Dynamics) *sampled {
	s := &sampled{dynamics: d}
	s.track.Add(v, false)
	return s
}

func beginsWith(t *Track, v []byte) bool {
	c := t.Cursor()
	r, ok := c.Next()
	return ok && !r.Write && bytes.Equal(r.Value, v)
}

// samplesOf are the files of a united list that a profile has.
func (m *Merging) samplesOf(d *Device, files []string) (own []string) {
	for _, f := range files {
		if d.Files != nil {
			if _, err := fs.Stat(d.Files, path.Clean(f)); err == nil {
				own = append(own, f)
			}
		}
	}
	return own
}

// lastCapture is the id of the capture that began last.
func lastCapture(d *Device) (id string) {
	for c := range d.Captures {
		if id == "" || captureAge(c, d.Captures[c]) > captureAge(id, d.Captures[id]) {
			id = c
		}
	}
	return id
}

// addSamples adds cells to a samples file, which is made if there is none.
func (m *Merging) addSamples(d *Device, stem string, samples *[]string, cells map[string]*sampled) error {
	if len(cells) == 0 {
		return nil
	}
	name := "samples/" + stem + ".tsv"
	var out bytes.Buffer
	w := NewSampleWriter(&out)
	if slices.Contains(m.samplesOf(d, *samples), name) {
		if err := d.readSamples(name, func(cell string, dyn *Dynamics, t Track) error {
			if c := cells[cell]; c != nil {
				t.Append(&c.track)
				dyn = cmp.Or(dyn, c.dynamics)
				delete(cells, cell)
			}
			return w.Write(cell, dyn, &t)
		}); err != nil {
			return err
		}
	}
	if !slices.Contains(*samples, name) {
		*samples = append(*samples, name)
	}
	for _, cell := range slices.SortedFunc(maps.Keys(cells), natural) {
		if err := w.Write(cell, cells[cell].dynamics, &cells[cell].track); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	m.Write(name, out.Bytes())
	return nil
}

// Drop leaves a bulk file of the two profiles out of the merged one: another has taken its place.
func (m *Merging) Drop(name string) {
	if name != "" {
		m.dropped[path.Clean(name)] = true
	}
}

// Name is a stem for the names of bulk files that the merged profile makes, as in "modbus-502". Files of one
// capture have its id behind it.
func (m *Merging) Name() string { return m.service }
