//go:build interop

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/capture/wire"
)

// snmpdConf is an agent without what comes and goes: connections, processes, neighbours.
const snmpdConf = `agentaddress udp:HOST:161
sysDescr Brunnen PS-210 pump station controller 2.4.1
sysObjectID 1.3.6.1.4.1.8072.3.2.10
sysName ps-210-04
sysLocation Well house 4
sysContact operations@brunnen.example
sysServices 72
createUser signs SHA-256 "signs and reads"
createUser hides SHA "hides and reads" AES "nobody reads it"
createUser plain
view stable included .1
view stable excluded .1.3.6.1.2.1.4
view stable excluded .1.3.6.1.2.1.6
view stable excluded .1.3.6.1.2.1.7
view stable excluded .1.3.6.1.2.1.25
view stable excluded .1.3.6.1.2.1.28
view stable excluded .1.3.6.1.4.1.8072.1
view stable excluded .1.3.6.1.4.1.2021
rocommunity public default -V stable
view system included .1.3.6.1.2.1.1
rocommunity narrow default -V system
rouser signs auth -V stable
rouser hides priv -V stable
rouser plain noauth -V stable
`

func startSNMPD(t *testing.T, host string) {
	t.Helper()
	need(t, "snmpd", "snmpwalk", "snmpget")
	dir := t.TempDir()
	file := filepath.Join(dir, "snmpd.conf")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(snmpdConf, "HOST", host)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SNMP_PERSISTENT_DIR", dir)
	start(t, "snmpd", "-f", "-C", "-c", file, "-Ln")
	awaitSNMP(t, host)
}

func awaitSNMP(t *testing.T, host string) {
	t.Helper()
	for range 50 {
		if exec.Command("snmpget", "-v2c", "-c", "public", "-t", "0.2", "-r", "0", host, ".1.3.6.1.2.1.1.3.0").Run() == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no agent answers on %s", host)
}

// cloneSNMP clones and gives the profile, the evidence and the remarks.
func cloneSNMP(t *testing.T, host string, flags ...string) (profile, evidence string, remarks []string) {
	t.Helper()
	dir := t.TempDir()
	out, evidence := filepath.Join(dir, "out"), filepath.Join(dir, "evidence.pcapng")
	args := append([]string{"clone", "snmp", host, "-o", out, "--evidence", evidence, "--care", "lab", "--timeout", "700ms", "--keep-secrets", "--json"}, flags...)
	cmd := exec.Command(built(t), args...)
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v %s", strings.Join(args, " "), err, text)
	}
	var said struct {
		Devices []struct {
			Remarks []struct{ Text string }
		}
		Profiles []string
	}
	if err := json.Unmarshal(text, &said); err != nil || len(said.Profiles) != 1 {
		t.Fatalf("%v in %s", err, text)
	}
	for _, r := range said.Devices[0].Remarks {
		remarks = append(remarks, r.Text)
	}
	return said.Profiles[0], evidence, remarks
}

// onlyReads: whatever a clone sent were reads, as its own keys show them, and tshark finds nothing wrong.
func onlyReads(t *testing.T, evidence string, users ...snmp.User) {
	t.Helper()
	protocols, err := (&capture.Keys{SNMP: users}).Protocols()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(evidence)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for x, err := range capture.Exchanges(f, capture.Options{Protocols: protocols}) {
		if err != nil {
			t.Fatal(err)
		}
		class, effect := wire.Class(x.Request)
		if n++; effect != wire.Read {
			t.Errorf("a %s was sent", class)
		}
	}
	if n < 20 {
		t.Errorf("the evidence has %d exchanges", n)
	}
	out, err := exec.Command("tshark", "-r", evidence, "-Y", "_ws.malformed || _ws.expert.severity >= 0x800000").Output()
	if err != nil || len(out) > 0 {
		t.Errorf("tshark: %v %s", err, out)
	}
}

// noDifferences replays evidence against the profile learned from it.
func noDifferences(t *testing.T, evidence, profile string, flags ...string) {
	t.Helper()
	out, err := exec.Command(built(t), append([]string{"replay", evidence, "--against", profile}, flags...)...).CombinedOutput()
	if err != nil {
		t.Errorf("replay: %v\n%s", err, out)
	}
}

