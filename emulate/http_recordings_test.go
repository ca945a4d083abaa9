package emulate_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

const httpShared = "../../shared/captures/"

// httpCaptures are the captures that hold HTTP with both directions, and the dissector's tables of them.
var httpCaptures = []string{
	"http/1000-requests-one-dropped-response.pcap.gz", "http/basic-auth.pcap", "http/hp-printer-ipp.pcap",
	"http/router-upnp-and-ftp.pcap", "http/website-bro.org.pcap", "mixed/s4-modicon-plc.pcap",
	"nasty/sll2-http.pcap", "nasty/tcp-out-of-order-http.pcap", "nasty/nanosecond-big-endian.pcap",
	"nasty/mixed-vlan-mpls.pcap", "nasty/pcapng-22-interfaces.pcapng", "nasty/tunnels-gre-erspan-vlan-frag.pcap",
}

// httpExchanges reads the HTTP exchanges of a capture, by server.
func httpExchanges(t testing.TB, file string) map[netip.AddrPort][]capture.Exchange {
	t.Helper()
	f, err := capture.Open(httpShared + file)
	if err != nil {
		t.Skipf("../shared/captures is not here: %v", err)
	}
	defer f.Close()
	all := map[netip.AddrPort][]capture.Exchange{}
	for x, err := range capture.Exchanges(f, capture.Options{Name: file, Warn: func(err error) { t.Log(err) }}) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Protocol.Name() == "http" && x.Transport == "tcp" {
			all[x.Server] = append(all[x.Server], x)
		}
	}
	return all
}

// httpLearned makes a profile of exchanges, saves it and loads it again.
func httpLearned(t testing.TB, xs []capture.Exchange, keep bool) *profiles.Device {
	t.Helper()
	dir := t.TempDir()
	folder, err := profiles.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	dev := &profiles.Device{ID: "device"}
	seq := func(yield func(capture.Exchange, error) bool) {
		for _, x := range xs {
			if !yield(x, nil) {
				return
			}
		}
	}
	source := clone.Source{ID: "c00000001", Capture: profiles.Capture{File: "a.pcap"}}
	if err := clone.Learn(dev, seq, source, clone.Options{KeepSecrets: keep}, folder.Create); err != nil {
		t.Fatal(err)
	}
	if err := dev.Save(dir); err != nil {
		t.Fatal(err)
	}
	if dev, err = profiles.Load(dir); err != nil {
		t.Fatal(err)
	}
	return dev
}

// A httpDecoy is a web server in this process, with a session for every connection.
type httpDecoy struct {
	service emulate.Service
	conns   map[uint64]*httpLink
}

type httpLink struct {
	session emulate.Session
	conn    wire.Conn
}

func openHTTPDecoy(t testing.TB, dev *profiles.Device, set emulate.Settings) *httpDecoy {
	t.Helper()
	st, err := emulate.NewState(dev, set)
	if err != nil {
		t.Fatal(err)
	}
	for i := range dev.Services {
		if dev.Services[i].Protocol == "http" {
			s, err := emulate.Open(st, dev, &dev.Services[i], http.Protocol{})
			if err != nil {
				t.Fatal(err)
			}
			return &httpDecoy{s, map[uint64]*httpLink{}}
		}
	}
	t.Fatal("the profile has no HTTP")
	return nil
}

func (d *httpDecoy) link(conn uint64) *httpLink {
	l := d.conns[conn]
	if l == nil {
		local := netip.MustParseAddrPort("127.0.0.2:80")
		l = &httpLink{d.service.Open(emulate.Peer{Remote: netip.MustParseAddrPort("127.0.0.1:4711"), Local: local}), http.Protocol{}.New()}
		l.conn.(wire.Reuser).Reuse()
		d.conns[conn] = l
	}
	return l
}

