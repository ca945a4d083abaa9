package emulate_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/emulate"
)

// said is what a session has sent, as bytes.
func said(t *testing.T, a emulate.Answer) string {
	t.Helper()
	return string(written(t, a.Messages))
}

// watchEvents opens the stream of events of the shipped BMC.
func watchEvents(t *testing.T, s *sharedBMC) emulate.Session {
	t.Helper()
	l := newLink(s.http, emulate.Peer{})
	head := fmt.Sprintf("GET /redfish/v1/EventService/SSE HTTP/1.1\r\nHost: bmc\r\nAccept: text/event-stream\r\nAuthorization: Basic %s\r\n\r\n",
		base64.StdEncoding.EncodeToString([]byte("ADMIN:ADMIN")))
	_, m, err := l.conn.Next(wire.Client, []byte(head), false)
	if err != nil {
		t.Fatal(err)
	}
	a := l.session.Answer(m)
	if r := a.Messages[0].(*http.Response); r.Status != 200 || r.Headers.Get("Content-Type") != "text/event-stream" || a.Close {
		t.Fatalf("the stream begins with %d, %v", r.Status, r.Headers)
	}
	if wait := a.Tick.Sub(s.now); wait <= 0 || wait > time.Second {
		t.Fatalf("the stream is looked at in %v", wait)
	}
	return l.session
}

// What is changed over IPMI, or SNMP, is told to those who watch Redfish's stream within the second, though nobody
// asks for anything meanwhile.
func TestRedfishEventsOfOtherProtocols(t *testing.T) {
	s := openShared(t)
	stream := watchEvents(t, s)
	if a, _ := stream.Tick(s.now); len(a.Messages) > 0 {
		t.Errorf("before anything has happened: %s", said(t, a))
	}
	for _, c := range []struct {
		do   string
		wait time.Duration // until it takes effect
		want []string
	}{
		{"ipmi ADMIN:ADMIN 0002 00", 2 * time.Second, []string{"ResourceChanged", "/redfish/v1/Systems/1", "/redfish/v1/Chassis/1",
			"ResourceCreated", "/redfish/v1/Systems/1/LogServices/Log1/Entries/10"}},
		{"ipmi ADMIN:ADMIN 0008 05 8004000000", 0, []string{"ResourceChanged", "/redfish/v1/Systems/1"}},
		{"ipmi ADMIN:ADMIN 0a42", 0, nil},
		{"ipmi ADMIN:ADMIN 0a47 0100 434c52 aa", 0, []string{"ResourceChanged", "/redfish/v1/Systems/1/LogServices/Log1/Entries"}},
		{"ipmi ADMIN:ADMIN 0645 05 \"guest\"*16", 0, []string{"ResourceChanged", "/redfish/v1/AccountService/Accounts/5"}},
		{"snmp ADMIN:ADMINADMIN set 1.3.6.1.4.1.99999.24.2.1.5.0=i:1", 0, []string{"ResourceChanged", "/redfish/v1/Chassis/1"}},
	} {
		s.ask(c.do)
		a, next := stream.Tick(s.now)
		if c.wait > 0 && len(a.Messages) > 0 {
			t.Errorf("%s: told before it takes effect: %s", c.do, said(t, a))
		}
		s.now = s.now.Add(c.wait)
		if c.wait > 0 {
			a, next = stream.Tick(s.now)
		}
		if next.IsZero() || next.Sub(s.now) > time.Second {
			t.Errorf("%s: the stream is looked at again at %v", c.do, next)
		}
		if len(c.want) == 0 {
			if len(a.Messages) > 0 {
				t.Errorf("%s: told %s", c.do, said(t, a))
			}
			continue
		}
		text := ""
		if len(a.Messages) > 0 {
			text = said(t, a)
		}
		for _, want := range c.want {
			if !strings.Contains(text, `"`+want+`"`) && !strings.Contains(text, "."+want+`"`) {
				t.Errorf("%s: %q does not tell of %s", c.do, text, want)
			}
		}
	}
}

// Two who watch are told the same, from when they began.
func TestRedfishEventsBegin(t *testing.T) {
	s := openShared(t)
	first := watchEvents(t, s)
	s.ask(`PATCH /redfish/v1/Systems/1 {"IndicatorLED": "Lit"}`)
	second := watchEvents(t, s)
	s.now = s.now.Add(time.Second)
	s.ask(`PATCH /redfish/v1/Chassis/1 {"IndicatorLED": "Off"}`)
	count := func(x emulate.Session) int {
		a, _ := x.Tick(s.now)
		return strings.Count(said(t, a), "id: ")
	}
	if n := count(first); n != 4 {
		t.Errorf("the first is told of %d events, want 4: two resources show the light, twice", n)
	}
	if n := count(second); n != 2 {
		t.Errorf("the second is told of %d events, want 2", n)
	}
}

// A reset that takes its time is a task: the monitor says 202 until it is done, then what the action would have said.
func TestRedfishTaskOfReset(t *testing.T) {
	s := openSharedAs(t, "ComputerSystem.Reset: {delay: 1s}", "ComputerSystem.Reset: {delay: 20s, task: true}")
	step := func(ask, want string) {
		t.Helper()
		if got := s.ask(ask); got != want {
			t.Errorf("%s: got\n%swant\n%s", ask, got, want)
		}
	}
	step(`POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset {"ResetType": "ForceOff"}`, "<<< 202 /redfish/v1/TaskService/TaskMonitors/1\n")
	step("GET /redfish/v1/TaskService/Tasks /Members@odata.count /Members/0/@odata.id",
		"<<< 200\n<<< /Members@odata.count 1\n<<< /Members/0/@odata.id \"/redfish/v1/TaskService/Tasks/1\"\n")
	step("GET /redfish/v1/TaskService/TaskMonitors/1 /TaskState", "<<< 202 /redfish/v1/TaskService/TaskMonitors/1\n<<< /TaskState \"Running\"\n")
	step("GET /redfish/v1/Systems/1 /PowerState", "<<< 200\n<<< /PowerState \"On\"\n")
	s.now = s.now.Add(19 * time.Second)
	step("GET /redfish/v1/TaskService/Tasks/1 /TaskState /PercentComplete", "<<< 200\n<<< /TaskState \"Running\"\n<<< /PercentComplete 0\n")
	s.now = s.now.Add(time.Second)
	step("GET /redfish/v1/TaskService/TaskMonitors/1", "<<< 204\n")
	step("GET /redfish/v1/TaskService/Tasks/1 /TaskState /TaskStatus /PercentComplete /EndTime",
		"<<< 200\n<<< /TaskState \"Completed\"\n<<< /TaskStatus \"OK\"\n<<< /PercentComplete 100\n<<< /EndTime \"2026-06-01T12:00:20Z\"\n")
	step("GET /redfish/v1/Systems/1 /PowerState", "<<< 200\n<<< /PowerState \"Off\"\n")
	step("ipmi ADMIN:ADMIN 0001", "<<< 00 20004000\n")
}
