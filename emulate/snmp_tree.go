package emulate

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sort"

	"ringer/capture/snmp"
	"ringer/profiles"
)

// An snmpTree holds the variables of an agent in the order of a walk: names and values one behind the
// other as they are encoded, so that a million of them are a few large slices and answers need not be
// encoded anew.
type snmpTree struct {
	oids, values   []byte
	oidAt, valueAt []uint32 // where each begins; one more at the end
	moving         []uint64 // one bit a variable: it has a cell
	unsorted       bool
}

// errSNMPSize: positions are kept in 32 bits.
var errSNMPSize = errors.New("more than 4 GiB of variables are not read")

func newSNMPTree() snmpTree { return snmpTree{oidAt: []uint32{0}, valueAt: []uint32{0}} }

// read reads an .snmprec file.
func (t *snmpTree) read(f fs.File) error {
	// A line of an ordinary walk has some forty characters. What the guess is off by is given back.
	if info, err := f.Stat(); err == nil && info.Size() < 1<<30 {
		size := int(info.Size())
		t.oids, t.values = make([]byte, 0, size/3), make([]byte, 0, size/4)
		t.oidAt, t.valueAt = append(make([]uint32, 0, size/36+1), 0), append(make([]uint32, 0, size/36+1), 0)
	}
	if err := profiles.ReadSNMPRec(f, t.add); err != nil {
		return err
	}
	if err := t.sort(); err != nil {
		return err
	}
	t.oids, t.values = fitted(t.oids), fitted(t.values)
	t.oidAt, t.valueAt = fitted(t.oidAt), fitted(t.valueAt)
	return nil
}

// fitted is s without much room to grow.
func fitted[S ~[]E, E any](s S) S {
	if cap(s)-len(s) > len(s)/8 {
		return append(make(S, 0, len(s)), s...)
	}
	return s
}

func (t *snmpTree) add(oid snmp.OID, tag snmp.Type, content []byte) error {
	if len(t.oids)+len(oid) > math.MaxUint32 || len(t.values)+len(content) >= math.MaxUint32 {
		return errSNMPSize
	}
	if n := t.len(); n > 0 {
		switch c := oid.Compare(t.oid(n - 1)); {
		case c == 0:
			return fmt.Errorf("%s is there twice", oid)
		case c < 0:
			t.unsorted = true
		}
	}
	t.oids = append(t.oids, oid...)
	t.values = append(append(t.values, byte(tag)), content...)
	t.oidAt = append(t.oidAt, uint32(len(t.oids)))
	t.valueAt = append(t.valueAt, uint32(len(t.values)))
	return nil
}

func (t *snmpTree) len() int            { return len(t.oidAt) - 1 }
func (t *snmpTree) oid(i int) snmp.OID  { return t.oids[t.oidAt[i]:t.oidAt[i+1]:t.oidAt[i+1]] }
func (t *snmpTree) value(i int) []byte  { return t.values[t.valueAt[i]:t.valueAt[i+1]:t.valueAt[i+1]] }
func (t *snmpTree) moves(i int) bool    { return t.moving[i>>6]&(1<<(i&63)) != 0 }
func (t *snmpTree) setMoves(i int)      { t.moving[i>>6] |= 1 << (i & 63) }
func (t *snmpTree) tag(i int) snmp.Type { return snmp.Type(t.values[t.valueAt[i]]) }

// sort puts the variables in order, and finds those that are there twice.
func (t *snmpTree) sort() error {
	if !t.unsorted {
		return nil
	}
	order := make([]int, t.len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return t.oid(a).Compare(t.oid(b)) })
	sorted := snmpTree{
		oids: make([]byte, 0, len(t.oids)), values: make([]byte, 0, len(t.values)),
		oidAt: make([]uint32, 1, len(t.oidAt)), valueAt: make([]uint32, 1, len(t.valueAt)),
	}
	for _, i := range order {
		v := t.value(i)
		if err := sorted.add(t.oid(i), snmp.Type(v[0]), v[1:]); err != nil {
			return err
		}
	}
	*t = sorted
	return nil
}

// search is the first variable at o or behind it, and whether it is o. near is a guess: walks ask for
// what they were told last.
func (t *snmpTree) search(o snmp.OID, near int) (i int, found bool) {
	n := t.len()
	for i := near; i >= 0 && i < n && i <= near+1; i++ {
		if t.oid(i).Equal(o) {
			return i, true
		}
	}
	i = sort.Search(n, func(i int) bool { return t.oid(i).Compare(o) >= 0 })
	return i, i < n && t.oid(i).Equal(o)
}

// snmpAbsentMax bounds how many variables that are known not to be there are passed over in a search.
const snmpAbsentMax = 64

// object says whether o lies in an object that has instances: the variables beside it show where the
// object's name ends.
func (t *snmpTree) object(o snmp.OID) bool {
	i, _ := t.search(o, -1)
	before, behind := i-1, i
	for n := 0; n < snmpAbsentMax && before >= 0 && t.tag(before).Exception(); n++ {
		before--
	}
	for n := 0; n < snmpAbsentMax && behind < t.len() && t.tag(behind).Exception(); n++ {
		behind++
	}
	for _, k := range []int{before, behind} {
		if k < 0 || k >= t.len() {
			continue
		}
		if p := t.objectOf(k); p != nil && o.HasPrefix(p) {
			return true
		}
	}
	return false
}

// snmpEntryMin is how many numbers the name of a table's entry has at least: 1.3.6.1.2.1.2.2.1.
const snmpEntryMin = 9

// objectOf is the name of the object whose instance a variable is; nil if that cannot be told. A scalar's
// only instance ends in 0. A table's entry is number 1 of the table and has columns (RFC 2578, section
// 7.1.12), of which another one has the same index.
func (t *snmpTree) objectOf(i int) snmp.OID {
	o := t.oid(i)
	ends := make([]int, 0, len(o)) // where each number ends; the first stands for two
	for j, x := range o {
		if x < 0x80 {
			ends = append(ends, j+1)
		}
	}
	n := len(ends)
	var columns []int // where ends says that a column may end
	for k := snmpEntryMin - 1; k < n-1; k++ {
		if ends[k-1]-ends[k-2] == 1 && o[ends[k-1]-1] == 1 {
			columns = append(columns, k)
		}
	}
	scalar := n > 1 && o[len(o)-1] == 0 && ends[n-1]-ends[n-2] == 1
	if scalar {
		slices.Reverse(columns)
	}
	for _, k := range columns {
		if t.otherColumn(o, ends[k-1], ends[k]) {
			return o[:ends[k]]
		}
	}
	if scalar {
		return o[:ends[n-2]]
	}
	if len(columns) > 0 {
		return o[:ends[columns[0]]]
	}
	return nil
}

// otherColumn says whether the entry o[:entry] has an instance with o's index in another column than
// o[entry:column].
func (t *snmpTree) otherColumn(o snmp.OID, entry, column int) bool {
	if column-entry != 1 {
		return false
	}
	other := slices.Clone(o)
	for c := byte(1); c < 0x80; c++ {
		if other[entry] = c; c == o[entry] {
			continue
		}
		i, found := t.search(other, -1)
		if found {
			return true
		}
		if i >= t.len() || !t.oid(i).HasPrefix(o[:entry]) {
			return false
		}
		if next := t.oid(i); next[entry] < 0x80 && next[entry] > c {
			c = next[entry] - 1
		}
	}
	return false
}
