package emulate_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/hex"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/modbus"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

const sharedCaptures = "../../shared/captures/"

// modbusCaptures are the captures that hold Modbus with both directions.
var modbusCaptures = []string{
	"modbus/quickdraw-part1.pcap", "modbus/quickdraw-part2.pcap", "modbus/modicon-quantum-umas.pcap",
	"modbus/lemay-6rtu-characterization.pcap", "modbus/zeek-modbusBig.pcap", "modbus/icsnpp-modbus_example.pcap",
	"mixed/plant1-mb2.pcap", "mixed/s4-modicon-plc.pcap", "nasty/modbus-every-packet-twice.pcap", "nasty/modbus-fuzz-72.pcap",
}

// modbusExchanges reads the Modbus exchanges of a capture, by server.
func modbusExchanges(t testing.TB, file string) map[netip.AddrPort][]capture.Exchange {
	t.Helper()
	f, err := os.Open(sharedCaptures + file)
	if err != nil {
		t.Skipf("../shared/captures is not here: %v", err)
	}
	defer f.Close()
	all := map[netip.AddrPort][]capture.Exchange{}
	for x, err := range capture.Exchanges(f, capture.Options{Name: file, Warn: func(err error) { t.Log(err) }}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(x.Protocol.Name(), "modbus") {
			all[x.Server] = append(all[x.Server], x)
		}
	}
	return all
}

