// Package s7comm reads and writes the S7 protocol of Siemens SIMATIC S7-300, 400, 1200 and 1500
// controllers: S7 PDUs (protocol id 0x32) in COTP class 0 (ISO 8073 / X.224) in TPKT (RFC 1006) on
// tcp/102. Siemens has not published the PDU layer; field names follow Wireshark's dissector and the
// system manuals (SZL: "System Software for S7-300/400, System and Standard Functions").
//
// Other protocols share the port and the two lower layers: what begins with 0x72 is S7comm-plus, what
// belongs to an ISO session is MMS. Next refuses both, with an error that says which it is. COTP
// classes 1 to 4 are left out: no controller speaks them over TCP.
package s7comm

import (
	"errors"
	"fmt"

	"ringer/capture/wire"
)

// Errors of Next for the protocols that share port 102.
var (
	ErrPlus = errors.New("s7comm: protocol id 0x72 is S7comm-plus")
	ErrMMS  = errors.New("s7comm: an ISO session begins here (MMS)")
)

// Protocol is the S7 protocol.
type Protocol struct{}

func (Protocol) Name() string    { return "s7" }
func (Protocol) Ports() []string { return []string{"tcp/102"} }
func (Protocol) New() wire.Conn  { return &Conn{} }

// Conn decodes one connection.
type Conn struct {
	lost    [2]bool // looking for the next TPKT
	reuse   bool
	scratch scratch
}

// scratch is what a Conn decodes into once Reuse was called.
type scratch struct {
	joined   []byte
	readVar  ReadVar
	writeVar WriteVar
	userdata Userdata
	szl      SZLRequest
}

// Reuse makes Next decode without allocating, as wire.Reuser describes.
func (c *Conn) Reuse() { c.reuse = true }

// Lost makes the next call of Next look for a TPKT that carries something of ours.
func (c *Conn) Lost(from wire.Side, n int) { c.lost[index(from)] = true }

func index(s wire.Side) int {
	if s == wire.Server {
		return 1
	}
	return 0
}

// maxFragments bounds a message that never says it is over. Controllers use one or two.
const maxFragments = 256

// maxPayload bounds a reassembled message: the PDU length is negotiated in 16 bits.
const maxPayload = 1 << 16

// Next decodes the first message: one TPDU, or the data TPDUs up to the one with the end-of-TSDU mark.
// Clients put an empty data TPDU without that mark in front of their requests; it is part of them.
func (c *Conn) Next(from wire.Side, b []byte, eof bool) (int, wire.Message, error) {
	if !c.lost[index(from)] {
		return c.next(b, eof)
	}
	if skip := resynchronise(b); skip > 0 {
		return skip, nil, nil
	}
	n, m, err := c.next(b, eof)
	switch {
	case err == ErrPlus || err == ErrMMS:
		return 0, nil, err
	case err != nil || n > 0 && n < len(b) && b[n] != tpktVersion:
		return 1, nil, nil // it only looked like one
	case n > 0:
		c.lost[index(from)] = false
	}
	return n, m, nil
}

func (c *Conn) next(b []byte, eof bool) (int, wire.Message, error) {
	first, n, err := nextTPDU(b)
	if err != nil || n == 0 {
		return 0, nil, err
	}
	if first.code != tpduData {
		m, err := first.message()
		return n, m, err
	}
	if !first.last {
		return c.join(b, eof)
	}
	if err := belongs(first.data); err != nil {
		return 0, nil, err
	}
	return n, c.decode(first.data, first.odd()), nil
}

