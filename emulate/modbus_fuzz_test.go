package emulate_test

import (
	"testing"
	"time"

	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// Whatever is asked, a session answers with at most one message that is Modbus again, of the same
// transaction, unit and function.
func FuzzModbusAnswer(f *testing.F) {
	for _, pdu := range [][]byte{
		{3, 0, 0, 0, 10}, {1, 0, 0, 7, 0xD0}, {2, 0, 0, 0, 9}, {4, 0, 0, 0, 3}, {5, 0, 0, 0xFF, 0}, {6, 0, 2, 0x40, 0x40}, {7}, {8, 0, 1, 0xFF, 0},
		{8, 0, 4, 0, 0}, {11}, {12}, {15, 0, 1, 0, 10, 2, 0xFF, 3}, {16, 0, 2, 0, 2, 4, 0x7F, 0xC0, 0, 0}, {17}, {20, 7, 6, 0, 1, 0, 0, 0, 1},
		{22, 0, 100, 0, 0xF2, 0, 0x25}, {23, 0, 0, 0, 16, 0, 4, 0, 2, 4, 1, 2, 3, 4}, {24, 0, 0}, {43, 14, 3, 0}, {43, 13}, {0x5A, 0, 2},
	} {
		f.Add(pdu, uint8(1))
	}
	dev, err := profiles.Load("testdata/modbus/plc")
	if err != nil {
		f.Fatal(err)
	}
	st, err := emulate.NewState(dev, emulate.Settings{Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	service, err := emulate.Open(st, dev, &dev.Services[0], modbus.Protocol{})
	if err != nil {
		f.Fatal(err)
	}
	session := service.Open(emulate.Peer{})
	f.Fuzz(func(t *testing.T, pdu []byte, unit uint8) {
		if len(pdu) == 0 || len(pdu) > 253 {
			return
		}
		raw := modbus.Raw{Header: modbus.Header{Transaction: 7, Unit: unit}, Function: modbus.Function(pdu[0]), Data: pdu[1:]}
		b, _ := raw.Append(nil)
		conn := modbus.Protocol{}.New()
		conn.(wire.Reuser).Reuse()
		n, req, err := conn.Next(wire.Client, b, false)
		if err != nil || n != len(b) {
			t.Fatalf("%x: took %d, error %v", b, n, err)
		}
		a := session.Answer(req)
		if len(a.Messages) > 1 {
			t.Fatalf("%d messages", len(a.Messages))
		}
		for _, m := range a.Messages {
			out, err := m.Append(nil)
			if err != nil || len(out) > 260 {
				t.Fatalf("%d bytes, error %v", len(out), err)
			}
			n, reply, err := modbus.Protocol{}.New().Next(wire.Server, out, false)
			if err != nil || n != len(out) {
				t.Fatalf("answer %x: took %d, error %v", out, n, err)
			}
			h := reply.(modbus.Message).Head()
			if h.Transaction != 7 || h.Unit != unit || len(h.Trailing) > 0 || out[7]&^0x80 != pdu[0]&^0x80 {
				t.Fatalf("%x answers %x", out, b)
			}
		}
	})
}
