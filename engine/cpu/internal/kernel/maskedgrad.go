package kernel

// MaskedGradient computes the gradient of a convolution's input where a mask asks
// for it:
//
//	dx[q, f, c] = Σ dy[p, f, o]·w[(pos·C + c)·Out + o]    over positions pos, output pixels p = q − pos, outputs o
//
// at rows (q, f) and channels c whose bit is set, and 0 elsewhere. A neuron hands
// a gradient on only from inside its surrogate window, so the gradient of its
// spikes is not wanted for others.
//
// Convolutions of 3×3 that keep the image's size take rows of the input, (pixel,
// frame) pairs, a tile of neighbours at a time and list for each channel the rows
// that want its gradient: a channel's weights then serve all of these. What the
// tile meets of dy stays in the first-level cache for a panel of outputs. In others
// rows share too little of it, or their sums are too short, for this to pay.
//
// The engine splits the work by tiles and blocks of channels. No sum is split, and
// each runs in a fixed order, which depends on how many of the tile's rows want
// the channel. A block's weights for a panel should stay in the second-level
// cache, and packing a tile pays off over its channels.
//
// A MaskedGradient is read-only after it is made.
type MaskedGradient struct {
	g    Conv
	tile haloTile
}

// maskedRows is how many rows vectors take together.
const maskedRows = 8

// NewMaskedGradient prepares for up to maxFrames frames, or returns nil for
// geometries that it does not serve.
func NewMaskedGradient(g Conv, maxFrames int) *MaskedGradient {
	if !g.windowed() {
		return nil
	}
	return &MaskedGradient{g, g.haloTile(maxFrames)}
}

// PackedLen is how many numbers packed weights are.
func (m *MaskedGradient) PackedLen() int { return panels(m.g.Out) * m.g.C * 9 * gradientPanel }

// Pack writes the weights w [9][C][Out] of channels [c0, c1) as panels of outputs,
// [panels][C][9][gradientPanel].
func (m *MaskedGradient) Pack(dst, w []float32, c0, c1 int) {
	for panel := range panels(m.g.Out) {
		o := panel * gradientPanel
		n := min(gradientPanel, m.g.Out-o)
		for c := c0; c < c1; c++ {
			for position := range 9 {
				to := dst[((panel*m.g.C+c)*9+position)*gradientPanel:][:gradientPanel]
				copy(to, w[(position*m.g.C+c)*m.g.Out+o:][:n])
				clear(to[n:])
			}
		}
	}
}

// MaskedScratch is the memory that a worker needs for the MaskedGradient that made it.
type MaskedScratch struct {
	EventScratch
	rowAt [maxHaloRows]int32 // by name: where a row of dx begins
}

// NewScratch returns memory for blocks of up to a number of channels.
func (m *MaskedGradient) NewScratch(channels int) *MaskedScratch {
	rows, words := m.tile.rows(), Words(channels+wordBits-1) // a block may begin within a word
	s := &MaskedScratch{EventScratch: EventScratch{
		lists: newLists(channels, rows, false), names: make([]uint16, Words(rows)*wordBits), panel: make([]float32, maxHaloRows*gradientPanel),
		tileBits: make([]uint32, rows*words), turnedBits: make([]uint32, words*wordBits*Words(rows)),
	}}
	s.sum = make([]float32, channels*s.lists.room)
	return s
}

// tiles is how many tiles there are in each direction.
func (m *MaskedGradient) tiles(frames int) (y, x, f int) {
	t := m.tile
	return (m.g.H + t.h - 1) / t.h, (m.g.W + t.w - 1) / t.w, (frames + t.frames - 1) / t.frames
}

// Tiles is how many tiles the input has.
func (m *MaskedGradient) Tiles(frames int) int {
	y, x, f := m.tiles(frames)
	return y * x * f
}

// Tile writes channels [c0, c1) of a tile's rows of dx [H·W][frames][C], or adds
// to those that the mask [H·W][frames][Words(C)] selects and leaves the others.
// packed are the weights. If dy [OutH·OutW][frames][Out] or weights are not
// finite, neither is what they take part in; that may include positions outside the
// image.
func (m *MaskedGradient) Tile(dx []float32, mask []uint32, dy, packed []float32, frames, tile, c0, c1 int, add bool, s *MaskedScratch) {
	if c0 == c1 {
		return
	}
	_, across, deep := m.tiles(frames)
	t := m.tile
	y, x, f := tile/deep/across*t.h, tile/deep%across*t.w, tile%deep*t.frames
	in, out := m.g.Pixels()
	d := maskedTile{
		gradient: gradient{
			g: m.g, bits: mask[:in*frames*Words(m.g.C)], dy: dy[:out*frames*m.g.Out], frames: frames, scale: 1, c0: c0, c1: c1, o1: m.g.Out, EventScratch: &s.EventScratch,
		},
		haloTile: haloTile{min(t.h, m.g.H-y), min(t.w, m.g.W-x), min(t.frames, frames-f)}, y: y, x: x, f: f, scratch: s,
	}
	d.compute(dx[:in*frames*m.g.C], packed[:m.PackedLen()], add)
}

