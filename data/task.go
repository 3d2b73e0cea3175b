package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Kinds of tasks.
const (
	// Still shows the same image at every step.
	Still = "images"
	// Moving shows how brightness changes while the image goes once round a
	// circle: frames [T, H, W, 2] with what became darker and what became
	// brighter in a channel each, as event cameras have it. Every frame holds most
	// of the image's outlines.
	Moving = "moving"
	// Rows shows one row of the image a step, from the top: frames
	// [H, 1, 1, W·C]. A network without recurrent connections knows of earlier
	// rows what its neurons remember.
	Rows = "rows"
)

// Kinds lists the kinds of tasks.
var Kinds = []string{Still, Moving, Rows}

// Channels of a frame of brightness changes.
const (
	darker = iota
	brighter
	polarities
)

// Task is how an image is shown to a network over time. The zero value is Still.
type Task struct {
	Kind  string
	Steps int // T; Rows has as many as there are rows

	// Of Moving, in pixels: the radius of the circle, from whose border the motion
	// begins at a random place in a random sense, and how much wider than the image
	// a frame is on each side. What lies outside the image is black.
	Radius float64
	Pad    int
	// Threshold makes the frames of Moving count events: each time a pixel's
	// brightness has changed by as much since its last event, in units of the
	// deviation that normalises images. 0: the frames hold the change itself.
	Threshold float64
}

// Bounds of what a path may take in memory.
const (
	maxPad    = 64
	maxRadius = 64
)

// Validate says what is wrong with the task.
func (t Task) Validate() error {
	switch {
	case t.Kind != "" && !slices.Contains(Kinds, t.Kind):
		return fmt.Errorf("task is %q, expected one of %s", t.Kind, strings.Join(Kinds, ", "))
	case t.Kind != Moving:
		return nil
	case t.Steps < 2:
		return fmt.Errorf("the task %s takes 2 steps or more to go round a circle, steps is %d", t.Kind, t.Steps)
	case !(t.Radius > 0 && t.Radius <= maxRadius):
		return fmt.Errorf("radius of the motion is %v pixels, expected above 0 and at most %d", t.Radius, maxRadius)
	case t.Pad < 0 || t.Pad > maxPad:
		return fmt.Errorf("frames of moving images are padded by %d pixels, expected 0 to %d", t.Pad, maxPad)
	case !(t.Threshold >= 0) || math.IsInf(t.Threshold, 1):
		return fmt.Errorf("threshold of changes in brightness is %v, expected 0 (none) or more", t.Threshold)
	}
	return nil
}

// Shape returns the shape of samples made of images h×w×c. It fails where Validate
// does, and where the steps do not suit the images.
func (t Task) Shape(h, w, c int) (Shape, error) {
	if err := t.Validate(); err != nil {
		return Shape{}, err
	}
	s := Shape{0, h, w, c}
	switch t.Kind {
	case Moving:
		s = Shape{t.Steps, h + 2*t.Pad, w + 2*t.Pad, polarities}
	case Rows:
		if t.Steps != h {
			return s, fmt.Errorf("the task %s shows a row a step of images of %d rows: steps is %d, expected %d", t.Kind, h, t.Steps, h)
		}
		s = Shape{h, 1, 1, w * c}
	}
	return s, s.validate()
}

// Image returns the height and width of the images of c channels of which samples
// of the given shape are made, or says that there are none: the inverse of Shape.
func (t Task) Image(s Shape, c int) (h, w int, err error) {
	h, w = s.H, s.W
	switch t.Kind {
	case Moving:
		h, w = s.H-2*t.Pad, s.W-2*t.Pad
	case Rows:
		h, w = t.Steps, s.C/max(1, c)
	}
	back, err := t.Shape(h, w, c)
	if err == nil && (c < 1 || back != s) {
		err = fmt.Errorf("no images of %d channels become samples of %v by the task %s", c, s, t.Kind)
	}
	return h, w, err
}

// place is a shift of an image, down and to the right, in pixels.
type place struct{ y, x float64 }

// path draws where the image is before the first frame and after each of them,
// T+1 places: evenly spaced on a circle, of which the last is the first.
func (t Task) path(r *rand.Rand) []place {
	start, turn := 2*math.Pi*r.Float64(), 2*math.Pi/float64(t.Steps)
	if r.Uint64()>>63 == 1 {
		turn = -turn
	}
	p := make([]place, t.Steps+1)
	for i := range t.Steps {
		sin, cos := math.Sincos(start + turn*float64(i))
		p[i] = place{t.Radius * sin, t.Radius * cos}
	}
	p[t.Steps] = p[0]
	return p
}
