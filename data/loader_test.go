package data

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var unit = Norm{[]float32{0}, []float32{1}}

// options are those of a loader of images.
type options struct {
	ImageOptions
	LoaderOptions
}

// fullOptions shuffle and augment 23 grey images in batches of 5.
func fullOptions() options {
	return options{
		ImageOptions{Set: noise(23, 6, 7, 1, 3), Norm: Norm{[]float32{.3}, []float32{.4}}, Augment: Augment{Pad: 2, Flip: true}, Seed: 11},
		LoaderOptions{Batch: 5, Shuffle: true, Seed: 11, Ahead: 2},
	}
}

func (o options) loader() (*Loader, error) {
	images, err := NewImages(o.ImageOptions)
	if err != nil {
		return nil, err
	}
	o.Samples = images
	return NewLoader(o.LoaderOptions)
}

func newLoader(t testing.TB, o options) *Loader {
	t.Helper()
	l, err := o.loader()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// collect copies the batches of a pass to its end.
func collect(p *Pass, pause time.Duration) (all []Batch) {
	defer p.Close()
	for b, ok := p.Next(); ok; b, ok = p.Next() {
		time.Sleep(pause)
		all = append(all, Batch{b.N, slices.Clone(b.X), slices.Clone(b.Y), slices.Clone(b.Indices)})
	}
	return all
}

func sameBatches(t *testing.T, what string, got, want []Batch) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d batches, want %d", what, len(got), len(want))
	}
	for k, g := range got {
		w := want[k]
		if g.N != w.N || !slices.Equal(g.X, w.X) || !slices.Equal(g.Y, w.Y) || !slices.Equal(g.Indices, w.Indices) {
			t.Fatalf("%s: batch %d differs", what, k)
		}
	}
}

// Without shuffling and augmentation, batches are the listed images in order,
// normalised.
func TestLoaderPlain(t *testing.T) {
	s := noise(12, 2, 3, 3, 4)
	norm := Norm{[]float32{.1, .2, .3}, []float32{.5, .6, .7}}
	indices := []int{11, 2, 3, 5, 7, 0, 1}
	for _, drop := range []bool{false, true} {
		l := newLoader(t, options{ImageOptions{Set: s, Norm: norm}, LoaderOptions{Indices: indices, Batch: 3, DropLast: drop}})
		sizes := []int{3, 3, 1}
		if drop {
			sizes = []int{3, 3}
		}
		if l.Steps() != len(sizes) {
			t.Fatalf("%d steps, want %d", l.Steps(), len(sizes))
		}
		got := collect(l.Epoch(0, 0), 0)
		if len(got) != len(sizes) {
			t.Fatalf("%d batches, want %d", len(got), len(sizes))
		}
		next := 0
		for k, b := range got {
			if b.N != sizes[k] || len(b.X) != 18*b.N || len(b.Y) != b.N || len(b.Indices) != b.N {
				t.Fatalf("batch %d has %d images, %d pixels, %d labels, %d indices", k, b.N, len(b.X), len(b.Y), len(b.Indices))
			}
			for j := range b.N {
				i := indices[next]
				next++
				if b.Indices[j] != i || b.Y[j] != s.Labels[i] {
					t.Errorf("batch %d, sample %d is image %d with label %d, want %d with %d", k, j, b.Indices[j], b.Y[j], i, s.Labels[i])
				}
				for p, v := range s.Image(i) {
					want := (float64(v)/255 - float64(norm.Mean[p%3])) / float64(norm.Std[p%3])
					if !near(b.X[18*j+p], want, 1e-6) {
						t.Errorf("batch %d, sample %d, element %d is %v, want %v", k, j, p, b.X[18*j+p], want)
					}
				}
			}
		}
	}
}

func TestLoaderWholeSet(t *testing.T) {
	l := newLoader(t, options{ImageOptions{Set: noise(4, 1, 1, 1, 2), Norm: unit}, LoaderOptions{Batch: 4}})
	got := collect(l.Epoch(0, 0), 0)
	if len(got) != 1 || !slices.Equal(got[0].Indices, []int{0, 1, 2, 3}) {
		t.Errorf("batches are %v, want one of all images", got)
	}
}

// Each epoch shows every image once, in an order of its own.
func TestLoaderShuffles(t *testing.T) {
	l := newLoader(t, fullOptions())
	var before []int
	for epoch := range 4 {
		var order []int
		for _, b := range collect(l.Epoch(epoch, 0), 0) {
			order = append(order, b.Indices...)
		}
		sorted := slices.Sorted(slices.Values(order))
		for i := range 23 {
			if len(sorted) != 23 || sorted[i] != i {
				t.Fatalf("epoch %d shows %v", epoch, order)
			}
		}
		if slices.Equal(order, before) {
			t.Errorf("epochs %d and %d have the same order", epoch-1, epoch)
		}
		before = order
	}
	o := fullOptions()
	o.LoaderOptions.Seed++
	if other := newLoader(t, o).order(3); slices.Equal(other, before) {
		t.Error("another seed gives the same order")
	}
}

