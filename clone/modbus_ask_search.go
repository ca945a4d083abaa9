package clone

import (
	"errors"
	"math/bits"

	"ringer/capture/modbus"
)

// A modbusSearch finds which addresses of one table a unit holds. A read is answered if all its addresses are
// held, else refused; that says that one of them is not. So ranges are found from an address that answers: the
// most that can be read at once from there on is found by halving, and so on until a read is refused at its first
// address. What is answered on the way is what there was to be read, so that nothing is read twice.
type modbusSearch struct {
	read  func(first, n int) (modbusAnswer, error)
	limit *modbusLimit
	asked int

	held, not modbusSet    // addresses that answer, and that do not
	cuts      map[int]bool // addresses that are not read together with the one before
	ends      []int        // of ranges found, whose neighbourhood is not looked at yet: the first not held behind
	starts    []int        // and the last not held before

	odd     int // answers in a row that say nothing
	sure    int // ends of ranges that were checked one by one
	strict  bool
	lenient bool // only reads that begin at an address that is not held are refused
	code    modbus.ExceptionCode

	over, gone bool // the device does not take it well: the table, the whole unit, is left alone
}

// modbusLimit is how much can be read at once, of bits or of registers.
type modbusLimit struct {
	most     int // to try
	answered int // the most that was
	all      int // that an answer can hold
	found    bool
	beyond   bool // more than is allowed was tried
}

// errEnough ends the search in one table: the device does not take it well.
var errEnough = errors.New("modbus: no more of this table")

// modbusSureMost ends of ranges are checked by asking for their next address alone, though it follows from what was
// asked.
const modbusSureMost = 2

// get reads cells and notes which are there. ok: all of them.
func (s *modbusSearch) get(first, n int) (ok bool, err error) {
	s.asked++
	r, err := s.read(first, n)
	if err != nil {
		return false, err
	}
	if r.odd() {
		if s.odd++; s.odd >= modbusOddMost {
			s.gone = r.code != 0 // busy, or behind a gateway that does not reach it
			return false, errEnough
		}
	} else {
		s.odd = 0
	}
	switch {
	case r.got == n:
		s.held.add(first, first+n)
		s.not.remove(first, first+n)
		s.limit.answered = max(s.limit.answered, n)
		return true, nil
	case r.got > 0: // short: what it gave is asked for alone, so that it is an answer
		_, err := s.get(first, r.got)
		return false, err
	case n == 1:
		s.not.add(first, first+1)
		if s.code == 0 {
			s.code = r.code
		}
	}
	return false, nil
}

// look asks for one address, and finds the range that it is in.
func (s *modbusSearch) look(address int) error {
	if address < 0 || address >= 1<<16 || s.held.has(address) || s.not.has(address) {
		return nil
	}
	ok, err := s.get(address, 1)
	if err != nil || !ok {
		return err
	}
	return s.grow(address)
}

// lookAll looks at addresses, and around the ranges found there.
func (s *modbusSearch) lookAll(addresses []int) error {
	for _, a := range addresses {
		if err := s.look(a); err != nil {
			return err
		}
		if err := s.lookAround(); err != nil {
			return err
		}
	}
	return nil
}

// Ranges have neighbours: behind the end of one, the next addresses are asked one by one, then ever farther apart,
// and a few before its start.
var (
	modbusBehind = []int{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80}
	modbusBefore = []int{1, 3, 7, 15, 31}
)

func (s *modbusSearch) lookAround() error {
	for len(s.ends)+len(s.starts) > 0 {
		if n := len(s.ends) - 1; n >= 0 {
			end := s.ends[n]
			s.ends = s.ends[:n]
			for _, d := range modbusBehind {
				if err := s.look(end + d); err != nil {
					return err
				}
			}
			continue
		}
		n := len(s.starts) - 1
		start := s.starts[n]
		s.starts = s.starts[:n]
		for _, d := range modbusBefore {
			if err := s.look(start - d); err != nil {
				return err
			}
		}
	}
	return nil
}

// hint tries a range that another table or unit has.
func (s *modbusSearch) hint(r modbusRun) (right bool, err error) {
	if s.held.has(r.first) || s.not.has(r.first) {
		return s.held.has(r.first), nil
	}
	for first := r.first; first < r.end; {
		n := min(r.end-first, s.limit.most)
		ok, err := s.get(first, n)
		if err != nil {
			return false, err
		}
		if !ok {
			if first == r.first {
				return false, s.look(first)
			}
			break
		}
		first += n
	}
	for _, beside := range []int{r.first - 1, r.end} {
		if err := s.look(beside); err != nil {
			return true, err
		}
	}
	return true, s.grow(r.first)
}

