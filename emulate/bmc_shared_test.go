package emulate_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringer/capture/http"
	"ringer/capture/ipmi"
	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// What is written to the shipped server over one protocol is seen over the others. In testdata/bmc/shared.txt
//
//	>>> ipmi ADMIN:ADMIN 0645 05 "guest"*16     a command in a session of suite 3: network function, command, data
//	>>> GET /redfish/v1/Systems/1 /PowerState   what stands at JSON pointers, log-in as ADMIN:ADMIN
//	>>> ops:secret GET /redfish/v1/Systems/1    another log-in
//	>>> PATCH /redfish/v1/Systems/1 {"..."}
//	>>> snmp operator:rack12ops get 1.3.6.1.2.1.1.5.0
//	after 2s
func TestBMCSharedState(t *testing.T) {
	checkDialogue(t, "testdata/bmc/shared.txt", func(text string) string {
		s := openShared(t)
		var out strings.Builder
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\n")
			ask, is := strings.CutPrefix(line, ">>> ")
			switch {
			case strings.HasPrefix(line, "<<<"):
				continue
			case is:
				fmt.Fprintf(&out, "%s\n%s", line, s.ask(ask))
				continue
			}
			if wait, ok := strings.CutPrefix(line, "after "); ok {
				d, err := time.ParseDuration(wait)
				if err != nil {
					t.Fatal(err)
				}
				s.now = s.now.Add(d)
			}
			fmt.Fprintln(&out, line)
		}
		return out.String()
	})
}

// A sharedBMC is the shipped server with its three services.
type sharedBMC struct {
	bmc
	http, snmp emulate.Service
	began      time.Time
	asked      int64
}

func openShared(t testing.TB) *sharedBMC { return openSharedAs(t, "", "") }

// openSharedAs has something else in a place of its profile.
func openSharedAs(t testing.TB, was, is string) *sharedBMC {
	t.Helper()
	const folder = "../profiles/bmc-2u-server"
	b, err := os.ReadFile(folder + "/device.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), was) {
		t.Fatalf("the profile has no %q", was)
	}
	dev, err := profiles.Parse([]byte(strings.Replace(string(b), was, is, 1)), "device.yaml", os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	s := &sharedBMC{bmc: bmc{t: t, now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}}
	s.began = s.now
	if s.state, err = emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return s.now }}); err != nil {
		t.Fatal(err)
	}
	for i, to := range map[string]struct {
		service *emulate.Service
		p       wire.Protocol
	}{"http": {&s.http, http.Protocol{}}, "ipmi": {&s.service, ipmi.Protocol{}}, "snmp": {&s.snmp, snmp.Protocol{}}} {
		for k := range dev.Services {
			if dev.Services[k].Protocol != i {
				continue
			}
			if *to.service, err = emulate.Open(s.state, dev, &dev.Services[k], to.p); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func (s *sharedBMC) ask(text string) string {
	s.asked++
	who := "ADMIN:ADMIN"
	first, rest, _ := strings.Cut(text, " ")
	if first == "ipmi" || first == "snmp" {
		who, rest, _ = strings.Cut(rest, " ")
		user, password, _ := strings.Cut(who, ":")
		if first == "ipmi" {
			return s.ipmi(user, password, rest)
		}
		return s.variables(user, password, rest)
	}
	if strings.Contains(first, ":") {
		who, text = first, rest
	}
	return s.redfish(who, text)
}

// ipmi asks with the highest privilege that the user has.
func (s *sharedBMC) ipmi(user, password, text string) string {
	v := s.visitor(uint16(5000+s.asked), user, password)
	status := ipmi.UnauthorizedRole
	role := byte(5)
	for ; role > 1 && status == ipmi.UnauthorizedRole; role-- {
		status = v.login(3, user, password, role-1)
	}
	if status != ipmi.StatusOK {
		return fmt.Sprintf("<<< %v\n", status)
	}
	v.ask(ipmi.App, 0x3b, role)
	data := ipmiWords(s.t, text)
	answer := v.ask(ipmi.NetFn(data[0]), data[1], data[2:]...)
	v.ask(ipmi.App, 0x3c, byte(v.BMC), byte(v.BMC>>8), byte(v.BMC>>16), byte(v.BMC>>24))
	return "<<< " + strings.TrimSpace(answer) + "\n"
}

// ipmiWords reads hexadecimal digits, and texts with the size to which they are filled up.
func ipmiWords(t testing.TB, text string) (b []byte) {
	for _, word := range strings.Fields(text) {
		if quoted, size, ok := strings.Cut(word, "*"); ok {
			n, err := strconv.Atoi(size)
			if err != nil {
				t.Fatal(err)
			}
			b = append(b, append([]byte(strings.Trim(quoted, `"`)), make([]byte, n)...)[:n]...)
			continue
		}
		x, err := hex.DecodeString(word)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, x...)
	}
	return b
}

// redfish asks, and gives the status and what stands at pointers.
func (s *sharedBMC) redfish(who, text string) string {
	method, rest, _ := strings.Cut(text, " ")
	path, rest, _ := strings.Cut(rest, " ")
	body, pointers := "", strings.Fields(rest)
	if strings.HasPrefix(rest, "{") {
		body, pointers = rest, nil
	}
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: bmc\r\nAuthorization: Basic %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, path, base64.StdEncoding.EncodeToString([]byte(who)), len(body), body)
	l := newLink(s.http, emulate.Peer{})
	_, m, err := l.conn.Next(wire.Client, []byte(head), false)
	if err != nil || m == nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	r, ok := l.session.Answer(m).Messages[0].(*http.Response)
	if !ok {
		s.t.Fatalf("%s: no response", text)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "<<< %d", r.Status)
	if at := r.Headers.Get("Location"); at != "" {
		fmt.Fprintf(&out, " %s", at)
	}
	fmt.Fprintln(&out)
	for _, pointer := range pointers {
		fmt.Fprintf(&out, "<<< %s %s\n", pointer, jsonAt(s.t, r.Body, pointer))
	}
	return out.String()
}

