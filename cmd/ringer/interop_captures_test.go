//go:build interop

package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// judged is a table of an independent dissector that the oracle can ask, and the capture that it is of.
type judged struct{ table, kind, capture string }

func judgedTables(t *testing.T) (all []judged) {
	t.Helper()
	tables, _ := filepath.Glob(filepath.Join(shared, "captures/expected/*.tsv*"))
	if len(tables) == 0 {
		t.Skipf("no tables in %s/captures/expected", shared)
	}
	for _, table := range tables {
		name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(table), ".gz"), ".tsv")
		dot := strings.LastIndexByte(name, '.')
		folder, file, _ := strings.Cut(name[:dot], "__")
		switch kind := name[dot+1:]; kind {
		case "modbus", "s7comm", "snmp", "http", "bacnet", "enip":
			all = append(all, judged{table, kind, filepath.Join(shared, "captures", folder, file)})
		}
	}
	return all
}

// explained are the rows of a table that cannot be equal, as docs/verification.md says.
var explained = map[string]int{"tunnels-gre-erspan-vlan-frag.pcap": 3, "Plant1_EthernetIP.pcap": 1}

// TestInteropOracle: rawreplay.py, which shares no code with ringer, asks a fresh decoy of every device in
// every table what was asked in the capture, and compares raw bytes.
func TestInteropOracle(t *testing.T) {
	oracle := filepath.Join(shared, "oracle/rawreplay.py")
	need(t, "python3")
	var asked, equal atomic.Int64
	t.Cleanup(func() {
		t.Logf("all tables: asked %d, equal %d (%.2f %%)", asked.Load(), equal.Load(), 100*float64(equal.Load())/float64(max(asked.Load(), 1)))
	})
	for i, j := range judgedTables(t) {
		list := output(t, "python3", oracle, "--list", j.table)
		for k, line := range strings.Split(strings.TrimSpace(list), "\n") {
			server, _, _ := strings.Cut(line, " ")
			if server == "" || j.kind == "bacnet" && strings.Count(server, ":") > 1 { // a station on another link
				continue
			}
			t.Run(fmt.Sprintf("%s/%s/%s", filepath.Base(j.capture), j.kind, server), func(t *testing.T) {
				t.Parallel()
				host, port := splitServer(t, server)
				if strings.HasPrefix(filepath.Base(j.capture), "socks5") {
					t.Skip("HTTP inside SOCKS is not read")
				}
				if out, err := exec.Command("python3", oracle, j.kind, "127.0.0.1:9", j.table, "--server", server, "--limit", "1", "--timeout", "0.1").Output(); err != nil && strings.Contains(string(out), "nothing in this table") {
					t.Skip(strings.TrimSpace(string(out)))
				}
				dir := t.TempDir()
				learn := []string{"capture", j.capture, "--keep-secrets", "-o", dir}
				out, err := exec.Command(built(t), append(learn, "--device", host)...).CombinedOutput()
				if err != nil {
					// The dissector's table names the ends of a tunnel, ringer the device inside it.
					out, err = exec.Command(built(t), learn...).CombinedOutput()
				}
				if err != nil {
					t.Fatalf("capture: %v\n%s", err, out)
				}
				at := fmt.Sprintf("127.0.%d.%d", 100+i, k+1)
				var ports []string
				if j.kind != "snmp" && j.kind != "bacnet" {
					ports = []string{at + ":" + port}
				}
				stop := decoy(t, ports, filepath.Join(dir, filepath.Base(only(t, dir))), "--bind", at)
				args := []string{oracle, j.kind, at + ":" + port, j.table, "--server", server, "--json"}
				if strings.Contains(j.capture, "s7comm_plus-linux-cooked") {
					args = append(args, "--tsap", "0x0101")
				}
				out, err = exec.Command("python3", args...).Output()
				stop()
				var r struct{ Asked, Equal, Shape, Differs, Silent int }
				if e := json.Unmarshal(out, &r); e != nil {
					t.Fatalf("%v: %v\n%s", err, e, out)
				}
				t.Logf("asked %d, equal %d, same shape %d, different %d, silent %d", r.Asked, r.Equal, r.Shape, r.Differs, r.Silent)
				asked.Add(int64(r.Asked))
				equal.Add(int64(r.Equal))
				if ok := r.Asked-r.Equal <= max(1, explained[filepath.Base(j.capture)]) || r.Asked >= 50 && r.Equal*100 >= r.Asked*98; !ok {
					show, _ := exec.Command("python3", append(args[:len(args):len(args)], "--show", "4")...).CombinedOutput()
					t.Errorf("%d of %d equal\n%s", r.Equal, r.Asked, show)
				}
			})
		}
	}
}

func splitServer(t *testing.T, s string) (host, port string) {
	t.Helper()
	i := strings.LastIndexByte(s, ':')
	host, port = strings.Trim(s[:i], "[]"), s[i+1:]
	if _, err := netip.ParseAddr(host); err != nil {
		t.Fatalf("server %q: %v", s, err)
	}
	return host, port
}

// only is the one profile in a folder.
func only(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*", "device.yaml"))
	if err != nil || len(found) != 1 {
		t.Fatalf("want one profile in %s, found %d", dir, len(found))
	}
	return filepath.Dir(found[0])
}
