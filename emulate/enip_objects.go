package emulate

import (
	"encoding/binary"

	"ringer/capture/enip"
)

// enipValue is one attribute: what it holds, or the cell or point that says so.
type enipValue struct {
	held     []byte
	cell     *Cell
	point    *PointState
	as       enip.Type
	writes   int // of the point, when the service was opened
	writable bool
}

func (v *enipValue) read(st *State, dst []byte) ([]byte, Origin) {
	if v.point != nil {
		if v.cell != nil && !v.cell.Live() && v.point.Writes() != v.writes {
			v.cell.End(st)
		}
		if v.cell == nil || v.cell.Live() {
			return enipEncode(dst, v.as, v.point.Get()), Point
		}
	}
	if v.cell != nil {
		b, from := v.cell.Read(st)
		return append(dst, b...), from
	}
	return append(dst, v.held...), Recorded
}

// size is how long the value is; -1: of any length.
func (v *enipValue) size(st *State) int {
	switch {
	case v.point != nil:
		return v.as.Size()
	case v.cell != nil:
		b, _ := v.cell.Peek(st)
		return len(b)
	}
	return len(v.held)
}

// attribute appends the value of an attribute: recorded at the end of this way, given by hand, or what every
// device has.
func (x *enipSession) attribute(dst []byte, way int, class, instance, attribute uint32) ([]byte, Origin, bool) {
	if v := x.find(enipAttribute{way, class, instance, attribute}); v != nil {
		b, from := v.read(x.st, dst)
		return b, from, true
	}
	if b, ok := x.standard(dst, way, class, instance, attribute); ok {
		return b, Point, true
	}
	return dst, Refused, false
}

func (x *enipSession) find(a enipAttribute) *enipValue {
	if v := x.d.attributes[a]; v != nil {
		return v
	}
	if x.d.modules[a.way] != nil && a.class == enip.ClassIdentity {
		return nil
	}
	a.way = 0
	return x.d.attributes[a]
}

// status is the device's status word.
func (d *enipDevice) status(st *State) uint16 {
	if v := d.attributes[enipAttribute{0, enip.ClassIdentity, 1, 5}]; v != nil {
		if v.point != nil {
			return uint16(v.point.Get().Uint())
		}
		if v.cell == nil && len(v.held) == 2 {
			return binary.LittleEndian.Uint16(v.held)
		}
	}
	return d.identity.Status
}

// standard gives the attributes of the objects that every device has: Identity, TCP/IP Interface, Ethernet
// Link (CIP, section 5-2; EIP, sections 5-4 and 5-5); and of those that controllers have.
func (x *enipSession) standard(dst []byte, way int, class, instance, attribute uint32) ([]byte, bool) {
	le, d := binary.LittleEndian, x.d
	if class == enip.ClassFile {
		return d.fileAttribute(dst, instance, attribute)
	}
	if instance == 0 {
		if !d.stands(way, class) {
			return dst, false
		}
		switch attribute {
		case 1: // revision
			revision := map[uint32]uint16{enip.ClassTCPIP: 4, enip.ClassEthernetLink: 4}[class]
			return le.AppendUint16(dst, max(revision, 1)), true
		case 2, 3: // instances: the highest, and how many
			return le.AppendUint16(dst, 1), true
		}
		return dst, false
	}
	if instance != 1 || !d.stands(way, class) {
		return dst, false
	}
	switch class {
	case enip.ClassProgramName, enip.ClassWallClock:
		return x.controller(dst, class, attribute)
	case enip.ClassIdentity:
		i := &d.identity
		if m := d.modules[way]; m != nil {
			i = m
		}
		switch attribute {
		case 1:
			return le.AppendUint16(dst, i.Vendor), true
		case 2:
			return le.AppendUint16(dst, i.DeviceType), true
		case 3:
			return le.AppendUint16(dst, i.Product), true
		case 4:
			return append(dst, i.Major, i.Minor), true
		case 5:
			if i != &d.identity {
				return le.AppendUint16(dst, i.Status), true
			}
			return le.AppendUint16(dst, d.status(x.st)), true
		case 6:
			return le.AppendUint32(dst, i.Serial), true
		case 7:
			return append(append(dst, byte(len(i.Name))), i.Name...), true
		case 8:
			return append(dst, i.State), true
		}
	case enip.ClassTCPIP:
		switch attribute {
		case 1: // configured
			return le.AppendUint32(dst, 1), true
		case 2: // can be configured by software
			return le.AppendUint32(dst, 4), true
		case 3: // its address is stored
			return le.AppendUint32(dst, 0), true
		case 4: // the link: Ethernet Link, instance 1
			return append(dst, 2, 0, 0x20, enip.ClassEthernetLink, 0x24, 1), true
		case 5:
			return x.addresses(dst), true
		case 6: // host name
			name := d.dev.Identity.Name
			name = name[:min(len(name), 64)]
			dst = append(le.AppendUint16(dst, uint16(len(name))), name...)
			if len(name)%2 == 1 {
				dst = append(dst, 0)
			}
			return dst, true
		}
	case enip.ClassEthernetLink:
		switch attribute {
		case 1: // Mbit/s
			return le.AppendUint32(dst, 100), true
		case 2: // up, full duplex, negotiated
			return le.AppendUint32(dst, 0x0F), true
		case 3:
			return append(dst, d.mac[:]...), true
		}
	}
	return dst, false
}

