package capture

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ringer/capture/http"
	"ringer/capture/modbus"
	"ringer/testdata/expected"
)

// table reads one of the dissector's tables, nil if there is none.
func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	rows, err := expected.Read(filepath.Join(recordings, "expected", name+".tsv"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return rows
}

func read(t testing.TB, path string, opt Options) []Exchange {
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if opt.Warn == nil {
		opt.Warn = func(err error) { t.Log(err) }
	}
	var list []Exchange
	for x, err := range Exchanges(f, opt) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	return list
}

// A pair is a request and its reply as a table prints them; one of the two may be empty.
type pair struct{ server, ask, say string }

// compare wants every pair of a table to have been read. Where the dissector shows only half of a pair,
// as it does for segments that it takes for retransmissions, the half must be there.
func compare(t *testing.T, want, got map[pair]int) {
	equal, rows := 0, 0
	asks, says := map[string]int{}, map[string]int{}
	surplus := 0
	for k, n := range got {
		if n -= want[k]; n > 0 {
			surplus += n
			asks[k.server+k.ask] += n
			says[k.server+k.say] += n
			t.Logf("not in the table, %d times: %.200v", n, k)
		}
	}
	for k, n := range want {
		rows += n
		equal += min(n, got[k])
		for n -= got[k]; n > 0; n-- {
			half := asks
			key := k.server + k.ask
			if k.ask == "" {
				half, key = says, k.server+k.say
			}
			if k.ask != "" && k.say != "" || half[key] == 0 {
				t.Errorf("not read: %.400v", k)
				continue
			}
			half[key]--
			equal++
		}
	}
	t.Logf("%d of %d rows", equal, rows)
	if surplus > 8+rows/50 {
		t.Errorf("%d that are not among the %d rows", surplus, rows)
	}
}

func TestModbusTables(t *testing.T) {
	eachRecording(t, func(t *testing.T, path, name string) {
		rows := table(t, name+".modbus")
		if rows == nil || strings.Contains(name, "fuzz") { // whose sequence numbers are damaged
			return
		}
		want, got := map[pair]int{}, map[pair]int{}
		for _, r := range rows {
			want[pair{r["server"] + "/" + r["unit"], r["req_pdu"], r["rsp_pdu"]}]++
		}
		for _, x := range read(t, path, Options{KeepRaw: true}) {
			if x.Protocol != (modbus.Protocol{}) {
				continue
			}
			unit, pdu := "", [2]string{}
			for i, b := range x.Raw {
				if len(b) > 7 {
					unit, pdu[i] = strconv.Itoa(int(b[6])), hex.EncodeToString(b[7:])
				}
			}
			got[pair{x.Server.String() + "/" + unit, pdu[0], pdu[1]}]++
		}
		compare(t, want, got)
	})
}

// s7pdu takes the TPKT and COTP headers off.
func s7pdu(b []byte) string {
	var out []byte
	for len(b) >= 7 {
		n := int(b[2])<<8 | int(b[3])
		if n > len(b) || n < 7 {
			break
		}
		if b[5]>>4 == 0xf {
			out = append(out, b[5+int(b[4]):n]...)
		}
		b = b[n:]
	}
	return hex.EncodeToString(out)
}

func TestS7Tables(t *testing.T) {
	eachRecording(t, func(t *testing.T, path, name string) {
		rows := table(t, name+".s7comm")
		if rows == nil {
			return
		}
		want, got := map[pair]int{}, map[pair]int{}
		for _, r := range rows {
			want[pair{r["server"], r["req_s7"], r["rsp_s7"]}]++
		}
		for _, x := range read(t, path, Options{KeepRaw: true}) {
			a, b := s7pdu(x.Raw[0]), s7pdu(x.Raw[1])
			if x.Protocol.Name() == "s7" && a+b != "" {
				got[pair{x.Server.String(), a, b}]++
			}
		}
		compare(t, want, got)
	})
}

// TestHTTPTables leaves the servers out, as the tables give the outermost address of what is tunnelled,
// and 100 Continue, which the dissector shows in places of its own.
func TestHTTPTables(t *testing.T) {
	eachRecording(t, func(t *testing.T, path, name string) {
		rows := table(t, name+".http")
		if rows == nil || strings.Contains(name, "socks5") {
			return
		}
		want, got := map[pair]int{}, map[pair]int{}
		for _, r := range rows {
			if r["status"] != "100" {
				want[pair{"", strings.TrimSpace(r["method"] + " " + r["uri"]), r["status"]}]++
			}
		}
		for _, x := range read(t, path, Options{}) {
			if x.Protocol != (http.Protocol{}) {
				continue
			}
			var k pair
			switch q := x.Request.(type) {
			case *http.Request:
				k.ask = q.Method + " " + q.Target
			case *http.Content:
				k.ask = q.Method + " " + q.Target
			}
			for _, m := range x.Replies {
				if r, ok := m.(*http.Response); ok {
					k.say = strconv.Itoa(r.Status)
				}
			}
			if k.say != "100" {
				got[k]++
			}
		}
		compare(t, want, got)
	})
}

// TestSNMPTables: every datagram that the dissector takes for SNMP is part of an exchange.
func TestSNMPTables(t *testing.T) {
	eachRecording(t, func(t *testing.T, path, name string) {
		rows := table(t, name+".snmp")
		if rows == nil {
			return
		}
		seen := map[string]bool{}
		for _, x := range read(t, path, Options{}) {
			seen[strconv.Itoa(x.Packets[0])], seen[strconv.Itoa(x.Packets[1])] = true, true
		}
		for _, r := range rows {
			if !seen[r["frame"]] {
				t.Errorf("packet %s is in no exchange: %s to %s, %s", r["frame"], r["src"], r["dst"], r["pdu"])
			}
		}
	})
}
