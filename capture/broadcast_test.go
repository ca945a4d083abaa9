package capture

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"ringer/capture/bacnet"
	"ringer/capture/wire"
)

// What two devices say because of a question to everybody is an exchange of each of them, wherever they say
// it; the broadcast address is no device.
func TestAnswersToEverybody(t *testing.T) {
	asker, all := netip.MustParseAddrPort("10.0.0.9:47808"), netip.MustParseAddrPort("10.0.0.255:47808")
	one, two := netip.MustParseAddrPort("10.0.0.1:47808"), netip.MustParseAddrPort("10.0.0.2:47808")
	message := func(s string) wire.Message {
		b, _ := hex.DecodeString(s)
		_, m, err := bacnet.Protocol{}.New().Next(wire.Client, b, true)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	whoIs := "810b000c0120ffff00ff1008"
	iAm := func(n string) wire.Message { return message("810b001401001000c4020000" + n + "2204009100219a") }
	var file bytes.Buffer
	w := NewWriter(&file)
	at := time.Unix(1e9, 0)
	say := func(from, to netip.AddrPort, m wire.Message) {
		t.Helper()
		at = at.Add(100 * time.Millisecond)
		if err := w.Write(Exchange{At: at, Client: from, Server: to, Transport: "udp", Protocol: bacnet.Protocol{}, Request: m}); err != nil {
			t.Fatal(err)
		}
	}
	say(one, all, iAm("01")) // at its start
	say(asker, all, message(whoIs))
	say(one, all, iAm("01"))
	say(two, asker, iAm("02"))
	say(one, asker, iAm("03"))
	at = at.Add(time.Minute)
	say(two, all, iAm("02"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	type said struct {
		server  netip.AddrPort
		asked   bool
		replies int
	}
	var got []said
	for x, err := range Exchanges(&file, Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, said{x.Server, x.Request != nil, len(x.Replies)})
		if x.Request != nil && x.Client != asker {
			t.Errorf("asked by %s", x.Client)
		}
	}
	want := []said{{one, false, 1}, {one, true, 2}, {two, true, 1}, {two, false, 1}}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("exchange %d: got %v, want %v", i, got[i], want[i])
		}
	}
}
