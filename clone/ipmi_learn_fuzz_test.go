package clone

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// FuzzLearnIPMI: whatever is recorded, learning ends with a profile.
func FuzzLearnIPMI(f *testing.F) {
	const head = "0600ff07 "
	for _, pair := range [][2]string{
		{"0600ff06 000011be 80 05 00 00", "0600ff06 000011be 40 05 00 10 000011be 00000000 81 00 000000000000"},
		{head + "06 10 00000000 00000000 2000 00 00 0000 a4a3a2a0 00000008 01000000 01000008 01000000 02000008 01000000", head + "06 11 00000000 00000000 0800 00 11 00 00 a4a3a2a0"},
		{head + "06 12 00000000 00000000 2000 00 000000 02000000 000102030405060708090a0b0c0d0e0f 14 0000 04 726f6f74", head + "06 13 00000000 00000000 0800 00 0d 0000 a4a3a2a0"},
		{head + "06 14 00000000 00000000 0a00 00 00 0000 02000000 abcd", head + "06 15 00000000 00000000 0a00 00 00 0000 a4a3a2a0 abcd"},
	} {
		q, _ := hex.DecodeString(strings.ReplaceAll(pair[0], " ", ""))
		a, _ := hex.DecodeString(strings.ReplaceAll(pair[1], " ", ""))
		f.Add(q, a, uint8(ipmi.App), uint8(0x38), []byte{0x0e, 4}, []byte{1, 0x97, 6, 3, 0, 0, 0, 0})
		f.Add(q, a, uint8(ipmi.Storage), uint8(0x23), []byte{0, 0, 0, 0, 0, 0xff}, []byte{0xff, 0xff, 0, 0, 0x51, 1, 0})
		f.Add(q, a, uint8(ipmi.Storage), uint8(0x11), []byte{0, 0, 0, 16}, []byte{2, 1, 2})
		f.Add(q, a, uint8(ipmi.Storage), uint8(0x43), make([]byte, 6), make([]byte, 18))
		f.Add(q, a, uint8(ipmi.App), uint8(0x44), []byte{1, 2}, []byte{10, 3, 0, 0x34})
		f.Add(q, a, uint8(ipmi.Group), uint8(2), []byte{0xdc, 1, 0, 0}, bytes.Repeat([]byte{0xdc}, 18))
	}
	f.Fuzz(func(t *testing.T, request, reply []byte, n, cmd uint8, asked, said []byte) {
		conn := ipmi.NewConn(nil)
		x := capture.Exchange{
			At: time.Unix(1e9, 0), Protocol: ipmi.Protocol{}, Transport: "udp", Conn: 1,
			Client: netip.MustParseAddrPort("10.0.0.9:5000"), Server: netip.MustParseAddrPort("10.0.0.1:623"),
		}
		l := NewLearning(Source{ID: "c1"}, Options{})
		add := func(q, a wire.Message) {
			y := x
			if y.Request = q; a != nil {
				y.Replies = []wire.Message{a}
			}
			l.Add(&y)
			x.At = x.At.Add(time.Second)
		}
		_, q, _ := conn.Next(wire.Client, request, true)
		_, a, _ := conn.Next(wire.Server, reply, true)
		add(q, a)
		if len(asked) < 200 && len(said) < 200 { // what may be in a session
			c := &ipmi.Command{RMCP: ipmi.RMCP{Version: 6, RMCPSequence: ipmi.NoAck, Class: ipmi.ClassIPMI}, Target: ipmi.Target{NetFn: ipmi.NetFn(n & 0x3e), Cmd: cmd}, Body: ipmi.Data(asked)}
			for range 3 {
				add(readAgain(t, conn, wire.Client, c), readAgain(t, conn, wire.Server, c.Answer(ipmi.CodeOK, ipmi.Data(said))))
			}
		}
		dev := &profiles.Device{ID: "fuzzed"}
		if err := l.Finish(&Output{Device: dev, Create: func(string) (io.WriteCloser, error) { return snmpFile{&bytes.Buffer{}}, nil }}); err != nil {
			t.Fatal(err)
		}
	})
}

// readAgain gives a message as it is read where it comes from the network.
func readAgain(t *testing.T, conn *ipmi.Conn, from wire.Side, m wire.Message) wire.Message {
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, read, err := conn.Next(from, b, true)
	if err != nil {
		t.Fatal(err)
	}
	return read
}
