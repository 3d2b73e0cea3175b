package recipe_test

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/qif-snn/qif/recipe"
)

func ExampleLoad() {
	_, err := recipe.Load("fashion-tin")
	fmt.Println(err)
	r, err := recipe.Load("fashion-tiny")
	fmt.Println(r.Net, r.Neuron, r.Steps, r.OutDir(), err)
	// Output:
	// unknown recipe "fashion-tin", did you mean "fashion-tiny"?; built-in: fashion-tiny, cifar10-dvs-resnet19, cifar10-dvs-vggsnn, cifar10-lif-t2, cifar10-lif-t4, cifar10-qif-t2, cifar10-qif-t4, cifar100-lif-t2, cifar100-lif-t4, cifar100-qif-t2, cifar100-qif-t4, fashion, fashion-dvs, fashion-mini, moving, rows; or give the path of a .toml file
	// tiny qif 4 runs/fashion-tiny-qif-seed1 <nil>
}

func ExampleParse() {
	_, err := recipe.Parse([]byte("net = 'small'\nepoch = 3\n"), "mine.toml")
	fmt.Println(err)
	r, err := recipe.Parse([]byte("net = 'small'\nepochs = 3\n"), "mine.toml")
	fmt.Println(r.Net, r.Epochs, r.Batch, err)
	// Output:
	// recipe mine.toml:2:1: unknown key "epoch", did you mean "epochs"?
	// small 3 50 <nil>
}

func ExampleFlags() {
	fs := pflag.NewFlagSet("train", pflag.ContinueOnError)
	flags := recipe.NewFlags(fs)
	_ = fs.Parse([]string{"--neuron", "lif", "--leak", "0.8"})

	r := recipe.Default()
	fmt.Println(flags.Apply(&r))
	m, err := r.Model()
	fmt.Println(m.Form, m.Params, err)

	_ = fs.Parse([]string{"--u1", "0.1"})
	fmt.Println(flags.Apply(&r))
	// Output:
	// <nil>
	// lif map[leak:0.8] <nil>
	// --u1 is a parameter of qif, but the neuron is lif, which has leak
}

func ExampleRecipe_LearningRate() {
	r := recipe.Default()
	r.Epochs, r.Warmup, r.LR = 4, 1, 1
	for i := range 8 { // two updates an epoch
		fmt.Printf("%.3f ", r.LearningRate(i, 8))
	}
	// Output: 0.250 0.750 0.983 0.854 0.629 0.371 0.146 0.017
}
