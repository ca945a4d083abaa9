package enip

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// A Path is a padded EPATH (CIP, appendix C): what a request is for, or the way to it.
type Path []byte

// A SegmentKind is the kind of one segment of a path.
type SegmentKind uint8

const (
	SegmentUnknown SegmentKind = iota // the rest of the path
	SegmentPort
	SegmentClass
	SegmentInstance
	SegmentMember // also the index of an element
	SegmentConnectionPoint
	SegmentAttribute
	SegmentKey     // an electronic key
	SegmentService // a service id
	SegmentNetwork
	SegmentSymbol       // a name in ASCII, of the symbolic or the ANSI extended kind
	SegmentSymbolNumber // a symbol that is a number, or a name of wider characters
	SegmentData         // simple data
	SegmentType         // a data type
)

var segmentNames = [...]string{"", "port", "class", "instance", "member", "point", "attribute", "key", "service", "network",
	"symbol", "symbol", "data", "type"}

// A Segment is one segment of a path.
type Segment struct {
	Kind  SegmentKind
	Value uint32 // of logical segments; the number of a port
	Bytes []byte // a link address, a name, a key, data; all that follows if the kind is not known
}

// Next takes the first segment off a path. ok is false at its end.
func (p Path) Next() (s Segment, rest Path, ok bool) {
	if len(p) == 0 {
		return s, nil, false
	}
	n := 0
	switch p[0] >> 5 {
	case 0:
		s, n = p.port()
	case 1:
		s, n = p.logical()
	case 2:
		s.Kind, n = SegmentNetwork, 2
		if p[0]&0x10 != 0 && len(p) > 1 {
			n += 2 * int(p[1])
		}
		s.Bytes = p[:min(n, len(p))]
	case 3:
		s, n = p.symbol()
	case 4:
		if len(p) > 1 && p[0] == 0x91 {
			n = (2 + int(p[1]) + 1) &^ 1
			s = Segment{Kind: SegmentSymbol}
			if end := 2 + int(p[1]); end <= len(p) {
				s.Bytes = p[2:end]
			}
		} else if len(p) > 1 && p[0] == 0x80 {
			n = 2 + 2*int(p[1])
			s = Segment{Kind: SegmentData, Bytes: p[2:min(max(n, 2), len(p))]}
		}
	case 5:
		if len(p) > 1 {
			n = (2 + int(p[1]) + 1) &^ 1
			s = Segment{Kind: SegmentType, Value: uint32(p[0]), Bytes: p[2:min(n, len(p))]}
		}
	case 6:
		s, n = Segment{Kind: SegmentType, Value: uint32(p[0])}, 1
	}
	if n == 0 || n > len(p) {
		return Segment{Kind: SegmentUnknown, Bytes: p}, nil, true
	}
	return s, p[n:], true
}

// port reads a port segment: a port and the address of the neighbour there (CIP, section C-1.4.1).
func (p Path) port() (s Segment, n int) {
	s = Segment{Kind: SegmentPort, Value: uint32(p[0] & 15)}
	n, size := 1, 1
	if p[0]&0x10 != 0 {
		if len(p) < 2 {
			return s, 0
		}
		n, size = 2, int(p[1])
	}
	if s.Value == 15 {
		if len(p) < n+2 {
			return s, 0
		}
		s.Value = uint32(binary.LittleEndian.Uint16(p[n:]))
		n += 2
	}
	if len(p) < n+size {
		return s, 0
	}
	s.Bytes = p[n : n+size]
	return s, (n + size + 1) &^ 1
}

// logical reads a logical segment (CIP, section C-1.4.2).
func (p Path) logical() (s Segment, n int) {
	kind, format := p[0]>>2&7, p[0]&3
	s.Kind = [...]SegmentKind{SegmentClass, SegmentInstance, SegmentMember, SegmentConnectionPoint, SegmentAttribute,
		SegmentKey, SegmentService, SegmentUnknown}[kind]
	switch {
	case s.Kind == SegmentKey && format == 0:
		if len(p) < 10 || p[1] != 4 {
			return s, 0
		}
		s.Bytes = p[2:10]
		return s, 10
	case s.Kind == SegmentKey || s.Kind == SegmentUnknown || format == 3 || len(p) < 2:
		return s, 0
	case format == 0:
		s.Value = uint32(p[1])
		return s, 2
	case format == 1 && len(p) >= 4:
		s.Value = uint32(binary.LittleEndian.Uint16(p[2:]))
		return s, 4
	case format == 2 && len(p) >= 6:
		s.Value = binary.LittleEndian.Uint32(p[2:])
		return s, 6
	}
	return s, 0
}

// symbol reads a symbolic segment (CIP, section C-1.4.4).
func (p Path) symbol() (s Segment, n int) {
	if size := int(p[0] & 31); size > 0 {
		if len(p) < 1+size {
			return s, 0
		}
		return Segment{Kind: SegmentSymbol, Bytes: p[1 : 1+size]}, (1 + size + 1) &^ 1
	}
	if len(p) < 2 {
		return s, 0
	}
	count := int(p[1] & 31)
	switch p[1] >> 5 {
	case 1:
		n = 2 + 2*count
	case 2:
		n = 2 + 3*count
	case 6:
		n = 2 + map[int]int{6: 1, 7: 2, 8: 4}[count]
	}
	if n < 3 || len(p) < n {
		return s, 0
	}
	return Segment{Kind: SegmentSymbolNumber, Bytes: p[1:n]}, (n + 1) &^ 1
}

