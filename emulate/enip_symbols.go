package emulate

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"ringer/capture/enip"
)

// enipProgramSymbol is the type of the symbol that stands for a program.
const enipProgramSymbol = 0x1068

// openSymbols gives every tag and program its number among the symbols, in which they are listed.
func (d *enipDevice) openSymbols() {
	type number struct {
		program  string
		instance uint32
	}
	taken := map[number]bool{}
	programs := map[string]bool{}
	var all []*enipTag
	for _, t := range d.tags {
		all = append(all, t)
		program, _, ok := cutProgram(t.name)
		taken[number{strings.ToLower(program), t.instance}] = true
		if ok {
			if key := strings.ToLower(program); !programs[key] && d.tags[key] == nil {
				programs[key] = true
				all = append(all, &enipTag{name: program, symbol: enipProgramSymbol})
			}
		}
	}
	slices.SortFunc(all, func(a, b *enipTag) int {
		return cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
	})
	next := uint32(1)
	for _, t := range all {
		program, _, _ := cutProgram(t.name)
		program = strings.ToLower(program)
		for t.instance == 0 {
			if !taken[number{program, next}] {
				t.instance = next
			}
			next++
		}
		d.symbols[program] = append(d.symbols[program], t)
	}
	for _, list := range d.symbols {
		slices.SortStableFunc(list, func(a, b *enipTag) int { return cmp.Compare(a.instance, b.instance) })
	}
}

// cutProgram takes the program off the name of a tag.
func cutProgram(name string) (program, tag string, ok bool) {
	if len(name) < 8 || !strings.EqualFold(name[:8], "program:") {
		return "", name, false
	}
	if program, tag, ok = strings.Cut(name, "."); !ok {
		return "", name, false
	}
	return program, tag, true
}

// symbolAt is one of the symbols of a program, in lower case; of the controller's for "".
func (d *enipDevice) symbolAt(program string, instance uint32) *enipTag {
	list := d.symbols[program]
	i, ok := slices.BinarySearchFunc(list, instance, func(t *enipTag, n uint32) int { return cmp.Compare(t.instance, n) })
	if !ok {
		return nil
	}
	return list[i]
}

// symbolAttribute appends an attribute of a symbol (1756-PM020, "Symbol Object").
func (t *enipTag) symbolAttribute(dst []byte, attribute uint16) ([]byte, bool) {
	le := binary.LittleEndian
	kind, size := t.symbol, 0
	if t.typ != nil {
		size = t.typ.size
		if kind == 0 {
			kind = t.typ.symbol(len(t.size))
		}
	}
	switch attribute {
	case 1:
		_, name, _ := cutProgram(t.name)
		return append(le.AppendUint16(dst, uint16(len(name))), name...), true
	case 2:
		return le.AppendUint16(dst, kind), true
	case 3, 5, 6: // addresses in the controller, and a word of control bits
		return le.AppendUint32(dst, 0), true
	case 7:
		return le.AppendUint16(dst, uint16(size)), true
	case 8:
		for i := range 3 {
			n := 0
			if i < len(t.size) {
				n = t.size[i]
			}
			dst = le.AppendUint32(dst, uint32(n))
		}
		return dst, true
	case 10: // external access: 0 read and write, 2 read only
		if t.readonly {
			return append(dst, 2), true
		}
		return append(dst, 0), true
	}
	return dst, false
}

// symbol answers what is asked of class Symbol by instance.
func (x *enipSession) symbol(way int, q *enip.Request, t enip.Target, r *enip.Response) Origin {
	switch q.Service {
	case enip.GetInstanceAttributeList:
		return x.symbols(q, "", t.Instance, r)
	case enip.ReadTag, enip.ReadTagFragmented, enip.WriteTag, enip.WriteTagFragmented, enip.ReadModifyWriteTag:
		return x.tag(q, r)
	case enip.GetAttributeSingle, enip.GetAttributeList, enip.GetAttributesAll:
	default:
		return x.refuse(r, enip.ServiceNotSupported)
	}
	tag := x.d.symbolAt("", t.Instance)
	if tag == nil {
		return x.refuse(r, x.d.noInstance)
	}
	return x.listOf(way, q, t, r, tag.symbolAttribute)
}

