package emulate_test

import (
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"math"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/modbus"
	"ringer/capture/s7comm"
	"ringer/capture/snmp"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

// What clients ask the water tank again and again: registers, a data block, the pressure as a variable, a page.
var waterQuestions = []struct {
	p    wire.Protocol
	port uint16
	hex  string
	text string
}{
	{modbus.Protocol{}, 502, "000100000006010300000005", ""},
	{modbus.Protocol{}, 502, "000200000006010400000002", ""},
	{s7comm.Protocol{}, 102, "0300001f02f080320100000001000e00000401120a10020014000184000000", ""},
	{snmp.Protocol{}, 161, "302902010104067075626c6963a01c0201010201000201003011300f060b2b06010401868d1f0301000500", ""},
	{http.Protocol{}, 80, "", "GET /values.json HTTP/1.1\r\nHost: tank\r\n\r\n"},
	{http.Protocol{}, 80, "", "GET /portal.html HTTP/1.1\r\nHost: tank\r\n\r\n"},
}

var s7Hello = []string{"0300001611e00000000100c0010ac1020100c2020101", "0300001902f08032010000000000080000f0000001000100f0"}

// pollWater asks a decoy of the water tank once a second.
func pollWater(t testing.TB, d *decoy, rounds int) (xs []capture.Exchange) {
	t.Helper()
	conns := map[uint16]wire.Conn{}
	ask := func(p wire.Protocol, port uint16, req []byte) {
		if conns[port] == nil {
			conns[port] = p.New()
		}
		c := conns[port]
		_, m, err := c.Next(wire.Client, req, false)
		if err != nil || m == nil {
			t.Fatalf("%s: %x: %v", p.Name(), req, err)
		}
		got := written(t, d.link(p.Name(), uint64(port)).answer(t, req).Messages)
		n, reply, err := c.Next(wire.Server, got, false)
		if err != nil || n != len(got) {
			t.Fatalf("%s: answered %x: %v", p.Name(), got, err)
		}
		i := 2*len(xs) + 1
		x := capture.Exchange{
			At: d.now, Latency: time.Millisecond, Client: netip.MustParseAddrPort("10.0.0.9:40000"), Server: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.3"), port),
			Conn: uint64(port), Protocol: p, Request: m, Replies: []wire.Message{reply}, Transport: "tcp", Packets: [2]int{i, i + 1},
		}
		if port == 161 {
			x.Transport = "udp"
		}
		xs = append(xs, x)
		d.now = d.now.Add(3 * time.Millisecond)
	}
	for _, hello := range s7Hello {
		b, _ := hex.DecodeString(hello)
		ask(s7comm.Protocol{}, 102, b)
	}
	for range rounds {
		begun := d.now
		for _, q := range waterQuestions {
			req := []byte(q.text)
			if q.hex != "" {
				req, _ = hex.DecodeString(q.hex)
			}
			ask(q.p, q.port, req)
		}
		d.now = begun.Add(time.Second)
	}
	return xs
}

var waterProtocols = []wire.Protocol{modbus.Protocol{}, s7comm.Protocol{}, snmp.Protocol{}, http.Protocol{}}

func openWater(t testing.TB) *decoy {
	t.Helper()
	dev, err := profiles.Load("../profiles/s7-1200-water")
	if err != nil {
		t.Fatal(err)
	}
	return openDecoy(t, dev, emulate.Settings{}, waterProtocols...)
}

// TestCoupled: what clients saw of one tank on four protocols is one value again in a decoy that was learned
// from it: it shows the same on all of them, and who writes it over one reads it over the others.
func TestCoupled(t *testing.T) {
	xs := pollWater(t, openWater(t), 150)
	dev := learned(t, xs)
	for name, typ := range map[string]string{"level": "f32", "flow": "f32"} {
		if p := dev.Points[name]; p == nil || p.Type != typ || p.Dynamics == nil || p.Write == nil {
			t.Errorf("the point %s is %+v", name, p)
		}
	}
	evidence, err := fs.ReadFile(dev.Files, dev.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"point level: (http /[a-z.]* level = modbus holding 0-1|modbus holding 0-1 = http /[a-z.]* level) \(r 1\.0000 over [0-9]+ samples`,
		`s7 DB1\.0 `, `modbus input 0 .*\* (100|0\.01) \(r`, `snmp 1\.3\.6\.1\.4\.1\.99999\.3\.1\.0 `,
	} {
		if !regexp.MustCompile(want).Match(evidence) {
			t.Errorf("the evidence has no %s:\n%s", want, evidence)
		}
	}
	playRecording(t, xs, false, waterProtocols)

	d := openDecoy(t, dev, emulate.Settings{}, waterProtocols...)
	for range 3 { // in the middle of the recording
		pollWater(t, d, 1)
		d.links = map[uint64]*link{}
	}
	write, _ := hex.DecodeString("00090000000b01100000000204")
	write = binary.BigEndian.AppendUint32(write, math.Float32bits(3.25))
	if got := d.link("modbus", 502).ask(t, write); got[7] != 0x10 {
		t.Fatalf("the write was answered %x", got)
	}
	shown(t, d, 3.25)
	d.now = d.now.Add(time.Hour)
	shown(t, d, 3.25)

	plain := learnedAs(t, "c00000001", clone.Options{NoCouple: true}, xs)
	if plain.Points["level"] != nil || plain.Points["flow"] != nil {
		t.Errorf("with NoCouple there are points: %v", plain.Points)
	}
}

// shown checks that a tank shows a level everywhere.
func shown(t *testing.T, d *decoy, level float64) {
	t.Helper()
	xs := pollWater(t, d, 1)
	d.links = map[uint64]*link{}
	for _, x := range xs {
		switch r := x.Replies[0].(type) {
		case *modbus.ReadRegistersResponse:
			if r.Function == modbus.ReadInputRegisters {
				if got := binary.BigEndian.Uint16(r.Registers); got != uint16(math.Round(100*level)) {
					t.Errorf("input 0 is %d", got)
				}
			} else if got := math.Float32frombits(binary.BigEndian.Uint32(r.Registers)); got != float32(level) {
				t.Errorf("holding 0-1 is %v", got)
			}
		case *s7comm.ReadVarReply:
			if got := math.Float32frombits(binary.BigEndian.Uint32(r.Values[0].Data)); got != float32(level) {
				t.Errorf("DB1.0 is %v", got)
			}
		case *http.Response:
			if !strings.Contains(string(r.Body), "3.25") {
				t.Errorf("the page has another level: %s", r.Body)
			}
		}
	}
}

// TestCoupledMerge: two recordings of a device couple the same values, and it does not matter which is
// learned first.
func TestCoupledMerge(t *testing.T) {
	d := openWater(t)
	first := pollWater(t, d, 150)
	d.links = map[uint64]*link{}
	d.now = d.now.Add(time.Hour)
	second := pollWater(t, d, 150)
	a, b := learnedAs(t, "c0000000a", clone.Options{Salt: []byte("salt")}, first), learnedAs(t, "c0000000b", clone.Options{Salt: []byte("salt")}, second)
	one, _, err := profiles.Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := profiles.Merge(b, a)
	if err != nil {
		t.Fatal(err)
	}
	x, err := one.YAML()
	if err != nil {
		t.Fatal(err)
	}
	y, err := two.YAML()
	if err != nil || string(x) != string(y) {
		t.Errorf("%v: A then B is\n%s\nB then A is\n%s", err, x, y)
	}
	dir := t.TempDir()
	if err := one.Save(dir); err != nil {
		t.Fatal(err)
	}
	merged, err := profiles.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if merged.Points["level"] == nil {
		t.Fatalf("the points are %v", merged.Points)
	}
	again := openDecoy(t, merged, emulate.Settings{Values: emulate.Model}, waterProtocols...)
	level, err := again.state.Point("level")
	if err != nil {
		t.Fatal(err)
	}
	if err := level.Set(emulate.FloatValue(3.25)); err != nil {
		t.Fatal(err)
	}
	shown(t, again, 3.25)
}
