package clone

import (
	"encoding/binary"
	"maps"
	"slices"

	"ringer/capture/ipmi"
)

// An ipmiRecord is a sensor data record.
type ipmiRecord []byte

// The kinds of records that are looked into (section 43).
const (
	sdrFull       = 0x01
	sdrCompact    = 0x02
	sdrEventOnly  = 0x03
	sdrFRULocator = 0x11
	sdrHead       = 5 // bytes of its header; the last is how many follow
)

func (r ipmiRecord) kind() byte {
	if len(r) < 8 {
		return 0
	}
	return r[3]
}

// An ipmiReader reads records in parts, which get shorter when the controller cannot give so much.
type ipmiReader struct {
	a       *ipmiTour
	group   ipmi.NetFn
	reserve uint8 // command
	read    uint8
	number  [2]byte // of the reservation
	good    int     // how much was given at once
	bad     int     // how much was too much; 0: nothing yet
}

// chunk is how much to ask for next: more and more nearly as much as is given, so that it is known.
func (p *ipmiReader) chunk() int {
	switch {
	case p.bad == 0:
		return ipmiChunk
	case p.bad-p.good > 1:
		return (p.good + p.bad) / 2
	}
	return p.good
}

const (
	// ipmiChunk is how much of a record is asked for at once.
	ipmiChunk = 64
	// ipmiReserves is how often a part is asked for whose reservation somebody else canceled.
	ipmiReserves = 8
	// ipmiFRUUsual is how many inventories are asked for that nothing names.
	ipmiFRUUsual = 16
)

