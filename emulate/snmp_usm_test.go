package emulate_test

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
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

const snmpUSMProfile = `
apiVersion: ringer/v1
kind: Device
id: pump
accounts:
  - {name: alice, usm: {auth: SHA-256, priv: AES-128, authPassword: "alice signs", privPassword: "alice hides"}}
  - {name: bob, usm: {auth: MD5, authPassword: "bob signs"}}
  - {name: carol, usm: {auth: SHA, priv: DES, authPassword: "carol signs", privPassword: "carol hides"}}
  - {name: admin, policy: bait, bait: administrator, usm: {auth: SHA, priv: AES-128}}
  - {name: mallory, policy: deny, bait: "mallory signs", usm: {auth: SHA, priv: AES-128}}
  - {name: dave, usm: {auth: SHA-512}}
services:
  - snmp:
      port: 161
      walk: snmp/base.snmprec
      writable: [1.3.6.1.2.1.1.5]
      engine: {id: 80001f8804706d70, boots: 3, time: 1000}
      users:
        viewer: noauth
        carol: {level: priv, access: rw, view: [1.3.6.1.2.1.1]}
        bob: {level: auth, hidden: [1.3.6.1.2.1.1.4]}
`

// snmpWho are the users who ask: what they know of their passwords is right, but for eve.
var snmpWho = map[string]snmp.User{
	"alice":   {Auth: snmp.SHA256, AuthPassword: "alice signs", Priv: snmp.AES128, PrivPassword: "alice hides"},
	"bob":     {Auth: snmp.MD5, AuthPassword: "bob signs", Priv: snmp.AES128, PrivPassword: "bob hides not"},
	"carol":   {Auth: snmp.SHA1, AuthPassword: "carol signs", Priv: snmp.DES, PrivPassword: "carol hides"},
	"admin":   {Auth: snmp.SHA1, AuthPassword: "administrator", Priv: snmp.AES128, PrivPassword: "administrator"},
	"mallory": {Auth: snmp.SHA1, AuthPassword: "mallory signs", Priv: snmp.AES128, PrivPassword: "mallory signs"},
	"dave":    {Auth: snmp.SHA512, AuthPassword: "whatever it is"},
	"eve":     {Auth: snmp.SHA1, AuthPassword: "eavesdropper", Priv: snmp.AES128, PrivPassword: "eavesdropper"},
	"viewer":  {Auth: snmp.SHA1, AuthPassword: "eavesdropper", Priv: snmp.AES128, PrivPassword: "eavesdropper"},
}

func snmpUSMAgent(t testing.TB, now func() time.Time) *snmpAgent {
	t.Helper()
	dev, err := profiles.Parse([]byte(snmpUSMProfile), "device.yaml", fstest.MapFS{"snmp/base.snmprec": &fstest.MapFile{Data: []byte(snmpWalk)}})
	if err != nil {
		t.Fatal(err)
	}
	return openSNMPAgent(t, dev, emulate.Settings{Now: now})
}

// TestSNMPUSMDialogue asks what testdata/snmp/usm.txt asks: ">>> alice priv get 1.3.6.1" with, before the
// operation, what is wrong with it: time+200, boots-1, engine=, password=, privacy=, salt=, cipher=,
// context=, size=, silent (not reportable). "<<<" says how safely it was answered, and what.
func TestSNMPUSMDialogue(t *testing.T) {
	checkDialogue(t, "testdata/snmp/usm.txt", func(text string) string { return snmpUSMDialogue(t, text) })
}

