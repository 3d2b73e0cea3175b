package analysis

import (
	"github.com/qif-snn/qif/neuron"
)

// AtRest is what a neuron does from rest, v[0] = the reset value, under one
// constant input.
type AtRest struct {
	Input  float64      `json:"input"`
	State  neuron.State `json:"state"`
	Period *int         `json:"period"` // steps after which the potential repeats
	Spikes int          `json:"spikes"` // per period, or in all if it fires transiently
	Rate   float64      `json:"rate"`   // spikes per step in the long run
	// BesideRate is the rate of the neuron beside it.
	BesideRate *float64 `json:"beside_rate"`

	regime, beside neuron.Regime
}

func atRest(d neuron.Dynamics, x float64) AtRest {
	r := d.Regime(x)
	a := AtRest{Input: x, State: r.State, Spikes: r.Spikes, Rate: r.Rate, regime: r}
	if r.Period > 0 {
		a.Period = &r.Period
	}
	return a
}

// grid returns n evenly spaced numbers of a range, with its ends.
func (r Range) grid(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = r.Lo + (r.Hi-r.Lo)*float64(i)/float64(n-1)
	}
	return v
}

// chunk is how many inputs a task of a scan takes.
const chunk = 32

// scanConstantInput returns tasks that find out what happens from rest over the
// range of constant inputs.
func (s *Dynamics) scanConstantInput(subjects []subject, o DynamicsOptions) []func() {
	xs := o.Ranges["x"].grid(4*(o.Grid-1) + 1)
	s.ConstantInput = make([]AtRest, len(xs))
	var tasks []func()
	for first := 0; first < len(xs); first += chunk {
		tasks = append(tasks, func() {
			for i := first; i < min(first+chunk, len(xs)); i++ {
				a := atRest(subjects[0].d, xs[i])
				if len(subjects) > 1 {
					a.beside = subjects[1].d.Regime(xs[i])
					a.BesideRate = &a.beside.Rate
				}
				s.ConstantInput[i] = a
			}
		})
	}
	return tasks
}

// A RegimeMap says what a neuron does from rest over a parameter and the
// constant input.
type RegimeMap struct {
	Parameter string    `json:"parameter"`
	Values    []float64 `json:"values"` // of the parameter
	Inputs    []float64 `json:"inputs"`
	// Rows holds a row for each input, with a symbol for each value of the
	// parameter, which Symbols explains.
	Rows    []string          `json:"rows"`
	Symbols map[string]string `json:"symbols"`

	regimes [][]neuron.Regime // [input][value]
	current float64           // the neuron's own value
	at      func(v float64) neuron.Dynamics
}

// scanMaps returns tasks that make the regime maps, a row each.
func (s *Dynamics) scanMaps(m neuron.Model, o DynamicsOptions) []func() {
	names := mapParams(m.Form)
	s.RegimeMaps = make([]RegimeMap, len(names))
	var tasks []func()
	for i, name := range names {
		rm := &s.RegimeMaps[i]
		*rm = RegimeMap{
			Parameter: name, Values: o.Ranges[name].grid(o.Grid), Inputs: o.Ranges["x"].grid(o.Grid),
			Rows: make([]string, o.Grid), Symbols: symbols, regimes: make([][]neuron.Regime, o.Grid),
			current: m.Params[name], at: varied(m, name),
		}
		for row := range rm.Inputs {
			tasks = append(tasks, func() { rm.scan(row) })
		}
	}
	return tasks
}

func (rm *RegimeMap) scan(row int) {
	regimes := make([]neuron.Regime, len(rm.Values))
	text := make([]byte, len(rm.Values))
	for i, v := range rm.Values {
		regimes[i] = rm.at(v).Regime(rm.Inputs[row])
		text[i] = symbol(regimes[i])
	}
	rm.regimes[row], rm.Rows[row] = regimes, string(text)
}

// varied returns the model, which is valid, with other values of a parameter.
// What Validate would refuse is looked at all the same: the map shows why.
func varied(m neuron.Model, name string) func(v float64) neuron.Dynamics {
	f, _ := neuron.FormNamed(m.Form)
	d, _ := m.Dynamics()
	return func(v float64) neuron.Dynamics {
		vals, _ := m.Values()
		for i, p := range f.Params {
			if p.Name == name {
				vals[i] = v
			}
		}
		out := d
		out.Map = f.Map(vals)
		return out
	}
}

// symbols explains the symbols of regimes in text.
var symbols = map[string]string{
	".": "rests", "~": "rests after a damped oscillation", "_": "rests at the floor", "=": "2-cycle below θ", "#": "longer cycle or chaos below θ",
	":": "fires at first, then no more", "1": "fires at every step", "2": "fires at every 2nd step, and so on to 9", "+": "fires in longer or other patterns",
	"*": "fires irregularly", "!": "escapes", "?": "undecided",
}

func symbol(r neuron.Regime) byte {
	switch r.State {
	case neuron.Rests:
		return '.'
	case neuron.Alternates:
		return '~'
	case neuron.AtFloor:
		return '_'
	case neuron.Cycles:
		if r.Period == 2 {
			return '='
		}
		return '#'
	case neuron.Irregular:
		return '#'
	case neuron.FiresTransient:
		return ':'
	case neuron.Fires:
		if r.Spikes == 1 && r.Period <= 9 {
			return '0' + byte(r.Period)
		}
		return '+'
	case neuron.FiresIrregular:
		return '*'
	case neuron.Escapes:
		return '!'
	}
	return '?'
}
