package s7comm

import "fmt"

const tpktVersion = 3

// TPDU codes, X.224 section 13.
const (
	tpduExpedited  = 0x10
	tpduReject     = 0x50
	tpduAck        = 0x60
	tpduError      = 0x70
	tpduDisconnect = 0x80
	tpduDisconnOK  = 0xC0
	tpduConfirm    = 0xD0
	tpduConnect    = 0xE0
	tpduData       = 0xF0
)

func known(code uint8) bool {
	switch code {
	case tpduExpedited, 0x20, tpduReject, tpduAck, tpduError, tpduDisconnect, tpduDisconnOK, tpduConfirm, tpduConnect, tpduData:
		return true
	}
	return false
}

// tpdu is one TPDU in its TPKT (RFC 1006 section 6).
type tpdu struct {
	reserved uint8  // second byte of the TPKT
	code     uint8  // high half of the second byte
	low      uint8  // low half (credit)
	head     []byte // of the TPDU, behind its code
	data     []byte
	last     bool  // end of TSDU
	number   uint8 // TPDU-NR
}

// nextTPDU reads one TPKT; n 0: b ends before it does.
func nextTPDU(b []byte) (t tpdu, n int, err error) {
	if len(b) > 0 && b[0] != tpktVersion {
		return t, 0, fmt.Errorf("s7comm: TPKT version %d is not 3", b[0])
	}
	if len(b) < 4 {
		return t, 0, nil
	}
	size := int(b[2])<<8 | int(b[3])
	if size < 7 {
		return t, 0, fmt.Errorf("s7comm: TPKT length %d is too short", size)
	}
	if len(b) > 4 && (b[4] < 2 || int(b[4])+5 > size) {
		return t, 0, fmt.Errorf("s7comm: COTP header length %d does not fit a TPKT of %d", b[4], size)
	}
	if len(b) > 5 {
		code := b[5] & 0xF0
		if !known(code) {
			return t, 0, fmt.Errorf("s7comm: COTP code 0x%02x is not known", b[5])
		}
		if (code == tpduConnect || code == tpduConfirm || code == tpduDisconnect) && b[4] < 6 {
			return t, 0, fmt.Errorf("s7comm: COTP code 0x%02x: header length %d is too short", b[5], b[4])
		}
	}
	if len(b) < size {
		return t, 0, nil
	}
	li := int(b[4])
	t.reserved, t.code, t.low = b[1], b[5]&0xF0, b[5]&0x0F
	t.head, t.data = b[6:5+li:5+li], b[5+li:size:size]
	if t.code == tpduData {
		t.last, t.number = t.head[0]&0x80 != 0, t.head[0]&0x7F
	}
	return t, size, nil
}

// shape keeps how the TPDU was written.
func (t *tpdu) shape() TPDU {
	return TPDU{Size: len(t.data), Reserved: t.reserved, Credit: t.low, Number: t.number, Extra: clone(t.head[1:])}
}

// odd is the Carriage of a message in one TPDU: nothing, unless there is something to remember.
func (t *tpdu) odd() Carriage {
	if t.reserved|t.low|t.number == 0 && len(t.head) == 1 {
		return Carriage{}
	}
	return Carriage{TPDUs: []TPDU{t.shape()}}
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

// A Carriage says how a message was cut into data TPDUs; the zero value is one TPDU without oddities.
type Carriage struct {
	TPDUs []TPDU `wire:"-"`
}

// A TPDU is one data TPDU of a message.
type TPDU struct {
	Size     int   // bytes of the message in it
	Reserved uint8 // of the TPKT
	Credit   uint8
	Number   uint8
	Extra    []byte // header behind the number
}

// dataHead is the TPKT and COTP head of a message in one TPDU.
var dataHead = [7]byte{tpktVersion, 0, 0, 0, 2, tpduData, 0x80}

// carry finishes b, whose bytes from start are dataHead and a message: it fills in the length, or cuts
// the message into the TPDUs it came in.
func (c *Carriage) carry(b []byte, start int) ([]byte, error) {
	size := len(b) - start - len(dataHead)
	if c.fits(size) {
		payload := clone(b[start+len(dataHead):])
		b = b[:start]
		for i, t := range c.TPDUs {
			n := 7 + len(t.Extra) + t.Size
			mark := t.Number & 0x7F
			if i == len(c.TPDUs)-1 {
				mark |= 0x80
			}
			b = append(b, tpktVersion, t.Reserved, byte(n>>8), byte(n), byte(2+len(t.Extra)), tpduData|t.Credit&0x0F, mark)
			b = append(b, t.Extra...)
			b = append(b, payload[:t.Size]...)
			payload = payload[t.Size:]
		}
		return b, nil
	}
	if size+len(dataHead) > 0xFFFF {
		return nil, fmt.Errorf("s7comm: %d bytes do not fit a TPKT", size)
	}
	b[start+2], b[start+3] = byte((size+7)>>8), byte(size+7)
	return b, nil
}

// fits says whether the TPDUs are those of a message of this size; after a change they are not.
func (c *Carriage) fits(size int) bool {
	if len(c.TPDUs) == 0 {
		return false
	}
	for _, t := range c.TPDUs {
		if t.Size < 0 || t.Size > 0xFFFF-300 || len(t.Extra) > 200 {
			return false
		}
		size -= t.Size
	}
	return size == 0
}

// Cut sets the Carriage for a message of size bytes to TPDUs of at most max bytes of it.
func (c *Carriage) Cut(size, max int) {
	c.TPDUs = c.TPDUs[:0]
	if size <= max || max <= 0 {
		return
	}
	for size > 0 {
		n := min(size, max)
		c.TPDUs = append(c.TPDUs, TPDU{Size: n})
		size -= n
	}
}
