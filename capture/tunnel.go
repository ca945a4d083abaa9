package capture

import "encoding/binary"

// Ports of VXLAN: IANA's, and the one Linux used before there was one.
const (
	portVXLAN      = 4789
	portVXLANLinux = 8472
)

// vxlan reads through RFC 7348, section 5, and says whether the UDP payload is that.
func (u *unwrapper) vxlan(depth int) bool {
	b := u.ip.payload
	if len(b) < 8+8+14 || depth >= nestingMax {
		return false
	}
	if p := binary.BigEndian.Uint16(b[2:]); p != portVXLAN && p != portVXLANLinux {
		return false
	}
	// Only the I flag is set, and the reserved bytes are zero.
	if b = b[8:]; b[0] != 0x08 || b[1]|b[2]|b[3]|b[7] != 0 {
		return false
	}
	u.ethernet(b[8:], depth+1)
	return true
}

// gre reads RFC 2784 with the key and sequence number of RFC 2890, and the routing field of RFC 1701.
func (u *unwrapper) gre(b []byte, depth int) {
	if len(b) < 4 || b[1]&7 != 0 {
		return // version 1 carries PPP (PPTP)
	}
	flags, t := b[0], binary.BigEndian.Uint16(b[2:])
	b = b[4:]
	n := 0
	if flags&0xc0 != 0 { // checksum or routing: both fields are there
		n += 4
	}
	if flags&0x20 != 0 {
		n += 4
	}
	sequenced := flags&0x10 != 0
	if sequenced {
		n += 4
	}
	if n > len(b) {
		return
	}
	b = b[n:]
	if flags&0x40 != 0 { // source route entries until an empty one
		for {
			if len(b) < 4 {
				return
			}
			skip := 4 + int(b[3])
			if skip > len(b) {
				return
			}
			b = b[skip:]
			if skip == 4 {
				break
			}
		}
	}
	switch t {
	case etherERSPAN:
		u.erspan(b, sequenced, depth)
	case etherERSPAN3:
		u.erspan3(b, depth)
	default:
		u.etherType(t, b, depth)
	}
}

// erspan: type I is the bare frame, type II puts 8 bytes before it and numbers its packets
// (draft-foschiano-erspan-03, section 4).
func (u *unwrapper) erspan(b []byte, sequenced bool, depth int) {
	if sequenced {
		if len(b) < 8 || b[0]>>4 != 1 {
			return
		}
		b = b[8:]
	}
	u.ethernet(b, depth+1)
}

// erspan3: 12 bytes, and 8 more where the O bit says so (draft-foschiano-erspan-03, section 4.3). The
// frame type tells Ethernet from bare IP.
func (u *unwrapper) erspan3(b []byte, depth int) {
	if len(b) < 12 || b[0]>>4 != 2 {
		return
	}
	n, ip := 12, b[10]>>2&0x1f == 2
	if b[11]&1 != 0 {
		n += 8
	}
	if n > len(b) {
		return
	}
	if ip {
		u.network(b[n:], depth+1)
		return
	}
	u.ethernet(b[n:], depth+1)
}

// mpls takes labels off (RFC 3032) until the bottom of the stack. What follows says itself what it is:
// IP by its version, else Ethernet, behind a control word if it begins with a zero nibble (RFC 4448).
func (u *unwrapper) mpls(b []byte, depth int) {
	for len(b) >= 4 {
		bottom := b[2]&1 != 0
		b = b[4:]
		if !bottom {
			continue
		}
		if len(b) < 4 || depth >= nestingMax {
			return
		}
		switch b[0] >> 4 {
		case 4, 6:
			u.network(b, depth)
		case 0:
			u.ethernet(b[4:], depth)
		default:
			u.ethernet(b, depth)
		}
		return
	}
}
