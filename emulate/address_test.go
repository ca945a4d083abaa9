package emulate

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

func TestAddressesFor(t *testing.T) {
	devices := []*profiles.Device{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	for _, c := range []struct {
		bind string
		m    map[string]string
		want string // or what the error says
	}{
		{"", nil, "127.0.0.2 127.0.0.3 127.0.0.4"},
		{"127.0.0.0/8", nil, "127.0.0.2 127.0.0.3 127.0.0.4"},
		{"127.0.5.9/8", nil, "127.0.5.9 127.0.5.10 127.0.5.11"},
		{"192.0.2.0/24", nil, "192.0.2.1 192.0.2.2 192.0.2.3"},
		{"192.0.2.8/29", map[string]string{"b": "192.0.2.9"}, "192.0.2.10 192.0.2.9 192.0.2.11"},
		{"2001:db8::/64", nil, "2001:db8::1 2001:db8::2 2001:db8::3"},
		{"192.0.2.7", map[string]string{"a": "192.0.2.1", "c": "::1"}, "192.0.2.1 192.0.2.7 ::1"},
		{"192.0.2.7", nil, "192.0.2.7 has no address for b"},
		{"192.0.2.0/30", nil, "192.0.2.0/30 has no address for c"},
		{"", map[string]string{"x": "192.0.2.1"}, `no device is called "x"; there are a, b, c`},
		{"", map[string]string{"a": "192.0.2.1", "b": "192.0.2.1"}, "are both mapped to 192.0.2.1"},
		{"nonsense", nil, `bind to "nonsense"`},
		{"1.2.3.4/40", nil, `bind to "1.2.3.4/40"`},
	} {
		opt := Options{Bind: c.bind, Map: map[string]netip.Addr{}}
		for id, a := range c.m {
			opt.Map[id] = netip.MustParseAddr(a)
		}
		got, err := addressesFor(devices, opt)
		if s := strings.Trim(fmt.Sprint(got), "[]"); err == nil && s != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %s, %v, want %s", c.bind, c.m, s, err, c.want)
		}
	}
}

func TestPortOffset(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := uint16(taken.Addr().(*net.TCPAddr).Port)
	prepare := func(offset int) (*Decoy, error) {
		opt := Options{PortOffset: offset, Log: slog.New(slog.DiscardHandler)}
		dev := toyDevice("a", profiles.Port{Number: busy}, profiles.Port{Number: 9, UDP: true})
		return Prepare([]*profiles.Device{dev}, func(string) wire.Protocol { return toy{} }, opt)
	}
	if d, err := prepare(0); err == nil {
		d.Close()
		t.Error("a busy port could be bound")
	}
	d, err := prepare(-1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	offset, why := d.Offset()
	if offset == 0 || why == nil {
		t.Errorf("offset %d because of %v", offset, why)
	}
	for _, row := range d.Table() {
		if int(row.Address.Port()) != int(row.Port)+offset {
			t.Errorf("%+v, want all ports moved by %d", row, offset)
		}
	}
	if _, err := prepare(65000); err == nil {
		t.Error("a port above 65535 was accepted")
	}
}

func TestUnknownProtocol(t *testing.T) {
	_, err := Prepare([]*profiles.Device{toyDevice("a", anyTCP)}, func(string) wire.Protocol { return nil }, Options{})
	if err == nil || !strings.Contains(err.Error(), "toy") {
		t.Errorf("%v", err)
	}
}

func TestForeignAddress(t *testing.T) {
	opt := Options{Bind: "192.0.2.77", PortOffset: -1, Log: slog.New(slog.DiscardHandler)}
	_, err := Prepare([]*profiles.Device{toyDevice("a", anyTCP)}, func(string) wire.Protocol { return toy{} }, opt)
	if err == nil || !strings.Contains(err.Error(), "does not have the address") {
		t.Errorf("%v", err)
	}
}

func TestServeIPv6(t *testing.T) {
	if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here:", err)
	} else {
		l.Close()
	}
	d := toyDecoy(t, Options{Bind: "::1"}, toyDevice("a", anyTCP, anyUDP))
	serve(t, d)
	for row := range 2 {
		c := dial(t, d, row)
		say(t, c, "local\n")
		hear(t, c, "::1\n")
	}
}

// A port that is bound to all addresses answers from the one that was asked.
func TestServeAnyAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells to which address a datagram was sent")
	}
	for _, timing := range []Timing{TimingNone, TimingRecorded} {
		dev := toyDevice("a", anyTCP, anyUDP)
		dev.Services[1].Common().Latency = map[string]profiles.Latency{AnyClass: {P50: time.Millisecond}}
		d := toyDecoy(t, Options{Bind: "0.0.0.0", Timing: timing}, dev)
		stop := serve(t, d)
		for _, r := range d.Table() {
			for _, at := range []string{"127.0.0.5", "127.0.0.6"} {
				c, err := net.Dial(r.Network, net.JoinHostPort(at, strconv.Itoa(int(r.Address.Port())))) // connected: takes answers from there only
				if err != nil {
					t.Fatal(err)
				}
				c.SetDeadline(time.Now().Add(5 * time.Second))
				say(t, c, "local\n")
				hear(t, c, at+"\n")
				c.Close()
			}
		}
		stop()
	}
}
