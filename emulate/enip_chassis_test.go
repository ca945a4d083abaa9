package emulate_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/capture/wire"
)

// enipSlots are the modules of a chassis, by slot: what their Identity objects say. The bridge that is asked is in slot 0.
var enipSlots = map[byte]string{
	0: "01000c003a0004070000c3ae51000b313735362d454e42542f41", // 1756-ENBT/A
	1: "01000e0036001413603011223344095061636b206c696e65",     // "Pack line"
	3: "01000e0036001e0b603055667788084f76656e20326220",
}

// enipSaid is one question to a chassis with its answer, as a recording has it.
func enipSaid(i int, slot int, service enip.Service, path enip.Path, status uint8, data []byte, manager bool) capture.Exchange {
	h := enip.Header{Session: 7, Context: enip.Context{byte(i), byte(i >> 8), 1}}
	q := enip.Request{Service: service, Path: path}
	r := enip.Response{Service: service, Status: status, Data: data}
	if slot >= 0 {
		q = enip.Request{Service: enip.UnconnectedSendService, Path: enip.ObjectPath(enip.ClassConnectionManager, 1),
			Send: &enip.UnconnectedSend{Priority: 7, Timeout: 249, Request: q, Route: enip.Path{1, byte(slot)}}}
	}
	if manager {
		r = enip.Response{Service: enip.UnconnectedSendService, Status: status, Extended: []uint16{0x0204}, Data: data}
	}
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).Add(time.Duration(i) * 100 * time.Millisecond)
	return capture.Exchange{
		At: at, Latency: time.Millisecond, Client: netip.MustParseAddrPort("10.0.0.9:40000"), Server: netip.MustParseAddrPort("10.0.0.3:44818"), Conn: 1,
		Protocol: enip.Protocol{}, Transport: "tcp", Packets: [2]int{2*i + 1, 2*i + 2},
		Request: &enip.Unconnected{Header: h, Timeout: 5, Request: q},
		Replies: []wire.Message{&enip.UnconnectedReply{Header: h, Timeout: 5, Response: r}},
	}
}

// TestENIPChassis: of a recording in which two slots of a chassis were asked, and an empty one, a decoy is made that
// answers for each module by itself, refuses the empty slot as the original did, and other slots alike.
func TestENIPChassis(t *testing.T) {
	identity := enip.ObjectPath(enip.ClassIdentity, 1)
	var xs []capture.Exchange
	say := func(slot int, service enip.Service, path enip.Path, status uint8, data []byte, manager bool) {
		xs = append(xs, enipSaid(len(xs), slot, service, path, status, data, manager))
	}
	for slot, data := range enipSlots {
		say(int(slot), enip.GetAttributesAll, identity, 0, unhex(t, data), false)
	}
	say(-1, enip.GetAttributesAll, identity, 0, unhex(t, enipSlots[0]), false)
	say(1, enip.GetAttributeSingle, enip.AttributePath(0x71, 1, 1), 0, []byte{0x11, 0}, false)
	say(3, enip.GetAttributeSingle, enip.AttributePath(0x71, 1, 1), 0, []byte{0x33, 0}, false)
	say(5, enip.GetAttributesAll, identity, enip.ConnectionFailure, []byte{1, 0}, true)
	d := newENIPDecoy(t, learned(t, xs))
	l := d.dial("44818")
	d.handle = l.answer(t, d.request(t, "register", "")).Messages[0].(*enip.RegisterSessionReply).Session
	ask := func(slot int, request string) string {
		inner := unhex(t, request)
		text := request
		if slot >= 0 {
			pad := ""
			if len(inner)%2 == 1 {
				pad = "00"
			}
			text = fmt.Sprintf("5202 20062401 07f9 %02x00 %s %s 0100 01%02x", len(inner), request, pad, slot)
		}
		a := l.answer(t, d.request(t, "rr", text))
		return fmt.Sprintf("%x", first(a.Messages).(*enip.UnconnectedReply).Response.Append(nil))
	}
	for _, x := range []struct {
		slot          int
		request, want string
	}{
		{1, "0102 20012401", "81000000" + enipSlots[1]},
		{3, "0102 20012401", "81000000" + enipSlots[3]},
		{0, "0102 20012401", "81000000" + enipSlots[0]},
		{-1, "0102 20012401", "81000000" + enipSlots[0]},
		{1, "0e03 20712401 3001", "8e0000001100"},
		{3, "0e03 20712401 3001", "8e0000003300"},
		// What nobody asked: one attribute of each module, and of the bridge.
		{1, "0e03 20012401 3007", "8e000000095061636b206c696e65"},
		{3, "0e03 20012401 3006", "8e00000055667788"},
		{3, "0e03 20012401 3001", "8e0000000100"},
		// The empty slot, by the question that was asked, another one, and a slot that nobody asked.
		{5, "0102 20012401", "d20001010402" + "0100"},
		{5, "0e03 20012401 3007", "d20001010402" + "0100"},
		{9, "0102 20012401", "d20001010402" + "0100"},
	} {
		if got := ask(x.slot, x.request); got != x.want {
			t.Errorf("slot %d, %s: %s, want %s", x.slot, x.request, got, x.want)
		}
	}
	// A connection to a slot leads there; to the empty one it is refused.
	for slot, want := range map[int]string{1: "8e000000095061636b206c696e65", 3: "8e000000084f76656e20326220"} {
		a := l.answer(t, d.request(t, "open", fmt.Sprintf("0xa3 01%02x 20022401", slot)))
		reply := a.Messages[0].(*enip.UnconnectedReply).Response
		if reply.Open == nil {
			t.Fatalf("slot %d: no connection: %+v", slot, reply)
		}
		d.ot = reply.Open.OT
		got := l.answer(t, d.request(t, "unit", "0e03 20012401 3007")).Messages[0].(*enip.ConnectedReply).Response
		if text := fmt.Sprintf("%x", got.Append(nil)); text != want {
			t.Errorf("on a connection to slot %d: %s, want %s", slot, text, want)
		}
		l.answer(t, d.request(t, "close", ""))
	}
	a := l.answer(t, d.request(t, "open", "0xa3 0105 20022401"))
	if r := a.Messages[0].(*enip.UnconnectedReply).Response; r.Status != enip.ConnectionFailure || r.Open != nil {
		t.Errorf("a connection to the empty slot: %+v", r)
	}
}
