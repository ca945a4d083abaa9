package emulate_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture/http"
	"ringer/emulate"
	"ringer/profiles"
)

// redfishRules is a small service that says it can all that a query can ask for, with what the shipped one
// lacks: an ActionInfo, an array, references both in Links and beside them.
var redfishRules = fstest.MapFS{
	"redfish/index.json": {Data: []byte(`{"@odata.id": "/redfish/v1/", "@odata.type": "#ServiceRoot.v1_17_0.ServiceRoot", "Id": "Root", "Name": "Root",
 "ProtocolFeaturesSupported": {"ExpandQuery": {"ExpandAll": true, "Levels": true, "MaxLevels": 2, "NoLinks": true, "Links": true},
  "FilterQuery": true, "OnlyMemberQuery": true, "SelectQuery": true, "TopSkipQuery": true},
 "Systems": {"@odata.id": "/redfish/v1/Systems"}, "Links": {"Sessions": {"@odata.id": "/redfish/v1/SessionService/Sessions"}}}`)},
	"redfish/SessionService/index.json": {Data: []byte(`{"@odata.id": "/redfish/v1/SessionService", "@odata.type": "#SessionService.v1_1_8.SessionService", "SessionTimeout": 60}`)},
	"redfish/SessionService/Sessions/index.json": {Data: []byte(
		`{"@odata.id": "/redfish/v1/SessionService/Sessions", "@odata.type": "#SessionCollection.SessionCollection", "Members@odata.count": 0, "Members": []}`)},
	"redfish/Systems/index.json": {Data: []byte(`{"@odata.id": "/redfish/v1/Systems", "@odata.type": "#ComputerSystemCollection.ComputerSystemCollection", "Name": "Systems",
 "Members@odata.count": 2, "Members": [{"@odata.id": "/redfish/v1/Systems/a"}, {"@odata.id": "/redfish/v1/Systems/b"}]}`)},
	"redfish/Systems/a/index.json": {Data: []byte(`{"@odata.id": "/redfish/v1/Systems/a", "@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem", "Id": "a",
 "AssetTag": "it's", "PowerState": "On", "MemorySummary": {"TotalSystemMemoryGiB": 64}, "Boot": {"BootOrder": ["one", "two", "three"]},
 "Bios": {"@odata.id": "/redfish/v1/Systems/a/Bios"}, "Links": {"Chassis": [{"@odata.id": "/redfish/v1/Chassis/c"}]},
 "Actions": {"#ComputerSystem.Reset": {"target": "/redfish/v1/Systems/a/Actions/ComputerSystem.Reset", "@Redfish.ActionInfo": "/redfish/v1/Systems/a/ResetInfo"},
  "#ComputerSystem.Decommission": {"target": "/redfish/v1/Systems/a/Actions/ComputerSystem.Decommission", "@Redfish.ActionInfo": "/redfish/v1/Systems/a/DecommissionInfo"}}}`)},
	"redfish/Systems/a/Bios/index.json":      {Data: []byte(`{"@odata.id": "/redfish/v1/Systems/a/Bios", "Id": "Bios", "ActiveSoftware": {"@odata.id": "/redfish/v1/Chassis/c"}}`)},
	"redfish/Systems/a/ResetInfo/index.json": {Data: []byte(`{"Parameters": [{"Name": "ResetType", "Required": true, "DataType": "String", "AllowableValues": ["On", "ForceOff"]}]}`)},
	"redfish/Systems/a/DecommissionInfo/index.json": {Data: []byte(
		`{"Parameters": [{"Name": "DecommissionTypes", "Required": true, "DataType": "StringArray"}, {"Name": "Wait", "DataType": "Number"}, {"Name": "Force", "DataType": "Boolean"}]}`)},
	"redfish/Systems/b/index.json": {Data: []byte(
		`{"@odata.id": "/redfish/v1/Systems/b", "@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem", "Id": "b", "PowerState": "Off", "MemorySummary": {"TotalSystemMemoryGiB": 128.5}}`)},
	"redfish/Chassis/c/index.json": {Data: []byte(`{"@odata.id": "/redfish/v1/Chassis/c", "@odata.type": "#Chassis.v1_22_0.Chassis", "Id": "c"}`)},
	"redfish/EventService/index.json": {Data: []byte(`{"@odata.id": "/redfish/v1/EventService", "ServerSentEventUri": "/redfish/v1/EventService/SSE",
 "Subscriptions": {"@odata.id": "/redfish/v1/EventService/Subscriptions"}}`)},
	"redfish/EventService/Subscriptions/index.json": {Data: []byte(
		`{"@odata.id": "/redfish/v1/EventService/Subscriptions", "@odata.type": "#EventDestinationCollection.EventDestinationCollection", "Members@odata.count": 0, "Members": []}`)},
}

