package emulate

import (
	"fmt"
	"strings"

	"ringer/capture/snmp"
	"ringer/profiles"
)

// snmpPointType is the type of a variable that shows a point and is not in the walk.
func snmpPointType(p *profiles.Point) snmp.Type {
	d := p.Dynamics
	switch {
	case d != nil && d.Clock != nil && d.Clock.Of != "wall" && p.Type == "u32":
		return snmp.TypeTimeTicks
	case d != nil && d.Counter != nil && p.Type == "u32":
		return snmp.TypeCounter32
	}
	switch p.Type {
	case "u8", "u16", "u32":
		return snmp.TypeGauge32
	case "u64":
		return snmp.TypeCounter64
	case "bool", "i8", "i16", "i32", "enum":
		return snmp.TypeInteger
	}
	return snmp.TypeOctetString
}

// loadCells makes the cells of what the samples files hold, and of what the section maps to points.
func (s *snmpService) loadCells(dev *profiles.Device) error {
	type track struct {
		dynamics *profiles.Dynamics
		profiles.Track
	}
	tracks := map[string]*track{}
	for _, name := range s.sec.Samples {
		f, err := dev.Files.Open(name)
		if err != nil {
			return fmt.Errorf("samples: %w", err)
		}
		err = profiles.ReadSamples(f, func(cell string, d *profiles.Dynamics, t profiles.Track) error {
			if x := tracks[cell]; x != nil {
				x.Append(&t)
				x.dynamics = d
				return nil
			}
			if o := strings.TrimPrefix(cell, "report "); cell != "engine" {
				if _, err := snmp.ParseOID(o); err != nil {
					return err
				}
			}
			tracks[cell] = &track{d, t}
			return nil
		})
		f.Close()
		if err != nil {
			return fmt.Errorf("samples %s: %w", name, err)
		}
	}
	kinds := map[string]snmp.Type{}
	for name, t := range tracks {
		if name != "engine" && !strings.HasPrefix(name, "report ") {
			kinds[name] = snmp.TypeNull
			if first := snmpFirst(&t.Track); first != nil {
				kinds[name] = snmp.Type(first[0])
			}
		}
	}
	for name, point := range s.sec.Points {
		p, err := s.st.Point(point)
		if err != nil {
			return fmt.Errorf("points: %s: %w", name, err)
		}
		if _, ok := kinds[name]; !ok {
			kinds[name] = snmpPointType(p.Spec)
		}
	}
	if err := s.addMissing(kinds); err != nil {
		return err
	}
	s.tree.moving = make([]uint64, s.tree.len()/64+1)
	s.cells = map[int]*snmpCell{}
	for name, t := range tracks {
		if name == "engine" || strings.HasPrefix(name, "report ") {
			c, err := s.st.NewCell("snmp "+name, &t.Track, nil)
			if err != nil {
				return err
			}
			s.special[name] = c
			continue
		}
		o, _ := snmp.ParseOID(name)
		i, _ := s.tree.search(o, -1)
		if err := s.addCell(i, name, &t.Track, t.dynamics); err != nil {
			return err
		}
	}
	for name, point := range s.sec.Points {
		o, _ := snmp.ParseOID(name)
		i, _ := s.tree.search(o, -1)
		p, err := s.st.Point(point)
		if err != nil {
			return fmt.Errorf("points: %s: %w", name, err)
		}
		c := s.cells[i]
		if c == nil {
			c = &snmpCell{kind: s.tree.tag(i), shape: s.tree.value(i)}
			s.cells[i] = c
			s.tree.setMoves(i)
		}
		c.point, c.writes = p, p.Writes()
	}
	return nil
}

// addMissing adds the variables that are not in the walk file.
func (s *snmpService) addMissing(kinds map[string]snmp.Type) error {
	var missing []string
	for name := range kinds {
		o, err := snmp.ParseOID(name)
		if err != nil {
			return err
		}
		if _, found := s.tree.search(o, -1); !found {
			missing = append(missing, name)
		}
	}
	for _, name := range missing {
		o, _ := snmp.ParseOID(name)
		if err := s.tree.add(o, kinds[name], nil); err != nil {
			return err
		}
	}
	return s.tree.sort()
}

// snmpFirst is the first value of a track.
func snmpFirst(t *profiles.Track) []byte {
	for c := t.Cursor(); ; {
		r, ok := c.Next()
		if !ok {
			return nil
		}
		if !snmpAbsent(r.Value) {
			return r.Value
		}
	}
}

func (s *snmpService) addCell(i int, name string, t *profiles.Track, d *profiles.Dynamics) error {
	first := snmpFirst(t)
	c := &snmpCell{kind: s.tree.tag(i), shape: first}
	if first != nil {
		c.kind = snmp.Type(first[0])
		if _, ok := snmp.DateAndTime(first[1:]); ok && d != nil && d.Clock != nil && d.Clock.Of == "wall" {
			c.date = d.Clock.Unit
		}
	}
	cur := t.Cursor()
	for i := 0; ; i++ {
		r, ok := cur.Next()
		if !ok {
			break
		}
		c.writable = c.writable || r.Write
		c.unset = c.unset || r.Write && i == 0
	}
	cell, err := s.st.NewCell("snmp "+name, t, d)
	if err != nil {
		return err
	}
	cell.Encode, cell.Decode = c.encode, snmpReading
	if cell.Live() && cell.motion != nil {
		cell.motion.Start(s.st.Now(), snmpReading(cell.value)) // what was played before it could be decoded
	}
	c.Cell = cell
	s.cells[i] = c
	s.tree.setMoves(i)
	return nil
}
