package clone

import (
	"cmp"
	"slices"

	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// Finish decides what the exchanges put aside mean, and writes the section.
func (l *modbusLearner) Finish(out *Output) (profiles.Section, error) {
	if l.prelude != nil {
		l.begin()
	}
	sections := map[uint8]*profiles.ModbusUnit{}
	for _, q := range l.order {
		for i := range q.aside {
			c, err := l.recall(&q.aside[i])
			if err != nil {
				return nil, err
			}
			c.bound()
		}
	}
	for id, u := range l.units {
		if u == nil {
			continue
		}
		sec, err := u.section(l, out)
		if err != nil {
			return nil, err
		}
		sections[uint8(id)] = sec
	}
	if len(sections) == 0 {
		return nil, nil
	}
	if err := l.judgeFunctions(sections); err != nil {
		return nil, err
	}
	if err := l.keepTheRest(sections); err != nil {
		return nil, err
	}
	m := l.place(sections)
	var err error
	if m.Samples, err = l.samples(out); err != nil {
		return nil, err
	}
	id := &out.Device.Identity
	if m.Identify != nil {
		nameDevice(id, m.Identify)
	} else if only := onlyUnit(m.Units.Map); only != nil && only.Identify != nil {
		nameDevice(id, only.Identify) // many devices answer one unit identifier, and refuse the rest as gateways do
	}
	id.Model = cmp.Or(id.Model, l.umas)
	return m, nil
}

// umasModel is the name of the processor in the answer to UMAS function 0x02 (read id), which Modicon
// controllers give behind function 90: session, 0xFE, 22 bytes, then the name behind its length. UMAS is
// not published; this is as the captures have it.
func umasModel(req, reply modbus.Message) string {
	const umas, readID, ok, nameAt = 0x5A, 0x02, 0xFE, 24
	q, isRaw := req.(*modbus.Raw)
	r, isRaw2 := reply.(*modbus.Raw)
	if !isRaw || !isRaw2 || q.Function != umas || r.Function != umas || len(q.Data) < 2 || q.Data[1] != readID ||
		len(r.Data) <= nameAt || r.Data[1] != ok || len(r.Data)-nameAt-1 < int(r.Data[nameAt]) {
		return ""
	}
	name := string(r.Data[nameAt+1 : nameAt+1+int(r.Data[nameAt])])
	for _, c := range name {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return name
}

// onlyUnit is the one unit that is there, if it is the only one.
func onlyUnit(units map[uint8]*profiles.ModbusUnit) (only *profiles.ModbusUnit) {
	for _, u := range units {
		if there(u) {
			if only != nil {
				return nil
			}
			only = u
		}
	}
	return only
}

func nameDevice(id *profiles.Identity, m *profiles.ModbusIdentify) {
	id.Vendor = cmp.Or(m.Vendor, id.Vendor) // the device says its vendor here; elsewhere it is inferred
	id.Model = cmp.Or(id.Model, m.Model, m.Name)
	id.Order = cmp.Or(id.Order, m.Product)
	id.Firmware = cmp.Or(id.Firmware, m.Revision)
}

// bound learns from a refusal where the unit's tables end: all cells of the request that never answered
// are illegal. A refused write to cells that answer says that they are read-only.
func (a *modbusCase) bound() {
	e, ok := a.reply.(*modbus.Exception)
	if !ok || modbus.Refusal(a.req) != 0 {
		return
	}
	ranges := modbusRanges(a.req)
	known, count := 0, 0
	for _, r := range ranges {
		for c := r.first; c < min(r.first+r.n, 1<<16); c++ {
			count++
			if a.unit.tables[r.table].state(c)&modbusKnown != 0 {
				known++
			}
		}
	}
	switch {
	case e.Reason == modbus.IllegalDataAddress && known < count,
		(e.Reason == modbus.IllegalDataValue || e.Reason == modbus.ServerDeviceFailure) && known == 0:
		for _, r := range ranges {
			t := &a.unit.tables[r.table]
			for c := r.first; c < min(r.first+r.n, 1<<16); c++ {
				if t.state(c)&modbusKnown == 0 {
					t.forbid(c, e.Reason)
				}
			}
		}
	case known == count && len(ranges) == 1 && !ranges[0].write:
		a.unit.tooMany(a.req.(*modbus.ReadRequest), e.Reason)
	case len(ranges) == 1 && ranges[0].write:
		r := ranges[0]
		for c := r.first; c < min(r.first+r.n, 1<<16); c++ {
			if t := &a.unit.tables[r.table]; t.state(c)&modbusWritten == 0 {
				t.protect(c, e.Reason)
			}
		}
	}
}

// section describes the unit's cells and identity.
func (u *modbusUnit) section(l *modbusLearner, out *Output) (*profiles.ModbusUnit, error) {
	sec := &profiles.ModbusUnit{Status: u.status, ServerID: u.serverID, AnswersAs: u.answersAs, Most: u.most()}
	if u.objects != nil {
		sec.Identify = modbusIdentify(u.objects, u.conform)
	}
	return sec, u.describe(l, out, sec)
}

func modbusIdentify(objects map[uint8]string, conformity uint8) *profiles.ModbusIdentify {
	m := &profiles.ModbusIdentify{Conformity: conformity}
	for id, v := range objects {
		switch id {
		case modbus.VendorName:
			m.Vendor = v
		case modbus.ProductCode:
			m.Product = v
		case modbus.MajorMinorRevision:
			m.Revision = v
		default:
			m.SetObject(id, v)
		}
	}
	return m
}

// outcome is the refusal that a section gives to a request; 0 and false: it answers. It follows the order
// in which emulate refuses.
func (u *modbusUnit) outcome(sec *profiles.ModbusUnit, req modbus.Message) (code modbus.ExceptionCode, silent bool) {
	f := modbusCode(req)
	switch {
	case sec.Silent || slices.Contains(sec.Functions.Silent, f):
		return 0, true
	case sec.Refuse != 0:
		return modbus.ExceptionCode(sec.Refuse), false
	case sec.Functions.Deny[f] != 0:
		return modbus.ExceptionCode(sec.Functions.Deny[f]), false
	case !sec.Serves(f):
		return modbus.IllegalFunction, false
	}
	if code := sec.Most.Refusal(req); code != 0 {
		return code, false
	}
	if q, ok := req.(*modbus.ReadDeviceIDRequest); ok {
		if sec.Identify == nil {
			return modbus.IllegalFunction, false
		}
		return identification(sec.Identify).Answer(q, &modbus.ReadDeviceIDResponse{}), false
	}
	outside := cmp.Or(modbus.ExceptionCode(sec.Outside), modbus.IllegalDataAddress)
	for _, r := range modbusRanges(req) {
		t := &u.tables[r.table]
		for c := r.first; c < min(r.first+r.n, 1<<16); c++ {
			switch s := t.state(c); {
			case s&modbusKnown == 0 && s&modbusIllegal != 0:
				return t.code(c), false
			case s&(modbusKnown|modbusFilled) == 0:
				return outside, false
			case r.write && s&modbusProtected != 0 && s&modbusWritten == 0:
				return t.code(c), false
			}
		}
		if r.first+r.n > 1<<16 {
			return modbus.IllegalDataAddress, false
		}
	}
	return 0, false
}

// identification is what the decoy says of itself.
func identification(m *profiles.ModbusIdentify) *modbus.Identification {
	id := &modbus.Identification{Conformity: m.Level()}
	for _, o := range m.List() {
		id.Objects = append(id.Objects, modbus.Object{ID: o.ID, Value: []byte(o.Text)})
	}
	return id
}

// expressed says whether the section by itself does what was seen.
func (l *modbusLearner) expressed(a *modbusCase, sec *profiles.ModbusUnit) bool {
	code, silent := a.unit.outcome(sec, a.req)
	if a.reply == nil {
		return silent
	}
	if silent || len(a.x.Replies) != 1 || len(a.reply.Head().Trailing) > 0 || a.reply.Head().Unit != a.unit.name(a.req) {
		return false
	}
	switch r := a.reply.(type) {
	case *modbus.Exception:
		as := a.req.Code()
		if l.nameless[code] && !l.named[code] {
			as = 0
		}
		return r.Reason == code && r.Function == as
	case *modbus.ExceptionStatus:
		return code == 0 && sec.Status != nil && *sec.Status == r.Status
	case *modbus.ServerID:
		return code == 0 && string(sec.ServerID) == string(r.Data)
	case *modbus.ReadDeviceIDResponse:
		q, ok := a.req.(*modbus.ReadDeviceIDRequest)
		if !ok || code != 0 || sec.Identify == nil {
			return false
		}
		got := modbus.ReadDeviceIDResponse{Header: r.Header}
		return identification(sec.Identify).Answer(q, &got) == 0 && sameModbusReplies(a.x.Replies, []wire.Message{&got})
	}
	return false
}

// keepTheRest hands what no cell and no rule expresses to the recorder, and tells it of the other askings
// of those questions.
func (l *modbusLearner) keepTheRest(sections map[uint8]*profiles.ModbusUnit) error {
	for h, q := range l.aside {
		q.times = max(q.times, int(l.asked[h]))
	}
	var whole []bool // which of the question's runs are to be kept
	for _, q := range l.order {
		rest, first := false, modbusCase{}
		whole = whole[:0]
		for i := range q.aside {
			c, err := l.recall(&q.aside[i])
			if err != nil {
				return err
			}
			if i == 0 {
				first = c
			}
			whole = append(whole, !l.expressed(&c, sections[c.unit.id]))
			rest = rest || whole[i]
		}
		if !rest {
			continue
		}
		i, n := 0, -1 // n: the run that c is of
		var c modbusCase
		for k := 1; k <= q.times; k++ {
			for i < len(q.aside) && int(q.aside[i].to) < k {
				i++
			}
			if i == len(q.aside) || int(q.aside[i].from) > k || !whole[i] {
				l.s.Record.Count(&first.x)
				continue
			}
			if n != i {
				var err error
				if c, err = l.recall(&q.aside[i]); err != nil {
					return err
				}
				n = i
			}
			l.s.Record.Keep(&c.x)
		}
	}
	return nil
}
