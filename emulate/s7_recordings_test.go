package emulate_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

// s7Captures are the captures that hold S7 with both directions.
var s7Captures = []string{
	"s7comm/snap7_s300_everything.pcapng", "s7comm/step7_s300_readDiagData.pcapng", "s7comm/wincc_s400_production.pcapng",
	"s7comm/s7comm_reading_plc_status.pcap", "s7comm/s7comm_program_blocklist_onlineview.pcap", "s7comm/Plant1_S7comm.pcap",
	"mixed/plant1-mb2.pcap", "nasty/s7comm_plus-linux-cooked.pcap",
}

// s7Exchanges reads the S7 exchanges of a capture, by server.
func s7Exchanges(t testing.TB, file string) map[netip.AddrPort][]capture.Exchange {
	t.Helper()
	f, err := os.Open("../../shared/captures/" + file)
	if err != nil {
		t.Skipf("../shared/captures is not here: %v", err)
	}
	defer f.Close()
	all := map[netip.AddrPort][]capture.Exchange{}
	for x, err := range capture.Exchanges(f, capture.Options{Name: file, Warn: func(err error) { t.Log(err) }}) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Protocol.Name() == "s7" {
			all[x.Server] = append(all[x.Server], x)
		}
	}
	return all
}

// s7Learned makes a profile of exchanges, saves it and loads it again.
func s7Learned(t testing.TB, xs []capture.Exchange) *profiles.Device {
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
	if dev, err = profiles.Load(dir); err != nil {
		t.Fatal(err)
	}
	return dev
}

// An s7Decoy is a device in this process.
type s7Decoy struct {
	state   *emulate.State
	service emulate.Service
	now     time.Time
}

