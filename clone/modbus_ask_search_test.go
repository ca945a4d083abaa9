package clone

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"ringer/capture/modbus"
)

// A fakeTable answers reads of the ranges that it holds, of at most so many cells at once.
type fakeTable struct {
	held     []modbusRun
	most     int
	code     modbus.ExceptionCode // where more are asked
	lenient  bool                 // only the first address has to be held
	short    bool                 // answers end where a range does
	together func(first, n int) bool
	asked    map[modbusRun]int
}

func (f *fakeTable) read(first, n int) (modbusAnswer, error) {
	f.asked[modbusRun{first, first + n}]++
	if n > f.most {
		return modbusAnswer{code: f.code}, nil
	}
	if f.together != nil && !f.together(first, n) {
		return modbusAnswer{code: modbus.IllegalDataAddress}, nil
	}
	for _, r := range f.held {
		if first < r.first || first >= r.end {
			continue
		}
		switch {
		case first+n <= r.end || f.lenient:
			return modbusAnswer{got: n}, nil
		case f.short:
			return modbusAnswer{got: r.end - first}, nil
		}
	}
	return modbusAnswer{code: modbus.IllegalDataAddress}, nil
}

// find looks where a scan does, and gives what was found.
func (f *fakeTable) find(t *testing.T, limit *modbusLimit, grid []int) *modbusSearch {
	t.Helper()
	f.asked = map[modbusRun]int{}
	s := &modbusSearch{limit: limit, read: f.read}
	if err := s.lookAll(grid); err != nil {
		t.Fatal(err)
	}
	return s
}

func registers() *modbusLimit {
	return &modbusLimit{most: modbus.MaxReadRegisters, all: modbusRegistersAtAll}
}

// least is the least number of questions that shows a map to somebody who asks to be shown every address that is
// looked at (where), and the neighbours of every range. A range takes as many reads as blocks of the largest size,
// since an answer gives addresses in a row only. An address that is not held takes a question of its own: a refused
// read shows no more than one, and that only when all others in it are known to be held. Nobody who does not know
// the map beforehand gets along with so few: each end of a range is to be found first, among as many places
// as a read is long, which takes the logarithm of that.
func least(held []modbusRun, most int, where []int) (n int) {
	var set, shown modbusSet
	for _, r := range held {
		set.add(r.first, r.end)
		n += (r.end - r.first + most - 1) / most
	}
	show := func(a int) {
		if a >= 0 && a < 1<<16 && !set.has(a) && !shown.has(a) {
			shown.add(a, a+1)
			n++
		}
	}
	for _, a := range where {
		show(a)
	}
	for _, r := range held {
		show(r.first - 1)
		show(r.end)
		for _, d := range modbusBehind {
			show(r.end + d)
		}
		for _, d := range modbusBefore {
			show(r.first - 1 - d)
		}
	}
	return n
}

// randomMap has few ranges or many, short ones and long ones, in bases that are round or anywhere near.
func randomMap(r *rand.Rand, where []int) []modbusRun {
	var set modbusSet
	for range 1 + r.IntN(12) {
		first := where[r.IntN(len(where))] - r.IntN(2)*r.IntN(60)
		n := 1 + r.IntN([]int{4, 40, 400, 3000}[r.IntN(4)])
		set.add(max(0, first), min(1<<16, max(0, first)+n))
	}
	return set.runs()
}

func TestModbusSearchFindsRandomMaps(t *testing.T) {
	grid := modbusGrid(false)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		f := &fakeTable{held: randomMap(r, grid), most: modbus.MaxReadRegisters}
		s := f.find(t, registers(), grid)
		// What no looked-at address touches may be missed; nothing else.
		for _, h := range f.held {
			touched := slices.ContainsFunc(grid, func(a int) bool { return h.first <= a && a < h.end })
			if found := s.held.run(h.first); touched && found != h {
				t.Errorf("seed %d: range %v: found %v", seed, h, found)
			}
		}
		for r, n := range f.asked {
			if n > 1 {
				t.Errorf("seed %d: %v was asked %d times", seed, r, n)
			}
		}
		if n, h := s.held.count(), f.held; n > cells(h) {
			t.Errorf("seed %d: %d addresses found of %d", seed, n, cells(h))
		}
	}
}

