package clone

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"ringer/capture"
	"ringer/capture/ipmi"
	"ringer/profiles"
)

// ipmiRecords puts together what is read in parts: sensor data records, events and inventories.
type ipmiRecords struct {
	sdr, sel ipmiChain
	fru      map[uint8]*ipmiImage
	fruMost  uint8                 // the longest part that was given
	fruLimit *profiles.IPMIReadFRU // how more was refused
	empty    bool                  // the log of events was seen empty
	skew     time.Duration         // how far its clock is ahead
	changed  bool                  // somebody changed the log: what is read from then on is not what was there
}

// An ipmiChain is a list of records, each of which names the next.
type ipmiChain struct {
	records map[uint16]*ipmiImage
	next    map[uint16]uint16
	first   uint16
	begun   bool
	most    uint8 // the longest part that was given
	refused uint8 // the shortest that was too long
}

// An ipmiImage is bytes of which some are known.
type ipmiImage struct {
	data  []byte
	known []bool
	size  int // 0: not known
	words bool
}

// ipmiImageMax bounds an inventory; ipmiRecordsMax the records of a chain.
const (
	ipmiImageMax   = 1 << 16
	ipmiRecordsMax = 1 << 12
)

// ipmiSkew is how far a clock may be off that follows the time.
const ipmiSkew = 2 * time.Second

func newIPMIRecords() ipmiRecords {
	chain := func() ipmiChain { return ipmiChain{records: map[uint16]*ipmiImage{}, next: map[uint16]uint16{}} }
	return ipmiRecords{sdr: chain(), sel: chain(), fru: map[uint8]*ipmiImage{}}
}

func (m *ipmiImage) put(at int, b []byte) {
	if at+len(b) > ipmiImageMax {
		return
	}
	for len(m.data) < at+len(b) {
		m.data, m.known = append(m.data, 0xff), append(m.known, false)
	}
	copy(m.data[at:], b)
	for i := range b {
		m.known[at+i] = true
	}
}

func (m *ipmiImage) whole(n int) bool {
	return len(m.data) >= n && !slices.Contains(m.known[:n], false)
}

// take files a part of a record.
func (c *ipmiChain) take(id, next uint16, offset, count uint8, data []byte) {
	if id == 0 && offset == 0 && len(data) >= 2 {
		id = binary.LittleEndian.Uint16(data)
		c.first, c.begun = id, true
	} else if id == 0 {
		id = c.first
	}
	m := c.records[id]
	if m == nil {
		if len(c.records) >= ipmiRecordsMax {
			return
		}
		m = &ipmiImage{}
		c.records[id] = m
	}
	m.put(int(offset), data)
	c.next[id] = next
	if count != 0xff {
		c.most = max(c.most, count)
	}
}

// file is all records, one behind the other, in their order; false: some are missing. size is that of a
// record by its beginning.
func (c *ipmiChain) file(size func(b []byte) int) (out []byte, ok bool) {
	if !c.begun {
		return nil, false
	}
	seen := map[uint16]bool{}
	for id := c.first; ; id = c.next[id] {
		m := c.records[id]
		if m == nil || seen[id] {
			return nil, false
		}
		seen[id] = true
		n := size(m.data)
		if n == 0 || !m.whole(n) {
			return nil, false
		}
		out = append(out, m.data[:n]...)
		if c.next[id] == 0xffff {
			return out, true
		}
	}
}

func sdrSize(b []byte) int {
	if len(b) < 5 {
		return 0
	}
	return 5 + int(b[4])
}

func selSize([]byte) int { return 16 }

// record files what is about records; true: the images answer it.
func (l *ipmiLearner) record(x *capture.Exchange, q *ipmi.Command, r *ipmi.Reply) bool {
	rec := &l.records
	part := func() bool {
		l.sample(&l.parts, profiles.IPMICell(q.Target, ipmiUnreserved(q)), append([]byte{byte(r.Code)}, r.Data(nil)...), x)
		return true
	}
	switch b := q.Body.(type) {
	case *ipmi.GetSDR:
		return rec.sdr.read(b.Record, b.Offset, b.Count, r) && part()
	case *ipmi.GetDeviceSDR:
		l.sample(&l.inside, profiles.IPMICell(q.Target, ipmiUnreserved(q)), append([]byte{byte(r.Code)}, r.Data(nil)...), x)
		return rec.sdr.read(b.Record, b.Offset, b.Count, r)
	case *ipmi.GetSELEntry:
		if rec.changed {
			return true
		}
		if r.Code == ipmi.NotPresent && b.Record == 0 {
			rec.empty = true
		}
		return rec.sel.read(b.Record, b.Offset, b.Count, r) && part()
	case *ipmi.AddSELEntry, *ipmi.DeleteSELEntry:
		rec.changed = rec.changed || r.Code == ipmi.CodeOK
		return r.Code == ipmi.CodeOK
	case *ipmi.ClearSEL:
		rec.changed = rec.changed || r.Code == ipmi.CodeOK && b.Action == 0xaa
		return r.Code == ipmi.CodeOK || r.Code == ipmi.ReservationCanceled
	case *ipmi.GetFRUInfo:
		if a, ok := r.Body.(*ipmi.GetFRUInfoReply); ok && r.Code == ipmi.CodeOK {
			m := rec.inventory(b.FRU)
			m.size, m.words = int(a.Size), a.Access&1 != 0
		}
		return false // a cell, too
	case *ipmi.ReadFRU:
		a, ok := r.Body.(*ipmi.ReadFRUReply)
		if ok && r.Code == ipmi.CodeOK {
			m := rec.inventory(b.FRU)
			at := int(b.Offset)
			if m.words {
				at *= 2
			}
			m.put(at, a.Data)
			rec.fruMost = max(rec.fruMost, b.Count)
		}
		switch r.Code {
		case ipmi.CannotReturnSo, ipmi.DataTooLong, ipmi.DataLengthInvalid:
			rec.fruLimit = &profiles.IPMIReadFRU{Code: uint8(r.Code)}
		}
		return part()
	}
	switch b := r.Body.(type) {
	case *ipmi.GetSELInfoReply:
		rec.empty = rec.empty || b.Entries == 0 && !rec.changed && !rec.sel.begun
	case *ipmi.GetSELTimeReply:
		rec.skew = time.Unix(int64(b.Time), 0).Sub(x.At).Round(time.Second)
	}
	switch {
	case q.NetFn == ipmi.Storage && (q.Cmd == 0x22 || q.Cmd == 0x42):
		return r.Code == ipmi.CodeOK
	case q.NetFn == ipmi.Sensor && q.Cmd == 0x22 && r.Code == ipmi.CodeOK:
		// that there is the command says the cell; the number is given anew
		l.sample(&l.inside, profiles.IPMICell(q.Target, q.Data(nil)), []byte{0, 1, 0}, x)
		return true
	case q.NetFn == ipmi.Storage && q.Cmd == 0x40 && rec.changed:
		return true
	}
	return false
}

