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
func Prepare(r recipe.Recipe) (*Setup, error) {
	s := &Setup{Recipe: r}
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
	if s.Net, err = BuildNet(r, s.Train); err != nil {
		return nil, err
	}
	return s, nil
}

// DataName names the data set, whose parts are called name/train and name/test.
func (s *Setup) DataName() string { return strings.TrimSuffix(s.Train.Name, "/train") }

// LoadData reads the recipe's training and test images, the training images cut
// to the recipe's limit.
func LoadData(r recipe.Recipe) (train, test *data.Set, err error) {
	if r.Data == "" {
		train, test, err = fashion.Load()
	} else {
		train, test, err = data.LoadDir(r.Data)
	}
	if err != nil {
		return nil, nil, err
	}
	if r.Limit > 0 && r.Limit < train.Len() {
		head := *train
		head.Labels = head.Labels[:r.Limit]
		head.Pixels = head.Pixels[:r.Limit*head.H*head.W*head.C]
		train = &head
	}
	return train, test, nil
}

// BuildNet returns the recipe's network for images of the set: a member of the
// zoo with the recipe's neurons and windows, or a graph file, which brings its
// own.
func BuildNet(r recipe.Recipe, set *data.Set) (*graph.Network, error) {
	shape := graph.Shape{H: set.H, W: set.W, C: set.C}
	if strings.HasSuffix(r.Net, ".json") {
		net, err := ReadGraph(r.Net)
		if err != nil {
			return nil, err
		}
		switch in := net.Input(); {
		case in.Coding != graph.Direct:
			return nil, fmt.Errorf("%s: its input is coded as %q, images need %q", r.Net, in.Coding, graph.Direct)
		case in.Shape != shape:
			return nil, fmt.Errorf("%s: its input is %v, the images of %s are %v", r.Net, in.Shape, set.Name, shape)
		case net.Classes() != len(set.Classes):
			return nil, fmt.Errorf("%s: it has %d classes, %s has %d", r.Net, net.Classes(), set.Name, len(set.Classes))
		}
		return net, nil
	}
	member, err := zoo.Named(r.Net)
	if err != nil {
		return nil, err
	}
	model, err := r.Model()
	if err != nil {
		return nil, err
	}
	win, err := r.WindowSpec()
	if err != nil {
		return nil, err
	}
	return graph.Check(member.Build(zoo.Config{
		Input: shape, Coding: graph.Direct, Classes: len(set.Classes),
		Model: model, Window: win, Dropout: r.Dropout,
	}))
}

// ReadGraph reads a graph file in JSON form.
func ReadGraph(path string) (*graph.Network, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	net, err := graph.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return net, nil
}
