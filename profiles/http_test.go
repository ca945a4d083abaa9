package profiles

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const httpDevice = `apiVersion: ringer/v1
kind: Device
id: pump
points:
  level: {type: f32, value: 2}
services:
  - http:
      port: 80
      root: http/
      headers: {Server: pump/2.1, Set-Cookie: [a=1, b=2], Cache-Control: no-cache}
      points: {/portal.html: {"#level": level}}
      forms:
        /set: {fields: {level: level}, then: /portal.html}
      auth: {scheme: digest, realm: Pump station, paths: [/admin/]}
      errors: {404: http/404.html}
      skew: -4s
`

var httpFiles = fstest.MapFS{"http/portal.html": {Data: []byte("x")}, "http/404.html": {Data: []byte("x")}}

func TestHTTPSection(t *testing.T) {
	dev, err := Parse([]byte(httpDevice), "device.yaml", httpFiles)
	if err != nil {
		t.Fatal(err)
	}
	h := dev.Services[0].Section.(*HTTP)
	want := HTTPHeaders{{"Server", "pump/2.1"}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}, {"Cache-Control", "no-cache"}}
	if !reflect.DeepEqual(h.Headers, want) {
		t.Errorf("headers %v", h.Headers)
	}
	out, err := dev.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(out, "again.yaml", httpFiles)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !reflect.DeepEqual(again.Services, dev.Services) {
		t.Errorf("written and read again: %+v\n%s", again.Services[0].Section, out)
	}
}

func TestHTTPSectionMistakes(t *testing.T) {
	for _, x := range []struct{ old, new, want string }{
		{`"#level": level`, `"#level": levle`, `there is no point "levle"`},
		{`"#level": level`, `level: level`, `want "#id" of an element`},
		{`/portal.html: {`, `portal.html: {`, `is not the path of a page`},
		{`root: http/`, `root: htpp/`, `file "htpp/" cannot be read`},
		{`root: http/`, `root: ../http/`, `leads outside of the profile`},
		{`scheme: digest`, `scheme: ntlm`, `"ntlm" is not one of basic, digest`},
		{`errors: {404`, `errors: {200`, `want a status from 400 to 599`},
		{`port: 80`, `port: 80/udp`, `HTTP is served over TCP`},
		{`forms:`, `formz:`, `did you mean "forms"`},
		{`Server: pump/2.1`, `"Ser ver": x`, `cannot be a header`},
	} {
		_, err := Parse([]byte(strings.Replace(httpDevice, x.old, x.new, 1)), "device.yaml", httpFiles)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: got %v, want %q in it", x.new, err, x.want)
		}
	}
}