// ask sends the bytes of one request and gives the bytes and the messages of the answer.
func (d *httpDecoy) ask(t testing.TB, conn uint64, req []byte) (out []byte, a emulate.Answer) {
	t.Helper()
	l := d.link(conn)
	n, m, err := l.conn.Next(wire.Client, req, true)
	if err != nil || n != len(req) {
		t.Fatalf("%q: took %d bytes, error %v", req, n, err)
	}
	a = l.session.Answer(m)
	for _, m := range a.Messages {
		if out, err = m.Append(out); err != nil {
			t.Fatal(err)
		}
	}
	return out, a
}

// Capture, emulate, replay: whoever asks in the recorded order gets the recorded answers, byte for byte,
// whether or not the secrets were taken out of the profile.
func TestHTTPRecordings(t *testing.T) {
	for _, file := range httpCaptures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := httpExchanges(t, file)
			for _, server := range slices.SortedFunc(maps.Keys(all), netip.AddrPort.Compare) {
				var asked, equal, same, silent, lost, unasked, shown int
				var now time.Time
				dev := httpLearned(t, all[server], false)
				if len(dev.Services) == 0 {
					t.Logf("%s: %d exchanges that say nothing", server, len(all[server]))
					continue
				}
				d := openHTTPDecoy(t, dev, emulate.Settings{Now: func() time.Time { return now }})
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
					got, a := d.ask(t, x.Conn, req)
					if x.Lost && len(x.Replies) == 0 {
						lost++
						continue
					}
					var want []byte
					differences := 0
					for i, m := range x.Replies {
						want, _ = m.Append(want)
						if i < len(a.Messages) {
							differences += len(wire.Diff(m, a.Messages[i]).Differences)
						} else {
							differences++
						}
					}
					if len(x.Replies) == 0 {
						silent++
						differences = len(a.Messages)
					} else {
						asked++
						if differences == 0 {
							same++
						}
						if bytes.Equal(want, got) {
							equal++
						}
					}
					if differences > 0 || !bytes.Equal(want, got) {
						if shown++; shown < 5 {
							t.Errorf("%s packet %d: asked %.200q\nwant %.400q\ngot  %.400q", server, x.Packets[0], req, want, got)
						}
					}
				}
				t.Logf("%s: %d asked, %d equal byte for byte, %d after masking; %d silent, %d lost, %d without request",
					server, asked, equal, same, silent, lost, unasked)
			}
		})
	}
}

