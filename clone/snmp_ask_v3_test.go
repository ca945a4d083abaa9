package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ringer/capture/snmp"
)

// An snmpFakeEngine answers v3: discovery, users that it knows, and everyone else with a report.
type snmpFakeEngine struct {
	keys  *snmp.Keys
	boots int64
	wrong int              // requests that were not in the time window
	asked func(n int) bool // says whether the n-th question is answered; nil: all are
}

var snmpFakeID = []byte{0x80, 0, 0x1f, 0x88, 4, 'd'}

func (e *snmpFakeEngine) answer(d *snmpDevice, req *snmp.V3Message) []byte {
	if e.asked != nil && !e.asked(len(d.asked)) {
		return nil
	}
	u := req.USM
	reply := &snmp.V3Message{
		MsgID: req.MsgID, MaxSize: 65507, Flags: snmp.Flags{req.Flags[0] & 3}, SecurityModel: snmp.SecurityModelUSM,
		USM:       &snmp.USM{EngineID: snmpFakeID, EngineBoots: e.boots, EngineTime: 1000, UserName: u.UserName},
		ScopedPDU: &snmp.ScopedPDU{ContextEngineID: snmpFakeID},
	}
	report := func(why snmp.OID, flags byte) {
		reply.Flags = snmp.Flags{flags}
		reply.PDU = snmp.PDU{Type: snmp.Report, VarBinds: []snmp.VarBind{{OID: why, Value: snmp.NewValue(snmp.TypeCounter32, []byte{1})}}}
	}
	switch {
	case string(u.EngineID) != string(snmpFakeID):
		report(snmp.UnknownEngineIDs, 0)
	case len(e.keys.Users(string(u.UserName))) == 0:
		report(snmp.UnknownUserNames, 0)
	case req.ScopedPDU == nil || req.Flags.Has(snmp.FlagAuth) && req.Key() == nil:
		report(snmp.WrongDigests, 0)
	case req.Flags.Has(snmp.FlagAuth) && u.EngineBoots != e.boots:
		e.wrong++
		report(snmp.NotInTimeWindows, 1)
		reply.SealWith(req.Key())
	default:
		community := &snmp.CommunityMessage{Version: snmp.V2c, PDU: req.PDU}
		reply.PDU = snmp.PDU{Type: snmp.Response, RequestID: req.PDU.RequestID}
		reply.ContextName = req.ContextName
		d.fill(community, &reply.PDU)
		reply.SealWith(req.Key())
	}
	out, err := reply.Append(nil)
	if err != nil {
		return nil
	}
	return out
}

