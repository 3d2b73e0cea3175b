// Package kernel holds the arithmetic of the CPU engine on plain slices: no
// state, no goroutines. Every function's result depends on its arguments and on
// the processor's vectors (kernels) alone, and sums run in a fixed order.
//
// All products are one operation, Combine: a linear combination of rows, over
// the numbers that are not zero. Spikes are zero most of the time, so the
// forward pass and the weight gradient cost what fires.
package kernel

// List holds numbers that are not zero and, for each, the row it multiplies.
type List struct {
	Row []int32
	Val []float32
}

// slack is the room behind a list's end that compressing whole vectors may
// write to.
const slack = 16

// NewList returns an empty list with room for n numbers. The room is what
// Append may write to, so a list never grows.
func NewList(n int) List {
	return List{make([]int32, 0, n+slack), make([]float32, 0, n+slack)}
}

// Reset empties the list.
func (l *List) Reset() { l.Row, l.Val = l.Row[:0], l.Val[:0] }

// Append adds the numbers of x that are not zero; x[i] multiplies row first+i.
func (l *List) Append(x []float32, first int) { l.appendLines(x, len(x), 1, 0, first, 0) }

// appendLines adds those of n numbers in each of several lines, `line` numbers
// apart in x. Number i of line k multiplies row first + k·step + i.
func (l *List) appendLines(x []float32, n, lines, line, first, step int) {
	at := len(l.Val)
	room := at + n*lines + slack
	at += current.compress(l.Val[at:room], l.Row[at:room], x, n, lines, line, first, step)
	l.Val, l.Row = l.Val[:at], l.Row[:at]
}

// compressPortable packs the numbers of lines of x that are not zero, and their
// rows, into val and row, and returns how many there are. val and row have slack
// more room than there are numbers. It takes the same steps whatever is zero:
// branches on spikes are as good as random.
func compressPortable(val []float32, row []int32, x []float32, n, lines, line, first, step int) int {
	val, row = val[:n*lines], row[:n*lines]
	k := 0
	for j := range lines {
		for i, v := range x[j*line:][:n] {
			val[k], row[k] = v, int32(first+j*step+i)
			if v != 0 {
				k++
			}
		}
	}
	return k
}

// Combine adds Σ val·rows[row] over the list to acc. rows is a row-major matrix
// of len(acc) columns; it must have every row that the list names.
func (l *List) Combine(acc, rows []float32) {
	if len(l.Row) > 0 {
		current.combine(acc, rows, l.Row, l.Val[:len(l.Row)])
	}
}

func combinePortable(acc, rows []float32, row []int32, val []float32) {
	n := len(acc)
	val = val[:len(row)]
	for len(row) >= 4 && len(val) >= 4 {
		x0, x1, x2, x3 := val[0], val[1], val[2], val[3]
		r0 := rows[int(row[0])*n:][:n]
		r1 := rows[int(row[1])*n:][:len(r0)]
		r2 := rows[int(row[2])*n:][:len(r0)]
		r3 := rows[int(row[3])*n:][:len(r0)]
		d := acc[:len(r0)]
		for j := range r0 {
			d[j] += x0*r0[j] + x1*r1[j] + x2*r2[j] + x3*r3[j]
		}
		row, val = row[4:], val[4:]
	}
	for i, x := range val {
		r := rows[int(row[i])*n:][:n]
		d := acc[:len(r)]
		for j, v := range r {
			d[j] += x * v
		}
	}
}

// Mul computes c = a·b for row-major a [M, K], b [K, N] and c [M, N], or c += a·b
// if add is set. The list needs room for K numbers.
func Mul(c, a, b []float32, m, k, n int, add bool, l *List) {
	for i := range m {
		row := c[i*n : (i+1)*n]
		if !add {
			clear(row)
		}
		l.Reset()
		l.Append(a[i*k:(i+1)*k], 0)
		l.Combine(row, b)
	}
}

// Transpose writes the transpose of row-major b [K, N]. It takes a few rows at a
// time, so that what it writes lies together.
func Transpose(dst, b []float32, k, n int) {
	const together = 16
	for r := 0; r < k; r += together {
		rows := min(together, k-r)
		for j := range n {
			column := dst[j*k+r:][:rows]
			for i := range column {
				column[i] = b[(r+i)*n+j]
			}
		}
	}
}