// snmpMoving is what may differ between two answers of snmpd itself: counters, gauges, clocks, of which
// snmpEngineTime is an INTEGER.
var snmpMoving = regexp.MustCompile(`(?m)(Timeticks|Counter32|Counter64|Gauge32|\.1\.3\.6\.1\.6\.3\.10\.2\.1\.3\.0 = INTEGER): .*$`)

// snmpUsers are those of snmpdConf, as ringer and as Debian's tools take them.
var snmpUsers = []struct {
	name  string
	user  snmp.User
	flags []string
	tool  []string
}{
	{"noAuthNoPriv", snmp.User{Name: "plain"}, []string{"--user", "plain"}, []string{"-u", "plain", "-l", "noAuthNoPriv"}},
	{"authNoPriv", snmp.User{Name: "signs", Auth: snmp.SHA256, AuthPassword: "signs and reads"},
		[]string{"--user", "signs", "--auth-protocol", "SHA-256", "--auth-password", "signs and reads"},
		[]string{"-u", "signs", "-l", "authNoPriv", "-a", "SHA-256", "-A", "signs and reads"}},
	{"authPriv", snmp.User{Name: "hides", Auth: snmp.SHA1, AuthPassword: "hides and reads", Priv: snmp.AES128, PrivPassword: "nobody reads it"},
		[]string{"--user", "hides", "--auth-protocol", "SHA", "--auth-password", "hides and reads", "--priv-protocol", "AES", "--priv-password", "nobody reads it"},
		[]string{"-u", "hides", "-l", "authPriv", "-a", "SHA", "-A", "hides and reads", "-x", "AES", "-X", "nobody reads it"}},
}

// snmpQuestions are what both are asked, in one version.
func snmpQuestions(flags ...string) (all [][]string) {
	for _, q := range [][]string{
		{"snmpwalk", ".1"},
		{"snmpget", ".1.3.6.1.2.1.1.1.0", ".1.3.6.1.2.1.1.5.0"},
		{"snmpget", ".1.3.6.1.2.1.1.1.0", ".1.3.6.1.2.1.1.99.0"},
		{"snmpget", ".1.3.6.1.2.1.1.1.1"},
		{"snmpget", ".1.3.6.1.2.1.1.1"},
		{"snmpget", ".1.3.6.1.2.1.1"},
		{"snmpget", ".1.3.6.1.2.1.2.2.1.2.99"},
		{"snmpget", ".1.3.6.1.4.1.9.9.1.0"},
		{"snmpgetnext", ".1.3.6.1.2.1.2", ".1.3.6.1.2.1.1.1.0"},
		{"snmpgetnext", ".1.9"},
		{"snmpwalk", ".1.3.6.1.2.1.2.2.1.2"},
		{"snmpwalk", ".1.3.6.1.2.1.99"},
	} {
		all = append(all, append(append([]string{q[0]}, append(flags, "-On", "-t", "2", "-r", "1", "HOST")...), q[1:]...))
	}
	return all
}

// sameLines asks both, and compares what the tools print, but for what moves.
func sameLines(t *testing.T, questions [][]string, original, copied string) {
	t.Helper()
	lines := 0
	for _, q := range questions {
		var said [2]string
		for i, host := range []string{original, copied} {
			args := append([]string(nil), q[1:]...)
			for k := range args {
				if args[k] == "HOST" {
					args[k] = host
				}
			}
			out, _ := exec.Command(q[0], args...).CombinedOutput()
			said[i] = snmpMoving.ReplaceAllString(strings.ReplaceAll(string(out), host, "HOST"), "$1")
		}
		if said[0] != said[1] {
			t.Errorf("%s prints other lines:\n%s", strings.Join(q, " "), lineDiff(said[0], said[1]))
		}
		lines += strings.Count(said[0], "\n")
	}
	if lines < 40 {
		t.Errorf("only %d lines were compared", lines)
	}
	t.Logf("%d commands print the same %d lines but for moving values", len(questions), lines)
}

