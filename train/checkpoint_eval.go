package train

import (
	"context"
	"fmt"

	"github.com/qif-snn/qif/data"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/recipe"
)

// EvaluateCheckpoint measures a checkpoint on a split ("test", "validation" or
// "train") of the data that its recipe names, after adjust has changed the
// recipe. It returns the recipe used.
func EvaluateCheckpoint(ctx context.Context, c *Checkpoint, split string, adjust func(*recipe.Recipe) error) (*Evaluation, recipe.Recipe, error) {
	r, err := c.ParsedRecipe()
	if err == nil {
		err = adjust(&r)
	}
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		return nil, r, err
	}
	set, idx, err := splitOf(c, r, split)
	if err != nil {
		return nil, r, err
	}
	net, err := c.Network()
	if err != nil {
		return nil, r, err
	}
	if err := fits(net, set); err != nil {
		return nil, r, err
	}
	eng, err := engine.Named(r.Engine)
	if err != nil {
		return nil, r, err
	}
	e, err := NewEvaluator(eng, net, EvalOptions{Batch: min(r.Batch, set.Len()), Steps: r.Steps, Threads: r.Threads})
	if err != nil {
		return nil, r, err
	}
	defer e.Close()
	ev, err := e.Run(ctx, c.Params, set, idx, c.Norm)
	return ev, r, err
}

// Splits are the names of what a checkpoint can be evaluated on.
var Splits = []string{"test", "validation", "train"}

// splitOf returns the images that a split names, nil for all of a set. The splits of the training
// data come from the checkpoint's own manifest, which must fit the data.
func splitOf(c *Checkpoint, r recipe.Recipe, split string) (*data.Set, []int, error) {
	trainSet, test, err := LoadData(r)
	if err != nil {
		return nil, nil, err
	}
	switch split {
	case "test":
		return test, nil, nil
	case "validation", "train":
		tr, val, err := c.Split.Indices(trainSet)
		if split == "validation" {
			return trainSet, val, err
		}
		return trainSet, tr, err
	}
	return nil, nil, fmt.Errorf("split is %q, expected test, validation or train", split)
}
