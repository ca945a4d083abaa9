package clone

import (
	"fmt"
	"maps"
	"slices"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// A bacnetFile is what is known of the content of a file object: the bytes from its beginning on.
type bacnetFile struct{ content []byte }

// bacnetFileMax bounds the files that are learned.
const bacnetFileMax = 16 << 20

// fileRead takes a part of a file. Only parts that lie behind each other are of use.
func (o bacnetObserver) fileRead(q *bacnet.ReadFileRequest, ack bacnet.Parameters) {
	if a, ok := ack.(*bacnet.ReadFileAck); ok && a.Stream != nil {
		o.filePart(q.File, a.Stream.Start, a.Stream.Data)
	}
}

func (o bacnetObserver) fileWritten(q *bacnet.WriteFileRequest, ack bacnet.Parameters) {
	if a, ok := ack.(*bacnet.WriteFileAck); ok && a.Stream != nil && q.Stream != nil {
		o.filePart(q.File, *a.Stream, q.Stream.Data)
	}
}

func (o bacnetObserver) filePart(file bacnet.ObjectID, start int32, data []byte) {
	if o.station != "" {
		return // profiles hold files of the device itself; the others' stay in recordings
	}
	f := o.l.files[file.Instance()]
	if f == nil {
		f = &bacnetFile{}
		o.l.files[file.Instance()] = f
	}
	end := int(start) + len(data)
	if start < 0 || int(start) > len(f.content) || end > bacnetFileMax {
		return
	}
	if end > len(f.content) {
		f.content = append(f.content, make([]byte, end-len(f.content))...)
	}
	copy(f.content[start:], data)
}

func (l *bacnetLearner) writeFiles(sec *profiles.BACnet, out *Output) error {
	for _, n := range slices.Sorted(maps.Keys(l.files)) {
		f := l.files[n]
		if len(f.content) == 0 {
			continue
		}
		name := fmt.Sprintf("bacnet/%s-file-%d.bin", l.s.Name(), n)
		if err := out.file(name, f.content); err != nil {
			return err
		}
		if sec.Files == nil {
			sec.Files = map[uint32]string{}
		}
		sec.Files[n] = name
	}
	return nil
}
