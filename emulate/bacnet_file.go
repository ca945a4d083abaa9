package emulate

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// A bacnetFile is what a file object holds: bytes, or records (clause 12.13).
type bacnetFile struct {
	bytes   []byte
	records [][]byte
	ordered bool // in records
}

// Bounds of what visitors can make of a file: its bytes, a record of nothing counting as some.
const (
	bacnetFileGrows      = 1 << 20
	bacnetRecordOverhead = 32
)

func (f *bacnetFile) size() (n int) {
	for _, r := range f.records {
		n += len(r)
	}
	return n + len(f.bytes)
}

// weight is what the file takes of its bound.
func (f *bacnetFile) weight() int { return f.size() + bacnetRecordOverhead*len(f.records) }

// loadFiles reads the files of a device. Where nothing else is known of the objects, their kind and size are.
func (d *bacnetDevice) loadFiles(dev *profiles.Device) error {
	for _, n := range slices.Sorted(maps.Keys(d.spec.Files)) {
		b, err := fs.ReadFile(dev.Files, path.Clean(d.spec.Files[n]))
		if err != nil {
			return err
		}
		d.addFile(n, &bacnetFile{bytes: b})
	}
	for _, n := range slices.Sorted(maps.Keys(d.spec.Records)) {
		name := d.spec.Records[n]
		b, err := fs.ReadFile(dev.Files, path.Clean(name))
		if err != nil {
			return err
		}
		records, err := profiles.ReadBACnetRecords(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		d.addFile(n, &bacnetFile{records: records, ordered: true})
	}
	return nil
}

func (d *bacnetDevice) addFile(n uint32, f *bacnetFile) {
	d.files[n] = f
	o := bacnet.Object(bacnet.ObjectFile, n)
	x := d.add(o)
	for _, p := range []bacnet.PropertyID{bacnet.PropFileSize, bacnet.PropFileAccessMethod, bacnet.PropRecordCount} {
		if d.ofFile(o, p) != nil && !slices.Contains(x.properties, p) {
			x.properties = append(x.properties, p)
		}
	}
}

// file finds a file to be read or written in records, or bytes; class and code say why not.
func (d *bacnetDevice) file(o bacnet.ObjectID, records bool) (f *bacnetFile, class bacnet.ErrorClass, code bacnet.ErrorCode) {
	if o.Type() != bacnet.ObjectFile {
		return nil, bacnet.ClassServices, bacnet.CodeInconsistentObjectType
	}
	f = d.files[o.Instance()]
	switch {
	case f == nil && d.objects[o] != nil:
		return nil, bacnet.ClassServices, bacnet.CodeFileAccessDenied
	case f == nil:
		return nil, bacnet.ClassObject, bacnet.CodeUnknownObject
	case f.ordered != records:
		return nil, bacnet.ClassServices, bacnet.CodeInvalidFileAccessMethod
	}
	return f, 0, 0
}

// readFile answers a part of a file (clause 14.1).
func (c *bacnetSession) readFile(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.ReadFileRequest) Answer {
	if (p.Stream == nil) == (p.Record == nil) {
		return c.reject(q, bacnet.RejectMissingRequiredParameter)
	}
	f, class, code := d.file(p.File, p.Record != nil)
	if f == nil {
		return c.refuse(q, class, code)
	}
	asked, n := p.Stream, len(f.bytes)
	if f.ordered {
		asked, n = p.Record, len(f.records)
	}
	if asked.Start < 0 || int(asked.Start) > n {
		return c.refuse(q, bacnet.ClassServices, bacnet.CodeInvalidFileStartPosition)
	}
	start := int(asked.Start)
	end := start + int(min(uint64(asked.Count), uint64(n-start)))
	ack := &bacnet.ReadFileAck{EndOfFile: end == n}
	if f.ordered {
		ack.Record = &bacnet.FileRecords{Start: asked.Start, Count: uint32(end - start)}
		for _, r := range f.records[start:end] {
			ack.Record.Records = append(ack.Record.Records, bacnet.FileRecord{Data: r})
		}
	} else {
		ack.Stream = &bacnet.FileData{Start: asked.Start, Data: f.bytes[start:end]}
	}
	return c.result(d, q, ack, Recorded)
}

// writeFile writes a part of a file, or behind it (clause 14.2).
func (c *bacnetSession) writeFile(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.WriteFileRequest) Answer {
	switch {
	case (p.Stream == nil) == (p.Record == nil):
		return c.reject(q, bacnet.RejectMissingRequiredParameter)
	case p.Record != nil && uint64(p.Record.Count) != uint64(len(p.Record.Records)):
		return c.reject(q, bacnet.RejectInconsistentParameters)
	}
	f, class, code := d.file(p.File, p.Record != nil)
	if f == nil {
		return c.refuse(q, class, code)
	}
	if only, known := d.flag(p.File, bacnet.PropReadOnly); known && only {
		return c.refuse(q, bacnet.ClassServices, bacnet.CodeFileAccessDenied)
	}
	asked, n := int32(0), len(f.bytes)
	if f.ordered {
		asked, n = p.Record.Start, len(f.records)
	} else {
		asked = p.Stream.Start
	}
	start := int(asked)
	if asked == -1 {
		start = n
	}
	if start < 0 || start > n {
		return c.refuse(q, bacnet.ClassServices, bacnet.CodeInvalidFileStartPosition)
	}
	at, ack, grown := int32(start), &bacnet.WriteFileAck{}, 0
	if f.ordered {
		ack.Record = &at
		for i, r := range p.Record.Records {
			if grown += len(r.Data); start+i < n {
				grown -= len(f.records[start+i])
			} else {
				grown += bacnetRecordOverhead
			}
		}
	} else {
		ack.Stream, grown = &at, max(0, start+len(p.Stream.Data)-n)
	}
	if grown > 0 && f.weight()+grown > bacnetFileGrows {
		return c.refuse(q, bacnet.ClassServices, bacnet.CodeFileFull)
	}
	if f.ordered {
		for i, r := range p.Record.Records {
			if start+i == len(f.records) {
				f.records = append(f.records, nil)
			}
			f.records[start+i] = slices.Clone(r.Data)
		}
	} else {
		f.bytes = append(f.bytes, make([]byte, grown)...)
		copy(f.bytes[start:], p.Stream.Data)
	}
	if !c.following {
		d.strayed = true
		d.touched(p.File, f)
	}
	return c.result(d, q, ack, Modelled)
}

// touched tells in its properties that a file was changed.
func (d *bacnetDevice) touched(o bacnet.ObjectID, f *bacnetFile) {
	now := d.s.st.Now()
	date, at := bacnetMoment(now)
	for _, x := range []struct {
		p bacnet.PropertyID
		v bacnet.Value
	}{
		{bacnet.PropFileSize, bacnet.AppendUnsigned(nil, uint64(f.size()))},
		{bacnet.PropRecordCount, bacnet.AppendUnsigned(nil, uint64(len(f.records)))},
		{bacnet.PropModificationDate, bacnet.AppendTime(bacnet.AppendDate(nil, date), at)},
		{bacnet.PropArchive, bacnet.AppendBoolean(nil, false)},
	} {
		k := bacnetKey{o, x.p, -1, false}
		if x.p == bacnet.PropRecordCount && !f.ordered || d.cells[k] == nil {
			continue // made of the file itself, or not known of it
		}
		v := append([]byte{profiles.BACnetHolds}, x.v...)
		d.cells[k] = &bacnetCell{sample: v, shape: v}
	}
}

// ofFile are the properties that a file itself tells (clause 12.13).
func (d *bacnetDevice) ofFile(o bacnet.ObjectID, p bacnet.PropertyID) bacnet.Value {
	f := d.files[o.Instance()]
	if o.Type() != bacnet.ObjectFile || f == nil {
		return nil
	}
	switch p {
	case bacnet.PropFileSize:
		return bacnet.AppendUnsigned(nil, uint64(f.size()))
	case bacnet.PropFileAccessMethod:
		if f.ordered {
			return bacnet.AppendEnumerated(nil, 0)
		}
		return bacnet.AppendEnumerated(nil, 1)
	case bacnet.PropRecordCount:
		if f.ordered {
			return bacnet.AppendUnsigned(nil, uint64(len(f.records)))
		}
	}
	return nil
}

// resize makes a file as long as its size, or the count of its records, is written; nil: it is not such a write, or
// the property itself goes on as it was recorded.
func (d *bacnetDevice) resize(k bacnetKey, v bacnet.Value, recorded bool) []byte {
	f := d.files[k.object.Instance()]
	records := k.property == bacnet.PropRecordCount
	if k.object.Type() != bacnet.ObjectFile || f == nil || k.index >= 0 || k.property != bacnet.PropFileSize && !records {
		return nil
	}
	if only, known := d.flag(k.object, bacnet.PropReadOnly); known && only || f.ordered != records {
		return bacnetNoAccess
	}
	n, ok := v.Unsigned()
	if tag, _ := v.First(); !ok || bacnet.TagNumber(tag.Number) != bacnet.TagUnsigned {
		return bacnetWrongType
	}
	weight := n
	if records {
		weight = n * bacnetRecordOverhead
	}
	if n > bacnetFileGrows || weight > bacnetFileGrows && weight > uint64(f.weight()) {
		return bacnetNoSpace
	}
	if records {
		f.records = append(slices.Clone(f.records[:min(int(n), len(f.records))]), make([][]byte, max(0, int(n)-len(f.records)))...)
	} else {
		f.bytes = append(slices.Clone(f.bytes[:min(int(n), len(f.bytes))]), make([]byte, max(0, int(n)-len(f.bytes)))...)
	}
	if recorded {
		return nil
	}
	d.strayed = true
	d.touched(k.object, f)
	return bacnetDone
}

// bacnetMoment is a time as devices tell it.
func bacnetMoment(t time.Time) (bacnet.Date, bacnet.Time) {
	weekday := byte(t.Weekday())
	if weekday == 0 {
		weekday = 7
	}
	return bacnet.Date{byte(t.Year() - 1900), byte(t.Month()), byte(t.Day()), weekday},
		bacnet.Time{byte(t.Hour()), byte(t.Minute()), byte(t.Second()), byte(t.Nanosecond() / 1e7)}
}

// flag is what a boolean property holds.
func (d *bacnetDevice) flag(o bacnet.ObjectID, p bacnet.PropertyID) (on, known bool) {
	if v, _ := d.get(o, p, -1, false); len(v) > 1 && v[0] == profiles.BACnetHolds {
		t, _ := bacnet.Value(v[1:]).First()
		return t.Value != 0, !t.Context && bacnet.TagNumber(t.Number) == bacnet.TagBoolean
	}
	return false, false
}
