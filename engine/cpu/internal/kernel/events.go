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

func accumulatePortable(y, w []float32, index []uint16, count []int32, ldy, ldw, room, width int, add bool) {
	for r, n := range count {
		acc := y[r*ldy:][:width]
		if !add {
			clear(acc)
		}
		list := index[r*room:][:n]
		for ; len(list) >= 4; list = list[4:] {
			w0 := w[int(list[0])*ldw:][:len(acc)]
			w1 := w[int(list[1])*ldw:][:len(acc)]
			w2 := w[int(list[2])*ldw:][:len(acc)]
			w3 := w[int(list[3])*ldw:][:len(acc)]
			for j := range acc {
				acc[j] += w0[j] + w1[j] + w2[j] + w3[j]
			}
		}
		for _, c := range list {
			for j, v := range w[int(c)*ldw:][:len(acc)] {
				acc[j] += v
			}
		}
	}
}

func accumulateValuesPortable(y, w []float32, index []uint16, value []float32, count []int32, ldy, ldw, room, width int, add bool) {
	for r, n := range count {
		acc := y[r*ldy:][:width]
		if !add {
			clear(acc)
		}
		values := value[r*room:][:n]
		for i, c := range index[r*room:][:len(values)] {
			x := values[i]
			for j, v := range w[int(c)*ldw:][:len(acc)] {
				acc[j] += x * v
			}
		}
	}
}
