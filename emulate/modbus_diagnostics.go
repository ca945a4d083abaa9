package emulate

import (
	"encoding/binary"

	"ringer/capture/modbus"
)

// modbusCounters are what functions 8, 11 and 12 tell of (specification, section 6.8).
type modbusCounters struct {
	messages, exceptions, busy, silent uint16
	events                             uint16 // successful requests, those of function 11 and 12 aside
	log                                [64]byte
	logged                             int
	listenOnly                         bool
}

// Events of the log of function 12 (specification, section 6.10).
const (
	modbusEventReceive    = 0x80
	modbusEventSend       = 0x40
	modbusEventException  = 0x01 // of exceptions 1 to 3
	modbusEventAbort      = 0x02 // 4
	modbusEventBusy       = 0x04 // 5, 6
	modbusEventListenOnly = 0x04
	modbusEventRestart    = 0x00
)

// note adds an event; the newest comes first in the log.
func (k *modbusCounters) note(event byte) {
	k.log[k.logged%len(k.log)] = event
	k.logged++
}

// counted takes an answer into the counters.
func (u *modbusUnit) counted(a Answer) Answer {
	k := &u.counters
	k.messages++
	k.note(modbusEventReceive)
	send := byte(modbusEventSend)
	if len(a.Messages) == 0 {
		k.silent++
		return a
	}
	switch m := a.Messages[0].(type) {
	case *modbus.Exception:
		k.exceptions++
		switch {
		case m.Reason <= modbus.IllegalDataValue:
			send |= modbusEventException
		case m.Reason == modbus.ServerDeviceFailure:
			send |= modbusEventAbort
		case m.Reason == modbus.Acknowledge || m.Reason == modbus.ServerDeviceBusy:
			send |= modbusEventBusy
			k.busy++
		}
	case *modbus.CommEventCounter, *modbus.CommEventLog:
	default:
		k.events++
	}
	k.note(send)
	return a
}

// simple answers the functions that are a code and nothing else.
func (c *modbusSession) simple(u *modbusUnit, q *modbus.Simple) Answer {
	k := &u.counters
	switch q.Function {
	case modbus.ReadExceptionStatus:
		m := &modbus.ExceptionStatus{Header: c.reply(q)}
		if u.spec.Status != nil {
			m.Status = *u.spec.Status
		}
		return c.say(m, Recorded)
	case modbus.ReportServerID:
		if u.spec.ServerID == nil {
			return c.refuse(q, modbus.IllegalFunction)
		}
		return c.say(&modbus.ServerID{Header: c.reply(q), Data: u.spec.ServerID}, Recorded)
	case modbus.GetCommEventCounter:
		return c.say(&modbus.CommEventCounter{Header: c.reply(q), EventCount: k.events}, Modelled)
	}
	m := &modbus.CommEventLog{Header: c.reply(q), EventCount: k.events, MessageCount: k.messages}
	for i := k.logged - 1; i >= max(0, k.logged-len(k.log)); i-- {
		m.Events = append(m.Events, k.log[i%len(k.log)])
	}
	return c.say(m, Modelled)
}

// modbusRestart: the only request that ends the listen only mode.
func modbusRestart(req modbus.Message) bool {
	d, ok := req.(*modbus.Diagnostic)
	return ok && d.SubFunction == modbus.RestartCommunicationsOption
}

// diagnostic answers function 8; a unit that has it has all its sub-functions.
func (c *modbusSession) diagnostic(u *modbusUnit, q *modbus.Diagnostic) Answer {
	k := &u.counters
	m := &modbus.Diagnostic{Header: c.reply(q), SubFunction: q.SubFunction, Data: q.Data}
	word := func(v uint16) Answer {
		m.Data = binary.BigEndian.AppendUint16(nil, v)
		return c.say(m, Modelled)
	}
	switch q.SubFunction {
	case modbus.RestartCommunicationsOption:
		quiet := k.listenOnly
		*k = modbusCounters{log: k.log, logged: k.logged}
		if q.Data[0] == 0xFF {
			k.logged = 0
		}
		k.note(modbusEventRestart)
		if quiet {
			return Answer{From: Modelled} // it only listens until this has been carried out
		}
	case modbus.ForceListenOnlyMode:
		k.listenOnly = true
		k.note(modbusEventListenOnly)
		return Answer{From: Modelled}
	case modbus.ClearCountersAndDiagnostic:
		*k = modbusCounters{log: k.log, logged: k.logged}
	case modbus.ReturnBusMessageCount, modbus.ReturnServerMessageCount:
		return word(k.messages)
	case modbus.ReturnBusExceptionErrorCount:
		return word(k.exceptions)
	case modbus.ReturnServerNoResponseCount:
		return word(k.silent)
	case modbus.ReturnServerBusyCount:
		return word(k.busy)
	case modbus.ReturnDiagnosticRegister, modbus.ReturnBusCommErrorCount, modbus.ReturnServerNAKCount, modbus.ReturnBusOverrunCount:
		return word(0)
	}
	return c.say(m, Modelled)
}
