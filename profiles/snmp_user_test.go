package profiles

import (
	"slices"
	"strings"
	"testing"

	"ringer/capture/snmp"
)

const usersProfile = `apiVersion: ringer/v1
kind: Device
id: plc
accounts:
  - {name: alice, usm: {auth: SHA-256, priv: AES-128, authPassword: alice signs, privPassword: alice hides}}
  - {name: admin, policy: bait, bait: administrator, usm: {auth: MD5, priv: AES-256-C}}
  - {name: half, bait: administrator, usm: {auth: SHA, authPassword: half of it, priv: DES}}
  - {name: bob, usm: {auth: SHA-512}}
  - {name: mallory, policy: deny, bait: administrator, usm: {auth: SHA}}
  - {name: web, policy: bait, bait: wrench}
services:
  - snmp:
      port: 161
      engine: {id: 80001f8804706d70}
      users:
        carol: {level: priv, access: rw, view: [1.3.6.1.2.1.1]}
        viewer: noauth
`

func usersDevice(t *testing.T) *Device {
	t.Helper()
	d, err := Parse([]byte(usersProfile), "device.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSNMPUserOfAccount: the passwords of an account, or its bait in their place.
func TestSNMPUserOfAccount(t *testing.T) {
	d := usersDevice(t)
	want := map[string]snmp.User{
		"alice": {Name: "alice", Auth: snmp.SHA256, AuthPassword: "alice signs", Priv: snmp.AES128, PrivPassword: "alice hides"},
		"admin": {Name: "admin", Auth: snmp.MD5, AuthPassword: "administrator", Priv: snmp.AES256C, PrivPassword: "administrator"},
		"half":  {Name: "half", Auth: snmp.SHA1, AuthPassword: "half of it", Priv: snmp.DES, PrivPassword: "administrator"},
	}
	for i := range d.Accounts {
		u, ok := d.Accounts[i].SNMPUser()
		if w, known := want[d.Accounts[i].Name]; ok != known || ok && u != w {
			t.Errorf("%s: %+v, %v", d.Accounts[i].Name, u, ok)
		}
	}
	b, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"viewer: noauth", "carol: {level: priv, access: rw, view: [1.3.6.1.2.1.1]}", "usm: {auth: MD5, priv: AES-256-C}"} {
		if !strings.Contains(string(b), line) {
			t.Errorf("not written as it was read: %s\n%s", line, b)
		}
	}
}

// TestSNMPUsersChecked: what is wrong is said where it is.
func TestSNMPUsersChecked(t *testing.T) {
	for _, x := range []struct{ old, new, want string }{
		{"auth: SHA-256", "auth: SHA-3", `device.yaml:5: accounts[0].usm.auth: "SHA-3" is no authentication protocol: want MD5, SHA, SHA-224, SHA-256, SHA-384, SHA-512`},
		{"priv: AES-128", "priv: 3DES", `device.yaml:5: accounts[0].usm.priv: "3DES" is no privacy protocol: want DES, AES-128, AES-192, AES-256, AES-192-C, AES-256-C`},
		{"auth: SHA-256, ", "", "device.yaml:5: accounts[0].usm.priv: priv wants auth, too: what is encrypted is signed"},
		{"alice hides", "alice", "device.yaml:5: accounts[0].usm.privPassword: the password has 5 bytes: SNMPv3 wants 8 or more"},
		{"bait, bait: administrator", "bait, bait: admin", "device.yaml:6: accounts[1].bait: the password has 5 bytes: SNMPv3 wants 8 or more"},
		{"{auth: SHA-512}", "{auth: SHA-512, privPassword: password}", "device.yaml:8: accounts[3].usm.privPassword: a password for privacy wants priv: DES, AES-128, …"},
		{"level: priv", "level: all", `device.yaml:16: services[0].snmp.users.carol: "all" is not one of noauth, auth, priv`},
		{"access: rw", "access: r", `device.yaml:16: services[0].snmp.users.carol.access: "r" is not one of ro, rw`},
		{"viewer: noauth", `viewer: ""`, "device.yaml:17: services[0].snmp.users.viewer: want noauth, auth or priv"},
	} {
		_, err := Parse([]byte(strings.Replace(usersProfile, x.old, x.new, 1)), "device.yaml", nil)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: got %v, want %s", x.new, err, x.want)
		}
	}
}

// TestSNMPPasswordsRedacted: passwords are left out; what the decoy offers on purpose is not.
func TestSNMPPasswordsRedacted(t *testing.T) {
	r, _, err := Redact(usersDevice(t), []byte("salt"), RedactSecrets)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"alice signs", "alice hides", "half of it", "Password"} {
		if strings.Contains(string(b), gone) {
			t.Errorf("%q is still there:\n%s", gone, b)
		}
	}
	if r.Accounts[0].USM.Priv != "AES-128" || r.Accounts[1].Bait != "administrator" || !slices.Contains(r.Redactions, Redaction{"SNMPv3 passwords", "left out"}) {
		t.Errorf("%s", b)
	}
}

// TestSNMPUsersMerged: what two captures know of a user is put together.
func TestSNMPUsersMerged(t *testing.T) {
	a, b := usersDevice(t), usersDevice(t)
	a.Accounts, b.Accounts = a.Accounts[:1], b.Accounts[:2]
	a.Accounts[0].USM = &AccountUSM{Auth: "SHA-256"}
	a.Captures, b.Captures = map[string]Capture{"c1": {File: "a"}}, map[string]Capture{"c2": {File: "b"}}
	m, conflicts, err := Merge(a, b)
	if err != nil || len(conflicts) > 0 {
		t.Fatal(conflicts, err)
	}
	if u, ok := m.Accounts[0].SNMPUser(); !ok || u.Priv != snmp.AES128 || len(m.Accounts) != 2 || len(m.Services[0].Section.(*SNMP).Users) != 2 {
		t.Errorf("merged to %+v", m.Accounts)
	}
}