// A Target is what a path names, as far as it is plain: a class, an instance and an attribute, each at most
// once, and nothing else.
type Target struct {
	Class, Instance, Attribute          uint32
	HasClass, HasInstance, HasAttribute bool
}

// Target reads a path. ok is false if there is more to it.
func (p Path) Target() (t Target, ok bool) {
	for {
		s, rest, more := p.Next()
		if !more {
			return t, t.HasClass
		}
		switch {
		case s.Kind == SegmentClass && !t.HasClass:
			t.Class, t.HasClass = s.Value, true
		case s.Kind == SegmentInstance && t.HasClass && !t.HasInstance:
			t.Instance, t.HasInstance = s.Value, true
		case s.Kind == SegmentAttribute && t.HasInstance && !t.HasAttribute:
			t.Attribute, t.HasAttribute = s.Value, true
		default:
			return t, false
		}
		p = rest
	}
}

// Route cuts a path into the ports on the way, with keys and network segments among them, and what follows.
func (p Path) Route() (route, rest Path) {
	rest = p
	for {
		s, next, ok := rest.Next()
		if !ok || s.Kind != SegmentPort && s.Kind != SegmentKey && s.Kind != SegmentNetwork {
			return p[:len(p)-len(rest)], rest
		}
		rest = next
	}
}

// Hops is the route that port segments describe, as "1/0": the backplane, slot 0. Keys are left out.
func (p Path) Hops() string {
	var b []byte
	for {
		s, rest, ok := p.Next()
		if !ok {
			return string(b)
		}
		if s.Kind == SegmentPort {
			if len(b) > 0 {
				b = append(b, ',')
			}
			b = append(strconv.AppendUint(b, uint64(s.Value), 10), '/')
			if len(s.Bytes) == 1 {
				b = strconv.AppendUint(b, uint64(s.Bytes[0]), 10)
			} else {
				b = append(b, s.Bytes...)
			}
		}
		p = rest
	}
}

// AppendLogical appends a logical segment, as short as its value allows.
func (p Path) AppendLogical(kind SegmentKind, v uint32) Path {
	var code byte
	switch kind {
	case SegmentClass:
		code = 0x20
	case SegmentInstance:
		code = 0x24
	case SegmentMember:
		code = 0x28
	case SegmentConnectionPoint:
		code = 0x2C
	case SegmentAttribute:
		code = 0x30
	}
	switch {
	case v < 1<<8:
		return append(p, code, byte(v))
	case v < 1<<16:
		return append(p, code|1, 0, byte(v), byte(v>>8))
	}
	return binary.LittleEndian.AppendUint32(append(p, code|2, 0), v)
}

// AppendSymbol appends a name as an ANSI extended symbol, cut after 255 characters.
func (p Path) AppendSymbol(name string) Path {
	name = name[:min(len(name), 255)]
	p = append(append(p, 0x91, byte(len(name))), name...)
	if len(name)%2 == 1 {
		p = append(p, 0)
	}
	return p
}

// ObjectPath is the path of an instance of a class.
func ObjectPath(class, instance uint32) Path {
	return Path(nil).AppendLogical(SegmentClass, class).AppendLogical(SegmentInstance, instance)
}

// AttributePath is the path of an attribute.
func AttributePath(class, instance, attribute uint32) Path {
	return ObjectPath(class, instance).AppendLogical(SegmentAttribute, attribute)
}

// String is the path as people write it: "class 1 instance 1 attribute 7".
func (p Path) String() string { return string(p.AppendText(nil)) }

// AppendText is String without allocating.
func (p Path) AppendText(b []byte) []byte {
	for i := 0; ; i++ {
		s, rest, ok := p.Next()
		if !ok {
			return b
		}
		if i > 0 {
			b = append(b, ' ')
		}
		switch s.Kind {
		case SegmentPort:
			b = append(strconv.AppendUint(append(b, "port "...), uint64(s.Value), 10), '/')
			b = hex.AppendEncode(b, s.Bytes)
		case SegmentSymbol:
			b = strconv.AppendQuoteToASCII(b, string(s.Bytes))
		case SegmentUnknown, SegmentKey, SegmentNetwork, SegmentSymbolNumber, SegmentData:
			if s.Kind != SegmentUnknown {
				b = append(append(b, segmentNames[s.Kind]...), ' ')
			}
			b = hex.AppendEncode(b, s.Bytes)
		default:
			b = append(append(b, segmentNames[s.Kind]...), ' ')
			b = strconv.AppendUint(b, uint64(s.Value), 10)
			if len(s.Bytes) > 0 {
				b = hex.AppendEncode(append(b, ' '), s.Bytes)
			}
		}
		p = rest
	}
}
