//go:build interop

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringer/capture/snmp"
	"ringer/capture/wire"
)

// hostileModbus answers reads of holding registers 0 to 99, and does something else with every n-th question.
func hostileModbus(t *testing.T, n int, instead func(c *net.TCPConn)) string {
	return hostileTCP(t, func(c *net.TCPConn, asked *int) {
		var head [7]byte
		for {
			if _, err := io.ReadFull(c, head[:]); err != nil {
				return
			}
			body := make([]byte, max(1, binary.BigEndian.Uint16(head[4:]))-1)
			if _, err := io.ReadFull(c, body); err != nil || len(body) == 0 {
				return
			}
			if *asked++; *asked%n == 0 {
				instead(c)
				continue
			}
			reply := []byte{body[0] | 0x80, 1}
			if body[0] == 3 && len(body) == 5 {
				reply[1] = 2
				first, count := binary.BigEndian.Uint16(body[1:]), binary.BigEndian.Uint16(body[3:])
				if int(first)+int(count) <= 100 {
					reply = []byte{3, byte(2 * count)}
					for i := range count {
						reply = binary.BigEndian.AppendUint16(reply, 7*(first+i))
					}
				}
			}
			binary.BigEndian.PutUint16(head[4:], uint16(1+len(reply)))
			c.Write(append(head[:len(head):len(head)], reply...))
		}
	})
}

// hostileTCP serves one connection after the other on a loopback port, and gives its address.
func hostileTCP(t *testing.T, serve func(c *net.TCPConn, asked *int)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		asked := 0
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c.(*net.TCPConn), &asked)
			c.Close()
		}
	}()
	return l.Addr().String()
}

// hostileAgent answers every GETNEXT with the next of three variables, round and round.
func hostileAgent(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	oid := func(last uint32) snmp.OID { return snmp.OID{0x2b, 6, 1, 2, 1, 1}.Child(last).Child(0) }
	go func() {
		in := make([]byte, 1500)
		for n := uint32(0); ; n++ {
			size, from, err := c.ReadFrom(in)
			if err != nil {
				return
			}
			_, m, err := snmp.Protocol{}.New().Next(wire.Client, in[:size], true)
			q, ok := m.(*snmp.CommunityMessage)
			if err != nil || !ok || string(q.Community) != "public" {
				continue
			}
			at := q.PDU.VarBinds[0].OID
			if q.PDU.Type != snmp.GetRequest {
				at = oid(4 + n%3)
			}
			q.PDU.Type, q.PDU.ErrorStatus = snmp.Response, 0
			q.PDU.VarBinds = []snmp.VarBind{{OID: at, Value: snmp.NewValue(snmp.TypeOctetString, []byte("round and round"))}}
			if b, err := q.Append(nil); err == nil {
				c.WriteTo(b, from)
			}
		}
	}()
	return c.LocalAddr().String()
}

// hostileSite has a page and two links, behind which bodies have no end: one in few bytes, one in many.
func hostileSite(t *testing.T) string {
	return hostileTCP(t, func(c *net.TCPConn, _ *int) {
		for {
			head := ""
			for b := make([]byte, 1); !strings.HasSuffix(head, "\r\n\r\n"); head += string(b) {
				if _, err := io.ReadFull(c, b); err != nil {
					return
				}
			}
			switch path := strings.Fields(head)[1]; path {
			case "/":
				page := `<html><a href="/slow">a</a> <a href="/huge">b</a></html>`
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(page), page)
			case "/slow", "/huge":
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
				lot := make([]byte, 1<<16)
				for {
					part, pause := lot, time.Duration(0)
					if path == "/slow" {
						part, pause = lot[:1], 50*time.Millisecond
					}
					if _, err := c.Write(part); err != nil {
						return
					}
					time.Sleep(pause)
				}
			default:
				io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
			}
		}
	})
}

