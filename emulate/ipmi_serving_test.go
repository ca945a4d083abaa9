package emulate_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"ringer/capture/ipmi"
	"ringer/capture/wire"
	"ringer/profiles"
)

// administrator is somebody who may do everything.
func (b *bmc) administrator() *ipmiVisitor {
	b.t.Helper()
	v := b.visitor(4000, "ADMIN", "ADMIN")
	if got := v.login(17, "ADMIN", "ADMIN", 4); got != ipmi.StatusOK {
		b.t.Fatal(got)
	}
	v.want("00 04", ipmi.App, 0x3b, 4)
	return v
}

// ipmiLevels says who may do what (appendix G; DCMI v1.5): everybody, or from callback, user, operator or
// administrator on.
const ipmiLevels = `
00 00U 01U 02O 04O 05A 06O 07U 08O 09O 0aA 0bA 0fU
04 00A 02O 10U 11A 12A 13O 14A 15A 16A 20U 21U 22U 23U 24O 25U 26O 27U 28O 29U 2aO 2bU 2dU 2eO 2fU 30O
06 01U 02A 03A 04U 07U 08U 22O 24O 25U 34U 37E 38E 3cC 3dU 40A 41U 42U 43A 44O 45A 46O 47A 48C 49C 4aU 4bU 4cA 4dO 4eU 4fU 52O 54E 58A 59U
0a 10U 11U 12O 20U 21U 22U 23U 24O 25O 26O 27O 28U 29O 40U 41U 42U 43U 44O 46O 47O 48U 49O 5cU
0c 01A 02O 03O 04U 21A 22U
2c 01U 02U 03U 04O 05O 06U 07U 08O 09U 0aA 0bO 0cU 10U 12A 13U`

func TestIPMIPrivileges(t *testing.T) {
	for role := uint8(1); role <= 4; role++ {
		b := openBMC(t)
		v := b.visitor(5000, "ADMIN", "ADMIN")
		if got := v.login(3, "ADMIN", "ADMIN", role); got != ipmi.StatusOK {
			t.Fatal(got)
		}
		if role > 1 {
			v.want(fmt.Sprintf("00 %02x", role), ipmi.App, 0x3b, role)
			if role < 4 {
				v.want("81 ", ipmi.App, 0x3b, role+1) // more than was asked for in the handshake
			}
		} else {
			v.want("d4 ", ipmi.App, 0x3b, 1)
		}
		for _, line := range strings.Split(strings.TrimSpace(ipmiLevels), "\n") {
			var n uint8
			fmt.Sscanf(line, "%x", &n)
			for _, f := range strings.Fields(line)[1:] {
				var cmd uint8
				fmt.Sscanf(f[:2], "%x", &cmd)
				var data []byte
				if n == byte(ipmi.Group) {
					data = []byte{ipmi.DCMIGroup}
				}
				need := uint8(strings.Index("ECUOA", f[2:]))
				if got := strings.HasPrefix(v.ask(ipmi.NetFn(n), cmd, data...), "d4"); got != (role < need) {
					t.Errorf("level %d, %02x %02x, which takes %s: refused %v", role, n, cmd, f[2:], got)
				}
			}
		}
	}
}

// TestIPMIUnknown: what nobody has is not there, whoever asks.
func TestIPMIUnknown(t *testing.T) {
	b := openBMC(t)
	for _, role := range []uint8{2, 4} {
		v := b.visitor(5000, "ADMIN", "ADMIN")
		v.login(3, "ADMIN", "ADMIN", role)
		v.want("c1 ", ipmi.Group, 0x2e, 0) // of HPM.1
		v.want("c1 ", ipmi.OEM, 0x01, 1, 2, 3)
		v.want("c1 ", 0x30, 0x01)
		v.want("c1 ", ipmi.Bridge, 0x20)
	}
}

// TestIPMIRestorePolicy: what becomes of the host when its supply comes back.
func TestIPMIRestorePolicy(t *testing.T) {
	v := openBMC(t).administrator()
	v.want("00 07", ipmi.Chassis, 0x06, 3)
	v.want("00 07", ipmi.Chassis, 0x06, 2)
	v.want("00 41004000", ipmi.Chassis, 0x01)
	v.want("cc ", ipmi.Chassis, 0x06, 4)
	v.want("00 41004000", ipmi.Chassis, 0x01)
}

