package emulate_test

import (
	"os"
	"testing"

	"ringer/capture/s7comm"
	"ringer/capture/wire"
	"ringer/profiles"
)

func s7Handmade(t testing.TB, text string) s7Decoy {
	t.Helper()
	dev, err := profiles.Parse([]byte(text), "device.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return newS7Decoy(t, dev)
}

// BenchmarkS7 answers the commonest requests: decoding, answering and encoding.
func BenchmarkS7(b *testing.B) {
	profile, err := os.ReadFile("testdata/s7/written.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range []struct{ name, hex string }{
		{"read-64-bytes", "0300001f02f080320100000001000e00000401120a10020040000284000000"},
		{"read-DB1-with-points", "0300001f02f080320100000001000e00000401120a10020040000184000000"},
		{"read-DB1-without-points", "0300001f02f080320100000001000e00000401120a10020040000184000800"},
		{"read-4-items", "0300004302f0803201000000010032000004" + "04120a10020004000184000800120a10020004000184000820120a10020004000184000840120a10020004000184000880"},
		{"write-word", "0300002502f080320100000001000e00060501120a100400010001840010000004001000" + "07"},
		{"read-szl-0011", "0300002102f080320700000100000800080001120411440100ff09000400110000"},
	} {
		b.Run(x.name, func(b *testing.B) {
			d := s7Handmade(b, string(profile))
			l := d.dial()
			l.ask(b, unhex(b, "0300001902f08032010000ffff00080000f0000001000101e0"))
			raw := unhex(b, x.hex)
			raw[2], raw[3] = byte(len(raw)>>8), byte(len(raw))
			conn := s7comm.Protocol{}.New()
			conn.(wire.Reuser).Reuse()
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				_, req, err := conn.Next(wire.Client, raw, false)
				if err != nil {
					b.Fatal(err)
				}
				a := l.session.Answer(req)
				out = out[:0]
				for _, m := range a.Messages {
					if out, err = m.Append(out); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
