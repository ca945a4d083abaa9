package ipmi

import (
	"math"
	"testing"
)

// Factors as sensor data records have them: what the readings say, worked out by hand, and back.
func TestFactors(t *testing.T) {
	record := func(units, linear byte, factors ...byte) []byte {
		b := make([]byte, 48)
		b[recordType], b[recordUnits], b[recordLinear] = recordFull, units, linear
		copy(b[recordM:], factors)
		return b
	}
	for _, c := range []struct {
		name    string
		record  []byte
		reading byte
		value   float64
	}{
		{"degrees", record(0, 0, 1, 0, 0, 0, 0, 0), 41, 41},
		{"below zero", record(0x80, 0, 1, 0, 0, 0, 0, 0), 0xf6, -10},
		{"revolutions", record(0, 0, 75, 0, 0, 0, 0, 0), 70, 5250},
		{"volts", record(0, 0, 63, 0, 0, 0, 0, 0xd0), 192, 12.096},
		{"with an addend", record(0, 0, 2, 0, 0xfb, 0xc0, 0, 0x01), 100, 150}, // 2*100 - 5*10
		{"ten bits", record(0, 0, 0x2c, 0x40, 0, 0, 0, 0), 2, 600},            // 300*2
	} {
		f, ok := ReadFactors(c.record)
		if !ok {
			t.Fatalf("%s: no factors", c.name)
		}
		if v, ok := f.Value(c.reading); !ok || math.Abs(v-c.value) > 1e-9 {
			t.Errorf("%s: %d is %g (%v), want %g", c.name, c.reading, v, ok, c.value)
		}
		if b := f.Reading(c.value); b != c.reading {
			t.Errorf("%s: %g is %d, want %d", c.name, c.value, b, c.reading)
		}
	}
	if f, _ := ReadFactors(record(0, 7, 1, 0, 0, 0, 0, 0)); f.straight {
		t.Error("a reading that is squared is on a straight line")
	} else if _, ok := f.Value(3); ok {
		t.Error("a reading that is squared has a value")
	}
	if _, ok := ReadFactors(make([]byte, 29)); ok {
		t.Error("a short record has factors")
	}
}