// TestSNMPWalkV3: every algorithm that gosnmp has, and users without.
func TestSNMPWalkV3(t *testing.T) {
	users := []snmp.User{{Name: "plain"}}
	for a := snmp.MD5; a <= snmp.SHA512; a++ {
		users = append(users, snmp.User{Name: fmt.Sprintf("u%d", a), Auth: a, AuthPassword: "long enough"})
		for p := snmp.DES; p <= snmp.AES256C; p++ {
			users = append(users, snmp.User{Name: fmt.Sprintf("u%d-%d", a, p), Auth: a, AuthPassword: "long enough", Priv: p, PrivPassword: "another one"})
		}
	}
	keys, err := snmp.NewEngineKeys(snmpFakeID, users...)
	if err != nil {
		t.Fatal(err)
	}
	d := newSNMPDevice(t, snmpTable(40))
	d.v3 = &snmpFakeEngine{keys: keys, boots: 3}
	care := snmpQuick
	care.Timeout = 2 * time.Second // keys are made while it is waited for
	r := scanSNMP(t, t.Context(), &SNMPWalk{Users: users, Snapshots: -1}, d.port, care, nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.readsOnly(t)
	for _, u := range users {
		r.remarked(t, Fact, "v3, user "+u.Name+": 83 variables in 4 questions")
	}
	r.remarked(t, Fact, "engine 80001f880464")
	sec, files := r.learn(t)
	if got, want := withoutTicks(files["snmp"]), snmprec(d.vars); got != want {
		t.Errorf("walk:\n%s\nwant\n%s", got, want)
	}
	if sec.Engine == nil || sec.Engine.ID != "80001f880464" || sec.Engine.Boots != 3 || len(sec.Users) != len(users) {
		t.Errorf("engine %+v, %d users of %d", sec.Engine, len(sec.Users), len(users))
	}
}

// TestSNMPWalkV3Refused: the wrong password is said to be that, and a restart in between does no harm.
func TestSNMPWalkV3Refused(t *testing.T) {
	user := snmp.User{Name: "u", Auth: snmp.SHA256, AuthPassword: "long enough", Priv: snmp.AES128, PrivPassword: "another one"}
	keys, err := snmp.NewEngineKeys(snmpFakeID, user)
	if err != nil {
		t.Fatal(err)
	}
	d := newSNMPDevice(t, snmpTable(40))
	d.v3 = &snmpFakeEngine{keys: keys, boots: 3}
	wrong := user
	wrong.AuthPassword = "another long one"
	r := scanSNMP(t, t.Context(), &SNMPWalk{Users: []snmp.User{wrong}}, d.port, snmpQuick, nil)
	if r.err != nil {
		t.Error(r.err)
	}
	r.remarked(t, NotThere, "the digest is wrong")
	r.remarked(t, NotThere, "nobody who was asked for is let in")

	again := &SNMPWalk{Users: []snmp.User{user}, Every: time.Second}
	stop := time.AfterFunc(500*time.Millisecond, func() {
		d.mu.Lock()
		d.v3.boots++
		d.mu.Unlock()
	})
	defer stop.Stop()
	r = scanSNMP(t, t.Context(), again, d.port, snmpQuick, nil)
	if r.err != nil || d.v3.wrong != 1 {
		t.Errorf("%v; %d requests not in the time window, want 1", r.err, d.v3.wrong)
	}
	r.remarked(t, Fact, "83 variables")
	for _, m := range r.v.Remarks() {
		if strings.Contains(m.Text, "refused") {
			t.Errorf("remark %v", m)
		}
	}
}

// TestSNMPWalkV3Resumed: what was encrypted is remembered, too, and the engine may have been started anew.
func TestSNMPWalkV3Resumed(t *testing.T) {
	user := snmp.User{Name: "u", Auth: snmp.SHA256, AuthPassword: "long enough", Priv: snmp.AES128, PrivPassword: "another one"}
	keys, err := snmp.NewEngineKeys(snmpFakeID, user)
	if err != nil {
		t.Fatal(err)
	}
	scan := &SNMPWalk{Users: []snmp.User{user}, Every: time.Millisecond}
	care := snmpQuick
	care.Timeout = time.Second
	for _, cut := range []int{2, 4, 9} {
		d := newSNMPDevice(t, snmpTable(40))
		d.v3 = &snmpFakeEngine{keys: keys, boots: 3}
		ctx, cancel := context.WithCancel(t.Context())
		d.v3.asked = func(n int) bool {
			if n == cut {
				cancel()
			}
			return n < cut
		}
		first := scanSNMP(t, ctx, scan, d.port, care, nil)
		if !errors.Is(first.err, context.Canceled) {
			t.Fatalf("cut at %d: %v", cut, first.err)
		}
		memory := remembering(t, first.exchanges(t))
		known := d.questions()
		d.v3.asked = nil
		d.v3.boots++
		second := scanSNMP(t, t.Context(), scan, d.port, care, memory)
		memory.Close()
		if second.err != nil {
			t.Fatalf("resumed at %d: %v", cut, second.err)
		}
		second.remarked(t, Fact, "v3, user u: 83 variables")
		again := 0
		for k, n := range d.questions() {
			again += min(n-1, known[k])
		}
		if again > 2 { // that which was cut off, and what was not in the time window any more
			t.Errorf("cut at %d: %d questions of %d were asked again", cut, again, len(known))
		}
		both := &snmpScan{v: second.v, keys: first.keys, evidence: bytes.NewBuffer(append(bytes.Clone(first.evidence.Bytes()), second.evidence.Bytes()...))}
		_, files := both.learn(t)
		snmpWant(t, "walk", withoutTicks(files["snmp"]), snmprec(d.vars))
	}
}