// TestIPMIThresholds: what is set is read, in the record's units, and is what the reading is compared with.
func TestIPMIThresholds(t *testing.T) {
	b := openBMC(t)
	v := b.administrator()
	const inlet, psu1 = 1, 0x50
	v.want("00 1b050000282d00", ipmi.Sensor, 0x27, inlet)
	if got := v.ask(ipmi.Sensor, 0x2d, inlet); !strings.HasSuffix(got, "c0c0") {
		t.Errorf("a reading of %s", got)
	}
	v.want("00 ", ipmi.Sensor, 0x26, inlet, 0x08, 0, 0, 0, 5, 0, 0) // upper non-critical: 5 degrees
	v.want("00 1b050000052d00", ipmi.Sensor, 0x27, inlet)
	if got := v.ask(ipmi.Sensor, 0x2d, inlet); !strings.HasSuffix(got, "c0c8") {
		t.Errorf("a reading of %s, which is beyond 5 degrees", got)
	}
	v.want("00 c080000000", ipmi.Sensor, 0x2b, inlet)
	v.want("cd ", ipmi.Sensor, 0x26, inlet, 0x04, 0, 0, 5, 0, 0, 0) // it has none of these
	v.want("cd ", ipmi.Sensor, 0x26, psu1, 0x08, 0, 0, 0, 5, 0, 0)  // it is one of states
	v.want("cb ", ipmi.Sensor, 0x26, 0xee, 0x08, 0, 0, 0, 5, 0, 0)
}

// TestIPMIWriteFRU: what is written is read, and stays in the decoy's memory.
func TestIPMIWriteFRU(t *testing.T) {
	b := openBMC(t)
	v := b.administrator()
	v.want("00 03", ipmi.Storage, 0x12, 0, 0xf0, 1, 'x', 'y', 'z')
	v.want("00 0378797a", ipmi.Storage, 0x11, 0, 0xf0, 1, 3)
	v.want("c9 ", ipmi.Storage, 0x12, 0, 0xff, 1, 1, 2)
	v.want("cb ", ipmi.Storage, 0x12, 9, 0, 0, 1)
	if got := openBMC(t).administrator().ask(ipmi.Storage, 0x11, 0, 0xf0, 1, 3); got == "00 0378797a" {
		t.Error("it is in the profile's file")
	}
}

// capabilities asks before any session.
func (b *bmc) capabilities(channel byte) string {
	b.t.Helper()
	v := b.visitor(4001, "", "")
	return answerText(v.say(&ipmi.Command{
		RMCP: ipmiHeader, Link: ipmi.Link{To: ipmi.BMCAddress, From: ipmi.RemoteAddress, Seq: 1}, Target: ipmi.Target{NetFn: ipmi.App, Cmd: 0x38},
		Body: &ipmi.GetAuthCapabilities{Channel: channel, Privilege: 4},
	}))
}

// TestIPMIAnonymous: who may come in without a name, or without a password, is told before (section 22.13).
func TestIPMIAnonymous(t *testing.T) {
	anonymous := func(password string) func(*profiles.Device, *profiles.IPMI) {
		return func(dev *profiles.Device, s *profiles.IPMI) {
			s.Anonymous = true
			s.Users[1] = profiles.IPMIUser{Privilege: "user"}
			if password != "" {
				dev.Accounts = append(dev.Accounts, profiles.Account{Policy: "bait", Bait: password})
			}
		}
	}
	without := func(_ *profiles.Device, s *profiles.IPMI) { s.Users = map[uint8]profiles.IPMIUser{} }
	for _, x := range []struct {
		name   string
		change []func(*profiles.Device, *profiles.IPMI)
		want   string // channel, types, status, ...
		login  map[string]ipmi.Status
	}{
		{"as it ships", nil, "00 0194040300000000", map[string]ipmi.Status{"": ipmi.UnauthorizedName}},
		{"no name and no password", []func(*profiles.Device, *profiles.IPMI){anonymous("")}, "00 0194050300000000", map[string]ipmi.Status{"x": ipmi.InvalidIntegrityCheck}},
		{"no name", []func(*profiles.Device, *profiles.IPMI){anonymous("guest")}, "00 0194060300000000", map[string]ipmi.Status{"guest": ipmi.StatusOK, "": ipmi.InvalidIntegrityCheck}},
		{"nobody else", []func(*profiles.Device, *profiles.IPMI){without, anonymous("guest")}, "00 0194020300000000", nil},
	} {
		b := openBMC(t, x.change...)
		if got := b.capabilities(0x8e); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
		for password, want := range x.login {
			if got := b.visitor(5000, "", password).login(3, "", password, 2); got != want {
				t.Errorf("%s, with %q: %v, want %v", x.name, password, got, want)
			}
		}
	}
	if got := openBMC(t).capabilities(0x0e); got != "00 0114040000000000" && got != "00 0114040100000000" {
		t.Errorf("asked as by IPMI 1.5: %s", got)
	}
}

