package clone

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// A scan only reads, by these functions, and finds what there is.
func TestModbusScanOnlyReads(t *testing.T) {
	d := (&fakePLC{any: &modbusPLCTables, identity: modbusPLCIdentity, moves: map[int]bool{405: true},
		has: []modbus.Function{modbus.EncapsulatedInterface, modbus.ReportServerID, modbus.ReadExceptionStatus, modbus.Diagnostics}}).listen(t)
	v, all, err := scanModbus(t, &ModbusScanner{Samples: 10, Every: time.Millisecond, Beyond: true}, d, fast, nil)
	if err != nil {
		t.Fatal(err)
	}
	allowed := []modbus.Function{1, 2, 3, 4, 7, 8, 11, 12, 17, 20, 24, 43}
	units := map[uint8]int{}
	for _, x := range all {
		q, ok := x.Request.(modbus.Message)
		if !ok {
			t.Fatalf("%+v was said unasked", x.Replies)
		}
		if class, effect := wire.Class(q); effect != wire.Read || !slices.Contains(allowed, q.Code()) {
			t.Errorf("%s (%v) was asked", class, effect)
		}
		if m, is := q.(*modbus.Diagnostic); is && m.SubFunction != modbus.ReturnQueryData {
			t.Errorf("function 8 with sub-function %d was asked", m.SubFunction)
		}
		units[q.Head().Unit]++
	}
	for id, n := range units {
		if id != 1 && n != 1 {
			t.Errorf("unit %d was asked %d questions, though it is what unit 1 is", id, n)
		}
	}
	m, files := modbusLearned(t, all)
	if d := cmp.Diff(modbusPLCTables, heldBy(&m.ModbusUnit), cmp.AllowUnexported(modbusRun{})); d != "" {
		t.Errorf("found (-want +got):\n%s", d)
	}
	if !m.Units.Any || len(m.Units.Map) > 0 || m.ServerID == nil || *m.Status != 0x55 || !slices.Equal(m.Functions.Serve, []uint8{8}) {
		t.Errorf("section %+v", m)
	}
	if d := cmp.Diff(map[uint8]string{0x80: "x"}, m.Identify.Objects); d != "" || m.Identify.Conformity != 0x83 {
		t.Errorf("identification %+v", m.Identify)
	}
	if len(m.Recordings) > 0 {
		t.Errorf("whole answers are kept of a device that does as the specification says")
	}
	if len(m.Illegal) > 4*40 {
		t.Errorf("%d ranges of refused addresses", len(m.Illegal))
	}
	if s := files["samples/modbus-"+d.portText()+"-c1.tsv"]; s == nil || !strings.Contains(s.String(), "255/holding/405\t{") || !strings.Contains(s.String(), "\t0001 0002 0003 0004 0005 0006 0007 0008 0009 000a 000b") {
		t.Errorf("samples %v", s)
	}
	for _, want := range []string{"found: unit 1: holding registers 0-149, 400-409, 4000-4099, 4110-4111 (262)",
		"found: unit 1: coils 0-15 (16)", "fact: answers every unit identifier alike", "found: unit 1: device identification \"Acme AC-1 V1\"",
		"questions found the ranges of 4 tables"} {
		if got := remarksOf(v); !strings.Contains(got, want) {
			t.Errorf("no remark %q in\n%s", want, got)
		}
	}
}

func TestModbusScanFindsUnits(t *testing.T) {
	t.Parallel()
	small := [4][]modbusRun{{}, {}, {{0, 3}}, {}}
	other := [4][]modbusRun{{}, {}, {{100, 103}}, {}}
	for _, tt := range []struct {
		name   string
		device *fakePLC
		scan   ModbusScanner
		want   string // of the learned units
		most   int    // reads of register 0, asked again or by the search for ranges too
	}{
		{"a device that does not look", &fakePLC{any: &small}, ModbusScanner{}, "mode tcp any", 9},
		{"a gateway that says so", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &small, 17: &small, 200: &other}, absent: 11}, ModbusScanner{}, "mode gateway map 1 17 200", 260},
		{"a gateway that is silent", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &small, 5: &small, 9: &other}}, ModbusScanner{}, "mode tcp map 0- 1 5 9 255-", 50},
		{"a device and a unit behind it", &fakePLC{units: map[uint8]*[4][]modbusRun{0: &small, 255: &small, 3: &other}, absent: 10}, ModbusScanner{}, "mode tcp absent 10 map 3", 260},
		{"one identifier", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &small}}, ModbusScanner{}, "mode tcp also [1] map 0- 255-", 35},
		{"those that are named", &fakePLC{units: map[uint8]*[4][]modbusRun{1: &small, 77: &small}, absent: 11}, ModbusScanner{Units: []uint8{77}}, "mode tcp also [77]", 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := tt.device.listen(t)
			tt.scan.Samples = 1
			_, all, err := scanModbus(t, &tt.scan, d, fast, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, _ := modbusLearned(t, all)
			got := "mode " + m.Units.Mode
			if m.Units.Any {
				got += " any"
			}
			if m.Units.Absent != 0 {
				got += fmt.Sprint(" absent ", m.Units.Absent)
			}
			if m.Units.Also != nil {
				got += fmt.Sprint(" also ", m.Units.Also)
			}
			if len(m.Units.Map) > 0 {
				got += " map"
			}
			for id := range 256 {
				if u := m.Units.Map[uint8(id)]; u != nil {
					got += fmt.Sprint(" ", id)
					if u.Silent {
						got += "-"
					}
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			n := 0
			for _, q := range d.questions() {
				if strings.HasSuffix(q, " 0 1") && strings.HasPrefix(q, "3/") {
					n++
				}
			}
			if n > tt.most {
				t.Errorf("%d questions for unit identifiers, want %d at most", n, tt.most)
			}
			for id, tables := range tt.device.units {
				u := m.Units.Map[id]
				if u == nil {
					u = &m.ModbusUnit
				}
				if tt.scan.Units != nil && !slices.Contains(tt.scan.Units, id) {
					continue
				}
				if got := heldBy(u); !slices.Equal(got[profiles.ModbusHoldings], tables[profiles.ModbusHoldings]) {
					t.Errorf("unit %d: found %v, want %v", id, got, tables)
				}
			}
		})
	}
}

// RTU frames are tried where Modbus/TCP is not answered.
func TestModbusScanOfRTU(t *testing.T) {
	t.Parallel()
	d := (&fakePLC{p: modbus.RTU{}, units: map[uint8]*[4][]modbusRun{1: &modbusPLCTables}}).listen(t)
	for _, s := range []*ModbusScanner{{Samples: 1}, {Samples: 1, RTU: true, Units: []uint8{1}}} {
		_, all, err := scanModbus(t, s, d, fast, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := modbusLearned(t, all)
		if m == nil || m.Units.Mode != "serial" || m.Units.Map[1] == nil {
			t.Fatalf("learned %+v", m)
		}
		if d := cmp.Diff(modbusPLCTables, heldBy(m.Units.Map[1]), cmp.AllowUnexported(modbusRun{})); d != "" {
			t.Errorf("found (-want +got):\n%s", d)
		}
	}
}

// What else listens on a port is not asked twice.
func TestModbusProbeOfAnotherProtocol(t *testing.T) {
	d := (&fakePLC{before: func(int, modbus.Message) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }}).listen(t)
	v, _, err := scanModbus(t, &ModbusScanner{}, d, fast, nil)
	if !errors.Is(err, ErrNotSpoken) {
		t.Errorf("%v", err)
	}
	if n := v.Tallies()[0].Asked; n != 1 {
		t.Errorf("%d questions", n)
	}
}
