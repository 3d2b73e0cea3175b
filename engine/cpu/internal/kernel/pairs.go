package kernel

// The product in bfloat16 reads its right operand, a matrix of k×n, as panels
// of 32 columns. A panel lays the rows 2i and 2i+1 of its columns side by side,
// as processors multiply them:
//
//	[⌈k/32⌉·16 pairs][32 columns][2 rows]
//
// with zeros behind the last row and the last column.
const (
	PanelColumns = 32
	pairNumbers  = 2 * PanelColumns
)

// PairsPanelLen is how many numbers one panel of k rows has.
func PairsPanelLen(k int) int { return (k + 31) / 32 * 32 * PanelColumns }

// PairsLen is how many numbers the panels of a matrix of k×n have.
func PairsLen(k, n int) int { return (n + 31) / 32 * PairsPanelLen(k) }

// PackPairs writes src [rows][cols], whose rows are ldsrc numbers apart, as
// panels of pairs, rounded to bfloat16.
func PackPairs(dst []BF16, src []float32, rows, cols, ldsrc int) {
	packPairs(dst, src, rows, cols, ldsrc, current.packPanel, packColumns)
}

// PackPairsHalf is PackPairs of numbers that are bfloat16 already.
func PackPairsHalf(dst, src []BF16, rows, cols, ldsrc int) {
	packPairs(dst, src, rows, cols, ldsrc, current.packPanelHalf, packColumnsHalf)
}

// packPairs packs whole panels by `whole`, which takes an even number of rows,
// and what is left by `some`.
func packPairs[T float32 | BF16](dst []BF16, src []T, rows, cols, ldsrc int,
	whole func(dst []BF16, src []T, rows, ldsrc int), some func(dst []BF16, src []T, rows, cols, ldsrc int)) {
	even := rows &^ 1
	for j := 0; j < cols; j += PanelColumns {
		panel := dst[:PairsPanelLen(rows)]
		columns := min(PanelColumns, cols-j)
		done := 0
		if columns == PanelColumns && even > 0 {
			whole(panel, src[j:], even, ldsrc)
			done = even
		}
		if done < rows {
			some(panel[done*PanelColumns:], src[done*ldsrc+j:], rows-done, columns, ldsrc)
		}
		clear(panel[(rows+1)/2*pairNumbers:])
		dst = dst[len(panel):]
	}
}

func packPanelPortable(dst []BF16, src []float32, rows, ldsrc int) {
	packColumns(dst, src, rows, PanelColumns, ldsrc)
}

func packPanelHalfPortable(dst, src []BF16, rows, ldsrc int) {
	packColumnsHalf(dst, src, rows, PanelColumns, ldsrc)
}

// packColumns packs the first columns of a panel and clears the others.
func packColumns(dst []BF16, src []float32, rows, cols, ldsrc int) {
	for i := range rows {
		line := linePairs(dst, i, rows, cols)
		for j, v := range src[i*ldsrc:][:cols] {
			line[2*j+i&1] = ToBF16(v)
		}
	}
}

func packColumnsHalf(dst, src []BF16, rows, cols, ldsrc int) {
	for i := range rows {
		line := linePairs(dst, i, rows, cols)
		for j, v := range src[i*ldsrc:][:cols] {
			line[2*j+i&1] = v
		}
	}
}

// linePairs is the pairs of row i, of which the first row clears what nothing
// is going to be written to.
func linePairs(dst []BF16, i, rows, cols int) []BF16 {
	line := dst[i/2*pairNumbers:][:pairNumbers]
	if i&1 == 0 && (cols < PanelColumns || i == rows-1) {
		clear(line)
	}
	return line
}

// PackPairsTransposed is PackPairs of the transpose of src [cols][rows], both
// whole panels. Two neighbours of a row of src are a pair of the panel, so the
// rounded src is transposed as words of 32 bits. spare has room for it.
func PackPairsTransposed(dst []BF16, src []float32, rows, cols int, spare []BF16) {
	if rows == 0 {
		return
	}
	spare = spare[:rows*cols]
	Narrow(spare, src[:rows*cols])
	n := PairsPanelLen(rows)
	for j := 0; j < cols; j += PanelColumns {
		current.transposeNumbers(asPairs(dst[:n]), asPairs(spare[j*rows:][:PanelColumns*rows]), PanelColumns, rows/2)
		dst = dst[n:]
	}
}

// splitPairsPortable writes pairs of rows of 32 columns as the rows of a
// float32 panel.
func splitPairsPortable(dst []float32, w []BF16) {
	for ; len(w) >= pairNumbers; w, dst = w[pairNumbers:], dst[pairNumbers:] {
		first, second := dst[:PanelColumns], dst[PanelColumns:pairNumbers]
		pairs := w[:pairNumbers]
		for j := range first {
			first[j], second[j] = pairs[2*j].Float32(), pairs[2*j+1].Float32()
		}
	}
}
