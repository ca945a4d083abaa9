package capture

import "encoding/binary"

const secretsTLSLog = 0x544c534b // lines of a TLS key log

// secrets writes a decryption secrets block (draft-ietf-opsawg-pcapng, section 4.7).
func (w *Writer) secrets(keylog []byte) {
	w.begin()
	b := binary.LittleEndian.AppendUint32(nil, secretsTLSLog)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(keylog)))
	b = append(b, keylog...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	w.block(blockSecrets, b)
}