// TestIPMICipherZero: where cipher suite 0 is open, a name is enough; that of an account to deny is not.
func TestIPMICipherZero(t *testing.T) {
	closed, open := openBMC(t), openBMC(t, func(_ *profiles.Device, s *profiles.IPMI) { s.Ciphers = append(s.Ciphers, 0) })
	if got := closed.visitor(5000, "ADMIN", "").login(0, "ADMIN", "", 4); got != ipmi.NoMatchingCipherSuite {
		t.Errorf("closed: %v", got)
	}
	v := open.visitor(5000, "ADMIN", "")
	if got := v.login(0, "ADMIN", "", 4); got != ipmi.StatusOK {
		t.Errorf("open: %v", got)
	}
	v.want("00 04", ipmi.App, 0x3b, 4)
	v.want("00 21004000", ipmi.Chassis, 0x01)
	for user, want := range map[string]ipmi.Status{"nobody": ipmi.UnauthorizedName, "monitor": ipmi.InvalidIntegrityCheck} {
		if got := open.visitor(5001, user, "").login(0, user, "", 2); got != want {
			t.Errorf("%s: %v, want %v", user, got, want)
		}
	}
}

// TestIPMIRefusals: who is not known, and who has the wrong password, hears what the controller was seen to say.
func TestIPMIRefusals(t *testing.T) {
	code := func(c uint8) *uint8 { return &c }
	b := openBMC(t, func(_ *profiles.Device, s *profiles.IPMI) {
		s.Refuse = &profiles.IPMIRefuse{UnknownUser: code(2), WrongPassword: code(8), Suite: code(4)}
	})
	for i, x := range []struct {
		suite uint8
		user  string
		want  ipmi.Status
	}{{3, "nobody", ipmi.InvalidSessionID}, {3, "ADMIN", ipmi.InactiveSessionID}, {1, "ADMIN", ipmi.InvalidAuthAlgorithm}} {
		if got := b.visitor(uint16(5000+i), x.user, "wrong").login(x.suite, x.user, "wrong", 4); got != x.want {
			t.Errorf("suite %d, %s: %v, want %v", x.suite, x.user, got, x.want)
		}
	}
	b = openBMC(t, func(_ *profiles.Device, s *profiles.IPMI) {
		s.Refuse = &profiles.IPMIRefuse{UnknownUser: code(0)}
	})
	v := b.visitor(5000, "nobody", "")
	plus := ipmi.Session{Format: ipmi.FormatRMCPPlus}
	a, _ := ipmi.Suite(3)
	opened := v.say(&ipmi.OpenSession{RMCP: ipmiHeader, Session: plus, Console: 1, Algorithms: a}).(*ipmi.OpenSessionReply)
	if r := v.say(&ipmi.RAKP1{RMCP: ipmiHeader, Session: plus, BMC: opened.BMC, Role: 4, User: ipmi.Name("nobody")}); r != nil {
		t.Errorf("instead of silence: %T", r)
	}
}

// TestIPMISessions: no more sessions than there may be are open; those that are closed, or in which nothing is
// said, make place.
func TestIPMISessions(t *testing.T) {
	b := openBMC(t)
	var all []*ipmiVisitor
	for i := range 16 {
		v := b.visitor(uint16(5000+i), "ADMIN", "ADMIN")
		if got := v.login(3, "ADMIN", "ADMIN", 4); got != ipmi.StatusOK {
			t.Fatalf("session %d: %v", i+1, got)
		}
		all = append(all, v)
	}
	more := func() ipmi.Status { return b.visitor(6000, "ADMIN", "ADMIN").login(3, "ADMIN", "ADMIN", 4) }
	if got := more(); got != ipmi.NoResources {
		t.Errorf("one more: %v", got)
	}
	if got := all[15].ask(ipmi.App, 0x3d, 0); !strings.HasPrefix(got, "00 101010") {
		t.Errorf("session info: %s, want handle 16, 16 possible, 16 active", got)
	}
	v := all[3]
	v.want("00 ", ipmi.App, 0x3c, byte(v.BMC), byte(v.BMC>>8), byte(v.BMC>>16), byte(v.BMC>>24))
	if got := more(); got != ipmi.StatusOK {
		t.Errorf("after one was closed: %v", got)
	}
	for range 3 {
		b.now = b.now.Add(25 * time.Second)
		all[0].want("00 5500", ipmi.App, 0x04)
	}
	if got := more(); got != ipmi.StatusOK {
		t.Errorf("after 75 seconds: %v", got)
	}
	if r := all[1].say(all[1].command(ipmi.App, 0x04)); r != nil {
		t.Errorf("a session that was silent for 75 seconds says %s", answerText(r))
	}
	if got := all[0].ask(ipmi.App, 0x3d, 0); !strings.HasPrefix(got, "00 011002") {
		t.Errorf("session info: %s, want handle 1, 16 possible, 2 active", got)
	}
}

