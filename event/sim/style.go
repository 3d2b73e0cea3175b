package sim

import (
	"fmt"
	"strings"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/event"
)

// A Style says which published data set's recordings are imitated: on which
// sensor, along which path, and how large the images are shown. What is published
// of the motion, and what is ours, stands at the paths.
type Style struct {
	Name   string
	Sensor event.Sensor
	Path   Path
	// Fill is the share of the sensor's side that the image's longer side takes;
	// 0: a pixel of the image for each of the sensor's.
	Fill float64
}

// Styles lists the styles: N-MNIST's three saccades on 34×34 pixels, and
// CIFAR10-DVS's repeated closed loop on 128×128. That a loop takes 200 ms, has
// corners 8 pixels from the centre and goes round six times is ours.
var Styles = []Style{
	{event.LikeNMNIST, event.Sensor{W: 34, H: 34}, Saccades(), 0},
	{event.LikeCIFAR10DVS, event.Sensor{W: 128, H: 128}, ClosedLoop(6, 200_000, 8), 1},
}

// StyleNamed returns the style of that name.
func StyleNamed(name string) (Style, error) {
	var names []string
	for _, s := range Styles {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Style{}, fmt.Errorf("the style of recordings is %q, expected one of %s", name, strings.Join(names, ", "))
}

// A Recorder records the images of a set, each moving in front of one simulated
// camera. Several goroutines may use it.
type Recorder struct {
	style  Style
	set    *data.Set
	first  uint64
	camera *Camera
}

// NewRecorder sets up the camera, whose thresholds the seed draws. Recordings are
// numbered from first, so that those of another set with the same camera do not
// share their noise.
func NewRecorder(set *data.Set, style Style, c Config, seed, first uint64) (*Recorder, error) {
	if err := set.Validate(); err != nil {
		return nil, err
	}
	if set.C != 1 && set.C != 3 {
		return nil, fmt.Errorf("data set %q: images have %d channels, a camera looks at grey or coloured ones", set.Name, set.C)
	}
	if s := style.Sensor; style.Fill == 0 && (set.W > s.W || set.H > s.H) {
		return nil, fmt.Errorf("data set %q: images are %d×%d pixels, too large for the %v pixels of a recording in the style of %s", set.Name, set.W, set.H, s, style.Name)
	}
	camera, err := New(c, style.Sensor, seed)
	if err != nil {
		return nil, err
	}
	return &Recorder{style, set, first, camera}, nil
}

// Record records image i.
func (r *Recorder) Record(i int) (event.Stream, error) {
	scale := 1.0
	if r.style.Fill > 0 {
		scale = r.style.Fill * float64(min(r.style.Sensor.W, r.style.Sensor.H)) / float64(max(r.set.W, r.set.H))
	}
	picture := Display(r.set.W, r.set.H, grey(r.set.Image(i), r.set.C), scale)
	scene, err := Move(picture, r.style.Path, r.style.Sensor)
	if err != nil {
		return event.Stream{}, err
	}
	return r.camera.Record(scene, r.style.Path.Duration(), r.first+uint64(i))
}

// grey returns an image's luminance as ITU-R BT.601 weighs red, green and blue.
func grey(pixels []byte, channels int) []byte {
	if channels == 1 {
		return pixels
	}
	out := make([]byte, len(pixels)/3)
	for i := range out {
		p := pixels[3*i:]
		out[i] = byte((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) + 500) / 1000)
	}
	return out
}
