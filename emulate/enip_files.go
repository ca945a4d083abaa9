package emulate

import (
	"encoding/binary"
	"fmt"
	"time"

	"ringer/capture/enip"
	"ringer/profiles"
)

// An enipFile is an instance of class File. One upload goes on at a time, and ends when nobody asks on.
type enipFile struct {
	id         uint16
	name, file string
	content    []byte
	most       uint8 // bytes of a packet

	owner    *enipSession // nil: nobody uploads it
	asRead   bool         // the upload is that of the recording
	started  bool
	size     uint8
	next     uint8 // number of the next packet
	at, last int   // where the next packet begins, and the last one did
	until    time.Time
}

const (
	enipTransferBytes = 100
	enipTransferTime  = 10 * time.Second
)

func (d *enipDevice) openFiles(sections []*profiles.ENIP) error {
	for _, s := range sections {
		for _, f := range s.Files {
			if d.uploads[uint32(f.ID)] != nil {
				continue // another service of the device has it, too
			}
			b, err := d.dev.ReadFile(f.Content, profiles.ENIPFileBytes)
			if err != nil {
				return fmt.Errorf("file %d: %w", f.ID, err)
			}
			most := f.Transfer
			if most == 0 {
				most = enipTransferBytes
			}
			d.uploads[uint32(f.ID)] = &enipFile{id: f.ID, name: f.Name, file: f.File, content: b, most: most}
		}
	}
	return nil
}

func (f *enipFile) state(now time.Time) uint8 {
	switch {
	case len(f.content) == 0:
		return enip.FileEmpty
	case f.owner == nil || now.After(f.until):
		return enip.FileLoaded
	case f.started:
		return enip.FileUploading
	}
	return enip.FileInitiated
}

// enipText is a text in the form for several languages, with one: English, in ISO 8859-1 (CIP, section C-5.2).
func enipText(b []byte, text string) []byte {
	if text == "" {
		return append(b, 0)
	}
	b = append(append(b, 1), "eng"...)
	b = append(b, 0xDA, 4, 0, byte(len(text)))
	return append(b, text...)
}

func (d *enipDevice) fileAttribute(dst []byte, instance, attribute uint32) ([]byte, bool) {
	le := binary.LittleEndian
	if instance == 0 {
		most := uint16(0)
		for id := range d.uploads {
			most = max(most, uint16(id))
		}
		switch attribute {
		case 1:
			return le.AppendUint16(dst, 1), true
		case 2:
			return le.AppendUint16(dst, most), true
		case 3:
			return le.AppendUint16(dst, uint16(len(d.uploads))), true
		case enip.FileDirectory:
			for id := range uint32(most) + 1 {
				if f := d.uploads[id]; f != nil {
					dst = enipText(enipText(le.AppendUint16(dst, f.id), f.name), f.file)
				}
			}
			return dst, true
		}
		return dst, false
	}
	f := d.uploads[instance]
	if f == nil {
		return dst, false
	}
	switch attribute {
	case enip.FileState:
		return append(dst, f.state(d.st.Now())), true
	case enip.FileInstanceName:
		return enipText(dst, f.name), true
	case enip.FileFormat:
		return le.AppendUint16(dst, 1), true
	case enip.FileName:
		return enipText(dst, f.file), true
	case enip.FileRevision:
		return append(dst, 1, 1), true
	case enip.FileSize:
		return le.AppendUint32(dst, uint32(len(f.content))), true
	case enip.FileChecksumValue:
		return le.AppendUint16(dst, enip.FileChecksum(f.content)), true
	case enip.FileInvocation: // nothing is to be done with it
		return append(dst, 255), true
	case enip.FileSaving:
		return append(dst, 0), true
	case enip.FileAccess: // reading only
		return append(dst, 1), true
	case enip.FileEncoding: // binary
		return append(dst, 0), true
	}
	return dst, false
}

// upload answers a request of an upload: as recorded while that goes on, else from the file.
func (x *enipSession) upload(way int, q *enip.Request, f *enipFile, r *enip.Response) Origin {
	now := x.st.Now()
	initiate := q.Service == enip.InitiateUpload
	if c := x.asked(way, q); c != nil && !c.Live() && (initiate || f.asRead && f.owner == x) {
		if a, from, ok := x.take(c); ok {
			if initiate && a.Status == enip.Success {
				f.owner, f.asRead, f.until = x, true, now.Add(enipTransferTime)
			}
			return x.fill(r, q, a, from)
		}
	}
	state := f.state(now)
	if len(q.Data) != 1 {
		return x.refuse(r, enipWrongSize(len(q.Data), 1))
	}
	if initiate {
		return x.beginUpload(f, state, q.Data[0], r)
	}
	switch n := q.Data[0]; {
	case state != enip.FileInitiated && state != enip.FileUploading || f.owner != x || f.asRead:
		return x.refuse(r, enip.ObjectStateConflict, uint16(state))
	case n == f.next:
	case f.started && n == f.next-1: // once more
		f.next, f.at = n, f.last
	default:
		return x.refuse(r, enip.InvalidParameter, enip.TransferOutOfSequence)
	}
	end := min(f.at+int(f.size), len(f.content))
	p := enip.FilePacket{Number: f.next, Kind: enip.MiddlePacket, Data: f.content[f.at:end]}
	switch {
	case f.at == 0 && end == len(f.content):
		p.Kind = enip.OnlyPacket
	case end == len(f.content):
		p.Kind = enip.LastPacket
	case f.at == 0:
		p.Kind = enip.FirstPacket
	}
	f.started, f.last, f.at, f.until = true, f.at, end, now.Add(enipTransferTime)
	f.next++
	if p.Kind.Ends() {
		p.Checksum = enip.FileChecksum(f.content)
		f.owner = nil
	}
	start := len(x.buf)
	x.buf = p.Append(x.buf)
	r.Data = x.buf[start:len(x.buf):len(x.buf)]
	return Modelled
}

func (x *enipSession) beginUpload(f *enipFile, state, most uint8, r *enip.Response) Origin {
	switch {
	case state != enip.FileLoaded:
		return x.refuse(r, enip.ObjectStateConflict, uint16(state))
	case most == 0:
		return x.refuse(r, enip.InvalidParameter, enip.TransferOfNothing)
	}
	f.owner, f.asRead, f.started = x, false, false
	f.size, f.next, f.at, f.last = min(most, f.most), 0, 0, 0
	f.until = x.st.Now().Add(enipTransferTime)
	u := enip.FileUpload{Size: uint32(len(f.content)), Transfer: f.size}
	start := len(x.buf)
	x.buf = u.Append(x.buf)
	r.Data = x.buf[start:len(x.buf):len(x.buf)]
	return Modelled
}