// maskedTile is a tile's computation. Its first pixel and frame are given.
type maskedTile struct {
	gradient
	haloTile
	y, x, f int
	scratch *MaskedScratch
}

func (d *maskedTile) compute(dx, packed []float32, add bool) {
	rows := d.takeRows(dx, add)
	l := d.list(rows, d.names)
	l.fillBlocks(maskedRows)
	sum, size, down := d.sum[:(d.c1-d.c0)*l.room], 9*gradientPanel, (d.w+2)*d.haloTile.frames
	for o := 0; o < d.g.Out; o += gradientPanel {
		d.packHalo(o, d.y, d.x, d.f, d.haloTile)
		w := packed[(o/gradientPanel*d.g.C+d.c0)*size:][:(d.c1-d.c0)*size]
		current.windowDots(sum, d.panel, w, l.index, l.count, l.room, d.haloTile.frames, down, o > 0)
	}
	current.scatterSums(dx[d.c0:], sum, l.index, l.count, d.scratch.rowAt[:], l.room, add)
}

// takeRows takes the mask of the tile's rows, names them and notes where they lie
// in dx, which it clears unless gradients are added. A name is the row of the halo
// where the window's last position sees dy.
func (d *maskedTile) takeRows(dx []float32, add bool) (rows int) {
	for i := range d.h {
		for j := range d.w {
			row := ((d.y+i)*d.g.W+d.x+j)*d.gradient.frames + d.f
			d.take(rows, row, d.haloTile.frames)
			for k := range d.haloTile.frames {
				name := (i*(d.w+2)+j)*d.haloTile.frames + k
				d.names[rows+k], d.scratch.rowAt[name] = uint16(name), int32((row+k)*d.g.C)
				if !add {
					clear(dx[(row+k)*d.g.C:][d.c0:d.c1])
				}
			}
			rows += d.haloTile.frames
		}
	}
	return rows
}

// fillBlocks repeats the first event of each list behind its end, up to a whole
// number of blocks.
func (l *lists) fillBlocks(block int) {
	for r, n := range l.count {
		list := l.index[r*l.room:][:l.room]
		for i := int(n); i%block != 0; i++ {
			list[i] = list[0]
		}
	}
}

// maskedKernels are the kernels of the gradient of the input under a mask.
type maskedKernels struct {
	windowDots  func(sum, dy, w []float32, index []uint16, count []int32, room, right, down int, add bool)
	scatterSums func(dx, sum []float32, index []uint16, count, rowAt []int32, room int, add bool)
}

var maskedPortable = maskedKernels{windowDots: windowDotsPortable, scatterSums: scatterSumsPortable}

// windowDotsPortable multiplies, for each channel's events, the nine rows of dy that
// an event meets with the channel's weights, w [channels][9][gradientPanel], and
// writes event i's sum to sum[c·room + i] or adds it. An event names the row of the
// last position, as in windowGradient. Vectors' versions take events in blocks of
// maskedRows, and therefore read events and write sums up to the end of the last:
// behind a list's end are the names of any rows.
func windowDotsPortable(sum, dy, w []float32, index []uint16, count []int32, room, right, down int, add bool) {
	const size = 9 * gradientPanel
	for c, n := range count {
		sums, weights := sum[c*room:][:n], w[c*size:][:size]
		for i, name := range index[c*room:][:n] {
			var dot float32
			for position := range 9 {
				at := int(name) + (2-position/3)*down + (2-position%3)*right
				dot += panelDot(dy[at*gradientPanel:], weights[position*gradientPanel:])
			}
			if add {
				dot += sums[i]
			}
			sums[i] = dot
		}
	}
}

// panelDot is the dot product of two rows of a panel, in four chains.
func panelDot(x, y []float32) float32 {
	a, b := (*[gradientPanel]float32)(x), (*[gradientPanel]float32)(y)
	var s0, s1, s2, s3 float32
	for j := 0; j < gradientPanel; j += 8 {
		s0 += a[j]*b[j] + a[j+4]*b[j+4]
		s1 += a[j+1]*b[j+1] + a[j+5]*b[j+5]
		s2 += a[j+2]*b[j+2] + a[j+6]*b[j+6]
		s3 += a[j+3]*b[j+3] + a[j+7]*b[j+7]
	}
	return (s0 + s1) + (s2 + s3)
}

// scatterSumsPortable writes sum i of channel c to dx[rowAt[index[c·room + i]] + c],
// or adds it.
func scatterSumsPortable(dx, sum []float32, index []uint16, count, rowAt []int32, room int, add bool) {
	for c, n := range count {
		sums := sum[c*room:][:n]
		for i, name := range index[c*room:][:n] {
			to := &dx[int(rowAt[name])+c]
			if add {
				*to += sums[i]
			} else {
				*to = sums[i]
			}
		}
	}
}
