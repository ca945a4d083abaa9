package emulate

import (
	"fmt"
	"slices"

	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// modbusService is one Modbus port: the units behind it, and what recordings answer whole.
type modbusService struct {
	p      wire.Protocol
	st     *State
	script *Script
	units  [256]*modbusUnit // nil: nobody is there
	known  []*modbusUnit
	serial bool
	spec   *profiles.Modbus
	absent modbus.ExceptionCode // what units that are not there get; 0: silence
	turn   uint64               // counts requests: what a point shows is computed once in each
}

// A modbusUnit is one device: its tables, what it does with each function, and its counters.
type modbusUnit struct {
	spec    *profiles.ModbusUnit
	tables  [4]modbusTable // as profiles.ModbusTables
	outside modbus.ExceptionCode
	// verdict says what becomes of each function as a whole.
	verdict  [256]modbusVerdict
	identity modbus.Identification
	counters modbusCounters
}

// A modbusVerdict is 0 where a function is served, modbusSilent, or the exception code it gets.
type modbusVerdict uint8

const modbusSilent modbusVerdict = 0xFF

func openModbus(st *State, dev *profiles.Device, svc *profiles.Service, p wire.Protocol) (Service, error) {
	spec, ok := svc.Section.(*profiles.Modbus)
	if !ok {
		return nil, fmt.Errorf("the section is a %T", svc.Section)
	}
	script, err := NewScript(dev, svc, p)
	if err != nil {
		return nil, err
	}
	s := &modbusService{p: p, st: st, script: script, spec: spec, absent: modbus.ExceptionCode(spec.Units.Absent)}
	if err := s.findUnits(dev); err != nil {
		return nil, err
	}
	if err := s.loadSamples(dev); err != nil {
		return nil, err
	}
	return s, nil
}

// findUnits says who answers which unit identifier (messaging guide, section 4.4.2; Serial Line, section
// 2.2).
func (s *modbusService) findUnits(dev *profiles.Device) error {
	u := &s.spec.Units
	itself, err := s.newUnit(dev, &s.spec.ModbusUnit)
	if err != nil {
		return err
	}
	s.known = append(s.known, itself)
	switch u.Mode {
	case "serial":
		s.serial = true
	case "gateway":
		if s.absent == 0 {
			s.absent = modbus.GatewayTargetNoResponse
		}
	default:
		s.units[0], s.units[255] = itself, itself
	}
	for _, id := range u.Also {
		s.units[id] = itself
	}
	if u.Any {
		for id := range s.units {
			s.units[id] = itself
		}
	}
	for id, spec := range u.Map {
		unit, err := s.newUnit(dev, spec)
		if err != nil {
			return fmt.Errorf("unit %d: %w", id, err)
		}
		s.units[id] = unit
		s.known = append(s.known, unit)
	}
	if s.serial {
		s.units[0] = nil // everybody
	}
	return nil
}

func (s *modbusService) newUnit(dev *profiles.Device, spec *profiles.ModbusUnit) (*modbusUnit, error) {
	u := &modbusUnit{spec: spec, outside: modbus.ExceptionCode(spec.Outside)}
	if u.outside == 0 {
		u.outside = modbus.IllegalDataAddress
	}
	for f := range u.verdict {
		f := uint8(f)
		switch {
		case spec.Silent || slices.Contains(spec.Functions.Silent, f):
			u.verdict[f] = modbusSilent
		case spec.Refuse != 0:
			u.verdict[f] = modbusVerdict(spec.Refuse)
		case spec.Functions.Deny[f] != 0:
			u.verdict[f] = modbusVerdict(spec.Functions.Deny[f])
		case !spec.Serves(f):
			u.verdict[f] = modbusVerdict(modbus.IllegalFunction)
		}
	}
	if id := spec.Identify; id != nil {
		u.identity.Conformity = id.Level()
		for _, o := range id.List() {
			u.identity.Objects = append(u.identity.Objects, modbus.Object{ID: o.ID, Value: []byte(o.Text)})
		}
	}
	return u, u.fillTables(s.st, dev)
}

func (s *modbusService) Protocol() wire.Protocol { return s.p }

func (s *modbusService) Open(Peer) Session {
	c := &modbusSession{s: s}
	c.bits.Bits = c.room[:0]
	c.regs.Registers = c.room[:0]
	return c
}

// A modbusSession is one connection. Its replies are made in place: nothing is allocated for an answer.
type modbusSession struct {
	Quiet
	s     *modbusService
	out   [1]wire.Message
	room  [256]byte
	bits  modbus.ReadBitsResponse
	regs  modbus.ReadRegistersResponse
	multi modbus.WriteMultipleResponse
	one   modbus.WriteSingle
	mask  modbus.MaskWrite
	no    modbus.Exception
	id    modbus.ReadDeviceIDResponse
}

func (c *modbusSession) Answer(request wire.Message) Answer {
	req, ok := request.(modbus.Message)
	if !ok {
		return Answer{From: Refused}
	}
	c.s.turn++
	if replies, found := c.s.script.Ask(request); found {
		return Answer{Messages: replies, From: Recorded}
	}
	h := req.Head()
	if c.s.serial && h.Unit == 0 {
		return c.broadcast(req)
	}
	u := c.s.units[h.Unit]
	if u == nil {
		if c.s.absent == 0 {
			return Answer{From: Refused}
		}
		return c.refuse(req, c.s.absent)
	}
	f := modbusCode(req)
	if v := u.verdict[f]; v != 0 {
		if v == modbusSilent {
			return Answer{From: Refused}
		}
		return u.counted(c.refuse(req, modbus.ExceptionCode(v)))
	}
	if u.counters.listenOnly && !modbusRestart(req) {
		return Answer{From: Refused}
	}
	if code := u.spec.Most.Refusal(req); code != 0 {
		return u.counted(c.refuse(req, code))
	}
	return u.counted(c.serve(u, req))
}

// serve answers a request that the specification allows and the unit has a function for.
func (c *modbusSession) serve(u *modbusUnit, req modbus.Message) Answer {
	switch q := req.(type) {
	case *modbus.ReadRequest:
		return c.read(u, q)
	case *modbus.WriteSingle:
		return c.writeSingle(u, q)
	case *modbus.WriteMultipleRequest:
		return c.writeMultiple(u, q)
	case *modbus.MaskWrite:
		return c.maskWrite(u, q)
	case *modbus.ReadWriteRequest:
		return c.readWrite(u, q)
	case *modbus.Simple:
		return c.simple(u, q)
	case *modbus.Diagnostic:
		return c.diagnostic(u, q)
	case *modbus.ReadDeviceIDRequest:
		if u.spec.Identify == nil {
			return c.refuse(req, modbus.IllegalFunction)
		}
		c.id.Header = c.reply(q)
		if code := u.identity.Answer(q, &c.id); code != 0 {
			return c.refuse(req, code)
		}
		return c.say(&c.id, Recorded)
	case *modbus.ReadFileRecordRequest, *modbus.FileRecordWrite, *modbus.FIFORequest:
		return c.refuse(req, u.outside) // what was not recorded is not there
	}
	if req.Code().Public() {
		return c.refuse(req, modbus.IllegalFunction)
	}
	return c.refuse(req, modbus.IllegalDataValue) // it has the function, and nothing to this request
}

// modbusCode is the function code of a request as sent.
func modbusCode(req modbus.Message) uint8 {
	if raw, ok := req.(*modbus.Raw); ok {
		return uint8(raw.Function)
	}
	return uint8(req.Code())
}

// reply is the header of an answer to the request.
func (c *modbusSession) reply(req modbus.Message) modbus.Header {
	h := req.Head()
	answer := modbus.Header{Transaction: h.Transaction, Framing: h.Framing, Unit: h.Unit}
	if u := c.s.units[h.Unit]; u != nil && u.spec.AnswersAs != nil {
		answer.Unit = *u.spec.AnswersAs
	}
	return answer
}

func (c *modbusSession) say(m wire.Message, from Origin) Answer {
	c.out[0] = m
	return Answer{Messages: c.out[:], From: from}
}

func (c *modbusSession) refuse(req modbus.Message, code modbus.ExceptionCode) Answer {
	c.no.Header, c.no.Function, c.no.Reason = c.reply(req), req.Code(), code
	if slices.Contains(c.s.spec.Units.Nameless, uint8(code)) {
		c.no.Function = 0
	}
	return c.say(&c.no, Refused)
}

// broadcast carries out what everybody is told, and says nothing (Serial Line, section 2.1).
func (c *modbusSession) broadcast(req modbus.Message) Answer {
	a := Answer{From: Refused, Wait: c.s.spec.Units.Turnaround}
	for _, u := range c.s.known {
		if u.verdict[modbusCode(req)] != 0 || modbus.Refusal(req) != 0 {
			continue
		}
		from := Refused
		switch q := req.(type) {
		case *modbus.WriteSingle:
			from = c.writeSingle(u, q).From
		case *modbus.WriteMultipleRequest:
			from = c.writeMultiple(u, q).From
		case *modbus.MaskWrite:
			from = c.maskWrite(u, q).From
		}
		if from != Refused {
			a.From = from
		}
	}
	return a
}

func (c *modbusSession) read(u *modbusUnit, q *modbus.ReadRequest) Answer {
	t := &u.tables[q.Function-1]
	if code := t.readable(q.Address, q.Quantity, u.outside); code != 0 {
		return c.refuse(q, code)
	}
	if q.Function == modbus.ReadCoils || q.Function == modbus.ReadDiscreteInputs {
		c.bits.Header, c.bits.Function = c.reply(q), q.Function
		var from Origin
		c.bits.Bits, from = t.appendBits(c.s, c.room[:0], q.Address, q.Quantity)
		return c.say(&c.bits, from)
	}
	c.regs.Header, c.regs.Function = c.reply(q), q.Function
	var from Origin
	c.regs.Registers, from = t.appendRegisters(c.s, c.room[:0], q.Address, q.Quantity)
	return c.say(&c.regs, from)
}
