package train

import (
	"context"
	"fmt"
	"time"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/event"
	"github.com/qif-snn/qif/event/sim"
	"github.com/qif-snn/qif/recipe"
)

// eventSet is a Dataset of frames of events, from recordings or simulated ones.
type eventSet struct {
	recipe  recipe.Recipe
	name    string
	classes []string
	labels  []int32
	hash    func() string
	shape   data.Shape
	store   *event.Store
}

func (s *eventSet) Name() string      { return s.name }
func (s *eventSet) Labels() []int32   { return s.labels }
func (s *eventSet) Classes() []string { return s.classes }
func (s *eventSet) Hash() string      { return s.hash() }
func (s *eventSet) Shape() data.Shape { return s.shape }

// eventShape is the shape of samples made of a sensor's recordings.
func eventShape(r recipe.Recipe, s event.Sensor) (data.Shape, error) {
	_, p, err := r.Recordings()
	if err != nil {
		return data.Shape{}, err
	}
	s, err = p.Sensor(s)
	return data.Shape{T: r.Steps, H: s.H, W: s.W, C: p.Binning.Channels()}, err
}

// Measure makes the frames of the given samples, which are most of those that
// training needs, and scales counts so that their mean square is 1: zeros stay
// zeros.
func (s *eventSet) Measure(ctx context.Context, indices []int, watch Watch) (data.Norm, error) {
	phase := fmt.Sprintf("making frames of %d recordings of %s", len(indices), s.name)
	var last time.Time
	scale, err := event.MeasureScale(ctx, s.store, indices, s.shape, uint32(s.recipe.CountMost), func(done int) {
		if now := time.Now(); now.Sub(last) > 100*time.Millisecond {
			last = now
			watch(phase, float64(done)/float64(len(indices)))
		}
	})
	return data.Norm{Mean: make([]float32, s.shape.C), Std: scale}, err
}

func (s *eventSet) Shown(norm data.Norm) (data.Samples, error) {
	return event.NewSamples(s.options(norm))
}

func (s *eventSet) Varied(norm data.Norm) (data.Samples, error) {
	o := s.options(norm)
	o.Augment, o.Seed = s.recipe.EventAugment(event.Sensor{W: s.shape.W, H: s.shape.H}), s.recipe.Seed
	return event.NewSamples(o)
}

func (s *eventSet) options(norm data.Norm) event.SampleOptions {
	return event.SampleOptions{
		Name: s.name, Labels: s.labels, Store: s.store, Shape: s.shape, Most: uint32(s.recipe.CountMost), Scale: norm.Std,
	}
}

// loadRecordings lists the recordings in the recipe's folder. Where the set has no
// test samples of its own, the recipe's split names them, the same for every
// seed.
func loadRecordings(r recipe.Recipe) (Data, error) {
	train, test, err := event.OpenDir(r.Data)
	if err != nil {
		return Data{}, err
	}
	var d Data
	if test == nil {
		m, err := train.Split(r.TestSplit, r.TestShare, 0)
		if err != nil {
			return Data{}, err
		}
		rest, held, err := m.Split(train.Name, train.Len(), train.Hash)
		if err != nil {
			return Data{}, err
		}
		d.TestSplit = &m
		train, test = train.Subset(train.Name+"/train", rest), train.Subset(train.Name+"/test", held)
	}
	f, err := newFrameMaker(r)
	if err != nil {
		return Data{}, err
	}
	if d.Train, err = f.recorded(train.Head(r.Limit)); err != nil {
		return Data{}, err
	}
	d.Test, err = f.recorded(test.Head(r.Limit))
	return d, err
}

// The simulated camera of training runs: the default pixels, whose thresholds
// this seed draws. It is no part of a recipe, whose seeds are those of runs that
// are compared on the same data.
const cameraSeed = 1

// simulated puts images in front of the simulated camera.
func simulated(r recipe.Recipe, train, test *data.Set) (d Data, err error) {
	f, err := newFrameMaker(r)
	if err != nil {
		return Data{}, err
	}
	if d.Train, err = f.simulated(train, 0); err != nil {
		return Data{}, err
	}
	d.Test, err = f.simulated(test, sim.FirstTest)
	return d, err
}

// frameMaker makes data sets of frames that share memory and cache.
type frameMaker struct {
	recipe  recipe.Recipe
	options event.Options
	prepare event.Prepare
	budget  *event.Budget
	cache   *event.Cache // may be nil
}

func newFrameMaker(r recipe.Recipe) (f frameMaker, err error) {
	f = frameMaker{recipe: r, budget: event.NewBudget(int64(r.FramesMemory) << 20)}
	if r.FramesCache != "" {
		f.cache = &event.Cache{Dir: r.FramesCache}
	}
	f.options, f.prepare, err = r.Recordings()
	return f, err
}

// recorded is the data set of recordings in files.
func (f frameMaker) recorded(set *event.Set) (*eventSet, error) {
	shape, err := eventShape(f.recipe, set.Sensor)
	if err != nil {
		return nil, err
	}
	store := event.NewStore(set.Len(), f.budget, func(i int) (*event.Frames, event.Skipped, error) {
		return set.Frames(i, f.options, f.prepare, f.cache)
	})
	return &eventSet{f.recipe, set.Name, set.Classes, set.Labels(), set.Hash, shape, store}, nil
}

// simulated is the data set of images before a camera.
func (f frameMaker) simulated(set *data.Set, first uint64) (*eventSet, error) {
	style, err := sim.StyleNamed(f.recipe.Camera)
	if err != nil {
		return nil, err
	}
	shape, err := eventShape(f.recipe, style.Sensor)
	if err != nil {
		return nil, err
	}
	recorder, err := sim.NewRecorder(set, style, sim.Default(), cameraSeed, first)
	if err != nil {
		return nil, err
	}
	store := event.NewStore(set.Len(), f.budget, func(i int) (*event.Frames, event.Skipped, error) {
		return recorder.Frames(i, f.prepare, f.cache)
	})
	return &eventSet{f.recipe, "dvs-" + set.Name, set.Classes, set.Labels, recorder.Hash, shape, store}, nil
}

// skipped returns what was left out as bad in all recordings, or nil where the data
// are images or bad records end the run.
func (d Data) skipped(ctx context.Context, r recipe.Recipe) (*event.Skipped, error) {
	if r.OnBad == event.Stop.String() {
		return nil, nil
	}
	var sum event.Skipped
	for _, part := range []Dataset{d.Train, d.Test} {
		s, ok := part.(*eventSet)
		if !ok {
			return nil, nil
		}
		skipped, err := s.store.Skipped(ctx)
		if err != nil {
			return nil, err
		}
		sum.Add(skipped)
	}
	return &sum, nil
}
