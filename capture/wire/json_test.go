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
