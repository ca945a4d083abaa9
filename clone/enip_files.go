package clone

import (
	"fmt"
	"maps"
	"slices"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/profiles"
)

// enipUploadsMax bounds the files that are learned.
const enipUploadsMax = 64

// An enipUpload is a file of the File object, as far as it was uploaded.
type enipUpload struct {
	size, transfer int
	next           uint8
	data           []byte
	whole          []byte // of the last upload that came to its end
}

// uploading learns the files that someone uploads from the device itself.
func (l *enipLearner) uploading(x *capture.Exchange, way string, q *enip.Request, r *enip.Response) {
	t, ok := q.Path.Target()
	if !ok || way != "" || t.Class != enip.ClassFile || !t.HasInstance || t.HasAttribute || t.Instance == 0 || t.Instance > 0xFFFF || r.Status != enip.Success {
		return
	}
	id := uint16(t.Instance)
	switch u := l.uploads[id]; q.Service {
	case enip.InitiateUpload:
		begun, ok := enip.ParseFileUpload(r.Data)
		if !ok || begun.Size == 0 || begun.Size > profiles.ENIPFileBytes || u == nil && len(l.uploads) >= enipUploadsMax {
			return
		}
		if u == nil {
			u = &enipUpload{}
			l.uploads[id] = u
		}
		u.size, u.transfer, u.next, u.data = int(begun.Size), max(u.transfer, int(begun.Transfer)), 0, nil
	case enip.UploadTransfer:
		p, ok := enip.ParseFilePacket(r.Data)
		if u == nil || !ok || p.Number != u.next || len(u.data)+len(p.Data) > u.size {
			return
		}
		u.next++
		if u.data = append(u.data, p.Data...); p.Kind.Ends() && len(u.data) == u.size && enip.FileChecksum(u.data) == p.Checksum {
			if u.whole == nil {
				l.s.Saw(l.s.fact(fmt.Sprintf("file %d", id)), x)
			}
			u.whole, u.data = u.data, nil
		}
	}
}

// finishUploads writes the files that were uploaded whole.
func (l *enipLearner) finishUploads(out *Output) error {
	for _, id := range slices.Sorted(maps.Keys(l.uploads)) {
		u := l.uploads[id]
		if u.whole == nil {
			continue
		}
		f := profiles.ENIPFile{ID: id, Content: fmt.Sprintf("enip/%s-file-%d.bin", l.s.Name(), id), Transfer: uint8(u.transfer)}
		if err := out.file(f.Content, u.whole); err != nil {
			return err
		}
		l.section.Files = append(l.section.Files, f)
	}
	return nil
}
