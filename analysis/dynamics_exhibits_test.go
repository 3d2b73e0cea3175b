package analysis

import (
	"bytes"
	"context"
	"encoding/csv"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qif-snn/qif/neuron"
)

// Exhibits of any neuron can be drawn and hold their data.
func TestExhibitsOfAnyNeuron(t *testing.T) {
	rng := rand.New(rand.NewPCG(71, 1))
	runaway := model(t, "qif", map[string]float64{"a": 2})
	runaway.Reset = neuron.SoftReset
	models := []neuron.Model{model(t, "qif", nil), model(t, "if", nil), runaway}
	for range 4 {
		models = append(models, randomModel(t, rng))
	}
	for i, m := range models {
		o := quick(t, m)
		o.Maps, o.Grid = true, 11
		s, err := AnalyzeDynamics(context.Background(), m, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.Exhibits(m, o)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range all {
			names = append(names, e.Name)
			text := svgText(t, e.Figure)
			if i == 0 && !strings.Contains(text, "qif: a = 0.25, u1 = 0, u2 = 0.5; θ = 1, hard reset to 0, no floor") {
				t.Errorf("%s has no title", e.Name)
			}
			b, err := e.Table.CSV()
			if err != nil {
				t.Fatalf("%s: %v", e.Name, err)
			}
			if rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll(); err != nil || len(rows) < 2 {
				t.Errorf("%+v, %s: %d rows, %v", m, e.Name, len(rows), err)
			}
		}
		want := "neuron regimes rate orbits change contrast rebound"
		if m.Form == "if" {
			want = "neuron rate orbits change contrast rebound"
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("exhibits %s, want %s", got, want)
		}
	}
}

// The map's cells are the regimes of the neurons with those parameters.
func TestRegimeMapsAgainstNeurons(t *testing.T) {
	s := study(t, model(t, "qif", nil), func(o *DynamicsOptions) { o.Maps = true })
	if len(s.RegimeMaps) != 2 || s.RegimeMaps[0].Parameter != "u2" || s.RegimeMaps[1].Parameter != "a" {
		t.Fatalf("%d maps", len(s.RegimeMaps))
	}
	rng := rand.New(rand.NewPCG(72, 1))
	for _, rm := range s.RegimeMaps {
		for range 60 {
			row, column := rng.IntN(len(rm.Inputs)), rng.IntN(len(rm.Values))
			v := rm.Values[column]
			if rm.Parameter == "a" && v <= 0 {
				continue // refused without a floor
			}
			d := dynamicsOf(t, model(t, "qif", map[string]float64{rm.Parameter: v}))
			if want := symbol(d.Regime(rm.Inputs[row])); rm.Rows[row][column] != want {
				t.Errorf("%s = %v, x = %v: %c, want %c", rm.Parameter, v, rm.Inputs[row], rm.Rows[row][column], want)
			}
		}
		for _, row := range rm.Rows {
			for _, c := range row {
				if symbols[string(c)] == "" && !strings.ContainsRune("3456789", c) {
					t.Errorf("symbol %c is not explained", c)
				}
			}
		}
	}
}
