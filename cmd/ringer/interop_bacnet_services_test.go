//go:build interop

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bacnetWorks is a device with files, a log, an output with priorities, an alarm, and a password.
var bacnetWorks = map[string]string{
	"device.yaml": `apiVersion: ringer/v1
kind: Device
id: works
services:
- bacnet:
    port: 47808/udp
    device: 7
    values: values.tsv
    password: open
    broadcasts: true
    files: {1: stream.bin}
    records: {2: records.txt}
`,
	"values.tsv": "device,7 object-name\ttext \"Works\"\n" +
		"analog-input,1 present-value\treal 95\nanalog-input,1 event-state\tenum 3\nanalog-input,1 acked-transitions\tbits 011\n" +
		"analog-input,1 event-time-stamps\t[1] 05 [1] 00 [1] 00\n" +
		"analog-output,1 present-value\treal 40\nanalog-output,1 relinquish-default\treal 10\n" +
		"trend-log,1 total-record-count\tunsigned 108\ntrend-log,1 log-buffer\t" + strings.TrimSpace(strings.Join(bacnetLogItems, " ")) + "\n",
	"stream.bin":  "0123456789",
	"records.txt": "\"one\"\n00ff\n\"three\"\n",
}

var bacnetLogItems = []string{
	"[0]{date 2024-05-01/03 time 00:00:00.00} [1]{[2] 40000000}", "[0]{date 2024-05-01/03 time 01:00:00.00} [1]{[2] 41000000}",
	"[0]{date 2024-05-01/03 time 02:00:00.00} [1]{[2] 42000000}", "[0]{date 2024-05-01/03 time 03:00:00.00} [1]{[2] 43000000}",
	"[0]{date 2024-05-01/03 time 04:00:00.00} [1]{[2] 44000000}", "[0]{date 2024-05-01/03 time 05:00:00.00} [1]{[2] 45000000}",
	"[0]{date 2024-05-01/03 time 06:00:00.00} [1]{[2] 46000000}", "[0]{date 2024-05-01/03 time 07:00:00.00} [1]{[2] 47000000}",
}

func bacnetServices(t *testing.T, python, me, target string, flags ...string) string {
	t.Helper()
	cmd := exec.Command(python, append([]string{"testdata/bacnet_services.py", me, target}, flags...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bacpypes3: %v\n%s\n%s", err, out, errs.String())
	}
	return string(out)
}

// TestInteropBACnetServices: bacpypes3 reads and appends to files, reads ranges of a log, writes several properties of
// which one cannot be, acknowledges an alarm, silences the device and restarts it with the right password, and hears
// as a foreign device.
func TestInteropBACnetServices(t *testing.T) {
	python := bacnetPython(t)
	dir := t.TempDir()
	for name, text := range bacnetWorks {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop := decoy(t, nil, dir, "--bind", "127.0.91.1", "--timing", "none")
	defer stop()
	diffLines(t, `stream ('end', b'0123456789')
records ('more', 2, [b'one', b'\x00\xff'])
records behind ('end', 1, [b'three'])
records of a stream refused: services: invalid-file-access-method
append 3
records now ('end', 2, [b'three', b'new'])
append bytes 10
size now 12 4
range by position (3, '', None)
range back (2, 'last-item', None)
range by sequence (4, 'last-item', 105)
range by time (2, '', 105)
write several refused: write-access-denied at analog-input,1
up to there 5.0
create refused: unrecognized-service
events [('analog-input,1', 'high-limit', 'to-fault;to-normal')]
acknowledge another refused: services: invalid-time-stamp
acknowledge done
events after ['to-offnormal;to-fault;to-normal']
restart wrong refused: security: password-failure
restart done
silence done
while silent no answer
speak done
after done
registered 0
everybody ['device,7']
`, bacnetServices(t, python, "127.0.91.2", "127.0.91.1"))
}

// TestInteropCloneBACnetFiles: files of bytes and of records of a device made with bacpypes3 are cloned, and read from
// the decoy alike.
func TestInteropCloneBACnetFiles(t *testing.T) {
	python := bacnetPython(t)
	stopServer := start(t, python, "testdata/bacnet_files.py", "127.0.92.1")
	time.Sleep(3 * time.Second)
	want := bacnetServices(t, python, "127.0.92.2", "127.0.92.1", "--files")
	profile, evidence, _ := cloneBACnet(t, "127.0.92.1", "--files")
	stopServer()
	bacnetOnlyReads(t, evidence, profile)
	stop := decoy(t, nil, profile, "--bind", "127.0.92.3")
	defer stop()
	diffLines(t, want, bacnetServices(t, python, "127.0.92.4", "127.0.92.3", "--files"))
	if n := strings.Count(want, "\n"); n != 4 || !strings.Contains(want, "b'third'") {
		t.Errorf("the original printed\n%s", want)
	}
	for pattern, size := range map[string]int{"*-file-1.bin": 7 * 256, "*-file-2.txt": 8 + 5 + 8 + 10*11 + 30*12} {
		names, err := filepath.Glob(filepath.Join(profile, "bacnet", pattern))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		if b, err := os.ReadFile(names[0]); err != nil || len(b) != size {
			t.Errorf("%s: %d bytes are learned, want %d, error %v: %q", pattern, len(b), size, err, b)
		}
	}
}
