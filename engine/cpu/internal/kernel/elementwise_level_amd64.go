//go:build !noasm

package kernel

//go:generate go run -C _asm . -family elementwise -out ../elementwise_amd64.s -stubs ../elementwise_amd64.go -pkg kernel

var elementwiseAVX2 = elementwiseKernels{
	step: stepAVX2, after: afterAVX2, back: backAVX2,
	rectangular: rectangularAVX2, triangular: triangularAVX2, epanechnikov: epanechnikovAVX2,
	axpy: axpyAVX2, addBias: addBiasAVX2, sumRows: sumRowsAVX2, sumSquares: sumSquaresAVX2,
	sgd: sgdAVX2, adamW: adamWAVX2,
}

var elementwiseAVX512 = elementwiseKernels{
	step: stepAVX512, after: afterAVX512, back: backAVX512,
	rectangular: rectangularAVX512, triangular: triangularAVX512, epanechnikov: epanechnikovAVX512,
	axpy: axpyAVX512, addBias: addBiasAVX512, sumRows: sumRowsAVX512, sumSquares: sumSquaresAVX512,
	sgd: sgdAVX512, adamW: adamWAVX512,
}