func snmpUSMDialogue(t *testing.T, text string) string {
	t.Helper()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	a := snmpUSMAgent(t, func() time.Time { return now })
	link := a.decoy.link("snmp", 1)
	var out strings.Builder
	id := int64(0)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch mark, rest, _ := strings.Cut(line, " "); mark {
		case "<<<":
		case "...":
			d, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(d)
			fmt.Fprintln(&out, line)
		case ">>>":
			id++
			req, key := snmpUSMRequest(t, rest, id, 1000+int64(now.Sub(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))/time.Second))
			answer := link.answer(t, req)
			said := snmpUSMSaid(t, written(t, answer.Messages), id, key)
			if answer.Note != "" {
				said += " # " + answer.Note
			}
			fmt.Fprintf(&out, "%s\n<<< %s\n", line, said)
		default:
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

// snmpUSMRequest makes a request of its text, and gives the user who asks.
func snmpUSMRequest(t testing.TB, text string, id, seconds int64) ([]byte, snmp.User) {
	t.Helper()
	f := strings.Fields(text)
	who := snmpWho[f[0]]
	who.Name = f[0]
	m := &snmp.V3Message{
		MsgID: id, MaxSize: 65507, Flags: snmp.Flags{snmp.FlagReportable}, SecurityModel: snmp.SecurityModelUSM,
		USM:       &snmp.USM{EngineID: []byte("\x80\x00\x1f\x88\x04pmp"), EngineBoots: 3, EngineTime: seconds, UserName: snmp.UserName(f[0])},
		ScopedPDU: &snmp.ScopedPDU{ContextEngineID: []byte("\x80\x00\x1f\x88\x04pmp")},
	}
	m.Flags[0] |= map[string]byte{"plain": 0, "auth": snmp.FlagAuth, "priv": snmp.FlagAuth | snmp.FlagPriv}[f[1]]
	var cipher []byte
	f = f[2:]
	for ; ; f = f[1:] {
		name, value, _ := strings.Cut(f[0], "=")
		switch {
		case strings.HasPrefix(name, "time"), strings.HasPrefix(name, "boots"):
			n, err := strconv.ParseInt(strings.TrimLeft(name, "timebos"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if name[0] == 't' {
				m.USM.EngineTime += n
			} else {
				m.USM.EngineBoots += n
			}
			continue
		case name == "engine":
			m.USM.EngineID = []byte(value)
			continue
		case name == "password":
			who.AuthPassword = value
			continue
		case name == "privacy":
			who.PrivPassword = value
			continue
		case name == "salt":
			m.USM.PrivParams = []byte(value)
			continue
		case name == "cipher":
			cipher = []byte(value)
			continue
		case name == "context":
			m.ContextName = []byte(value)
			continue
		case name == "size":
			m.MaxSize, _ = strconv.ParseInt(value, 10, 64)
			continue
		case name == "silent":
			m.Flags[0] &^= snmp.FlagReportable
			continue
		}
		break
	}
	_, pdu, err := snmp.Protocol{}.New().Next(wire.Client, snmpRequest(t, "v2c public "+strings.Join(f, " "), id), true)
	if err != nil {
		t.Fatal(err)
	}
	m.PDU = pdu.(*snmp.CommunityMessage).PDU
	if m.Flags.Has(snmp.FlagAuth) {
		key, err := snmp.NewKey(&who, m.USM.EngineID)
		if err != nil {
			t.Fatal(err)
		}
		m.SealWith(key)
	}
	if cipher != nil {
		m.ScopedPDU, m.EncryptedPDU = nil, cipher
	}
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, who
}

// snmpUSMSaid is the text of an answer, which its user can open.
func snmpUSMSaid(t testing.TB, b []byte, id int64, who snmp.User) string {
	t.Helper()
	if len(b) == 0 {
		return "(silence)"
	}
	var users []snmp.User
	if who.Auth != snmp.NoAuth {
		users = append(users, who)
	}
	keys, err := snmp.NewKeys(users...)
	if err != nil {
		t.Fatal(err)
	}
	n, m, err := snmp.Protocol{Keys: keys}.New().Next(wire.Server, b, true)
	if err != nil || n != len(b) {
		t.Fatalf("%x: %v", b, err)
	}
	v3 := m.(*snmp.V3Message)
	if v3.MsgID != id || v3.ScopedPDU == nil || v3.Flags.Has(snmp.FlagAuth) != (v3.Seal == snmp.Authentic) {
		t.Fatalf("answered %s", wire.AppendJSON(nil, m))
	}
	s := fmt.Sprintf("%s %s", v3.Flags, v3.PDU.Type)
	if v3.PDU.RequestID != id {
		s += fmt.Sprintf(" id %d", v3.PDU.RequestID)
	}
	if v3.PDU.Type == snmp.Report {
		s += fmt.Sprintf(" boots %d time %d", v3.USM.EngineBoots, v3.USM.EngineTime)
	}
	if v3.PDU.ErrorStatus != 0 {
		s += fmt.Sprintf(" %s at %d", v3.PDU.ErrorStatus, v3.PDU.ErrorIndex)
	}
	names := map[string]string{
		snmp.UnsupportedSecLevels.String(): "unsupportedSecLevels", snmp.NotInTimeWindows.String(): "notInTimeWindows",
		snmp.UnknownUserNames.String(): "unknownUserNames", snmp.UnknownEngineIDs.String(): "unknownEngineIDs",
		snmp.WrongDigests.String(): "wrongDigests", snmp.DecryptionErrors.String(): "decryptionErrors", snmp.UnknownContexts.String(): "unknownContexts",
	}
	for _, v := range v3.PDU.VarBinds {
		name := v.OID.String()
		if names[name] != "" {
			name = names[name]
		}
		s += fmt.Sprintf(" | %s = %s", name, v.Value)
	}
	return s
}

// BenchmarkSNMPUSM is one request from bytes to bytes, opened and sealed; floods with other engines or
// wrong digests make no keys.
func BenchmarkSNMPUSM(b *testing.B) {
	a := snmpUSMAgent(b, time.Now)
	for _, x := range []struct{ name, ask string }{
		{"auth", "bob auth get 1.3.6.1.2.1.1.1.0"}, {"priv", "alice priv get 1.3.6.1.2.1.1.1.0"}, {"des", "carol priv get 1.3.6.1.2.1.1.1.0"},
		{"bulk", "alice priv getbulk/0/50 1.3.6.1.2.1"}, {"wrong-digest", "alice priv password=wrongwrong get 1.3.6.1.2.1.1.1.0"},
		{"other-engine", "alice priv engine=another get 1.3.6.1.2.1.1.1.0"}, {"unknown-user", "eve priv get 1.3.6.1.2.1.1.1.0"},
	} {
		b.Run(x.name, func(b *testing.B) {
			req, _ := snmpUSMRequest(b, x.ask, 1, 1000)
			session, conn := a.service.Open(emulate.Peer{}), a.service.Protocol().New()
			conn.(wire.Reuser).Reuse()
			buf := make([]byte, 0, 1<<16)
			b.ReportAllocs()
			for b.Loop() {
				_, m, err := conn.Next(wire.Client, req, true)
				if err != nil {
					b.Fatal(err)
				}
				answer := session.Answer(m)
				if len(answer.Messages) != 1 {
					b.Fatal("silence")
				}
				if buf, err = answer.Messages[0].Append(buf[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestSNMPUSMLearned: what is learned, with its keys, from a recording of the dialogue gives a decoy that
// answers the dialogue in the same way, whatever is wrong in it.
func TestSNMPUSMLearned(t *testing.T) {
	text, err := os.ReadFile("testdata/snmp/usm.txt")
	if err != nil {
		t.Fatal(err)
	}
	var users []snmp.User
	for name, u := range snmpWho {
		if u.Name = name; name != "eve" && name != "viewer" && name != "dave" && name != "mallory" {
			if name == "bob" {
				u.Priv, u.PrivPassword = snmp.NoPriv, ""
			}
			users = append(users, u)
		}
	}
	keys, err := snmp.NewKeys(users...)
	if err != nil {
		t.Fatal(err)
	}
	p := snmp.Protocol{Keys: keys}
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	now := start
	device := snmpUSMAgent(t, func() time.Time { return now })
	var xs []capture.Exchange
	id := int64(0)
	for line := range strings.Lines(string(text)) {
		mark, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if d, err := time.ParseDuration(rest); mark == "..." && err == nil {
			now = now.Add(d)
		}
		if mark != ">>>" {
			continue
		}
		id++
		req, _ := snmpUSMRequest(t, rest, id, 1000+int64(now.Sub(start)/time.Second))
		x := capture.Exchange{
			At: now, Latency: time.Millisecond, Transport: "udp", Protocol: p, Request: read(t, p, req)[0],
			Client: netip.MustParseAddrPort("192.0.2.1:4000"), Server: netip.MustParseAddrPort("192.0.2.2:161"), Packets: [2]int{int(id), int(id)},
		}
		if reply := device.ask(1, req); len(reply) > 0 {
			x.Replies = read(t, p, reply)
		}
		xs = append(xs, x)
		now = now.Add(10 * time.Millisecond)
	}
	playRecording(t, xs, false, []wire.Protocol{p})
	dev := learnedAs(t, "c00000001", clone.Options{KeepSecrets: true}, xs)
	sec := dev.Services[0].Section.(*profiles.SNMP)
	if got, want := fmt.Sprint(sec.Users), "map[admin:{priv  [] []} alice:{priv  [] []} bob:{auth  [] []} carol:{priv rw [] [1.3.6.1.2.1.2 1.3.6.1.2.1.31]} viewer:{noauth  [] []}]"; got != want {
		t.Errorf("learned the users\n%s\nwant\n%s", got, want)
	}
	for _, a := range dev.Accounts {
		if _, ok := a.SNMPUser(); !ok {
			t.Errorf("account %+v", a)
		}
	}
}
