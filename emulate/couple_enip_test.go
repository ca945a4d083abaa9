package emulate_test

import (
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"math"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/enip"
	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

const enipCoupledProfile = `apiVersion: ringer/v1
kind: Device
id: tank
points:
  level: {type: f32, unit: m, write: {min: 0, max: 10}, dynamics: {walk: {mean: 2.4, sd: 0.4, min: 0, max: 4, step: 0.2}}}
services:
  - enip:
      port: 44818
      tags: [{name: LEVEL, type: REAL, point: level}, {name: COUNT, type: DINT, values: [7]}]
  - modbus:
      port: 502
      registers: [{holding: 10-11, point: level, order: ABCD}]
`

// pollENIP reads a tag and two registers of one tank once a second.
func pollENIP(t *testing.T, d *decoy, rounds int) (xs []capture.Exchange) {
	t.Helper()
	conns := map[uint16]wire.Conn{44818: enip.Protocol{}.New(), 502: modbus.Protocol{}.New()}
	ask := func(p wire.Protocol, port uint16, req []byte) wire.Message {
		t.Helper()
		_, m, err := conns[port].Next(wire.Client, req, false)
		if err != nil || m == nil {
			t.Fatalf("%x: %v", req, err)
		}
		got := written(t, d.link(p.Name(), uint64(port)).answer(t, req).Messages)
		_, reply, err := conns[port].Next(wire.Server, got, false)
		if err != nil || reply == nil {
			t.Fatalf("answered %x: %v", got, err)
		}
		i := 2*len(xs) + 1
		xs = append(xs, capture.Exchange{
			At: d.now, Latency: time.Millisecond, Client: netip.MustParseAddrPort("10.0.0.9:40000"), Server: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.3"), port),
			Conn: uint64(port), Protocol: p, Request: m, Replies: []wire.Message{reply}, Transport: "tcp", Packets: [2]int{i, i + 1},
		})
		return reply
	}
	session := ask(enip.Protocol{}, 44818, written(t, []wire.Message{&enip.RegisterSession{Version: 1}})).(*enip.RegisterSessionReply).Session
	for i := range rounds {
		begun := d.now
		ask(enip.Protocol{}, 44818, written(t, []wire.Message{&enip.Unconnected{Header: enip.Header{Session: session, Context: enip.Context{byte(i), byte(i >> 8)}}, Request: enip.Request{
			Service: enip.ReadTag, Path: enip.Path(nil).AppendSymbol("LEVEL"), Data: []byte{1, 0}}}}))
		registers, _ := hex.DecodeString("000100000006ff03000a0002")
		ask(modbus.Protocol{}, 502, registers)
		d.now = begun.Add(time.Second)
	}
	return xs
}

// TestCoupledENIP: a tag and registers that move alike are one point, and the evidence says why; who writes it over
// the one sees it over the other. With NoCouple they stay two.
func TestCoupledENIP(t *testing.T) {
	original, err := profiles.Parse([]byte(enipCoupledProfile), "tank.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	protocols := []wire.Protocol{enip.Protocol{}, modbus.Protocol{}}
	xs := pollENIP(t, openDecoy(t, original, emulate.Settings{}, protocols...), 120)
	dev := learned(t, xs)
	if len(dev.Points) != 1 || dev.Points["LEVEL"] == nil && dev.Points["level"] == nil {
		t.Fatalf("points %v", dev.Points)
	}
	evidence, err := fs.ReadFile(dev.Files, dev.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?i)point level: .*(enip tag LEVEL = modbus holding 10-11|modbus holding 10-11 = enip tag LEVEL).*\(r 1\.0000 over (1[0-9]{2}|[2-9][0-9]) samples`).Match(evidence) {
		t.Errorf("the evidence does not say why:\n%s", evidence)
	}
	playRecording(t, xs, false, protocols)

	level := func(xs []capture.Exchange) (tag, registers float32) {
		tag = math.Float32frombits(binary.LittleEndian.Uint32(xs[1].Replies[0].(*enip.UnconnectedReply).Response.Data[2:]))
		return tag, math.Float32frombits(binary.BigEndian.Uint32(xs[2].Replies[0].(*modbus.ReadRegistersResponse).Registers))
	}
	writes := map[string]func(d *decoy){
		"over Modbus": func(d *decoy) {
			b, _ := hex.DecodeString("00090000000bff10000a000204")
			if got := d.link("modbus", 502).ask(t, binary.BigEndian.AppendUint32(b, math.Float32bits(3.25))); got[7] != 0x10 {
				t.Fatalf("the write was answered %x", got)
			}
		},
		"over EtherNet/IP": func(d *decoy) {
			l := d.link("enip", 44818)
			session := l.answer(t, written(t, []wire.Message{&enip.RegisterSession{Version: 1}})).Messages[0].(*enip.RegisterSessionReply).Session
			data := binary.LittleEndian.AppendUint32([]byte{0xca, 0, 1, 0}, math.Float32bits(3.25))
			r := l.answer(t, written(t, []wire.Message{&enip.Unconnected{Header: enip.Header{Session: session}, Request: enip.Request{
				Service: enip.WriteTag, Path: enip.Path(nil).AppendSymbol("LEVEL"), Data: data}}})).Messages[0].(*enip.UnconnectedReply)
			if r.Response.Status != enip.Success {
				t.Fatalf("the write was answered %+v", r.Response)
			}
		},
	}
	for how, write := range writes {
		d := openDecoy(t, dev, emulate.Settings{}, protocols...)
		pollENIP(t, d, 2) // in the middle of the recording
		write(d)
		d.links = map[uint64]*link{}
		if tag, registers := level(pollENIP(t, d, 1)); tag != 3.25 || registers != 3.25 {
			t.Errorf("written %s: the tag is %v, the registers %v", how, tag, registers)
		}
	}

	apart := learnedAs(t, "c00000001", clone.Options{NoCouple: true}, xs)
	if len(apart.Points) > 0 {
		t.Errorf("with NoCouple there are points: %v", apart.Points)
	}
	d := openDecoy(t, apart, emulate.Settings{}, protocols...)
	writes["over EtherNet/IP"](d)
	d.links = map[uint64]*link{}
	if tag, registers := level(pollENIP(t, d, 1)); tag != 3.25 || registers == 3.25 {
		t.Errorf("with NoCouple, written over EtherNet/IP: the tag is %v, the registers %v", tag, registers)
	}
}
