package compare

import (
	"fmt"
	"maps"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/qif-snn/qif/compare/paired"
	"github.com/qif-snn/qif/recipe"
)

// Outcome is everything that a comparison found. Accuracies and rates are
// fractions.
type Outcome struct {
	Recipe      string        `json:"recipe"`
	Data        string        `json:"data"`
	Seeds       []uint64      `json:"seeds"`
	Baseline    string        `json:"baseline,omitempty"`
	Sides       []SideOutcome `json:"sides"`
	Differences []Difference  `json:"differences"`
	Tuning      []TuningLog   `json:"tuning,omitempty"`
	Failures    []Failure     `json:"failures"`
	Notes       []string      `json:"notes"` // what a reader must know
	Origin      Origin        `json:"origin"`
}

// SideOutcome is how a side did.
type SideOutcome struct {
	Name   string            `json:"name"`
	Set    map[string]string `json:"set"` // what it sets beside what is set for all, tuning's choice included
	Neuron string            `json:"neuron"`
	Params int64             `json:"params"`
	MACs   int64             `json:"macs"` // per sample and time step

	Test    Summary   `json:"test_accuracy"`
	Val     Summary   `json:"val_accuracy"`
	PerStep []Summary `json:"test_accuracy_per_step"` // as train.Evaluation has it
	PerPass []Summary `json:"val_accuracy_per_epoch"`
	Rate    Summary   `json:"firing_rate"` // spikes per neuron and step, over all layers
	Layers  []Layer   `json:"layers"`      // mean rates over seeds
	Seconds *float64  `json:"seconds"`     // mean of the runs made in one go

	Runs []Record `json:"runs"`
}

// Summary is a mean over runs; without runs it is 0 of 0.
type Summary struct {
	N    int      `json:"n"`
	Mean float64  `json:"mean"`
	SD   *float64 `json:"sd"` // n − 1 in the denominator; nil for fewer than two
}

func summarise(vs []float64) Summary {
	s := Summary{N: len(vs)}
	switch {
	case s.N == 1:
		s.Mean = vs[0]
	case s.N > 1:
		mean, sd := stat.MeanStdDev(vs, nil)
		s.Mean, s.SD = mean, &sd
	}
	return s
}

// Difference is the test accuracy of one side minus that of another, over the
// seeds that both have.
type Difference struct {
	Side    string    `json:"side"`
	Minus   string    `json:"minus"`
	Seeds   []uint64  `json:"seeds"`
	Values  []float64 `json:"values"`
	PerStep []float64 `json:"per_step,omitempty"` // mean difference at t = 1..T, where both have as many
	paired.Result
	// Corrected for the number of comparisons by Holm's rule.
	HolmT        *float64 `json:"p_t_holm"`
	HolmSignFlip *float64 `json:"p_sign_flip_holm"`
	HolmWilcoxon *float64 `json:"p_wilcoxon_holm"`
}

// Failure is a run without results.
type Failure struct {
	Run  string `json:"run"`
	Text string `json:"text"`
}

// Origin says where numbers come from. Lists hold what differs between runs.
type Origin struct {
	DataSHA256 []string          `json:"data_sha256"`
	Splits     map[string]string `json:"split_sha256"` // by seed
	TestImages int               `json:"test_images"`
	Engines    []string          `json:"engines"`
	Versions   []string          `json:"versions"`
}

// conclude computes the outcome from what became of the final runs.
func conclude(p *Plan, sides []Side, logs []TuningLog, done []outcome) (*Outcome, error) {
	o := &Outcome{
		Recipe: orElse(p.Spec.Recipe, recipe.Default().Name), Seeds: p.Seeds, Baseline: p.Spec.Baseline, Tuning: logs,
		Failures: []Failure{}, Notes: []string{},
	}
	for _, l := range logs {
		for k, t := range l.Trials {
			if t.Failed != "" {
				o.Failures = append(o.Failures, Failure{fmt.Sprintf("%s trial %d", l.Side, k+1), t.Failed})
			}
		}
	}
	for i, side := range sides {
		s := SideOutcome{Name: side.Name, Set: map[string]string{}, Layers: []Layer{}, Runs: []Record{}}
		for _, set := range side.Set {
			s.Set[set.Key] = set.Value
		}
		for _, d := range done {
			if d.Side != i {
				continue
			}
			if f := d.failed(); f != "" {
				o.Failures = append(o.Failures, Failure{d.Task.String(), f})
				continue
			}
			r := *d.record
			r.Side = side.Name // who made it may have had another
			s.Runs = append(s.Runs, r)
		}
		s.summarise()
		o.Sides = append(o.Sides, s)
	}
	if err := o.differences(p); err != nil {
		return nil, err
	}
	o.origin()
	o.note(p)
	return o, nil
}

