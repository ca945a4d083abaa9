package clone

import (
	"encoding/binary"
	"fmt"
	"time"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/profiles"
)

// A modbusUnit is what was seen of one unit identifier.
type modbusUnit struct {
	id        uint8
	functions [256]*modbusFunction
	tables    [4]modbusTable // as profiles.ModbusTables
	objects   map[uint8]string
	conform   uint8
	serverID  []byte
	status    *uint8
	heard     bool   // it has answered
	answersAs *uint8 // the identifier in its first answer, if it is not the one that was asked
	reads     [2]modbusReads
}

func newModbusUnit(id uint8, spill *profiles.Spill) *modbusUnit {
	u := &modbusUnit{id: id}
	for i := range u.tables {
		u.tables[i].spill = spill
	}
	return u
}

func (u *modbusUnit) function(req modbus.Message) *modbusFunction {
	f := &u.functions[modbusCode(req)]
	if *f == nil {
		*f = &modbusFunction{}
	}
	return *f
}

// modbusCode is the function code of a request as sent: scanners ask for codes above 127, too.
func modbusCode(req modbus.Message) uint8 {
	if raw, ok := req.(*modbus.Raw); ok {
		return uint8(raw.Function)
	}
	return uint8(req.Code())
}

// A modbusTable holds 65536 cells in pages.
type modbusTable struct {
	pages  [256]*modbusPage
	codes  map[int]modbus.ExceptionCode // of refusals, where it is not 2
	pairs  map[int]*modbusPair          // registers that may be halves of wider numbers, by the first one
	spill  *profiles.Spill
	beside *beside
}

type modbusPage struct {
	state [256]modbusState
	held  *modbusHeld // nil: of no cell of the page a value is known
}

type modbusHeld struct {
	value       [256]uint16 // the last one seen
	count       [256]uint32 // how often it was read, as long as it did not move
	first, last [256]int64  // when, in nanoseconds
	moved       map[uint8]*modbusMoved
}

// modbusState is what is known of a cell.
type modbusState uint8

const (
	modbusRead modbusState = 1 << iota
	modbusWritten
	modbusIllegal   // refused, and never answered
	modbusProtected // writes were refused, and it was never written
	modbusFilled    // never asked, between what answered
)

const modbusKnown = modbusRead | modbusWritten

// A modbusMoved cell was written, or read with different values.
type modbusMoved struct {
	track   profiles.Track
	trend   Trend
	written bool
}

func (t *modbusTable) page(address int) *modbusPage {
	p := &t.pages[address>>8]
	if *p == nil {
		*p = &modbusPage{}
	}
	return *p
}

func (t *modbusTable) state(address int) modbusState {
	if p := t.pages[address>>8]; p != nil {
		return p.state[address&0xFF]
	}
	return 0
}

func (t *modbusTable) mark(address int, s modbusState) { t.page(address).state[address&0xFF] |= s }

// value is what a cell holds as far as is known, else 0.
func (t *modbusTable) value(address int) uint16 {
	if p := t.pages[address>>8]; p != nil && p.held != nil {
		return p.held.value[address&0xFF]
	}
	return 0
}

// add takes a reading or a write. width is 1 for bits and 2 for registers. It says whether nothing was
// known of the cell before.
func (t *modbusTable) add(address int, v uint16, width int, at time.Time, write bool) (fresh bool) {
	p, i := t.page(address), uint8(address)
	now := at.UnixNano()
	state := p.state[i]
	fresh = state&modbusKnown == 0
	if write {
		p.state[i] |= modbusWritten
	} else {
		p.state[i] |= modbusRead
	}
	if p.held == nil {
		p.held = &modbusHeld{}
	}
	h := p.held
	m := h.moved[i]
	if m == nil {
		if !write && (fresh || h.value[i] == v) {
			if fresh {
				h.first[i] = now
			}
			h.value[i], h.last[i] = v, now
			h.count[i]++
			return fresh
		}
		m = &modbusMoved{}
		if h.moved == nil {
			h.moved = map[uint8]*modbusMoved{}
		}
		h.moved[i] = m
		if !fresh {
			text := fmt.Sprintf("%0*x*%d", 2*width, h.value[i], h.count[i])
			m.track, _ = profiles.ParseTrack(text)
			m.trend.Add(time.Unix(0, h.first[i]), uint64(h.value[i]), modbusBits(width))
			if h.last[i] > h.first[i] {
				m.trend.Add(time.Unix(0, h.last[i]), uint64(h.value[i]), modbusBits(width))
			}
		}
		m.track.SpillTo(t.spill)
	}
	h.value[i] = v
	m.written = m.written || write
	if width == 2 && !m.written {
		t.beside.heard(modbusHere{t, address}, at, uint64(v))
	}
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	m.track.Add(b[2-width:], write)
	if !m.written {
		m.trend.Add(at, uint64(v), modbusBits(width))
	}
	return fresh
}

