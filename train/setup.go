// Package train runs recipes: it reads data, compiles a network, trains it
// epoch by epoch, keeps checkpoints from which an interrupted run continues to
// the same bits, and writes the run's report.
package train

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/event/sim"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/zoo"
)

// Setup is what a recipe leads to: data read and split, a network checked, an
// engine chosen.
type Setup struct {
	Recipe recipe.Recipe
	Net    *graph.Network
	Engine engine.Engine
	Data
	Split    data.Manifest // of the training samples: which are for validation
	Norm     data.Norm
	TrainIdx []int
	ValIdx   []int
}

// Prepare reads what a recipe names and checks that the parts fit.
func Prepare(r recipe.Recipe) (*Setup, error) {
	return PrepareWatched(context.Background(), r, func(string, float64) {})
}

// PrepareWatched is Prepare that tells what takes its time, which is to make
// frames of recordings, and that ends with ctx.
func PrepareWatched(ctx context.Context, r recipe.Recipe, watch Watch) (*Setup, error) {
	s, err := prepare(r, nil)
	if err == nil {
		s.Norm, err = s.Train.Measure(ctx, s.TrainIdx, watch)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// prepare is all but the normalisation, for a given network, or for the recipe's
// if net is nil.
func prepare(r recipe.Recipe, net *graph.Network) (*Setup, error) {
	s := &Setup{Recipe: r, Net: net}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	var err error
	if s.Engine, err = engine.Named(r.Engine); err != nil {
		return nil, err
	}
	if s.Data, err = LoadData(r); err != nil {
		return nil, err
	}
	if s.Split, err = splitOff(s.Train, r); err != nil {
		return nil, err
	}
	if s.TrainIdx, s.ValIdx, err = divide(s.Split, s.Train); err != nil {
		return nil, err
	}
	if r.Batch > len(s.TrainIdx) {
		return nil, fmt.Errorf("batch is %d, but the data leaves %d samples to train on", r.Batch, len(s.TrainIdx))
	}
	if net == nil {
		s.Net, err = BuildNet(r, s.Train)
	} else {
		err = fits(net, r, s.Train)
	}
	return s, err
}

// DataName names the data set, whose parts are called name/train and name/test.
func (s *Setup) DataName() string { return dataName(s.Train) }

// DataShown says for people what the network sees of which data set.
func (s *Setup) DataShown() string {
	switch s.Recipe.Task {
	case data.Moving:
		return "moving images of " + s.DataName()
	case data.Rows:
		return "rows of the images of " + s.DataName()
	case recipe.Events:
		return "events of " + s.DataName()
	}
	return s.DataName()
}

// BuildNet returns the recipe's network for samples of the set: a member of the
// zoo with the recipe's neurons and windows, or a graph file, which brings its
// own.
func BuildNet(r recipe.Recipe, set Dataset) (*graph.Network, error) {
	if strings.HasSuffix(r.Net, ".json") {
		net, err := ReadGraph(r.Net)
		if err == nil {
			err = fits(net, r, set)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Net, err)
		}
		return net, nil
	}
	member, err := zoo.Named(r.Net)
	if err != nil {
		return nil, err
	}
	return buildMember(member, r, inputOf(set.Shape()), len(set.Classes()))
}

// BuildMember returns a member of the zoo with the recipe's neurons and windows,
// for images of the given shape as the recipe's task shows them, or for its
// camera.
func BuildMember(member zoo.Net, r recipe.Recipe, image graph.Shape, classes int) (*graph.Network, error) {
	var sample data.Shape
	var err error
	if r.Task == recipe.Events {
		var style sim.Style
		if style, err = sim.StyleNamed(r.Camera); err == nil {
			sample, err = eventShape(r, style.Sensor)
		}
	} else {
		sample, err = r.ImageTask().Shape(image.H, image.W, image.C)
	}
	if err != nil {
		return nil, err
	}
	return buildMember(member, r, inputOf(sample), classes)
}

// BuildForUse returns a member of the zoo for what it is meant for, with the
// recipe's neurons and windows. A task other than still images makes frames of
// these.
func BuildForUse(member zoo.Net, r recipe.Recipe) (*graph.Network, error) {
	u := member.Use
	if r.Task == data.Still {
		return buildMember(member, r, u.Input, u.Classes)
	}
	return BuildMember(member, r, u.Input.Shape, u.Classes)
}

func buildMember(member zoo.Net, r recipe.Recipe, in graph.Input, classes int) (*graph.Network, error) {
	model, err := r.Model()
	if err != nil {
		return nil, err
	}
	win, err := r.WindowSpec()
	if err != nil {
		return nil, err
	}
	return graph.Check(member.Build(zoo.Config{
		Input: in.Shape, Coding: in.Coding, Classes: classes,
		Model: model, Window: win, Dropout: r.Dropout, ReadoutLast: r.ReadoutLast,
	}))
}

// inputOf is the input that samples need.
func inputOf(s data.Shape) graph.Input {
	in := graph.Input{Shape: graph.Shape{H: s.H, W: s.W, C: s.C}, Coding: graph.Direct}
	if s.T > 0 {
		in.Coding = graph.Frames
	}
	return in
}

// sampleShape is the shape of the samples that a network takes, over so many steps.
func sampleShape(net *graph.Network, steps int) data.Shape {
	in := net.Input()
	sample := data.Shape{H: in.Shape.H, W: in.Shape.W, C: in.Shape.C}
	if in.Coding == graph.Frames {
		sample.T = steps
	}
	return sample
}

// imageSize returns the height and width of the images from which a recipe's task
// makes what a network takes.
func imageSize(net *graph.Network, r recipe.Recipe, channels int) (h, w int, err error) {
	return r.ImageTask().Image(sampleShape(net, r.Steps), channels)
}

// fits says whether a network takes a set's samples and tells its classes apart.
func fits(net *graph.Network, r recipe.Recipe, set Dataset) error {
	switch in, want := *net.Input(), inputOf(set.Shape()); {
	case in.Coding != want.Coding:
		return fmt.Errorf("the network's input is coded as %q, the task %s needs %q", in.Coding, r.Task, want.Coding)
	case in.Shape != want.Shape:
		return fmt.Errorf("the network takes images of %v, those of %s are %v", in.Shape, set.Name(), want.Shape)
	case net.Classes() != len(set.Classes()):
		return fmt.Errorf("the network has %d classes, %s has %d", net.Classes(), set.Name(), len(set.Classes()))
	}
	return nil
}

// ReadGraph reads a graph file in JSON form. Its errors are for callers to name
// the file, save those of the file system, which do.
func ReadGraph(path string) (*graph.Network, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return graph.Parse(b)
}
