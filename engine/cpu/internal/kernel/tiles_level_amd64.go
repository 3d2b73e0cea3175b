//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

//go:generate go run -C _asm . -family tiles -out ../tiles_amd64.s -stubs ../tiles_amd64.go -pkg kernel

// halfLevels returns the levels above AVX-512 that this processor has: they replace
// the product in bfloat16.
func halfLevels() []*kernels {
	var found []*kernels
	if cpu.X86.HasAVX512BF16 && vendor() == "AuthenticAMD" {
		// Intel's take twice as long as a multiply-add, which is no gain.
		found = append(found, avx512.withProductHalf("avx512bf16", productHalfDot))
	}
	if hasTiles() {
		found = append(found, avx512.withProductHalf("amx", productHalfTiles))
	}
	return found
}

func (k kernels) withProductHalf(level string, product productHalfFunc) *kernels {
	k.level, k.productHalf = level, product
	return &k
}

// vendor returns the processor's maker as CPUID names it.
func vendor() string {
	_, b, c, d := cpuid(0, 0)
	var name []byte
	for _, r := range []uint32{b, d, c} {
		name = append(name, byte(r), byte(r>>8), byte(r>>16), byte(r>>24))
	}
	return string(name)
}

// hasTiles reports whether the processor multiplies tiles of bfloat16, the
// operating system saves them, and this process may use them: Linux wants to be
// asked, since signals and switches save 8 KB more from then on.
func hasTiles() bool {
	const saved = 1<<17 | 1<<18 // the tiles' configuration and data
	if !cpu.X86.HasAMXTile || !cpu.X86.HasAMXBF16 || !cpu.X86.HasOSXSAVE {
		return false
	}
	low, _ := xgetbv()
	return low&saved == saved && permitTiles()
}

// tileConfig is what LDTILECFG reads: a palette, and each tile's bytes per row
// and rows.
type tileConfig [64]byte

const (
	tileRows  = 16 // at most
	tileBytes = 64 // of a row, at most
)

// set gives a tile its size.
func (c *tileConfig) set(tile, rows, bytes int) {
	c[0] = 1
	c[16+2*tile] = byte(bytes)
	c[48+tile] = byte(rows)
}

// newTileConfig returns the sizes for a block of rows × columns, each up to 32:
// tiles 0 to 3 are the sums, 4 and 5 rows of x, 6 and 7 columns of w.
func newTileConfig(rows, columns int) (c tileConfig) {
	for i := range 2 {
		r := min(tileRows, rows-i*tileRows)
		if r <= 0 {
			continue
		}
		c.set(4+i, r, tileBytes)
		for j := range 2 {
			if n := min(tileRows, columns-j*tileRows); n > 0 {
				c.set(2*i+j, r, 4*n)
				c.set(6+j, tileRows, 4*n)
			}
		}
	}
	return c
}

// Blocks of 32 rows by a panel of 32 columns take all tiles. The rows of a
// stripe stay in the first-level cache over all panels for a span of k.
const (
	tileBlock  = 2 * tileRows
	tileStripe = 2 * tileBlock
	tileSpan   = 256
)

// productHalfTiles is ProductHalf with tiles.
func productHalfTiles(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool) {
	for i := 0; i < rows; i += tileStripe {
		again := add
		for s := (spans{most: tileSpan}); s.next(len(xAt), k); again = true {
			tileStripes(y[i*ldy:], ldy, x[i*ldx+s.k:], ldx, w[s.k*PanelColumns:], panel,
				xAt[s.first:s.last], wAt[s.first:s.last], min(tileStripe, rows-i), s.n, cols, again)
		}
	}
}

// tileStripes computes whole blocks, then the rows and the columns that are left
// in narrower tiles.
func tileStripes(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool) {
	for i := 0; i < rows; {
		blocks, height := max(1, (rows-i)/tileBlock), min(tileBlock, rows-i)
		for j := 0; j < cols; {
			panels, width := max(1, (cols-j)/PanelColumns), min(PanelColumns, cols-j)
			config := newTileConfig(height, width)
			product := productTiles22
			switch {
			case height <= tileRows && width <= tileRows:
				product = productTiles11
			case height <= tileRows:
				product = productTiles12
			case width <= tileRows:
				product = productTiles21
			}
			product(&config[0], y[i*ldy+j:], ldy, x[i*ldx:], ldx, w[j/PanelColumns*panel:], panel, xAt, wAt, blocks, k, panels, add)
			j += panels * width
		}
		i += blocks * height
	}
}
