//go:build !noasm

package kernel

//go:generate go run -C _asm . -family product -out ../product_amd64.s -stubs ../product_amd64.go -pkg kernel

var (
	productsAVX2   = productKernels{product: productAVX2, peak: peakAVX2, lanes: 8}
	productsAVX512 = productKernels{product: productAVX512, peak: peakAVX512, lanes: 16}
)
