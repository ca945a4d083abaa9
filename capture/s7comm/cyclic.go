package s7comm

import (
	"time"

	"ringer/capture/wire"
)

// ParseCyclic reads the data of a subscription to cyclic data: how many items, how often, which. ok is
// false for what is none.
func ParseCyclic(b []byte) (items []Item, every time.Duration, ok bool) {
	if len(b) < 4 || b[0] != 0 {
		return nil, 0, false
	}
	units := [...]time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second}
	if int(b[2]) >= len(units) {
		return nil, 0, false
	}
	every = units[b[2]] * time.Duration(max(b[3], 1))
	list := append([]byte{b[1]}, b[4:]...) // read as the items of a job, which begin at odd offsets too
	r := wire.NewReader(list)
	items = readItems(&r, nil)
	return items, every, r.Err() == nil && r.Len() == 0
}

// AppendCyclic appends the data of an answer to a subscription, and of what is pushed because of it.
func AppendCyclic(b []byte, values []Value) []byte {
	return appendValues(append(b, 0, byte(len(values))), values)
}
