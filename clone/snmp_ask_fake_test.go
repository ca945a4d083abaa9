package clone

import (
	"bytes"
	"net"
	"sort"
	"sync"
	"testing"

	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/profiles"
)

// An snmpDevice is an agent with variables in order, which answers v1 and v2c.
type snmpDevice struct {
	port profiles.Port
	vars []snmp.VarBind
	most int // variables in an answer to GETBULK
	size int // bytes of an answer, at most; 0: any
	// odd changes what is said to the n-th question; nil: nothing is said.
	odd func(n int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage
	v3  *snmpFakeEngine // nil: v3 is not answered

	anyone bool // any community is answered

	mu    sync.Mutex
	asked []string // the keys of the questions
	ticks uint64
}

// snmpTable is system, and a table of two columns with rows.
func snmpTable(rows int) (list []snmp.VarBind) {
	add := func(o snmp.OID, t snmp.Type, content []byte) {
		list = append(list, snmp.VarBind{OID: o, Value: snmp.NewValue(t, content)})
	}
	system := snmp.OID{0x2b, 6, 1, 2, 1, 1}
	add(system.Child(1).Child(0), snmp.TypeOctetString, []byte("a device"))
	add(system.Child(2).Child(0), snmp.TypeOID, snmp.OID{0x2b, 6, 1, 4, 1, 9})
	add(system.Child(3).Child(0), snmp.TypeTimeTicks, []byte{1, 0})
	entry := snmp.OID{0x2b, 6, 1, 4, 1, 9}.Child(9999).Child(1).Child(1)
	for column := range uint32(2) {
		for row := range rows {
			add(entry.Child(column+1).Child(uint32(row+1)), snmp.TypeCounter32, snmp.AppendUint(nil, uint64(row)*1000))
		}
	}
	return list
}

// between orders what a test does to devices before and after a scan, and what these do in it.
var between sync.RWMutex

func settle() {
	between.Lock()
	defer between.Unlock()
}

func newSNMPDevice(t testing.TB, vars []snmp.VarBind) *snmpDevice {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	d := &snmpDevice{port: profiles.Port{Number: uint16(c.LocalAddr().(*net.UDPAddr).Port), UDP: true}, vars: vars, most: 100}
	go func() {
		b := make([]byte, 65536)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if out := d.answer(bytes.Clone(b[:n])); out != nil {
				c.WriteTo(out, from)
			}
		}
	}()
	return d
}

func (d *snmpDevice) answer(b []byte) []byte {
	between.RLock()
	defer between.RUnlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	p := snmp.Protocol{}
	if d.v3 != nil {
		p.Keys = d.v3.keys
	}
	_, m, err := p.New().Next(wire.Client, b, true)
	if err != nil {
		return nil
	}
	d.asked = append(d.asked, wire.Key(m))
	if m, ok := m.(*snmp.V3Message); ok && d.v3 != nil {
		return d.v3.answer(d, m)
	}
	req, ok := m.(*snmp.CommunityMessage)
	if !ok || string(req.Community) != "public" && !d.anyone {
		return nil
	}
	reply := &snmp.CommunityMessage{Version: req.Version, Community: req.Community, PDU: snmp.PDU{Type: snmp.Response, RequestID: req.PDU.RequestID}}
	d.fill(req, &reply.PDU)
	for d.size > 0 && len(reply.PDU.VarBinds) > 1 {
		if out, _ := reply.Append(nil); len(out) <= d.size {
			break
		}
		reply.PDU.VarBinds = reply.PDU.VarBinds[:len(reply.PDU.VarBinds)-1]
	}
	if d.odd != nil {
		if reply = d.odd(len(d.asked), req, reply); reply == nil {
			return nil
		}
	}
	out, err := reply.Append(nil)
	if err != nil {
		return nil
	}
	return out
}

func (d *snmpDevice) fill(req *snmp.CommunityMessage, reply *snmp.PDU) {
	old := req.Version == snmp.V1
	fail := func(i int) {
		reply.ErrorStatus, reply.ErrorIndex, reply.VarBinds = snmp.NoSuchName, int64(i+1), req.PDU.VarBinds
	}
	for i, b := range req.PDU.VarBinds {
		switch req.PDU.Type {
		case snmp.GetRequest:
			k, found := d.find(b.OID)
			if !found && old {
				fail(i)
				return
			}
			v := snmp.Value{Type: snmp.NoSuchInstance}
			if found {
				v = d.value(k)
			}
			reply.VarBinds = append(reply.VarBinds, snmp.VarBind{OID: b.OID, Value: v})
		case snmp.GetNextRequest:
			next := d.next(b.OID)
			if next.Value.Type == snmp.EndOfMibView && old {
				fail(i)
				return
			}
			reply.VarBinds = append(reply.VarBinds, next)
		}
	}
	if req.PDU.Type == snmp.GetBulkRequest {
		single := int(req.PDU.NonRepeaters)
		at := []snmp.OID{}
		for i, b := range req.PDU.VarBinds {
			if i < single {
				reply.VarBinds = append(reply.VarBinds, d.next(b.OID))
			} else {
				at = append(at, b.OID)
			}
		}
		for range min(int(req.PDU.MaxRepetitions), max(1, d.most/max(1, len(at)))) {
			ended := true
			for i := range at {
				b := d.next(at[i])
				at[i] = b.OID
				reply.VarBinds = append(reply.VarBinds, b)
				ended = ended && b.Value.Type == snmp.EndOfMibView
			}
			if ended {
				break
			}
		}
	}
}

func (d *snmpDevice) find(o snmp.OID) (int, bool) {
	return sort.Find(len(d.vars), func(i int) int { return o.Compare(d.vars[i].OID) })
}

func (d *snmpDevice) next(o snmp.OID) snmp.VarBind {
	i, found := d.find(o)
	if found {
		i++
	}
	if i == len(d.vars) {
		return snmp.VarBind{OID: o, Value: snmp.Value{Type: snmp.EndOfMibView}}
	}
	return snmp.VarBind{OID: d.vars[i].OID, Value: d.value(i)}
}

func (d *snmpDevice) value(i int) snmp.Value {
	if v := d.vars[i].Value; v.Type != snmp.TypeTimeTicks {
		return v
	}
	d.ticks++
	return snmp.NewValue(snmp.TypeTimeTicks, snmp.AppendUint(nil, 256+d.ticks))
}

// questions are the keys of what was asked, and how often.
func (d *snmpDevice) questions() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]int{}
	for _, k := range d.asked {
		all[k]++
	}
	return all
}
