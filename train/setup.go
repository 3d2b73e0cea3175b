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
		err = fits(net, s.Train)
	}
	return s, err
}

// DataName names the data set, whose parts are called name/train and name/test.
func (s *Setup) DataName() string { return strings.TrimSuffix(s.Train.Name, "/train") }

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
			err = fits(net, set)
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
	return BuildMember(member, r, imageShape(set), len(set.Classes))
}

// BuildMember returns a member of the zoo with the recipe's neurons and windows,
// for images of the given shape.
func BuildMember(member zoo.Net, r recipe.Recipe, input graph.Shape, classes int) (*graph.Network, error) {
	model, err := r.Model()
	if err != nil {
		return nil, err
	}
	win, err := r.WindowSpec()
	if err != nil {
		return nil, err
	}
	return graph.Check(member.Build(zoo.Config{
		Input: input, Coding: graph.Direct, Classes: classes,
		Model: model, Window: win, Dropout: r.Dropout,
	}))
}

func imageShape(s *data.Set) graph.Shape { return graph.Shape{H: s.H, W: s.W, C: s.C} }

// fits says whether a network takes a set's images and tells its classes apart.
func fits(net *graph.Network, set *data.Set) error {
	switch in := net.Input(); {
	case in.Coding != graph.Direct:
		return fmt.Errorf("the network's input is coded as %q, images need %q", in.Coding, graph.Direct)
	case in.Shape != imageShape(set):
		return fmt.Errorf("the network takes images of %v, those of %s are %v", in.Shape, set.Name, imageShape(set))
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
