package clone

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"ringer/profiles"
)

// An s7Here is a byte of memory, for comparing numbers with those of other services.
type s7Here struct {
	m      *s7Memory
	offset int
}

// moving lists what lies at even addresses of memory, where at least one byte moved.
func (l *s7Learner) moving() (all []*moving) {
	areas := slices.SortedFunc(maps.Keys(l.memory), func(a, b s7Area) int {
		return cmp.Or(cmp.Compare(a.area, b.area), cmp.Compare(a.db, b.db))
	})
	for _, a := range areas {
		m := l.memory[a]
		if a.area.Counted() {
			continue
		}
		for offset := 0; offset+1 < m.end; offset += 2 {
			for _, typ := range [...]string{"f32", "u32", "u16"} {
				if n := m.number(l.s.beside, offset, typ); n != nil {
					all = append(all, l.inMemory(n, a, offset))
				}
			}
		}
	}
	return all
}

// number is some bytes of memory as a number; nil: they are none, or did not move.
func (m *s7Memory) number(b *beside, offset int, typ string) *moving {
	parts := make([]heardBytes, profiles.S7Width(typ))
	moved := false
	for i := range parts {
		p := m.pages[(offset+i)/s7Page]
		if p == nil || p[(offset+i)%s7Page].Runs() == 0 {
			return nil
		}
		t := &p[(offset+i)%s7Page]
		first, _ := firstRun(t)
		parts[i] = heardBytes{cell: s7Here{m, offset + i}, width: 1, before: uint64(first[0])}
		if t.Moved() {
			if parts[i].heard = b.cells[parts[i].cell]; parts[i].heard == nil {
				return nil
			}
			moved = true
		}
	}
	if !moved || m.written(offset, len(parts)) {
		return nil
	}
	return numberOf(parts, typ)
}

func (l *s7Learner) inMemory(n *moving, a s7Area, offset int) *moving {
	n.cell = fmt.Sprintf("%s.%d", a, offset)
	n.point = fmt.Sprintf("s7-%d-%s.%d", l.s.Port.Number, a, offset)
	n.can = true
	n.place = func(_ *profiles.Device, section profiles.Section, ref profiles.PointRef) {
		if area := section.(*profiles.S7).Areas[a.String()]; area != nil {
			area.Map = append(area.Map, profiles.S7Map{At: strconv.Itoa(offset), Point: ref.String(), As: n.typ})
		}
	}
	return n
}
