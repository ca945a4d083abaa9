package clone

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/profiles"
)

// TestSNMPWalkOfOddAgents: whatever the agent does, the walk ends, and what can be had is learned.
func TestSNMPWalkOfOddAgents(t *testing.T) {
	at := func(d *snmpDevice, i int) snmp.OID { return d.vars[i].OID }
	for name, c := range map[string]struct {
		odd    func(d *snmpDevice, n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage
		most   int
		size   int
		lose   int // variables that cannot be had
		remark string
	}{
		"drops every third": {odd: func(_ *snmpDevice, n int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if n%3 == 0 {
				return nil
			}
			return reply
		}},
		"cuts by number": {most: 7},
		"cuts by size":   {size: 500},
		"one variable":   {most: 1, remark: "answers GETBULK with one variable only"},
		"no bulk": {odd: func(_ *snmpDevice, _ int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if req.PDU.Type == snmp.GetBulkRequest {
				return nil
			}
			return reply
		}, remark: "does not answer GETBULK"},
		"too big": {odd: func(_ *snmpDevice, _ int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if len(reply.PDU.VarBinds) > 12 {
				reply.PDU.ErrorStatus, reply.PDU.VarBinds = snmp.TooBig, nil
			}
			return reply
		}},
		"genErr in a table": {odd: func(d *snmpDevice, _ int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			for _, b := range reply.PDU.VarBinds {
				if b.OID.Equal(at(d, 50)) {
					reply.PDU.ErrorStatus, reply.PDU.ErrorIndex = snmp.GenErr, 1
				}
			}
			return reply
		}, lose: 1, remark: "answers genErr"},
		"loops": {odd: func(d *snmpDevice, _ int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			for i := range reply.PDU.VarBinds {
				if b := &reply.PDU.VarBinds[i]; req.PDU.Type != snmp.GetRequest && b.OID.Equal(at(d, 60)) {
					b.OID = at(d, 40)
				}
			}
			return reply
		}, lose: 1, remark: "goes back, its variables do not increase, at "},
		"begins anew at the end": {odd: func(d *snmpDevice, _ int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			for i := range reply.PDU.VarBinds {
				if b := &reply.PDU.VarBinds[i]; b.Value.Type == snmp.EndOfMibView {
					*b = d.vars[0]
				}
			}
			return reply
		}, remark: "goes back, its variables do not increase, at "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newSNMPDevice(t, snmpTable(100))
			if c.most > 0 {
				d.most = c.most
			}
			d.size = c.size
			if c.odd != nil {
				d.odd = func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage { return c.odd(d, n, req, reply) }
			}
			r := scanSNMP(t, t.Context(), &SNMPWalk{Every: time.Millisecond}, d.port, snmpQuick, nil)
			if r.err != nil {
				t.Fatalf("%v; %v", r.err, r.v.Remarks())
			}
			r.readsOnly(t)
			_, files := r.learn(t)
			got, want := strings.Count(withoutTicks(files["snmp"]), "\n"), strings.Count(snmprec(d.vars), "\n")
			if got < want-c.lose || got > want {
				t.Errorf("%d variables of %d are learned, want %d; %v", got, want, want-c.lose, r.v.Remarks())
			}
			if c.remark != "" {
				r.remarked(t, Suspicious, c.remark)
			}
		})
	}
}

// TestSNMPWalkEnds: a scan of an agent that is of no use ends all the same, and says why.
func TestSNMPWalkEnds(t *testing.T) {
	endless := snmp.OID{0x2b, 6, 1, 4, 1, 9, 1}
	for name, c := range map[string]struct {
		odd    func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage
		most   int
		err    error
		remark string
	}{
		"never ends": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if req.PDU.Type == snmp.GetRequest {
				return reply
			}
			reply.PDU.ErrorStatus, reply.PDU.VarBinds = snmp.NoError, nil
			for i := range max(1, req.PDU.MaxRepetitions) {
				reply.PDU.VarBinds = append(reply.PDU.VarBinds, snmp.VarBind{OID: endless.Child(uint32(n)).Child(uint32(i)), Value: snmp.NewValue(snmp.TypeInteger, []byte{1})})
			}
			return reply
		}, most: 2000, remark: "the walk does not end: left after 20"},
		"always the same": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if req.PDU.Type != snmp.GetRequest {
				reply.PDU.ErrorStatus = snmp.NoError
				reply.PDU.VarBinds = []snmp.VarBind{{OID: endless, Value: snmp.NewValue(snmp.TypeInteger, []byte{1})}}
			}
			return reply
		}, remark: "goes back, its variables do not increase, at "},
		"another id": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			reply.PDU.RequestID++
			return reply
		}, err: ErrNotSpoken, remark: "another request id"},
		"falls silent": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if n > 4 {
				return nil
			}
			return reply
		}, err: ErrGone, remark: "the walk was cut off after"},
		"late": {odd: func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			time.Sleep(200 * time.Millisecond)
			return reply
		}, remark: "answers later than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newSNMPDevice(t, snmpTable(30))
			d.odd = c.odd
			r := scanSNMP(t, t.Context(), &SNMPWalk{Most: c.most, Snapshots: -1}, d.port, snmpQuick, nil)
			if !errors.Is(r.err, c.err) || c.err == nil && r.err != nil {
				t.Errorf("%v, want %v", r.err, c.err)
			}
			r.remarked(t, Suspicious, c.remark)
			r.readsOnly(t)
		})
	}
}

// TestSNMPWalkOfGarbage: what answers is no agent.
func TestSNMPWalkOfGarbage(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		b := make([]byte, 2048)
		for n := 0; ; n++ {
			size, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			switch n % 3 {
			case 0:
				c.WriteTo([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), from)
			case 1:
				c.WriteTo(b[:size/2], from)
			default:
				c.WriteTo(append(bytes.Clone(b[:size-3]), 0xff, 0xff, 0xff), from)
			}
		}
	}()
	port := profiles.Port{Number: uint16(c.LocalAddr().(*net.UDPAddr).Port), UDP: true}
	r := scanSNMP(t, t.Context(), &SNMPWalk{}, port, snmpQuick, nil)
	if !errors.Is(r.err, ErrNotSpoken) {
		t.Errorf("%v, want that it is not spoken", r.err)
	}
	r.remarked(t, Suspicious, "no SNMP")
	v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", snmpQuick, capture.NewTap(io.Discard, time.Now))
	if err := (&SNMPWalk{}).Probe(t.Context(), v, port); !errors.Is(err, ErrNotSpoken) {
		t.Errorf("probe: %v", err)
	}
	d := newSNMPDevice(t, snmpTable(1))
	err = (&SNMPWalk{}).Probe(t.Context(), v, d.port)
	settle()
	if err != nil || len(d.asked) != 1 {
		t.Errorf("probe of an agent: %v, %d questions", err, len(d.asked))
	}
}
