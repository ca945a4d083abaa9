package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture/wire"
)

// lines is a protocol for tests: a client says lines that begin with q, a server answers each with one
// that begins with a, and says unasked what begins with p.
type lines struct{}

func (lines) Name() string    { return "lines" }
func (lines) Ports() []string { return []string{"tcp/7777", "udp/7777"} }
func (lines) New() wire.Conn  { return linesConn{} }

type linesConn struct{}

type text string

func (t text) Append(b []byte) ([]byte, error) { return append(b, t...), nil }

func (linesConn) Next(from wire.Side, b []byte, eof bool) (int, wire.Message, error) {
	if len(b) == 0 {
		return 0, nil, nil
	}
	if from == wire.Client && b[0] != 'q' || from == wire.Server && b[0] != 'a' && b[0] != 'p' {
		return 0, nil, errors.New("lines: no line of ours")
	}
	n := bytes.IndexByte(b, '\n') + 1
	if n == 0 {
		return 0, nil, nil
	}
	return n, text(b[:n]), nil
}

func (linesConn) Match(open []wire.Message, reply wire.Message) (int, bool) {
	if reply.(text)[0] == 'p' || len(open) == 0 {
		return -1, true
	}
	return 0, true
}

func (linesConn) Lost(wire.Side, int) {}

func msec(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// show is an exchange in short.
func show(x Exchange) string {
	s := ""
	if x.Request != nil {
		s = strings.TrimSpace(string(x.Request.(text)))
	}
	s += ">"
	for _, m := range x.Replies {
		s += strings.TrimSpace(string(m.(text)))
	}
	if x.Lost {
		s += " lost"
	}
	return s
}

var (
	clientAddr = netip.MustParseAddrPort("10.0.0.1:40000")
	serverAddr = netip.MustParseAddrPort("10.0.0.2:7777")
)

// tcp4 is an IPv4 packet with a TCP segment; ports may be given behind the addresses.
func tcp4(src, dst netip.AddrPort, seq, ack uint32, flags byte, data string) []byte {
	b := binary.BigEndian.AppendUint16(nil, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint32(b, seq)
	b = binary.BigEndian.AppendUint32(b, ack)
	b = append(b, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0)
	return ip4(src.Addr(), dst.Addr(), 6, 7, 0, append(b, data...))
}

func udp4(src, dst netip.AddrPort, id uint16, data string) []byte {
	return ip4(src.Addr(), dst.Addr(), 17, id, 0, udpHeader(src, dst, data))
}

func udpHeader(src, dst netip.AddrPort, data string) []byte {
	b := binary.BigEndian.AppendUint16(nil, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(data)))
	return append(append(b, 0, 0), data...)
}

func ip4(src, dst netip.Addr, protocol byte, id uint16, frag uint16, payload []byte) []byte {
	b := []byte{0x45, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(20+len(payload)))
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, frag)
	b = append(b, 64, protocol, 0, 0)
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	return append(b, payload...)
}

func ip6(next byte, payload []byte) []byte {
	b := []byte{0x60, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, next, 64)
	b = append(b, netip.MustParseAddr("2001:db8::1").AsSlice()...)
	b = append(b, netip.MustParseAddr("2001:db8::2").AsSlice()...)
	return append(b, payload...)
}

func ethernet(t uint16, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, t), payload...)
}

// A recorder writes a classic pcap file.
type recorder struct {
	bytes.Buffer
	at time.Time
}

func newRecorder(link uint32) *recorder {
	r := &recorder{at: time.Unix(1700000000, 0)}
	for _, v := range []uint32{0xa1b2c3d4, 0x00040002, 0, 0, 262144, link} {
		binary.Write(r, binary.LittleEndian, v)
	}
	return r
}

// frame adds a packet a millisecond after the last; of more than snap bytes, only so many are kept.
func (r *recorder) frame(b []byte, snap int) {
	r.at = r.at.Add(time.Millisecond)
	kept := b[:min(len(b), snap)]
	for _, v := range []uint32{uint32(r.at.Unix()), uint32(r.at.Nanosecond() / 1000), uint32(len(kept)), uint32(len(b))} {
		binary.Write(r, binary.LittleEndian, v)
	}
	r.Write(kept)
}

// tcp adds segments written as "c 0 q1\n": side, sequence number from the first byte on, data. Flags may
// stand before the number: S, F, R; @n is an acknowledgement, by default of all that the other side has
// said; +n waits n milliseconds; =n keeps n bytes of the data; # begins a new connection.
type tcpScript struct {
	r          *recorder
	isn        [2]uint32
	said       [2]uint32 // from the initial sequence number on
	a, b       netip.AddrPort
	link       func([]byte) []byte
	everyTwice bool
}

