package snmp_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/testdata/expected"
)

// recordedUsers are the users of the recordings; everybody's secrets are published with them.
var recordedUsers = map[string][]snmp.User{
	"snmp/snmp_usm.pcap": {
		{Name: "pippo", Auth: snmp.MD5, AuthPassword: "pippoxxx", Priv: snmp.DES, PrivPassword: "PIPPOxxx"},
		{Name: "pippo2", Auth: snmp.SHA1, AuthPassword: "pippoxxx", Priv: snmp.DES, PrivPassword: "PIPPOxxx"},
		{Name: "pippo3", Auth: snmp.SHA1, AuthPassword: "pippoxxx", Priv: snmp.AES128, PrivPassword: "PIPPOxxx"},
		{Name: "pippo4", Auth: snmp.MD5, AuthPassword: "pippoxxx", Priv: snmp.AES128, PrivPassword: "PIPPOxxx"},
	},
	"snmp/snmpv3-auth-sha1-aes128.pcap": {{Name: "john", Auth: snmp.SHA1, AuthPassword: "iloveyou", Priv: snmp.AES128, PrivPassword: "princess"}},
	"snmp/snmpv3-auth-md5-nopriv.pcap":  {{Name: "john", Auth: snmp.MD5, AuthPassword: "iloveyou"}},
}

