package capture

import "encoding/binary"

// Link types (https://www.tcpdump.org/linktypes.html).
const (
	linkNull     = 0
	linkEthernet = 1
	linkRawBSD   = 12
	linkRawOther = 14
	linkRaw      = 101
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

// EtherTypes (IEEE 802 numbers).
const (
	etherIPv4     = 0x0800
	etherIPv6     = 0x86dd
	etherVLAN     = 0x8100
	etherQinQ     = 0x88a8
	etherQinQOld  = 0x9100
	etherQinQOld2 = 0x9200
	etherMPLS     = 0x8847
	etherMPLSMany = 0x8848
	etherPPPoE    = 0x8864
	etherBridged  = 0x6558 // a whole Ethernet frame (GRE, RFC 1701)
	etherERSPAN   = 0x88be // types I and II
	etherERSPAN3  = 0x22eb
)

// nestingMax bounds headers within headers.
const nestingMax = 12

// An ipPacket is what the transport layer sees: addresses (IPv4 as IPv4-mapped) and the payload.
type ipPacket struct {
	src, dst [16]byte
	id       uint32 // identification field; 0 if there is none
	ttl      uint8
	protocol uint8
	payload  []byte
	cut      int // bytes of the payload that were not captured
}

// An unwrapper takes link and network headers off packets and hands each innermost IP payload to
// deliver. Fragments wait in it until their packet is whole.
type unwrapper struct {
	fragments fragments
	deliver   func(*ipPacket)
	clock     func() int64
	ip        ipPacket
	stats     struct{ fragmented, malformed int64 }
	unknown   map[uint16]int64 // packets of link types that are not read
}

func (u *unwrapper) packet(link uint16, b []byte) {
	switch link {
	case linkEthernet:
		u.ethernet(b, 0)
	case linkRaw, linkRawBSD, linkRawOther, linkIPv4, linkIPv6:
		u.network(b, 0)
	case linkSLL: // 2 packet type, 2 ARPHRD, 2 address length, 8 address, 2 protocol
		if len(b) >= 16 {
			u.etherType(binary.BigEndian.Uint16(b[14:]), b[16:], 0)
		}
	case linkSLL2: // 2 protocol, 2 reserved, 4 interface, 2 ARPHRD, 1 packet type, 1 address length, 8 address
		if len(b) >= 20 {
			u.etherType(binary.BigEndian.Uint16(b), b[20:], 0)
		}
	case linkNull, linkLoop:
		// An address family in the byte order of the capturing host, which may be another one.
		if len(b) < 4 {
			return
		}
		family := binary.LittleEndian.Uint32(b)
		if family > 0xffff {
			family = binary.BigEndian.Uint32(b)
		}
		switch family {
		case 2, 10, 23, 24, 28, 30: // AF_INET, and the AF_INET6 of Linux, Windows, NetBSD, FreeBSD, macOS
			u.network(b[4:], 0)
		}
	default:
		if u.unknown == nil {
			u.unknown = map[uint16]int64{}
		}
		if len(u.unknown) < 64 || u.unknown[link] > 0 {
			u.unknown[link]++
		}
	}
}

func (u *unwrapper) ethernet(b []byte, depth int) {
	if len(b) < 14 {
		return
	}
	u.etherType(binary.BigEndian.Uint16(b[12:]), b[14:], depth)
}

func (u *unwrapper) etherType(t uint16, b []byte, depth int) {
	for ; depth < nestingMax; depth++ {
		switch t {
		case etherIPv4:
			u.ipv4(b, depth)
			return
		case etherIPv6:
			u.ipv6(b, depth)
			return
		case etherVLAN, etherQinQ, etherQinQOld, etherQinQOld2:
			if len(b) < 4 {
				return
			}
			t, b = binary.BigEndian.Uint16(b[2:]), b[4:]
			continue
		case etherMPLS, etherMPLSMany:
			u.mpls(b, depth+1)
			return
		case etherBridged:
			u.ethernet(b, depth+1)
			return
		case etherPPPoE: // RFC 2516: version and type, code 0, session, length; then the PPP protocol
			if len(b) < 8 || b[0] != 0x11 || b[1] != 0 {
				return
			}
			switch binary.BigEndian.Uint16(b[6:]) {
			case 0x0021, 0x0057:
				u.network(b[8:], depth+1)
			}
			return
		}
		// IEEE 802.3 with a length: LLC, and SNAP carrying an EtherType (RFC 1042).
		if t > 1500 || len(b) < 8 || b[0] != 0xaa || b[1] != 0xaa || b[2] != 3 || b[3]|b[4]|b[5] != 0 {
			return
		}
		b = b[:min(len(b), int(t))]
		if len(b) < 8 {
			return
		}
		t, b = binary.BigEndian.Uint16(b[6:]), b[8:]
	}
}

// network tells the IP versions apart where nothing else does.
func (u *unwrapper) network(b []byte, depth int) {
	if len(b) == 0 {
		return
	}
	switch b[0] >> 4 {
	case 4:
		u.ipv4(b, depth)
	case 6:
		u.ipv6(b, depth)
	}
}

var mapped = [12]byte{10: 0xff, 11: 0xff}

// ipv4 reads RFC 791, section 3.1. Padding behind the packet is dropped; a total length of 0 is what
// segmentation offload leaves behind.
func (u *unwrapper) ipv4(b []byte, depth int) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = len(b)
	}
	if head < 20 || head > len(b) || total < head {
		u.stats.malformed++
		return
	}
	ip := &u.ip
	ip.cut = max(0, total-len(b))
	ip.payload = b[head:min(total, len(b))]
	copy(ip.src[:12], mapped[:])
	copy(ip.src[12:], b[12:16])
	copy(ip.dst[:12], mapped[:])
	copy(ip.dst[12:], b[16:20])
	ip.id, ip.ttl, ip.protocol = uint32(binary.BigEndian.Uint16(b[4:])), b[8], b[9]
	if frag := binary.BigEndian.Uint16(b[6:]); frag&0x3fff != 0 {
		if !u.reassemble(int(frag&0x1fff)*8, frag&0x2000 != 0) {
			return
		}
	}
	u.transport(depth)
}