// Every augmented image is one of the views that the definition allows, and all
// views are equally frequent.
func TestLoaderAugments(t *testing.T) {
	const pad, epochs = 1, 3000
	s := noise(3, 4, 5, 1, 3)
	l := newLoader(t, options{ImageOptions{Set: s, Norm: unit, Augment: Augment{Pad: pad, Flip: true}, Seed: 3}, LoaderOptions{Batch: 3}})
	count := map[int]float64{}
	for epoch := range epochs {
		for _, b := range collect(l.Epoch(epoch, 0), 0) {
			for j, i := range b.Indices {
				count[matchView(t, s, i, b.X[20*j:20*(j+1)], pad)]++
			}
		}
	}
	const views = 2 * 9
	expected := 3.0 * epochs / views
	sigma := math.Sqrt(expected * (1 - 1.0/views))
	for v := range views {
		if math.Abs(count[v]-expected) > 4*sigma {
			t.Errorf("view %d was shown %v times, want about %v", v, count[v], expected)
		}
	}
}

// matchView returns which of the padded crops x is, in units of pixels/255.
func matchView(t *testing.T, s *Set, i int, x []float32, pad int) int {
	t.Helper()
	img := make([]byte, len(x))
	for p, v := range x {
		img[p] = byte(math.Round(float64(v) * 255))
	}
	view := 0
	for _, flip := range []bool{false, true} {
		for dy := -pad; dy <= pad; dy++ {
			for dx := -pad; dx <= pad; dx++ {
				if bytes.Equal(img, naiveView(s.Image(i), s.H, s.W, s.C, dy, dx, flip)) {
					return view
				}
				view++
			}
		}
	}
	t.Fatalf("image %d became %v, none of its views", i, img)
	return 0
}

// A pass that begins at any batch continues bit for bit as one from the start.
func TestLoaderResumes(t *testing.T) {
	l := newLoader(t, fullOptions())
	whole := collect(l.Epoch(7, 0), 0)
	for from := range whole {
		sameBatches(t, "resumed", collect(newLoader(t, fullOptions()).Epoch(7, from), 0), whole[from:])
	}
	sameBatches(t, "from below 0", collect(l.Epoch(7, -3), 0), whole)
	sameBatches(t, "from the end", collect(l.Epoch(7, l.Steps()), 0), nil)
	sameBatches(t, "from beyond the end", collect(l.Epoch(7, l.Steps()+5), 0), nil)
}

// What an image looks like depends neither on the batch size nor on which other
// images are loaded.
func TestLoaderViewsAreTheImagesOwn(t *testing.T) {
	views := func(change func(o *options)) map[int][]float32 {
		o := fullOptions()
		change(&o)
		m := map[int][]float32{}
		for _, b := range collect(newLoader(t, o).Epoch(2, 0), 0) {
			for j, i := range b.Indices {
				m[i] = b.X[42*j : 42*(j+1)]
			}
		}
		return m
	}
	want := views(func(o *options) {})
	for name, change := range map[string]func(o *options){
		"batches of 8": func(o *options) { o.Batch = 8 },
		"in order":     func(o *options) { o.Shuffle = false },
		"some images":  func(o *options) { o.Indices = []int{22, 3, 9, 8, 1} },
	} {
		for i, v := range views(change) {
			if !slices.Equal(v, want[i]) {
				t.Errorf("%s: image %d looks different", name, i)
			}
		}
	}
}

// Batches do not depend on how fast they are taken or how many wait.
func TestLoaderTiming(t *testing.T) {
	want := collect(newLoader(t, fullOptions()).Epoch(1, 0), 0)
	for _, ahead := range []int{0, 1, 3, 100} {
		for _, pause := range []time.Duration{0, time.Second} {
			synctest.Test(t, func(t *testing.T) {
				o := fullOptions()
				o.Ahead = ahead
				l := newLoader(t, o)
				other := l.Epoch(4, 0) // another pass meanwhile
				other.Next()
				sameBatches(t, "paced", collect(l.Epoch(1, 0), pause), want)
				other.Close()
			})
		}
	}
}

// The goroutine stops where it should: Ahead batches wait and one more is held
// back, while the consumer's stays as it was.
func TestPassRunsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := fullOptions()
		o.Batch, o.Ahead = 2, 3
		l := newLoader(t, o)
		want := collect(l.Epoch(0, 0), 0)
		p := l.Epoch(0, 0)
		defer p.Close()
		memory := map[*float32]bool{}
		for k := 0; ; k++ {
			b, ok := p.Next()
			if !ok {
				break
			}
			memory[&b.X[0]] = true
			synctest.Wait() // until the goroutine can do no more
			if ready := len(p.ready); ready != min(3, l.Steps()-1-k) {
				t.Errorf("after batch %d, %d wait", k, ready)
			}
			sameBatches(t, "held", []Batch{*b}, want[k:k+1])
		}
		if len(memory) != o.Ahead+2 {
			t.Errorf("%d batches circulated, want %d", len(memory), o.Ahead+2)
		}
	})
}

