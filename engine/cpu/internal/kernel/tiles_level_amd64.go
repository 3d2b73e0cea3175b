//go:build !noasm

package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go run -C _asm . -family tiles -out ../tiles_amd64.s -stubs ../tiles_amd64.go -pkg kernel

// aboveAVX512 returns the levels above AVX-512 that this processor has. They
// replace the product in bfloat16.
func aboveAVX512() []*kernels {
	var found []*kernels
	if cpu.X86.HasAVX512BF16 && vendor() == "AuthenticAMD" {
		// Intel's processors are faster when they widen and multiply float32.
		found = append(found, avx512.withProductHalf("avx512bf16", productHalfDot, HalfDots))
	}
	if hasTiles() {
		found = append(found, avx512.withProductHalf("amx", productHalfTiles, HalfTiles))
	}
	return found
}

func (k kernels) withProductHalf(level string, product productHalfFunc, kind HalfKind) *kernels {
	k.level, k.productHalf, k.halfKind = level, product, kind
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

// A block of 32 rows by a panel of 32 columns takes all tiles.
const tileBlock = 2 * tileRows

// How much of k a product takes at once, before it goes on with what y has then.
// With several panels, a block's rows of x then stay in the first-level cache,
// while panels pass from the second; with one, the panel's rows stay in the
// second while blocks pass.
const (
	tileSpan    = 384
	tileSpanOne = 2048
)

// productHalfTiles is ProductHalf with tiles: whole blocks, then the rows and the
// columns that are left in narrower tiles.
func productHalfTiles(y []float32, ldy int, x []BF16, ldx int, w []BF16, panel int, xAt, wAt []int32, rows, k, cols int, add bool, ahead []BF16) {
	span := tileSpan
	if cols <= PanelColumns {
		span = tileSpanOne
	}
	group := max(1, span/k)
	next, step := uintptr(unsafe.Pointer(&nothingAhead)), 0
	if len(ahead) > 0 {
		next, step = uintptr(unsafe.Pointer(&ahead[0])), 2*cacheLine
	}
	for i := 0; i < rows; {
		blocks, height := max(1, (rows-i)/tileBlock), min(tileBlock, rows-i)
		for j := 0; j < cols; {
			panels, width := max(1, (cols-j)/PanelColumns), min(PanelColumns, cols-j)
			config := &wholeTiles
			if height < tileBlock || width < PanelColumns {
				narrow := newTileConfig(height, width)
				config = &narrow
			}
			shape := (height-1)/tileRows*2 + (width-1)/tileRows
			productTiles(&config[0], shape, y[i*ldy+j:], ldy, x[i*ldx:], ldx, w[j/PanelColumns*panel:], panel, xAt, wAt, group, blocks, k, panels, add, next, step)
			next += uintptr(blocks * panels * len(xAt) * (k / tileDepth) * step)
			j += panels * width
		}
		i += blocks * height
	}
}

const (
	tileDepth = 32 // of k in a step
	cacheLine = 64
)

// nothingAhead is fetched where nothing else is: an address is never looked at
// but by the instructions that fetch, and those cannot fault.
var nothingAhead [cacheLine]byte

var wholeTiles = newTileConfig(tileBlock, PanelColumns)
