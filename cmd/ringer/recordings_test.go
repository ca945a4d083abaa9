package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ringer/replay"
)

// recordings lists the real captures that hold a protocol of ours. What is wrapped in SOCKS is not read.
func recordings(t *testing.T) []string {
	t.Helper()
	files, _ := filepath.Glob("../../../shared/captures/*/*.*cap*")
	if len(files) == 0 {
		t.Skip("no captures in ../shared/captures beside the repository: nothing to replay")
	}
	var out []string
	for _, f := range files {
		if dir := filepath.Base(filepath.Dir(f)); dir != "expected" && !strings.HasPrefix(filepath.Base(f), "socks5") {
			out = append(out, f)
		}
	}
	return out
}

// ringer runs the command line and gives its exit status and what it printed.
func ringer(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(context.Background(), append([]string{"ringer"}, args...), strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

// holdsOurs says whether there is an exchange in a capture.
func holdsOurs(t *testing.T, name string) bool {
	_, out, errs := ringer("capture", "--list", "--json", name)
	var surveys []struct {
		Services []struct{ Exchanges, Unasked int64 }
	}
	if err := json.Unmarshal([]byte(out), &surveys); err != nil {
		t.Logf("%s: %s", name, errs)
		return false
	}
	for _, s := range surveys[0].Services {
		if s.Exchanges > 0 {
			return true
		}
	}
	return false
}

type replayed struct {
	Failures    []string
	Total       replay.Row
	Differences []replay.Difference
}

// replayTable prints what the replays of all captures came to, and fails on any difference.
func replayTable(t *testing.T, play func(t *testing.T, name string) (status int, stdout, stderr string)) {
	var table strings.Builder
	var sum replay.Row
	fmt.Fprintf(&table, "%-58s %6s %6s %6s %6s %6s %6s\n", "capture", "asked", "equal", "masked", "differ", "lost", "unsaid")
	row := func(name string, r *replay.Row) {
		fmt.Fprintf(&table, "%-58s %6d %6d %6d %6d %6d %6d\n", name, r.Asked, r.Equal, r.Masked, r.Different+r.NoAnswer, r.Lost, r.Unsaid)
	}
	for _, name := range recordings(t) {
		if !holdsOurs(t, name) {
			continue
		}
		short := filepath.Base(filepath.Dir(name)) + "/" + filepath.Base(name)
		status, out, errs := play(t, name)
		var r replayed
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Errorf("%s: status %d: %s", short, status, errs)
			continue
		}
		row(short, &r.Total)
		sum.Merge(&r.Total)
		for i, d := range r.Differences {
			if i == 5 {
				t.Errorf("%s: and %d differences more", short, len(r.Differences)-i)
				break
			}
			t.Errorf("%s: packet %d, %s: %s: want %s, got %s", short, d.Packet, d.Class, d.Path, d.Want, d.Got)
		}
		if status != 0 && len(r.Differences) == 0 {
			t.Errorf("%s: status %d: %v %s", short, status, r.Failures, errs)
		}
	}
	row("total", &sum)
	t.Logf("\n%s", table.String())
	if sum.Asked == 0 {
		t.Error("nothing was asked")
	}
}

// TestCapturesInProcess: capture, then replay against the learned profile, without sockets.
func TestCapturesInProcess(t *testing.T) {
	replayTable(t, func(t *testing.T, name string) (int, string, string) {
		dir := filepath.Join(t.TempDir(), "out")
		if status, out, errs := ringer("capture", name, "-o", dir); status != 0 {
			return status, out, errs
		}
		return ringer("replay", name, "--against", dir, "--json")
	})
}

// TestCapturesOverSockets: capture, emulate, then replay as fast as possible over real sockets.
func TestCapturesOverSockets(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	replayTable(t, func(t *testing.T, name string) (int, string, string) {
		dir := filepath.Join(t.TempDir(), "out")
		if status, out, errs := ringer("capture", name, "-o", dir); status != 0 {
			return status, out, errs
		}
		decoy := serve(t, "emulate", dir, "--bind", "127.0.90.2/8", "--port-offset", "17000", "--timing", "none", "--events", "none", "--json")
		defer decoy.end()
		args := []string{"replay", name, "--port-offset", "17000", "--speed", "max", "--json"}
		for _, s := range decoy.table(t) {
			args = append(args, "--map", s.Device+"="+hostOf(s.Address))
		}
		return ringer(args...)
	})
}

// TestCapturesSplit: what was learned from the first half of a capture answers the second half. Captures that
// ask nothing twice say nothing.
func TestCapturesSplit(t *testing.T) {
	var table strings.Builder
	var sum replay.Split
	row := func(name string, s *replay.Split) {
		fmt.Fprintf(&table, "%-58s %6d %6d %6d %7.2f%%\n", name, s.Known, s.Same, s.Equal, 100*s.Share())
	}
	fmt.Fprintf(&table, "%-58s %6s %6s %6s %8s\n", "capture", "asked", "same", "equal", "same")
	for _, name := range recordings(t) {
		if !holdsOurs(t, name) {
			continue
		}
		short := filepath.Base(filepath.Dir(name)) + "/" + filepath.Base(name)
		_, out, errs := ringer("replay", name, "--split", "0.5", "--json")
		var s replay.Split
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Errorf("%s: %s", short, errs)
			continue
		}
		if s.Known == 0 {
			continue
		}
		row(short, &s)
		sum.Known, sum.Same, sum.Equal = sum.Known+s.Known, sum.Same+s.Same, sum.Equal+s.Equal
		for _, d := range s.Different {
			t.Logf("%s: packet %d, %s: want %s, got %s", short, d.Packet, d.Class, d.Want, d.Got)
		}
	}
	row("total", &sum)
	t.Logf("\n%s", table.String())
	if sum.Share() < splitWanted {
		t.Errorf("%.2f %% have the recorded structure", 100*sum.Share())
	}
}

// A served decoy runs in this process until end is called.
type serving struct {
	stop     context.CancelFunc
	done     chan int
	out, err lockedBuffer
}

func serve(t *testing.T, args ...string) *serving {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &serving{stop: stop, done: make(chan int, 1)}
	go func() { s.done <- run(ctx, append([]string{"ringer"}, args...), strings.NewReader(""), &s.out, &s.err) }()
	return s
}

func (s *serving) end() int {
	s.stop()
	return <-s.done
}

// table waits until the decoy has printed what it serves.
func (s *serving) table(t *testing.T) (rows []servedJSON) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if json.Unmarshal([]byte(s.out.String()), &rows) == nil {
			return rows
		}
	}
	t.Fatalf("nothing is served: %s", s.err.String())
	return nil
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
