package clone

import (
	"context"
	"errors"
	"slices"

	"ringer/capture/modbus"
	"ringer/profiles"
)

// modbusBases are where ranges begin in most devices; the next address after each is looked at, too, since some
// people count from 1.
var modbusBases = []int{0, 1000, 2000, 3000, 4000, 4096, 5000, 6000, 7000, 8000, 8192, 9000, 10000, 12288, 16384,
	20000, 20480, 24576, 30000, 32768, 40000, 49152, 50000, 60000, 61440}

// modbusGrid is where else is looked: at every hundredth address, and at those that are round in hexadecimal.
func modbusGrid(full bool) (all []int) {
	for a := range 1 << 16 {
		if full || a%100 == 0 || a%256 == 0 || a == 1<<16-1 {
			all = append(all, a)
		}
	}
	return all
}

// modbusHintsMost ranges of another table that are wrong, and it is like no other.
const modbusHintsMost = 4

// findRanges finds what a unit holds: where most devices have something and what other tables and units have; then,
// with grid, all over the tables.
func (a *modbusAsking) findRanges(ctx context.Context, u *modbusAsked, units []*modbusAsked, grid bool) error {
	for _, table := range []int{profiles.ModbusHoldings, profiles.ModbusInputs, profiles.ModbusCoils, profiles.ModbusDiscretes} {
		if u.gone || u.lacks[table] {
			continue
		}
		t := u.tables[table]
		if t == nil {
			t = &modbusSearch{limit: &a.limits[table/2]}
			u.tables[table] = t
		}
		if t.over {
			continue
		}
		t.read = func(first, n int) (modbusAnswer, error) {
			r, err := a.read(ctx, u, table, first, n)
			if err == nil && r.code == modbus.IllegalFunction && t.asked == 1 {
				err = errLacks
			}
			return r, err
		}
		var err error
		if grid {
			err = a.lookAllOver(u, t, table)
		} else {
			err = a.lookFirst(u, units, t, table)
		}
		switch {
		case err == nil:
		case errors.Is(err, errLacks):
			u.lacks[table], u.tables[table] = true, nil
		case errors.Is(err, errEnough):
			t.over, u.gone = true, t.gone
			a.v.Remark(a.name, Suspicious, "unit %d: %s were left alone after %d questions in a row without an answer to them", u.id, modbusTableNames[table], modbusOddMost)
		default:
			return err
		}
	}
	if !grid {
		u.findLike(units)
	}
	return nil
}

func (a *modbusAsking) lookFirst(u *modbusAsked, units []*modbusAsked, t *modbusSearch, table int) error {
	a.expect(2*len(modbusBases) + len(modbusBehind))
	if err := t.lookAll([]int{0}); err != nil {
		return err
	}
	var hints [][]modbusRun
	for _, v := range units {
		if v != u && v.tables[table] != nil {
			hints = append(hints, v.tables[table].held.runs())
		}
	}
	if twin := u.tables[table^1]; twin != nil { // coils and discrete inputs, holding and input registers
		hints = append(hints, twin.held.runs())
	}
	for _, runs := range hints {
		wrong := 0
		for _, r := range runs {
			right, err := t.hint(r)
			if err != nil {
				return err
			}
			if !right {
				if wrong++; wrong == modbusHintsMost {
					break
				}
			}
		}
		if err := t.lookAround(); err != nil {
			return err
		}
	}
	return t.lookAll(modbusUsual())
}

// modbusUsual is where is looked first.
func modbusUsual() []int {
	where := slices.Clone(modbusBehind)
	for _, b := range modbusBases {
		where = append(where, b, b+1)
	}
	return where
}

// lookAllOver looks where a unit that is like another has what that one has, and else everywhere.
func (a *modbusAsking) lookAllOver(u *modbusAsked, t *modbusSearch, table int) error {
	if u.like != nil && !a.s.Full {
		if other := u.like.tables[table]; other != nil {
			for _, r := range other.held.runs() {
				if _, err := t.hint(r); err != nil {
					return err
				}
			}
		}
		return t.lookAround()
	}
	where := slices.DeleteFunc(modbusGrid(a.s.Full), func(a int) bool { return t.held.has(a) || t.not.has(a) })
	a.expect(len(where))
	if err := t.lookAll(where); err != nil {
		return err
	}
	return a.lookBeyond(t)
}

// lookBeyond tries to read one more than the specification allows, if that is wanted and there is as much.
func (a *modbusAsking) lookBeyond(t *modbusSearch) error {
	l := t.limit
	for _, r := range t.held.runs() {
		if !a.s.Beyond || l.beyond || l.most != l.answered || r.end-r.first <= l.most {
			continue
		}
		l.beyond = true
		for n := l.most + 1; n <= min(r.end-r.first, l.all); n++ {
			ok, err := t.get(r.first, n)
			if err != nil || !ok {
				return err
			}
			l.most, l.found = n, true
		}
	}
	return nil
}

// findLike finds a unit that was asked before and has the same ranges.
func (u *modbusAsked) findLike(units []*modbusAsked) {
	for _, v := range units[:max(0, slices.Index(units, u))] {
		same := u.lacks == v.lacks && u.cells() > 0
		for i := range u.tables {
			x, y := u.tables[i], v.tables[i]
			same = same && (x == nil) == (y == nil) && (x == nil || x.held == y.held)
		}
		if same {
			u.like = v
			return
		}
	}
}
