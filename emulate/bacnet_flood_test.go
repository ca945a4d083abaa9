package emulate

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/profiles"
)

// bacnetRouter is a decoy with so many devices behind it, that is not served: its datagrams go nowhere.
func bacnetRouter(t *testing.T, behind int, opt Options) (*Decoy, *udpPort) {
	t.Helper()
	var yaml strings.Builder
	yaml.WriteString("apiVersion: ringer/v1\nkind: Device\nid: router\nservices:\n- bacnet:\n    port: 47808/udp\n    device: 1\n    broadcasts: true\n    routed:\n")
	for i := range behind {
		fmt.Fprintf(&yaml, "      \"%d:%02x\": {device: %d, vendor: 1}\n", 2+i/200, i%200, 100+i)
	}
	dev, err := profiles.Parse([]byte(yaml.String()), "device.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	opt.Ports, opt.Log = map[string]uint16{"bacnet": 0}, slog.New(slog.DiscardHandler)
	d, err := Prepare([]*profiles.Device{dev}, func(string) wire.Protocol { return bacnet.Protocol{} }, opt)
	if err != nil {
		t.Fatal(err)
	}
	u := newUDPPort(d.doors[0])
	nowhere, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	nowhere.Close()
	u.sender = nowhere
	u.tell()
	return d, u
}

func bacnetBytes(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A forged address gets no more I-Ams from all devices of a router than its rate allows, and one answer more;
// questions from any number of forged addresses fill nothing.
func TestBACnetFlood(t *testing.T) {
	m := &memory{}
	events := NewEventLog(m, EventLogOptions{})
	const behind = 300
	d, u := bacnetRouter(t, behind, Options{Events: events})
	everywhere := bacnetBytes(t, "810a000c0120ffff00ff1008")
	begin := u.at
	const seconds = 5
	for i := range 1000 * seconds {
		u.at = begin.Add(time.Duration(i) * time.Millisecond)
		u.stamp = u.at
		u.datagram(everywhere, netip.MustParseAddrPort("192.0.2.1:47808"), u.local)
	}
	events.Flush()
	sent := 0
	for _, e := range m.events(t) {
		if e.Kind == Asked || e.Kind == Pushed {
			sent++
		}
	}
	if most := defaultRate*(rateBurst+seconds) + behind + 1; sent < behind || sent > most {
		t.Errorf("%d datagrams in %d s, want %d to %d", sent, seconds, behind, most)
	}
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	u.decoy.opt.Events = nil
	alone := bacnetBytes(t, "810a000801001008")
	register := bacnetBytes(t, "810500060e10")
	var before uint64
	for i := range 60_000 {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 47808+uint16(i>>16))
		u.datagram(alone, from, u.local)
		u.datagram(register, from, u.local)
		if i == 10_000 {
			before = heap()
		}
	}
	if after := heap(); after > before+2<<20 {
		t.Errorf("50000 addresses more take %d bytes", after-before)
	}
	if s := d.devices[0].services[0].service.(*bacnetService); len(s.foreign) > bacnetForeignMax || len(u.peers) > u.limits.Connections {
		t.Errorf("%d foreign devices, %d peers", len(s.foreign), len(u.peers))
	}
	u.close()
	d.Close()
}
