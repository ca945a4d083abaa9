package emulate_test

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

const snmpProfile = `
apiVersion: ringer/v1
kind: Device
id: pump
points:
  uptime:   {type: u32, dynamics: {clock: {unit: 10ms, since: boot, uptime: 1h}}}
  setpoint: {type: f32, value: 2.5, write: {min: 0, max: 4}}
  pump:     {type: bool, value: true, write: {}}
  level:    {type: u16, value: 241}
services:
  - snmp:
      port: 161
      walk: snmp/base.snmprec
      communities:
        public: ro
        private: rw
        guest: {access: ro, view: [1.3.6.1.2.1.1]}
      points:
        1.3.6.1.2.1.1.3.0: uptime
        1.3.6.1.4.1.9999.1.1.0: setpoint
        1.3.6.1.4.1.9999.1.2.0: pump
        1.3.6.1.4.1.9999.1.3.0: level
      writable: [1.3.6.1.2.1.1.5, 1.3.6.1.2.1.1.6.0]
      refuse: {1.3.6.1.2.1.1.4.0: inconsistentValue}
      engine: {id: 80001f8804706d70, boots: 3, time: 100}
      users: {viewer: noauth, admin: auth}
`

const snmpWalk = `1.3.6.1.2.1.1.1|129|
1.3.6.1.2.1.1.1.0|4|pump controller
1.3.6.1.2.1.1.1.0.1|129|
1.3.6.1.2.1.1.1.2147483647|129|
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9999.1
1.3.6.1.2.1.1.3.0|67|0
1.3.6.1.2.1.1.4.0|4|ops@example.org
1.3.6.1.2.1.1.5.0|4|pump-3
1.3.6.1.2.1.1.6.0|4|hall 2
1.3.6.1.2.1.2.1.0|2|2
1.3.6.1.2.1.2.2.1.1.1|2|1
1.3.6.1.2.1.2.2.1.1.2|2|2
1.3.6.1.2.1.2.2.1.2.1|4|lo
1.3.6.1.2.1.2.2.1.2.2|4|eth0
1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615
1.3.6.1.2.1.31.1.1.1.18.1|4|loop
1.3.6.1.4.1.9999.1.9.0|128|
`

