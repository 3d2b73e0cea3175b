package kernel

import "slices"

// kernels is one version of everything that has several: in portable Go, or for
// a processor's vectors. Exported functions check lengths and call the current
// one. Versions differ in rounding alone, unless a comment says "to the bit":
// vectors multiply and add in one rounding, and sum in more chains.
type kernels struct {
	level string
	eventKernels

	scanKernels

	productKernels
	halfKernels
	maskedKernels

	combine  func(acc, rows []float32, row []int32, val []float32)
	compress func(val []float32, row []int32, x []float32, n, lines, line, first, step int) int
	gather   func(val []float32, row []int32, count []int, room int, x []float32, offset, index []int32)

	correlate func(y, x, w []float32, xAt, wAt []int32, pixels, step, apart, k, n int, add bool)

	step  func(s, u, v, x, c2, c1, c0 []float32, theta, keep, jump, floor float32) (spikes int, sum, sum2 float64)
	after func(v, u, s []float32, keep, jump, floor float32)
	back  func(q, carry, g, h, u, s, prev, c2, c1 []float32, keep, jump, floor, attach float32)

	rectangular, triangular, epanechnikov Window

	affine                    func(y, x, scale, shift []float32)
	affinePair, affinePairAdd func(dx, dy, x, gain, off, mid []float32)
	moments                   func(sum, sumXY []float64, x, y []float32)

	axpy       func(dst, src []float32, a float32)
	addBias    func(y, bias []float32)
	sumRows    func(sum, y []float32)
	sumSquares func(x []float32) float64

	average     func(y, x []float32, windows, step, line, size, c int, scale float32)
	averageBack func(dy, dx []float32, windows, step, line, size, c int, scale float32)

	sgd   func(w, g, m []float32, lr, scale, momentum, decay float32)
	adamW func(w, g, m, v []float32, lr, scale, beta1, beta2, eps, decay, correct1, correct2 float32)
}

var portable = kernels{
	level: "portable", eventKernels: eventPortable, scanKernels: scanPortable, halfKernels: halvesPortable, productKernels: productsPortable, maskedKernels: maskedPortable, combine: combinePortable, compress: compressPortable, gather: gatherPortable, correlate: correlatePortable,
	step: stepPortable, after: afterPortable, back: backPortable,
	rectangular: rectangularPortable, triangular: triangularPortable, epanechnikov: epanechnikovPortable,
	affine: affinePortable, affinePair: affinePairPortable, affinePairAdd: affinePairAddPortable, moments: momentsPortable,
	axpy: axpyPortable, addBias: addBiasPortable, sumRows: sumRowsPortable, sumSquares: sumSquaresPortable,
	average: averagePortable, averageBack: averageBackPortable, sgd: sgdPortable, adamW: adamWPortable,
}

// versions are those that this processor runs, the best last; the last is used.
var (
	versions = append([]*kernels{&portable}, vectorized()...)
	current  = versions[len(versions)-1]
)

// Levels names the versions of the kernels that this processor runs, the one in
// use unless a test asks for another last.
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
// undoes it. It is for tests: nothing may be computing meanwhile.
func Use(level string) (restore func()) {
	before := current
	current = versions[slices.Index(Levels(), level)]
	return func() { current = before }
}
