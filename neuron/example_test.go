package neuron_test

import (
	"fmt"
	"log"

	"github.com/qif-snn/qif/neuron"
)

func dynamics(form string) neuron.Dynamics {
	m, err := neuron.Default(form)
	if err != nil {
		log.Fatal(err)
	}
	d, err := m.Dynamics()
	if err != nil {
		log.Fatal(err)
	}
	return d
}

// Constant input of .7 makes the default LIF fire at every second step.
func ExampleDynamics_Step() {
	d := dynamics("lif")
	v := d.ResetValue
	for t := range 4 {
		u, spike, next := d.Step(v, .7)
		fmt.Printf("t=%d u=%.2f spike=%v v=%.2f\n", t+1, u, spike, next)
		v = next
	}
	// Output:
	// t=1 u=0.70 spike=false v=0.70
	// t=2 u=1.05 spike=true v=0.00
	// t=3 u=0.70 spike=false v=0.70
	// t=4 u=1.05 spike=true v=0.00
}

func ExampleMap_FixedPoints() {
	d := dynamics("qif")
	for _, x := range []float64{0, 1, 1.5} {
		fmt.Printf("x=%v:", x)
		for _, p := range d.FixedPoints(x) {
			fmt.Printf(" %.3f (slope %.3f, %s)", p.V, p.Slope, p.Kind)
		}
		fmt.Println()
	}
	x, _ := d.SaddleNode()
	fmt.Printf("none above the saddle node %.3f\n", x)
	// Output:
	// x=0: 0.000 (slope -0.125, alternating) 4.500 (slope 2.125, unstable)
	// x=1: 1.219 (slope 0.485, monotone) 3.281 (slope 1.515, unstable)
	// x=1.5:
	// none above the saddle node 1.266
}

// Strong inhibition excites a QIF at the next step, without input.
func ExampleDynamics_Rebound() {
	d := dynamics("qif")
	level, _ := d.Rebound()
	fmt.Printf("rebound at and below v = %.3f\n", level)
	for _, v := range []float64{-1.7, -1.8} {
		_, spike, _ := d.Step(v, 0)
		fmt.Printf("v = %v fires: %v\n", v, spike)
	}
	// Output:
	// rebound at and below v = -1.766
	// v = -1.7 fires: false
	// v = -1.8 fires: true
}

// Under constant input the default QIF rests, cycles below the threshold or
// fires, by excitation and by strong inhibition.
func ExampleDynamics_Regime() {
	d := dynamics("qif")
	for _, x := range []float64{-5, -3.5, 0, .5, .9} {
		r := d.Regime(x)
		fmt.Printf("x=%v: %s, period %d, rate %.3f\n", x, r.State, r.Period, r.Rate)
	}
	// Output:
	// x=-5: fires, period 2, rate 0.500
	// x=-3.5: cycles, period 2, rate 0.000
	// x=0: alternates, period 0, rate 0.000
	// x=0.5: rests, period 0, rate 0.000
	// x=0.9: fires, period 3, rate 0.333
}
