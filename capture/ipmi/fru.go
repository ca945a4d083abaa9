package ipmi

import "strings"

// A Product is the product area of an inventory (Platform Management FRU Information Storage Definition,
// v1.3, section 12).
type Product struct {
	Manufacturer, Name, Part, Version, Serial string
}

// ReadProduct finds the product area; false: there is none that can be read.
func ReadProduct(fru []byte) (p Product, ok bool) {
	if len(fru) < 8 || fru[0]&0xf != 1 || checksum(fru[:8]) != 0 || fru[4] == 0 {
		return p, false
	}
	at := int(fru[4]) * 8
	if at+3 > len(fru) || at+int(fru[at+1])*8 > len(fru) {
		return p, false
	}
	area := fru[at : at+int(fru[at+1])*8]
	if len(area) < 3 || checksum(area) != 0 {
		return p, false
	}
	area = area[3:]
	for _, field := range []*string{&p.Manufacturer, &p.Name, &p.Part, &p.Version, &p.Serial} {
		if len(area) == 0 || area[0] == 0xc1 || len(area) < 1+int(area[0]&0x3f) {
			break
		}
		n := int(area[0] & 0x3f)
		*field = fruText(area[0]>>6, area[1:1+n])
		area = area[1+n:]
	}
	return p, true
}

// fruText reads a text: of eight bits a character, or six. The other codes are no names.
func fruText(code byte, b []byte) string {
	switch code {
	case 3:
		return strings.TrimRight(string(b), " \x00")
	case 2:
		var out []byte
		bits, n := uint(0), 0
		for _, c := range b {
			bits |= uint(c) << n
			for n += 8; n >= 6; n -= 6 {
				out = append(out, byte(bits&0x3f)+' ')
				bits >>= 6
			}
		}
		return strings.TrimRight(string(out), " ")
	}
	return ""
}
