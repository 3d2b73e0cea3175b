//go:build !noasm

package kernel

//go:generate go run -C _asm . -family half -out ../half_amd64.s -stubs ../half_amd64.go -pkg kernel

var (
	conversionsAVX2 = conversionKernels{
		group: 16, widen: widenAVX2, narrow: narrowAVX2,
		addNarrow: addNarrowAVX2, addHalf: addHalfAVX2, addWide: addWideAVX2, packPanel: packPanelAVX2, packPanelHalf: packPanelHalfAVX2,
		splitPairs: splitPairsAVX2, unpackHalf: unpackHalfAVX2,
	}
	conversionsAVX512 = conversionKernels{
		group: 16, widen: widenAVX512, narrow: narrowAVX512,
		addNarrow: addNarrowAVX512, addHalf: addHalfAVX512, addWide: addWideAVX512, packPanel: packPanelAVX512, packPanelHalf: packPanelHalfAVX512,
		splitPairs: splitPairsAVX512, unpackHalf: unpackHalfAVX512,
	}

	halvesAVX2   = halfKernels{conversionsAVX2, productHalfAVX2, HalfWidened}
	halvesAVX512 = halfKernels{conversionsAVX512, productHalfAVX512, HalfWidened}
)

func productHalfAVX2(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool, _ []BF16) {
	productWidened(&productsAVX2, &conversionsAVX2, y, ldy, x, ldx, w, panel, xAt, wAt, rows, k, cols, add)
}

func productHalfAVX512(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool, _ []BF16) {
	productWidened(&productsAVX512, &conversionsAVX512, y, ldy, x, ldx, w, panel, xAt, wAt, rows, k, cols, add)
}

// productHalfDot is ProductHalf with AVX-512's dot products of bfloat16.
func productHalfDot(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool, _ []BF16) {
	for s := (spans{most: dotSpan}); s.next(len(xAt), k); add = true {
		for j := 0; j < cols; j += PanelColumns {
			from := w[j/PanelColumns*panel+s.k*PanelColumns:]
			productDotAVX512(y[j:], ldy, x[s.k:], ldx, from, xAt[s.first:s.last], wAt[s.first:s.last], rows, s.n, min(PanelColumns, cols-j), add)
		}
	}
}

// dotSpan is how much of k productHalfDot takes at once: a panel's part is then
// in the first-level cache while all rows go over it.
const dotSpan = 256
