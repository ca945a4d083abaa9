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

// bacnetRouter is an unserved decoy with so many devices behind it.
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
	return unserved(t, dev, bacnet.Protocol{}, opt)
}

// unserved is a decoy of one service over UDP that is not served: its datagrams go nowhere.
func unserved(t *testing.T, dev *profiles.Device, p wire.Protocol, opt Options) (*Decoy, *udpPort) {
	t.Helper()
	opt.Ports, opt.Log = map[string]uint16{p.Name(): 0}, slog.New(slog.DiscardHandler)
	d, err := Prepare([]*profiles.Device{dev}, func(string) wire.Protocol { return p }, opt)
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

// bacnetCount says a datagram a millisecond, by turns, and counts what goes out, the answers and what is told unasked.
func bacnetCount(t *testing.T, u *udpPort, m *memory, seconds int, say func(i int) (from string, datagram string)) (sent int) {
	t.Helper()
	begin := u.at
	for i := range 1000 * seconds {
		u.at = begin.Add(time.Duration(i) * time.Millisecond)
		u.stamp = u.at
		from, text := say(i)
		if u.datagram(bacnetBytes(t, text), netip.MustParseAddrPort(from), u.local); i%50 == 0 {
			u.due()
		}
	}
	u.decoy.opt.Events.Flush()
	for _, e := range m.events(t) {
		sent += len(e.Answers)
	}
	return sent
}

// Who registers forged addresses as foreign devices and broadcasts has them told no more, all together, than one
// address could ask for.
func TestBACnetBroadcastFlood(t *testing.T) {
	m := &memory{}
	now := time.Now()
	var u *udpPort
	d, u := bacnetRouter(t, 0, Options{Events: NewEventLog(m, EventLogOptions{}), Now: func() time.Time {
		if u == nil {
			return now
		}
		return u.at
	}})
	const seconds, foreign = 5, 120
	n := bacnetCount(t, u, m, seconds, func(i int) (string, string) {
		if i < foreign { // each registers, then one of them broadcasts
			return fmt.Sprintf("192.0.2.%d:47808", i+1), "8105000600ff"
		}
		return "192.0.2.1:47808", "8109000c0120ffff00ff1008"
	})
	asked := defaultRate * (rateBurst + seconds) // what one address may be answered
	forwarded := bacnetForwardBurst + bacnetForwardRate*seconds
	if n < forwarded || n > foreign+2*asked+forwarded {
		t.Errorf("%d datagrams in %d s, want %d to %d", n, seconds, forwarded, foreign+2*asked+forwarded)
	}
	u.close()
	d.Close()
}

// Who pretends to be somebody and subscribes to all that moves, from many ports, has that one told no more than it
// could ask for.
func TestBACnetSubscriptionFlood(t *testing.T) {
	m := &memory{}
	now := time.Now()
	var u *udpPort
	d, u := bacnetRouter(t, 0, Options{Events: NewEventLog(m, EventLogOptions{}), Now: func() time.Time {
		if u == nil {
			return now
		}
		return u.at
	}})
	service := d.devices[0].services[0].service.(*bacnetService)
	moving := bacnetKey{bacnet.Object(bacnet.ObjectAnalogInput, 1), bacnet.PropPresentValue, -1, false}
	const seconds = 10
	n := bacnetCount(t, u, m, seconds, func(i int) (string, string) {
		v := bacnet.AppendUnsigned([]byte{profiles.BACnetHolds}, uint64(i))
		service.own.set(moving, &bacnetCell{sample: v, shape: v})
		if i < 4000 { // 20 subscriptions of each of 50 ports, in turn, for ever
			return fmt.Sprintf("192.0.2.1:%d", 20000+i%50), fmt.Sprintf("810a001501040005010509%02x1c0000000129003900", i/50%20)
		}
		return "192.0.2.99:47808", "810a00080100100f"
	})
	if most := defaultRate*(rateBurst+seconds) + bacnetWatchesMax; n < 500 || n > most {
		t.Errorf("%d datagrams in %d s, want 500 to %d", n, seconds, most)
	}
	u.close()
	d.Close()
}

// Who subscribed for an hour is told of changes for an hour, however silent; who did not is forgotten.
func TestBACnetSubscriberIsKept(t *testing.T) {
	now := time.Now()
	var u *udpPort
	d, u := bacnetRouter(t, 0, Options{Now: func() time.Time {
		if u == nil {
			return now
		}
		return u.at
	}})
	v := bacnet.AppendUnsigned([]byte{profiles.BACnetHolds}, 1)
	d.devices[0].services[0].service.(*bacnetService).own.set(bacnetKey{bacnet.Object(bacnet.ObjectAnalogInput, 1), bacnet.PropPresentValue, -1, false}, &bacnetCell{sample: v, shape: v})
	u.at, u.stamp = now, now
	u.datagram(bacnetBytes(t, "810a001501040005010509011c0000000129003900"), netip.MustParseAddrPort("192.0.2.1:47808"), u.local)
	u.datagram(bacnetBytes(t, "810a001601040005010509011c0000000129003a0e10"), netip.MustParseAddrPort("192.0.2.2:47808"), u.local)
	u.datagram(bacnetBytes(t, "810a000801001008"), netip.MustParseAddrPort("192.0.2.3:47808"), u.local)
	for _, x := range []struct {
		after time.Duration
		peers int
	}{{time.Minute, 3}, {11 * time.Minute, 1}, {59 * time.Minute, 1}, {2 * time.Hour, 0}} {
		for u.at.Before(now.Add(x.after)) {
			u.at = u.at.Add(10 * time.Second)
			u.stamp = u.at
			u.due()
		}
		if len(u.peers) != x.peers {
			t.Errorf("after %v: %d peers, want %d", x.after, len(u.peers), x.peers)
		}
	}
	u.close()
	d.Close()
}