// Closing ends the goroutine whatever state it is in: a bubble with a goroutine
// left over fails.
func TestPassClose(t *testing.T) {
	for name, use := range map[string]func(p *Pass){
		"at once":           func(p *Pass) { p.Close() },
		"before it is read": func(p *Pass) { synctest.Wait(); p.Close() },
		"in the middle":     func(p *Pass) { p.Next(); p.Next(); p.Close() },
		"twice":             func(p *Pass) { p.Next(); p.Close(); p.Close() },
		"after the end":     func(p *Pass) { collect(p, 0); p.Close() },
		"never, read to the end": func(p *Pass) {
			for _, ok := p.Next(); ok; _, ok = p.Next() {
			}
		},
		"from elsewhere": func(p *Pass) {
			go p.Close()
			go p.Close()
			for _, ok := p.Next(); ok; _, ok = p.Next() {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newLoader(t, fullOptions()).Epoch(0, 0)
				use(p)
				p.Close()
				select {
				case _, open := <-p.ready:
					if open {
						t.Error("a batch waits after Close")
					}
				default:
					t.Error("Close did not wait for the goroutine")
				}
				for range 2 {
					if b, ok := p.Next(); ok || b != nil {
						t.Error("a batch after the end")
					}
				}
			})
		})
	}
}

// Taking a batch allocates nothing.
func TestPassAllocates(t *testing.T) {
	o := fullOptions()
	o.Set, o.Batch, o.Ahead = noise(400, 6, 7, 1, 3), 2, 0
	p := newLoader(t, o).Epoch(0, 0)
	defer p.Close()
	if n := testing.AllocsPerRun(150, func() { p.Next() }); n >= 1 {
		t.Errorf("%v allocations a batch", n)
	}
}

func TestNewLoaderErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		wreck func(o *options)
		want  string
	}{
		{"no set", func(o *options) { o.Set = nil }, "no data set to show images of"},
		{"bad set", func(o *options) { o.Set.Labels[2] = 9 }, "label of image 2 is 9"},
		{"bad norm", func(o *options) { o.Norm.Std = nil }, `images of "noise": normalisation has 1 means and 0 deviations`},
		{"bad padding", func(o *options) { o.Augment.Pad = 6 }, `images of "noise": augmentation pads by 6 pixels, expected 0 to 5`},
		{"no images", func(o *options) { o.Indices = []int{} }, "no samples to load"},
		{"index", func(o *options) { o.Indices = []int{1, 23} }, "indices[1] is 23, expected 0 to 22"},
		{"negative index", func(o *options) { o.Indices = []int{-1} }, "indices[0] is -1"},
		{"no batch", func(o *options) { o.Batch = 0 }, "batch is 0, expected 1 to 23, the number of samples"},
		{"large batch", func(o *options) { o.Batch = 24 }, "batch is 24, expected 1 to 23"},
		{"batch larger than the indices", func(o *options) { o.Indices = []int{1, 2, 3} }, "batch is 5, expected 1 to 3"},
		{"ahead", func(o *options) { o.Ahead = -1 }, "ahead is -1, expected 0 or more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := fullOptions()
			c.wreck(&o)
			l, err := o.loader()
			wantError(t, err, c.want)
			if l != nil {
				t.Error("a loader beside an error")
			}
		})
	}
}

// The loader has its own list: what happens to the caller's is of no
// consequence.
func TestLoaderCopiesIndices(t *testing.T) {
	o := fullOptions()
	o.Indices = []int{1, 2, 3, 4, 5}
	l := newLoader(t, o)
	want := collect(l.Epoch(0, 0), 0)
	clear(o.Indices)
	p := l.Epoch(0, 0)
	if b, _ := p.Next(); b != nil {
		clear(b.Indices)
	}
	p.Close()
	sameBatches(t, "after changes", collect(l.Epoch(0, 0), 0), want)
}

func BenchmarkEpoch(b *testing.B) {
	l := newLoader(b, options{
		ImageOptions{
			Set: noise(1280, 32, 32, 3, 10), Norm: Norm{[]float32{.4914, .4822, .4465}, []float32{.2023, .1994, .2010}},
			Augment: Augment{Pad: 4, Flip: true},
		},
		LoaderOptions{Batch: 128, Shuffle: true, Ahead: 2},
	})
	for epoch := 0; b.Loop(); epoch++ {
		collectNothing(l.Epoch(epoch, 0))
	}
	b.ReportMetric(float64(b.N)*1280/b.Elapsed().Seconds(), "images/s")
}

func collectNothing(p *Pass) {
	defer p.Close()
	for _, ok := p.Next(); ok; _, ok = p.Next() {
	}
}