func cells(runs []modbusRun) (n int) {
	for _, r := range runs {
		n += r.end - r.first
	}
	return n
}

// A scan asks at most twice the least. The grid of the gentle scan is left out, since it is the most of both and
// would hide what the search by itself takes.
func TestModbusSearchQuestions(t *testing.T) {
	worst, sum, leastSum := 0.0, 0, 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		bases := modbusUsual()
		f := &fakeTable{held: randomMap(r, bases), most: modbus.MaxReadRegisters}
		s := f.find(t, registers(), bases)
		f.held = slices.DeleteFunc(f.held, func(h modbusRun) bool { return !s.held.has(h.first) })
		n := least(f.held, f.most, bases)
		sum, leastSum = sum+s.asked, leastSum+n
		if ratio := float64(s.asked) / float64(n); ratio > 2 {
			t.Errorf("seed %d: %d questions, the least is %d: %v", seed, s.asked, n, f.held)
		} else {
			worst = max(worst, ratio)
		}
	}
	t.Logf("500 maps: %d questions, the least is %d (%.2f times), the worst map %.2f times", sum, leastSum, float64(sum)/float64(leastSum), worst)
}

func TestModbusSearchOfOddDevices(t *testing.T) {
	ranges := []modbusRun{{0, 300}, {400, 404}, {1000, 1200}, {2001, 2003}}
	for _, tt := range []struct {
		name  string
		table fakeTable
		check func(*modbusSearch) string
	}{
		{"plain", fakeTable{held: ranges, most: 125}, nil},
		{"reads of 50 at most", fakeTable{held: ranges, most: 50, code: 3}, func(s *modbusSearch) string {
			return problem(s.limit.most != 50 || !s.limit.found, "limit %+v", *s.limit)
		}},
		{"reads of 7 at most, refused as addresses are", fakeTable{held: ranges, most: 7, code: 2}, func(s *modbusSearch) string {
			return problem(s.limit.most != 7 || !s.limit.found, "limit %+v", *s.limit)
		}},
		{"reads of 1 at most", fakeTable{held: ranges, most: 1, code: 3}, func(s *modbusSearch) string {
			return problem(s.limit.most != 1 || !s.limit.found, "limit %+v", *s.limit)
		}},
		{"blocks of 100", fakeTable{held: ranges, most: 125, together: func(first, n int) bool { return first/100 == (first+n-1)/100 }}, func(s *modbusSearch) string {
			return problem(s.limit.found || !s.cuts[100] || !s.cuts[200] || !s.cuts[1100] || len(s.cuts) != 3, "limit %+v, cuts %v", *s.limit, s.cuts)
		}},
		{"only the first address counts", fakeTable{held: ranges, most: 125, lenient: true}, func(s *modbusSearch) string {
			return problem(!s.lenient, "not noticed")
		}},
		{"short answers", fakeTable{held: ranges, most: 125, short: true}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.table.find(t, registers(), slices.Concat(modbusUsual(), modbusGrid(false)))
			if got := s.held.runs(); !slices.Equal(got, ranges) {
				t.Errorf("found %v, want %v", got, ranges)
			}
			if tt.check != nil {
				if p := tt.check(s); p != "" {
					t.Error(p)
				}
			}
			for _, b := range s.blocks() {
				if a, _ := tt.table.read(b.first, b.end-b.first); a.got != b.end-b.first {
					t.Errorf("sample %v is refused", b)
				}
			}
			t.Logf("%d questions", s.asked)
		})
	}
}

func problem(is bool, format string, args ...any) string {
	if is {
		return fmt.Sprintf(format, args...)
	}
	return ""
}
