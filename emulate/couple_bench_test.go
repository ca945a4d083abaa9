package emulate_test

import (
	"testing"

	"ringer/clone"
	"ringer/profiles"
)

// BenchmarkLearnCoupled learns an hour of a device that shows its values on four protocols, with and without
// looking for those that are one.
func BenchmarkLearnCoupled(b *testing.B) {
	xs := pollWater(b, openWater(b), 3600)
	for _, mode := range []struct {
		name string
		opt  clone.Options
	}{{"couple", clone.Options{}}, {"no-couple", clone.Options{NoCouple: true}}} {
		b.Run(mode.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				folder, err := profiles.OpenFolder(b.TempDir())
				if err != nil {
					b.Fatal(err)
				}
				l := clone.NewLearning(clone.Source{ID: "c1", Capture: profiles.Capture{File: "a.pcap"}}, mode.opt)
				for i := range xs {
					l.Add(&xs[i])
				}
				if err := l.Finish(&clone.Output{Device: &profiles.Device{ID: "device"}, Create: folder.Create}); err != nil {
					b.Fatal(err)
				}
				if (len(l.Couples()) == 0) != mode.opt.NoCouple {
					b.Fatal(l.Couples())
				}
				folder.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(xs)), "ns/exchange")
		})
	}
}
