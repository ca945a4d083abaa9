package clone

import (
	"bytes"
	"fmt"
	"testing"
	"testing/fstest"
)

// TestRedfishLogInIsScrubbed: a recorded Redfish log-in leaves neither the password nor the token behind,
// wherever they stood: bodies of requests and answers, headers, the locations of what was made.
func TestRedfishLogInIsScrubbed(t *testing.T) {
	const token, password = "c3VwZXJTZWNyZXRUb2tlbjEyMw", "Sommer-2026!x"
	with := func(head, body string) string {
		return head + fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body)) + body
	}
	talk := [][2]string{
		{with("POST /redfish/v1/SessionService/Sessions HTTP/1.1\r\nHost: bmc\r\n", `{"UserName":"root","Password":"`+password+`"}`),
			with("HTTP/1.1 201 Created\r\nX-Auth-Token: "+token+"\r\nLocation: /redfish/v1/SessionService/Sessions/1\r\n", `{"Id":"1","Token":"`+token+`","ok":true,"n":12}`)},
		{"GET /redfish/v1/Systems HTTP/1.1\r\nHost: bmc\r\nX-Auth-Token: " + token + "\r\n\r\n", with("HTTP/1.1 200 OK\r\n", `{"Members":[]}`)},
		{with("PATCH /redfish/v1/AccountService/Accounts/2 HTTP/1.1\r\nHost: bmc\r\nX-Auth-Token: "+token+"\r\n", `{"Password":"`+password+`"}`),
			with("HTTP/1.1 200 OK\r\n", `{"UserName" : "root", "Password" : "`+password+`"}`)},
	}
	for _, keep := range []bool{false, true} {
		dev := httpLearn(t, "c1", Options{Salt: []byte("salt"), KeepSecrets: keep}, httpTalk(t, httpStart, talk...))
		held := map[string]bool{}
		for name, f := range dev.Files.(fstest.MapFS) {
			for _, secret := range []string{token, password} {
				held[secret] = held[secret] || bytes.Contains(f.Data, []byte(secret))
				if !keep && held[secret] {
					t.Fatalf("%s holds %s:\n%s", name, secret, f.Data)
				}
			}
		}
		if keep && !(held[token] && held[password]) {
			t.Errorf("asked for, and not kept: %v", held)
		}
		if named := len(dev.Redactions) > 0; named == keep {
			t.Errorf("kept %v, redactions %v", keep, dev.Redactions)
		}
	}
}
