package emulate_test

import (
	"encoding/hex"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
	"ringer/testdata/expected"
)

// snmpCaptures are the captures that hold SNMP.
var snmpCaptures = []string{
	"snmp/ndpi-snmp.pcap", "snmp/snmp_usm.pcap", "snmp/snmpv1_get.pcap", "snmp/snmpv3-auth-md5-nopriv.pcap",
	"snmp/snmpv3-auth-sha1-aes128.pcap", "snmp/snmpwalk-short.pcap", "mms/Sample_File_MMS_and_GOOSE.pcap",
}

// An snmpAgent is a decoy in this process, with a session for every peer.
type snmpAgent struct {
	t       testing.TB
	decoy   *decoy
	service emulate.Service
}

func openSNMPAgent(t testing.TB, dev *profiles.Device, set emulate.Settings) *snmpAgent {
	t.Helper()
	d := openDecoy(t, dev, set, snmp.Protocol{})
	return &snmpAgent{t, d, d.services["snmp"]}
}

// ask sends the bytes of a request and gives those of the answer.
func (a *snmpAgent) ask(peer uint64, req []byte) []byte {
	a.t.Helper()
	return a.decoy.link("snmp", peer).ask(a.t, req)
}

// Capture, emulate, replay: whoever asks in the recorded order gets the recorded answers.
func TestSNMPRecordings(t *testing.T) {
	playRecordings(t, snmpCaptures, false, snmp.Protocol{})
}

// Whoever asks for every variable once, of an agent just started, gets what it was first seen to hold.
// One variable of snmpv1_get.pcap is missed: the printer, just restarted, was silent when it was first
// asked for its uptime, and so is the decoy.
func TestSNMPTables(t *testing.T) {
	for _, file := range snmpCaptures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := exchanges(t, file, snmp.Protocol{})
			rows := expected.Rows(t, sharedCaptures, file, "snmp")
			sets, agents, seen := map[string]bool{}, map[string]*snmpAgent{}, map[string]bool{}
			for _, r := range rows {
				if r["pdu"] == "set" {
					sets[r["src"]+" "+r["request_id"]] = true
				}
			}
			var values tally
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
				got := a.get(v, r["community"], o)
				values.row(t, got != nil && hex.EncodeToString(got.Content()) == r["value_hex"],
					"frame %s: %s %s: want %s, got %v", r["frame"], r["src"], r["oid"], r["value_hex"], got)
			}
			values.check(t, file)
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
