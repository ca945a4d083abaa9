package bacnet

import "reflect"

// Services of alarms, events and changes of values (clause 13).

// AcknowledgeAlarmRequest acknowledges an event (clause 13.5).
type AcknowledgeAlarmRequest struct {
	Process   uint32   `bacnet:"0"`
	Object    ObjectID `bacnet:"1"`
	State     uint32   `bacnet:"2"`
	EventTime Value    `bacnet:"3,open"`
	Source    Text     `bacnet:"4"`
	Time      Value    `bacnet:"5,open"`
}

// AlarmSummaryAck lists the objects that are in alarm (clause 13.6).
type AlarmSummaryAck struct {
	Alarms []AlarmSummary `bacnet:"rest"`
}

type AlarmSummary struct {
	Object       ObjectID `wire:"id"`
	State        uint32   `bacnet:"enum"`
	Acknowledged BitString
}

// EnrollmentSummaryRequest asks for what initiates events (clause 13.7).
type EnrollmentSummaryRequest struct {
	Acknowledgment uint8           `bacnet:"0"`
	Enrollment     *Value          `bacnet:"1,open"`
	State          *uint8          `bacnet:"2"`
	Type           *uint32         `bacnet:"3"`
	Priority       *PriorityFilter `bacnet:"4,open"`
	Class          *uint32         `bacnet:"5"`
}

// Wants says whether an enrollment is asked for; acknowledged: all its transitions are.
func (p *EnrollmentSummaryRequest) Wants(e Enrollment, acknowledged bool) bool {
	switch {
	case p.Acknowledgment == 1 && !acknowledged, p.Acknowledgment == 2 && acknowledged,
		p.Type != nil && *p.Type != e.Type,
		p.Priority != nil && (e.Priority < p.Priority.Low || e.Priority > p.Priority.High),
		p.Class != nil && (e.Class == nil || *e.Class != *p.Class):
		return false
	case p.State == nil:
		return true
	}
	switch *p.State {
	case 0: // off normal
		return e.State > 1
	case 1: // fault
		return e.State == 1
	case 2: // normal
		return e.State == 0
	case 4: // active
		return e.State != 0
	}
	return true
}

type PriorityFilter struct {
	Low  uint8 `bacnet:"0"`
	High uint8 `bacnet:"1"`
}

type EnrollmentSummaryAck struct {
	Enrollments []Enrollment `bacnet:"rest"`
}

type Enrollment struct {
	Object   ObjectID `wire:"id"`
	Type     uint32   `bacnet:"enum"`
	State    uint32   `bacnet:"enum"`
	Priority uint8
	Class    *uint32
}

// EventInformationRequest asks for all active events, those behind Last if it is given (clause 13.9).
type EventInformationRequest struct {
	Last *ObjectID `bacnet:"0"`
}

type EventInformationAck struct {
	Events []EventSummary `bacnet:"0,open"`
	More   bool           `bacnet:"1"`
}

type EventSummary struct {
	Object       ObjectID  `bacnet:"0" wire:"id"`
	State        uint32    `bacnet:"1"`
	Acknowledged BitString `bacnet:"2"`
	Times        Value     `bacnet:"3,open"`
	Notify       uint8     `bacnet:"4"`
	Enabled      BitString `bacnet:"5"`
	Priorities   Value     `bacnet:"6,open"`
}

// SubscribeCOVRequest asks to be told of changes; without Confirmed and Lifetime it cancels (clause 13.14).
type SubscribeCOVRequest struct {
	Process   uint32   `bacnet:"0"`
	Object    ObjectID `bacnet:"1"`
	Confirmed *bool    `bacnet:"2"`
	Lifetime  *uint32  `bacnet:"3"` // seconds; 0: for ever
}

// SubscribeCOVPropertyRequest is the same for one property (clause 13.15).
type SubscribeCOVPropertyRequest struct {
	Process   uint32            `bacnet:"0"`
	Object    ObjectID          `bacnet:"1"`
	Confirmed *bool             `bacnet:"2"`
	Lifetime  *uint32           `bacnet:"3"`
	Property  PropertyReference `bacnet:"4,open"`
	Increment *float32          `bacnet:"5"`
}

// COVNotification tells of a change (clauses 13.1 and 13.2).
type COVNotification struct {
	Process   uint32          `bacnet:"0"`
	Device    ObjectID        `bacnet:"1"`
	Object    ObjectID        `bacnet:"2"`
	Remaining uint32          `bacnet:"3" wire:"clock"`
	Values    []PropertyValue `bacnet:"4,open"`
}

// A Subscription to changes, as a device lists it (clause 21, BACnetCOVSubscription).
type Subscription struct {
	Recipient RecipientProcess        `bacnet:"0,open"`
	Reference ObjectPropertyReference `bacnet:"1,open"`
	Confirmed bool                    `bacnet:"2"`
	Remaining uint32                  `bacnet:"3"` // seconds
	Increment *float32                `bacnet:"4"`
}

type RecipientProcess struct {
	Recipient Recipient `bacnet:"0,open"`
	Process   uint32    `bacnet:"1"`
}

// A Recipient is a device, or an address.
type Recipient struct {
	Device  *ObjectID `bacnet:"0"`
	Address *Address  `bacnet:"1,open"`
}

// An Address is a station's; on the network itself it has number 0.
type Address struct {
	Network uint16
	MAC     []byte
}

type ObjectPropertyReference struct {
	Object   ObjectID   `bacnet:"0"`
	Property PropertyID `bacnet:"1"`
	Index    *uint32    `bacnet:"2"`
}

// AppendSubscription appends the elements of a subscription.
func AppendSubscription(b []byte, s *Subscription) []byte {
	return encode(b, reflect.ValueOf(s).Elem())
}

// EventNotification tells of an event (clauses 13.3 and 13.4).
type EventNotification struct {
	Process     uint32   `bacnet:"0"`
	Device      ObjectID `bacnet:"1"`
	Object      ObjectID `bacnet:"2"`
	Time        Value    `bacnet:"3,open"`
	Class       uint32   `bacnet:"4"`
	Priority    uint8    `bacnet:"5"`
	Type        uint32   `bacnet:"6"`
	Message     *Text    `bacnet:"7"`
	Notify      uint8    `bacnet:"8"`
	AckRequired *bool    `bacnet:"9"`
	From        *uint32  `bacnet:"10"`
	To          *uint32  `bacnet:"11"`
	Values      *Value   `bacnet:"12,open"`
}

// LifeSafetyRequest silences or resets (clause 13.13).
type LifeSafetyRequest struct {
	Process   uint32    `bacnet:"0"`
	Source    Text      `bacnet:"1"`
	Operation uint32    `bacnet:"2"`
	Object    *ObjectID `bacnet:"3"`
}

func (p *AcknowledgeAlarmRequest) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *AlarmSummaryAck) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *EnrollmentSummaryRequest) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *EnrollmentSummaryAck) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *EventInformationRequest) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *EventInformationAck) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *SubscribeCOVRequest) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *SubscribeCOVPropertyRequest) appendTo(b []byte) []byte {
	return encode(b, reflect.ValueOf(p).Elem())
}
func (p *COVNotification) appendTo(b []byte) []byte   { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *EventNotification) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
func (p *LifeSafetyRequest) appendTo(b []byte) []byte { return encode(b, reflect.ValueOf(p).Elem()) }
