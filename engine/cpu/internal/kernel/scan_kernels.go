package kernel

// scanKernels are the kernels of the scan of tiles, of statistics beside it, of
// smooth windows and of pooling pixel by pixel.
type scanKernels struct {
	term     termKernel[float32]
	termBF16 termKernel[BF16]
	termBits termKernel[uint32]

	forward     forwardKernel[float32]
	forwardBF16 forwardKernel[BF16]
	forwardBits forwardKernel[uint32]
	fire        func(v, u []float32, theta, kept, jump, floor float32)

	backward     [shapes]backwardKernel[float32]
	backwardBF16 [shapes]backwardKernel[BF16]

	// Q and Z name the operands that are BF16, of those that may be.
	normGradient  normGradientKernel[float32]
	normGradientQ normGradientKernel[BF16]
	normPairs     normPairsKernel[float32]
	normPairsQ    normPairsKernel[BF16]

	addMoments   addMomentsKernel[float32, float32]
	addMomentsZ  addMomentsKernel[float32, BF16]
	addMomentsQ  addMomentsKernel[BF16, float32]
	addMomentsQZ addMomentsKernel[BF16, BF16]
	addSquares   func(sum, sum2 []float64, x []float32, rows, stride int)
	coefGradient func(d2, d1, d0 []float64, q, prev []float32, rows int)

	gaussian, sigmoid, atan Window

	averageBits     averageBitsKernel[float32]
	averageBitsBF16 averageBitsKernel[BF16]
}

type (
	termKernel[Z any]    = func(x []float32, z []Z, scale, shift []float32, rows int, add bool)
	forwardKernel[Z any] = func(fired, near []uint32, u, v []float32, z []Z, scale, shift, c2, c1, c0 []float32, rows, next int, add bool,
		theta, kept, jump, floor, reach float32) (spikes, sum, sum2 float64)
	backwardKernel[G any] = func(q []G, carry []float32, g []G, h, u, before, c2, c1 []float32, rows, next int, attached, floored bool,
		theta, kept, jump, floor, keep, reach, top, start float32)
	normGradientKernel[Q any]  = func(dz []float32, q []Q, z, gain, off, mid []float32, rows int)
	normPairsKernel[Q any]     = func(dz, pairs []BF16, q []Q, z []BF16, gain, off, mid []float32, rows, panel int)
	addMomentsKernel[Q, Z any] = func(sum, sumQZ []float64, q []Q, z []Z, rows int)
	averageBitsKernel[Y any]   = func(y []Y, x []uint32, rows, c, high, wide, down, across int, share float32)
)

// Portable versions exist once for all kinds of rows.
var scanPortable = scanKernels{
	term: portableTerm(floatRows), termBF16: portableTerm(halfRows), termBits: portableTerm(bitRows),
	forward: portableForward(floatRows), forwardBF16: portableForward(halfRows), forwardBits: portableForward(bitRows),
	fire:     firePortable,
	backward: portableBackward(floatRows), backwardBF16: portableBackward(halfRows),
	normGradient: portableNormGradient(floatRows), normGradientQ: portableNormGradient(halfRows),
	normPairs: portableNormPairs(floatRows), normPairsQ: portableNormPairs(halfRows),
	addMoments: portableAddMoments(floatRows, floatRows), addMomentsZ: portableAddMoments(floatRows, halfRows),
	addMomentsQ: portableAddMoments(halfRows, floatRows), addMomentsQZ: portableAddMoments(halfRows, halfRows),
	addSquares: addSquaresPortable, coefGradient: coefGradientPortable,
	gaussian: gaussianPortable, sigmoid: sigmoidPortable, atan: atanPortable,
	averageBits: portableAverageBits(floatRows), averageBitsBF16: portableAverageBits(halfRows),
}

func floatRows(x []float32) Rows { return Rows{Float: x} }
func halfRows(x []BF16) Rows     { return Rows{Half: x} }
func bitRows(x []uint32) Rows    { return Rows{Bits: x} }

func portableTerm[Z any](rows func([]Z) Rows) termKernel[Z] {
	return func(x []float32, z []Z, scale, shift []float32, n int, add bool) {
		termPortable(x, rows(z), scale, shift, n, add)
	}
}

func portableForward[Z any](rows func([]Z) Rows) forwardKernel[Z] {
	return func(fired, near []uint32, u, v []float32, z []Z, scale, shift, c2, c1, c0 []float32, n, _ int, add bool,
		theta, kept, jump, floor, reach float32) (spikes, sum, sum2 float64) {
		return forwardPortable(fired, near, u, v, rows(z), scale, shift, c2, c1, c0, n, add, theta, kept, jump, floor, reach)
	}
}

func portableBackward[G any](rows func([]G) Rows) (all [shapes]backwardKernel[G]) {
	for s := range shapes {
		all[s] = func(q []G, carry []float32, g []G, h, u, before, c2, c1 []float32, n, _ int, attached, floored bool,
			theta, kept, jump, floor, keep, reach, top, start float32) {
			backwardPortable(s, rows(q), carry, rows(g), h, u, before, c2, c1, n, attached, floored, theta, kept, jump, floor, keep, reach, top, start)
		}
	}
	return all
}

func portableNormGradient[Q any](qs func([]Q) Rows) normGradientKernel[Q] {
	return func(dz []float32, q []Q, z, gain, off, mid []float32, rows int) {
		normGradientPortable(dz, qs(q), z, gain, off, mid, rows)
	}
}

func portableNormPairs[Q any](qs func([]Q) Rows) normPairsKernel[Q] {
	return func(dz, pairs []BF16, q []Q, z []BF16, gain, off, mid []float32, rows, panel int) {
		normPairsPortable(dz, pairs, qs(q), halfRows(z), gain, off, mid, rows, panel)
	}
}

func portableAddMoments[Q, Z any](qs func([]Q) Rows, zs func([]Z) Rows) addMomentsKernel[Q, Z] {
	return func(sum, sumQZ []float64, q []Q, z []Z, rows int) {
		addMomentsPortable(sum, sumQZ, qs(q), zs(z), rows)
	}
}

func portableAverageBits[Y any](to func([]Y) Rows) averageBitsKernel[Y] {
	return func(y []Y, x []uint32, rows, c, high, wide, down, across int, share float32) {
		averageBitsPortable(to(y), x, rows, c, high, wide, down, across, share)
	}
}
