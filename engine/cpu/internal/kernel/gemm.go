// Package kernel holds the arithmetic of the CPU engine on plain slices:
// portable Go, no state, no goroutines. Every function's result depends on its
// arguments alone, and sums run in a fixed order.
package kernel

// Panel is the number of columns of B that a packed panel holds side by side.
const Panel = 4

// PackedLen returns the length of a K×N matrix packed into panels.
func PackedLen(k, n int) int { return (n + Panel - 1) / Panel * Panel * k }

// Pack lays the row-major matrix b [K, N] out as panels of four columns,
// [⌈N/4⌉][K][4], the last panel filled up with zeros, so that a product reads
// it front to back.
func Pack(dst, b []float32, k, n int) {
	pack(dst, b, k, n, n, 1)
}

// PackTransposed packs the transpose of the row-major matrix b [N, K], as Pack
// would pack bᵀ [K, N].
func PackTransposed(dst, b []float32, k, n int) {
	pack(dst, b, k, n, 1, k)
}

// pack reads element (row, col) at b[row·rs + col·cs].
func pack(dst, b []float32, k, n, rs, cs int) {
	for j0 := 0; j0 < n; j0 += Panel {
		w := min(Panel, n-j0)
		p := dst[j0*k : (j0+Panel)*k]
		for r := range k {
			row := p[r*Panel : r*Panel+Panel]
			for j := range row {
				row[j] = 0
			}
			for j := range w {
				row[j] = b[r*rs+(j0+j)*cs]
			}
		}
	}
}

// Mul computes c = a·b, or c += a·b if add is set, for row-major a [M, K] and
// c [M, N] and packed b.
func Mul(c, a, b []float32, m, k, n int, add bool) {
	i := 0
	for ; i+2 <= m; i += 2 {
		a0, a1 := a[i*k:(i+1)*k], a[(i+1)*k:(i+2)*k]
		c0, c1 := c[i*n:(i+1)*n], c[(i+1)*n:(i+2)*n]
		for j := 0; j < n; j += Panel {
			mul2x4(c0[j:], c1[j:], a0, a1, b[j*k:(j+Panel)*k], add)
		}
	}
	if i < m {
		a0, c0 := a[i*k:(i+1)*k], c[i*n:(i+1)*n]
		for j := 0; j < n; j += Panel {
			mul1x4(c0[j:], a0, b[j*k:(j+Panel)*k], add)
		}
	}
}

// mul2x4 is two rows times one panel: eight accumulators, which is what fits
// the sixteen vector registers beside their operands.
func mul2x4(c0, c1, a0, a1, b []float32, add bool) {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	a1 = a1[:len(a0)]
	b = b[:len(a0)*4]
	for p := range a0 {
		bp := (*[4]float32)(b[p*4:])
		x0, x1 := a0[p], a1[p]
		b0, b1, b2, b3 := bp[0], bp[1], bp[2], bp[3]
		s00 += x0 * b0
		s10 += x1 * b0
		s01 += x0 * b1
		s11 += x1 * b1
		s02 += x0 * b2
		s12 += x1 * b2
		s03 += x0 * b3
		s13 += x1 * b3
	}
	store4(c0, s00, s01, s02, s03, add)
	store4(c1, s10, s11, s12, s13, add)
}

func mul1x4(c0, a0, b []float32, add bool) {
	var s0, s1, s2, s3 float32
	b = b[:len(a0)*4]
	for p, x := range a0 {
		bp := (*[4]float32)(b[p*4:])
		s0 += x * bp[0]
		s1 += x * bp[1]
		s2 += x * bp[2]
		s3 += x * bp[3]
	}
	store4(c0, s0, s1, s2, s3, add)
}

// store4 writes up to four sums, as many as the row has columns left.
func store4(c []float32, s0, s1, s2, s3 float32, add bool) {
	s := [4]float32{s0, s1, s2, s3}
	c = c[:min(4, len(c))]
	if add {
		for j := range c {
			c[j] += s[j]
		}
		return
	}
	copy(c, s[:])
}

// MulTransposed computes c += aᵀ·b for a [M, K], b [M, N] and row-major c
// [K, N]: the weight gradient of a product a·w. Rows of a lie sa elements
// apart, rows of b n.
func MulTransposed(c, a, b []float32, m, k, sa, n int) {
	if m == 0 {
		return
	}
	p := 0
	for ; p+2 <= k; p += 2 {
		c0, c1 := c[p*n:(p+1)*n], c[(p+1)*n:(p+2)*n]
		j := 0
		for ; j+4 <= n; j += 4 {
			outer2x4((*[4]float32)(c0[j:]), (*[4]float32)(c1[j:]), a[p:], b[j:], m, sa, n)
		}
		for ; j < n; j++ {
			c0[j] += dotStrided(a[p:], b[j:], m, sa, n)
			c1[j] += dotStrided(a[p+1:], b[j:], m, sa, n)
		}
	}
	if p < k {
		for j := range n {
			c[p*n+j] += dotStrided(a[p:], b[j:], m, sa, n)
		}
	}
}

func outer2x4(c0, c1 *[4]float32, a, b []float32, m, sa, sb int) {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	ia, ib := 0, 0
	for range m {
		ap := (*[2]float32)(a[ia:])
		bp := (*[4]float32)(b[ib:])
		x0, x1 := ap[0], ap[1]
		b0, b1, b2, b3 := bp[0], bp[1], bp[2], bp[3]
		s00 += x0 * b0
		s10 += x1 * b0
		s01 += x0 * b1
		s11 += x1 * b1
		s02 += x0 * b2
		s12 += x1 * b2
		s03 += x0 * b3
		s13 += x1 * b3
		ia += sa
		ib += sb
	}
	c0[0] += s00
	c0[1] += s01
	c0[2] += s02
	c0[3] += s03
	c1[0] += s10
	c1[1] += s11
	c1[2] += s12
	c1[3] += s13
}

func dotStrided(a, b []float32, m, sa, sb int) float32 {
	var s float32
	ia, ib := 0, 0
	for range m {
		s += a[ia] * b[ib]
		ia += sa
		ib += sb
	}
	return s
}