// ipv6 reads RFC 8200, section 3, and walks the extension headers (section 4).
func (u *unwrapper) ipv6(b []byte, depth int) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	ip := &u.ip
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total == 40 {
		total = len(b)
	}
	ip.cut = max(0, total-len(b))
	copy(ip.src[:], b[8:24])
	copy(ip.dst[:], b[24:40])
	ip.id, ip.ttl, ip.protocol = 0, b[7], b[6]
	b = b[40:min(total, len(b))]
	for range nestingMax {
		n := 0
		switch ip.protocol {
		case 0, 43, 60, 135, 139, 140: // hop-by-hop, routing, destination, mobility, HIP, shim6
			if len(b) < 8 {
				return
			}
			n = int(b[1])*8 + 8
		case 51: // authentication (RFC 4302)
			if len(b) < 8 {
				return
			}
			n = int(b[1])*4 + 8
		case 44: // fragment
			if len(b) < 8 {
				return
			}
			field := binary.BigEndian.Uint16(b[2:])
			ip.id, ip.protocol, ip.payload = binary.BigEndian.Uint32(b[4:]), b[0], b[8:]
			if field&0xfff9 != 0 && !u.reassemble(int(field&0xfff8), field&1 != 0) {
				return
			}
			b = ip.payload
			continue
		default:
			ip.payload = b
			u.transport(depth)
			return
		}
		if n > len(b) {
			return
		}
		ip.protocol, b = b[0], b[n:]
	}
}

// transport reads through tunnels and delivers what is not one.
func (u *unwrapper) transport(depth int) {
	ip := &u.ip
	switch ip.protocol {
	case 6:
		u.deliver(ip)
	case 17:
		if !u.vxlan(depth) {
			u.deliver(ip)
		}
	case 4, 41, 94: // RFC 2003, RFC 4213, and KA9Q's number for the same
		if depth < nestingMax {
			u.network(ip.payload, depth+1)
		}
	case 47:
		if depth < nestingMax {
			u.gre(ip.payload, depth+1)
		}
	}
}
