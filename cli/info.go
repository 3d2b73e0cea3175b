package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/recipe"
	"github.com/qif-snn/qif/train"
	"github.com/qif-snn/qif/zoo"
)

// netInfo is what info prints about a network.
type netInfo struct {
	Name    string       `json:"name"`
	Params  int64        `json:"params"`
	MACs    int64        `json:"macs"` // per sample and time step
	Steps   int          `json:"steps"`
	Coding  string       `json:"coding"`                 // of the input: direct or frames
	Last    int          `json:"readout_last,omitempty"` // steps that classify; 0: all
	Layers  []layerInfo  `json:"layers"`
	Windows []windowInfo `json:"windows"`
	// Rates are those of an untrained network's first pass, if asked for.
	Rates *ratesInfo `json:"initial_rates,omitempty"`

	Classes []string         `json:"classes,omitempty"`
	Splits  []train.SplitUse `json:"splits,omitempty"`
	Train   *train.Progress  `json:"progress,omitempty"`
	Recipe  string           `json:"recipe,omitempty"`
	// Engine and Precision are what the checkpoint was trained with.
	Engine    string `json:"engine,omitempty"`
	Precision string `json:"precision,omitempty"`
}

type layerInfo struct {
	Name   string      `json:"name"`
	Op     string      `json:"op"`
	Inputs []string    `json:"inputs"`
	Output graph.Shape `json:"output"`
	Params int64       `json:"params"`
	MACs   int64       `json:"macs"`
	Static bool        `json:"constant_over_time"`
}

type windowInfo struct {
	Node    string    `json:"node"`
	Shape   string    `json:"shape"`
	Assumed bool      `json:"input_assumed"`
	Widths  []float64 `json:"widths"`                   // at initialisation
	Trained []float64 `json:"trained_widths,omitempty"` // with a checkpoint's parameters, if they moved
	Mean    []float64 `json:"predicted_mean"`
	Std     []float64 `json:"predicted_std"`
	Rate    []float64 `json:"predicted_rate"`
}

type ratesInfo struct {
	Source string       `json:"source"`
	Layers []layerRates `json:"layers"`
}

type layerRates struct {
	Node string    `json:"node"`
	Rate []float64 `json:"rate"` // [T]
}

func newInfo() *cobra.Command {
	var asJSON, asGraph, rates bool
	var first firstPass
	cmd := &cobra.Command{
		Use:   "info CHECKPOINT|GRAPH|NET",
		Short: "Show a network's layers, parameters, MACs and windows",
		Long: `Info describes a checkpoint, a run's folder, a graph file in JSON form, or a
network of the zoo by name (` + strings.Join(zooNames(), ", ") + `), for the images it
is meant for or those of --data.`,
		Example: `  qif info runs/fashion-tiny-qif-seed1
  qif info small --neuron lif --steps 8
  qif info mlp --task rows --steps 28
  qif info resnet19 --rates              # who fires how often before training
  qif info small --graph > small.json    # the graph in JSON form, to edit and train
  qif info small.json --json`,
		Args: args(cobra.ExactArgs(1)),
	}
	flags := recipe.NewFlags(cmd.Flags(), slices.Concat(neuronKeys(), netKeys, taskKeys, []string{"data", "steps"})...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&asGraph, "graph", false, "print the graph in JSON form")
	cmd.Flags().BoolVar(&rates, "rates", false, "measure how often each layer fires before training, per step")
	first.addTo(cmd, "with --rates: noise, or train for images of --data or of Fashion-MNIST (noise)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !rates && (cmd.Flags().Changed("on") || cmd.Flags().Changed("images")) {
			return usagef("--on and --images have no effect without --rates")
		}
		net, info, err := describe(args[0], flags, first.on == onTrain)
		if err != nil {
			return err
		}
		if rates {
			if info.Rates, err = initialRates(cmd, args[0], flags, first, net); err != nil {
				return err
			}
		}
		if asGraph {
			return printJSON(cmd.OutOrStdout(), net.Graph)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), info)
		}
		printInfo(cmd.OutOrStdout(), info)
		return nil
	}
	return cmd
}

