package bench

import (
	"fmt"
	"image"
	"math/rand/v2"

	"golang.org/x/image/draw"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/data/fashion"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
)

// feed holds batches of images in the form that a network takes. They are made
// before anything is timed.
type feed struct {
	batches []engine.Batch
	how     string // what was done to the images, for people
}

// next returns batch i; batches repeat.
func (f *feed) next(i int) engine.Batch { return f.batches[i%len(f.batches)] }

// newFeed makes count batches of n of the embedded training images: scaled to
// the network's height and width, repeated over its channels, normalised. For
// a network that takes frames, brightness is the probability of an event per
// step. Labels wrap around where the network has fewer classes.
func newFeed(net *graph.Network, n, steps, count int, seed uint64) (*feed, error) {
	src, _, err := fashion.Load()
	if err != nil {
		return nil, err
	}
	in := net.Input()
	set := scaled(src, in.Shape, n*count)
	f := &feed{how: describe(src, in)}
	norm := data.MeasureNorm(set, nil)
	rng := rand.New(rand.NewPCG(seed, 0))
	for b := range count {
		batch := engine.Batch{N: n, Y: make([]int32, n)}
		frame := n * set.Size()
		if in.Coding == graph.Frames {
			batch.X = events(set.Pixels[b*frame:(b+1)*frame], steps, rng)
		} else {
			batch.X = make([]float32, frame)
			for i := range n {
				data.ToFloat(batch.X[i*set.Size():(i+1)*set.Size()], set.Image(b*n+i), norm)
			}
		}
		for i := range batch.Y {
			batch.Y[i] = set.Labels[b*n+i] % int32(net.Classes())
		}
		f.batches = append(f.batches, batch)
	}
	return f, nil
}

// scaled returns the first n images of a grey set in the given shape, starting
// over where there are fewer.
func scaled(src *data.Set, to graph.Shape, n int) *data.Set {
	out := &data.Set{
		Name: src.Name, H: to.H, W: to.W, C: to.C, Classes: src.Classes,
		Pixels: make([]byte, n*to.Size()), Labels: make([]int32, n),
	}
	grey := image.NewGray(image.Rect(0, 0, to.W, to.H))
	for i := range n {
		k := i % src.Len()
		from := &image.Gray{Pix: src.Image(k), Stride: src.W, Rect: image.Rect(0, 0, src.W, src.H)}
		if from.Rect == grey.Rect {
			copy(grey.Pix, from.Pix)
		} else {
			draw.BiLinear.Scale(grey, grey.Rect, from, from.Rect, draw.Src, nil)
		}
		img := out.Image(i)
		for p, v := range grey.Pix {
			for c := range to.C {
				img[p*to.C+c] = v
			}
		}
		out.Labels[i] = src.Labels[k]
	}
	return out
}

// events draws frames [T, N, H, W, C] of 0 and 1 from pixels [N, H, W, C].
func events(pixels []byte, steps int, rng *rand.Rand) []float32 {
	x := make([]float32, 0, steps*len(pixels))
	for range steps {
		for _, p := range pixels {
			v := float32(0)
			if rng.IntN(255) < int(p) {
				v = 1
			}
			x = append(x, v)
		}
	}
	return x
}

// describe says what newFeed does to the images.
func describe(src *data.Set, in *graph.Input) string {
	s := "embedded Fashion-MNIST"
	if src.H != in.Shape.H || src.W != in.Shape.W {
		s += fmt.Sprintf(", scaled from %d×%d to %d×%d", src.H, src.W, in.Shape.H, in.Shape.W)
	}
	if in.Shape.C > 1 {
		s += fmt.Sprintf(", repeated over %d channels", in.Shape.C)
	}
	if in.Coding == graph.Frames {
		s += ", as random events of a probability that is the brightness"
	}
	return s
}
