package clone

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/profiles"
)

// bulk keeps the files of a profile in memory.
type modbusBulk map[string]*bytes.Buffer

type modbusFile struct{ *bytes.Buffer }

func (modbusFile) Close() error { return nil }

func (m modbusBulk) create(name string) (io.WriteCloser, error) {
	b := &bytes.Buffer{}
	m[name] = b
	return modbusFile{b}, nil
}

// learnModbus learns from lines "unit: request -> reply", PDUs in hexadecimal. "silence" and "lost" are
// replies, too.
func learnModbus(t *testing.T, p wire.Protocol, lines string) (*profiles.Device, modbusBulk) {
	t.Helper()
	files := modbusBulk{}
	l := NewLearning(Source{ID: "c1"}, Options{})
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	packet := 0
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		unit, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
		req, rsp, ok2 := strings.Cut(rest, " -> ")
		if !ok || !ok2 {
			t.Fatalf("%q: want unit: request -> reply", line)
		}
		id := unhexByte(t, unit)
		packet += 2
		at = at.Add(time.Second)
		x := capture.Exchange{
			At: at, Latency: time.Millisecond, Client: netip.MustParseAddrPort("10.0.0.9:40000"), Server: netip.MustParseAddrPort("10.0.0.1:502"), Transport: "tcp", Conn: 1, Protocol: p,
			Request: modbusMessage(t, p, wire.Client, id, req), Packets: [2]int{packet - 1, packet},
		}
		switch rsp {
		case "silence":
		case "lost":
			x.Lost = true
		default:
			if as, pdu, other := strings.Cut(rsp, ": "); other {
				id, rsp = unhexByte(t, as), pdu
			}
			x.Replies = []wire.Message{modbusMessage(t, p, wire.Server, id, rsp)}
		}
		l.Add(&x)
	}
	dev := &profiles.Device{ID: "d"}
	if err := l.Finish(&Output{dev, files.create}); err != nil {
		t.Fatal(err)
	}
	return dev, files
}

func unhexByte(t *testing.T, s string) uint8 {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 1 {
		t.Fatalf("%q is not a unit in hexadecimal", s)
	}
	return b[0]
}

func modbusMessage(t *testing.T, p wire.Protocol, from wire.Side, unit uint8, pdu string) wire.Message {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(pdu, " ", ""))
	if err != nil || len(b) == 0 {
		t.Fatalf("%q is not a PDU", pdu)
	}
	raw := &modbus.Raw{Header: modbus.Header{Unit: unit}, Function: modbus.Function(b[0]), Data: b[1:]}
	if p == (modbus.RTU{}) {
		raw.Framing = modbus.RTUOverTCP
	}
	b, _ = raw.Append(nil)
	n, m, err := p.New().Next(from, b, false)
	if err != nil || n != len(b) {
		t.Fatalf("%s: took %d bytes, error %v", pdu, n, err)
	}
	return m
}

