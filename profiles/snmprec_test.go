package profiles

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"ringer/capture/snmp"
)

// TestSNMPRec reads lines and writes them again.
func TestSNMPRec(t *testing.T) {
	lines := []string{
		"1.3.6.1.2.1.1.1.0|4|Linux a|b 5.10",
		"1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10",
		"1.3.6.1.2.1.1.3.0|67|4294967295",
		"1.3.6.1.2.1.1.4.0|4|",
		"1.3.6.1.2.1.1.5.0|4x|20612020",
		"1.3.6.1.2.1.2.2.1.6.1|4x|00163e010203",
		"1.3.6.1.2.1.2.2.1.8.1|2|-2147483648",
		"1.3.6.1.2.1.2.2.1.8.2|2x|00000007",
		"1.3.6.1.2.1.2.2.1.10.1|65x|ffffffff",
		"1.3.6.1.2.1.4.20.1.1.10.0.0.1|64|10.0.0.1",
		"1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615",
		"1.3.6.1.4.1.1.1|5|",
		"1.3.6.1.4.1.1.2|68x|9f780442f60000",
		"1.3.6.1.4.1.1.3|128|",
		"1.3.6.1.4.1.1.4|4x|c3a4",
	}
	var got []byte
	err := ReadSNMPRec(strings.NewReader("# a comment\n"+strings.Join(lines, "\r\n")), func(oid snmp.OID, tag snmp.Type, content []byte) error {
		got = AppendSNMPRec(got, oid, tag, content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(lines, "\n") + "\n"; string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestSNMPRecErrors: what is wrong is said with its line.
func TestSNMPRecErrors(t *testing.T) {
	for in, want := range map[string]string{
		"1.3.6.1|4x|00 16\n3e 01":             `line 1: 1.3.6.1: value "00 16": want pairs of hexadecimal digits`,
		"1.3.6.1|4x|0016\n3e01\n":             `line 2: "3e01": want OID|tag|value (is it the rest of the line before it?)`,
		"1.3.6.1|4x|001\n":                    `line 1: 1.3.6.1: value "001": want pairs of hexadecimal digits`,
		"1.3.6.1|4":                           `line 1: "1.3.6.1|4": want OID|tag|value (is it the rest of the line before it?)`,
		"\n\niso.3|4|x":                       `line 3: object identifier "iso.3": want numbers with dots between`,
		"1.3|2|notint":                        `line 1: 1.3: value "notint": want a number from -2147483648 to 2147483647`,
		"1.3|2|2147483648":                    `line 1: 1.3: value "2147483648": want a number from -2147483648 to 2147483647`,
		"1.3|65|-1":                           `line 1: 1.3: value "-1": want a number from 0 to 4294967295`,
		"1.3|70|18446744073709551616":         `line 1: 1.3: value "18446744073709551616": want a number from 0 to 18446744073709551615`,
		"1.3|64|10.0.0":                       `line 1: 1.3: value "10.0.0": want an address like 192.0.2.1`,
		"1.3|68|1.5":                          `line 1: 1.3: a value of this tag is only read in hexadecimal: put an x behind the tag`,
		"1.3|four|x":                          `line 1: 1.3: "four" is not a tag: want a number up to 255, with x behind it for hexadecimal`,
		"1.3|2:numeric|rate=1":                `line 1: 1.3: tag "2:numeric" names a variation module: values that move belong into a samples file`,
		"1.3|4|" + strings.Repeat("x", 1<<19): `line 1: longer than 262144 bytes`,
	} {
		err := ReadSNMPRec(strings.NewReader(in), func(snmp.OID, snmp.Type, []byte) error { return nil })
		if fmt.Sprint(err) != want {
			t.Errorf("%.40q:\ngot  %v\nwant %s", in, err, want)
		}
	}
}

func FuzzSNMPRec(f *testing.F) {
	f.Add([]byte("1.3.6.1.2.1.1.1.0|4|a\n1.3.6.1|64x|00\n1|2|-5\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var text []byte
		read := func(b []byte) error {
			text = nil
			return ReadSNMPRec(bytes.NewReader(b), func(oid snmp.OID, tag snmp.Type, content []byte) error {
				text = AppendSNMPRec(text, oid, tag, content)
				return nil
			})
		}
		if read(b) != nil {
			return
		}
		first := text
		if err := read(first); err != nil || !bytes.Equal(first, text) {
			t.Fatalf("%q was written as %q: %v", b, first, err)
		}
	})
}

func BenchmarkReadSNMPRec(b *testing.B) {
	var text bytes.Buffer
	for i := range 100000 {
		fmt.Fprintf(&text, "1.3.6.1.4.1.9999.1.2.1.%d.%d|65|%d\n", i%10, i/10, i*7919)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := ReadSNMPRec(bytes.NewReader(text.Bytes()), func(snmp.OID, snmp.Type, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
