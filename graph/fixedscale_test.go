package graph_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qif-snn/qif/graph"
)

// normed is a linear layer with tdBN on two channels.
func normed(t *testing.T, fixed bool) *graph.Network {
	t.Helper()
	b := vector(2)
	b.Add("fc", &graph.Linear{Out: 2}, "in")
	b.Add("bn", &graph.TDBN{Alpha: .5, Threshold: 2, Momentum: .1, Eps: 4, FixedScale: fixed}, "fc")
	b.Add("out", &graph.Readout{}, "bn")
	return check(t, b)
}

func TestFixedScaleIsNoParameter(t *testing.T) {
	free, fixed := normed(t, false), normed(t, true)
	if got, want := fixed.ParamCount(), free.ParamCount()-2; got != want {
		t.Errorf("%d parameters with a fixed scale, want %d", got, want)
	}
	var names []string
	for _, p := range fixed.Params {
		names = append(names, p.Name)
	}
	if want := []string{"fc.weight", "bn.shift", "bn.running_mean", "bn.running_var"}; !slices.Equal(names, want) {
		t.Errorf("tensors %v, want %v", names, want)
	}
}

// TestFixedScaleInJSON: the field is read back, and absent where it says what
// its absence does.
func TestFixedScaleInJSON(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		net := normed(t, fixed)
		text, err := json.Marshal(net.Graph)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"fixed_scale":true`) != fixed || strings.Contains(string(text), "fixed_scale") != fixed {
			t.Errorf("fixed %v is written as %s", fixed, text)
		}
		if back, err := graph.Parse(text); err != nil || !reflect.DeepEqual(back, net) {
			t.Errorf("%s reads back as another network (error %v)", text, err)
		}
	}
}

// TestFixedScaleFolds: a fixed scale is a learned one that stayed at 1.
func TestFixedScaleFolds(t *testing.T) {
	free, fixed := normed(t, false), normed(t, true)
	ts := trained(free, 3)
	at := slices.IndexFunc(ts, func(x graph.Tensor) bool { return x.Name == "bn.scale" })
	ts[at].Data[0], ts[at].Data[1] = 1, 1
	_, want, err := graph.Fold(free, ts)
	if err != nil {
		t.Fatal(err)
	}
	folded, got, err := graph.Fold(fixed, slices.Delete(slices.Clone(ts), at, at+1))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) || len(folded.Layers) != 3 {
		t.Errorf("got %v in %d layers, want %v in 3", got, len(folded.Layers), want)
	}
}
