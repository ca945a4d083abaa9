package emulate

import (
	"bytes"
	"slices"

	"ringer/capture/bacnet"
	"ringer/profiles"
)

// The transitions of an object's event state, in the order of their flags and times (clause 12.1).
const (
	bacnetToOffNormal = iota
	bacnetToFault
	bacnetToNormal
)

// Event states that transitions end in; all others are off normal.
const (
	bacnetNormal = 0
	bacnetFault  = 1
)

// transition is the one that ends in a state.
func bacnetTransition(state uint32) int {
	switch state {
	case bacnetNormal:
		return bacnetToNormal
	case bacnetFault:
		return bacnetToFault
	}
	return bacnetToOffNormal
}

// alarmSummary lists the objects that are in alarm (clause 13.6).
func (c *bacnetSession) alarmSummary(d *bacnetDevice, q *bacnet.ConfirmedRequest) Answer {
	ack := &bacnet.AlarmSummaryAck{}
	for _, e := range d.events() {
		if e.State != bacnetNormal && e.Notify == 0 {
			ack.Alarms = append(ack.Alarms, bacnet.AlarmSummary{Object: e.Object, State: e.State, Acknowledged: e.Acknowledged})
		}
	}
	return c.result(d, q, ack, Modelled)
}

// eventInformation lists the objects that are in alarm, or whose alarms nobody acknowledged, as many as fit
// (clause 13.9).
func (c *bacnetSession) eventInformation(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.EventInformationRequest) Answer {
	ack := &bacnet.EventInformationAck{Events: []bacnet.EventSummary{}}
	size, _ := q.Limits()
	room, behind := min(size, d.sends())-bacnetAckOverhead, p.Last == nil
	for _, e := range d.events() {
		if behind {
			one := &bacnet.EventInformationAck{Events: []bacnet.EventSummary{e}}
			if room -= len(bacnet.AppendParameters(nil, one)); room < 0 && len(ack.Events) > 0 {
				ack.More = true
				break
			}
			ack.Events = append(ack.Events, e)
		}
		behind = behind || e.Object == *p.Last
	}
	return c.result(d, q, ack, Modelled)
}

// enrollmentSummary lists the objects that have events, as they are asked for (clause 13.7).
func (c *bacnetSession) enrollmentSummary(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.EnrollmentSummaryRequest) Answer {
	ack := &bacnet.EnrollmentSummaryAck{}
	for _, o := range d.order {
		state, ok := d.state(o, bacnet.PropEventState)
		if !ok || !d.has(o, bacnet.PropEventEnable) {
			continue
		}
		class, classed := d.state(o, bacnet.PropNotificationClass)
		e := bacnet.Enrollment{Object: o, Type: bacnetEventType(o.Type()), State: uint32(state), Priority: d.urgency(o)[bacnetTransition(uint32(state))]}
		if n := uint32(class); classed {
			e.Class = &n
		}
		if p.Wants(e, bacnetAllSet(d.bits(o, bacnet.PropAckedTransitions))) {
			ack.Enrollments = append(ack.Enrollments, e)
		}
	}
	return c.result(d, q, ack, Modelled)
}

// bacnetEventType is the kind of events that objects of a type have by themselves (clause 13.2, table 13-2).
func bacnetEventType(t bacnet.ObjectType) uint32 {
	switch t {
	case bacnet.ObjectAnalogInput, bacnet.ObjectAnalogOutput, bacnet.ObjectAnalogValue:
		return 5 // out of range
	case bacnet.ObjectBinaryOutput, bacnet.ObjectMultiStateOutput:
		return 3 // command failure
	case bacnet.ObjectTrendLog, bacnet.ObjectTrendLogMultiple, bacnet.ObjectEventLog:
		return 10 // buffer ready
	}
	return 1 // change of state
}

