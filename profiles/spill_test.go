package profiles

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// What was put is read as it was, in memory, in the file, and across.
func TestSpill(t *testing.T) {
	s := SmallSpill(1, 50)
	defer s.Close()
	r := rand.New(rand.NewPCG(3, 4))
	var all []byte
	for range 300 {
		b := make([]byte, r.IntN(120))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if at := s.Put(b); at != int64(len(all)) {
			t.Fatalf("put at %d, want %d", at, len(all))
		}
		all = append(all, b...)
		from := r.IntN(len(all) + 1)
		got := make([]byte, r.IntN(len(all)-from+1))
		if _, err := s.ReadAt(got, int64(from)); err != nil || !bytes.Equal(got, all[from:from+len(got)]) {
			t.Fatalf("%d bytes at %d of %d: %v", len(got), from, len(all), err)
		}
	}
	if n, err := s.ReadAt(make([]byte, 10), int64(len(all)-4)); n != 4 || err != io.EOF {
		t.Errorf("behind the end: %d, %v", n, err)
	}
}

// Tracks that share a spill say the same as ones in memory.
func TestTrackSpilled(t *testing.T) {
	s := SmallSpill(10, 64)
	defer s.Close()
	var spilled, plain [3]Track
	for i := range spilled {
		spilled[i].SpillTo(s)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		i, v, write := r.IntN(3), bytes.Repeat([]byte{byte(r.IntN(3))}, r.IntN(40)), r.IntN(6) == 0
		spilled[i].Add(v, write)
		plain[i].Add(v, write)
	}
	for i := range spilled {
		if spilled[i].moved == nil {
			t.Fatal("nothing left the memory")
		}
		var a, b strings.Builder
		for _, x := range []struct {
			to    *strings.Builder
			track *Track
		}{{&a, &spilled[i]}, {&b, &plain[i]}} {
			w := NewSampleWriter(x.to)
			if err := w.Write("cell", nil, x.track); err != nil {
				t.Fatal(err)
			}
			w.Flush()
		}
		if a.String() != b.String() || spilled[i].String() != plain[i].String() || spilled[i].Runs() != plain[i].Runs() {
			t.Errorf("track %d is another out of memory", i)
		}
		var joined Track
		joined.Append(&spilled[i])
		if joined.String() != plain[i].String() {
			t.Errorf("track %d is another when it is appended", i)
		}
		if n := spilled[i].Size(); n > 64<<10 {
			t.Errorf("%d bytes in memory", n)
		}
	}
	s.Close()
	if err := NewSampleWriter(io.Discard).Write("cell", nil, &spilled[0]); err == nil {
		t.Error("a track whose spill is closed is written without an error")
	}
}

func BenchmarkTrackAdd(b *testing.B) {
	for _, bench := range []struct {
		name  string
		spill bool
		step  int
	}{{"still", false, 0}, {"moving", false, 1}, {"still spilled", true, 0}, {"moving spilled", true, 1}} {
		b.Run(bench.name, func(b *testing.B) {
			var t Track
			if bench.spill {
				s := NewSpill()
				defer s.Close()
				t.SpillTo(s)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i += bench.step {
				t.Add([]byte{byte(i >> 8), byte(i)}, false)
			}
		})
	}
}
