package kernel

import "testing"

// leftOut reports whether a short run leaves out a case, of those that are
// numbered: it takes a seventh.
func leftOut(n int) bool { return testing.Short() && n%7 != 0 }

// extraVersions are versions that this processor runs but does not prefer.
var extraVersions []*kernels

// everyVersion is what the products' tests run.
func everyVersion() []*kernels {
	return append(versions[:len(versions):len(versions)], extraVersions...)
}

// plainVersions are those that differ in more than the product in bfloat16.
func plainVersions() []*kernels { return versions[:min(3, len(versions))] }

// useKernels makes a version the current one, also an extra one.
func useKernels(v *kernels) (restore func()) {
	before := current
	current = v
	return func() { current = before }
}

// eachLevel runs a test with every plain version of the kernels.
func eachLevel(t *testing.T, fn func(t *testing.T)) {
	for _, v := range plainVersions() {
		t.Run(v.level, func(t *testing.T) {
			defer useKernels(v)()
			fn(t)
		})
	}
}

// atEachLevel runs a benchmark with every version of the kernels.
func atEachLevel(b *testing.B, fn func(b *testing.B)) {
	for _, level := range Levels() {
		b.Run(level, func(b *testing.B) {
			defer Use(level)()
			fn(b)
		})
	}
}
