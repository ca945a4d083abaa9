package capture

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture/wire"
)

func modbusFrame(n int, pdu string) string {
	return string(be16(uint16(n), 0, uint16(1+len(pdu)))) + "\x01" + pdu
}

// rtuFrame is a unit's address, a PDU and the CRC-16 of both, low byte first.
func rtuFrame(pdu string) string {
	b := "\x11" + pdu
	crc := uint16(0xffff)
	for i := range len(b) {
		crc ^= uint16(b[i])
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0xa001
			} else {
				crc >>= 1
			}
		}
	}
	return b + string(binary.LittleEndian.AppendUint16(nil, crc))
}

func tpkt(cotp string) string { return "\x03\x00" + string(be16(uint16(4+len(cotp)))) + cotp }

// said is a conversation: what client and server say in turn, on a port, from the handshake on or not.
func said(port uint16, handshake bool, turns ...string) []byte {
	s := newScript()
	server := netip.AddrPortFrom(s.b.Addr(), port)
	seq := [2]uint32{1000, 2000}
	send := func(side int, flags byte, data string) {
		src, dst := s.a, server
		if side == 1 {
			src, dst = server, s.a
		}
		s.r.frame(ethernet(etherIPv4, tcp4(src, dst, seq[side], seq[1-side], flags, data)), 1<<16)
		seq[side] += uint32(len(data))
		if flags&(flagSYN|flagFIN) != 0 {
			seq[side]++
		}
	}
	if handshake {
		send(0, flagSYN, "")
		send(1, flagSYN|flagACK, "")
	}
	for i, data := range turns {
		if data != "" {
			send(i%2, flagACK|flagPSH, data)
		}
	}
	s.r.at = s.r.at.Add(2 * time.Second)
	send(0, flagFIN|flagACK, "")
	send(1, flagFIN|flagACK, "")
	return s.r.Bytes()
}

func TestIdentify(t *testing.T) {
	var polls, serial, random []string
	for i := range 5 {
		polls = append(polls, modbusFrame(i, "\x03\x00\x00\x00\x01"), modbusFrame(i, "\x03\x02\x12\x34"))
		serial = append(serial, rtuFrame("\x03\x00\x00\x00\x01"), rtuFrame("\x03\x02\x12\x34"))
		random = append(random, strings.Repeat(fmt.Sprintf("\xfe\x9c%d\xa5", i), 9), strings.Repeat(fmt.Sprintf("\xe3%d\x8f", i), 7))
	}
	connect := []string{tpkt("\x11\xe0\x00\x00\x00\x01\x00\xc1\x02\x01\x00\xc2\x02\x01\x02\xc0\x01\x0a"), tpkt("\x11\xd0\x00\x01\x00\x02\x00\xc0\x01\x0a\xc1\x02\x01\x00\xc2\x02\x01\x02")}
	setup := []string{tpkt("\x02\xf0\x80\x32\x01\x00\x00\x00\x01\x00\x08\x00\x00\xf0\x00\x00\x01\x00\x01\x01\xe0"),
		tpkt("\x02\xf0\x80\x32\x03\x00\x00\x00\x01\x00\x08\x00\x00\x00\x00\xf0\x00\x00\x01\x00\x01\x00\xf0")}
	web := []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"}
	for _, x := range []struct {
		name  string
		port  uint16
		turns []string
		known string // protocol and exchanges
		guess string
	}{
		{"Modbus", 502, polls, "modbus 5", ""},
		{"Modbus elsewhere", 5020, polls, "modbus 5", ""},
		{"RTU over TCP", 4001, serial, "modbus-rtu 5", ""},
		{"RTU over TCP on the port of Modbus/TCP", 502, serial, "modbus-rtu 5", ""},
		{"S7", 102, append(connect[:2:2], setup...), "s7 2", ""},
		{"S7 elsewhere", 10102, append(connect[:2:2], setup...), "s7 2", ""},
		{"S7, connected only", 102, connect, "s7 1", ""},
		{"S7-plus", 102, append(connect[:2:2], tpkt("\x02\xf0\x80\x72\x01\x00\x20"), tpkt("\x02\xf0\x80\x72\x01\x00\x21")), "", "s7-plus"},
		{"MMS", 102, append(connect[:2:2], tpkt("\x02\xf0\x80\x0d\xb2\x05"), tpkt("\x02\xf0\x80\x0e\xaa\x05")), "", "mms"},
		{"HTTP elsewhere, once", 8123, web, "http 1", ""},
		{"HTTP on the port of Modbus", 502, web, "http 1", ""},
		{"Modbus on the port of HTTP", 80, polls, "modbus 5", ""},
		{"SSH", 2200, []string{"", "SSH-2.0-x\r\n", "SSH-2.0-y\r\n"}, "", "ssh"},
		{"TLS on the port of HTTP", 80, []string{"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00"}, "", "tls"},
		{"nothing we know", 5020, random, "", ""},
		{"nothing we know on a usual port", 502, random, "", "modbus?"},
		{"nothing we know on another's port", 20000, random, "", "dnp3?"},
	} {
		for _, handshake := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, handshake %v", x.name, handshake), func(t *testing.T) {
				var survey Survey
				got := map[string]int{}
				for _, e := range all(t, said(x.port, handshake, x.turns...), Options{Survey: &survey}) {
					got[e.Protocol.Name()]++
					if e.Server.Port() != x.port || e.Request == nil || len(e.Replies) != 1 || e.Lost {
						t.Errorf("%v>%v: %T, %d replies, lost %v", e.Client, e.Server, e.Request, len(e.Replies), e.Lost)
					}
				}
				known, guess := "", ""
				for name, n := range got {
					known += fmt.Sprintf("%s %d", name, n)
				}
				for _, u := range survey.Unknown {
					guess += u.Protocol
					if u.Port != x.port {
						t.Errorf("unknown at port %d", u.Port)
					}
				}
				if known != x.known || guess != x.guess || (known == "") != (len(survey.Unknown) == 1) {
					t.Errorf("%q, guessed %q, want %q, %q", known, guess, x.known, x.guess)
				}
			})
		}
	}
}