func zooNames() []string {
	var names []string
	for _, n := range zoo.Nets {
		names = append(names, n.Name)
	}
	return names
}

// describe finds out what the argument names and gathers what is known of it.
func describe(arg string, flags *recipe.Flags, forData bool) (*graph.Network, *netInfo, error) {
	r := recipe.Default()
	if err := applied(flags)(&r); err != nil {
		return nil, nil, err
	}
	member, zooErr := zoo.Named(arg)
	switch {
	case zooErr == nil:
		net, err := memberFor(member, r, forData || len(flags.Changed("data")) > 0)
		if err != nil {
			return nil, nil, err
		}
		info, err := newNetInfo(net, r.Steps)
		return net, info, err
	case strings.HasSuffix(arg, ".json"):
		r.Net = arg
		if err := ownNeurons(r); err != nil {
			return nil, nil, err
		}
		net, err := train.ReadGraph(arg)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", arg, err)
		}
		info, err := newNetInfo(net, r.Steps)
		return net, info, err
	}
	return describeCheckpoint(arg, flags)
}

// initialRates measures how often the neurons of a network fire before training.
func initialRates(cmd *cobra.Command, arg string, flags *recipe.Flags, first firstPass, net *graph.Network) (*ratesInfo, error) {
	_, zooErr := zoo.Named(arg)
	if zooErr != nil && !strings.HasSuffix(arg, ".json") {
		return nil, usagef("--rates is about networks before training; qif eval %s measures a trained one", arg)
	}
	if err := first.fill(); err != nil {
		return nil, err
	}
	r := recipe.Default()
	if err := flags.Apply(&r); err != nil {
		return nil, err
	}
	r.Net = arg
	net, b, err := first.batch(r, net)
	if err != nil {
		return nil, err
	}
	acts, err := first.observe(cmd, r, net, b)
	if err != nil {
		return nil, err
	}
	info := &ratesInfo{Source: first.source()}
	for _, a := range acts {
		info.Layers = append(info.Layers, layerRates{a.Node, a.Rate})
	}
	return info, nil
}

// memberFor builds a member of the zoo for the recipe's data, or for the images
// that it is meant for.
func memberFor(member zoo.Net, r recipe.Recipe, forData bool) (*graph.Network, error) {
	if !forData {
		return train.BuildForUse(member, r)
	}
	r.Net = member.Name
	d, err := train.LoadData(r)
	if err != nil {
		return nil, err
	}
	return train.BuildNet(r, d.Train)
}

func describeCheckpoint(path string, flags *recipe.Flags) (*graph.Network, *netInfo, error) {
	if set := flags.Changed(slices.Concat(neuronKeys(), netKeys, taskKeys, []string{"data"})...); len(set) > 0 {
		return nil, nil, usagef("--%s has no effect on %s: a checkpoint brings its own network", set[0], path)
	}
	c, err := train.ReadCheckpoint(path)
	if err != nil {
		return nil, nil, err
	}
	net, err := c.Network()
	if err != nil {
		return nil, nil, err
	}
	r, err := c.ParsedRecipe()
	if err != nil {
		return nil, nil, err
	}
	if err := applied(flags)(&r); err != nil {
		return nil, nil, err
	}
	info, err := newNetInfo(net, r.Steps)
	if err != nil {
		return nil, nil, err
	}
	trained, err := net.WindowsOf(c.Params, r.Steps)
	if err != nil {
		return nil, nil, err
	}
	for i, w := range trained {
		if wi := &info.Windows[i]; !slices.Equal(w.Widths, wi.Widths) {
			wi.Trained = w.Widths
		}
	}
	info.Classes, info.Train, info.Recipe = c.Classes, &c.Progress, c.Recipe
	info.Engine, info.Precision = c.Engine, r.Precision
	info.Splits = train.SplitUses(c.Split, c.TestSplit)
	return net, info, nil
}

