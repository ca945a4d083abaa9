package clone

import (
	"bytes"
	"context"
	"slices"

	"ringer/capture/modbus"
	"ringer/profiles"
)

// The identifiers that are asked first tell what is behind the port. 250 is reserved: only a device that does not
// look at the identifier answers to it. 2 and 247 show what units get that are not there.
var modbusUnitsSample = []uint8{1, 255, 0, 250, 2, 247}

const (
	modbusUnitsFirst = 6
	// modbusAbsentMost identifiers in a row that are silent, and the search for units ends.
	modbusAbsentMost = 8
)

// findUnits asks which identifiers answer, and gives those that are worth asking more. It comes first in a scan:
// the gateway's time-outs for units that are not there are then part of what is usual.
func (a *modbusAsking) findUnits(ctx context.Context) ([]uint8, error) {
	f := &modbusUnitFinder{a: a, shapes: map[uint8][]byte{}}
	if a.s.Units != nil {
		a.expect(len(a.s.Units))
		if err := f.ask(ctx, a.s.Units...); err != nil {
			return nil, err
		}
		return f.found(a.s.Units), nil
	}
	first := modbusUnitsSample
	if a.p == (modbus.RTU{}) {
		first = []uint8{1, 250, 2, 247} // 0 is everybody, and 255 nobody
	}
	a.expect(len(first))
	if err := f.ask(ctx, first...); err != nil {
		return nil, err
	}
	if f.careless(first) {
		a.v.Remark(a.name, Fact, "answers every unit identifier alike")
		return first[:1], nil
	}
	if err := f.sweep(ctx); err != nil {
		return nil, err
	}
	var ids []uint8
	for id := range 256 {
		ids = append(ids, uint8(id))
	}
	ids = f.found(ids)
	if slices.Contains(ids, 0) && slices.Contains(ids, 255) && bytes.Equal(f.shapes[0], f.shapes[255]) {
		ids = ids[1:] // both are the device itself
	}
	if len(ids) > 1 && ids[0] == 0 { // it is compared with the others
		ids = append(ids[1:], 0)
	}
	return ids, nil
}

// A modbusUnitFinder asks identifiers for the same register.
type modbusUnitFinder struct {
	a      *modbusAsking
	shapes map[uint8][]byte // what those are like that answer
	silent int              // in a row
}

func (f *modbusUnitFinder) ask(ctx context.Context, ids ...uint8) error {
	for _, id := range ids {
		reply, err := f.a.ask(ctx, modbusReadCells(id, profiles.ModbusHoldings, 0, 1))
		if err != nil {
			if !goOn(err) {
				return err
			}
			f.silent++
			continue
		}
		f.silent = 0
		if e, ok := reply.(*modbus.Exception); ok && modbusGateway(e.Reason) {
			continue
		}
		f.shapes[id] = modbusReplyShape(reply)
	}
	return nil
}

// careless says whether the device answers to all of them, and alike.
func (f *modbusUnitFinder) careless(ids []uint8) bool {
	for _, id := range ids {
		if f.shapes[id] == nil || !bytes.Equal(f.shapes[id], f.shapes[ids[0]]) {
			return false
		}
	}
	return true
}

// sweep asks the other identifiers. Silence takes long: after some of it in a row nobody is expected any more.
func (f *modbusUnitFinder) sweep(ctx context.Context) error {
	a := f.a
	f.silent = 0
	defer func() { a.k.seeking = false }()
	for id := uint8(3); id < 247; id++ {
		a.k.seeking = !a.k.lossy
		a.expect(min(247-int(id), modbusAbsentMost-f.silent))
		if err := f.ask(ctx, id); err != nil {
			return err
		}
		if f.silent == modbusAbsentMost {
			if id < 246 {
				a.v.Remark(a.name, Fact, "units %d-246 were not asked, since those before are silent (--units %d-246 asks them)", id+1, id+1)
			}
			break
		}
	}
	return nil
}

// found gives those of ids that are there. Those that say the same as the reserved identifier, and refuse, are not.
func (f *modbusUnitFinder) found(ids []uint8) (there []uint8) {
	nobody, known := f.shapes[250]
	for _, id := range ids {
		shape := f.shapes[id]
		if shape != nil && !(known && len(ids) > 1 && len(nobody) == 1 && bytes.Equal(shape, nobody)) {
			there = append(there, id)
		}
	}
	var spans []modbusRun
	for _, id := range there {
		if n := len(spans); n > 0 && spans[n-1].end == int(id) {
			spans[n-1].end++
		} else {
			spans = append(spans, modbusRun{int(id), int(id) + 1})
		}
	}
	if len(there) > 0 {
		f.a.v.Remark(f.a.name, Found, "unit identifiers %s", modbusSpanList(spans))
	}
	return there
}

func modbusGateway(code modbus.ExceptionCode) bool {
	return code == modbus.GatewayPathUnavailable || code == modbus.GatewayTargetNoResponse
}

// modbusReplyShape is what kind of answer it is: values move. That of a refusal has one byte.
func modbusReplyShape(reply modbus.Message) []byte {
	switch r := reply.(type) {
	case *modbus.Exception:
		return []byte{byte(r.Reason)}
	case *modbus.ReadRegistersResponse:
		return []byte{0, byte(len(r.Registers))}
	}
	return []byte{0, 0, byte(reply.Code())}
}
