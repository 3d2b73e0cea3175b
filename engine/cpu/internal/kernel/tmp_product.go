package kernel

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