// TestIPMIHandshakeAgain: messages of the handshake that come again get the same answer again.
func TestIPMIHandshakeAgain(t *testing.T) {
	b := openBMC(t)
	v := b.visitor(5000, "ADMIN", "ADMIN")
	plus := ipmi.Session{Format: ipmi.FormatRMCPPlus}
	a, _ := ipmi.Suite(3)
	v.Handshake = ipmi.Handshake{Algorithms: a, Console: 7, Role: 4, User: ipmi.Name("ADMIN")}
	v.BMC = v.say(&ipmi.OpenSession{RMCP: ipmiHeader, Session: plus, Console: v.Console, Algorithms: a}).(*ipmi.OpenSessionReply).BMC
	twice := func(m wire.Message) wire.Message {
		first, again := v.say(m), v.say(m)
		one, _ := first.Append(nil)
		other, _ := again.Append(nil)
		if !bytes.Equal(one, other) {
			t.Errorf("%T: %x, and then %x", m, one, other)
		}
		return first
	}
	met := twice(&ipmi.RAKP1{RMCP: ipmiHeader, Session: plus, BMC: v.BMC, Role: 4, User: v.User}).(*ipmi.RAKP2)
	v.BMCRandom, v.GUID = met.Random, met.GUID
	v.secret = v.Secret("ADMIN", "")
	if end := twice(&ipmi.RAKP3{RMCP: ipmiHeader, Session: plus, BMC: v.BMC, Code: v.RAKP3Code("ADMIN")}).(*ipmi.RAKP4); end.Status != ipmi.StatusOK {
		t.Error(end.Status)
	}
	v.want("00 5500", ipmi.App, 0x04)
}

// TestIPMIUsers: users are made, get a password and a privilege, are disabled and come back.
func TestIPMIUsers(t *testing.T) {
	b := openBMC(t)
	v := b.administrator()
	login := func(want ipmi.Status) {
		t.Helper()
		w := b.visitor(5000, "guest", "secret99")
		if got := w.login(17, "guest", "secret99", 3); got != want {
			t.Errorf("%v, want %v", got, want)
		} else if want == ipmi.StatusOK {
			w.want("00 ", ipmi.App, 0x3c, byte(w.BMC), byte(w.BMC>>8), byte(w.BMC>>16), byte(w.BMC>>24))
		}
	}
	name := [16]byte{'g', 'u', 'e', 's', 't'}
	password := [16]byte{'s', 'e', 'c', 'r', 'e', 't', '9', '9'}
	login(ipmi.UnauthorizedName)
	v.want("00 ", ipmi.App, 0x45, append([]byte{5}, name[:]...)...)
	v.want("00 ", ipmi.App, 0x47, append([]byte{5, 2}, password[:]...)...)
	v.want("00 ", ipmi.App, 0x43, 0x91, 5, 3, 0)
	v.want("00 ", ipmi.App, 0x47, 5, 1)
	v.want(fmt.Sprintf("00 %x", name), ipmi.App, 0x46, 5)
	v.want("00 0a440013", ipmi.App, 0x44, 1, 5) // ten slots, four enabled; IPMI messaging as an operator
	login(ipmi.StatusOK)
	v.want("00 ", ipmi.App, 0x47, append([]byte{5, 3}, password[:]...)...)
	password[0]++
	v.want("80 ", ipmi.App, 0x47, append([]byte{5, 3}, password[:]...)...)
	v.want("00 ", ipmi.App, 0x47, 5, 0)
	v.want("00 0a830013", ipmi.App, 0x44, 1, 5)
	login(ipmi.UnauthorizedName)
	v.want("00 ", ipmi.App, 0x47, 5, 1)
	login(ipmi.StatusOK)
	v.want("c9 ", ipmi.App, 0x47, 11, 1)
	v.want("00 0204", ipmi.App, 0x41, 1, 0x80)
}

