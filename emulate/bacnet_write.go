package emulate

import (
	"bytes"
	"errors"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// writeProperty sets one property (clause 15.9).
func (c *bacnetSession) writeProperty(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.WritePropertyRequest) Answer {
	outcome, from := d.write(p.Object, p.Property, bacnetIndexOf(p.Index), p.Value, p.Priority)
	if outcome[0] != profiles.BACnetDone {
		return c.refusal(q, outcome)
	}
	a := c.done(q)
	a.From = from
	return a
}

// writeMultiple sets several properties, up to the first that cannot be written (clause 15.10).
func (c *bacnetSession) writeMultiple(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.WritePropertyMultipleRequest) Answer {
	from := Modelled
	for _, w := range p.Objects {
		for _, v := range w.Properties {
			var outcome []byte
			outcome, from = d.write(w.Object, v.Property, bacnetIndexOf(v.Index), v.Value, v.Priority)
			switch outcome[0] {
			case profiles.BACnetDone:
			case profiles.BACnetError:
				return c.refuseWith(q, &bacnet.WritePropertyMultipleError{Error: bacnetPair(outcome),
					First: bacnet.ElementReference{Object: w.Object, Property: v.Property, Index: v.Index}})
			default:
				return c.refusal(q, outcome)
			}
		}
	}
	a := c.done(q)
	a.From = from
	return a
}

var (
	bacnetDone        = []byte{profiles.BACnetDone}
	bacnetNoAccess    = profiles.BACnetErrorSample(bacnet.ClassProperty, bacnet.CodeWriteAccessDenied)
	bacnetWrongType   = profiles.BACnetErrorSample(bacnet.ClassProperty, bacnet.CodeInvalidDataType)
	bacnetOutOfRange  = profiles.BACnetErrorSample(bacnet.ClassProperty, bacnet.CodeValueOutOfRange)
	bacnetNoSpace     = profiles.BACnetErrorSample(bacnet.ClassResources, bacnet.CodeNoSpaceToWriteProperty)
	bacnetBadPriority = []byte{profiles.BACnetReject, byte(bacnet.RejectParameterOutOfRange)}
)

// write writes a value, as the device was seen to take it or refuse it; else as the specification says. It
// gives what becomes of it.
func (d *bacnetDevice) write(asked bacnet.ObjectID, p bacnet.PropertyID, index int32, v bacnet.Value, priority *uint8) ([]byte, Origin) {
	k := bacnetKey{asked, p, index, true}
	seen := d.cells[k]
	if k.object = d.object(asked); seen == nil {
		seen = d.cells[k]
	}
	if seen != nil {
		if outcome, from := seen.read(d.s.st, true); len(outcome) > 0 && outcome[0] != profiles.BACnetDone {
			return outcome, from
		}
	}
	k.write = false
	if d.cells[k] == nil && d.cells[bacnetKey{asked, p, index, false}] != nil {
		k.object = asked
	}
	if outcome := d.resize(k, v, d.cells[k] != nil && d.cells[k].awaits(v, priority)); outcome != nil {
		return outcome, Modelled
	}
	now, _ := d.get(k.object, p, index, false)
	now = bytes.Clone(now)
	c := d.cells[k]
	commandable := d.commandable(k)
	if refusal := d.refuses(k, c, v, priority, now, seen != nil); refusal != nil && !(c != nil && c.awaits(v, priority)) {
		return refusal, Refused
	}
	if c == nil { // it was made of other properties
		c = &bacnetCell{sample: now, shape: now}
		d.set(k, c)
	}
	return c.write(d, k, v, priority, commandable, now)
}

// refuses says why a value cannot be written; nil: it can. seen: the device was seen to take values there.
func (d *bacnetDevice) refuses(k bacnetKey, c *bacnetCell, v bacnet.Value, priority *uint8, now []byte, seen bool) []byte {
	if len(now) == 0 || now[0] != profiles.BACnetHolds {
		return now
	}
	if priority != nil && (*priority < 1 || *priority > lowest) {
		return bacnetBadPriority
	}
	commandable := d.commandable(k)
	if !seen && !commandable && !d.writable(k, c) {
		return bacnetNoAccess
	}
	old, _ := bacnet.Value(now[1:]).First()
	tag, _ := v.First()
	if null := len(v) == 1 && v[0] == 0; !(null && commandable) && (tag.Context != old.Context || tag.Number != old.Number) {
		return bacnetWrongType
	}
	return nil
}

// awaits says whether a write is the next that the recording has, which the device took.
func (c *bacnetCell) awaits(v bacnet.Value, priority *uint8) bool {
	if c.Cell == nil || c.played || !c.run.Write || len(c.run.Value) < 2 || c.run.Value[0] != profiles.BACnetWritten {
		return false
	}
	var p byte
	if priority != nil {
		p = *priority
	}
	return c.run.Value[1] == p && bytes.Equal(c.run.Value[2:], v)
}

func (c *bacnetCell) write(d *bacnetDevice, k bacnetKey, v bacnet.Value, priority *uint8, commandable bool, now []byte) ([]byte, Origin) {
	sample := []byte{profiles.BACnetWritten, 0}
	if priority != nil {
		sample[1] = *priority
	}
	holds := append([]byte{profiles.BACnetHolds}, v...)
	if commandable {
		holds = c.command(d, k, v, sample[1], now)
	}
	if c.point != nil {
		switch err := c.point.Set(bacnetValue(holds[1:])); {
		case errors.Is(err, ErrReadOnly):
			return bacnetNoAccess, Refused
		case err != nil:
			return bacnetOutOfRange, Refused
		}
	}
	c.held = holds
	from := Modelled
	if c.Cell != nil && c.Write(d.s.st, append(sample, v...)) {
		from = Recorded
	} else {
		d.strayed = true
	}
	if c.Cell == nil {
		c.sample = holds
	}
	if k.property == bacnet.PropObjectName && from == Modelled {
		d.revise()
	}
	if c.point != nil {
		c.writes = c.point.Writes()
		from = Point
	}
	return bacnetDone, from
}

// commandable says whether a property is one with priorities (clause 19.2.1.1).
func (d *bacnetDevice) commandable(k bacnetKey) bool {
	if k.property != bacnet.PropPresentValue || k.index >= 0 {
		return false
	}
	switch k.object.Type() {
	case bacnet.ObjectAnalogOutput, bacnet.ObjectBinaryOutput, bacnet.ObjectMultiStateOutput:
		return true
	}
	if c := d.cells[bacnetKey{k.object, bacnet.PropPriorityArray, -1, false}]; c != nil {
		return len(c.shape) > 0 && c.shape[0] == profiles.BACnetHolds
	}
	return len(d.elements(k.object, bacnet.PropPriorityArray)) > 0
}

// writable says whether a property can be written on devices of which that is not known. What an input measures is
// written only while that is out of service (clause 12.2.4), whatever else may write it.
func (d *bacnetDevice) writable(k bacnetKey, c *bacnetCell) bool {
	switch k.object.Type() {
	case bacnet.ObjectAnalogInput, bacnet.ObjectBinaryInput, bacnet.ObjectMultiStateInput, bacnet.ObjectAccumulator:
		if k.property == bacnet.PropPresentValue {
			out, _ := d.flag(k.object, bacnet.PropOutOfService)
			return out
		}
	}
	if c != nil && c.point != nil {
		return c.point.Spec.Write != nil
	}
	switch k.object.Type() {
	case bacnet.ObjectAnalogValue, bacnet.ObjectBinaryValue, bacnet.ObjectMultiStateValue:
		if k.property == bacnet.PropPresentValue {
			return true
		}
	}
	switch k.property {
	case bacnet.PropRelinquishDefault, bacnet.PropCOVIncrement, bacnet.PropOutOfService:
		return true
	}
	return false
}

// lowest is the priority of writes that name none.
const lowest = 16

// command puts a value, or null, into the place of its priority, and gives what the property then holds.
func (c *bacnetCell) command(d *bacnetDevice, k bacnetKey, v bacnet.Value, priority byte, now []byte) []byte {
	if priority == 0 {
		priority = lowest
	}
	if c.commands == nil {
		c.commands = d.commands(k.object)
		if c.held == nil {
			c.held = now
		}
	}
	c.commands[priority-1] = nil
	if len(v) != 1 || v[0] != 0 {
		c.commands[priority-1] = bytes.Clone(v)
	}
	for _, x := range c.commands {
		if x != nil {
			return append([]byte{profiles.BACnetHolds}, x...)
		}
	}
	if v, _ := d.get(k.object, bacnet.PropRelinquishDefault, -1, false); len(v) > 1 && v[0] == profiles.BACnetHolds {
		return bytes.Clone(v)
	}
	return now
}

// commands are the values of a priority array as it was recorded.
func (d *bacnetDevice) commands(o bacnet.ObjectID) *[16]bacnet.Value {
	all := new([16]bacnet.Value)
	c := d.cells[bacnetKey{o, bacnet.PropPriorityArray, -1, false}]
	if c == nil {
		return all
	}
	sample, _ := c.read(d.s.st, false)
	if len(sample) == 0 || sample[0] != profiles.BACnetHolds {
		return all
	}
	for i, e := range bacnet.Value(sample[1:]).Elements() {
		if i < len(all) && !(len(e) == 1 && e[0] == 0) {
			all[i] = bytes.Clone(e)
		}
	}
	return all
}

// commanded is a recorded priority array that somebody has changed since.
func (d *bacnetDevice) commanded(k bacnetKey, c *bacnetCell) ([]byte, Origin, bool) {
	if k.property != bacnet.PropPriorityArray || c.Cell != nil && !c.Live() {
		return nil, Refused, false
	}
	v := d.cells[bacnetKey{k.object, bacnet.PropPresentValue, -1, false}]
	if v == nil || v.commands == nil {
		return nil, Refused, false
	}
	return d.element(priorities(v.commands), Modelled, k)
}

// priorityArray is the priority array of an output of which none was recorded.
func (d *bacnetDevice) priorityArray(k bacnetKey) ([]byte, bool) {
	if k.property != bacnet.PropPriorityArray || d.cells[bacnetKey{k.object, bacnet.PropPriorityArray, -1, false}] != nil ||
		len(d.elements(k.object, bacnet.PropPriorityArray)) > 0 ||
		!d.commandable(bacnetKey{k.object, bacnet.PropPresentValue, -1, false}) {
		return nil, false
	}
	v := d.cells[bacnetKey{k.object, bacnet.PropPresentValue, -1, false}]
	if v == nil || v.commands == nil {
		return priorities(new([16]bacnet.Value)), true
	}
	return priorities(v.commands), true
}

func priorities(commands *[16]bacnet.Value) []byte {
	b := []byte{profiles.BACnetHolds}
	for _, x := range commands {
		if x == nil {
			b = bacnet.AppendNull(b)
			continue
		}
		b = append(b, x...)
	}
	return b
}
