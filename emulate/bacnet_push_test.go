package emulate_test

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

// bacnetPeers are sessions of several peers with one decoy, whose clock is set by hand.
func bacnetPeers(t *testing.T, now *time.Time, peers ...string) []emulate.Session {
	t.Helper()
	dev, err := profiles.Load("testdata/bacnet/router")
	if err != nil {
		t.Fatal(err)
	}
	return bacnetSessions(t, dev, now, peers...)
}

func bacnetSessions(t *testing.T, dev *profiles.Device, now *time.Time, peers ...string) []emulate.Session {
	t.Helper()
	st, err := emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	service, err := emulate.Open(st, dev, &dev.Services[0], bacnet.Protocol{})
	if err != nil {
		t.Fatal(err)
	}
	var list []emulate.Session
	for _, p := range peers {
		list = append(list, service.Open(emulate.Peer{Remote: netip.MustParseAddrPort(p), Local: netip.MustParseAddrPort("10.0.0.1:47808")}))
	}
	return list
}

// bacnetSay says a datagram, given in hexadecimal with any length, and gives the answers so.
func bacnetSay(t *testing.T, s emulate.Session, text string) []string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	b[2], b[3] = byte(len(b)>>8), byte(len(b))
	_, m, err := bacnet.Protocol{}.New().Next(wire.Client, b, true)
	if err != nil {
		t.Fatal(err)
	}
	return bacnetHex(t, s.Answer(m))
}

func bacnetTick(t *testing.T, s emulate.Session, now time.Time) []string {
	t.Helper()
	a, _ := s.Tick(now)
	return bacnetHex(t, a)
}

func bacnetHex(t *testing.T, a emulate.Answer) (list []string) {
	t.Helper()
	for _, m := range a.Messages {
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, hex.EncodeToString(b))
	}
	return list
}

// A confirmed notification is sent again until it is acknowledged, as often and after as long as the device
// says.
func TestBACnetConfirmedCOV(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	s := bacnetPeers(t, &now, "10.9.9.9:47808")[0]
	const subscribe = "810a0000 0104 00050105 0901 1c00800002 2901 3900"
	if got := bacnetSay(t, s, subscribe); len(got) != 1 || !strings.HasSuffix(got[0], "200105") {
		t.Fatalf("subscribing: %q", got)
	}
	first := bacnetTick(t, s, now)
	if len(first) != 1 || !strings.HasPrefix(first[0][8:], "01040005") {
		t.Fatalf("told %q", first)
	}
	for i := range 4 {
		now = now.Add(time.Second)
		if got := bacnetTick(t, s, now); len(got) != 0 {
			t.Errorf("told %q too early", got)
		}
		now = now.Add(2 * time.Second)
		got := bacnetTick(t, s, now)
		if again := len(got) == 1 && got[0] == first[0]; again != (i < 3) {
			t.Errorf("after %d s: told %q", 3*(i+1), got)
		}
	}
	// A change is told anew, and once acknowledged no more.
	bacnetSay(t, s, "810a0000 0104 0005020f 0c00800002 1955 3e4440600000 3f")
	told := bacnetTick(t, s, now)
	if len(told) != 1 || told[0] == first[0] {
		t.Fatalf("told %q", told)
	}
	invoke := told[0][16:18]
	bacnetSay(t, s, "810a0000 0100 20"+invoke+"01")
	now = now.Add(3 * time.Second)
	if got := bacnetTick(t, s, now); len(got) != 0 {
		t.Errorf("told again: %q", got)
	}
}

