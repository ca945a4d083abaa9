package capture

import (
	"encoding/binary"
	"net/netip"
)

// tcp writes one segment of a connection and counts its sequence numbers on.
func (w *Writer) tcp(c *writerConn, side int, at int64, flags byte, data []byte, note string) {
	b := w.packet[:0]
	b = binary.BigEndian.AppendUint16(b, c.addrs[side].Port())
	b = binary.BigEndian.AppendUint16(b, c.addrs[1-side].Port())
	b = binary.BigEndian.AppendUint32(b, c.seq[side])
	ack := uint32(0)
	if flags&flagACK != 0 {
		ack = c.seq[1-side]
		c.unseen[1-side] = 0
	}
	b = binary.BigEndian.AppendUint32(b, ack)
	head := 20
	if flags&flagSYN != 0 {
		head = 24
	}
	b = append(b, byte(head/4)<<4, flags, writerWindow>>8, writerWindow&0xff, 0, 0, 0, 0)
	if flags&flagSYN != 0 {
		b = append(b, 2, 4, writerMSS>>8, writerMSS&0xff) // maximum segment size
	}
	b = append(b, data...)
	w.packet = b
	binary.BigEndian.PutUint16(b[16:], checksum(b, c.addrs[side].Addr(), c.addrs[1-side].Addr(), 6))
	c.seq[side] += uint32(len(data))
	c.unseen[side] += len(data)
	if flags&(flagSYN|flagFIN) != 0 {
		c.seq[side]++
	}
	w.ip(c, side, at, 6, b, note)
}

func (w *Writer) udp(c *writerConn, e *writerEvent) {
	b := w.packet[:0]
	b = binary.BigEndian.AppendUint16(b, c.addrs[e.side].Port())
	b = binary.BigEndian.AppendUint16(b, c.addrs[1-e.side].Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(e.data)))
	b = append(b, 0, 0)
	b = append(b, e.data...)
	w.packet = b
	sum := checksum(b, c.addrs[e.side].Addr(), c.addrs[1-e.side].Addr(), 17)
	if sum == 0 { // means: none (RFC 768)
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[6:], sum)
	w.ip(c, e.side, e.at, 17, b, e.note)
}

// ip puts the network and link headers before a segment or datagram.
func (w *Writer) ip(c *writerConn, side int, at int64, protocol byte, payload []byte, note string) {
	src, dst := c.addrs[side].Addr(), c.addrs[1-side].Addr()
	b := make([]byte, 0, 14+40+len(payload))
	b = appendMAC(b, dst)
	b = appendMAC(b, src)
	if src.Is4() && dst.Is4() {
		b = binary.BigEndian.AppendUint16(b, etherIPv4)
		b = append(b, 0x45, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(20+len(payload)))
		if w.id++; w.id == 0 {
			w.id = 1
		}
		b = binary.BigEndian.AppendUint16(b, w.id)
		b = append(b, 0x40, 0, 64, protocol, 0, 0) // do not fragment; 64 hops
		b = append(b, src.AsSlice()...)
		b = append(b, dst.AsSlice()...)
		binary.BigEndian.PutUint16(b[24:], ^fold(sum(0, b[14:])))
	} else {
		b = binary.BigEndian.AppendUint16(b, etherIPv6)
		b = append(b, 0x60, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
		b = append(b, protocol, 64)
		s, d := src.As16(), dst.As16()
		b = append(b, s[:]...)
		b = append(b, d[:]...)
	}
	w.frame(at, append(b, payload...), note)
}

// appendMAC makes a locally administered address of an IP address.
func appendMAC(b []byte, a netip.Addr) []byte {
	x := a.As16()
	return append(append(b, 0x02, 0), x[12:]...)
}

// checksum is that of TCP and UDP, with the pseudo header (RFC 9293, section 3.1; RFC 8200, section 8.1).
func checksum(b []byte, src, dst netip.Addr, protocol byte) uint16 {
	var pseudo []byte
	if src.Is4() && dst.Is4() {
		pseudo = append(src.AsSlice(), dst.AsSlice()...)
	} else {
		s, d := src.As16(), dst.As16()
		pseudo = append(s[:], d[:]...)
	}
	pseudo = append(pseudo, 0, protocol)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(b)))
	return ^fold(sum(sum(0, pseudo), b))
}

// sum adds 16-bit words (RFC 1071).
func sum(s uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return uint32(fold(s))
}

func fold(s uint32) uint16 {
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}
