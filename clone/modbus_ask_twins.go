package clone

import (
	"context"

	"ringer/capture/modbus"
	"ringer/profiles"
)

const (
	// modbusTwinTries is how often both are asked a question until they say the same: values move.
	modbusTwinTries = 3
	// modbusTwinRuns ranges of a table, and blocks, are compared.
	modbusTwinRuns = 3
)

// alias finds the unit that the device itself is known by, too, among those that were asked; nil: none. It takes
// some dozen questions, where looking for all that it holds takes thousands.
func (a *modbusAsking) alias(ctx context.Context, u *modbusAsked, units []*modbusAsked) (*modbusAsked, error) {
	if u.id != 0 && u.id != 255 || a.p == (modbus.RTU{}) {
		return nil, nil
	}
	for _, v := range units {
		if v == u || v.gone || v.id == 0 || v.id >= modbusReservedFirst || v.cells() == 0 {
			continue
		}
		if same, err := a.twins(ctx, u, v); err != nil || same {
			return v, err
		}
	}
	return nil, nil
}

// twins asks both the same, in turns, until they say something different.
func (a *modbusAsking) twins(ctx context.Context, u, known *modbusAsked) (bool, error) {
	questions := known.telling()
	a.expect(2 * len(questions))
	var t modbusTwins
	said := func(id uint8, q modbus.Message) (modbus.Message, error) {
		q.Head().Unit = id
		reply, err := a.ask(ctx, q)
		if err != nil && !goOn(err) {
			return nil, err
		}
		return reply, nil
	}
	for _, q := range questions {
		question := string(modbusBare(q))
		theirs, err := said(known.id, q)
		if err != nil {
			return false, err
		}
		for try := 0; ; try++ {
			mine, err := said(u.id, q)
			if err != nil {
				return false, err
			}
			if t.add(question, mine, theirs) {
				break
			}
			if try == modbusTwinTries {
				return false, nil
			}
			if theirs, err = said(known.id, q); err != nil {
				return false, err
			}
			if t.add(question, mine, theirs) {
				break
			}
		}
	}
	return t.one(), nil
}

// telling are questions whose answers tell a unit from others: who it is, where its tables lie, what they hold.
func (u *modbusAsked) telling() (all []modbus.Message) {
	all = append(all, &modbus.ReadDeviceIDRequest{ReadCode: modbus.BasicIdentification}, &modbus.Simple{Function: modbus.ReportServerID})
	for table, t := range u.tables {
		ask := func(first, n int) {
			if first >= 0 && first < 1<<16 {
				all = append(all, modbusReadCells(0, table, first, n))
			}
		}
		ask(0, 1)
		ask(1<<16-1, 1)
		if t == nil {
			continue
		}
		runs := t.held.runs()
		for _, r := range runs[:min(len(runs), modbusTwinRuns)] {
			ask(r.end, 1)
			ask(r.end-1, 1)
			ask(r.first-1, 1)
		}
		blocks := t.blocks()
		if table >= profiles.ModbusHoldings {
			for _, b := range blocks[:min(len(blocks), modbusTwinRuns)] {
				ask(b.first, b.end-b.first)
			}
		}
	}
	return all
}