// acknowledge marks the transition into a state as seen by somebody (clause 13.5).
func (c *bacnetSession) acknowledge(d *bacnetDevice, q *bacnet.ConfirmedRequest, p *bacnet.AcknowledgeAlarmRequest) Answer {
	o := d.object(p.Object)
	state, has := d.state(o, bacnet.PropEventState)
	transition := bacnetTransition(p.State)
	flags, known := bacnet.Bits(d.bits(o, bacnet.PropAckedTransitions))
	switch {
	case d.objects[o] == nil:
		return c.refuse(q, bacnet.ClassObject, bacnet.CodeUnknownObject)
	case !has:
		return c.refuse(q, bacnet.ClassObject, bacnet.CodeNoAlarmConfigured)
	case transition == bacnetToOffNormal && state > bacnetFault && uint64(p.State) != state:
		return c.refuse(q, bacnet.ClassServices, bacnet.CodeInvalidEventState)
	}
	if times := d.stamps(o); times != nil && !bytes.Equal(times[transition], p.EventTime) {
		return c.refuse(q, bacnet.ClassServices, bacnet.CodeInvalidTimeStamp)
	}
	if k := (bacnetKey{o, bacnet.PropAckedTransitions, -1, false}); known && transition < len(flags) && d.cells[k] != nil && !c.following {
		flags[transition] = true
		v := bacnet.AppendBits([]byte{profiles.BACnetHolds}, flags)
		d.cells[k] = &bacnetCell{sample: v, shape: v}
		d.strayed = true
	}
	return c.done(q)
}

// events are the objects whose event state is not normal, or that had an event which nobody acknowledged.
func (d *bacnetDevice) events() (list []bacnet.EventSummary) {
	for _, o := range d.order {
		state, ok := d.state(o, bacnet.PropEventState)
		acknowledged := d.bits(o, bacnet.PropAckedTransitions)
		if !ok || state == bacnetNormal && bacnetAllSet(acknowledged) {
			continue
		}
		e := bacnet.EventSummary{Object: o, State: uint32(state), Acknowledged: acknowledged, Enabled: d.bits(o, bacnet.PropEventEnable)}
		notify, _ := d.state(o, bacnet.PropNotifyType)
		e.Notify = uint8(notify)
		if times := d.stamps(o); times != nil {
			e.Times = slices.Concat(times...)
		} else {
			for range 3 { // never: a time that is not specified
				e.Times = append(e.Times, 0x0c, 255, 255, 255, 255)
			}
		}
		for _, n := range d.urgency(o) {
			e.Priorities = bacnet.AppendUnsigned(e.Priorities, uint64(n))
		}
		list = append(list, e)
	}
	return list
}

// stamps are the times of an object's last transitions; nil: they are not known.
func (d *bacnetDevice) stamps(o bacnet.ObjectID) []bacnet.Value {
	v, _ := d.get(o, bacnet.PropEventTimeStamps, -1, false)
	if len(v) < 2 || v[0] != profiles.BACnetHolds {
		return nil
	}
	times := bacnet.Value(bytes.Clone(v[1:])).Elements()
	if len(times) != 3 {
		return nil
	}
	return times
}

// urgency is how urgent an object's transitions are, by its notification class (clause 12.21); the least where
// that is not known.
func (d *bacnetDevice) urgency(o bacnet.ObjectID) (list [3]uint8) {
	list = [3]uint8{255, 255, 255}
	n, ok := d.state(o, bacnet.PropNotificationClass)
	if !ok {
		return list
	}
	v, _ := d.get(bacnet.Object(bacnet.ObjectNotificationClass, uint32(n)), bacnet.PropPriority, -1, false)
	if len(v) < 2 || v[0] != profiles.BACnetHolds {
		return list
	}
	for i, e := range bacnet.Value(v[1:]).Elements() {
		if x, ok := e.Unsigned(); ok && i < len(list) {
			list[i] = uint8(min(x, 255))
		}
	}
	return list
}

func (d *bacnetDevice) state(o bacnet.ObjectID, p bacnet.PropertyID) (uint64, bool) {
	if v, _ := d.get(o, p, -1, false); len(v) > 1 && v[0] == profiles.BACnetHolds {
		return bacnet.Value(v[1:]).Unsigned()
	}
	return 0, false
}

// bits are three flags, all of them set where nothing is known.
func (d *bacnetDevice) bits(o bacnet.ObjectID, p bacnet.PropertyID) bacnet.BitString {
	if v, _ := d.get(o, p, -1, false); len(v) > 1 && v[0] == profiles.BACnetHolds {
		if t, content := bacnet.Value(v[1:]).First(); bacnet.TagNumber(t.Number) == bacnet.TagBits {
			return slices.Clone(content)
		}
	}
	return bacnet.NewBitString([]bool{true, true, true})
}

func bacnetAllSet(s bacnet.BitString) bool {
	flags, ok := bacnet.Bits(s)
	return ok && !slices.Contains(flags, false)
}
