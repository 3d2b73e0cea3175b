package kernel

// elementwiseKernels are the kernels that take numbers one by one, or rows of
// channels: the plain scan, windows that need no exponential, sums and updates of
// parameters.
type elementwiseKernels struct {
	step  func(s, u, v, x, c2, c1, c0 []float32, theta, keep, jump, floor float32) (spikes int, sum, sum2 float64)
	after func(v, u, s []float32, keep, jump, floor float32)
	back  func(q, carry, g, h, u, s, prev, c2, c1 []float32, keep, jump, floor, attach float32)

	rectangular, triangular, epanechnikov Window

	axpy       func(dst, src []float32, a float32)
	addBias    func(y, bias []float32)
	sumRows    func(sum, y []float32)
	sumSquares func(x []float32) float64

	sgd   func(w, g, m []float32, lr, scale, momentum, decay float32)
	adamW func(w, g, m, v []float32, lr, scale, beta1, beta2, eps, decay, correct1, correct2 float32)
}

var elementwisePortable = elementwiseKernels{
	step: stepPortable, after: afterPortable, back: backPortable,
	rectangular: rectangularPortable, triangular: triangularPortable, epanechnikov: epanechnikovPortable,
	axpy: axpyPortable, addBias: addBiasPortable, sumRows: sumRowsPortable, sumSquares: sumSquaresPortable,
	sgd: sgdPortable, adamW: adamWPortable,
}

// AddBias adds bias [C] to every row of y [rows, C].
func AddBias(y, bias []float32) { current.addBias(y, bias) }

func addBiasPortable(y, bias []float32) {
	c := len(bias)
	for ; len(y) >= c; y = y[c:] {
		row := y[:c]
		for i, b := range bias {
			row[i] += b
		}
	}
}

// SumRows adds the rows of y [rows, C] to sum [C].
func SumRows(sum, y []float32) { current.sumRows(sum, y) }

// sumRowsPortable adds rows in order; all versions agree to the bit.
func sumRowsPortable(sum, y []float32) {
	c := len(sum)
	for ; len(y) >= c; y = y[c:] {
		row := y[:c]
		for i, v := range row {
			sum[i] += v
		}
	}
}

// Add adds src to dst.
func Add(dst, src []float32) { current.axpy(dst, src[:len(dst)], 1) }

// Axpy adds a·src to dst.
func Axpy(dst, src []float32, a float32) { current.axpy(dst, src[:len(dst)], a) }

func axpyPortable(dst, src []float32, a float32) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += a * src[i]
	}
}
