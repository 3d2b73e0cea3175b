package kernel

import (
	"math/bits"
	"unsafe"
)

// eventKernels are the kernels on spikes and other numbers that are mostly zero.
type eventKernels struct {
	packBits      func(bits []uint32, x []float32, c int)
	unpackBits    func(x []float32, bits []uint32, c int, value float32)
	transposeBits func(dst, bits []uint32, blocks, words, across int)

	listBits         func(index []uint16, count []int32, room int, names []uint16, bits []uint32, stride int)
	listRows         func(index []uint16, value []float32, count []int32, room int, names []uint16, x []float32, stride, n int)
	accumulate       func(y, w []float32, index []uint16, count []int32, ldy, ldw, room, width int, add bool)
	accumulateValues func(y, w []float32, index []uint16, value []float32, count []int32, ldy, ldw, room, width int, add bool)

	windowGradient       func(sum, dy []float32, index []uint16, count []int32, room, right, down int)
	windowGradientValues func(sum, dy []float32, index []uint16, value []float32, count []int32, room, right, down int)
	packRows             func(dst, x []float32, rows, stride, panel, width, ahead int, scale float32)
	transposeNumbers     func(dst, x []float32, rows, columns int)
}

var eventPortable = eventKernels{
	packBits: packBitsPortable, unpackBits: unpackBitsPortable, transposeBits: transposeBitsPortable,
	listBits: listBitsPortable, listRows: listRowsPortable,
	accumulate: accumulatePortable, accumulateValues: accumulateValuesPortable,
	windowGradient: windowGradientPortable, windowGradientValues: windowGradientValuesPortable,
	packRows: packRowsPortable, transposeNumbers: transposeNumbersPortable,
}

// EventChunk is the most columns that an event list covers: a chunk of weights,
// EventChunk rows of 64 numbers, stays in the first-level cache.
const EventChunk = 128

// Events holds, for each row of a matrix, the columns that are not zero: its
// events. They multiply rows of weights, so a product costs what fires. Columns
// are listed in chunks of EventChunk; chunk k begins at column k·EventChunk. Each
// row's list of each chunk has an area of its own, so rows may be listed in
// parallel.
type Events struct {
	chunks  []lists
	columns int
}

// lists holds events of rows in order, row by row.
type lists struct {
	index []uint16  // [rows][room]
	value []float32 // as index, or nil if events have no values
	count []int32   // [rows]
	room  int       // per row: whole words of events, since they are stored so
}

func newLists(rows, columns int, valued bool) lists {
	words := Words(columns) | 1 // odd, so that lists do not compete for the same cache sets
	l := lists{count: make([]int32, rows), room: words * wordBits}
	l.index = make([]uint16, rows*l.room)
	if valued {
		l.value = make([]float32, rows*l.room)
	}
	return l
}

// from returns the lists of n rows from `row` on.
func (l *lists) from(row, n int) lists {
	part := lists{l.index[row*l.room : (row+n)*l.room], nil, l.count[row : row+n], l.room}
	if l.value != nil {
		part.value = l.value[row*l.room : (row+n)*l.room]
	}
	return part
}

// eventNames are the columns of a chunk.
var eventNames = func() (names [EventChunk]uint16) {
	for i := range names {
		names[i] = uint16(i)
	}
	return names
}()

// NewEvents returns room for the events of up to `rows` rows. With values, an
// event is a number that is not zero; without, a bit.
func NewEvents(rows, columns int, valued bool) *Events {
	e := &Events{columns: columns}
	for c := 0; c < columns; c += EventChunk {
		e.chunks = append(e.chunks, newLists(rows, min(EventChunk, columns-c), valued))
	}
	return e
}

// Each calls fn with the memory of every part of the lists.
func (e *Events) Each(fn func(mem []byte)) {
	for _, l := range e.chunks {
		for _, mem := range [][]byte{asBytes(l.index), asBytes(l.value), asBytes(l.count)} {
			if len(mem) > 0 {
				fn(mem)
			}
		}
	}
}

func asBytes[T any](x []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(t)))
}

// Chunks is the number of chunks of columns.
func (e *Events) Chunks() int { return len(e.chunks) }

// chunkColumns is the number of columns of a chunk.
func (e *Events) chunkColumns(chunk int) int { return min(EventChunk, e.columns-chunk*EventChunk) }

// ListBits lists the bits of rows [row, row+rows), which bits begins with, for
// events without values.
func (e *Events) ListBits(row int, bits []uint32, rows int) {
	words := Words(e.columns)
	if rows == 0 {
		return
	}
	bits = bits[:rows*words]
	for k := range e.chunks {
		l := e.chunks[k].from(row, rows)
		current.listBits(l.index, l.count, l.room, eventNames[:Words(e.chunkColumns(k))*wordBits], bits[k*EventChunk/wordBits:], words)
	}
}

// listBitsPortable lists, for each row of bits, the names of those that are set.
// Rows have len(names)/32 words, `stride` words apart; there is a list of `room`
// names for each. Behind a list's end it may write within its room.
func listBitsPortable(index []uint16, count []int32, room int, names []uint16, words []uint32, stride int) {
	across := len(names) / wordBits
	for r := range count {
		list := index[r*room:][:room]
		n := 0
		for w, word := range words[r*stride:][:across] {
			named := names[w*wordBits:][:wordBits]
			for ; word != 0; word &= word - 1 {
				list[n] = named[bits.TrailingZeros32(word)]
				n++
			}
		}
		count[r] = int32(n)
	}
}

