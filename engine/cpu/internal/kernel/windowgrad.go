package kernel

// A window gradient goes over tiles of pixels and frames. The rows of dy that a
// tile's input rows meet, a pixel more on each side, stay in the first-level cache
// for a panel of outputs; positions outside the image are rows of zeros.
const (
	maxHaloRows = 240 // 30 KiB for a panel
	maxTileRows = 192
)

// haloTile is a block of input rows: pixels and frames.
type haloTile struct{ h, w, frames int }

func (t haloTile) rows() int { return t.h * t.w * t.frames }

// haloTile returns the tile shape that takes an image and its frames at the least
// cost. A tile costs its sums' way through the caches, and each pixel of its halo
// the way to rows of dy that lie apart from others: about one to pixelsPerTile.
func (g Conv) haloTile(frames int) haloTile {
	const pixelsPerTile = 64
	best, least := haloTile{1, 1, 1}, 0
	for h := 1; h <= g.H; h++ {
		for w := 1; w <= g.W; w++ {
			pixels := (h + 2) * (w + 2)
			n := min(frames, maxHaloRows/pixels, maxTileRows/(h*w))
			if n == 0 {
				break
			}
			tiles := ((g.H + h - 1) / h) * ((g.W + w - 1) / w) * ((frames + n - 1) / n)
			if cost := tiles * (pixelsPerTile + pixels); least == 0 || cost < least {
				best, least = haloTile{h, w, n}, cost
			}
		}
	}
	return best
}

// panels is the number of panels of a window gradient.
func panels(outputs int) int { return (outputs + gradientPanel - 1) / gradientPanel }

// windows computes a block of a 3×3 convolution's gradient.
func (d *gradient) windows(t haloTile) {
	channels, size := d.c1-d.c0, 9*gradientPanel
	sum := d.sum[:panels(d.o1-d.o0)*channels*size]
	clear(sum)
	for y := 0; y < d.g.H; y += t.h {
		for x := 0; x < d.g.W; x += t.w {
			for f := 0; f < d.frames; f += t.frames {
				d.windowTile(sum, y, x, f, haloTile{min(t.h, d.g.H-y), min(t.w, d.g.W-x), min(t.frames, d.frames-f)})
			}
		}
	}
	for panel := range panels(d.o1 - d.o0) {
		o := d.o0 + panel*gradientPanel
		width := min(gradientPanel, d.o1-o)
		for c := range channels {
			for position := range 9 {
				at := ((panel*channels+c)*9 + position) * gradientPanel
				copy(d.dw[(position*d.g.C+d.c0+c)*d.g.Out+o:][:width], sum[at:])
			}
		}
	}
}

// windowTile adds a tile's part, whose first pixel and frame are given.
func (d *gradient) windowTile(sum []float32, y, x, f int, t haloTile) {
	// An event's name is the row of the halo at its window's upper left corner:
	// there lies the output pixel for which it is at the lower right.
	right, down, n := t.frames, (t.w+2)*t.frames, 0
	for i := range t.h {
		for j := range t.w {
			d.take(n, ((y+i)*d.g.W+x+j)*d.frames+f, t.frames)
			for k := range t.frames {
				d.names[n+k] = uint16(i*down + j*right + k)
			}
			n += t.frames
		}
	}
	l, size := d.list(n, d.names), (d.c1-d.c0)*9*gradientPanel
	for o := d.o0; o < d.o1; o += gradientPanel {
		d.packHalo(o, y, x, f, t)
		part := sum[(o-d.o0)/gradientPanel*size:][:size]
		if l.value != nil {
			current.windowGradientValues(part, d.panel, l.index, l.value, l.count, l.room, right, down)
		} else {
			current.windowGradient(part, d.panel, l.index, l.count, l.room, right, down)
		}
	}
}

// packHalo copies what a tile meets of dy for a panel of outputs.
func (d *gradient) packHalo(o, y, x, f int, t haloTile) {
	width, at := min(gradientPanel, d.o1-o), 0
	ahead := gradientPanel // the next panel, or the next frames' first
	if o+gradientPanel >= d.o1 {
		ahead = t.frames*d.g.Out - (o - d.o0)
	}
	for i := y - 1; i <= y+t.h; i++ {
		for j := x - 1; j <= x+t.w; j++ {
			to := d.panel[at:][:t.frames*gradientPanel]
			at += len(to)
			if i < 0 || j < 0 || i >= d.g.H || j >= d.g.W {
				clear(to)
			} else {
				row := (i*d.g.W+j)*d.frames + f
				current.packRows(to, d.dy[row*d.g.Out+o:], t.frames, d.g.Out, gradientPanel, width, ahead, d.scale)
			}
		}
	}
}

// windowGradientPortable adds, for each channel's events, the nine rows of dy that
// an event meets to the sums of the nine positions, sum [channels][9][gradientPanel].
// An event names the row of the last position; others are `right` rows further for
// each column of the window and `down` for each of its rows.
func windowGradientPortable(sum, dy []float32, index []uint16, count []int32, room, right, down int) {
	for c, n := range count {
		list := index[c*room:][:n]
		for position := range 9 {
			seen := dy[(2-position/3)*down*gradientPanel+(2-position%3)*right*gradientPanel:]
			acc := sum[(c*9+position)*gradientPanel:][:gradientPanel]
			for j := 0; j < gradientPanel; j += block {
				addEvents((*[block]float32)(acc[j:]), seen[j:], list, gradientPanel)
			}
		}
	}
}

// windowGradientValuesPortable is windowGradientPortable for events with values.
func windowGradientValuesPortable(sum, dy []float32, index []uint16, value []float32, count []int32, room, right, down int) {
	for c, n := range count {
		list, values := index[c*room:][:n], value[c*room:][:n]
		for position := range 9 {
			seen := dy[(2-position/3)*down*gradientPanel+(2-position%3)*right*gradientPanel:]
			acc := sum[(c*9+position)*gradientPanel:][:gradientPanel]
			for j := 0; j < gradientPanel; j += block {
				addValues((*[block]float32)(acc[j:]), seen[j:], list, values, gradientPanel)
			}
		}
	}
}
