package event

import (
	"bytes"
	"testing"
)

// From the bytes of AEDAT 2.0 to ten frames, as training reads CIFAR10-DVS:
// 200,000 events on 128×128 pixels in 1.3 seconds.
func BenchmarkAEDAT2ToFrames(b *testing.B) {
	s := noise(1, dvs128, 200_000, 1_300_000)
	var file bytes.Buffer
	if err := WriteAEDAT2(&file, s, SpikingJelly); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		st, _, err := load(bytes.NewReader(file.Bytes()), "bench", Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := (Binning{By: ByCount, N: 10}).Frames(st); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(s.Events))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}
