//go:build !noasm

package kernel

//go:generate go run -C _asm . -family masked -out ../masked_amd64.s -stubs ../masked_amd64.go -pkg kernel

var (
	maskedAVX2   = maskedKernels{windowDots: windowDotsAVX2, scatterSums: scatterSumsAVX2}
	maskedAVX512 = maskedKernels{windowDots: windowDotsAVX512, scatterSums: scatterSumsAVX512}
)
