package ipmi

import "math"

// Factors turn what a sensor gives into a value and back: value = (m*x + b*10^bexp) * 10^rexp (section 36.3).
type Factors struct {
	m, b, bexp, rexp int
	signed           bool
	straight         bool // not: the value is another function of it, or other factors hold for each reading
}

// The places of a full sensor record (table 43-1) that factors are read from.
const (
	recordType      = 3
	recordUnits     = 20
	recordLinear    = 23
	recordM         = 24
	recordExponents = 29
	recordFull      = 0x01
)

// PlainFactors are those of a sensor without a record: it gives the value.
var PlainFactors = Factors{m: 1, straight: true}

// ReadFactors reads the factors of a full sensor record; false: it is none.
func ReadFactors(record []byte) (Factors, bool) {
	if len(record) <= recordExponents || record[recordType] != recordFull {
		return Factors{}, false
	}
	ten := func(i int) int { return int(int16(uint16(record[i])|uint16(record[i+1]&0xc0)<<2)<<6) >> 6 }
	four := func(x byte) int { return int(int8(x<<4)) >> 4 }
	return Factors{
		m: ten(recordM), b: ten(recordM + 2), rexp: four(record[recordExponents] >> 4), bexp: four(record[recordExponents]),
		signed: record[recordUnits]>>6 == 2, straight: record[recordLinear]&0x7f == 0,
	}, true
}

// Value is what a reading says; false: it is not on a straight line.
func (f Factors) Value(reading byte) (float64, bool) {
	if !f.straight || f.m == 0 {
		return 0, false
	}
	x := float64(reading)
	if f.signed {
		x = float64(int8(reading))
	}
	return (float64(f.m)*x + float64(f.b)*math.Pow10(f.bexp)) * math.Pow10(f.rexp), true
}

// Reading is the byte that stands for a value.
func (f Factors) Reading(value float64) byte {
	if f.m == 0 || !f.straight {
		return byte(math.Max(0, math.Min(255, math.Round(value))))
	}
	x := math.Round((value/math.Pow10(f.rexp) - float64(f.b)*math.Pow10(f.bexp)) / float64(f.m))
	if f.signed {
		return byte(int8(math.Max(-128, math.Min(127, x))))
	}
	return byte(math.Max(0, math.Min(255, x)))
}

// Less orders two readings.
func (f Factors) Less(a, b byte) bool {
	if f.signed {
		return int8(a) < int8(b)
	}
	return a < b
}
