package clone

import (
	"ringer/capture/modbus"
	"ringer/profiles"
)

// judgeFunctions finds out which functions the units have, deny, or never answer.
func (l *modbusLearner) judgeFunctions(sections map[uint8]*profiles.ModbusUnit) error {
	for id, sec := range sections {
		u := l.units[id]
		if l.judgeUnit(u, sec) {
			continue
		}
		for code, f := range u.functions {
			if f == nil {
				continue
			}
			fc := uint8(code)
			switch {
			case f.answered > 0 && !sec.Serves(fc):
				sec.Functions.Serve = append(sec.Functions.Serve, fc)
			case f.silent == f.asked && f.silent > 0 && f.firstSilence.Before(l.lastReply):
				sec.Functions.Silent = append(sec.Functions.Silent, fc)
			}
		}
	}
	explained, err := l.explained(sections)
	if err != nil {
		return err
	}
	for id, sec := range sections {
		u := l.units[id]
		for code, f := range u.functions {
			if f == nil || f.always() == 0 || sec.Refuse != 0 {
				continue
			}
			fc := uint8(code)
			byItself, all := explained[modbusUnitFunction{id, fc}].byItself, explained[modbusUnitFunction{id, fc}].all
			switch {
			case all:
			case byItself && modbusOnTables(fc):
				// It knows the function, and found fault with the requests.
				sec.Functions.Serve = append(sec.Functions.Serve, fc)
			default:
				if sec.Functions.Deny == nil {
					sec.Functions.Deny = profiles.ModbusDenied{}
				}
				sec.Functions.Deny[fc] = uint8(f.always())
			}
		}
	}
	return nil
}

// modbusOnTables says whether the tables answer a function.
func modbusOnTables(f uint8) bool {
	switch modbus.Function(f) {
	case modbus.WriteSingleCoil, modbus.WriteMultipleCoils, modbus.WriteSingleRegister, modbus.WriteMultipleRegisters,
		modbus.MaskWriteRegister, modbus.ReadWriteMultipleRegisters:
		return true
	}
	return f >= 1 && f <= 4
}

// judgeUnit says whether a unit never answers, or is refused by a gateway.
func (l *modbusLearner) judgeUnit(u *modbusUnit, sec *profiles.ModbusUnit) bool {
	var code modbus.ExceptionCode
	silent, uniform := true, true
	for _, f := range u.functions {
		if f == nil {
			continue
		}
		silent = silent && f.silent == f.asked
		c := f.always()
		uniform = uniform && c != 0 && (code == 0 || c == code)
		code = c
	}
	switch {
	case silent:
		sec.Silent = true
	case uniform && (code == modbus.GatewayPathUnavailable || code == modbus.GatewayTargetNoResponse):
		sec.Refuse = uint8(code)
	default:
		return false
	}
	return true
}

type modbusUnitFunction struct{ unit, function uint8 }

type modbusExplanation struct {
	all      bool // what the section says so far gives every refusal that was seen
	byItself bool // the specification refuses every request by itself, with the code that was seen
}

func (l *modbusLearner) explained(sections map[uint8]*profiles.ModbusUnit) (map[modbusUnitFunction]modbusExplanation, error) {
	ex := map[modbusUnitFunction]modbusExplanation{}
	for _, q := range l.order {
		for i := range q.aside {
			a, err := l.recall(&q.aside[i])
			if err != nil {
				return nil, err
			}
			e, ok := a.reply.(*modbus.Exception)
			if !ok {
				continue
			}
			k := modbusUnitFunction{a.unit.id, modbusCode(a.req)}
			x, seen := ex[k]
			if !seen {
				x = modbusExplanation{true, true}
			}
			code, silent := a.unit.outcome(sections[a.unit.id], a.req)
			x.all = x.all && !silent && code == e.Reason
			x.byItself = x.byItself && modbus.Refusal(a.req) == e.Reason
			ex[k] = x
		}
	}
	return ex, nil
}