// join reassembles a fragmented message.
func (c *Conn) join(b []byte, eof bool) (int, wire.Message, error) {
	var carriage Carriage
	payload := c.scratch.joined[:0]
	if !c.reuse {
		payload = nil
	}
	at := 0
	for fragments := 1; ; fragments++ {
		t, n, err := nextTPDU(b[at:])
		switch {
		case err != nil:
			return 0, nil, err
		case n == 0 && eof && at > 0 && len(payload) == 0:
			return at, nil, nil // a connection that ends between a client's empty TPDU and its request
		case n == 0:
			return 0, nil, nil
		case t.code != tpduData:
			return at, nil, nil // disconnected in the middle of a message
		}
		payload = append(payload, t.data...)
		if !c.reuse {
			carriage.TPDUs = append(carriage.TPDUs, t.shape())
		}
		at += n
		if len(payload) > 0 {
			if err := belongs(payload); err != nil {
				return 0, nil, err
			}
		}
		if t.last {
			break
		}
		if len(payload) > maxPayload || fragments > maxFragments {
			return 0, nil, fmt.Errorf("s7comm: no end after %d bytes in %d TPDUs", len(payload), fragments)
		}
	}
	if c.reuse {
		c.scratch.joined = payload
	}
	if len(payload) == 0 {
		return at, &Unknown{Carriage: carriage}, nil
	}
	return at, c.decode(payload, carriage), nil
}

// belongs says whose payload begins so. An empty one is nobody's, and passes.
func belongs(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	switch payload[0] {
	case protocolID:
		return nil
	case 0x72:
		return ErrPlus
	case 0x0D, 0x01, 0x0E: // ISO 8327 session: CONNECT, GIVE TOKENS before DATA TRANSFER, ACCEPT
		return ErrMMS
	}
	return fmt.Errorf("s7comm: protocol id 0x%02x is not 0x32", payload[0])
}

// lookahead is how much of a stream tells that a message of ours begins there.
const lookahead = 8

// resynchronise says how many bytes to leave out until something that may be ours begins.
func resynchronise(b []byte) int {
	for i := range b {
		if plausible(b[i:]) {
			return i
		}
	}
	return len(b)
}

func plausible(b []byte) bool {
	for i, c := range b[:min(len(b), lookahead)] {
		ok := true
		switch i {
		case 0:
			ok = c == tpktVersion
		case 1:
			ok = c == 0
		case 2:
			ok = c < 0x20
		case 4:
			ok = c >= 2 && c < 64
		case 5:
			ok = known(c & 0xF0)
		case 6:
			ok = b[5] != tpduData || c&0x7F == 0
		case 7:
			ok = b[5] != tpduData || c == protocolID || b[6] == 0 && (c == tpktVersion || b[3] > 7)
		}
		if !ok {
			return false
		}
	}
	return true
}

// Match finds the request by the PDU reference, newest first: clients with few references use them
// again although an earlier request was never answered. Connection TPDUs answer the open connect request.
func (c *Conn) Match(open []wire.Message, reply wire.Message) (int, bool) {
	switch r := reply.(type) {
	case *ConnectConfirm, *Disconnect, *TPDUError:
		for i, m := range open {
			if _, ok := m.(*ConnectRequest); ok {
				return i, true
			}
		}
		if _, ok := reply.(*TPDUError); ok && len(open) > 0 {
			return 0, true
		}
	case *DisconnectConfirm:
		for i := len(open) - 1; i >= 0; i-- {
			if _, ok := open[i].(*Disconnect); ok {
				return i, true
			}
		}
	case *UserdataPush:
	case referenced:
		if !answers(reply) {
			return afterAnswer(open), true
		}
		ref, ok := r.reference()
		for i := len(open) - 1; i >= 0 && ok; i-- {
			q, is := open[i].(referenced)
			if _, own := open[i].(*AckData); own || !is {
				continue // an answer is no request
			}
			if asked, ok := q.reference(); ok && asked == ref {
				return i, true
			}
		}
	}
	return -1, true
}

// afterAnswer finds what made the controller send a job of its own: the client's answer to its last one.
func afterAnswer(open []wire.Message) int {
	for i := len(open) - 1; i >= 0; i-- {
		if _, ok := open[i].(*AckData); ok {
			return i
		}
	}
	return -1
}

// answers: jobs that the controller itself begins (downloads) answer nothing.
func answers(m wire.Message) bool {
	switch m := m.(type) {
	case *Job, *DownloadBlock, *EndDownload, *Userdata:
		return false
	case *Unknown:
		return len(m.Payload) > 1 && m.Payload[1] != rosctrJob
	}
	return true
}