func newScript() *tcpScript {
	return &tcpScript{r: newRecorder(linkEthernet), isn: [2]uint32{1000, 5000}, a: clientAddr, b: serverAddr,
		link: func(b []byte) []byte { return ethernet(etherIPv4, b) }}
}

func (s *tcpScript) play(script string) []byte {
	for _, l := range strings.Split(script, "\n") {
		l = strings.TrimLeft(l, " \t")
		if l == "" {
			continue
		}
		side := 0
		var flags byte = flagACK
		seq, snap := -1, 0
		ack := s.said
		data := ""
		if l[0] == '#' {
			s.isn = [2]uint32{s.isn[0] + 77777, s.isn[1] + 99999}
			s.said = [2]uint32{}
			continue
		}
		if l[0] == 's' {
			side = 1
		}
		ackTo := ack[1-side]
		rest := l[1:]
		for rest != "" && data == "" {
			rest = strings.TrimLeft(rest, " ")
			word, more, _ := strings.Cut(rest, " ")
			var n int
			switch {
			case word == "S":
				flags |= flagSYN
				if side == 0 {
					flags &^= flagACK
				}
			case word == "F":
				flags |= flagFIN
			case word == "R":
				flags |= flagRST
			case word[0] == '@':
				fmt.Sscanf(word, "@%d", &n)
				ackTo = uint32(n) + 1
			case word[0] == '+':
				fmt.Sscanf(word, "+%d", &n)
				s.r.at = s.r.at.Add(time.Duration(n) * time.Millisecond)
			case word[0] == '=':
				fmt.Sscanf(word, "=%d", &snap)
			case seq < 0 && strings.Trim(word, "-0123456789") == "":
				fmt.Sscanf(word, "%d", &n)
				seq = n + 1
			default:
				data = strings.ReplaceAll(rest, `\n`, "\n")
				more = ""
			}
			rest = more
		}
		if flags&flagSYN != 0 {
			seq = 0
		} else if seq < 0 {
			seq = int(s.said[side])
		}
		src, dst := s.a, s.b
		if side == 1 {
			src, dst = s.b, s.a
		}
		b := s.link(tcp4(src, dst, s.isn[side]+uint32(seq), s.isn[1-side]+ackTo, flags, data))
		keep := 1 << 20
		if snap > 0 {
			keep = len(b) - len(data) + snap
		}
		s.r.frame(b, keep)
		if s.everyTwice {
			twice := append([]byte(nil), b...)
			twice[0] ^= 4  // another MAC
			twice[22] -= 1 // a hop further
			s.r.frame(twice, keep)
		}
		end := uint32(seq + len(data))
		if flags&(flagSYN|flagFIN) != 0 {
			end++
		}
		s.said[side] = max(s.said[side], end)
	}
	return s.r.Bytes()
}

