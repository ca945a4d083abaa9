package emulate_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/emulate"
)

// A counter in two registers is played as recorded, and then goes on over the carry as one number.
func TestModbusWideCounterGoesOn(t *testing.T) {
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	head := modbus.Header{Unit: 255}
	req := &modbus.ReadRequest{Header: head, Function: modbus.ReadInputRegisters, Quantity: 2}
	var xs []capture.Exchange
	for s := range 100 {
		xs = append(xs, capture.Exchange{
			At: at.Add(time.Duration(s) * time.Second), Server: netip.MustParseAddrPort("10.0.0.1:502"), Transport: "tcp", Protocol: modbus.Protocol{},
			Request: req,
			Replies: []wire.Message{&modbus.ReadRegistersResponse{Header: head, Function: req.Function, Registers: binary.BigEndian.AppendUint32(nil, uint32(64000+1000*s))}},
		})
	}
	now := at
	d := openDecoy(t, learned(t, xs), emulate.Settings{Now: func() time.Time { return now }}, modbusFramings...)
	ask := func() int {
		b, _ := req.Append(nil)
		got := d.link("modbus", 1).ask(t, b)
		if len(got) != 13 {
			t.Fatalf("%x", got)
		}
		return int(binary.BigEndian.Uint32(got[9:]))
	}
	for s := range 100 {
		if got, want := ask(), 64000+1000*s; got != want {
			t.Fatalf("reading %d: %d, want %d", s, got, want)
		}
	}
	last := 64000 + 1000*99
	for s := 1; s <= 100; s++ {
		now = now.Add(time.Second)
		if got, want := ask(), last+1000*s; got < want-1100 || got > want+1100 {
			t.Fatalf("%d s after the recording: %d, want about %d", s, got, want)
		}
	}
}