// The questions of an independent dissector's tables get the status and the body of the tables, though
// they come without most of the recorded headers and each on a connection of its own.
func TestHTTPTables(t *testing.T) {
	for _, file := range httpCaptures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := httpExchanges(t, file)
			rows := httpTable(t, httpShared+"expected/"+strings.ReplaceAll(file, "/", "__")+".http.tsv")
			decoys := map[string]*httpDecoy{}
			asked, equal := map[string]int{}, map[string]int{}
			for i, r := range rows {
				server := r["server"]
				if (r["method"] != "GET" && r["method"] != "HEAD") || slices.Contains([]string{"100", "304", "206"}, r["status"]) {
					continue
				}
				d := decoys[server]
				if d == nil {
					addr, err := netip.ParseAddrPort(server)
					if err != nil { // the tables write [::1]:80 without brackets
						cut := strings.LastIndexByte(server, ':')
						addr = netip.MustParseAddrPort("[" + server[:cut] + "]" + server[cut:])
					}
					xs := all[addr]
					if len(xs) == 0 && len(all) == 1 { // the table has the outer address of a tunnel
						for _, xs = range all {
						}
					}
					d = openHTTPDecoy(t, httpLearned(t, xs, true), emulate.Settings{})
					decoys[server] = d
				}
				req := fmt.Sprintf("%s %s %s\r\n", r["method"], r["uri"], r["version"])
				for _, f := range [][2]string{{"Host", "host"}, {"User-Agent", "user_agent"}, {"Authorization", "authorization"}} {
					if r[f[1]] != "" {
						req += f[0] + ": " + r[f[1]] + "\r\n"
					}
				}
				if r["version"] == "" {
					continue
				}
				got, a := d.ask(t, uint64(i), []byte(req+"Connection: close\r\n\r\n"))
				if r["status"] == "" {
					continue
				}
				asked[server]++
				if len(got) > 0 && !a.Close {
					t.Errorf("row %d: the connection stays open", i)
				}
				want := r["status"] + " " + r["body_sha256"]
				if r["body_sha256"] == "" {
					want += fmt.Sprintf("%x", sha256.Sum256(nil))
				}
				said := ""
				if len(a.Messages) > 0 {
					if m, ok := a.Messages[len(a.Messages)-1].(*http.Response); ok {
						sum := sha256.Sum256(m.Plain())
						said = fmt.Sprint(m.Status) + " " + hex.EncodeToString(sum[:])
					}
				}
				if r["body_len"] == "0" && r["content_encoding"] != "" && r["content_length"] != "" {
					// The dissector decompressed this body, and the table has none: its length must do.
					if m := a.Messages[len(a.Messages)-1].(*http.Response); len(m.Plain()) > 0 && fmt.Sprint(len(m.Plain())) == r["content_length"] {
						said = want
					}
				}
				if said == want {
					equal[server]++
				} else if asked[server]-equal[server] < 5 {
					t.Logf("%s frame %s %s %s: want %s, got %s", server, r["req_frame"], r["method"], r["uri"], want, said)
				}
			}
			for server, n := range asked {
				missed := n - equal[server]
				t.Logf("%s: %d asked, %d equal", server, n, equal[server])
				if n < 50 && missed > 1 || n >= 50 && missed*50 > n {
					t.Errorf("%s: %d of %d answers differ from the table", server, missed, n)
				}
			}
		})
	}
}

func httpTable(t testing.TB, name string) (rows []map[string]string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Skipf("the expected table is not here: %v", err)
	}
	defer f.Close()
	c := csv.NewReader(f)
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

// A damaged recording makes a profile, too, and the decoy answers whoever asks as it was asked there.
func TestHTTPDamagedRecordings(t *testing.T) {
	for _, file := range []string{"http/hp-printer-ipp.pcap", "http/router-upnp-and-ftp.pcap", "nasty/nanosecond-big-endian.pcap", "nasty/tunnels-gre-erspan-vlan-frag.pcap"} {
		whole, err := os.ReadFile(httpShared + file)
		if err != nil {
			t.Skipf("../shared/captures is not here: %v", err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		for i := range 25 {
			damaged := slices.Clone(whole)
			for range 1 + i*i {
				damaged[24+random.IntN(len(damaged)-24)] ^= byte(1 + random.IntN(255))
			}
			all := map[netip.AddrPort][]capture.Exchange{}
			for x, err := range capture.Exchanges(bytes.NewReader(damaged), capture.Options{Name: file}) {
				if err == nil && x.Protocol.Name() == "http" && x.Transport == "tcp" {
					all[x.Server] = append(all[x.Server], x)
				}
			}
			for _, xs := range all {
				dev := httpLearned(t, xs, i%2 == 0)
				if len(dev.Services) == 0 {
					continue
				}
				d := openHTTPDecoy(t, dev, emulate.Settings{})
				for _, x := range xs {
					if x.Request == nil {
						continue
					}
					req, err := x.Request.Append(nil)
					if err != nil {
						t.Fatal(err)
					}
					l := d.link(x.Conn)
					if n, m, err := l.conn.Next(wire.Client, req, true); err != nil {
						l.session.(emulate.Malformed).Malformed(req)
					} else if n > 0 && m != nil {
						for _, m := range l.session.Answer(m).Messages {
							if _, err := m.Append(nil); err != nil {
								t.Error(err)
							}
						}
					}
				}
			}
		}
	}
}
