package train

import (
	"context"
	"fmt"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/recipe"
)

// Splits are the names of what a checkpoint can be examined on.
var Splits = []string{"test", "validation", "train"}

// Exam is a checkpoint with the samples that it is to be measured on.
type Exam struct {
	Recipe  recipe.Recipe // as used
	c       *Checkpoint
	samples data.Samples
	indices []int
	eval    *Evaluator
}

// Examine prepares to measure a checkpoint on one of the Splits of the data that
// its recipe names, after adjust has changed the recipe.
func Examine(c *Checkpoint, split string, adjust func(*recipe.Recipe) error) (*Exam, error) {
	r, err := c.adjusted(adjust)
	if err != nil {
		return nil, err
	}
	set, indices, err := splitOf(c, r, split)
	if err != nil {
		return nil, err
	}
	net, err := c.Network()
	if err != nil {
		return nil, err
	}
	if err := fits(net, r, set); err != nil {
		return nil, err
	}
	x := &Exam{Recipe: r, c: c, indices: indices}
	if x.samples, err = set.Shown(c.Norm); err != nil {
		return nil, err
	}
	if x.eval, err = evaluatorFor(r, net, min(r.Batch, len(set.Labels()))); err != nil {
		return nil, err
	}
	return x, nil
}

// Close releases the engine.
func (x *Exam) Close() { x.eval.Close() }

// Run evaluates the checkpoint.
func (x *Exam) Run(ctx context.Context) (*Evaluation, error) {
	return x.eval.Run(ctx, x.c.Params, x.samples, x.indices)
}

// RunEarly evaluates the checkpoint with early exit at each of the margins.
func (x *Exam) RunEarly(ctx context.Context, margins ...float64) ([]EarlyExit, error) {
	var all []EarlyExit
	for _, m := range margins {
		e, err := x.eval.RunEarly(ctx, x.c.Params, x.samples, x.indices, m)
		if err != nil {
			return nil, err
		}
		all = append(all, *e)
	}
	return all, nil
}

// splitOf returns the samples that a split names, nil for all of a set. The splits
// of the training data come from the checkpoint's own manifest, which must fit the
// data, as must that of the test data if there is one.
func splitOf(c *Checkpoint, r recipe.Recipe, split string) (Dataset, []int, error) {
	d, err := LoadData(r)
	if err == nil {
		err = c.checkTest(d)
	}
	if err != nil {
		return nil, nil, err
	}
	switch split {
	case "test":
		return d.Test, nil, nil
	case "validation", "train":
		tr, val, err := divide(c.Split, d.Train)
		if split == "validation" {
			return d.Train, val, err
		}
		return d.Train, tr, err
	}
	return nil, nil, fmt.Errorf("split is %q, expected test, validation or train", split)
}