// TestKnown: what a port was found to speak is believed sooner there.
func TestKnown(t *testing.T) {
	r := newRecorder(linkRaw)
	say := func(from, to netip.AddrPort, seq uint32, data string) {
		r.frame(tcp4(from, to, seq, 0, flagPSH, data), 1<<16)
	}
	server := netip.AddrPortFrom(serverAddr.Addr(), 5020)
	for i := range 3 {
		say(clientAddr, server, uint32(100+12*i), modbusFrame(i, "\x03\x00\x00\x00\x01"))
		say(server, clientAddr, uint32(500+11*i), modbusFrame(i, "\x03\x02\x12\x34"))
	}
	other := netip.AddrPortFrom(clientAddr.Addr(), 41000)
	say(other, server, 1, modbusFrame(9, "\x03\x00\x00\x00\x01"))
	r.at = r.at.Add(2 * time.Second)
	say(clientAddr, server, 136, modbusFrame(4, "\x03\x00\x00\x00\x01"))
	got := all(t, r.Bytes(), Options{})
	if len(got) != 5 || got[3].Client != other || len(got[3].Replies) != 0 || got[3].Lost {
		t.Errorf("%d exchanges: %+v", len(got), got)
	}
}

// TestForced: what is known to be spoken on a port is not identified.
func TestForced(t *testing.T) {
	file := said(4711, true, "", "p1\n", "q1\n", "a1\n")
	if got := all(t, file, Options{Protocols: []wire.Protocol{}}); len(got) != 0 {
		t.Errorf("%d exchanges of no protocol", len(got))
	}
	got := all(t, file, Options{Protocols: []wire.Protocol{}, ForcePort: map[uint16]wire.Protocol{4711: lines{}}})
	if len(got) != 2 || show(got[0]) != ">p1" || show(got[1]) != "q1>a1" {
		t.Errorf("%v", got)
	}
}

// TestNarrowed: devices, ports and times.
func TestNarrowed(t *testing.T) {
	r := newRecorder(linkRaw)
	devices := []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:7777"), netip.MustParseAddrPort("10.0.0.3:7777"), netip.MustParseAddrPort("10.0.0.3:7778")}
	for i, d := range devices {
		r.at = time.Unix(1700000000+int64(i)*10, 0)
		r.frame(udp4(clientAddr, d, uint16(i+1), "q1\n"), 1<<16)
		r.frame(udp4(d, clientAddr, uint16(i+1), "a1\n"), 1<<16)
	}
	for _, x := range []struct {
		opt  Options
		want string
	}{
		{Options{}, "10.0.0.2:7777 10.0.0.3:7777 10.0.0.3:7778"},
		{Options{Devices: []netip.Addr{netip.MustParseAddr("10.0.0.3")}}, "10.0.0.3:7777 10.0.0.3:7778"},
		{Options{Devices: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}, ""},
		{Options{Ports: []uint16{7778}}, "10.0.0.3:7778"},
		{Options{Ports: []uint16{7777}, Devices: []netip.Addr{netip.MustParseAddr("10.0.0.3")}}, "10.0.0.3:7777"},
		{Options{From: time.Unix(1700000005, 0)}, "10.0.0.3:7777 10.0.0.3:7778"},
		{Options{To: time.Unix(1700000015, 0)}, "10.0.0.2:7777 10.0.0.3:7777"},
	} {
		x.opt.Protocols = []wire.Protocol{lines{}}
		var survey Survey
		x.opt.Survey = &survey
		var got, listed []string
		for _, e := range all(t, r.Bytes(), x.opt) {
			got = append(got, e.Server.String())
		}
		for _, s := range survey.Services {
			listed = append(listed, netip.AddrPortFrom(s.Device, s.Port).String())
		}
		if s := strings.Join(got, " "); s != x.want || strings.Join(listed, " ") != x.want {
			t.Errorf("%+v: %s, listed %s, want %s", x.opt, s, listed, x.want)
		}
	}
}