func TestModbusLearning(t *testing.T) {
	for _, tt := range []struct {
		name     string
		p        wire.Protocol
		lines    string
		want     string   // of the section, from units on
		samples  []string // the lines
		recorded int
	}{
		{name: "values, a cell that moves, one that is written", p: modbus.Protocol{}, lines: `
			ff: 03 000a 0002 -> 03 04 0001 0002
			ff: 03 000a 0002 -> 03 04 0001 0003
			ff: 06 000b 0007 -> 06 000b 0007
			ff: 03 000a 0002 -> 03 04 0001 0007
			ff: 01 0000 0003 -> 01 01 05`,
			want: `
units: {mode: tcp}
registers: [{coil: 0-2, values: [1, 0, 1]}, {holding: 10-11, values: [1, 7]}]`,
			samples: []string{"255/holding/11\t\t0002 0003 =0007 0007"}},
		{name: "a lost answer takes its place", p: modbus.Protocol{}, lines: `
			ff: 03 0000 0001 -> 03 02 0001
			ff: 03 0000 0001 -> lost
			ff: 03 0000 0001 -> 03 02 0003
			ff: 06 0000 0004 -> lost`,
			want: `
units: {mode: tcp}
registers: [{holding: 0, values: [4]}]`,
			samples: []string{"255/holding/0\t\t0001*2 0003 =0004"}},
		{name: "gaps are filled where nothing is refused between", p: modbus.Protocol{}, lines: `
			01: 03 0000 0001 -> 03 02 0001
			01: 03 0010 0001 -> 03 02 0001
			01: 03 0020 0001 -> 03 02 0001
			01: 03 0018 0001 -> 83 02
			01: 03 0200 0001 -> 03 02 0001
			01: 03 0201 0002 -> 83 02`,
			want: `
units: {mode: tcp, also: [1]}
registers:
    - {holding: 0, values: [1]}
    - {holding: 1-15, fill: 0}
    - {holding: 16, values: [1]}
    - {holding: 32, values: [1]}
    - {holding: 512, values: [1]}
illegal: [{holding: 24}, {holding: 513-514}]`},
		{name: "many values are a file", p: modbus.Protocol{}, lines: `
			00: 02 0000 0011 -> 02 03 0f0f01`,
			want: `
units: {mode: tcp}
registers: [{discrete: 0-16, block: blocks/modbus-502-c1-u0-discrete0.bin}]`},
		{name: "refusals of functions", p: modbus.Protocol{}, lines: `
			ff: 03 0000 0001 -> 03 02 0001
			ff: 07 -> 87 01
			ff: 17 0000 0001 0000 0001 02 0000 -> 97 01
			ff: 0d -> 8d 03
			ff: 5a 0002 -> 5a 00fe
			ff: 5a 0002 -> 5a 00fe
			ff: 64 -> silence
			ff: 03 0000 0001 -> 03 02 0001
			ff: 08 0000 1234 -> 08 0000 1234
			ff: 03 0000 0000 -> 83 03`,
			want: `
units: {mode: tcp}
registers: [{holding: 0, values: [1]}]
functions: {serve: [8, 90], deny: {13: 3, 23: 1}, silent: [100]}`,
			recorded: 1},
		{name: "a register that is read-only", p: modbus.Protocol{}, lines: `
			ff: 03 0000 0002 -> 03 04 0001 0002
			ff: 06 0001 0009 -> 86 02
			ff: 06 0000 0009 -> 06 0000 0009`,
			want: `
units: {mode: tcp}
registers: [{holding: 0-1, values: [9, 2]}, {holding: 1, readonly: 2}]`,
			samples: []string{"255/holding/0\t\t0001 =0009"}},
		{name: "illegal addresses with a code of the device's own", p: modbus.Protocol{}, lines: `
			ff: 03 0000 0001 -> 03 02 0001
			ff: 03 0005 0002 -> 83 04
			ff: 04 0000 0001 -> 84 04`,
			want: `
units: {mode: tcp}
registers: [{holding: 0, values: [1]}]
illegal: [{holding: 5-6, code: 4}, {input: 0, code: 4}]
outside: 4`},
		{name: "what comes and goes is kept whole", p: modbus.Protocol{}, lines: `
			ff: 03 0000 0001 -> 03 02 0001
			ff: 03 0000 0001 -> 83 06
			ff: 03 0000 0001 -> 03 02 0001
			ff: 03 0000 0001 -> silence
			ff: 03 0000 0001 -> 03 02 0001`,
			want: `
units: {mode: tcp}
registers: [{holding: 0, values: [1]}]`,
			recorded: 2},
		{name: "identity", p: modbus.Protocol{}, lines: `
			01: 2b 0e 01 00 -> 2b 0e 01 01 00 00 03 00 01 41 01 01 42 02 01 43
			01: 11 -> 11 03 01ff41
			01: 07 -> 07 15`,
			want: `
units: {mode: tcp, also: [1]}
identify: {vendor: A, product: B, revision: C, conformity: 1}
server_id: 01ff41
status: 21`},
		{name: "a gateway", p: modbus.Protocol{}, lines: `
			01: 03 0000 0001 -> 03 02 0001
			02: 03 0000 0001 -> 83 0b
			03: 03 0000 0001 -> 83 0b
			04: 03 0000 0001 -> 83 0a
			05: 03 0000 0001 -> silence
			01: 03 0000 0001 -> 03 02 0001`,
			want: `
units:
    mode: gateway
    map:
        1: {registers: [{holding: 0, values: [1]}]}
        4: {refuse: 10}
        5: {silent: true}`},
		{name: "refusals without the function", p: modbus.Protocol{}, lines: `
			01: 03 0000 0001 -> 03 02 0001
			01: 03 0001 0001 -> 83 02
			01: 01 0000 0001 -> 80 04
			02: 03 0000 0001 -> 80 0b
			03: 03 0000 0001 -> 80 0b`,
			want: `
units:
    mode: gateway
    nameless: [4, 11]
    map:
        1:
            registers: [{holding: 0, values: [1]}]
            illegal: [{coil: 0, code: 4}, {holding: 1}]`},
		{name: "several units behind a device that answers for itself", p: modbus.Protocol{}, lines: `
			ff: 03 0000 0001 -> 03 02 0001
			02: 03 0000 0001 -> 03 02 0002
			03: 03 0000 0001 -> silence
			ff: 03 0000 0001 -> 03 02 0001`,
			want: `
units: {mode: tcp, map: {2: {registers: [{holding: 0, values: [2]}]}}}
registers: [{holding: 0, values: [1]}]`},
		{name: "a device that answers with another unit", p: modbus.Protocol{}, lines: `
			ff: 03 0000 0001 -> 01: 03 02 0001
			ff: 04 0000 0001 -> 01: 84 01
			ff: 03 0000 0001 -> 01: 03 02 0002`,
			want: `
units: {mode: tcp}
registers: [{holding: 0, values: [2]}]
functions: {deny: {4: 1}}
answers_as: 1`,
			samples: []string{"255/holding/0\t\t0001 0002"}},
		{name: "a device that does not look at the identifier", p: modbus.Protocol{}, lines: `
			01: 03 0000 0001 -> 03 02 0001
			ff: 03 0000 0001 -> 03 02 0002
			fa: 03 0000 0001 -> 03 02 0003
			03: 03 0000 0001 -> 83 0b
			07: 03 0000 0002 -> 03 04 0002 0006`,
			want: `
units: {mode: tcp, any: true, absent: 11, map: {3: {refuse: 11}}}
registers: [{holding: 0-1, values: [2, 6]}]`,
			samples: []string{"255/holding/0\t{series: {every: 1.333s, values: [1, 2, 3, 2]}}\t0001 0002 0003 0002"}},
		{name: "0 and 255 are the device itself", p: modbus.Protocol{}, lines: `
			00: 03 0000 0001 -> 03 02 0001
			ff: 03 0000 0001 -> 03 02 0002
			05: 03 0000 0001 -> 03 02 0001
			00: 03 0000 0001 -> 03 02 0003`,
			want: `
units: {mode: tcp, map: {5: {registers: [{holding: 0, values: [1]}]}}}
registers: [{holding: 0, values: [3]}]`,
			samples: []string{"255/holding/0\t\t0001 0002 0003"}},
		{name: "a device known by an identifier of its own", p: modbus.Protocol{}, lines: `
			01: 03 0000 0001 -> 03 02 0001
			00: 03 0000 0001 -> silence
			ff: 03 0000 0001 -> silence
			02: 03 0000 0001 -> silence
			01: 03 0000 0001 -> 03 02 0001`,
			want: `
units: {mode: tcp, also: [1], map: {0: {silent: true}, 255: {silent: true}}}
registers: [{holding: 0, values: [1]}]`},
		{name: "reads of too many", p: modbus.Protocol{}, lines: `
			01: 03 0000 0004 -> 83 03
			01: 03 0000 0002 -> 03 04 0001 0002
			01: 03 0002 0002 -> 03 04 0003 0004
			01: 03 0000 0003 -> 83 03
			01: 04 0000 007f -> 84 03`,
			want: `
units: {mode: tcp, also: [1]}
registers: [{holding: 0-3, values: [1, 2, 3, 4]}]
most: {registers: 2}`},
		{name: "reads of more than is allowed", p: modbus.Protocol{}, lines: `
			01: 03 0000 007e -> 03 fc ` + strings.Repeat("0000", 126),
			want: `
units: {mode: tcp, also: [1]}
registers: [{holding: 0-125, block: blocks/modbus-502-c1-u1-holding0.bin}]
most: {registers: 126}`},
		{name: "a serial line", p: modbus.RTU{}, lines: `
			11: 03 0000 0001 -> 03 02 0001
			00: 06 0000 0005 -> silence
			11: 03 0000 0001 -> 03 02 0005`,
			want: `
units: {mode: serial, map: {17: {registers: [{holding: 0, values: [5]}]}}}`,
			samples: []string{"17/holding/0\t\t0001 =0005 0005"}},
		{name: "mask write, and read and write at once", p: modbus.Protocol{}, lines: `
			ff: 03 0004 0001 -> 03 02 0012
			ff: 16 0004 00f2 0025 -> 16 0004 00f2 0025
			ff: 03 0004 0001 -> 03 02 0017
			ff: 17 0004 0001 0005 0001 02 1234 -> 17 02 0017`,
			want: `
units: {mode: tcp}
registers: [{holding: 4-5, values: [23, 4660]}]`,
			samples: []string{"255/holding/4\t\t0012 =0017 0017*2", "255/holding/5\t\t=1234"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dev, files := learnModbus(t, tt.p, tt.lines)
			b, err := dev.YAML()
			if err != nil {
				t.Fatal(err)
			}
			got := string(b[bytes.Index(b, []byte("units:")):])
			if i := strings.Index(got, "\n      units:"); i >= 0 {
				got = got[i+1:]
			}
			want := strings.TrimSpace(tt.want)
			if d := cmp.Diff(flat(want), flat(got)); d != "" {
				t.Errorf("section (-want +got):\n%s\n%s", d, got)
			}
			var samples []string
			for name, f := range files {
				if strings.HasPrefix(name, "samples/") {
					samples = strings.Split(strings.TrimSpace(f.String()), "\n")
				}
			}
			if d := cmp.Diff(tt.samples, samples); d != "" {
				t.Errorf("samples (-want +got):\n%s", d)
			}
			recorded := 0
			for name, f := range files {
				if strings.HasPrefix(name, "recordings/") {
					for range capture.Exchanges(f, capture.Options{Protocols: []wire.Protocol{tt.p}}) {
						recorded++
					}
				}
			}
			if recorded != tt.recorded {
				t.Errorf("%d exchanges are kept whole, want %d", recorded, tt.recorded)
			}
			dev.Files = nil
			if err := dev.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestModbusIdentity(t *testing.T) {
	dev, _ := learnModbus(t, modbus.Protocol{}, `
		00: 5a 0002 -> 5a 00fe 10ff5a010100000070020000270009000800000000000e 3134302043505520333131203130 010101000000001100`)
	if dev.Identity.Model != "140 CPU 311 10" {
		t.Errorf("model %q", dev.Identity.Model)
	}
	dev, _ = learnModbus(t, modbus.Protocol{}, `ff: 2b 0e 01 00 -> 2b 0e 01 01 00 00 03 00 01 41 01 01 42 02 01 43`)
	named := profiles.Identity{Vendor: "A", Order: "B", Firmware: "C"}
	if d := cmp.Diff(named, dev.Identity); d != "" {
		t.Error(d)
	}
	// A gateway is not named after a unit behind it, unless that is all there is.
	unit1, others := "01: 2b 0e 01 00 -> 2b 0e 01 01 00 00 03 00 01 41 01 01 42 02 01 43", "02: 03 0000 0001 -> 83 0b"
	dev, _ = learnModbus(t, modbus.Protocol{}, unit1+"\n"+others)
	if d := cmp.Diff(named, dev.Identity); d != "" {
		t.Error(d)
	}
	dev, _ = learnModbus(t, modbus.Protocol{}, unit1+"\n"+others+"\n03: 03 0000 0001 -> 03 02 0007")
	if d := cmp.Diff(profiles.Identity{}, dev.Identity); d != "" {
		t.Error(d)
	}
}

// flat is YAML without its line breaks and indents.
func flat(s string) string {
	return strings.NewReplacer("{", "", "}", "", "[", "", "]", "", "-", "", ",", "").Replace(strings.Join(strings.Fields(s), " "))
}

// What lies between many single addresses that were refused counts as refused.
func TestModbusSparseScan(t *testing.T) {
	var lines strings.Builder
	for a := 0; a < 1<<16; a += 100 {
		reply := "83 02"
		if a == 4000 {
			reply = "03 02 0007"
		}
		fmt.Fprintf(&lines, "01: 03 %04x 0001 -> %s\n", a, reply)
	}
	dev, _ := learnModbus(t, modbus.Protocol{}, lines.String())
	want := []profiles.ModbusIllegal{{Holding: &profiles.ModbusSpan{First: 0, Last: 3900}}, {Holding: &profiles.ModbusSpan{First: 4100, Last: 65500}}}
	if d := cmp.Diff(want, dev.Services[0].Section.(*profiles.Modbus).Illegal); d != "" {
		t.Error(d)
	}
}

// What 247 units are is written in no time: only what is known of a table is looked at.
func TestModbusManyUnits(t *testing.T) {
	l := NewLearning(Source{ID: "c1"}, Options{})
	for id := range uint8(247) {
		for table := range 4 {
			for _, a := range modbusGrid(false)[:100] {
				req := modbusReadCells(id+1, table, a, 1)
				l.Add(&capture.Exchange{
					Server: netip.MustParseAddrPort("10.0.0.1:502"), Transport: "tcp", Protocol: modbus.Protocol{}, Request: req,
					Replies: []wire.Message{&modbus.Exception{Header: req.Header, Function: req.Function, Reason: modbus.IllegalDataAddress}},
				})
			}
		}
	}
	dev := &profiles.Device{ID: "d"}
	begun := time.Now()
	if err := l.Finish(&Output{dev, modbusBulk{}.create}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	if n := len(dev.Services[0].Section.(*profiles.Modbus).Units.Map); n != 247 {
		t.Errorf("%d units", n)
	}
}

// A scan of the whole address space is learned in bounded memory, and to its end.
func TestModbusScan(t *testing.T) {
	l := NewLearning(Source{ID: "c1"}, Options{})
	for a := range 2 * 65536 {
		f := modbus.ReadHoldingRegisters + modbus.Function(a>>16)
		l.Add(&capture.Exchange{
			Server: netip.MustParseAddrPort("10.0.0.1:502"), Transport: "tcp", Protocol: modbus.Protocol{},
			Request: &modbus.ReadRequest{Header: modbus.Header{Unit: 255}, Function: f, Address: uint16(a), Quantity: 1},
			Replies: []wire.Message{&modbus.Exception{Header: modbus.Header{Unit: 255}, Function: f, Reason: modbus.IllegalDataAddress}},
		})
	}
	dev := &profiles.Device{ID: "d"}
	if err := l.Finish(&Output{dev, modbusBulk{}.create}); err != nil {
		t.Fatal(err)
	}
	whole := profiles.ModbusSpan{First: 0, Last: 65535}
	want := []profiles.ModbusIllegal{{Holding: &whole}, {Input: &whole}}
	section := dev.Services[0].Section.(*profiles.Modbus)
	if d := cmp.Diff(want, section.Illegal); d != "" || len(section.Recordings) > 0 {
		t.Errorf("%d recordings, illegal (-want +got):\n%s", len(section.Recordings), d)
	}
}
