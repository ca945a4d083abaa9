//go:build interop

package main

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
)

// bacnetPcap is a recording with a packet for each datagram.
func bacnetPcap(t *testing.T, datagrams [][]byte) string {
	t.Helper()
	b, _ := hex.DecodeString("d4c3b2a1020004000000000000000000ffff000065000000") // little endian, raw IP
	for _, d := range datagrams {
		n := uint32(28 + len(d))
		b = append(b, make([]byte, 8)...)
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, n), n)
		b = binary.BigEndian.AppendUint16(append(b, 0x45, 0), uint16(n))
		b = append(b, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0xba, 0xc0, 0xba, 0xc0)
		b = append(binary.BigEndian.AppendUint16(b, uint16(8+len(d))), 0, 0)
		b = append(b, d...)
	}
	file := filepath.Join(t.TempDir(), "messages.pcap")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestInteropBACnetDissected: what is made of structures, service by service, requests and answers, is read back as
// those structures, and by an independent dissector as the service that it is, with nothing malformed.
func TestInteropBACnetDissected(t *testing.T) {
	need(t, "tshark")
	u8 := func(n uint8) *uint8 { return &n }
	u16 := func(n uint16) *uint16 { return &n }
	u32 := func(n uint32) *uint32 { return &n }
	i32 := func(n int32) *int32 { return &n }
	f32 := func(f float32) *float32 { return &f }
	yes := func(b bool) *bool { return &b }
	value := func(s string) bacnet.Value {
		v, err := bacnet.ParseValue(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	values := func(s string) *bacnet.Value { v := value(s); return &v }
	text := func(s string) *bacnet.Text { x := bacnet.NewText(s); return &x }
	ai, ao, dev := bacnet.Object(bacnet.ObjectAnalogInput, 1), bacnet.Object(bacnet.ObjectAnalogOutput, 2), bacnet.Object(bacnet.ObjectDevice, 99)
	file, log := bacnet.Object(bacnet.ObjectFile, 3), bacnet.Object(bacnet.ObjectTrendLog, 4)
	date, at := bacnet.Date{126, 3, 2, 1}, bacnet.Time{8, 30, 15, 25}
	stamp := value("[2]{date 2026-03-02/01 time 08:30:15.25}")
	bits := bacnet.NewBitString
	pair := bacnet.ErrorPair{Class: bacnet.ClassProperty, Code: bacnet.CodeWriteAccessDenied}
	property := bacnet.PropertyReference{Property: bacnet.PropPresentValue}
	changed := &bacnet.COVNotification{Process: 7, Device: dev, Object: ai, Remaining: 60, Values: []bacnet.PropertyValue{
		{Property: bacnet.PropPresentValue, Value: value("real 21.5")}, {Property: bacnet.PropStatusFlags, Value: value("bits 0000")}}}
	event := &bacnet.EventNotification{Process: 7, Device: dev, Object: ai, Time: stamp, Class: 4, Priority: 100, Type: 5, Message: text("too hot"),
		Notify: 0, AckRequired: yes(true), From: u32(0), To: u32(3), Values: values("[5]{[0] 42c80000 [1] 8400 [2] 40000000 [3] 42b40000}")}
	record := &bacnet.FileRecords{Start: 0, Count: 2, Records: []bacnet.FileRecord{{Data: []byte("one")}, {Data: []byte("two")}}}
	elements := &bacnet.ListElementRequest{Object: bacnet.Object(bacnet.ObjectNotificationClass, 4), Property: 102, Elements: value("bits 1111111 time 00:00:00.00 time 23:59:59.99 [0] 02000063 unsigned 7 boolean true bits 111")}
	vendor := &bacnet.PrivateTransfer{Vendor: 260, Service: 8, Parameters: values("real 72.4 octets 1649")}
	var all []wire.Message
	var want []string
	add := func(m wire.Message, says string) {
		m.(bacnet.Message).Head().Link.Function = bacnet.OriginalUnicast
		all, want = append(all, m), append(want, says)
	}
	ask := func(s bacnet.ConfirmedService, p bacnet.Parameters, says string) {
		q := &bacnet.ConfirmedRequest{Accepts: true, MaxSegments: 4, MaxAPDU: 5, InvokeID: 9, Service: s, Parameters: p}
		q.Network.Control = bacnet.ExpectingReply
		add(q, says)
	}
	answer := func(s bacnet.ConfirmedService, p bacnet.Parameters, says string) {
		add(&bacnet.ComplexAck{InvokeID: 9, Service: s, Parameters: p}, says)
	}
	refuse := func(s bacnet.ConfirmedService, p bacnet.Parameters, says string) {
		add(&bacnet.Error{InvokeID: 9, Service: s, Parameters: p}, says)
	}
	tell := func(s bacnet.UnconfirmedService, p bacnet.Parameters, says string) {
		add(&bacnet.UnconfirmedRequest{Service: s, Parameters: p}, says)
	}

	ask(bacnet.AcknowledgeAlarm, &bacnet.AcknowledgeAlarmRequest{Process: 1, Object: ai, State: 3, EventTime: stamp, Source: *text("me"), Time: stamp}, "acknowledgeAlarm (0)|high-limit (3)|'me'")
	ask(bacnet.ConfirmedCOVNotification, changed, "confirmedCOVNotification (1)|present-value (85)|21.5")
	ask(bacnet.ConfirmedEventNotification, event, "confirmedEventNotification (2)|'too hot'|out-of-range (5)")
	ask(bacnet.GetAlarmSummary, &bacnet.NoParameters{}, "getAlarmSummary (3)")
	answer(bacnet.GetAlarmSummary, &bacnet.AlarmSummaryAck{Alarms: []bacnet.AlarmSummary{{Object: ai, State: 3, Acknowledged: bits([]bool{false, true, true})}}}, "getAlarmSummary (3)|high-limit")
	ask(bacnet.GetEnrollmentSummary, &bacnet.EnrollmentSummaryRequest{Acknowledgment: 2, State: u8(4), Type: u32(5), Priority: &bacnet.PriorityFilter{Low: 1, High: 9}, Class: u32(4)}, "getEnrollmentSummary (4)")
	answer(bacnet.GetEnrollmentSummary, &bacnet.EnrollmentSummaryAck{Enrollments: []bacnet.Enrollment{{Object: ai, Type: 5, State: 3, Priority: 9, Class: u32(4)}}}, "getEnrollmentSummary (4)")
	ask(bacnet.SubscribeCOV, &bacnet.SubscribeCOVRequest{Process: 7, Object: ai, Confirmed: yes(true), Lifetime: u32(60)}, "subscribeCOV (5)|issue Confirmed Notifications: TRUE")
	ask(bacnet.AtomicReadFile, &bacnet.ReadFileRequest{File: file, Stream: &bacnet.FileRange{Start: 5, Count: 100}}, "atomicReadFile (6)|file Start Position: (Signed) 5")
	ask(bacnet.AtomicReadFile, &bacnet.ReadFileRequest{File: file, Record: &bacnet.FileRange{Start: 2, Count: 3}}, "atomicReadFile (6)|file Start Record: (Signed) 2")
	answer(bacnet.AtomicReadFile, &bacnet.ReadFileAck{EndOfFile: true, Stream: &bacnet.FileData{Start: 5, Data: []byte("abc")}}, "atomicReadFile (6)|616263")
	answer(bacnet.AtomicReadFile, &bacnet.ReadFileAck{Record: record}, "atomicReadFile (6)|6f6e65|74776f")
	ask(bacnet.AtomicWriteFile, &bacnet.WriteFileRequest{File: file, Stream: &bacnet.FileData{Start: -1, Data: []byte("abc")}}, "atomicWriteFile (7)|file Start Position: (Signed) -1")
	ask(bacnet.AtomicWriteFile, &bacnet.WriteFileRequest{File: file, Record: record}, "atomicWriteFile (7)|6f6e65|74776f")
	answer(bacnet.AtomicWriteFile, &bacnet.WriteFileAck{Stream: i32(5)}, "atomicWriteFile (7)|File Start Position: (Signed) 5")
	answer(bacnet.AtomicWriteFile, &bacnet.WriteFileAck{Record: i32(2)}, "atomicWriteFile (7)|File Start Record: (Signed) 2")
	ask(bacnet.AddListElement, elements, "addListElement (8)|recipient-list (102)")
	refuse(bacnet.AddListElement, &bacnet.ListElementError{Error: pair, First: 1}, "addListElement (8)|write-access-denied")
	ask(bacnet.RemoveListElement, elements, "removeListElement (9)|recipient-list (102)")
	refuse(bacnet.RemoveListElement, &bacnet.ListElementError{Error: pair, First: 1}, "removeListElement (9)|write-access-denied")
	ask(bacnet.CreateObject, &bacnet.CreateObjectRequest{Object: bacnet.ObjectChoice{Type: u16(2)}, Values: &[]bacnet.PropertyValue{{Property: bacnet.PropPresentValue, Value: value("real 1")}}}, "createObject (10)|analog-value (2)")
	ask(bacnet.CreateObject, &bacnet.CreateObjectRequest{Object: bacnet.ObjectChoice{Object: &ao}}, "createObject (10)|analog-output, 2")
	answer(bacnet.CreateObject, &bacnet.CreateObjectAck{Object: ao}, "createObject (10)|analog-output, 2")
	refuse(bacnet.CreateObject, &bacnet.ListElementError{Error: pair, First: 1}, "createObject (10)|write-access-denied")
	ask(bacnet.DeleteObject, &bacnet.DeleteObjectRequest{Object: ao}, "deleteObject (11)|analog-output, 2")
	ask(bacnet.ReadProperty, &bacnet.ReadPropertyRequest{Object: dev, Property: bacnet.PropObjectList, Index: u32(3)}, "readProperty (12)|object-list (76)|property Array Index (Unsigned) 3")
	answer(bacnet.ReadProperty, &bacnet.ReadPropertyAck{Object: ai, Property: bacnet.PropPresentValue, Value: value("real 72.5")}, "readProperty (12)|72.5")
	ask(bacnet.ReadPropertyMultiple, &bacnet.ReadPropertyMultipleRequest{Objects: []bacnet.ReadAccessSpecification{{Object: ai, Properties: []bacnet.PropertyReference{{Property: bacnet.PropAll}}}, {Object: dev, Properties: []bacnet.PropertyReference{property}}}}, "readPropertyMultiple (14)|all (8)")
	answer(bacnet.ReadPropertyMultiple, &bacnet.ReadPropertyMultipleAck{Objects: []bacnet.ReadAccessResult{{Object: ai, Properties: []bacnet.ReadResult{{Property: bacnet.PropPresentValue, Value: values("real 72.5")}, {Property: bacnet.PropUnits, Error: &pair}}}}}, "readPropertyMultiple (14)|72.5|write-access-denied")
	ask(bacnet.WriteProperty, &bacnet.WritePropertyRequest{Object: ao, Property: bacnet.PropPresentValue, Value: value("real 5.5"), Priority: u8(8)}, "writeProperty (15)|5.5|Priority: (Unsigned) 8")
	ask(bacnet.WritePropertyMultiple, &bacnet.WritePropertyMultipleRequest{Objects: []bacnet.WriteAccessSpecification{{Object: ao, Properties: []bacnet.PropertyValue{{Property: bacnet.PropPresentValue, Value: value("null"), Priority: u8(8)}}}}}, "writePropertyMultiple (16)|Priority: (Unsigned) 8")
	refuse(bacnet.WritePropertyMultiple, &bacnet.WritePropertyMultipleError{Error: pair, First: bacnet.ElementReference{Object: ao, Property: bacnet.PropUnits}}, "writePropertyMultiple (16)|write-access-denied|units (117)")
	ask(bacnet.DeviceCommunicationControl, &bacnet.CommunicationControlRequest{Minutes: u16(5), State: 1, Password: text("secret")}, "deviceCommunicationControl (17)|disable (1)|'secret'")
	ask(bacnet.ConfirmedPrivateTransfer, vendor, "confirmedPrivateTransfer (18)|72.4")
	answer(bacnet.ConfirmedPrivateTransfer, vendor, "confirmedPrivateTransfer (18)|72.4")
	refuse(bacnet.ConfirmedPrivateTransfer, &bacnet.PrivateTransferError{Error: pair, Vendor: 260, Service: 8}, "confirmedPrivateTransfer (18)|write-access-denied")
	ask(bacnet.ConfirmedTextMessage, &bacnet.TextMessage{Source: dev, Class: &bacnet.MessageClass{Text: text("plant")}, Priority: 1, Message: *text("hello")}, "confirmedTextMessage (19)|'hello'")
	ask(bacnet.ReinitializeDevice, &bacnet.ReinitializeRequest{State: 1, Password: text("secret")}, "reinitializeDevice (20)|warmstart (1)|'secret'")
	ask(bacnet.ReadRange, &bacnet.ReadRangeRequest{Object: log, Property: bacnet.PropLogBuffer, ByPosition: &bacnet.Range{First: 1, Count: -10}}, "readRange (26)|reference Index: (Unsigned) 1|reference Count: (Signed) -10")
	ask(bacnet.ReadRange, &bacnet.ReadRangeRequest{Object: log, Property: bacnet.PropLogBuffer, BySequence: &bacnet.Range{First: 77, Count: 10}}, "readRange (26)|77|10")
	ask(bacnet.ReadRange, &bacnet.ReadRangeRequest{Object: log, Property: bacnet.PropLogBuffer, ByTime: &bacnet.TimeRange{Date: date, Time: at, Count: 10}}, "readRange (26)|8:30:15.25")
	answer(bacnet.ReadRange, &bacnet.ReadRangeAck{Object: log, Property: bacnet.PropLogBuffer, Flags: bits([]bool{true, false, true}), Count: 1, Items: value("[0]{date 2026-03-02/01 time 08:30:15.25} [1]{[2] 42910000} [2] 0400"), FirstSequence: u32(77)}, "readRange (26)|8:30:15.25|72.5|77")
	ask(bacnet.LifeSafetyOperation, &bacnet.LifeSafetyRequest{Process: 1, Source: *text("me"), Operation: 4, Object: &ai}, "lifeSafetyOperation (27)|'me'")
	ask(bacnet.SubscribeCOVProperty, &bacnet.SubscribeCOVPropertyRequest{Process: 7, Object: ai, Confirmed: yes(false), Lifetime: u32(60), Property: property, Increment: f32(0.5)}, "subscribeCOVProperty (28)|present-value (85)|0.5")
	ask(bacnet.GetEventInformation, &bacnet.EventInformationRequest{Last: &ai}, "getEventInformation (29)|analog-input, 1")
	answer(bacnet.GetEventInformation, &bacnet.EventInformationAck{More: true, Events: []bacnet.EventSummary{{Object: ai, State: 3, Acknowledged: bits([]bool{false, true, true}), Times: append(append(stamp[:len(stamp):len(stamp)], stamp...), stamp...), Enabled: bits([]bool{true, true, true}), Priorities: value("unsigned 1 unsigned 2 unsigned 3")}}}, "getEventInformation (29)|high-limit|more Events: TRUE")
	add(&bacnet.SimpleAck{InvokeID: 9, Service: bacnet.WriteProperty}, "Simple-ACK|writeProperty (15)")
	add(&bacnet.Reject{InvokeID: 9, Reason: bacnet.RejectUnrecognizedService}, "Reject|unrecognized-service (9)")
	add(&bacnet.Abort{Server: true, InvokeID: 9, Reason: bacnet.AbortSegmentationNotSupported}, "Abort|segmentation-not-supported (4)")
	add(&bacnet.SegmentAck{Negative: true, Server: true, InvokeID: 9, Sequence: 3, Window: 4}, "Segment-ACK|Proposed Window Size: 4")
	tell(bacnet.IAm, &bacnet.IAmRequest{Device: dev, MaxAPDU: 1476, Segmentation: 3, Vendor: 260}, "i-Am (0)|no-segmentation|1476")
	tell(bacnet.IHave, &bacnet.IHaveRequest{Device: dev, Object: ai, Name: *text("supply")}, "i-Have (1)|supply")
	tell(bacnet.UnconfirmedCOVNotification, changed, "unconfirmedCOVNotification (2)|21.5")
	tell(bacnet.UnconfirmedEventNotification, event, "unconfirmedEventNotification (3)|'too hot'")
	tell(bacnet.UnconfirmedPrivateTransfer, vendor, "unconfirmedPrivateTransfer (4)|72.4")
	tell(bacnet.UnconfirmedTextMessage, &bacnet.TextMessage{Source: dev, Message: *text("hello")}, "unconfirmedTextMessage (5)|'hello'")
	tell(bacnet.TimeSynchronization, &bacnet.TimeSynchronizationRequest{Date: date, Time: at}, "timeSynchronization (6)|8:30:15.25")
	tell(bacnet.WhoHas, &bacnet.WhoHasRequest{Low: u32(1), High: u32(100), Name: text("supply")}, "who-Has (7)|supply|High Limit: (Unsigned) 100")
	tell(bacnet.WhoHas, &bacnet.WhoHasRequest{Object: &ai}, "who-Has (7)|analog-input, 1")
	tell(bacnet.WhoIs, &bacnet.WhoIsRequest{Low: u32(1), High: u32(4194303)}, "who-Is (8)|4194303")
	tell(bacnet.UTCTimeSynchronization, &bacnet.TimeSynchronizationRequest{Date: date, Time: at}, "utcTimeSynchronization (9)|8:30:15.25")

	var datagrams [][]byte
	for i, m := range all {
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		datagrams = append(datagrams, b)
		_, back, err := bacnet.Protocol{}.New().Next(wire.Client, b, true)
		if err != nil {
			t.Errorf("%d: %x: %v", i, b, err)
			continue
		}
		if x, y := string(wire.AppendJSON(nil, m)), string(wire.AppendJSON(nil, back)); bacnetLength(x) != bacnetLength(y) {
			t.Errorf("%s is read back as %s", x, y)
		}
	}
	out, err := exec.Command("tshark", "-r", bacnetPcap(t, datagrams), "-V").Output()
	if err != nil {
		t.Fatal(err)
	}
	frames := strings.Split(string(out), "\nFrame ")
	if len(frames) != len(all) {
		t.Fatalf("%d frames, want %d", len(frames), len(all))
	}
	for i, frame := range frames {
		for _, says := range strings.Split(want[i], "|") {
			if !strings.Contains(strings.ToLower(frame), strings.ToLower(says)) {
				t.Errorf("%q is missing in what %x is to the dissector:\n%s", says, datagrams[i], frame[max(0, strings.Index(frame, "Building Automation")):])
			}
		}
		if strings.Contains(frame, "Malformed") || strings.Contains(frame, "Expert Info (Error") {
			t.Errorf("%x is malformed:\n%s", datagrams[i], frame)
		}
	}
	t.Logf("%d messages", len(all))
}

// bacnetLength leaves lengths out, which only what was read has.
func bacnetLength(s string) string {
	if i := strings.Index(s, `"Length":`); i >= 0 {
		end := strings.IndexAny(s[i:], ",}")
		return s[:i] + s[i+end:]
	}
	return s
}
