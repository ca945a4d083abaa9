package clone

import (
	"fmt"
	"strings"

	"ringer/capture/enip"
	"ringer/profiles"
)

// moving lists tags and attributes that moved. Those behind a route are left out: no point can be put there.
func (l *enipLearner) moving() (all []*moving) {
	for _, name := range l.order {
		c := l.cells[name]
		h := l.s.beside.cells[c]
		if h == nil || c.wasWritten() {
			continue
		}
		kind, rest, _ := strings.Cut(name, " ")
		m := &moving{cell: name, point: fmt.Sprintf("enip-%d-%s", l.s.Port.Number, pointName(rest)), takes: []any{c}, every: h.every()}
		_, bits, ok := profiles.ENIPNumber(name, c.track.Last().Value)
		if !ok {
			continue
		}
		m.width, m.typ = bits/8, fmt.Sprintf("u%d", bits)
		switch kind {
		case "tag":
			t, _, _, _ := enip.Typed(c.track.Last().Value)
			m.said, m.typed, m.can = rest, true, true
			m.place = placeTag(rest)
			if m.floats = t == enip.REAL || t == enip.LREAL; m.floats {
				m.typ = "f64"
				if t == enip.REAL {
					m.typ = "f32"
				}
			}
		case "attr":
			m.place = placeAttribute(rest, m)
		default:
			continue
		}
		var raw []uint64
		for _, r := range h.readings() {
			m.at, raw = append(m.at, r.at), append(raw, r.v)
		}
		if m.floats {
			for _, v := range raw {
				m.last = float64(int64(v)) / profiles.ENIPScale
				m.v = append(m.v, m.last)
			}
		} else {
			m.read(raw, bits)
		}
		all = append(all, m)
	}
	return all
}

func (c *enipCell) wasWritten() bool {
	for cur := c.track.Cursor(); ; {
		r, ok := cur.Next()
		if !ok || r.Write {
			return ok
		}
	}
}

// placeTag maps a tag, or an element or member of one.
func placeTag(name string) func(*profiles.Device, profiles.Section, profiles.PointRef) {
	return func(_ *profiles.Device, section profiles.Section, ref profiles.PointRef) {
		tags := section.(*profiles.ENIP).Tags
		for i := range tags {
			t := &tags[i]
			if strings.EqualFold(t.Name, name) {
				t.Point = ref.String()
				return
			}
			within, ok := strings.CutPrefix(name, t.Name)
			if ok && (within[0] == '[' || within[0] == '.') {
				if t.Points == nil {
					t.Points = map[string]string{}
				}
				t.Points[strings.TrimPrefix(within, ".")] = ref.String()
				return
			}
		}
	}
}

// enipWhole are the elementary types of whole numbers, by their names elsewhere.
var enipWhole = map[string]string{"u8": "USINT", "i8": "SINT", "u16": "UINT", "i16": "INT", "u32": "UDINT", "i32": "DINT", "u64": "ULINT", "i64": "LINT"}

func placeAttribute(name string, m *moving) func(*profiles.Device, profiles.Section, profiles.PointRef) {
	return func(_ *profiles.Device, section profiles.Section, ref profiles.PointRef) {
		s := section.(*profiles.ENIP)
		s.Points = append(s.Points, profiles.ENIPPoint{Attribute: name, Point: ref.String(), As: enipWhole[m.typ]})
	}
}