func TestStreamsByHand(t *testing.T) {
	const handshake = "c S\ns S\nc\n"
	fillers := strings.Repeat("c\n", patiencePackets+1)
	for _, x := range []struct{ name, script, want string }{
		{"request and reply", handshake + `c q1\n
			s a1\n`, "q1>a1"},
		{"several messages in a segment", handshake + `c q1\nq2\nq3\n
			s a1\na2\na3\n`, "q1>a1, q2>a2, q3>a3"},
		{"a message over several segments", handshake + `c q1
			c 1
			c 1\n
			s a
			s 1\n`, "q11>a1"},
		{"said unasked", handshake + `s p1\n
			c q1\n
			s a1\n
			s p2\n`, ">p1, q1>a1, >p2"},
		{"out of order", handshake + `c 3 q2\n
			c 0 q1\n
			s @6 a1\na2\n`, "q1>a1, q2>a2"},
		{"retransmitted: the first copy counts", handshake + `c q1\n
			c 0 q9\n
			s a1\n`, "q1>a1"},
		{"overlapping", handshake + `c 0 q1\nq
			c 2 \nq2\n
			s a1\na2\n`, "q1>a1, q2>a2"},
		{"overlapping in a hole", handshake + `c 6 q3\n
			c 4 2\nq3\n
			c 0 q1\nq
			s @9 a1\na2\na3\n`, "q1>a1, q2>a2, q3>a3"},
		{"reply captured before its request", handshake + `s 0 @3 a1\n
			c 0 q1\n
			c q2\n
			s a2\n`, "q1>a1, q2>a2"},
		{"beginning not captured", `c 100 q1\n
			s a1\n`, "q1>a1"},
		{"beginning not captured, in the middle of a message", `c 100 xyz\n
			s 200 zzz\n
			c q1\n
			s a1\n`, "q1>a1"},
		{"beginning not captured, at a reply", `s 100 @0 a0\n
			c 0 q1\n
			s a1\n`, ">a0 lost, q1>a1"},
		{"request lost", handshake + `c q1\n
			s a1\n
			s 3 @6 a2\n
			c 6 q3\n
			s 6 a3\n` + "\n" + fillers, "q1>a1, >a2 lost, q3>a3"},
		{"reply lost", handshake + `c q1\n
			c 3 @3 q2\n
			s 3 a2\n` + "\n" + fillers, "q1> lost, q2>a2"},
		{"half a reply lost", handshake + `c q1\n
			s a
			c 3 @3 q2\n
			s 3 a2\n` + "\n" + fillers, "q1> lost, q2>a2"},
		{"something unasked lost while a request is open", handshake + `c q1\n
			s 3 @3 a1\n
			c @6 q2\n
			s a2\n` + "\n" + fillers, "q1>a1, q2>a2"},
		{"a damaged sequence number", handshake + `c q1\n
			s a1\n
			c 131075 q8\n
			c 3 q2\n
			s @6 a2\n` + "\n" + fillers + `c 6 +40000 q3\n
			s @9 a3\n
			c 9 q4\n
			s @12 a4\n`, "q1>a1, q2>a2, q3>a3, q4>a4"},
		{"reset", handshake + `c q1\n
			s R`, "q1>"},
		{"nothing after a reset", handshake + `c q1\n
			s R
			s a1\n`, "q1>"},
		{"closed by the device", handshake + `c q1\n
			s F
			c F`, "q1>"},
		{"closed by the client at once", handshake + `c q1\n
			c F
			s F`, "q1> lost"},
		{"closed by the client after a while", handshake + `c q1\n
			c +1500 F
			s F`, "q1>"},
		{"answered after the client closed its side", handshake + `c q1\n
			c F
			s a1\n
			s F`, "q1>a1"},
		{"recording ends", handshake + `c q1\n`, "q1> lost"},
		{"recording ends late", handshake + `c q1\n
			s
			c +1500`, "q1>"},
		{"ports used again", handshake + `c q1\n
			s a1\n
			c F
			s F
			#
			c S
			s S
			c q2\n
			s a2\n`, "q1>a1, q2>a2"},
		{"ports used again without an end", handshake + `c q1\n
			s a1\n
			#
			c S
			s S
			c q2\n
			s a2\n`, "q1>a1, q2>a2"},
		{"ports used again, copies of the old", handshake + `c q1\n
			s a1\n
			c F
			s F
			c 0 q1\n
			s 0 a1\n`, "q1>a1"},
		{"keep-alives", handshake + `c q1\n
			s a1\n
			c 2 
			c 2 x
			c q2\n
			s 2 
			s 3 a2\n`, "q1>a1, q2>a2"},
		{"zero window probes", handshake + `c q
			c 1 1
			c 1 1\n
			s a1\n`, "q1>a1"},
		{"cut by the snap length", handshake + `c q1\n
			s =2 a1xxxxxxxx\n
			c @10 q2\n
			s 11 a2\n`, "q1> lost, q2>a2"},
		{"a line that is not ours", handshake + `c zz\n
			c q1\n
			s a1\n`, "q1>a1"},
	} {
		t.Run(x.name, func(t *testing.T) {
			for _, mode := range []string{"once", "twice", "wrap", "vlan"} {
				s := newScript()
				switch mode {
				case "twice":
					s.everyTwice = true
				case "wrap":
					s.isn = [2]uint32{0xfffffffd, 0xfffffffe}
				case "vlan":
					s.link = func(b []byte) []byte {
						return append(ethernet(etherVLAN, append([]byte{0, 5, 8, 0}, b...)), 0, 0, 0, 0, 0, 0)
					}
				}
				var got []string
				for _, x := range all(t, s.play(x.script), Options{Protocols: []wire.Protocol{lines{}}}) {
					got = append(got, show(x))
				}
				if s := strings.Join(got, ", "); s != x.want {
					t.Errorf("%s: %s, want %s", mode, s, x.want)
				}
			}
		})
	}
}