// listOf answers GetAttributeSingle, List and All: as recorded, else from a function that knows the attributes.
func (x *enipSession) listOf(way int, q *enip.Request, t enip.Target, r *enip.Response, known func([]byte, uint16) ([]byte, bool)) Origin {
	attribute := func(dst []byte, n uint16) ([]byte, bool) {
		if v := x.find(enipAttribute{way, t.Class, t.Instance, uint32(n)}); v != nil {
			b, _ := v.read(x.st, dst)
			return b, true
		}
		return known(dst, n)
	}
	start := len(x.buf)
	switch q.Service {
	case enip.GetAttributeSingle:
		b, ok := attribute(x.buf, uint16(t.Attribute))
		if !ok {
			return x.refuse(r, enip.AttributeNotSupported)
		}
		x.buf = b
	case enip.GetAttributeList:
		numbers, ok := enip.AttributeNumbers(q.Data)
		if !ok {
			return x.refuse(r, enip.NotEnoughData)
		}
		x.buf = binary.LittleEndian.AppendUint16(x.buf, uint16(len(numbers)))
		for _, n := range numbers {
			at := len(x.buf)
			b, ok := attribute(enip.AppendAttribute(x.buf, n, 0, nil), n)
			if x.buf = b; !ok {
				x.buf = enip.AppendAttribute(x.buf[:at], n, enip.AttributeNotSupported, nil)
				r.Status = enip.AttributeListError
			}
		}
	default:
		for n := uint16(1); n <= 2; n++ {
			x.buf, _ = attribute(x.buf, n)
		}
	}
	r.Data = x.buf[start:len(x.buf):len(x.buf)]
	return Point
}

// symbols lists symbols from an instance on, those of the controller or of one program, as many as there is
// room for.
func (x *enipSession) symbols(q *enip.Request, program string, from uint32, r *enip.Response) Origin {
	numbers, ok := enip.AttributeNumbers(q.Data)
	if !ok {
		return x.refuse(r, enip.NotEnoughData)
	}
	start := len(x.buf)
	room := x.room - enipAnswerHead
	list := x.d.symbols[strings.ToLower(program)]
	first, _ := slices.BinarySearchFunc(list, from, func(t *enipTag, n uint32) int { return cmp.Compare(t.instance, n) })
	for _, t := range list[first:] {
		at := len(x.buf)
		x.buf = binary.LittleEndian.AppendUint32(x.buf, t.instance)
		for _, n := range numbers {
			if x.buf, ok = t.symbolAttribute(x.buf, n); !ok {
				x.buf = x.buf[:start]
				return x.refuse(r, enip.AttributeNotSupported)
			}
		}
		if len(x.buf)-start > room {
			x.buf = x.buf[:at]
			r.Status = enip.PartialTransfer
			break
		}
	}
	r.Data = x.buf[start:len(x.buf):len(x.buf)]
	return Point
}

// programSymbols lists the symbols of a program, whose name comes before class and instance.
func (x *enipSession) programSymbols(q *enip.Request, r *enip.Response) Origin {
	s, rest, ok := q.Path.Next()
	t, plain := rest.Target()
	if !ok || s.Kind != enip.SegmentSymbol || !plain || t.Class != enip.ClassSymbol || !t.HasInstance {
		return x.refuse(r, enip.PathSegmentError)
	}
	program := string(s.Bytes)
	if len(x.d.symbols[strings.ToLower(program)]) == 0 && (x.d.tags[strings.ToLower(program)] == nil || !strings.HasPrefix(strings.ToLower(program), "program:")) {
		return x.refuse(r, enip.PathSegmentError)
	}
	return x.symbols(q, program, t.Instance, r)
}

// template answers what is asked of class Template: sizes, and the definition in parts.
func (x *enipSession) template(way int, q *enip.Request, t enip.Target, r *enip.Response) Origin {
	typ := x.d.templates[t.Instance]
	if t.Instance == enipStringTemplate && typ == nil {
		typ = x.d.types["STRING"]
	}
	if typ == nil {
		return x.refuse(r, x.d.noInstance)
	}
	le := binary.LittleEndian
	switch q.Service {
	case enip.GetAttributeSingle, enip.GetAttributeList, enip.GetAttributesAll:
		return x.listOf(way, q, t, r, func(dst []byte, n uint16) ([]byte, bool) {
			switch n {
			case 1:
				return le.AppendUint16(dst, typ.handle), true
			case 2:
				return le.AppendUint16(dst, uint16(len(typ.members))), true
			case 3:
				return le.AppendUint16(dst, 0), true
			case 4:
				return le.AppendUint32(dst, uint32((len(typ.definition)+enipDefinitionExtra+3)/4)), true
			case 5:
				return le.AppendUint32(dst, uint32(typ.size)), true
			}
			return dst, false
		})
	case enip.ReadTag: // Read Template has its code
		if len(q.Data) != 6 {
			return x.refuse(r, enipWrongSize(len(q.Data), 6))
		}
		// Clients round what they ask for up: there are zeros behind.
		whole := len(typ.definition) + 3
		from, n := int(min(le.Uint32(q.Data), uint32(whole))), int(le.Uint16(q.Data[4:]))
		n = min(n, whole-from)
		if room := max(x.room-enipAnswerHead, 0); n > room {
			n, r.Status = room, enip.PartialTransfer
		}
		start := len(x.buf)
		x.buf = append(x.buf, typ.definition[min(from, len(typ.definition)):min(from+n, len(typ.definition))]...)
		for len(x.buf)-start < n {
			x.buf = append(x.buf, 0)
		}
		r.Data = x.buf[start:len(x.buf):len(x.buf)]
		return Point
	}
	return x.refuse(r, enip.ServiceNotSupported)
}
