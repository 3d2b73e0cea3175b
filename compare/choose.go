package compare

import (
	"slices"

	"github.com/qif-snn/qif/recipe"
)

// TuningLog is what tuning tried for a side.
type TuningLog struct {
	Side   string  `json:"side"`
	Ranges Space   `json:"ranges"` // searched, by field
	Trials []Trial `json:"trials"`
	Chosen int     `json:"chosen"` // index of the trial; −1: all failed, and the side stays as it is
}

// Trial is one setting that was tried.
type Trial struct {
	Set     map[string]string `json:"set"` // of the fields searched
	Seeds   []uint64          `json:"seeds"`
	Vals    []float64         `json:"val_accuracies"` // for each seed
	Val     float64           `json:"val_accuracy"`   // mean over seeds
	ValLoss float64           `json:"val_loss"`
	Failed  string            `json:"failed,omitempty"`
}

// better says whether a trial is to be preferred: by validation accuracy, then by
// loss.
func (t Trial) better(than Trial) bool {
	switch {
	case (t.Failed == "") != (than.Failed == ""):
		return t.Failed == ""
	case t.Val != than.Val:
		return t.Val > than.Val
	}
	return t.ValLoss < than.ValLoss
}

// choose returns what was tried for each side, and the sides with the settings
// that did best on validation; of equals the first.
func choose(sides []Side, done []outcome) ([]TuningLog, []Side) {
	if len(done) == 0 {
		return nil, sides
	}
	var logs []TuningLog
	tuned := slices.Clone(sides)
	for i, side := range sides {
		l := TuningLog{Side: side.Name, Ranges: Space{}, Chosen: -1}
		for _, key := range side.Space.searched() {
			l.Ranges[key] = side.Space[key]
		}
		for _, o := range done {
			if o.Side == i {
				l.add(o)
			}
		}
		for k := range l.Trials {
			t := &l.Trials[k]
			n := float64(len(t.Seeds))
			t.Val, t.ValLoss = t.Val/n, t.ValLoss/n
			if t.Failed == "" && (l.Chosen < 0 || t.better(l.Trials[l.Chosen])) {
				l.Chosen = k
			}
		}
		if l.Chosen >= 0 {
			tuned[i] = side.with(l.Trials[l.Chosen].Set)
		}
		logs = append(logs, l)
	}
	return logs, tuned
}

// add counts one run of a trial.
func (l *TuningLog) add(o outcome) {
	for len(l.Trials) <= o.Trial {
		l.Trials = append(l.Trials, Trial{Set: map[string]string{}})
	}
	t := &l.Trials[o.Trial]
	values := valuesOf(o.Recipe)
	for key := range l.Ranges {
		t.Set[key] = values[key]
	}
	t.Seeds = append(t.Seeds, o.Recipe.Seed)
	if f := o.failed(); f != "" {
		t.Failed = f
		return
	}
	t.Vals = append(t.Vals, o.record.Val)
	t.Val += o.record.Val
	t.ValLoss += o.record.ValLoss
}

// with returns the side with values that a trial tried, which its recipe takes.
func (s Side) with(values map[string]string) Side {
	for _, key := range s.Space.searched() {
		s.Set = append(slices.Clone(s.Set), recipe.Setting{Key: key, Value: values[key]})
	}
	r, err := s.Recipe.With(s.Set...)
	if err != nil {
		panic(err) // the trial was made with them
	}
	s.Recipe = r
	return s
}