// grow finds both ends of the range that an address is in.
func (s *modbusSearch) grow(address int) error {
	if err := s.growUp(address); err != nil {
		return err
	}
	if err := s.growDown(address); err != nil {
		return err
	}
	r := s.held.run(address)
	if r.end < 1<<16 {
		s.ends = append(s.ends, r.end)
	}
	if r.first > 0 {
		s.starts = append(s.starts, r.first-1)
	}
	return nil
}

func (s *modbusSearch) growUp(address int) error {
	before := 1 // the size of the read before
	for {
		end := s.held.run(address).end
		if end >= 1<<16 || s.not.has(end) {
			return nil
		}
		stop := min(s.held.next(end), s.not.next(end))
		n := min(stop-end, s.limit.most)
		got, err := s.up(end, n, n == stop-end && s.not.has(stop))
		if err != nil {
			return err
		}
		if got == 0 && before > 1 && !s.strict {
			if err := s.checkStrict(end, before); err != nil {
				return err
			}
		}
		if s.lenient && got > 0 {
			if err := s.shrink(end, end+got); err != nil {
				return err
			}
		}
		before = got
	}
}

// up finds how many addresses from first on are held, n at most. tight: the one behind them is not.
func (s *modbusSearch) up(first, n int, tight bool) (got int, err error) {
	low, high, refused, at := 0, n+1, 0, first // from first on, low are held, high are not; the read that showed it
	if !tight {
		ok, err := s.get(first, n)
		if err != nil || ok {
			return n, err
		}
		high, refused = n, n
		low = s.held.run(first).end - first // of a short answer
	}
	for high-low > 1 {
		mid := (low + high) / 2
		ok, err := s.get(first+low, mid-low)
		if err != nil {
			return low, err
		}
		if ok {
			low = mid
		} else {
			high, refused, at = mid, mid-low, first+low
			low = max(low, s.held.run(first+low).end-first)
		}
	}
	end := first + low
	if low >= n || s.not.has(end) {
		return low, nil
	}
	if refused <= s.limit.answered && s.sure >= modbusSureMost && len(s.cuts) == 0 {
		s.not.add(end, end+1)
		return low, nil
	}
	ok, err := s.get(end, 1)
	if err != nil || !ok {
		s.sure++
		return low, err
	}
	// All that was refused together is there.
	return low + 1, s.tooMany(at, refused)
}

// tooMany finds why a read of cells that are all held was refused: it was of too many, or of some that the device
// does not give together.
func (s *modbusSearch) tooMany(first, n int) error {
	low, high := 1, n
	if likely := s.limit.answered; likely > 1 && likely < n {
		ok, err := s.get(first, likely)
		if err != nil {
			return err
		}
		if ok {
			low = likely
		} else {
			high = likely
		}
	}
	for high-low > 1 {
		mid := (low + high) / 2
		ok, err := s.get(first, mid)
		if err != nil {
			return err
		}
		if ok {
			low = mid
		} else {
			high = mid
		}
	}
	together := low < s.limit.answered
	if !together && first > 0 && s.held.has(first-1) {
		ok, err := s.get(first-1, low+1) // as many, and not beyond
		if err != nil {
			return err
		}
		together = ok
	}
	if together {
		if s.cuts == nil {
			s.cuts = map[int]bool{}
		}
		s.cuts[first+low] = true
		return nil
	}
	s.limit.most, s.limit.found = low, true
	return nil
}

// checkStrict finds out whether the device looks at all addresses of a read: the last one of a read that was
// answered, where the next read is refused at its first, has to answer by itself.
func (s *modbusSearch) checkStrict(end, n int) error {
	s.strict = true
	ok, err := s.get(end-1, 1)
	if err != nil || ok {
		return err
	}
	s.strict, s.lenient = false, true
	return s.shrink(end-n, end)
}

// shrink takes the addresses that do not answer by themselves off the end of a read that was answered.
func (s *modbusSearch) shrink(first, end int) error {
	low, high := first, end // low is held
	if !s.not.has(end - 1) {
		ok, err := s.get(end-1, 1)
		if err != nil || ok {
			return err
		}
	}
	for high = end - 1; high-low > 1; {
		mid := (low + high) / 2
		ok, err := s.get(mid, 1)
		if err != nil {
			return err
		}
		if ok {
			low = mid
		} else {
			high = mid
		}
	}
	s.held.remove(high, end)
	s.not.add(high, end)
	return nil
}

