//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

//go:generate go run -C _asm . -family simd -out ../simd_amd64.s -stubs ../simd_amd64.go -pkg kernel

// vectorized returns the versions for vectors that this processor has.
func vectorized() []*kernels {
	var found []*kernels
	x := cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasBMI2 && x.HasPOPCNT {
		found = append(found, &avx2)
		if x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512DQ {
			found = append(found, &avx512)
			found = append(found, aboveAVX512()...)
		}
	}
	return found
}

var avx2 = kernels{
	level: "avx2", eventKernels: eventAVX2, scanKernels: scanAVX2, halfKernels: halvesAVX2, productKernels: productsAVX2, combine: combineAVX2, compress: compressAVX2, gather: gatherAVX2, correlate: correlateAVX2,
	step: stepAVX2, after: afterAVX2, back: backAVX2,
	rectangular: rectangularAVX2, triangular: triangularAVX2, epanechnikov: epanechnikovAVX2,
	affine: affineAVX2, affinePair: affinePairAVX2, affinePairAdd: affinePairAddAVX2, moments: momentsAVX2,
	axpy: axpyAVX2, addBias: addBiasAVX2, sumRows: sumRowsAVX2, sumSquares: sumSquaresAVX2,
	average: averageAVX2, averageBack: averageBackAVX2, sgd: sgdAVX2, adamW: adamWAVX2,
}

var avx512 = kernels{
	level: "avx512", eventKernels: eventAVX512, scanKernels: scanAVX512, halfKernels: halvesAVX512, productKernels: productsAVX512, combine: combineAVX512, compress: compressAVX512, gather: gatherAVX512, correlate: correlateAVX512,
	step: stepAVX512, after: afterAVX512, back: backAVX512,
	rectangular: rectangularAVX512, triangular: triangularAVX512, epanechnikov: epanechnikovAVX512,
	affine: affineAVX512, affinePair: affinePairAVX512, affinePairAdd: affinePairAddAVX512, moments: momentsAVX512,
	axpy: axpyAVX512, addBias: addBiasAVX512, sumRows: sumRowsAVX512, sumSquares: sumSquaresAVX512,
	average: averageAVX512, averageBack: averageBackAVX512, sgd: sgdAVX512, adamW: adamWAVX512,
}
