package emulate_test

import (
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture/bacnet"
	"ringer/emulate"
	"ringer/profiles"
)

func bacnetPlant(t *testing.T, values string) *profiles.Device {
	t.Helper()
	dev, err := profiles.Parse([]byte("apiVersion: ringer/v1\nkind: Device\nid: plant\nservices:\n- bacnet: {port: 47808/udp, device: 7, password: open, values: v.tsv}\n"),
		"device.yaml", fstest.MapFS{"v.tsv": &fstest.MapFile{Data: []byte(values)}})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// bacnetCheck compares what was said with what should be, one after the other.
func bacnetCheck(t *testing.T, list [][2]string) {
	t.Helper()
	for i, x := range list {
		if x[0] != x[1] {
			t.Errorf("%d: %s, want %s", i, x[0], x[1])
		}
	}
}

var (
	bacnetInput  = bacnet.Object(bacnet.ObjectAnalogInput, 1)
	bacnetDevice = bacnet.Object(bacnet.ObjectDevice, 7)
)

// Alarms are listed until they are acknowledged and over, those behind the last that is known, as many as fit; what
// is acknowledged must be what happened.
func TestBACnetAlarms(t *testing.T) {
	values := "analog-input,1 event-state\tenum 3\nanalog-input,1 acked-transitions\tbits 011\nanalog-input,1 event-enable\tbits 111\n" +
		"analog-input,1 notify-type\tenum 0\nanalog-input,1 notification-class\tunsigned 4\n" +
		"analog-input,1 event-time-stamps\t[2]{date 2026-01-02/05 time 03:04:05.06} [0] ffffffff [0] ffffffff\n" +
		"analog-input,2 event-state\tenum 0\nanalog-input,2 acked-transitions\tbits 110\nanalog-input,2 event-enable\tbits 111\n" +
		"analog-input,3 event-state\tenum 0\nanalog-input,4 present-value\treal 1\nnotification-class,4 priority\tunsigned 10 unsigned 20 unsigned 30\n" +
		"device,7 protocol-services-supported\tbits " + strings.Repeat("1", 40) + "\n"
	for i := 20; i < 60; i++ {
		o := bacnet.Object(bacnet.ObjectBinaryInput, uint32(i)).String()
		values += o + " event-state\tenum 2\n" + o + " notify-type\tenum 1\n"
	}
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	s := bacnetSessions(t, bacnetPlant(t, values), &now, "10.9.9.9:47808")[0]
	stamp := bacnet.Value(mustValue(t, "[2]{date 2026-01-02/05 time 03:04:05.06}"))
	acknowledge := func(o bacnet.ObjectID, state uint32, at bacnet.Value) string {
		return bacnetTold(t, s, bacnet.AcknowledgeAlarm, &bacnet.AcknowledgeAlarmRequest{Process: 1, Object: o, State: state, EventTime: at, Source: bacnet.NewText("me"), Time: stamp})
	}
	events := func(last *bacnet.ObjectID) string {
		return bacnetTold(t, s, bacnet.GetEventInformation, &bacnet.EventInformationRequest{Last: last})
	}
	first := events(nil)
	for _, want := range []string{
		`"Object":"analog-input,1","State":3,"Acknowledged":"011","Times":"[2]{date 2026-01-02/05 time 03:04:05.06} [0] ffffffff [0] ffffffff","Enabled":"111","Priorities":"unsigned 10 unsigned 20 unsigned 30"`,
		`"Object":"analog-input,2","Acknowledged":"110"`, `"More":true`,
	} {
		if !strings.Contains(first, want) {
			t.Errorf("%s is missing in %.600s", want, first)
		}
	}
	all, told, last := 0, first, bacnet.ObjectID(0)
	for pages := 0; pages < 10; pages++ {
		n := strings.Count(told, `"Object"`)
		all += n
		if !strings.Contains(told, `"More":true`) {
			break
		}
		text := told[strings.LastIndex(told, `"Object":"`)+10:]
		var err error
		if last, err = bacnet.ParseObject(text[:strings.Index(text, `"`)]); err != nil {
			t.Fatal(err)
		}
		told = events(&last)
	}
	if all != 42 {
		t.Errorf("%d events in all, want 42", all)
	}
	enrolled := func(p bacnet.EnrollmentSummaryRequest) string {
		return bacnetTold(t, s, bacnet.GetEnrollmentSummary, &p)
	}
	off, class := uint8(0), uint32(4)
	summary := `{"Alarms":[{"Object":"analog-input,1","State":3,"Acknowledged":"011"}]}`
	one := `{"Enrollments":[{"Object":"analog-input,1","Type":5,"State":3,"Priority":10,"Class":4}]}`
	bacnetCheck(t, [][2]string{
		{bacnetTold(t, s, bacnet.GetAlarmSummary, &bacnet.NoParameters{}), summary},
		{enrolled(bacnet.EnrollmentSummaryRequest{State: &off}), one},
		{enrolled(bacnet.EnrollmentSummaryRequest{Class: &class}), one},
		{enrolled(bacnet.EnrollmentSummaryRequest{Acknowledgment: 1}), "{}"},
		{enrolled(bacnet.EnrollmentSummaryRequest{Priority: &bacnet.PriorityFilter{High: 9}}), "{}"},
		{acknowledge(bacnet.Object(bacnet.ObjectAnalogInput, 9), 3, stamp), "object unknown-object"},
		{acknowledge(bacnet.Object(bacnet.ObjectAnalogInput, 4), 3, stamp), "object no-alarm-configured"},
		{acknowledge(bacnetInput, 4, stamp), "services invalid-event-state"},
		{acknowledge(bacnetInput, 3, mustValue(t, "[1] 05")), "services invalid-time-stamp"},
		{acknowledge(bacnetInput, 3, stamp), "done"},
		{bacnetTold(t, s, bacnet.ReadProperty, bacnetProperty(bacnetInput, bacnet.PropAckedTransitions)), "bits 111"},
		{bacnetTold(t, s, bacnet.GetAlarmSummary, &bacnet.NoParameters{}), strings.Replace(summary, "011", "111", 1)},
		{acknowledge(bacnet.Object(bacnet.ObjectAnalogInput, 2), 0, stamp), "done"},
	})
	if again := events(nil); strings.Contains(again, "analog-input,2") || !strings.Contains(again, "analog-input,1") {
		t.Errorf("what is acknowledged and over is listed, or what is not over is not: %.300s", again)
	}
}

func mustValue(t *testing.T, s string) bacnet.Value {
	t.Helper()
	v, err := bacnet.ParseValue(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A device that claims services answers them as one that has them: it creates nothing, and takes messages.
func TestBACnetClaimedServices(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	s := bacnetSessions(t, bacnetPlant(t, "analog-input,1 present-value\treal 1\ndevice,7 protocol-services-supported\tbits "+strings.Repeat("1", 40)+"\n"), &now, "10.9.9.9:47808")[0]
	few := bacnetSessions(t, bacnetPlant(t, "analog-input,1 present-value\treal 1\ndevice,7 protocol-services-supported\tbits 000000000000100"+"\n"), &now, "10.9.9.9:47808")[0]
	kind, instance := uint16(2), bacnetInput
	create := &bacnet.CreateObjectRequest{Object: bacnet.ObjectChoice{Type: &kind}}
	text := &bacnet.TextMessage{Source: bacnetDevice, Message: bacnet.NewText("hello")}
	elements := &bacnet.ListElementRequest{Object: bacnetInput, Property: bacnet.PropPresentValue, Elements: mustValue(t, "real 1")}
	refused := `{"type":"Error","Link":{"Function":"unicast"},"InvokeID":1,"Service":"create object","Parameters":{"Error":"object dynamic-creation-not-supported"}}`
	denied := `{"type":"Error","Link":{"Function":"unicast"},"InvokeID":1,"Service":"add list element","Parameters":{"Error":"property write-access-denied","First":1}}`
	bacnetCheck(t, [][2]string{
		{bacnetTold(t, s, bacnet.CreateObject, create), refused},
		{bacnetTold(t, few, bacnet.CreateObject, create), "rejected: unrecognized-service"},
		{bacnetTold(t, s, bacnet.DeleteObject, &bacnet.DeleteObjectRequest{Object: instance}), "object object-deletion-not-permitted"},
		{bacnetTold(t, s, bacnet.AddListElement, elements), denied},
		{bacnetTold(t, s, bacnet.ConfirmedTextMessage, text), "done"},
		{bacnetTold(t, few, bacnet.ConfirmedTextMessage, text), "rejected: unrecognized-service"},
		{bacnetTold(t, s, bacnet.ConfirmedCOVNotification, &bacnet.COVNotification{Device: bacnetDevice, Object: bacnetInput, Values: []bacnet.PropertyValue{}}), "services unknown-subscription"},
		{bacnetTold(t, few, bacnet.ReadProperty, bacnetProperty(bacnetInput, bacnet.PropPresentValue)), "real 1"},
	})
}

// Subscriptions are listed, taken over, cancelled and forgotten after their time; who subscribed and is silent
// is attended to so long.
func TestBACnetSubscriptions(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	dev := bacnetPlant(t, "analog-input,1 present-value\treal 1\nanalog-value,1 present-value\treal 1\nanalog-value,1 cov-increment\treal 2\n"+
		"device,7 active-cov-subscriptions\t\nfile,1 object-name\ttext \"f\"\n")
	s := bacnetSessions(t, dev, &now, "10.9.9.9:47808")[0]
	value := bacnet.Object(bacnet.ObjectAnalogValue, 1)
	subscribe := func(o bacnet.ObjectID, process uint32, lifetime ...uint32) string {
		confirmed, p := false, &bacnet.SubscribeCOVRequest{Process: process, Object: o}
		if lifetime != nil {
			p.Confirmed, p.Lifetime = &confirmed, &lifetime[0]
		}
		return bacnetTold(t, s, bacnet.SubscribeCOV, p)
	}
	write := func(to float32) string {
		return bacnetTold(t, s, bacnet.WriteProperty, &bacnet.WritePropertyRequest{Object: value, Property: bacnet.PropPresentValue,
			Value: bacnet.AppendReal(nil, math.Float32bits(to))})
	}
	list := func() string {
		return bacnetTold(t, s, bacnet.ReadProperty, bacnetProperty(bacnetDevice, bacnet.PropActiveCOVSubscriptions))
	}
	attends := func() bool { return s.(interface{ Attends(time.Time) bool }).Attends(now) }
	told := func() int { a, _ := s.Tick(now); return len(a.Messages) }
	count := func(want int) {
		t.Helper()
		if n := told(); n != want {
			t.Errorf("told %d times, want %d", n, want)
		}
	}
	bacnetCheck(t, [][2]string{
		{list(), ""},
		{subscribe(bacnet.Object(bacnet.ObjectFile, 1), 1, 60), "object optional-functionality-not-supported"},
		{subscribe(bacnet.Object(bacnet.ObjectAnalogInput, 9), 1, 60), "object unknown-object"},
		{subscribe(value, 1, 60), "done"},
		{list(), "[0]{[0]{[1]{unsigned 0 octets 0a090909bac0}} [1] 01} [1]{[0] 00800001 [1] 55} [2] 00 [3] 3c"},
	})
	count(1)
	write(2.5)
	count(0) // by 1.5: less than the increment
	write(3.5)
	count(1)
	now = now.Add(50 * time.Second)
	subscribe(value, 1, 60) // once more: its time begins anew, and it is told again
	count(1)
	now = now.Add(50 * time.Second)
	if !attends() || !strings.HasSuffix(list(), "[3] 0a") {
		t.Errorf("subscribed again: attended to %v, %s", attends(), list())
	}
	now = now.Add(11 * time.Second)
	write(9)
	count(0)
	if attends() || list() != "" {
		t.Errorf("after its time: %s", list())
	}
	subscribe(value, 1, 60)
	subscribe(value, 2, 0)
	count(2)
	if got := subscribe(value, 1); got != "done" {
		t.Errorf("cancelling: %s", got)
	}
	write(20)
	count(1)
	if got := subscribe(value, 9); got != "done" {
		t.Errorf("cancelling what is not: %s", got)
	}
	if got := bacnetTold(t, s, bacnet.ReinitializeDevice, &bacnet.ReinitializeRequest{State: 1, Password: bacnetText("open")}); got != "done" {
		t.Errorf("restarting: %s", got)
	}
	write(40)
	count(0)
}

func bacnetText(s string) *bacnet.Text { t := bacnet.NewText(s); return &t }

// The clock goes on from what was recorded of it, and is set by who tells the time; what the device has is counted.
func TestBACnetClock(t *testing.T) {
	now := time.Date(2026, 3, 2, 23, 30, 0, 0, time.UTC)
	dev, err := profiles.Parse([]byte("apiVersion: ringer/v1\nkind: Device\nid: plant\nservices:\n- bacnet: {port: 47808/udp, device: 7, values: v.tsv, samples: [s.tsv], carries: [create object]}\n"),
		"device.yaml", fstest.MapFS{
			"v.tsv": &fstest.MapFile{Data: []byte("device,7 local-time\ttime 03:00:00.00\ndevice,7 local-date\tdate 2024-05-01/03\ndevice,7 utc-offset\tsigned -60\n" +
				"device,7 daylight-savings-status\tboolean false\ndevice,7 database-revision\tunsigned 5\nanalog-value,1 present-value\treal 1\n")},
			"s.tsv": &fstest.MapFile{Data: []byte("device,7 local-time\t\t30b403000000*2\n")},
		})
	if err != nil {
		t.Fatal(err)
	}
	s := bacnetSessions(t, dev, &now, "10.9.9.9:47808")[0]
	read := func(p bacnet.PropertyID) string {
		return bacnetTold(t, s, bacnet.ReadProperty, bacnetProperty(bacnetDevice, p))
	}
	set := func(service bacnet.UnconfirmedService, date bacnet.Date, at bacnet.Time) emulate.Answer {
		m := &bacnet.UnconfirmedRequest{Service: service, Parameters: &bacnet.TimeSynchronizationRequest{Date: date, Time: at}}
		m.Link.Function = bacnet.OriginalUnicast
		return s.Answer(m)
	}
	kind := uint16(2)
	list := [][2]string{
		{read(bacnet.PropLocalTime), "time 03:00:00.00"},
		{read(bacnet.PropLocalTime), "time 03:00:00.00"},
		{read(bacnet.PropLocalTime), "time 00:30:00.00"},
		{read(bacnet.PropLocalDate), "date 2026-03-03/02"},
	}
	set(bacnet.TimeSynchronization, bacnet.Date{126, 12, 31, 4}, bacnet.Time{23, 59, 59, 0})
	now = now.Add(2 * time.Second)
	list = append(list, [][2]string{
		{read(bacnet.PropLocalTime), "time 00:00:01.00"},
		{read(bacnet.PropLocalDate), "date 2027-01-01/05"},
	}...)
	set(bacnet.UTCTimeSynchronization, bacnet.Date{126, 6, 1, 1}, bacnet.Time{12, 0, 0, 0})
	set(bacnet.UTCTimeSynchronization, bacnet.Date{255, 6, 1, 1}, bacnet.Time{1, 0, 0, 0})
	list = append(list, [][2]string{
		{read(bacnet.PropLocalTime), "time 13:00:00.00"},
		{read(bacnet.PropDatabaseRevision), "unsigned 5"},
		{bacnetTold(t, s, bacnet.CreateObject, &bacnet.CreateObjectRequest{Object: bacnet.ObjectChoice{Type: &kind}}), `{"Object":"analog-value,2"}`},
		{read(bacnet.PropDatabaseRevision), "unsigned 6"},
	}...)
	bacnetCheck(t, list)
}
