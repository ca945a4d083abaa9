package emulate_test

import (
	"bytes"
	"encoding/hex"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// snmpCaptures are the captures that hold SNMP.
var snmpCaptures = []string{
	"snmp/ndpi-snmp.pcap", "snmp/snmp_usm.pcap", "snmp/snmpv1_get.pcap", "snmp/snmpv3-auth-md5-nopriv.pcap",
	"snmp/snmpv3-auth-sha1-aes128.pcap", "snmp/snmpwalk-short.pcap", "mms/Sample_File_MMS_and_GOOSE.pcap",
}

func snmpExchanges(t testing.TB, file string) map[netip.AddrPort][]capture.Exchange {
	t.Helper()
	f, err := os.Open(sharedCaptures + file)
	if err != nil {
		t.Skipf("../shared/captures is not here: %v", err)
	}
	defer f.Close()
	all := map[netip.AddrPort][]capture.Exchange{}
	for x, err := range capture.Exchanges(f, capture.Options{Name: file, Warn: func(err error) { t.Log(err) }}) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Protocol.Name() == "snmp" {
			all[x.Server] = append(all[x.Server], x)
		}
	}
	return all
}

// An snmpAgent is a decoy in this process, with a session for every peer.
type snmpAgent struct {
	t       testing.TB
	service emulate.Service
	peers   map[uint64]*snmpPeer
}

type snmpPeer struct {
	session emulate.Session
	conn    wire.Conn
}

func openSNMPAgent(t testing.TB, dev *profiles.Device, set emulate.Settings) *snmpAgent {
	t.Helper()
	st, err := emulate.NewState(dev, set)
	if err != nil {
		t.Fatal(err)
	}
	for i := range dev.Services {
		if svc := &dev.Services[i]; svc.Protocol == "snmp" {
			s, err := emulate.Open(st, dev, svc, snmp.Protocol{})
			if err != nil {
				t.Fatal(err)
			}
			return &snmpAgent{t, s, map[uint64]*snmpPeer{}}
		}
	}
	t.Fatal("the profile has no SNMP")
	return nil
}

// ask sends the bytes of a request and gives those of the answer.
func (a *snmpAgent) ask(peer uint64, req []byte) []byte {
	a.t.Helper()
	p := a.peers[peer]
	if p == nil {
		p = &snmpPeer{a.service.Open(emulate.Peer{}), a.service.Protocol().New()}
		p.conn.(wire.Reuser).Reuse()
		a.peers[peer] = p
	}
	_, m, err := p.conn.Next(wire.Client, req, true)
	if err != nil {
		a.t.Fatalf("%x: %v", req, err)
	}
	var out []byte
	for _, m := range p.session.Answer(m).Messages {
		if out, err = m.Append(out); err != nil {
			a.t.Fatal(err)
		}
	}
	return out
}

// Capture, emulate, replay: whoever asks in the recorded order gets the recorded answers.
func TestSNMPRecordings(t *testing.T) {
	for _, file := range snmpCaptures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := snmpExchanges(t, file)
			var asked, equal, masked, silent, kept, unasked int
			for _, server := range slices.SortedFunc(maps.Keys(all), netip.AddrPort.Compare) {
				now := all[server][0].At
				dev := learned(t, all[server])
				if len(dev.Services) == 0 {
					for _, x := range all[server] {
						if len(x.Replies) > 0 && x.Request != nil {
							t.Errorf("%s: packet %d was answered, and nothing was learned", server, x.Packets[0])
						}
						unasked++
					}
					continue
				}
				a := openSNMPAgent(t, dev, emulate.Settings{Now: func() time.Time { return now }})
				for _, name := range dev.Services[0].Common().Recordings {
					f, err := dev.Files.Open(name)
					if err != nil {
						t.Fatal(err)
					}
					for range capture.Exchanges(f, capture.Options{Protocols: []wire.Protocol{snmp.Protocol{}}}) {
						kept++
					}
					f.Close()
				}
				for _, x := range all[server] {
					now = x.At
					if x.Request == nil {
						unasked++
						continue
					}
					req, _ := x.Request.Append(nil)
					got := a.ask(x.Conn, req)
					var want []byte
					for _, m := range x.Replies {
						want, _ = m.Append(want)
					}
					if len(want) == 0 {
						if silent++; len(got) > 0 && !x.Lost {
							t.Errorf("%s packet %d: was not answered, got %x", server, x.Packets[0], got)
						}
						continue
					}
					asked++
					if bytes.Equal(want, got) {
						equal++
						masked++
						continue
					}
					_, m, err := snmp.Protocol{}.New().Next(wire.Server, got, true)
					if err != nil {
						t.Errorf("%s packet %d: asked %s\nwant %s\ngot %x", server, x.Packets[0], wire.AppendJSON(nil, x.Request), wire.AppendJSON(nil, x.Replies[0]), got)
						continue
					}
					if d := wire.Diff(x.Replies[0], m); len(d.Differences) > 0 {
						t.Errorf("%s packet %d: asked %s\n%v", server, x.Packets[0], wire.AppendJSON(nil, x.Request), d.Differences)
						continue
					}
					t.Logf("%s packet %d: equal but for %v", server, x.Packets[0], wire.Diff(x.Replies[0], m).Masked)
					masked++
				}
			}
			t.Logf("%d asked, %d equal byte for byte, %d after masking; %d silent, %d unasked, %d exchanges kept whole", asked, equal, masked, silent, unasked, kept)
		})
	}
}

