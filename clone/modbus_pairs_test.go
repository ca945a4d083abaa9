package clone

import (
	"encoding/binary"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// Numbers in two registers become points, in the order of their words; neighbours that have nothing to do
// with each other do not.
func TestModbusPairs(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	level := 20.0
	swap := func(v uint32) uint32 { return v<<16 | v>>16 }
	for _, tt := range []struct {
		name  string
		value func(second int) uint32
		order string
		kind  string // of the point; none: ""
	}{
		{"a counter", func(s int) uint32 { return uint32(65000 + 37*s) }, "", "counter"},
		{"a counter, low word first", func(s int) uint32 { return swap(uint32(65000 + 37*s)) }, "CDAB", "counter"},
		{"an uptime", func(s int) uint32 { return uint32(65500 + s) }, "", "clock"},
		{"a measurement", func(int) uint32 {
			level += noise.NormFloat64() / 20
			return math.Float32bits(float32(level))
		}, "", "f32"},
		{"a measurement, low word first", func(s int) uint32 {
			return swap(math.Float32bits(float32(230 + 5*math.Sin(float64(s)/20))))
		}, "CDAB", "f32"},
		{"two counters", func(s int) uint32 { return uint32(s)<<16 | uint32(7*s) }, "", ""},
		{"two measurements", func(int) uint32 {
			return uint32(17000+noise.IntN(100))<<16 | uint32(230+noise.IntN(9))
		}, "", ""},
		{"a counter whose high word stays", func(s int) uint32 { return uint32(100 + s) }, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLearning(Source{ID: "c1"}, Options{})
			at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
			var last uint32
			for s := range 120 {
				last = tt.value(s)
				l.Add(&capture.Exchange{
					At: at.Add(time.Duration(s) * time.Second), Server: netip.MustParseAddrPort("10.0.0.1:502"), Transport: "tcp", Protocol: modbus.Protocol{},
					Request: &modbus.ReadRequest{Header: modbus.Header{Unit: 1}, Function: modbus.ReadInputRegisters, Address: 8, Quantity: 2},
					Replies: []wire.Message{&modbus.ReadRegistersResponse{Header: modbus.Header{Unit: 1}, Function: modbus.ReadInputRegisters, Registers: binary.BigEndian.AppendUint32(nil, last)}},
				})
			}
			dev := &profiles.Device{ID: "d"}
			if err := l.Finish(&Output{dev, modbusBulk{}.create}); err != nil {
				t.Fatal(err)
			}
			if err := dev.Validate(); err != nil {
				t.Error(err)
			}
			if tt.kind == "" {
				if len(dev.Points) != 0 {
					t.Errorf("points %v", slices.Collect(maps.Keys(dev.Points)))
				}
				return
			}
			p := dev.Points["modbus-502-u1-input8"]
			if p == nil {
				t.Fatalf("points %v", dev.Points)
			}
			if tt.order == "CDAB" {
				last = swap(last)
			}
			switch d := p.Dynamics; {
			case tt.kind == "f32":
				if p.Type != "f32" || p.Value != float64(math.Float32frombits(last)) {
					t.Errorf("a %s of %v", p.Type, p.Value)
				}
				near := float64(math.Float32frombits(last))
				if w := d.Walk; w == nil || math.Abs(w.Mean-near) > 8 || *w.Min < near-12 || *w.Max > near+12 {
					t.Errorf("dynamics %+v", d)
				}
			case p.Type != "u32" || p.Value != int(last):
				t.Errorf("a %s of %v, want %d", p.Type, p.Value, last)
			case tt.kind == "counter" && (d.Counter == nil || math.Abs(d.Counter.Rate-37) > .1):
				t.Errorf("dynamics %+v", d.Counter)
			case tt.kind == "clock" && (d.Clock == nil || d.Clock.Uptime != time.Duration(last)*time.Second):
				t.Errorf("dynamics %+v", d.Clock)
			}
			section := dev.Services[0].Section.(*profiles.Modbus)
			line := section.Registers[len(section.Registers)-1]
			if d := cmp.Diff(profiles.ModbusCells{Input: &profiles.ModbusSpan{First: 8, Last: 9}, Point: "modbus-502-u1-input8", Order: tt.order}, line); d != "" {
				t.Error(d)
			}
		})
	}
}