// TestInteropCloneSNMPD: snmpd is cloned in v1 and v2c; the decoy prints what it prints, and is cloned in turn.
func TestInteropCloneSNMPD(t *testing.T) {
	const original, copied, third = "127.0.61.1", "127.0.61.2", "127.0.61.3"
	startSNMPD(t, original)
	profile, evidence, remarks := cloneSNMP(t, original, "--community", "public", "--community", "narrow", "--snapshots", "2", "--every", "1500ms")
	t.Logf("%s", strings.Join(remarks, "; "))
	onlyReads(t, evidence)
	noDifferences(t, evidence, profile)
	end := decoy(t, nil, profile, "--bind", copied, "--values", "model")
	for _, version := range []string{"-v1", "-v2c"} {
		sameLines(t, snmpQuestions(version, "-c", "public"), original, copied)
		sameLines(t, [][]string{{"snmpwalk", version, "-c", "narrow", "-On", "HOST", ".1"}, {"snmpwalk", version, "-c", "public", "-On", "HOST", ".1"}}, original, copied)
	}
	// A clone of the decoy is the decoy.
	end()
	decoy(t, nil, profile, "--bind", copied)
	again, evidence, _ := cloneSNMP(t, copied, "--community", "public", "--community", "narrow", "--snapshots", "1", "--every", "500ms")
	noDifferences(t, evidence, again)
	decoy(t, nil, again, "--bind", third, "--values", "model")
	for _, version := range []string{"-v1", "-v2c"} {
		sameLines(t, snmpQuestions(version, "-c", "public"), copied, third)
	}
}

// TestInteropCloneSNMPv3: the same with users of SNMPv3, of each level.
func TestInteropCloneSNMPv3(t *testing.T) {
	const original, copied = "127.0.61.4", "127.0.61.5"
	startSNMPD(t, original)
	for _, u := range snmpUsers {
		t.Run(u.name, func(t *testing.T) {
			profile, evidence, remarks := cloneSNMP(t, original, append(u.flags, "--every", "1s")...)
			t.Logf("%s", strings.Join(remarks, "; "))
			keys := filepath.Join(t.TempDir(), "keys")
			text := ""
			var users []snmp.User
			if u.user.Auth != snmp.NoAuth {
				users = append(users, u.user)
				text = fmt.Sprintf("snmp %s %s %q", u.user.Name, u.user.Auth, u.user.AuthPassword)
				if u.user.Priv != snmp.NoPriv {
					text += fmt.Sprintf(" %s %q", u.user.Priv, u.user.PrivPassword)
				}
			}
			if err := os.WriteFile(keys, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			onlyReads(t, evidence, users...)
			noDifferences(t, evidence, profile, "--keys", keys)
			decoy(t, nil, profile, "--bind", copied, "--values", "model")
			sameLines(t, snmpQuestions(append([]string{"-v3"}, u.tool...)...), original, copied)
			stranger := [][]string{{"snmpget", "-v3", "-u", "nobody", "-l", "noAuthNoPriv", "-t", "1", "-r", "0", "HOST", ".1.3.6.1.2.1.1.1.0"}}
			for _, q := range stranger {
				want, _ := exec.Command(q[0], strings.Fields(strings.ReplaceAll(strings.Join(q[1:], " "), "HOST", original))...).CombinedOutput()
				got, _ := exec.Command(q[0], strings.Fields(strings.ReplaceAll(strings.Join(q[1:], " "), "HOST", copied))...).CombinedOutput()
				if string(want) != string(got) {
					t.Errorf("a user that nobody has is told %s, want %s", got, want)
				}
			}
		})
	}
}

// A delayed stands before an agent: answers come later, and requests are counted.
type delayed struct {
	requests atomic.Int64
}

func newDelayed(t *testing.T, listen, agent string, delay time.Duration) *delayed {
	t.Helper()
	d := &delayed{}
	front, err := net.ListenPacket("udp", listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { front.Close() })
	var mu sync.Mutex
	backs := map[string]net.Conn{}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range backs {
			c.Close()
		}
	})
	go func() {
		b := make([]byte, 65536)
		for {
			n, from, err := front.ReadFrom(b)
			if err != nil {
				return
			}
			d.requests.Add(1)
			mu.Lock()
			back := backs[from.String()]
			if back == nil {
				if back, err = net.Dial("udp", agent); err != nil {
					mu.Unlock()
					return
				}
				backs[from.String()] = back
				go func() {
					b := make([]byte, 65536)
					for {
						n, err := back.Read(b)
						if err != nil {
							return
						}
						out := append([]byte(nil), b[:n]...)
						time.AfterFunc(delay, func() { front.WriteTo(out, from) })
					}
				}()
			}
			mu.Unlock()
			back.Write(b[:n])
		}
	}()
	return d
}

