package enip

import (
	"strconv"
	"strings"
)

// TagName is a path of symbols and indices as programs write it: "TANK.level", "COUNTS[3]", "Program:Main.X".
// ok is false for paths of anything else.
func TagName(p Path) (name string, ok bool) {
	var b []byte
	index := false
	for {
		s, rest, more := p.Next()
		if !more {
			break
		}
		switch s.Kind {
		case SegmentSymbol:
			if len(s.Bytes) == 0 || strings.ContainsAny(string(s.Bytes), "[] ,\t") {
				return "", false
			}
			if len(b) > 0 {
				b = append(b, '.')
			}
			b, index = append(b, s.Bytes...), false
		case SegmentMember:
			switch {
			case len(b) == 0:
				return "", false
			case index:
				b[len(b)-1] = ','
			default:
				b = append(b, '[')
			}
			b, index = append(strconv.AppendUint(b, uint64(s.Value), 10), ']'), true
		default:
			return "", false
		}
		p = rest
	}
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return "", false
		}
	}
	return string(b), len(b) > 0
}

// CutTag cuts a name into that of the tag, with its program, and what of it is meant: indices and members.
func CutTag(name string) (tag, rest string) {
	from := 0
	if len(name) > 8 && strings.EqualFold(name[:8], "program:") {
		if i := strings.IndexByte(name, '.'); i >= 0 {
			from = i + 1
		}
	}
	if i := strings.IndexAny(name[from:], ".["); i >= 0 {
		return name[:from+i], name[from+i:]
	}
	return name, ""
}

// vendors are makers of devices with their numbers at ODVA, as far as they are often met.
var vendors = map[uint16]string{
	1: "Rockwell Automation", 26: "Festo", 40: "WAGO", 46: "ABB", 47: "Omron", 48: "Turck", 77: "Rockwell Software",
	90: "HMS Industrial Networks", 97: "Danfoss", 108: "Beckhoff Automation", 145: "Siemens", 161: "Mitsubishi Electric",
	243: "Schneider Electric", 283: "Hilscher", 315: "SEW Eurodrive", 356: "FANUC", 367: "Keyence", 562: "Phoenix Contact",
	591: "FANUC", 678: "Cognex", 808: "SICK",
}

// VendorName is the name of a maker; "" for those that are not in the list.
func VendorName(number uint16) string { return vendors[number] }
