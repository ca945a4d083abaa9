package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/snmp"
	"ringer/profiles"
)

// TestSNMPWalkBudget: when the time is over, the walk is.
func TestSNMPWalkBudget(t *testing.T) {
	d := newSNMPDevice(t, snmpTable(1000))
	care := snmpQuick
	care.Rate, care.Time = 20, 600*time.Millisecond
	r := scanSNMP(t, t.Context(), &SNMPWalk{}, d.port, care, nil)
	var stopped *Stopped
	if !errors.As(r.err, &stopped) {
		t.Errorf("%v, want that it was stopped", r.err)
	}
	r.remarked(t, Suspicious, "the walk was cut off after")
	_, files := r.learn(t)
	if n := strings.Count(files["snmp"], "\n"); n < 100 {
		t.Errorf("%d variables are learned", n)
	}
}

// TestSNMPWalkResumed: what was interrupted goes on without asking twice, and comes to the same.
func TestSNMPWalkResumed(t *testing.T) {
	scan := &SNMPWalk{Every: time.Millisecond}
	whole := newSNMPDevice(t, snmpTable(300))
	want := scanSNMP(t, t.Context(), scan, whole.port, snmpQuick, nil)
	if want.err != nil {
		t.Fatal(want.err)
	}
	section, files := want.learn(t)
	for _, cut := range []int{1, 5, 12, 22, 31} {
		d := newSNMPDevice(t, snmpTable(300))
		ctx, cancel := context.WithCancel(t.Context())
		d.odd = func(n int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
			if n == cut {
				cancel()
				return nil
			}
			return reply
		}
		first := scanSNMP(t, ctx, scan, d.port, snmpQuick, nil)
		if !errors.Is(first.err, context.Canceled) {
			t.Fatalf("cut at %d: %v", cut, first.err)
		}
		memory := remembering(t, first.exchanges(t))
		asked := d.questions()
		d.odd = nil
		second := scanSNMP(t, t.Context(), scan, d.port, snmpQuick, memory)
		memory.Close()
		if second.err != nil {
			t.Fatalf("resumed at %d: %v", cut, second.err)
		}
		again := 0
		for k, n := range d.questions() {
			if n > whole.questions()[k] {
				again += n - whole.questions()[k]
			}
		}
		if again > 1 { // that which was cut off
			t.Errorf("cut at %d, after %d: %d questions were asked again", cut, len(asked), again)
		}
		both := &snmpScan{v: second.v, evidence: bytes.NewBuffer(append(bytes.Clone(first.evidence.Bytes()), second.evidence.Bytes()...))}
		s, f := both.learn(t)
		section.Common, s.Common = profiles.Common{}, profiles.Common{}
		section.Samples, s.Samples, section.Walk, s.Walk = nil, nil, "", ""
		snmpWant(t, "section", fmt.Sprintf("%+v", s), fmt.Sprintf("%+v", section))
		snmpWant(t, "walk", withoutTicks(f["snmp"]), withoutTicks(files["snmp"]))
	}
}

// TestSNMPWalkMemory: a walk of 100,000 variables keeps none of them in memory.
func TestSNMPWalkMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("walks 100,000 variables")
	}
	d := newSNMPDevice(t, snmpTable(50000))
	v := NewVisit(netip.MustParseAddr("127.0.0.1"), "", Care{Name: "test", Connections: 1, Timeout: 2 * time.Second, Again: 1, Silences: 4, Slower: 1000, Time: time.Minute}, capture.NewTap(io.Discard, time.Now))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var most uint64
	n := 0
	d.odd = func(_ int, _, reply *snmp.CommunityMessage) *snmp.CommunityMessage {
		if n++; n%500 == 0 {
			d.asked = nil
			if h := heap(); h > most {
				most = h
			}
		}
		return reply
	}
	if err := (&SNMPWalk{Every: time.Millisecond}).Scan(t.Context(), v, d.port); err != nil {
		t.Fatal(err)
	}
	grown := int64(most) - int64(before)
	t.Logf("%d questions, at most %d KiB more on the heap", n, grown>>10)
	if grown > 4<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}