func TestHTTPRoutesFile(t *testing.T) {
	r := &HTTPRoutes{
		Salt:        "0011",
		Credentials: map[string]HTTPCredentials{"a1": {Scheme: "Basic", User: "admin", Good: true, Verify: []string{"sha256:00:" + strings.Repeat("ab", 32)}}},
		Routes: []HTTPRoute{
			{Ask: "GET /a b", Auth: "a1", Reply: []string{"x"}},
			{Ask: "POST /\xff", Body: HTTPExpected},
		},
		Replies: map[string]HTTPReply{
			"x": {Head: "HTTP/1.1 200 OK\nDate: ${date}\n", Body: "http/1.html", Chunks: []string{"1f", "0"}},
			"y": {Raw: "HTTP/1.0 200 \xff\n\r\n", Text: "hi\r\n"},
		},
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	dev := &Device{Files: fstest.MapFS{"routes.yaml": {Data: b.Bytes()}}}
	got, err := dev.ReadHTTPRoutes("routes.yaml")
	if err != nil {
		t.Fatalf("%v\n%s", err, b.Bytes())
	}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v\nwant %+v\n%s", got, r, b.Bytes())
	}
	for i, want := range []string{`GET /a b auth="a1"`, `POST /%FF body="expected"`} {
		if got := r.Routes[i].Cell(); got != want {
			t.Errorf("cell %q, want %q", got, want)
		}
	}
	for text, want := range map[string]string{
		"routes: [{ask: GET / , reply: [z]}]\nreplies: {}\n": `there is no reply "z"`,
		"routes: [{ask: GET}]\nreplies: {}\n":                "want method and target",
		"routes: [{ask: GET /, auth: b}]\nreplies: {}\n":     `there are no credentials "b"`,
		"routes: [{aks: GET /}]\nreplies: {}\n":              `did you mean "ask"`,
		"routes: []\nreplies: {a: {head: x, raw: y}}\n":      "want one of head and raw",
	} {
		dev.Files = fstest.MapFS{"routes.yaml": {Data: []byte(text)}}
		if _, err := dev.ReadHTTPRoutes("routes.yaml"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
}

func TestHTTPSample(t *testing.T) {
	in := []HTTPSample{
		{Reply: [6]byte{1, 2, 3, 4, 5, 6}, Date: 1381844104, Dated: true, Tokens: [][]byte{[]byte("abc"), {}}},
		{Reply: [6]byte{9}},
	}
	var b []byte
	for i := range in {
		if !in[i].Fits() {
			t.Errorf("sample %d does not fit", i)
		}
		b = in[i].Append(b)
	}
	first := len(in[0].Append(nil))
	for i := range first {
		var s HTTPSample
		if _, err := s.Unpack(b[:i]); err == nil {
			t.Errorf("%d of %d bytes give %+v", i, first, s)
		}
	}
	rest := b
	for i := range in {
		var s HTTPSample
		var err error
		if rest, err = s.Unpack(rest); err != nil {
			t.Fatal(err)
		}
		if s.Reply != in[i].Reply || s.Date != in[i].Date || len(s.Tokens) != len(in[i].Tokens) {
			t.Errorf("got %+v, want %+v", s, in[i])
		}
	}
	if long := (HTTPSample{Tokens: [][]byte{make([]byte, 256)}}); long.Fits() {
		t.Error("a token of 256 bytes fits")
	}
}

func TestHTTPDate(t *testing.T) {
	for _, s := range []string{
		"Mon, 02 Mar 2026 08:00:00 GMT", "FRI JUN 09 05:08:41 2000", "Fri Jun  9 05:08:41 2000", "Friday, 09-Jun-00 05:08:41 GMT",
		"Fri, 9 Jun 2000 05:08:41 GMT", "2000-06-09 05:08:41",
	} {
		x, form, ok := ParseHTTPDate(s)
		if !ok {
			t.Errorf("%q is no date", s)
			continue
		}
		if again, ok := FormatHTTPDate(x, form); !ok || again != s {
			t.Errorf("%q in the form %q: %q", s, form, again)
		}
	}
	for _, s := range []string{"", "now", "Mon, 02 Mar 2026", "Tue, 02 Mar 2026 08:00:00 GMT", "-1"} {
		if x, form, ok := ParseHTTPDate(s); ok {
			t.Errorf("%q is %v in the form %q", s, x, form)
		}
	}
	if s, ok := FormatHTTPDate(time.Unix(0, 0), "when"); ok {
		t.Errorf("an unknown form gives %q", s)
	}
}

func TestHTTPRedact(t *testing.T) {
	routes := "credentials:\n  a: {scheme: Basic, user: eng, verify: [Basic ZW5nOndyZW5jaA==]}\nroutes:\n  - {ask: GET /, auth: a}\nreplies: {}\n"
	dev := &Device{APIVersion: APIVersion, Kind: Kind, ID: "x", Files: fstest.MapFS{"http/r.yaml": {Data: []byte(routes)}}, Services: []Service{
		{Protocol: "http", Section: &HTTP{Common: Common{Port: Port{Number: 80}}, Routes: []string{"http/r.yaml"}}},
	}}
	hidden, left, err := Redact(dev, []byte("salt"), RedactSecrets)
	if err != nil {
		t.Fatal(err)
	}
	r, err := hidden.ReadHTTPRoutes("http/r.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if v := r.Credentials["a"].Verify; len(v) != 1 || !IsVerifier(v[0]) || !Verify(v[0], []byte("Basic ZW5nOndyZW5jaA==")) {
		t.Errorf("credentials became %q", v)
	}
	if left != nil {
		t.Errorf("left: %q", left)
	}
}

func TestFindHTTPNumbers(t *testing.T) {
	page := []byte(`<p id="p1">Level 2.40 m, flow -7, 10.0.0.1, 12:30:05, 2026-03-02, #c0ffee #123456, v1.2.3, &#160; x9 {"a":5,"b":[0.5,007]} 1234567890123456`)
	var got []string
	for _, n := range FindHTTPNumbers(page) {
		got = append(got, string(AppendHTTPNumber(nil, n.Value, n, page)))
		if text := string(page[n.From:n.To]); text != got[len(got)-1] {
			t.Errorf("%q becomes %q", text, got[len(got)-1])
		}
	}
	if want := "2.40 -7 5 0.5 007"; strings.Join(got, " ") != want {
		t.Errorf("numbers %q, want %s", got, want)
	}
	for _, x := range []struct {
		text  string
		value int64
		want  string
	}{{"2.40", 5, "0.05"}, {"2.40", -1234, "-12.34"}, {"007", 12345, "12345"}, {"007", 8, "008"}, {"-3", 4, "4"}, {"00.5", 123, "12.3"}, {"9", 0, "0"}} {
		n := FindHTTPNumbers([]byte(x.text))[0]
		if got := string(AppendHTTPNumber(nil, x.value, n, []byte(x.text))); got != x.want {
			t.Errorf("%d like %s is %s, want %s", x.value, x.text, got, x.want)
		}
	}
}
