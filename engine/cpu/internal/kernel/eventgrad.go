package kernel

// EventGradient computes the gradient of a convolution's weights from the
// events of its input:
//
//	dw[(pos·C + c)·Out + o] = Σ x[q, f, c]·dy[p, f, o]    over output pixels p, input pixels q = p + pos, frames f
//
// It takes rows of the input, (pixel, frame) pairs, a tile at a time and lists
// for each channel the rows in which it is not zero: a transposition, after
// which a channel's sum costs its events. Convolutions of 3×3 that keep the
// image's size (windowGradient) hold a channel's nine positions in registers and
// list each row once; others list it once for each position.
//
// The engine splits the work by blocks of channels and of outputs. No sum is
// split, and each runs in a fixed order. Listing pays off over a block's outputs,
// so blocks should have as many outputs as there are, and not more channels than
// leave the block's sums in the second-level cache.
//
// An EventGradient is read-only after it is made.
type EventGradient struct {
	g      Conv
	frames int
	tile   haloTile // of a window gradient, for as many frames
}

// gradientPanel is the number of outputs that a window gradient takes at a time,
// productPanel that of other gradients.
const (
	gradientPanel = 32
	productPanel  = 64
)

// NewEventGradient prepares for up to maxFrames frames.
func NewEventGradient(g Conv, maxFrames int) *EventGradient {
	return &EventGradient{g, maxFrames, g.haloTile(maxFrames)}
}

// windowed reports whether windowGradient serves a geometry.
func (g Conv) windowed() bool {
	return g.KernelH == 3 && g.KernelW == 3 && g.Stride == 1 && g.Pad == 1 && g.OutH == g.H && g.OutW == g.W
}

// EventScratch is the memory that a worker needs for the EventGradient that made it.
type EventScratch struct {
	lists lists     // a list of rows for each channel
	names []uint16  // of the tile's rows
	panel []float32 // the rows of dy that the tile meets, for a panel of outputs
	sum   []float32 // of a window gradient: [panels][channels][9][gradientPanel]
	runs  []rowRun

	// The tile, [rows][words] of bits or whole squares of numbers, and its transpose.
	tileBits, turnedBits       []uint32
	tileNumbers, turnedNumbers []float32
}

// rowRun is a run of consecutive rows of dy.
type rowRun struct{ first, rows int }

// NewScratch returns memory for blocks of up to the given numbers of channels and
// outputs, of an input that consists of bits or of numbers.
func (e *EventGradient) NewScratch(channels, outputs int, numbers bool) *EventScratch {
	rows, panel := EventChunk, EventChunk*productPanel
	s := &EventScratch{runs: make([]rowRun, 0, EventChunk)}
	if e.g.windowed() {
		rows, panel = maxTileRows, maxHaloRows*gradientPanel
		s.sum = make([]float32, panels(outputs)*channels*9*gradientPanel)
	}
	s.lists, s.panel = newLists(channels, rows, numbers), make([]float32, panel)
	s.names = make([]uint16, Words(rows)*wordBits)
	for i := range s.names {
		s.names[i] = uint16(i)
	}
	if numbers {
		n := wholeSquares(channels) * wholeSquares(rows)
		s.tileNumbers, s.turnedNumbers = make([]float32, n), make([]float32, n)
	} else {
		words := Words(channels + wordBits - 1) // a block may begin within a word
		s.tileBits, s.turnedBits = make([]uint32, rows*words), make([]uint32, words*wordBits*Words(rows))
	}
	return s
}

// Bits writes the block of channels [c0, c1) and outputs [o0, o1) of dw for an
// input of bits, [pixels][frames][Words(C)], times value.
func (e *EventGradient) Bits(dw []float32, bits []uint32, value float32, dy []float32, frames, c0, c1, o0, o1 int, s *EventScratch) {
	in, _ := e.g.Pixels()
	e.gradient(gradient{g: e.g, dw: dw, dy: dy, scale: value, bits: bits[:in*frames*Words(e.g.C)], frames: frames, c0: c0, c1: c1, o0: o0, o1: o1, EventScratch: s})
}

// Numbers writes the block of channels [c0, c1) and outputs [o0, o1) of dw for an
// input of numbers, [pixels][frames][C]. If some are not finite, neither is dw; in
// a window gradient that may include positions which see them outside the image.
func (e *EventGradient) Numbers(dw, x, dy []float32, frames, c0, c1, o0, o1 int, s *EventScratch) {
	in, _ := e.g.Pixels()
	e.gradient(gradient{g: e.g, dw: dw, dy: dy, scale: 1, x: x[:in*frames*e.g.C], frames: frames, c0: c0, c1: c1, o0: o0, o1: o1, EventScratch: s})
}

func (e *EventGradient) gradient(d gradient) {
	_, pixels := d.g.Pixels()
	d.dw, d.dy = d.dw[:d.g.Positions()*d.g.C*d.g.Out], d.dy[:pixels*d.frames*d.g.Out]
	switch {
	case d.c0 == d.c1 || d.o0 == d.o1:
	case !d.g.windowed():
		for position := range d.g.Positions() {
			d.position(position)
		}
	case d.frames == e.frames:
		d.windows(e.tile)
	default:
		d.windows(d.g.haloTile(d.frames))
	}
}

