package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

type jsonMessage struct {
	Name  string
	Body  []byte
	Inner jsonInner
	Sum   uint16 `wire:"sum"`
}

type jsonInner struct{ Data []byte }

func (jsonMessage) Append(b []byte) ([]byte, error) { return b, nil }

func TestAppendJSONCut(t *testing.T) {
	m := &jsonMessage{Name: "abcdef", Body: []byte{1, 2, 3, 4}, Inner: jsonInner{[]byte("123")}, Sum: 7}
	if got, want := string(AppendJSON(nil, m)), `{"type":"jsonMessage","Name":"abcdef","Body":"01020304","Inner":{"Data":"313233"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got := string(AppendJSONCut(nil, m, 3))
	want := `{"type":"jsonMessage","Name":"abc","Name_bytes":6,` +
		`"Name_sha256":"bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721",` +
		`"Body":"010203","Body_bytes":4,` +
		`"Body_sha256":"9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a","Inner":{"Data":"313233"}}`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !json.Valid([]byte(got)) || strings.Contains(got, "Sum") {
		t.Errorf("%s", got)
	}
}

func TestAppendQuoted(t *testing.T) {
	for _, s := range []string{"", "plain", `"`, `a"b\c`, "\n", "tab\there\r\n", "\x00\x1f\x7f~", "grüße, 世界", "\xff\xfe", "a\xe4b", "…\x80"} {
		got := AppendQuoted(nil, s)
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Errorf("%q: %s: %v", s, got, err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); back != want && s != "\xff\xfe" {
			t.Errorf("%q came back as %q", s, back)
		}
	}
}

// printed prints itself, and has to be escaped at times.
type printed string

func (p printed) String() string             { return string(p) }
func (p printed) AppendText(b []byte) []byte { return append(b, p...) }

type printedMessage struct {
	A printed
	L []printed
}

func (*printedMessage) Append(b []byte) ([]byte, error) { return b, nil }

func TestAppendJSONOfWhatPrintsItself(t *testing.T) {
	for p, want := range map[printed]string{
		"1.3.6":        `{"type":"printedMessage","A":"1.3.6","L":["1.3.6"]}`,
		"say \"hi\"\n": `{"type":"printedMessage","A":"say \"hi\"\n","L":["say \"hi\"\n"]}`,
	} {
		if got := string(AppendJSON(nil, &printedMessage{p, []printed{p}})); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

type textMessage struct {
	Body []byte `show:"text"`
}

func (*textMessage) Append(b []byte) ([]byte, error) { return b, nil }

func TestAppendJSONOfTexts(t *testing.T) {
	for text, want := range map[string]string{
		"<b>\"ü\"</b>\n": `{"type":"textMessage","Body":"<b>\"ü\"</b>\n"}`,
		"a\xff":          `{"type":"textMessage","Body_hex":"61ff"}`,
		"a\x00":          `{"type":"textMessage","Body_hex":"6100"}`,
		"\xe4":           `{"type":"textMessage","Body_hex":"e4"}`,
	} {
		if got := string(AppendJSON(nil, &textMessage{[]byte(text)})); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	got := string(AppendJSONCut(nil, &textMessage{[]byte("12ü45")}, 3)) // cut through the ü
	if want := `{"type":"textMessage","Body":"12","Body_bytes":6,`; !strings.HasPrefix(got, want) || !json.Valid([]byte(got)) {
		t.Errorf("got %s, want %s…", got, want)
	}
}