// ListRows lists the numbers of rows [row, row+rows) that are not zero, which x
// begins with, for events with values.
func (e *Events) ListRows(row int, x []float32, rows int) {
	if rows == 0 {
		return
	}
	x = x[:rows*e.columns]
	for k := range e.chunks {
		l := e.chunks[k].from(row, rows)
		current.listRows(l.index, l.value, l.count, l.room, eventNames[:], x[k*EventChunk:], e.columns, e.chunkColumns(k))
	}
}

// listRowsPortable lists, for each row of n numbers, `stride` numbers apart, the
// names and values of those that are not zero. It takes the same steps whatever
// is zero.
func listRowsPortable(index []uint16, value []float32, count []int32, room int, names []uint16, x []float32, stride, n int) {
	for r := range count {
		list, values := index[r*room:][:n], value[r*room:][:n]
		k := 0
		for i, v := range x[r*stride:][:n] {
			list[k], values[k] = names[i], v
			if v != 0 {
				k++
			}
		}
		count[r] = int32(k)
	}
}

// Accumulate multiplies rows [row, row+rows) with a chunk's weights, whose rows
// of `panel` numbers w begins with:
//
//	y[i·ldy + j] = or += Σ [v·]w[c·panel + j]    over events c of value v, j < width ≤ panel
//
// It reads and writes no other numbers of y, and of w's rows no more than width.
func (e *Events) Accumulate(y []float32, ldy int, w []float32, panel, chunk, row, rows, width int, add bool) {
	if rows == 0 || width == 0 {
		return
	}
	l := e.chunks[chunk].from(row, rows)
	l.accumulate(y[:(rows-1)*ldy+width], ldy, w[:(e.chunkColumns(chunk)-1)*panel+width], panel, width, add)
}

// accumulate is Accumulate for rows of w that are ldw apart.
func (l *lists) accumulate(y []float32, ldy int, w []float32, ldw, width int, add bool) {
	if l.value != nil {
		current.accumulateValues(y, w, l.index, l.value, l.count, ldy, ldw, l.room, width, add)
	} else {
		current.accumulate(y, w, l.index, l.count, ldy, ldw, l.room, width, add)
	}
}

// accumulatePortable is Accumulate of bits. Sums of `block` columns stay in registers
// while the row's events go by.
func accumulatePortable(y, w []float32, index []uint16, count []int32, ldy, ldw, room, width int, add bool) {
	for r, n := range count {
		acc := y[r*ldy:][:width]
		if !add {
			clear(acc)
		}
		list := index[r*room:][:n]
		if n == 0 {
			continue
		}
		j := 0
		for ; j+block <= width; j += block {
			addEvents((*[block]float32)(acc[j:]), w[j:], list, ldw)
		}
		if rest := acc[j:]; len(rest) > 0 {
			for _, c := range list {
				axpyPortable(rest, w[int(c)*ldw+j:][:len(rest)], 1)
			}
		}
	}
}

// accumulateValuesPortable is Accumulate of values.
func accumulateValuesPortable(y, w []float32, index []uint16, value []float32, count []int32, ldy, ldw, room, width int, add bool) {
	for r, n := range count {
		acc := y[r*ldy:][:width]
		if !add {
			clear(acc)
		}
		list, values := index[r*room:][:n], value[r*room:][:n]
		j := 0
		for ; j+block <= width; j += block {
			addValues((*[block]float32)(acc[j:]), w[j:], list, values, ldw)
		}
		if rest := acc[j:]; len(rest) > 0 {
			for i, c := range list {
				axpyPortable(rest, w[int(c)*ldw+j:][:len(rest)], values[i])
			}
		}
	}
}

// block is how many sums of a row portable kernels hold in registers: what they
// multiply or add comes from memory.
const block = 8

// addEvents adds the first numbers of the rows of w, ldw apart, that a list names.
func addEvents(sum *[block]float32, w []float32, list []uint16, ldw int) {
	s0, s1, s2, s3, s4, s5, s6, s7 := sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7]
	for _, name := range list {
		at := int(name) * ldw
		row := (*[block]float32)(w[at : at+block : at+block])
		s0 += row[0]
		s1 += row[1]
		s2 += row[2]
		s3 += row[3]
		s4 += row[4]
		s5 += row[5]
		s6 += row[6]
		s7 += row[7]
	}
	*sum = [block]float32{s0, s1, s2, s3, s4, s5, s6, s7}
}

// addValues is addEvents of events that have values, two at a time.
func addValues(sum *[block]float32, w []float32, list []uint16, values []float32, ldw int) {
	s0, s1, s2, s3, s4, s5, s6, s7 := sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7]
	values = values[:len(list)]
	for i := 1; i < len(list); i += 2 {
		at := int(list[i-1]) * ldw
		r, x := (*[block]float32)(w[at:at+block:at+block]), values[i-1]
		at = int(list[i]) * ldw
		q, y := (*[block]float32)(w[at:at+block:at+block]), values[i]
		s0 += x*r[0] + y*q[0]
		s1 += x*r[1] + y*q[1]
		s2 += x*r[2] + y*q[2]
		s3 += x*r[3] + y*q[3]
		s4 += x*r[4] + y*q[4]
		s5 += x*r[5] + y*q[5]
		s6 += x*r[6] + y*q[6]
		s7 += x*r[7] + y*q[7]
	}
	*sum = [block]float32{s0, s1, s2, s3, s4, s5, s6, s7}
	if last := len(list) - 1; last%2 == 0 {
		axpyPortable(sum[:], w[int(list[last])*ldw:][:block], values[last])
	}
}
