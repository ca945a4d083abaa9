package capture

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"ringer/capture/wire"
)

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func be16(v ...uint16) []byte {
	var b []byte
	for _, x := range v {
		b = binary.BigEndian.AppendUint16(b, x)
	}
	return b
}

var outer = [2]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}

func greOver(t uint16, flags uint16, fields, payload []byte) []byte {
	return ip4(outer[0], outer[1], 47, 1, 0, join(be16(flags, t), fields, payload))
}

// TestLinks reads the same conversation under every link layer and through every tunnel.
func TestLinks(t *testing.T) {
	zero := func(n int) []byte { return make([]byte, n) }
	eth4 := func(b []byte) []byte { return ethernet(etherIPv4, b) }
	for _, x := range []struct {
		name string
		link uint32
		wrap func(ip []byte) []byte
	}{
		{"ethernet", linkEthernet, eth4},
		{"ethernet, padded", linkEthernet, func(ip []byte) []byte { return join(eth4(ip), zero(20)) }},
		{"VLAN", linkEthernet, func(ip []byte) []byte { return ethernet(etherVLAN, join(be16(5, etherIPv4), ip)) }},
		{"QinQ", linkEthernet, func(ip []byte) []byte {
			return ethernet(etherQinQ, join(be16(7, etherVLAN, 5, etherIPv4), ip))
		}},
		{"SNAP", linkEthernet, func(ip []byte) []byte {
			return ethernet(uint16(8+len(ip)), join([]byte{0xaa, 0xaa, 3, 0, 0, 0}, be16(etherIPv4), ip))
		}},
		{"PPPoE", linkEthernet, func(ip []byte) []byte {
			return ethernet(etherPPPoE, join([]byte{0x11, 0}, be16(1, uint16(2+len(ip)), 0x21), ip))
		}},
		{"MPLS", linkEthernet, func(ip []byte) []byte {
			return ethernet(etherMPLS, join([]byte{0, 1, 0x00, 64, 0, 2, 0x01, 64}, ip))
		}},
		{"MPLS pseudowire", linkEthernet, func(ip []byte) []byte {
			return ethernet(etherMPLS, join([]byte{0, 2, 0x01, 64}, zero(4), eth4(ip)))
		}},
		{"MPLS pseudowire without control word", linkEthernet, func(ip []byte) []byte {
			frame := eth4(ip)
			frame[0] = 0x12
			return ethernet(etherMPLS, join([]byte{0, 2, 0x01, 64}, frame))
		}},
		{"cooked v1", linkSLL, func(ip []byte) []byte { return join(zero(14), be16(etherIPv4), ip) }},
		{"cooked v1 with VLAN", linkSLL, func(ip []byte) []byte { return join(zero(14), be16(etherVLAN, 5, etherIPv4), ip) }},
		{"cooked v2", linkSLL2, func(ip []byte) []byte { return join(be16(etherIPv4), zero(18), ip) }},
		{"null, little-endian", linkNull, func(ip []byte) []byte { return join([]byte{2, 0, 0, 0}, ip) }},
		{"null, big-endian", linkNull, func(ip []byte) []byte { return join([]byte{0, 0, 0, 2}, ip) }},
		{"loop", linkLoop, func(ip []byte) []byte { return join([]byte{0, 0, 0, 2}, ip) }},
		{"raw", linkRaw, func(ip []byte) []byte { return ip }},
		{"raw, BSD", linkRawBSD, func(ip []byte) []byte { return ip }},
		{"raw IPv4", linkIPv4, func(ip []byte) []byte { return ip }},
		{"4in4", linkRaw, func(ip []byte) []byte { return ip4(outer[0], outer[1], 4, 1, 0, ip) }},
		{"4in6", linkRaw, func(ip []byte) []byte { return ip6(4, ip) }},
		{"GRE", linkRaw, func(ip []byte) []byte { return greOver(etherIPv4, 0, nil, ip) }},
		{"GRE with checksum, key and sequence number", linkRaw, func(ip []byte) []byte {
			return greOver(etherIPv4, 0xb000, zero(12), ip)
		}},
		{"GRE with a source route", linkRaw, func(ip []byte) []byte {
			return greOver(etherIPv4, 0x4000, join(zero(4), []byte{8, 0, 0, 4, 1, 2, 3, 4}, zero(4)), ip)
		}},
		{"GRE bridging", linkRaw, func(ip []byte) []byte { return greOver(etherBridged, 0, nil, eth4(ip)) }},
		{"ERSPAN I", linkRaw, func(ip []byte) []byte { return greOver(etherERSPAN, 0, nil, eth4(ip)) }},
		{"ERSPAN II", linkRaw, func(ip []byte) []byte {
			return greOver(etherERSPAN, 0x1000, join(zero(4), []byte{0x10, 5, 0, 0, 0, 0, 0, 0}), eth4(ip))
		}},
		{"ERSPAN III", linkRaw, func(ip []byte) []byte {
			return greOver(etherERSPAN3, 0x1000, join(zero(4), []byte{0x20, 5}, zero(10)), eth4(ip))
		}},
		{"ERSPAN III with platform header", linkRaw, func(ip []byte) []byte {
			return greOver(etherERSPAN3, 0x1000, join(zero(4), []byte{0x20, 5}, zero(9), []byte{1}, zero(8)), eth4(ip))
		}},
		{"VXLAN", linkRaw, func(ip []byte) []byte {
			return udp4(netip.AddrPortFrom(outer[0], 50000), netip.AddrPortFrom(outer[1], 4789), 1,
				string(join([]byte{8, 0, 0, 0, 0, 0, 9, 0}, eth4(ip))))
		}},
		{"VLAN in VXLAN in GRE in VLAN", linkEthernet, func(ip []byte) []byte {
			inner := udp4(netip.AddrPortFrom(outer[0], 50000), netip.AddrPortFrom(outer[1], 4789), 1,
				string(join([]byte{8, 0, 0, 0, 0, 0, 9, 0}, ethernet(etherVLAN, join(be16(5, etherIPv4), ip)))))
			return ethernet(etherVLAN, join(be16(6, etherIPv4), greOver(etherIPv4, 0, nil, inner)))
		}},
		{"IP options", linkRaw, func(ip []byte) []byte {
			b := join(ip[:20], []byte{1, 1, 1, 0}, ip[20:])
			b[0] = 0x46
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
			return b
		}},
		{"offloaded: no total length", linkRaw, func(ip []byte) []byte {
			b := append([]byte(nil), ip...)
			b[2], b[3] = 0, 0
			return b
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := newScript()
			s.r = newRecorder(x.link)
			s.link = x.wrap
			file := s.play("c S\ns S\nc\nc q1\\n\ns a1\\n\n")
			var got []string
			for _, e := range all(t, file, Options{Protocols: []wire.Protocol{lines{}}}) {
				got = append(got, show(e))
				if e.Client != clientAddr || e.Server != serverAddr {
					t.Errorf("between %v and %v", e.Client, e.Server)
				}
			}
			if s := strings.Join(got, ", "); s != "q1>a1" {
				t.Errorf("read %q", s)
			}
		})
	}
}

