package clone

import (
	"fmt"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

func (l *bacnetLearner) moving() (all []*moving) {
	for _, c := range l.all() {
		h := l.s.beside.cells[c]
		if h == nil || c.written || len(c.value()) < 2 {
			continue
		}
		m := &moving{cell: c.name.String(), said: l.stations[c.name.Station].called(c.name), point: fmt.Sprintf("bacnet-%d-%s", l.s.Port.Number, pointName(c.name.String())),
			typ: "u32", typed: true, width: 4, takes: []any{c}, every: h.every()}
		if tag, _ := bacnet.Value(c.value()[1:]).First(); bacnet.TagNumber(tag.Number) == bacnet.TagReal {
			m.typ, m.floats = "f32", true
		}
		for _, r := range h.readings() {
			v := float64(r.v)
			if m.floats {
				v = float64(int64(r.v)) / profiles.BACnetScale
			}
			m.at, m.v, m.last = append(m.at, r.at), append(m.v, v), v
		}
		m.place = func(_ *profiles.Device, section profiles.Section, ref profiles.PointRef) {
			s := section.(*profiles.BACnet)
			if s.Points == nil {
				s.Points = map[string]string{}
			}
			s.Points[c.name.String()] = ref.String()
		}
		all = append(all, m)
	}
	return all
}

// called is the name of a property's object, if it is the property that tells the object's value.
func (t *bacnetStation) called(c profiles.BACnetCell) string {
	if c.Property != bacnet.PropPresentValue || c.Index >= 0 {
		return ""
	}
	c.Property = bacnet.PropObjectName
	if name := t.cells[c]; name != nil && len(name.value()) > 1 {
		text, _ := bacnet.Value(name.value()[1:]).Text()
		return text
	}
	return ""
}
