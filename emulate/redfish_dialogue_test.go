package emulate_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringer/capture/http"
	"ringer/emulate"
	"ringer/profiles"
)

// The clock of this dialogue goes on by what lines that begin with "after" say. ${token}, ${location} and
// ${tag} in a request are the X-Auth-Token, Location and ETag that the server gave last; a Content-Length
// that is left open is filled in.
func TestRedfishDialogue(t *testing.T) {
	dev := redfishDevice(t)
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	st, err := emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	service, err := emulate.Open(st, dev, &dev.Services[0], http.Protocol{})
	if err != nil {
		t.Fatal(err)
	}
	checkDialogue(t, filepath.Join("testdata/redfish", "bmc.txt"), func(text string) string {
		return redfishDialogue(t, service, text, &now)
	})
}

// redfishDevice has the tree of a profile that is shipped, and values of its own, which stand still.
func redfishDevice(t testing.TB) *profiles.Device {
	t.Helper()
	const name = "testdata/redfish/bmc.yaml"
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := profiles.Parse(b, name, os.DirFS("../profiles/bmc-2u-server"))
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func redfishDialogue(t *testing.T, service emulate.Service, text string, now *time.Time) string {
	var out, asked strings.Builder
	link := newLink(service, emulate.Peer{})
	known := map[string]string{}
	answer := func() {
		if asked.Len() == 0 {
			return
		}
		head, body, _ := strings.Cut(asked.String(), "\n\n")
		for name, value := range known {
			head, body = strings.ReplaceAll(head, "${"+name+"}", value), strings.ReplaceAll(body, "${"+name+"}", value)
		}
		head = strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n")
		if body = strings.TrimRight(body, "\n"); body != "" {
			head += "\r\nContent-Length: " + strconv.Itoa(len(body))
		}
		said := httpReplies(t, &link, service, []byte(head+"\r\nHost: bmc\r\n\r\n"+body))
		for line := range strings.SplitSeq(said, "\n") {
			name, value, _ := strings.Cut(strings.TrimPrefix(line, "<<< "), ": ")
			switch name {
			case "X-Auth-Token":
				known["token"] = value
			case "Location":
				known["location"] = value
			case "ETag":
				known["tag"] = value
			}
		}
		out.WriteString(said)
		asked.Reset()
	}
	for _, line := range strings.SplitAfter(text, "\n") {
		request, is := strings.CutPrefix(line, ">>>")
		switch {
		case strings.HasPrefix(line, "<<<"):
			continue
		case is:
			asked.WriteString(strings.TrimPrefix(request, " "))
		default:
			answer()
		}
		if wait, ok := strings.CutPrefix(line, "after "); ok {
			d, err := time.ParseDuration(strings.TrimSpace(wait))
			if err != nil {
				t.Fatal(err)
			}
			*now = now.Add(d)
		}
		out.WriteString(line)
	}
	answer()
	return out.String()
}
