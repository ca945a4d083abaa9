package emulate_test

import (
	"testing"

	"ringer/capture/snmp"
	"ringer/clone"
)

// snmpUsers are the users of the recordings that are signed and encrypted.
var snmpUsers = map[string][]snmp.User{
	"snmp/snmp_usm.pcap": {
		{Name: "pippo", Auth: snmp.MD5, AuthPassword: "pippoxxx", Priv: snmp.DES, PrivPassword: "PIPPOxxx"},
		{Name: "pippo2", Auth: snmp.SHA1, AuthPassword: "pippoxxx", Priv: snmp.DES, PrivPassword: "PIPPOxxx"},
		{Name: "pippo3", Auth: snmp.SHA1, AuthPassword: "pippoxxx", Priv: snmp.AES128, PrivPassword: "PIPPOxxx"},
		{Name: "pippo4", Auth: snmp.MD5, AuthPassword: "pippoxxx", Priv: snmp.AES128, PrivPassword: "PIPPOxxx"},
	},
	"snmp/snmpv3-auth-sha1-aes128.pcap": {{Name: "john", Auth: snmp.SHA1, AuthPassword: "iloveyou", Priv: snmp.AES128, PrivPassword: "princess"}},
	"snmp/snmpv3-auth-md5-nopriv.pcap":  {{Name: "john", Auth: snmp.MD5, AuthPassword: "iloveyou"}},
}

// With the keys of its users, what was encrypted is learned like everything else, and whoever asks again
// with them in the recorded order gets the recorded answers.
func TestSNMPRecordingsWithKeys(t *testing.T) {
	for file, users := range snmpUsers {
		keys, err := snmp.NewKeys(users...)
		if err != nil {
			t.Fatal(err)
		}
		p := snmp.Protocol{Keys: keys}
		playRecordings(t, []string{file}, false, p)
		for server, xs := range exchanges(t, file, p) {
			dev := learnedAs(t, "c00000001", clone.Options{KeepSecrets: true}, xs)
			for i := range dev.Services {
				if s := &dev.Services[i]; len(s.Common().Recordings) > 0 {
					t.Errorf("%s: %s: some of it is kept whole: %v", file, server, s.Common().Recordings)
				}
			}
			if len(dev.Accounts) != len(users) {
				t.Errorf("%s: %d accounts, want %d", file, len(dev.Accounts), len(users))
			}
			for i := range dev.Accounts {
				if u, ok := dev.Accounts[i].SNMPUser(); !ok || u.Name == "" {
					t.Errorf("%s: account %+v", file, dev.Accounts[i])
				}
			}
		}
	}
}
