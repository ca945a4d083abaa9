package clone

import (
	"encoding/binary"
	"net/netip"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
	"ringer/profiles"
)

// Whole exchanges wait for the end as bytes, in the spill of the device: what capture.Writer needs of them,
// and nothing more.

// messageBytes is a message that is only to be written.
type messageBytes []byte

func (m messageBytes) Append(b []byte) ([]byte, error) { return append(b, m...), nil }

const (
	exchangeAsked = 1 << iota // it has a request
	exchangeLost
	exchangeUDP
)

// putExchange puts an exchange into the spill: its length, then itself. b is used again.
func putExchange(s *profiles.Spill, b []byte, x *capture.Exchange) (at int64, _ []byte, err error) {
	b = append(b[:0], 0, 0, 0, 0)
	var flags byte
	if x.Request != nil {
		flags |= exchangeAsked
	}
	if x.Lost {
		flags |= exchangeLost
	}
	if x.Transport == "udp" {
		flags |= exchangeUDP
	}
	b = append(b, flags)
	b = binary.AppendVarint(b, int64(x.Latency))
	b = binary.AppendUvarint(b, x.Conn)
	b = appendCounted(b, func(b []byte) ([]byte, error) { return x.Client.AppendBinary(b) }, &err)
	b = appendCounted(b, func(b []byte) ([]byte, error) { return x.Server.AppendBinary(b) }, &err)
	b = appendCounted(b, func(b []byte) ([]byte, error) { return append(b, x.Note...), nil }, &err)
	if x.Request != nil {
		b = appendCounted(b, x.Request.Append, &err)
	}
	b = binary.AppendUvarint(b, uint64(len(x.Replies)))
	for _, m := range x.Replies {
		b = appendCounted(b, m.Append, &err)
	}
	if err != nil {
		return 0, b, err
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
	return s.Put(b), b, nil
}

// appendCounted puts the number of bytes before them.
func appendCounted(b []byte, bytes func([]byte) ([]byte, error), err *error) []byte {
	at := len(b)
	b, e := bytes(append(b, 0, 0, 0, 0))
	if e != nil {
		if *err == nil {
			*err = e
		}
		return b[:at]
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// An exchangeReader reads exchanges back. Those that lie behind each other are read with one access.
type exchangeReader struct {
	spill *profiles.Spill
	ahead []byte
	at    int64 // of ahead
}

// exchangeAhead is how much is read at once.
const exchangeAhead = 64 << 10

// bytes gives n bytes; they are valid until the next ones.
func (r *exchangeReader) bytes(at int64, n int) ([]byte, error) {
	if at < r.at || at+int64(n) > r.at+int64(len(r.ahead)) {
		size := min(int64(max(n, exchangeAhead)), r.spill.Size()-at)
		if int64(cap(r.ahead)) < size {
			r.ahead = make([]byte, size)
		}
		r.ahead, r.at = r.ahead[:max(size, 0)], at
		if _, err := r.spill.ReadAt(r.ahead, at); err != nil {
			r.ahead = nil
			return nil, err
		}
	}
	return r.ahead[at-r.at:][:n], nil
}

// exchange reads one, without its time and protocol; its messages are messageBytes.
func (r *exchangeReader) exchange(at int64) (x capture.Exchange, err error) {
	head, err := r.bytes(at, 4)
	if err != nil {
		return x, err
	}
	b, err := r.bytes(at+4, int(binary.LittleEndian.Uint32(head)))
	if err != nil {
		return x, err
	}
	counted := func() []byte {
		n := binary.LittleEndian.Uint32(b)
		c := b[4 : 4+n]
		b = b[4+n:]
		return c
	}
	message := func() wire.Message { return messageBytes(append([]byte(nil), counted()...)) }
	flags := b[0]
	latency, n := binary.Varint(b[1:])
	b = b[1+n:]
	x.Latency, x.Lost, x.Transport = time.Duration(latency), flags&exchangeLost != 0, "tcp"
	if flags&exchangeUDP != 0 {
		x.Transport = "udp"
	}
	x.Conn, n = binary.Uvarint(b)
	b = b[n:]
	for _, a := range []*netip.AddrPort{&x.Client, &x.Server} {
		if err := a.UnmarshalBinary(counted()); err != nil {
			return x, err
		}
	}
	x.Note = string(counted())
	if flags&exchangeAsked != 0 {
		x.Request = message()
	}
	replies, n := binary.Uvarint(b)
	b = b[n:]
	for range replies {
		x.Replies = append(x.Replies, message())
	}
	return x, nil
}