// learned makes a profile of exchanges, saves it and loads it again.
func learned(t testing.TB, xs []capture.Exchange) *profiles.Device {
	t.Helper()
	dir := t.TempDir()
	folder, err := profiles.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	dev := &profiles.Device{ID: "device"}
	err = clone.Learn(dev, func(yield func(capture.Exchange, error) bool) {
		for _, x := range xs {
			if !yield(x, nil) {
				return
			}
		}
	}, clone.Source{ID: "c00000001", Capture: profiles.Capture{File: "a.pcap"}}, clone.Options{}, folder.Create)
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Save(dir); err != nil {
		t.Fatal(err)
	}
	folder.Close()
	dev, err = profiles.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// A modbusDecoy is a device in this process, with a session for every connection.
type modbusDecoy struct {
	state    *emulate.State
	services map[string]emulate.Service
	conns    map[uint64]*modbusLink
}

type modbusLink struct {
	session emulate.Session
	conn    wire.Conn
}

func openModbusDecoy(t testing.TB, dev *profiles.Device, now func() time.Time) *modbusDecoy {
	t.Helper()
	st, err := emulate.NewState(dev, emulate.Settings{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	d := &modbusDecoy{st, map[string]emulate.Service{}, map[uint64]*modbusLink{}}
	for i := range dev.Services {
		svc := &dev.Services[i]
		p := map[string]wire.Protocol{"modbus": modbus.Protocol{}, "modbus-rtu": modbus.RTU{}}[svc.Protocol]
		if p == nil {
			continue
		}
		if d.services[svc.Protocol], err = emulate.Open(st, dev, svc, p); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// ask sends the bytes of a request and gives those of the answer.
func (d *modbusDecoy) ask(t testing.TB, protocol string, conn uint64, req []byte) []byte {
	t.Helper()
	l := d.conns[conn]
	if l == nil {
		l = &modbusLink{d.services[protocol].Open(emulate.Peer{}), d.services[protocol].Protocol().New()}
		l.conn.(wire.Reuser).Reuse()
		d.conns[conn] = l
	}
	n, m, err := l.conn.Next(wire.Client, req, false)
	if err != nil || n != len(req) {
		t.Fatalf("%x: took %d bytes, error %v", req, n, err)
	}
	var out []byte
	for _, m := range l.session.Answer(m).Messages {
		if out, err = m.Append(out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Capture, emulate, replay: whoever asks in the recorded order gets the recorded answers, byte for byte.
func TestModbusRecordings(t *testing.T) {
	for _, file := range modbusCaptures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := modbusExchanges(t, file)
			var asked, equal, silent, lost, unasked, kept int
			for _, server := range slices.SortedFunc(maps.Keys(all), netip.AddrPort.Compare) {
				var now time.Time
				dev := learned(t, all[server])
				if len(dev.Services) == 0 {
					unasked += len(all[server])
					continue
				}
				d := openModbusDecoy(t, dev, func() time.Time { return now })
				for _, s := range dev.Services {
					for _, name := range s.Common().Recordings {
						kept += countPackets(t, dev, name)
					}
				}
				shown := 0
				for _, x := range all[server] {
					now = x.At
					if x.Request == nil {
						unasked++
						continue
					}
					req, err := x.Request.Append(nil)
					if err != nil {
						t.Fatal(err)
					}
					got := d.ask(t, x.Protocol.Name(), x.Conn, req)
					if x.Lost && len(x.Replies) == 0 {
						lost++
						continue
					}
					var want []byte
					for _, m := range x.Replies {
						want, _ = m.Append(want)
					}
					if len(want) == 0 {
						silent++
					} else {
						asked++
					}
					if bytes.Equal(want, got) {
						if len(want) > 0 {
							equal++
						}
					} else if shown++; shown < 5 {
						t.Errorf("%s packet %d: asked %x\nwant %x\ngot  %x", server, x.Packets[0], req, want, got)
					}
				}
			}
			t.Logf("%d asked, %d equal byte for byte; %d silent, %d lost, %d without request, %d packets kept whole", asked, equal, silent, lost, unasked, kept)
		})
	}
}

func countPackets(t testing.TB, dev *profiles.Device, name string) (n int) {
	f, err := dev.Files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range capture.Exchanges(f, capture.Options{Protocols: []wire.Protocol{modbus.Protocol{}, modbus.RTU{}}}) {
		n++
	}
	return n
}

// The questions of an independent dissector's tables, all on one connection, get the answers in the
// tables. A row is missed where the dissector lost track of the capture; see the captures' README.
func TestModbusTables(t *testing.T) {
	for _, file := range modbusCaptures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := modbusExchanges(t, file)
			rows := readTable(t, sharedCaptures+"expected/"+strings.ReplaceAll(file, "/", "__")+".modbus.tsv")
			for _, server := range slices.SortedFunc(maps.Keys(all), netip.AddrPort.Compare) {
				asked, equal := 0, 0
				var d *modbusDecoy
				for _, r := range rows {
					if r["server"] != server.String() || r["req_pdu"] == "" {
						continue
					}
					if d == nil {
						d = openModbusDecoy(t, learned(t, all[server]), time.Now)
					}
					unit, _ := strconv.Atoi(r["unit"])
					pdu, _ := hex.DecodeString(r["req_pdu"])
					head := []byte{0, byte(asked), 0, 0, 0, byte(len(pdu) + 1), byte(unit)}
					got := d.ask(t, "modbus", 1, append(head, pdu...))
					if r["rsp_pdu"] == "" {
						continue
					}
					asked++
					if len(got) > 7 && hex.EncodeToString(got[7:]) == r["rsp_pdu"] && got[6] == byte(unit) {
						equal++
					} else if asked-equal < 4 {
						t.Logf("%s frame %s: asked %s\nwant %s\ngot  %x", server, r["req_frame"], r["req_pdu"], r["rsp_pdu"], got)
					}
				}
				if asked == 0 {
					continue
				}
				t.Logf("%s: %d asked, %d equal", server, asked, equal)
				if missed := asked - equal; asked < 50 && missed > 1 || asked >= 50 && missed*50 > asked {
					t.Errorf("%s: %d of %d answers differ from the table", server, missed, asked)
				}
			}
		})
	}
}

func readTable(t testing.TB, name string) (rows []map[string]string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Skipf("the expected table is not here: %v", err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	c := csv.NewReader(r)
	c.Comma, c.LazyQuotes, c.FieldsPerRecord = '\t', true, -1
	lines, err := c.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, v := range l {
			row[lines[0][i]] = v
		}
		rows = append(rows, row)
	}
	return rows
}
