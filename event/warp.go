package event

import (
	"fmt"
	"math"
)

// A Warp moves pixels: an event of pixel i of From, in row-major order, goes to
// pixel At[i] of To, or is dropped where that is negative. Crops, mirrorings,
// masks and all others are values of this one type, so they apply to streams
// and to frames alike and can be chained.
type Warp struct {
	From, To Sensor
	At       []int32
}

// newWarp makes a warp from a function that names each pixel's new place; one
// outside of to, by either coordinate, drops it.
func newWarp(from, to Sensor, place func(x, y int) (int, int)) Warp {
	w := Warp{from, to, make([]int32, from.Pixels())}
	i := 0
	for y := range from.H {
		for x := range from.W {
			nx, ny := place(x, y)
			w.At[i] = -1
			if nx >= 0 && nx < to.W && ny >= 0 && ny < to.H {
				w.At[i] = int32(ny*to.W + nx)
			}
			i++
		}
	}
	return w
}

// Identity leaves all pixels where they are.
func Identity(s Sensor) Warp {
	return newWarp(s, s, func(x, y int) (int, int) { return x, y })
}

// Crop keeps the pixels of a w×h rectangle whose corner of least coordinates is
// (x, y), which moves to the origin.
func Crop(s Sensor, x, y, w, h int) (Warp, error) {
	to := Sensor{w, h}
	if err := to.Validate(); err != nil {
		return Warp{}, fmt.Errorf("crop: %w", err)
	}
	if x < 0 || y < 0 || x+w > s.W || y+h > s.H {
		return Warp{}, fmt.Errorf("crop of %v pixels at x = %d, y = %d exceeds the sensor of %v pixels", to, x, y, s)
	}
	return newWarp(s, to, func(px, py int) (int, int) { return px - x, py - y }), nil
}

// Downsample joins blocks of fx×fy pixels to one. Where a side is no multiple,
// its last blocks are smaller: no event is lost.
func Downsample(s Sensor, fx, fy int) (Warp, error) {
	if fx < 1 || fy < 1 {
		return Warp{}, fmt.Errorf("factors of down-sampling are %d and %d, expected 1 or more", fx, fy)
	}
	to := Sensor{(s.W + fx - 1) / fx, (s.H + fy - 1) / fy}
	return newWarp(s, to, func(x, y int) (int, int) { return x / fx, y / fy }), nil
}

// FlipX mirrors left and right.
func FlipX(s Sensor) Warp {
	return newWarp(s, s, func(x, y int) (int, int) { return s.W - 1 - x, y })
}

// FlipY mirrors top and bottom.
func FlipY(s Sensor) Warp {
	return newWarp(s, s, func(x, y int) (int, int) { return x, s.H - 1 - y })
}

// Roll moves all pixels by (dx, dy); what leaves on one side enters on the
// other.
func Roll(s Sensor, dx, dy int) Warp {
	return newWarp(s, s, func(x, y int) (int, int) { return modulo(x+dx, s.W), modulo(y+dy, s.H) })
}

// modulo returns the remainder of a/n that is not negative.
func modulo(a, n int) int { return (a%n + n) % n }

// Cutout drops the pixels of a square of the given side around (x, y), as far as
// it lies on the sensor.
func Cutout(s Sensor, x, y, side int) Warp {
	x0, y0 := x-side/2, y-side/2
	return Without(s, func(px, py int) bool { return px >= x0 && px < x0+side && py >= y0 && py < y0+side })
}

// Without drops the pixels that a condition names.
func Without(s Sensor, drop func(x, y int) bool) Warp {
	return newWarp(s, s, func(x, y int) (int, int) {
		if drop(x, y) {
			return -1, -1
		}
		return x, y
	})
}

// Rotate turns all pixels about the sensor's centre by an angle in radians, from
// the x axis towards the y axis, each to the nearest pixel.
func Rotate(s Sensor, angle float64) Warp {
	sin, cos := math.Sincos(angle)
	return linear(s, cos, -sin, sin, cos)
}

// Shear moves each pixel along x by the given share of its distance from the
// middle row.
func Shear(s Sensor, share float64) Warp { return linear(s, 1, share, 0, 1) }

// linear applies a matrix to the distances from the sensor's centre.
func linear(s Sensor, xx, xy, yx, yy float64) Warp {
	cx, cy := float64(s.W-1)/2, float64(s.H-1)/2
	return newWarp(s, s, func(x, y int) (int, int) {
		dx, dy := float64(x)-cx, float64(y)-cy
		return int(math.Round(cx + xx*dx + xy*dy)), int(math.Round(cy + yx*dx + yy*dy))
	})
}

// Then returns the warp that does this one and then the next.
func (w Warp) Then(next Warp) (Warp, error) {
	if next.From != w.To {
		return Warp{}, fmt.Errorf("a warp to %v pixels is followed by one from %v", w.To, next.From)
	}
	out := Warp{w.From, next.To, make([]int32, len(w.At))}
	for i, at := range w.At {
		if at >= 0 {
			at = next.At[at]
		}
		out.At[i] = at
	}
	return out, nil
}

// Stream returns the warped stream, in memory of its own.
func (w Warp) Stream(s Stream) (Stream, error) {
	if s.Sensor != w.From {
		return Stream{}, fmt.Errorf("a warp of %v pixels is applied to a stream of %v", w.From, s.Sensor)
	}
	out := Stream{w.To, make([]Event, 0, len(s.Events))}
	for i, e := range s.Events {
		if !s.Sensor.Has(e.X, e.Y) {
			return Stream{}, s.off(i)
		}
		if at := w.At[s.Sensor.at(e.X, e.Y)]; at >= 0 {
			e.X, e.Y = uint16(int(at)%w.To.W), uint16(int(at)/w.To.W)
			out.Events = append(out.Events, e)
		}
	}
	return out, nil
}

// Frames returns the warped frames. Counts that meet at a pixel add up, so they
// are the frames of the warped stream.
func (w Warp) Frames(f *Frames) (*Frames, error) {
	if from := (Sensor{f.W, f.H}); from != w.From {
		return nil, fmt.Errorf("a warp of %v pixels is applied to frames of %v", w.From, from)
	}
	out := &Frames{H: w.To.H, W: w.To.W, C: f.C, Starts: make([]int, 1, len(f.Starts))}
	t := newTally(out.Size())
	for k := range f.Len() {
		for _, c := range f.Frame(k) {
			pixel, channel := int(c.At)/f.C, int(c.At)%f.C
			if at := w.At[pixel]; at >= 0 {
				t.add(int(at)*f.C+channel, c.N)
			}
		}
		out.Cells = t.take(out.Cells)
		out.Starts = append(out.Starts, len(out.Cells))
	}
	return out, nil
}
