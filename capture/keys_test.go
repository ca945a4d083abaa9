package capture

import (
	"slices"
	"strings"
	"testing"

	"ringer/capture/ipmi"
	"ringer/capture/snmp"
)

func TestReadKeys(t *testing.T) {
	k, err := ReadKeys(strings.NewReader(`
# of the plant
snmp john SHA iloveyou AES princess   # two of them
snmp "the boss" SHA-256 'pass "word"' aes-256-c "a \"b\\ cd"
	snmp jane md5 maplesyrup
ipmi ADMIN "two words"
ipmi-kg 0123456789
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []snmp.User{
		{Name: "john", Auth: snmp.SHA1, AuthPassword: "iloveyou", Priv: snmp.AES128, PrivPassword: "princess"},
		{Name: "the boss", Auth: snmp.SHA256, AuthPassword: `pass "word"`, Priv: snmp.AES256C, PrivPassword: `a "b\ cd`},
		{Name: "jane", Auth: snmp.MD5, AuthPassword: "maplesyrup"},
	}
	if !slices.Equal(k.SNMP, want) {
		t.Errorf("got %+v", k.SNMP)
	}
	if len(k.IPMI.Users) != 1 || k.IPMI.Users[0] != (ipmi.User{Name: "ADMIN", Password: "two words"}) || !slices.Equal(k.IPMI.KG, []string{"0123456789"}) {
		t.Errorf("got %+v", k.IPMI)
	}
	for _, x := range []struct{ text, want string }{
		{"\nsnmp john", "line 2: want snmp USER AUTH-PROTOCOL AUTH-PASSWORD [PRIV-PROTOCOL PRIV-PASSWORD]"},
		{"snmp john SHA3 iloveyou", `line 1: "SHA3" is no authentication protocol: want MD5, SHA, SHA-224, SHA-256, SHA-384, SHA-512`},
		{"snmp john SHA iloveyou 3DES princess", `line 1: "3DES" is no privacy protocol: want DES, AES-128, AES-192, AES-256, AES-192-C, AES-256-C`},
		{"ipmi ADMIN", "line 1: want ipmi USER PASSWORD"},
		{"ipmi ADMIN 123456789012345678901", `line 1: user "ADMIN": a password has up to 20 characters`},
		{"ipmi-kg 123456789012345678901", "line 1: want ipmi-kg KEY, of up to 20 characters"},
		{"snmp john SHA short", `line 1: snmp: user "john": the authentication password has 5 bytes: want 8 or more`},
		{"snmp john SHA iloveyou AES princes", `line 1: snmp: user "john": the privacy password has 7 bytes: want 8 or more`},
		{"# x\nssh john", `line 2: "ssh" is no kind of key: want snmp, ipmi or ipmi-kg, or a label of an NSS key log`},
		{`snmp "john SHA iloveyou`, "line 1: a quote is not closed"},
		{`snmp "john"x SHA iloveyou`, "line 1: want a space after a closing quote"},
		{"#\n" + strings.Repeat("x", keyLineMax+1), "line 2: bufio.Scanner: token too long"},
	} {
		if _, err := ReadKeys(strings.NewReader(x.text)); err == nil || err.Error() != x.want {
			t.Errorf("%.40q: got %v, want %s", x.text, err, x.want)
		}
	}
}

func TestKeysProtocols(t *testing.T) {
	k := &Keys{IPMI: ipmi.Keys{Users: []ipmi.User{{Name: "ADMIN"}}}, SNMP: []snmp.User{{Name: "john", Auth: snmp.SHA1, AuthPassword: "iloveyou"}}}
	all, err := k.Protocols()
	if err != nil || len(all) != len(Protocols()) {
		t.Fatal(len(all), err)
	}
	for i, p := range Protocols() {
		if all[i].Name() != p.Name() {
			t.Errorf("%s has become %s", p.Name(), all[i].Name())
		}
		if p, ok := all[i].(snmp.Protocol); ok && p.Keys == nil {
			t.Error("SNMP has no keys")
		}
		if p, ok := all[i].(ipmi.Protocol); ok && p.Keys == nil {
			t.Error("IPMI has no keys")
		}
	}
}