// enipAllOf is how many attributes GetAttributesAll has of the classes that standard knows.
var enipAllOf = map[uint32]uint32{enip.ClassIdentity: 7, enip.ClassTCPIP: 6, enip.ClassEthernetLink: 3}

// addresses are those of the interface: the address that the device is asked on, its network, nothing else.
func (x *enipSession) addresses(dst []byte) []byte {
	var a [4]byte
	if l := x.peer.Local.Addr().Unmap(); l.Is4() {
		a = l.As4()
	}
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, binary.BigEndian.Uint32(a[:]))
	dst = le.AppendUint32(dst, 0xFFFFFF00)
	return append(dst, make([]byte, 4+4+4+2)...) // gateway, name servers, domain
}

// object answers the common services of an object.
func (x *enipSession) object(way int, q *enip.Request, t enip.Target, r *enip.Response) Origin {
	switch q.Service {
	case enip.GetAttributeSingle:
		if !t.HasAttribute {
			return x.refuse(r, enip.PathSegmentError)
		}
		start := len(x.buf)
		b, from, ok := x.attribute(x.buf, way, t.Class, t.Instance, t.Attribute)
		if !ok {
			return x.refuse(r, x.missing(way, t))
		}
		x.buf = b
		r.Data = b[start:len(b):len(b)]
		return from
	case enip.GetAttributeList:
		return x.getList(way, q, t, r)
	case enip.GetAttributesAll:
		return x.getAll(way, t, r)
	case enip.SetAttributeSingle:
		status, from := x.set(way, t, q.Data)
		r.Status = status
		return from
	case enip.SetAttributeList:
		return x.setList(way, q, t, r)
	}
	if status := x.missing(way, t); status != enip.AttributeNotSupported {
		return x.refuse(r, status)
	}
	return x.refuse(r, enip.ServiceNotSupported)
}

// missing says why there is no such attribute: no class, no instance, or no more than that.
func (x *enipSession) missing(way int, t enip.Target) uint8 {
	standard := x.d.stands(way, t.Class) || t.Class == enip.ClassMessageRouter || t.Class == enip.ClassConnectionManager
	c := x.d.classes
	if !standard && !c[enipClass{way, t.Class}] && !c[enipClass{0, t.Class}] {
		return x.d.noClass
	}
	if t.Class == enip.ClassFile && len(x.d.uploads) > 0 {
		if t.Instance == 0 || x.d.uploads[t.Instance] != nil {
			return enip.AttributeNotSupported
		}
		return x.d.noInstance
	}
	if t.Instance > 1 || t.Instance == 1 && !standard {
		for a := range x.d.attributes {
			if a.class == t.Class && a.instance == t.Instance {
				return enip.AttributeNotSupported
			}
		}
		return x.d.noInstance
	}
	return enip.AttributeNotSupported
}