// Whoever asks for every variable once, of an agent just started, gets what it was first seen to hold.
// One variable of snmpv1_get.pcap is missed: the printer, just restarted, was silent when it was first
// asked for its uptime, and so is the decoy.
func TestSNMPTables(t *testing.T) {
	for _, file := range snmpCaptures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := snmpExchanges(t, file)
			rows := readTable(t, sharedCaptures+"expected/"+strings.ReplaceAll(file, "/", "__")+".snmp.tsv")
			sets, agents, seen := map[string]bool{}, map[string]*snmpAgent{}, map[string]bool{}
			for _, r := range rows {
				if r["pdu"] == "set" {
					sets[r["src"]+" "+r["request_id"]] = true
				}
			}
			asked, equal := 0, 0
			for _, r := range rows {
				version := map[string]snmp.Version{"v1": snmp.V1, "v2c": snmp.V2c}
				v, ok := version[r["version"]]
				none := strings.HasPrefix(r["type"], "no") || strings.HasPrefix(r["type"], "end") || strings.HasPrefix(r["type"], "null")
				if !ok || r["pdu"] != "response" || r["error_status"] != "0" || none || sets[r["dst"]+" "+r["request_id"]] || seen[r["src"]+r["oid"]] {
					continue
				}
				seen[r["src"]+r["oid"]] = true
				a := agents[r["src"]]
				if a == nil {
					a = openSNMPAgent(t, learned(t, all[netip.MustParseAddrPort(r["src"])]), emulate.Settings{})
					agents[r["src"]] = a
				}
				o, err := snmp.ParseOID(r["oid"])
				if err != nil {
					t.Fatal(err)
				}
				asked++
				if got := a.get(v, r["community"], o); got != nil && hex.EncodeToString(got.Content()) == r["value_hex"] {
					equal++
				} else {
					t.Logf("frame %s: %s %s: want %s, got %v", r["frame"], r["src"], r["oid"], r["value_hex"], got)
				}
			}
			t.Logf("%d asked, %d equal", asked, equal)
			if missed := asked - equal; asked < 50 && missed > 1 || asked >= 50 && missed*50 > asked {
				t.Errorf("%d of %d values differ from the table", missed, asked)
			}
		})
	}
}

// get asks for one variable; nil: silence.
func (a *snmpAgent) get(v snmp.Version, community string, o snmp.OID) *snmp.Value {
	a.t.Helper()
	m := snmp.CommunityMessage{Version: v, Community: snmp.Community(community), PDU: snmp.PDU{
		Type: snmp.GetRequest, RequestID: 77, VarBinds: []snmp.VarBind{{OID: o, Value: snmp.Value{Type: snmp.TypeNull}}},
	}}
	req, _ := m.Append(nil)
	got := a.ask(1, req)
	if len(got) == 0 {
		return nil
	}
	_, reply, err := snmp.Protocol{}.New().Next(wire.Server, got, true)
	if err != nil {
		a.t.Fatalf("%s: %v", o, err)
	}
	p := reply.(*snmp.CommunityMessage).PDU
	if p.RequestID != 77 || p.ErrorStatus != 0 || len(p.VarBinds) != 1 {
		a.t.Fatalf("%s: %s", o, wire.AppendJSON(nil, reply))
	}
	return &p.VarBinds[0].Value
}