// TestIPv6 reads TCP behind extension headers, and in 6in4 and 6in6.
func TestIPv6(t *testing.T) {
	ext := func(next byte, n int) []byte { return join([]byte{next, byte(n/8 - 1)}, make([]byte, n-2)) }
	for _, x := range []struct {
		name string
		wrap func(tcp []byte) []byte
	}{
		{"plain", func(b []byte) []byte { return ip6(6, b) }},
		{"hop-by-hop, routing and destination options", func(b []byte) []byte { return ip6(0, join(ext(43, 8), ext(60, 16), ext(6, 8), b)) }},
		{"authentication", func(b []byte) []byte { return ip6(51, join([]byte{6, 4}, make([]byte, 22), b)) }},
		{"an only fragment", func(b []byte) []byte { return ip6(44, join([]byte{6, 0, 0, 0, 0, 0, 0, 9}, b)) }},
		{"6in4", func(b []byte) []byte { return ip4(outer[0], outer[1], 41, 1, 0, ip6(6, b)) }},
		{"6in6", func(b []byte) []byte { return ip6(41, ip6(6, b)) }},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := newRecorder(linkRaw)
			// The addresses stay as they are: ip6 has the client send.
			tcp := func(src, dst uint16, seq, ack uint32, flags byte, data string) []byte {
				b := tcp4(netip.AddrPortFrom(clientAddr.Addr(), src), netip.AddrPortFrom(serverAddr.Addr(), dst), seq, ack, flags, data)
				return b[20:]
			}
			r.frame(x.wrap(tcp(40000, 7777, 100, 0, flagSYN, "")), 1<<16)
			r.frame(x.wrap(tcp(40000, 7777, 101, 500, flagACK, "q1\n")), 1<<16)
			got := all(t, r.Bytes(), Options{Protocols: []wire.Protocol{lines{}}})
			if len(got) != 1 || show(got[0]) != "q1> lost" || got[0].Server.String() != "[2001:db8::2]:7777" {
				t.Errorf("read %+v", got)
			}
		})
	}
}

