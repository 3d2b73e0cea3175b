package window

import "testing"

// What an update costs for a layer whose neurons are learned, by policy.
func BenchmarkCompute(b *testing.B) {
	for _, kind := range []string{Bandwidth, ExactDensity} {
		b.Run(kind, func(b *testing.B) {
			spec := Spec{Policy: Policy{kind, DefaultTerms}, Shape: Triangular}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := spec.Compute(qif(.25, 0, .5, 1), Input{Std: 1}, 4); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSensitivity(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Sensitivity(qif(.25, 0, .5, 1), Input{Std: 1}, 4, Nodes); err != nil {
			b.Fatal(err)
		}
	}
}