func (s *modbusSearch) growDown(address int) error {
	for first := true; ; first = false {
		start := s.held.run(address).first
		if start == 0 || s.not.has(start-1) {
			return nil
		}
		stop := max(s.held.previous(start), s.not.previous(start)) // -1: none
		n := min(start-stop-1, s.limit.most)
		if first {
			n = 1 // ranges begin where people look first
		}
		got, err := s.down(start, n, n == start-stop-1 && stop >= 0 && s.not.has(stop))
		if err != nil {
			return err
		}
		if got == 0 && !s.not.has(start-1) {
			s.not.add(start-1, start)
		}
	}
}

// down finds how many addresses before end are held, n at most. tight: the one before them is not.
func (s *modbusSearch) down(end, n int, tight bool) (got int, err error) {
	low, high, refused := 0, n+1, 0
	if !tight || n == 1 {
		ok, err := s.get(end-n, n)
		if err != nil || ok {
			return n, err
		}
		high, refused = n, n
	}
	for high-low > 1 {
		mid := (low + high) / 2
		ok, err := s.get(end-mid, mid-low)
		if err != nil {
			return low, err
		}
		if ok {
			low = mid
		} else {
			high, refused = mid, mid-low
		}
	}
	if low < n && !s.not.has(end-low-1) {
		if refused > s.limit.answered {
			_, err = s.get(end-low-1, 1) // that it was too many is found on the way up
		} else {
			s.not.add(end-low-1, end-low)
		}
	}
	return low, err
}

// blocks are the reads that give all that is held.
func (s *modbusSearch) blocks() (all []modbusRun) {
	for _, r := range s.held.runs() {
		for first := r.first; first < r.end; {
			end := first + 1
			for end < r.end && end-first < s.limit.most && !s.cuts[end] {
				end++
			}
			all = append(all, modbusRun{first, end})
			first = end
		}
	}
	return all
}

// remarks says what is odd about the table.
func (s *modbusSearch) remarks(a *modbusAsking, unit uint8, table int) {
	name := modbusTableNames[table]
	if s.code != 0 && s.code != modbus.IllegalDataAddress {
		a.v.Remark(a.name, Suspicious, "unit %d: refuses addresses of %s with exception %d (%v)", unit, name, s.code, s.code)
	}
	if s.lenient {
		a.v.Remark(a.name, Suspicious, "unit %d: reads of %s that begin well are answered beyond what is there", unit, name)
	}
	if len(s.cuts) > 0 {
		a.v.Remark(a.name, Suspicious, "unit %d: %s that are neighbours are not always read together", unit, name)
	}
}

// A modbusRun is the addresses from first on, before end.
type modbusRun struct{ first, end int }

// A modbusSet is a set of addresses.
type modbusSet [1 << 16 / 64]uint64

func (m *modbusSet) has(a int) bool { return a >= 0 && a < 1<<16 && m[a>>6]>>(a&63)&1 == 1 }

func (m *modbusSet) add(first, end int) {
	for a := first; a < end; a++ {
		m[a>>6] |= 1 << (a & 63)
	}
}

func (m *modbusSet) remove(first, end int) {
	for a := first; a < end; a++ {
		m[a>>6] &^= 1 << (a & 63)
	}
}

func (m *modbusSet) count() (n int) {
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

// next is the first address of the set from a on, 65536 if there is none.
func (m *modbusSet) next(a int) int {
	for ; a < 1<<16; a++ {
		if w := m[a>>6] >> (a & 63); w != 0 {
			return a + bits.TrailingZeros64(w)
		}
		a |= 63
	}
	return 1 << 16
}

// previous is the last address of the set before a, -1 if there is none.
func (m *modbusSet) previous(a int) int {
	for a--; a >= 0; a-- {
		if w := m[a>>6] << (63 - a&63); w != 0 {
			return a - bits.LeadingZeros64(w)
		}
		a &^= 63
	}
	return -1
}

// run is the range of the set around an address, empty if it is not in it.
func (m *modbusSet) run(a int) modbusRun {
	r := modbusRun{a, a}
	for r.first > 0 && m.has(r.first-1) && m.has(a) {
		r.first--
	}
	for m.has(r.end) {
		r.end++
	}
	return r
}

func (m *modbusSet) runs() (all []modbusRun) {
	for a := m.next(0); a < 1<<16; {
		r := m.run(a)
		all = append(all, r)
		a = m.next(r.end)
	}
	return all
}
