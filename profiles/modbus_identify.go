package profiles

import "slices"

// A ModbusObject is one object of the device identification.
type ModbusObject struct {
	ID   uint8
	Text string
}

// List gives all objects by ascending id. The first three are there even if they are empty.
func (m *ModbusIdentify) List() []ModbusObject {
	list := []ModbusObject{{0, m.Vendor}, {1, m.Product}, {2, m.Revision}}
	for i, s := range []string{m.URL, m.Name, m.Model, m.Application} {
		if s != "" {
			list = append(list, ModbusObject{uint8(3 + i), s})
		}
	}
	for id, s := range m.Objects {
		list = append(list, ModbusObject{id, s})
	}
	slices.SortFunc(list, func(a, b ModbusObject) int { return int(a.ID) - int(b.ID) })
	return list
}

// SetObject gives an object from 3 up its text.
func (m *ModbusIdentify) SetObject(id uint8, s string) {
	if named := []*string{&m.URL, &m.Name, &m.Model, &m.Application}; id >= 3 && id <= 6 && s != "" {
		*named[id-3] = s
		return
	}
	if m.Objects == nil {
		m.Objects = map[uint8]string{}
	}
	m.Objects[id] = s
}

// Level is the conformity level that the device gives.
func (m *ModbusIdentify) Level() uint8 {
	switch {
	case m.Conformity != 0:
		return m.Conformity
	case slices.ContainsFunc(m.List(), func(o ModbusObject) bool { return o.ID >= 0x80 }):
		return 0x83
	case len(m.List()) > 3:
		return 0x82
	}
	return 0x81
}
