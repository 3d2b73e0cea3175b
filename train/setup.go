// Package train runs recipes: it reads data, compiles a network, trains it
// epoch by epoch, keeps checkpoints from which an interrupted run continues to
// the same bits, and writes the run's report.
package train

import (
	"fmt"
	"os"
	"strings"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/data/fashion"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/zoo"
)

// Setup is what a recipe leads to: data read and split, a network checked, an
// engine chosen.
type Setup struct {
	Recipe   recipe.Recipe
	Net      *graph.Network
	Engine   engine.Engine
	Train    *data.Set
	Test     *data.Set
	Split    data.Manifest
	Norm     data.Norm
	TrainIdx []int
	ValIdx   []int
}

// Prepare reads what a recipe names and checks that the parts fit.
func Prepare(r recipe.Recipe) (*Setup, error) { return prepare(r, nil) }

// prepare is Prepare for a given network, or for the recipe's if net is nil.
func prepare(r recipe.Recipe, net *graph.Network) (*Setup, error) {
	s := &Setup{Recipe: r, Net: net}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	var err error
	if s.Engine, err = engine.Named(r.Engine); err != nil {
		return nil, err
	}
	if s.Train, s.Test, err = LoadData(r); err != nil {
		return nil, err
	}
	if s.Split, err = data.SplitStratified(s.Train, r.Validation, r.Seed); err != nil {
		return nil, err
	}
	if s.TrainIdx, s.ValIdx, err = s.Split.Indices(s.Train); err != nil {
		return nil, err
	}
	if r.Batch > len(s.TrainIdx) {
		return nil, fmt.Errorf("batch is %d, but the data leaves %d images to train on", r.Batch, len(s.TrainIdx))
	}
	s.Norm = data.MeasureNorm(s.Train, s.TrainIdx)
	if net == nil {
		s.Net, err = BuildNet(r, s.Train)
	} else {
		err = fits(net, r, s.Train)
	}
	return s, err
}

// DataName names the data set, whose parts are called name/train and name/test.
func (s *Setup) DataName() string { return strings.TrimSuffix(s.Train.Name, "/train") }

// DataShown says for people what the network sees of which data set.
func (s *Setup) DataShown() string {
	switch s.Recipe.Task {
	case data.Moving:
		return "moving images of " + s.DataName()
	case data.Rows:
		return "rows of the images of " + s.DataName()
	}
	return s.DataName()
}

// LoadData reads the recipe's training and test images, both cut to the recipe's
// limit.
func LoadData(r recipe.Recipe) (train, test *data.Set, err error) {
	if r.Data == "" {
		train, test, err = fashion.Load()
	} else {
		train, test, err = data.LoadDir(r.Data)
	}
	if err != nil {
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

// BuildNet returns the recipe's network for images of the set: a member of the
// zoo with the recipe's neurons and windows, or a graph file, which brings its
// own.
func BuildNet(r recipe.Recipe, set *data.Set) (*graph.Network, error) {
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
	return BuildMember(member, r, graph.Shape{H: set.H, W: set.W, C: set.C}, len(set.Classes))
}

// BuildMember returns a member of the zoo with the recipe's neurons and windows,
// for images of the given shape as the recipe's task shows them.
func BuildMember(member zoo.Net, r recipe.Recipe, image graph.Shape, classes int) (*graph.Network, error) {
	sample, err := r.ImageTask().Shape(image.H, image.W, image.C)
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

// imageSize returns the height and width of the images from which a recipe's task
// makes what a network takes.
func imageSize(net *graph.Network, r recipe.Recipe, channels int) (h, w int, err error) {
	in := net.Input()
	sample := data.Shape{H: in.Shape.H, W: in.Shape.W, C: in.Shape.C}
	if in.Coding == graph.Frames {
		sample.T = r.Steps
	}
	return r.ImageTask().Image(sample, channels)
}

// varied returns a set's images as they are trained on: as the recipe's task has
// it, augmented, moving ones on paths that change from epoch to epoch.
func varied(r recipe.Recipe, set *data.Set, norm data.Norm) (*data.Images, error) {
	return data.NewImages(data.ImageOptions{
		Set: set, Norm: norm, Augment: data.Augment{Pad: r.CropPad, Flip: r.Flip}, Task: r.ImageTask(), Seed: r.Seed,
	})
}

// Shown returns a set's images as they are evaluated: as the recipe's task has it,
// without augmentation, moving ones on the same paths in every run.
func Shown(r recipe.Recipe, set *data.Set, norm data.Norm) (*data.Images, error) {
	return data.NewImages(data.ImageOptions{Set: set, Norm: norm, Task: r.ImageTask()})
}

// fits says whether a network takes a set's images, as the recipe's task shows
// them, and tells its classes apart.
func fits(net *graph.Network, r recipe.Recipe, set *data.Set) error {
	sample, err := r.ImageTask().Shape(set.H, set.W, set.C)
	if err != nil {
		return err
	}
	switch in, want := *net.Input(), inputOf(sample); {
	case in.Coding != want.Coding:
		return fmt.Errorf("the network's input is coded as %q, the task %s needs %q", in.Coding, r.Task, want.Coding)
	case in.Shape != want.Shape:
		return fmt.Errorf("the network takes images of %v, those of %s are %v", in.Shape, set.Name, want.Shape)
	case net.Classes() != len(set.Classes):
		return fmt.Errorf("the network has %d classes, %s has %d", net.Classes(), set.Name, len(set.Classes))
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
