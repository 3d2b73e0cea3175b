package kernel

import "math"

// Columns holds a list for each of a block of columns of a matrix: the rows in
// which it is not zero. It is the weight gradient's way of looking at its input.
type Columns struct {
	val   []float32 // [columns][room]
	row   []int32
	count []int
	room  int // including slack
}

// columnBlock is the most columns that gather takes at a time.
const columnBlock = 16

// NewColumns returns room for blocks of up to `columns` columns and `rows` rows.
func NewColumns(columns, rows int) *Columns {
	room := rows + slack
	return &Columns{make([]float32, columns*room), make([]int32, columns*room), make([]int, columns), room}
}

// rows is how many rows there is room for.
func (c *Columns) rows() int { return c.room - slack }

// gather makes the lists of the first n columns. Row i of the matrix begins at
// x[offset[i]], and lists name it index[i].
func (c *Columns) gather(x []float32, offset, index []int32, n int) {
	clear(c.count[:n])
	if len(offset) == 0 {
		return
	}
	for i := 0; i < n; i += columnBlock {
		end := min(n, i+columnBlock)
		current.gather(c.val[i*c.room:end*c.room], c.row[i*c.room:end*c.room], c.count[i:end], c.room, x[i:], offset, index[:len(offset)])
	}
}

func gatherPortable(val []float32, row []int32, count []int, room int, x []float32, offset, index []int32) {
	for i, at := range offset {
		for c, v := range x[at:][:len(count)] {
			n := count[c]
			k := c*room + n
			val[k], row[k] = v, index[i]
			if v != 0 {
				n++
			}
			count[c] = n
		}
	}
}

// list returns column i's list.
func (c *Columns) list(i int) List {
	at := i * c.room
	return List{c.row[at : at+c.count[i]], c.val[at : at+c.count[i]]}
}

// combine adds each of n columns' combination of b's rows, of len(dst)/n
// columns, to its row of dst.
func (c *Columns) combine(dst, b []float32, n int) {
	width := len(dst) / n
	for i := range n {
		l := c.list(i)
		l.Combine(dst[i*width:(i+1)*width], b)
	}
}

// RowTable are the rows of a matrix in order: where each begins and its name.
type RowTable struct{ offset, index []int32 }

// NewRowTable describes n rows, `stride` numbers apart, or fewer if offsets would
// not fit 32 bits.
func NewRowTable(n, stride int) RowTable {
	n = max(1, min(n, math.MaxInt32/max(1, stride)))
	t := RowTable{make([]int32, n), make([]int32, n)}
	for i := range n {
		t.offset[i], t.index[i] = int32(i*stride), int32(i)
	}
	return t
}

// MulTransposed adds aᵀ·b to row-major c [K, N], for b [M, N] and the K columns
// of a whose rows are the table's: the weight gradient of a product a·w. It
// takes as many rows at a time as the table and the columns have room for.
func MulTransposed(c, a, b []float32, m, k, stride, n int, rows RowTable, cols *Columns) {
	chunk := min(len(rows.offset), cols.rows())
	for i := 0; i < m; i += chunk {
		held := min(chunk, m-i)
		cols.gather(a[i*stride:], rows.offset[:held], rows.index, k)
		cols.combine(c[:k*n], b[i*n:], k)
	}
}