func (r *ipmiRecords) inventory(id uint8) *ipmiImage {
	m := r.fru[id]
	if m == nil {
		m = &ipmiImage{}
		r.fru[id] = m
	}
	return m
}

// read takes one answer. What is refused is the decoy's to refuse, too.
func (c *ipmiChain) read(id uint16, offset, count uint8, r *ipmi.Reply) bool {
	switch b := r.Body.(type) {
	case *ipmi.GetSDRReply:
		if r.Code == ipmi.CodeOK {
			c.take(id, b.Next, offset, count, b.Data)
		}
	case *ipmi.GetDeviceSDRReply:
		if r.Code == ipmi.CodeOK {
			c.take(id, b.Next, offset, count, b.Data)
		}
	case *ipmi.GetSELEntryReply:
		if r.Code == ipmi.CodeOK {
			c.take(id, b.Next, offset, count, b.Data)
		}
	}
	if r.Code == ipmi.CannotReturnSo && (c.refused == 0 || count < c.refused) {
		c.refused = count
	}
	return true
}

// ipmiUnreserved is the data of a command without the reservation, which is given anew every time.
func ipmiUnreserved(q *ipmi.Command) []byte {
	b := q.Data(nil)
	switch q.Body.(type) {
	case *ipmi.GetSDR, *ipmi.GetDeviceSDR, *ipmi.GetSELEntry, *ipmi.DeleteSELEntry, *ipmi.ClearSEL:
		b[0], b[1] = 0, 0
	}
	return b
}

// finishRecords writes what is whole, and the parts of what is not into the cells.
func (l *ipmiLearner) finishRecords(sec *profiles.IPMI, out *Output) error {
	rec := &l.records
	if rec.skew < -ipmiSkew || rec.skew > ipmiSkew {
		sec.Skew = rec.skew
	}
	whole := map[ipmi.Target]bool{}
	write := func(name string, b []byte) (string, error) {
		name = "ipmi/" + name + "-" + l.s.Capture + ".bin"
		return name, out.file(name, b)
	}
	var err error
	if b, ok := rec.sdr.file(sdrSize); ok {
		if sec.SDR, err = write("sdr", b); err != nil {
			return err
		}
		if rec.sdr.refused > rec.sdr.most {
			sec.ReadMost = rec.sdr.most
		}
		whole[ipmi.Target{NetFn: ipmi.Storage, Cmd: 0x23}] = true
	}
	if b, ok := rec.sel.file(selSize); ok || rec.empty {
		if sec.SEL, err = write("sel", b); err != nil {
			return err
		}
		whole[ipmi.Target{NetFn: ipmi.Storage, Cmd: 0x43}] = true
	}
	for _, id := range slices.Sorted(maps.Keys(rec.fru)) {
		m := rec.fru[id]
		if m.size == 0 || len(m.data) == 0 {
			continue
		}
		for len(m.data) < m.size {
			m.data = append(m.data, 0xff)
		}
		if sec.FRU == nil {
			sec.FRU = map[uint8]string{}
		}
		if sec.FRU[id], err = write(fmt.Sprintf("fru%d", id), m.data[:m.size]); err != nil {
			return err
		}
	}
	if sec.ReadFRU = rec.fruLimit; rec.fruLimit != nil {
		rec.fruLimit.Most = rec.fruMost
	}
	for _, name := range l.parts.order {
		t, data, _, _ := profiles.ParseIPMICell(name)
		if whole[t] || t.Cmd == 0x11 && len(data) > 0 && sec.FRU[data[0]] != "" {
			continue
		}
		l.inside.cells[name] = l.parts.cells[name]
		l.inside.order = append(l.inside.order, name)
	}
	return nil
}