// TestInteropCloneHostile: whatever a device does, a clone of it ends within its limits, says what happened, and keeps
// what was learned; what its limits ended can be gone on with.
func TestInteropCloneHostile(t *testing.T) {
	ringer := built(t)
	reset := func(c *net.TCPConn) { c.SetLinger(0); c.Close() }
	for _, tt := range []struct {
		name, protocol string
		device         func(t *testing.T) string
		limit          time.Duration
		flags          string
		status         int
		says           []string // on standard output or error
	}{
		{"drops every third question", "modbus", func(t *testing.T) string { return hostileModbus(t, 3, func(*net.TCPConn) {}) },
			8 * time.Second, "--units 1 --quick --timeout 1s", statusDiffers, []string{"the time of 8s is used up", "--resume goes on"}},
		{"answers after three seconds", "modbus", func(t *testing.T) string { return late(t, hostileModbus(t, 1<<30, nil), 3*time.Second) },
			10 * time.Second, "--units 1 --quick --timeout 4s", statusDiffers, []string{"the time of 10s is used up", "--resume goes on"}},
		{"resets connections", "modbus", func(t *testing.T) string { return hostileModbus(t, 5, reset) },
			time.Minute, "--units 1 --quick --timeout 500ms --samples 1", 0, []string{"holding registers 0-99", "failed"}},
		{"garbles", "modbus", func(t *testing.T) string {
			return hostileModbus(t, 7, func(c *net.TCPConn) { io.WriteString(c, "what is no Modbus at all") })
		}, time.Minute, "--units 1 --quick --timeout 500ms --samples 1", 0, []string{"suspicious", "not of the protocol"}},
		{"goes round in GETNEXT", "snmp", hostileAgent, time.Minute, "--timeout 500ms", 0, []string{"suspicious", "do not increase"}},
		{"bodies without an end", "http", hostileSite, time.Minute, "--timeout 500ms --max-body 1MB", 0, []string{"/huge: cut off, and not learned", "/slow: cut off, and not learned"}},
		{"bodies without an end, and few bytes", "http", hostileSite, time.Minute, "--timeout 500ms --bytes 300KB", statusDiffers, []string{"bytes that this care allows are used up", "--resume goes on"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := tt.device(t)
			out := filepath.Join(t.TempDir(), "out")
			args := append([]string{"clone", tt.protocol, at, "--care", "lab", "--time", tt.limit.String(), "-o", out}, strings.Fields(tt.flags)...)
			begun := time.Now()
			cmd := exec.Command(ringer, args...)
			text, err := cmd.CombinedOutput()
			took, status := time.Since(begun), 0
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				status = exit.ExitCode()
			}
			if status != tt.status || took > tt.limit+4*time.Second {
				t.Errorf("ends with %d after %v, want %d within %v:\n%s", status, took, tt.status, tt.limit, text)
			}
			for _, want := range tt.says {
				if !strings.Contains(unfolded(string(text)), want) {
					t.Errorf("%q is not said:\n%s", want, text)
				}
			}
			mustRinger(t, "profile", "validate", theProfile(t, out))
			if kept := existing(filepath.Join(out, journalName)); kept != (status == statusDiffers) {
				t.Errorf("ends with %d; its journal is there: %v", status, kept)
			}
		})
	}
}

// unfolded takes back the ends of lines that a table's width made in a text.
func unfolded(text string) string { return strings.Join(strings.Fields(text), " ") }

// late passes on what an address says, some time later.
func late(t *testing.T, to string, by time.Duration) string {
	return hostileTCP(t, func(c *net.TCPConn, _ *int) {
		far, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer far.Close()
		go func() { io.Copy(far, c); far.Close() }()
		b := make([]byte, 1024)
		for {
			n, err := far.Read(b)
			if err != nil {
				return
			}
			time.Sleep(by)
			if _, err := c.Write(b[:n]); err != nil {
				return
			}
		}
	})
}
