package profiles

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestFindHTTPMarks(t *testing.T) {
	for page, want := range map[string][]string{
		`{"time":"2026-03-02T08:00:05+01:00","n":5}`:              {"2006-01-02T15:04:05=2026-03-02T08:00:05"},
		`{"t":"2026-03-02T08:00:05.123Z"}`:                        {"2006-01-02T15:04:05.000=2026-03-02T08:00:05.123"},
		`<td>02.03.2026 08:00:05</td><td>08:00</td>`:              {"02.01.2006 15:04:05=02.03.2026 08:00:05", "15:04=08:00"},
		`Mon Mar  2 08:00:05 2026`:                                {"Mon Jan _2 15:04:05 2006=Mon Mar  2 08:00:05 2026"},
		`uptime 12:34:56, 192.168.0.1:8080, v1.2.3, 99:99:99`:     {"15:04:05=12:34:56"},
		`<input name=t value="9f86d081884c7d659a2feaa0c55ad015">`: {"=9f86d081884c7d659a2feaa0c55ad015"},
		`<a href="/static/application/main-page-of-device.js">`:   nil,
		`nonce="q1W2+e3R4/t5Y6u7=="`:                              {"=q1W2+e3R4/t5Y6u7=="},
		`2026-13-45 08:00:05`:                                     {"15:04:05=08:00:05"},
	} {
		var got []string
		for _, m := range FindHTTPMarks([]byte(page)) {
			got = append(got, m.Form+"="+page[m.From:m.To])
		}
		if len(got) != len(want) {
			t.Errorf("%s: %q, want %q", page, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: %q, want %q", page, got[i], want[i])
			}
		}
	}
}

func TestHTTPMarkAhead(t *testing.T) {
	right := time.Date(2026, 3, 2, 23, 59, 58, 0, time.UTC)
	for page, want := range map[string]time.Duration{
		"2026-03-02 23:59:58": 0, "2026-03-03 00:59:58": time.Hour, "00:00:03": 5 * time.Second, "23:59:50": -8 * time.Second, "Mar  2 23:59:59": time.Second,
	} {
		m := FindHTTPMarks([]byte(page))
		if len(m) != 1 || m[0].Ahead(right) != want {
			t.Errorf("%s: %+v, want %v ahead", page, m, want)
		}
	}
}

func TestJSONSecrets(t *testing.T) {
	for _, c := range []struct{ page, want string }{
		{`{"UserName": "root", "Password": "calvin", "n": 1}`, "calvin"},
		{`{"a":{"access_token" :  "x:y","Token":""},"OldPassword":"p\"q","PasswordPolicy":"strong"}`, `x:y p\"q`},
		{`{"Password": null, "SessionTimeout": "30", "Password": {"type": "string"}, "Token": ["t"]}`, ""},
		{`var session = {"X-Auth-Token": "cut off`, "cut off"},
		{`"Password"`, ""}, {`"Password":`, ""}, {`"Password": "\`, `\`}, {`"`, ""},
	} {
		var got []string
		for _, s := range FindJSONSecrets([]byte(c.page)) {
			got = append(got, c.page[s.From:s.To])
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", c.page, s, c.want)
		}
	}
	other := string(LikeJSONText([]byte(`ab:c1\"d\u00e9\`), func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) }))
	if want := `xx:xx\"x\u00e9\`; other != want {
		t.Errorf("%s, want %s", other, want)
	}
}

func TestCalledSecret(t *testing.T) {
	const token = "9f86d081884c7d659a2feaa0c55ad015"
	for page, want := range map[string]bool{
		`<input type="hidden" name="csrf_token" value="` + token + `">`: true,
		`<input value="` + token + `" name="nonce">`:                    true,
		`{"id": 1, "sessionToken": "` + token + `"}`:                    true,
		`{"session": 1, "etag": "` + token + `"}`:                       false,
		`<img src="/` + token + `.png"><b>session</b>`:                  false,
	} {
		m := FindHTTPMarks([]byte(page))
		if len(m) != 1 {
			t.Fatalf("%s: %d tokens", page, len(m))
		}
		if got := CalledSecret([]byte(page), m[0].From, m[0].To); got != want {
			t.Errorf("%s: %v", page, got)
		}
	}
}
