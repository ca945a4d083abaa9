package emulate_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/emulate"
)

// RTU frames over TCP, on a port that says nothing, are found by their checksums; the profile learned of
// them answers as the units on the line did.
func TestModbusRTURecording(t *testing.T) {
	var file bytes.Buffer
	w := capture.NewWriter(&file)
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	head := modbus.Header{Framing: modbus.RTUOverTCP, Unit: 17}
	for i := range 6 {
		at = at.Add(time.Second)
		x := capture.Exchange{
			At: at, Latency: 20 * time.Millisecond, Transport: "tcp", Conn: 1, Protocol: modbus.RTU{},
			Client: netip.MustParseAddrPort("10.0.0.9:40000"), Server: netip.MustParseAddrPort("10.0.0.1:4001"),
			Request: &modbus.ReadRequest{Header: head, Function: modbus.ReadHoldingRegisters, Address: 0, Quantity: 2},
			Replies: []wire.Message{&modbus.ReadRegistersResponse{Header: head, Function: modbus.ReadHoldingRegisters, Registers: []byte{1, 2, 0, byte(i)}}},
		}
		if i == 4 {
			x.Request = &modbus.WriteSingle{Header: head, Function: modbus.WriteSingleRegister, Address: 1, Value: 5}
			x.Replies = []wire.Message{x.Request}
		}
		if err := w.Write(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var xs []capture.Exchange
	for x, err := range capture.Exchanges(&file, capture.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		xs = append(xs, x)
	}
	if len(xs) != 6 || xs[0].Protocol.Name() != "modbus-rtu" {
		t.Fatalf("%d exchanges, the first of %v", len(xs), xs[0].Protocol)
	}
	d := openDecoy(t, learned(t, xs), emulate.Settings{}, modbusFramings...)
	for _, x := range xs {
		req, _ := x.Request.Append(nil)
		want, _ := x.Replies[0].Append(nil)
		if got := d.link("modbus-rtu", x.Conn).ask(t, req); !bytes.Equal(got, want) {
			t.Errorf("asked %x\nwant %x\ngot  %x", req, want, got)
		}
	}
}
