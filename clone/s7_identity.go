package clone

import (
	"fmt"
	"regexp"
	"strings"

	"ringer/capture/s7comm"
	"ringer/profiles"
)

// identify fills in what the device's name plate says: the module identification (SZL 0x0011) and the
// component identification (SZL 0x001C), whole or in part.
func (l *s7Learner) identify(dev *profiles.Device) {
	id := &dev.Identity
	set := func(field *string, value string) {
		if value = strings.TrimRight(value, " \x00"); *field == "" && printable(value) {
			*field = value
		}
	}
	for _, name := range l.order {
		t := l.cells[name]
		if t == nil || !strings.HasPrefix(name, "szl ") {
			continue
		}
		a, err := profiles.ParseS7Answer(t.Last().Value)
		s, ok := s7comm.ParseSZL(a.Data)
		if err != nil || !ok {
			continue
		}
		switch s.ID & 0xFF {
		case 0x11:
			set(&id.Role, "plc")
			for r := range s.Records() {
				if len(r) < 28 {
					continue
				}
				index := uint16(r[0])<<8 | uint16(r[1])
				switch index {
				case 1:
					set(&id.Order, string(r[2:22]))
					if siemensOrder.Match(r[2:22]) {
						set(&id.Vendor, "Siemens")
					}
				case 6:
					set(&id.Hardware, fmt.Sprint(int(r[24])<<8|int(r[25])))
				case 7:
					if r[24] == 'V' {
						set(&id.Firmware, fmt.Sprintf("V%d.%d.%d", r[25], r[26], r[27]))
					}
				}
			}
		case 0x1C:
			for r := range s.Records() {
				if len(r) < 34 {
					continue
				}
				text := string(r[2:34])
				if i := strings.IndexByte(text, 0); i >= 0 {
					text = text[:i]
				}
				switch uint16(r[0])<<8 | uint16(r[1]) {
				case 1:
					set(&id.Name, text)
				case 5:
					set(&id.Serial, text)
				case 7:
					set(&id.Model, text)
				case 0x0B:
					set(&id.Location, text)
				}
			}
		}
	}
}

// siemensOrder is how the vendor's order numbers begin: others make controllers that speak S7, too.
var siemensOrder = regexp.MustCompile(`^6[A-Z]{2}\d `)

func printable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F || r == 0xFFFD })
}
