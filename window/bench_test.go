package window

import "testing"

// What a training update pays for a layer whose neurons are learned.
func BenchmarkCompute(b *testing.B) {
	spec := Spec{Policy: Policy{Bandwidth, DefaultTerms}, Shape: Triangular}
	d := qif(.25, 0, .5, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := spec.Compute(d, Input{Std: 1}, 4); err != nil {
			b.Fatal(err)
		}
	}
}
