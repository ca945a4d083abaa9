package capture

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringer/capture/wire"
)

const recordings = "../../shared/captures"

// eachRecording runs a test for every real capture.
func eachRecording(t *testing.T, run func(t *testing.T, path, name string)) {
	if _, err := os.Stat(recordings); err != nil {
		t.Skipf("no real captures: %v", err)
	}
	err := filepath.WalkDir(recordings, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "/expected/") || strings.Count(path, "/") < 5 {
			return err
		}
		rel, _ := filepath.Rel(recordings, path)
		t.Run(rel, func(t *testing.T) { run(t, path, strings.ReplaceAll(rel, "/", "__")) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stream is a protocol that takes all bytes as they come.
type stream struct{}

func (stream) Name() string    { return "stream" }
func (stream) Ports() []string { return nil }
func (stream) New() wire.Conn  { return &streamConn{} }
func (stream) onEveryPort() map[uint16]wire.Protocol {
	m := map[uint16]wire.Protocol{}
	for p := range 1 << 16 {
		m[uint16(p)] = stream{}
	}
	return m
}

type streamConn struct{ gaps int }

func (c *streamConn) Next(_ wire.Side, b []byte, _ bool) (int, wire.Message, error) {
	return len(b), &chunk{append([]byte(nil), b...), c.gaps}, nil
}
func (*streamConn) Match([]wire.Message, wire.Message) (int, bool) { return -1, true }
func (c *streamConn) Lost(_ wire.Side, n int) {
	if n > 0 {
		c.gaps++
	}
}

type chunk struct {
	data []byte
	gaps int
}

func (p *chunk) Append(b []byte) ([]byte, error) { return append(b, p.data...), nil }

// reassembled is what one connection said, by sender.
type reassembled struct {
	nodes [2]string
	sums  map[string]hash.Hash
	bytes map[string]int
	gaps  int
}

func reassemble(t *testing.T, path string) map[uint64]*reassembled {
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[uint64]*reassembled{}
	for x, err := range Exchanges(f, Options{ForcePort: stream{}.onEveryPort(), LeaveTLS: true, Warn: func(err error) { t.Log(err) }}) {
		if err != nil {
			t.Error(err)
			continue
		}
		if x.Transport != "tcp" {
			continue
		}
		r := all[x.Conn]
		if r == nil {
			r = &reassembled{[2]string{x.Client.String(), x.Server.String()}, map[string]hash.Hash{}, map[string]int{}, 0}
			r.sums[r.nodes[0]], r.sums[r.nodes[1]] = sha256.New(), sha256.New()
			all[x.Conn] = r
		}
		from, m := r.nodes[0], x.Request
		if m == nil {
			from, m = r.nodes[1], x.Replies[0]
		}
		p := m.(*chunk)
		r.sums[from].Write(p.data)
		r.bytes[from] += len(p.data)
		r.gaps = max(r.gaps, p.gaps)
	}
	return all
}

// TestStreams compares what was reassembled with what tshark follows, wherever it saw no gaps.
func TestStreams(t *testing.T) {
	var equal, compared, differs int
	eachRecording(t, func(t *testing.T, path, name string) {
		rows := table(t, name+".tcpstreams")
		if rows == nil {
			return
		}
		have := map[string]int{}
		var list []string
		for _, r := range reassemble(t, path) {
			for _, i := range []int{0, 1} {
				a, b := r.nodes[i], r.nodes[1-i]
				have[fmt.Sprintf("%s %s %d %s %d %s", a, b, r.bytes[a], hex.EncodeToString(r.sums[a].Sum(nil)), r.bytes[b], hex.EncodeToString(r.sums[b].Sum(nil)))]++
			}
			list = append(list, fmt.Sprintf("%s %s %d %d gaps %d", r.nodes[0], r.nodes[1], r.bytes[r.nodes[0]], r.bytes[r.nodes[1]], r.gaps))
		}
		for _, row := range rows {
			if row["gaps"] != "0" || row["bytes_0to1"] == "0" && row["bytes_1to0"] == "0" {
				continue
			}
			compared++
			k := fmt.Sprintf("%s %s %s %s %s %s", row["node0"], row["node1"], row["bytes_0to1"], row["sha256_0to1"], row["bytes_1to0"], row["sha256_1to0"])
			if have[k] > 0 {
				have[k]--
				equal++
				continue
			}
			differs++
			t.Errorf("stream %s %s %s: %s and %s bytes, not found among", row["tcp_stream"], row["node0"], row["node1"], row["bytes_0to1"], row["bytes_1to0"])
			for _, s := range list {
				if strings.Contains(s, row["node0"]+" ") && strings.Contains(s, row["node1"]+" ") {
					t.Log(s)
				}
			}
		}
	})
	t.Logf("%d of %d streams equal", equal, compared)
}