func modbusBits(width int) int {
	if width == 1 {
		return 1
	}
	return 16
}

// observe takes an exchange into the cells. false: it says more than cells do, or something else.
func (u *modbusUnit) observe(s *Service, x *capture.Exchange, req, reply modbus.Message) bool {
	if len(reply.Head().Trailing) > 0 {
		return false
	}
	o := modbusObserver{u, s, x}
	switch q := req.(type) {
	case *modbus.ReadRequest:
		if int(q.Address)+int(q.Quantity) > 1<<16 {
			return false
		}
		switch r := reply.(type) {
		case *modbus.ReadBitsResponse:
			if !r.Answers(q) || modbusPadding(r, int(q.Quantity)) {
				return false
			}
			o.bits(int(q.Function)-1, q.Address, q.Quantity, r.Bits, false)
			u.readsOf(q.Function).largest = max(u.readsOf(q.Function).largest, q.Quantity)
			return true
		case *modbus.ReadRegistersResponse:
			if r.Function != q.Function || !r.Answers(q.Quantity) {
				return false
			}
			o.registers(int(q.Function)-1, q.Address, r.Registers, false)
			u.readsOf(q.Function).largest = max(u.readsOf(q.Function).largest, q.Quantity)
			return true
		}
	case *modbus.WriteSingle:
		r, ok := reply.(*modbus.WriteSingle)
		return ok && r.Address == q.Address && r.Value == q.Value && o.write(req)
	case *modbus.WriteMultipleRequest:
		r, ok := reply.(*modbus.WriteMultipleResponse)
		return ok && r.Address == q.Address && r.Quantity == q.Quantity && o.write(req)
	case *modbus.MaskWrite:
		r, ok := reply.(*modbus.MaskWrite)
		return ok && r.Address == q.Address && r.And == q.And && r.Or == q.Or && o.write(req)
	case *modbus.ReadWriteRequest:
		r, ok := reply.(*modbus.ReadRegistersResponse)
		if !ok || !r.Answers(q.ReadQuantity) || int(q.ReadAddress)+int(q.ReadQuantity) > 1<<16 || !o.write(req) {
			return false
		}
		o.registers(profiles.ModbusHoldings, q.ReadAddress, r.Registers, false)
		return true
	case *modbus.Diagnostic:
		r, ok := reply.(*modbus.Diagnostic)
		return ok && q.SubFunction == modbus.ReturnQueryData && r.SubFunction == q.SubFunction && string(r.Data) == string(q.Data)
	}
	return false
}

// write takes what a request that the specification lets through writes.
func (o modbusObserver) write(req modbus.Message) bool {
	for _, r := range modbusRanges(req) {
		if r.first+r.n > 1<<16 {
			return false
		}
	}
	switch q := req.(type) {
	case *modbus.WriteSingle:
		if q.Function == modbus.WriteSingleCoil {
			o.bits(profiles.ModbusCoils, q.Address, 1, []byte{byte(q.Value >> 15)}, true)
		} else {
			o.register(q.Address, q.Value)
		}
	case *modbus.WriteMultipleRequest:
		if q.Function == modbus.WriteMultipleCoils {
			o.bits(profiles.ModbusCoils, q.Address, q.Quantity, q.Values, true)
		} else {
			o.registers(profiles.ModbusHoldings, q.Address, q.Values, true)
		}
	case *modbus.MaskWrite:
		v := o.u.tables[profiles.ModbusHoldings].value(int(q.Address))
		o.register(q.Address, v&q.And|q.Or&^q.And)
	case *modbus.ReadWriteRequest:
		o.registers(profiles.ModbusHoldings, q.WriteAddress, q.Values, true)
	}
	return true
}

// A modbusExtent is a range of one table that a request touches.
type modbusExtent struct {
	table, first, n int
	write           bool
}

