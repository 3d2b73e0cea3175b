package window_test

import (
	"fmt"
	"log"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/window"
)

// defaultQIF is f(v) = .25·v·(v − .5) with θ = 1 and a hard reset to 0.
func defaultQIF() neuron.Dynamics {
	m, err := neuron.Default("qif")
	if err != nil {
		log.Fatal(err)
	}
	d, err := m.Dynamics()
	if err != nil {
		log.Fatal(err)
	}
	return d
}

// The membrane potential of the default QIF behind tdBN, whose output is
// N(0, θ²).
func ExampleClosure() {
	m, err := window.Closure(defaultQIF(), window.Input{Std: 1}, 4, window.Nodes)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("step  mean   std    rate   density at θ")
	for t, s := range m {
		fmt.Printf("%d     %.3f  %.3f  %.3f  %.3f\n", t+1, s.Mean, s.Std, s.Rate, s.Density)
	}
	// Output:
	// step  mean   std    rate   density at θ
	// 1     0.000  1.000  0.159  0.242
	// 2     0.180  1.058  0.214  0.272
	// 3     0.150  1.048  0.205  0.268
	// 4     0.154  1.049  0.206  0.269
}

// One window of width σ for all steps.
func ExampleSpec_Compute() {
	spec := window.Spec{
		Policy: window.Policy{Kind: window.Sigma, Value: 1},
		Shape:  window.Triangular,
		Pooled: true,
	}
	w, err := spec.Compute(defaultQIF(), window.Input{Std: 1}, 4)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("widths %.3f\n", w.Widths)
	fmt.Printf("window at θ and .5 above: %.3f %.3f\n", w.Shape.At(0, w.Widths[0]), w.Shape.At(.5, w.Widths[0]))
	// Output:
	// widths [1.042 1.042 1.042 1.042]
	// window at θ and .5 above: 1.358 0.436
}

func ExampleParsePolicy() {
	m := []window.Moments{{Std: 1}, {Std: 1.2}}
	for _, text := range []string{"sigma:2", "fixed:.8", "bandwidth", "learned", "wide"} {
		p, err := window.ParsePolicy(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		widths, err := p.Widths(m)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %.3f\n", p, widths)
	}
	// Output:
	// sigma:2: [2.000 2.400]
	// fixed:0.8: [0.800 0.800]
	// bandwidth:1000: [0.926 1.111]
	// learned: [0.926 1.111]
	// unknown window policy "wide"; known: sigma:k, fixed:α, bandwidth:N, exact:N, measured:k, learned:α
}
