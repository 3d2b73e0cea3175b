package train

import (
	"fmt"
	"image"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/recipe"
)

// Predictor classifies single images, or recordings, with a checkpoint.
type Predictor struct {
	c      *Checkpoint
	eval   *Evaluator
	recipe recipe.Recipe
	shape  data.Shape // of samples
	h, w   int        // of images
	ch     int
}

// NewPredictor compiles a checkpoint's network. Steps, precision, threads and
// engine are those of its recipe after adjust has changed it.
func NewPredictor(c *Checkpoint, adjust func(*recipe.Recipe) error) (*Predictor, error) {
	r, err := c.adjusted(adjust)
	if err != nil {
		return nil, err
	}
	net, err := c.Network()
	if err != nil {
		return nil, err
	}
	p := &Predictor{c: c, recipe: r, ch: len(c.Norm.Mean), shape: sampleShape(net, r.Steps)}
	if !p.TakesRecordings() {
		if p.h, p.w, err = imageSize(net, r, p.ch); err != nil {
			return nil, err
		}
	}
	e, err := evaluatorFor(r, net, 1)
	if err != nil {
		return nil, err
	}
	if err := e.Load(c.Params); err != nil {
		e.Close()
		return nil, err
	}
	p.eval = e
	return p, nil
}

// Close releases the engine.
func (p *Predictor) Close() { p.eval.Close() }

// TakesRecordings says whether the network was trained on the events of a camera,
// and so takes recordings, not images.
func (p *Predictor) TakesRecordings() bool { return p.recipe.Task == recipe.Events }

// Size returns the height and width of the images that the network takes.
func (p *Predictor) Size() (h, w int) { return p.h, p.w }

// Prediction is what a network says of an image.
type Prediction struct {
	Probabilities []float64 // of each class, in the order of the checkpoint's
	Steps         int       // that it took
}

// Predict classifies an image of the network's size. Colours are turned to grey
// for a network of one channel. With a margin other than 0 it ends as soon as
// the largest probability exceeds the second by that much.
func (p *Predictor) Predict(img image.Image, margin float64) (Prediction, error) {
	pix, err := pixels(img, p.h, p.w, p.ch)
	if err != nil {
		return Prediction{}, err
	}
	x, err := p.sample(pix)
	if err != nil {
		return Prediction{}, err
	}
	return p.classify(x, margin)
}

// PredictRecording is Predict for a recording in a file, whose frames are made as
// those of the training data. Auto tells the format by the file.
func (p *Predictor) PredictRecording(path string, format event.Format, margin float64) (Prediction, error) {
	o, prepare, err := p.recipe.Recordings()
	if err != nil {
		return Prediction{}, err
	}
	o.Format = format
	stream, _, err := event.Load(path, o)
	if err != nil {
		return Prediction{}, err
	}
	x := make([]float32, p.shape.Size())
	frames, err := prepare.Frames(stream)
	if err == nil {
		err = frames.Show(x, p.shape, uint32(p.recipe.CountMost), p.c.Norm.Std)
	}
	if err != nil {
		return Prediction{}, fmt.Errorf("%s: %w", path, err)
	}
	return p.classify(x, margin)
}

func (p *Predictor) classify(x []float32, margin float64) (Prediction, error) {
	b := engine.Batch{N: 1, X: x}
	mean := make([]float64, len(p.c.Classes))
	if margin != 0 {
		run, err := p.eval.early(margin)
		if err == nil {
			err = run(b)
		}
		if err != nil {
			return Prediction{}, err
		}
		widen(mean, p.eval.logits)
		return Prediction{Softmax(mean), int(p.eval.taken[0])}, nil
	}
	steps, k := p.recipe.Steps, len(mean)
	logits := p.eval.logits[:steps*k]
	if err := p.eval.runner.Run(b, logits, nil); err != nil {
		return Prediction{}, err
	}
	first := p.eval.net.Readout().First(steps)
	for i, v := range logits[first*k:] {
		mean[i%k] += float64(v) / float64(steps-first)
	}
	return Prediction{Softmax(mean), steps}, nil
}

// sample returns an image as the network takes it. One that moves does so on the
// same path as any other.
func (p *Predictor) sample(pix []byte) ([]float32, error) {
	one := &data.Set{Name: "image", H: p.h, W: p.w, C: p.ch, Pixels: pix, Labels: []int32{0}, Classes: p.c.Classes}
	images, err := newImageSet(p.recipe, one)
	if err != nil {
		return nil, err
	}
	samples, err := images.Shown(p.c.Norm)
	if err != nil {
		return nil, err
	}
	x := make([]float32, samples.Shape().Size())
	return x, samples.Reader()(x, 0, 0)
}

// pixels returns an image as bytes [H, W, C] of one (grey) or three channels.
func pixels(img image.Image, h, w, ch int) ([]byte, error) {
	b := img.Bounds()
	if b.Dy() != h || b.Dx() != w {
		return nil, fmt.Errorf("the image is %d×%d pixels (height × width), the network takes %d×%d", b.Dy(), b.Dx(), h, w)
	}
	if ch != 1 && ch != 3 {
		return nil, fmt.Errorf("the network takes %d channels; images give 1 or 3", ch)
	}
	return data.AppendPixels(make([]byte, 0, h*w*ch), img, ch), nil
}