func modbusRanges(req modbus.Message) []modbusExtent {
	switch q := req.(type) {
	case *modbus.ReadRequest:
		return []modbusExtent{{int(q.Function) - 1, int(q.Address), int(q.Quantity), false}}
	case *modbus.WriteSingle:
		table := profiles.ModbusHoldings
		if q.Function == modbus.WriteSingleCoil {
			table = profiles.ModbusCoils
		}
		return []modbusExtent{{table, int(q.Address), 1, true}}
	case *modbus.WriteMultipleRequest:
		table := profiles.ModbusHoldings
		if q.Function == modbus.WriteMultipleCoils {
			table = profiles.ModbusCoils
		}
		return []modbusExtent{{table, int(q.Address), int(q.Quantity), true}}
	case *modbus.MaskWrite:
		return []modbusExtent{{profiles.ModbusHoldings, int(q.Address), 1, true}}
	case *modbus.ReadWriteRequest:
		return []modbusExtent{{profiles.ModbusHoldings, int(q.WriteAddress), int(q.WriteQuantity), true},
			{profiles.ModbusHoldings, int(q.ReadAddress), int(q.ReadQuantity), false}}
	}
	return nil
}

// modbusPadding says whether bits are set behind those asked for.
func modbusPadding(r *modbus.ReadBitsResponse, quantity int) bool {
	for i := quantity; i < 8*len(r.Bits); i++ {
		if r.Bit(i) {
			return true
		}
	}
	return false
}

type modbusObserver struct {
	u *modbusUnit
	s *Service
	x *capture.Exchange
}

func (o modbusObserver) bits(table int, address, quantity uint16, v []byte, write bool) {
	fresh := false
	for i := range int(quantity) {
		bit := uint16(v[i/8] >> (i % 8) & 1)
		fresh = o.u.tables[table].add(int(address)+i, bit, 1, o.x.At, write) || fresh
	}
	o.saw(fresh, table, address, int(quantity))
}

func (o modbusObserver) registers(table int, address uint16, v []byte, write bool) {
	fresh := false
	for i := 0; i+1 < len(v); i += 2 {
		fresh = o.u.tables[table].add(int(address)+i/2, binary.BigEndian.Uint16(v[i:]), 2, o.x.At, write) || fresh
	}
	if !write {
		o.u.tables[table].watchPairs(int(address), len(v)/2, o.x.At)
	}
	o.saw(fresh, table, address, len(v)/2)
}

func (o modbusObserver) register(address, v uint16) {
	fresh := o.u.tables[profiles.ModbusHoldings].add(int(address), v, 2, o.x.At, true)
	o.saw(fresh, profiles.ModbusHoldings, address, 1)
}

func (o modbusObserver) saw(fresh bool, table int, address uint16, n int) {
	if fresh {
		span := profiles.ModbusSpan{First: address, Last: address + uint16(n-1)}
		o.s.Saw(fmt.Sprintf("%s-%s unit %d %s %s", o.s.Protocol, o.s.Port, o.u.id, profiles.ModbusTables[table], span), o.x)
	}
}

// assume takes a request whose answer the recording lost: whoever asks again in the recorded order asks
// this, too, and must not get ahead of the recording. A write was carried out; what a read gave is not
// known, and what it had given last stands for it.
func (u *modbusUnit) assume(s *Service, x *capture.Exchange, req modbus.Message) {
	if modbus.Refusal(req) != 0 {
		return
	}
	o := modbusObserver{u, s, x}
	for _, r := range modbusRanges(req) {
		if r.first+r.n > 1<<16 {
			return
		}
		if r.write {
			o.write(req)
			continue
		}
		width, t := 2, &u.tables[r.table]
		if r.table <= profiles.ModbusDiscretes {
			width = 1
		}
		for a := r.first; a < r.first+r.n; a++ {
			if t.state(a)&modbusKnown != 0 {
				t.add(a, t.value(a), width, x.At, false)
			}
		}
	}
}

// identify takes what the device says of itself.
func (u *modbusUnit) identify(reply modbus.Message) {
	switch r := reply.(type) {
	case *modbus.ReadDeviceIDResponse:
		if u.objects == nil {
			u.objects = map[uint8]string{}
		}
		u.conform = r.Conformity
		for _, o := range r.Objects {
			if r.ReadCode == modbus.OneObject && len(o.Value) == 0 {
				continue // some say so of objects that are not there
			}
			u.objects[o.ID] = string(o.Value)
		}
	case *modbus.ServerID:
		u.serverID = append([]byte{}, r.Data...)
	case *modbus.ExceptionStatus:
		u.status = &r.Status
	}
}