// TestIPMIDCMI: power is a point's, texts are read and written in pieces.
func TestIPMIDCMI(t *testing.T) {
	b := openBMC(t)
	v := b.administrator()
	if got := v.ask(ipmi.Group, 0x02, 0xdc, 1, 0, 0); !strings.HasPrefix(got, "00 dcec00") {
		t.Errorf("power reading: %s, want 236 W now", got)
	}
	v.want("00 dc08"+fmt.Sprintf("%x", "R12-U07A"), ipmi.Group, 0x06, 0xdc, 0, 16)
	v.want("00 dc04", ipmi.Group, 0x08, 0xdc, 0, 4, 'R', '1', '3', '-')
	v.want("00 dc04"+fmt.Sprintf("%x", "R13-"), ipmi.Group, 0x06, 0xdc, 0, 16)
	v.want("c9 ", ipmi.Group, 0x06, 0xdc, 0, 17)
	v.want("80 dc00000000000000000000000000", ipmi.Group, 0x03, 0xdc, 0, 0)
	v.want("00 dc", ipmi.Group, 0x04, 0xdc, 0, 0, 0, 1, 0x90, 1, 0xe8, 3, 0, 0, 0, 0, 60, 0)
	v.want("80 dc0000019001e803000000003c00", ipmi.Group, 0x03, 0xdc, 0, 0)
	v.want("00 dc", ipmi.Group, 0x05, 0xdc, 1, 0, 0)
	v.want("00 dc0000019001e803000000003c00", ipmi.Group, 0x03, 0xdc, 0, 0)
	v.want("c7 ", ipmi.Group, 0x08, 0xdc, 0, 4, 'R')
}

// An ipmi15 is a visitor who speaks IPMI 1.5.
type ipmi15 struct {
	*ipmiVisitor
	format ipmi.Format
	id     uint32
}

func (v *ipmi15) send15(cmd uint8, body ipmi.Body) *ipmi.Reply {
	v.t.Helper()
	v.rq = (v.rq + 1) & 0x3f
	q := &ipmi.Command{
		RMCP: ipmiHeader, Link: ipmi.Link{To: ipmi.BMCAddress, From: ipmi.RemoteAddress, Seq: v.rq}, Target: ipmi.Target{NetFn: ipmi.App, Cmd: cmd}, Body: body,
		Session: ipmi.Session{ID: v.id},
	}
	if v.id != 0 {
		q.Format = v.format
		if cmd != 0x3a {
			v.seq++
			q.Session.Sequence = v.seq
		}
		if v.format != ipmi.FormatNone {
			q.SealWith(v.secret, nil)
		}
	}
	r, _ := v.say(q).(*ipmi.Reply)
	return r
}

// login15 opens a session, and gives the code of the step that failed, or 0.
func (v *ipmi15) login15(user, password string, privilege uint8) ipmi.Code {
	v.t.Helper()
	v.id, v.secret = 0, ipmi.Secret15(v.format, password)
	q := &ipmi.GetSessionChallenge{Format: byte(v.format)}
	copy(q.User[:], user)
	r := v.send15(0x39, q)
	if r.Code != ipmi.CodeOK {
		return r.Code
	}
	c := r.Body.(*ipmi.GetSessionChallengeReply)
	v.id = c.ID
	r = v.send15(0x3a, &ipmi.ActivateSession{Format: byte(v.format), Privilege: privilege, Challenge: c.Challenge, Sequence: 1})
	switch {
	case r == nil:
		return ipmi.Unspecified // silence
	case r.Code != ipmi.CodeOK:
		return r.Code
	}
	o := r.Body.(*ipmi.ActivateSessionReply)
	v.id, v.seq = o.ID, o.Sequence-1
	return ipmi.CodeOK
}

