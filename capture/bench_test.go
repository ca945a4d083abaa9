package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"ringer/capture/wire"
)

// polling is a recording of Modbus connections that are polled in turn: requests, replies and, as in
// real ones, acknowledgements without data.
func polling(packets, connections int) []byte {
	r := newRecorder(linkEthernet)
	type state struct{ seq, ack uint32 }
	conns := make([]state, connections)
	for i := 0; i < packets; i += 3 {
		n := i / 3 % connections
		c := &conns[n]
		a := addrPort([4]byte{10, 0, byte(n >> 8), byte(n)}, uint16(30000+n%1000))
		b := addrPort([4]byte{10, 1, byte(n >> 8), byte(n)}, 502)
		ask := []byte{byte(i >> 8), byte(i), 0, 0, 0, 6, 1, 3, 0, 0, 0, 10}
		say := append([]byte{byte(i >> 8), byte(i), 0, 0, 0, 23, 1, 3, 20}, make([]byte, 20)...)
		binary.BigEndian.PutUint32(say[9:], uint32(i))
		r.frame(ethernet(etherIPv4, tcp4(a, b, c.seq, c.ack, flagACK|flagPSH, string(ask))), 1<<16)
		c.seq += uint32(len(ask))
		r.frame(ethernet(etherIPv4, tcp4(b, a, c.ack, c.seq, flagACK|flagPSH, string(say))), 1<<16)
		c.ack += uint32(len(say))
		r.frame(ethernet(etherIPv4, tcp4(a, b, c.seq, c.ack, flagACK, "")), 1<<16)
	}
	return r.Bytes()
}

func perPacket(b *testing.B, packets int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(packets), "ns/packet")
	b.ReportMetric(0, "ns/op")
}

const benchPackets = 30000

func BenchmarkFiles(b *testing.B) {
	data := polling(benchPackets, 100)
	ng := &ngFile{order: binary.LittleEndian}
	ng.section()
	ng.describe(linkEthernet)
	s, _, err := newSource(bytes.NewReader(data), nil)
	if err != nil {
		b.Fatal(err)
	}
	for p := (packet{}); s.next(&p) == nil; {
		ng.enhanced(0, uint64(p.at/1000), p.data)
	}
	for name, data := range map[string][]byte{"pcap": data, "pcapng": ng.b} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, _, err := newSource(bytes.NewReader(data), nil)
				if err != nil {
					b.Fatal(err)
				}
				var p packet
				n := 0
				for s.next(&p) == nil {
					n++
				}
				if n != benchPackets {
					b.Fatal(n)
				}
			}
			perPacket(b, benchPackets)
		})
	}
}

// BenchmarkReassembly: files to streams, with a protocol that takes whatever comes.
func BenchmarkReassembly(b *testing.B) {
	for _, n := range []int{1, 1000} {
		data := polling(benchPackets, n)
		b.Run(fmt.Sprintf("%d connections", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a := newAssembly(&Options{Protocols: []wire.Protocol{}})
				s, _, _ := newSource(bytes.NewReader(data), nil)
				a.run(s, func(Exchange, error) bool { return true })
			}
			perPacket(b, benchPackets)
		})
	}
}

func BenchmarkExchanges(b *testing.B) {
	for _, n := range []int{1, 1000} {
		data := polling(benchPackets, n)
		b.Run(fmt.Sprintf("%d connections", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				count := 0
				for _, err := range Exchanges(bytes.NewReader(data), Options{}) {
					if err != nil {
						b.Fatal(err)
					}
					count++
				}
				if count < benchPackets/3 {
					b.Fatal(count)
				}
			}
			perPacket(b, benchPackets)
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	list := all(b, polling(benchPackets, 100), Options{})
	b.ReportAllocs()
	for b.Loop() {
		w := NewWriter(nowhere{})
		for _, x := range list {
			if err := w.Write(x); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(list)), "ns/exchange")
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

func addrPort(a [4]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(a), port)
}