// get asks for a part of a record.
func (p *ipmiReader) get(id uint16, offset, count int) (r ipmiAnswer, err error) {
	for range ipmiReserves {
		data := binary.LittleEndian.AppendUint16(slices.Clone(p.number[:]), id)
		r, err = p.a.ask(p.group, p.read, append(data, byte(offset), byte(count))...)
		if err != nil || !r.heard || r.code != ipmi.ReservationCanceled {
			return r, err
		}
		if err = p.reserved(); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (p *ipmiReader) reserved() error {
	r, err := p.a.ask(p.group, p.reserve)
	if err == nil && r.has(2) {
		copy(p.number[:], r.data)
	}
	return err
}

// tooMuch says whether a code refuses a part for its length.
func (r ipmiAnswer) tooMuch() bool {
	return r.heard && (r.code == ipmi.CannotReturnSo || r.code == ipmi.DataTooLong || r.code == ipmi.DataLengthInvalid ||
		r.code == ipmi.ParameterOutOfRange || r.code == ipmi.Unspecified)
}

// record asks for a whole record; nil: it cannot be read. Next is the one behind it.
func (p *ipmiReader) record(id uint16) (rec ipmiRecord, next uint16, err error) {
	r, err := p.get(id, 0, sdrHead)
	if err != nil || !r.has(2+sdrHead) {
		return nil, 0xffff, err
	}
	next = binary.LittleEndian.Uint16(r.data)
	rec = append(rec, r.data[2:2+sdrHead]...)
	size := sdrHead + int(rec[4])
	for len(rec) < size {
		n := min(p.chunk(), size-len(rec))
		r, err := p.get(id, len(rec), n)
		switch {
		case err != nil:
			return nil, next, err
		case r.tooMuch() && n > 1:
			if p.bad = n; p.good >= n {
				p.good = n / 2
			}
		case !r.has(3):
			p.good, p.bad = 0, 0 // it is this record
			return nil, next, nil
		default:
			p.good = max(p.good, n)
			rec = append(rec, r.data[2:min(len(r.data), 2+n)]...)
		}
	}
	return rec, next, nil
}

// all asks for all records.
func (p *ipmiReader) all(what string) error {
	if err := p.reserved(); err != nil {
		return err
	}
	seen := map[uint16]bool{}
	for id := uint16(0); id != 0xffff; {
		if seen[id] || len(seen) >= ipmiRecordsMax {
			p.a.v.Remark("ipmi", Suspicious, "%s: they do not end, or go round in a circle, at record %04x", what, id)
			return nil
		}
		seen[id] = true
		rec, next, err := p.record(id)
		if err != nil {
			return err
		}
		if rec != nil && rec.kind() != 0 {
			p.a.found = append(p.a.found, rec)
			if rec.kind() == sdrFRULocator && rec[7]&0x80 != 0 {
				p.a.fruIDs[rec[6]] = true
			}
		}
		id = next
	}
	return nil
}

// repository asks for the sensor data records (section 33).
func (a *ipmiTour) repository() error {
	info, err := a.ask(ipmi.Storage, 0x20)
	if err != nil || info.missing() {
		return err
	}
	for _, cmd := range []uint8{0x21, 0x28} { // allocation, time
		if _, err := a.ask(ipmi.Storage, cmd); err != nil {
			return err
		}
	}
	p := &ipmiReader{a: a, group: ipmi.Storage, reserve: 0x22, read: 0x23}
	if err := p.all("sensor data records"); err != nil {
		return err
	}
	a.v.Remark("ipmi", Fact, "%d sensor data records", len(a.found))
	return nil
}

// deviceRecords asks for those that the controller has for itself (section 35).
func (a *ipmiTour) deviceRecords() error {
	for _, data := range [][]byte{nil, {0}, {1}} {
		r, err := a.ask(ipmi.Sensor, 0x20, data...)
		if err != nil || r.missing() {
			return err
		}
	}
	before := len(a.found)
	p := &ipmiReader{a: a, group: ipmi.Sensor, reserve: 0x22, read: 0x21}
	err := p.all("device sensor data records")
	if n := len(a.found) - before; n > 0 {
		a.v.Remark("ipmi", Fact, "%d device sensor data records", n)
	}
	return err
}

// inventories asks for those that records name, and for the first numbers (section 34).
func (a *ipmiTour) inventories() error {
	for id := range byte(ipmiFRUUsual) {
		a.fruIDs[id] = true
	}
	found := 0
	for _, id := range slices.Sorted(maps.Keys(a.fruIDs)) {
		r, err := a.ask(ipmi.Storage, 0x10, id)
		switch {
		case err != nil:
			return err
		case r.missing():
			return nil
		case !r.has(3):
			continue
		}
		found++
		if err := a.inventory(id, int(binary.LittleEndian.Uint16(r.data)), r.data[2]&1 != 0); err != nil {
			return err
		}
	}
	a.v.Remark("ipmi", Fact, "%d inventories", found)
	return nil
}

// inventory asks for the contents of one. Words: it is read two bytes at a time.
func (a *ipmiTour) inventory(id uint8, size int, words bool) error {
	unit := 1
	if words {
		unit = 2
	}
	chunk := ipmiChunk
	for at := 0; at < size; {
		n := min(chunk, size-at)
		r, err := a.ask(ipmi.Storage, 0x11, id, byte(at/unit), byte(at/unit>>8), byte((n+unit-1)/unit))
		switch {
		case err != nil:
			return err
		case r.tooMuch() && n > unit:
			chunk = max(unit, n/2)
		case !r.has(2) || r.data[0] == 0:
			return nil
		default:
			at += int(r.data[0]) * unit
		}
	}
	return nil
}

// log asks for the log of events (section 31).
func (a *ipmiTour) log() error {
	info, err := a.ask(ipmi.Storage, 0x40)
	if err != nil || info.missing() {
		return err
	}
	for _, cmd := range []uint8{0x41, 0x48, 0x5c} { // allocation, time, offset
		if _, err := a.ask(ipmi.Storage, cmd); err != nil {
			return err
		}
	}
	p := &ipmiReader{a: a, group: ipmi.Storage, reserve: 0x42, read: 0x43}
	if err := p.reserved(); err != nil {
		return err
	}
	n := 0
	seen := map[uint16]bool{}
	for id := uint16(0); id != 0xffff && n < a.Events; {
		if seen[id] {
			a.v.Remark("ipmi", Suspicious, "the log of events goes round in a circle, at entry %04x", id)
			break
		}
		seen[id] = true
		r, err := p.get(id, 0, 0xff)
		if err != nil {
			return err
		}
		if !r.has(2 + selSize(nil)) {
			break
		}
		n++
		id = binary.LittleEndian.Uint16(r.data)
	}
	a.v.Remark("ipmi", Fact, "%d events in the log", n)
	return nil
}
