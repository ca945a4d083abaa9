package emulate

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ringer/capture/enip"
	"ringer/profiles"
)

// An enipDataFile is a data file of a controller that has these rather than tags. What was recorded of it are
// answers to whole questions, in cells; all other questions are answered from the memory, which follows them.
type enipDataFile struct {
	kind     enip.DataFileType
	memory   []byte
	readonly bool
	maps     []enipDataMapping
	cells    []enipDataCell
}

// An enipDataMapping is a point that an element, or a bit of one, shows.
type enipDataMapping struct {
	offset, size int
	bit          int // -1: the whole element
	typ          enip.Type
	point        *PointState
}

// An enipDataCell is the recording of a question about some bytes.
type enipDataCell struct {
	offset, size int
	cell         *Cell
}

// openDataFiles makes the data files of the profile.
func (d *enipDevice) openDataFiles(sections []*profiles.ENIP) error {
	for _, s := range sections {
		for i := range s.DataFiles {
			if err := d.openDataFile(&s.DataFiles[i]); err != nil {
				return fmt.Errorf("data file %s: %w", s.DataFiles[i].Name, err)
			}
		}
	}
	return nil
}

func (d *enipDevice) openDataFile(spec *profiles.ENIPDataFile) error {
	kind, number, err := spec.Parse()
	if err != nil {
		return err
	}
	f := d.dataFile(number, kind, spec.Elements*kind.Size())
	if f == nil {
		return errors.New("another one has its number")
	}
	f.readonly = f.readonly || spec.ReadOnly
	if spec.Image != "" {
		b, err := d.dev.ReadFile(spec.Image, int64(len(f.memory)))
		if err != nil {
			return err
		}
		copy(f.memory, b)
	}
	for i, v := range spec.Values {
		value, err := ValueOf(v)
		if err != nil {
			return err
		}
		if element := f.memory[i*kind.Size() : (i+1)*kind.Size()]; kind == enip.FileString {
			putDataText(element, value.String())
		} else if typ, ok := enipDataTypes[kind]; ok {
			copy(element, enipEncode(nil, typ, value))
		} else {
			return fmt.Errorf("value %d: elements hold more than one", i+1)
		}
	}
	for place, name := range spec.Points {
		m := enipDataMapping{}
		element, bit, err := profiles.ParseENIPDataPlace(place)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		if m.point, err = d.st.Point(name); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		m.offset, m.size, m.bit, m.typ = element*kind.Size(), kind.Size(), bit, enipDataTypes[kind]
		m.point.drive()
		f.maps = append(f.maps, m)
	}
	return nil
}

// enipDataTypes are what an element holds that is one number.
var enipDataTypes = map[enip.DataFileType]enip.Type{
	enip.FileOutput: enip.INT, enip.FileInput: enip.INT, enip.FileStatus: enip.INT, enip.FileBit: enip.INT, enip.FileInteger: enip.INT,
	enip.FileFloat: enip.REAL, enip.FileLong: enip.DINT,
}

// putDataText writes a text as ST files hold it: a length, and characters two by two, the second one first.
func putDataText(dst []byte, text string) {
	clear(dst)
	text = text[:min(len(text), len(dst)-2)]
	binary.LittleEndian.PutUint16(dst, uint16(len(text)))
	for i := range len(text) {
		dst[2+i^1] = text[i]
	}
}

// dataText reads such a text.
func dataText(b []byte) string {
	text := make([]byte, min(int(binary.LittleEndian.Uint16(b)), len(b)-2))
	for i := range text {
		text[i] = b[2+i^1]
	}
	return string(text)
}

// dataFile is the file of a number, made if need be, with so many bytes at least; nil: there is one of another
// type, or it would be too long.
func (d *enipDevice) dataFile(number uint16, kind enip.DataFileType, size int) *enipDataFile {
	f := d.files[number]
	if f == nil {
		f = &enipDataFile{kind: kind}
		d.files[number] = f
		d.pccc = true
	}
	if f.kind != kind || size > profiles.ENIPDataElements*kind.Size() {
		return nil
	}
	if more := size - len(f.memory); more > 0 {
		f.memory = append(f.memory, make([]byte, more)...)
	}
	return f
}

// enipDataSpan is where an access reads or writes.
func enipDataSpan(a *enip.DataFileAccess) (offset, size int) {
	return int(a.Element)*a.Type.Size() + 2*int(a.Word), int(a.Size)
}

// dataSample files the recording of a question, and makes memory of what it read or wrote first.
func (d *enipDevice) dataSample(p *enip.PCCC, cell *Cell) {
	d.pccc = true
	a, ok := p.DataFile()
	v, _ := cell.Peek(d.st)
	answer, err := profiles.ParseENIPAnswer(v)
	if !ok || a.Type.Size() == 0 || err != nil || answer.Status != enip.Success || len(answer.Data) == 0 || answer.Data[0] != 0 {
		return
	}
	offset, size := enipDataSpan(&a)
	whole := (offset + size + a.Type.Size() - 1) / a.Type.Size() * a.Type.Size()
	f := d.dataFile(a.File, a.Type, whole)
	if f == nil {
		return
	}
	if !a.Write() {
		f.cells = append(f.cells, enipDataCell{offset, size, cell})
		f.follow(&a, answer.Data[1:])
	}
}