// TestIPMI15: sessions of IPMI 1.5 are opened in the ways and up to the privilege that the LAN parameters name
// (sections 22.16, 22.17 and 23.2, parameter 2).
func TestIPMI15(t *testing.T) {
	b := openBMC(t, func(dev *profiles.Device, s *profiles.IPMI) { s.Auth = append(s.Auth, "none", "md2") })
	b.administrator().want("00 ", ipmi.Transport, 0x01, 1, 2, 0x15, 0x15, 0x14, 0x14, 0) // none: for callback and users
	for i, x := range []struct {
		format         ipmi.Format
		user, password string
		privilege      uint8
		want           ipmi.Code
	}{
		{ipmi.FormatMD5, "ADMIN", "ADMIN", 4, ipmi.CodeOK},
		{ipmi.FormatPassword, "ADMIN", "ADMIN", 4, ipmi.CodeOK},
		{ipmi.FormatMD5, "ADMIN", "wrong", 4, ipmi.Unspecified},
		{ipmi.FormatMD5, "nobody", "", 4, 0x81},
		{ipmi.FormatMD5, "", "", 4, 0x82},
		{ipmi.FormatMD5, "operator", "rack12ops", 4, 0x86},
		{ipmi.FormatMD2, "ADMIN", "ADMIN", 4, ipmi.CodeOK}, // no level has it: that is not what it is
		{ipmi.FormatOEM, "ADMIN", "ADMIN", 4, ipmi.InvalidField},
		{ipmi.FormatNone, "ADMIN", "", 4, 0x86},
		{ipmi.FormatNone, "ADMIN", "", 3, 0x86},
		{ipmi.FormatNone, "ADMIN", "", 2, ipmi.CodeOK},
		{ipmi.FormatNone, "monitor", "", 2, 0x86}, // an account to deny
	} {
		v := &ipmi15{ipmiVisitor: b.visitor(uint16(5000+i), x.user, x.password), format: x.format}
		got := v.login15(x.user, x.password, x.privilege)
		if got != x.want {
			t.Errorf("%v, %s with %q as %d: %v, want %v", x.format, x.user, x.password, x.privilege, got, x.want)
		}
		if got != ipmi.CodeOK {
			continue
		}
		if r := v.send15(0x04, ipmi.Data(nil)); answerText(r) != "00 5500" {
			t.Errorf("%v: in the session: %s", x.format, answerText(r))
		}
		want := "00 04"
		if x.format == ipmi.FormatNone {
			want = "81 "
		}
		if r := v.send15(0x3b, ipmi.Data{4}); answerText(r) != want {
			t.Errorf("%v: as an administrator: %s, want %s", x.format, answerText(r), want)
		}
		if r := v.send15(0x3c, &ipmi.CloseSession{ID: v.id}); answerText(r) != "00 " {
			t.Errorf("%v: closing: %s", x.format, answerText(r))
		}
	}
}

// TestIPMIFloods: handshakes without end, of any kind, hold little, and who is in stays in.
func TestIPMIFloods(t *testing.T) {
	b := openBMC(t)
	v := b.administrator()
	a, _ := ipmi.Suite(3)
	plus := ipmi.Session{Format: ipmi.FormatRMCPPlus}
	floods := map[string]func(w *ipmiVisitor, i int){
		"RAKP 1": func(w *ipmiVisitor, i int) {
			r := w.say(&ipmi.OpenSession{RMCP: ipmiHeader, Session: plus, Console: uint32(i + 1), Algorithms: a}).(*ipmi.OpenSessionReply)
			w.say(&ipmi.RAKP1{RMCP: ipmiHeader, Session: plus, BMC: r.BMC, Role: 4, User: ipmi.Name("ADMIN")})
		},
		"challenge": func(w *ipmiVisitor, i int) {
			q := &ipmi.GetSessionChallenge{Format: byte(ipmi.FormatMD5)}
			copy(q.User[:], "ADMIN")
			(&ipmi15{ipmiVisitor: w, format: ipmi.FormatMD5}).send15(0x39, q)
		},
	}
	for name, flood := range floods {
		before := heap()
		for i := range 3000 {
			w := b.visitor(uint16(10000+i), "", "")
			w.client = ipmi.NewConn(nil)
			flood(w, i)
			if i%500 == 0 {
				v.want("00 5500", ipmi.App, 0x04)
			}
		}
		if grown := heap() - before; grown > 1<<20 {
			t.Errorf("%s: the flood took %d bytes", name, grown)
		}
		v.want("00 5500", ipmi.App, 0x04)
		if got := b.visitor(5001, "ADMIN", "ADMIN").login(17, "ADMIN", "ADMIN", 4); got != ipmi.StatusOK {
			t.Errorf("%s: another visitor: %v", name, got)
		}
	}
}
