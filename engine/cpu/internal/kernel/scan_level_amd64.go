//go:build !noasm

package kernel

//go:generate go run -C _asm . -family scan -out ../scan_amd64.s -stubs ../scan_amd64.go -pkg kernel

var scanAVX2 = scanKernels{
	term: termAVX2, termBF16: termBF16AVX2, termBits: termBitsAVX2,
	forward: forwardAVX2, forwardBF16: forwardBF16AVX2, forwardBits: forwardBitsAVX2, fire: fireAVX2,
	backward: [shapes]backwardKernel[float32]{backwardGivenAVX2, backwardRectangularAVX2, backwardTriangularAVX2, backwardEpanechnikovAVX2},
	backwardBF16: [shapes]backwardKernel[BF16]{
		backwardGivenBF16AVX2, backwardRectangularBF16AVX2, backwardTriangularBF16AVX2, backwardEpanechnikovBF16AVX2,
	},
	normGradient: normGradientAVX2, normGradientQ: normGradientQAVX2,
	normPairs: normPairsAVX2, normPairsQ: normPairsQAVX2,
	addMoments: addMomentsAVX2, addMomentsZ: addMomentsZAVX2, addMomentsQ: addMomentsQAVX2, addMomentsQZ: addMomentsQZAVX2,
	addSquares: addSquaresAVX2, coefGradient: coefGradientAVX2,
	gaussian: gaussianAVX2, sigmoid: sigmoidAVX2, atan: atanAVX2,
	averageBits: averageBitsAVX2, averageBitsBF16: averageBitsBF16AVX2,
}

var scanAVX512 = scanKernels{
	term: termAVX512, termBF16: termBF16AVX512, termBits: termBitsAVX512,
	forward: forwardAVX512, forwardBF16: forwardBF16AVX512, forwardBits: forwardBitsAVX512, fire: fireAVX512,
	backward: [shapes]backwardKernel[float32]{backwardGivenAVX512, backwardRectangularAVX512, backwardTriangularAVX512, backwardEpanechnikovAVX512},
	backwardBF16: [shapes]backwardKernel[BF16]{
		backwardGivenBF16AVX512, backwardRectangularBF16AVX512, backwardTriangularBF16AVX512, backwardEpanechnikovBF16AVX512,
	},
	normGradient: normGradientAVX512, normGradientQ: normGradientQAVX512,
	normPairs: normPairsAVX512, normPairsQ: normPairsQAVX512,
	addMoments: addMomentsAVX512, addMomentsZ: addMomentsZAVX512, addMomentsQ: addMomentsQAVX512, addMomentsQZ: addMomentsQZAVX512,
	addSquares: addSquaresAVX512, coefGradient: coefGradientAVX512,
	gaussian: gaussianAVX512, sigmoid: sigmoidAVX512, atan: atanAVX512,
	averageBits: averageBitsAVX512, averageBitsBF16: averageBitsBF16AVX512,
}
