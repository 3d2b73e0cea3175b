//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

//go:generate go run -C _asm . -family event -out ../event_amd64.s -stubs ../event_amd64.go -pkg kernel

var eventAVX2 = eventKernels{
	packBits: packBitsAVX2, unpackBits: unpackBitsAVX2, transposeBits: transposeBitsAVX2,
	listBits: listBitsAVX2, listRows: listRowsAVX2,
	accumulate: accumulateAVX2, accumulateValues: accumulateValuesAVX2,
	windowGradient: windowGradientAVX2, windowGradientValues: windowGradientValuesAVX2,
	packRows: packRowsAVX2, transposeNumbers: transposeNumbersAVX2,
}

// eventAVX512 makes its lists with AVX2 on the processors that cannot compress
// 16-bit lanes.
var eventAVX512 = func() eventKernels {
	k := eventKernels{
		packBits: packBitsAVX512, unpackBits: unpackBitsAVX512, transposeBits: transposeBitsAVX2,
		listBits: listBitsAVX2, listRows: listRowsAVX2,
		accumulate: accumulateAVX512, accumulateValues: accumulateValuesAVX512,
		windowGradient: windowGradientAVX512, windowGradientValues: windowGradientValuesAVX512,
		packRows: packRowsAVX512, transposeNumbers: transposeNumbersAVX512,
	}
	if cpu.X86.HasAVX512VBMI2 {
		k.listBits, k.listRows = listBitsAVX512, listRowsAVX512
	}
	return k
}()
