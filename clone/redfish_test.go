package clone

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/profiles"
)

func TestJSONLinks(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{"@odata.id": "/redfish/v1/", "Name": "@odata.id", "Systems": {"@odata.id": "/redfish/v1/Systems"}}`, []string{"/redfish/v1/", "/redfish/v1/Systems"}},
		{`{"Members": [{"@odata.id": "/a"}, {"@odata.id": "/b"}], "Members@odata.nextLink": "/c?$skip=2"}`, []string{"/a", "/b", "/c?$skip=2"}},
		{`{"@odata.id": ["/a"], "Uri": "/b", "x": {"@odata.id": 7}, "y": {"@odata.id": {"z": "/c"}}}`, nil},
		{`{"@odata.id": "/a", "x": {`, []string{"/a"}},
		{`["@odata.id", "/a"]`, nil},
		{`no JSON`, nil},
	} {
		if got := jsonLinks([]byte(c.body)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.body, got, c.want)
		}
	}
}

type redfishSink struct {
	bytes.Buffer
	name  string
	files map[string]string
}

func (s *redfishSink) Close() error { s.files[s.name] = s.String(); return nil }

// A recording of a log-in, a look around, a change and a reset becomes a tree; the password and the token
// are nowhere in it.
func TestRedfishLearned(t *testing.T) {
	const token, password = "5e884898da28047151d0e56f8dc62927", "hunter2hunter2"
	ok := func(status, more, body string) string {
		return "HTTP/1.1 " + status + "\r\nServer: lab/1\r\nContent-Type: application/json\r\n" + more + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	ask := func(method, target, more, body string) string {
		return method + " " + target + " HTTP/1.1\r\nHost: b\r\n" + more + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	key := "X-Auth-Token: " + token + "\r\n"
	system := `{"@odata.id": "/redfish/v1/Systems/1", "AssetTag": ""}`
	l := NewLearning(Source{ID: "c1"}, Options{Salt: []byte("salt")})
	for i, p := range [][2]string{
		{ask("GET", "/redfish/v1/", "", ""), ok("200 OK", "", `{"@odata.id": "/redfish/v1/"}`)},
		{ask("GET", "/redfish/v1/Systems/1", "", ""), ok("401 Unauthorized", "", `{"error": {}}`)},
		{ask("POST", "/redfish/v1/SessionService/Sessions", "", `{"UserName": "root", "Password": "`+password+`"}`),
			ok("201 Created", "X-Auth-Token: "+token+"\r\nLocation: /redfish/v1/SessionService/Sessions/1\r\n", `{"Id": "1"}`)},
		{ask("GET", "/redfish/v1/Systems/1", key, ""), ok("200 OK", "ETag: \"7\"\r\nX-Auth-Token: "+token+"\r\n", system)},
		{ask("PATCH", "/redfish/v1/Systems/1", key, `{"AssetTag": "x", "Oem": {"Lab": {"Lamp": 1}}}`), ok("204 No Content", "", "")},
		{ask("POST", "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset", key, `{"ResetType": "On"}`), ok("202 Accepted", "", `{}`)},
	} {
		c := http.Protocol{}.New()
		_, req, err1 := c.Next(wire.Client, []byte(p[0]), true)
		_, rsp, err2 := c.Next(wire.Server, []byte(p[1]), true)
		if err1 != nil || err2 != nil || rsp == nil {
			t.Fatal(i, err1, err2)
		}
		x := capture.Exchange{At: time.Unix(int64(i), 0), Latency: 123 * time.Millisecond, Transport: "tcp", Protocol: http.Protocol{},
			Request: req, Replies: []wire.Message{rsp}}
		l.Add(&x)
	}
	files := map[string]string{}
	dev := &profiles.Device{APIVersion: profiles.APIVersion, Kind: profiles.Kind, ID: "b"}
	err := l.Finish(&Output{dev, func(name string) (io.WriteCloser, error) { return &redfishSink{name: name, files: files}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	sec := dev.Services[0].Section.(*profiles.HTTP).Redfish
	if sec == nil {
		t.Fatal("nothing of Redfish was learned")
	}
	at := sec.Root + "redfish/v1/Systems/1/"
	if files[at+"index.json"] != system || files[at+"time.json"] != "{\n    \"GET_Time\": \"0.12\"\n}" || !strings.Contains(files[at+"headers.json"], `"ETag": "\"7\""`) {
		t.Errorf("%s: %q, %q, %q", at, files[at+"index.json"], files[at+"time.json"], files[at+"headers.json"])
	}
	if want := []string{"/redfish/v1/Systems/1#/AssetTag", "/redfish/v1/Systems/1#/Oem/Lab/Lamp"}; !slices.Equal(sec.Writable, want) {
		t.Errorf("writable: %q, want %q", sec.Writable, want)
	}
	if sec.Patched != 204 || !sec.Actions["ComputerSystem.Reset"].Task || sec.Anonymous || len(sec.Open) > 0 || len(sec.Sessions.Token) != len(token) {
		t.Errorf("%+v", sec)
	}
	text, err := dev.YAML()
	if err != nil {
		t.Fatal(err)
	}
	files["device.yaml"] = string(text)
	for name, text := range files {
		for _, secret := range []string{token, password} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
}
