package emulate_test

import (
	"bytes"
	"io"
	"io/fs"
	"net/netip"
	"testing"
	"testing/fstest"
	"time"

	"ringer/capture"
	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/clone"
	"ringer/emulate"
	"ringer/profiles"
)

// memoryFile is a bulk file that stays in memory.
type memoryFile struct {
	bytes.Buffer
	name string
	to   fstest.MapFS
}

func (f *memoryFile) Close() error {
	f.to[f.name] = &fstest.MapFile{Data: f.Bytes(), Mode: 0o644}
	return nil
}

// FuzzS7Learned: whatever a client and a device were recorded to say, it can be learned, served and asked.
func FuzzS7Learned(f *testing.F) {
	for _, file := range s7Captures[:5] {
		for _, xs := range exchanges(f, file, s7comm.Protocol{}) {
			for len(xs) > 0 {
				var client, server []byte
				n := min(len(xs), 6)
				for _, x := range xs[:n] {
					if x.Request != nil && len(x.Replies) > 0 {
						client, _ = x.Request.Append(client)
						server, _ = x.Replies[0].Append(server)
					}
				}
				f.Add(client, server)
				xs = xs[n:]
			}
		}
	}
	f.Fuzz(func(t *testing.T, client, server []byte) {
		asked, said := s7All(wire.Client, client), s7All(wire.Server, server)
		files := fstest.MapFS{}
		dev := &profiles.Device{ID: "device"}
		at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
		err := clone.Learn(dev, func(yield func(capture.Exchange, error) bool) {
			for i, q := range asked {
				x := capture.Exchange{At: at.Add(time.Duration(i) * time.Second), Latency: time.Millisecond, Protocol: s7comm.Protocol{},
					Client: netip.MustParseAddrPort("10.0.0.9:4000"), Server: netip.MustParseAddrPort("10.0.0.1:102"), Transport: "tcp", Conn: uint64(i / 50), Request: q}
				if i < len(said) {
					x.Replies = said[i : i+1]
				}
				if i%7 == 6 {
					x.Request = nil
				}
				if !yield(x, nil) {
					return
				}
			}
		}, clone.Source{ID: "c00000001"}, clone.Options{}, func(name string) (io.WriteCloser, error) {
			if !fs.ValidPath(name) {
				t.Fatalf("bulk file %q", name)
			}
			return &memoryFile{name: name, to: files}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(dev.Services) == 0 {
			return
		}
		dev.Files = files
		if err := dev.Validate(); err != nil {
			t.Fatal(err)
		}
		st, err := emulate.NewState(dev, emulate.Settings{Now: func() time.Time { return at }})
		if err != nil {
			t.Fatal(err)
		}
		s, err := emulate.Open(st, dev, &dev.Services[0], s7comm.Protocol{})
		if err != nil {
			t.Fatal(err)
		}
		session := s.Open(emulate.Peer{})
		for _, q := range asked {
			a := session.Answer(q)
			at = at.Add(time.Second)
			pushed, _ := session.Tick(at)
			for _, m := range append(append([]wire.Message(nil), a.Messages...), pushed.Messages...) {
				if _, err := m.Append(nil); err != nil {
					t.Fatalf("%T: %v", m, err)
				}
			}
		}
	})
}

func s7All(from wire.Side, b []byte) (all []wire.Message) {
	c := s7comm.Protocol{}.New()
	for len(b) > 0 && len(all) < 300 {
		n, m, err := c.Next(from, b, true)
		if err != nil || n == 0 {
			return all
		}
		if m != nil {
			all = append(all, m)
		}
		b = b[n:]
	}
	return all
}