func keysOf(t testing.TB, users ...snmp.User) *snmp.Keys {
	t.Helper()
	k, err := snmp.NewKeys(users...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestRecordingsDecrypted: with its keys every signed message is authentic, says what an independent
// dissector found in it, and re-encodes to its bytes; changed and changed back, it does so, too.
func TestRecordingsDecrypted(t *testing.T) {
	for name, users := range recordedUsers {
		t.Run(name, func(t *testing.T) {
			keys := keysOf(t, users...)
			rows := map[string][]map[string]string{}
			for _, row := range expected.Rows(t, "../../../shared/captures", name, "snmp") {
				rows[row["frame"]] = append(rows[row["frame"]], row)
			}
			signed, encrypted := 0, 0
			for _, d := range datagrams(t, name) {
				_, m, err := snmp.Protocol{Keys: keys}.New().Next(wire.Client, d.payload, true)
				if err != nil {
					t.Fatal(err)
				}
				v3 := m.(*snmp.V3Message)
				if v3.Flags.Has(snmp.FlagAuth) {
					if signed++; v3.Seal != snmp.Authentic {
						t.Errorf("packet %d: %s: %s", d.packet, v3.USM.UserName, v3.Seal)
						continue
					}
				}
				if v3.WasEncrypted() {
					encrypted++
				}
				got := tableRows(m)
				for i, row := range rows[fmt.Sprint(d.packet)] {
					var want []string
					for _, column := range []string{"version", "community", "engine_id", "pdu", "request_id", "error_status", "error_index", "oid", "value_hex"} {
						want = append(want, row[column])
					}
					if i >= len(got) || !slices.Equal(got[i], want) {
						t.Errorf("packet %d:\ngot  %q\nwant %q", d.packet, got, want)
					}
				}
				sealTwice(t, v3, d.payload, keys)
			}
			if signed == 0 {
				t.Error("nothing is signed")
			}
			t.Logf("%d signed, %d encrypted", signed, encrypted)
		})
	}
}

// sealTwice changes what was read, reads that, and changes it back.
func sealTwice(t *testing.T, m *snmp.V3Message, raw []byte, keys *snmp.Keys) {
	t.Helper()
	written := func() []byte {
		b, err := m.Append([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.TrimPrefix(b, []byte("before"))
	}
	if got := written(); !bytes.Equal(got, raw) {
		t.Errorf("read\n%x\nwrote\n%x", raw, got)
	}
	id, request := m.MsgID, m.PDU.RequestID
	m.MsgID, m.PDU.RequestID = 0x12345678, 7
	changed := written()
	_, again, err := snmp.Protocol{Keys: keys}.New().Next(wire.Server, changed, true)
	if err != nil {
		t.Fatal(err)
	}
	c := again.(*snmp.V3Message)
	if c.Seal != m.Seal || c.ScopedPDU == nil || c.MsgID != m.MsgID || c.WasEncrypted() != m.WasEncrypted() {
		t.Fatalf("changed to %s", wire.AppendJSON(nil, c))
	}
	if d := wire.Diff(m, c); len(d.Differences) > 0 {
		t.Errorf("changed message differs: %v", d.Differences)
	}
	if m.WasEncrypted() && bytes.Equal(c.USM.PrivParams, m.USM.PrivParams) {
		t.Errorf("another message has the same salt %x", c.USM.PrivParams)
	}
	m.MsgID, m.PDU.RequestID = id, request
	if got := written(); !bytes.Equal(got, raw) {
		t.Errorf("changed back\n%x\nwant\n%x", got, raw)
	}
}

// TestWrongKeys: messages stay opaque, and say why.
func TestWrongKeys(t *testing.T) {
	var raw []byte
	for _, d := range datagrams(t, "snmp/snmpv3-auth-sha1-aes128.pcap") {
		if _, m, _ := new(snmp.Conn).Next(wire.Client, d.payload, true); m.(*snmp.V3Message).ScopedPDU == nil {
			raw = d.payload
			break
		}
	}
	john := recordedUsers["snmp/snmpv3-auth-sha1-aes128.pcap"][0]
	other, wrong, unsafe, another := john, john, john, john
	other.Name = "jane"
	wrong.AuthPassword = "iloveyou2"
	unsafe.Priv = snmp.NoPriv
	another.PrivPassword = "princess2"
	for _, x := range []struct {
		users []snmp.User
		want  snmp.Seal
	}{
		{nil, snmp.Unchecked}, {[]snmp.User{other}, snmp.Unchecked}, {[]snmp.User{wrong}, snmp.WrongDigest},
		{[]snmp.User{unsafe}, snmp.DecryptionError}, {[]snmp.User{another}, snmp.Garbled},
		{[]snmp.User{wrong, john}, snmp.Authentic},
	} {
		_, m, err := snmp.Protocol{Keys: keysOf(t, x.users...)}.New().Next(wire.Client, raw, true)
		if err != nil {
			t.Fatal(err)
		}
		v3 := m.(*snmp.V3Message)
		if v3.Seal != x.want || (v3.EncryptedPDU == nil) != (x.want == snmp.Authentic) {
			t.Errorf("%v: %s", x.users, wire.AppendJSON(nil, m))
		}
		if class, _ := wire.Class(m); (class == "encrypted") == (x.want == snmp.Authentic) {
			t.Errorf("%s: class %s", x.want, class)
		}
		if got, err := m.Append(nil); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: read\n%x\nwrote\n%x, %v", x.want, raw, got, err)
		}
	}
}

// TestProtocolNames: as net-snmp, the standards and people write them.
func TestProtocolNames(t *testing.T) {
	for _, a := range []struct {
		names string
		want  snmp.AuthProtocol
	}{
		{"MD5 md5 HMAC-MD5-96", snmp.MD5}, {"SHA sha SHA1 SHA-1 HMAC-SHA-96", snmp.SHA1}, {"SHA224 SHA-224 HMAC-128-SHA-224", snmp.SHA224},
		{"SHA-256 sha256 HMAC-192-SHA-256", snmp.SHA256}, {"SHA-384", snmp.SHA384}, {"SHA-512 HMAC-384-SHA-512", snmp.SHA512},
	} {
		for name := range strings.FieldsSeq(a.names) {
			if got, err := snmp.ParseAuth(name); got != a.want || err != nil {
				t.Errorf("%s is %s, %v", name, got, err)
			}
		}
	}
	for _, p := range []struct {
		names string
		want  snmp.PrivProtocol
	}{
		{"DES des CBC-DES", snmp.DES}, {"AES AES128 AES-128 CFB128-AES-128", snmp.AES128}, {"AES-192 AES192", snmp.AES192}, {"AES-256 aes256", snmp.AES256},
		{"AES-192-C AES192C", snmp.AES192C}, {"AES-256-C aes256c", snmp.AES256C},
	} {
		for name := range strings.FieldsSeq(p.names) {
			if got, err := snmp.ParsePriv(name); got != p.want || err != nil {
				t.Errorf("%s is %s, %v", name, got, err)
			}
		}
	}
	for _, name := range []string{"", "none", "SHA-3", "DES", "MD5x"} {
		if a, err := snmp.ParseAuth(name); err == nil {
			t.Errorf("%q is %s", name, a)
		}
	}
	for _, name := range []string{"", "none", "3DES", "MD5", "AES-512"} {
		if p, err := snmp.ParsePriv(name); err == nil {
			t.Errorf("%q is %s", name, p)
		}
	}
}
