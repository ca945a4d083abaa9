package clone

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
)

// The device itself and the identifier that was set in it are one unit, which is asked for once; whatever differs
// between two, they are two.
func TestModbusScanOfTwins(t *testing.T) {
	t.Parallel()
	tables := [4][]modbusRun{{{0, 16}}, {{5, 7}}, {{0, 40}, {1000, 1010}}, {{0, 8}}}
	longer := tables
	longer[2] = []modbusRun{{0, 40}, {1000, 1011}}
	differs := func(unit uint8, change func(req, reply modbus.Message)) func(d *fakePLC) {
		return func(d *fakePLC) {
			d.before = func(_ int, req modbus.Message) []byte {
				if req.Head().Unit != unit {
					return nil
				}
				reply := d.reply(req)
				change(req, reply)
				b, _ := reply.Append(nil)
				return b
			}
		}
	}
	register := func(at uint16) func(req, reply modbus.Message) {
		return func(req, reply modbus.Message) {
			q, ok := req.(*modbus.ReadRequest)
			r, answered := reply.(*modbus.ReadRegistersResponse)
			if ok && answered && q.Function == modbus.ReadHoldingRegisters && q.Address <= at && at < q.Address+q.Quantity {
				r.Registers[2*(at-q.Address)]++
			}
		}
	}
	for _, tt := range []struct {
		name   string
		device *fakePLC
		change func(*fakePLC)
		want   string
	}{
		{"1 and 255", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &tables}, mirrors: map[uint8]uint8{255: 1}}, nil, "also [1] map []"},
		{"1 and 0", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &tables}, mirrors: map[uint8]uint8{0: 1}}, nil, "also [1] map []"},
		{"1, 0 and 255", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &tables}, mirrors: map[uint8]uint8{0: 1, 255: 1}}, nil, "also [1] map []"},
		{"4 and 255, and others", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &longer, 4: &tables, 5: &tables}, mirrors: map[uint8]uint8{255: 4}}, nil, "also [4] map [1 5]"},
		{"1 and 4 of one kind", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &tables, 255: &longer}, mirrors: map[uint8]uint8{4: 1}}, nil, "also [] map [1 4]"},
		{"another range", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &tables, 255: &longer}}, nil, "also [] map [1]"},
		{"another value", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &tables}, mirrors: map[uint8]uint8{255: 1}}, differs(255, register(1004)), "also [] map [1]"},
		{"another name", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &tables}, mirrors: map[uint8]uint8{255: 1}}, differs(255, func(_, reply modbus.Message) {
			if r, ok := reply.(*modbus.ReadDeviceIDResponse); ok && len(r.Objects) > 0 {
				r.Objects[0].Value = []byte("Other")
			}
		}), "also [] map [1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := tt.device
			d.absent, d.identity, d.has = 11, modbusPLCIdentity, []modbus.Function{modbus.EncapsulatedInterface}
			if tt.change != nil {
				tt.change(d)
			}
			d.listen(t)
			_, all, err := scanModbus(t, &ModbusScanner{Quick: true, Samples: 2, Every: time.Millisecond}, d, fast, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, _ := modbusLearned(t, all)
			var others []uint8
			for id, u := range m.Units.Map {
				if !u.Silent && u.Refuse == 0 {
					others = append(others, id)
				}
			}
			slices.Sort(others)
			if got := fmt.Sprint("also ", m.Units.Also, " map ", others); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if len(m.Recordings) > 0 && tt.change == nil {
				t.Errorf("kept whole: %v", m.Recordings)
			}
			if len(m.Units.Also) > 0 {
				if d := cmp.Diff(tables, heldBy(&m.ModbusUnit), cmp.AllowUnexported(modbusRun{})); d != "" {
					t.Errorf("found (-want +got):\n%s", d)
				}
			}
			own := 0
			for _, x := range all {
				if id := x.Request.(modbus.Message).Head().Unit; id == 0 || id == 255 {
					own++
				}
			}
			if len(m.Units.Also) > 0 && own > 60 {
				t.Errorf("the device itself was asked %d questions", own)
			}
		})
	}
}

// Clients that poll two identifiers alike do not make one unit of them.
func TestModbusPollsMakeNoTwins(t *testing.T) {
	d := &fakePLC{units: map[uint8]*[4][]modbusRun{1: &modbusPLCTables}, mirrors: map[uint8]uint8{255: 1}}
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	var all []capture.Exchange
	for n := range 400 {
		id := []uint8{1, 255}[n%2]
		req := modbusReadCells(id, 2, 10*(n/2%8), 10)
		all = append(all, capture.Exchange{At: at.Add(time.Duration(n) * time.Second), Latency: time.Millisecond, Protocol: modbus.Protocol{}, Transport: "tcp",
			Server: netip.MustParseAddrPort("10.0.0.3:502"), Request: req, Replies: []wire.Message{d.reply(req)}, Packets: [2]int{2*n + 1, 2*n + 2}})
	}
	if m, _ := modbusLearned(t, all); m.Units.Also != nil || m.Units.Map[1] == nil {
		t.Errorf("units %+v", m.Units)
	}
}
