package kernel

func PackPanels(dst, w []float32, k, n, width int) {
	for j := 0; j < n; j += width {
		columns := min(width, n-j)
		for i := range k {
			row := dst[:width]
			copy(row, w[i*n+j:][:columns])
			clear(row[columns:])
			dst = dst[width:]
		}
	}
}

func PackPanelsTransposed(dst, w []float32, k, n, width int) {
	for j := 0; j < n; j += width {
		panel, columns := dst[:k*width], min(width, n-j)
		clear(panel)
		for i := range k {
			for c := range columns {
				panel[i*width+c] = w[(j+c)*k+i]
			}
		}
		dst = dst[k*width:]
	}
}

func Product(y []float32, ldy int, x []float32, ldx int, w []float32, ldw int, xAt, wAt []int32, rows, k, cols int, add bool) {
	if cols == ldw {
		current.correlate(y, x, w, xAt, wAt, rows, ldy, ldx, k, cols, add)
		return
	}
	for i := range rows {
		for j := range cols {
			var s float32
			for p, at := range xAt {
				for c := range k {
					s += x[int(at)+i*ldx+c] * w[int(wAt[p])+c*ldw+j]
				}
			}
			if add {
				s += y[i*ldy+j]
			}
			y[i*ldy+j] = s
		}
	}
}

type EventGradient struct{ g Conv }
type GradientScratch struct{}

func NewEventGradient(g Conv, frames int) *EventGradient         { return &EventGradient{g} }
func (e *EventGradient) NewScratch() *GradientScratch            { return nil }
func (e *EventGradient) Bits(dw []float32, bits []uint32, dy []float32, f, c0, c1, o0, o1 int, s *GradientScratch) {
	in, _ := e.g.Pixels()
	x := make([]float32, in*f*e.g.C)
	UnpackBits(x, bits[:in*f*Words(e.g.C)], e.g.C, 1)
	e.Rows(dw, x, dy, f, c0, c1, o0, o1, s)
}
func (e *EventGradient) Rows(dw []float32, x []float32, dy []float32, f, c0, c1, o0, o1 int, s *GradientScratch) {
	g := e.g
	for pos := range g.Positions() {
		for c := c0; c < c1; c++ {
			clear(dw[(pos*g.C+c)*g.Out+o0 : (pos*g.C+c)*g.Out+o1])
		}
	}
	_, out := g.Pixels()
	for p := range out {
		for _, t := range g.Taps(nil, p) {
			for fr := range f {
				for c := c0; c < c1; c++ {
					v := x[(int(t.Pixel)*f+fr)*g.C+c]
					if v == 0 {
						continue
					}
					for o := o0; o < o1; o++ {
						dw[(int(t.Position)*g.C+c)*g.Out+o] += v * dy[(p*f+fr)*g.Out+o]
					}
				}
			}
		}
	}
}

func AddBits(y []float32, bits []uint32, c int, v float32) {
	x := make([]float32, len(y))
	UnpackBits(x, bits, c, v)
	Add(y, x)
}
