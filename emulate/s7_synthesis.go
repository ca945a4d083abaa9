package emulate

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// synthesize makes the status lists of a profile that has none from its identity, laid out as S7-300 and
// 1200 CPUs send them ("System Software for S7-300/400", chapter "System Status Lists").
func (s *s7Service) synthesize() {
	id := &s.dev.Identity
	order := pad(cmp.Or(id.Order, "6ES7 000-0AA00-0AA0"), 20)
	hardware := versionBytes(id.Hardware, 1)
	firmware := append([]byte{'V'}, versionBytes(id.Firmware, 3)...)
	module := func(index uint16, text string, version []byte) []byte {
		b := []byte{byte(index >> 8), byte(index)}
		b = append(append(b, pad(text, 20)...), 0, 0xC0)
		return append(b, version...)
	}
	hw := []byte{0, hardware[0], 0, 1}
	s.make(0x0011, 0, 28,
		module(1, order, hw), module(6, order, hw), module(7, strings.Repeat(" ", 20), firmware),
		module(0x81, "Boot Loader", []byte{'A', 1, 0, 0}))

	component := func(index uint16, text string) []byte {
		b := []byte{byte(index >> 8), byte(index)}
		text = text[:min(len(text), 32)]
		return append(append(b, text...), make([]byte, 32-len(text))...)
	}
	name := cmp.Or(id.Name, "PLC_1")
	s.make(0x001C, 0, 34,
		component(1, name), component(2, name), component(3, ""), component(4, "Original Siemens Equipment"),
		component(5, id.Serial), component(7, id.Model), component(8, ""),
		append([]byte{0, 9, 0, 0x2A, 0xF6, 0, 0, 1}, make([]byte, 26)...), component(0x0A, ""), component(0x0B, id.Location))

	communication := []byte{0, 1, byte(s.pdu >> 8), byte(s.pdu), 0, 16, 0, 0xB7, 0x1B, 0, 0, 0x02, 0xDC, 0x6C, 0x05, 0xF5, 0xE1, 0}
	communication = append(communication, make([]byte, 40-len(communication))...)
	s.make(0x0131, 0, 40, communication) // asked by clients that know no index
	s.make(0x0131, 1, 40, communication)
	level := byte(max(1, s.sec.Protection))
	parameter := byte(0)
	if level > 1 {
		parameter = level
	}
	protection := append([]byte{0, 4, 0, 1, 0, parameter, 0, level, 0, 2, 0, 0}, make([]byte, 28)...)
	s.make(0x0132, 4, 40, protection)
	s.make(0x0232, 0, 40, protection)
	s.make(0x0232, 4, 40, protection)
	s.make(0x0424, 0, 20, []byte{0x51, 0x44, 0xFF, modeRun, 0, 0, 0, 0, 0, 0, 0, 0, 0x25, 1, 1, 6, 0, 0, 0, 4})
	s.make(0x0074, 0, 4, []byte{0, 1, 0, 0}, []byte{0, 4, 1, 0}, []byte{0, 5, 0, 0}, []byte{0, 6, 0, 0})
	if mac, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "").Replace(id.MAC)); err == nil && len(mac) == 6 {
		ethernet := append(make([]byte, 14), mac...)
		ethernet[0], ethernet[1] = 0x07, 0xFE
		s.make(0x0037, 0, 48, append(ethernet, make([]byte, 28)...))
		s.lists[listKey(0x0037, 0)].ethernet = true
	}
}

// ethernet is list 0x0037 with the address that the client connected to: logical address, address, mask,
// router, MAC.
func (x *s7Session) ethernet(data []byte) profiles.S7Answer {
	data = append([]byte(nil), data...)
	if a := x.peer.Local.Addr().Unmap(); a.Is4() && len(data) >= 24 {
		ip := a.As4()
		copy(data[10:], ip[:])
		copy(data[14:], []byte{255, 255, 255, 0})
	}
	return s7Listed(data)
}

// listAll makes list 0x0000: the ids of the lists that can be read, parts of them included.
func (s *s7Service) listAll() {
	ids := []uint16{0x0000, 0x0F00}
	for k, l := range s.lists {
		id := uint16(k >> 16)
		if len(s.held(l)) == 0 {
			continue // it is refused
		}
		ids = append(ids, id)
		if id&0x0F00 == 0 && id != 0x0037 {
			ids = append(ids, id|0x0100, id|0x0F00)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	records := make([][]byte, len(ids))
	for i, id := range ids {
		records[i] = []byte{byte(id >> 8), byte(id)}
	}
	s.make(0x0000, 0, 2, records...)
}

func (s *s7Service) make(id, index uint16, length int, records ...[]byte) {
	z := s7comm.SZL{ID: id, Index: index, RecordLength: uint16(length), Count: uint16(len(records)), Data: slices.Concat(records...)}
	s.lists[listKey(id, index)] = &s7List{data: z.Append(nil)}
}

func pad(s string, n int) string {
	if len(s) >= n {
		return s[:n]
	}
	return s + strings.Repeat(" ", n-len(s))
}

// versionBytes reads up to n numbers from a version as "V4.5.2".
func versionBytes(s string, n int) []byte {
	b := make([]byte, n)
	for i, f := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		if i < n {
			var v int
			fmt.Sscan(f, &v)
			b[i] = byte(v)
		}
	}
	return b
}
