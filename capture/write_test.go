package capture

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ringer/capture/wire"
)

// line is all of an exchange that a Writer keeps, as text.
func line(x Exchange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %v %v>%v/%s %s %q lost=%v", x.At.UnixNano(), x.Latency, x.Client, x.Server, x.Transport, x.Protocol.Name(), x.Note, x.Lost)
	if x.Request != nil {
		raw, err := x.Request.Append(nil)
		fmt.Fprintf(&b, " ask %x %v", raw, err)
	}
	for _, m := range x.Replies {
		raw, err := m.Append(nil)
		fmt.Fprintf(&b, " say %x %v", raw, err)
	}
	return b.String()
}

func all(t testing.TB, data []byte, opt Options) []Exchange {
	t.Helper()
	var list []Exchange
	for x, err := range Exchanges(bytes.NewReader(data), opt) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	return list
}

func written(t testing.TB, list []Exchange) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, x := range list {
		if err := w.Write(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestWriteRecordings writes the exchanges of every real capture and reads them back.
func TestWriteRecordings(t *testing.T) {
	total := 0
	eachRecording(t, func(t *testing.T, path, name string) {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		force := map[uint16]wire.Protocol{}
		var list []Exchange
		for x, err := range Exchanges(f, Options{Warn: func(error) {}}) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, x)
			force[x.Server.Port()] = x.Protocol
		}
		total += len(list)
		again := all(t, written(t, list), Options{ForcePort: force})
		differs := 0
		for i := range max(len(list), len(again)) {
			var a, b string
			if i < len(list) {
				a = line(list[i])
			}
			if i < len(again) {
				b = line(again[i])
			}
			if a != b {
				if differs++; differs < 4 {
					t.Errorf("exchange %d of %d:\n%.400s\nread back (of %d):\n%.400s", i, len(list), a, len(again), b)
				}
			}
		}
		if differs > 3 {
			t.Errorf("%d exchanges differ", differs)
		}
	})
	t.Logf("%d exchanges", total)
}

// TestWriteDissector lets tshark look for anything odd in what was written.
func TestWriteDissector(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("no tshark")
	}
	for _, name := range []string{"modbus/lemay-6rtu-characterization.pcap", "http/hp-printer-ipp.pcap", "s7comm/s7comm_reading_plc_status.pcap", "snmp/snmpwalk-short.pcap", "http/website-bro.org.pcap"} {
		f, err := Open(filepath.Join(recordings, name))
		if err != nil {
			t.Skipf("no real captures: %v", err)
		}
		var list []Exchange
		for x, err := range Exchanges(f, Options{}) {
			if err != nil {
				t.Fatal(err)
			}
			if !x.Lost {
				list = append(list, x)
			}
		}
		f.Close()
		list[0].Note = "the first of " + name
		out := filepath.Join(t.TempDir(), "out.pcapng")
		if err := os.WriteFile(out, written(t, list), 0o600); err != nil {
			t.Fatal(err)
		}
		odd, err := exec.Command(tshark, "-r", out, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
			"-Y", "_ws.malformed || tcp.analysis.flags || tcp.checksum.status==0 || udp.checksum.status==0 || ip.checksum.status==0", "-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message").Output()
		if err != nil {
			t.Fatal(err)
		}
		if len(bytes.TrimSpace(odd)) > 0 {
			t.Errorf("%s: %.2000s", name, odd)
		}
		note, err := exec.Command(tshark, "-r", out, "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment").Output()
		if err != nil || strings.TrimSpace(string(note)) != list[0].Note {
			t.Errorf("%s: comment %q, %v", name, note, err)
		}
	}
}
