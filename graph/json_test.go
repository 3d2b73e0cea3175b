package graph_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/qif-snn/qif/graph"
	"github.com/qif-snn/qif/neuron"
)

// TestFilesAreStable reads graph files, which stand for those that users keep,
// and writes them back to the same bytes.
func TestFilesAreStable(t *testing.T) {
	for _, name := range []string{"tiny.json", "every.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		net, err := graph.Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(net.Graph); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(out.Bytes(), b) {
			t.Errorf("%s: written back as\n%s", name, out.Bytes())
		}
	}
}

func TestEveryOperationRoundTrips(t *testing.T) {
	net := check(t, everyOp())
	kinds := map[string]bool{}
	for _, n := range net.Graph.Nodes {
		kinds[n.Op.Kind()] = true
		b, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		var back graph.Node
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, n) {
			t.Errorf("%s reads back as %#v of %#v", b, back.Op, n.Op)
		}
	}
	if len(kinds) != 13 {
		t.Errorf("%d operations tested, want all 13", len(kinds))
	}
}

func TestGraphRoundTrips(t *testing.T) {
	net := check(t, everyOp())
	b, err := json.Marshal(net.Graph)
	if err != nil {
		t.Fatal(err)
	}
	back, err := graph.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, net) {
		t.Errorf("reads back as\n%#v, was\n%#v", back, net)
	}
	again, err := json.Marshal(back.Graph)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, b) {
		t.Errorf("the second writing differs:\n%s\n%s", again, b)
	}
}

// TestEmptyIsNil: what is empty but not nil does not survive JSON, so a checked
// network has none, and the caller's graph stays as it was.
func TestEmptyIsNil(t *testing.T) {
	spikes := &graph.Neuron{Model: neuron.Model{
		Form: "if", Params: map[string]float64{}, Threshold: 1, Reset: neuron.HardReset, Learn: []string{},
	}, Window: lif().Window}
	g := graph.Graph{Name: "", Nodes: []graph.Node{
		{"in", &graph.Input{Shape: graph.Shape{H: 1, W: 1, C: 2}, Coding: graph.Direct}, []string{}},
		{"spikes", spikes, []string{"in"}},
		{"out", &graph.Readout{}, []string{"spikes"}},
	}}
	net, err := graph.Check(g)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	back, err := graph.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, net) {
		t.Errorf("reads back as\n%#v, was\n%#v", back, net)
	}
	if spikes.Model.Learn == nil || spikes.Model.Params == nil || g.Nodes[0].Inputs == nil {
		t.Error("the caller's graph changed")
	}
	with := strings.Replace(string(b), `"op":"input"`, `"op":"input","inputs":[]`, 1)
	with = strings.Replace(with, `"op":"readout"`, `"op":"readout","attrs":{}`, 1)
	with = strings.Replace(with, `"form":"if"`, `"form":"if","params":{},"learn":[]`, 1)
	if back, err = graph.Parse([]byte(with)); err != nil || !reflect.DeepEqual(back, net) {
		t.Errorf("%s reads as %#v (error %v), want %#v", with, back, err, net)
	}
}

func TestCheckOwnsItsInputs(t *testing.T) {
	g := everyOp().Graph()
	net, err := graph.Check(g)
	if err != nil {
		t.Fatal(err)
	}
	g.Nodes[1].Inputs[0] = "elsewhere"
	g.Nodes[2].Name = "renamed"
	if net.Graph.Nodes[1].Inputs[0] != "in" || net.Layers[1].Inputs[0] != "in" || net.Graph.Nodes[2].Name != "bn1" {
		t.Error("changing the graph changed the checked network")
	}
}

func TestMarshalRefuses(t *testing.T) {
	_, err := json.Marshal(graph.Graph{Nodes: []graph.Node{{Name: "bare"}}})
	wantError(t, "no operation", err, `node "bare" has no operation`)
	n := lif()
	n.Window.Policy.Kind = "wide"
	_, err = json.Marshal(graph.Node{Name: "n", Op: n})
	wantError(t, "policy", err, `node "n"`, `"wide"`)
}

func TestParseRefuses(t *testing.T) {
	good, err := os.ReadFile("testdata/tiny.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := graph.Parse(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"operation":        {`"op": "conv"`, `"op": "convolution"`, []string{`node "conv1"`, `unknown operation "convolution"`, "concat, conv, dropout"}},
		"no operation":     {`"op": "conv",`, ``, []string{`node "conv1"`, `unknown operation ""`}},
		"attribute":        {`"pad": 1`, `"padding": 1`, []string{`node "conv1"`, "conv", `unknown field "padding"`}},
		"node field":       {`"op": "conv"`, `"op": "conv", "kind": 1`, []string{`unknown field "kind"`}},
		"graph field":      {`{`, `{"version": 1,`, []string{`unknown field "version"`}},
		"nested field":     {`"leak": 0.5`, `"leak": 0.5, "tau": 2`, []string{`node 3 "neuron1"`, `no parameter "tau"`}},
		"model field":      {`"threshold": 1,`, `"threshold": 1, "theta": 1,`, []string{`node "norm1"`, `unknown field "theta"`}},
		"type":             {`"pad": 1`, `"pad": "one"`, []string{`node "conv1"`, "conv", "pad"}},
		"fraction":         {`"pad": 1`, `"pad": 1.5`, []string{`node "conv1"`, "conv", "pad"}},
		"not a number":     {`"eps": 0.00001`, `"eps": NaN`, []string{"byte 623", "invalid character 'N'"}},
		"beyond range":     {`"eps": 0.00001`, `"eps": 1e999`, []string{`node "norm1"`, "tdbn", "eps"}},
		"policy":           {`"sigma:2"`, `"sigma:-2"`, []string{`node "neuron1"`, "-2"}},
		"twice":            {`"pad": 1`, `"pad": 1, "pad": 1`, []string{"byte ", `field "pad" is given twice`}},
		"case":             {`"pad": 1`, `"Pad": 1`, []string{"byte ", `unknown field "Pad"`}},
		"long s":           {`"stride": 1`, `"ſtride": 1`, []string{"byte ", `unknown field "ſtride"`}},
		"null node":        {`"nodes": [`, `"nodes": [null,`, []string{`node ""`, `unknown operation ""`}},
		"truncated":        {"  ]\n}", "  ]", []string{"graph: unexpected EOF"}},
		"trailing":         {"  ]\n}\n", "  ]\n}\n{}", []string{"more follows"}},
		"trailing garbage": {"  ]\n}\n", "  ]\n}\nx", []string{"more follows"}},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(good), c.from) {
				t.Fatalf("the file has no %s", c.from)
			}
			_, err := graph.Parse([]byte(strings.Replace(string(good), c.from, c.to, 1)))
			wantError(t, name, err, c.want...)
		})
	}
	for _, s := range []string{``, `null`, `[]`, `{}`, `3`, `{"nodes":[]}`} {
		if _, err := graph.Parse([]byte(s)); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

// A fault in a node's own fields names the node, if its name comes first.
func TestUnknownNodeFieldsNameTheNode(t *testing.T) {
	_, err := graph.Parse([]byte(`{"name":"g","nodes":[{"name":"conv7","op":"conv","atrs":{}}]}`))
	if err == nil || !strings.Contains(err.Error(), `"conv7"`) || !strings.Contains(err.Error(), `"atrs"`) {
		t.Errorf("got error %v, want one that names conv7 and atrs", err)
	}
}
