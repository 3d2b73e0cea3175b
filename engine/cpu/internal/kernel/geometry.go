package kernel

// Conv is the geometry of a convolution in the engine's layout. Its input is
// [H·W][F][C], its output [OutH·OutW][F][Out], its weights [Positions][C][Out]:
// the F frames of a pixel are rows that lie together. A fully connected layer is
// a convolution whose kernel is the whole image.
type Conv struct {
	H, W, C          int // input
	OutH, OutW, Out  int // output
	KernelH, KernelW int
	Stride, Pad      int
}

// Positions is the number of window positions: the weights have a C×Out matrix
// for each, in the order of rows.
func (g Conv) Positions() int { return g.KernelH * g.KernelW }

// Pixels returns the number of input and of output pixels.
func (g Conv) Pixels() (in, out int) { return g.H * g.W, g.OutH * g.OutW }

// Tap is a window position that lies inside the image, and the pixel there.
type Tap struct{ Position, Pixel int32 }

// Taps appends the taps of output pixel p in the order of positions.
func (g Conv) Taps(taps []Tap, p int) []Tap {
	y0, x0 := p/g.OutW*g.Stride-g.Pad, p%g.OutW*g.Stride-g.Pad
	for ky := max(0, -y0); ky < min(g.KernelH, g.H-y0); ky++ {
		for kx := max(0, -x0); kx < min(g.KernelW, g.W-x0); kx++ {
			taps = append(taps, Tap{int32(ky*g.KernelW + kx), int32((y0+ky)*g.W + x0 + kx)})
		}
	}
	return taps
}

// TapsInto appends, for input pixel p, the positions that reach it and the
// output pixels from which they do: the taps of the gradient of the input.
func (g Conv) TapsInto(taps []Tap, p int) []Tap {
	y, x := p/g.W+g.Pad, p%g.W+g.Pad
	for ky := range min(g.KernelH, y+1) {
		oy := (y - ky) / g.Stride
		if (y-ky)%g.Stride != 0 || oy >= g.OutH {
			continue
		}
		for kx := range min(g.KernelW, x+1) {
			ox := (x - kx) / g.Stride
			if (x-kx)%g.Stride == 0 && ox < g.OutW {
				taps = append(taps, Tap{int32(ky*g.KernelW + kx), int32(oy*g.OutW + ox)})
			}
		}
	}
	return taps
}