// TestDatagrams: pairs, copies, retransmissions and fragments.
func TestDatagrams(t *testing.T) {
	ask := func(id uint16, s string) []byte { return udp4(clientAddr, serverAddr, id, s) }
	say := func(id uint16, s string) []byte { return udp4(serverAddr, clientAddr, id, s) }
	long := "q" + strings.Repeat("x", 3000) + "\n"
	pieces := func(id uint16, s string, size int) [][]byte {
		payload := udpHeader(clientAddr, serverAddr, s)
		var list [][]byte
		for at := 0; at < len(payload); at += size {
			frag := uint16(at / 8)
			end := min(len(payload), at+size)
			if end < len(payload) {
				frag |= 0x2000
			}
			list = append(list, ip4(clientAddr.Addr(), serverAddr.Addr(), 17, id, frag, payload[at:end]))
		}
		return list
	}
	pieces6 := func(s string, size int) [][]byte {
		payload := udpHeader(clientAddr, serverAddr, s)
		var list [][]byte
		for at := 0; at < len(payload); at += size {
			end := min(len(payload), at+size)
			off := uint16(at)
			if end < len(payload) {
				off |= 1
			}
			list = append(list, ip6(44, join([]byte{17, 0}, be16(off), []byte{0, 0, 0, 7}, payload[at:end])))
		}
		return list
	}
	f := pieces(9, long, 1480)
	g := pieces6(long, 1448)
	garbage := append([]byte(nil), f[1]...)
	for i := 20; i < len(garbage); i++ {
		garbage[i] = 'z'
	}
	for _, x := range []struct {
		name   string
		frames [][]byte
		wait   int // ms between packets
		want   string
	}{
		{"request and reply", [][]byte{ask(1, "q1\n"), say(1, "a1\n")}, 1, "q1>a1"},
		{"captured twice", [][]byte{ask(1, "q1\n"), ask(1, "q1\n"), say(1, "a1\n"), say(1, "a1\n")}, 1, "q1>a1"},
		{"asked again", [][]byte{ask(1, "q1\n"), ask(2, "q1\n"), say(1, "a1\n")}, 1500, "q1>a1, q1>"},
		{"no identification: at once is a copy", [][]byte{ask(0, "q1\n"), ask(0, "q1\n"), say(1, "a1\n")}, 1, "q1>a1"},
		{"no identification: later is not", [][]byte{ask(0, "q1\n"), ask(0, "q1\n"), say(1, "a1\n"), say(2, "a1\n")}, 100, "q1>a1, q1>a1"},
		{"always the same identification", [][]byte{ask(1, "q0\n"), say(1, "a0\n"), ask(1, "q1\n"), say(1, "a1\n"), ask(1, "q1\n"), say(1, "a1\n")}, 100, "q0>a0, q1>a1, q1>a1"},
		{"said unasked", [][]byte{say(1, "p1\n"), ask(1, "q1\n"), say(2, "a1\n")}, 1, ">p1, q1>a1"},
		{"fragments", [][]byte{f[0], f[1], f[2], say(1, "a1\n")}, 1, strings.TrimSpace(long) + ">a1"},
		{"fragments, last first", [][]byte{f[2], f[1], f[0], say(1, "a1\n")}, 1, strings.TrimSpace(long) + ">a1"},
		{"fragments twice", [][]byte{f[0], f[0], f[1], f[1], f[2], f[2], say(1, "a1\n")}, 1, strings.TrimSpace(long) + ">a1"},
		{"fragments overlapping: the first copy counts", [][]byte{f[0], f[1], garbage, f[2], say(1, "a1\n")}, 1, strings.TrimSpace(long) + ">a1"},
		{"a fragment missing", [][]byte{f[0], f[2], ask(8, "q1\n"), say(1, "a1\n")}, 1, "q1>a1"},
		{"fragments of IPv6", g, 1, strings.TrimSpace(long) + "> lost"},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := newRecorder(linkRaw)
			for _, b := range x.frames {
				r.at = r.at.Add(msec(x.wait))
				r.frame(b, 1<<16)
			}
			var got []string
			for _, e := range all(t, r.Bytes(), Options{Protocols: []wire.Protocol{lines{}}}) {
				got = append(got, show(e))
			}
			if s := strings.Join(got, ", "); s != x.want {
				t.Errorf("%.200s, want %.200s", s, x.want)
			}
		})
	}
}