// summarise computes the means over the side's runs.
func (s *SideOutcome) summarise() {
	each := func(f func(*Record) float64) Summary {
		var vs []float64
		for i := range s.Runs {
			vs = append(vs, f(&s.Runs[i]))
		}
		return summarise(vs)
	}
	s.Test = each(func(r *Record) float64 { return *r.Test })
	s.Val = each(func(r *Record) float64 { return r.Val })
	s.Rate = each((*Record).rate)
	if len(s.Runs) == 0 {
		return
	}
	first := &s.Runs[0]
	s.Neuron, s.Params, s.MACs = first.Neuron, first.Params, first.MACs
	for t := range first.PerStep {
		s.PerStep = append(s.PerStep, each(func(r *Record) float64 { return r.PerStep[t] }))
	}
	for e := range first.Epochs {
		s.PerPass = append(s.PerPass, each(func(r *Record) float64 { return r.Epochs[e].Val }))
	}
	for i, l := range first.Layers {
		mean := Layer{l.Node, l.Neurons, nil}
		for t := range l.Rates {
			mean.Rates = append(mean.Rates, each(func(r *Record) float64 { return r.Layers[i].Rates[t] }).Mean)
		}
		s.Layers = append(s.Layers, mean)
	}
	var times []float64
	for _, r := range s.Runs {
		if !r.Resumed {
			times = append(times, r.Seconds)
		}
	}
	if len(times) > 0 {
		mean := stat.Mean(times, nil)
		s.Seconds = &mean
	}
}

// rate is the mean number of spikes per neuron and step.
func (r *Record) rate() float64 {
	spikes, places := 0., 0.
	for _, l := range r.Layers {
		for _, rate := range l.Rates {
			spikes += rate * float64(l.Neurons)
			places += float64(l.Neurons)
		}
	}
	if places == 0 {
		return 0
	}
	return spikes / places
}

// bySeed returns the side's runs by their seed.
func (s *SideOutcome) bySeed() map[uint64]*Record {
	m := map[uint64]*Record{}
	for i := range s.Runs {
		m[s.Runs[i].Seed] = &s.Runs[i]
	}
	return m
}

// differences tests every pair, or every side against the baseline.
func (o *Outcome) differences(p *Plan) error {
	o.Differences = []Difference{}
	for i := range o.Sides {
		for j := range o.Sides {
			if p.Baseline < 0 && i < j || p.Baseline == j && i != j {
				if err := o.difference(&o.Sides[i], &o.Sides[j]); err != nil {
					return err
				}
			}
		}
	}
	correct := func(of func(*Difference) *float64, to func(*Difference) **float64) {
		ps := make([]*float64, len(o.Differences))
		for i := range o.Differences {
			ps[i] = of(&o.Differences[i])
		}
		for i, q := range paired.Holm(ps) {
			*to(&o.Differences[i]) = q
		}
	}
	correct(func(d *Difference) *float64 { return d.PT }, func(d *Difference) **float64 { return &d.HolmT })
	correct(func(d *Difference) *float64 { return d.PSignFlip }, func(d *Difference) **float64 { return &d.HolmSignFlip })
	correct(func(d *Difference) *float64 { return d.PWilcoxon }, func(d *Difference) **float64 { return &d.HolmWilcoxon })
	return nil
}