// handWritten is the profile above, as a person would write it.
func handWritten(t testing.TB, walk string) *profiles.Device {
	t.Helper()
	files := fstest.MapFS{"snmp/base.snmprec": &fstest.MapFile{Data: []byte(walk)}}
	dev, err := profiles.Parse([]byte(snmpProfile), "device.yaml", files)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// TestSNMPDialogue asks what testdata/snmp/agent.txt asks, and compares the answers. A line ">>> v2c
// public get 1.3=…" is a request, "<<<" what was answered to it; "... 2s" lets time go by.
func TestSNMPDialogue(t *testing.T) {
	checkDialogue(t, "testdata/snmp/agent.txt", func(text string) string { return snmpDialogue(t, text) })
}

func snmpDialogue(t *testing.T, text string) string {
	t.Helper()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	a := openSNMPAgent(t, handWritten(t, snmpWalk), emulate.Settings{Now: func() time.Time { return now }})
	var out strings.Builder
	id := int64(0)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch mark, rest, _ := strings.Cut(line, " "); mark {
		case "<<<":
			continue
		case "...":
			d, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(d)
			fmt.Fprintln(&out, line)
		case ">>>":
			id++
			fmt.Fprintf(&out, "%s\n<<< %s\n", line, snmpSaid(t, a.ask(1, snmpRequest(t, rest, id)), id))
		default:
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

// snmpRequest makes a request of its text: version, community, operation ("getbulk/1/5": non-repeaters
// and repetitions), variables with "=i:5" or "=s:text" behind those that are set.
func snmpRequest(t testing.TB, text string, id int64) []byte {
	t.Helper()
	f := strings.Fields(text)
	ops := map[string]snmp.PDUType{
		"get": snmp.GetRequest, "getnext": snmp.GetNextRequest, "getbulk": snmp.GetBulkRequest, "set": snmp.SetRequest,
		"trap": snmp.TrapV2, "response": snmp.Response,
	}
	op, counts, _ := strings.Cut(f[2], "/")
	p := snmp.PDU{Type: ops[op], RequestID: id}
	if n, m, ok := strings.Cut(counts, "/"); ok {
		p.NonRepeaters, _ = strconv.ParseInt(n, 10, 64)
		p.MaxRepetitions, _ = strconv.ParseInt(m, 10, 64)
	}
	types := map[byte]snmp.Type{'i': snmp.TypeInteger, 's': snmp.TypeOctetString, 'u': snmp.TypeGauge32, 't': snmp.TypeTimeTicks}
	for _, x := range f[3:] {
		name, value, _ := strings.Cut(x, "=")
		o, err := snmp.ParseOID(name)
		if err != nil {
			t.Fatal(err)
		}
		v := snmp.Value{Type: snmp.TypeNull}
		if value != "" {
			content := []byte(value[2:])
			if n, err := strconv.ParseInt(value[2:], 10, 64); err == nil && value[0] != 's' {
				content = snmp.AppendInt(nil, n)
			}
			v = snmp.NewValue(types[value[0]], content)
		}
		p.VarBinds = append(p.VarBinds, snmp.VarBind{OID: o, Value: v})
	}
	var m wire.Message
	switch f[0] {
	case "v3":
		user, engine, _ := strings.Cut(f[1], "@")
		flags := byte(snmp.FlagReportable)
		if strings.HasSuffix(user, "+auth") {
			user, flags = strings.TrimSuffix(user, "+auth"), flags|snmp.FlagAuth
		}
		id3, err := hex.DecodeString(engine)
		if err != nil {
			t.Fatal(err)
		}
		m = &snmp.V3Message{
			MsgID: id, MaxSize: 65507, Flags: snmp.Flags{flags}, SecurityModel: snmp.SecurityModelUSM,
			USM: &snmp.USM{UserName: snmp.UserName(user), EngineID: id3}, ScopedPDU: &snmp.ScopedPDU{PDU: p},
		}
	default:
		m = &snmp.CommunityMessage{Version: map[string]snmp.Version{"v1": snmp.V1, "v2c": snmp.V2c}[f[0]], Community: snmp.Community(f[1]), PDU: p}
	}
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// snmpSaid is the text of an answer.
func snmpSaid(t testing.TB, b []byte, id int64) string {
	t.Helper()
	if len(b) == 0 {
		return "(silence)"
	}
	n, m, err := snmp.Protocol{}.New().Next(wire.Server, b, true)
	if err != nil || n != len(b) {
		t.Fatalf("%x: %v", b, err)
	}
	var s strings.Builder
	var p snmp.PDU
	switch m := m.(type) {
	case *snmp.CommunityMessage:
		p = m.PDU
		fmt.Fprintf(&s, "%s %s %s", m.Version, m.Community, p.Type)
	case *snmp.V3Message:
		p = m.PDU
		fmt.Fprintf(&s, "v3 %s@%x boots %d time %d flags %s %s", m.USM.UserName, m.USM.EngineID, m.USM.EngineBoots, m.USM.EngineTime, m.Flags, p.Type)
		if m.MsgID != id {
			t.Errorf("message id %d, want %d", m.MsgID, id)
		}
	}
	if p.RequestID != id {
		t.Errorf("request id %d, want %d", p.RequestID, id)
	}
	if p.ErrorStatus != 0 {
		fmt.Fprintf(&s, " %s at %d", p.ErrorStatus, p.ErrorIndex)
	}
	for _, v := range p.VarBinds {
		fmt.Fprintf(&s, " | %s = %s", v.OID, v.Value)
	}
	return s.String()
}

// A bad walk file is refused with its line.
func TestSNMPBadWalk(t *testing.T) {
	for walk, want := range map[string]string{
		"1.3.6.1.2.1.1.1.0|4|a\n1.3.6.1.2.1.1.2.0|4x|00 16\n":         `pump: service snmp on port 161/udp: walk snmp/base.snmprec: line 2: 1.3.6.1.2.1.1.2.0: value "00 16": want pairs of hexadecimal digits`,
		"1.3.6.1.2.1.1.1.0|4x|0016\n003e\n":                           `pump: service snmp on port 161/udp: walk snmp/base.snmprec: line 2: "003e": want OID|tag|value (is it the rest of the line before it?)`,
		"1.3.6.1.2.1.1.1.0|4|a\n1.3.6.1.2.1.1.1.0|4|b\n":              `pump: service snmp on port 161/udp: walk snmp/base.snmprec: line 2: 1.3.6.1.2.1.1.1.0 is there twice`,
		"1.3.6.1.2.1.1.1.0|4|a\n1.3.6.1.1|4|b\n1.3.6.1.2.1.1.1.0|4|c": `pump: service snmp on port 161/udp: walk snmp/base.snmprec: 1.3.6.1.2.1.1.1.0 is there twice`,
	} {
		dev := handWritten(t, walk)
		st, err := emulate.NewState(dev, emulate.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := emulate.Open(st, dev, &dev.Services[0], snmp.Protocol{}); fmt.Sprint(err) != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// FuzzSNMPAnswer: whatever is asked, the agent answers something that can be read, or is silent.
func FuzzSNMPAnswer(f *testing.F) {
	for _, x := range []string{
		"v2c public get 1.3.6.1.2.1.1.3.0 1.3.6.1.9", "v1 public getnext 1.3.6.1", "v2c guest getbulk/1/9 1.3.6.1 1.3.6.1.2.1.2",
		"v2c private set 1.3.6.1.2.1.1.5.0=s:x 1.3.6.1.4.1.9999.1.1.0=s:3", "v3 viewer@80001f8804706d70 getbulk/0/50 1.3", "v3 @ get",
	} {
		f.Add(snmpRequest(f, x, 1))
	}
	dev := handWritten(f, snmpWalk)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, m, err := snmp.Protocol{}.New().Next(wire.Client, b, true)
		if err != nil {
			return
		}
		s := openSNMPAgent(t, dev, emulate.Settings{}).service.Open(emulate.Peer{})
		for range 2 {
			for _, m := range s.Answer(m).Messages {
				out, err := m.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				if n, _, err := (snmp.Protocol{}).New().Next(wire.Server, out, true); err != nil || n != len(out) {
					t.Fatalf("answered %x: %v", out, err)
				}
			}
		}
	})
}

// What does not fit a message is tooBig, or cut in an answer to GETBULK; LongLengths takes its room.
func TestSNMPMaxSize(t *testing.T) {
	walk := ""
	for i := range 30 {
		walk += fmt.Sprintf("1.3.6.1.4.1.9999.7.%d|4|%s\n", i+1, strings.Repeat("x", 20*i))
	}
	for _, long := range []int{0, 2} {
		dev, err := profiles.Parse(fmt.Appendf(nil, "apiVersion: ringer/v1\nkind: Device\nid: d\nservices:\n- snmp: {port: 161, walk: w, communities: {c: ro}, max_size: 484, long_lengths: %d}\n", long),
			"device.yaml", fstest.MapFS{"w": &fstest.MapFile{Data: []byte(walk)}})
		if err != nil {
			t.Fatal(err)
		}
		a := openSNMPAgent(t, dev, emulate.Settings{})
		for _, x := range []struct{ ask, want string }{
			{"v2c c get 1.3.6.1.4.1.9999.7.30", "v2c c response tooBig at 0"},
			{"v1 c get 1.3.6.1.4.1.9999.7.30", "v1 c response tooBig at 0 | 1.3.6.1.4.1.9999.7.30 = NULL"},
			{"v2c c getnext 1.3.6.1.4.1.9999.7.15 1.3.6.1.4.1.9999.7.16", "v2c c response tooBig at 0"},
			{"v2c c getbulk/1/1 1.3.6.1.4.1.9999.7.29 1.3.6.1.4.1.9999.7", "v2c c response"},
		} {
			if got := snmpSaid(t, a.ask(1, snmpRequest(t, x.ask, 5)), 5); got != x.want {
				t.Errorf("%s: got %s, want %s", x.ask, got, x.want)
			}
		}
		for i := range 29 {
			req := snmpRequest(t, fmt.Sprintf("v2c c getbulk/0/50 1.3.6.1.4.1.9999.7.%d", i), 5)
			got := a.ask(1, req)
			_, m, err := snmp.Protocol{}.New().Next(wire.Server, got, true)
			if err != nil {
				t.Fatal(err)
			}
			n := len(m.(*snmp.CommunityMessage).PDU.VarBinds)
			if len(got) > 484 || n == 0 && i < 20 || len(got) < 100 && i < 20 {
				t.Errorf("from %d on: %d variables in %d bytes", i, n, len(got))
			}
		}
	}
}

// TestSNMPAnyone: "*" is every community that is not named, and may do what it says.
func TestSNMPAnyone(t *testing.T) {
	dev := handWritten(t, snmpWalk)
	dev.Services[0].Section.(*profiles.SNMP).Communities = map[string]profiles.SNMPCommunity{
		"private": {Access: "rw"}, "*": {Access: "ro", View: []string{"1.3.6.1.2.1.1"}},
	}
	a := openSNMPAgent(t, dev, emulate.Settings{})
	for request, want := range map[string]string{
		"v2c whoever get 1.3.6.1.2.1.1.5.0":          "v2c whoever response | 1.3.6.1.2.1.1.5.0 = OCTET STRING: pump-3",
		"v1 another get 1.3.6.1.2.1.2.1.0":           "v1 another response noSuchName at 1 | 1.3.6.1.2.1.2.1.0 = NULL",
		"v2c private get 1.3.6.1.2.1.2.1.0":          "v2c private response | 1.3.6.1.2.1.2.1.0 = INTEGER: 2",
		"v2c whoever set 1.3.6.1.4.1.9999.1.2.0=i:0": "v2c whoever response noAccess at 1 | 1.3.6.1.4.1.9999.1.2.0 = INTEGER: 0",
	} {
		if got := snmpSaid(t, a.ask(1, snmpRequest(t, request, 1)), 1); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", request, got, want)
		}
	}
}
