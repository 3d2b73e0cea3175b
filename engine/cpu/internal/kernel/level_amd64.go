//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

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

var (
	avx2 = kernels{
		level:              "avx2",
		sparse:             sparseAVX2,
		elementwiseKernels: elementwiseAVX2,
		eventKernels:       eventAVX2,
		scanKernels:        scanAVX2,
		productKernels:     productsAVX2,
		halfKernels:        halvesAVX2,
		maskedKernels:      maskedAVX2,
	}
	avx512 = kernels{
		level:              "avx512",
		sparse:             sparseAVX512,
		elementwiseKernels: elementwiseAVX512,
		eventKernels:       eventAVX512,
		scanKernels:        scanAVX512,
		productKernels:     productsAVX512,
		halfKernels:        halvesAVX512,
		maskedKernels:      maskedAVX512,
	}
)
