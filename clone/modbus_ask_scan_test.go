package clone

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/profiles"
)

// scanModbus scans a device, and gives what the evidence teaches.
func scanModbus(t *testing.T, s *ModbusScanner, d *fakePLC, care Care, m *Memory) (*Visit, []capture.Exchange, error) {
	t.Helper()
	return scanModbusFor(t.Context(), t, s, d, care, m)
}

func scanModbusFor(ctx context.Context, t *testing.T, s *ModbusScanner, d *fakePLC, care Care, m *Memory) (*Visit, []capture.Exchange, error) {
	t.Helper()
	var evidence bytes.Buffer
	v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", care, capture.NewTap(&evidence, time.Now))
	v.Memory = m
	err := s.Probe(ctx, v, d.port)
	if err == nil {
		err = s.Scan(ctx, v, d.port)
	}
	v.Tap.Close()
	return v, exchangesOf(t, evidence.Bytes()), err
}

// learned is the section that exchanges teach.
func modbusLearned(t *testing.T, all []capture.Exchange) (*profiles.Modbus, modbusBulk) {
	t.Helper()
	files := modbusBulk{}
	l := NewLearning(Source{ID: "c1"}, Options{})
	for i := range all {
		l.Add(&all[i])
	}
	dev := &profiles.Device{ID: "d"}
	if err := l.Finish(&Output{dev, files.create}); err != nil {
		t.Fatal(err)
	}
	for i := range dev.Services {
		if m, ok := dev.Services[i].Section.(*profiles.Modbus); ok {
			return m, files
		}
	}
	return nil, files
}

func heldBy(u *profiles.ModbusUnit) (tables [4][]modbusRun) {
	for i := range u.Registers {
		if table, span := u.Registers[i].Range(); u.Registers[i].Fill == nil {
			tables[table] = append(tables[table], modbusRun{int(span.First), int(span.Last) + 1})
		}
	}
	return tables
}

var fast = Care{Name: "test", Connections: 1, Timeout: 60 * time.Millisecond, Again: 1, Silences: 4, Slower: 100, Bytes: 64 << 20, Time: time.Minute}

func remarksOf(v *Visit) string {
	var b strings.Builder
	for _, r := range v.Remarks() {
		fmt.Fprintf(&b, "%s: %s\n", r.Kind, r.Text)
	}
	return b.String()
}