func newS7Decoy(t testing.TB, dev *profiles.Device) *s7Decoy {
	t.Helper()
	d := &s7Decoy{now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	var err error
	if d.state, err = emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return d.now }}); err != nil {
		t.Fatal(err)
	}
	for i := range dev.Services {
		if dev.Services[i].Protocol == "s7" {
			if d.service, err = emulate.Open(d.state, dev, &dev.Services[i], s7comm.Protocol{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

// An s7Link is a connection to it.
type s7Link struct {
	session emulate.Session
	conn    wire.Conn
	closed  bool
	tick    time.Time
}

func (d *s7Decoy) dial() *s7Link {
	l := &s7Link{session: d.service.Open(emulate.Peer{}), conn: s7comm.Protocol{}.New()}
	l.conn.(wire.Reuser).Reuse()
	return l
}

// ask sends the bytes of a request and gives those of the answer.
func (l *s7Link) ask(t testing.TB, b []byte) []byte {
	t.Helper()
	n, req, err := l.conn.Next(wire.Client, b, false)
	if err != nil || n != len(b) {
		t.Fatalf("request %x: took %d of %d bytes: %v", b, n, len(b), err)
	}
	if req == nil {
		return nil
	}
	a := l.session.Answer(req)
	l.closed = a.Close
	l.tick = a.Tick
	var out []byte
	for _, m := range a.Messages {
		if out, err = m.Append(out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func s7Message(t testing.TB, b []byte) wire.Message {
	t.Helper()
	n, m, err := s7comm.Protocol{}.New().Next(wire.Server, b, true)
	if err != nil || n == 0 {
		t.Fatalf("answer %x: %v", b, err)
	}
	return m
}

func TestS7RecordingsAnswerAsRecorded(t *testing.T) {
	for _, file := range s7Captures {
		for server, xs := range s7Exchanges(t, file) {
			t.Run(filepath.Base(file)+"/"+server.Addr().String(), func(t *testing.T) {
				d := newS7Decoy(t, s7Learned(t, xs))
				links := map[uint64]*s7Link{}
				var asked, equal, masked int
				for _, x := range xs {
					l := links[x.Conn]
					if l == nil {
						l = d.dial()
						links[x.Conn] = l
					}
					if x.Request == nil || x.Lost && len(x.Replies) == 0 {
						if x.Request != nil {
							b, _ := x.Request.Append(nil)
							l.ask(t, b)
						}
						continue
					}
					req, err := x.Request.Append(nil)
					if err != nil {
						t.Fatal(err)
					}
					got := l.ask(t, req)
					if len(x.Replies) == 0 {
						if len(got) > 0 {
							t.Errorf("packet %d: silent in the recording, answered with %x", x.Packets[0], got)
						}
						continue
					}
					asked++
					want, _ := x.Replies[0].Append(nil)
					if bytes.Equal(got, want) {
						equal++
						masked++
						continue
					}
					if len(got) == 0 {
						t.Errorf("packet %d: %x is not answered", x.Packets[0], req)
						continue
					}
					if c := wire.Diff(x.Replies[0], s7Message(t, got)); len(c.Differences) == 0 {
						masked++
					} else {
						t.Errorf("packet %d: %x\nwant %x\ngot  %x\n%v", x.Packets[0], req, want, got, c.Differences)
					}
				}
				t.Logf("%d asked, %d equal, %d after masking", asked, equal, masked)
			})
		}
	}
}

// s7Rows reads the dissector's table of a capture.
func s7Rows(t testing.TB, file string) (rows []map[string]string) {
	t.Helper()
	name := "../../shared/captures/expected/" + strings.ReplaceAll(file, "/", "__") + ".s7comm.tsv"
	var r io.Reader
	if f, err := os.Open(name); err == nil {
		defer f.Close()
		r = f
	} else if f, err := os.Open(name + ".gz"); err == nil {
		defer f.Close()
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	} else {
		t.Skipf("%s is not here", name)
	}
	c := csv.NewReader(r)
	c.Comma, c.LazyQuotes, c.FieldsPerRecord = '\t', true, -1
	all, err := c.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all[1:] {
		m := map[string]string{}
		for i, v := range row {
			m[all[0][i]] = v
		}
		rows = append(rows, m)
	}
	return rows
}

// TestS7TablesAnswerAsRecorded asks what an independent dissector read, on one connection of its own.
func TestS7TablesAnswerAsRecorded(t *testing.T) {
	for _, file := range s7Captures {
		byServer := s7Exchanges(t, file)
		rows := s7Rows(t, file)
		for _, server := range slices.SortedFunc(maps.Keys(byServer), netip.AddrPort.Compare) {
			t.Run(filepath.Base(file)+"/"+server.Addr().String(), func(t *testing.T) {
				d := newS7Decoy(t, s7Learned(t, byServer[server]))
				l := d.dial()
				tsap := "0102"
				if strings.Contains(file, "linux-cooked") {
					tsap = "0101"
				}
				if cc := l.ask(t, unhex(t, "0300001611e00000000100c0010ac1020100c202"+tsap)); len(cc) != 22 {
					t.Fatalf("connection refused: %x", cc)
				}
				l.ask(t, unhex(t, "0300001902f08032010000ffff00080000f0000001000101e0"))
				var asked, equal int
				for _, r := range rows {
					if r["server"] != server.String() || r["req_s7"] == "" {
						continue
					}
					req := unhex(t, r["req_s7"])
					got := l.ask(t, append([]byte{3, 0, byte((len(req) + 7) >> 8), byte(len(req) + 7), 2, 0xf0, 0x80}, req...))
					if r["rsp_s7"] == "" {
						continue
					}
					asked++
					if want := unhex(t, r["rsp_s7"]); len(got) > 7 && bytes.Equal(got[7:], want) {
						equal++
					} else if asked-equal < 6 {
						t.Logf("frame %s: %x\nwant %x\ngot  %x", r["req_frame"], req, want, got[min(7, len(got)):])
					}
				}
				t.Logf("%d asked, %d equal", asked, equal)
				if asked < 50 && asked-equal > 1 || asked >= 50 && equal*100 < asked*98 {
					t.Errorf("only %d of %d are equal", equal, asked)
				}
			})
		}
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(fmt.Errorf("%q: %w", s, err))
	}
	return b
}
