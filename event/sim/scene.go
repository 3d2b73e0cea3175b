package sim

import (
	"fmt"
	"math"

	"github.com/qif-snn/qif/event"
)

// A Path is how a picture moves: from point to point at constant speed.
type Path []Point

// A Point of a path is where the picture's centre lies at a time, in pixels of
// the sensor from its centre.
type Point struct {
	T    int64   `json:"t"` // µs
	X, Y float64 // right and down
}

// Validate says what is wrong with the path.
func (p Path) Validate() error {
	if len(p) < 2 || p[0].T != 0 {
		return fmt.Errorf("a path of %d points, expected two or more from time 0 on", len(p))
	}
	for i, a := range p {
		if !(math.Abs(a.X) <= 1e4 && math.Abs(a.Y) <= 1e4) {
			return fmt.Errorf("point %d of the path is (%v, %v), expected at most 10⁴ pixels from the centre", i, a.X, a.Y)
		}
		if i > 0 && a.T <= p[i-1].T {
			return fmt.Errorf("point %d of the path is at %d µs, expected a time after %d", i, a.T, p[i-1].T)
		}
	}
	return nil
}

// Duration returns the time of the last point.
func (p Path) Duration() int64 { return p[len(p)-1].T }

// At returns where the picture lies at a time; beyond the ends it rests.
func (p Path) At(t int64) (x, y float64) {
	last := p[0]
	for _, next := range p[1:] {
		if t < next.T {
			share := float64(max(t, last.T)-last.T) / float64(next.T-last.T)
			return last.X + share*(next.X-last.X), last.Y + share*(next.Y-last.Y)
		}
		last = next
	}
	return last.X, last.Y
}

// Saccades returns N-MNIST's motion: three movements of 105 ms along a triangle,
// by (3.5, 7), (3.5, −7) and (−7, 0) pixels, as the code that takes the motion
// out of that data set has it (Orchard et al. 2015). Here the triangle's centre
// is the sensor's. That each movement gains and loses speed as 1 − cos is ours:
// recordings have most events in the middle of each, and pauses between them.
func Saccades() Path {
	const saccade, pieces = 105_000, 21
	corners := []Point{{0, -3.5, -3.5}, {saccade, 0, 3.5}, {2 * saccade, 3.5, -3.5}, {3 * saccade, -3.5, -3.5}}
	p := Path{corners[0]}
	for k, to := range corners[1:] {
		from := corners[k]
		for i := 1; i <= pieces; i++ {
			s := float64(i) / pieces
			s -= math.Sin(2*math.Pi*s) / (2 * math.Pi)
			p = append(p, Point{from.T + int64(i)*saccade/pieces, from.X + s*(to.X-from.X), from.Y + s*(to.Y-from.Y)})
		}
	}
	p[len(p)-1] = corners[3] // free of rounding
	return p
}

// ClosedLoop returns a motion like CIFAR10-DVS's "repeated closed-loop smooth
// movement" (Li et al. 2017): a loop along four straight lines, again and again.
// That it is a square on its corner, and how fast, is ours: the paper's drawing
// was not at hand. The picture moves by up to reach pixels from the centre, and
// a loop takes the given time in µs.
func ClosedLoop(loops int, loop int64, reach float64) Path {
	corners := [4][2]float64{{0, -reach}, {reach, 0}, {0, reach}, {-reach, 0}}
	p := Path{{0, corners[0][0], corners[0][1]}}
	for k := 1; k <= 4*loops; k++ {
		c := corners[k%4]
		p = append(p, Point{int64(k) * loop / 4, c[0], c[1]})
	}
	return p
}

// A Picture is a grey image [H, W] of 8 bits and how it is shown.
type Picture struct {
	W, H   int
	Pixels []byte
	Scale  float64 // pixels of the sensor along one of the picture
	Black  float64 // intensity of 0, relative to white's
	Gamma  float64 // intensity grows with this power of the value
	Around byte    // value beyond the picture's edges
}

// Display returns the picture as a screen shows it: with gamma 2.2, black at a
// tenth of white, and black around.
func Display(w, h int, pixels []byte, scale float64) Picture {
	return Picture{W: w, H: h, Pixels: pixels, Scale: scale, Black: .1, Gamma: 2.2}
}

// Validate says what is wrong with the picture.
func (p Picture) Validate() error {
	switch {
	case p.W < 1 || p.H < 1 || p.W > 1<<14 || p.H > 1<<14 || len(p.Pixels) != p.W*p.H:
		return fmt.Errorf("a picture of %d×%d has %d pixels", p.W, p.H, len(p.Pixels))
	case !(p.Scale >= 1e-3 && p.Scale <= 1e3):
		return fmt.Errorf("the picture's scale is %v, expected .001 to 1000", p.Scale)
	case !(p.Black > 0 && p.Black < 1):
		return fmt.Errorf("the intensity of black is %v, expected above 0 and below 1", p.Black)
	case !(p.Gamma >= .1 && p.Gamma <= 10):
		return fmt.Errorf("gamma is %v, expected .1 to 10", p.Gamma)
	}
	return nil
}

// Move returns the scene of the picture moving along a path in front of a
// sensor. A pixel sees the intensity at its centre, interpolated between the
// picture's four nearest pixels. Scenes keep buffers: each is for one recording
// at a time.
func Move(p Picture, path Path, s event.Sensor) (Scene, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := path.Validate(); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	shown := p.framed()
	cols, rows := newTaps(s.W, p.W, p.Scale), newTaps(s.H, p.H, p.Scale)
	return func(t int64, intensity []float64) {
		dx, dy := path.At(t)
		cols.move(dx)
		rows.move(dy)
		for y, ty := range rows.taps {
			above, below := shown[ty.at*(p.W+2):], shown[(ty.at+1)*(p.W+2):]
			line := intensity[y*s.W : (y+1)*s.W]
			for x, tx := range cols.taps {
				a := above[tx.at] + tx.share*(above[tx.at+1]-above[tx.at])
				b := below[tx.at] + tx.share*(below[tx.at+1]-below[tx.at])
				line[x] = a + ty.share*(b-a)
			}
		}
	}, nil
}

// framed returns the intensities with a margin of one pixel around.
func (p Picture) framed() []float64 {
	var level [256]float64
	for v := range level {
		level[v] = p.Black + (1-p.Black)*math.Pow(float64(v)/255, p.Gamma)
	}
	w, h := p.W+2, p.H+2
	out := make([]float64, w*h)
	for y := range h {
		for x := range w {
			v := p.Around
			if x > 0 && x <= p.W && y > 0 && y <= p.H {
				v = p.Pixels[(y-1)*p.W+x-1]
			}
			out[y*w+x] = level[v]
		}
	}
	return out
}

// taps say for each of a sensor's columns, or rows, between which of the
// picture's it looks: at the framed one of index at and its successor, the
// latter with the given share.
type taps struct {
	side  int // of the picture
	scale float64
	taps  []tap
}

type tap struct {
	at    int
	share float64
}

func newTaps(n, side int, scale float64) *taps {
	return &taps{side, scale, make([]tap, n)}
}

// move sets the taps for a picture that lies d pixels from the centre.
func (t *taps) move(d float64) {
	middle := float64(len(t.taps)-1) / 2
	for i := range t.taps {
		at := (float64(i)-middle-d)/t.scale + float64(t.side-1)/2 + 1 // in the framed picture
		at = min(max(at, 0), float64(t.side+1))
		k := min(int(at), t.side)
		t.taps[i] = tap{k, at - float64(k)}
	}
}
