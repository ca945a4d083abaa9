package capture

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"ringer/capture/modbus"
	"ringer/capture/wire"
)

// TestLive asks a Modbus server on loopback and hears it.
func TestLive(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 64)
		if n, err := c.Read(b); err == nil && n == 12 {
			c.Write([]byte{0, 9, 0, 0, 0, 5, 1, 3, 2, 0x12, 0x34})
		}
		c.Read(b)
	}()
	port := l.Addr().(*net.TCPAddr).AddrPort().Port()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	opt := Options{ForcePort: map[uint16]wire.Protocol{port: modbus.Protocol{}}, Ports: []uint16{port}}
	go func() {
		for ctx.Err() == nil { // the socket may not be open yet
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				return
			}
			time.Sleep(300 * time.Millisecond)
			c.Write([]byte{0, 9, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1})
			answer := make([]byte, 64)
			c.Read(answer)
			time.Sleep(100 * time.Millisecond)
			c.Close()
		}
	}()
	for x, err := range Live(ctx, "lo", opt) {
		if err != nil {
			if strings.Contains(err.Error(), "CAP_NET_RAW") {
				t.Skip(err)
			}
			t.Fatal(err)
		}
		if x.Request == nil || len(x.Replies) != 1 {
			t.Fatalf("%+v", x)
		}
		b, _ := x.Replies[0].Append(nil)
		if !bytes.Equal(b, []byte{0, 9, 0, 0, 0, 5, 1, 3, 2, 0x12, 0x34}) {
			t.Fatalf("heard % x", b)
		}
		return
	}
	t.Fatal("heard nothing")
}

// TestLiveDatagrams: loopback shows every packet twice, on its way out and in; the same question asked
// again is another.
func TestLiveDatagrams(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		b := make([]byte, 64)
		for {
			_, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			server.WriteTo([]byte("a1\n"), from)
		}
	}()
	port := server.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() {
		c, err := net.Dial("udp", server.LocalAddr().String())
		if err != nil {
			return
		}
		defer c.Close()
		time.Sleep(300 * time.Millisecond)
		b := make([]byte, 64)
		for range 3 {
			c.Write([]byte("q1\n"))
			c.Read(b)
			time.Sleep(50 * time.Millisecond)
		}
		c.Write([]byte("q2\n"))
	}()
	n := 0
	for x, err := range Live(ctx, "lo", Options{ForcePort: map[uint16]wire.Protocol{port: lines{}}, Ports: []uint16{port}}) {
		if err != nil {
			if strings.Contains(err.Error(), "CAP_NET_RAW") {
				t.Skip(err)
			}
			t.Fatal(err)
		}
		if s := show(x); s == "q2>a1" {
			break
		} else if s != "q1>a1" {
			t.Errorf("heard %s", s)
		}
		n++
	}
	if n != 3 {
		t.Errorf("heard %d exchanges of 3", n)
	}
}

func TestLiveNoInterface(t *testing.T) {
	for _, err := range Live(t.Context(), "no-such-if0", Options{}) {
		if err == nil || !strings.Contains(err.Error(), "no-such-if0") {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no error")
}
