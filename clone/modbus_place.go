package clone

import (
	"fmt"

	"ringer/capture/modbus"
	"ringer/profiles"
)

// place says which unit is the device itself.
func (l *modbusLearner) place(sections map[uint8]*profiles.ModbusUnit) *profiles.Modbus {
	m := &profiles.Modbus{}
	absent := map[uint8]int{}
	answering := 0
	for _, sec := range sections {
		if sec.Refuse != 0 {
			absent[sec.Refuse]++
		}
		if there(sec) {
			answering++
		}
	}
	direct := there(sections[0]) || there(sections[255])
	switch {
	case l.serial():
		m.Units.Mode = "serial"
	case l.gateway && !direct:
		m.Units.Mode = "gateway"
	default:
		m.Units.Mode = "tcp"
	}
	for code, is := range l.nameless {
		if is && !l.named[code] {
			m.Units.Nameless = append(m.Units.Nameless, uint8(code))
		}
	}
	for code, n := range absent {
		if best := absent[m.Units.Absent]; n > best || n == best && code > m.Units.Absent {
			m.Units.Absent = code
		}
	}
	for id, sec := range sections {
		// 0 and 255 address the device itself, as any does in a device that does not look: that they do not has
		// to be said.
		own := m.Units.Mode == "tcp" && (id == 0 || id == 255) || l.any != nil
		if !own && (sec.Refuse != 0 && sec.Refuse == m.Units.Absent || sec.Silent && m.Units.Absent == 0 && m.Units.Mode != "gateway") {
			delete(sections, id)
		}
	}
	if m.Units.Absent == uint8(modbus.GatewayTargetNoResponse) && m.Units.Mode == "gateway" {
		m.Units.Absent = 0
	}
	if m.Units.Mode == "tcp" {
		l.placeItself(m, sections, answering)
	}
	for id, sec := range sections {
		if m.Units.Map == nil {
			m.Units.Map = map[uint8]*profiles.ModbusUnit{}
		}
		m.Units.Map[id] = sec
	}
	return m
}

// there says whether a unit was asked, and answered for itself.
func there(sec *profiles.ModbusUnit) bool { return sec != nil && sec.Refuse == 0 && !sec.Silent }

// placeItself takes the section of the device itself out of the units': 255, else 0, else the only one
// that answered.
func (l *modbusLearner) placeItself(m *profiles.Modbus, sections map[uint8]*profiles.ModbusUnit, answering int) {
	if l.any != nil {
		m.Units.Any = true
		l.itself, m.ModbusUnit = l.any, *sections[l.any.id]
		delete(sections, l.any.id)
		return
	}
	for _, id := range []uint8{255, 0} {
		if sec := sections[id]; there(sec) {
			m.ModbusUnit = *sec
			l.itself = l.units[id]
			if l.also != nil {
				m.Units.Also = []uint8{*l.also}
			}
			delete(sections, id)
			return
		}
	}
	if answering != 1 {
		return
	}
	for id, sec := range sections {
		if there(sec) {
			m.ModbusUnit = *sec
			m.Units.Also = []uint8{id}
			delete(sections, id)
			return
		}
	}
}

// cellName is the name of a cell in files of samples. The device itself goes by the name 255, unless it is
// known by other unit identifiers alone.
func (l *modbusLearner) cellName(u *modbusUnit, table, address int) string {
	id := u.id
	if u == l.itself && u != l.any {
		id = 255
	}
	return fmt.Sprintf("%d/%s/%d", id, profiles.ModbusTables[table], address)
}