// difference compares two sides where they share seeds.
func (o *Outcome) difference(a, b *SideOutcome) error {
	d := Difference{Side: a.Name, Minus: b.Name}
	ra, rb := a.bySeed(), b.bySeed()
	for _, seed := range o.Seeds {
		x, y := ra[seed], rb[seed]
		if x == nil || y == nil {
			continue
		}
		d.Seeds, d.Values = append(d.Seeds, seed), append(d.Values, *x.Test-*y.Test)
		if len(x.PerStep) != len(y.PerStep) {
			continue
		}
		if d.PerStep == nil {
			d.PerStep = make([]float64, len(x.PerStep))
		}
		for t := range x.PerStep {
			d.PerStep[t] += x.PerStep[t] - y.PerStep[t]
		}
	}
	if len(d.Values) == 0 {
		return nil // the failures say why
	}
	for t := range d.PerStep {
		d.PerStep[t] /= float64(len(d.Values))
	}
	var err error
	if d.Result, err = paired.Test(d.Values); err != nil {
		return fmt.Errorf("%s minus %s: %w", a.Name, b.Name, err)
	}
	o.Differences = append(o.Differences, d)
	return nil
}

// origin collects where the runs' numbers come from.
func (o *Outcome) origin() {
	g := Origin{DataSHA256: []string{}, Splits: map[string]string{}, Engines: []string{}, Versions: []string{}}
	add := func(to *[]string, v string) {
		if v != "" && !slices.Contains(*to, v) {
			*to = append(*to, v)
		}
	}
	for _, s := range o.Sides {
		for _, r := range s.Runs {
			if o.Data == "" {
				o.Data, g.TestImages = r.Data, r.Tests
			}
			add(&g.DataSHA256, r.SHA256)
			add(&g.Engines, r.Engine)
			add(&g.Versions, r.Version)
			seed := fmt.Sprint(r.Seed)
			if g.Splits[seed] == "" {
				g.Splits[seed] = r.Split
			}
		}
	}
	o.Origin = g
}

// notes say what the numbers can show and what they cannot.
func (o *Outcome) note(p *Plan) {
	say := func(format string, args ...any) { o.Notes = append(o.Notes, fmt.Sprintf(format, args...)) }
	if n := len(o.Failures); n > 0 {
		say("%d of the runs have no results; differences are over the seeds that both sides have.", n)
	}
	fewest := len(p.Seeds)
	for _, d := range o.Differences {
		fewest = min(fewest, d.N)
	}
	if m := len(o.Differences); m > 0 {
		least, want := min(1, paired.SmallestP(fewest)*float64(m)), paired.PairsFor(.05/float64(m))
		if least > .05 {
			of := ""
			if m > 1 {
				of = fmt.Sprintf(", corrected for %d comparisons", m)
			}
			say("With %d pairs the smallest p that sign flips and Wilcoxon's test can give is %s%s; to reach .05 they need %d pairs.", fewest, probability(&least), of, want)
		}
	}
	say("Intervals and p-values are about other seeds (which draw split, initialisation, order and dropout), on the same test images.")
	if p.Tune.Trials == 0 {
		say("No side was tuned: a difference may be one of how well the settings suit each side.")
	}
	for i := range o.Differences {
		if d := &o.Differences[i]; d.Equal == d.N && o.same(d.Side, d.Minus) {
			say("Tuning led %s and %s to the same settings.", d.Side, d.Minus)
		}
	}
	o.mixtures(say)
}

// same says whether two sides were made with the same recipe.
func (o *Outcome) same(a, b string) bool {
	recipes := map[string]map[string]string{}
	for _, s := range o.Sides {
		if len(s.Runs) > 0 {
			recipes[s.Name] = maps.Clone(s.Runs[0].Recipe)
			delete(recipes[s.Name], "seed")
		}
	}
	return maps.Equal(recipes[a], recipes[b])
}

// mixtures notes where runs that are compared were not made alike.
func (o *Outcome) mixtures(say func(string, ...any)) {
	splits := map[uint64]string{}
	differ := map[uint64]bool{}
	for _, s := range o.Sides {
		for _, r := range s.Runs {
			if old, ok := splits[r.Seed]; ok && old != r.Split {
				differ[r.Seed] = true
			}
			splits[r.Seed] = r.Split
		}
	}
	if len(differ) > 0 {
		say("Sides do not share data or split with seeds %s: they are paired by seed alone.", formatSeeds(slices.Sorted(maps.Keys(differ))))
	}
	if n := len(o.Origin.Engines); n > 1 {
		say("Runs were made by %d engines or kinds of processor, which round differently.", n)
	}
	if n := len(o.Origin.Versions); n > 1 {
		say("Runs were made by %d versions of the program.", n)
	}
}
