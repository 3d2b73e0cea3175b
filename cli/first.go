package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/bench"
	"github.com/qif-snn/qif/engine"
	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
)

// firstPass is the flags that say what an untrained network is looked at on.
type firstPass struct {
	on     string
	images int
}

// On what an untrained network can be looked at.
const (
	onNoise = "noise"
	onTrain = "train"
)

func (f *firstPass) addTo(cmd *cobra.Command, on string) {
	cmd.Flags().StringVar(&f.on, "on", "", on)
	cmd.Flags().IntVar(&f.images, "images", 4, "how many images an untrained network is looked at on")
}

// fill checks the flags and sets what is looked at if nothing was asked for.
func (f *firstPass) fill() error {
	if f.on == "" {
		f.on = onNoise
	}
	switch {
	case !slices.Contains([]string{onNoise, onTrain}, f.on):
		return usagef("--on is %q, expected %s or %s for a network before training", f.on, onNoise, onTrain)
	case f.images < 1:
		return usagef("--images is %d, expected at least 1", f.images)
	}
	return nil
}

// source says what an untrained network was looked at on.
func (f *firstPass) source() string {
	if f.on == onTrain {
		return fmt.Sprintf("untrained, first pass of training on %d images", f.images)
	}
	return fmt.Sprintf("untrained, first pass of training on %d images of noise", f.images)
}

// batch returns what to look at a network on. The network is the recipe's where it
// is to be built for the data's images, which net names otherwise.
func (f *firstPass) batch(r recipe.Recipe, net *graph.Network) (*graph.Network, engine.Batch, error) {
	if f.on == onTrain {
		return train.FirstImages(r, f.images)
	}
	return net, train.Noise(net, f.images, r.Steps, r.Seed), nil
}

// observe looks at a network, with a bar on a terminal.
func (f *firstPass) observe(cmd *cobra.Command, r recipe.Recipe, net *graph.Network, b engine.Batch) ([]engine.Activity, error) {
	e, err := engine.Named(r.Engine)
	if err != nil {
		return nil, err
	}
	m := newMeter(cmd.ErrOrStderr(), false)
	defer m.close()
	return train.FirstPass(e, net, b, train.EvalOptions{Steps: r.Steps, Threads: r.Threads, Precision: r.Precision},
		func(done, layers int) {
			m.observe(bench.Progress{Phase: fmt.Sprintf("%s, layer %d of %d", net.Graph.Name, done, layers), Done: float64(done) / float64(layers)})
		})
}