func newNetInfo(net *graph.Network, steps int) (*netInfo, error) {
	info := &netInfo{Name: net.Graph.Name, Params: net.ParamCount(), MACs: net.MACs(), Steps: steps, Windows: []windowInfo{}}
	info.Coding, info.Last = net.Input().Coding, net.Readout().Last
	for _, l := range net.Layers {
		info.Layers = append(info.Layers, layerInfo{
			Name: l.Name, Op: l.Op.Kind(), Inputs: append([]string{}, l.Inputs...), Output: l.Out,
			Params: l.ParamCount(), MACs: l.MACs, Static: l.Static,
		})
	}
	windows, err := net.Windows(steps)
	if err != nil {
		return nil, err
	}
	for _, w := range windows {
		wi := windowInfo{Node: w.Node, Shape: string(w.Shape), Assumed: w.Assumed, Widths: w.Widths}
		for _, m := range w.Moments {
			wi.Mean, wi.Std, wi.Rate = append(wi.Mean, m.Mean), append(wi.Std, m.Std), append(wi.Rate, m.Rate)
		}
		info.Windows = append(info.Windows, wi)
	}
	return info, nil
}

func printInfo(out io.Writer, n *netInfo) {
	fmt.Fprintf(out, "%s: %d parameters, %d MACs per sample and time step (as if dense)\n\n", n.Name, n.Params, n.MACs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "node\top\tinputs\toutput\tparameters\tMACs\t")
	for _, l := range n.Layers {
		note := ""
		switch {
		case l.Op == "input" && n.Coding == graph.Frames:
			note = "a frame per step"
		case l.Static && l.Op != "input":
			note = "evaluated once per image"
		case l.Op == "readout" && n.Last > 0:
			note = fmt.Sprintf("of the last %d steps", n.Last)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%d\t%d\t%s\n", l.Name, l.Op, strings.Join(l.Inputs, ", "), l.Output, l.Params, l.MACs, note)
	}
	w.Flush()
	if len(n.Windows) > 0 {
		fmt.Fprintf(out, "\nsurrogate windows at initialisation, t = 1..%d (width of the rectangle of equal second moment)\n", n.Steps)
	}
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, wi := range n.Windows {
		note := ""
		if wi.Assumed {
			note = "input deviation assumed to be θ: no tdBN fixes it"
		}
		fmt.Fprintf(w, "%s\t%s\twidth\t%s\t%s\n", wi.Node, wi.Shape, list(wi.Widths, "%.3f"), note)
		if wi.Trained != nil {
			fmt.Fprintf(w, "\t\ttrained\t%s\n", list(wi.Trained, "%.3f"))
		}
		fmt.Fprintf(w, "\t\tmean\t%s\n\t\tσ\t%s\n\t\trate\t%s\n", list(wi.Mean, "%.3f"), list(wi.Std, "%.3f"), list(wi.Rate, "%.3f"))
	}
	w.Flush()
	if n.Rates != nil {
		fmt.Fprintf(out, "\nfiring rates at t = 1..%d: %s\n", n.Steps, n.Rates.Source)
		w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, l := range n.Rates.Layers {
			fmt.Fprintf(w, "%s\t%s\n", l.Node, list(l.Rate, "%.3f"))
		}
		w.Flush()
	}
	if n.Train == nil {
		return
	}
	fmt.Fprintf(out, "\n%s", n.Recipe)
	fmt.Fprintf(out, "\ntrained in %s precision by engine %s\n", n.Precision, n.Engine)
	for _, use := range n.Splits {
		fmt.Fprintf(out, "split: %v\n", use)
	}
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "epoch\ttraining loss\taccuracy\tvalidation loss\taccuracy\t")
	for _, e := range n.Train.Epochs {
		fmt.Fprintf(w, "%d\t%.4f\t%.2f %%\t%.4f\t%.2f %%\t\n", e.Epoch, e.TrainLoss, 100*e.TrainAccuracy, e.ValLoss, 100*e.ValAccuracy)
	}
	w.Flush()
	if best := n.Train.Best; best > 0 {
		fmt.Fprintf(out, "chosen: epoch %d of %d, validation accuracy %.2f %%", best, n.Train.Epoch, 100*n.Train.Epochs[best-1].ValAccuracy)
		if n.Train.Test != nil {
			fmt.Fprintf(out, ", test accuracy %.2f %%", 100**n.Train.Test)
		}
		fmt.Fprintln(out)
	}
}
