package emulate_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// bigWalk is a walk file of n variables, in a table of ten columns.
func bigWalk(n int) []byte {
	b := make([]byte, 0, 40*n)
	for column := 1; column <= 10; column++ {
		for row := 1; row <= n/10; row++ {
			switch column {
			case 1, 2:
				b = fmt.Appendf(b, "1.3.6.1.4.1.9999.1.1.1.%d.%d|4|interface %d\n", column, row, row)
			case 3, 4, 5:
				b = fmt.Appendf(b, "1.3.6.1.4.1.9999.1.1.1.%d.%d|2|%d\n", column, row, row)
			default:
				b = fmt.Appendf(b, "1.3.6.1.4.1.9999.1.1.1.%d.%d|65|%d\n", column, row, row*7919)
			}
		}
	}
	return b
}

func bigAgent(t testing.TB, walk []byte) *snmpAgent {
	t.Helper()
	dev, err := profiles.Parse([]byte("apiVersion: ringer/v1\nkind: Device\nid: big\nservices:\n- snmp: {port: 161, walk: w, communities: {public: ro}}\n"),
		"device.yaml", fstest.MapFS{"w": &fstest.MapFile{Data: walk}})
	if err != nil {
		t.Fatal(err)
	}
	return openSNMPAgent(t, dev, emulate.Settings{})
}

// BenchmarkSNMPAnswer is one request from bytes to bytes, of an agent with 100,000 variables.
func BenchmarkSNMPAnswer(b *testing.B) {
	a := bigAgent(b, bigWalk(100000))
	for _, x := range []struct{ name, op string }{
		{"get", "get"}, {"getnext", "getnext"}, {"getbulk50", "getbulk/0/50"},
	} {
		b.Run(x.name, func(b *testing.B) {
			var reqs [][]byte
			for i := range 1000 {
				reqs = append(reqs, snmpRequest(b, fmt.Sprintf("v2c public %s 1.3.6.1.4.1.9999.1.1.1.%d.%d", x.op, 1+i%10, 1+i*7919%9000), int64(i)))
			}
			session := a.service.Open(emulate.Peer{})
			conn := snmp.Protocol{}.New()
			conn.(wire.Reuser).Reuse()
			buf := make([]byte, 0, 1<<16)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, m, err := conn.Next(wire.Client, reqs[i%len(reqs)], true)
				if err != nil {
					b.Fatal(err)
				}
				for _, m := range session.Answer(m).Messages {
					if buf, err = m.Append(buf[:0]); err != nil {
						b.Fatal(err)
					}
				}
				if len(buf) == 0 {
					b.Fatal("silence")
				}
			}
		})
	}
}

// BenchmarkSNMPWalk is one step of a walk, where the next question is the last answer.
func BenchmarkSNMPWalk(b *testing.B) {
	a := bigAgent(b, bigWalk(100000))
	session := a.service.Open(emulate.Peer{})
	req := &snmp.CommunityMessage{Version: snmp.V2c, Community: snmp.Community("public"), PDU: snmp.PDU{Type: snmp.GetNextRequest}}
	root, _ := snmp.ParseOID("1.3.6.1")
	req.PDU.VarBinds = []snmp.VarBind{{OID: root, Value: snmp.Value{Type: snmp.TypeNull}}}
	b.ReportAllocs()
	for b.Loop() {
		v := session.Answer(req).Messages[0].(*snmp.CommunityMessage).PDU.VarBinds[0]
		if req.PDU.VarBinds[0].OID = v.OID; v.Value.Type == snmp.EndOfMibView {
			req.PDU.VarBinds[0].OID = root
		}
	}
}

// BenchmarkSNMPOpen makes an agent of a million variables ready.
func BenchmarkSNMPOpen(b *testing.B) {
	walk := bigWalk(1000000)
	b.SetBytes(int64(len(walk)))
	b.ReportAllocs()
	for b.Loop() {
		bigAgent(b, walk)
	}
}

// TestSNMPNoAllocations: a hot request is answered without allocating.
func TestSNMPNoAllocations(t *testing.T) {
	a := bigAgent(t, bigWalk(1000))
	session := a.service.Open(emulate.Peer{})
	conn := snmp.Protocol{}.New()
	conn.(wire.Reuser).Reuse()
	buf := make([]byte, 0, 1<<16)
	for _, op := range []string{"get", "getnext", "getbulk/0/50"} {
		req := snmpRequest(t, "v2c public "+op+" 1.3.6.1.4.1.9999.1.1.1.2.7", 1)
		if n := testing.AllocsPerRun(100, func() {
			_, m, err := conn.Next(wire.Client, req, true)
			if err != nil {
				t.Fatal(err)
			}
			buf, _ = session.Answer(m).Messages[0].Append(buf[:0])
		}); n != 0 {
			t.Errorf("%s: %v allocations", op, n)
		}
	}
}
