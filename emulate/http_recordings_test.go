package emulate_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ringer/capture"
	"ringer/capture/http"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/testdata/expected"
)

// httpCaptures are the captures that hold HTTP with both directions, and the dissector's tables of them.
var httpCaptures = []string{
	"http/1000-requests-one-dropped-response.pcap.gz", "http/basic-auth.pcap", "http/hp-printer-ipp.pcap",
	"http/router-upnp-and-ftp.pcap", "http/website-bro.org.pcap", "mixed/s4-modicon-plc.pcap",
	"nasty/sll2-http.pcap", "nasty/tcp-out-of-order-http.pcap", "nasty/nanosecond-big-endian.pcap",
	"nasty/mixed-vlan-mpls.pcap", "nasty/pcapng-22-interfaces.pcapng", "nasty/tunnels-gre-erspan-vlan-frag.pcap",
}

// Capture, emulate, replay: whoever asks in the recorded order gets the recorded answers, byte for byte,
// whether or not the secrets were taken out of the profile.
func TestHTTPRecordings(t *testing.T) {
	playRecordings(t, httpCaptures, true, http.Protocol{})
}

// The questions of an independent dissector's tables get the status and the body of the tables, though
// they come without most of the recorded headers and each on a connection of its own.
func TestHTTPTables(t *testing.T) {
	for _, file := range httpCaptures {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := exchanges(t, file, http.Protocol{})
			rows := expected.Rows(t, sharedCaptures, file, "http")
			decoys := map[string]*decoy{}
			seen := map[string]*tally{}
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
					d = openDecoy(t, learnedAs(t, "c00000001", clone.Options{KeepSecrets: true}, xs), emulate.Settings{}, http.Protocol{})
					decoys[server], seen[server] = d, &tally{}
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
				a := d.dial("http").answer(t, []byte(req+"Connection: close\r\n\r\n"))
				if r["status"] == "" {
					continue
				}
				if len(a.Messages) > 0 && !a.Close {
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
				seen[server].row(t, said == want, "%s frame %s %s %s: want %s, got %s", server, r["req_frame"], r["method"], r["uri"], want, said)
			}
			for server, seen := range seen {
				seen.check(t, server)
			}
		})
	}
}

// A damaged recording makes a profile, too, and the decoy answers whoever asks as it was asked there.
func TestHTTPDamagedRecordings(t *testing.T) {
	for _, file := range []string{"http/hp-printer-ipp.pcap", "http/router-upnp-and-ftp.pcap", "nasty/nanosecond-big-endian.pcap", "nasty/tunnels-gre-erspan-vlan-frag.pcap"} {
		whole, err := os.ReadFile(sharedCaptures + file)
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
				dev := learnedAs(t, "c00000001", clone.Options{KeepSecrets: i%2 == 0}, xs)
				if len(dev.Services) == 0 {
					continue
				}
				d := openDecoy(t, dev, emulate.Settings{}, http.Protocol{})
				for _, x := range xs {
					if x.Request == nil {
						continue
					}
					req, err := x.Request.Append(nil)
					if err != nil {
						t.Fatal(err)
					}
					l := d.link("http", x.Conn)
					if n, m, err := l.conn.Next(wire.Client, req, true); err != nil {
						l.session.(emulate.Malformed).Malformed(req)
					} else if n > 0 && m != nil {
						written(t, l.session.Answer(m).Messages)
					}
				}
			}
		}
	}
}
