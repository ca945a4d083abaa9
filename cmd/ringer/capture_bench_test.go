package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ringer/capture"
)

// BenchmarkCapture is "ringer capture FILE": reading, decoding, learning and writing the profiles. FILE is
// the project's own recording, or what RINGER_BENCH_CAPTURE names. ns/packet is the figure that counts.
func BenchmarkCapture(b *testing.B) {
	name := os.Getenv("RINGER_BENCH_CAPTURE")
	if name == "" {
		name = "../../testdata/pump-station.pcapng"
	}
	packets := packetsIn(b, name)
	dir := b.TempDir()
	b.ReportAllocs()
	for b.Loop() {
		args := []string{"ringer", "capture", name, "-o", filepath.Join(dir, "out"), "--force"}
		if status := run(context.Background(), args, nil, io.Discard, io.Discard); status != 0 {
			b.Fatalf("status %d", status)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(packets), "ns/packet")
}

func packetsIn(b *testing.B, name string) int64 {
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	survey := &capture.Survey{}
	for _, err := range capture.Exchanges(f, capture.Options{Survey: survey}) {
		if err != nil {
			b.Fatal(err)
		}
	}
	return survey.Packets
}
