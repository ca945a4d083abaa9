package replay

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/wire"
)

func sockets(addr net.Addr) *Sockets {
	at := netip.MustParseAddrPort(addr.String())
	return &Sockets{
		Dialer: &net.Dialer{Timeout: time.Second},
		Addr:   func(netip.AddrPort, string, string) (netip.AddrPort, bool) { return at, true },
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for sc := bufio.NewScanner(c); sc.Scan(); {
					f := strings.Split(sc.Text(), " ")
					if f[1] == "bye" {
						return
					}
					// In two halves, so that replies have to be put together again.
					fmt.Fprintf(c, "%s ", f[0])
					time.Sleep(time.Millisecond)
					fmt.Fprintf(c, "%s \n", f[1])
				}
			}()
		}
	}()
	var xs []capture.Exchange
	for i := range 20 {
		xs = append(xs, asked(uint64(1+i%2), i, 10, q(i+1, "a"), r(i+1, "a")))
	}
	xs = append(xs, asked(1, 100, 1, q(50, "bye"), r(50, "bye")), asked(1, 110, 1, q(51, "b"), r(51, "b")))
	rs := play(t, sockets(l.Addr()), xs, Options{Timeout: time.Second})
	slices.SortFunc(rs, func(a, b Result) int { return a.Exchange.Packets[0] - b.Exchange.Packets[0] })
	for i, r := range rs {
		want := Equal
		if i == 20 {
			want = NoAnswer
		}
		if r.Verdict != want {
			t.Errorf("%d: %s, want %s: %+v %v", i, r.Verdict, want, r.Differences, r.Err)
		}
		if want == Equal && r.Latency <= 0 {
			t.Errorf("%d: no latency", i)
		}
	}
}

func TestUDP(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			f := strings.Split(strings.TrimSuffix(string(b[:n]), "\n"), " ")
			switch f[1] {
			case "silent":
			case "garbage":
				c.WriteTo([]byte("???"), from)
			default:
				c.WriteTo(fmt.Appendf(nil, "%s %s \n", f[0], f[1]), from)
			}
		}
	}()
	xs := []capture.Exchange{
		asked(1, 0, 1, q(1, "a"), r(1, "a")), asked(1, 10, 0, q(2, "silent")), asked(1, 20, 1, q(3, "b"), r(3, "b")),
		asked(2, 30, 1, q(4, "garbage"), r(4, "c")),
	}
	for i := range xs {
		xs[i].Transport = "udp"
	}
	rs := play(t, sockets(c.LocalAddr()), xs, Options{Timeout: 200 * time.Millisecond, Quiet: 50 * time.Millisecond})
	got := map[int]Verdict{}
	for _, r := range rs {
		got[r.Exchange.Packets[0]] = r.Verdict
	}
	if got[1] != Equal || got[11] != Equal || got[21] != Equal || got[31] != NoAnswer && got[31] != Different {
		t.Error(verdicts(rs))
	}
}

func TestUDPPortClosed(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	x := asked(1, 0, 1, q(1, "a"), r(1, "a"))
	x.Transport = "udp"
	rs := play(t, sockets(c.LocalAddr()), []capture.Exchange{x}, Options{Timeout: 500 * time.Millisecond})
	if got := verdicts(rs); got != "1 no answer" {
		t.Error(got)
	}
}

var _ wire.Opener = drill{}
