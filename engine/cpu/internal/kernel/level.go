// Package kernel holds the arithmetic of the CPU engine on plain slices: no
// state, no goroutines. Every function's result depends on its arguments and on
// the processor's vectors alone, and sums run in a fixed order.
//
// Each kernel is written in portable Go, which is its specification, and for
// vectors, by the programs in _asm. Its versions are levels, of which the last
// that a processor runs is used:
//
//	portable    Go, anywhere
//	avx2        AVX2 with FMA, BMI2 and POPCNT
//	avx512      AVX-512 F, VL, BW and DQ; lists of events want VBMI2 too
//	avx512bf16  avx512, and VDPBF16PS for the product in bfloat16, on AMD
//	amx         avx512, and tiles for the product in bfloat16
package kernel

import "slices"

// kernels is one version of everything that has several: in portable Go, or for
// a processor's vectors. Exported functions check lengths and call the current
// one. Versions differ in rounding alone, unless a comment says "to the bit":
// vectors multiply and add in one rounding, and sum in more chains.
type kernels struct {
	level  string
	sparse Densities
	elementwiseKernels
	eventKernels
	scanKernels
	productKernels
	halfKernels
	maskedKernels
}

var portable = kernels{
	level:              "portable",
	sparse:             sparsePortable,
	elementwiseKernels: elementwisePortable,
	eventKernels:       eventPortable,
	scanKernels:        scanPortable,
	productKernels:     productsPortable,
	halfKernels:        halvesPortable,
	maskedKernels:      maskedPortable,
}

// versions are those that this processor runs, the best last; the last is used.
var (
	versions = append([]*kernels{&portable}, vectorized()...)
	current  = versions[len(versions)-1]
)

// Levels names the versions of the kernels that this processor runs, the one in
// use unless Use is asked for another last.
func Levels() []string {
	var names []string
	for _, v := range versions {
		names = append(names, v.level)
	}
	return names
}

// Level names the version in use.
func Level() string { return current.level }

// Use makes a level of Levels the current one and returns a function that
// undoes it. It is for tests and measurements: nothing may be computing meanwhile.
func Use(level string) (restore func()) {
	before := current
	current = versions[slices.Index(Levels(), level)]
	return func() { current = before }
}
