package clone

import (
	"testing"
	"time"

	"ringer/capture/snmp"
	"ringer/profiles"
)

// TestSNMPWalk: all variables are learned, in both versions, with few questions.
func TestSNMPWalk(t *testing.T) {
	d := newSNMPDevice(t, snmpTable(5000))
	r := scanSNMP(t, t.Context(), &SNMPWalk{Every: time.Millisecond}, d.port, snmpQuick, nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.readsOnly(t)
	sec, files := r.learn(t)
	if got, want := withoutTicks(files["snmp"]), snmprec(d.vars); got != want {
		t.Errorf("the walk has %d bytes, want %d", len(got), len(want))
	}
	snmpWant(t, "versions", sec.Versions, []string{"1", "2c"})
	snmpWant(t, "known", sec.Known, []string{"0.0-end"})
	r.remarked(t, Fact, "v2c: 10003 variables in 103 questions")
	r.remarked(t, Fact, "speaks v1, v2c")
	r.remarked(t, Fact, "1 of 10003 variables that were asked again had moved")
	if tally := r.v.counted("snmp"); tally.Asked > 330 {
		t.Errorf("%d questions", tally.Asked)
	}
}

// TestSNMPWalkV1: an agent of version 1 is walked variable by variable.
func TestSNMPWalkV1(t *testing.T) {
	d := newSNMPDevice(t, snmpTable(20))
	d.odd = func(_ int, req, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
		if req.Version != snmp.V1 {
			return nil
		}
		return reply
	}
	r := scanSNMP(t, t.Context(), &SNMPWalk{Snapshots: 2, Every: time.Millisecond}, d.port, snmpQuick, nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.readsOnly(t)
	sec, files := r.learn(t)
	if got, want := withoutTicks(files["snmp"]), snmprec(d.vars); got != want {
		t.Errorf("walk:\n%s\nwant\n%s", got, want)
	}
	snmpWant(t, "versions", sec.Versions, []string{"1"})
	r.remarked(t, NotThere, "v2c is not answered")
}

// TestSNMPWalkOfAnyCommunity: an agent that does not look at communities is learned as that.
func TestSNMPWalkOfAnyCommunity(t *testing.T) {
	d := newSNMPDevice(t, snmpTable(2))
	d.anyone = true
	r := scanSNMP(t, t.Context(), &SNMPWalk{Snapshots: -1}, d.port, snmpQuick, nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.remarked(t, Suspicious, "any will do")
	sec, _ := r.learn(t)
	snmpWant(t, "communities", sec.Communities, map[string]profiles.SNMPCommunity{"public": {Access: "ro"}, "*": {Access: "ro"}})
}
