package data

import "math"

// mover shows one image at places between pixels, and how it changes from one to
// the next.
type mover struct {
	task   Task
	h, w   int // of the image
	margin int
	wide   []float32 // brightness of the image amid black, [h+2·margin, w+2·margin]
	view   []float32 // a frame's brightness, [H, W]
	seen   []float32 // that to which changes are compared, [H, W]
}

func newMover(t Task, h, w int) *mover {
	m := &mover{task: t, h: h, w: w, margin: t.Pad + int(math.Ceil(t.Radius)) + 1}
	m.wide = make([]float32, (h+2*m.margin)*(w+2*m.margin))
	pixels := (h + 2*t.Pad) * (w + 2*t.Pad)
	m.view, m.seen = make([]float32, pixels), make([]float32, pixels)
	return m
}

// ground takes up a normalised image [h, w, C]. Its brightness is the mean of its
// channels.
func (m *mover) ground(img []float32, n Norm) {
	c := len(n.Mean)
	black := float32(0)
	for k := range c {
		black -= n.Mean[k] / n.Std[k] / float32(c)
	}
	for i := range m.wide {
		m.wide[i] = black
	}
	for y := range m.h {
		row := m.wide[(y+m.margin)*(m.w+2*m.margin)+m.margin:]
		for x := range m.w {
			sum := float32(0)
			for _, v := range img[(y*m.w+x)*c:][:c] {
				sum += v
			}
			row[x] = sum / float32(c)
		}
	}
}

// frames writes a frame for each step from one place of the path to the next,
// [T, H, W, 2].
func (m *mover) frames(dst []float32, path []place) {
	m.show(m.seen, path[0])
	for _, at := range path[1:] {
		m.show(m.view, at)
		if m.task.Threshold > 0 {
			m.count(dst)
		} else {
			m.change(dst)
			m.seen, m.view = m.view, m.seen
		}
		dst = dst[polarities*len(m.view):]
	}
}

// change writes by how much each pixel is darker, or brighter, than was seen.
func (m *mover) change(dst []float32) {
	for i, v := range m.view {
		d := v - m.seen[i]
		dst[polarities*i+darker], dst[polarities*i+brighter] = max(-d, 0), max(d, 0)
	}
}

// count writes how often each pixel's brightness has passed another threshold
// since its last event, and moves what was seen by as many.
func (m *mover) count(dst []float32) {
	threshold := float32(m.task.Threshold)
	for i, v := range m.view {
		n := float32(math.Trunc(float64((v - m.seen[i]) / threshold)))
		m.seen[i] += n * threshold
		dst[polarities*i+darker], dst[polarities*i+brighter] = max(-n, 0), max(n, 0)
	}
}

// show writes the brightness [H, W] of the image at a place, interpolated between
// the four pixels around each point.
func (m *mover) show(dst []float32, at place) {
	// A frame's pixel y is the image's y − pad − at.y, which lies fy below a pixel.
	iy, ix := math.Floor(-at.y), math.Floor(-at.x)
	fy, fx := float32(-at.y-iy), float32(-at.x-ix)
	w00, w01, w10, w11 := (1-fy)*(1-fx), (1-fy)*fx, fy*(1-fx), fy*fx
	stride, width := m.w+2*m.margin, m.w+2*m.task.Pad
	first := (m.margin-m.task.Pad+int(iy))*stride + m.margin - m.task.Pad + int(ix)
	for y := range m.h + 2*m.task.Pad {
		above := m.wide[first+y*stride:][:width+1]
		below := m.wide[first+(y+1)*stride:][:width+1]
		row := dst[y*width:][:width]
		for x := range row {
			row[x] = w00*above[x] + w01*above[x+1] + w10*below[x] + w11*below[x+1]
		}
	}
}
