package clone

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A fakePLC is a device with units that hold ranges, and with bad habits.
type fakePLC struct {
	p        wire.Protocol
	units    map[uint8]*[4][]modbusRun // by table
	any      *[4][]modbusRun           // what all other identifiers address
	mirrors  map[uint8]uint8           // identifiers that address another's unit
	absent   modbus.ExceptionCode      // for units that are not there; 0: silence
	identity []modbus.Object           // of all units
	has      []modbus.Function
	moves    map[int]bool                           // holding registers that count how often they are read
	habit    func(n int, reply []byte) []byte       // changes answers; empty: silence, nil: it hangs up
	before   func(n int, req modbus.Message) []byte // answers instead; nil: it does not

	mu    sync.Mutex
	reads int
	asked []string // what came, transactions aside
	port  profiles.Port
}

func (d *fakePLC) listen(t *testing.T) *fakePLC {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if d.p == nil {
		d.p = modbus.Protocol{}
	}
	d.port = profiles.Port{Number: uint16(l.Addr().(*net.TCPAddr).Port)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c)
		}
	}()
	return d
}

func (d *fakePLC) serve(c net.Conn) {
	defer c.Close()
	conn := d.p.New()
	var b []byte
	in := make([]byte, 512)
	for {
		n, err := c.Read(in)
		if err != nil {
			return
		}
		b = append(b, in[:n]...)
		for len(b) > 0 {
			n, m, err := conn.Next(wire.Client, b, false)
			if err != nil {
				return
			}
			if n == 0 {
				break
			}
			b = b[n:]
			if a := d.answer(m.(modbus.Message)); a == nil {
				return
			} else if len(a) > 0 {
				c.Write(a)
			}
		}
	}
}

func (d *fakePLC) answer(req modbus.Message) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, string(wire.AppendKey(nil, req)))
	n := len(d.asked)
	if d.before != nil {
		if b := d.before(n, req); b != nil {
			return b
		}
	}
	b := []byte{}
	if reply := d.reply(req); reply != nil {
		b, _ = reply.Append(b)
	}
	if d.habit != nil {
		return d.habit(n, b)
	}
	return b
}

func (d *fakePLC) reply(req modbus.Message) modbus.Message {
	h := modbus.Header{Transaction: req.Head().Transaction, Framing: req.Head().Framing, Unit: req.Head().Unit}
	refuse := func(code modbus.ExceptionCode) modbus.Message {
		return &modbus.Exception{Header: h, Function: req.Code(), Reason: code}
	}
	unit := h.Unit
	if as, is := d.mirrors[unit]; is {
		unit = as
	}
	tables := d.units[unit]
	if tables == nil {
		tables = d.any
	}
	if tables == nil {
		if d.absent == 0 {
			return nil
		}
		return refuse(d.absent)
	}
	q, read := req.(*modbus.ReadRequest)
	if !read && !slices.Contains(d.has, req.Code()) {
		return refuse(modbus.IllegalFunction)
	}
	if code := modbus.Refusal(req); code != 0 {
		return refuse(code)
	}
	switch m := req.(type) {
	case *modbus.Diagnostic:
		return &modbus.Diagnostic{Header: h, SubFunction: m.SubFunction, Data: m.Data}
	case *modbus.ReadDeviceIDRequest:
		r := &modbus.ReadDeviceIDResponse{Header: h}
		id := modbus.Identification{Conformity: 0x83, Objects: d.identity}
		if code := id.Answer(m, r); code != 0 {
			return refuse(code)
		}
		return r
	case *modbus.Simple:
		if m.Function == modbus.ReportServerID {
			return &modbus.ServerID{Header: h, Data: []byte("\x01\xffPLC")}
		}
		return &modbus.ExceptionStatus{Header: h, Status: 0x55}
	}
	if !read {
		return refuse(modbus.IllegalDataAddress)
	}
	table := int(q.Function) - 1
	first, end := int(q.Address), int(q.Address)+int(q.Quantity)
	if !slices.ContainsFunc(tables[table], func(r modbusRun) bool { return r.first <= first && end <= r.end }) {
		return refuse(modbus.IllegalDataAddress)
	}
	if table < profiles.ModbusHoldings {
		bits := make([]byte, (end-first+7)/8)
		for a := first; a < end; a++ {
			bits[(a-first)/8] |= byte(a%3%2) << ((a - first) % 8)
		}
		return &modbus.ReadBitsResponse{Header: h, Function: q.Function, Bits: bits}
	}
	var regs []byte
	for a := first; a < end; a++ {
		v := a + int(unit)*7
		if d.any != nil {
			v = a
		}
		if d.moves[a] {
			d.reads++
			v = d.reads
		}
		regs = append(regs, byte(v>>8), byte(v))
	}
	return &modbus.ReadRegistersResponse{Header: h, Function: q.Function, Registers: regs}
}

func (d *fakePLC) questions() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

var modbusPLCTables = [4][]modbusRun{
	{{0, 16}},
	{{0, 40}, {10000, 10008}},
	{{0, 150}, {400, 410}, {4000, 4100}, {4110, 4112}},
	{{0, 150}, {1000, 1002}},
}

var modbusPLCIdentity = []modbus.Object{{ID: 0, Value: []byte("Acme")}, {ID: 1, Value: []byte("AC-1")}, {ID: 2, Value: []byte("V1")},
	{ID: 3, Value: bytes.Repeat([]byte("u"), 200)}, {ID: 4, Value: bytes.Repeat([]byte("n"), 100)}, {ID: 0x80, Value: []byte("x")}}

func (d *fakePLC) portText() string { return fmt.Sprint(d.port.Number) }
