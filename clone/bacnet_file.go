package clone

import (
	"fmt"
	"maps"
	"slices"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// A bacnetFile is what is known of the content of a file object, from its beginning on: its bytes, or its records.
type bacnetFile struct {
	bytes   []byte
	records [][]byte
	size    int  // of the records, and what each of them takes beside
	ordered bool // in records
}

// bacnetFileMax bounds the content of a file that is learned, bacnetFilesMax their number.
const (
	bacnetFileMax        = 16 << 20
	bacnetFilesMax       = 1 << 10
	bacnetRecordOverhead = 32
	bacnetMACMax         = 32 // of stations whose files are told apart
)

// fileRead takes a part of a file. Only parts that lie behind each other are of use; where the device says that
// a file ends, it ends, whatever was there before.
func (o bacnetObserver) fileRead(q *bacnet.ReadFileRequest, ack bacnet.Parameters) {
	a, ok := ack.(*bacnet.ReadFileAck)
	if !ok {
		return
	}
	f := o.file(q.File)
	switch {
	case f == nil:
	case a.Stream != nil:
		if f.put(a.Stream.Start, a.Stream.Data); a.EndOfFile {
			f.end(int(a.Stream.Start) + len(a.Stream.Data))
		}
	case a.Record != nil:
		if f.putRecords(a.Record.Start, a.Record.Records); a.EndOfFile {
			f.endRecords(int(a.Record.Start) + len(a.Record.Records))
		}
	}
}

func (o bacnetObserver) fileWritten(q *bacnet.WriteFileRequest, ack bacnet.Parameters) {
	a, ok := ack.(*bacnet.WriteFileAck)
	if !ok {
		return
	}
	f := o.file(q.File)
	switch {
	case f == nil:
	case a.Stream != nil && q.Stream != nil:
		f.put(*a.Stream, q.Stream.Data)
	case a.Record != nil && q.Record != nil:
		f.putRecords(*a.Record, q.Record.Records)
	}
}

func (o bacnetObserver) file(id bacnet.ObjectID) *bacnetFile {
	f := o.t.files[id.Instance()]
	if f == nil && id.Type() == bacnet.ObjectFile && o.l.files < bacnetFilesMax {
		f = &bacnetFile{}
		o.l.files++
		o.t.files[id.Instance()] = f
	}
	return f
}

func (f *bacnetFile) put(start int32, data []byte) {
	end := int(start) + len(data)
	if start < 0 || int(start) > len(f.bytes) || end > bacnetFileMax {
		return
	}
	f.ordered = false
	if end > len(f.bytes) {
		f.bytes = append(f.bytes, make([]byte, end-len(f.bytes))...)
	}
	copy(f.bytes[start:], data)
}

func (f *bacnetFile) putRecords(start int32, records []bacnet.FileRecord) {
	if start < 0 || int(start) > len(f.records) {
		return
	}
	f.ordered = true
	for i, r := range records {
		at := int(start) + i
		if f.size += len(r.Data) + bacnetRecordOverhead; f.size > bacnetFileMax {
			return
		}
		if at < len(f.records) {
			f.size -= len(f.records[at]) + bacnetRecordOverhead
			f.records[at] = slices.Clone(r.Data)
			continue
		}
		f.records = append(f.records, slices.Clone(r.Data))
	}
}

func (f *bacnetFile) end(n int) {
	if n >= 0 && n < len(f.bytes) {
		f.bytes = f.bytes[:n]
	}
}

func (f *bacnetFile) endRecords(n int) {
	for n >= 0 && n < len(f.records) {
		last := len(f.records) - 1
		f.size -= len(f.records[last]) + bacnetRecordOverhead
		f.records = f.records[:last]
	}
}

// writeFiles writes the files of a station, which is called so in the profile.
func (l *bacnetLearner) writeFiles(name string, t *bacnetStation, d *profiles.BACnetDevice, out *Output) error {
	stem := "bacnet/" + l.s.Name()
	if s, err := profiles.ParseBACnetStation(name); err == nil {
		if len(s.MAC) > bacnetMACMax {
			return nil
		}
		stem += fmt.Sprintf("-%d-%x", s.Network, s.MAC)
	}
	for _, n := range slices.Sorted(maps.Keys(t.files)) {
		f := t.files[n]
		into, path, content := &d.Files, fmt.Sprintf("%s-file-%d.bin", stem, n), f.bytes
		if f.ordered {
			into, path, content = &d.Records, fmt.Sprintf("%s-file-%d.txt", stem, n), nil
			for _, r := range f.records {
				content = profiles.AppendBACnetRecord(content, r)
			}
		}
		if len(content) == 0 {
			continue
		}
		if err := out.file(path, content); err != nil {
			return err
		}
		if *into == nil {
			*into = map[uint32]string{}
		}
		(*into)[n] = path
	}
	return nil
}
