package emulate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture/http"
	"ringer/emulate"
	"ringer/profiles"
)

// redfishGrown is what an answer may be longer than the resource and what was sent: what $expand may add, and the texts
// of errors.
const redfishGrown = 8<<20 + 64<<10

// Whatever a resource is, however it is changed and whatever is asked of it: what is said is JSON, and no more of it
// than there is.
func FuzzRedfish(f *testing.F) {
	f.Add(redfishRules["redfish/Systems/a/index.json"].Data, []byte(`{"AssetTag": "x", "Boot": {"BootOrder": [{}, null, "z"]}}`), "$expand=*($levels=2)&$select=Id,Boot/BootOrder")
	f.Add(redfishRules["redfish/Systems/index.json"].Data, []byte(`{"Name": 1}`), "$filter=Id eq 'a' and not (PowerState ne 'On')&$top=1&$skip=0")
	f.Add([]byte(`{"@odata.id": "/redfish/v1/Systems/a", "@odata.type": "#Bios.v1_2_0.Bios", "Attributes": {"a~b/c": 1.5, "": null}, "Members": [{"@odata.id": "/redfish/v1/Systems/a"}]}`),
		[]byte(`{"Attributes": {"a~b/c": 1e3, "": {"": []}, "new": "\ud800"}}`), "only")
	f.Add([]byte("\xef\xbb\xbf{ \"AssetTag\" :\r\n \"a\" , \"AssetTag\":[]}"), []byte(`{"@odata.id": 1, "AssetTag": ["a", [], {}]}`), "$expand=.&$filter=A/0 lt -1e9")
	f.Add([]byte(`{"@odata.type": "#VirtualMedia.v1.VirtualMedia", "Image": null, "Actions": {"#VirtualMedia.InsertMedia": {"target": "/redfish/v1/act"}, "#ComputerSystem.Reset": {"target": "/redfish/v1/act/"}}}`),
		[]byte(`{"Image": "a", "ResetType": "On"}`), "$select=*&%zz")
	const text = `apiVersion: ringer/v1
kind: Device
id: small
services: [{http: {port: 80, headers: {Date: none}, redfish: {root: redfish/, anonymous: true}}}]
`
	f.Fuzz(func(t *testing.T, resource, body []byte, query string) {
		files := maps.Clone(redfishRules)
		files["redfish/Systems/a/index.json"] = &fstest.MapFile{Data: resource}
		dev, err := profiles.Parse([]byte(text), "small.yaml", files)
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
			return // such a tree is not served
		}
		most := redfishGrown + 32*(len(resource)+len(body)+len(query))
		session := service.Open(emulate.Peer{})
		ask := func(method, target string, body []byte) {
			req := &http.Request{Method: method, Target: target, Version: "HTTP/1.1", Headers: http.Headers{{Name: "Host", Value: "bmc"}}, Body: body}
			if len(body) > 0 {
				req.Headers = append(req.Headers, http.Header{Name: "Content-Length", Value: fmt.Sprint(len(body))})
			}
			for _, m := range session.Answer(req).Messages {
				r, ok := m.(*http.Response)
				switch {
				case !ok || r.Status == 204 || r.Status == 304 || r.Headers.Get("Content-Type") != "application/json":
				case !json.Valid(r.Body):
					t.Fatalf("%s %s %q: no JSON: %q", method, target, body, r.Body)
				case len(r.Body) > most:
					t.Fatalf("%s %s %q: %d bytes", method, target, body, len(r.Body))
				}
			}
		}
		for range 3 {
			for _, at := range []string{"/redfish/v1/Systems/a", "/redfish/v1/Systems"} {
				ask("GET", at+"?"+query, nil)
				ask("PATCH", at, body)
				ask("POST", at, body)
				ask("GET", at, nil)
			}
			ask("POST", "/redfish/v1/act", body)
			ask("POST", "/redfish/v1/EventService/Subscriptions", body)
			ask("POST", "/redfish/v1/SessionService/Sessions", body)
			ask("DELETE", "/redfish/v1/Systems/a", nil)
			now = now.Add(2 * time.Second)
		}
	})
}
