package train

import (
	"context"
	"fmt"
	"strings"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/data/fashion"
	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/recipe"
)

// A Dataset is the labelled samples, for training or for test, that a recipe
// names, as it shows them to a network: made of images, or of a camera's events.
type Dataset interface {
	Name() string
	Labels() []int32
	Classes() []string
	// Hash identifies the samples in manifests.
	Hash() string
	// Shape is that of every sample.
	Shape() data.Shape
	// Measure returns what normalises samples, from those with the given indices.
	Measure(ctx context.Context, indices []int, watch Watch) (data.Norm, error)
	// Shown are the samples as they are evaluated: without augmentation, the same
	// in every run.
	Shown(data.Norm) (data.Samples, error)
	// Varied are the samples as they are trained on.
	Varied(data.Norm) (data.Samples, error)
}

// Watch is told what is being prepared and which share of it is done. It may be
// called from several goroutines, one at a time.
type Watch func(phase string, done float64)

// Data is what a recipe trains on and is tested with.
type Data struct {
	Train, Test Dataset
	// TestSplit records which samples are Test, where the data set does not say.
	TestSplit *data.Manifest
}

// LoadData reads or lists the recipe's data, each part cut to the recipe's limit.
func LoadData(r recipe.Recipe) (Data, error) {
	kind, recorded := "", false
	if r.Data != "" {
		kind, recorded = event.Recognise(r.Data)
	}
	switch {
	case recorded && r.Task != recipe.Events:
		return Data{}, fmt.Errorf("%s holds recordings of an event camera (%s), the task %s shows images: use the task %s", r.Data, kind, r.Task, recipe.Events)
	case recorded:
		return loadRecordings(r)
	}
	train, test, err := loadImages(r)
	if err != nil {
		return Data{}, err
	}
	if r.Task == recipe.Events {
		return simulated(r, train, test)
	}
	var d Data
	if d.Train, err = newImageSet(r, train); err != nil {
		return Data{}, err
	}
	d.Test, err = newImageSet(r, test)
	return d, err
}

// LoadImages reads training and test images from a folder, or those that come with
// the program if it has no name.
func LoadImages(dir string) (train, test *data.Set, err error) {
	if dir == "" {
		return fashion.Load()
	}
	return data.LoadDir(dir)
}

// loadImages reads the recipe's training and test images.
func loadImages(r recipe.Recipe) (train, test *data.Set, err error) {
	if train, test, err = LoadImages(r.Data); err != nil {
		return nil, nil, err
	}
	return head(train, r.Limit), head(test, r.Limit), nil
}

// head returns the first n images of a set; all for n = 0.
func head(s *data.Set, n int) *data.Set {
	if n == 0 || n >= s.Len() {
		return s
	}
	h := *s
	h.Labels, h.Pixels = h.Labels[:n], h.Pixels[:n*h.Size()]
	return &h
}

// splitOff draws the validation samples that the recipe asks for.
func splitOff(d Dataset, r recipe.Recipe) (data.Manifest, error) {
	return data.StratifiedManifest(d.Name(), d.Hash(), d.Labels(), d.Classes(), r.Validation, r.Seed)
}

// divide returns the samples for training and for validation that a manifest says,
// if it belongs to the data set.
func divide(m data.Manifest, d Dataset) (train, val []int, err error) {
	return m.Split(d.Name(), len(d.Labels()), d.Hash)
}

// imageSet is a Dataset of images.
type imageSet struct {
	set    *data.Set
	recipe recipe.Recipe
	shape  data.Shape
}

func newImageSet(r recipe.Recipe, set *data.Set) (*imageSet, error) {
	shape, err := r.ImageTask().Shape(set.H, set.W, set.C)
	return &imageSet{set, r, shape}, err
}

func (s *imageSet) Name() string      { return s.set.Name }
func (s *imageSet) Labels() []int32   { return s.set.Labels }
func (s *imageSet) Classes() []string { return s.set.Classes }
func (s *imageSet) Hash() string      { return s.set.Hash() }
func (s *imageSet) Shape() data.Shape { return s.shape }

func (s *imageSet) Measure(_ context.Context, indices []int, _ Watch) (data.Norm, error) {
	return data.MeasureNorm(s.set, indices), nil
}

func (s *imageSet) Shown(norm data.Norm) (data.Samples, error) {
	return data.NewImages(data.ImageOptions{Set: s.set, Norm: norm, Task: s.recipe.ImageTask()})
}

// Varied augments the images; moving ones take paths that change from epoch to
// epoch.
func (s *imageSet) Varied(norm data.Norm) (data.Samples, error) {
	r := s.recipe
	return data.NewImages(data.ImageOptions{
		Set: s.set, Norm: norm, Augment: r.Augment(), Task: r.ImageTask(), Seed: r.Seed,
	})
}

// dataName names a data set by its training part, which is called name/train.
func dataName(d Dataset) string { return strings.TrimSuffix(d.Name(), "/train") }
