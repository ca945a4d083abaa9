package replay

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/emulate"
	"ringer/profiles"
)

const plc = `
apiVersion: ringer/v1
kind: Device
id: plc
captures:
  c1: {file: plant.pcapng, server: 10.0.0.3}
services:
  - modbus:
      port: 502
      registers:
        - {holding: 0-1, values: [3, 4]}
`

func device(t *testing.T, text string) *profiles.Device {
	t.Helper()
	dev, err := profiles.Parse([]byte(text), "plc/device.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func inside(t *testing.T, devices ...*profiles.Device) *Inside {
	t.Helper()
	in, err := NewInside(devices, []wire.Protocol{modbus.Protocol{}}, emulate.Settings{}, start)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// modbusAsked decodes an exchange from hexadecimal.
func modbusAsked(t *testing.T, server string, at int, request, reply string) capture.Exchange {
	t.Helper()
	conn := modbus.Protocol{}.New()
	decode := func(from wire.Side, text string) wire.Message {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		_, m, err := conn.Next(from, b, false)
		if err != nil || m == nil {
			t.Fatalf("%s: %v", text, err)
		}
		return m
	}
	x := capture.Exchange{
		At: start.Add(time.Duration(at) * time.Second), Latency: time.Millisecond, Client: client,
		Server: netip.MustParseAddrPort(server), Transport: "tcp", Conn: 1, Protocol: modbus.Protocol{}, Packets: [2]int{at + 1, at + 2},
	}
	x.Request = decode(wire.Client, request)
	x.Replies = []wire.Message{decode(wire.Server, reply)}
	return x
}

func TestInside(t *testing.T) {
	const server = "10.0.0.3:502"
	xs := []capture.Exchange{
		modbusAsked(t, server, 0, "000100000006ff0300000002", "000100000007ff030400030004"),
		modbusAsked(t, server, 1, "000200000006ff0600010009", "000200000006ff0600010009"),
		modbusAsked(t, server, 2, "000300000006ff0300000002", "000300000007ff030400030009"),
		modbusAsked(t, server, 3, "000400000006ff0300000002", "000400000007ff030400030004"),
	}
	rs := play(t, inside(t, device(t, plc)), xs, Options{})
	if got := verdicts(rs); got != "1 equal, 2 equal, 3 equal, 4 different" {
		t.Error(got)
	}
	if d := rs[3].Differences; len(d) != 1 || d[0].Want != "00030004" || d[0].Got != "00030009" {
		t.Errorf("%+v", d)
	}
}

func TestInsideFindsTheCounterpart(t *testing.T) {
	first := device(t, plc)
	second := device(t, plc)
	second.ID, second.Captures = "other", map[string]profiles.Capture{"c1": {Server: "10.0.0.4"}}
	read := func(server string) capture.Exchange {
		return modbusAsked(t, server, 0, "000100000006ff0300000002", "000100000007ff030400030004")
	}
	for _, c := range []struct {
		devices []*profiles.Device
		server  string
		want    Verdict
	}{
		{[]*profiles.Device{first}, "10.0.0.3:502", Equal},
		{[]*profiles.Device{first}, "10.0.0.99:502", Equal}, // the only device there is
		{[]*profiles.Device{first}, "10.0.0.3:5020", Equal}, // the only Modbus service there is
		{[]*profiles.Device{first, second}, "10.0.0.4:502", Equal},
		{[]*profiles.Device{first, second}, "10.0.0.99:502", NoAnswer},
	} {
		rs := play(t, inside(t, c.devices...), []capture.Exchange{read(c.server)}, Options{})
		if len(rs) != 1 || rs[0].Verdict != c.want {
			t.Errorf("%d devices, %s: %s, want %s", len(c.devices), c.server, verdicts(rs), c.want)
		} else if c.want == NoAnswer && !errors.Is(rs[0].Err, ErrNoCounterpart) {
			t.Error(rs[0].Err)
		}
	}
	if _, err := NewInside([]*profiles.Device{first}, nil, emulate.Settings{}, start); err == nil {
		t.Error("a protocol that is not known was served")
	}
}

// On a port of another service, that one is asked, and does not know what it is asked: what was silent then is
// silent now.
func TestInsideAsksWhoIsThere(t *testing.T) {
	two := device(t, plc+`  - s7:
      port: 5020
`)
	in, err := NewInside([]*profiles.Device{two}, []wire.Protocol{modbus.Protocol{}, s7comm.Protocol{}}, emulate.Settings{}, start)
	if err != nil {
		t.Fatal(err)
	}
	probe := modbusAsked(t, "10.0.0.3:5020", 0, "000100000006ff0300000002", "000100000007ff030400030004")
	probe.Replies = nil
	if rs := play(t, in, []capture.Exchange{probe}, Options{}); len(rs) != 1 || rs[0].Verdict != Equal {
		t.Errorf("%s: %+v", verdicts(rs), rs)
	}
}
