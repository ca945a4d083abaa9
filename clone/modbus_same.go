package clone

import (
	"bytes"

	"ringer/capture"
	"ringer/capture/modbus"
)

// Many devices do not look at the unit identifier, or take several of them for their own. What they say then is
// of one unit, in the order in which it was said, whatever identifier was asked. Whoever scans a device asks
// the identifiers first, so that the first exchanges tell which belong together.

// modbusPrelude is how many exchanges are held until it is decided.
const modbusPrelude = 32

// Reserved identifiers belong to no unit (Serial Line, section 2.2): what answers to them does not look.
const (
	modbusReservedFirst = 248
	modbusReservedLast  = 254
)

// begin decides which identifiers are one unit, and learns the prelude.
func (l *modbusLearner) begin() {
	prelude := l.prelude
	if l.twins == nil && !l.serial() {
		l.twins = newTwinSearch(prelude)
	}
	l.prelude = nil
	if !l.serial() {
		l.findSame(prelude)
	}
	if l.twins != nil && l.any == nil {
		if other := l.twins.found(); other != nil {
			l.join(*other, l.twins.itself)
		}
	}
	l.twins = nil
	for i := range prelude {
		l.learn(&prelude[i])
	}
}

// findSame compares what different identifiers answered to the same question. If one that is reserved answers as
// others do, all that answer so are one unit; and 0 and 255 both address the device itself (messaging guide,
// section 4.4.2), if they answer alike.
func (l *modbusLearner) findSame(prelude []capture.Exchange) {
	first := modbusFirst(prelude)
	for id := modbusReservedFirst; id <= modbusReservedLast; id++ {
		if first[id] == nil {
			continue
		}
		u := l.routeAlike(first, first[id], func(int) bool { return true })
		if u != nil {
			l.any = u
			return
		}
	}
	if first[255] != nil {
		l.routeAlike(first, first[255], func(id int) bool { return id == 0 || id == 255 })
	}
}

// modbusFirst is what each identifier answered first, and to what.
func modbusFirst(prelude []capture.Exchange) (first [256][]byte) {
	for i := range prelude {
		x := &prelude[i]
		id := x.Request.(modbus.Message).Head().Unit
		if first[id] == nil && !modbusNobody(x) {
			first[id] = modbusShape(x)
		}
	}
	return first
}

// careless says whether the device answers every identifier alike, as far as the prelude shows.
func (l *modbusLearner) careless() bool {
	first := modbusFirst(l.prelude)
	for id := modbusReservedFirst; id <= modbusReservedLast; id++ {
		if first[id] == nil {
			continue
		}
		for other, shape := range first {
			if other != id && bytes.Equal(shape, first[id]) {
				return true
			}
		}
	}
	return false
}

// join makes one unit of the device itself and its other identifier.
func (l *modbusLearner) join(other, itself uint8) {
	u := l.route[itself]
	if u == nil {
		u = newModbusUnit(itself, l.s.spill)
		u.compareIn(l.s.beside)
		l.units[itself], l.route[itself] = u, u
	}
	l.route[other], l.also = u, &other
}

// routeAlike makes one unit of identifiers that answered alike, if there are two. It is called 255, or else by the
// lowest that is not reserved.
func (l *modbusLearner) routeAlike(first [256][]byte, shape []byte, of func(id int) bool) *modbusUnit {
	name, n := -1, 0
	for id := range first {
		if first[id] == nil || !bytes.Equal(first[id], shape) || !of(id) {
			continue
		}
		n++
		if name < 0 || id == 255 {
			name = id
		}
	}
	if n < 2 {
		return nil
	}
	u := newModbusUnit(uint8(name), l.s.spill)
	u.compareIn(l.s.beside)
	l.units[name] = u
	for id := range first {
		if first[id] != nil && bytes.Equal(first[id], shape) && of(id) {
			l.route[id] = u
		}
	}
	return u
}

// modbusNobody says whether an exchange shows that nobody has the identifier.
func modbusNobody(x *capture.Exchange) bool {
	if len(x.Replies) == 0 {
		return true
	}
	e, ok := x.Replies[0].(*modbus.Exception)
	return ok && (e.Reason == modbus.GatewayPathUnavailable || e.Reason == modbus.GatewayTargetNoResponse)
}

// modbusShape is a question without its unit, with what kind of answer it had: values move.
func modbusShape(x *capture.Exchange) []byte {
	reply, ok := x.Replies[0].(modbus.Message)
	if !ok {
		return nil
	}
	b := modbusBare(x.Request.(modbus.Message))
	switch r := reply.(type) {
	case *modbus.ReadBitsResponse:
		return append(b, byte(len(r.Bits)))
	case *modbus.ReadRegistersResponse:
		return append(b, byte(len(r.Registers)))
	}
	return append(b, modbusBare(reply)...)
}

// hear takes the identifier of a unit's first answer.
func (u *modbusUnit) hear(req, reply modbus.Message) {
	if as := reply.Head().Unit; !u.heard && as != req.Head().Unit {
		u.answersAs = &as
	}
	u.heard = true
}

// name is the identifier that the unit's answer to a request has.
func (u *modbusUnit) name(req modbus.Message) uint8 {
	if u.answersAs != nil {
		return *u.answersAs
	}
	return req.Head().Unit
}
