package emulate_test

import (
	"testing"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/emulate"
)

// An ipmiServer is what serves one peer, without its socket.
type ipmiServer struct {
	t       testing.TB
	conn    wire.Conn
	session emulate.Session
	in, out []byte
}

func (v *ipmiVisitor) served() *ipmiServer {
	v.server.(wire.Reuser).Reuse()
	return &ipmiServer{t: v.t, conn: v.server, session: v.session}
}

// answer reads, answers and writes as the port does; it gives what goes out.
func (s *ipmiServer) answer(m wire.Message) []byte {
	var err error
	if s.in, err = m.Append(s.in[:0]); err != nil {
		s.t.Fatal(err)
	}
	_, q, err := s.conn.Next(wire.Client, s.in, true)
	if err != nil {
		s.t.Fatal(err)
	}
	s.out = s.out[:0]
	for _, r := range s.session.Answer(q).Messages {
		if s.out, err = r.Append(s.out); err != nil {
			s.t.Fatal(err)
		}
	}
	if len(s.out) == 0 {
		s.t.Fatal("no answer")
	}
	return s.out
}

// The questions that are asked most: of whoever scans, and of whoever watches.
func ipmiPing() wire.Message {
	return &ipmi.Ping{RMCP: ipmi.RMCP{Version: 6, RMCPSequence: ipmi.NoAck, Class: ipmi.ClassASF}}
}

func ipmiCapabilities() wire.Message {
	return &ipmi.Command{
		RMCP: ipmiHeader, Link: ipmi.Link{To: ipmi.BMCAddress, From: ipmi.RemoteAddress, Seq: 1}, Target: ipmi.Target{NetFn: ipmi.App, Cmd: 0x38},
		Body: &ipmi.GetAuthCapabilities{Channel: 0x8e, Privilege: 4},
	}
}

// asks logs a visitor in and gives a function that asks for the chassis status, each time with the next
// numbers and a new vector.
func (v *ipmiVisitor) asksStatus(suite uint8) func() wire.Message {
	if got := v.login(suite, "ADMIN", "ADMIN", 4); got != ipmi.StatusOK {
		v.t.Fatal(got)
	}
	q := v.command(ipmi.Chassis, 0x01)
	return func() wire.Message {
		v.iv[0]++
		q.Session.Sequence++
		q.Seq = (q.Seq + 1) & 0x3f
		q.SealWith(v.secret, v.iv[:])
		return q
	}
}

// TestIPMIAllocations: pings, and questions in a session, take no memory.
func TestIPMIAllocations(t *testing.T) {
	b := openBMC(t)
	asked := map[string]func() wire.Message{}
	servers := map[string]*ipmiServer{}
	for name, ask := range map[string]func() wire.Message{"ping": ipmiPing, "capabilities": ipmiCapabilities} {
		m := ask()
		asked[name], servers[name] = func() wire.Message { return m }, b.visitor(5000, "", "").served()
	}
	for name, suite := range map[string]uint8{"suite 3": 3, "suite 8": 8, "suite 17": 17} {
		v := b.visitor(5000, "ADMIN", "ADMIN")
		asked[name] = v.asksStatus(suite)
		servers[name] = v.served()
	}
	for name, ask := range asked {
		s := servers[name]
		if n := testing.AllocsPerRun(1000, func() { s.answer(ask()) }); n > 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
}

func BenchmarkIPMI(b *testing.B) {
	for _, x := range []struct {
		name string
		ask  func() wire.Message
	}{{"ping", ipmiPing}, {"capabilities", ipmiCapabilities}} {
		b.Run(x.name, func(b *testing.B) {
			s, m := openBMC(b).visitor(5000, "", "").served(), x.ask()
			b.ReportAllocs()
			for b.Loop() {
				s.answer(m)
			}
		})
	}
	b.Run("setup", func(b *testing.B) { // the client's part included
		c := openBMC(b)
		b.ReportAllocs()
		for b.Loop() {
			v := c.visitor(5000, "ADMIN", "ADMIN")
			if got := v.login(3, "ADMIN", "ADMIN", 4); got != ipmi.StatusOK {
				b.Fatal(got)
			}
			v.ask(ipmi.App, 0x3c, byte(v.BMC), byte(v.BMC>>8), byte(v.BMC>>16), byte(v.BMC>>24))
		}
	})
	b.Run("chassis", func(b *testing.B) { // the client's seal included
		v := openBMC(b).visitor(5000, "ADMIN", "ADMIN")
		ask := v.asksStatus(3)
		s := v.served()
		b.ReportAllocs()
		for b.Loop() {
			s.answer(ask())
		}
	})
}