// jsonAt is what a JSON pointer leads to.
func jsonAt(t testing.TB, body []byte, pointer string) string {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for step := range strings.SplitSeq(pointer[1:], "/") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(x) {
				v = x[i]
				continue
			}
			v = nil
		default:
			v = nil
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// variables asks for one in SNMPv3, signed with SHA-1 and encrypted with AES-128; ADMIN's are SHA-256 and AES-128.
func (s *sharedBMC) variables(user, password, text string) string {
	engine := []byte("\x80\x01\x86\x9f\x03\x02\xce\x14\x52\xa0\x7c")
	who := snmp.User{Name: user, Auth: snmp.SHA1, AuthPassword: password, Priv: snmp.AES128, PrivPassword: password}
	if user == "ADMIN" {
		who.Auth = snmp.SHA256
	}
	_, pdu, err := snmp.Protocol{}.New().Next(wire.Client, snmpRequest(s.t, "v2c public "+text, s.asked), true)
	if err != nil {
		s.t.Fatal(err)
	}
	m := &snmp.V3Message{
		MsgID: s.asked, MaxSize: 65507, Flags: snmp.Flags{snmp.FlagReportable | snmp.FlagAuth | snmp.FlagPriv}, SecurityModel: snmp.SecurityModelUSM,
		USM:       &snmp.USM{EngineID: engine, EngineBoots: 9, EngineTime: 4331460 + int64(s.now.Sub(s.began)/time.Second), UserName: snmp.UserName(user)},
		ScopedPDU: &snmp.ScopedPDU{ContextEngineID: engine, PDU: pdu.(*snmp.CommunityMessage).PDU},
	}
	key, err := snmp.NewKey(&who, engine)
	if err != nil {
		return fmt.Sprintf("<<< %v\n", err)
	}
	m.SealWith(key)
	b, err := m.Append(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	l := newLink(s.snmp, emulate.Peer{})
	_, q, err := l.conn.Next(wire.Client, b, true)
	if err != nil {
		s.t.Fatal(err)
	}
	return "<<< " + snmpUSMSaid(s.t, written(s.t, l.session.Answer(q).Messages), s.asked, who) + "\n"
}
