package analysis

import (
	"slices"

	"github.com/qif-snn/qif/neuron"
	"github.com/qif-snn/qif/report/exhibit"
)

// Exhibits draws the dynamics of the model and options that they were worked out
// for.
func (s *Dynamics) Exhibits(m neuron.Model, o DynamicsOptions) ([]exhibit.Exhibit, error) {
	subjects, err := o.subjects(m)
	if err != nil {
		return nil, err
	}
	title := heading(m, subjects[0].d)
	all := []exhibit.Exhibit{{Name: "neuron", Figure: neuronFigure(m, subjects, o), Table: s.neuronTable(subjects[0].d, o)}}
	if len(s.RegimeMaps) > 0 {
		all = append(all, exhibit.Exhibit{Name: "regimes", Figure: s.regimeFigure(title), Table: s.regimeTable()})
	}
	return append(all,
		exhibit.Exhibit{Name: "rate", Figure: s.rateFigure(title, subjects), Table: s.rateTable()},
		s.orbitExhibit(title, subjects[0].d),
		exhibit.Exhibit{Name: "change", Figure: s.courseFigure(title, subjects), Table: s.Change.Course.table()},
		exhibit.Exhibit{Name: "contrast", Figure: s.contrastFigure(title, subjects), Table: s.contrastTable()},
		exhibit.Exhibit{Name: "rebound", Figure: s.reboundFigure(title), Table: s.reboundTable()},
	), nil
}

// neuronTable holds the map, its fixed points, the trajectories and the
// responses, a series each.
func (s *Dynamics) neuronTable(d neuron.Dynamics, o DynamicsOptions) exhibit.Table {
	t := exhibit.Table{Header: []string{"series", "constant_input", "v_or_t", "u"}}
	lo, hi := mapRange(d, o)
	for _, x := range o.constants() {
		for _, v := range (Range{lo, hi}).grid(401) {
			t.Add("map", x, v, d.At(v)+x)
		}
		for _, p := range fixedPoints(d.Map, x) {
			t.Add("fixed point, "+stability(p.Stable()), x, p.V, p.V)
		}
	}
	for _, start := range o.Starts {
		x, y, spikeV, spikeU := cobweb(d, o.Input, start)
		for i := range x {
			t.Add("trajectory from "+exact(start), o.Input, x[i], y[i])
		}
		for i := range spikeV {
			t.Add("spike of the trajectory from "+exact(start), o.Input, spikeV[i], spikeU[i])
		}
	}
	s.StepResponse.addTo(&t, "step")
	s.ImpulseResponse.addTo(&t, "impulse")
	return t
}

func (r Response) addTo(t *exhibit.Table, name string) {
	for i, x := range r.Input {
		t.Add(name+" input", nil, float64(i+1), x)
	}
	trace := func(of string, c Trace) {
		for i, u := range c.Potential {
			t.Add(name+" response"+of, nil, float64(i+1), u)
		}
		for _, at := range c.Spikes {
			t.Add(name+" spikes"+of, nil, float64(at), nil)
		}
	}
	trace("", r.Neuron)
	if r.Beside != nil {
		trace(" beside", *r.Beside)
	}
}

// table holds a response, a row for each step.
func (r Response) table() exhibit.Table {
	t := exhibit.Table{Header: []string{"t", "input", "potential", "spike", "beside_potential", "beside_spike"}}
	for i, x := range r.Input {
		row := []any{i + 1, x, r.Neuron.Potential[i], slices.Contains(r.Neuron.Spikes, i+1), nil, nil}
		if r.Beside != nil {
			row[4], row[5] = r.Beside.Potential[i], slices.Contains(r.Beside.Spikes, i+1)
		}
		t.Add(row...)
	}
	return t
}

func (s *Dynamics) regimeTable() exhibit.Table {
	t := exhibit.Table{Header: []string{"parameter", "value", "input", "state", "period", "spikes", "rate"}}
	for _, rm := range s.RegimeMaps {
		for row, x := range rm.Inputs {
			for column, v := range rm.Values {
				r := rm.regimes[row][column]
				t.Add(rm.Parameter, v, x, string(r.State), periodCell(r), r.Spikes, r.Rate)
			}
		}
	}
	return t
}

func periodCell(r neuron.Regime) any {
	if r.Period == 0 {
		return nil
	}
	return r.Period
}

func (s *Dynamics) rateTable() exhibit.Table {
	t := exhibit.Table{Header: []string{"input", "state", "period", "spikes", "rate", "beside_rate"}}
	for _, a := range s.ConstantInput {
		t.Add(a.Input, string(a.State), periodCell(a.regime), a.Spikes, a.Rate, a.BesideRate)
	}
	return t
}

func (s *Dynamics) contrastTable() exhibit.Table {
	t := exhibit.Table{Header: []string{"neuron", "from", "to", "before", "first", "peak", "steady", "contrast", "spikes", "rate"}}
	add := func(name string, to float64, c ChangeResponse) {
		var spikes any
		if c.Spikes != nil {
			spikes = *c.Spikes
		}
		t.Add(name, s.Change.From, to, c.Before, c.First, c.Peak, c.Steady, c.Contrast, spikes, c.Rate)
	}
	for _, p := range s.Change.Curve {
		add(s.Neuron, p.To, p.Neuron)
		if p.Beside != nil {
			add("beside", p.To, *p.Beside)
		}
	}
	return t
}

func (s *Dynamics) reboundTable() exhibit.Table {
	t := exhibit.Table{Header: []string{"input_sd", "rate", "share", "standard_error", "rate_integrated", "share_integrated"}}
	for _, p := range s.Rebound.Points {
		t.Add(p.InputSD, p.Rate, p.Share, p.StandardError, p.IntegratedRate, p.IntegratedShare)
	}
	return t
}
