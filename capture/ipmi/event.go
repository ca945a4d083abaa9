package ipmi

import (
	"encoding/binary"
	"fmt"
)

// EventSize is how long a record of the system event log is.
const EventSize = 16

// An Event is a record of the system event log (section 32.1).
type Event struct {
	ID        uint16
	Type      uint8  // EventRecord, or of a maker
	Time      uint32 // seconds since 1970; 0: the record bears none
	Generator uint16
	Revision  uint8
	Sensor    uint8 // its type (table 42-3)
	Number    uint8
	Kind      uint8 // of event (table 42-1): EventThreshold, EventSpecific or another
	Over      bool  // deasserted: what the event says is over
	Data      [3]byte
}

const (
	// EventRecord is the type of record that has all fields; those from EventUntimed on are of makers and bear no time.
	EventRecord  = 0x02
	EventUntimed = 0xe0
	// EventRevision is the format of the message that an event came in.
	EventRevision = 0x04
	// EventThreshold is the kind of events about thresholds, EventSpecific that of events which each type of
	// sensor has of its own.
	EventThreshold = 0x01
	EventSpecific  = 0x6f
)

// ParseEvent reads a record.
func ParseEvent(b [EventSize]byte) Event {
	return Event{
		ID: binary.LittleEndian.Uint16(b[:]), Type: b[2], Time: binary.LittleEndian.Uint32(b[3:]),
		Generator: binary.LittleEndian.Uint16(b[7:]), Revision: b[9], Sensor: b[10], Number: b[11],
		Kind: b[12] & 0x7f, Over: b[12]&0x80 != 0, Data: [3]byte(b[13:]),
	}
}

// Record is the reverse.
func (e *Event) Record() (b [EventSize]byte) {
	binary.LittleEndian.PutUint16(b[:], e.ID)
	b[2] = e.Type
	binary.LittleEndian.PutUint32(b[3:], e.Time)
	binary.LittleEndian.PutUint16(b[7:], e.Generator)
	b[9], b[10], b[11], b[12] = e.Revision, e.Sensor, e.Number, e.Kind
	if e.Over {
		b[12] |= 0x80
	}
	copy(b[13:], e.Data[:])
	return b
}

// Offset says which of the events of its kind it is.
func (e *Event) Offset() uint8 { return e.Data[0] & 0xf }

// A Severity is how bad an event is.
type Severity uint8

const (
	Informational Severity = iota
	Warning
	Critical
)

// An eventWord is what an offset of a kind of events means.
type eventWord struct {
	text     string
	severity Severity
}

func (e *Event) word() (eventWord, bool) {
	words := genericEvents[e.Kind]
	if e.Kind == EventSpecific {
		words = sensorEvents[e.Sensor]
	}
	if i := int(e.Offset()); e.Type == EventRecord && i < len(words) && words[i].text != "" {
		return words[i], true
	}
	return eventWord{}, false
}

// Text says what happened, in the words of the tables; of an event that these do not have, its bytes.
func (e *Event) Text() string {
	w, ok := e.word()
	switch {
	case ok:
		return w.text
	case e.Type >= EventUntimed:
		b := e.Record()
		return fmt.Sprintf("OEM record %02x: %x", e.Type, b[3:])
	case e.Type != EventRecord:
		b := e.Record()
		return fmt.Sprintf("OEM record %02x: %x", e.Type, b[7:])
	}
	return fmt.Sprintf("event %02x: %x", e.Kind, e.Data)
}

// Severity says how bad it is. What is over is not.
func (e *Event) Severity() Severity {
	w, ok := e.word()
	if !ok || e.Over {
		return Informational
	}
	return w.severity
}

// Generic is the text of an event whose words do not depend on the sensor; "" for others.
func (e *Event) Generic() string {
	if w, ok := e.word(); ok && e.Kind != EventSpecific {
		return w.text
	}
	return ""
}

// SensorType is the name of the type of sensor; "" where the specification has none.
func (e *Event) SensorType() string {
	if e.Type == EventRecord && int(e.Sensor) < len(sensorTypes) {
		return sensorTypes[e.Sensor]
	}
	return ""
}

// ReadSensor finds number, type and name in a record of the repository (sections 43.1 to 43.3); false: it is
// not that of a sensor.
func ReadSensor(sdr []byte) (number, kind uint8, name string, ok bool) {
	if len(sdr) < 13 {
		return 0, 0, "", false
	}
	at, kinds := 0, 12
	switch sdr[3] {
	case 0x01:
		at = 47
	case 0x02:
		at = 31
	case 0x03:
		at, kinds = 16, 10
	default:
		return 0, 0, "", false
	}
	if at >= len(sdr) {
		return sdr[7], sdr[kinds], "", true
	}
	n := min(int(sdr[at]&0x1f), len(sdr)-at-1)
	return sdr[7], sdr[kinds], fruText(sdr[at]>>6, sdr[at+1:at+1+n]), true
}
