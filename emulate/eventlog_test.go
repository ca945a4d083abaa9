package emulate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func toySource(id uint64) *source {
	return &source{
		id: id, device: "a", protocol: toy{}, transport: "tcp",
		remote: netip.MustParseAddrPort("192.0.2.1:1000"), local: netip.MustParseAddrPort("127.0.0.2:502"),
	}
}

func askedTurn(l *EventLog, s *source, req, ans string) {
	l.add(s, []turn{{kind: Asked, from: Point, req: span{0, len(req)}, ans: span{0, len(ans)}}}, []byte(req), []byte(ans), time.Now(), 1)
}

func TestEventLogIsCompleteUnderLoad(t *testing.T) {
	m := &memory{}
	l := NewEventLog(m, EventLogOptions{})
	const sessions, each = 8, 8000 // several times what the queue holds
	var wg sync.WaitGroup
	for i := range sessions {
		wg.Go(func() {
			s := toySource(uint64(i))
			for k := range each {
				askedTurn(l, s, fmt.Sprintf("ask %d\n", k), fmt.Sprintf("answer %d\n", k))
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	next := map[string]int{}
	for _, e := range m.events(t) {
		k := next[e.Session]
		if want := fmt.Sprintf(`{"type":"toyLine","Text":"ask %d"}`, k); string(e.Request) != want {
			t.Fatalf("session %s: %s, want %s", e.Session, e.Request, want)
		}
		if want := fmt.Sprintf(`[{"type":"toyLine","Text":"answer %d"}]`, k); fmt.Sprintf("%s", e.Answers) != want {
			t.Fatalf("session %s: %s, want %s", e.Session, e.Answers, want)
		}
		next[e.Session]++
	}
	for s, n := range next {
		if n != each {
			t.Errorf("session %s: %d events, want %d", s, n, each)
		}
	}
	if len(next) != sessions {
		t.Errorf("%d sessions", len(next))
	}
}

// gate is a writer that waits until it is opened, as a slow disk does.
type gate struct {
	open chan struct{}
	memory
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.memory.Write(p)
}

func TestSessionsWaitForASlowDisk(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	l := NewEventLog(g, EventLogOptions{})
	line := strings.Repeat("x", 1000) + "\n"
	var put atomic.Int64
	const n = 5000
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := toySource(1)
		for range n {
			askedTurn(l, s, line, line)
			put.Add(1)
		}
	}()
	for last := int64(-1); ; { // until it stands still
		time.Sleep(100 * time.Millisecond)
		if now := put.Load(); now == last {
			break
		} else {
			last = now
		}
	}
	if now := put.Load(); now == n || now > 3*batchBytes/2000 {
		t.Errorf("%d records were taken while the disk stood still", now)
	}
	close(g.open)
	<-done
	l.Close()
	if got := len(g.events(t)); got != n {
		t.Errorf("%d events, want %d", got, n)
	}
}

// fullDisk takes some bytes, then nothing until there is room again.
type fullDisk struct {
	mu   sync.Mutex
	full bool
	memory
}

func (d *fullDisk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return 0, errors.New("no space left on device")
	}
	return d.memory.Write(p)
}

func (d *fullDisk) set(full bool) {
	d.mu.Lock()
	d.full = full
	d.mu.Unlock()
}

func TestFullDisk(t *testing.T) {
	var said bytes.Buffer
	disk := &fullDisk{}
	l := NewEventLog(disk, EventLogOptions{Log: slog.New(slog.NewTextHandler(&said, nil))})
	d := toyDecoy(t, Options{Events: l}, toyDevice("a", anyTCP))
	stop := serve(t, d)
	c := dial(t, d, 0)
	ask := func(n int) {
		for range n {
			say(t, c, "one\n")
			hear(t, c, "a one\n")
		}
		// the record is queued after the answer has left
		time.Sleep(20 * time.Millisecond)
		l.Flush()
	}
	ask(3)
	disk.set(true)
	ask(5) // the services go on
	if l.Lost() != 5 {
		t.Errorf("%d events lost, want 5", l.Lost())
	}
	disk.set(false)
	ask(2)
	stop()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	asked, lost := 0, uint64(0)
	for _, e := range disk.events(t) {
		if e.Kind == Asked {
			asked++
		}
		lost += e.Lost
	}
	if asked != 5 || lost != 5 {
		t.Errorf("%d requests in the log and %d noted as lost, want 5 and 5", asked, lost)
	}
	if s := said.String(); strings.Count(s, "level=ERROR") != 1 || !strings.Contains(s, "no space left") || !strings.Contains(s, "written again") {
		t.Errorf("said:\n%s", s)
	}
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	l, err := OpenEvents(path, EventLogOptions{Rotate: 10_000, Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	s := toySource(1)
	for i := range 200 {
		askedTurn(l, s, fmt.Sprintf("ask %d\n", i), "yes\n")
		l.Flush()
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(path + "*")
	if len(names) != 3 {
		t.Errorf("files: %v", names)
	}
	want := 199
	for _, name := range []string{path, path + ".1", path + ".2"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 10_000 || len(b) == 0 || b[len(b)-1] != '\n' {
			t.Errorf("%s has %d bytes", name, len(b))
		}
		lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
		for i := len(lines) - 1; i >= 0; i-- {
			if !bytes.Contains(lines[i], fmt.Appendf(nil, `"ask %d"`, want)) {
				t.Fatalf("%s: %s, want ask %d", name, lines[i], want)
			}
			want--
		}
	}
	again, err := OpenEvents(path, EventLogOptions{}) // a new run adds to the file
	if err != nil {
		t.Fatal(err)
	}
	askedTurn(again, toySource(1), "later\n", "yes\n")
	again.Close()
	if b, _ := os.ReadFile(path); !bytes.Contains(b, []byte(`"later"`)) || !bytes.Contains(b, []byte(`"ask 199"`)) {
		t.Error("the file does not have both runs")
	}
}

func TestRotationThatFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	if err := os.MkdirAll(filepath.Join(path+".1", "in the way"), 0o750); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	l, err := OpenEvents(path, EventLogOptions{Rotate: 1000, Keep: 1, Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		askedTurn(l, toySource(1), "ask\n", "yes\n")
		l.Flush()
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	b, _ := os.ReadFile(path)
	if n := bytes.Count(b, []byte("\n")); n != 50 || l.Lost() != 0 || strings.Count(said.String(), "cannot be put aside") != 1 {
		t.Errorf("%d lines, %d lost, said %q", n, l.Lost(), said.String())
	}
}

func TestDeviceWithoutSpace(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	l, err := OpenEvents("/dev/full", EventLogOptions{Rotate: 10, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		askedTurn(l, toySource(1), "ask\n", "yes\n")
		l.Flush()
	}
	if err := l.Close(); err != nil || l.Lost() != 3 {
		t.Errorf("%v, %d events lost, want 3", err, l.Lost())
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Fatal("a device was put aside")
	}
	askedTurn(l, toySource(1), "too late\n", "") // must not block or grow
	if len(l.filling.bytes) != 0 {
		t.Error("a closed log keeps events")
	}
}

func TestFollowEvents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	l, err := OpenEvents(path, EventLogOptions{Rotate: 3000, Keep: 50})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	const n = 60
	go func() {
		s := toySource(1)
		for i := range n {
			askedTurn(l, s, fmt.Sprintf("ask %d\n", i), "yes\n")
			if i%5 == 0 {
				l.Flush()
				time.Sleep(2 * followPause / 3) // rotations are seldom faster than a reader looks
			}
		}
		l.Close()
	}()
	next := 0
	for e, err := range FollowEvents(ctx, path, false) {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`{"type":"toyLine","Text":"ask %d"}`, next); string(e.Request) != want {
			t.Fatalf("got %s, want %s", e.Request, want)
		}
		if next++; next == n {
			break
		}
	}
	if next != n {
		t.Errorf("%d events, want %d", next, n)
	}
}

func TestReadEventsNamesTheLine(t *testing.T) {
	var good int
	var bad []string
	for _, err := range ReadEvents(strings.NewReader("{\"event\":\"connect\"}\n\nnonsense\n{\"event\":\"request\"}")) {
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		good++
	}
	if good != 2 || len(bad) != 1 || !strings.Contains(bad[0], "line 3") {
		t.Errorf("%d events, errors %q", good, bad)
	}
}

func TestEventsOfLongPayloads(t *testing.T) {
	m := &memory{}
	l := NewEventLog(m, EventLogOptions{})
	long := strings.Repeat("x", 3*batchBytes) + "\n"
	askedTurn(l, toySource(1), long, "no line end")
	s := toySource(2)
	s.protocol = toy{"m"}
	askedTurn(l, s, "?not a toy\n", "")
	l.Close()
	if m.Len() > 20_000 {
		t.Errorf("the log has %d bytes", m.Len())
	}
	list := m.events(t)
	if got := string(list[0].Request); !strings.Contains(got, `"Text_bytes":3145728`) || !strings.Contains(got, "Text_sha256") {
		t.Errorf("%.200s…", got)
	}
	if list[0].Sent != fmt.Sprintf("%x", "no line end") || list[0].Silent {
		t.Errorf("sent %q", list[0].Sent)
	}
	if list[1].Raw != fmt.Sprintf("%x", "?not a toy\n") || !list[1].Silent {
		t.Errorf("%+v", list[1])
	}
}

func BenchmarkEventLog(b *testing.B) {
	l := NewEventLog(io.Discard, EventLogOptions{})
	s := toySource(1)
	b.ReportAllocs()
	for b.Loop() {
		askedTurn(l, s, "ask 1\n", "answer 1\n")
	}
	l.Close()
}
