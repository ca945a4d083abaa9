package clone

import (
	"encoding/binary"

	"ringer/capture/enip"
)

// enipFileMost bytes are uploaded of one file.
const enipFileMost = 1 << 18

// An enipAskFile is what an instance of class File says of itself.
type enipAskFile struct {
	loaded bool
	size   uint32
}

// fileSays notes an attribute of a file.
func (a *enipAsking) fileSays(instance, attribute uint32, r *enip.Response) {
	if r == nil || r.Status != enip.Success {
		return
	}
	f := a.files[instance]
	switch {
	case attribute == enip.FileState && len(r.Data) == 1:
		f.loaded = r.Data[0] == enip.FileLoaded
	case attribute == enip.FileSize && len(r.Data) == 4:
		f.size = binary.LittleEndian.Uint32(r.Data)
	}
	if a.files == nil {
		a.files = map[uint32]enipAskFile{}
	}
	a.files[instance] = f
}

// upload reads a file that nobody else is reading, to its end: the device then is as it was.
func (a *enipAsking) upload(instance uint32) error {
	f := a.files[instance]
	if !f.loaded || f.size == 0 {
		return nil
	}
	if f.size > enipFileMost {
		a.remark(Fact, "file %d has %d bytes and is not read", instance, f.size)
		return nil
	}
	path := enip.ObjectPath(enip.ClassFile, instance)
	a.expect(2)
	r, err := a.ask(enip.Request{Service: enip.InitiateUpload, Path: path, Data: []byte{255}})
	if err != nil || r == nil || r.Status != enip.Success {
		return err
	}
	u, ok := enip.ParseFileUpload(r.Data)
	if !ok || u.Transfer == 0 || u.Size > enipFileMost {
		return nil
	}
	packets := int(u.Size)/int(u.Transfer) + 2
	a.expect(packets - 1)
	for n := range packets {
		r, err := a.ask(enip.Request{Service: enip.UploadTransfer, Path: path, Data: []byte{byte(n)}})
		if err != nil {
			return err
		}
		if r == nil || r.Status != enip.Success {
			break
		}
		if p, ok := enip.ParseFilePacket(r.Data); !ok || p.Kind.Ends() || p.Kind == enip.AbortedTransfer {
			return nil
		}
	}
	a.remark(Suspicious, "file %d was not read to its end", instance)
	return nil
}