// follow notes what the recording says that is in the file now.
func (f *enipDataFile) follow(a *enip.DataFileAccess, data []byte) {
	offset, size := enipDataSpan(a)
	if a.Write() {
		data = a.Data
	}
	if offset+size > len(f.memory) || len(data) != size {
		return
	}
	f.put(offset, data, a.Mask)
}

// put writes bytes; mask, if there is one, says which bits of each word.
func (f *enipDataFile) put(offset int, data []byte, mask *uint16) {
	for i, b := range data {
		m := byte(0xFF)
		if mask != nil {
			m = byte(*mask >> (8 * (i & 1)))
		}
		at := &f.memory[offset+i]
		*at = *at&^m | b&m
	}
}

// pccc executes a command: as recorded, else on a data file. Devices that have the object refuse in PCCC, the
// others have none.
func (x *enipSession) pccc(way int, q *enip.Request, r *enip.Response) Origin {
	var f *enipDataFile
	a, typed := q.PCCC.DataFile()
	if typed {
		if f = x.d.files[a.File]; f != nil && f.kind != a.Type {
			f = nil
		}
	}
	if c := x.asked(way, q); c != nil && (f == nil || !c.Live()) {
		if answer, from, ok := x.take(c); ok {
			if f != nil && answer.Status == enip.Success && len(answer.Data) > 0 && answer.Data[0] == 0 {
				f.follow(&a, answer.Data[1:])
			}
			return x.fill(r, q, answer, from)
		}
	}
	if !x.d.pccc {
		return x.refuse(r, x.d.noClass)
	}
	r.PCCC = &enip.PCCCReply{Requestor: q.PCCC.Requestor, Command: q.PCCC.Command | 0x40, Transaction: q.PCCC.Transaction}
	offset, size := enipDataSpan(&a)
	switch {
	case q.PCCC.Command == 0x06 && q.PCCC.Function == 3:
		r.PCCC.Data = x.d.processor()
		return Modelled
	case f == nil || size == 0 || offset+size > len(f.memory) || a.Write() && len(a.Data) != size:
		r.PCCC.Status = enip.PCCCIllegal
		return Refused
	case a.Write():
		return x.writeData(f, &a, r.PCCC)
	}
	start := len(x.buf)
	from := f.show(offset, size)
	x.buf = append(x.buf, f.memory[offset:offset+size]...)
	r.PCCC.Data = x.buf[start:len(x.buf):len(x.buf)]
	return from
}

// processor is the diagnostic status of a device of which none was recorded: its mode, that what follows is of
// the longer kind, its name (1770-6.5.16, chapter 10).
func (d *enipDevice) processor() []byte {
	b := make([]byte, 24)
	b[1] = 0xEE
	name := fmt.Sprintf("%-11.11s", d.identity.Name)
	copy(b[5:16], name)
	return b
}

// show brings the points among some bytes up to date.
func (f *enipDataFile) show(offset, size int) Origin {
	from := Modelled
	for i := range f.maps {
		m := &f.maps[i]
		if m.offset >= offset+size || offset >= m.offset+m.size {
			continue
		}
		from = Point
		at := f.memory[m.offset : m.offset+m.size]
		switch {
		case m.bit >= 0:
			at[m.bit/8] &^= 1 << (m.bit % 8)
			if m.point.Get().Bool() {
				at[m.bit/8] |= 1 << (m.bit % 8)
			}
		case f.kind == enip.FileString:
			putDataText(at, m.point.Text())
		default:
			copy(at, enipEncode(nil, m.typ, m.point.Get()))
		}
	}
	return from
}

// value is what the bytes of a point say.
func (f *enipDataFile) value(m *enipDataMapping) Value {
	at := f.memory[m.offset : m.offset+m.size]
	switch {
	case m.bit >= 0:
		return BoolValue(at[m.bit/8]>>(m.bit%8)&1 == 1)
	case f.kind == enip.FileString:
		return TextValue(dataText(at))
	}
	return enipDecode(m.typ, at)
}

// writeData writes; what was recorded of these bytes has ended then. A point that cannot have its value refuses.
func (x *enipSession) writeData(f *enipDataFile, a *enip.DataFileAccess, r *enip.PCCCReply) Origin {
	denied := func() Origin {
		r.Status, r.Data = enip.PCCCExtended, []byte{enip.PCCCDenied}
		return Refused
	}
	if f.readonly {
		return denied()
	}
	offset, size := enipDataSpan(a)
	from := f.show(offset, size)
	before := append([]byte(nil), f.memory[offset:offset+size]...)
	held := make([]Value, len(f.maps))
	for i := range f.maps {
		held[i] = f.value(&f.maps[i])
	}
	f.put(offset, a.Data, a.Mask)
	for i := range f.maps {
		if v := f.value(&f.maps[i]); v != held[i] && f.maps[i].point.Set(v) != nil {
			copy(f.memory[offset:], before)
			return denied()
		}
	}
	for _, c := range f.cells {
		if c.offset < offset+size && offset < c.offset+c.size {
			c.cell.End(x.st)
		}
	}
	return from
}
