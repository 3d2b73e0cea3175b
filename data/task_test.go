package data

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// brightness is that of a set's image at a point between its pixels, by the
// definition: the mean of normalised channels, black outside, and in between what
// is a straight line in either direction.
func brightness(s *Set, i int, n Norm, y, x float64) float64 {
	pixel := func(y, x int) float64 {
		sum := 0.
		for k := range s.C {
			v := 0.
			if y >= 0 && y < s.H && x >= 0 && x < s.W {
				v = float64(s.Image(i)[(y*s.W+x)*s.C+k]) / 255
			}
			sum += (v - float64(n.Mean[k])) / float64(n.Std[k])
		}
		return sum / float64(s.C)
	}
	along := func(y int) float64 {
		left := int(math.Floor(x))
		f := x - math.Floor(x)
		return (1-f)*pixel(y, left) + f*pixel(y, left+1)
	}
	above := int(math.Floor(y))
	f := y - math.Floor(y)
	return (1-f)*along(above) + f*along(above+1)
}

func newImages(t *testing.T, o ImageOptions) *Images {
	t.Helper()
	m, err := NewImages(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// moving are the options of 3 images that move.
func moving(c, pad int, radius, threshold float64) ImageOptions {
	o := ImageOptions{
		Set: noise(3, 6, 9, c, 2), Seed: 5,
		Task: Task{Kind: Moving, Steps: 7, Radius: radius, Pad: pad, Threshold: threshold},
	}
	for k := range c {
		o.Norm.Mean, o.Norm.Std = append(o.Norm.Mean, .25+float32(k)/8), append(o.Norm.Std, .5-float32(k)/8)
	}
	return o
}

// drawnPath is the path that image i takes in an epoch.
func drawnPath(o ImageOptions, epoch, i int) []place {
	pcg := new(rand.PCG)
	Seed(pcg, o.Seed, drawPath, uint64(epoch), uint64(i))
	return o.Task.path(rand.New(pcg))
}

func TestMovingAgainstTheDefinition(t *testing.T) {
	for _, c := range []struct {
		channels, pad     int
		radius, threshold float64
	}{{1, 0, 2, 0}, {1, 0, .3, 0}, {3, 0, 3.7, 0}, {1, 4, 2.5, 0}, {3, 1, 9, 0}, {1, 0, 2, .3}, {3, 2, 1.5, 1}} {
		o := moving(c.channels, c.pad, c.radius, c.threshold)
		m := newImages(t, o)
		if want := (Shape{7, 6 + 2*c.pad, 9 + 2*c.pad, 2}); m.Shape() != want {
			t.Fatalf("samples are %v, want %v", m.Shape(), want)
		}
		x, read := make([]float32, m.Shape().Size()), m.Reader()
		for epoch := range 2 {
			for i := range o.Set.Len() {
				if err := read(x, epoch, i); err != nil {
					t.Fatal(err)
				}
				t.Run(fmt.Sprint(c, epoch, i), func(t *testing.T) { checkFrames(t, x, o, i, drawnPath(o, epoch, i)) })
			}
		}
	}
}

// checkFrames follows each pixel of a frame along the path.
func checkFrames(t *testing.T, x []float32, o ImageOptions, i int, path []place) {
	h, w := o.Set.H+2*o.Task.Pad, o.Set.W+2*o.Task.Pad
	fired := 0
	for y := range h {
		for xx := range w {
			at := func(p place) float64 {
				return brightness(o.Set, i, o.Norm, float64(y-o.Task.Pad)-p.y, float64(xx-o.Task.Pad)-p.x)
			}
			seen := at(path[0])
			for k, p := range path[1:] {
				d := at(p) - seen
				if c := o.Task.Threshold; c > 0 {
					got := float64(x[((k*h+y)*w+xx)*2+1] - x[((k*h+y)*w+xx)*2])
					n := math.Trunc(d / c)
					if got != n && math.Abs(d/c-math.Round(d/c)) < 1e-4 { // rounding decides
						n = got
					}
					seen, d = seen+n*c, n
					fired += int(math.Abs(n))
				} else {
					seen = at(p)
				}
				off, on := math.Max(-d, 0), math.Max(d, 0)
				if pair := x[((k*h+y)*w+xx)*2:][:2]; !near(pair[0], off, 1e-5) || !near(pair[1], on, 1e-5) {
					t.Fatalf("frame %d, pixel %d, %d: off and on are %v, want %v and %v", k, y, xx, pair, off, on)
				}
			}
		}
	}
	if o.Task.Threshold > 0 && fired < 10 {
		t.Errorf("%d events: the test says nothing", fired)
	}
}

// A path is closed: what a pixel gains over all frames it loses. Its places lie
// on the circle, evenly, and all images and epochs have others, in both senses.
func TestPaths(t *testing.T) {
	o := moving(1, 0, 2.5, 0)
	senses, starts := map[bool]int{}, map[float64]bool{}
	for epoch := range 20 {
		for i := range 20 {
			p := drawnPath(o, epoch, i)
			if len(p) != 8 || p[0] != p[7] {
				t.Fatalf("path %v", p)
			}
			starts[p[0].y] = true
			for k, a := range p[:7] {
				b := p[k+1]
				if !near64(math.Hypot(a.y, a.x), 2.5) || !near64(math.Hypot(b.y-a.y, b.x-a.x), 5*math.Sin(math.Pi/7)) {
					t.Fatalf("path %v leaves the circle or its pace", p)
				}
			}
			senses[p[0].y*p[1].x > p[0].x*p[1].y]++
		}
	}
	if len(starts) != 400 || min(senses[true], senses[false]) < 150 {
		t.Errorf("400 paths have %d starts and go %v", len(starts), senses)
	}
	m := newImages(t, o)
	x := make([]float32, m.Shape().Size())
	if err := m.Reader()(x, 0, 1); err != nil {
		t.Fatal(err)
	}
	for px := range m.Shape().Frame() / 2 {
		sum := 0.
		for k := range 7 {
			sum += float64(x[(k*m.Shape().Frame()/2+px)*2+1] - x[(k*m.Shape().Frame()/2+px)*2])
		}
		if math.Abs(sum) > 1e-5 {
			t.Errorf("pixel %d gains %v", px, sum)
		}
	}
}

func near64(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

// Row t of the image is frame t.
func TestRows(t *testing.T) {
	o := moving(3, 0, 1, 0)
	o.Task = Task{Kind: Rows, Steps: 6}
	o.Augment.Flip = true
	m := newImages(t, o)
	if m.Shape() != (Shape{6, 1, 1, 27}) {
		t.Fatalf("samples are %v", m.Shape())
	}
	still := o
	still.Task = Task{}
	whole := newImages(t, still)
	if whole.Shape() != (Shape{0, 6, 9, 3}) {
		t.Fatalf("images are %v", whole.Shape())
	}
	x, y := make([]float32, m.Shape().Size()), make([]float32, whole.Shape().Size())
	for i := range 3 {
		if err := errors.Join(m.Reader()(x, 4, i), whole.Reader()(y, 4, i)); err != nil {
			t.Fatal(err)
		}
		for row := range 6 {
			if !slices.Equal(x[row*27:][:27], y[row*9*3:][:27]) {
				t.Errorf("image %d: frame %d is not the row", i, row)
			}
		}
	}
}

// Images that move are augmented before they do.
func TestAugmentationComesFirst(t *testing.T) {
	o := moving(1, 0, 2, 0)
	o.Augment = Augment{Pad: 2, Flip: true}
	m := newImages(t, o)
	x := make([]float32, m.Shape().Size())
	for i := range 3 {
		if err := m.Reader()(x, 6, i); err != nil {
			t.Fatal(err)
		}
		pcg := new(rand.PCG)
		Seed(pcg, o.Seed, drawAugment, 6, uint64(i))
		dy, dx, flip := o.Augment.draw(rand.New(pcg))
		plain := o
		varied := *o.Set
		varied.Pixels = naiveView(o.Set.Image(i), 6, 9, 1, dy, dx, flip)
		plain.Set = &varied
		checkFrames(t, x, plain, 0, drawnPath(o, 6, i))
	}
}

// A batch of sequences is frame by frame, and resumes as images do.
func TestLoaderOfFrames(t *testing.T) {
	o := options{moving(1, 0, 2, 0), LoaderOptions{Batch: 2, Shuffle: true, Seed: 5, Ahead: 1}}
	l := newLoader(t, o)
	whole := collect(l.Epoch(3, 0), 0)
	x, size := make([]float32, l.shape.Size()), l.shape.Frame()
	for _, b := range whole {
		for k, i := range b.Indices {
			if err := l.o.Samples.Reader()(x, 3, i); err != nil {
				t.Fatal(err)
			}
			for f := range 7 {
				if !slices.Equal(b.X[(f*b.N+k)*size:][:size], x[f*size:][:size]) {
					t.Errorf("frame %d of image %d is not in its place", f, i)
				}
			}
		}
	}
	if len(whole) != 2 || whole[1].N != 1 || len(whole[1].X) != 7*size {
		t.Fatalf("batches are %v", whole)
	}
	sameBatches(t, "resumed", collect(newLoader(t, o).Epoch(3, 1), 0), whole[1:])
}

// failing yields samples of which the third cannot be read.
type failing struct{ *Images }

func (f failing) Reader() func([]float32, int, int) error {
	return func(_ []float32, _, i int) error {
		if i == 2 {
			return errors.New("disk is gone")
		}
		return nil
	}
}

func TestPassTellsWhatFailed(t *testing.T) {
	l, err := NewLoader(LoaderOptions{Samples: failing{newImages(t, moving(1, 0, 2, 0))}, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := l.Epoch(0, 0)
	if n := len(collect(p, 0)); n != 2 {
		t.Errorf("%d batches before the one that fails, want 2", n)
	}
	wantError(t, p.Err(), `sample 2 of "noise": disk is gone`)
	p = l.Epoch(0, 2)
	p.Close()
	p.Next()
	if p = l.Epoch(0, 3); len(collect(p, 0)) != 0 || p.Err() != nil {
		t.Errorf("a pass of nothing ends with %v", p.Err())
	}
}

func TestTaskErrors(t *testing.T) {
	good := Task{Kind: Moving, Steps: 8, Radius: 2}
	for name, c := range map[string]struct {
		change func(*Task)
		want   string
	}{
		"kind":      {func(t *Task) { t.Kind = "film" }, `task is "film", expected one of images, moving, rows`},
		"steps":     {func(t *Task) { t.Steps = 1 }, "steps is 1"},
		"no radius": {func(t *Task) { t.Radius = 0 }, "radius of the motion is 0 pixels"},
		"radius":    {func(t *Task) { t.Radius = math.NaN() }, "radius of the motion is NaN pixels"},
		"pad":       {func(t *Task) { t.Pad = -1 }, "padded by -1 pixels, expected 0 to 64"},
		"threshold": {func(t *Task) { t.Threshold = math.Inf(1) }, "threshold of changes in brightness is +Inf"},
		"rows":      {func(t *Task) { t.Kind = Rows }, "of images of 28 rows: steps is 8, expected 28"},
	} {
		t.Run(name, func(t *testing.T) {
			task := good
			c.change(&task)
			_, err := task.Shape(28, 28, 1)
			wantError(t, err, c.want)
		})
	}
	if _, err := good.Shape(1<<15, 1<<15, 3); err == nil {
		t.Error("samples of more than 2 GiB pass")
	}
}

// Image is the inverse of Shape, and says where there is none.
func TestImageOfAShape(t *testing.T) {
	for _, task := range []Task{{}, {Kind: Still, Steps: 4}, {Kind: Moving, Steps: 8, Radius: 2, Pad: 3}, {Kind: Rows, Steps: 28}} {
		for _, c := range []int{1, 3} {
			s, err := task.Shape(28, 20, c)
			if err != nil {
				t.Fatal(err)
			}
			if h, w, err := task.Image(s, c); err != nil || h != 28 || w != 20 {
				t.Errorf("%v of %d channels: images of %d×%d, %v; want 28×20", s, c, h, w, err)
			}
			for _, wrong := range []Shape{{}, {s.T + 1, s.H, s.W, s.C}, {s.T, s.H, 0, s.C}, {s.T, -1, s.W, s.C}} {
				if h, w, err := task.Image(wrong, c); err == nil {
					t.Errorf("%+v: %v of %d channels is of images of %d×%d", task, wrong, c, h, w)
				}
			}
			if _, _, err := task.Image(s, 0); err == nil {
				t.Errorf("%v is of images without channels", s)
			}
		}
	}
}

func BenchmarkMoving(b *testing.B) {
	o := options{moving(1, 0, 2, 0), LoaderOptions{Batch: 50, Ahead: 2}}
	o.Set, o.Task.Steps = noise(1000, 28, 28, 1, 10), 8
	l := newLoader(b, o)
	for epoch := 0; b.Loop(); epoch++ {
		collectNothing(l.Epoch(epoch, 0))
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "images/s")
}
