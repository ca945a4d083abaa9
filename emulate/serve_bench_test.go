//go:build unix

package emulate

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"ringer/capture/wire"
	"ringer/profiles"
)

// echo is a protocol without allocations: what these measure is the engine.
type echo struct{}

func (echo) Name() string            { return "toy" }
func (echo) Ports() []string         { return nil }
func (echo) New() wire.Conn          { return &echoConn{} }
func (echo) Protocol() wire.Protocol { return echo{} }
func (echo) Open(Peer) Session       { return &echoSession{messages: make([]wire.Message, 1)} }

type echoConn struct {
	wire.Plain
	m echoMessage
}

func (*echoConn) Reuse() {}
func (c *echoConn) Next(_ wire.Side, b []byte, _ bool) (int, wire.Message, error) {
	if len(b) < len(c.m.Bytes) {
		return 0, nil, nil
	}
	return copy(c.m.Bytes[:], b), &c.m, nil
}

type echoMessage struct{ Bytes [12]byte }

func (m *echoMessage) Append(b []byte) ([]byte, error) { return append(b, m.Bytes[:]...), nil }

type echoSession struct {
	Quiet
	messages []wire.Message
}

func (s *echoSession) Answer(req wire.Message) Answer {
	s.messages[0] = req
	return Answer{Messages: s.messages, From: Point}
}

func echoDecoy(t testing.TB, port profiles.Port, events *EventLog) *Decoy {
	d := toyDecoy(t, Options{Events: events}, toyDevice("a", port))
	d.devices[0].services[0].proto = echo{}
	d.devices[0].services[0].service = echo{}
	return d
}

// exchange asks n times over each of some connections, depth questions at a time.
func exchange(t testing.TB, conns []net.Conn, n, depth int) {
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			buf := make([]byte, 12*depth)
			for range n / depth {
				if _, err := c.Write(buf); err != nil {
					t.Error(err)
					return
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestNoAllocationPerRequest(t *testing.T) {
	for _, port := range []profiles.Port{anyTCP, anyUDP} {
		for _, logged := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/events=%v", port.Network(), logged), func(t *testing.T) {
				var l *EventLog
				if logged {
					l = NewEventLog(io.Discard, EventLogOptions{})
					defer l.Close()
				}
				d := echoDecoy(t, port, l)
				serve(t, d)
				conns := []net.Conn{dial(t, d, 0), dial(t, d, 0)}
				exchange(t, conns, 20000, 1) // the queue's buffers grow
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				exchange(t, conns, 10000, 1)
				runtime.ReadMemStats(&after)
				if n := after.Mallocs - before.Mallocs; n > 2000 {
					t.Errorf("%d allocations for 20000 requests", n)
				}
			})
		}
	}
}

func BenchmarkServe(b *testing.B) {
	for _, port := range []profiles.Port{anyTCP, anyUDP} {
		for _, depth := range []int{1, 16} {
			for _, logged := range []bool{false, true} {
				if port.UDP && depth > 1 {
					continue
				}
				b.Run(fmt.Sprintf("%s/conns=16/depth=%d/events=%v", port.Network(), depth, logged), func(b *testing.B) {
					var l *EventLog
					if logged {
						l = NewEventLog(io.Discard, EventLogOptions{})
						defer l.Close()
					}
					d := echoDecoy(b, port, l)
					serve(b, d)
					conns := make([]net.Conn, 16)
					for i := range conns {
						conns[i] = dial(b, d, 0)
						conns[i].SetDeadline(time.Time{})
					}
					b.ReportAllocs()
					b.ResetTimer()
					begin := processorTime()
					n := (b.N/16/depth + 1) * depth
					exchange(b, conns, n, depth)
					if l != nil {
						l.Flush()
					}
					b.ReportMetric(float64(processorTime()-begin)/float64(16*n), "cpu-ns/op") // the clients' included
				})
			}
		}
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
