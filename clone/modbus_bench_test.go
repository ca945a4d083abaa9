package clone

import (
	"net/netip"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
)

// BenchmarkModbusLearn learns reads of registers: ones that stay as they are, and ones that move.
func BenchmarkModbusLearn(b *testing.B) {
	for _, bench := range []struct {
		name string
		n    int
		move bool
	}{{"10 registers", 10, false}, {"125 registers", 125, false}, {"10 moving registers", 10, true}} {
		b.Run(bench.name, func(b *testing.B) {
			l := NewLearning(Source{ID: "c1"}, Options{})
			reply := &modbus.ReadRegistersResponse{Header: modbus.Header{Unit: 1}, Function: modbus.ReadHoldingRegisters, Registers: make([]byte, 2*bench.n)}
			x := capture.Exchange{
				At: time.Now(), Latency: time.Millisecond, Server: netip.MustParseAddrPort("10.0.0.1:502"), Transport: "tcp", Protocol: modbus.Protocol{},
				Request: &modbus.ReadRequest{Header: modbus.Header{Unit: 1}, Function: modbus.ReadHoldingRegisters, Quantity: uint16(bench.n)},
				Replies: []wire.Message{reply},
			}
			b.ReportAllocs()
			for b.Loop() {
				x.At = x.At.Add(time.Second)
				if bench.move {
					for i := range reply.Registers {
						reply.Registers[i]++
					}
				}
				l.Add(&x)
			}
		})
	}
}