// What is broadcast is forwarded to the foreign devices that registered, until their time is over.
func TestBACnetForeignDevices(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	peers := bacnetPeers(t, &now, "10.9.9.9:47808", "10.8.8.8:47808", "10.7.7.7:47808")
	asker, other, stranger := peers[0], peers[1], peers[2]
	if got := bacnetSay(t, stranger, "81090000 0120ffff00ff 1008"); len(got) != 1 || got[0] != "810000060060" {
		t.Errorf("who is not registered has it forwarded: %q", got)
	}
	for _, s := range []emulate.Session{asker, other} {
		if got := bacnetSay(t, s, "81050000 003c"); len(got) != 1 || got[0] != "810000060000" {
			t.Fatalf("registering: %q", got)
		}
	}
	got := bacnetSay(t, asker, "81090000 0120ffff00ff 1008")
	forwarded := 0
	for _, m := range got {
		if strings.HasPrefix(m, "8104") {
			forwarded++
			if m[8:20] != "0a000001bac0" {
				t.Errorf("forwarded for %s", m[8:20])
			}
		}
	}
	if len(got) != 4 || forwarded != 2 { // two of them tell everybody, two who asks
		t.Errorf("%d answers, %d forwarded: %q", len(got), forwarded, got)
	}
	told := bacnetTick(t, other, now)
	if len(told) != 3 || told[0] != "810400120a090909bac00120ffff00ff1008" {
		t.Errorf("the other is told %q", told)
	}
	if again := bacnetTick(t, other, now); len(again) != 0 {
		t.Errorf("and again %q", again)
	}
	for range 100 {
		bacnetSay(t, stranger, "810b0000 0120ffff00ff 1008")
	}
	if told := bacnetTick(t, other, now); len(told) != 16 {
		t.Errorf("a flood is forwarded: %d", len(told))
	}
	now = now.Add(91 * time.Second)
	bacnetSay(t, stranger, "810b0000 0120ffff00ff 1008")
	if told := bacnetTick(t, other, now); len(told) != 0 {
		t.Errorf("told after its time: %q", told)
	}
}

// Devices that were seen to change their objects do so, and tell of it; others do not know how.
func TestBACnetChangesObjects(t *testing.T) {
	const (
		create   = "810a0000 0104 0005010a 0e 0902 0f"
		objects  = "810a0000 0104 0005030c 0c02000064 194c"
		size     = "810a0000 0104 0005030c 0c02000064 194c 2900"
		add      = "810a0000 0104 00050408 0c00800003 1955 3e 4441200000 3f"
		withdraw = "810a0000 0104 00050509 0c00800003 1955 3e 4441200000 3f"
		list     = "810a0000 0104 0005060c 0c00800003 1955"
	)
	now := time.Now()
	dev, err := profiles.Load("testdata/bacnet/router")
	if err != nil {
		t.Fatal(err)
	}
	s := bacnetSessions(t, dev, &now, "10.9.9.9:47808")[0]
	for request, want := range map[string]string{create: "0100600109", add: "0100600409"} {
		if got := bacnetSay(t, s, request); len(got) != 1 || !strings.HasSuffix(got[0], strings.ReplaceAll(want, " ", "")) {
			t.Errorf("%s: %q, want it refused: %s", request, got, want)
		}
	}
	dev.Services[0].Section.(*profiles.BACnet).Carries = profiles.BACnetCarries
	s = bacnetSessions(t, dev, &now, "10.9.9.9:47808")[0]
	before := bacnetSay(t, s, objects)[0]
	for _, x := range [][2]string{
		{create, "30010ac400800001"}, // the lowest instance that is free
		{size, "3e21093f"},
		{"810a0000 0104 0005070c 0c00800001 194d", "3e750f00616e616c6f672d76616c75652c313f"},
		{"810a0000 0104 0005020b c400800001", "20020b"},
		{size, "3e21083f"},
		{"810a0000 0104 0005070c 0c00800001 194d", "50070c9101911f"},
		{"810a0000 0104 0005020b c402000064", "50020b91019117"},
		{add, "200408"},
		{list, "3e443f80000044412000003f"},
		{withdraw, "200509"},
		{withdraw, "5005090e910591510f1901"},
		{list, "3e443f8000003f"},
	} {
		if got := bacnetSay(t, s, x[0]); len(got) != 1 || !strings.HasSuffix(got[0], x[1]) {
			t.Errorf("%s: %q, want %s", x[0], got, x[1])
		}
	}
	if after := bacnetSay(t, s, objects)[0]; after != before {
		t.Errorf("the object list is %s, was %s", after, before)
	}
}
