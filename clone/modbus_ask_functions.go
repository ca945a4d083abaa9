package clone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ringer/capture/modbus"
)

// modbusFunctionQuestions ask for functions that change nothing: of file 1 and of queue 0 the first register, which
// stay as they are (specification, sections 6.14 and 6.18), and the echo of function 8.
func modbusFunctionQuestions() []modbus.Message {
	return []modbus.Message{
		&modbus.Simple{Function: modbus.ReportServerID},
		&modbus.Simple{Function: modbus.ReadExceptionStatus},
		&modbus.Diagnostic{SubFunction: modbus.ReturnQueryData, Data: []byte{0xA5, 0x37}},
		&modbus.Simple{Function: modbus.GetCommEventCounter},
		&modbus.Simple{Function: modbus.GetCommEventLog},
		&modbus.ReadFileRecordRequest{Records: []modbus.RecordRange{{ReferenceType: 6, File: 1, Record: 0, Length: 1}}},
		&modbus.FIFORequest{Address: 0},
	}
}

// functions asks which functions a unit has, beside those that read tables.
func (a *modbusAsking) functions(ctx context.Context, u *modbusAsked) error {
	questions := modbusFunctionQuestions()
	a.expect(len(questions))
	var lacks []string
	for _, q := range questions {
		q.Head().Unit = u.id
		reply, err := a.ask(ctx, q)
		if err != nil {
			if !goOn(err) {
				return err
			}
			a.v.Remark(a.name, Suspicious, "unit %d: %v to %v", u.id, err, q.Code())
			continue
		}
		switch r := reply.(type) {
		case *modbus.Exception:
			if r.Reason == modbus.IllegalFunction {
				lacks = append(lacks, q.Code().String())
			} else {
				a.v.Remark(a.name, Fact, "unit %d: %v is refused with exception %d (%v)", u.id, q.Code(), r.Reason, r.Reason)
			}
		case *modbus.ServerID:
			a.v.Remark(a.name, Found, "unit %d: server id %q", u.id, r.Data)
		default:
			a.v.Remark(a.name, Found, "unit %d: %v", u.id, q.Code())
		}
	}
	if len(lacks) > 0 {
		a.v.Remark(a.name, NotThere, "unit %d: %s", u.id, strings.Join(lacks, ", "))
	}
	return nil
}

const (
	// modbusStreamMost answers are asked for of each stream of the identification.
	modbusStreamMost = 32
	// modbusObjectsMost objects are asked for one by one.
	modbusObjectsMost = 16
)

// identify asks for the device identification: its streams, then its objects one by one, and one that is not there.
func (a *modbusAsking) identify(ctx context.Context, u *modbusAsked) error {
	a.expect(4)
	seen := map[uint8]string{}
	var order []uint8
	for _, code := range []modbus.ReadDeviceIDCode{modbus.BasicIdentification, modbus.RegularIdentification, modbus.ExtendedIdentification} {
		next := uint8(0)
		for range modbusStreamMost {
			r, err := a.object(ctx, u, code, next)
			if err != nil {
				return err
			}
			if r == nil {
				break
			}
			for _, o := range r.Objects {
				if _, twice := seen[o.ID]; !twice {
					order = append(order, o.ID)
				}
				seen[o.ID] = string(o.Value)
			}
			if r.MoreFollows != 0xFF {
				break
			}
			if r.NextObjectID <= next {
				a.v.Remark(a.name, Suspicious, "unit %d: the device identification goes round in circles", u.id)
				break
			}
			next = r.NextObjectID
		}
		if len(seen) == 0 {
			a.v.Remark(a.name, NotThere, "unit %d: device identification", u.id)
			return nil
		}
	}
	a.v.Remark(a.name, Found, "unit %d: device identification %q", u.id, fmt.Sprint(seen[modbus.VendorName], " ", seen[modbus.ProductCode], " ", seen[modbus.MajorMinorRevision]))
	absent := uint8(modbus.UserApplicationName) + 1
	for slices.Contains(order, absent) {
		absent++
	}
	for _, id := range append(order[:min(len(order), modbusObjectsMost)], absent) {
		if _, err := a.object(ctx, u, modbus.OneObject, id); err != nil {
			return err
		}
	}
	return nil
}

// object asks for objects. No answer, and no error: the unit does not tell.
func (a *modbusAsking) object(ctx context.Context, u *modbusAsked, code modbus.ReadDeviceIDCode, id uint8) (*modbus.ReadDeviceIDResponse, error) {
	reply, err := a.ask(ctx, &modbus.ReadDeviceIDRequest{Header: modbus.Header{Unit: u.id}, ReadCode: code, ObjectID: id})
	if err != nil {
		if !goOn(err) {
			return nil, err
		}
		a.v.Remark(a.name, Suspicious, "unit %d: %v to device identification", u.id, err)
		return nil, nil
	}
	r, _ := reply.(*modbus.ReadDeviceIDResponse)
	return r, nil
}

var errLacks = errors.New("modbus: the unit lacks the function")