func (x *enipSession) getList(way int, q *enip.Request, t enip.Target, r *enip.Response) Origin {
	numbers, ok := enip.AttributeNumbers(q.Data)
	switch {
	case !ok:
		return x.refuse(r, enip.NotEnoughData)
	case x.missing(way, t) != enip.AttributeNotSupported:
		return x.refuse(r, x.missing(way, t))
	}
	from := Refused
	start := len(x.buf)
	x.buf = binary.LittleEndian.AppendUint16(x.buf, uint16(len(numbers)))
	for _, n := range numbers {
		at := len(x.buf)
		x.buf = enip.AppendAttribute(x.buf, n, 0, nil)
		b, origin, ok := x.attribute(x.buf, way, t.Class, t.Instance, uint32(n))
		if !ok {
			x.buf = enip.AppendAttribute(x.buf[:at], n, enip.AttributeNotSupported, nil)
			r.Status = enip.AttributeListError
			continue
		}
		x.buf, from = b, max(from, origin)
	}
	r.Data = x.buf[start:len(x.buf):len(x.buf)]
	return from
}

// getAll gives the attributes from 1 on, without a gap.
func (x *enipSession) getAll(way int, t enip.Target, r *enip.Response) Origin {
	if !t.HasInstance || x.missing(way, t) != enip.AttributeNotSupported {
		return x.refuse(r, x.missing(way, t))
	}
	from := Refused
	start := len(x.buf)
	for n := uint32(1); ; n++ {
		if most, ok := enipAllOf[t.Class]; ok && n > most && t.Instance > 0 {
			break
		}
		b, origin, ok := x.attribute(x.buf, way, t.Class, t.Instance, n)
		if !ok {
			break
		}
		x.buf, from = b, max(from, origin)
	}
	if len(x.buf) == start {
		return x.refuse(r, enip.ServiceNotSupported)
	}
	r.Data = x.buf[start:len(x.buf):len(x.buf)]
	return from
}

// set writes an attribute.
func (x *enipSession) set(way int, t enip.Target, data []byte) (uint8, Origin) {
	v := x.find(enipAttribute{way, t.Class, t.Instance, t.Attribute})
	if v == nil {
		if _, ok := x.standard(nil, way, t.Class, t.Instance, t.Attribute); ok && t.HasAttribute {
			return enip.AttributeNotSettable, Refused
		}
		return x.missing(way, t), Refused
	}
	n := v.size(x.st)
	switch {
	case v.point != nil:
		if len(data) != n {
			return enipWrongSize(len(data), n), Refused
		}
		if v.point.Set(enipDecode(v.as, data)) != nil {
			return enip.InvalidAttributeValue, Refused
		}
		return enip.Success, Point
	case v.cell != nil && v.cell.Awaits(data):
		v.cell.Write(x.st, data)
		return enip.Success, Recorded
	case !v.writable:
		return enip.AttributeNotSettable, Refused
	case len(data) != n:
		return enipWrongSize(len(data), n), Refused
	}
	if v.cell != nil {
		v.cell.Write(x.st, data)
	} else {
		v.held = append([]byte(nil), data...)
	}
	return enip.Success, Modelled
}

func enipWrongSize(got, want int) uint8 {
	if got < want {
		return enip.NotEnoughData
	}
	return enip.TooMuchData
}

// setList writes attributes whose lengths are those of what they hold.
func (x *enipSession) setList(way int, q *enip.Request, t enip.Target, r *enip.Response) Origin {
	b := q.Data
	if len(b) < 2 {
		return x.refuse(r, enip.NotEnoughData)
	}
	if status := x.missing(way, t); status != enip.AttributeNotSupported {
		return x.refuse(r, status)
	}
	le := binary.LittleEndian
	count := int(le.Uint16(b))
	b = b[2:]
	from := Refused
	start := len(x.buf)
	x.buf = append(x.buf, 0, 0)
	for i := range count {
		if len(b) < 2 {
			return x.refuse(r, enip.NotEnoughData)
		}
		t.Attribute, t.HasAttribute = uint32(le.Uint16(b)), true
		b = b[2:]
		n := len(b)
		if v := x.find(enipAttribute{way, t.Class, t.Instance, t.Attribute}); v != nil && i < count-1 {
			n = min(v.size(x.st), n)
		}
		status, origin := x.set(way, t, b[:n])
		from = max(from, origin)
		x.buf = enip.AppendAttribute(x.buf, uint16(t.Attribute), uint16(status), nil)
		if status != enip.Success {
			r.Status = enip.AttributeListError
		}
		le.PutUint16(x.buf[start:], uint16(i+1))
		b = b[n:]
	}
	r.Data = x.buf[start:len(x.buf):len(x.buf)]
	return from
}
