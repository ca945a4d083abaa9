package clone

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/profiles"
)

// An snmpScene makes exchanges, one a second.
type snmpScene struct {
	t   *testing.T
	now time.Time
	id  int64
	xs  []capture.Exchange
}

func newSNMPScene(t *testing.T) *snmpScene {
	return &snmpScene{t: t, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
}

// vars reads "1.3.6.1=65:5 1.3.6.2": tag and number behind the names that have values; "=129" is an exception.
func (s *snmpScene) vars(text string) (list []snmp.VarBind) {
	for f := range strings.FieldsSeq(text) {
		name, value, has := strings.Cut(f, "=")
		o, err := snmp.ParseOID(name)
		if err != nil {
			s.t.Fatal(err)
		}
		v := snmp.Value{Type: snmp.TypeNull}
		if has {
			var tag, n int64
			if k, _ := fmt.Sscanf(value, "%d:%d", &tag, &n); k == 2 {
				v = snmp.NewValue(snmp.Type(tag), snmp.AppendInt(nil, n))
			} else {
				v = snmp.Value{Type: snmp.Type(tag)}
			}
		}
		list = append(list, snmp.VarBind{OID: o, Value: v})
	}
	return list
}

// ask adds an exchange; an empty answer is silence.
func (s *snmpScene) ask(v snmp.Version, community string, op snmp.PDUType, request string, status snmp.ErrorStatus, index int64, answer string) {
	s.id++
	s.now = s.now.Add(time.Second)
	q := &snmp.CommunityMessage{Version: v, Community: snmp.Community(community), PDU: snmp.PDU{Type: op, RequestID: s.id, VarBinds: s.vars(request)}}
	if op == snmp.GetBulkRequest {
		q.PDU.MaxRepetitions = 10
	}
	x := capture.Exchange{At: s.now, Protocol: snmp.Protocol{}, Transport: "udp", Request: q,
		Client: netip.MustParseAddrPort("192.0.2.1:4000"), Server: netip.MustParseAddrPort("192.0.2.2:161")}
	if answer != "" || status != 0 {
		x.Replies = append(x.Replies, &snmp.CommunityMessage{Version: v, Community: snmp.Community(community), PDU: snmp.PDU{
			Type: snmp.Response, RequestID: s.id, ErrorStatus: status, ErrorIndex: index, VarBinds: s.vars(answer),
		}})
	}
	s.xs = append(s.xs, x)
}

type snmpFile struct{ *bytes.Buffer }

func (snmpFile) Close() error { return nil }

// learn gives the section and the files.
func (s *snmpScene) learn(keep bool) (*profiles.SNMP, map[string]string) {
	s.t.Helper()
	files := map[string]*bytes.Buffer{}
	dev := &profiles.Device{ID: "d"}
	err := Learn(dev, func(yield func(capture.Exchange, error) bool) {
		for _, x := range s.xs {
			if !yield(x, nil) {
				return
			}
		}
	}, Source{ID: "c1"}, Options{KeepSecrets: keep, Salt: []byte("salt")}, func(name string) (io.WriteCloser, error) {
		files[name] = &bytes.Buffer{}
		return snmpFile{files[name]}, nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	texts := map[string]string{}
	for name, b := range files {
		kind, _, _ := strings.Cut(name, "/")
		texts[kind] = b.String()
	}
	if len(dev.Services) == 0 {
		return nil, texts
	}
	return dev.Services[0].Section.(*profiles.SNMP), texts
}

func snmpWant[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\ngot\n%v\nwant\n%v", what, got, want)
	}
}

// A row that comes and goes is a track of absences and values; what was walked is known.
func TestSNMPRowsComeAndGo(t *testing.T) {
	s := newSNMPScene(t)
	next := func(from, to string) { s.ask(snmp.V2c, "public", snmp.GetNextRequest, from, 0, 0, to) }
	next("1.3.6.1", "1.3.6.1.1.0=2:1")
	next("1.3.6.1.1.0", "1.3.6.1.3.0=2:3")
	next("1.3.6.1.1.0", "1.3.6.1.2.0=2:2") // came
	next("1.3.6.1.2.0", "1.3.6.1.3.0=2:3")
	next("1.3.6.1.1.0", "1.3.6.1.3.0=2:3") // went
	next("1.3.6.1.3.0", "1.3.6.1.3.0=130")
	sec, files := s.learn(true)
	snmpWant(t, "walk", files["snmp"], "1.3.6.1.1.0|2|1\n1.3.6.1.2.0|2|2\n1.3.6.1.3.0|2|3\n")
	snmpWant(t, "samples", files["samples"], "1.3.6.1.2.0\t\t- 0202 -\n")
	snmpWant(t, "known", sec.Known, []string{"1.3.6.1-end"})
	snmpWant(t, "communities", sec.Communities, map[string]profiles.SNMPCommunity{"public": {Access: "ro"}})
	snmpWant(t, "versions", sec.Versions, []string{"1", "2c"})
}

// What one community is shown and another is not, it is not shown; Counter64 is nothing to version 1.
func TestSNMPViews(t *testing.T) {
	s := newSNMPScene(t)
	s.ask(snmp.V2c, "all", snmp.GetNextRequest, "1.3.6.1.2.1", 0, 0, "1.3.6.1.2.1.1.5.0=2:5")
	s.ask(snmp.V2c, "all", snmp.GetNextRequest, "1.3.6.1.2.1.1.5.0", 0, 0, "1.3.6.1.2.1.31.1.0=70:7")
	s.ask(snmp.V2c, "all", snmp.GetNextRequest, "1.3.6.1.2.1.31.1.0", 0, 0, "1.3.6.1.2.1.31.2.0=2:8")
	s.ask(snmp.V1, "all", snmp.GetNextRequest, "1.3.6.1.2.1.1.5.0", 0, 0, "1.3.6.1.2.1.31.2.0=2:8")
	s.ask(snmp.V1, "all", snmp.GetRequest, "1.3.6.1.2.1.31.1.0", snmp.NoSuchName, 1, "1.3.6.1.2.1.31.1.0")
	s.ask(snmp.V1, "few", snmp.GetNextRequest, "1.3.6.1.2.1", 0, 0, "1.3.6.1.2.1.1.5.0=2:5")
	s.ask(snmp.V1, "few", snmp.GetNextRequest, "1.3.6.1.2.1.1.5.0", snmp.NoSuchName, 1, "1.3.6.1.2.1.1.5.0")
	sec, files := s.learn(true)
	snmpWant(t, "hidden", sec.Communities["few"].Hidden, []string{"1.3.6.1.2.1.31"})
	snmpWant(t, "hidden", sec.Communities["all"].Hidden, nil)
	snmpWant(t, "samples", files["samples"], "")
	snmpWant(t, "recordings", sec.Recordings, nil)
}

// A wrong community leaves no trace. A right one that was not answered at first is worth keeping.
func TestSNMPSilence(t *testing.T) {
	s := newSNMPScene(t)
	for i := range 3 {
		s.ask(snmp.V1, fmt.Sprint("guess", i), snmp.GetRequest, "1.3.6.1.1.0", 0, 0, "")
	}
	if sec, _ := s.learn(true); sec != nil {
		t.Errorf("an agent that is silent has a section: %v", sec)
	}
	s.ask(snmp.V1, "right", snmp.GetRequest, "1.3.6.1.1.0", 0, 0, "")
	s.ask(snmp.V2c, "right", snmp.GetRequest, "1.3.6.1.1.0", 0, 0, "")
	s.ask(snmp.V1, "right", snmp.GetRequest, "1.3.6.1.1.0", 0, 0, "1.3.6.1.1.0=2:1")
	sec, files := s.learn(false)
	snmpWant(t, "versions", sec.Versions, []string{"1"})
	if len(sec.Communities) != 1 || len(sec.Recordings) != 1 {
		t.Errorf("communities %v, recordings %v", sec.Communities, sec.Recordings)
	}
	for name := range sec.Communities {
		if !profiles.IsVerifier(name) || !profiles.Verify(name, []byte("right")) {
			t.Errorf("%q is no verifier of the community", name)
		}
	}
	for name, text := range files {
		if strings.Contains(text, "right") || strings.Contains(text, "guess") {
			t.Errorf("%s tells a community", name)
		}
	}
}

// Clocks and counters go on, even where they were read but once or twice; texts and writes do not.
func TestSNMPMotion(t *testing.T) {
	s := newSNMPScene(t)
	const uptime, octets, load = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.2.2.1.10.1", "1.3.6.1.4.1.9.1.0"
	s.ask(snmp.V2c, "c", snmp.GetRequest, uptime+" "+octets, 0, 0, uptime+"=67:1000 "+octets+"=65:500")
	s.ask(snmp.V2c, "c", snmp.GetRequest, octets, 0, 0, octets+"=65:700")
	s.ask(snmp.V2c, "c", snmp.SetRequest, load+"=2:1", 0, 0, load+"=2:1")
	s.ask(snmp.V2c, "c", snmp.GetRequest, load, 0, 0, load+"=2:1")
	sec, files := s.learn(true)
	snmpWant(t, "samples", files["samples"], "1.3.6.1.2.1.1.3.0\t{clock: {unit: 10ms, since: boot, uptime: 10s}}\t4303e8\n"+
		"1.3.6.1.2.1.2.2.1.10.1\t{counter: {rate: 70}}\t4101f4 4102bc\n1.3.6.1.4.1.9.1.0\t\t=0201 0201\n")
	snmpWant(t, "community", sec.Communities["c"].Access, "rw")
}

// What cannot be set at all is refused for good; a wrong value, or asker, says nothing of the variable.
func TestSNMPRefusals(t *testing.T) {
	s := newSNMPScene(t)
	set := func(v snmp.Version, community, what string, e snmp.ErrorStatus) {
		answer := what
		i := int64(0)
		if e != 0 {
			i = 1
		}
		s.ask(v, community, snmp.SetRequest, what, e, i, answer)
	}
	set(snmp.V2c, "rw", "1.3.6.1.1.0=2:1", 0)
	set(snmp.V2c, "rw", "1.3.6.1.1.0=4:1", snmp.WrongType)
	set(snmp.V2c, "ro", "1.3.6.1.1.0=2:1", snmp.NoAccess)
	set(snmp.V2c, "ro", "1.3.6.1.2.0=2:1", snmp.NoAccess)
	set(snmp.V2c, "rw", "1.3.6.1.3.0=2:1", snmp.NotWritable)
	set(snmp.V1, "rw", "1.3.6.1.4.0=2:1", snmp.NoSuchName)
	set(snmp.V1, "rw", "1.3.6.1.5.0=2:1", snmp.BadValue)
	sec, _ := s.learn(true)
	snmpWant(t, "refuse", sec.Refuse, map[string]string{"1.3.6.1.3.0": "notWritable", "1.3.6.1.4.0": "noSuchName"})
}

// Answers to GETBULK that are cut short are kept whole, and tell where the agent cuts.
func TestSNMPBulk(t *testing.T) {
	s := newSNMPScene(t)
	s.ask(snmp.V2c, "c", snmp.GetBulkRequest, "1.3.6.1.1", 0, 0, "1.3.6.1.1.1=2:1 1.3.6.1.1.2=2:2 1.3.6.1.1.3=2:3")
	s.ask(snmp.V2c, "c", snmp.GetBulkRequest, "1.3.6.1.1.3", 0, 0, "1.3.6.1.1.4=2:4 1.3.6.1.1.5=2:5 1.3.6.1.1.6=2:6")
	s.ask(snmp.V2c, "c", snmp.GetBulkRequest, "1.3.6.1.1.6", 0, 0, "1.3.6.1.1.7=2:7 1.3.6.1.1.7=130")
	s.ask(snmp.V2c, "c", snmp.GetRequest, "1.3.6.1.9", snmp.NoSuchName, 1, "1.3.6.1.9")
	sec, files := s.learn(true)
	snmpWant(t, "bulk max", sec.BulkMax, 3)
	snmpWant(t, "walk", strings.Count(files["snmp"], "\n"), 7)
	snmpWant(t, "known", sec.Known, []string{"1.3.6.1.1.6-end"})
	snmpWant(t, "missing", sec.Missing, "")
	if len(sec.Recordings) != 1 {
		t.Errorf("recordings %v", sec.Recordings)
	}
}

// The tree keeps its order however nodes come.
func TestSNMPTreeOrder(t *testing.T) {
	var tree snmpTree
	for i := range 5000 {
		o, _ := snmp.ParseOID(fmt.Sprintf("1.3.6.%d.%d", i*7919%97, i*104729%5003))
		if n := tree.node(o); n != tree.get(o) {
			t.Fatalf("%s is lost", o)
		}
	}
	var all []snmp.OID
	for n := range tree.all {
		all = append(all, n.oid)
	}
	if len(all) != 5000 || tree.size != 5000 || !slices.IsSortedFunc(all, snmp.OID.Compare) {
		t.Errorf("%d of %d nodes, sorted: %v", len(all), tree.size, slices.IsSortedFunc(all, snmp.OID.Compare))
	}
	count := 0
	for range tree.from(all[1234]) {
		count++
	}
	if count != 5000-1234 {
		t.Errorf("%d nodes from the 1234th on", count)
	}
}