// redfishSmall is that service, ready to be asked, and its clock.
func redfishSmall(t testing.TB) (emulate.Service, *time.Time) {
	t.Helper()
	const text = `apiVersion: ringer/v1
kind: Device
id: small
accounts: [{name: lab, bait: lab}]
services: [{http: {port: 80, headers: {Date: none}, redfish: {root: redfish/, realm: lab, actions: {ComputerSystem.Decommission: {task: true, delay: 5s}}}}}]
`
	dev, err := profiles.Parse([]byte(text), "small.yaml", redfishRules)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	st, err := emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	service, err := emulate.Open(st, dev, &dev.Services[0], http.Protocol{})
	if err != nil {
		t.Fatal(err)
	}
	return service, &now
}

func TestRedfishRules(t *testing.T) {
	service, now := redfishSmall(t)
	checkDialogue(t, filepath.Join("testdata/redfish", "rules.txt"), func(text string) string {
		return redfishDialogue(t, service, text, now)
	})
}

// TestRedfishStreams: while a stream of events is open, a subscription stands for it. When that is deleted, the
// stream ends; when the stream ends, it goes.
func TestRedfishStreams(t *testing.T) {
	service, now := redfishSmall(t)
	ask := func(l *link, what string) string {
		t.Helper()
		return string(written(t, l.answer(t, []byte(what+" HTTP/1.1\r\nHost: x\r\nAuthorization: Basic bGFiOmxhYg==\r\n\r\n")).Messages))
	}
	const collection = "/redfish/v1/EventService/Subscriptions"
	first, second, other := newLink(service, emulate.Peer{}), newLink(service, emulate.Peer{}), newLink(service, emulate.Peer{})
	for _, l := range []*link{first, second} {
		if out := ask(l, "GET /redfish/v1/EventService/SSE"); !strings.Contains(out, "\r\nContent-Type: text/event-stream\r\n") {
			t.Fatal(out)
		}
	}
	if out := ask(other, "GET "+collection+"/1"); !strings.Contains(out, `"SubscriptionType": "SSE"`) || !strings.Contains(out, `"Context": "`) {
		t.Fatal(out)
	}
	ask(other, "DELETE "+collection+"/1")
	*now = now.Add(time.Second)
	a, _ := first.session.Tick(*now)
	if out := string(written(t, a.Messages)); !a.Close || out != "0\r\n\r\n" {
		t.Errorf("%q, closed: %v", out, a.Close)
	}
	if a, _ := second.session.Tick(*now); a.Close || len(a.Messages) > 0 {
		t.Error("the other one ends, too")
	}
	*now = now.Add(4 * time.Second)
	if out := ask(other, "GET "+collection); !strings.Contains(out, `"Members@odata.count": 1,`) {
		t.Error(out)
	}
	*now = now.Add(2 * time.Second) // nobody reads the second one any more
	if out := ask(other, "GET "+collection); !strings.Contains(out, `"Members@odata.count": 0,`) {
		t.Error(out)
	}
}

// TestRedfishNewAccount: who makes an account stays who they are.
func TestRedfishNewAccount(t *testing.T) {
	dev := redfishDevice(t)
	d := openDecoy(t, dev, emulate.Settings{}, http.Protocol{})
	ask := func(head, body string) string {
		t.Helper()
		return string(written(t, d.link("http", 1).answer(t, fmt.Appendf(nil, "%s\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)).Messages))
	}
	in := ask("POST /redfish/v1/SessionService/Sessions HTTP/1.1", `{"UserName": "ADMIN", "Password": "ADMIN"}`)
	_, token, _ := strings.Cut(in, "X-Auth-Token: ")
	token, _, _ = strings.Cut(token, "\r\n")
	signed := " HTTP/1.1\r\nX-Auth-Token: " + token
	if out := ask("POST /redfish/v1/AccountService/Accounts"+signed, `{"UserName": "guest", "Password": "guest-guest", "RoleId": "ReadOnly"}`); !strings.HasPrefix(out, "HTTP/1.1 201 ") {
		t.Fatal(out)
	}
	if out := ask("PATCH /redfish/v1/Systems/1"+signed, `{"AssetTag": "x"}`); !strings.HasPrefix(out, "HTTP/1.1 200 ") {
		t.Error(out)
	}
}