// gradient is one block's computation.
type gradient struct {
	g              Conv
	dw, dy         []float32
	scale          float32
	bits           []uint32  // the input, or
	x              []float32 // the input
	frames         int
	c0, c1, o0, o1 int
	*EventScratch
}

// take copies rows of the input's block of channels to the tile, from its row
// `at` on.
func (d *gradient) take(at, row, rows int) {
	if d.x != nil {
		n, width := d.c1-d.c0, wholeSquares(d.c1-d.c0)
		for i := range rows {
			copy(d.tileNumbers[(at+i)*width:][:n], d.x[(row+i)*d.g.C+d.c0:])
		}
		return
	}
	across, first, n := Words(d.g.C), d.c0/wordBits, Words(d.c1)-d.c0/wordBits
	if n == across {
		copy(d.tileBits[at*n:][:rows*n], d.bits[row*n:])
		return
	}
	for i := range rows { // few words: a loop, since copying would be a call
		to, from := d.tileBits[(at+i)*n:][:n], d.bits[(row+i)*across+first:][:n]
		for k := range to {
			to[k] = from[k]
		}
	}
}

// list lists the tile's rows by the channels in which they are not zero.
func (d *gradient) list(rows int, names []uint16) lists {
	l := d.lists.from(0, d.c1-d.c0)
	if d.x != nil {
		down, across := wholeSquares(rows), wholeSquares(d.c1-d.c0)
		clear(d.tileNumbers[rows*across : down*across])
		current.transposeNumbers(d.turnedNumbers, d.tileNumbers, down, across)
		current.listRows(l.index, l.value, l.count, l.room, names, d.turnedNumbers, down, rows)
		return l
	}
	across := Words(rows)
	TransposeBits(d.turnedBits, d.tileBits, rows, Words(d.c1)-d.c0/wordBits)
	current.listBits(l.index, l.count, l.room, names[:across*wordBits], d.turnedBits[d.c0%wordBits*across:], across)
	return l
}

// position computes one window position: the product of the transpose of the
// rows of the input that it sees with the rows of dy that see them.
func (d *gradient) position(position int) {
	_, pixels := d.g.Pixels()
	rows, add := 0, false
	d.runs = d.runs[:0]
	flush := func() {
		if rows > 0 {
			d.product(position, rows, add)
			rows, add, d.runs = 0, true, d.runs[:0]
		}
	}
	for p := range pixels {
		q, ok := d.g.input(p, position)
		if !ok {
			continue
		}
		for f := 0; f < d.frames; {
			n := min(d.frames-f, EventChunk-rows)
			d.take(rows, q*d.frames+f, n)
			d.runs = append(d.runs, rowRun{p*d.frames + f, n})
			f, rows = f+n, rows+n
			if rows == EventChunk {
				flush()
			}
		}
	}
	flush()
	if !add {
		for c := d.c0; c < d.c1; c++ {
			clear(d.dw[(position*d.g.C+c)*d.g.Out:][d.o0:d.o1])
		}
	}
}

// product adds the tile's part of a position to dw, or writes it.
func (d *gradient) product(position, rows int, add bool) {
	l, out := d.list(rows, d.names), d.g.Out
	for o := d.o0; o < d.o1; o += productPanel {
		width, at, ahead := min(productPanel, d.o1-o), 0, productPanel
		if o+productPanel >= d.o1 { // what the next tile most likely begins with
			ahead = EventChunk*out - (o - d.o0)
		}
		for _, r := range d.runs {
			current.packRows(d.panel[at*productPanel:], d.dy[r.first*out+o:], r.rows, out, productPanel, width, ahead, d.scale)
			at += r.rows
		}
		l.accumulate(d.dw[(position*d.g.C+d.c0)*out+o:], out, d.panel, productPanel, width, add)
	}
}

// input returns the input pixel that output pixel p sees at a window position, if
// that is inside the image.
func (g Conv) input(p, position int) (pixel int, ok bool) {
	y := p/g.OutW*g.Stride - g.Pad + position/g.KernelW
	x := p%g.OutW*g.Stride - g.Pad + position%g.KernelW
	return y*g.W + x, y >= 0 && x >= 0 && y < g.H && x < g.W
}

// packRowsPortable copies rows of `width` numbers, `stride` apart, times scale, to
// rows of `panel` numbers, filled up with zeros. A panel is gradientPanel or
// productPanel. The copy after this one is `ahead` numbers further: vectors fetch it.
func packRowsPortable(dst, x []float32, rows, stride, panel, width, ahead int, scale float32) {
	for r := range rows {
		to := dst[r*panel:][:panel]
		for j, v := range x[r*stride:][:width] {
			to[j] = v * scale
		}
		clear(to[width:])
	}
}

// square is what transposeNumbers takes at a time in each direction.
const square = 16

func wholeSquares(n int) int { return (n + square - 1) / square * square }

// transposeNumbersPortable writes the transpose of a matrix whose rows and columns
// are whole squares.
func transposeNumbersPortable(dst, x []float32, rows, columns int) {
	for r0 := 0; r0 < rows; r0 += square { // what it writes lies together
		for c := range columns {
			to := dst[c*rows+r0:][:square]
			for r := range to {
				to[r] = x[(r0+r)*columns+c]
			}
		}
	}
}