// TestInteropCloneSNMPBigTable: a walk of 10,000 variables takes no more packets than snmpbulkwalk -Cr50, and
// not much longer, near and far; the decoy's snmpwalk is the original's.
func TestInteropCloneSNMPBigTable(t *testing.T) {
	need(t, "snmpbulkwalk", "snmpwalk")
	const original, near, far, copied = "127.0.61.6", "127.0.61.7", "127.0.61.8", "127.0.61.9"
	dir := t.TempDir()
	var walk strings.Builder
	walk.WriteString("1.3.6.1.2.1.1.1.0|4|a switch\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9999\n1.3.6.1.2.1.1.3.0|67|4711\n")
	for column := 1; column <= 10; column++ {
		for row := 1; row <= 1000; row++ {
			fmt.Fprintf(&walk, "1.3.6.1.4.1.9999.1.2.1.%d.%d|%s|%d\n", column, row, []string{"2", "65", "66", "4", "70"}[column%5], column*row*7919)
		}
	}
	profile := "apiVersion: ringer/v1\nkind: Device\nid: switch\nservices:\n  - snmp:\n      port: 161/udp\n      walk: snmp/big.snmprec\n      communities: {public: ro}\n"
	os.Mkdir(filepath.Join(dir, "snmp"), 0o755)
	for name, text := range map[string]string{"device.yaml": profile, "snmp/big.snmprec": walk.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	decoy(t, nil, dir, "--bind", original)
	awaitSNMP(t, original)
	for _, place := range []struct {
		at    string
		delay time.Duration
	}{{near, 0}, {far, 20 * time.Millisecond}} {
		relay := newDelayed(t, place.at+":161", original+":161", place.delay)
		var took, span time.Duration
		for range 5 { // whoever else uses the machine slows one or the other
			relay.requests.Store(0)
			began := time.Now()
			output(t, "snmpbulkwalk", "-v2c", "-c", "public", "-Cr50", "-On", place.at, ".1")
			took = time.Since(began)
			packets := relay.requests.Swap(0)
			var questions int64
			_, evidence, remarks := cloneSNMP(t, place.at, "--snapshots", "0")
			all := relay.requests.Load()
			questions, span = walked(t, evidence)
			t.Logf("%v: snmpbulkwalk -Cr50 sends %d packets in %v; the walk %d in %v, the whole clone %d; %s", place.delay, packets, took, questions, span, all, strings.Join(remarks, "; "))
			if questions > packets || all > packets {
				t.Errorf("%d packets for the walk, %d for the clone, want no more than %d", questions, all, packets)
			}
			if span <= took*6/5 {
				break
			}
		}
		if span > took*6/5 {
			t.Errorf("the walk took %v, want no more than 1.2 times %v", span, took)
		}
	}
	learned, evidence, _ := cloneSNMP(t, original, "--every", "100ms")
	noDifferences(t, evidence, learned)
	decoy(t, nil, learned, "--bind", copied)
	awaitSNMP(t, copied)
	want := output(t, "snmpwalk", "-v2c", "-c", "public", "-On", original, ".1")
	got := output(t, "snmpwalk", "-v2c", "-c", "public", "-On", copied, ".1")
	if want != got || strings.Count(want, " = ") < 10003 {
		t.Errorf("the walks differ, of %d lines:\n%s", strings.Count(want, "\n"), lineDiff(want, got))
	}
}

// walked gives the questions of the walk in the evidence, and how long they took.
func walked(t *testing.T, evidence string) (questions int64, span time.Duration) {
	t.Helper()
	f, err := os.Open(evidence)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var first, last time.Time
	for x, err := range capture.Exchanges(f, capture.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		m, ok := x.Request.(*snmp.CommunityMessage)
		if !ok || m.PDU.Type != snmp.GetBulkRequest || len(m.PDU.VarBinds) != 1 {
			continue
		}
		if questions++; first.IsZero() {
			first = x.At
		}
		last = x.At.Add(x.Latency)
	}
	return questions, last.Sub(first)
}