// TestOrder: an exchange waits for those that were asked before it, though not forever.
func TestOrder(t *testing.T) {
	peer := func(n int) netip.AddrPort { return netip.AddrPortFrom(clientAddr.Addr(), uint16(50000+n)) }
	r := newRecorder(linkRaw)
	r.frame(udp4(peer(1), serverAddr, 1, "q1\n"), 1<<16)
	r.frame(udp4(peer(2), serverAddr, 2, "q2\n"), 1<<16)
	r.frame(udp4(serverAddr, peer(2), 1, "a2\n"), 1<<16)
	r.frame(udp4(serverAddr, peer(1), 2, "a1\n"), 1<<16)
	r.frame(udp4(peer(3), serverAddr, 3, "q3\n"), 1<<16) // not answered in time
	r.frame(udp4(peer(4), serverAddr, 4, "q4\n"), 1<<16)
	r.frame(udp4(serverAddr, peer(4), 3, "a4\n"), 1<<16)
	r.at = r.at.Add(61 * time.Second)
	r.frame(udp4(peer(5), serverAddr, 5, "q5\n"), 1<<16)
	r.frame(udp4(serverAddr, peer(3), 4, "a3\n"), 1<<16)
	r.frame(udp4(serverAddr, peer(5), 5, "a5\n"), 1<<16)
	var got []string
	for _, e := range all(t, r.Bytes(), Options{Protocols: []wire.Protocol{lines{}}}) {
		got = append(got, show(e))
	}
	if s := strings.Join(got, ", "); s != "q1>a1, q2>a2, q3>, q4>a4, q5>a5, >a3" {
		t.Error(s)
	}
}

// TestMaxMessage: a message that grows beyond the bound is dropped, and reading goes on behind it.
func TestMaxMessage(t *testing.T) {
	turns := []string{"q1\n", "a1\n"}
	for range 100 {
		turns = append(turns, "q"+strings.Repeat("x", 1400), "")
	}
	turns = append(turns, "\n", "", "q2\n", "a2\n")
	var got []string
	for _, e := range all(t, said(7777, true, turns...), Options{Protocols: []wire.Protocol{lines{}}, MaxMessage: 64 << 10}) {
		if len(e.Request.(text)) < 100 {
			got = append(got, show(e))
		} else if len(e.Request.(text)) > 64<<10 {
			t.Errorf("a message of %d bytes", len(e.Request.(text)))
		}
	}
	if s := strings.Join(got, ", "); !strings.HasPrefix(s, "q1>a1") || !strings.Contains(s, "q2>") {
		t.Error(s)
	}
}

func TestSurvey(t *testing.T) {
	survey := Survey{}
	file := said(7777, true, "q1\n", "a1\n", "q2\n", "p1\n", "q3\n", "a2\na3\n", "q4\n")
	all(t, file, Options{Name: "a.pcap", Protocols: []wire.Protocol{lines{}}, Survey: &survey})
	b, err := json.Marshal(&survey)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"files":["a.pcap"],"packets":11,"bytes":618,"first":"2023-11-14T22:13:20.001Z","last":"2023-11-14T22:13:22.011Z",` +
		`"services":[{"device":"10.0.0.2","transport":"tcp","port":7777,"protocol":"lines","connections":1,"clients":1,"exchanges":4,"unanswered":1,"unasked":1,` +
		`"fromClients":12,"fromDevice":12,"first":"2023-11-14T22:13:20.003Z","last":"2023-11-14T22:13:20.009Z"}]}`
	if string(b) != want {
		t.Errorf("%s", b)
	}
}
